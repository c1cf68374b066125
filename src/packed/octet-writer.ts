import { Buffer } from 'node:buffer';

/** Up to so many characters a loop is quicker than a call into the runtime. */
const SHORT = 24;

/** Writes the values that blobs are made of into a scratch buffer, which is used again for the next blob. */
export class OctetWriter {
  #octets = Buffer.alloc(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written since {@link reset}; overwritten by what is written after the next one. */
  get octets(): Buffer {
    return this.#octets.subarray(0, this.#length);
  }

  reset(): void {
    this.#length = 0;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#octets[this.#length++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#octets.writeUInt16LE(value, this.#length);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#octets.writeUInt32LE(value, this.#length);
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#length = this.#octets.writeDoubleLE(value, this.#length);
  }

  /** Whole numbers from 0: seven bits an octet, the low ones first (LEB128). */
  count(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#octets[this.#length++] = (rest & 0x7f) | 0x80;
    this.#octets[this.#length++] = rest;
  }

  /** Characters 0–255, one octet each, without their number. */
  raw(text: string): void {
    this.#reserve(text.length);
    const { length } = text;
    if (length > SHORT) this.#octets.write(text, this.#length, length, 'latin1');
    else for (let i = 0; i < length; i++) this.#octets[this.#length + i] = text.charCodeAt(i);
    this.#length += length;
  }

  /** Characters 0–255 behind their number. */
  latin1(text: string): void {
    this.count(text.length);
    this.raw(text);
  }

  /** Any text, as UTF-8 behind the number of octets. */
  text(text: string): void {
    const { length } = text;
    if (length <= SHORT) {
      // most texts are short and ASCII: written and checked in one go
      this.#reserve(length + 1);
      const start = this.#length;
      this.#octets[start] = length;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        this.#octets[start + 1 + i] = code;
      }
      if (i === length) {
        this.#length = start + 1 + length;
        return;
      }
    } else if (isAscii(text)) {
      this.latin1(text);
      return;
    }
    const octets = Buffer.byteLength(text, 'utf8');
    this.count(octets);
    this.#reserve(octets);
    this.#octets.write(text, this.#length, octets, 'utf8');
    this.#length += octets;
  }

  /** Overwrites four octets that were written before. */
  patchU32(at: number, value: number): void {
    this.#octets.writeUInt32LE(value, at);
  }

  bytes(octets: Uint8Array): void {
    this.#reserve(octets.length);
    this.#octets.set(octets, this.#length);
    this.#length += octets.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#octets.length) return;
    const larger = Buffer.alloc(Math.max(this.#octets.length * 2, this.#length + more));
    larger.set(this.#octets.subarray(0, this.#length));
    this.#octets = larger;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
