import { addressText, isIpv4, parseAddress } from '../name/address.ts';
import type { Arena, BlobAt } from '../packed/arena.ts';
import { int32Column, uint32Column } from '../packed/column.ts';
import { HashSlots } from '../packed/hash-slots.ts';
import { OctetReader } from '../packed/octet-reader.ts';
import { OctetWriter } from '../packed/octet-writer.ts';
import type { Endpoint } from '../registry/registration.ts';
import { commonText, HOST, readEndpoints } from '../zone/endpoint-octets.ts';

/**
 * Sets of endpoints, each kept once however many registrations, interfaces and threads refer to it: an application of
 * hundreds of interfaces has one. Whoever refers to a set holds it; a set that nobody holds is gone.
 */
export class EndpointSets {
  readonly #arena: Arena;
  readonly #ats = uint32Column();
  readonly #hashes = int32Column();
  readonly #holders = int32Column();
  readonly #slots = new HashSlots((number) => this.#hashes.get(number));
  readonly #free: number[] = [];
  #highest = 0;
  readonly #writer = new OctetWriter();
  readonly #reader = new OctetReader();
  /** sets that were read a moment ago: hundreds of interfaces of one application are looked at one after the other */
  readonly #read = new Map<BlobAt, readonly Endpoint[]>();
  #readEndpoints = 0;
  /** the set that was looked for last */
  #found: { readonly at: BlobAt; readonly number: number } | undefined;
  /** what was held last, by the very same list */
  #held: { readonly endpoints: readonly Endpoint[]; readonly at: BlobAt } | undefined;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Distinct sets. */
  get size(): number {
    return this.#slots.size;
  }

