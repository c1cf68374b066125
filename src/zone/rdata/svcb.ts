import { didYouMeanText } from '../../base/did-you-mean.ts';
import type { Result } from '../../base/result.ts';
import type { DomainName } from '../../name/domain-name.ts';
import { type Octets, octets, readU16, u16 } from '../../name/octets.ts';
import { shown, type Token } from '../token.ts';
import { unescapeString } from './char-string.ts';
import type { FieldReader } from './field-reader.ts';
import { domainName, uint16 } from './fields.ts';
import { type Field, sequence } from './format.ts';
import {
  ALPN,
  KEY_NAMES,
  keyText,
  MANDATORY,
  NO_DEFAULT_ALPN,
  parseKey,
  svcParam,
  svcParamNamed,
} from './svc-params.ts';
import { nameEnd, type WireCursor } from './wire-cursor.ts';

/** SVCB and HTTPS (RFC 9460 section 2): priority, target, and parameters in ascending order of their keys. */

interface Written {
  readonly value: Octets;
  readonly token: Token;
}

const PARAMS: Field = {
  parse(reader) {
    const params = new Map<number, Written>();
    while (reader.hasMore) readParam(reader, params);
    if (reader.failure !== undefined) return '';
    const finding = inconsistency(new Map([...params].map(([key, { value }]) => [key, value])));
    if (finding !== undefined) reader.fail(finding.reason, params.get(finding.key)?.token);
    return [...params]
      .sort(([a], [b]) => a - b)
      .map(([key, { value }]) => u16(key) + u16(value.length) + value)
      .join('');
  },
  text(cursor) {
    const texts: string[] = [];
    const params = new Map<number, Octets>();
    let last = -1;
    while (cursor.left > 0) {
      const key = cursor.u16('a key');
      if (key <= last) cursor.fail(`${keyText(key)} stands behind ${keyText(last)}: keys must ascend`);
      last = key;
      const value = cursor.octets(cursor.u16(`the length of ${keyText(key)}`), keyText(key));
      if (cursor.failure !== undefined) break;
      params.set(key, value);
      texts.push(paramText(cursor, key, value));
    }
    const finding = inconsistency(params);
    if (finding !== undefined) cursor.fail(finding.reason);
    return texts.join(' ');
  },
};

function readParam(reader: FieldReader, params: Map<number, Written>): void {
  const token = reader.take('a parameter');
  if (token === undefined) return;
  const equals = token.text.indexOf('=');
  const name = equals < 0 ? token.text : token.text.slice(0, equals);
  const key = token.quoting === 'whole' ? undefined : parseKey(name);
  if (key === undefined) {
    reader.fail(`unknown parameter ${shown(token)}${didYouMeanText(name, KEY_NAMES)}`);
  } else if (params.has(key)) {
    reader.fail(`${keyText(key)} twice`);
  } else {
    const written = equals < 0 ? '' : token.text.slice(equals + 1);
    const value = readValue(name, key, token.quoting === 'value' ? written.slice(1, -1) : written);
    if (value.ok) params.set(key, { value: value.value, token });
    else reader.fail(`${name}: ${value.reason}`);
  }
}

function readValue(name: string, key: number, written: string): Result<Octets> {
  const raw = unescapeString(written);
  if (!raw.ok) return raw;
  const value = svcParamNamed(name, key).encode(raw.value);
  if (!value.ok) return value;
  const check = svcParam(key).decode(value.value);
  return check.ok ? value : check;
}

function paramText(cursor: WireCursor, key: number, value: Octets): string {
  if (key === 0xffff) cursor.fail('key65535 is reserved');
  const text = svcParam(key).decode(value);
  if (!text.ok) {
    cursor.fail(`${keyText(key)}: ${text.reason}`);
    return '';
  }
  if (value === '') return keyText(key);
  const plain = /^[0-9A-Za-z.:,+/=-]*$/.test(text.value);
  return `${keyText(key)}=${plain ? text.value : `"${text.value}"`}`;
}

/** RFC 9460 sections 8 and 7.1.1: what one parameter demands of the others. */
function inconsistency(params: ReadonlyMap<number, Octets>): { key: number; reason: string } | undefined {
  if (params.has(NO_DEFAULT_ALPN) && !params.has(ALPN)) {
    return { key: NO_DEFAULT_ALPN, reason: 'no-default-alpn without alpn' };
  }
  const needed = params.get(MANDATORY) ?? octets('');
  for (let at = 0; at + 1 < needed.length; at += 2) {
    const key = readU16(needed, at);
    if (!params.has(key))
      return { key: MANDATORY, reason: `mandatory names ${keyText(key)}, which is missing` };
  }
  return undefined;
}

const TARGET_AT = 2;

export const SVCB = sequence([uint16('the priority'), domainName('a target'), PARAMS], {
  names: { before: TARGET_AT, count: 1, compress: false },
  additional: (rdata) => rdata.slice(TARGET_AT, targetEnd(rdata)) as DomainName,
  verify(rdata) {
    if (readU16(rdata, 0) !== 0 || targetEnd(rdata) === rdata.length) return undefined;
    return { field: 2, reason: 'priority 0 is an alias, which has no parameters' };
  },
});

function targetEnd(rdata: Octets): number {
  return nameEnd(rdata, TARGET_AT) ?? rdata.length;
}
