import type { Config } from '../config/schema.ts';
import type { Store } from './store.ts';
import { openMemoryStore } from './store-memory.ts';
import { openSqliteStore } from './store-sqlite.ts';

/** The configured store. Throws a StoreError. */
export function openStore(config: Config['store']): Store {
  switch (config.kind) {
    case 'memory':
      return openMemoryStore();
    case 'sqlite':
      return openSqliteStore(config.path);
  }
}
