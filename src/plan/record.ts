import { endpointText, unite } from '../intake/endpoint-sets.ts';
import { type Address, parseAddress } from '../name/address.ts';
import { applicationOf, isApplication } from '../name/application-name.ts';
import { constantPrefix, MAX_NAME, type Prefix } from '../name/domain-name.ts';
import { formGroupLabel, formLabelLimit, formVersionLabel } from '../name/interface-domain.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import { hashedLabel, protocolLabel } from '../name/labels.ts';
import { type Octets, octets } from '../name/octets.ts';
import type { BlobAt } from '../packed/arena.ts';
import type { Endpoint } from '../registry/registration.ts';
import type { Placement } from '../vip/placements.ts';
import { addressLabel, ENDPOINTS, SRV_HEAD } from '../zone/interface-node.ts';
import type { ApplicationPart, Form, InterfaceRecord, ServicePortOfForm } from '../zone/interface-record.ts';
import { recordsThatFit } from '../zone/rrset-room.ts';
import { orderedByHash } from '../zone/sample.ts';
import type { Merged } from './merge.ts';
import type { InterfaceNames } from './naming.ts';

/** One service of an interface with the address that its names lead to. */
export interface Placed {
  readonly merged: Merged;
  readonly ordinal: number;
  readonly vip: Vip;
}

/** Endpoints that a record shows; where they are kept as one set already, which. */
export interface EndpointList {
  readonly endpoints: readonly Endpoint[];
  readonly set: BlobAt | undefined;
}

export interface Vip {
  readonly addresses: readonly Address[];
  readonly from: 'pin' | 'service' | 'join' | 'pool';
  readonly failure: string | undefined;
  readonly refusedPin: string | undefined;
  /** the Kubernetes Service whose ClusterIPs the addresses are */
  readonly behind: Placement | undefined;
  /** other Services that hold endpoints of it, for people */
  readonly losers: readonly string[];
}

export interface EntryOptions {
  /** seconds */
  readonly ttl: number;
  /** `endpoints`: the providers' own addresses in place of the VIP */
  readonly address: 'vip' | 'endpoints';
  readonly maxRecords: number;
  readonly zoneLength: number;
  /** whether an endpoint takes no connections; undefined: nothing is known of any */
  readonly isRefusing: ((endpoint: Endpoint) => boolean) | undefined;
}

/** An application, its label, and which application has the plain one. */
export interface LabelledApplication {
  readonly application: string;
  readonly label: string;
  readonly holder: string;
}

/** So many SRV records fit a message whatever their targets are. */
const ALWAYS_FIT = recordsThatFit(SRV_HEAD + MAX_NAME);

/**
 * What is published of an interface, and how many records of the plain name no message has room for.
 *
 * @param placed its services, the oldest first; not empty
 * @param labelled its applications
 */
export function recordOf(
  name: InterfaceName,
  names: InterfaceNames,
  placed: readonly Placed[],
  labelled: readonly LabelledApplication[],
  options: EntryOptions,
): { readonly record: InterfaceRecord<EndpointList>; readonly leftOut: number } {
  const lead = leadOf(placed, keyOfPlaced);
  const baseLength = Math.max(names.domain.length, ...names.callNames.map((callName) => callName.length));
  const forms = formsOf(placed, formLabelLimit(options.zoneLength, baseLength));
  const room = { ...options, domain: names.domain };
  const whole = formOf('' as Prefix, placed, room);
  const record = {
    interface: name,
    callNames: names.callNames,
    domain: names.domain,
    instance: octets(names.instance),
    ttl: lead.merged.ttl ?? options.ttl,
    // forms that cover all services say what the plain one says: of one service that is all of them
    forms: forms.map(({ labels, covered }) => {
      if (covered.length < placed.length) return formOf(labels, covered, room).form;
      return labels === '' ? whole.form : { ...whole.form, labels };
    }),
    // an application that is known by itself answers alone (contract 1.1)
    applications: isApplication(name) ? [] : labelled.map((one) => applicationPart(one, placed)),
  };
  return { record, leftOut: whole.leftOut };
}

