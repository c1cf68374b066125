/** The tables of the scale bench: one for each part, the ratios between its rows in front of the rows themselves. */
import type { Figure } from './run.ts';

/** What one part found of one server at one size. */
export interface Row {
  readonly part: string;
  readonly title: string;
  readonly subject: string;
  readonly size: number;
  readonly figures: readonly Figure[];
  /** How many cores others kept busy meanwhile: above some tenths the times are worse than they should be. */
  readonly otherCores: number;
}

export function scaleTables(rows: readonly Row[]): string {
  const parts = [...new Set(rows.map(({ part }) => part))];
  return parts.map((part) => table(rows.filter((row) => row.part === part))).join('\n\n');
}

function table(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return '';
  const names = [...first.figures.map(({ name }) => name), 'noise, cores'];
  const lines = [
    ...betweenSubjects(rows).map(([label, above, below]) => quotients(label, above, below)),
    ...betweenSizes(rows).map(([label, above, below]) => quotients(label, above, below)),
    ...rows.map(({ subject, size, figures, otherCores }) => [
      `${subject}, ${count(size)}`,
      ...figures.map(({ value, digits = 2 }) => written(value, digits)),
      otherCores.toFixed(1),
    ]),
  ];
  return [[first.title, ...names], ['---', ...names.map(() => '--:')], ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

type Pair = readonly [label: string, above: Row, below: Row];

/** Ours against the other commit, size by size. */
function betweenSubjects(rows: readonly Row[]): Pair[] {
  const [ours, other] = new Set(rows.map(({ subject }) => subject));
  return rows.flatMap((row): Pair[] => {
    const below = rows.find(({ subject, size }) => subject === other && size === row.size);
    if (row.subject !== ours || below === undefined) return [];
    return [[`**${ours} ÷ ${other}**, ${count(row.size)}`, row, below]];
  });
}

/** Each size against the smallest, of one server. */
function betweenSizes(rows: readonly Row[]): Pair[] {
  return rows.flatMap((row): Pair[] => {
    const smallest = rows.find(({ subject }) => subject === row.subject);
    if (smallest === undefined || smallest === row) return [];
    return [[`**${count(row.size)} ÷ ${count(smallest.size)}**, ${row.subject}`, row, smallest]];
  });
}

function quotients(label: string, above: Row, below: Row): string[] {
  const ratios = above.figures.map(({ value }, i) => written(value / (below.figures[i]?.value ?? 0), 2));
  return [label, ...ratios, ''];
}

/** Of nothing lost there is no ratio. */
function written(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}

function count(size: number): string {
  return size.toLocaleString('en');
}
