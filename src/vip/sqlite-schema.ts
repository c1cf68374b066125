import type { DatabaseSync } from 'node:sqlite';
import { addressText, parseAddress } from '../name/address.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import type { AddressRow, ServiceRow } from './ledger.ts';
import type { SnapshotRow, StoreChange, StoredState } from './store.ts';

const SCHEMA_VERSION = 1;

/** Addresses are text, times Unix milliseconds: an operator reads the file with `sqlite3`. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS value (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS service (
    interface TEXT NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL,
    ordinal INTEGER NOT NULL, first_seen_at INTEGER NOT NULL, retired_at INTEGER,
    PRIMARY KEY (interface, version, grp)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS vip (
    address TEXT PRIMARY KEY,
    interface TEXT NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pool', 'pin')), retired_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS snapshot (
    registry TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (registry, key)
  ) STRICT, WITHOUT ROWID;
`;

/** Makes or checks the tables. Throws for a file of a newer version. */
export function prepareSchema(database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;');
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > SCHEMA_VERSION) throw new Error(`written by a newer version of rpc-dns (schema ${version})`);
  database.exec(SCHEMA);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

export function readState(database: DatabaseSync): StoredState {
  const rows = (sql: string) => database.prepare(sql).all() as Record<string, string | number | null>[];
  return {
    rows: {
      services: rows('SELECT * FROM service').map((row) => ({
        key: keyOfRow(row),
        ordinal: Number(row['ordinal']),
        firstSeenAt: Number(row['first_seen_at']),
        retiredAt: timeOf(row['retired_at']),
      })) satisfies ServiceRow[],
      addresses: rows('SELECT * FROM vip').flatMap((row): AddressRow[] => {
        const address = parseAddress(String(row['address']));
        if (address === undefined) return [];
        const kind = row['kind'] === 'pin' ? 'pin' : 'pool';
        return [{ address, owner: keyOfRow(row), kind, retiredAt: timeOf(row['retired_at']) }];
      }),
    },
    snapshots: rows('SELECT * FROM snapshot').map((row) => ({
      registry: String(row['registry']),
      key: String(row['key']),
      body: String(row['body']),
    })) satisfies SnapshotRow[],
    values: new Map(rows('SELECT * FROM value').map((row) => [String(row['name']), String(row['value'])])),
  };
}

function keyOfRow(row: Record<string, string | number | null>): ServiceKey {
  return {
    interface: String(row['interface']) as InterfaceName,
    version: String(row['version']),
    group: String(row['grp']),
  };
}

function timeOf(value: string | number | null | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** @returns a function that writes a batch in one transaction */
export function batchWriter(database: DatabaseSync): (changes: readonly StoreChange[]) => void {
  const putService = database.prepare('INSERT OR REPLACE INTO service VALUES (?, ?, ?, ?, ?, ?)');
  const deleteService = database.prepare(
    'DELETE FROM service WHERE interface = ? AND version = ? AND grp = ?',
  );
  const putVip = database.prepare('INSERT OR REPLACE INTO vip VALUES (?, ?, ?, ?, ?, ?)');
  const deleteVip = database.prepare('DELETE FROM vip WHERE address = ?');
  const putSnapshot = database.prepare('INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)');
  const deleteSnapshot = database.prepare('DELETE FROM snapshot WHERE registry = ? AND key = ?');
  const putValue = database.prepare('INSERT OR REPLACE INTO value VALUES (?, ?)');
  const deleteValue = database.prepare('DELETE FROM value WHERE name = ?');
  const write = (change: StoreChange) => {
    switch (change.kind) {
      case 'put-service': {
        const { key, ordinal, firstSeenAt, retiredAt } = change.row;
        putService.run(key.interface, key.version, key.group, ordinal, firstSeenAt, retiredAt);
        return;
      }
      case 'delete-service':
        deleteService.run(change.key.interface, change.key.version, change.key.group);
        return;
      case 'put-address': {
        const { address, owner, kind, retiredAt } = change.row;
        putVip.run(addressText(address), owner.interface, owner.version, owner.group, kind, retiredAt);
        return;
      }
      case 'delete-address':
        deleteVip.run(addressText(change.address));
        return;
      case 'put-snapshot':
        putSnapshot.run(change.row.registry, change.row.key, change.row.body);
        return;
      case 'delete-snapshot':
        deleteSnapshot.run(change.registry, change.key);
        return;
      case 'put-value':
        putValue.run(change.name, change.value);
        return;
      case 'delete-value':
        deleteValue.run(change.name);
        return;
    }
  };
  return (changes) => {
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const change of changes) write(change);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
}
