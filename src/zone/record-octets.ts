import type { ArenaReader, BlobAt } from '../packed/arena.ts';
import { OctetReader } from '../packed/octet-reader.ts';

/**
 * What composed answers need of a record (`interface-record.ts` has its layout), as numbers: where it stands in the memory that {@link octets} is. Set anew by each
 * {@link read}, so that nothing is made for a query.
 */
export class RecordOctets {
  octets: Uint8Array = new Uint8Array(0);
  /** the structured domain, relative to the zone */
  domainAt = 0;
  domainLength = 0;
  /** seconds */
  ttl = 0;
  /** addresses of the plain name, each behind its number of octets */
  addressesAt = 0;
  addresses = 0;
  readonly #reader = new OctetReader();

  read(arena: ArenaReader, at: BlobAt): void {
    const reader = this.#reader;
    arena.open(at, reader);
    const names = reader.u32();
    reader.at += 4;
    const namesAt = reader.at;
    reader.skipText();
    for (let left = reader.count(); left > 0; left--) reader.skipText();
    this.domainLength = reader.count();
    this.domainAt = reader.at;
    reader.at = namesAt + names;
    const sets = reader.count();
    reader.at += 4 * sets;
    this.ttl = reader.u32();
    reader.count();
    reader.skipText();
    reader.count();
    reader.at += 4;
    this.addresses = reader.count();
    this.addressesAt = reader.at;
    this.octets = reader.octets;
  }

  /** Whether it says why it has no addresses. */
  get hasFailure(): boolean {
    const reader = this.#reader;
    reader.at = this.addressesAt;
    for (let left = this.addresses; left > 0; left--) reader.skipText();
    return reader.count() > 0;
  }
}
