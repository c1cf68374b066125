import { type DomainName, keyOf, type NameKey } from '../name/domain-name.ts';
import { type Octets, octets, readU32, u32 } from '../name/octets.ts';
import { type EntryAt, RecordList } from '../packed/record-list.ts';
import type { NameHash } from './name-hash.ts';
import { NameIndex } from './name-index.ts';
import { rdataKey } from './rdata/formats.ts';
import type { ResourceRecord, RRset } from './record.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, type ZoneNode } from './zone.ts';

const nothing = () => {};
/** Names with more records than this remember what they have: to look through all for each would cost the square. */
const FEW_RECORDS = 8;
const WILDCARD = '\x01*';

/** Of a name with many records. */
interface ManyRecords {
  last: EntryAt;
  /** by type and `rdataKey` */
  readonly keys: Set<string>;
}

/**
 * The records of one master file, or those that the server makes for a zone without one. They rest in wire form, in lists
 * that begin at their names: a record costs its data and 12 octets, a name about 26.
 */
export class StaticZone {
  readonly apex: DomainName;
  readonly apexKey: NameKey;
  readonly packed = new RecordList();
  readonly #names: NameIndex;
  #atApex: EntryAt = 0;
  #many = new Map<EntryAt, ManyRecords>();
  #occludes = false;
  #hasWildcards = false;
  #records = 0;

  /**
   * @param seed see `NameHash`
   * @param before what it will take the place of, and is likely to be as large as
   */
  constructor(apex: DomainName, seed: number, before?: StaticZone) {
    this.apex = apex;
    this.apexKey = keyOf(apex);
    this.#names = new NameIndex(this.apexKey, seed, before === undefined ? 0 : before.#names.size);
  }

  get records(): number {
    return this.#records;
  }

  /** Whether a delegation or a DNAME may occlude names. */
  get occludes(): boolean {
    return this.#occludes;
  }

  /** Whether a name that does not exist may be answered all the same (RFC 4592). */
  get hasWildcards(): boolean {
    return this.#hasWildcards;
  }

  /** Whether it has names other than the apex. */
  get hasNames(): boolean {
    return this.#names.size > 0;
  }

  /** A zone signed by another's tool is served as it is and takes no registry names. */
  get signed(): boolean {
    return this.find(this.apexKey)?.get(TYPE.DNSKEY) !== undefined;
  }

  /** The caller has checked that the record lies in the zone. */
  add(record: ResourceRecord): void {
    const key = keyOf(record.name);
    const isApex = key === this.apexKey;
    const node = isApex ? 0 : this.#names.find(key);
    const first = isApex ? this.#atApex : node === 0 ? 0 : this.#names.value(node);
    const last = first === 0 ? 0 : this.#placeFor(first, record);
    // it is there already (RFC 2181 section 5)
    if (last === undefined) return;
    const at = this.packed.add(record.type, record.ttl, record.rdata);
    if (last !== 0) this.packed.setNext(last, at);
    else if (isApex) this.#atApex = at;
    else this.#names.put(key, at, nothing);
    const many = this.#many.get(first);
    if (many !== undefined) many.last = at;
    this.#records++;
    if (record.type === TYPE.DNAME || (record.type === TYPE.NS && !isApex)) this.#occludes = true;
    if (key.startsWith(WILDCARD)) this.#hasWildcards = true;
  }

  find(name: NameKey): ZoneNode | undefined {
    if (name === this.apexKey) return this.#atApex === 0 ? undefined : new StaticNode(this, this.#atApex);
    const node = this.#names.find(name);
    if (node === 0) return undefined;
    const first = this.#names.value(node);
    return first === 0 ? EMPTY_NON_TERMINAL : new StaticNode(this, first);
  }

  /**
   * The first record of a name below the apex, of which the labels in front of the apex were hashed; 0 for an empty
   * non-terminal, undefined where there is no such name.
   */
  firstAt(hash: NameHash): EntryAt | undefined {
    const node = this.#names.at(hash);
    return node === 0 ? undefined : this.#names.value(node);
  }

  /** Nothing more is added: what only that needs is let go. */
  close(): void {
    this.#many = new Map();
  }

  /** @returns the record behind which another one of its name goes; undefined: it is there already */
  #placeFor(first: EntryAt, { type, rdata }: ResourceRecord): EntryAt | undefined {
    const { packed } = this;
    const keyOf = (at: EntryAt) => recordKey(packed.tag(at), octets(packed.text(at)));
    const key = recordKey(type, rdata);
    const many = this.#many.get(first);
    if (many !== undefined) {
      if (many.keys.has(key)) return undefined;
      many.keys.add(key);
      return many.last;
    }
    let count = 1;
    let last = first;
    for (let at = first; at !== 0; at = packed.next(at)) {
      if (packed.tag(at) === type && packed.length(at) === rdata.length && keyOf(at) === key)
        return undefined;
      last = at;
      count++;
    }
    if (count > FEW_RECORDS) {
      const keys = new Set([key]);
      for (let at = first; at !== 0; at = packed.next(at)) keys.add(keyOf(at));
      this.#many.set(first, { last, keys });
    }
    return last;
  }
}

function recordKey(type: number, rdata: Octets): string {
  return `${type} ${rdataKey(type, rdata)}`;
}

/** The records of a name: only what is asked for is read. */
class StaticNode implements ZoneNode {
  readonly #zone: StaticZone;
  readonly #first: EntryAt;

  constructor(zone: StaticZone, first: EntryAt) {
    this.#zone = zone;
    this.#first = first;
  }

  get(type: number): RRset | undefined {
    const { packed } = this.#zone;
    const rdatas: Octets[] = [];
    let ttl = Number.POSITIVE_INFINITY;
    for (let at = this.#first; at !== 0; at = packed.next(at)) {
      if (packed.tag(at) !== type) continue;
      rdatas.push(octets(packed.text(at)));
      // the records of an RRset share one TTL: the smallest (RFC 2181 section 5.2)
      ttl = Math.min(ttl, packed.value(at));
    }
    return rdatas.length === 0 ? undefined : { type, ttl, rdatas };
  }

  types(): readonly number[] {
    const { packed } = this.#zone;
    const types = new Set<number>();
    for (let at = this.#first; at !== 0; at = packed.next(at)) types.add(packed.tag(at));
    return [...types];
  }
}

/** SOA RDATA (RFC 1035 section 3.3.13): five numbers of four octets behind two names. */
export const SOA_NUMBERS = 20;

export function soaSerial(soa: RRset): number {
  const rdata = soa.rdatas[0] ?? octets('');
  return readU32(rdata, rdata.length - SOA_NUMBERS);
}

/** The smaller of the SOA's own TTL and its last number: the TTL of a negative answer (RFC 2308 section 5). */
export function negativeTtl(soa: RRset): number {
  const rdata = soa.rdatas[0] ?? octets('');
  return Math.min(soa.ttl, readU32(rdata, rdata.length - 4));
}

export function withSerial(soa: RRset, serial: number): RRset {
  const rdata = soa.rdatas[0] ?? octets('');
  const at = rdata.length - SOA_NUMBERS;
  return { ...soa, rdatas: [octets(rdata.slice(0, at) + u32(serial) + rdata.slice(at + 4))] };
}
