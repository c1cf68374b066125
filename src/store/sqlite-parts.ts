import type { DatabaseSync } from 'node:sqlite';
import { parseAddress } from '../name/address.ts';
import { isApplicationName, subjectOfApplication } from '../name/application-name.ts';
import {
  checkServiceKey,
  type InterfaceName,
  parseInterfaceName,
  type ServiceKey,
} from '../name/interface-name.ts';
import type { AddressRow, ServiceRow } from '../vip/ledger-rows.ts';
import { type PlacementRow, parsePlacement } from '../vip/placements.ts';
import type { FactsRow, RegistryRow, StoredPart } from './store.ts';

/** Rows in one part. */
const PART = 1000;

type Row = Readonly<Record<string, string | bigint | null | Uint8Array>>;

/** A row that cannot be left out: without it an address might be given twice. The text is for people, and whole. */
export class UnsafeRow extends Error {
  override readonly name = 'UnsafeRow';
}

export interface ReadOptions {
  /** what problems call the file */
  readonly file: string;
  /** Unix milliseconds: since then what lost its time rests */
  readonly now: number;
  /** what is there is taken, come what may: of a file that is damaged anyway */
  readonly isSalvage: boolean;
}

/**
 * Everything that the file holds, in parts. A row that cannot be read is left out and told, with its table, its place and
 * the remedy; where that would not be safe, an {@link UnsafeRow} is thrown.
 */
