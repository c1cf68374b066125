/** What one change costs, and how soon it is answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMicros, cpuShare } from '../../support/process-figures.ts';
import { quantile } from '../report.ts';
import { Asker, hasAnyAddress, tells } from './asker.ts';
import { interfaceAt } from './interfaces.ts';
import { type Figure, type Part, type Run, spreadOver } from './run.ts';

const CHANGES = 200;
const IDLE_SECONDS = 9;
/** So many that a hundredth of a second of CPU time is little of their sum. */
const COUNTED_CHANGES = 1_000;
const CHANGES_PER_SECOND = 50;
const NEW_INTERFACES = 100;
/** Longer than the pause in which new interfaces wait for one another: each of them comes alone. */
const NEW_PAUSE_MS = 150;

export const change: Part = {
  title: 'a provider comes or goes',
  kind: 'repeatable',
  async measure(run: Run): Promise<readonly Figure[]> {
    const latencies = await changesOneByOne(run);
    const cpu = await cpuPerChange(run);
    return [
      { name: 'CPU per change, ms', value: cpu, digits: 3 },
      { name: 'change → answer p50, ms', value: quantile(latencies, 0.5), samples: latencies },
      { name: 'p99, ms', value: quantile(latencies, 0.99) },
      { name: 'max, ms', value: quantile(latencies, 1) },
    ];
  },
};

async function changesOneByOne({ source, server, size }: Run): Promise<number[]> {
  const asker = await Asker.open(server.dnsPort);
  const latencies: number[] = [];
  try {
    for (let step = 0; step < CHANGES; step++) {
      // there and back again on each of half as many interfaces
      const made = await source.change(spreadOver(size, step >> 1, CHANGES / 2));
      latencies.push(await asker.until(made.name, tells(made)));
      await sleep(10);
    }
  } finally {
    asker.close();
  }
  return latencies;
}

/** Milliseconds of the server's CPU, without what it takes when nothing happens. */
async function cpuPerChange({ source, server, size }: Run): Promise<number> {
  const shares: number[] = [];
  for (let i = 0; i < IDLE_SECONDS; i++) shares.push(await cpuShare(server.pid, () => sleep(1_000)));
  // the median: a collection of garbage that falls into one of the seconds is not what idling costs
  const idle = quantile(shares, 0.5);
  const before = await cpuMicros(server.pid);
  const startedAt = performance.now();
  const made: Promise<unknown>[] = [];
  for (let step = 0; step < COUNTED_CHANGES; step++) {
    await sleep(Math.max(0, startedAt + (step * 1_000) / CHANGES_PER_SECOND - performance.now()));
    made.push(source.change(spreadOver(size, step >> 1, COUNTED_CHANGES / 2)));
  }
  await Promise.all(made);
  await sleep(500);
  const cpuMs = ((await cpuMicros(server.pid)) - before) / 1_000;
  return (cpuMs - idle * (performance.now() - startedAt)) / COUNTED_CHANGES;
}

/** The interfaces stay until the source is reset. */
export const newInterfaces: Part = {
  title: 'a new interface',
  kind: 'once',
  async measure({ source, server, size }: Run): Promise<readonly Figure[]> {
    const asker = await Asker.open(server.dnsPort);
    const latencies: number[] = [];
    try {
      for (let index = size; index < size + NEW_INTERFACES; index++) {
        await source.newInterface(index);
        latencies.push(await asker.until(interfaceAt(index).callName, hasAnyAddress));
        await sleep(NEW_PAUSE_MS);
      }
    } finally {
      asker.close();
    }
    return [
      { name: 'new → answer p50, ms', value: quantile(latencies, 0.5), samples: latencies },
      { name: 'p99, ms', value: quantile(latencies, 0.99) },
    ];
  },
};
