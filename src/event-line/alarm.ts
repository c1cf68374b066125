import type { Clock } from '../base/clock.ts';
import type { InterfaceName } from '../name/interface-name.ts';

/** The shortest pause before it is looked again whether something is due. */
const MIN_PAUSE_MS = 100;

/** The one alarm of the event line: it rings when something is due that no delivery will tell of. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => Promise<void>;
  readonly #onFailure: (error: Error) => void;
  /** interfaces that are looked at again, and when, Unix milliseconds */
  readonly #wakeAt = new Map<InterfaceName, number>();
  #cancel: (() => void) | undefined;
  #ringing: Promise<void> = Promise.resolve();

  constructor(clock: Clock, ring: () => Promise<void>, onFailure: (error: Error) => void) {
    this.#clock = clock;
    this.#ring = ring;
    this.#onFailure = onFailure;
  }

  /** Resolves when what it rang for last is done. */
  get ringing(): Promise<void> {
    return this.#ringing;
  }

  /** @param at Unix milliseconds; undefined: the interface is not waited for any more */
  wake(name: InterfaceName, at: number | undefined): void {
    if (at === undefined) this.#wakeAt.delete(name);
    else this.#wakeAt.set(name, at);
  }

  /** The same, but for one that is looked at earlier anyway. */
  wakeBy(name: InterfaceName, at: number): void {
    this.#wakeAt.set(name, Math.min(at, this.#wakeAt.get(name) ?? at));
  }

  /** Interfaces whose time has come; they are not waited for any more. */
  takeDue(now: number): InterfaceName[] {
    const due: InterfaceName[] = [];
    for (const [name, at] of this.#wakeAt) {
      if (at > now) continue;
      this.#wakeAt.delete(name);
      due.push(name);
    }
    return due;
  }

  /** Sets it to the earliest of these times and those of interfaces, Unix milliseconds. */
  arm(times: Iterable<number | undefined>): void {
    this.stop();
    let earliest = Number.POSITIVE_INFINITY;
    for (const at of times) if (at !== undefined && at < earliest) earliest = at;
    for (const at of this.#wakeAt.values()) if (at < earliest) earliest = at;
    if (earliest === Number.POSITIVE_INFINITY) return;
    const ms = Math.max(MIN_PAUSE_MS, earliest - this.#clock.now());
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#ringing = this.#ring().catch((error: unknown) => this.#onFailure(error as Error));
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
