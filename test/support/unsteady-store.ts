import type { Clock } from '../../src/base/clock.ts';
import { addressText } from '../../src/name/address.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { type Store, StoreError, type StoreListener, type StoreStep } from '../../src/store/store.ts';

/** What becomes of one commit. */
export interface Fate {
  readonly isTaken: boolean;
  /** how long it takes */
  readonly ms: number;
}

/** A store in memory that is slow, or refuses: then the first of the steps may have been written all the same. */
export class UnsteadyStore implements Store {
  readonly label = 'unsteady';
  readonly keepsFacts = true;
  /** owners of addresses by the commits that succeeded */
  readonly owners = new Map<string, string>();
  readonly #memory = openMemoryStore();
  readonly #clock: Clock;
  readonly #fate: () => Fate;

  constructor(clock: Clock, fate: () => Fate) {
    this.#clock = clock;
    this.#fate = fate;
  }

  open(listener: StoreListener): Promise<void> {
    return this.#memory.open(listener);
  }

  async commit(steps: readonly StoreStep[]): Promise<void> {
    const { isTaken, ms } = this.#fate();
    if (ms > 0) await new Promise<void>((resolve) => this.#clock.after(ms, resolve));
    if (!isTaken) {
      await this.#memory.commit(steps.slice(0, Math.floor(steps.length / 2)));
      throw new StoreError('refused');
    }
    await this.#memory.commit(steps);
    for (const step of steps) {
      if (step.kind === 'put-address') {
        this.owners.set(addressText(step.row.address), step.row.owner.interface);
      } else if (step.kind === 'delete-address') this.owners.delete(addressText(step.address));
    }
  }

  async close(): Promise<void> {}
}
