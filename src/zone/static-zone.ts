import { type DomainName, keyOf, type NameKey } from '../name/domain-name.ts';
import { type Octets, octets, readU32, u32 } from '../name/octets.ts';
import { NameTree } from './name-tree.ts';
import { rdataKey } from './rdata/formats.ts';
import type { ResourceRecord, RRset } from './record.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, type ZoneNode } from './zone.ts';

const nothing = () => {};

/** The records of one master file, or those that the server makes for a zone without one. */
export class StaticZone {
  readonly apex: DomainName;
  readonly apexKey: NameKey;
  readonly #tree: NameTree<StaticNode>;
  #occludes = false;
  #records = 0;

  constructor(apex: DomainName) {
    this.apex = apex;
    this.apexKey = keyOf(apex);
    this.#tree = new NameTree(this.apexKey);
  }

  get records(): number {
    return this.#records;
  }

  /** Whether a delegation or a DNAME may occlude names. */
  get occludes(): boolean {
    return this.#occludes;
  }

  /** A zone signed by another's tool is served as it is and takes no registry names. */
  get signed(): boolean {
    return this.find(this.apexKey)?.get(TYPE.DNSKEY) !== undefined;
  }

  /** The caller has checked that the record lies in the zone. */
  add(record: ResourceRecord): void {
    const key = keyOf(record.name);
    let node = this.#tree.get(key)?.value;
    if (node === undefined) {
      node = new StaticNode();
      this.#tree.put(key, node, nothing);
    }
    if (!node.add(record)) return;
    this.#records++;
    if (record.type === TYPE.DNAME || (record.type === TYPE.NS && key !== this.apexKey))
      this.#occludes = true;
  }

  find(name: NameKey): ZoneNode | undefined {
    const node = this.#tree.get(name);
    return node === undefined ? undefined : (node.value ?? EMPTY_NON_TERMINAL);
  }

  /** Names that own records. */
  *owners(): Generator<[NameKey, ZoneNode]> {
    for (const [key, node] of this.#tree.values()) yield [key as NameKey, node];
  }
}

interface GrowingRRset {
  readonly type: number;
  ttl: number;
  readonly rdatas: Octets[];
  /** what is there already, by `rdataKey`; made for large RRsets only */
  keys: Set<Octets> | undefined;
}

const SMALL_RRSET = 8;

class StaticNode implements ZoneNode {
  readonly #rrsets: GrowingRRset[] = [];

  /** @returns false for a record that is there already (RFC 2181 section 5) */
  add({ type, ttl, rdata }: ResourceRecord): boolean {
    const rrset = this.#rrsets.find((known) => known.type === type);
    if (rrset === undefined) {
      this.#rrsets.push({ type, ttl, rdatas: [rdata], keys: undefined });
      return true;
    }
    const key = rdataKey(type, rdata);
    if (rrset.rdatas.length >= SMALL_RRSET) {
      rrset.keys ??= new Set(rrset.rdatas.map((known) => rdataKey(type, known)));
      if (rrset.keys.has(key)) return false;
      rrset.keys.add(key);
    } else if (rrset.rdatas.some((known) => rdataKey(type, known) === key)) {
      return false;
    }
    rrset.rdatas.push(rdata);
    // the records of an RRset share one TTL: the smallest (RFC 2181 section 5.2)
    rrset.ttl = Math.min(rrset.ttl, ttl);
    return true;
  }

  get(type: number): RRset | undefined {
    return this.#rrsets.find((rrset) => rrset.type === type);
  }

  types(): readonly number[] {
    return this.#rrsets.map((rrset) => rrset.type);
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
