import { OctetReader } from '../packed/octet-reader.ts';
import type { OctetWriter } from '../packed/octet-writer.ts';

/** One registration as it is stored: its octets are those that rest in memory. */
export interface StoredRegistration {
  /** the unit that it is registered in; undefined: it is registered no more, but remembered */
  readonly unit?: string;
  /** when it went, on the registry's live clock in milliseconds */
  readonly goneAt?: number;
  /** see `registration-codec.ts` */
  readonly body: Uint8Array;
  /** see `endpoint-sets.ts`; empty: none */
  readonly endpoints: Uint8Array;
}

const LIVE = 0;
const GONE = 1;

/** All registrations of one interface in one registry, as one stored row. */
export function writeStored(writer: OctetWriter, rows: readonly StoredRegistration[]): Uint8Array {
  writer.reset();
  writer.count(rows.length);
  for (const { unit, goneAt, body, endpoints } of rows) {
    writer.u8(unit === undefined ? GONE : LIVE);
    if (unit === undefined) writer.f64(goneAt ?? 0);
    else writer.text(unit);
    writer.count(body.length);
    writer.bytes(body);
    writer.count(endpoints.length);
    writer.bytes(endpoints);
  }
  return Uint8Array.from(writer.octets);
}

export function readStored(stored: Uint8Array): StoredRegistration[] {
  const reader = new OctetReader();
  reader.octets = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const slice = () => {
    const length = reader.count();
    reader.at += length;
    if (reader.at > reader.octets.length) throw new RangeError('a stored row ends too soon');
    return reader.octets.subarray(reader.at - length, reader.at);
  };
  const rows: StoredRegistration[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const isLive = reader.u8() === LIVE;
    const place = isLive ? { unit: reader.text() } : { goneAt: reader.f64() };
    rows.push({ ...place, body: slice(), endpoints: slice() });
  }
  return rows;
}
