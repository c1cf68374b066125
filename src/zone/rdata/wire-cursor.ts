import { type DomainName, MAX_LABEL, MAX_NAME, ROOT } from '../../name/domain-name.ts';
import { type Octets, octets, readU16, readU32 } from '../../name/octets.ts';

/**
 * Walks through the wire form of RDATA, names uncompressed. As with FieldReader the first failure sticks, and later
 * reads give neutral values.
 */
export class WireCursor {
  failure: string | undefined;
  readonly #data: Octets;
  #at = 0;

  constructor(data: Octets) {
    this.#data = data;
  }

  get left(): number {
    return this.failure === undefined ? this.#data.length - this.#at : 0;
  }

  fail(reason: string): void {
    this.failure ??= reason;
  }

  octets(length: number, what: string): Octets {
    if (this.failure === undefined && this.left < length) {
      this.fail(`${what} needs ${length} octets, ${this.left} are left`);
    }
    if (this.failure !== undefined) return octets('');
    this.#at += length;
    return octets(this.#data.slice(this.#at - length, this.#at));
  }

  rest(): Octets {
    return this.octets(this.left, 'the rest');
  }

  u8(what: string): number {
    const value = this.octets(1, what);
    return value === '' ? 0 : value.charCodeAt(0);
  }

  u16(what: string): number {
    const value = this.octets(2, what);
    return value === '' ? 0 : readU16(value, 0);
  }

  u32(what: string): number {
    const value = this.octets(4, what);
    return value === '' ? 0 : readU32(value, 0);
  }

  /** A character-string behind its length octet. */
  string(what: string): Octets {
    return this.octets(this.u8(what), what);
  }

  name(what: string): DomainName {
    if (this.failure !== undefined) return ROOT;
    const end = nameEnd(this.#data, this.#at);
    if (end === undefined) {
      this.fail(`${what} is no uncompressed domain name of at most ${MAX_NAME} octets`);
      return ROOT;
    }
    return this.octets(end - this.#at, what) as Octets as DomainName;
  }

  finish(): void {
    if (this.left > 0) this.fail(`${this.left} octets too many`);
  }
}

/** Where the name that starts at `start` ends; undefined when there is no whole, uncompressed name. */
export function nameEnd(data: Octets, start: number): number | undefined {
  for (let at = start; at < data.length && at - start < MAX_NAME; ) {
    const length = data.charCodeAt(at);
    if (length === 0) return at + 1;
    if (length > MAX_LABEL) return undefined;
    at += length + 1;
  }
  return undefined;
}
