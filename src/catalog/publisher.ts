import type { NameKey } from '../name/domain-name.ts';
import type { Change, InterfaceChange } from '../zone/change.ts';
import { SLICE } from '../zone/change.ts';
import type { PlannedZone } from '../zone/planned-zone.ts';
import type { NamesOptions } from '../zone/registry-names.ts';

/** Where change sets are applied: the query line. */
export interface ChangeTarget {
  /** Resolves when queries see the change. */
  apply(change: Change): Promise<void>;
}

/**
 * Brings change sets to the query line: small ones name by name, large ones built beside and switched. Each step waits
 * for the last, so a slow query thread is never flooded.
 */
export class Publisher {
  readonly #target: ChangeTarget;
  readonly #names: NamesOptions;
  readonly #reserve: number;
  readonly #keep: (reserved: number) => Promise<void>;
  #serial: number;
  #reserved: number;
  #building: Promise<void> = Promise.resolve();

  /**
   * @param serial the first one given will be above it
   * @param reserve so many serials are reserved by one call of `keep`, which makes the highest of them durable
   */
  constructor(
    target: ChangeTarget,
    names: NamesOptions,
    serial: number,
    reserve: number,
    keep: (reserved: number) => Promise<void>,
  ) {
    this.#target = target;
    this.#names = names;
    this.#serial = serial;
    this.#reserved = serial;
    this.#reserve = reserve;
    this.#keep = keep;
  }

  /** Of all zones that take names from registries; rises with each change of content, and never falls. */
  get serial(): number {
    return this.#serial;
  }

  /** A zone file brought a higher serial of its own. */
  raiseSerial(minimum: number): void {
    this.#serial = Math.max(this.#serial, minimum);
  }

  /** The next serial; one that a restart could fall behind is never given. */
  async nextSerial(): Promise<number> {
    const next = this.#serial + 1;
    if (next > this.#reserved) {
      try {
        await this.#keep(next + this.#reserve);
      } catch {
        // a store that fails is reported where it hurts; the serial goes by the clock after a restart
      }
      this.#reserved = next + this.#reserve;
    }
    this.#serial = next;
    return next >>> 0;
  }

  /** Name by name between queries. */
  async update(changes: readonly InterfaceChange[]): Promise<void> {
    const serial = await this.nextSerial();
    for (const slice of slices(changes)) {
      await this.#target.apply({ kind: 'interfaces', beside: false, changes: slice, serial });
    }
  }

  /** All names at once. */
  async rebuild(entries: Iterable<InterfaceChange>): Promise<void> {
    await this.#exclusively(async () => {
      const serial = await this.nextSerial();
      await this.#target.apply({ kind: 'beside', options: this.#names });
      for (const slice of slices(entries)) {
        await this.#target.apply({ kind: 'interfaces', beside: true, changes: slice, serial });
      }
      await this.#target.apply({ kind: 'switch', serial });
    });
  }

  /** Puts zones in place of those of the same apex, and removes others; all at once. */
  async replaceZones(zones: readonly PlannedZone[], gone: readonly NameKey[]): Promise<void> {
    await this.#exclusively(async () => {
      for (const apex of gone) await this.#target.apply({ kind: 'remove-zone', apex });
      for (const { apex, role, records } of zones) {
        for (const slice of slices(records)) {
          const tuples = slice.map(({ name, type, ttl, rdata }) => [name, type, ttl, rdata] as const);
          await this.#target.apply({ kind: 'records', apex, role, records: tuples });
        }
      }
      await this.#target.apply({ kind: 'switch', serial: await this.nextSerial() });
    });
  }

  /** What is built beside is switched as a whole: two builders must not meet there. */
  #exclusively(build: () => Promise<void>): Promise<void> {
    const turn = this.#building.then(build);
    this.#building = turn.catch(() => {});
    return turn;
  }

  async setReady(ready: boolean): Promise<void> {
    await this.#target.apply({ kind: 'ready', ready });
  }
}

export function* slices<T>(items: Iterable<T>): Generator<T[]> {
  let slice: T[] = [];
  for (const item of items) {
    slice.push(item);
    if (slice.length === SLICE) {
      yield slice;
      slice = [];
    }
  }
  if (slice.length > 0) yield slice;
}
