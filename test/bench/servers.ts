/** The servers that the bench compares, each with the names it is asked. */
import { Resolver } from 'node:dns/promises';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/ports.ts';
import { type Child, startChild, until } from '../support/process.ts';
import { corednsPath, findCommand, type Part } from '../support/provision.ts';
import {
  queryFile,
  REGISTRY_ZONE,
  registryFile,
  registryNames,
  registryZoneFile,
  STATIC_ZONE,
  staticNames,
  staticZoneFile,
} from './catalogue.ts';

const mainScript = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What is asked: only servers that were asked the same are compared. */
export type NameSet = 'call' | 'a';

export interface BenchServer {
  readonly id: string;
  /** Its row in the table, in Markdown. */
  readonly title: string;
  readonly nameSet: NameSet;
  readonly parts: readonly Part[];
  /** Starts it on a free port with its files in `folder`, and resolves when it answers. */
  start(folder: string): Promise<RunningServer>;
}

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** A file of questions for dnsperf. */
  readonly queries: string;
  /** Asks 20 random names, and throws at the first wrong answer. */
  verify(): Promise<void>;
  stop(): Promise<void>;
}

type Command = readonly [command: string, ...args: string[]];

/** Writes a server's files into `folder`, and says how it is started. */
type Setup = (folder: string, port: number) => Promise<Command>;

/** The names that a server is asked, and what a right answer is. */
interface Questions {
  readonly names: readonly string[];
  check(resolver: Resolver, index: number): Promise<void>;
}

const staticQuestions: Questions = {
  names: staticNames.map(({ name }) => name),
  async check(resolver, index) {
    const { name = '', address } = staticNames[index] ?? {};
    const addresses = await resolver.resolve4(name);
    if (addresses.length !== 1 || addresses[0] !== address) {
      throw new Error(`${name}: ${addresses.join(' ')} in place of ${address}`);
    }
  },
};

function registryQuestions(style: 'cname' | 'flat'): Questions {
  return {
    names: registryNames.map(({ callName }) => callName),
    async check(resolver, index) {
      const { callName = '', structuredDomain } = registryNames[index] ?? {};
      const addresses = await resolver.resolve4(callName);
      if (addresses.length !== 1 || addresses[0]?.startsWith('247.') !== true) {
        throw new Error(`${callName}: ${addresses.join(' ')} is no address of the pool`);
      }
      const [target] = await resolver.resolveCname(callName).catch(() => []);
      const wanted = style === 'cname' ? structuredDomain : undefined;
      // CoreDNS and Knot keep zone files in lower case.
      if (target?.toLowerCase() !== wanted?.toLowerCase()) {
        throw new Error(`${callName}: CNAME ${target} in place of ${wanted}`);
      }
    },
  };
}

const ENGINES = ['mmsg', 'dgram'] as const;
type Engine = (typeof ENGINES)[number];

export const servers: readonly BenchServer[] = [
  ...ENGINES.map(
    (engine): BenchServer => ({
      id: `rpc-dns-cname-${engine}`,
      title: `**rpc-dns**, registry, \`style: cname\`, \`engine: ${engine}\``,
      nameSet: 'call',
      parts: [],
      start: (folder) => startServer(folder, rpcDnsWithRegistry('cname', engine), registryQuestions('cname')),
    }),
  ),
  {
    id: 'rpc-dns-flat',
    title: '**rpc-dns**, registry, `style: flat` (the A alone), `engine: mmsg`',
    nameSet: 'call',
    parts: [],
    start: (folder) => startServer(folder, rpcDnsWithRegistry('flat', 'mmsg'), registryQuestions('flat')),
  },
  ...peers('call', REGISTRY_ZONE, registryZoneFile, registryQuestions('cname')),
  ...ENGINES.map(
    (engine): BenchServer => ({
      id: `rpc-dns-a-${engine}`,
      title: `**rpc-dns**, zone file, \`engine: ${engine}\``,
      nameSet: 'a',
      parts: [],
      start: (folder) => startServer(folder, rpcDnsWithZoneFile(engine), staticQuestions),
    }),
  ),
  ...peers('a', STATIC_ZONE, staticZoneFile, staticQuestions),
];

