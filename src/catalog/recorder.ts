import type { Address } from '../name/address.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { Ledger } from '../vip/ledger.ts';
import type { Placements } from '../vip/placements.ts';
import { type Store, type StoreChange, StoreConflict } from '../vip/store.ts';
import type { CatalogEvents, Source } from './catalog-types.ts';
import type { Vip } from './entry.ts';
import { writeSnapshots } from './snapshots.ts';

const NO_NAMES: ReadonlySet<InterfaceName> = new Set();

/** Between the decisions and the store: durable before published, and nothing lost when the store fails. */
export class Recorder {
  readonly #store: Store;
  readonly #ledger: Ledger;
  readonly #placements: Placements;
  readonly #events: Pick<CatalogEvents, 'onStoreError' | 'onStoreRecovered'>;
  /** what the store refused; every later commit begins with it */
  #unwritten: StoreChange[] = [];
  readonly #unrecorded = new Set<Address>();
  #error: Error | undefined;

  constructor(
    store: Store,
    ledger: Ledger,
    placements: Placements,
    events: Pick<CatalogEvents, 'onStoreError' | 'onStoreRecovered'>,
  ) {
    this.#store = store;
    this.#ledger = ledger;
    this.#placements = placements;
    this.#events = events;
  }

  /** Why the store refuses; undefined when it does not. */
  get error(): Error | undefined {
    return this.#error;
  }

  /**
   * Has all decisions since the last call recorded.
   *
   * @returns interfaces whose addresses another process took first
   */
  async record(): Promise<ReadonlySet<InterfaceName>> {
    const changes: StoreChange[] = [
      ...this.#unwritten,
      ...this.#ledger.takeChanges(),
      ...this.#placements.takeChanges(),
    ];
    if (changes.length === 0) return NO_NAMES;
    let outrun = NO_NAMES;
    try {
      await this.#store.commit(changes);
    } catch (error) {
      if (!(error instanceof StoreConflict)) {
        this.#unwritten = changes;
        for (const change of changes) {
          if (change.kind === 'put-address' && change.row.retiredAt === null) {
            this.#unrecorded.add(change.row.address);
          }
        }
        if (this.#error === undefined) this.#events.onStoreError(error as Error);
        this.#error = error as Error;
        return NO_NAMES;
      }
      outrun = this.#ledger.adopt(error.rows);
    }
    this.#unwritten = [];
    this.#unrecorded.clear();
    if (this.#error !== undefined) this.#events.onStoreRecovered();
    this.#error = undefined;
    return outrun;
  }

  /** The same VIP without addresses that could not be recorded: they must not be answered. */
  recordedOnly(vip: Vip): Vip {
    if (this.#unrecorded.size === 0) return vip;
    const addresses = vip.addresses.filter((address) => !this.#unrecorded.has(address));
    if (addresses.length === vip.addresses.length) return vip;
    const failure = `the address could not be recorded: ${this.#error?.message ?? 'the store failed'}`;
    return { ...vip, addresses, failure };
  }

  async recordSnapshots(sources: readonly Source[], now: number, isClosing: boolean): Promise<void> {
    try {
      await writeSnapshots(sources, this.#store, now, isClosing);
    } catch (error) {
      if (this.#error === undefined) this.#events.onStoreError(error as Error);
      this.#error ??= error as Error;
    }
  }
}
