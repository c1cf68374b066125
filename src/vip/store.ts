import type { LedgerChange, LedgerRows } from './ledger.ts';

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
  /** Rejects with a {@link StoreError}. */
  load(): Promise<StoredState>;
  /** All of it or nothing; durable when it resolves. Rejects with a {@link StoreError}. */
  commit(changes: readonly StoreChange[]): Promise<void>;
  close(): Promise<void>;
}

/** For people: what could not be done, where, and why. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}
