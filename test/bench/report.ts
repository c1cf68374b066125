/** The bench's tables: medians over the rounds, with the least and the most. */
import type { Sample } from './load.ts';
import type { NameSet } from './servers.ts';

/** One server's samples, one for each round. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly nameSet: NameSet;
  readonly samples: readonly Sample[];
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const HEADINGS: Readonly<Record<NameSet, string>> = {
  call: '1,000 call names, each a CNAME and its A',
  a: '1,000 A records',
};

/** Whose CPU time the other rows are divided by: the ids without the name set. */
const PEERS = [
  { id: 'coredns-cache', heading: '÷ CoreDNS `file` + `cache`' },
  { id: 'coredns-file', heading: '÷ CoreDNS `file`' },
  { id: 'knot', heading: '÷ Knot' },
] as const;

/** One Markdown table for each set of names, one row for each server. */
export function markdownTables(rows: readonly Row[]): string {
  const sets = (['call', 'a'] as const).filter((set) => rows.some(({ nameSet }) => nameSet === set));
  return sets
    .map((set) =>
      markdownTable(
        set,
        rows.filter(({ nameSet }) => nameSet === set),
      ),
    )
    .join('\n\n');
}

function markdownTable(nameSet: NameSet, rows: readonly Row[]): string {
  const peers = PEERS.flatMap(({ id, heading }) => {
    const row = rows.find((candidate) => candidate.id === `${id}-${nameSet}`);
    return row === undefined ? [] : [{ row, heading }];
  });
  const heading = [
    HEADINGS[nameSet],
    'CPU per query, µs',
    'queries/s, thousands',
    'lost',
    'memory, MB',
    ...peers.map((peer) => peer.heading),
  ];
  const lines = rows.map((row) => {
    const cpu = spread(row.samples.map(({ cpuMicrosPerQuery }) => cpuMicrosPerQuery));
    const thousands = spread(row.samples.map(({ queriesPerSecond }) => queriesPerSecond / 1_000));
    const lost = row.samples.reduce((sum, sample) => sum + sample.lost, 0);
    const memory = Math.max(...row.samples.map(({ rssMegabytes }) => rssMegabytes));
    const ratios = peers.map((peer) => (peer.row === row ? '1' : written(ratio(row, peer.row), 2)));
    return [row.title, written(cpu, 2), written(thousands, 0), `${lost}`, memory.toFixed(0), ...ratios];
  });
  return [heading, heading.map((_, i) => (i === 0 ? '---' : '--:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** One server's CPU per query divided by another's, round by round: neighbours in time share the noise. */
export function ratio(row: Row, peer: Row): Spread {
  return spread(
    row.samples.map(
      (sample, round) => sample.cpuMicrosPerQuery / (peer.samples[round]?.cpuMicrosPerQuery ?? Number.NaN),
    ),
  );
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function written({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}
