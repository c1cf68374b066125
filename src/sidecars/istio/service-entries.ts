import type { EventLine } from '../../event-line/event-line.ts';
import type { InterfaceName } from '../../name/interface-name.ts';
import { type EncodedEntry, type EntryOptions, serviceEntryOf } from './service-entry.ts';

/** The whole set, as istiod takes it: what is not in it is gone. */
export interface EntrySet {
  /** the same for the same entries, whatever the order of their coming */
  readonly version: string;
  readonly entries: readonly Uint8Array[];
}

export interface EntryEvents {
  /** Istio would not take it: it is left out. */
  leftOut(name: InterfaceName, reason: string): void;
}

/** ServiceEntries of all that is published, each made when it changes; nothing before somebody asks. */
export class ServiceEntries {
  readonly #line: EventLine;
  #options: EntryOptions;
  readonly #events: EntryEvents;
  readonly #entries = new Map<InterfaceName, EncodedEntry>();
  readonly #leftOut = new Map<InterfaceName, string>();
  #isMade = false;
  /** of all versions, so that it costs nothing to keep */
  #sum = 0n;

  constructor(line: EventLine, options: EntryOptions, events: EntryEvents) {
    this.#line = line;
    this.#options = options;
    this.#events = events;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Interfaces that Istio would not take. */
  get leftOut(): number {
    return this.#leftOut.size;
  }

  setOptions(options: EntryOptions): void {
    this.#options = options;
    this.forget();
  }

  /** Nobody asks any more. */
  forget(): void {
    this.#isMade = false;
    this.#entries.clear();
    this.#leftOut.clear();
    this.#sum = 0n;
  }

  /** @returns whether any entry is another one */
  changed(names: Iterable<InterfaceName>): boolean {
    if (!this.#isMade) return false;
    let isOther = false;
    for (const name of names) isOther = this.#make(name) || isOther;
    return isOther;
  }

  all(): EntrySet {
    if (!this.#isMade) {
      this.#isMade = true;
      for (const name of this.#line.feed.names()) this.#make(name);
    }
    return {
      version: `${this.#entries.size}-${this.#sum.toString(16)}`,
      entries: [...this.#entries.values()].map(({ octets }) => octets),
    };
  }

  #make(name: InterfaceName): boolean {
    const before = this.#entries.get(name);
    const made = serviceEntryOf(this.#line, name, this.#options);
    if (made.ok) this.#leftOut.delete(name);
    else if (this.#leftOut.get(name) !== made.reason) {
      this.#leftOut.set(name, made.reason);
      this.#events.leftOut(name, made.reason);
    }
    const after = made.ok ? made.value : undefined;
    if (before?.version === after?.version) return false;
    if (before !== undefined) this.#sum ^= numberOf(before);
    if (after !== undefined) this.#sum ^= numberOf(after);
    if (after === undefined) this.#entries.delete(name);
    else this.#entries.set(name, after);
    return true;
  }
}

function numberOf({ version }: EncodedEntry): bigint {
  return BigInt(`0x${version}`);
}
