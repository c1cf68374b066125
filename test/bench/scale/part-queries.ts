/** What a query costs when few names are asked for, and when all are. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '../../support/temp.ts';
import { shuffled } from '../catalogue.ts';
import { load } from '../load.ts';
import { spread } from '../report.ts';
import { interfaceAt } from './interfaces.ts';
import { type Figure, HOT_NAMES, type Part, type Run, spreadOver } from './run.ts';

const ROUNDS = 3;
const SECONDS = 4;
/** No shorter file: dnsperf begins it anew, and the order would repeat. */
const UNIFORM_LINES = 300_000;

export const queries: Part = {
  title: 'CPU per query',
  kind: 'repeatable',
  async measure({ server, size }: Run): Promise<readonly Figure[]> {
    const folder = tempFolder('queries');
    const asked = (file: string, names: readonly number[]) => {
      const path = join(folder, file);
      writeFileSync(path, names.map((index) => `${interfaceAt(index).callName} A\n`).join(''));
      return { pid: server.pid, port: server.dnsPort, queries: path };
    };
    const hot = asked('hot', hotNames(size));
    const uniform = asked('uniform', uniformNames(size));
    // once through all names, so that no reply is made for the first time while it is measured
    for (const which of [uniform, hot]) await load(which, SECONDS);
    const samples = { hot: [] as number[], uniform: [] as number[], lost: 0, perSecond: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      const one = await load(hot, SECONDS);
      const all = await load(uniform, SECONDS);
      samples.hot.push(one.cpuMicrosPerQuery);
      samples.uniform.push(all.cpuMicrosPerQuery);
      samples.perSecond.push(all.queriesPerSecond / 1_000);
      samples.lost += one.lost + all.lost;
    }
    const ratios = samples.uniform.map((micros, round) => micros / (samples.hot[round] ?? Number.NaN));
    return [
      { name: 'uniform ÷ hot', value: spread(ratios).median, samples: ratios },
      { name: `${HOT_NAMES} hot names, µs`, value: spread(samples.hot).median, samples: samples.hot },
      { name: 'all names, µs', value: spread(samples.uniform).median, samples: samples.uniform },
      { name: 'all names, thousands/s', value: spread(samples.perSecond).median, digits: 0 },
      { name: 'lost', value: samples.lost, digits: 0 },
    ];
  },
};

/** Not one package's, but from all over. */
function hotNames(size: number): number[] {
  const count = Math.min(size, HOT_NAMES);
  return shuffled(Array.from({ length: count }, (_, step) => spreadOver(size, step, count)));
}

/** All names equally often, in an order that no cache can guess. */
function uniformNames(size: number): number[] {
  const lines = Math.ceil(UNIFORM_LINES / size) * size;
  return shuffled(Array.from({ length: lines }, (_, line) => line % size));
}
