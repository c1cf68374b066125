import type { DatabaseSync } from 'node:sqlite';
import { writeEndpoints } from '../intake/endpoint-sets.ts';
import { writeRegistration } from '../intake/registration-codec.ts';
import { type StoredRegistration, writeStored } from '../intake/stored-row.ts';
import { OctetWriter } from '../packed/octet-writer.ts';
import { EMPTY_REGISTRATION, type Registration } from '../registry/registration.ts';

/** How version 0.1.0 named what it kept beside the ledger. */
const VALUE = {
  serial: 'serial',
  placement: 'placement ',
  snapshotAt: 'snapshot of ',
  liveMs: 'live milliseconds of ',
} as const;

/** What version 0.1.0 kept of one service of one registry, as JSON. */
interface Snapshot1 {
  readonly live: readonly (readonly [unit: string, registration: Registration])[];
  readonly last?: Registration;
  readonly goneAt?: number;
}

/**
 * Takes the tables of version 0.1.0 over: VIPs, ages, serials and snapshots stay. Within the caller's transaction.
 *
 * @returns rows that could not be read, for people
 */
export function migrateFrom1(database: DatabaseSync, schema: string): string[] {
  const problems: string[] = [];
  database.exec('ALTER TABLE service RENAME TO service_1; ALTER TABLE vip RENAME TO vip_1;');
  database.exec(schema);
  database.exec(`
    INSERT INTO service (name, version, grp, ordinal, first_seen_at, retired_at)
      SELECT interface, version, grp, ordinal, first_seen_at, retired_at FROM service_1;
    INSERT INTO vip (address, owner, version, grp, kind, retired_at)
      SELECT address, interface, version, grp, kind, retired_at FROM vip_1;
    INSERT INTO placement SELECT substr(name, ${VALUE.placement.length + 1}), value FROM value
      WHERE substr(name, 1, ${VALUE.placement.length}) = '${VALUE.placement}';
    INSERT INTO serial SELECT 1, CAST(value AS INTEGER) FROM value WHERE name = '${VALUE.serial}';
    INSERT INTO registry
      SELECT substr(s.name, ${VALUE.snapshotAt.length + 1}), CAST(s.value AS INTEGER),
        COALESCE((SELECT CAST(l.value AS INTEGER) FROM value AS l
          WHERE l.name = '${VALUE.liveMs}' || substr(s.name, ${VALUE.snapshotAt.length + 1})), 0)
      FROM value AS s WHERE substr(s.name, 1, ${VALUE.snapshotAt.length}) = '${VALUE.snapshotAt}';
  `);
  migrateSnapshots(database, problems);
  database.exec('DROP TABLE service_1; DROP TABLE vip_1; DROP TABLE value; DROP TABLE snapshot;');
  return problems;
}

function migrateSnapshots(database: DatabaseSync, problems: string[]): void {
  const writer = new OctetWriter();
  const put = database.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?, ?)');
  const rows = new Map<string, { registry: string; name: string; stored: StoredRegistration[] }>();
  const all = database.prepare('SELECT registry, key, body FROM snapshot');
  for (const { registry, key, body } of all.iterate() as Iterable<
    Record<'registry' | 'key' | 'body', string>
  >) {
    try {
      const { live, last, goneAt } = JSON.parse(body) as Snapshot1;
      const found = [
        ...live.map(([unit, registration]) => ({ unit, registration })),
        ...(live.length > 0 || last === undefined ? [] : [{ goneAt: goneAt ?? 0, registration: last }]),
      ];
      for (const { registration: old, ...place } of found) {
        const registration: Registration = { ...EMPTY_REGISTRATION, ...old };
        const at = `${registry}\n${registration.interface}`;
        const row = rows.get(at) ?? { registry, name: registration.interface, stored: [] };
        rows.set(at, row);
        row.stored.push({ ...place, ...octetsOf(writer, registration) });
      }
    } catch (error) {
      problems.push(
        `snapshot of ${registry}, row ${key}: ${(error as Error).message}: left out, the registry tells it again`,
      );
    }
  }
  for (const { registry, name, stored } of rows.values())
    put.run(registry, name, writeStored(writer, stored));
}

function octetsOf(
  writer: OctetWriter,
  registration: Registration,
): Pick<StoredRegistration, 'body' | 'endpoints'> {
  writer.reset();
  writeRegistration(writer, registration);
  const body = Uint8Array.from(writer.octets);
  if (registration.endpoints.length === 0) return { body, endpoints: new Uint8Array(0) };
  writeEndpoints(writer, registration.endpoints);
  return { body, endpoints: Uint8Array.from(writer.octets) };
}
