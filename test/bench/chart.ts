/**
 * Draws CPU per query as bars: `docs/queries.svg`.
 *
 *     node test/bench/chart.ts FILE…      FILE: figures of `.cache/bench/`, as a run wrote them
 *
 * No colour of a background, and greys and a blue that stand out on white as on black: pages have themes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Sample } from './load.ts';
import { questionSets } from './question-sets.ts';
import { type Row, spread } from './report.ts';

/** One group of bars each, in this order. */
const CHARTED = ['call', 'names-100000'];
const CHART = fileURLToPath(new URL('../../docs/queries.svg', import.meta.url));

const WIDTH = 860;
const LABELS = 370;
const FIGURES = 70;
const LINE = 26;
const BAR = 16;
const HEADING = 40;
const COLOURS = { text: '#768390', ours: '#4184e4', others: '#909dab' };

/** What is drawn of a row. */
type Bar = Pick<Row, 'server' | 'title'> & { readonly set: string; readonly samples: readonly Sample[] };

/** Writes the chart; @returns its path, or undefined when no set was measured that it shows. */
export function drawChart(rows: readonly Row[]): string | undefined {
  return draw(rows.map((row) => ({ ...row, set: row.set.id })));
}

function draw(bars: readonly Bar[]): string | undefined {
  const measured = bars
    .filter(({ set }) => CHARTED.includes(set))
    .map((bar) => ({ ...bar, micros: spread(bar.samples.map((sample) => sample.cpuMicrosPerQuery)).median }));
  if (measured.length === 0) return undefined;
  const most = Math.max(...measured.map(({ micros }) => micros));
  const parts: string[] = [];
  let y = 0;
  for (const set of questionSets.filter(({ id }) => CHARTED.includes(id))) {
    const group = measured.filter((bar) => bar.set === set.id).sort((a, b) => a.micros - b.micros);
    if (group.length === 0) continue;
    parts.push(text(0, y + HEADING - 16, `${set.heading}: CPU per query, µs`, 'font-weight="bold"'));
    y += HEADING;
    for (const { server, title, micros } of group) {
      const width = (micros / most) * (WIDTH - LABELS - FIGURES);
      const isOurs = server.startsWith('rpc-dns');
      const middle = y + LINE / 2;
      parts.push(
        text(LABELS - 10, middle, plain(title), 'text-anchor="end"'),
        `<rect x="${LABELS}" y="${middle - BAR / 2}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${isOurs ? COLOURS.ours : COLOURS.others}"/>`,
        text(LABELS + width + 8, middle, micros.toFixed(1), ''),
      );
      y += LINE;
    }
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" width="${WIDTH}" height="${y + 8}" role="img" aria-label="CPU time of each server for a query" font-family="system-ui, sans-serif" font-size="14" fill="${COLOURS.text}">`;
  writeFileSync(CHART, `${[head, ...parts, '</svg>'].join('\n')}\n`);
  return CHART;
}

/** Around its middle; @param y in the middle of the line */
function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" dy="0.35em" ${attributes}>${words}</text>`;
}

/** Markdown as the text of an element. */
function plain(title: string): string {
  return title
    .replaceAll(/\*\*|`/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;');
}

if (import.meta.main) {
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as { rows: readonly Bar[] };
  console.log(
    draw(process.argv.slice(2).flatMap((file) => read(file).rows)) ?? `no figures of ${CHARTED.join(' or ')}`,
  );
}
