/** A slot is empty, or holds a number above 0, or what was there is gone. */
const EMPTY = 0;
const GONE = -1;
const MIN_SLOTS = 16;
/** While a larger table takes over, each change copies so many slots: no change waits for all of them. */
const COPIED_AT_ONCE = 32;

/**
 * Numbers found by a hash (open addressing, linear probing): what is equal, the caller says, and it keeps the hashes or
 * can make them again. Eight octets an entry or less. No call takes long, however many there are.
 */
export class HashSlots {
  /** for a caller that compares by itself, from {@link placeOf} on */
  table: Int32Array;
  /** the smaller table before it, until all of it is copied: what is not found in one may be in the other */
  former: Int32Array | undefined;
  #copied = 0;
  #size = 0;
  readonly #hashOf: (entry: number) => number;

  /**
   * @param hashOf an entry's hash, the same each time
   * @param expected how many entries there will be, as far as is known
   */
  constructor(hashOf: (entry: number) => number, expected = 0) {
    this.#hashOf = hashOf;
    let slots = MIN_SLOTS;
    while (slots * 3 < (expected + 1) * 4) slots *= 2;
    this.table = new Int32Array(slots);
  }

  get size(): number {
    return this.#size;
  }

  /** The first entry of this hash that `isIt`; 0 when there is none. */
  find(hash: number, isIt: (entry: number) => boolean): number {
    const found = findIn(this.table, hash, isIt);
    return found !== EMPTY || this.former === undefined ? found : findIn(this.former, hash, isIt);
  }

  /** @param entry above 0, and not there yet */
  add(hash: number, entry: number): void {
    if (this.former === undefined && (this.#size + 1) * 4 > this.table.length * 3) {
      this.former = this.table;
      this.table = new Int32Array(this.former.length * 2);
      this.#copied = 0;
    }
    this.#size++;
    place(this.table, hash, entry);
    this.#copySome();
  }

  delete(hash: number, entry: number): void {
    const isDeleted = this.#deleteIn(this.table, hash, entry);
    const { former } = this;
    const at = former === undefined ? -1 : placeIn(former, hash, entry);
    // what is not copied yet keeps its place
    if (former !== undefined && at >= 0) former[at] = GONE;
    if (isDeleted || at >= 0) this.#size--;
    this.#copySome();
  }

  *entries(): Generator<number> {
    const { former } = this;
    for (const entry of this.table) if (entry !== EMPTY) yield entry;
    for (let i = this.#copied; former !== undefined && i < former.length; i++) {
      const entry = former[i] as number;
      if (entry > EMPTY) yield entry;
    }
  }

  #deleteIn(slots: Int32Array, hash: number, entry: number): boolean {
    const mask = slots.length - 1;
    let hole = placeIn(slots, hash, entry);
    if (hole < 0) return false;
    // what was displaced over this place moves back, so that no search ends too soon
    for (let i = (hole + 1) & mask; slots[i] !== EMPTY; i = (i + 1) & mask) {
      const home = placeOf(this.#hashOf(slots[i] as number), slots);
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      slots[hole] = slots[i] as number;
      hole = i;
    }
    slots[hole] = EMPTY;
    return true;
  }

  #copySome(): void {
    const { former } = this;
    if (former === undefined) return;
    const end = Math.min(former.length, this.#copied + COPIED_AT_ONCE);
    for (; this.#copied < end; this.#copied++) {
      const entry = former[this.#copied] as number;
      if (entry > EMPTY) place(this.table, this.#hashOf(entry), entry);
    }
    if (end === former.length) this.former = undefined;
  }
}

/** Where the entries of a hash begin in a table; an empty slot ends them. */
export function placeOf(hash: number, slots: Int32Array): number {
  return spread(hash) & (slots.length - 1);
}

function findIn(slots: Int32Array, hash: number, isIt: (entry: number) => boolean): number {
  const mask = slots.length - 1;
  for (let i = placeOf(hash, slots); ; i = (i + 1) & mask) {
    const entry = slots[i] as number;
    if (entry === EMPTY || (entry !== GONE && isIt(entry))) return entry;
  }
}

/** @returns -1 when it is not there */
function placeIn(slots: Int32Array, hash: number, entry: number): number {
  const mask = slots.length - 1;
  for (let i = placeOf(hash, slots); ; i = (i + 1) & mask) {
    if (slots[i] === entry) return i;
    if (slots[i] === EMPTY) return -1;
  }
}

function place(slots: Int32Array, hash: number, entry: number): void {
  const mask = slots.length - 1;
  let i = placeOf(hash, slots);
  while (slots[i] !== EMPTY) i = (i + 1) & mask;
  slots[i] = entry;
}

/** So that hashes which differ in their upper bits only do not meet. */
function spread(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
