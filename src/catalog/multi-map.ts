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

  add(key: K, value: V): void {
    const values = this.#map.get(key);
    if (values === undefined) this.#map.set(key, value);
    else if (values instanceof Set) values.add(value);
    else if (values !== value) this.#map.set(key, new Set([values, value]));
  }

  delete(key: K, value: V): void {
    const values = this.#map.get(key);
    if (values instanceof Set) {
      values.delete(value);
      if (values.size === 0) this.#map.delete(key);
    } else if (values === value) this.#map.delete(key);
  }
}
