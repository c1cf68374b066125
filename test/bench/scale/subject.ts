/** A server that is measured: a commit of this repository in a process of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../support/ports.ts';
import { runToEnd, startChild } from '../../support/process.ts';
import { tempFolder } from '../../support/temp.ts';
import { ZONE } from './interfaces.ts';

export interface Subject {
  /** Its rows in the tables. */
  readonly title: string;
  /** Starts it in a folder, where its store is, and does not wait for anything. */
  start(folder: string, registries: string): Promise<RunningSubject>;
}

export interface RunningSubject {
  readonly pid: number;
  readonly dnsPort: number;
  /** Seconds from its start until /ready says 200. */
  untilReady(): Promise<number>;
  /** What /ready says now, and with which status; undefined while nobody answers. */
  ready(): Promise<{ status: number; text: string } | undefined>;
  stop(): Promise<void>;
}

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const READY_POLL_MS = 50;
const READY_DEADLINE_MS = 900_000;

/** What stands in the working folder. */
export function ours(): Subject {
  return subjectIn('rpc-dns', repository);
}

/** Ours, with a registry that makes up its interfaces. */
export function oursGenerated(): Subject {
  return subjectIn('rpc-dns', repository, 'test/bench/scale/generated-server.ts');
}

/** Checks a commit out beside ours, until this process ends in whatever way. */
export async function checkedOut(commit: string): Promise<Subject> {
  const { stdout } = await git('rev-parse', '--short', `${commit}^{commit}`);
  const folder = join(tempFolder('beside'), 'checkout');
  await git('worktree', 'add', '--detach', folder, stdout.trim());
  // the folder goes with this process; git has to forget it, too
  process.on('exit', () => spawnSync('git', ['-C', repository, 'worktree', 'remove', '--force', folder]));
  symlinkSync(realpathSync(join(repository, 'node_modules')), join(folder, 'node_modules'));
  return subjectIn(stdout.trim(), folder);
}

function subjectIn(title: string, root: string, file = 'src/main.ts'): Subject {
  const main = join(root, file);
  if (!existsSync(main)) throw new Error(`${title} has no ${file}`);
  return { title, start: (folder, registries) => start(main, folder, registries) };
}

async function start(main: string, folder: string, registries: string): Promise<RunningSubject> {
  const [dnsPort = 0, httpPort = 0] = await freePorts(2);
  mkdirSync(folder, { recursive: true });
  const lines = [
    `zone: ${ZONE}`,
    `listen: { dns: ["127.0.0.1:${dnsPort}"], http: "127.0.0.1:${httpPort}" }`,
    'store: { kind: sqlite, path: rpc-dns.db }',
    'control: rpc-dns.sock',
    `registries: ${registries}`,
  ];
  writeFileSync(join(folder, 'rpc-dns.yaml'), `${lines.join('\n')}\n`);
  const startedAt = performance.now();
  const child = startChild(process.execPath, [main, 'serve', '-c', 'rpc-dns.yaml'], {
    name: 'rpc-dns',
    cwd: folder,
  });
  const ready = async () => {
    if (!child.running) throw new Error(`rpc-dns ended:\n${child.output()}`);
    try {
      const response = await fetch(`http://127.0.0.1:${httpPort}/ready`);
      return { status: response.status, text: await response.text() };
    } catch {
      return undefined;
    }
  };
  return {
    pid: child.pid,
    dnsPort,
    ready,
    async untilReady() {
      for (;;) {
        const reply = await ready();
        const tookMs = performance.now() - startedAt;
        if (reply?.status === 200) return tookMs / 1_000;
        if (tookMs > READY_DEADLINE_MS) throw new Error(`not ready: ${reply?.text}\n${child.output()}`);
        await sleep(READY_POLL_MS);
      }
    },
    stop: async () => void (await child.stop({ deadlineMs: 60_000 })),
  };
}

async function git(...args: string[]): Promise<{ stdout: string }> {
  const { code, stdout, stderr } = await runToEnd('git', ['-C', repository, ...args]);
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return { stdout };
}