/** Who answers for several: the unversioned, ungrouped one if there is one, else the one registered first. */
export function leadOf<T>(services: readonly T[], keyOf: (service: T) => ServiceKey): T {
  const plain = services.find((service) => {
    const { version, group } = keyOf(service);
    return version === '' && group === '';
  });
  const lead = plain ?? services[0];
  if (lead === undefined) throw new Error('an interface without services');
  return lead;
}

export function keyOfPlaced({ merged }: Placed): ServiceKey {
  return merged.key;
}

interface CoveredForm {
  readonly labels: Prefix;
  readonly covered: readonly Placed[];
}

/** The plain form, then each version, group and pair that is registered. */
function formsOf(placed: readonly Placed[], limit: number): CoveredForm[] {
  const [only] = placed;
  if (only !== undefined && placed.length === 1) return formsOfOne(only.merged.key, placed, limit);
  const versions = new LabelBook((version) => formVersionLabel(version, limit), limit);
  const groups = new LabelBook((group) => formGroupLabel(group, limit), limit);
  const forms: CoveredForm[] = [{ labels: '' as Prefix, covered: placed }];
  const add = (covers: (one: Placed) => boolean, ...labels: string[]) => {
    forms.push({ labels: constantPrefix(...labels), covered: placed.filter(covers) });
  };
  for (const { merged } of placed) {
    const { version, group } = merged.key;
    const isNewVersion = version !== '' && !versions.has(version);
    const isNewGroup = group !== '' && !groups.has(group);
    if (isNewVersion) add((one) => one.merged.key.version === version, versions.labelOf(version));
    if (isNewGroup) add((one) => one.merged.key.group === group, groups.labelOf(group));
    if (version !== '' && group !== '') {
      const covers = ({ merged: { key } }: Placed) => key.version === version && key.group === group;
      add(covers, versions.labelOf(version), groups.labelOf(group));
    }
  }
  return forms;
}

/** Of a single service no labels can fall together. */
function formsOfOne(
  { version, group }: ServiceKey,
  covered: readonly Placed[],
  limit: number,
): CoveredForm[] {
  const forms: CoveredForm[] = [{ labels: '' as Prefix, covered }];
  const versionForm = version === '' ? undefined : constantPrefix(formVersionLabel(version, limit));
  const groupForm = group === '' ? undefined : constantPrefix(formGroupLabel(group, limit));
  if (versionForm !== undefined) forms.push({ labels: versionForm, covered });
  if (groupForm !== undefined) forms.push({ labels: groupForm, covered });
  if (versionForm !== undefined && groupForm !== undefined) {
    forms.push({ labels: (versionForm + groupForm) as Prefix, covered });
  }
  return forms;
}

/** Labels of values in the order of their coming; one that falls on an older one's gets a hash. */
class LabelBook {
  readonly #make: (value: string) => string;
  readonly #limit: number;
  readonly #labels = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor(make: (value: string) => string, limit: number) {
    this.#make = make;
    this.#limit = limit;
  }

  has(value: string): boolean {
    return this.#labels.has(value);
  }

  labelOf(value: string): string {
    const known = this.#labels.get(value);
    if (known !== undefined) return known;
    const plain = this.#make(value);
    const label = this.#taken.has(plain) ? hashedLabel(plain, value, this.#limit) : plain;
    this.#taken.add(label);
    this.#labels.set(value, label);
    return label;
  }
}

/** What decides how many records a message has room for. */
interface FormOptions extends EntryOptions {
  readonly domain: Prefix;
}

function formOf(
  labels: Prefix,
  covered: readonly Placed[],
  options: FormOptions,
): { readonly form: Form<EndpointList>; readonly leftOut: number } {
  const lead = leadOf(covered, keyOfPlaced);
  const { list, leftOut } = endpointsOf(covered, options);
  const byEndpoints = options.address === 'endpoints';
  const own = byEndpoints ? list.endpoints.flatMap(({ host }) => parseAddress(host) ?? []) : [];
  const allPorts = portsOf(covered, byEndpoints);
  const ports = portsThatFit(allPorts, labels.length + options.domain.length + options.zoneLength);
  const form = {
    labels,
    addresses: byEndpoints ? [...new Set(own)] : lead.vip.addresses,
    // of a family that has an address nothing is missing; the failure speaks for the other
    failure: byEndpoints ? undefined : lead.vip.failure,
    ports,
    endpoints: list,
    text: textOf(covered, lead, byEndpoints),
  };
  return { form, leftOut: leftOut + allPorts.length - ports.length };
}

