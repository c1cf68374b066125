import type { Lines } from './blocks.ts';

/** A text for one DNS server, and what a person has to know of it. */
export interface Section {
  readonly title: string;
  readonly notes: readonly Note[];
  readonly body: Lines;
}

/** A short label and a sentence or two. */
export type Note = readonly [label: string, text: string];

const WIDTH = 112;
const LABEL_WIDTH = 9;

/** The notes as comments, then the text. */
export function printed({ title, notes, body }: Section): string[] {
  return [...head(title, notes), ...body];
}

/** What stands in front of each line of a text that is no part of the Corefile. */
export const QUOTE = '#| ';

/** All as comments. */
export function quoted({ title, notes, body }: Section): string[] {
  return [...head(title, notes), ...body.map((line) => `${QUOTE}${line}`)];
}

function head(title: string, notes: readonly Note[]): string[] {
  return [`# ==== ${title} ====`, ...notes.flatMap(([label, text]) => comment(text, label))];
}

/** A text as comment lines of bounded width, set in behind its label. */
export function comment(text: string, label = ''): string[] {
  const margin = label === '' ? 0 : LABEL_WIDTH;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && margin + line.length + word.length >= WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  lines.push(line);
  return lines.map((each, i) => `# ${(i === 0 ? label : '').padEnd(margin)}${each}`);
}
