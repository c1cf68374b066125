import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { giveBackMemory } from '../give-back-memory.ts';
import { batchWriter, prepareSchema, readState } from './sqlite-schema.ts';
import type { StoreChange, StoredState } from './store.ts';

/*
 * SQLite's calls block until the disk has the data: they have a thread of their own.
 */

export type StoreRequest = { readonly number: number } & (
  | { readonly kind: 'load' }
  | { readonly kind: 'commit'; readonly changes: readonly StoreChange[] }
  | { readonly kind: 'close' }
);

export interface StoreReply {
  readonly number: number;
  readonly state?: StoredState;
  readonly error?: string;
}

const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');
const { path } = workerData as { path: string };
const LARGE = 500;
const TIDY_MS = 1_000;
let largest = 0;
let timer: NodeJS.Timeout | undefined;
let database: DatabaseSync | undefined;
let write: ((changes: readonly StoreChange[]) => void) | undefined;

port.on('message', (request: StoreRequest) => {
  try {
    port.postMessage({ number: request.number, ...handle(request) } satisfies StoreReply);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    port.postMessage({ number: request.number, error: text } satisfies StoreReply);
  }
});

/** A thread that has written much and is idle now keeps no memory for it. */
function tidy(): void {
  if (largest > LARGE) giveBackMemory();
  largest = 0;
}

function handle(request: StoreRequest): { state?: StoredState } {
  if (request.kind === 'close') {
    database?.close();
    database = undefined;
    return {};
  }
  if (database === undefined) {
    const opened = new DatabaseSync(path);
    prepareSchema(opened);
    // one process at a time: two would give one address to two interfaces
    opened.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT;');
    write = batchWriter(opened);
    database = opened;
  }
  if (request.kind === 'load') return { state: readState(database) };
  write?.(request.changes);
  largest = Math.max(largest, request.changes.length);
  clearTimeout(timer);
  timer = setTimeout(tidy, TIDY_MS).unref();
  return {};
}
