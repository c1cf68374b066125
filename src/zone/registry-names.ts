import type { Address } from '../name/address.ts';
import {
  constantPrefix,
  type DomainName,
  join,
  keyOf,
  type NameKey,
  type Prefix,
  prefixOf,
  ROOT,
} from '../name/domain-name.ts';
import type { Octets } from '../name/octets.ts';
import { packed } from '../none.ts';
import { type InterfaceEntry, readEntry } from './interface-entry.ts';
import {
  addressRRsets,
  callNode,
  domainNode,
  instanceNode,
  nodeBelowCall,
  nodeBelowDomain,
  plainForm,
  TCP,
  type View,
} from './interface-node.ts';
import { NameTree } from './name-tree.ts';
import { reverseName } from './reverse.ts';
import { Sample } from './sample.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, nodeOf, type Trace, type ZoneNode } from './zone.ts';

/** `_services._dns-sd._udp` (RFC 6763 section 9). */
export const SERVICES = constantPrefix('_services', '_dns-sd', '_udp');
export const APPLICATIONS = constantPrefix('app');

/** How names of the registries answer in all zones; a change of it makes every name anew. */
export interface NamesOptions {
  readonly style: View['style'];
  /** seconds, for names that belong to no single interface */
  readonly ttl: number;
  readonly maxRecords: number;
  /** the zone whose structured domains PTR records name */
  readonly ptrZone: DomainName;
}

/** An interface at rest: its {@link InterfaceEntry} as JSON, a fraction of the memory of the parsed objects. */
interface Stored {
  readonly text: string;
}

interface ApplicationMember {
  readonly addresses: readonly Address[];
  readonly failure: string | undefined;
}

/** What owns a name. One name may be claimed by several; the first of {@link RANK} answers. */
type Claim =
  | { readonly kind: 'domain'; readonly owner: Stored }
  | { readonly kind: 'application'; readonly members: Sample<ApplicationMember> }
  | { readonly kind: 'browsing'; readonly members: Sample<Prefix> }
  | { readonly kind: 'services'; readonly members: Sample<Prefix> }
  | { readonly kind: 'instance'; readonly owner: Stored; readonly service: Octets }
  | { readonly kind: 'call'; readonly owner: Stored };

/** Contract 1.1, "one owner name, one source"; version and group names stand between `domain` and `application`. */
const RANK = { domain: 0, application: 1, browsing: 2, services: 2, instance: 2, call: 3 } as const;

/**
 * All names that come from registries, relative to a zone: they are the same in every zone. Only base names are kept
 * in the tree; what stands below them is derived from the entry when it is asked.
 */
export class RegistryNames {
  readonly options: NamesOptions;
  readonly #tree = new NameTree<readonly Claim[]>('');
  readonly #stored = new Map<string, Stored>();
  /** structured domains by the reverse names of their VIPs; whether a zone shows them is the zone's affair */
  readonly #reverse = new NameTree<Prefix>(ROOT);

  constructor(options: NamesOptions) {
    this.options = options;
  }

  get interfaces(): number {
    return this.#stored.size;
  }

  get names(): number {
    return this.#tree.size;
  }

