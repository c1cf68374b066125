import type { ForeignRows, LedgerChange, LedgerRows } from './ledger.ts';

/** Rows of one registry's last known state: what lets a restart answer while the registry is away. */
export interface SnapshotRow {
  readonly registry: string;
  readonly key: string;
  /** JSON */
  readonly body: string;
}

export type StoreChange =
  | LedgerChange
  | { readonly kind: 'put-snapshot'; readonly row: SnapshotRow }
  | { readonly kind: 'delete-snapshot'; readonly registry: string; readonly key: string }
  | { readonly kind: 'put-value'; readonly name: string; readonly value: string }
  | { readonly kind: 'delete-value'; readonly name: string };

export interface StoredState {
  readonly rows: LedgerRows;
  readonly snapshots: readonly SnapshotRow[];
  readonly values: ReadonlyMap<string, string>;
}

/** What must survive the process. */
export interface Store {
  /** for people: `sqlite data/rpc-dns.db` */
  readonly label: string;
  /** whether registries' snapshots are kept; otherwise a restart has to read them anew before it answers */
  readonly keepsSnapshots: boolean;
  /** Rejects with a {@link StoreError}. */
  load(): Promise<StoredState>;
  /**
   * Durable when it resolves. Rejects with a {@link StoreError}; then a part may be there, and all of it may be
   * committed again. Rejects with a {@link StoreConflict} when everything is there but what another process took first.
   */
  commit(changes: readonly StoreChange[]): Promise<void>;
  /** Tells what others write, from now on, to the listener given last. A store of one process has nothing to tell. */
  follow?(listener: (rows: ForeignRows) => void): void;
  close(): Promise<void>;
}

/** For people: what could not be done, where, and why. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** Another process that shares the store was faster: these rows stand instead. */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict';
  readonly rows: ForeignRows;

  constructor(rows: ForeignRows) {
    super(`${rows.addresses.length} addresses were given by another process`);
    this.rows = rows;
  }
}
