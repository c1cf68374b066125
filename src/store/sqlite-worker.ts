import { existsSync, readFileSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { giveBackMemory } from '../base/give-back-memory.ts';
import { type ReadOptions, readParts, UnsafeRow } from './sqlite-parts.ts';
import { stepWriter } from './sqlite-rows.ts';
import { prepareSchema } from './sqlite-schema.ts';
import type { StoredPart, StoreStep } from './store.ts';

/*
 * SQLite's calls block until the disk has the data: they have a thread of their own.
 */

export type StoreRequest = { readonly number: number } & (
  | { readonly kind: 'open' }
  | { readonly kind: 'commit'; readonly steps: readonly StoreStep[] }
  | { readonly kind: 'close' }
);

/** What was asked is done; parts come before that. */
export type StoreReply =
  | { readonly number: number; readonly part: StoredPart }
  | { readonly number: number; readonly error?: string };

const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');
const { path } = workerData as { path: string };
const MAGIC = 'SQLite format 3\0';
const LARGE = 500;
const TIDY_MS = 1_000;
let largest = 0;
let timer: NodeJS.Timeout | undefined;
let database: DatabaseSync | undefined;
let write: ((steps: readonly StoreStep[]) => void) | undefined;

port.on('message', (request: StoreRequest) => {
  const reply = (body: { readonly part: StoredPart } | { readonly error?: string }) =>
    port.postMessage({ number: request.number, ...body } satisfies StoreReply);
  try {
    handle(request, (part) => reply({ part }));
    reply({});
  } catch (error) {
    reply({ error: error instanceof Error ? error.message : String(error) });
  }
});

/** A thread that has written or read much and is idle now keeps no memory for it. */
function tidy(): void {
  if (largest > LARGE) giveBackMemory();
  largest = 0;
}

function handle(request: StoreRequest, tell: (part: StoredPart) => void): void {
  if (request.kind === 'open') {
    open(tell);
    largest = LARGE + 1;
  } else if (request.kind === 'commit') {
    // a store that could not be opened, or was lost, is opened anew: it may be there again
    if (database === undefined) open(() => {});
    write?.(request.steps);
    largest = Math.max(largest, request.steps.length);
  } else {
    database?.close();
    database = undefined;
    return;
  }
  clearTimeout(timer);
  timer = setTimeout(tidy, TIDY_MS).unref();
}

function open(tell: (part: StoredPart) => void): void {
  let told = 0;
  try {
    for (const part of readParts(connect(), reading(false))) {
      tell(part);
      told++;
    }
  } catch (error) {
    if (error instanceof UnsafeRow) {
      database?.close();
      database = undefined;
      throw error;
    }
    const text = error instanceof Error ? error.message : String(error);
    if (!/malformed|not a database|corrupt/.test(text) || !isSqliteFile()) throw error;
    const salvaged = salvage();
    const aside = setAside();
    const rows = salvaged.reduce((sum, part) => sum + (part.addresses?.length ?? 0), 0);
    tell({
      isFactsLost: true,
      problems: [
        `${path} is damaged (${text}): it is kept as ${aside}, a new one is begun with ${rows} VIPs that could be read`,
      ],
    });
    const fresh = connect();
    stepWriter(fresh)(salvaged.flatMap(stepsOf));
    // those in front of the damage were told
    for (const part of salvaged.slice(told)) tell(part);
  }
}

function reading(isSalvage: boolean): ReadOptions {
  return { file: path, now: Date.now(), isSalvage };
}

function connect(): DatabaseSync {
  const opened = new DatabaseSync(path);
  try {
    const problems = prepareSchema(opened);
    write = stepWriter(opened);
    database = opened;
    if (problems.length > 0) port?.postMessage({ number: -1, part: { problems } } satisfies StoreReply);
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

/** What can still be read of a damaged file: the ledger; registries tell the rest again. */
function salvage(): StoredPart[] {
  const parts: StoredPart[] = [];
  database?.close();
  database = undefined;
  let damaged: DatabaseSync | undefined;
  try {
    damaged = new DatabaseSync(path, { readOnly: true });
    for (const { services, addresses, placements, serial } of readParts(damaged, reading(true))) {
      parts.push({
        ...(services === undefined ? {} : { services }),
        ...(addresses === undefined ? {} : { addresses }),
        ...(placements === undefined ? {} : { placements }),
        ...(serial === undefined ? {} : { serial }),
      });
    }
  } catch {
    // what lies behind the damage cannot be had
  }
  damaged?.close();
  return parts;
}

function stepsOf({ services = [], addresses = [], placements = [], serial }: StoredPart): StoreStep[] {
  return [
    ...services.map((row): StoreStep => ({ kind: 'put-service', row })),
    ...addresses.map((row): StoreStep => ({ kind: 'put-address', row })),
    ...placements.map((row): StoreStep => ({ kind: 'put-placement', row })),
    ...(serial === undefined ? [] : [{ kind: 'put-serial', serial } as const]),
  ];
}

/** Whether it was a database once: another file at this place is a mistake in the configuration, and stays. */
function isSqliteFile(): boolean {
  try {
    return readFileSync(path).subarray(0, MAGIC.length).toString('latin1') === MAGIC;
  } catch {
    return false;
  }
}

function setAside(): string {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '-')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}
