import { type Address, isIpv4, parseAddress } from '../name/address.ts';
import {
  constantPrefix,
  type DomainName,
  firstLabel,
  join,
  joinPrefixes,
  keyOf,
  type NameKey,
  type Prefix,
  ROOT,
} from '../name/domain-name.ts';
import { type Octets, octets, u8, u16 } from '../name/octets.ts';
import type { FormView, RecordView } from './interface-record.ts';
import type { RRset } from './record.ts';
import { recordsThatFit } from './rrset-room.ts';
import { orderedByHash } from './sample.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, nodeOf, type ZoneNode } from './zone.ts';

/** How an interface's names answer, see `answers.style` in the configuration. */
export type AnswerStyle = 'cname' | 'flat';

/** In which zone, and how, an interface is shown. */
export interface View {
  readonly apex: DomainName;
  readonly style: AnswerStyle;
  /** whether addresses are those of the providers: then their order rotates */
  readonly rotates: boolean;
  /** Whether this name, relative to the zone, and all below it belong to the interface behind it alone. */
  isUntouched(name: Prefix): boolean;
}

export const ENDPOINTS = constantPrefix('_endpoints');
export const TCP = constantPrefix('_tcp');
/** Octets of SRV in front of the port. */
const NO_PREFERENCE = u16(0) + u16(0);
/** … and with it: the target follows (RFC 2782). */
export const SRV_HEAD = 6;
/** Port and first label of an instance, which tell it from the others of its name. */
const PORT_AT = 4;
const DISTINCT = 48;

/** The node of the structured domain itself. */
export function domainNode(record: RecordView, view: View): ZoneNode {
  return new FormNode(record, record.plainForm, view.rotates);
}

/** The node of a call name itself. */
export function callNode(record: RecordView, view: View): ZoneNode {
  return view.style === 'flat' ? domainNode(record, view) : aliasNode(record, '' as Prefix, view);
}

/**
 * The node at the labels `below` (lower-cased, not empty) in front of the structured domain; undefined when the
 * interface has no such name.
 */
export function nodeBelowDomain(record: RecordView, below: Prefix, view: View): ZoneNode | undefined {
  for (const form of record.forms) {
    if (!below.endsWith(form.labels)) continue;
    const rest = below.slice(0, below.length - form.labels.length) as Prefix;
    const node = nodeBelowForm(record, form, rest, view);
    if (node !== undefined) return node;
  }
  return undefined;
}

/** Whether the interface answers at these labels (lower-cased, not empty) in front of its names. */
export function hasBelow(record: RecordView, below: Prefix): boolean {
  const anywhere: View = { apex: ROOT, style: 'flat', rotates: false, isUntouched: () => false };
  const node = nodeBelowDomain(record, below, anywhere);
  return node !== undefined && node !== EMPTY_NON_TERMINAL;
}

/** The same in front of a call name: a CNAME to the same labels below the structured domain, or the data itself. */
export function nodeBelowCall(record: RecordView, below: Prefix, view: View): ZoneNode | undefined {
  const node = nodeBelowDomain(record, below, view);
  if (node === undefined || view.style === 'flat') return node;
  return node === EMPTY_NON_TERMINAL ? node : aliasNode(record, below, view);
}

/** The DNS-SD instance of one protocol (RFC 6763 sections 5 and 6). */
export function instanceNode(record: RecordView, service: Octets, view: View): ZoneNode {
  const form = record.plainForm;
  return nodeOf([...srvOfPorts(record, form, service, view), ...textOf(record, form)]);
}

export function addressRRsets(addresses: readonly Address[], ttl: number): RRset[] {
  const rrsets: RRset[] = [];
  const v4 = addresses.filter((address) => isIpv4(address));
  const v6 = addresses.filter((address) => !isIpv4(address));
  if (v4.length > 0) rrsets.push({ type: TYPE.A, ttl, rdatas: v4 });
  if (v6.length > 0) rrsets.push({ type: TYPE.AAAA, ttl, rdatas: v6 });
  return rrsets;
}

