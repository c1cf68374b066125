/** How long a query takes: when all is quiet, while everything is read anew, in a storm of changes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuShare, forgetPeak, memoryOf } from '../../support/process-figures.ts';
import { quantile } from '../report.ts';
import { Asker, tells } from './asker.ts';
import { interfaceAt } from './interfaces.ts';
import { type Figure, HOT_NAMES, type Part, type Run, spreadOver } from './run.ts';
import { type LoadFigures, type SteadyLoad, startSteadyLoad } from './steady-load.ts';
import type { RunningSubject } from './subject.ts';

const QUIET_MS = 5_000;
const RESYNC_DEADLINE_MS = 300_000;

export const latency: Part = {
  title: 'latency of a query, quiet and during a resync',
  kind: 'repeatable',
  async measure(run: Run): Promise<readonly Figure[]> {
    const quietLoad = await hotLoad(run);
    await sleep(QUIET_MS);
    const quiet = await quietLoad.stop();

    const before = await memoryOf(run.server.pid);
    await forgetPeak(run.server.pid);
    const load = await hotLoad(run);
    const seconds = await resync(run);
    const during = await load.stop();
    const { peakBytes } = await memoryOf(run.server.pid);
    return [
      { name: 'p99.9, resync ÷ quiet', value: during.p999 / quiet.p999 },
      { name: 'memory, peak of a resync ÷ before', value: peakBytes / before.residentBytes },
      ...loadFigures('quiet', quiet),
      ...loadFigures('resync', during),
      { name: 'resync, s', value: seconds },
    ];
  },
};

/** @returns seconds until the server is up to date again */
async function resync({ source, server }: Run): Promise<number> {
  const startedAt = performance.now();
  await source.cutOff(server.pid);
  await untilText(server, 'stale', 2_000);
  await untilText(server, 'OK', RESYNC_DEADLINE_MS);
  const seconds = (performance.now() - startedAt) / 1_000;
  // what comes of it in the query thread, and a collection of the garbage
  await sleep(1_000);
  return seconds;
}

async function untilText(server: RunningSubject, text: string, deadlineMs: number): Promise<void> {
  const startedAt = performance.now();
  // a small resync may be over before anybody asks
  while (performance.now() - startedAt < deadlineMs) {
    if ((await server.ready())?.text.startsWith(text) === true) return;
    await sleep(10);
  }
  if (text === 'OK') throw new Error(`no end of the resync within ${deadlineMs} ms`);
}

export const STORM_PER_SECOND = 1_000;
const ALONE_MS = 3_000;
/** One change in so many is looked for. */
const SAMPLED = 50;
/** From one interface to the next that changes: so every one has its turn before the first has another. */
const STRIDE = 389;

export const storm: Part = {
  title: `${STORM_PER_SECOND} changes a second`,
  kind: 'repeatable',
  async measure(run: Run): Promise<readonly Figure[]> {
    const load = await hotLoad(run);
    const asker = await Asker.open(run.server.dnsPort);
    try {
      const loadAlone = await cpuShare(run.server.pid, () => sleep(ALONE_MS));
      await load.stop();
      const stormy = await hotLoad(run);
      let latencies: readonly number[] = [];
      const both = await cpuShare(run.server.pid, async () => {
        latencies = await blow(run, asker);
      });
      const figures = await stormy.stop();
      return [
        { name: 'CPU of a core, without the queries', value: both - loadAlone },
        { name: 'change → answer p50, ms', value: quantile(latencies, 0.5), samples: latencies },
        { name: 'p99, ms', value: quantile(latencies, 0.99) },
        ...loadFigures('storm', figures),
        { name: 'CPU of a core, queries alone', value: loadAlone },
      ];
    } finally {
      asker.close();
    }
  },
};

/** @returns milliseconds from the acknowledgement to the answer, of the sampled changes */
export async function blow(
  { source, size, seconds }: Pick<Run, 'source' | 'size' | 'seconds'>,
  asker: Asker,
): Promise<readonly number[]> {
  // the sampled ones have interfaces of their own, which nobody changes back while they are looked for
  const sampledSize = Math.floor(size / 10);
  const busy = new Set<number>();
  const latencies: number[] = [];
  const made: Promise<unknown>[] = [];
  const make = (work: Promise<unknown>): void => {
    // a failure is told by Promise.all below, after the last one
    work.catch(() => {});
    made.push(work);
  };
  const sample = async (index: number): Promise<void> => {
    busy.add(index);
    const change = await source.change(index);
    latencies.push(await asker.until(change.name, tells(change)));
    busy.delete(index);
  };
  const startedAt = performance.now();
  const total = STORM_PER_SECOND * seconds;
  for (let step = 0; step < total; ) {
    const due = ((performance.now() - startedAt) * STORM_PER_SECOND) / 1_000;
    for (; step < Math.min(due, total); step++) {
      const sampledIndex = ((step / SAMPLED) * STRIDE) % sampledSize;
      if (step % SAMPLED === 0 && !busy.has(sampledIndex)) make(sample(sampledIndex));
      else make(source.change(sampledSize + ((step * STRIDE) % (size - sampledSize))));
    }
    await sleep(1);
  }
  await Promise.all(made);
  return latencies;
}

function hotLoad({ server, size, rate }: Run): Promise<SteadyLoad> {
  const count = Math.min(size, HOT_NAMES);
  const names = Array.from({ length: count }, (_, i) => interfaceAt(spreadOver(size, i, count)).callName);
  return startSteadyLoad(server.dnsPort, rate, names);
}

function loadFigures(when: string, { p50, p99, p999, max, lost }: LoadFigures): Figure[] {
  return [
    { name: `${when} p50, ms`, value: p50 },
    { name: `${when} p99, ms`, value: p99 },
    { name: `${when} p99.9, ms`, value: p999 },
    { name: `${when} max, ms`, value: max },
    { name: `${when} lost`, value: lost, digits: 0 },
  ];
}
