/** What becomes of one thing that was held. */
export type Outcome = 'done' | 'refused' | 'outrun';

interface Held {
  readonly label: string;
  readonly go: (outcome: Outcome) => void;
}

/** Holds whatever passes until the test lets it go, in the order that the test likes. */
export class Gate {
  /** lets everything pass at once */
  isOpen = true;
  readonly #held: Held[] = [];

  get size(): number {
    return this.#held.length;
  }

  pass(label: string): Promise<Outcome> {
    if (this.isOpen) return Promise.resolve('done');
    return new Promise((go) => this.#held.push({ label, go }));
  }

  /** @param which any number: one of those that are held */
  release(which: number, outcome: Outcome): void {
    const [one] = this.#held.splice(which % Math.max(1, this.#held.length), 1);
    one?.go(outcome);
  }

  open(): void {
    this.isOpen = true;
    for (const { go } of this.#held.splice(0)) go('done');
  }
}
