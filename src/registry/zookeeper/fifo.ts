/**
 * First in, first out, at constant cost, in one ring. What is taken out is not held on to: of a list that is made anew
 * again and again the old ones, garbage already, would keep what they name until the next collection of everything.
 */
export class Fifo<Item> {
  #ring: (Item | undefined)[] = new Array(16).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: Item): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length++;
  }

  first(): Item | undefined {
    return this.#ring[this.#head];
  }

  shift(): Item | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    return item;
  }

  #grow(): void {
    const old = this.#ring;
    this.#ring = [
      ...old.slice(this.#head),
      ...old.slice(0, this.#head),
      ...new Array(old.length).fill(undefined),
    ];
    this.#head = 0;
    old.fill(undefined);
  }
}
