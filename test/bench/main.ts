/**
 * rpc-dns beside CoreDNS and Knot on the same 1,000 names: `npm run bench`.
 *
 *     node test/bench/main.ts costs
 *     node test/bench/main.ts kubernetes [--objects 10000]
 *     node test/bench/main.ts sidecars [--interfaces 100000] [--streams 1000] [--vips 10] [--wholes 10000]
 *     node test/bench/main.ts scale [--sizes 1000,10000,100000] [--beside COMMIT] [--generated 3] [--only memory,…] …
 *     node test/bench/main.ts [--rounds 5] [--seconds 4] [--only rpc-dns,coredns-cache,knot-a]
 *
 * Markdown tables go to standard output, progress to standard error, every figure to `.cache/bench/`.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { provision } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';
import { benchKubernetes } from './kubernetes.ts';
import { load, type Sample } from './load.ts';
import { benchQuestionCosts } from './question-costs.ts';
import { writeRaw } from './raw-figures.ts';
import { markdownTables, type Row, ratio } from './report.ts';
import { benchScale } from './scale/scale.ts';
import { type BenchServer, type RunningServer, servers } from './servers.ts';
import { benchSidecars } from './sidecars.ts';

interface Contestant extends BenchServer {
  readonly running: RunningServer;
  readonly samples: Sample[];
}

interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Ids of servers, or what they begin with. */
  readonly only: readonly string[];
}

async function bench(options: BenchOptions): Promise<void> {
  const { rounds, seconds } = options;
  const chosen = servers.filter(({ id }) => options.only.some((prefix) => id.startsWith(prefix)));
  if (chosen.length === 0) throw new Error(`there are: ${servers.map(({ id }) => id).join(', ')}`);
  const missing = await provision(['dnsperf', ...chosen.flatMap(({ parts }) => parts)]);
  if (missing.length > 0) throw new Error(`the bench needs ${missing.join(', ')}`);

  const folder = tempFolder('bench');
  const contestants: Contestant[] = [];
  try {
    for (const server of chosen) {
      const running = await server.start(join(folder, server.id));
      contestants.push({ ...server, running, samples: [] });
      await running.verify();
      say(`${server.id}: 20 of 1,000 names right; warming up`);
      await load(running, Math.min(seconds, 3));
    }
    // In turn, so that a busy moment of the machine falls on everybody.
    for (let round = 1; round <= rounds; round++) {
      for (const { id, running, samples } of contestants) {
        const sample = await load(running, seconds);
        samples.push(sample);
        const { cpuMicrosPerQuery, queriesPerSecond, lost } = sample;
        const figures = `${cpuMicrosPerQuery.toFixed(2)} µs, ${queriesPerSecond.toFixed(0)} queries/s, ${lost} lost`;
        say(`round ${round} of ${rounds}: ${id}: ${figures}`);
      }
    }
    for (const { running } of contestants) await running.verify();
  } finally {
    for (const { running } of contestants) await running.stop();
  }
  const rows = contestants.map(({ id, title, nameSet, samples }) => ({ id, title, nameSet, samples }));
  say(`raw figures: ${await writeRaw('', { options, ratios: ratiosOf(rows), rows })}`);
  console.log(markdownTables(rows));
}

function ratiosOf(rows: readonly Row[]): object {
  const entries = rows.map((row) => {
    const peers = rows.filter(({ nameSet }) => nameSet === row.nameSet);
    return [row.id, Object.fromEntries(peers.map((peer) => [peer.id, ratio(row, peer)]))] as const;
  });
  return Object.fromEntries(entries);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function atLeastOne(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name}: a whole number from 1 on`);
  return value;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    objects: { type: 'string', default: '10000' },
    interfaces: { type: 'string', default: '100000' },
    streams: { type: 'string', default: '1000' },
    vips: { type: 'string', default: '10' },
    wholes: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    sizes: { type: 'string', default: '1000,10000,100000' },
    beside: { type: 'string' },
    generated: { type: 'string' },
    rate: { type: 'string', default: '20000' },
    attempts: { type: 'string', default: '3' },
  },
});
try {
  if (positionals[0] === 'kubernetes') {
    console.log(await benchKubernetes(atLeastOne(values.objects, 'objects'), say));
  } else if (positionals[0] === 'sidecars') {
    const options = {
      interfaces: atLeastOne(values.interfaces, 'interfaces'),
      streams: atLeastOne(values.streams, 'streams'),
      vips: atLeastOne(values.vips, 'vips'),
      wholes: atLeastOne(values.wholes, 'wholes'),
    };
    console.log(await benchSidecars(options, say));
  } else if (positionals[0] === 'costs') await benchQuestionCosts(say);
  else if (positionals[0] === 'scale') {
    const options = {
      sizes: values.sizes.split(',').map((size) => atLeastOne(size, 'sizes')),
      beside: values.beside,
      generated: values.generated === undefined ? undefined : atLeastOne(values.generated, 'generated'),
      only: values.only?.split(','),
      seconds: atLeastOne(values.seconds ?? '10', 'seconds'),
      rate: atLeastOne(values.rate, 'rate'),
      attempts: atLeastOne(values.attempts, 'attempts'),
    };
    await benchScale(options, say);
  } else if (positionals.length > 0)
    throw new Error(`'${positionals[0]}': expected nothing, costs, kubernetes, scale or sidecars`);
  else
    await bench({
      rounds: atLeastOne(values.rounds, 'rounds'),
      seconds: atLeastOne(values.seconds ?? '4', 'seconds'),
      only: values.only?.split(',') ?? servers.map(({ id }) => id),
    });
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
