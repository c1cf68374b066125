/** A real rpc-dns process in a folder of its own, asked over real sockets. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { type ReadMessage, readMessage } from '../../src/wire/read-message.ts';
import { recordText } from '../../src/zone/record-text.ts';
import { freePort } from './ports.ts';
import { type Child, type Exit, type Launch, runToEnd, startChild, until } from './process.ts';
import { parseQuestion, queryOctets } from './question.ts';
import { tempFolder } from './temp.ts';
import { assertWitnessed } from './witness.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
export const CONFIG_FILE = 'rpc-dns.yaml';

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** What one reply says, ready to be compared: records as `OWNER TTL TYPE DATA`. */
export interface Reply {
  readonly rcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly errors: ReadMessage['errors'];
  readonly octets: Buffer;
}

/** A test's context, or anything else that knows when the test is over. */
export interface Cleanup {
  after(clean: () => unknown): void;
}

export interface Site {
  readonly folder: string;
  readonly dnsPort: number;
  readonly httpPort: number;
  /** writes a file of the folder, parents included */
  write(path: string, text: string): void;
  /** the command line in the folder, with this configuration where the command takes one */
  cli(...args: readonly string[]): Promise<CliResult>;
}

export interface Server extends Site {
  readonly pid: number;
  readonly child: Child;
  log(): readonly LogLine[];
  /** Waits for a log line; @param from as {@link mark} gave it */
  logged(pattern: RegExp, from?: number): Promise<void>;
  /** where the output ends now */
  mark(): number;
  /** Over UDP; `+tcp` for TCP. The reply is read by dns2 as well. */
  query(question: string): Promise<Reply>;
  http(path: string): Promise<{ status: number; text: string }>;
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
  /** SIGHUP, and waits for what comes of it. @returns false when the configuration was refused */
  reload(): Promise<boolean>;
  /** Waits until every required registry has been read. */
  ready(): Promise<void>;
  /** SIGTERM; @returns the exit status */
  stop(): Promise<Exit>;
  kill(): Promise<Exit>;
}

