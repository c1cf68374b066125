import type { Address } from '../name/address.ts';
import type { Prefix } from '../name/domain-name.ts';
import type { Locality } from '../name/localities.ts';
import { type Octets, octets } from '../name/octets.ts';
import type { ArenaReader, BlobAt } from '../packed/arena.ts';
import { OctetReader } from '../packed/octet-reader.ts';
import type { OctetWriter } from '../packed/octet-writer.ts';
import {
  addressesIn,
  type EndpointRecord,
  HOST,
  hasAddress,
  readEndpointRecords,
  readLocalities,
} from './endpoint-octets.ts';

/*
 * What the names of one interface answer, in every zone, as one blob that all threads share:
 *
 *     u32 u32 octets of the next two parts
 *     names   interface, call names, structured domain, label of DNS-SD instances, services, applications, addresses
 *     data    endpoint sets, TTL, forms
 *     about   for people; see `plan/about.ts`
 *
 * A change that leaves the first part as it is changes no name, and costs no more than the exchange of a number.
 */

/** What is published of an interface; `Endpoints` is what stands for a set of endpoints. */
export interface InterfaceRecord<Endpoints = BlobAt> {
  readonly interface: string;
  /** the call names that it owns, relative to the zone, as registered; a lost one is missing */
  readonly callNames: readonly Prefix[];
  /** the structured domain, relative to the zone */
  readonly domain: Prefix;
  /** the label of the DNS-SD instances */
  readonly instance: Octets;
  /** seconds */
  readonly ttl: number;
  /** the first one is the plain name's, without labels; then versions, groups and pairs */
  readonly forms: readonly Form<Endpoints>[];
  readonly applications: readonly ApplicationPart[];
}

/** One of the names of an interface: the plain one, a version's, a group's or a pair's. */
export interface Form<Endpoints = BlobAt> {
  /** lower-cased labels in front of call name and structured domain: '', `ver-1-0-0`, `grp-gray`, both */
  readonly labels: Prefix;
  readonly addresses: readonly Address[];
  /** why there are no addresses */
  readonly failure?: string | undefined;
  readonly ports: readonly ServicePortOfForm[];
  /** where the set of its endpoints rests; 0: none */
  readonly endpoints: Endpoints;
  /** character-strings of the TXT record, each at most 255 octets */
  readonly text: readonly Octets[];
}

export interface ServicePortOfForm {
  /** `_dubbo` */
  readonly service: Octets;
  readonly port: number;
}

/** What an interface adds to the name of an application. */
export interface ApplicationPart {
  readonly label: Octets;
  readonly addresses: readonly Address[];
  readonly failure?: string | undefined;
}

/**
 * @param aboutSets sets that the part for people refers to
 * @param about writes that part; sets are told by their place in the record's list
 */
export function writeRecord(
  writer: OctetWriter,
  record: InterfaceRecord,
  aboutSets: readonly BlobAt[],
  about: (writer: OctetWriter, sets: readonly BlobAt[]) => void,
): void {
  const head = writer.length;
  writer.u32(0);
  writer.u32(0);
  const namesAt = writer.length;
  writer.latin1(record.interface);
  writer.count(record.callNames.length);
  for (const name of record.callNames) writer.latin1(name);
  writer.latin1(record.domain);
  writer.latin1(record.instance);
  const services = [...new Set(record.forms[0]?.ports.map(({ service }) => service))];
  writer.count(services.length);
  for (const service of services) writer.latin1(service);
  writer.count(record.applications.length);
  for (const { label, addresses, failure } of record.applications) {
    writer.latin1(label);
    writeAddresses(writer, addresses);
    writer.text(failure ?? '');
  }
  writeAddresses(writer, [...new Set(record.forms.flatMap(({ addresses }) => addresses))]);
  writer.patchU32(head, writer.length - namesAt);
  const dataAt = writer.length;
  const formSets = record.forms.map(({ endpoints }) => endpoints);
  const sets = [...new Set([...formSets, ...aboutSets])].filter((at) => at !== 0);
  writer.count(sets.length);
  for (const at of sets) writer.u32(at);
  writer.u32(record.ttl);
  writer.count(record.forms.length);
  const bodies: { readonly form: Form; readonly index: number }[] = [];
  for (const [index, form] of record.forms.entries()) {
    writer.latin1(form.labels);
    // often a version's form says what the plain one says
    const like = bodies.find((body) => isSameBody(body.form, form));
    if (like !== undefined) {
      writer.count(like.index + 1);
      continue;
    }
    bodies.push({ form, index });
    writer.count(0);
    const bodyAt = writer.length;
    writer.u32(0);
    writeAddresses(writer, form.addresses);
    writer.text(form.failure ?? '');
    writer.count(form.ports.length);
    for (const { service, port } of form.ports) {
      writer.latin1(service);
      writer.u16(port);
    }
    writer.count(sets.indexOf(form.endpoints) + 1);
    writer.count(form.text.reduce((sum, string) => sum + string.length + 1, 0));
    for (const string of form.text) {
      writer.u8(string.length);
      writer.raw(string);
    }
    writer.patchU32(bodyAt, writer.length - bodyAt - 4);
  }
  writer.patchU32(head + 4, writer.length - dataAt);
  about(writer, sets);
}

