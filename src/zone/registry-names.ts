import { isApplication } from '../name/application-name.ts';
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
import type { ArenaReader, BlobAt } from '../packed/arena.ts';
import { type Column, uint8Column, uint32Column } from '../packed/column.ts';
import {
  addressRRsets,
  callNode,
  domainNode,
  instanceNode,
  nodeBelowCall,
  nodeBelowDomain,
  TCP,
  type View,
} from './interface-node.ts';
import { RecordView } from './interface-record.ts';
import { MemberSet } from './member-set.ts';
import type { NameHash } from './name-hash.ts';
import { NameIndex } from './name-index.ts';
import { reverseName } from './reverse.ts';
import { INSTANCES_THAT_FIT } from './rrset-room.ts';
import { Sample } from './sample.ts';
import type { StaticZone } from './static-zone.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, type Fact, nodeOf, type Trace, type ZoneNode } from './zone.ts';

/** `_services._dns-sd._udp` (RFC 6763 section 9). */
export const SERVICES = constantPrefix('_services', '_dns-sd', '_udp');
export const APPLICATIONS = constantPrefix('app');

/** How names of the registries answer in all zones; a change of it makes every name anew. */
export interface NamesOptions {
  readonly style: View['style'];
  /** seconds, for names that belong to no single interface */
  readonly ttl: number;
  readonly maxRecords: number;
  /** whether names lead to the providers' own addresses: their order rotates (contract 1.2) */
  readonly rotates: boolean;
  /** the zone whose structured domains PTR records name */
  readonly ptrZone: DomainName;
}

/** An interface as the feed numbers it; from 1. */
export type InterfaceNumber = number;

type GroupKind = 'application' | 'browsing' | 'services';

interface Group {
  readonly kind: GroupKind;
  readonly members: MemberSet | Sample<Prefix>;
}

interface Owned {
  /** `itself`: the name of an application that a registry knows by itself */
  readonly kind: 'domain' | 'itself' | 'instance' | 'call';
  readonly owner: InterfaceNumber;
}

/** What owns a name. One name may be claimed by several; the first of {@link RANK} answers. */
type NameClaim = Owned | Group;

/** Contract 1.1, "one owner name, one source"; version and group names stand between `domain` and `itself`. */
const RANK = {
  domain: 0,
  itself: 1,
  application: 2,
  browsing: 3,
  services: 3,
  instance: 3,
  call: 4,
} as const;

/** The value of a name with a single owner is the owner's number and its kind in the two low bits. */
const KINDS = ['domain', 'instance', 'call', 'itself'] as const;
const KIND_BITS = 2;
/** So many interfaces can be told apart in 31 bits. */
export const MAX_INTERFACES = 2 ** (31 - KIND_BITS) - 1;

/** Who owns a name: nobody that exists, nobody but names below it, several or a group, or one interface. */
export type Ownership = 'none' | 'empty' | 'several' | Owned['kind'];

/**
 * All names that come from registries, relative to a zone: they are the same in every zone. Only base names are in the
 * index; what stands below them is read from the record when it is asked.
 */
export class RegistryNames {
  readonly options: NamesOptions;
  readonly #arena: ArenaReader;
  readonly #seed: number;
  readonly #index: NameIndex;
  /** where each interface's record rests; 0: it has none */
  readonly #records: Column<Uint32Array>;
  /** by interface: 1 where its structured domain is its own, and not another's too who goes before it */
  readonly #leads: Column<Uint8Array>;
  /** of the name that {@link ownership} was asked for */
  owner: InterfaceNumber = 0;
  #interfaces = 0;
  #leftOut = 0;
  #highest: InterfaceNumber = 0;
  /** claims of names that have more than one owner, or a group */
  readonly #lists: (readonly NameClaim[])[] = [[]];
  readonly #freeLists: number[] = [];
  /** owners of VIPs by their reverse names; whether a zone shows them is the zone's affair */
  readonly #reverse: NameIndex;

