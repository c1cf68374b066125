import { type Address, parseAddress } from '../name/address.ts';
import { constantPrefix, type Prefix, parseDomainName } from '../name/domain-name.ts';
import { formGroupLabel, formLabelLimit, formVersionLabel } from '../name/interface-domain.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import { applicationLabel, hashedLabel, protocolLabel } from '../name/labels.ts';
import { type Octets, octets } from '../name/octets.ts';
import type { Endpoint } from '../registry/registration.ts';
import type { Placement } from '../vip/placements.ts';
import type {
  ApplicationEntry,
  EndpointEntry,
  FormEntry,
  InterfaceEntry,
  PortEntry,
} from '../zone/interface-entry.ts';
import { chooseByHash } from '../zone/sample.ts';
import type { InterfaceNames } from './interface-names.ts';
import { endpointText, type Merged, unite } from './merge.ts';

/** One service of an interface with the address that its names lead to. */
export interface Placed {
  readonly merged: Merged;
  readonly ordinal: number;
  readonly vip: Vip;
}

export interface Vip {
  readonly owner: ServiceKey;
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
 * What the query line is to know of an interface.
 *
 * @param placed its services, the oldest first; not empty
 */
export function buildEntry(
  name: InterfaceName,
  names: InterfaceNames,
  placed: readonly Placed[],
  options: EntryOptions,
): InterfaceEntry {
  const lead = leadOf(placed);
  const baseLength = Math.max(names.domain.length, ...names.callNames.map((callName) => callName.length));
  const forms = formsOf(placed, formLabelLimit(options.zoneLength, baseLength));
  return {
    interface: name,
    callNames: names.callNames,
    domain: names.domain,
    instance: octets(names.instance),
    ttl: lead.merged.ttl ?? options.ttl,
    forms: forms.map(({ labels, covered }) => formEntry(labels, covered, options)),
    applications: applicationsOf(placed),
  };
}

/** Who answers for several: the unversioned, ungrouped one if there is one, else the one registered first. */
export function leadOf(placed: readonly Placed[]): Placed {
  const plain = placed.find(({ merged: { key } }) => key.version === '' && key.group === '');
  const lead = plain ?? placed[0];
  if (lead === undefined) throw new Error('an interface without services');
  return lead;
}

interface Form {
  readonly labels: Prefix;
  readonly covered: readonly Placed[];
}

/** The plain form, then each version, group and pair that is registered. */
function formsOf(placed: readonly Placed[], limit: number): Form[] {
  const versions = new LabelBook((version) => formVersionLabel(version, limit), limit);
  const groups = new LabelBook((group) => formGroupLabel(group, limit), limit);
  const forms: Form[] = [{ labels: '' as Prefix, covered: placed }];
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

function formEntry(labels: Prefix, covered: readonly Placed[], options: EntryOptions): FormEntry {
  const lead = leadOf(covered);
  const all = unite(covered.flatMap(({ merged }) => merged.endpoints));
  const endpoints = chooseByHash(all, options.maxRecords, endpointText).flatMap(endpointEntry);
  const own = endpoints.flatMap(({ address }) => (address === undefined ? [] : [address]));
  const byEndpoints = options.address === 'endpoints';
  const addresses = byEndpoints ? [...new Set(own)] : lead.vip.addresses;
  // of a family that has an address nothing is missing; the failure speaks for the other
  const failure = byEndpoints ? undefined : lead.vip.failure;
  return {
    labels,
    addresses,
    ...(failure === undefined ? {} : { failure }),
    ports: portsOf(covered, byEndpoints),
    endpoints,
    text: textOf(covered, lead, byEndpoints),
  };
}

/**
 * Each distinct port of each protocol: what the registration says, else what its instances listen on. Behind a Kubernetes
 * Service it is the Service's port in front of that one.
 */
function portsOf(covered: readonly Placed[], byEndpoints: boolean): PortEntry[] {
  const ports = new Map<string, PortEntry>();
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
  return [...ports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
}

function endpointEntry(endpoint: Endpoint): EndpointEntry[] {
  const service = octets(protocolLabel(endpoint.protocol));
  const address = parseAddress(endpoint.host);
  if (address !== undefined) return [{ address, service, port: endpoint.port }];
  const hostName = parseDomainName(endpoint.host);
  return hostName.ok ? [{ hostName: hostName.value, service, port: endpoint.port }] : [];
}

function textOf(covered: readonly Placed[], lead: Placed, byEndpoints: boolean): Octets[] {
  const { merged } = lead;
  const join = (values: readonly string[]) => [...new Set(values.filter((value) => value !== ''))].join(',');
  const pairs = [
    ['interface', merged.key.interface],
    ['application', join(covered.map((one) => one.merged.application))],
    ['protocol', join(covered.flatMap((one) => protocolsOf(one.merged)))],
    ['versions', join(covered.map((one) => one.merged.key.version))],
    ['groups', join(covered.map((one) => one.merged.key.group))],
    ['source', join(covered.flatMap((one) => one.merged.registries))],
    ['vip-from', byEndpoints ? 'endpoints' : lead.vip.addresses.length > 0 ? lead.vip.from : 'none'],
  ];
  return pairs.flatMap(([key, value]) => (value === '' ? [] : [characterString(`${key}=${value}`)]));
}

function protocolsOf(merged: Merged): string[] {
  const protocols = merged.endpoints.map(({ protocol }) => protocol);
  return protocols.length > 0 ? protocols : [merged.protocol];
}

/** At most 255 octets of UTF-8 (RFC 1035 section 3.3). */
function characterString(text: string): Octets {
  return octets(Buffer.from(text, 'utf8').toString('latin1').slice(0, 255));
}

/** `user-center.app`: for each application of the interface the addresses of its services. */
function applicationsOf(placed: readonly Placed[]): ApplicationEntry[] {
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