/** `10-0-0-1`; an IPv6 address with all of its eight groups, so that no label starts with a hyphen. */
export function addressLabel(address: Address): Octets {
  if (isIpv4(address)) {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => address.charCodeAt(i));
    return octets(`${a}-${b}-${c}-${d}`);
  }
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((address.charCodeAt(i) << 8) | address.charCodeAt(i + 1)).toString(16));
  }
  return octets(groups.join('-'));
}

/** The address behind a label that {@link addressLabel} makes. */
function addressOfLabel(label: Octets): Address | undefined {
  const isV4 = /^\d{1,3}(-\d{1,3}){3}$/.test(label);
  const isV6 = !isV4 && /^[0-9a-f]{1,4}(-[0-9a-f]{1,4}){7}$/.test(label);
  if (!isV4 && !isV6) return undefined;
  const address = parseAddress(label.replaceAll('-', isV4 ? '.' : ':'));
  // one address, one label: `010-0-0-1` is none
  return address !== undefined && addressLabel(address) === label ? address : undefined;
}

function aliasNode(record: RecordView, below: Prefix, view: View): ZoneNode {
  const target = join(joinPrefixes(below, record.domain), view.apex);
  return nodeOf([{ type: TYPE.CNAME, ttl: record.ttl, rdatas: [target] }]);
}

/** The node of a form: only what is asked for is read. */
class FormNode implements ZoneNode {
  readonly #record: RecordView;
  readonly #form: FormView;
  readonly #rotates: boolean;

  constructor(record: RecordView, form: FormView, rotates: boolean) {
    this.#record = record;
    this.#form = form;
    this.#rotates = rotates;
  }

  get failure(): string | undefined {
    return this.#form.failure;
  }

