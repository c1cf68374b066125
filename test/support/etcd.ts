/** An etcd as clusters of today have it, as the store of a Kubernetes API server; talked to through its JSON gateway. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { freePorts } from './ports.ts';
import { startChild, until } from './process.ts';
import { etcdPath } from './provision.ts';
import { tempFolder } from './temp.ts';

export interface Etcd {
  readonly url: string;
  log(): string;
  /** Writes up to 128 keys at once; @returns the revision */
  put(entries: readonly (readonly [key: string, value: string])[]): Promise<string>;
  /** Deletes all keys that begin so, in one revision; @returns the revision */
  removeAll(prefix: string): Promise<string>;
  /** Forgets all history before now. */
  compact(): Promise<void>;
  /** Kills it and deletes its data. */
  remove(): Promise<void>;
}

export async function startEtcd(): Promise<Etcd> {
  const [port = 0, peerPort = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${port}`;
  // In memory where that can be had: every write of the API server waits for etcd's.
  const data = tempFolder('etcd', existsSync('/dev/shm') ? '/dev/shm' : undefined);
  const child = startChild(
    etcdPath(),
    [
      ...['--data-dir', data, '--log-level', 'warn'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
      // A single member elects itself as soon as this has passed; and a test never cuts the power.
      ...['--heartbeat-interval', '10', '--election-timeout', '100', '--unsafe-no-fsync'],
    ],
    { name: 'etcd' },
  );
  const remove = async (): Promise<void> => {
    await child.kill();
    await rm(data, { recursive: true, force: true });
  };

  const ask = async (method: string, body: unknown): Promise<{ header: { revision: string } }> => {
    const reply = await fetch(`${url}/v3/kv/${method}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`etcd ${method}: ${text}`);
    return JSON.parse(text) as { header: { revision: string } };
  };
  const pair = (key: string, value: string) => ({ key: base64(key), value: base64(value) });

  try {
    await until(`etcd serves on ${url}`, async () => {
      if (!child.running) throw new Error(`etcd ended at its start:\n${child.output()}`);
      const reply = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
      return reply?.ok === true;
    });
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    url,
    log: () => child.output(),
    async put(entries) {
      const success = entries.map(([key, value]) => ({ request_put: pair(key, value) }));
      return (await ask('txn', { success })).header.revision;
    },
    async removeAll(prefix) {
      // Up to the first key that does not begin so; each prefix ends in a slash.
      const range = { key: base64(prefix), range_end: base64(`${prefix.slice(0, -1)}0`) };
      return (await ask('deleterange', range)).header.revision;
    },
    async compact() {
      const { revision } = (await ask('range', { key: base64('/') })).header;
      // An API server learns from this key that a compaction took place.
      await ask('put', pair('compact_rev_key', revision));
      await ask('compaction', { revision, physical: true });
    },
    remove,
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
