type Numbers = Int32Array | Uint32Array | Float64Array | Uint8Array;

/** Numbers by index that grow as needed; what was never set is 0. Four or eight octets each, and no object. */
export class Column<A extends Numbers> {
  #values: A;
  readonly #make: (length: number) => A;

  constructor(make: (length: number) => A, length = 64) {
    this.#make = make;
    this.#values = make(length);
  }

  get(index: number): number {
    return index < this.#values.length ? (this.#values[index] as number) : 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) this.#grow(index);
    this.#values[index] = value;
  }

  #grow(index: number): void {
    // half as much again: pages that were never written cost no memory
    const larger = this.#make(Math.max(index + 1, Math.ceil(this.#values.length * 1.5)));
    larger.set(this.#values as never);
    this.#values = larger;
  }
}

/** @param length how many there will be, as far as is known: memory that is not written yet costs nothing */
export const int32Column = (length?: number) => new Column((size) => new Int32Array(size), length);
export const uint32Column = (length?: number) => new Column((size) => new Uint32Array(size), length);
export const float64Column = () => new Column((length) => new Float64Array(length));
export const uint8Column = (length?: number) => new Column((size) => new Uint8Array(size), length);
