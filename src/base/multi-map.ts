import { packed } from './none.ts';

/** So many entries are looked through faster than they are hashed. */
const FEW = 4;

/** Many values to a key; a single one, the usual case, costs no set. */
export class MultiMap<K, V extends string> {
  readonly #map = new Map<K, V | Set<V>>();

  *get(key: K): Generator<V> {
    const values = this.#map.get(key);
    if (values instanceof Set) yield* values;
    else if (values !== undefined) yield values;
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  size(key: K): number {
    const values = this.#map.get(key);
    return values instanceof Set ? values.size : values === undefined ? 0 : 1;
  }

  keys(): IterableIterator<K> {
    return this.#map.keys();
  }

  add(key: K, value: V): void {
    const values = this.#map.get(key);
    if (values === undefined) this.#map.set(key, value);
    else if (values instanceof Set) values.add(value);
    else if (values !== value) this.#map.set(key, new Set([values, value]));
  }

  deleteAll(key: K): void {
    this.#map.delete(key);
  }

  delete(key: K, value: V): void {
    const values = this.#map.get(key);
    if (values instanceof Set) {
      values.delete(value);
      if (values.size === 0) this.#map.delete(key);
    } else if (values === value) this.#map.delete(key);
  }
}

/** A map of one entry, as a rule: then it costs a tenth of a `Map`. */
export class FewMap<K, V> implements Iterable<readonly [K, V]> {
  #entries: readonly (readonly [key: K, value: V])[] | Map<K, V> = [];

  get size(): number {
    return this.#entries instanceof Map ? this.#entries.size : this.#entries.length;
  }

  get(key: K): V | undefined {
    if (this.#entries instanceof Map) return this.#entries.get(key);
    return this.#entries.find(([known]) => known === key)?.[1];
  }

  set(key: K, value: V): void {
    if (this.#entries instanceof Map) {
      this.#entries.set(key, value);
      return;
    }
    const others = this.#entries.filter(([known]) => known !== key);
    if (others.length < FEW) this.#entries = packed([...others, [key, value]]);
    else this.#entries = new Map([...others, [key, value]]);
  }

  delete(key: K): void {
    if (this.#entries instanceof Map) this.#entries.delete(key);
    else this.#entries = this.#entries.filter(([known]) => known !== key);
  }

  [Symbol.iterator](): Iterator<readonly [K, V]> {
    return this.#entries[Symbol.iterator]();
  }
}