function isSameBody(a: Form, b: Form): boolean {
  if (
    a.text === b.text &&
    a.ports === b.ports &&
    a.addresses === b.addresses &&
    a.endpoints === b.endpoints
  ) {
    return a.failure === b.failure;
  }
  return (
    a.endpoints === b.endpoints &&
    a.failure === b.failure &&
    a.addresses.join() === b.addresses.join() &&
    a.text.join('\n') === b.text.join('\n') &&
    a.ports.length === b.ports.length &&
    a.ports.every(({ service, port }, i) => service === b.ports[i]?.service && port === b.ports[i].port)
  );
}

function writeAddresses(writer: OctetWriter, addresses: readonly Address[]): void {
  writer.count(addresses.length);
  for (const address of addresses) writer.latin1(address);
}

function readAddresses(reader: OctetReader): Address[] {
  const addresses: Address[] = [];
  for (let left = reader.count(); left > 0; left--) addresses.push(reader.latin1() as Address);
  return addresses;
}

function skipAddresses(reader: OctetReader): void {
  for (let left = reader.count(); left > 0; left--) reader.skipText();
}

/** One form, read when it is asked for. */
export class FormView {
  readonly labels: Prefix;
  readonly #record: RecordView;
  readonly #at: number;

  constructor(record: RecordView, labels: Prefix, at: number) {
    this.#record = record;
    this.labels = labels;
    this.#at = at;
  }

