import type { DatabaseSync } from 'node:sqlite';
import { addressText } from '../name/address.ts';
import { applicationOf } from '../name/application-name.ts';
import type { ServiceKey } from '../name/interface-name.ts';
import { placementText } from '../vip/placements.ts';
import type { StoreStep } from './store.ts';

/** @returns a function that writes steps in one transaction */
export function stepWriter(database: DatabaseSync): (steps: readonly StoreStep[]) => void {
  const putService = database.prepare(
    'INSERT OR REPLACE INTO service (kind, name, version, grp, ordinal, first_seen_at, retired_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const deleteService = database.prepare(
    'DELETE FROM service WHERE kind = ? AND name = ? AND version = ? AND grp = ?',
  );
  const putVip = database.prepare(
    'INSERT OR REPLACE INTO vip (address, owner_kind, owner, version, grp, kind, retired_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const deleteVip = database.prepare('DELETE FROM vip WHERE address = ?');
  const putPlacement = database.prepare('INSERT OR REPLACE INTO placement VALUES (?, ?)');
  const deletePlacement = database.prepare('DELETE FROM placement WHERE service = ?');
  const putFacts = database.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?, ?)');
  const deleteFacts = database.prepare('DELETE FROM facts WHERE registry = ? AND interface = ?');
  const putRegistry = database.prepare('INSERT OR REPLACE INTO registry VALUES (?, ?, ?)');
  const putSerial = database.prepare('INSERT OR REPLACE INTO serial VALUES (1, ?)');
  const write = (step: StoreStep): void => {
    switch (step.kind) {
      case 'put-service': {
        const { key, ordinal, firstSeenAt, retiredAt } = step.row;
        putService.run(...kindAndName(key), key.version, key.group, ordinal, firstSeenAt, retiredAt);
        return;
      }
      case 'delete-service':
        deleteService.run(...kindAndName(step.key), step.key.version, step.key.group);
        return;
      case 'put-address': {
        const { address, owner, kind, retiredAt } = step.row;
        putVip.run(addressText(address), ...kindAndName(owner), owner.version, owner.group, kind, retiredAt);
        return;
      }
      case 'delete-address':
        deleteVip.run(addressText(step.address));
        return;
      case 'put-placement':
        if (step.row.placement === undefined) deletePlacement.run(step.row.key);
        else putPlacement.run(step.row.key, placementText(step.row.placement));
        return;
      case 'put-facts':
        putFacts.run(step.row.registry, step.row.interface, step.row.octets);
        return;
      case 'delete-facts':
        deleteFacts.run(step.registry, step.interface);
        return;
      case 'put-registry':
        putRegistry.run(step.row.id, step.row.snapshotAt, step.row.liveMs);
        return;
      case 'put-serial':
        putSerial.run(step.serial);
        return;
    }
  };
  return (steps) => {
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const step of steps) write(step);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
}

function kindAndName({ interface: name }: ServiceKey): [kind: 'interface' | 'application', name: string] {
  const application = applicationOf(name);
  return application === undefined ? ['interface', name] : ['application', application];
}
