import { bad, ok, type Result } from '../base/result.ts';
import type { Octets } from './octets.ts';

/**
 * An absolute domain name in uncompressed wire form (RFC 1035 section 3.1): each label behind its length octet,
 * the root's zero octet last, letter case as given. `com.` is `"\x03com\x00"`. At most 255 octets, labels at most 63.
 *
 * Dots inside labels, and octets of any value, need no escape here; only {@link parseDomainName} and
 * {@link toText} know the presentation form.
 */
export type DomainName = Octets & { readonly __domainName: true };

/** A DomainName with A–Z lowered: what maps are keyed by, since names compare without case (RFC 4343). */
export type NameKey = DomainName & { readonly __key: true };

/** Labels that go in front of a DomainName: wire form without the root's zero octet. May be empty. */
export type Prefix = Octets & { readonly __prefix: true };

export const ROOT = '\x00' as NameKey;
export const NO_LABELS = '' as Prefix;
export const MAX_LABEL = 63;
export const MAX_NAME = 255;

/**
 * Reads the presentation form (RFC 1035 section 5.1): `\.` and `\DDD` escapes, a trailing dot for an absolute
 * name, `@` for the origin. A name without the trailing dot is completed by `origin` (default: the root).
 */
export function parseDomainName(text: string, origin: DomainName = ROOT): Result<DomainName> {
  if (text === '') return bad('empty domain name');
  if (text === '.') return ok(ROOT);
  if (text === '@') return ok(origin);
  let name = '';
  let label = '';
  // characters that stand for themselves are taken over in runs
  let run = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      label += text.slice(run, i);
      if (label === '') return bad(`empty label in domain name '${text}'`);
      if (label.length > MAX_LABEL) return bad(`label over ${MAX_LABEL} octets in domain name '${text}'`);
      name += String.fromCharCode(label.length) + label;
      label = '';
      run = i + 1;
    } else if (code === 0x5c) {
      const read = readEscape(text, i);
      if (!read.ok) return read;
      label += text.slice(run, i) + String.fromCharCode(read.value.octet);
      i += read.value.length - 1;
      run = i + 1;
    } else if (code > 0x7f) {
      return bad(`'${text[i]}' in domain name '${text}': write non-ASCII octets as \\DDD, or use punycode`);
    }
  }
  label += text.slice(run);
  if (label.length > MAX_LABEL) return bad(`label over ${MAX_LABEL} octets in domain name '${text}'`);
  // nothing behind the last dot: the name is absolute
  name += label === '' ? ROOT : String.fromCharCode(label.length) + label + origin;
  if (name.length > MAX_NAME) return bad(`domain name '${text}' over ${MAX_NAME} octets`);
  return ok(name as DomainName);
}

/** One `\X` or `\DDD` escape at `at`; `length` counts the backslash. */
export function readEscape(text: string, at: number): Result<{ octet: number; length: number }> {
  const digits = text.slice(at + 1, at + 4);
  if (/^\d/.test(digits)) {
    if (!/^\d{3}$/.test(digits) || Number(digits) > 255) {
      return bad(`'\\${digits}': expected three digits up to \\255`);
    }
    return ok({ octet: Number(digits), length: 4 });
  }
  if (at + 1 >= text.length) return bad("'\\' at the end: expected a character to escape");
  const octet = text.charCodeAt(at + 1);
  if (octet > 0x7f) return bad(`'\\${text[at + 1]}': write non-ASCII octets as \\DDD`);
  return ok({ octet, length: 2 });
}

/** The presentation form, absolute (`com.foo.`), with every octet escaped that would be misread. */
export function toText(name: DomainName): string {
  if (name === ROOT) return '.';
  let text = '';
  for (let at = 0; at < name.length; ) {
    const length = name.charCodeAt(at);
    if (length === 0) break;
    for (let i = at + 1; i <= at + length; i++) text += escapeOctet(name.charCodeAt(i));
    text += '.';
    at += length + 1;
  }
  return text;
}

