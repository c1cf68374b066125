import { bad, ok, type Result } from '../base/result.ts';
import type { DomainName } from '../name/domain-name.ts';
import { FieldReader } from './rdata/field-reader.ts';
import { parseRdata } from './rdata/formats.ts';
import type { ResourceRecord } from './record.ts';
import type { Token } from './token.ts';
import { Tokenizer } from './tokenizer.ts';

/** `$GENERATE` (BIND's extension to master files): a range, and templates in which `$` is the number. */

export interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

const MAX_NUMBER = 0x7fffffff;
export const MAX_GENERATED = 65_536;

/** `START-STOP` or `START-STOP/STEP` */
export function parseRange(text: string): Result<Range> {
  const match = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(text);
  if (match === null) return bad(`expected a range such as 1-10 or 0-254/2, found '${text}'`);
  const start = Number(match[1]);
  const stop = Number(match[2]);
  const step = Number(match[3] ?? 1);
  if (start > stop) return bad(`range '${text}' ends before it starts`);
  if (step === 0) return bad(`range '${text}' has a step of 0`);
  if (stop > MAX_NUMBER || step > MAX_NUMBER) return bad(`range '${text}' goes beyond ${MAX_NUMBER}`);
  const count = Math.floor((stop - start) / step) + 1;
  if (count > MAX_GENERATED)
    return bad(`range '${text}' has ${count} numbers, at most ${MAX_GENERATED} are made`);
  return ok({ start, stop, step });
}

/**
 * The template with its numbers put in: `$` is `value`, `$$` a dollar, `${OFFSET[,WIDTH[,BASE]]}` the sum of both,
 * padded with zeros, in base d, o, x or X, or as n or N: hex nibbles from the lowest, dots between them. Escapes stay
 * as they are, so `\$` becomes a dollar when the name or the string is read.
 */
export function expand(template: string, value: number): Result<string> {
  let result = '';
  for (let at = 0; at < template.length; ) {
    const next = nextSpecial(template, at);
    result += template.slice(at, next);
    at = next;
    if (template[at] === '\\') {
      result += template.slice(at, at + 2);
      at += 2;
    } else if (template[at + 1] === '$') {
      result += '$';
      at += 2;
    } else if (template[at + 1] === '{') {
      const end = template.indexOf('}', at);
      const format = parseFormat(template.slice(at, end < 0 ? undefined : end + 1));
      if (!format.ok) return format;
      const number = value + format.value.offset;
      if (number < 0 || number > MAX_NUMBER) return bad(`${number} is not between 0 and ${MAX_NUMBER}`);
      result += numberText(number, format.value);
      at = end + 1;
    } else if (at < template.length) {
      result += value;
      at++;
    }
  }
  return ok(result);
}

function nextSpecial(template: string, from: number): number {
  let at = from;
  while (at < template.length && template[at] !== '$' && template[at] !== '\\') at++;
  return at;
}

interface Format {
  readonly offset: number;
  readonly width: number;
  readonly base: string;
}

function parseFormat(text: string): Result<Format> {
  const match = /^\$\{(-?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?\}$/.exec(text);
  const width = Number(match?.[2] ?? 0);
  if (match === null || width > 255) {
    return bad(
      `expected \${OFFSET,WIDTH,BASE} with a width up to 255 and a base of d o x X n N, found '${text}'`,
    );
  }
  return ok({ offset: Number(match[1]), width, base: match[3] ?? 'd' });
}

function numberText(value: number, { width, base }: Format): string {
  if (base === 'n' || base === 'N') return nibbles(value, width, base);
  const digits = value.toString({ d: 10, o: 8 }[base] ?? 16).padStart(width, '0');
  return base === 'X' ? digits.toUpperCase() : digits;
}

/** The width counts the dots as well; a dot at the end is kept when the width asks for it, as BIND does. */
function nibbles(value: number, width: number, base: 'n' | 'N'): string {
  let text = '';
  let rest = value;
  do {
    text += (rest & 15).toString(16);
    rest >>>= 4;
    if (text.length < width || rest !== 0) text += '.';
  } while (text.length < width || rest !== 0);
  return base === 'N' ? text.toUpperCase() : text;
}

/** The rest of a $GENERATE entry as written; when it is one quoted token, what the quotes hold. */
export function readTemplate(reader: FieldReader): string | undefined {
  const tokens: Token[] = [];
  do {
    const token = reader.take('data with $');
    if (token === undefined) return undefined;
    tokens.push(token);
  } while (reader.hasMore);
  const [only, ...more] = tokens;
  if (only?.quoting === 'whole' && more.length === 0) return only.text.replace(/\\"/g, '"');
  return tokens.map(({ text, quoting }) => (quoting === 'whole' ? `"${text}"` : text)).join(' ');
}

export interface RecordTemplate {
  readonly owner: string;
  readonly type: number;
  readonly data: string;
}

export function generateRecord(
  template: RecordTemplate,
  value: number,
  origin: DomainName | undefined,
): Result<Pick<ResourceRecord, 'name' | 'rdata'>> {
  const owner = expand(template.owner, value);
  if (!owner.ok) return owner;
  const data = expand(template.data, value);
  if (!data.ok) return data;
  const entries = new Tokenizer(`${owner.value} ${data.value}`);
  entries.next();
  const problem = entries.problems[0];
  if (problem !== undefined) return bad(problem.text);
  const reader = new FieldReader(entries.tokens, origin);
  const name = reader.name('an owner name');
  const rdata = parseRdata(template.type, reader);
  return rdata === undefined ? bad(reader.failure?.reason ?? '') : ok({ name, rdata });
}
