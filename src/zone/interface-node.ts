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
import type { EndpointRecord, FormView, RecordView } from './interface-record.ts';
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
export function domainNode(record: RecordView): ZoneNode {
  return formNode(record, record.plainForm);
}

/** The node of a call name itself. */
export function callNode(record: RecordView, view: View): ZoneNode {
  return view.style === 'flat' ? domainNode(record) : aliasNode(record, '' as Prefix, view);
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
  if (isIpv4(address)) return octets(addressText(address).replaceAll('.', '-'));
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((address.charCodeAt(i) << 8) | address.charCodeAt(i + 1)).toString(16));
  }
  return octets(groups.join('-'));
}

function aliasNode(record: RecordView, below: Prefix, view: View): ZoneNode {
  const target = join(joinPrefixes(below, record.domain), view.apex);
  return nodeOf([{ type: TYPE.CNAME, ttl: record.ttl, rdatas: [target] }]);
}

function formNode(record: RecordView, form: FormView): ZoneNode {
  return new FormNode(record, form);
}

/** The node of a form: only what is asked for is read. */
class FormNode implements ZoneNode {
  readonly #record: RecordView;
  readonly #form: FormView;

  constructor(record: RecordView, form: FormView) {
    this.#record = record;
    this.#form = form;
  }

  get failure(): string | undefined {
    return this.#form.failure;
  }

  get(type: number): RRset | undefined {
    if (type === TYPE.TXT) return textOf(this.#record, this.#form)[0];
    if (type !== TYPE.A && type !== TYPE.AAAA) return undefined;
    const rdatas = this.#form.addresses.filter((address) => isIpv4(address) === (type === TYPE.A));
    return rdatas.length === 0 ? undefined : { type, ttl: this.#record.ttl, rdatas };
  }

  types(): readonly number[] {
    return [TYPE.A, TYPE.AAAA, TYPE.TXT].filter((type) => this.get(type) !== undefined);
  }
}

function nodeBelowForm(record: RecordView, form: FormView, rest: Prefix, view: View): ZoneNode | undefined {
  if (rest === '') return formNode(record, form);
  if (rest === ENDPOINTS) return endpointsNode(record, form, view);
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
  return [{ type: TYPE.SRV, ttl: record.ttl, rdatas: ports.map((port) => srv(port, target)) }];
}

/** A form's own labels only where it has other addresses than the plain name. */
function targetLabels(record: RecordView, form: FormView): Prefix {
  return form.addresses.join() === record.plainForm.addresses.join() ? ('' as Prefix) : form.labels;
}

/** RFC 2782: priority 0, weight 0, port, target. */
function srv(port: { readonly port: number }, target: DomainName): Octets {
  return octets(u16(0) + u16(0) + u16(port.port) + target);
}

function endpointsNode(record: RecordView, form: FormView, view: View): ZoneNode {
  const { endpoints } = form;
  const addresses = endpoints.flatMap(({ address }) => (address === undefined ? [] : [address]));
  const rrsets = addressRRsets([...new Set(addresses)], record.ttl);
  if (endpoints.length > 0) {
    const below = join(joinPrefixes(ENDPOINTS, record.domain), view.apex);
    const rdatas = endpoints.map((endpoint) => srv(endpoint, endpointTarget(endpoint, below)));
    rrsets.push({ type: TYPE.SRV, ttl: record.ttl, rdatas: [...new Set(rdatas)] });
  }
  return nodeOf(rrsets);
}

function endpointTarget({ address, hostName }: EndpointRecord, below: DomainName): DomainName {
  if (address === undefined) return hostName ?? below;
  const label = addressLabel(address);
  return join((u8(label.length) + label) as Prefix, below);
}

function endpointAddressNode(record: RecordView, label: Octets): ZoneNode | undefined {
  // a form may show an endpoint that the plain name had to leave out, so look through all
  for (const form of record.forms) {
    for (const { address } of form.endpoints) {
      if (address !== undefined && addressLabel(address) === label) {
        return nodeOf(addressRRsets([address], record.ttl));
      }
    }
  }
  return undefined;
}

function textOf(record: RecordView, form: FormView): RRset[] {
  const rdata = form.text;
  return rdata === '' ? [] : [{ type: TYPE.TXT, ttl: record.ttl, rdatas: [rdata] }];
}
