import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { StoreReply, StoreRequest } from './sqlite-worker.ts';
import { type Store, StoreError, type StoreListener } from './store.ts';

type Request =
  | Omit<Extract<StoreRequest, { kind: 'commit' }>, 'number'>
  | { readonly kind: 'open' | 'close' };

/** The ledger in one SQLite file (WAL, synchronous=FULL): a commit is on disk when it resolves. */
export function openSqliteStore(path: string): Store {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw new StoreError(`cannot create the folder of ${path}: ${(error as Error).message}`);
  }
  const worker = new Worker(new URL(`./sqlite-worker.${extension}`, import.meta.url), {
    workerData: { path },
  });
  const waiting = new Map<number, (error: string | undefined) => void>();
  let listener: StoreListener | undefined;
  let next = 0;
  let dead: string | undefined;
  let closed: Promise<void> | undefined;
  worker.on('message', (reply: StoreReply) => {
    if ('part' in reply) {
      listener?.loaded(reply.part);
      return;
    }
    waiting.get(reply.number)?.(reply.error);
    waiting.delete(reply.number);
  });
  worker.on('error', (error) => {
    dead = (error as Error).message;
    for (const done of waiting.values()) done(dead);
    waiting.clear();
  });
  const request = async (body: Request): Promise<void> => {
    if (dead !== undefined) throw new StoreError(`${path}: ${dead}`);
    const number = next++;
    const error = await new Promise<string | undefined>((resolve) => {
      waiting.set(number, resolve);
      worker.postMessage({ ...body, number });
    });
    if (error !== undefined) throw new StoreError(explain(path, error));
  };
  return {
    label: `sqlite ${path}`,
    keepsFacts: true,
    open: async (heard) => {
      listener = heard;
      await request({ kind: 'open' });
    },
    commit: (steps) => request({ kind: 'commit', steps }),
    close: () => {
      closed ??= request({ kind: 'close' }).then(async () => void (await worker.terminate()));
      return closed;
    },
  };
}

function explain(path: string, reason: string): string {
  // it names its place and remedy already
  if (reason.startsWith(`${path}: `)) return reason;
  if (reason.includes('locked'))
    return `${path} is in use by another process: one rpc-dns for each store file`;
  if (reason.includes('readonly') || reason.includes('unable to open')) {
    return `cannot write ${path} (${reason}): make it writable, or set store.path`;
  }
  if (reason.includes('not a database') || reason.includes('malformed')) {
    return `${path} is no store of rpc-dns (${reason}): move it away, or set store.path`;
  }
  if (reason.includes('full')) return `cannot write ${path} (${reason}): make room on its disk`;
  return `${path}: ${reason}`;
}