  /**
   * Puts, replaces (`text` is the entry as JSON) or removes (undefined) one interface.
   *
   * @param touched is told the facts that changed, as {@link find} tells them to its trace
   */
  set(name: string, text: string | undefined, touched: Trace): void {
    const old = this.#stored.get(name);
    const before = old === undefined ? undefined : parseEntry(old);
    const after = text === undefined ? undefined : readEntry(text);
    if (old !== undefined && before !== undefined) this.#drop(before, old, touched);
    if (text !== undefined && after !== undefined) {
      const stored = { text };
      this.#stored.set(name, stored);
      this.#claim(after, stored, touched);
    } else {
      this.#stored.delete(name);
    }
    touched(interfaceFact(name));
    for (const address of addressesOf(before)) {
      const key = keyOf(reverseName(address));
      // a newer owner may have come in front of this change
      if (this.#reverse.get(key)?.value === before?.domain) this.#reverse.delete(key, touched);
    }
    for (const address of addressesOf(after)) {
      if (after !== undefined) this.#reverse.put(keyOf(reverseName(address)), after.domain, touched);
    }
  }

  /** The PTR record at a name of a reverse zone; see `reverseName`. */
  findReverse(name: NameKey, trace: Trace): ZoneNode | undefined {
    trace(name);
    const node = this.#reverse.get(name);
    if (node?.value === undefined) return node === undefined ? undefined : EMPTY_NON_TERMINAL;
    const { ttl, ptrZone } = this.options;
    return nodeOf([{ type: TYPE.PTR, ttl, rdatas: [join(node.value, ptrZone)] }]);
  }

  /** @param name lower-cased labels in front of the apex, not empty */
  find(name: Prefix, apex: DomainName, trace: Trace): ZoneNode | undefined {
    trace(nameFact(name));
    const view = { apex, style: this.options.style };
    const node = this.#tree.get(name);
    const claim = node?.value?.[0];
    if (claim?.kind === 'domain') return this.#nodeOf(claim, name, view, trace);
    const derived = mayBeDerived(name) ? this.#findDerived(name, view, trace) : undefined;
    if (derived !== undefined && derived !== EMPTY_NON_TERMINAL) return derived;
    if (claim !== undefined) return this.#nodeOf(claim, name, view, trace);
    return derived ?? (node === undefined ? undefined : EMPTY_NON_TERMINAL);
  }

  #nodeOf(claim: Claim, name: Prefix, view: View, trace: Trace): ZoneNode {
    const { ttl, maxRecords } = this.options;
    switch (claim.kind) {
      case 'domain':
        return domainNode(traced(claim.owner, trace));
      case 'call':
        return callNode(traced(claim.owner, trace), view);
      case 'instance':
        return instanceNode(traced(claim.owner, trace), claim.service, view);
      case 'application':
        return applicationNode(claim.members.take(maxRecords), ttl);
      case 'browsing':
      case 'services': {
        const targets = claim.members.take(maxRecords).map((label) => {
          const parent = claim.kind === 'browsing' ? name : TCP;
          return join((label + parent) as Prefix, view.apex);
        });
        return nodeOf([{ type: TYPE.PTR, ttl, rdatas: targets }]);
      }
    }
  }

  /** A name below the nearest structured domain or call name. */
  #findDerived(name: Prefix, view: View, trace: Trace): ZoneNode | undefined {
    for (let at = name.charCodeAt(0) + 1; at < name.length; at += name.charCodeAt(at) + 1) {
      // static records may hide this ancestor from every other look at it
      trace(nameFact(name.slice(at)));
      const claims = this.#tree.get(name.slice(at))?.value;
      const claim = claims?.find(({ kind }) => kind === 'domain' || kind === 'call');
      if (claim === undefined || (claim.kind !== 'domain' && claim.kind !== 'call')) continue;
      const entry = traced(claim.owner, trace);
      const below = name.slice(0, at) as Prefix;
      return claim.kind === 'domain'
        ? nodeBelowDomain(entry, below, view)
        : nodeBelowCall(entry, below, view);
    }
    return undefined;
  }

  #claim(entry: InterfaceEntry, owner: Stored, touched: Trace): void {
    this.#add(lower(entry.domain), { kind: 'domain', owner }, touched);
    for (const callName of entry.callNames) this.#add(lower(callName), { kind: 'call', owner }, touched);
    for (const { label, addresses, failure } of entry.applications) {
      const members = this.#members('application', applicationName(label), touched);
      members.set(entry.interface, { addresses: packed(addresses), failure });
      touched(nameFact(applicationName(label)));
    }
    for (const service of servicesOf(entry)) {
      const { browsing, instance, label } = dnsSdNames(entry, service);
      this.#add(instance, { kind: 'instance', owner, service }, touched);
      this.#members('browsing', browsing, touched).set(entry.interface, label);
      touched(nameFact(browsing));
      this.#members('services', SERVICES, touched).set(service, prefixOf(service) ?? label);
      touched(nameFact(SERVICES));
    }
  }

  #drop(entry: InterfaceEntry, owner: Stored, touched: Trace): void {
    const owned = (claim: Claim) => 'owner' in claim && claim.owner === owner;
    this.#remove(lower(entry.domain), owned, touched);
    for (const callName of entry.callNames) this.#remove(lower(callName), owned, touched);
    for (const { label } of entry.applications) {
      this.#leave('application', applicationName(label), entry.interface, touched);
    }
    for (const service of servicesOf(entry)) {
      const { browsing, instance } = dnsSdNames(entry, service);
      this.#remove(instance, owned, touched);
      this.#leave('browsing', browsing, entry.interface, touched);
      if (!this.#has('browsing', browsing)) this.#leave('services', SERVICES, service, touched);
    }
  }

  #add(name: Prefix, claim: Claim, touched: Trace): void {
    const claims = this.#tree.get(name)?.value ?? [];
    const sorted = [...claims, claim].sort((a, b) => RANK[a.kind] - RANK[b.kind]);
    this.#tree.put(name, packed(sorted), (key) => touched(nameFact(key)));
  }

  #remove(name: Prefix, gone: (claim: Claim) => boolean, touched: Trace): void {
    const left = (this.#tree.get(name)?.value ?? []).filter((claim) => !gone(claim));
    if (left.length > 0) this.#tree.put(name, left, (key) => touched(nameFact(key)));
    else this.#tree.delete(name, (key) => touched(nameFact(key)));
  }

  #has(kind: Claim['kind'], name: Prefix): boolean {
    return this.#tree.get(name)?.value?.some((claim) => claim.kind === kind) === true;
  }

  #members(kind: 'application', name: Prefix, touched: Trace): Sample<ApplicationMember>;
  #members(kind: 'browsing' | 'services', name: Prefix, touched: Trace): Sample<Prefix>;
  #members(
    kind: 'application' | 'browsing' | 'services',
    name: Prefix,
    touched: Trace,
  ): Sample<ApplicationMember> | Sample<Prefix> {
    const existing = this.#tree.get(name)?.value?.find((claim) => claim.kind === kind);
    if (existing !== undefined && 'members' in existing) return existing.members;
    const members = new Sample<never>();
    this.#add(name, { kind, members }, touched);
    return members;
  }

  #leave(kind: Claim['kind'], name: Prefix, member: string, touched: Trace): void {
    const claim = this.#tree.get(name)?.value?.find((candidate) => candidate.kind === kind);
    if (claim === undefined || !('members' in claim)) return;
    claim.members.delete(member);
    touched(nameFact(name));
    if (claim.members.size === 0) this.#remove(name, (candidate) => candidate === claim, touched);
  }
}

