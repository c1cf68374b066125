import type { DatabaseSync } from 'node:sqlite';
import { migrateFrom1 } from './sqlite-migration.ts';

/** 1: version 0.1.0, which kept snapshots as JSON and everything else beside the ledger as texts by name. */
const SCHEMA_VERSION = 2;

/**
 * Addresses are text, times Unix milliseconds: an operator reads the file with `sqlite3`. Owners have a kind, since an
 * application may own an address as an interface does.
 */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS service (
    kind TEXT NOT NULL DEFAULT 'interface' CHECK (kind IN ('interface', 'application')),
    name TEXT NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL,
    ordinal INTEGER NOT NULL, first_seen_at INTEGER NOT NULL, retired_at INTEGER,
    PRIMARY KEY (kind, name, version, grp)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS vip (
    address TEXT PRIMARY KEY,
    owner_kind TEXT NOT NULL DEFAULT 'interface' CHECK (owner_kind IN ('interface', 'application')),
    owner TEXT NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pool', 'pin')), retired_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS placement (service TEXT PRIMARY KEY, placement TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS registry (
    id TEXT PRIMARY KEY, snapshot_at INTEGER NOT NULL, live_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS facts (
    registry TEXT NOT NULL, interface TEXT NOT NULL, octets BLOB NOT NULL, PRIMARY KEY (registry, interface)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS serial (one INTEGER PRIMARY KEY CHECK (one = 1), serial INTEGER NOT NULL) STRICT;
`;

/**
 * Makes the tables, or those of an older version into them, in one transaction. Throws for a file of a newer version.
 *
 * @returns what of an older version could not be taken over, for people
 */
export function prepareSchema(database: DatabaseSync): string[] {
  // one process at a time: two would give one address to two interfaces
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec('PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE');
  try {
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as {
      user_version: number;
    };
    if (version > SCHEMA_VERSION)
      throw new Error(`written by a newer version of rpc-dns (schema ${version})`);
    const problems = version === 1 ? migrateFrom1(database, SCHEMA) : [];
    database.exec(SCHEMA);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    return problems;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
