import { lengthOfOpt } from '../../wire/encode.ts';
import { CLASS_IN, HEADER_LENGTH, RCODE } from '../../wire/message.ts';
import { compressibleNames, mayHaveAdditional } from '../../zone/rdata/formats.ts';
import { RecordOctets } from '../../zone/record-octets.ts';
import { mayBeDerivedAt } from '../../zone/registry-names.ts';
import type { StaticZone } from '../../zone/static-zone.ts';
import { TYPE } from '../../zone/types.ts';
import type { LiveZone, ZoneData } from '../../zone/zone-data.ts';
import type { Exchange } from '../exchange.ts';

const POINTER = 0xc0;
/** Octets of an OPT without options. */
const OPT = lengthOfOpt(undefined);

/**
 * Writes the answer from packed records, where it is one of those that are asked most: addresses of call names and
 * structured domains, records of zone files, and that a name or a type does not exist. No string, no object and no library
 * call for a query: octets are copied, and what depends on the question is patched.
 *
 * What it writes is octet for octet what resolve and the general encoder would write.
 */
export class Compose {
  readonly #data: ZoneData;
  readonly #record = new RecordOctets();

  constructor(data: ZoneData) {
    this.#data = data;
  }

  /** @returns false where the general way has to answer; then nothing behind the question is changed for good */
  compose(exchange: Exchange, zone: LiveZone): boolean {
    const { statics } = zone;
    if (statics.occludes || exchange.nameLength === zone.apexKey.length) return false;
    const { hash } = this.#data;
    const end = exchange.nameLength - zone.apexKey.length;
    hash.of(exchange.lower, 0, end);
    // what is written may stay unsaid: the reply begins here
    exchange.setRcode(RCODE.NOERROR);
    exchange.authoritative = true;
    const first = statics.hasNames ? statics.firstAt(hash) : undefined;
    if (first !== undefined && first !== 0) return this.#static(exchange, zone, first) && fits(exchange);
    const isComposed =
      zone.role === 'static'
        ? this.#absent(exchange, zone, first === 0)
        : zone.role === 'registry' && this.#registered(exchange, zone, end, first === 0);
    return isComposed && fits(exchange);
  }