function escapeOctet(octet: number): string {
  if (octet <= 0x20 || octet >= 0x7f) return `\\${octet.toString().padStart(3, '0')}`;
  const char = String.fromCharCode(octet);
  return '."();@$\\'.includes(char) ? `\\${char}` : char;
}

/** The presentation form without the trailing dot, as people write it. The root is `.`. */
export function toShortText(name: DomainName): string {
  return name === ROOT ? '.' : toText(name).slice(0, -1);
}

const UPPER = /[A-Z]/;
const NON_ASCII = /[\u0080-\u00ff]/;

/** Lowers A–Z only: octets above 127 are no letters (RFC 4343 section 3). */
export function keyOf(name: DomainName): NameKey {
  if (!UPPER.test(name)) return name as NameKey;
  if (!NON_ASCII.test(name)) return name.toLowerCase() as NameKey;
  return name.replace(/[A-Z]+/g, (run) => run.toLowerCase()) as NameKey;
}

/** @returns undefined for the root */
export function parentOf<N extends DomainName>(name: N): N | undefined {
  if (name.length <= 1) return undefined;
  return name.slice(name.charCodeAt(0) + 1) as N;
}

export function firstLabel(name: DomainName | Prefix): Octets {
  return name.slice(1, name.charCodeAt(0) + 1) as Octets;
}

/** The labels from left to right, without the root. */
export function labelsOf(name: DomainName | Prefix): Octets[] {
  const labels: Octets[] = [];
  for (let at = 0; at < name.length; ) {
    const length = name.charCodeAt(at);
    if (length === 0) break;
    labels.push(name.slice(at + 1, at + 1 + length) as Octets);
    at += length + 1;
  }
  return labels;
}

/** Where each label's length octet stands, from left to right; the root's not included. */
export function labelOffsets(name: DomainName | Prefix): number[] {
  const offsets: number[] = [];
  for (let at = 0; at < name.length && name.charCodeAt(at) !== 0; at += name.charCodeAt(at) + 1)
    offsets.push(at);
  return offsets;
}

/** Labels of any octets as a prefix. @returns undefined when a label is empty or over 63 octets */
export function prefixOf(...labels: string[]): Prefix | undefined {
  let prefix = '';
  for (const label of labels) {
    if (label.length === 0 || label.length > MAX_LABEL) return undefined;
    prefix += String.fromCharCode(label.length) + label;
  }
  return prefix as Prefix;
}

/** A prefix of labels that the caller knows to be well-formed (constants). */
export function constantPrefix(...labels: string[]): Prefix {
  const prefix = prefixOf(...labels);
  if (prefix === undefined) throw new Error(`not labels: ${labels.join(' . ')}`);
  return prefix;
}

export function joinPrefixes(...prefixes: Prefix[]): Prefix {
  return prefixes.join('') as Prefix;
}

/** `prefix` in front of `name`. The caller makes sure of the 255 octets, see {@link fits}. */
export function join(prefix: Prefix, name: NameKey): DomainName;
export function join(prefix: Prefix, name: DomainName): DomainName;
export function join(prefix: Prefix, name: DomainName): DomainName {
  return (prefix + name) as DomainName;
}

export function fits(prefix: Prefix, name: DomainName): boolean {
  return prefix.length + name.length <= MAX_NAME;
}

/** Whether `name` is `ancestor` or lies below it. */
export function isAtOrBelow(name: NameKey, ancestor: NameKey): boolean {
  return labelsAbove(name, ancestor) !== undefined;
}

/** The labels of `name` in front of `ancestor`; undefined when `name` is not at or below `ancestor`. */
export function labelsAbove(name: NameKey, ancestor: NameKey): Prefix | undefined {
  const at = name.length - ancestor.length;
  if (at < 0 || !name.endsWith(ancestor)) return undefined;
  // the same octets may end inside a label: only a label boundary counts
  for (let i = 0; i <= at; i += name.charCodeAt(i) + 1) if (i === at) return name.slice(0, at) as Prefix;
  return undefined;
}
