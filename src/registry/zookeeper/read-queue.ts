/** Which directory is read next, and how many at once. */

/** First in, first out, at constant cost: `shift` of a long array moves all of it. */
class Fifo<Item> {
  #items: Item[] = [];
  #head = 0;

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 1_000 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

export interface Queued {
  /** waits in the queue */
  queued: boolean;
}

/**
 * Runs `read` for each item, at most so many at once. What changed goes before what is only looked over; an item waits
 * once, however often it is asked for.
 */
export class ReadQueue<Item extends Queued> {
  readonly #changed = new Fifo<Item>();
  readonly #lookedOver = new Fifo<Item>();
  readonly #read: (item: Item) => Promise<void>;
  readonly #parallel: number;
  /** for items that are only looked over */
  lookParallel: number;
  #running = 0;

  constructor(parallel: number, read: (item: Item) => Promise<void>) {
    this.#parallel = parallel;
    this.lookParallel = parallel;
    this.#read = read;
  }

  changed(item: Item): void {
    item.queued = true;
    // one that waits among the looked-over is left there, and passed over in its turn
    this.#changed.push(item);
    this.#run();
  }

  lookOver(items: Iterable<Item>): void {
    for (const item of items) {
      if (item.queued) continue;
      item.queued = true;
      this.#lookedOver.push(item);
    }
    this.#run();
  }

  #run(): void {
    while (this.#running < this.#parallel) {
      const item =
        this.#changed.shift() ?? (this.#running < this.lookParallel ? this.#lookedOver.shift() : undefined);
      if (item === undefined) return;
      if (!item.queued) continue;
      item.queued = false;
      this.#running++;
      void this.#read(item).finally(() => {
        this.#running--;
        this.#run();
      });
    }
  }
}
