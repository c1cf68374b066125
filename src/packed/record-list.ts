import { Buffer } from 'node:buffer';

/** Entries begin at multiples of so many octets: so an Int32Array of the same memory reads their numbers. */
const UNIT = 4;
const CHUNK_BITS = 18;
const CHUNK_UNITS = 1 << CHUNK_BITS;
const IN_CHUNK = CHUNK_UNITS - 1;
/** Words of an entry in front of its octets. */
const NEXT = 0;
const NUMBER = 1;
const TAG_AND_LENGTH = 2;
const HEAD = 3;
const MAX_LENGTH = 0xffff;
const MAX_ENTRY = 2 ** 31 - 1;

/** The number of an entry; 0 stands for none. */
export type EntryAt = number;

/**
 * Many small entries in few large pieces of memory, in lists: no object for an entry. An entry is a number of 32 bits, a tag
 * of 16 bits and at most 65,535 octets; it is never removed.
 */
export class RecordList {
  readonly #words: Int32Array[] = [];
  readonly #octets: Buffer[] = [];
  #next = 0;
  /** where the current chunk ends */
  #end = 0;

  /**
   * Copies the octets in.
   *
   * @param octets characters 0–255
   */
  add(tag: number, value: number, octets: string): EntryAt {
    if (octets.length > MAX_LENGTH) throw new Error(`${octets.length} octets in one record`);
    const units = HEAD + Math.ceil(octets.length / UNIT);
    if (this.#next + units > this.#end) this.#grow();
    const at = this.#next;
    if (at + units > MAX_ENTRY) throw new Error('more records than one zone can hold');
    const words = this.#words[at >>> CHUNK_BITS] as Int32Array;
    const word = at & IN_CHUNK;
    words[word + NUMBER] = value;
    words[word + TAG_AND_LENGTH] = (tag << 16) | octets.length;
    this.chunk(at).write(octets, this.octetsAt(at), 'latin1');
    this.#next += units;
    return at;
  }

  /** The entry behind this one in its list. */
  next(at: EntryAt): EntryAt {
    return this.#word(at, NEXT);
  }

  setNext(at: EntryAt, next: EntryAt): void {
    (this.#words[at >>> CHUNK_BITS] as Int32Array)[(at & IN_CHUNK) + NEXT] = next;
  }

  tag(at: EntryAt): number {
    return this.#word(at, TAG_AND_LENGTH) >>> 16;
  }

  value(at: EntryAt): number {
    return this.#word(at, NUMBER);
  }

  length(at: EntryAt): number {
    return this.#word(at, TAG_AND_LENGTH) & MAX_LENGTH;
  }

  /** The memory in which the entry's octets are … */
  chunk(at: EntryAt): Buffer {
    return this.#octets[at >>> CHUNK_BITS] as Buffer;
  }

  /** … and where they begin in it. */
  octetsAt(at: EntryAt): number {
    return ((at & IN_CHUNK) + HEAD) * UNIT;
  }

  text(at: EntryAt): string {
    const start = this.octetsAt(at);
    return this.chunk(at).toString('latin1', start, start + this.length(at));
  }

  #word(at: EntryAt, which: number): number {
    return (this.#words[at >>> CHUNK_BITS] as Int32Array)[(at & IN_CHUNK) + which] as number;
  }

  #grow(): void {
    const number = this.#octets.length;
    const memory = new ArrayBuffer(CHUNK_UNITS * UNIT);
    this.#words.push(new Int32Array(memory));
    this.#octets.push(Buffer.from(memory));
    // the first entry may not be the number 0
    this.#next = number === 0 ? 1 : number * CHUNK_UNITS;
    this.#end = (number + 1) * CHUNK_UNITS;
  }
}
