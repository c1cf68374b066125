import { type Address, addressText, isIpv4 } from '../name/address.ts';
import {
  constantPrefix,
  type DomainName,
  firstLabel,
  join,
  joinPrefixes,
  type Prefix,
} from '../name/domain-name.ts';
import { type Octets, octets, u8, u16 } from '../name/octets.ts';
import type { EndpointEntry, FormEntry, InterfaceEntry, PortEntry } from './interface-entry.ts';
import type { RRset } from './record.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, nodeOf, type ZoneNode } from './zone.ts';

/** How an interface's names answer, see `answers.style` in the configuration. */
export type AnswerStyle = 'cname' | 'flat';

/** In which zone, and how, an interface is shown. */
export interface View {
  readonly apex: DomainName;
  readonly style: AnswerStyle;
}

export const ENDPOINTS = constantPrefix('_endpoints');
export const TCP = constantPrefix('_tcp');

/** The node of the structured domain itself. */
export function domainNode(entry: InterfaceEntry): ZoneNode {
  return formNode(entry, plainForm(entry));
}

/** The node of a call name itself. */
export function callNode(entry: InterfaceEntry, view: View): ZoneNode {
  return view.style === 'flat' ? domainNode(entry) : aliasNode(entry, '' as Prefix, view);
}

/**
 * The node at the labels `below` (lower-cased, not empty) in front of the structured domain; undefined when the
 * interface has no such name.
 */
export function nodeBelowDomain(entry: InterfaceEntry, below: Prefix, view: View): ZoneNode | undefined {
  for (const form of entry.forms) {
    if (!below.endsWith(form.labels)) continue;
    const rest = below.slice(0, below.length - form.labels.length) as Prefix;
    const node = nodeBelowForm(entry, form, rest, view);
    if (node !== undefined) return node;
  }
  return undefined;
}

/** The same in front of a call name: a CNAME to the same labels below the structured domain, or the data itself. */
export function nodeBelowCall(entry: InterfaceEntry, below: Prefix, view: View): ZoneNode | undefined {
  const node = nodeBelowDomain(entry, below, view);
  if (node === undefined || view.style === 'flat') return node;
  return node === EMPTY_NON_TERMINAL ? node : aliasNode(entry, below, view);
}

/** The DNS-SD instance of one protocol (RFC 6763 sections 5 and 6). */
export function instanceNode(entry: InterfaceEntry, service: Octets, view: View): ZoneNode {
  const form = plainForm(entry);
  return nodeOf([...srvOfPorts(entry, form, service, view), ...textOf(entry, form)]);
}

export function addressRRsets(addresses: readonly Address[], ttl: number): RRset[] {
  const rrsets: RRset[] = [];
  const v4 = addresses.filter((address) => isIpv4(address));
  const v6 = addresses.filter((address) => !isIpv4(address));
  if (v4.length > 0) rrsets.push({ type: TYPE.A, ttl, rdatas: v4 });
  if (v6.length > 0) rrsets.push({ type: TYPE.AAAA, ttl, rdatas: v6 });
  return rrsets;
}

export function plainForm(entry: InterfaceEntry): FormEntry {
  const form = entry.forms[0];
  if (form === undefined) throw new Error(`interface without a plain form: ${entry.interface}`);
  return form;
}

/** `10-0-0-1`; an IPv6 address with all of its eight groups, so that no label starts with a hyphen. */
export function addressLabel(address: Address): Octets {
  if (isIpv4(address)) return octets(addressText(address).replaceAll('.', '-'));
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((address.charCodeAt(i) << 8) | address.charCodeAt(i + 1)).toString(16));
  }
  return octets(groups.join('-'));
}

function aliasNode(entry: InterfaceEntry, below: Prefix, view: View): ZoneNode {
  const target = join(joinPrefixes(below, entry.domain), view.apex);
  return nodeOf([{ type: TYPE.CNAME, ttl: entry.ttl, rdatas: [target] }]);
}

function formNode(entry: InterfaceEntry, form: FormEntry): ZoneNode {
  return nodeOf([...addressRRsets(form.addresses, entry.ttl), ...textOf(entry, form)], form.failure);
}

function nodeBelowForm(
  entry: InterfaceEntry,
  form: FormEntry,
  rest: Prefix,
  view: View,
): ZoneNode | undefined {
  if (rest === '') return formNode(entry, form);
  if (rest === ENDPOINTS) return endpointsNode(entry, form, view);
  if (rest === TCP) return form.ports.length > 0 ? EMPTY_NON_TERMINAL : undefined;
  if (rest.endsWith(TCP) && form.ports.length > 0) {
    const service = firstLabel(rest);
    if (service.length + 1 + TCP.length !== rest.length) return undefined;
    const srv = srvOfPorts(entry, form, service, view);
    return srv.length > 0 ? nodeOf(srv) : undefined;
  }
  if (form.labels === '' && rest.endsWith(ENDPOINTS)) {
    const label = firstLabel(rest);
    if (label.length + 1 + ENDPOINTS.length !== rest.length) return undefined;
    return endpointAddressNode(entry, label);
  }
  return undefined;
}

function srvOfPorts(entry: InterfaceEntry, form: FormEntry, service: Octets, view: View): RRset[] {
  const ports = form.ports.filter((port) => port.service === service);
  if (ports.length === 0) return [];
  const target = join(joinPrefixes(targetLabels(entry, form), entry.domain), view.apex);
  return [{ type: TYPE.SRV, ttl: entry.ttl, rdatas: ports.map((port) => srv(port, target)) }];
}

/** A form's own labels only where it has other addresses than the plain name. */
function targetLabels(entry: InterfaceEntry, form: FormEntry): Prefix {
  return form.addresses.join() === plainForm(entry).addresses.join() ? ('' as Prefix) : form.labels;
}

/** RFC 2782: priority 0, weight 0, port, target. */
function srv(port: Pick<PortEntry, 'port'>, target: DomainName): Octets {
  return octets(u16(0) + u16(0) + u16(port.port) + target);
}

function endpointsNode(entry: InterfaceEntry, form: FormEntry, view: View): ZoneNode {
  const addresses = form.endpoints.flatMap(({ address }) => (address === undefined ? [] : [address]));
  const rrsets = addressRRsets([...new Set(addresses)], entry.ttl);
  if (form.endpoints.length > 0) {
    const rdatas = form.endpoints.map((endpoint) => srv(endpoint, endpointTarget(entry, endpoint, view)));
    rrsets.push({ type: TYPE.SRV, ttl: entry.ttl, rdatas: [...new Set(rdatas)] });
  }
  return nodeOf(rrsets);
}

function endpointTarget(entry: InterfaceEntry, endpoint: EndpointEntry, view: View): DomainName {
  if (endpoint.address === undefined) return endpoint.hostName ?? view.apex;
  const label = addressLabel(endpoint.address);
  return join((u8(label.length) + label + ENDPOINTS + entry.domain) as Prefix, view.apex);
}

function endpointAddressNode(entry: InterfaceEntry, label: Octets): ZoneNode | undefined {
  // a form may show an endpoint that the plain name had to leave out, so look through all
  for (const form of entry.forms) {
    for (const { address } of form.endpoints) {
      if (address !== undefined && addressLabel(address) === label) {
        return nodeOf(addressRRsets([address], entry.ttl));
      }
    }
  }
  return undefined;
}

function textOf(entry: InterfaceEntry, form: FormEntry): RRset[] {
  if (form.text.length === 0) return [];
  const rdata = octets(form.text.map((string) => u8(string.length) + string).join(''));
  return [{ type: TYPE.TXT, ttl: entry.ttl, rdatas: [rdata] }];
}
