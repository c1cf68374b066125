import type { Address } from '../name/address.ts';
import type { Prefix } from '../name/domain-name.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import type { BlobAt } from '../packed/arena.ts';
import type { OctetReader } from '../packed/octet-reader.ts';
import type { OctetWriter } from '../packed/octet-writer.ts';
import type { Texts } from '../packed/texts.ts';
import type { EndpointList, Vip } from './record.ts';

/**
 * What people and the controller are told of a published interface, beside what its names answer. It rests behind that in
 * the same record. `Endpoints` is what stands for a set of endpoints.
 */
export interface About<Endpoints = BlobAt> {
  /** the oldest first */
  readonly services: readonly AboutService<Endpoints>[];
  /** for people, occluded names included */
  readonly conflicts: readonly string[];
  /** how many names static records hide */
  readonly occluded: number;
  /** endpoints beyond `answers.maxRecords` */
  readonly leftOut: number;
  /** services that share a VIP of ours with another: a sidecar below layer 7 cannot tell them apart */
  readonly sharing: number;
  /** names that it wanted and others have, relative to a zone, lower-cased */
  readonly lost: readonly Prefix[];
}

export interface AboutService<Endpoints = BlobAt> {
  readonly key: ServiceKey;
  readonly application: string;
  readonly protocol: string;
  readonly port: number | undefined;
  readonly endpoints: Endpoints;
  readonly registries: readonly string[];
  /** where people find the registrations */
  readonly sources: readonly string[];
  /** registered nowhere any more, kept for `forgetAfter` */
  readonly isRemembered: boolean;
  readonly vip: Vip;
}

const FROM = ['pin', 'service', 'join', 'pool'] as const;
const HAS = { remembered: 1, port: 2, failure: 4, refusedPin: 8, behind: 16, losers: 32 } as const;
/** Stands for the interface's name in a source: most sources are paths that contain it. */
const NAME_MARK = '\x01';

/**
 * @param texts numbers of texts that many interfaces share: registries, and patterns of sources
 * @param sets the record's list of endpoint sets
 */
export function writeAbout(
  writer: OctetWriter,
  name: InterfaceName,
  about: About,
  texts: Texts,
  sets: readonly BlobAt[],
): void {
  writer.count(about.conflicts.length);
  writer.count(about.occluded);
  writer.count(about.leftOut);
  writer.count(about.sharing);
  for (const text of about.conflicts) writer.text(text);
  writeList(writer, about.lost, (wanted) => writer.latin1(wanted));
  writeList(writer, about.services, (service) => {
    const { key, application, protocol, port, endpoints, registries, sources, isRemembered, vip } = service;
    const { failure, refusedPin, behind, losers } = vip;
    let has = 0;
    if (isRemembered) has |= HAS.remembered;
    if (port !== undefined) has |= HAS.port;
    if (failure !== undefined) has |= HAS.failure;
    if (refusedPin !== undefined) has |= HAS.refusedPin;
    if (behind !== undefined) has |= HAS.behind;
    if (losers.length > 0) has |= HAS.losers;
    writer.count(has);
    writer.text(key.version);
    writer.text(key.group);
    writer.text(application);
    writer.text(protocol);
    writer.count(sets.indexOf(endpoints) + 1);
    writeList(writer, registries, (registry) => writer.count(texts.numberOf(registry)));
    writeList(writer, sources, (source) => {
      const pattern = source.replace(name, NAME_MARK);
      // others are as many as there are interfaces
      const number = pattern === source ? 0 : texts.numberOf(pattern);
      writer.count(number);
      if (number === 0) writer.text(source);
    });
    writer.u8(FROM.indexOf(vip.from));
    writeList(writer, vip.addresses, (address) => writer.latin1(address));
    if (port !== undefined) writer.u16(port);
    if (failure !== undefined) writer.text(failure);
    if (refusedPin !== undefined) writer.text(refusedPin);
    if (behind !== undefined) {
      writer.count(texts.numberOf(behind.cluster));
      writer.text(behind.namespace);
      writer.text(behind.name);
      writer.text(behind.uid);
      writer.u8(FROM.indexOf(behind.from));
      writeList(writer, behind.addresses, (address) => writer.latin1(address));
      writer.count(behind.port ?? 0);
      writeList(writer, behind.ports, ([registered, port]) => {
        writer.u16(registered);
        writer.u16(port);
      });
    }
    if (losers.length > 0) writeList(writer, losers, (loser) => writer.text(loser));
  });
}