  /** @param before what it will take the place of, and is likely to be as large as */
  constructor(options: NamesOptions, arena: ArenaReader, seed: number, before?: RegistryNames) {
    this.options = options;
    this.#arena = arena;
    this.#seed = seed;
    this.#index = new NameIndex('', seed, before === undefined ? 0 : before.#index.size);
    this.#reverse = new NameIndex(ROOT, seed, before === undefined ? 0 : before.#reverse.size);
    const interfaces = 1 + (before === undefined ? 0 : before.#highest);
    this.#records = uint32Column(interfaces);
    this.#leads = uint8Column(interfaces);
  }

  get interfaces(): number {
    return this.#interfaces;
  }

  get names(): number {
    return this.#index.size;
  }

  /** Members of applications and of browsing names that are not shown, beyond `answers.maxRecords`. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** All that is published, in no order that means anything. */
  *walk(): Generator<RecordView> {
    for (let number = 1; number <= this.#highest; number++) {
      const record = this.#view(number);
      if (record !== undefined) yield record;
    }
  }

  /**
   * Puts, replaces or removes (`at` 0) one interface.
   *
   * @param touched is told the facts that changed, as {@link find} tells them to its trace
   */
  set(number: InterfaceNumber, at: BlobAt, touched: Trace): void {
    const before = this.#view(number);
    this.#records.set(number, at);
    this.#highest = Math.max(this.#highest, number);
    const after = this.#view(number);
    touched(this.#interfaceFact(number));
    if (before !== undefined && after?.hasNamesOf(before) === true) return;
    if (before !== undefined) {
      this.#interfaces--;
      this.#drop(number, before, touched);
    }
    if (after !== undefined) {
      this.#interfaces++;
      this.#claim(number, after, touched);
    }
  }

  /** Who owns the name whose labels were hashed; then {@link owner} says which interface. */
  ownership(hash: NameHash): Ownership {
    const node = this.#index.at(hash);
    if (node === 0) return 'none';
    const value = this.#index.value(node);
    if (value === 0) return 'empty';
    if (value < 0) return 'several';
    this.owner = value >>> KIND_BITS;
    return KINDS[value & (2 ** KIND_BITS - 1)] as Owned['kind'];
  }

  /** Where the record of an interface rests; 0: it has none. */
  recordOf(number: InterfaceNumber): BlobAt {
    return this.#records.get(number);
  }

  /** Whether the structured domain of an interface answers with the interface's own record. */
  leads(number: InterfaceNumber): boolean {
    return this.#leads.get(number) === 1;
  }

  /** The PTR record at a name of a reverse zone; see `reverseName`. */
  findReverse(name: NameKey, trace: Trace): ZoneNode | undefined {
    if (this.#reverse.look(name) === 0) return undefined;
    trace(this.#reverse.fact(0));
    const node = this.#reverse.node(0);
    if (node === 0) return undefined;
    const owner = this.#reverse.value(node);
    if (owner === 0) return EMPTY_NON_TERMINAL;
    const { ttl, ptrZone } = this.options;
    return nodeOf([{ type: TYPE.PTR, ttl, rdatas: [join(this.#traced(owner, trace).domain, ptrZone)] }]);
  }

  /**
   * @param name lower-cased labels in front of the apex, not empty
   * @param statics records of the zone that is asked
   */
  find(name: Prefix, statics: StaticZone, trace: Trace): ZoneNode | undefined {
    const labels = this.#index.look(name);
    trace(this.#index.fact(0));
    const { style, rotates } = this.options;
    const { apex } = statics;
    const view: View = {
      apex,
      style,
      rotates,
      isUntouched: (labels) => {
        const key = lower(labels);
        const isFree = this.#index.find(key) === 0;
        trace(this.#index.fact(0));
        return isFree && statics.find(join(key, statics.apexKey) as NameKey) === undefined;
      },
    };
    const node = this.#index.node(0);
    const value = node === 0 ? 0 : this.#index.value(node);
    const claim = this.#first(value);
    if (claim?.kind === 'domain') return domainNode(this.#traced(claim.owner, trace), view);
    const derived = mayBeDerived(name) ? this.#findDerived(name, labels, view, trace) : undefined;
    if (derived !== undefined && derived !== EMPTY_NON_TERMINAL) return derived;
    if (claim !== undefined) return this.#nodeOf(claim, name, view, trace);
    return derived ?? (node === 0 ? undefined : EMPTY_NON_TERMINAL);
  }

  #nodeOf(claim: NameClaim, name: Prefix, view: View, trace: Trace): ZoneNode {
    const { ttl, maxRecords } = this.options;
    if ('owner' in claim) {
      const record = this.#traced(claim.owner, trace);
      if (claim.kind === 'domain' || claim.kind === 'itself') return domainNode(record, view);
      return claim.kind === 'call' ? callNode(record, view) : instanceNode(record, serviceOf(name), view);
    }
    const { kind, members } = claim;
    const shown = members.take(this.#roomOf(kind));
    if (!isInterfaces(shown)) {
      const targets = shown.map((label) => join((label + TCP) as Prefix, view.apex));
      return nodeOf([{ type: TYPE.PTR, ttl, rdatas: targets }]);
    }
    const records = shown.map((member) => this.#traced(member, trace));
    if (kind === 'application') return applicationNode(records, name, ttl, maxRecords);
    const targets = records.map((record) => join((labelOf(record.instance) + name) as Prefix, view.apex));
    return nodeOf([{ type: TYPE.PTR, ttl, rdatas: targets }]);
  }

  /** How many members of a group its name shows. */
  #roomOf(kind: GroupKind): number {
    const { maxRecords } = this.options;
    return kind === 'application' ? maxRecords : Math.min(maxRecords, INSTANCES_THAT_FIT);
  }

  #beyond({ kind, members }: Group): number {
    return Math.max(0, members.size - this.#roomOf(kind));
  }

  /** A name below the nearest structured domain or call name; the index has just looked at the name. */
  #findDerived(name: Prefix, labels: number, view: View, trace: Trace): ZoneNode | undefined {
    for (let ancestor = 1; ancestor < labels; ancestor++) {
      // static records may hide this ancestor from every other look at it
      trace(this.#index.fact(ancestor));
      const node = this.#index.node(ancestor);
      const value = node === 0 ? 0 : this.#index.value(node);
      const claim = value === 0 ? undefined : this.#claims(value).find(isBase);
      if (claim === undefined) continue;
      const record = this.#traced(claim.owner, trace);
      const below = name.slice(0, this.#index.offset(ancestor)) as Prefix;
      return claim.kind === 'call'
        ? nodeBelowCall(record, below, view)
        : nodeBelowDomain(record, below, view);
    }
    return undefined;
  }

  #view(number: InterfaceNumber): RecordView | undefined {
    const at = this.#records.get(number);
    return at === 0 ? undefined : new RecordView(this.#arena, at);
  }

  #traced(number: InterfaceNumber, trace: Trace): RecordView {
    trace(this.#interfaceFact(number));
    const record = this.#view(number);
    if (record === undefined) throw new Error(`interface ${number} owns a name, but has no record`);
    return record;
  }

  #interfaceFact(number: InterfaceNumber): Fact {
    return Math.imul(number ^ this.#seed, 0x9e3779b1);
  }

  #claim(number: InterfaceNumber, record: RecordView, touched: Trace): void {
    const name = record.interface;
    const kind = isApplication(name) ? 'itself' : 'domain';
    this.#add(lower(record.domain), { kind, owner: number }, touched);
    for (const callName of record.callNames)
      this.#add(lower(callName), { kind: 'call', owner: number }, touched);
    for (const { label } of record.applications) {
      this.#join('application', applicationName(label), number, name, touched);
    }
    for (const service of record.services) {
      const { browsing, instance, label } = dnsSdNames(record.instance, service);
      this.#add(instance, { kind: 'instance', owner: number }, touched);
      this.#join('browsing', browsing, number, name, touched);
      this.#services(touched).set(service, prefixOf(service) ?? label);
    }
    for (const address of record.addresses) this.#reverse.put(keyOf(reverseName(address)), number, touched);
  }

  #drop(number: InterfaceNumber, record: RecordView, touched: Trace): void {
    const name = record.interface;
    const owned = (claim: NameClaim) => 'owner' in claim && claim.owner === number;
    this.#remove(lower(record.domain), owned, touched);
    for (const callName of record.callNames) this.#remove(lower(callName), owned, touched);
    for (const { label } of record.applications)
      this.#leave('application', applicationName(label), number, name, touched);
    for (const service of record.services) {
      const { browsing, instance } = dnsSdNames(record.instance, service);
      this.#remove(instance, owned, touched);
      this.#leave('browsing', browsing, number, name, touched);
      if (this.#group('browsing', browsing) === undefined) this.#leaveServices(service, touched);
    }
    for (const address of record.addresses) {
      const key = keyOf(reverseName(address));
      const node = this.#reverse.find(key);
      // a newer owner may have come in front of this change
      if (node !== 0 && this.#reverse.value(node) === number) this.#reverse.delete(key, touched);
    }
  }

  #first(value: number): NameClaim | undefined {
    if (value === 0) return undefined;
    return value < 0 ? this.#lists[-value]?.[0] : ownedOf(value);
  }

  #claims(value: number): readonly NameClaim[] {
    if (value === 0) return [];
    return value < 0 ? (this.#lists[-value] ?? []) : [ownedOf(value)];
  }

  #claimsAt(name: Prefix): readonly NameClaim[] {
    const node = this.#index.find(name);
    return node === 0 ? [] : this.#claims(this.#index.value(node));
  }

  #add(name: Prefix, claim: NameClaim, touched: Trace): void {
    const node = this.#index.find(name);
    // nearly every name has one owner
    if ('owner' in claim && (node === 0 || this.#index.value(node) === 0)) {
      if (claim.kind === 'domain') this.#leads.set(claim.owner, 1);
      this.#index.put(name, ownedValue(claim), touched);
      return;
    }
    this.#put(
      name,
      [...this.#claimsAt(name), claim].sort((a, b) => RANK[a.kind] - RANK[b.kind]),
      touched,
    );
  }

  #remove(name: Prefix, gone: (claim: NameClaim) => boolean, touched: Trace): void {
    this.#put(
      name,
      this.#claimsAt(name).filter((claim) => !gone(claim)),
      touched,
    );
  }

  #put(name: Prefix, claims: readonly NameClaim[], touched: Trace): void {
    const node = this.#index.find(name);
    const before = node === 0 ? 0 : this.#index.value(node);
    const [only] = claims;
    for (const claim of this.#claims(before)) if (claim.kind === 'domain') this.#leads.set(claim.owner, 0);
    if (only?.kind === 'domain') this.#leads.set(only.owner, 1);
    if (before < 0) {
      this.#lists[-before] = [];
      this.#freeLists.push(-before);
    }
    if (only === undefined) this.#index.delete(name, touched);
    else if (claims.length === 1 && 'owner' in only) this.#index.put(name, ownedValue(only), touched);
    else {
      const list = this.#freeLists.pop() ?? this.#lists.length;
      this.#lists[list] = claims;
      this.#index.put(name, -list, touched);
    }
  }

  #group(kind: GroupKind, name: Prefix): Group | undefined {
    return this.#claimsAt(name).find((claim): claim is Group => claim.kind === kind);
  }

  #join(
    kind: 'application' | 'browsing',
    name: Prefix,
    number: InterfaceNumber,
    text: string,
    touched: Trace,
  ): void {
    touched(this.#factOf(name));
    const existing = this.#group(kind, name);
    const group = existing ?? {
      kind,
      members: new MemberSet((member) => this.#view(member)?.interface ?? ''),
    };
    if (!(group.members instanceof MemberSet)) return;
    const before = this.#beyond(group);
    group.members.add(number, text);
    this.#leftOut += this.#beyond(group) - before;
    if (existing === undefined) this.#add(name, group, touched);
  }

  #services(touched: Trace): Sample<Prefix> {
    touched(this.#factOf(SERVICES));
    const existing = this.#group('services', SERVICES)?.members;
    if (existing instanceof Sample) return existing;
    const members = new Sample<Prefix>();
    this.#add(SERVICES, { kind: 'services', members }, touched);
    return members;
  }

  #leave(
    kind: 'application' | 'browsing',
    name: Prefix,
    number: InterfaceNumber,
    text: string,
    touched: Trace,
  ): void {
    const group = this.#group(kind, name);
    if (!(group?.members instanceof MemberSet)) return;
    const before = this.#beyond(group);
    group.members.delete(number, text);
    this.#leftOut += this.#beyond(group) - before;
    this.#leftGroup(name, group, touched);
  }

  #leaveServices(service: Octets, touched: Trace): void {
    const group = this.#group('services', SERVICES);
    if (!(group?.members instanceof Sample)) return;
    group.members.delete(service);
    this.#leftGroup(SERVICES, group, touched);
  }

  #leftGroup(name: Prefix, group: Group, touched: Trace): void {
    touched(this.#factOf(name));
    if (group.members.size === 0) this.#remove(name, (claim) => claim === group, touched);
  }

  #factOf(name: Prefix): Fact {
    this.#index.look(name);
    return this.#index.fact(0);
  }
}

function ownedOf(value: number): Owned {
  const kind = KINDS[value & (2 ** KIND_BITS - 1)] ?? 'call';
  return { kind, owner: value >>> KIND_BITS };
}

function ownedValue({ kind, owner }: Owned): number {
  return (owner << KIND_BITS) | KINDS.indexOf(kind);
}

function isInterfaces(members: readonly Prefix[] | readonly InterfaceNumber[]): members is InterfaceNumber[] {
  return typeof members[0] === 'number';
}

const UNDERSCORE = 0x5f;
const HYPHEN = 0x2d;
const VER = 0x766572;
const GRP = 0x677270;

function isBase(claim: NameClaim): claim is Owned {
  return claim.kind === 'domain' || claim.kind === 'call' || claim.kind === 'itself';
}

/** The same look at the octets of a name. */
export function mayBeDerivedAt(name: Uint8Array, end: number): boolean {
  for (let at = 0; at < end; at++) {
    const octet = name[at] as number;
    if (octet === UNDERSCORE) return true;
    if (octet !== HYPHEN || at < 3) continue;
    const before =
      ((name[at - 3] as number) << 16) | ((name[at - 2] as number) << 8) | (name[at - 1] as number);
    if (before === VER || before === GRP) return true;
  }
  return false;
}

/** Derived names have a label `_…`, `ver-…` or `grp-…`; a cheap look that may say yes in vain. */
function mayBeDerived(name: Prefix): boolean {
  return name.includes('_') || name.includes('ver-') || name.includes('grp-');
}

function lower(name: Prefix): Prefix {
  return keyOf(name as string as NameKey) as string as Prefix;
}

/** `user-center.app` */
export function applicationName(label: Octets): Prefix {
  return (labelOf(label) + APPLICATIONS) as Prefix;
}

function labelOf(label: Octets): Prefix {
  return prefixOf(label) ?? ('' as Prefix);
}

/** `_dubbo._tcp`, the interface as one label in front of it, and that label as written. */
function dnsSdNames(
  instance: Octets,
  service: Octets,
): { readonly browsing: Prefix; readonly instance: Prefix; readonly label: Prefix } {
  const browsing = (labelOf(service) + TCP) as Prefix;
  const label = labelOf(instance);
  return { browsing, instance: (lower(label) + browsing) as Prefix, label };
}

/** The second label of a DNS-SD instance. */
function serviceOf(name: Prefix): Octets {
  const at = name.charCodeAt(0) + 1;
  return name.slice(at + 1, at + 1 + name.charCodeAt(at)) as Octets;
}

/** @param name the application's */
function applicationNode(
  members: readonly RecordView[],
  name: Prefix,
  ttl: number,
  maxRecords: number,
): ZoneNode {
  const label = name.slice(1, name.charCodeAt(0) + 1);
  const parts = members.flatMap(({ applications }) => applications.filter((part) => part.label === label));
  const addresses = [...new Set(parts.flatMap((part) => part.addresses))];
  const failure =
    addresses.length > 0 ? undefined : parts.find((part) => part.failure !== undefined)?.failure;
  const rrsets = addressRRsets(addresses, ttl);
  return nodeOf(
    rrsets.map((rrset) => ({ ...rrset, rdatas: rrset.rdatas.slice(0, maxRecords) })),
    failure,
  );
}
