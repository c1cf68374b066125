import type { ClusterAccess } from '../kubernetes/api-client.ts';
import { openKubernetesStore } from './kubernetes.ts';
import { openMemoryStore } from './memory.ts';
import { openSqliteStore } from './sqlite.ts';
import type { Store } from './store.ts';

export interface StoreOptions extends Partial<ClusterAccess> {
  readonly kind: 'sqlite' | 'kubernetes' | 'memory';
  /** of the file; only `sqlite` has one */
  readonly path: string;
}

/** The configured store. Throws a StoreError. */
export function openStore({ kind, path, kubeconfig, context }: StoreOptions): Store {
  switch (kind) {
    case 'memory':
      return openMemoryStore();
    case 'sqlite':
      return openSqliteStore(path);
    case 'kubernetes':
      return openKubernetesStore({ kubeconfig, context });
  }
}
