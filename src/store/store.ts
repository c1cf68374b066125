import type { InterfaceName } from '../name/interface-name.ts';
import type { AddressRow, ForeignRows, LedgerStep, ServiceRow } from '../vip/ledger-rows.ts';
import type { PlacementRow } from '../vip/placements.ts';

/** What one registry said last of one interface: what lets a restart answer while the registry is away. */
export interface FactsRow {
  /** the registry's id */
  readonly registry: string;
  readonly interface: InterfaceName;
  /** as `RegistryFacts.storedRow` gives it */
  readonly octets: Uint8Array;
}

/** That a registry's rows are complete, and how old they are. */
export interface RegistryRow {
  readonly id: string;
  /** when the rows were right, Unix milliseconds */
  readonly snapshotAt: number;
  /** milliseconds for which the registry has been live, over restarts */
  readonly liveMs: number;
}

export type StoreStep =
  | LedgerStep
  | { readonly kind: 'put-placement'; readonly row: PlacementRow }
  | { readonly kind: 'put-facts'; readonly row: FactsRow }
  | { readonly kind: 'delete-facts'; readonly registry: string; readonly interface: InterfaceName }
  /** behind all rows of a complete delivery: rows without it do not count */
  | { readonly kind: 'put-registry'; readonly row: RegistryRow }
  /** no serial of a zone has been above it */
  | { readonly kind: 'put-serial'; readonly serial: number };

/** A part of what a store holds; each part comes when it is read. */
export interface StoredPart {
  readonly services?: readonly ServiceRow[];
  readonly addresses?: readonly AddressRow[];
  readonly placements?: readonly PlacementRow[];
  readonly facts?: readonly FactsRow[];
  readonly registries?: readonly RegistryRow[];
  readonly serial?: number;
  /** what registries said is not complete: it counts for nothing */
  readonly isFactsLost?: boolean;
  /** what could not be read and is left out, for people: where, and what to do */
  readonly problems?: readonly string[];
}

/** What another process, which shares the store, wrote. */
export interface ForeignChange extends ForeignRows {
  readonly placements: readonly PlacementRow[];
}

export interface StoreListener {
  /** What the store holds, part by part, before `open` resolves. */
  loaded(part: StoredPart): void;
  /** What others write, from the moment on to which the loaded parts belong: nothing in between is lost. */
  changed(rows: ForeignChange): void;
}

/** What must survive the process. */
export interface Store {
  /** for people: `sqlite data/rpc-dns.db` */
  readonly label: string;
  /** whether what registries said is kept; otherwise a restart has to read it anew before it answers */
  readonly keepsFacts: boolean;
  /** Reads everything, and follows it from then on. Once. Rejects with a {@link StoreError}. */
  open(listener: StoreListener): Promise<void>;
  /**
   * Durable when it resolves. Rejects with a {@link StoreError}; then a part may be there, and all of it may be
   * committed again. Rejects with a {@link StoreConflict} when everything is there but what another process took first.
   */
  commit(steps: readonly StoreStep[]): Promise<void>;
  close(): Promise<void>;
}

/** For people: what could not be done, where, and why. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** Another process that shares the store was faster: these rows stand instead. */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict';
  readonly rows: ForeignChange;

  constructor(rows: ForeignChange) {
    super(
      `${rows.addresses.length} addresses and ${rows.placements.length} placements were given by another process`,
    );
    this.rows = rows;
  }
}
