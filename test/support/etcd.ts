/** An etcd as clusters of today have it, as the store of a Kubernetes API server; talked to through its JSON gateway. */
import { existsSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';
import type { Authority, Certificate } from './certificates.ts';
import { freePorts } from './ports.ts';
import { type Child, startChild, until } from './process.ts';
import { etcd34Path, etcdPath } from './provision.ts';
import { tempFolder } from './temp.ts';

export interface Etcd {
  readonly url: string;
  readonly port: number;
  log(): string;
  /** Writes up to 128 keys at once; @returns the revision */
  put(entries: readonly (readonly [key: string, value: string])[]): Promise<string>;
  /** Writes one key that goes when its lease ends; @returns the lease */
  putWithLease(key: string, value: string, seconds: number): Promise<string>;
  remove(key: string): Promise<void>;
  /** Deletes all keys that begin so, in one revision; @returns the revision */
  removeAll(prefix: string): Promise<string>;
  /** Forgets all history before now. */
  compact(): Promise<void>;
  /** Anything else of the gateway: `auth/enable`. */
  ask(path: string, body: unknown, token?: string): Promise<Readonly<Record<string, unknown>>>;
  /** `kill -9`; the data stay. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Keeps a copy of the data as they are; @returns puts it in place of what came later, and starts. */
  backUp(): Promise<() => Promise<void>>;
  pause(): void;
  resume(): void;
  /** Kills it and deletes its data. */
  discard(): Promise<void>;
}

/** Those that are in the field: Dubbo's etcd and Debian's, and that of Kubernetes today. */
export const ETCD_VERSIONS = ['3.6', '3.4'] as const;
export type EtcdVersion = (typeof ETCD_VERSIONS)[number];

export interface EtcdSettings {
  /** default: 3.6 */
  readonly version?: EtcdVersion;
  /** It has a certificate of this authority, and wants one of its clients. */
  readonly tls?: { readonly authority: Authority; readonly client: Certificate };
}

export async function startEtcd({ tls, version = '3.6' }: EtcdSettings = {}): Promise<Etcd> {
  const [port = 0, peerPort = 0] = await freePorts(2);
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  // In memory where that can be had: every write of the API server waits for etcd's.
  const folder = tempFolder('etcd', existsSync('/dev/shm') ? '/dev/shm' : undefined);
  const data = join(folder, 'data');
  // the gateway is a client of its own server
  const certificate = await tls?.authority.issue(['127.0.0.1'], 'peer');
  const secure =
    tls === undefined || certificate === undefined
      ? []
      : [
          ...['--cert-file', certificate.certificatePath, '--key-file', certificate.keyPath],
          ...['--trusted-ca-file', tls.authority.certificatePath, '--client-cert-auth'],
        ];
  let child: Child | undefined;

  const ask: Etcd['ask'] = (path, body, token) =>
    new Promise((resolve, reject) => {
      const send = tls === undefined ? requestPlain : requestTls;
      const ours =
        tls === undefined
          ? {}
          : { ca: tls.authority.certificate, cert: tls.client.certificate, key: tls.client.key };
      const headers = token === undefined ? {} : { authorization: token };
      const sent = send(
        `${url}/v3/${path}`,
        { method: 'POST', ...ours, headers, timeout: 10_000 },
        (reply) => {
          let text = '';
          reply.setEncoding('utf8').on('data', (piece) => {
            text += piece;
          });
          reply.on('end', () => {
            if (reply.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`etcd ${path}: ${text}`));
          });
        },
      );
      sent.on('error', reject).end(JSON.stringify(body));
    });
  const change = async (path: string, body: unknown): Promise<string> =>
    ((await ask(path, body))['header'] as { revision: string }).revision;
  const pair = (key: string, value: string) => ({ key: base64(key), value: base64(value) });
  const kill = async (): Promise<void> => void (await child?.kill());

  const start = async (): Promise<void> => {
    const started = startChild(
      version === '3.4' ? etcd34Path() : etcdPath(),
      [
        ...['--data-dir', data, '--log-level', 'warn', ...secure],
        ...['--listen-client-urls', url, '--advertise-client-urls', url],
        ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
        // A single member elects itself as soon as this has passed; and a test never cuts the power.
        ...['--heartbeat-interval', '10', '--election-timeout', '100'],
        ...(version === '3.4' ? ['--logger', 'zap'] : ['--unsafe-no-fsync']),
      ],
      { name: 'etcd' },
    );
    child = started;
    await until(`etcd serves on ${url}`, async () => {
      if (!started.running) throw new Error(`etcd ended at its start:\n${started.output()}`);
      return await ask('maintenance/status', {}).then(
        (status) => status['leader'] !== undefined,
        (error: Error) => /user name is empty/.test(error.message),
      );
    });
  };
  const discard = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await start();
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    url,
    port,
    log: () => child?.output() ?? '',
    put: (entries) =>
      change('kv/txn', { success: entries.map(([key, value]) => ({ request_put: pair(key, value) })) }),
    async putWithLease(key, value, seconds) {
      const { ID } = await ask('lease/grant', { TTL: seconds });
      await ask('kv/put', { ...pair(key, value), lease: ID });
      return String(ID);
    },
    async remove(key) {
      await ask('kv/deleterange', { key: base64(key) });
    },
    // Up to the first key that does not begin so; each prefix ends in a slash.
    removeAll: (prefix) =>
      change('kv/deleterange', { key: base64(prefix), range_end: base64(`${prefix.slice(0, -1)}0`) }),
    async compact() {
      const revision = await change('kv/range', { key: base64('/') });
      // An API server learns from this key that a compaction took place.
      await ask('kv/put', pair('compact_rev_key', revision));
      await ask('kv/compaction', { revision, physical: true });
    },
    ask,
    kill,
    start,
    async backUp() {
      const copy = join(folder, 'copy');
      await kill();
      await cp(data, copy, { recursive: true });
      await start();
      return async () => {
        await kill();
        await rm(data, { recursive: true });
        await cp(copy, data, { recursive: true });
        await start();
      };
    },
    pause: () => child?.signal('SIGSTOP'),
    resume: () => child?.signal('SIGCONT'),
    discard,
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
