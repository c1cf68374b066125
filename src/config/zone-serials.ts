import { keyOf, type NameKey } from '../name/domain-name.ts';
import type { Octets } from '../name/octets.ts';
import type { PackedRecords } from '../zone/packed-records.ts';
import type { ResourceRecord } from '../zone/record.ts';
import { SOA_NUMBERS, soaSerial } from '../zone/static-zone.ts';
import { TYPE } from '../zone/types.ts';
import type { ZoneFile } from './zone-files.ts';

/** A zone whose secondaries would not see what changed. */
export interface UnraisedSerial {
  readonly zone: ZoneFile;
  readonly before: number;
  readonly after: number;
}

/**
 * Zones of files whose content changed without a higher serial, or whose serial fell (RFC 1982 section 3.2).
 *
 * @param takesNames whether a zone takes names of registries: its serial is the server's own, and rises by itself
 */
export function unraisedSerials(
  before: readonly ZoneFile[],
  after: readonly ZoneFile[],
  takesNames: (apex: NameKey) => boolean,
): UnraisedSerial[] {
  const old = new Map(before.map((zone) => [keyOf(zone.apex), zone]));
  const found: UnraisedSerial[] = [];
  for (const zone of after) {
    const key = keyOf(zone.apex);
    const known = old.get(key);
    if (known === undefined || known === zone) continue;
    // a signed zone takes no names: it is served as it is
    if (takesNames(key) && !isSigned(zone)) continue;
    const [from, to] = [serialOf(known), serialOf(zone)];
    if (isAbove(to, from)) continue;
    if (from === to && hasSameContent(known.records, zone.records)) continue;
    found.push({ zone, before: from, after: to });
  }
  return found;
}

function isSigned({ apex, records }: ZoneFile): boolean {
  return records.find(({ type, name }) => type === TYPE.DNSKEY && keyOf(name) === keyOf(apex)) !== undefined;
}

function serialOf({ records }: ZoneFile): number {
  const soa = records.find(({ type }) => type === TYPE.SOA);
  return soa === undefined ? 0 : soaSerial({ type: soa.type, ttl: soa.ttl, rdatas: [soa.rdata] });
}

/** RFC 1982: above by less than half of all numbers. */
function isAbove(a: number, b: number): boolean {
  const distance = (a - b) >>> 0;
  return distance !== 0 && distance < 2 ** 31;
}

function hasSameContent(a: PackedRecords, b: PackedRecords): boolean {
  // most files are as they were, and a zone may have a million records
  if (a.equals(b)) return true;
  const known = new Set(Iterator.from(a).map(contentOf));
  const others = new Set(Iterator.from(b).map(contentOf));
  return known.size === others.size && [...others].every((record) => known.has(record));
}

function contentOf({ name, type, ttl, rdata }: ResourceRecord): string {
  return `${type} ${ttl} ${name} ${type === TYPE.SOA ? withoutSerial(rdata) : rdata}`;
}

function withoutSerial(rdata: Octets): string {
  const at = rdata.length - SOA_NUMBERS;
  return rdata.slice(0, at) + rdata.slice(at + 4);
}
