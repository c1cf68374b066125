import assert from 'node:assert/strict';
import { problemText } from '../../src/base/problem.ts';
import { bad, ok } from '../../src/base/result.ts';
import { type DomainName, parseDomainName } from '../../src/name/domain-name.ts';
import type { Octets } from '../../src/name/octets.ts';
import { type MasterFile, parseMasterFile } from '../../src/zone/master-file.ts';
import { FieldReader } from '../../src/zone/rdata/field-reader.ts';
import { parseRdata } from '../../src/zone/rdata/formats.ts';
import { recordText } from '../../src/zone/record-text.ts';
import { Tokenizer } from '../../src/zone/tokenizer.ts';
import { parseType } from '../../src/zone/types.ts';

export function nameOf(text: string): DomainName {
  const name = parseDomainName(text);
  assert.ok(name.ok, text);
  return name.value;
}

export function typeOf(text: string): number {
  const type = parseType(text);
  assert.ok(type !== undefined, text);
  return type;
}

export const ORIGIN = nameOf('example.');

/** RDATA from its presentation form, or the reason why not, behind its column. */
export function readRdata(type: string, text: string): Octets | string {
  const entries = new Tokenizer(text);
  entries.next();
  assert.deepEqual(entries.problems, []);
  const reader = new FieldReader(entries.tokens, ORIGIN);
  const rdata = parseRdata(typeOf(type), reader);
  if (rdata !== undefined) return rdata;
  return `${reader.failure?.column}: ${reader.failure?.reason}`;
}

/** Reads `text` as the file `z` with the origin `example.`; `files` are what $INCLUDE finds. */
export function read(text: string, files: Readonly<Record<string, string>> = {}): MasterFile {
  return parseMasterFile({
    text,
    file: 'z',
    origin: ORIGIN,
    include: (path) => {
      const found = files[path];
      return found === undefined ? bad('no such file') : ok({ file: path, text: found });
    },
  });
}

/** The records as lines with single blanks; there must be no problems. */
export function records(text: string, files: Readonly<Record<string, string>> = {}): string[] {
  const { records, problems } = read(text, files);
  assert.deepEqual(problems.map(problemText), []);
  return records.map((record) => recordText(record).replaceAll('\t', ' '));
}