export function readAbout(
  reader: OctetReader,
  name: InterfaceName,
  texts: Texts,
  sets: readonly BlobAt[],
): About {
  const { conflicts: count, occluded, leftOut, sharing } = readCounts(reader);
  const conflicts: string[] = [];
  for (let left = count; left > 0; left--) conflicts.push(reader.text());
  const lost = readList(reader, () => reader.latin1() as Prefix);
  const services = readList(reader, (): AboutService => {
    const has = reader.count();
    const key: ServiceKey = { interface: name, version: reader.text(), group: reader.text() };
    const application = reader.text();
    const protocol = reader.text();
    const endpoints = sets[reader.count() - 1] ?? 0;
    const registries = readList(reader, () => texts.textOf(reader.count()));
    const sources = readList(reader, () => {
      const number = reader.count();
      return number === 0 ? reader.text() : texts.textOf(number).replace(NAME_MARK, () => name);
    });
    const from = FROM[reader.u8()] ?? 'pool';
    const addresses = readAddressList(reader);
    const port = (has & HAS.port) === 0 ? undefined : reader.u16();
    const failure = (has & HAS.failure) === 0 ? undefined : reader.text();
    const refusedPin = (has & HAS.refusedPin) === 0 ? undefined : reader.text();
    const behind = (has & HAS.behind) === 0 ? undefined : readBehind(reader, texts);
    const losers = (has & HAS.losers) === 0 ? [] : readList(reader, () => reader.text());
    const vip: Vip = { addresses, from, failure, refusedPin, behind, losers };
    const isRemembered = (has & HAS.remembered) !== 0;
    return { key, application, protocol, port, endpoints, registries, sources, isRemembered, vip };
  });
  return { conflicts, occluded, leftOut, sharing, lost, services };
}

/** How much was lost, without reading what. */
export function readCounts(
  reader: OctetReader,
): Record<'conflicts' | 'occluded' | 'leftOut' | 'sharing', number> {
  return {
    conflicts: reader.count(),
    occluded: reader.count(),
    leftOut: reader.count(),
    sharing: reader.count(),
  };
}

/** The names that it wanted and others have, without reading the rest. */
export function readLost(reader: OctetReader): Prefix[] {
  for (let { conflicts } = readCounts(reader); conflicts > 0; conflicts--) reader.skipText();
  return readList(reader, () => reader.latin1() as Prefix);
}

function readBehind(reader: OctetReader, texts: Texts): NonNullable<Vip['behind']> {
  const cluster = texts.textOf(reader.count());
  const namespace = reader.text();
  const name = reader.text();
  const uid = reader.text();
  const from = FROM[reader.u8()] === 'service' ? 'service' : 'join';
  const addresses = readAddressList(reader);
  const port = reader.count() || undefined;
  const ports = readList(reader, (): readonly [number, number] => [reader.u16(), reader.u16()]);
  return { cluster, namespace, name, uid, from, addresses, port, ports };
}

function readAddressList(reader: OctetReader): Address[] {
  return readList(reader, () => reader.latin1() as Address);
}

function writeList<T>(writer: OctetWriter, list: readonly T[], write: (item: T) => void): void {
  writer.count(list.length);
  for (const item of list) write(item);
}

function readList<T>(reader: OctetReader, read: () => T): T[] {
  const list: T[] = [];
  for (let left = reader.count(); left > 0; left--) list.push(read());
  return list;
}

/** A plan refers to endpoints as they are; a record to where they rest. */
export type PlannedAbout = About<EndpointList>;