  /** A name that is not there, or has only names below it. */
  #absent(exchange: Exchange, zone: LiveZone, isEmpty: boolean): boolean {
    if (zone.notReady || (!isEmpty && zone.statics.hasWildcards)) return false;
    if (!isEmpty) exchange.rcode = RCODE.NXDOMAIN;
    return negative(exchange, zone, 0);
  }

  #registered(exchange: Exchange, zone: LiveZone, end: number, isEmpty: boolean): boolean {
    const { names } = this.#data;
    const ownership = names.ownership(this.#data.hash);
    switch (ownership) {
      case 'none':
      case 'empty':
        return (
          !mayBeDerivedAt(exchange.lower, end) &&
          this.#absent(exchange, zone, isEmpty || ownership === 'empty')
        );
      case 'domain':
        return this.#domain(exchange, zone);
      case 'itself':
        return !mayBeDerivedAt(exchange.lower, end) && this.#domain(exchange, zone);
      case 'call':
        if (mayBeDerivedAt(exchange.lower, end)) return false;
        return names.options.style === 'flat' ? this.#domain(exchange, zone) : this.#alias(exchange, zone);
      default:
        return false;
    }
  }

  /** A CNAME to the structured domain, and what is there. */
  #alias(exchange: Exchange, zone: LiveZone): boolean {
    const { names, arena } = this.#data;
    // the structured domain may be another zone's, or another interface's
    if (zone.hasZonesBelow || !names.leads(names.owner) || names.options.rotates) return false;
    const record = this.#record;
    record.read(arena, names.recordOf(names.owner));
    const { octets, domainAt, domainLength } = record;
    const nearAt = lastLabel(octets, domainAt, domainLength);
    if (zone.statics.hasNames && this.#isStatic(zone.statics, octets, nearAt, domainAt + domainLength))
      return false;
    const { out } = exchange;
    const { apex } = zone;
    const at = exchange.end;
    const length = domainLength + apex.length;
    let to = recordHead(out, at, HEADER_LENGTH, TYPE.CNAME, record.ttl, length);
    const targetAt = to;
    for (let i = 0; i < domainLength; i++) out[to++] = octets[domainAt + i] as number;
    const apexAt = to;
    const apexOctets = zone.apexOctets;
    for (let i = 0; i < apexOctets.length; i++) out[to++] = apexOctets[i] as number;
    exchange.answers = 1;
    exchange.end = to;
    return this.#addresses(exchange, zone, targetAt, apexAt, nearAt);
  }

  /** Whether static records may own a name that has this label right above the apex. */
  #isStatic(statics: StaticZone, octets: Uint8Array, start: number, end: number): boolean {
    const { hash } = this.#data;
    hash.ofLower(octets, start, end);
    return statics.firstAt(hash) !== undefined;
  }

  #domain(exchange: Exchange, zone: LiveZone): boolean {
    const { names, arena } = this.#data;
    if (names.options.rotates) return false;
    this.#record.read(arena, names.recordOf(names.owner));
    return this.#addresses(exchange, zone, HEADER_LENGTH, 0, 0);
  }

  #addresses(exchange: Exchange, zone: LiveZone, ownerAt: number, apexAt: number, nearAt: number): boolean {
    const { type } = exchange;
    if (type === TYPE.CNAME || type === TYPE.TXT || type === TYPE.ANY) return false;
    const record = this.#record;
    const wanted = type === TYPE.A ? 4 : type === TYPE.AAAA ? 16 : 0;
    if (wanted > 0) {
      const { octets, addresses, ttl } = record;
      const before = exchange.answers;
      let at = record.addressesAt;
      for (let left = addresses; left > 0; left--) {
        const length = octets[at++] as number;
        if (length === wanted) {
          if (exchange.end + 28 > exchange.limit) return false;
          exchange.end = recordOf(exchange.out, exchange.end, ownerAt, type, ttl, octets, at, length);
          exchange.answers++;
        }
        at += length;
      }
      if (exchange.answers > before) return true;
      if (record.hasFailure) return false;
    }
    if (zone.notReady) return false;
    if (apexAt > 0 && zone.negative.sharesLabel(record.octets, nearAt)) return false;
    return negative(exchange, zone, apexAt);
  }

  /** Records of a zone file at the very name. */
  #static(exchange: Exchange, zone: LiveZone, first: number): boolean {
    const { type, out } = exchange;
    if (type === TYPE.ANY || type === TYPE.DS) return false;
    const { packed } = zone.statics;
    let ttl = 0x7fffffff;
    let count = 0;
    let octets = 0;
    for (let at = first; at !== 0; at = packed.next(at)) {
      const tag = packed.tag(at);
      if (tag === TYPE.CNAME) return false;
      if (tag !== type) continue;
      count++;
      octets += 12 + packed.length(at);
      ttl = Math.min(ttl, packed.value(at));
    }
    if (count === 0) return negative(exchange, zone, 0);
    // names in the data are compressed, or bring addresses along
    if (compressibleNames(type) !== undefined || mayHaveAdditional(type)) return false;
    if (exchange.end + octets > exchange.limit) return false;
    let end = exchange.end;
    for (let at = first; at !== 0; at = packed.next(at)) {
      if (packed.tag(at) !== type) continue;
      end = recordOf(
        out,
        end,
        HEADER_LENGTH,
        type,
        ttl,
        packed.chunk(at),
        packed.octetsAt(at),
        packed.length(at),
      );
    }
    exchange.end = end;
    exchange.answers = count;
    return true;
  }
}

/** The SOA in the authority section. @param apexAt where the apex stands in front of it; 0: nowhere */
function negative(exchange: Exchange, zone: LiveZone, apexAt: number): boolean {
  if (exchange.end + zone.negative.length > exchange.limit) return false;
  exchange.end = zone.negative.write(exchange.out, exchange.end, apexAt, zone.serial);
  exchange.authorities = 1;
  return true;
}

/** Whether nothing has to be left out. */
function fits(exchange: Exchange): boolean {
  return exchange.end + (exchange.hasEdns ? OPT : 0) <= exchange.limit;
}

function lastLabel(octets: Uint8Array, start: number, length: number): number {
  let last = start;
  for (let at = start; at < start + length; at += (octets[at] as number) + 1) last = at;
  return last;
}

/** @returns where the data begins */
function recordHead(
  out: Buffer,
  at: number,
  ownerAt: number,
  type: number,
  ttl: number,
  length: number,
): number {
  out[at] = POINTER | (ownerAt >> 8);
  out[at + 1] = ownerAt & 0xff;
  out[at + 2] = type >> 8;
  out[at + 3] = type & 0xff;
  out[at + 4] = 0;
  out[at + 5] = CLASS_IN;
  out[at + 6] = ttl >>> 24;
  out[at + 7] = (ttl >>> 16) & 0xff;
  out[at + 8] = (ttl >>> 8) & 0xff;
  out[at + 9] = ttl & 0xff;
  out[at + 10] = length >> 8;
  out[at + 11] = length & 0xff;
  return at + 12;
}

/** @returns where the record ends */
function recordOf(
  out: Buffer,
  at: number,
  ownerAt: number,
  type: number,
  ttl: number,
  octets: Uint8Array,
  from: number,
  length: number,
): number {
  const to = recordHead(out, at, ownerAt, type, ttl, length);
  for (let i = 0; i < length; i++) out[to + i] = octets[from + i] as number;
  return to + length;
}
