/**
 * rpc-dns beside CoreDNS, Knot, NSD and an echo in C, asked the same: `npm run bench`.
 *
 *     node test/bench/main.ts costs
 *     node test/bench/main.ts latency [--rounds 5] [--seconds 4] [--rate 20000]
 *     node test/bench/main.ts short [--rounds 5] [--record]
 *     node test/bench/main.ts kubernetes [--objects 10000]
 *     node test/bench/main.ts sidecars [--interfaces 100000] [--streams 1000] [--vips 10] [--wholes 10000]
 *     node test/bench/main.ts scale [--sizes 1000,10000,100000] [--beside COMMIT] [--generated 3] [--only memory,…] …
 *     node test/bench/main.ts [--rounds 5] [--seconds 4] [--only rpc-dns,coredns-cache,knot] [--sets call,tcp,…] [--chart]
 *
 * Sets of questions: call, tcp, edns, nodata, refused, nxdomain, a; only when they are named: names-100000,
 * records-1000000. `question-sets.ts` says what they are; `--only` takes what the ids in `servers.ts` begin with.
 *
 * `--chart` draws docs/queries.svg of call and names-100000, as far as they were asked.
 *
 * Markdown tables go to standard output, progress to standard error, every figure to `.cache/bench/`.
 */
import { parseArgs } from 'node:util';
import { drawChart } from './chart.ts';
import { benchKubernetes } from './kubernetes.ts';
import { benchLatency, latencyTable } from './latency.ts';
import { type BenchOptions, benchQueries, rawFigures } from './queries.ts';
import { benchQuestionCosts } from './question-costs.ts';
import { writeRaw } from './raw-figures.ts';
import { markdownTables, type Row } from './report.ts';
import { benchScale } from './scale/scale.ts';
import { shortRatio, writeRecord } from './short.ts';
import { benchSidecars } from './sidecars.ts';

/** @param isDrawn whether it draws the chart of the README, too */
async function bench(options: BenchOptions, isDrawn: boolean): Promise<void> {
  let rows: readonly Row[] = [];
  try {
    await benchQueries(options, say, (measured) => {
      rows = measured;
    });
  } finally {
    if (rows.length > 0) {
      say(`raw figures: ${await writeRaw('', { options, ...rawFigures(rows) })}`);
      if (isDrawn) say(`chart: ${drawChart(rows) ?? 'none of the sets that it shows was asked'}`);
      console.log(markdownTables(rows));
    }
  }
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
    sets: { type: 'string' },
    record: { type: 'boolean', default: false },
    chart: { type: 'boolean', default: false },
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
  } else if (positionals[0] === 'latency') {
    const options = {
      rounds: atLeastOne(values.rounds, 'rounds'),
      seconds: atLeastOne(values.seconds ?? '4', 'seconds'),
      rate: atLeastOne(values.rate, 'rate'),
    };
    const rows = await benchLatency(options, say);
    say(`raw figures: ${await writeRaw('latency-', { options, rows })}`);
    console.log(latencyTable(rows));
  } else if (positionals[0] === 'short') {
    const measured = await shortRatio(atLeastOne(values.rounds, 'rounds'), say);
    console.log(`${measured.median.toFixed(2)} times the echo in C`);
    if (values.record) writeRecord(measured);
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
    throw new Error(
      `'${positionals[0]}': expected nothing, costs, kubernetes, latency, scale, short or sidecars`,
    );
  else {
    const options = {
      rounds: atLeastOne(values.rounds, 'rounds'),
      seconds: atLeastOne(values.seconds ?? '4', 'seconds'),
      only: values.only?.split(','),
      sets: values.sets?.split(','),
    };
    await bench(options, values.chart);
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
