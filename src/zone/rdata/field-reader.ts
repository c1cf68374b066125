import { type DomainName, MAX_NAME, parseDomainName, ROOT } from '../../name/domain-name.ts';
import { fromHex, type Octets, octets } from '../../name/octets.ts';
import { parsePeriod } from '../period.ts';
import { shown, type Token } from '../token.ts';
import { unescapeString } from './char-string.ts';

/** Why an entry could not be read, and the place of the token at fault. */
export interface Failure {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

/**
 * Reads the fields of an entry one after the other.
 *
 * The first failure sticks: every later read gives a neutral value at once, so that a format is written as if all
 * went well and its caller looks at {@link failure} in the end.
 */
export class FieldReader {
  failure: Failure | undefined;
  readonly #tokens: readonly Token[];
  /** What relative names are completed with; undefined: they are refused. */
  readonly #origin: DomainName | undefined;
  #at: number;

  constructor(tokens: readonly Token[], origin: DomainName | undefined, from = 0) {
    this.#tokens = tokens;
    this.#origin = origin;
    this.#at = from;
  }

  get hasMore(): boolean {
    return this.failure === undefined && this.#at < this.#tokens.length;
  }

  /** The token that comes next, not taken. */
  peek(ahead = 0): Token | undefined {
    return this.failure === undefined ? this.#tokens[this.#at + ahead] : undefined;
  }

  /** @param expected what the problem says when nothing is left, such as 'an IPv4 address' */
  take(expected: string): Token | undefined {
    if (this.failure !== undefined) return undefined;
    const token = this.#tokens[this.#at];
    if (token === undefined) {
      const last = this.#tokens.at(-1);
      const reason = `expected ${expected}, found the end of the entry`;
      this.failure = { line: last?.line ?? 1, column: last?.end ?? 1, reason };
      return undefined;
    }
    this.#at++;
    return token;
  }

  /** Reports `token`; the one taken last by default. */
  fail(reason: string, token: Token | undefined = this.#tokens[this.#at - 1]): void {
    this.failure ??= { line: token?.line ?? 1, column: token?.column ?? 1, reason };
  }

  /** A token that may not be quoted; the empty string after a failure. */
  word(expected: string): string {
    const token = this.take(expected);
    if (token === undefined) return '';
    if (token.quoting === 'none') return token.text;
    this.fail(`expected ${expected}, found the quoted ${shown(token)}`, token);
    return '';
  }

  /** An unsigned decimal number. */
  number(what: string, max: number): number {
    const expected = `${what} (0 to ${max})`;
    const text = this.word(expected);
    if (this.failure !== undefined) return 0;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value <= max) return value;
    this.#unexpected(expected);
    return 0;
  }

  /** Seconds, or a number with units such as `1h30m`. */
  period(what: string, max: number): number {
    const expected = `${what} (0 to ${max} seconds, or units as in 1h30m)`;
    const text = this.word(expected);
    if (this.failure !== undefined) return 0;
    const value = parsePeriod(text);
    if (value !== undefined && value <= max) return value;
    this.#unexpected(expected);
    return 0;
  }

  /** A value that `parse` reads from a whole word. */
  value<T extends Octets>(expected: string, parse: (text: string) => T | undefined): Octets {
    const text = this.word(expected);
    if (this.failure !== undefined) return octets('');
    const value = parse(text);
    if (value === undefined) this.#unexpected(expected);
    return value ?? octets('');
  }

  name(what: string): DomainName {
    const text = this.word(what);
    if (this.failure !== undefined) return ROOT;
    if (this.#origin === undefined && !isAbsolute(text)) {
      this.fail(`${what} '${text}' is relative, but no origin is known: end it with a dot, or add $ORIGIN`);
      return ROOT;
    }
    const name = parseDomainName(text, this.#origin);
    if (name.ok) return name.value;
    this.fail(name.reason);
    return ROOT;
  }

  /** A character-string, quoted or not, without its length octet. */
  string(what: string, max = MAX_NAME): Octets {
    const token = this.take(what);
    if (token === undefined) return octets('');
    if (token.quoting === 'value')
      this.fail(`${what} ${shown(token)}: put the quotes around the whole string`);
    const value = unescapeString(token.text);
    if (!value.ok) {
      this.fail(`${what}: ${value.reason}`);
      return octets('');
    }
    if (value.value.length > max) {
      this.fail(`${what} of ${value.value.length} octets, at most ${max} fit: write several strings`);
    }
    return value.value;
  }

  /** All tokens that are left as one run of hex digits. May be empty. */
  hex(what: string): Octets {
    let digits = '';
    let last: Token | undefined;
    while (this.hasMore) {
      const text = this.word(what);
      if (/[^0-9a-fA-F]/.test(text)) this.#unexpected(`${what} in hex digits`);
      last = this.#tokens[this.#at - 1];
      digits += text;
    }
    if (this.failure !== undefined) return octets('');
    const value = fromHex(digits);
    if (value === undefined) this.fail(`${what} has an odd number of hex digits (${digits.length})`, last);
    return value ?? octets('');
  }

  /** Nothing may be left. */
  finish(what: string): void {
    const token = this.peek();
    if (token !== undefined) this.fail(`${shown(token)} is too much behind ${what}`, token);
  }

  #unexpected(expected: string): void {
    const token = this.#tokens[this.#at - 1];
    if (token !== undefined) this.fail(`expected ${expected}, found ${shown(token)}`, token);
  }
}

/** Whether a name as written needs no origin: it ends with a dot that no backslash escapes. */
export function isAbsolute(text: string): boolean {
  if (!text.endsWith('.')) return false;
  let backslashes = 0;
  while (text[text.length - 2 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 0;
}
