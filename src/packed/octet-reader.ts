import { Buffer } from 'node:buffer';

const NOTHING = Buffer.alloc(0);
/** Up to so many octets a loop is quicker than a call into the runtime. */
const SHORT = 12;

/** Reads what an `OctetWriter` wrote. It trusts the octets: they never come from outside. */
export class OctetReader {
  octets: Buffer = NOTHING;
  at = 0;

  u8(): number {
    return this.octets[this.at++] as number;
  }

  u16(): number {
    const { octets, at } = this;
    this.at = at + 2;
    return (octets[at] as number) | ((octets[at + 1] as number) << 8);
  }

  u32(): number {
    const { octets, at } = this;
    this.at = at + 4;
    const low =
      (octets[at] as number) | ((octets[at + 1] as number) << 8) | ((octets[at + 2] as number) << 16);
    return (low | ((octets[at + 3] as number) << 24)) >>> 0;
  }

  f64(): number {
    const value = this.octets.readDoubleLE(this.at);
    this.at += 8;
    return value;
  }

  count(): number {
    let octet = this.octets[this.at++] as number;
    if (octet < 0x80) return octet;
    let value = octet & 0x7f;
    for (let scale = 128; octet >= 0x80; scale *= 128) {
      octet = this.octets[this.at++] as number;
      value += (octet & 0x7f) * scale;
    }
    return value;
  }

  /** So many characters 0–255. */
  raw(length: number): string {
    const { octets, at } = this;
    this.at = at + length;
    if (length > SHORT) return octets.toString('latin1', at, at + length);
    let text = '';
    for (let i = at; i < at + length; i++) text += String.fromCharCode(octets[i] as number);
    return text;
  }

  latin1(): string {
    return this.raw(this.count());
  }

  text(): string {
    const length = this.count();
    const start = this.at;
    this.at += length;
    return this.octets.toString('utf8', start, start + length);
  }

  /** Whether these octets come next. */
  isAhead(expected: string): boolean {
    for (let i = 0; i < expected.length; i++) {
      if (this.octets[this.at + i] !== expected.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Passes over a text. */
  skipText(): void {
    const length = this.count();
    this.at += length;
  }
}