/** Of each protocol as many as fit a message, the smallest first. */
function portsThatFit(
  ports: readonly ServicePortOfForm[],
  targetLength: number,
): readonly ServicePortOfForm[] {
  if (ports.length <= ALWAYS_FIT) return ports;
  const room = recordsThatFit(SRV_HEAD + targetLength);
  const taken = new Map<Octets, number>();
  return ports.filter(({ service }) => {
    const before = taken.get(service) ?? 0;
    taken.set(service, before + 1);
    return before < room;
  });
}

/** As many as `answers.maxRecords` allows; members stay while others come and go. SRV may have to leave out some more. */
function endpointsOf(
  covered: readonly Placed[],
  { maxRecords, zoneLength, domain, isRefusing }: FormOptions,
): { readonly list: EndpointList; readonly leftOut: number } {
  const [only] = covered;
  const isOne = only !== undefined && covered.length === 1;
  const max = Math.min(maxRecords, ALWAYS_FIT);
  const registered = isOne ? only.merged.endpoints : unite(covered.flatMap(({ merged }) => merged.endpoints));
  const all = answering(registered, isRefusing);
  const isAsRegistered = isOne && all.length === registered.length;
  if (isAsRegistered && all.length <= max) return { list: only.merged, leftOut: 0 };
  const isWhole = all.length <= maxRecords;
  const endpoints = isWhole ? all : orderedByHash(all, endpointText).slice(0, maxRecords);
  const list = isWhole && isAsRegistered ? only.merged : { endpoints, set: undefined };
  if (endpoints.length <= max) return { list, leftOut: all.length - endpoints.length };
  const below = ENDPOINTS.length + domain.length + zoneLength;
  const longest = endpoints.reduce((most, { host }) => Math.max(most, targetLengthOf(host, below)), 0);
  const inSrv = Math.min(endpoints.length, recordsThatFit(SRV_HEAD + longest));
  return { list, leftOut: all.length - inSrv };
}

/** Those that take connections; all, where none does: then it is rather the way to them that is broken. */
function answering(
  endpoints: readonly Endpoint[],
  isRefusing: EntryOptions['isRefusing'],
): readonly Endpoint[] {
  if (isRefusing === undefined) return endpoints;
  const left = endpoints.filter((endpoint) => !isRefusing(endpoint));
  return left.length === 0 || left.length === endpoints.length ? endpoints : left;
}

function targetLengthOf(host: string, below: number): number {
  const address = parseAddress(host);
  return address === undefined ? host.length + 2 : addressLabel(address).length + 1 + below;
}

/**
 * Each distinct port of each protocol: what the registration says, else what its instances listen on. Behind a Kubernetes
 * Service it is the Service's port in front of that one.
 */
