import { GatheredOctets } from './gathered-octets.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** Parts a stream into lines; those of nothing but spaces are passed over. Throws when one is longer than it may be. */
export class OctetLines {
  readonly #maxOctets: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #begun = new GatheredOctets();

  constructor(maxOctets: number, onLine: (line: Buffer) => void) {
    this.#maxOctets = maxOctets;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const tail = chunk.subarray(from, end);
      from = end + 1;
      if (this.#begun.length > 0) this.#keep(tail);
      const line = this.#begun.length > 0 ? this.#begun.take() : tail;
      if (line.some((octet) => octet > SPACE)) this.#onLine(line);
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(piece: Buffer): void {
    if (this.#begun.length + piece.length > this.#maxOctets)
      throw new RangeError(`a line of over ${this.#maxOctets} octets`);
    if (piece.length > 0) this.#begun.add(piece);
  }
}
