/** The servers that the bench compares. */
import { Resolver } from 'node:dns/promises';
import { mkdir } from 'node:fs/promises';
import { freePort } from '../support/ports.ts';
import { type Child, startChild, until } from '../support/process.ts';
import type { Part } from '../support/provision.ts';
import type { Catalogue, Style } from './catalogue.ts';
import type { QuestionSet } from './question-sets.ts';
import { coredns, echo, knot, nsd, rpcDns, type Setup } from './setups.ts';

export interface BenchServer {
  readonly id: string;
  /** Its row in the tables, in Markdown. */
  readonly title: string;
  readonly parts: readonly Part[];
  /** Whether it is asked this set. */
  serves(set: QuestionSet): boolean;
  /** Whether each set needs a process of its own; else one serves all sets of a catalogue. */
  readonly isForOneSet: boolean;
  setup(set: QuestionSet): Setup;
  /** How it answers call names; undefined: as if every name were the last one. */
  readonly style: Style | undefined;
}

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** From its start to the first right answer. */
  readonly startSeconds: number;
  /** Asks 20 random names, and throws at the first wrong answer. */
  verify(): Promise<void>;
  stop(): Promise<void>;
}

const EVERYTHING = { serves: () => true, isForOneSet: false, parts: [], style: 'cname' } as const;

export const servers: readonly BenchServer[] = [
  {
    ...EVERYTHING,
    id: 'rpc-dns-mmsg',
    title: '**rpc-dns**, `engine: mmsg`',
    setup: () => rpcDns('mmsg', 'cname'),
  },
  {
    ...EVERYTHING,
    id: 'rpc-dns-dgram',
    title: '**rpc-dns**, `engine: dgram`',
    // an engine is for UDP
    serves: ({ transport }) => transport === 'udp',
    setup: () => rpcDns('dgram', 'cname'),
  },
  {
    ...EVERYTHING,
    id: 'rpc-dns-flat',
    title: '**rpc-dns**, `engine: mmsg`, `style: flat` (the A alone)',
    serves: ({ id }) => id === 'call',
    setup: () => rpcDns('mmsg', 'flat'),
    style: 'flat',
  },
  {
    ...EVERYTHING,
    id: 'coredns-file',
    title: 'CoreDNS `file`',
    parts: ['coredns'],
    setup: () => coredns(),
  },
  {
    ...EVERYTHING,
    id: 'coredns-cache',
    title: 'CoreDNS `file` + `cache`',
    parts: ['coredns'],
    setup: () => coredns('cache'),
  },
  { ...EVERYTHING, id: 'knot', title: 'Knot, one worker', parts: ['knot'], setup: () => knot },
  { ...EVERYTHING, id: 'nsd', title: 'NSD, one server', parts: ['nsd'], setup: () => nsd },
  {
    ...EVERYTHING,
    id: 'echo',
    title: 'an echo in C: the limit of the sockets',
    parts: ['bench-programs'],
    serves: ({ transport }) => transport === 'udp',
    isForOneSet: true,
    setup: echo,
    style: undefined,
  },
];

/** Reading a million records takes some of them long. */
const START_DEADLINE_MS = 300_000;

/** Starts a server on a free port with its files in `folder`, and resolves when it answers rightly. */
export async function startBenchServer(
  server: BenchServer,
  set: QuestionSet,
  folder: string,
): Promise<RunningServer> {
  await mkdir(folder, { recursive: true });
  const { catalogue } = set;
  const port = await freePort();
  const [command, ...args] = await server.setup(set)(folder, port, catalogue);
  const resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const check = (index: number): Promise<void> =>
    server.style === undefined
      ? anyAnswer(resolver, catalogue)
      : catalogue.check(resolver, index, server.style);
  const startedAt = performance.now();
  const child = startChild(command, args, { name: server.id });
  try {
    await untilAnswering(child, () => check(catalogue.count - 1));
  } catch (error) {
    await child.kill();
    throw error;
  }
  return {
    pid: child.pid,
    port,
    startSeconds: (performance.now() - startedAt) / 1_000,
    async verify() {
      for (let i = 0; i < 20; i++) await check(Math.floor(Math.random() * catalogue.count));
    },
    async stop() {
      await child.stop();
    },
  };
}

/** The echo's answer is what the set awaits, an error for instance. */
async function anyAnswer(resolver: Resolver, catalogue: Catalogue): Promise<void> {
  try {
    await resolver.resolve4(catalogue.nameAt(catalogue.count - 1));
  } catch (error) {
    const answers = ['ENODATA', 'ENOTFOUND', 'EREFUSED'];
    if (!answers.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

async function untilAnswering(child: Child, check: () => Promise<void>): Promise<void> {
  let last: unknown;
  const isRight = async (): Promise<boolean> => {
    if (!child.running) throw new Error(`${child.name} ended:\n${child.output()}`);
    try {
      await check();
      return true;
    } catch (error) {
      last = error;
      return false;
    }
  };
  try {
    await until(`${child.name} answers rightly`, isRight, { deadlineMs: START_DEADLINE_MS, everyMs: 50 });
  } catch (error) {
    throw new Error(`${error} (last: ${last})\n${child.output()}`);
  }
}
