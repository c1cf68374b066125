import type { Clock } from '../../src/base/clock.ts';

interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until the test turns it. */
export class TurnedClock implements Clock {
  #now: number;
  readonly #due = new Set<Due>();

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const due = { at: this.#now + ms, run };
    this.#due.add(due);
    return () => this.#due.delete(due);
  }

  /** When something is due next; undefined when nothing is. */
  get nextAt(): number | undefined {
    const times = [...this.#due].map(({ at }) => at);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Turns it, and runs what became due, in order. What that makes due waits for the next turn. */
  turnTo(now: number): void {
    this.#now = Math.max(this.#now, now);
    const due = [...this.#due].filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    for (const one of due) {
      if (this.#due.delete(one)) one.run();
    }
  }
}
