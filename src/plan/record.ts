import { endpointText, unite } from '../intake/endpoint-sets.ts';
import { type Address, parseAddress } from '../name/address.ts';
import { constantPrefix, type Prefix } from '../name/domain-name.ts';
import { formGroupLabel, formLabelLimit, formVersionLabel } from '../name/interface-domain.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import { applicationLabel, hashedLabel, protocolLabel } from '../name/labels.ts';
import { type Octets, octets } from '../name/octets.ts';
import type { BlobAt } from '../packed/arena.ts';
import type { Endpoint } from '../registry/registration.ts';
import type { Placement } from '../vip/placements.ts';
import type { ApplicationPart, Form, InterfaceRecord, ServicePortOfForm } from '../zone/interface-record.ts';
import { chooseByHash } from '../zone/sample.ts';
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
}

/**
 * What is published of an interface.
 *
 * @param placed its services, the oldest first; not empty
 */
export function recordOf(
  name: InterfaceName,
  names: InterfaceNames,
  placed: readonly Placed[],
  options: EntryOptions,
): InterfaceRecord<EndpointList> {
  const lead = leadOf(placed, keyOfPlaced);
  const baseLength = Math.max(names.domain.length, ...names.callNames.map((callName) => callName.length));
  const forms = formsOf(placed, formLabelLimit(options.zoneLength, baseLength));
  return {
    interface: name,
    callNames: names.callNames,
    domain: names.domain,
    instance: octets(names.instance),
    ttl: lead.merged.ttl ?? options.ttl,
    forms: formRecords(forms, placed, options),
    applications: applicationsOf(placed),
  };
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

/** Forms that cover all services say what the plain one says: of one service that is all of them. */
function formRecords(
  forms: readonly CoveredForm[],
  placed: readonly Placed[],
  options: EntryOptions,
): Form<EndpointList>[] {
  let whole: Form<EndpointList> | undefined;
  return forms.map(({ labels, covered }) => {
    if (covered.length < placed.length) return formOf(labels, covered, options);
    whole ??= formOf('' as Prefix, placed, options);
    return labels === '' ? whole : { ...whole, labels };
  });
}

function formOf(labels: Prefix, covered: readonly Placed[], options: EntryOptions): Form<EndpointList> {
  const lead = leadOf(covered, keyOfPlaced);
  const list = endpointsOf(covered, options.maxRecords);
  const byEndpoints = options.address === 'endpoints';
  const own = byEndpoints ? list.endpoints.flatMap(({ host }) => parseAddress(host) ?? []) : [];
  return {
    labels,
    addresses: byEndpoints ? [...new Set(own)] : lead.vip.addresses,
    // of a family that has an address nothing is missing; the failure speaks for the other
    failure: byEndpoints ? undefined : lead.vip.failure,
    ports: portsOf(covered, byEndpoints),
    endpoints: list,
    text: textOf(covered, lead, byEndpoints),
  };
}

function endpointsOf(covered: readonly Placed[], max: number): EndpointList {
  const [only] = covered;
  if (only !== undefined && covered.length === 1 && only.merged.endpoints.length <= max) return only.merged;
  const all = unite(covered.flatMap(({ merged }) => merged.endpoints));
  return { endpoints: chooseByHash(all, max, endpointText), set: undefined };
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
  const join = (values: readonly string[]) => {
    if (values.length === 1) return values[0] ?? '';
    return [...new Set(values.filter((value) => value !== ''))].join(',');
  };
  const pairs = [
    ['interface', merged.key.interface],
    ['application', join(covered.map((one) => one.merged.application))],
    [
      'protocol',
      join(covered.length === 1 ? protocolsOf(merged) : covered.flatMap((one) => protocolsOf(one.merged))),
    ],
    ['versions', join(covered.map((one) => one.merged.key.version))],
    ['groups', join(covered.map((one) => one.merged.key.group))],
    ['source', join(covered.flatMap((one) => one.merged.registries))],
    ['vip-from', byEndpoints ? 'endpoints' : lead.vip.addresses.length > 0 ? lead.vip.from : 'none'],
  ];
  return pairs.flatMap(([key, value]) => (value === '' ? [] : [characterString(`${key}=${value}`)]));
}

/** Each once, in the order of the endpoints. */
function protocolsOf(merged: Merged): string[] {
  const protocols: string[] = [];
  for (const { protocol } of merged.endpoints) if (!protocols.includes(protocol)) protocols.push(protocol);
  return protocols.length > 0 ? protocols : [merged.protocol];
}

/** At most 255 octets of UTF-8 (RFC 1035 section 3.3). */
function characterString(text: string): Octets {
  const isAscii = /^[\x20-\x7e]*$/.test(text);
  return octets((isAscii ? text : Buffer.from(text, 'utf8').toString('latin1')).slice(0, 255));
}

/** `user-center.app`: for each application of the interface the addresses of its services. */
function applicationsOf(placed: readonly Placed[]): ApplicationPart[] {
  const byLabel = new Map<string, Placed[]>();
  for (const one of placed) {
    if (one.merged.application === '') continue;
    const label = applicationLabel(one.merged.application);
    byLabel.set(label, [...(byLabel.get(label) ?? []), one]);
  }
  return [...byLabel].map(([label, services]) => {
    const addresses = [...new Set(services.flatMap(({ vip }) => vip.addresses))];
    const failure = addresses.length > 0 ? undefined : services.find(({ vip }) => vip.failure)?.vip.failure;
    return { label: octets(label), addresses, ...(failure === undefined ? {} : { failure }) };
  });
}
