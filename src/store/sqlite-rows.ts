import type { DatabaseSync } from 'node:sqlite';
import { addressText, parseAddress } from '../name/address.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { AddressRow, ServiceRow } from '../vip/ledger-rows.ts';
import { type PlacementRow, parsePlacement, placementText } from '../vip/placements.ts';
import type { FactsRow, RegistryRow, StoredPart, StoreStep } from './store.ts';

/** Rows in one part. */
const PART = 1000;

type Row = Record<string, string | number | null | Uint8Array>;

/** Everything that the file holds, in parts. */
export function* readParts(database: DatabaseSync): Generator<StoredPart> {
  const rows = (sql: string) => database.prepare(sql).iterate() as Iterable<Row>;
  const own = "kind = 'interface'";
  for (const part of parts(rows(`SELECT * FROM service WHERE ${own}`)))
    yield { services: part.map(serviceOf) };
  for (const part of parts(rows(`SELECT * FROM vip WHERE owner_${own}`)))
    yield { addresses: part.flatMap(addressOf) };
  for (const part of parts(rows('SELECT * FROM placement'))) {
    const placements: PlacementRow[] = [];
    const problems: string[] = [];
    for (const { service, placement } of part) {
      const parsed = parsePlacement(String(placement));
      if (parsed === undefined)
        problems.push(`placement of ${service}: not JSON: left out, it is decided anew`);
      else placements.push({ key: String(service), placement: parsed });
    }
    yield { placements, problems };
  }
  yield { registries: [...rows('SELECT * FROM registry')].map(registryOf) };
  for (const part of parts(rows('SELECT * FROM facts'))) yield { facts: part.map(factsOf) };
  const serial = database.prepare('SELECT serial FROM serial').get() as Row | undefined;
  if (serial !== undefined) yield { serial: Number(serial['serial']) };
}

function* parts(rows: Iterable<Row>): Generator<Row[]> {
  let part: Row[] = [];
  for (const row of rows) {
    part.push(row);
    if (part.length < PART) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

function serviceOf(row: Row): ServiceRow {
  return {
    key: {
      interface: String(row['name']) as InterfaceName,
      version: String(row['version']),
      group: String(row['grp']),
    },
    ordinal: Number(row['ordinal']),
    firstSeenAt: Number(row['first_seen_at']),
    retiredAt: timeOf(row['retired_at']),
  };
}

function addressOf(row: Row): AddressRow[] {
  const address = parseAddress(String(row['address']));
  if (address === undefined) return [];
  const owner = {
    interface: String(row['owner']) as InterfaceName,
    version: String(row['version']),
    group: String(row['grp']),
  };
  return [
    { address, owner, kind: row['kind'] === 'pin' ? 'pin' : 'pool', retiredAt: timeOf(row['retired_at']) },
  ];
}

function registryOf(row: Row): RegistryRow {
  return { id: String(row['id']), snapshotAt: Number(row['snapshot_at']), liveMs: Number(row['live_ms']) };
}

function factsOf(row: Row): FactsRow {
  const registry = String(row['registry']);
  return {
    registry,
    interface: String(row['interface']) as InterfaceName,
    octets: row['octets'] as Uint8Array,
  };
}

function timeOf(value: Row[string] | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** @returns a function that writes steps in one transaction */
export function stepWriter(database: DatabaseSync): (steps: readonly StoreStep[]) => void {
  const putService = database.prepare(
    'INSERT OR REPLACE INTO service (name, version, grp, ordinal, first_seen_at, retired_at) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const deleteService = database.prepare(
    "DELETE FROM service WHERE kind = 'interface' AND name = ? AND version = ? AND grp = ?",
  );
  const putVip = database.prepare(
    'INSERT OR REPLACE INTO vip (address, owner, version, grp, kind, retired_at) VALUES (?, ?, ?, ?, ?, ?)',
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
        putService.run(key.interface, key.version, key.group, ordinal, firstSeenAt, retiredAt);
        return;
      }
      case 'delete-service':
        deleteService.run(step.key.interface, step.key.version, step.key.group);
        return;
      case 'put-address': {
        const { address, owner, kind, retiredAt } = step.row;
        putVip.run(addressText(address), owner.interface, owner.version, owner.group, kind, retiredAt);
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
