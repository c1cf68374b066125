import type { InterfaceName } from '../name/interface-name.ts';

/** What became visible as one. */
export interface Revision {
  /** counts up from 1 */
  readonly number: number;
  readonly changed: readonly InterfaceName[];
  readonly removed: readonly InterfaceName[];
}

export interface Subscriber {
  revision(revision: Revision): void;
  /** What was asked for is not remembered any more: everything has to be looked at, as it is at this revision. */
  resync(number: number): void;
}

/** So many names are remembered for subscribers that come later. */
const MAX_NAMES = 10_000;

/** The numbered revisions: the last ones are remembered, so that a subscriber goes on where it was. */
export class Journal {
  #last = 0;
  readonly #revisions: Revision[] = [];
  #names = 0;
  readonly #subscribers = new Set<Subscriber>();

  /** The newest revision; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  add(changed: readonly InterfaceName[], removed: readonly InterfaceName[]): Revision {
    const revision = { number: ++this.#last, changed, removed };
    this.#revisions.push(revision);
    this.#names += changed.length + removed.length;
    while (this.#names > MAX_NAMES && this.#revisions.length > 0) {
      const oldest = this.#revisions.shift();
      this.#names -= (oldest?.changed.length ?? 0) + (oldest?.removed.length ?? 0);
    }
    for (const subscriber of this.#subscribers) subscriber.revision(revision);
    return revision;
  }

  /**
   * Tells all revisions behind `from`, then each that comes.
   *
   * @returns ends the subscription
   */
  subscribe(from: number, subscriber: Subscriber): () => void {
    const [oldest] = this.#revisions;
    const isRemembered =
      from === this.#last || (oldest !== undefined && from >= oldest.number - 1 && from < this.#last);
    if (!isRemembered) subscriber.resync(this.#last);
    else for (const revision of this.#revisions) if (revision.number > from) subscriber.revision(revision);
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }
}
