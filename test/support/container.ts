/**
 * Starts an unpacked image as a kubelet and its container engine do, by what the pod's spec says: user, groups,
 * capabilities, read-only root, volumes. Seccomp is left out: no engine, no profile. Needs root.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Image } from './image.ts';
import type { Namespace } from './netns.ts';
import { type Child, type Exit, startChild, until } from './process.ts';
import { findCommand } from './provision.ts';
import type { Cleanup } from './server.ts';
import { tempFolder } from './temp.ts';

/** What is read of a pod's spec. */
export interface PodSpec {
  readonly securityContext: {
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly fsGroup: number;
  };
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [
    {
      readonly args: readonly string[];
      readonly securityContext: {
        readonly allowPrivilegeEscalation: boolean;
        readonly readOnlyRootFilesystem: boolean;
        readonly capabilities: { readonly drop: readonly string[] };
      };
      readonly volumeMounts: readonly {
        readonly name: string;
        readonly mountPath: string;
        readonly readOnly?: boolean;
      }[];
    },
  ];
}

export interface ContainerOptions {
  readonly image: Image;
  readonly pod: PodSpec;
  /** Folders by the names of the pod's volumes; one without a folder is empty and in memory. */
  readonly volumes: Readonly<Record<string, string>>;
  /** What is mounted at the ServiceAccount's place. */
  readonly serviceAccount?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly network: Namespace;
}

export interface Container {
  readonly child: Child;
  /** As seen from here; inside it is 1. */
  readonly pid: number;
  /** A field of /proc/PID/status. */
  status(field: string): string;
  /** `kubectl exec` */
  exec(command: string, ...args: readonly string[]): Child;
  /** What to put in front of a command, given by its path inside, to run it there. */
  readonly enter: readonly string[];
  /** As the kubelet does: SIGTERM, and SIGKILL after the pod's grace period. */
  stop(): Promise<Exit>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Where the program stands that gives up all rights, as an engine brings its own. */
const RUNTIME = '/.runtime';

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Resolves when the process has started. */
export async function startContainer(test: Cleanup, options: ContainerOptions): Promise<Container> {
  const { image, pod, volumes, serviceAccount, env = {}, network } = options;
  const { root, config } = image;
  const [{ args, securityContext, volumeMounts }] = pod.containers;
  const { runAsUser, runAsGroup, fsGroup } = pod.securityContext;
  const runtime = copyRuntime();
  const script = ['set -eu', `mount --bind ${root} ${root}`];
  const mount = (path: string, how: string) =>
    script.push(`mkdir -p ${root}${path}; mount ${how} ${root}${path}`);
  mount('/proc', '-t proc proc');
  mount('/dev', '-t tmpfs -o mode=755 tmpfs');
  for (const device of ['null', 'zero', 'random', 'urandom']) {
    script.push(`touch ${root}/dev/${device}; mount --bind /dev/${device} ${root}/dev/${device}`);
  }
  mount(RUNTIME, `--bind ${runtime.folder}`);
  for (const { name, mountPath, readOnly = false } of volumeMounts) {
    const folder = volumes[name];
    if (folder === undefined) mount(mountPath, `-t tmpfs -o mode=2770,gid=${fsGroup} tmpfs`);
    else {
      // the kubelet gives a volume to fsGroup
      script.push(`chgrp -R ${fsGroup} ${folder}; chmod ${readOnly ? 2750 : 2770} ${folder}`);
      mount(mountPath, `--bind ${readOnly ? '-o ro' : ''} ${folder}`);
    }
  }
  if (serviceAccount !== undefined) {
    script.push(`chgrp -R ${fsGroup} ${serviceAccount}; chmod 2750 ${serviceAccount}`);
    script.push(`chmod 640 ${serviceAccount}/*`);
    mount(SERVICE_ACCOUNT, `--bind -o ro ${serviceAccount}`);
  }
  if (securityContext.readOnlyRootFilesystem) script.push(`mount -o remount,bind,ro ${root}`);
  const drops = securityContext.capabilities.drop.includes('ALL');
  const become = [
    ...runtime.setpriv,
    // a change of user forgets what `unshare --kill-child` would say
    '--pdeathsig=KILL',
    `--reuid=${runAsUser}`,
    `--regid=${runAsGroup}`,
    `--groups=${fsGroup}`,
    ...(securityContext.allowPrivilegeEscalation ? [] : ['--no-new-privs']),
    ...(drops ? ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'] : []),
    '--',
  ];
  const variables = [...config.Env, ...Object.entries(env).map(([key, value]) => `${key}=${value}`)];
  // the image has no shell: its entry point is looked for in its PATH here
  const path = variables.find((one) => one.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  const command = [...config.Entrypoint, ...args].map((word, i) => (i === 0 ? join(path, word) : word));
  script.push(
    `exec env -i ${[...variables, program('unshare'), `--root=${root}`, `--wd=${config.WorkingDir}`, ...become, ...command].map(quote).join(' ')}`,
  );
  const isolated = ['--mount', '--propagation', 'private', '--pid', '--ipc', '--uts', '--fork'];
  const child = network.run('unshare', [...isolated, '/bin/sh', '-c', script.join('\n')], {
    name: 'container',
  });
  test.after(() => child.kill());
  let pid = 0;
  await until('the container runs its program', () => {
    if (!child.running) throw new Error(`the container ended: ${child.output()}`);
    pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'));
    return pid > 0 && exeOf(pid).endsWith('/usr/local/bin/node');
  });
  const within = ['--target', String(pid), '--mount', '--pid', '--net', '--root', '--wd'];
  const enter = ['env', '-i', ...variables, program('nsenter'), ...within, ...become];
  return {
    child,
    pid,
    enter,
    status: (field) => {
      const text = readFileSync(`/proc/${pid}/status`, 'utf8');
      return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
    },
    exec: (name, ...rest) => {
      const [first = '', ...argv] = enter;
      return startChild(first, [...argv, join(path, name), ...rest], { name: `exec ${name}` });
    },
    stop: async () => {
      // the test's own child is `unshare`, which passes no signal on
      process.kill(pid, 'SIGTERM');
      const timer = setTimeout(() => child.signal('SIGKILL'), pod.terminationGracePeriodSeconds * 1000);
      const exit = await child.exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

/** What process runs; empty while it cannot be told. */
function exeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

/** Its path: the image's PATH is not this machine's. */
function program(name: string): string {
  const path = findCommand(name);
  if (path === null) throw new Error(`${name} is missing (Debian package util-linux)`);
  return path;
}

/** setpriv with its libraries, to be run where there are none. */
function copyRuntime(): { readonly folder: string; readonly setpriv: readonly string[] } {
  const folder = tempFolder('runtime');
  const setpriv = program('setpriv');
  const libraries = spawnSync('ldd', [setpriv], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? [];
  for (const file of [setpriv, ...libraries]) copyFileSync(file, join(folder, basename(file)));
  const loader = libraries.find((file) => basename(file).startsWith('ld-linux')) ?? '';
  const inside = (file: string) => join(RUNTIME, basename(file));
  return { folder, setpriv: [inside(loader), '--library-path', RUNTIME, inside(setpriv)] };
}
