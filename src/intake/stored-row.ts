import { OctetReader } from '../packed/octet-reader.ts';
import type { OctetWriter } from '../packed/octet-writer.ts';
import { isEndpoints } from './endpoint-sets.ts';
import { isRegistration } from './registration-codec.ts';

/** One registration as it is stored: its octets are those that rest in memory. */
export interface StoredRegistration {
  /** the unit that it is registered in; undefined: it is registered no more, but remembered */
  readonly unit?: string;
  /** when it went, on the registry's live clock in milliseconds */
  readonly goneAt?: number;
  /** it went a moment ago, and may turn out to be part of a mass disappearance: its endpoints are those that it had */
  readonly isDoubtful?: boolean;
  /** see `registration-codec.ts` */
  readonly body: Uint8Array;
  /** see `endpoint-sets.ts`; empty: none */
  readonly endpoints: Uint8Array;
}

const LIVE = 0;
const GONE = 1;
const DOUBTFUL = 2;

/** All registrations of one interface in one registry, as one stored row. */
export function writeStored(writer: OctetWriter, rows: readonly StoredRegistration[]): Uint8Array {
  writer.reset();
  writer.count(rows.length);
  for (const { unit, goneAt, isDoubtful = false, body, endpoints } of rows) {
    writer.u8(unit !== undefined ? LIVE : isDoubtful ? DOUBTFUL : GONE);
    if (unit === undefined) writer.f64(goneAt ?? 0);
    else writer.text(unit);
    writer.count(body.length);
    writer.bytes(body);
    writer.count(endpoints.length);
    writer.bytes(endpoints);
  }
  return Uint8Array.from(writer.octets);
}

/** Throws for octets that {@link writeStored} did not write: they have been on a disk. */
export function readStored(stored: Uint8Array): StoredRegistration[] {
  const part = new OctetReader();
  const isPart = (octets: Uint8Array, isRight: (reader: OctetReader) => boolean) => {
    part.octets = octets as Buffer;
    part.at = 0;
    return isRight(part);
  };
  const reader = new OctetReader();
  reader.octets = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const slice = () => {
    const length = reader.count();
    reader.at += length;
    // in these words, as a count that is none makes the place none
    if (!(reader.at <= reader.octets.length)) throw new RangeError('it ends too soon');
    return reader.octets.subarray(reader.at - length, reader.at);
  };
  const rows: StoredRegistration[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const kind = reader.u8();
    if (!(kind <= DOUBTFUL)) throw new RangeError('it is no row of ours');
    const isLive = kind === LIVE;
    if (!isLive && reader.at + 8 > reader.octets.length) throw new RangeError('it ends too soon');
    const place = isLive ? { unit: reader.text() } : { goneAt: reader.f64(), isDoubtful: kind === DOUBTFUL };
    const [body, endpoints] = [slice(), slice()];
    if (!isPart(body, isRegistration)) throw new RangeError('it is no registration');
    if (endpoints.length > 0 && !isPart(endpoints, isEndpoints))
      throw new RangeError('its endpoints are none');
    rows.push({ ...place, body, endpoints });
  }
  if (reader.at !== reader.octets.length) throw new RangeError('there is something behind its end');
  return rows;
}
