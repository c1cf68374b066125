/**
 * How long a query takes at a fixed rate, beside Knot and NSD, and while a registry changes: `npm run bench -- latency`.
 *
 * The rate is half of what the slower of rpc-dns and Knot answers at most. What the echo in C takes is what the sockets and
 * the asker take: the floor.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runToEnd } from '../support/process.ts';
import { benchProgramPath, provision } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';
import { CALLS, numbers } from './catalogue.ts';
import { load } from './load.ts';
import { questionSets, writeQuestions } from './question-sets.ts';
import { markdownTable, spread } from './report.ts';
import { Asker } from './scale/asker.ts';
import { GeneratedSource } from './scale/generated-source.ts';
import { interfaceAt } from './scale/interfaces.ts';
import { blow, STORM_PER_SECOND } from './scale/part-latency.ts';
import { HOT_NAMES, spreadOver } from './scale/run.ts';
import type { LoadFigures } from './scale/steady-load.ts';
import { oursGenerated } from './scale/subject.ts';
import { type RunningServer, servers, startBenchServer } from './servers.ts';

export interface LatencyOptions {
  readonly rounds: number;
  /** of each load */
  readonly seconds: number;
  /** queries a second while the registry changes */
  readonly rate: number;
}

/** Milliseconds, but for the counts. */
type LatencyFigures = Omit<LoadFigures, 'droppedAtClient'>;

export interface LatencyRow {
  readonly title: string;
  /** queries a second */
  readonly rate: number;
  readonly rounds: LatencyFigures[];
}

const COMPARED = ['rpc-dns-mmsg', 'knot', 'nsd', 'echo'];
/** Whose capacity decides the rate. */
const PACE = ['rpc-dns-mmsg', 'knot'];
const CAPACITY_SECONDS = 4;
/** Interfaces of the registry that changes. */
const STORM_SIZE = 10_000;

export async function benchLatency(
  options: LatencyOptions,
  say: (line: string) => void,
): Promise<readonly LatencyRow[]> {
  const missing = await provision(['dnsperf', 'knot', 'nsd', 'bench-programs']);
  if (missing.length > 0) throw new Error(`the bench needs ${missing.join(', ')}`);
  return [...(await compare(options, say)), ...(await measureStorm(options, say))];
}

async function compare({ rounds, seconds }: LatencyOptions, say: (line: string) => void) {
  const folder = tempFolder('latency');
  const [set] = questionSets;
  if (set === undefined) throw new Error('no set of questions');
  const names = writeNames(folder, numbers(CALLS.count).map(CALLS.nameAt));
  const queries = join(folder, 'questions');
  await writeQuestions(set, queries);
  const running: { id: string; title: string; server: RunningServer }[] = [];
  try {
    for (const server of servers.filter(({ id }) => COMPARED.includes(id))) {
      const { id, title } = server;
      running.push({ id, title, server: await startBenchServer(server, set, join(folder, id)) });
    }
    const capacities: number[] = [];
    for (const { id, server } of running.filter((one) => PACE.includes(one.id))) {
      const asked = { pid: server.pid, port: server.port, queries };
      await load(asked, CAPACITY_SECONDS);
      const { queriesPerSecond } = await load(asked, CAPACITY_SECONDS);
      say(`${id}: ${queriesPerSecond.toFixed(0)} queries a second at most`);
      capacities.push(queriesPerSecond);
    }
    const rate = Math.max(1_000, Math.floor(Math.min(...capacities) / 2_000) * 1_000);
    const rows = running.map(({ title, server }) => {
      return { title, rate, rounds: [] as LatencyFigures[], port: server.port };
    });
    for (let round = 1; round <= rounds; round++) {
      for (const row of rows) {
        const figures = await askSteadily(row.port, rate, seconds, names);
        row.rounds.push(figures);
        say(`round ${round} of ${rounds}: ${row.title}: ${JSON.stringify(figures)}`);
      }
    }
    return rows.map(({ title, rounds: measured }): LatencyRow => ({ title, rate, rounds: measured }));
  } finally {
    for (const { server } of running) await server.stop();
  }
}

/** rpc-dns with a registry that makes up its interfaces: quiet, and while a thousand of them change each second. */
async function measureStorm({ rounds, seconds, rate }: LatencyOptions, say: (line: string) => void) {
  const folder = tempFolder('storm');
  const source = new GeneratedSource(3);
  await source.plant(STORM_SIZE);
  const server = await oursGenerated().start(folder, source.registries);
  const title = '**rpc-dns**, `engine: mmsg`';
  const quiet: LatencyRow = {
    title: `${title}, ${STORM_SIZE.toLocaleString('en')} interfaces`,
    rate,
    rounds: [],
  };
  const stormy: LatencyRow = {
    title: `${title}, the same under ${STORM_PER_SECOND.toLocaleString('en')} changes a second`,
    rate,
    rounds: [],
  };
  try {
    await server.untilReady();
    // nothing of the start is left over
    await sleep(5_000);
    const hot = numbers(HOT_NAMES).map((i) => interfaceAt(spreadOver(STORM_SIZE, i, HOT_NAMES)).callName);
    const names = writeNames(folder, hot);
    const asker = await Asker.open(server.dnsPort);
    try {
      for (let round = 1; round <= rounds; round++) {
        quiet.rounds.push(await askSteadily(server.dnsPort, rate, seconds, names));
        // the asker's first second is not counted, nor is what it waits for at the end
        const [figures] = await Promise.all([
          askSteadily(server.dnsPort, rate, seconds, names),
          blow({ source, size: STORM_SIZE, seconds: seconds + 1 }, asker),
        ]);
        stormy.rounds.push(figures);
        say(`round ${round} of ${rounds}: ${stormy.title}: ${JSON.stringify(figures)}`);
      }
    } finally {
      asker.close();
    }
  } finally {
    await server.stop();
    await source.remove();
  }
  return [quiet, stormy];
}

async function askSteadily(
  port: number,
  rate: number,
  seconds: number,
  names: string,
): Promise<LatencyFigures> {
  const args = [port, rate, seconds, names].map(String);
  const { code, stdout, stderr } = await runToEnd(benchProgramPath('asker'), args, {
    deadlineMs: seconds * 1_000 + 30_000,
  });
  if (code !== 0) throw new Error(`asker: ${stderr}`);
  return JSON.parse(stdout) as LatencyFigures;
}

function writeNames(folder: string, names: readonly string[]): string {
  const path = join(folder, 'names');
  writeFileSync(path, `${names.join('\n')}\n`);
  return path;
}

/** Medians over the rounds. */
export function latencyTable(rows: readonly LatencyRow[]): string {
  const middle = ({ rounds }: LatencyRow, figure: (one: LatencyFigures) => number, digits = 2): string =>
    spread(rounds.map(figure)).median.toFixed(digits);
  return markdownTable([
    [
      '1,000 hot call names at a fixed rate',
      'queries/s, thousands',
      'p50, ms',
      'p99, ms',
      'p99.9, ms',
      'max, ms',
      'lost',
    ],
    ...rows.map((row) => [
      row.title,
      (row.rate / 1_000).toFixed(0),
      middle(row, ({ p50 }) => p50, 3),
      middle(row, ({ p99 }) => p99),
      middle(row, ({ p999 }) => p999),
      middle(row, ({ max }) => max),
      `${row.rounds.reduce((sum, { lost }) => sum + lost, 0)}`,
    ]),
  ]);
}