  /** The set of these endpoints, held once more; 0 for none. */
  hold(endpoints: readonly Endpoint[]): BlobAt {
    if (endpoints.length === 0) return 0;
    if (this.#held?.endpoints === endpoints) {
      this.holdAgain(this.#held.at);
      return this.#held.at;
    }
    writeEndpoints(this.#writer, endpoints);
    const at = this.holdOctets(this.#writer.octets);
    this.#held = { endpoints, at };
    return at;
  }

  /** The same for a set that was written by {@link octetsOf}. */
  holdOctets(octets: Uint8Array): BlobAt {
    const hash = hashOf(octets);
    const known = this.#slots.find(hash, (number) => {
      return this.#hashes.get(number) === hash && this.#arena.equals(this.#ats.get(number), octets);
    });
    if (known !== 0) {
      this.#holders.set(known, this.#holders.get(known) + 1);
      return this.#ats.get(known);
    }
    const number = this.#free.pop() ?? ++this.#highest;
    const at = this.#arena.put(octets);
    this.#ats.set(number, at);
    this.#hashes.set(number, hash);
    this.#holders.set(number, 1);
    this.#slots.add(hash, number);
    return at;
  }

  /** Holds a set once more that somebody holds. */
  holdAgain(at: BlobAt): void {
    if (at === 0) return;
    const number = this.#numberOf(at);
    this.#holders.set(number, this.#holders.get(number) + 1);
  }

  release(at: BlobAt): void {
    if (at === 0) return;
    const number = this.#numberOf(at);
    const holders = this.#holders.get(number) - 1;
    this.#holders.set(number, holders);
    if (holders > 0) return;
    if (this.#held?.at === at) this.#held = undefined;
    this.#found = undefined;
    this.#read.delete(at);
    this.#slots.delete(this.#hashes.get(number), number);
    this.#free.push(number);
    this.#arena.free(at);
  }

  /** @returns endpoints in the order of their texts; of one set mostly the same list */
  read(at: BlobAt): readonly Endpoint[] {
    if (at === 0) return [];
    const known = this.#read.get(at);
    if (known !== undefined) return known;
    this.#arena.open(at, this.#reader);
    const endpoints = endpointsFrom(this.#reader);
    this.#readEndpoints += endpoints.length;
    if (this.#readEndpoints > MAX_READ) {
      this.#read.clear();
      this.#readEndpoints = endpoints.length;
    }
    this.#read.set(at, endpoints);
    return endpoints;
  }

  /** As it is stored; holds until the set is released. */
  octetsOf(at: BlobAt): Uint8Array {
    return this.#arena.view(at);
  }

  #numberOf(at: BlobAt): number {
    if (this.#found?.at === at) return this.#found.number;
    const hash = hashOf(this.#arena.view(at));
    const number = this.#slots.find(hash, (candidate) => this.#ats.get(candidate) === at);
    if (number === 0) throw new Error(`no endpoint set at ${at}`);
    this.#found = { at, number };
    return number;
  }
}

/** So many endpoints are kept as they were read, 100 octets each. */
const MAX_READ = 20_000;

/** Reads what {@link EndpointSets.octetsOf} gave. */
export function endpointsFrom(reader: OctetReader): Endpoint[] {
  return readEndpoints(reader).map(({ kind, host, port, common }) => {
    return { host: kind === HOST.name ? host : addressText(host as never), port, ...common };
  });
}

/** Each (protocol, host, port) once, in the order of their texts. */
export function unite(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (endpoints.length < 2) return endpoints;
  const texts = endpoints.map(endpointText);
  // most come in order already
  if (texts.every((text, i) => i === 0 || (texts[i - 1] as string) < text)) return endpoints;
  const byText = new Map<string, Endpoint>();
  for (const [i, endpoint] of endpoints.entries()) {
    const text = texts[i] as string;
    const known = byText.get(text);
    byText.set(text, known === undefined ? endpoint : completed(known, endpoint));
  }
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** What the first of two does not say of one endpoint the other may. */
function completed(first: Endpoint, other: Endpoint): Endpoint {
  const isWhole =
    (first.locality ?? other.locality) === first.locality && (first.weight ?? other.weight) === first.weight;
  return isWhole ? first : { ...other, ...first };
}

let united:
  | { readonly lists: readonly (readonly Endpoint[])[]; readonly all: readonly Endpoint[] }
  | undefined;

/** The same of several lists; those of the last call, the very same ones, are not looked at again. */
export function uniteLists(lists: readonly (readonly Endpoint[])[]): readonly Endpoint[] {
  const [only] = lists;
  if (only !== undefined && lists.length === 1) return unite(only);
  const isSame = united?.lists.length === lists.length && lists.every((list, i) => list === united?.lists[i]);
  if (!isSame || united === undefined) united = { lists, all: unite(lists.flat()) };
  return united.all;
}

/** `dubbo://10.0.0.1:20880`, `tri://[fd00::1]:50051` */
export function endpointText(endpoint: Endpoint): string {
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${endpoint.protocol}://${host}:${endpoint.port}`;
}

/** A set of endpoints as it rests and is stored. */
export function writeEndpoints(writer: OctetWriter, endpoints: readonly Endpoint[]): void {
  const united = unite(endpoints);
  const commons = new Map<string, number>();
  const places = united.map((endpoint) => {
    const text = commonText(endpoint);
    const place = commons.get(text) ?? commons.size;
    commons.set(text, place);
    return place;
  });
  writer.reset();
  writer.count(commons.size);
  for (const text of commons.keys()) writer.text(text);
  writer.count(united.length);
  for (const [i, { host, port }] of united.entries()) {
    const address = parseAddress(host);
    // an IPv6 address that is written in another way than ours is told as it was written
    const canonical =
      address !== undefined && (isIpv4(address) || addressText(address) === host) ? address : undefined;
    const kind = canonical === undefined ? HOST.name : isIpv4(canonical) ? HOST.ipv4 : HOST.ipv6;
    writer.count(((places[i] as number) << 2) | kind);
    writer.u16(port);
    if (canonical === undefined) writer.text(host);
    else writer.raw(canonical);
  }
}

/** Whether octets, which have been on a disk, are a set as {@link writeEndpoints} writes it. */
export function isEndpoints(reader: OctetReader): boolean {
  const end = reader.octets.length;
  const commons = reader.count();
  for (let i = 0; i < commons && reader.at < end; i++) reader.skipText();
  const endpoints = reader.count();
  for (let i = 0; i < endpoints; i++) {
    // in these words, as a count that is none makes the place none
    if (!(reader.at < end)) return false;
    const head = reader.count();
    const kind = head & 3;
    if (head >>> 2 >= commons || kind > HOST.name) return false;
    reader.at += 2;
    if (kind === HOST.name) reader.skipText();
    else reader.at += kind === HOST.ipv4 ? 4 : 16;
  }
  return reader.at === end;
}

/** FNV-1a; for large sets of every octet too, since one endpoint may be all that differs. */
function hashOf(octets: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < octets.length; i++) hash = Math.imul(hash ^ (octets[i] as number), 0x01000193);
  return hash;
}
