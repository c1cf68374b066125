/** A network namespace of a test's own: its own addresses, port 53 and resolver. Needs root. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolverFiles, withOwnFiles } from './own-files.ts';
import { type Child, type ChildOptions, runToEnd, startChild } from './process.ts';

export interface RunOptions extends ChildOptions {
  /** The content of the child's own /etc/resolv.conf; default: the machine's. */
  readonly resolvConf?: string;
}

export interface Namespace {
  readonly name: string;
  /** Starts a child inside. */
  run(command: string, args: readonly string[], options?: RunOptions): Child;
  /** Makes every address of a range local, so that a listener on 0.0.0.0 gets what is sent to any of them. */
  addLocalRange(cidr: string): Promise<void>;
  /** Gives it one address. */
  addAddress(address: string): Promise<void>;
  /** Kills the children and removes the namespace. */
  remove(): Promise<void>;
}

let count = 0;
let cables = 0;
const namespaces = new Set<string>();

/** Why this process can make no namespace, or false: for the `skip` option of a test. */
export function skipWithoutNamespaces(): string | false {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  return process.geteuid?.() !== 0 && 'network namespaces need root';
}

/** Makes a namespace in which only the loopback device is up. */
export async function createNamespace(): Promise<Namespace> {
  const name = `rpc-dns-${process.pid}-${++count}`;
  if (count === 1) {
    await removeLeftovers();
    process.once('exit', removeAll);
  }
  await ip('netns', 'add', name);
  namespaces.add(name);
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  const children: Child[] = [];

  return {
    name,
    run(command, args, { resolvConf, ...options } = {}) {
      const [program, argv] =
        resolvConf === undefined ? [command, args] : withOwnFiles(resolverFiles(resolvConf), command, args);
      const inside = ['netns', 'exec', name, program, ...argv];
      const child = startChild('ip', inside, { name: command, ...options });
      children.push(child);
      return child;
    },
    async addLocalRange(cidr) {
      await ip('-n', name, 'route', 'replace', 'local', cidr, 'dev', 'lo');
    },
    addAddress: (address) => ip('-n', name, 'addr', 'add', `${address}/32`, 'dev', 'lo'),
    async remove() {
      await Promise.all(children.filter((child) => child.running).map((child) => child.kill()));
      await ip('netns', 'del', name);
      namespaces.delete(name);
    },
  };
}

/** A cable between two namespaces, as a way for all else from the first one. */
export async function layCable(
  first: Namespace,
  second: Namespace,
  addresses: { readonly first: string; readonly second: string },
): Promise<void> {
  // the second may have several
  const port = `cable${++cables}`;
  await ip(
    'link',
    'add',
    'eth0',
    'netns',
    first.name,
    ...['type', 'veth', 'peer', 'name', port],
    'netns',
    second.name,
  );
  await ip('-n', first.name, 'addr', 'add', addresses.first, 'peer', addresses.second, 'dev', 'eth0');
  await ip('-n', second.name, 'addr', 'add', addresses.second, 'peer', addresses.first, 'dev', port);
  await ip('-n', first.name, 'link', 'set', 'eth0', 'up');
  await ip('-n', second.name, 'link', 'set', port, 'up');
  await ip('-n', first.name, 'route', 'add', 'default', 'via', addresses.second);
}

async function ip(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runToEnd('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}

/** A test process that was killed outright could not remove its own. */
async function removeLeftovers(): Promise<void> {
  const { stdout } = await runToEnd('ip', ['netns', 'list']);
  for (const [name, pid] of stdout.matchAll(/^rpc-dns-(\d+)-\d+/gm)) {
    if (!existsSync(`/proc/${pid}`)) await runToEnd('ip', ['netns', 'del', name]);
  }
}

function removeAll(): void {
  for (const name of namespaces) spawnSync('ip', ['netns', 'del', name]);
}
