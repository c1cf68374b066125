/**
 * The bench in its shortest form: rpc-dns's CPU per query of the 1,000 hot call names, divided by that of the echo in C.
 *
 *     node test/bench/main.ts short [--record]
 *
 * `test/e2e/speed.test.ts` compares it with what was recorded. Of the peers the echo's ratio varies least: a sixth, on a
 * machine that others kept busy.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Part } from '../support/provision.ts';
import { benchQueries } from './queries.ts';
import { type Machine, machine } from './raw-figures.ts';
import { ratio, type Spread } from './report.ts';

const OURS = 'rpc-dns-mmsg';
const PEER = 'echo';
const SECONDS = 2;
const RECORD = new URL('../e2e/speed.json', import.meta.url);

export const SHORT_PARTS: readonly Part[] = ['dnsperf', 'bench-programs'];

export interface SpeedRecord extends Spread {
  readonly at: string;
  readonly machine: Machine;
}

/** Takes about 4 seconds for each round, and 8 for the start. */
export async function shortRatio(rounds: number, say: (line: string) => void): Promise<Spread> {
  const options = { rounds, seconds: SECONDS, warmUpSeconds: SECONDS, only: [OURS, PEER], sets: ['call'] };
  const rows = await benchQueries(options, say);
  const [ours, peer] = [OURS, PEER].map((id) => rows.find(({ server }) => server === id));
  if (ours === undefined || peer === undefined) throw new Error(`not both of ${OURS} and ${PEER} were asked`);
  return ratio(ours, peer);
}

export function readRecord(): SpeedRecord {
  return JSON.parse(readFileSync(RECORD, 'utf8')) as SpeedRecord;
}

export function writeRecord(measured: Spread): void {
  const rounded = Object.entries(measured).map(([name, value]) => [name, Number(value.toFixed(2))]);
  const record = {
    ...Object.fromEntries(rounded),
    at: new Date().toISOString().slice(0, 10),
    machine: machine(),
  };
  writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`);
}
