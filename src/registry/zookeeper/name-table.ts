/** hash, another hash, number + 1 (0: the place is free) */
const FIELDS = 3;
const MIN_PLACES = 64;

/**
 * Finds numbers by names, which are octets: so a list of 100,000 names, nearly all of them known, is compared without
 * making a string of each, and in a tenth of the time. It keeps 64 bits of hash in place of a name: among a million
 * names the chance that two are taken for one is 1 in 30 million.
 */
export class NameTable {
  #table = new Uint32Array(MIN_PLACES * FIELDS);
  /** places less one; their count is a power of two */
  #mask = MIN_PLACES - 1;
  #size = 0;
  /** of the name that was hashed last */
  #first = 0;
  #second = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns -1: it is not there */
  find(octets: Uint8Array, from: number, to: number): number {
    return (this.#table[this.#place(octets, from, to) + 2] ?? 0) - 1;
  }

  set(octets: Uint8Array, from: number, to: number, number: number): void {
    if (this.#size * 5 > this.#mask * 4) this.#grow();
    const place = this.#place(octets, from, to);
    if (this.#table[place + 2] === 0) this.#size++;
    this.#put(place, this.#first, this.#second, number + 1);
  }

  delete(octets: Uint8Array, from: number, to: number): void {
    const table = this.#table;
    let free = this.#place(octets, from, to);
    if (table[free + 2] === 0) return;
    this.#size--;
    // those behind it that are there only because their own place was taken move up
    for (let at = this.#next(free); table[at + 2] !== 0; at = this.#next(at)) {
      const own = ((table[at] ?? 0) & this.#mask) * FIELDS;
      const isBetween = free < at ? own > free && own <= at : own > free || own <= at;
      if (isBetween) continue;
      this.#put(free, table[at] ?? 0, table[at + 1] ?? 0, table[at + 2] ?? 0);
      free = at;
    }
    table[free + 2] = 0;
  }

  /** Where it is, or would be. */
  #place(octets: Uint8Array, from: number, to: number): number {
    this.#hash(octets, from, to);
    const table = this.#table;
    let at = (this.#first & this.#mask) * FIELDS;
    while (table[at + 2] !== 0 && (table[at] !== this.#first || table[at + 1] !== this.#second)) {
      at = this.#next(at);
    }
    return at;
  }

  #next(place: number): number {
    return place === this.#mask * FIELDS ? 0 : place + FIELDS;
  }

  #put(place: number, first: number, second: number, number: number): void {
    this.#table[place] = first;
    this.#table[place + 1] = second;
    this.#table[place + 2] = number;
  }

  /** Two hashes in the manner of MurmurHash3, four octets at a time. */
  #hash(octets: Uint8Array, from: number, to: number): void {
    let first = to - from;
    let second = ~first;
    for (let at = from; at < to; at += 4) {
      let word = octets[at] ?? 0;
      if (at + 1 < to) word |= (octets[at + 1] ?? 0) << 8;
      if (at + 2 < to) word |= (octets[at + 2] ?? 0) << 16;
      if (at + 3 < to) word |= (octets[at + 3] ?? 0) << 24;
      first = Math.imul(first ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
      first = (first << 13) | (first >>> 19);
      second = Math.imul(second ^ Math.imul(word, 0x85ebca6b), 0xc2b2ae35);
      second = (second << 15) | (second >>> 17);
    }
    this.#first = mixed(first);
    this.#second = mixed(second);
  }

  #grow(): void {
    const old = this.#table;
    this.#mask = this.#mask * 2 + 1;
    this.#table = new Uint32Array((this.#mask + 1) * FIELDS);
    for (let from = 0; from < old.length; from += FIELDS) {
      if (old[from + 2] === 0) continue;
      let at = ((old[from] ?? 0) & this.#mask) * FIELDS;
      while (this.#table[at + 2] !== 0) at = this.#next(at);
      this.#put(at, old[from] ?? 0, old[from + 1] ?? 0, old[from + 2] ?? 0);
    }
  }
}

function mixed(hash: number): number {
  let mixing = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixing = Math.imul(mixing ^ (mixing >>> 13), 0xc2b2ae35);
  return (mixing ^ (mixing >>> 16)) >>> 0;
}
