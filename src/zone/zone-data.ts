import { type DomainName, labelsAbove, type NameKey } from '../name/domain-name.ts';
import { ArenaReader, type BlobAt } from '../packed/arena.ts';
import type { RRset } from './record.ts';
import type { InterfaceNumber, NamesOptions } from './registry-names.ts';
import { RegistryNames } from './registry-names.ts';
import { type StaticZone, soaSerial, withSerial } from './static-zone.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, type Trace, type Zone, type ZoneNode, type Zones } from './zone.ts';

/** What names a zone takes besides its static records. */
export type ZoneRole = 'static' | 'registry' | 'reverse';

/**
 * The zone data of the query line: the one place where both lines meet. Queries read it as {@link Zones}; only change
 * sets write it, on the same thread, between two queries.
 */
export class ZoneData implements Zones {
  /** where the records of interfaces rest */
  readonly arena = new ArenaReader();
  readonly #seed: number;
  readonly #zones = new Map<NameKey, LiveZone>();
  #names: RegistryNames;
  #ready = false;

  /** @param seed any number, best one that nobody knows; see `NameIndex` */
  constructor(options: NamesOptions, seed: number) {
    this.#seed = seed;
    this.#names = this.namesBeside(options);
  }

  /** Names of registries to be filled and switched to. */
  namesBeside(options: NamesOptions): RegistryNames {
    return new RegistryNames(options, this.arena, this.#seed);
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
  }

  removeZone(apex: NameKey): void {
    this.#zones.delete(apex);
  }

  /** Replaces the names of all registries at once, by ones that were built beside. */
  switchNames(names: RegistryNames): void {
    this.#names = names;
  }

  /** Puts, replaces or removes one interface. @param touched is told the facts that changed */
  setInterface(number: InterfaceNumber, at: BlobAt, touched: Trace): void {
    this.#names.set(number, at, touched);
  }
}

/** One zone: static records first, then the names that its role brings. */
export class LiveZone implements Zone {
  readonly apex: DomainName;
  readonly apexKey: NameKey;
  readonly role: ZoneRole;
  readonly statics: StaticZone;
  readonly #data: ZoneData;
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
    if (this.role === 'reverse') return this.#data.names.findReverse(name, trace);
    const below = labelsAbove(name, this.apexKey);
    return below === undefined ? undefined : this.#data.names.find(below, this.statics, trace);
  }

  #withCurrentSoa(node: ZoneNode): ZoneNode {
    return { get: (type) => (type === TYPE.SOA ? this.#soa : node.get(type)), types: () => node.types() };
  }
}
