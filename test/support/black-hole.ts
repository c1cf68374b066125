/** A way out of a network namespace on which everything is lost: what a firewall that drops, or a wrong route, looks like. Needs root. */
import { createNamespace, type Namespace } from './netns.ts';
import { runToEnd } from './process.ts';
import type { Cleanup } from './server.ts';

export interface BlackHole {
  /** an address of the namespace's own on the cable */
  readonly near: string;
  /** a gateway that takes everything and says nothing */
  readonly far: string;
  /** Runs ip(8) in the namespace. */
  ip(...args: readonly string[]): Promise<void>;
}

/** A cable to a namespace in which nobody has the far address, while this side is told who has it. */
export async function openBlackHole(test: Cleanup, inside: Namespace): Promise<BlackHole> {
  const outside = await createNamespace();
  test.after(() => outside.remove());
  const [near, far] = ['10.9.0.1', '10.9.0.2'];
  const ip = (...args: readonly string[]) => run('-n', inside.name, ...args);
  await ip('link', 'add', 'hole0', 'type', 'veth', 'peer', 'name', 'hole1', 'netns', outside.name);
  await run('-n', outside.name, 'link', 'set', 'hole1', 'up');
  await ip('addr', 'add', `${near}/24`, 'dev', 'hole0');
  await ip('link', 'set', 'hole0', 'up');
  await ip('neigh', 'add', far, 'lladdr', '02:00:00:00:00:02', 'dev', 'hole0', 'nud', 'permanent');
  return { near, far, ip };
}

async function run(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runToEnd('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}
