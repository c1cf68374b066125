import { NONE } from '../../base/none.ts';
import type { ApplicationInstance } from '../application-instances.ts';
import type { SkippedEntry } from '../skip-log.ts';
import { flatCopy } from '../string-pool.ts';
import type { Fact } from './layouts/layout.ts';

/** What is kept of one key: what it registers, why it cannot be used, or undefined: it is none. */
export type Kept = Fact | SkippedEntry | undefined;

const NO_SLOT = -1;
const LONG_TEXT = 256;

/**
 * Keys and what they register, by service. Columns instead of objects, and a number instead of a key's text, which in
 * Dubbo's shape is a URL of 300 characters: about 200 octets for each key.
 */
export class KeyTable {
  /** hashes of keys → slots */
  readonly #slots = new Map<number, number>();
  /** the first slot of each service */
  readonly #heads = new Map<string, number>();
  readonly #ids: number[] = [];
  readonly #services: string[] = [];
  readonly #revisions: number[] = [];
  readonly #generations: number[] = [];
  readonly #next: number[] = [];
  readonly #previous: number[] = [];
  readonly #kept: Kept[] = [];
  readonly #free: number[] = [];
  /** how many keys say each long text */
  readonly #texts = new Map<string, number>();
  #textLength = 0;

  /** Characters of long texts, such as lists of interfaces; what several keys say counts once. */
  get textLength(): number {
    return this.#textLength;
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Notes that a key was seen. @returns the revision that is known of it; undefined: it is new */
  see(id: number, generation: number): number | undefined {
    const slot = this.#slots.get(id);
    if (slot === undefined) return undefined;
    this.#generations[slot] = generation;
    return this.#revisions[slot];
  }

  revisionOf(id: number): number | undefined {
    const slot = this.#slots.get(id);
    return slot === undefined ? undefined : this.#revisions[slot];
  }

  /** @returns whether that says something new */
  put(id: number, service: string, revision: number, generation: number, kept: Kept): boolean {
    const known = this.#slots.get(id);
    if (known !== undefined) {
      this.#revisions[known] = revision;
      this.#generations[known] = generation;
      if (sameKept(this.#kept[known], kept)) return false;
      this.#keep(known, kept);
      return true;
    }
    const slot = this.#free.pop() ?? this.#ids.length;
    const head = this.#heads.get(service) ?? NO_SLOT;
    this.#slots.set(id, slot);
    this.#ids[slot] = id;
    // one text for all of a service, that of the first
    const text = head === NO_SLOT ? flatCopy(service) : (this.#services[head] ?? service);
    this.#services[slot] = text;
    this.#revisions[slot] = revision;
    this.#generations[slot] = generation;
    this.#keep(slot, kept);
    this.#previous[slot] = NO_SLOT;
    this.#next[slot] = head;
    if (head !== NO_SLOT) this.#previous[head] = slot;
    this.#heads.set(text, slot);
    return true;
  }

  /** @returns the service that lost it; undefined: it was not there */
  remove(id: number): string | undefined {
    const slot = this.#slots.get(id);
    return slot === undefined ? undefined : this.#removeSlot(slot);
  }

  /** Removes what was not seen in a generation. @returns the services that lost something */
  *sweep(generation: number): Generator<string> {
    for (const slot of this.#slots.values()) {
      if (this.#generations[slot] !== generation) yield this.#removeSlot(slot);
    }
  }

  /** What is known is read anew, whatever its revision is. */
  forgetRevisions(): void {
    this.#revisions.fill(0);
  }

  /** Of one service, in the order of hashes: the same on every replica. */
  keptOf(service: string): Kept[] {
    const slots: number[] = [];
    for (let slot = this.#heads.get(service) ?? NO_SLOT; slot !== NO_SLOT; slot = this.#next[slot] ?? NO_SLOT)
      slots.push(slot);
    if (slots.length > 1) slots.sort((a, b) => (this.#ids[a] ?? 0) - (this.#ids[b] ?? 0));
    return slots.map((slot) => this.#kept[slot]);
  }

  #keep(slot: number, kept: Kept): void {
    for (const text of longTextsOf(this.#kept[slot])) {
      const count = (this.#texts.get(text) ?? 0) - 1;
      if (count > 0) this.#texts.set(text, count);
      else if (this.#texts.delete(text)) this.#textLength -= text.length;
    }
    for (const text of longTextsOf(kept)) {
      const count = this.#texts.get(text) ?? 0;
      this.#texts.set(text, count + 1);
      if (count === 0) this.#textLength += text.length;
    }
    this.#kept[slot] = kept;
  }

  #removeSlot(slot: number): string {
    const service = this.#services[slot] ?? '';
    const [next = NO_SLOT, previous = NO_SLOT] = [this.#next[slot], this.#previous[slot]];
    if (next !== NO_SLOT) this.#previous[next] = previous;
    if (previous !== NO_SLOT) this.#next[previous] = next;
    else if (next !== NO_SLOT) this.#heads.set(service, next);
    else this.#heads.delete(service);
    this.#slots.delete(this.#ids[slot] ?? 0);
    this.#keep(slot, undefined);
    this.#services[slot] = '';
    this.#free.push(slot);
    return service;
  }
}

/** Long ones alone: of the others as many are kept as there may be keys. */
function longTextsOf(kept: Kept): readonly string[] {
  if (!Array.isArray(kept)) return NONE;
  const [first] = kept as readonly ApplicationInstance[];
  const texts = first === undefined ? NONE : Object.values(first.metadata);
  return texts.some((text) => text.length > LONG_TEXT) ? texts : NONE;
}

function sameKept(a: Kept, b: Kept): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
