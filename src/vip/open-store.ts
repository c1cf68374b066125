import type { Store } from './store.ts';
import { openMemoryStore } from './store-memory.ts';
import { openSqliteStore } from './store-sqlite.ts';

export interface StoreOptions {
  readonly kind: 'sqlite' | 'memory';
  /** of the file; `memory` has none */
  readonly path: string;
}

/** The configured store. Throws a StoreError. */
export function openStore({ kind, path }: StoreOptions): Store {
  switch (kind) {
    case 'memory':
      return openMemoryStore();
    case 'sqlite':
      return openSqliteStore(path);
  }
}
