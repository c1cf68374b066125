import { addressText } from '../name/address.ts';
import { serviceKeyText } from '../name/interface-name.ts';
import type { AddressRow, ServiceRow } from './ledger.ts';
import type { SnapshotRow, Store } from './store.ts';

/** Keeps everything for the life of the process: for trials. Every restart begins with an empty ledger. */
export function openMemoryStore(): Store {
  const services = new Map<string, ServiceRow>();
  const addresses = new Map<string, AddressRow>();
  const snapshots = new Map<string, SnapshotRow>();
  const values = new Map<string, string>();
  return {
    label: 'memory',
    keepsSnapshots: true,
    load: async () => ({
      rows: { services: [...services.values()], addresses: [...addresses.values()] },
      snapshots: [...snapshots.values()],
      values: new Map(values),
    }),
    commit: async (changes) => {
      for (const change of changes) {
        if (change.kind === 'put-service') services.set(serviceKeyText(change.row.key), change.row);
        else if (change.kind === 'delete-service') services.delete(serviceKeyText(change.key));
        else if (change.kind === 'put-address') addresses.set(addressText(change.row.address), change.row);
        else if (change.kind === 'delete-address') addresses.delete(addressText(change.address));
        else if (change.kind === 'put-snapshot')
          snapshots.set(`${change.row.registry} ${change.row.key}`, change.row);
        else if (change.kind === 'delete-snapshot') snapshots.delete(`${change.registry} ${change.key}`);
        else if (change.kind === 'delete-value') values.delete(change.name);
        else values.set(change.name, change.value);
      }
    },
    close: async () => {},
  };
}
