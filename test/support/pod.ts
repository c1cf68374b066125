/** Resolves names as a program in a pod does: with the kubelet's resolv.conf, by the C libraries and the JVM. Needs root. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Namespace } from './netns.ts';
import { resolverFiles, withOwnFiles } from './own-files.ts';
import { type Launch, runToEnd, startChild } from './process.ts';
import { tempFolder } from './temp.ts';

export interface PodResolver {
  /** Port 53 of an address: resolv.conf has no ports. */
  readonly nameserver: string | readonly string[];
  /** Kubernetes' namespace; default `default`. */
  readonly namespace?: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Default: the three of the namespace and the cluster, and one that the node has: `node.example.internal`. */
  readonly search?: readonly string[];
  /** Default 5. */
  readonly ndots?: number;
  /** More options, `timeout:1 attempts:1` for instance. */
  readonly options?: string;
  /** The network namespace that it runs in; default: the test's. */
  readonly within?: Namespace;
}

export interface Resolution {
  /** Each once, in the order of the library. */
  readonly addresses: readonly string[];
  /** Why there are none, in the words of the library; empty when there are. */
  readonly error: string;
  readonly ms: number;
}

/** glibc as in Debian, musl as in Alpine, and the JVM. */
export const LIBRARIES = ['glibc', 'musl', 'jvm'] as const;
export type Library = (typeof LIBRARIES)[number];

/** What the kubelet writes into a pod. */
export function podResolvConf({
  nameserver,
  namespace = 'default',
  clusterDomain = 'cluster.local',
  search = [
    `${namespace}.svc.${clusterDomain}`,
    `svc.${clusterDomain}`,
    clusterDomain,
    'node.example.internal',
  ],
  ndots = 5,
  options = '',
}: PodResolver): string {
  return [
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...[nameserver].flat().map((address) => `nameserver ${address}`),
    `options ndots:${ndots} ${options}`.trim(),
    '',
  ].join('\n');
}

/** Starts a command as in that pod. */
export function inPod(pod: PodResolver): Launch {
  const files = {
    ...resolverFiles(podResolvConf(pod)),
    // a pod finds its own name without DNS
    '/etc/hosts': `127.0.0.1 localhost ${hostname()}\n::1 localhost\n`,
  };
  const start: Launch = pod.within?.run ?? startChild;
  return (command, args, options) => {
    const [program, argv] = withOwnFiles(files, command, args);
    return start(program, argv, { name: command, ...options });
  };
}

/** Resolves a name as a program in that pod does, for an address of either family. */
export async function resolveInPod(library: Library, name: string, pod: PodResolver): Promise<Resolution> {
  const [command, ...args] = await PROGRAMS[library]();
  const began = performance.now();
  const { code, stdout, stderr } = await runToEnd(command, [...args, name], { launch: inPod(pod) });
  const ms = performance.now() - began;
  const lines = stdout.split('\n').map((line) => line.split(/\s/)[0] ?? '');
  const addresses = code === 0 ? [...new Set(lines.filter((line) => line !== ''))] : [];
  return { addresses, ms, error: code === 0 ? '' : stderr.trim() || `no address (status ${code})` };
}

const source = (file: string): string => join(import.meta.dirname, 'resolvers', file);

const PROGRAMS: Readonly<Record<Library, () => Promise<readonly [string, ...string[]]>>> = {
  glibc: async () => ['getent', 'ahosts'],
  musl: async () => {
    musl ??= compileForMusl();
    return [await musl];
  },
  jvm: async () => {
    jvm ??= compileForJvm();
    return ['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', await jvm, 'Resolve'];
  },
};

let musl: Promise<string> | undefined;
let jvm: Promise<string> | undefined;

async function compileForMusl(): Promise<string> {
  const program = join(tempFolder('musl'), 'resolve');
  const { code, stderr } = await runToEnd('musl-gcc', ['-static', '-o', program, source('resolve.c')]);
  if (code !== 0) throw new Error(`musl-gcc: ${stderr}`);
  return program;
}

async function compileForJvm(): Promise<string> {
  const folder = tempFolder('jvm');
  const { code, stderr } = await runToEnd('javac', ['-d', folder, source('Resolve.java')]);
  if (code !== 0) throw new Error(`javac: ${stderr}`);
  return folder;
}