export function* readParts(database: DatabaseSync, options: ReadOptions): Generator<StoredPart> {
  const rows = function* (sql: string): Generator<Row[]> {
    const statement = database.prepare(sql);
    // a number that is none of ours must not end the reading of all others
    statement.setReadBigInts(true);
    yield* parts(statement.iterate() as Iterable<Row>);
  };
  const reader = new RowReader(options);
  for (const part of rows('SELECT * FROM service'))
    yield { services: part.flatMap((row) => reader.service(row)), problems: reader.take() };
  for (const part of rows('SELECT * FROM vip'))
    yield { addresses: part.flatMap((row) => reader.address(row)), problems: reader.take() };
  for (const part of rows('SELECT * FROM placement'))
    yield { placements: part.flatMap((row) => reader.placement(row)), problems: reader.take() };
  for (const part of rows('SELECT * FROM registry'))
    yield { registries: part.flatMap((row) => reader.registry(row)), problems: reader.take() };
  for (const part of rows('SELECT * FROM facts'))
    yield { facts: part.flatMap((row) => reader.facts(row)), problems: reader.take() };
  for (const part of rows('SELECT * FROM serial'))
    for (const row of part) yield { ...reader.serial(row), problems: reader.take() };
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

class RowReader {
  readonly #options: ReadOptions;
  #problems: string[] = [];

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  /** What could not be read since the last time, for people. */
  take(): string[] {
    const problems = this.#problems;
    this.#problems = [];
    return problems;
  }

  service(row: Row): ServiceRow[] {
    const [name, version, grp] = [textOf(row['name']), textOf(row['version']), textOf(row['grp'])];
    const kind = textOf(row['kind']);
    const place = where({ kind, name, version, grp });
    const key = { interface: subjectOf(kind, name), version, group: grp };
    const ordinal = countOf(row['ordinal']);
    const firstSeenAt = countOf(row['first_seen_at']);
    const retiredAt = row['retired_at'] === null ? null : countOf(row['retired_at']);
    const reason = whatIsWrongWith(key) ?? (ordinal === undefined ? 'its ordinal is no count' : undefined);
    if (reason !== undefined || ordinal === undefined) {
      this.#leftOut('service', place, `${reason}: left out, who came first is decided anew`);
      return [];
    }
    if (firstSeenAt === undefined || retiredAt === undefined)
      this.#problem('service', place, 'it has a time that is none: taken as now, nothing else is lost');
    const { now } = this.#options;
    return [
      { key, ordinal, firstSeenAt: firstSeenAt ?? now, retiredAt: retiredAt === undefined ? now : retiredAt },
    ];
  }

  address(row: Row): AddressRow[] {
    const text = textOf(row['address']);
    const place = where({ address: text });
    const owner = {
      interface: subjectOf(textOf(row['owner_kind']), textOf(row['owner'])),
      version: textOf(row['version']),
      group: textOf(row['grp']),
    };
    const address = parseAddress(text);
    if (address === undefined) {
      const found = `'${printable(text)}' is no address, so nobody knows which one ${printable(owner.interface)} has`;
      if (!this.#options.isSalvage)
        throw new UnsafeRow(
          this.#text(
            'vip',
            place,
            `${found}: not started, lest it is given to another. ${this.#remedy(place)}`,
          ),
        );
      this.#problem('vip', place, `${found}: left out`);
      return [];
    }
    const retiredAt = row['retired_at'] === null ? null : countOf(row['retired_at']);
    const reason = whatIsWrongWith(owner);
    const kind = row['kind'] === 'pin' ? 'pin' : 'pool';
    if (reason === undefined && retiredAt !== undefined) return [{ address, owner, kind, retiredAt }];
    const what = reason ?? 'the time since which it rests is none';
    this.#problem(
      'vip',
      place,
      `${what}: the address is kept from all others for vips.reuseAfter, from now on`,
    );
    return [{ address, owner, kind, retiredAt: this.#options.now }];
  }

  placement(row: Row): PlacementRow[] {
    const service = textOf(row['service']);
    const placement = parsePlacement(textOf(row['placement']));
    if (placement !== undefined) return [{ key: service, placement }];
    this.#leftOut(
      'placement',
      where({ service }),
      'its placement is no JSON of ours: left out, it is decided anew',
    );
    return [];
  }

  registry(row: Row): RegistryRow[] {
    const id = textOf(row['id']);
    const [snapshotAt, liveMs] = [countOf(row['snapshot_at']), countOf(row['live_ms'])];
    if (snapshotAt !== undefined && liveMs !== undefined) return [{ id, snapshotAt, liveMs }];
    this.#problem(
      'registry',
      where({ id }),
      'it has a time that is none: left out, the registry is read before it is answered',
    );
    return [];
  }

  facts(row: Row): FactsRow[] {
    const [registry, name] = [textOf(row['registry']), textOf(row['interface'])];
    const reason = whatIsWrongWithName(name);
    if (reason === undefined)
      return [{ registry, interface: name as InterfaceName, octets: row['octets'] as Uint8Array }];
    this.#leftOut(
      'facts',
      where({ registry, interface: name }),
      `${reason}: left out, the registry tells it again`,
    );
    return [];
  }

  serial(row: Row): { readonly serial?: number } {
    const serial = countOf(row['serial']);
    if (serial !== undefined && serial <= 0xffff_ffff) return { serial };
    this.#problem('serial', where({ one: '1' }), 'it is no serial: left out, serials go on from the clock');
    return {};
  }

  /** Nobody writes such a row again: whoever wants it gone has to say so. */
  #leftOut(table: string, place: string, text: string): void {
    const remove = `to be told no more: DELETE FROM ${table} WHERE ${place}`;
    this.#problem(table, place, `${text}; ${remove}`);
  }

  #problem(table: string, place: string, text: string): void {
    this.#problems.push(this.#text(table, place, text));
  }

  #text(table: string, place: string, text: string): string {
    return `${this.#options.file}: table ${table}, row ${place}: ${text}`;
  }

  #remedy(place: string): string {
    return `Set it right with: sqlite3 ${this.#options.file} "UPDATE vip SET address = '…' WHERE ${place}"; or, when it is lost, "DELETE FROM vip WHERE ${place}": the owner then gets another VIP`;
  }
}

function whatIsWrongWith({ interface: name, version, group }: ServiceKey): string | undefined {
  return whatIsWrongWithName(name) ?? checkServiceKey(version, group);
}

function whatIsWrongWithName(name: string): string | undefined {
  if (isApplicationName(name)) return undefined;
  const parsed = parseInterfaceName(name);
  return parsed.ok ? undefined : parsed.reason;
}

function subjectOf(kind: string, name: string): InterfaceName {
  return kind === 'application' ? subjectOfApplication(name) : (name as InterfaceName);
}

function textOf(value: Row[string] | undefined): string {
  return String(value ?? '');
}

/** A count, or a time in milliseconds; undefined for what cannot be one. */
function countOf(value: Row[string] | undefined): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** A row as SQL finds it: `name = 'com.foo.A' AND version = ''`. */
function where(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns)
    .map(([column, value]) => `${column} = '${printable(value).replaceAll("'", "''")}'`)
    .join(' AND ');
}

function printable(text: string): string {
  return text.slice(0, 200).replace(/\p{Cc}/gu, '?');
}
