import type { Address } from '../name/address.ts';
import { type DomainName, join, keyOf, labelsAbove, type NameKey, type Prefix } from '../name/domain-name.ts';
import type { InterfaceEntry } from './interface-entry.ts';
import { NameTree } from './name-tree.ts';
import type { RRset } from './record.ts';
import type { NamesOptions } from './registry-names.ts';
import { RegistryNames } from './registry-names.ts';
import { reverseName } from './reverse.ts';
import { type StaticZone, soaSerial, withSerial } from './static-zone.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, nodeOf, type Trace, type Zone, type ZoneNode, type Zones } from './zone.ts';

/** What names a zone takes besides its static records. */
export type ZoneRole = 'static' | 'registry' | 'reverse';

const nothing = () => {};

/**
 * The zone data of the query line: the one place where both lines meet. Queries read it as {@link Zones}; only change
 * sets write it, on the same thread, between two queries.
 */
export class ZoneData implements Zones {
  readonly #zones = new Map<NameKey, LiveZone>();
  #names: RegistryNames;
  #ready = false;

  constructor(options: NamesOptions) {
    this.#names = new RegistryNames(options);
  }

  get names(): RegistryNames {
    return this.#names;
  }

  /** Whether the registries' names are known: until then a name that is missing proves nothing. */
  get ready(): boolean {
    return this.#ready;
  }

  setReady(ready: boolean): void {
    this.#ready = ready;
  }

  zoneOf(name: NameKey): LiveZone | undefined {
    for (let at = 0; at < name.length; at += name.charCodeAt(at) + 1) {
      const zone = this.#zones.get((at === 0 ? name : name.slice(at)) as NameKey);
      if (zone !== undefined) return zone;
    }
    return undefined;
  }

  zoneAbove(name: NameKey): LiveZone | undefined {
    return name.length <= 1 ? undefined : this.zoneOf(name.slice(name.charCodeAt(0) + 1) as NameKey);
  }

  zones(): IterableIterator<LiveZone> {
    return this.#zones.values();
  }

  /** Puts or replaces a zone; the names of registries in it stay as they are. */
  putZone(statics: StaticZone, role: ZoneRole, serial: number): void {
    const zone = new LiveZone(this, statics, statics.signed ? 'static' : role, serial);
    this.#zones.set(statics.apexKey, zone);
    if (zone.role === 'reverse')
      this.#names.forEachAddress((address, owner) => zone.setOwner(address, owner, nothing));
  }

  removeZone(apex: NameKey): void {
    this.#zones.delete(apex);
  }

  /** Replaces the names of all registries at once, by ones that were built beside. */
  switchNames(names: RegistryNames): void {
    this.#names = names;
    for (const zone of this.#zones.values()) zone.clearOwners();
    names.forEachAddress((address, owner) => this.#setOwner(address, owner, nothing));
  }

  /** Puts, replaces or removes one interface. @param touched is told the facts that changed */
  setInterface(name: string, text: string | undefined, touched: Trace): void {
    const { before, after } = this.#names.set(name, text, touched);
    for (const address of addressesOf(before)) this.#setOwner(address, undefined, touched, before);
    for (const address of addressesOf(after)) this.#setOwner(address, after?.domain, touched);
  }

  #setOwner(address: Address, owner: Prefix | undefined, touched: Trace, only?: InterfaceEntry): void {
    const zone = this.zoneOf(keyOf(reverseName(address)));
    if (zone?.role === 'reverse') zone.setOwner(address, owner, touched, only?.domain);
  }
}

function addressesOf(entry: InterfaceEntry | undefined): Set<Address> {
  return new Set(entry?.forms.flatMap((form) => form.addresses));
}

/** One zone: static records first, then the names that its role brings. */
export class LiveZone implements Zone {
  readonly apex: DomainName;
  readonly apexKey: NameKey;
  readonly role: ZoneRole;
  readonly statics: StaticZone;
  readonly #data: ZoneData;
  #owners: NameTree<Prefix>;
  #soa: RRset;
  #serial: number;

  constructor(data: ZoneData, statics: StaticZone, role: ZoneRole, serial: number) {
    const soa = statics.find(statics.apexKey)?.get(TYPE.SOA);
    if (soa === undefined) throw new Error('a zone without SOA');
    this.apex = statics.apex;
    this.apexKey = statics.apexKey;
    this.role = role;
    this.statics = statics;
    this.#data = data;
    this.#owners = new NameTree(statics.apexKey);
    this.#serial = role === 'static' ? soaSerial(soa) : serial;
    this.#soa = withSerial(soa, this.#serial);
  }

  get soa(): RRset {
    return this.#soa;
  }

  get serial(): number {
    return this.#serial;
  }

  set serial(serial: number) {
    if (this.role === 'static') return;
    this.#serial = serial;
    this.#soa = withSerial(this.#soa, serial);
  }

  get occludes(): boolean {
    return this.statics.occludes;
  }

  get notReady(): boolean {
    return this.role !== 'static' && !this.#data.ready;
  }

  find(name: NameKey, trace: Trace): ZoneNode | undefined {
    const own = this.statics.find(name);
    if (name === this.apexKey) return own === undefined ? undefined : this.#withCurrentSoa(own);
    if (own !== undefined && own !== EMPTY_NON_TERMINAL) return own;
    const node = this.role === 'static' ? undefined : this.#findRegistered(name, trace);
    return node ?? own;
  }

  #findRegistered(name: NameKey, trace: Trace): ZoneNode | undefined {
    if (this.role === 'reverse') {
      trace(name);
      const node = this.#owners.get(name);
      if (node === undefined) return undefined;
      if (node.value === undefined) return EMPTY_NON_TERMINAL;
      const { ttl, ptrZone } = this.#data.names.options;
      return nodeOf([{ type: TYPE.PTR, ttl, rdatas: [join(node.value, ptrZone)] }]);
    }
    const below = labelsAbove(name, this.apexKey);
    return below === undefined ? undefined : this.#data.names.find(below, this.apex, trace);
  }

  #withCurrentSoa(node: ZoneNode): ZoneNode {
    return { get: (type) => (type === TYPE.SOA ? this.#soa : node.get(type)), types: () => node.types() };
  }

  /** Which interface's structured domain the PTR of an address names. `only` guards a newer owner. */
  setOwner(address: Address, owner: Prefix | undefined, touched: Trace, only?: Prefix): void {
    const key = keyOf(reverseName(address));
    if (owner !== undefined) this.#owners.put(key, owner, touched);
    else if (only === undefined || this.#owners.get(key)?.value === only) this.#owners.delete(key, touched);
  }

  clearOwners(): void {
    this.#owners = new NameTree(this.apexKey);
  }
}