  get addresses(): Address[] {
    return readAddresses(this.#record.readerAt(this.#at));
  }

  get failure(): string | undefined {
    const reader = this.#record.readerAt(this.#at);
    skipAddresses(reader);
    return reader.text() || undefined;
  }

  get ports(): ServicePortOfForm[] {
    const reader = this.#record.readerAt(this.#at);
    skipAddresses(reader);
    reader.skipText();
    const ports: ServicePortOfForm[] = [];
    for (let left = reader.count(); left > 0; left--) {
      ports.push({ service: octets(reader.latin1()), port: reader.u16() });
    }
    return ports;
  }

  get hasPorts(): boolean {
    const reader = this.#record.readerAt(this.#at);
    skipAddresses(reader);
    reader.skipText();
    return reader.count() > 0;
  }

  /** Where the set of its endpoints rests. */
  get set(): BlobAt | undefined {
    const number = this.#behindPorts().count();
    return number === 0 ? undefined : this.#record.sets[number - 1];
  }

  get endpoints(): EndpointRecord[] {
    const { set } = this;
    return set === undefined ? [] : readEndpointRecords(this.#record.arena, set);
  }

  /** Addresses of its endpoints of one family, each once. */
  endpointAddresses(family: 'IPv4' | 'IPv6'): Address[] {
    const { set } = this;
    if (set === undefined) return [];
    const reader = new OctetReader();
    this.#record.arena.open(set, reader);
    return [...addressesIn(reader, family === 'IPv4' ? HOST.ipv4 : HOST.ipv6)];
  }

  /** Where addresses of its endpoints are, as far as registries say it. */
  get localities(): ReadonlyMap<Address, Locality> {
    const { set } = this;
    return set === undefined ? new Map() : readLocalities(this.#record.arena, set);
  }

  /** RDATA of its TXT record; '' without one. */
  get text(): Octets {
    const reader = this.#behindPorts();
    reader.count();
    return octets(reader.latin1());
  }

  /** Everything of it, as a value. */
  unpacked(): Form {
    const number = this.#behindPorts().count();
    const endpoints = number === 0 ? 0 : (this.#record.sets[number - 1] ?? 0);
    const { labels, addresses, failure, ports } = this;
    const rdata = this.text;
    const text: Octets[] = [];
    for (let at = 0; at < rdata.length; at += rdata.charCodeAt(at) + 1) {
      text.push(octets(rdata.slice(at + 1, at + 1 + rdata.charCodeAt(at))));
    }
    return { labels, addresses, failure, ports, endpoints, text };
  }

  #behindPorts(): OctetReader {
    const reader = this.#record.readerAt(this.#at);
    skipAddresses(reader);
    reader.skipText();
    for (let left = reader.count(); left > 0; left--) {
      reader.skipText();
      reader.at += 2;
    }
    return reader;
  }
}

const shared = new OctetReader();

/** A record where it rests: read bit by bit, as a question needs it. Holds as long as the blob does. */
export class RecordView {
  readonly arena: ArenaReader;
  readonly at: BlobAt;
  readonly #octets: OctetReader['octets'];
  readonly #names: number;
  readonly #data: number;
  readonly #about: number;

  constructor(arena: ArenaReader, at: BlobAt) {
    this.arena = arena;
    this.at = at;
    arena.open(at, shared);
    this.#octets = shared.octets;
    const names = shared.u32();
    const data = shared.u32();
    this.#names = shared.at;
    this.#data = this.#names + names;
    this.#about = this.#data + data;
  }

  /** One reader for all views: what it gives has to be read before the next is asked for. */
  readerAt(at: number): OctetReader {
    shared.octets = this.#octets;
    shared.at = at;
    return shared;
  }

  /** Whether both have the same names, applications and addresses. */
  hasNamesOf(other: RecordView): boolean {
    const length = this.#data - this.#names;
    if (other.#data - other.#names !== length) return false;
    return this.#octets.compare(other.#octets, other.#names, other.#data, this.#names, this.#data) === 0;
  }

  get interface(): string {
    return this.readerAt(this.#names).latin1();
  }

  get callNames(): Prefix[] {
    const reader = this.readerAt(this.#names);
    reader.skipText();
    const names: Prefix[] = [];
    for (let left = reader.count(); left > 0; left--) names.push(reader.latin1() as Prefix);
    return names;
  }

  get domain(): Prefix {
    return this.#afterCallNames().latin1() as Prefix;
  }

  get instance(): Octets {
    const reader = this.#afterCallNames();
    reader.skipText();
    return octets(reader.latin1());
  }

  /** Labels of the protocols of the plain name: `_dubbo`. */
  get services(): Octets[] {
    const reader = this.#afterCallNames();
    reader.skipText();
    reader.skipText();
    const services: Octets[] = [];
    for (let left = reader.count(); left > 0; left--) services.push(octets(reader.latin1()));
    return services;
  }

  get applications(): ApplicationPart[] {
    const reader = this.#afterServices();
    const parts: ApplicationPart[] = [];
    for (let left = reader.count(); left > 0; left--) {
      const label = octets(reader.latin1());
      const addresses = readAddresses(reader);
      parts.push({ label, addresses, failure: reader.text() || undefined });
    }
    return parts;
  }

  /** Of all forms, each once. */
  get addresses(): Address[] {
    const reader = this.#afterServices();
    for (let left = reader.count(); left > 0; left--) {
      reader.skipText();
      skipAddresses(reader);
      reader.skipText();
    }
    return readAddresses(reader);
  }

  /** Endpoint sets that it refers to. */
  get sets(): BlobAt[] {
    const reader = this.readerAt(this.#data);
    const sets: BlobAt[] = [];
    for (let left = reader.count(); left > 0; left--) sets.push(reader.u32());
    return sets;
  }

  /** Whether one of its endpoints, of whatever form, has this address. */
  hasEndpointAt(address: Address): boolean {
    const reader = new OctetReader();
    return [...new Set(this.forms.map(({ set }) => set))].some((set) => {
      if (set === undefined) return false;
      this.arena.open(set, reader);
      return hasAddress(reader, address);
    });
  }

  get ttl(): number {
    return this.#afterSets().u32();
  }

  get plainForm(): FormView {
    const reader = this.#afterSets();
    reader.at += 4;
    reader.count();
    reader.skipText();
    reader.count();
    return new FormView(this, '' as Prefix, reader.at + 4);
  }

  get forms(): FormView[] {
    return this.#readForms();
  }

  /** Where the part for people begins. */
  get about(): OctetReader {
    return this.readerAt(this.#about);
  }

  #readForms(): FormView[] {
    const reader = this.#afterSets();
    reader.at += 4;
    const forms: FormView[] = [];
    const bodies: number[] = [];
    for (let left = reader.count(); left > 0; left--) {
      const labels = reader.latin1() as Prefix;
      const like = reader.count();
      let body = bodies[like - 1];
      if (body === undefined) {
        const length = reader.u32();
        body = reader.at;
        reader.at += length;
      }
      bodies.push(body);
      forms.push(new FormView(this, labels, body));
    }
    return forms;
  }

  #afterCallNames(): OctetReader {
    const reader = this.readerAt(this.#names);
    reader.skipText();
    for (let left = reader.count(); left > 0; left--) reader.skipText();
    return reader;
  }

  #afterServices(): OctetReader {
    const reader = this.#afterCallNames();
    reader.skipText();
    reader.skipText();
    for (let left = reader.count(); left > 0; left--) reader.skipText();
    return reader;
  }

  #afterSets(): OctetReader {
    const reader = this.readerAt(this.#data);
    const sets = reader.count();
    reader.at += 4 * sets;
    return reader;
  }
}
