/** Which directory is read next, and how many at once. */
import { Fifo } from './fifo.ts';

/** An item waits because it changed … */
const CHANGED = 1;
/** … or because everything is looked over. */
const LOOK_OVER = 2;

/**
 * Runs `read` for items, which are small numbers, at most so many at once. What changed goes before what is only looked
 * over; an item waits once, however often it is asked for.
 */
export class ReadQueue {
  readonly #changed = new Fifo<number>();
  readonly #read: (item: number) => Promise<void>;
  readonly #parallel: number;
  /** for items that are only looked over */
  lookParallel: number;
  /** for what each item waits */
  #marks = new Uint8Array(64);
  /** where looking over has come to, and where it ends */
  #next = 0;
  #end = 0;
  #running = 0;

  constructor(parallel: number, read: (item: number) => Promise<void>) {
    this.#parallel = parallel;
    this.lookParallel = parallel;
    this.#read = read;
  }

  changed(item: number): void {
    const marks = this.#marksFor(item);
    if (((marks[item] ?? 0) & CHANGED) !== 0) return;
    marks[item] = CHANGED;
    this.#changed.push(item);
    this.#run();
  }

  /** In the order of their numbers. */
  lookOver(items: Iterable<number>): void {
    this.#next = 0;
    for (const item of items) {
      const marks = this.#marksFor(item);
      marks[item] ||= LOOK_OVER;
      if (item >= this.#end) this.#end = item + 1;
    }
    this.#run();
  }

  /** The item waits no more. */
  forget(item: number): void {
    this.#marksFor(item)[item] = 0;
  }

  #run(): void {
    while (this.#running < this.#parallel) {
      const item = this.#nextChanged() ?? (this.#running < this.lookParallel ? this.#nextLook() : undefined);
      if (item === undefined) return;
      this.#marks[item] = 0;
      this.#running++;
      void this.#read(item).then(this.#onRead);
    }
  }

  readonly #onRead = (): void => {
    this.#running--;
    // half of them together: one by one each would be a packet of its own
    if (this.#running * 2 <= this.#parallel) this.#run();
  };

  #nextChanged(): number | undefined {
    for (;;) {
      const item = this.#changed.shift();
      // another mark: it was forgotten, or read, since it was put here
      if (item === undefined || this.#marks[item] === CHANGED) return item;
    }
  }

  #nextLook(): number | undefined {
    while (this.#next < this.#end) {
      const item = this.#next++;
      if (this.#marks[item] === LOOK_OVER) return item;
    }
    this.#next = 0;
    this.#end = 0;
    return undefined;
  }

  #marksFor(item: number): Uint8Array {
    if (item >= this.#marks.length) {
      const marks = new Uint8Array(Math.max(item + 1, this.#marks.length * 2));
      marks.set(this.#marks);
      this.#marks = marks;
    }
    return this.#marks;
  }
}
