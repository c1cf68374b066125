import type { Clock } from '../base/clock.ts';
import { giveBackMemory } from '../base/give-back-memory.ts';

/** Memory is given back when it was quiet for so long. */
const QUIET_MS = 2000;

/** A large piece of work leaves garbage behind: when nothing follows it, its memory goes back to the system. */
export class SpareMemory {
  readonly #clock: Clock;
  readonly #isBusy: () => boolean;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, isBusy: () => boolean) {
    this.#clock = clock;
    this.#isBusy = isBusy;
  }

  giveBackSoon(): void {
    this.stop();
    this.#cancel = this.#clock.after(QUIET_MS, () => {
      this.#cancel = undefined;
      if (this.#isBusy()) this.giveBackSoon();
      else giveBackMemory();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
