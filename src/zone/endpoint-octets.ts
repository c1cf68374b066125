import type { Address } from '../name/address.ts';
import { type DomainName, parseDomainName } from '../name/domain-name.ts';
import { protocolLabel } from '../name/labels.ts';
import type { Locality } from '../name/localities.ts';
import { type Octets, octets } from '../name/octets.ts';
import type { ArenaReader, BlobAt } from '../packed/arena.ts';
import { OctetReader } from '../packed/octet-reader.ts';

/*
 * A set of endpoints where it rests: what several of them have in common, then for each endpoint what its host is and which
 * of the common it has, port, host. `intake/endpoint-sets.ts` writes it.
 */

/** What several endpoints of a set have in common. */
export interface CommonTraits {
  readonly protocol: string;
  readonly locality?: Locality;
  readonly weight?: number;
}

/** Stands between the parts of a {@link commonText}: no protocol, region or zone has it. */
const SEPARATOR = '\0';

/** `dubbo`; where more is known, and parted by NUL: `dubbo hz gz00a 50`, each of which may be empty. */
export function commonText({ protocol, locality, weight }: CommonTraits): string {
  const plain = protocol.includes(SEPARATOR) ? protocol.replaceAll(SEPARATOR, '') : protocol;
  if (locality === undefined && weight === undefined) return plain;
  return [plain, locality?.region ?? '', locality?.zone ?? '', weight ?? ''].join(SEPARATOR);
}

export function readCommon(text: string): CommonTraits {
  if (!text.includes(SEPARATOR)) return { protocol: text };
  const [protocol = '', region = '', zone = '', weight = ''] = text.split(SEPARATOR);
  return {
    protocol,
    ...(zone === '' ? {} : { locality: { region, zone } }),
    ...(/^\d{1,9}$/.test(weight) ? { weight: Number(weight) } : {}),
  };
}

/** One endpoint as the query line shows it; exactly one of address and host name. */
export interface EndpointRecord {
  readonly address?: Address;
  readonly hostName?: DomainName;
  /** `_dubbo` */
  readonly service: Octets;
  readonly port: number;
}

/** What an endpoint's host is, in the two low bits in front of the number of its protocol. */
export const HOST = { ipv4: 0, ipv6: 1, name: 2 } as const;

/** One endpoint of a set as it rests: octets of the address, or the host name as registered. */
export interface RestingEndpoint {
  readonly kind: number;
  readonly common: CommonTraits;
  readonly host: string;
  readonly port: number;
}

/** Reads a set of endpoints; see `intake/endpoint-sets.ts`, which writes them. */
export function readEndpoints(reader: OctetReader): RestingEndpoint[] {
  const commons: CommonTraits[] = [];
  for (let left = reader.count(); left > 0; left--) commons.push(readCommon(reader.text()));
  const endpoints: RestingEndpoint[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const head = reader.count();
    const kind = head & 3;
    const port = reader.u16();
    const host = kind === HOST.ipv4 ? reader.raw(4) : kind === HOST.ipv6 ? reader.raw(16) : reader.text();
    endpoints.push({ kind, common: commons[head >>> 2] ?? NOTHING_COMMON, host, port });
  }
  return endpoints;
}

const NOTHING_COMMON: CommonTraits = { protocol: '' };
const PORT_LENGTH = 2;

/** The addresses alone of a set of endpoints. @param kind one of {@link HOST} */
export function addressesIn(reader: OctetReader, kind: number): Set<Address> {
  const addresses = new Set<Address>();
  eachHost(reader, (of, length) => {
    if (of === kind) addresses.add(reader.raw(length) as Address);
    else reader.at += length;
    return false;
  });
  return addresses;
}

/** The same octets, compared where they rest. */
export function hasAddress(reader: OctetReader, address: Address): boolean {
  return eachHost(reader, (kind, length) => {
    if (kind !== HOST.name && length === address.length && reader.isAhead(address)) return true;
    reader.at += length;
    return false;
  });
}

/** @param look at the octets that come next, and passes over them; true ends it */
function eachHost(reader: OctetReader, look: (kind: number, length: number) => boolean): boolean {
  for (let left = reader.count(); left > 0; left--) reader.skipText();
  for (let left = reader.count(); left > 0; left--) {
    const kind = reader.count() & 3;
    reader.at += PORT_LENGTH;
    const length = kind === HOST.ipv4 ? 4 : kind === HOST.ipv6 ? 16 : reader.count();
    if (look(kind, length)) return true;
  }
  return false;
}

/** The set that rests there, as the query line shows it. */
export function readEndpointRecords(arena: ArenaReader, set: BlobAt): EndpointRecord[] {
  const reader = new OctetReader();
  arena.open(set, reader);
  const services = new Map<string, Octets>();
  return readEndpoints(reader).flatMap(({ kind, common: { protocol }, host, port }): EndpointRecord[] => {
    const service = services.get(protocol) ?? octets(protocolLabel(protocol));
    services.set(protocol, service);
    if (kind !== HOST.name) return [{ address: host as Address, service, port }];
    const hostName = parseDomainName(host);
    return hostName.ok ? [{ hostName: hostName.value, service, port }] : [];
  });
}

/** Where the addresses of a set are, as far as registries say; empty: nowhere. */
export function readLocalities(arena: ArenaReader, set: BlobAt): ReadonlyMap<Address, Locality> {
  const reader = new OctetReader();
  arena.open(set, reader);
  const found = new Map<Address, Locality>();
  for (const { kind, common, host } of readEndpoints(reader)) {
    if (kind !== HOST.name && common.locality !== undefined) found.set(host as Address, common.locality);
  }
  return found;
}
