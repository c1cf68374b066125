import { type DomainName, MAX_NAME, ROOT } from '../name/domain-name.ts';
import { type Octets, octets } from '../name/octets.ts';
import { compressibleNames } from '../zone/rdata/formats.ts';
import type { ResourceRecord } from '../zone/record.ts';
import { TYPE } from '../zone/types.ts';
import { HEADER_LENGTH } from './message.ts';

/** A whole message: what a client reads of a reply. Of OPT only the extended errors are kept. */
export interface ReadMessage {
  readonly id: number;
  readonly flags: number;
  /** with the upper bits of an OPT */
  readonly rcode: number;
  readonly question: { readonly name: DomainName; readonly type: number } | undefined;
  readonly answer: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  /** RFC 8914 */
  readonly errors: readonly { readonly code: number; readonly text: string }[];
}

const EDE_OPTION = 15;

/** @returns undefined for octets that are no message */
export function readMessage(message: Buffer): ReadMessage | undefined {
  try {
    return new Reader(message).read();
  } catch (error) {
    // every read beyond the end is one
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

class Reader {
  readonly #message: Buffer;
  #at = HEADER_LENGTH;
  #extendedRcode = 0;
  readonly #errors: { code: number; text: string }[] = [];

  constructor(message: Buffer) {
    this.#message = message;
  }

  read(): ReadMessage {
    const flags = this.#message.readUInt16BE(2);
    const count = (i: number) => this.#message.readUInt16BE(4 + 2 * i);
    let question: { name: DomainName; type: number } | undefined;
    for (let i = 0; i < count(0); i++) {
      const name = this.#name();
      question ??= { name, type: this.#u16() };
      this.#u16();
    }
    const sections = [1, 2, 3].map((section) => {
      return Array.from({ length: count(section) }, () => this.#record()).filter(
        (record) => record !== undefined,
      );
    });
    const [answer = [], authority = [], additional = []] = sections;
    const rcode = (this.#extendedRcode << 4) | (flags & 15);
    return {
      id: this.#message.readUInt16BE(0),
      flags,
      rcode,
      question,
      answer,
      authority,
      additional,
      errors: this.#errors,
    };
  }

  #record(): ResourceRecord | undefined {
    const name = this.#name();
    const type = this.#u16();
    this.#u16();
    const ttl = this.#message.readUInt32BE(this.#at);
    this.#at += 4;
    const end = this.#u16() + this.#at;
    if (end > this.#message.length) throw new RangeError('RDATA cut');
    if (type === TYPE.OPT) {
      this.#extendedRcode = ttl >>> 24;
      this.#options(end);
      return undefined;
    }
    return { name, type, ttl, rdata: this.#rdata(type, end) };
  }

  #rdata(type: number, end: number): Octets {
    const names = compressibleNames(type);
    if (names === undefined) return this.#raw(end);
    let rdata: string = this.#raw(this.#at + names.before);
    for (let i = 0; i < names.count; i++) rdata += this.#name();
    return octets(rdata + this.#raw(end));
  }

  #options(end: number): void {
    while (this.#at < end) {
      const code = this.#u16();
      const optionEnd = this.#u16() + this.#at;
      if (code === EDE_OPTION) {
        const info = this.#u16();
        this.#errors.push({ code: info, text: this.#message.toString('utf8', this.#at, optionEnd) });
      }
      this.#at = optionEnd;
    }
  }

  #raw(end: number): Octets {
    if (end > this.#message.length || end < this.#at) throw new RangeError('cut');
    const text = this.#message.toString('latin1', this.#at, end);
    this.#at = end;
    return octets(text);
  }

  #u16(): number {
    const value = this.#message.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  /** Uncompressed; each pointer must point before the last, so loops end. */
  #name(): DomainName {
    let name = '';
    let at = this.#at;
    let lowest = at;
    let jumped = false;
    for (;;) {
      const length = this.#message.readUInt8(at);
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | this.#message.readUInt8(at + 1);
        if (target >= lowest) throw new RangeError('pointer forwards');
        if (!jumped) this.#at = at + 2;
        jumped = true;
        lowest = target;
        at = target;
        continue;
      }
      if (length > 63) throw new RangeError('label type');
      if (length === 0) break;
      if (at + 1 + length > this.#message.length) throw new RangeError('label cut');
      name += this.#message.toString('latin1', at, at + 1 + length);
      if (name.length >= MAX_NAME) throw new RangeError('name over 255 octets');
      at += length + 1;
    }
    if (!jumped) this.#at = at + 1;
    return (name + ROOT) as DomainName;
  }
}
