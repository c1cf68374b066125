/**
 * The event line at size, measured from outside: `npm run bench -- scale`.
 *
 *     node test/bench/main.ts scale [--sizes 1000,10000,100000] [--beside COMMIT] [--only memory,ready,…]
 *                                   [--generated PROVIDERS] [--seconds 10] [--rate 20000] [--attempts 3]
 *
 * At each size every server goes through all parts alone, ours first: two at once would take each other's CPU.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryOf, othersSince } from '../../support/process-figures.ts';
import { type Part as Provision, provision } from '../../support/provision.ts';
import { tempFolder } from '../../support/temp.ts';
import { writeRaw } from '../raw-figures.ts';
import { GeneratedSource } from './generated-source.ts';
import { change, newInterfaces } from './part-change.ts';
import { latency, storm } from './part-latency.ts';
import { memory } from './part-memory.ts';
import { queries } from './part-queries.ts';
import { ready, restart } from './part-start.ts';
import type { Figure, Part, Run } from './run.ts';
import type { InterfaceSource } from './source.ts';
import { checkedOut, ours, oursGenerated, type Subject } from './subject.ts';
import { type Row, scaleTables } from './tables.ts';
import { createZooKeeperSource } from './zookeeper-source.ts';

/** In this order: new interfaces stay for a while, and a restart leaves no server behind. */
const PARTS: Readonly<Record<string, Part>> = {
  memory,
  ready,
  change,
  queries,
  latency,
  storm,
  new: newInterfaces,
  restart,
};
/** After so long nothing of the start is left over. */
const SETTLE_MS = 10_000;
/** More than this by others, and a part is measured again if it may be. */
const QUIET_CORES = 0.15;

export interface ScaleOptions {
  readonly sizes: readonly number[];
  /** A commit that is measured in the same run. */
  readonly beside: string | undefined;
  /** Parts; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** providers of each interface of a registry that makes them up; undefined: a real ZooKeeper, three each */
  readonly generated: number | undefined;
  readonly seconds: number;
  readonly rate: number;
  /** How often at most a part is measured on a busy machine. */
  readonly attempts: number;
}

export async function benchScale(options: ScaleOptions, say: (line: string) => void): Promise<void> {
  const names = Object.keys(PARTS);
  const unknown = options.only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) throw new Error(`--only: ${unknown.join(', ')}: there are ${names.join(', ')}`);
  const chosen = names.filter((name) => options.only?.includes(name) ?? true);
  const needed: Provision[] = [
    'tools',
    ...(options.generated === undefined ? ['zookeeper' as const] : []),
    ...(chosen.includes('queries') ? ['dnsperf' as const] : []),
  ];
  const missing = await provision(needed);
  if (missing.length > 0) throw new Error(`the bench needs ${missing.join(', ')}`);

  const { beside } = options;
  const subjects =
    options.generated === undefined
      ? [ours(), ...(beside === undefined ? [] : [await checkedOut(beside)])]
      : [oursGenerated()];
  const source: InterfaceSource =
    options.generated === undefined ? await createZooKeeperSource() : new GeneratedSource(options.generated);
  const rows: Row[] = [];
  try {
    const empty = new Map<Subject, number>();
    for (const subject of subjects) {
      say(`${subject.title}: on an empty registry`);
      empty.set(subject, await emptyBytes(subject, source));
    }
    for (const size of options.sizes.toSorted((a, b) => a - b)) {
      const planting = timed();
      await source.plant(size);
      say(`${size} interfaces with ${source.providers} providers each, planted in ${planting()} s`);
      const listSeconds = await source.listAlone();
      if (!Number.isNaN(listSeconds)) say(`${size}: merely listed in ${listSeconds.toFixed(2)} s`);
      for (const subject of subjects) {
        const context = {
          subject,
          source,
          size,
          listSeconds,
          emptyBytes: empty.get(subject) ?? 0,
          ...options,
        };
        await measure(context, chosen, options.attempts, rows, say);
        await source.reset();
      }
    }
  } finally {
    await source.remove();
    // an hour's figures are not lost because the last part failed
    if (rows.length > 0) {
      say(`raw figures: ${await writeRaw('scale-', { options, rows })}`);
      console.log(scaleTables(rows));
    }
  }
}

type Context = Omit<Run, 'server' | 'folder' | 'readySeconds' | 'startNoise'>;

async function measure(
  context: Context,
  chosen: readonly string[],
  attempts: number,
  rows: Row[],
  say: (line: string) => void,
): Promise<void> {
  const { subject, source, size } = context;
  const folder = join(tempFolder('scale'), 'server');
  const others = othersSince();
  const server = await subject.start(folder, source.registries);
  try {
    const readySeconds = await server.untilReady();
    const startNoise = others();
    say(`${size}, ${subject.title}: ready after ${readySeconds.toFixed(2)} s; settles`);
    await sleep(SETTLE_MS);
    for (const name of chosen) {
      const part = PARTS[name];
      if (part === undefined) continue;
      const run = { ...context, server, folder, readySeconds, startNoise };
      const { figures, otherCores, seconds } = await quietest(part, run, attempts, say);
      rows.push({ part: name, title: part.title, subject: subject.title, size, figures, otherCores });
      const heading = `${size}, ${subject.title}: ${name} in ${seconds} s (others: ${otherCores.toFixed(1)} cores)`;
      say(`${heading}: ${inOneLine(figures)}`);
    }
  } finally {
    await server.stop();
  }
}

interface Attempt {
  readonly figures: readonly Figure[];
  readonly otherCores: number;
  readonly seconds: string;
}

/** Measures again while others keep the machine busy; what counts is the attempt that they disturbed least. */
async function quietest(
  part: Part,
  run: Run,
  attempts: number,
  say: (line: string) => void,
): Promise<Attempt> {
  const made: Attempt[] = [];
  for (;;) {
    const took = timed();
    const others = othersSince();
    const figures = await part.measure(run);
    const attempt = {
      figures,
      otherCores: part.kind === 'start' ? run.startNoise : others(),
      seconds: took(),
    };
    made.push(attempt);
    if (attempt.otherCores <= QUIET_CORES || made.length >= attempts || part.kind !== 'repeatable') break;
    say(`${run.size}: ${part.title}: others took ${attempt.otherCores.toFixed(1)} cores; once more`);
  }
  return made.reduce((best, attempt) => (attempt.otherCores < best.otherCores ? attempt : best));
}

async function emptyBytes(subject: Subject, source: InterfaceSource): Promise<number> {
  const server = await subject.start(join(tempFolder('scale'), 'empty'), source.registries);
  try {
    await server.untilReady();
    await sleep(SETTLE_MS);
    return (await memoryOf(server.pid)).residentBytes;
  } finally {
    await server.stop();
  }
}

function inOneLine(figures: readonly Figure[]): string {
  return figures.map(({ name, value, digits = 2 }) => `${name} ${value.toFixed(digits)}`).join('; ');
}

function timed(): () => string {
  const startedAt = performance.now();
  return () => ((performance.now() - startedAt) / 1_000).toFixed(1);
}