function portsOf(covered: readonly Placed[], byEndpoints: boolean): ServicePortOfForm[] {
  const ports = new Map<string, ServicePortOfForm>();
  const add = (protocol: string, port: number) => {
    const service = octets(protocolLabel(protocol));
    ports.set(`${service} ${port}`, { service, port });
  };
  const declared = new Set<string>();
  const inFront = (vip: Vip, port: number) => {
    const found = byEndpoints ? undefined : vip.behind?.ports.find(([registered]) => registered === port);
    return found?.[1] ?? port;
  };
  for (const { merged, vip } of covered) {
    const own = byEndpoints ? undefined : vip.behind?.port;
    if (own === undefined && merged.port === undefined) continue;
    declared.add(merged.protocol);
    if (own !== undefined) add(merged.protocol, own);
    else if (merged.port !== undefined) add(merged.protocol, inFront(vip, merged.port));
  }
  for (const { merged, vip } of covered) {
    for (const { protocol, port } of merged.endpoints) {
      if (!declared.has(protocol)) add(protocol, inFront(vip, port));
    }
  }
  if (ports.size === 1) return [...ports.values()];
  return [...ports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
}

function textOf(covered: readonly Placed[], lead: Placed, byEndpoints: boolean): Octets[] {
  const { merged } = lead;
  const from = byEndpoints ? 'endpoints' : lead.vip.addresses.length > 0 ? lead.vip.from : 'none';
  return [
    ...characterString('interface', isApplication(merged.key.interface) ? [] : [merged.key.interface]),
    ...characterString(
      'application',
      covered.map((one) => one.merged.application),
    ),
    ...characterString(
      'protocol',
      covered.length === 1 ? protocolsOf(merged) : covered.flatMap((one) => protocolsOf(one.merged)),
    ),
    ...characterString(
      'versions',
      covered.map((one) => one.merged.key.version),
    ),
    ...characterString(
      'groups',
      covered.map((one) => one.merged.key.group),
    ),
    ...characterString(
      'source',
      covered.flatMap((one) => one.merged.registries),
    ),
    ...characterString('vip-from', [from]),
  ];
}

/** Each once, in the order of the endpoints. */
function protocolsOf(merged: Merged): string[] {
  const protocols: string[] = [];
  for (const { protocol } of merged.endpoints) if (!protocols.includes(protocol)) protocols.push(protocol);
  return protocols.length > 0 ? protocols : [merged.protocol];
}

const MAX_STRING = 255;
/** Stands behind the last value when there are more. */
const MORE = ',...';

/**
 * `versions=1.0.0,2.0.0`, at most 255 octets of UTF-8 (RFC 1035 section 3.3): each value once and whole, `,...` where more
 * exist. Nothing without a value.
 */
function characterString(key: string, values: readonly string[]): Octets[] {
  const distinct = values.length === 1 ? values : [...new Set(values)].filter((value) => value !== '');
  let text = `${key}=`;
  let isEmpty = true;
  for (const value of distinct) {
    if (value === '') continue;
    const next = `${isEmpty ? '' : ','}${utf8(value)}`;
    const isLast = value === distinct.at(-1);
    if (text.length + next.length > MAX_STRING - (isLast ? 0 : MORE.length)) {
      // a single one that is too long has to be cut
      if (isEmpty) text += wholeCharacters(next, MAX_STRING - MORE.length - text.length);
      return [octets(text + MORE)];
    }
    text += next;
    isEmpty = false;
  }
  return isEmpty ? [] : [octets(text)];
}

/** The octets of the text in UTF-8, a character each. */
function utf8(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function wholeCharacters(octetText: string, length: number): string {
  let end = length;
  while (end > 0 && (octetText.charCodeAt(end) & 0xc0) === 0x80) end--;
  return octetText.slice(0, end);
}

/** Applications that its services name, each once; of an application itself. */
export function applicationsOf(name: InterfaceName, placed: readonly Placed[]): string[] {
  const itself = applicationOf(name);
  if (itself !== undefined) return [itself];
  const [only] = placed;
  if (only !== undefined && placed.length === 1)
    return only.merged.application === '' ? [] : [only.merged.application];
  return [...new Set(placed.map(({ merged }) => merged.application))].filter((name) => name !== '');
}

/** Labels of the protocols of the plain name. */
export function servicesOf({ forms }: InterfaceRecord<EndpointList>): string[] {
  return [...new Set(forms[0]?.ports.map(({ service }) => service))];
}

/** `user-center.app`: the addresses of the services that name the application. */
function applicationPart(
  { application, label }: LabelledApplication,
  placed: readonly Placed[],
): ApplicationPart {
  const services = placed.filter(({ merged }) => merged.application === application);
  const addresses = [...new Set(services.flatMap(({ vip }) => vip.addresses))];
  const failure = addresses.length > 0 ? undefined : services.find(({ vip }) => vip.failure)?.vip.failure;
  return { label: octets(label), addresses, ...(failure === undefined ? {} : { failure }) };
}
