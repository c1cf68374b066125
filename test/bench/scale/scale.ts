/**
 * The event line at size, measured from outside: `npm run bench -- scale`.
 *
 *     node test/bench/main.ts scale [--sizes 1000,10000,100000] [--beside COMMIT] [--only memory,ready,…]
 *                                   [--seconds 10] [--rate 20000]
 *
 * At each size every server goes through all parts alone, ours first: two at once would take each other's CPU.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Part as Provision, provision } from '../../support/provision.ts';
import { tempFolder } from '../../support/temp.ts';
import { memoryOf, othersSince } from '../process-figures.ts';
import { writeRaw } from '../raw-figures.ts';
import { change, newInterfaces } from './part-change.ts';
import { latency, storm } from './part-latency.ts';
import { memory } from './part-memory.ts';
import { queries } from './part-queries.ts';
import { ready, restart } from './part-start.ts';
import type { Figure, Part, Run } from './run.ts';
import type { InterfaceSource } from './source.ts';
import { checkedOut, ours, type Subject } from './subject.ts';
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

export interface ScaleOptions {
  readonly sizes: readonly number[];
  /** A commit that is measured in the same run. */
  readonly beside: string | undefined;
  /** Parts; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly seconds: number;
  readonly rate: number;
}

export async function benchScale(options: ScaleOptions, say: (line: string) => void): Promise<string> {
  const names = Object.keys(PARTS);
  const unknown = options.only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) throw new Error(`--only: ${unknown.join(', ')}: there are ${names.join(', ')}`);
  const chosen = names.filter((name) => options.only?.includes(name) ?? true);
  const needed: Provision[] = [
    'tools',
    'zookeeper',
    ...(chosen.includes('queries') ? ['dnsperf' as const] : []),
  ];
  const missing = await provision(needed);
  if (missing.length > 0) throw new Error(`the bench needs ${missing.join(', ')}`);

  const { beside } = options;
  const subjects = [ours(), ...(beside === undefined ? [] : [await checkedOut(beside)])];
  const source = await createZooKeeperSource();
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
      say(`${size}: merely listed in ${listSeconds.toFixed(2)} s`);
      for (const subject of subjects) {
        const context = {
          subject,
          source,
          size,
          listSeconds,
          emptyBytes: empty.get(subject) ?? 0,
          ...options,
        };
        rows.push(...(await measure(context, chosen, say)));
        await source.reset();
      }
    }
  } finally {
    await source.remove();
    if (rows.length > 0) say(`raw figures: ${await writeRaw('scale-', { options, rows })}`);
  }
  return scaleTables(rows);
}

type Context = Omit<Run, 'server' | 'folder' | 'readySeconds'>;

async function measure(
  context: Context,
  chosen: readonly string[],
  say: (line: string) => void,
): Promise<Row[]> {
  const { subject, source, size } = context;
  const folder = join(tempFolder('scale'), 'server');
  const server = await subject.start(folder, source.registries);
  const rows: Row[] = [];
  try {
    const readySeconds = await server.untilReady();
    say(`${size}, ${subject.title}: ready after ${readySeconds.toFixed(2)} s; settles`);
    await sleep(SETTLE_MS);
    for (const name of chosen) {
      const part = PARTS[name];
      if (part === undefined) continue;
      const took = timed();
      const others = othersSince();
      const figures = await part.measure({ ...context, server, folder, readySeconds });
      const otherCores = others();
      rows.push({ part: name, title: part.title, subject: subject.title, size, figures, otherCores });
      const heading = `${size}, ${subject.title}: ${name} in ${took()} s (others: ${otherCores.toFixed(1)} cores)`;
      say(`${heading}: ${inOneLine(figures)}`);
    }
  } finally {
    await server.stop();
  }
  return rows;
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
