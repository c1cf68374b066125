import type { DomainName } from '../name/domain-name.ts';
import { octets } from '../name/octets.ts';
import { OctetReader } from '../packed/octet-reader.ts';
import { OctetWriter } from '../packed/octet-writer.ts';
import type { ResourceRecord } from './record.ts';

const writer = new OctetWriter();

/** Records on their way to another thread: one piece of octets costs less than as many values. */
export function packRecords(records: readonly ResourceRecord[]): Uint8Array {
  writer.reset();
  for (const { name, type, ttl, rdata } of records) {
    writer.latin1(name);
    writer.u16(type);
    writer.u32(ttl);
    writer.latin1(rdata);
  }
  return new Uint8Array(writer.octets);
}

/** What {@link packRecords} packed. */
export function* unpackRecords(packed: Uint8Array): Generator<ResourceRecord> {
  const reader = new OctetReader();
  reader.octets = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  while (reader.at < packed.length) {
    const name = reader.latin1() as DomainName;
    const type = reader.u16();
    const ttl = reader.u32();
    yield { name, type, ttl, rdata: octets(reader.latin1()) };
  }
}
