/** The bench's tables: medians over the rounds, with the least and the most. */
import type { Sample } from './load.ts';
import type { QuestionSet } from './question-sets.ts';

/** What one server did with one set: samples, one for each round. */
export interface Row {
  /** the server's id */
  readonly server: string;
  readonly title: string;
  readonly set: QuestionSet;
  /** From its start to the first right answer. */
  readonly startSeconds: number;
  /** After the first load with this set: what later sets leave behind does not count. */
  readonly megabytes: number;
  readonly samples: readonly Sample[];
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Whose CPU time that of the others is divided by. */
const PEERS = [
  { id: 'coredns-cache', heading: '÷ CoreDNS `file` + `cache`' },
  { id: 'knot', heading: '÷ Knot' },
  { id: 'nsd', heading: '÷ NSD' },
  { id: 'echo', heading: '÷ echo in C' },
] as const;
const OURS = 'rpc-dns-mmsg';

/** One Markdown table for each set, but the variations of one share theirs; one row for each server. */
export function markdownTables(rows: readonly Row[]): string {
  const sets = [...new Set(rows.map(({ set }) => set))];
  const variations = sets.filter(({ shownAs }) => shownAs === 'column');
  return [
    ...sets.filter(({ shownAs }) => shownAs === 'table').map((set) => setTable(set, rows)),
    ...(variations.length > 0 ? [variationsTable(variations, rows)] : []),
  ].join('\n\n');
}

/** Lines of cells; the first is the heading, the first column is text. */
export function markdownTable(lines: readonly (readonly string[])[]): string {
  const [heading = [], ...rest] = lines;
  return [heading, heading.map((_, i) => (i === 0 ? '---' : '--:')), ...rest]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function setTable(set: QuestionSet, all: readonly Row[]): string {
  const rows = all.filter((row) => row.set === set);
  const peers = PEERS.flatMap(({ id, heading }) => {
    const row = rows.find(({ server }) => server === id);
    return row === undefined ? [] : [{ row, heading }];
  });
  const lines = rows.map((row) => {
    const thousands = spread(row.samples.map(({ queriesPerSecond }) => queriesPerSecond / 1_000));
    const divisor = divisorOf(row, all);
    return [
      row.title,
      written(cpu(row), 2),
      written(thousands, 0),
      `${lost([row])}`,
      row.megabytes.toFixed(0),
      ...(set.isLarge ? [row.startSeconds.toFixed(1)] : []),
      ...peers.map((peer) => (peer.row === row ? '1' : written(ratio(row, peer.row), 2))),
      ...(set.against === undefined ? [] : [divisor === undefined ? '' : written(ratio(row, divisor), 2)]),
    ];
  });
  return markdownTable([
    [
      set.heading,
      'CPU per query, µs',
      'queries/s, thousands',
      'lost',
      'memory, MB',
      ...(set.isLarge ? ['first right answer, s'] : []),
      ...peers.map((peer) => peer.heading),
      ...(set.against === undefined ? [] : ['÷ its own 1,000 hot names']),
    ],
    ...lines,
  ]);
}

function variationsTable(sets: readonly QuestionSet[], all: readonly Row[]): string {
  const rowOf = (server: string, set: QuestionSet): Row | undefined =>
    all.find((row) => row.server === server && row.set === set);
  const asked = all.filter(({ set }) => sets.includes(set));
  const titles = new Map(asked.map(({ server, title }) => [server, title]));
  const servers = [...titles].map(([server, title]) => {
    const rows = sets.map((set) => rowOf(server, set));
    const cells = rows.map((row) => {
      if (row === undefined) return '';
      const divisor = divisorOf(row, all);
      const times = divisor === undefined ? '' : `, ${ratio(row, divisor).median.toFixed(2)} ×`;
      return `${cpu(row).median.toFixed(2)}${times}`;
    });
    return [title, ...cells, `${lost(rows.filter((row) => row !== undefined))}`];
  });
  const ratios = PEERS.filter(({ id }) => titles.has(id) && titles.has(OURS)).map(({ id, heading }) => {
    const cells = sets.map((set) => {
      const [ours, peer] = [rowOf(OURS, set), rowOf(id, set)];
      return ours === undefined || peer === undefined ? '' : written(ratio(ours, peer), 2);
    });
    return [`rpc-dns (mmsg) ${heading}`, ...cells, ''];
  });
  const heading = 'CPU per query, µs, and × what the same server needs for its 1,000 call names';
  return markdownTable([[heading, ...sets.map((set) => set.heading), 'lost'], ...servers, ...ratios]);
}

/** What the same server did with the set that this one is set against. */
function divisorOf({ server, set }: Row, all: readonly Row[]): Row | undefined {
  return all.find((other) => other.server === server && other.set.id === set.against);
}

export function cpu({ samples }: Row): Spread {
  return spread(samples.map(({ cpuMicrosPerQuery }) => cpuMicrosPerQuery));
}

function lost(rows: readonly Row[]): number {
  return rows.flatMap(({ samples }) => samples).reduce((sum, sample) => sum + sample.lost, 0);
}

/** One's CPU per query divided by another's, round by round: neighbours in time share the noise. */
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