function peers(
  nameSet: NameSet,
  zone: string,
  zoneFile: () => string,
  questions: Questions,
): readonly BenchServer[] {
  const withZoneFile = (id: string, title: string, part: Part, setup: Setup): BenchServer => ({
    id: `${id}-${nameSet}`,
    title,
    nameSet,
    parts: [part],
    async start(folder) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'zone'), zoneFile());
      return startServer(folder, setup, questions);
    },
  });
  return [
    withZoneFile('coredns-file', 'CoreDNS `file`', 'coredns', coredns(zone, '')),
    withZoneFile('coredns-cache', 'CoreDNS `file` + `cache`', 'coredns', coredns(zone, '  cache\n')),
    withZoneFile('knot', 'Knot, one worker', 'knot', knot(zone)),
  ];
}

async function startServer(folder: string, setup: Setup, questions: Questions): Promise<RunningServer> {
  await mkdir(folder, { recursive: true });
  const queries = join(folder, 'queries');
  await writeFile(queries, queryFile(questions.names));
  const port = await freePort();
  const [command, ...args] = await setup(folder, port);
  const child = startChild(command, args);
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  try {
    await untilAnswering(child, resolver, questions);
  } catch (error) {
    await child.kill();
    throw error;
  }
  return {
    pid: child.pid,
    port,
    queries,
    async verify() {
      for (let i = 0; i < 20; i++) {
        await questions.check(resolver, Math.floor(Math.random() * questions.names.length));
      }
    },
    async stop() {
      await child.stop();
    },
  };
}

async function untilAnswering(child: Child, resolver: Resolver, questions: Questions): Promise<void> {
  let last: unknown;
  const isRight = async (): Promise<boolean> => {
    if (!child.running) throw new Error(`${child.name} ended:\n${child.output()}`);
    try {
      await questions.check(resolver, 0);
      return true;
    } catch (error) {
      last = error;
      return false;
    }
  };
  try {
    await until(`${child.name} answers rightly`, isRight, { deadlineMs: 30_000, everyMs: 50 });
  } catch (error) {
    throw new Error(`${error} (last: ${last})\n${child.output()}`);
  }
}

// rpc-dns

async function rpcDns(
  folder: string,
  port: number,
  engine: Engine,
  rest: readonly string[],
): Promise<Command> {
  const path = join(folder, 'rpc-dns.yaml');
  const lines = [
    `zone: ${REGISTRY_ZONE}`,
    `listen: { dns: ["127.0.0.1:${port}"], http: null }`,
    'store: { kind: memory }',
    `control: ${join(folder, 'control.sock')}`,
    `engine: ${engine}`,
    ...rest,
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
  return [process.execPath, mainScript, 'serve', '-c', path];
}

function rpcDnsWithZoneFile(engine: Engine): Setup {
  return async (folder, port) => {
    const path = join(folder, `${STATIC_ZONE}.zone`);
    await writeFile(path, staticZoneFile());
    return rpcDns(folder, port, engine, [`zones: ["${path}"]`, 'registries: []']);
  };
}

function rpcDnsWithRegistry(style: 'cname' | 'flat', engine: Engine): Setup {
  return async (folder, port) => {
    const path = join(folder, 'interfaces.yaml');
    await writeFile(path, registryFile());
    return rpcDns(folder, port, engine, [
      `answers: { style: ${style} }`,
      'zones: []',
      `registries: [{ kind: file, path: "${path}" }]`,
    ]);
  };
}

// The peers

function coredns(zone: string, cache: string): Setup {
  return async (folder, port) => {
    const path = join(folder, 'Corefile');
    const file = `  file ${join(folder, 'zone')}\n`;
    await writeFile(path, `${zone}:${port} {\n  bind 127.0.0.1\n${cache}${file}}\n`);
    return [corednsPath(), '-conf', path];
  };
}

function knot(zone: string): Setup {
  return async (folder, port) => {
    const path = join(folder, 'knot.conf');
    const lines = [
      'server:',
      `  listen: 127.0.0.1@${port}`,
      `  rundir: "${folder}"`,
      '  udp-workers: 1',
      '  tcp-workers: 1',
      '  background-workers: 1',
      'log:',
      '  - target: stderr',
      '    any: warning',
      'database:',
      `  storage: "${folder}"`,
      'zone:',
      `  - domain: ${zone}`,
      `    file: "${join(folder, 'zone')}"`,
      '    zonefile-sync: -1',
      '    journal-content: none',
    ];
    await writeFile(path, `${lines.join('\n')}\n`);
    return [findCommand('knotd') ?? 'knotd', '-c', path];
  };
}