function addressesOf(entry: InterfaceEntry | undefined): Set<Address> {
  return new Set(entry?.forms.flatMap((form) => form.addresses));
}

/** The fact that a relative name exists or not, and what owns it. */
function nameFact(name: string): string {
  return `~${name}`;
}

function interfaceFact(name: string): string {
  return `#${name}`;
}

function traced(owner: Stored, trace: Trace): InterfaceEntry {
  const entry = parseEntry(owner);
  trace(interfaceFact(entry.interface));
  return entry;
}

function parseEntry(stored: Stored): InterfaceEntry {
  return readEntry(stored.text);
}

/** Derived names have a label `_…`, `ver-…` or `grp-…`; a cheap look that may say yes in vain. */
function mayBeDerived(name: Prefix): boolean {
  return name.includes('_') || name.includes('ver-') || name.includes('grp-');
}

function lower(name: Prefix): Prefix {
  return keyOf(name as string as NameKey) as string as Prefix;
}

function applicationName(label: Octets): Prefix {
  return ((prefixOf(label) ?? '') + APPLICATIONS) as Prefix;
}

function servicesOf(entry: InterfaceEntry): Set<Octets> {
  return new Set(plainForm(entry).ports.map(({ service }) => service));
}

/** `_dubbo._tcp`, the interface as one label in front of it, and that label as written. */
function dnsSdNames(
  entry: InterfaceEntry,
  service: Octets,
): { browsing: Prefix; instance: Prefix; label: Prefix } {
  const browsing = ((prefixOf(service) ?? '') + TCP) as Prefix;
  const label = prefixOf(entry.instance) ?? ('' as Prefix);
  return { browsing, instance: (lower(label) + browsing) as Prefix, label };
}

function applicationNode(members: readonly ApplicationMember[], ttl: number): ZoneNode {
  const addresses = [...new Set(members.flatMap((member) => member.addresses))];
  const failure = addresses.length > 0 ? undefined : members.find((member) => member.failure)?.failure;
  return nodeOf(addressRRsets(addresses, ttl), failure);
}