export interface SiteOptions extends StartOptions {
  /** YAML without `listen`, `control` and `store`, unless given here they are generated */
  readonly config: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** A folder with a configuration on free ports, without a server yet. */
export async function createSite(options: SiteOptions): Promise<Site> {
  const folder = tempFolder('e2e');
  const dnsPort = await freePort();
  const httpPort = await freePort();
  const site: Site = {
    folder,
    dnsPort,
    httpPort,
    write: (path, text) => {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    },
    cli: async (...args) => {
      const { code, stdout, stderr } = await runToEnd(process.execPath, [MAIN, ...args], {
        cwd: folder,
        env: options.env ?? {},
      });
      return { status: code, stdout, stderr };
    },
  };
  for (const [path, text] of Object.entries(options.files ?? {})) site.write(path, text);
  site.write(CONFIG_FILE, completeConfig(options.config, site));
  return site;
}

/**
 * The configuration with what a test need not say: listen addresses on free ports. RPC_DNS_TEST_ENGINE and RPC_DNS_TEST_WORKERS
 * are what all tests use that name none.
 */
export function completeConfig(config: string, { dnsPort, httpPort }: Site): string {
  let chosen = config;
  for (const [key, variable] of [
    ['engine', 'RPC_DNS_TEST_ENGINE'],
    ['workers', 'RPC_DNS_TEST_WORKERS'],
  ] as const) {
    const value = process.env[variable];
    if (value !== undefined && !new RegExp(`^${key}:`, 'm').test(config)) chosen += `\n${key}: ${value}\n`;
  }
  if (/^listen:/m.test(chosen)) return chosen;
  return `listen: { dns: ["127.0.0.1:${dnsPort}"], http: "127.0.0.1:${httpPort}" }\n${chosen}`;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** default: `serving`, which does not wait for the registries */
  readonly until?: 'ready' | 'serving';
  /** Where it runs, a namespace's `run` for instance; then `bridgePorts` has to lead there, and no UDP does. */
  readonly launch?: Launch;
}

/** Starts the server of a site, and waits until it serves; rejects with its output when it does not. */
export async function startOn(site: Site, test?: Cleanup, options: StartOptions = {}): Promise<Server> {
  const { launch = startChild } = options;
  const child = launch(process.execPath, [MAIN, 'serve', '-c', CONFIG_FILE], {
    name: 'rpc-dns',
    cwd: site.folder,
    env: { RPC_DNS_LOG_LEVEL: 'debug', ...options.env },
  });
  // a server that a failed test leaves behind would keep its test file from ending
  test?.after(() => child.kill());
  await child.waitFor(/"msg":"serving"/);
  const http = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${site.httpPort}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const server: Server = {
    ...site,
    child,
    pid: child.pid,
    log: () => logLines(child.stdout()),
    logged: async (pattern, from = 0) => void (await child.waitFor(pattern, { from })),
    mark: () => child.output().length,
    query: (question) => ask(site.dnsPort, question),
    http,
    metric: async (name, labels = {}) => readMetric((await http('/metrics')).text, name, labels),
    reload: async () => {
      const from = child.output().length;
      child.signal('SIGHUP');
      const [text] = await child.waitFor(/"reason":"SIGHUP".*"msg":"(reloaded|not reloaded)/, { from });
      return text.endsWith('"reloaded');
    },
    ready: async () => {
      await until('ready', async () => (await http('/ready')).status === 200);
    },
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
  if (options.until === 'ready') await server.ready();
  return server;
}

/** @param test the server goes when this test is over, however it ends; without it the caller stops the server */
export async function startServer(options: SiteOptions, test?: Cleanup): Promise<Server> {
  return startOn(await createSite(options), test, options);
}

function logLines(text: string): LogLine[] {
  const complete = text.split('\n').slice(0, -1);
  return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
}

export function readMetric(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const line = text.split('\n').find((candidate) => {
    return (
      candidate.split(/[{ ]/)[0] === name &&
      Object.entries(labels).every(([key, value]) => candidate.includes(`${key}="${value}"`))
    );
  });
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}

const DEADLINE_MS = 5000;

/** Asks in DNS notation; see `question.ts`. @param from the address of this machine to ask from */
export async function ask(port: number, question: string, host = '127.0.0.1', from?: string): Promise<Reply> {
  const { name, type, transports, options } = parseQuestion(question);
  const query = queryOctets(name, type, { ...options, id: Math.floor(Math.random() * 65536) });
  const isTcp = transports.length === 1 && transports[0] === 'tcp';
  const octets = await (isTcp ? overTcp(query, port, host, from) : overUdp(query, port, host, from));
  return readReply(query, octets);
}

export function readReply(query: Buffer, octets: Buffer): Reply {
  const message = readMessage(octets);
  assert.ok(message !== undefined, 'the reply is a message');
  assert.equal(message.id, query.readUInt16BE(0), 'the id comes back');
  assertWitnessed(octets, message);
  const lines = (section: ReadMessage['answer']) => section.map(recordLine);
  return {
    rcode: message.rcode,
    aa: (message.flags & 0x0400) !== 0,
    tc: (message.flags & 0x0200) !== 0,
    answer: lines(message.answer),
    authority: lines(message.authority),
    additional: lines(message.additional),
    errors: message.errors,
    octets,
  };
}

/** `OWNER TTL TYPE DATA` */
export function recordLine(record: ReadMessage['answer'][number]): string {
  return recordText(record).replace('\tIN\t', '\t').replaceAll('\t', ' ');
}

function overUdp(query: Buffer, port: number, host: string, from?: string): Promise<Buffer> {
  return new Promise((done, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(
      () => fail(new Error(`no reply over UDP within ${DEADLINE_MS} ms`)),
      DEADLINE_MS,
    );
    const finish = () => {
      clearTimeout(timer);
      socket.close();
    };
    const fail = (error: Error) => {
      finish();
      reject(error);
    };
    socket.once('error', fail);
    socket.once('message', (reply) => {
      finish();
      done(reply);
    });
    socket.bind(0, from, () => socket.connect(port, host, () => socket.send(query)));
  });
}

function overTcp(query: Buffer, port: number, host: string, from?: string): Promise<Buffer> {
  return new Promise((done, reject) => {
    const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
    let received = Buffer.alloc(0);
    socket.setTimeout(DEADLINE_MS, () =>
      socket.destroy(new Error(`no reply over TCP within ${DEADLINE_MS} ms`)),
    );
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without a reply')));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      done(received.subarray(2));
      socket.end();
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  });
}