  get(type: number): RRset | undefined {
    if (type === TYPE.TXT) return textOf(this.#record, this.#form)[0];
    if (type !== TYPE.A && type !== TYPE.AAAA) return undefined;
    const rdatas = this.#form.addresses.filter((address) => isIpv4(address) === (type === TYPE.A));
    if (rdatas.length === 0) return undefined;
    const { ttl } = this.#record;
    if (!this.#rotates) return { type, ttl, rdatas };
    return { type, ttl, rdatas, rotates: true, whereabouts: () => this.#form.localities };
  }

  types(): readonly number[] {
    return [TYPE.A, TYPE.AAAA, TYPE.TXT].filter((type) => this.get(type) !== undefined);
  }
}

function nodeBelowForm(record: RecordView, form: FormView, rest: Prefix, view: View): ZoneNode | undefined {
  if (rest === '') return new FormNode(record, form, view.rotates);
  if (rest === ENDPOINTS) return new EndpointsNode(record, form, view);
  if (rest === TCP) return form.hasPorts ? EMPTY_NON_TERMINAL : undefined;
  if (rest.endsWith(TCP) && form.hasPorts) {
    const service = firstLabel(rest);
    if (service.length + 1 + TCP.length !== rest.length) return undefined;
    const srv = srvOfPorts(record, form, service, view);
    return srv.length > 0 ? nodeOf(srv) : undefined;
  }
  if (form.labels === '' && rest.endsWith(ENDPOINTS)) {
    const label = firstLabel(rest);
    if (label.length + 1 + ENDPOINTS.length !== rest.length) return undefined;
    return endpointAddressNode(record, label);
  }
  return undefined;
}

function srvOfPorts(record: RecordView, form: FormView, service: Octets, view: View): RRset[] {
  const ports = form.ports.filter((port) => port.service === service);
  if (ports.length === 0) return [];
  const target = join(joinPrefixes(targetLabels(record, form), record.domain), view.apex);
  return [{ type: TYPE.SRV, ttl: record.ttl, rdatas: ports.map(({ port }) => srv(port, target)) }];
}

/** A form's own labels only where it has other addresses than the plain name. */
function targetLabels(record: RecordView, form: FormView): Prefix {
  return form.addresses.join() === record.plainForm.addresses.join() ? ('' as Prefix) : form.labels;
}

/** RFC 2782: priority 0, weight 0, port, target. */
function srv(port: number, target: DomainName): Octets {
  return octets(NO_PREFERENCE + u16(port) + target);
}

/** The provider instances that a form covers: only what is asked for is made. */
class EndpointsNode implements ZoneNode {
  readonly #record: RecordView;
  readonly #form: FormView;
  readonly #view: View;

  constructor(record: RecordView, form: FormView, view: View) {
    this.#record = record;
    this.#form = form;
    this.#view = view;
  }

  get(type: number): RRset | undefined {
    if (type === TYPE.SRV) return this.#srv();
    if (type !== TYPE.A && type !== TYPE.AAAA) return undefined;
    const rdatas = this.#form.endpointAddresses(type === TYPE.A ? 'IPv4' : 'IPv6');
    return rdatas.length === 0 ? undefined : { type, ttl: this.#record.ttl, rdatas, rotates: true };
  }

  types(): readonly number[] {
    return [TYPE.A, TYPE.AAAA, TYPE.SRV].filter((type) => this.get(type) !== undefined);
  }

  /** With what is known of the hosts: to look for each would cost the square of their number. */
  #srv(): RRset | undefined {
    const { ttl } = this.#record;
    const labels = joinPrefixes(ENDPOINTS, this.#record.domain);
    const below = join(labels, this.#view.apex);
    const hosts = new Map<DomainName, RRset | undefined>();
    const names = new Set<NameKey>();
    const rdatas = new Set<Octets>();
    for (const { address, hostName, port } of this.#form.endpoints) {
      const target = address === undefined ? (hostName ?? below) : endpointName(address, below);
      rdatas.add(srv(port, target));
      // a host that is registered in several spellings is one
      if (address === undefined && names.has(keyOf(target))) continue;
      if (address === undefined) names.add(keyOf(target));
      const type = address?.length === 4 ? TYPE.A : TYPE.AAAA;
      hosts.set(target, address === undefined ? undefined : { type, ttl, rdatas: [address] });
    }
    if (rdatas.size === 0) return undefined;
    const longest = rdatas.values().reduce((most, { length }) => Math.max(most, length), 0);
    const fitting = recordsThatFit(longest);
    const chosen =
      rdatas.size <= fitting
        ? [...rdatas]
        : orderedByHash([...rdatas], (rdata) => rdata.slice(PORT_AT, DISTINCT)).slice(0, fitting);
    if (chosen.length < rdatas.size) {
      const shown = new Set(chosen.map((rdata) => keyOf(rdata.slice(SRV_HEAD) as DomainName)));
      for (const target of hosts.keys()) if (!shown.has(keyOf(target))) hosts.delete(target);
    }
    const rrset: RRset = { type: TYPE.SRV, ttl, rdatas: chosen, rotates: true };
    return this.#view.isUntouched(labels) ? { ...rrset, hosts } : rrset;
  }
}

function endpointName(address: Address, below: DomainName): DomainName {
  const label = addressLabel(address);
  return join((u8(label.length) + label) as Prefix, below);
}

function endpointAddressNode(record: RecordView, label: Octets): ZoneNode | undefined {
  const address = addressOfLabel(label);
  // a form may show an endpoint that the plain name had to leave out, so look through all
  if (address === undefined || !record.hasEndpointAt(address)) return undefined;
  return nodeOf(addressRRsets([address], record.ttl));
}

function textOf(record: RecordView, form: FormView): RRset[] {
  const rdata = form.text;
  return rdata === '' ? [] : [{ type: TYPE.TXT, ttl: record.ttl, rdatas: [rdata] }];
}
