/** A slot is empty, or holds a number above 0. */
const EMPTY = 0;
const MIN_SLOTS = 16;

/**
 * Numbers found by a hash (open addressing, linear probing): what is equal, the caller says, and it keeps the hashes or
 * can make them again. Eight octets an entry or less.
 */
export class HashSlots {
  #slots: Int32Array;
  #size = 0;
  readonly #hashOf: (entry: number) => number;

  /**
   * @param hashOf an entry's hash, the same each time
   * @param expected how many entries there will be, as far as is known: to make room later takes a while
   */
  constructor(hashOf: (entry: number) => number, expected = 0) {
    this.#hashOf = hashOf;
    let slots = MIN_SLOTS;
    while (slots * 3 < (expected + 1) * 4) slots *= 2;
    this.#slots = new Int32Array(slots);
  }

  get size(): number {
    return this.#size;
  }

  /** The first entry of this hash that `isIt`; 0 when there is none. */
  find(hash: number, isIt: (entry: number) => boolean): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let i = spread(hash) & mask; ; i = (i + 1) & mask) {
      const entry = slots[i] as number;
      if (entry === EMPTY || isIt(entry)) return entry;
    }
  }

  /** Where the entries of a hash begin; they end with one that is 0. For a caller that compares by itself. */
  first(hash: number): number {
    return spread(hash) & (this.#slots.length - 1);
  }

  /** The place behind one of these. */
  after(place: number): number {
    return (place + 1) & (this.#slots.length - 1);
  }

  at(place: number): number {
    return this.#slots[place] as number;
  }

  /** @param entry above 0, and not there yet */
  add(hash: number, entry: number): void {
    if ((this.#size + 1) * 4 > this.#slots.length * 3) this.#grow();
    this.#size++;
    this.#place(hash, entry);
  }

  delete(hash: number, entry: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = spread(hash) & mask;
    while (slots[hole] !== entry) {
      if (slots[hole] === EMPTY) return;
      hole = (hole + 1) & mask;
    }
    this.#size--;
    // what was displaced over this place moves back, so that no search ends too soon
    for (let i = (hole + 1) & mask; slots[i] !== EMPTY; i = (i + 1) & mask) {
      const home = spread(this.#hashOf(slots[i] as number)) & mask;
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      slots[hole] = slots[i] as number;
      hole = i;
    }
    slots[hole] = EMPTY;
  }

  *entries(): Generator<number> {
    for (const entry of this.#slots) if (entry !== EMPTY) yield entry;
  }

  #place(hash: number, entry: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let i = spread(hash) & mask;
    while (slots[i] !== EMPTY) i = (i + 1) & mask;
    slots[i] = entry;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    for (const entry of before) if (entry !== EMPTY) this.#place(this.#hashOf(entry), entry);
  }
}

/** So that hashes which differ in their upper bits only do not meet. */
function spread(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
