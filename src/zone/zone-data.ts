import { type DomainName, keyOf, labelsAbove, type NameKey, parentOf, ROOT } from '../name/domain-name.ts';
import { ArenaReader, type BlobAt } from '../packed/arena.ts';
import { NameHash } from './name-hash.ts';
import { NameIndex } from './name-index.ts';
import type { RRset } from './record.ts';
import type { InterfaceNumber, NamesOptions } from './registry-names.ts';
import { RegistryNames } from './registry-names.ts';
import { SoaSection } from './soa-section.ts';
import { negativeTtl, StaticZone, soaSerial, withSerial } from './static-zone.ts';
import { TYPE } from './types.ts';
import { EMPTY_NON_TERMINAL, type Trace, type Zone, type ZoneNode, type Zones } from './zone.ts';

/** What names a zone takes besides its static records. */
export type ZoneRole = 'static' | 'registry' | 'reverse';

/** How many zones are below a name. */
interface ZonesBelow {
  count: number;
}

const nothing = () => {};

/**
 * The zone data of the query line: the one place where both lines meet. Queries read it as {@link Zones}; only change
 * sets write it, on the same thread, between two queries.
 */
export class ZoneData implements Zones {
  /** where the records of interfaces rest */
  readonly arena = new ArenaReader();
  /** for whoever looks for names by their octets; by the seed of all indexes here */
  readonly hash: NameHash;
  readonly seed: number;
  readonly #zones = new Map<NameKey, LiveZone>();
  /** apexes below the root, each the number of its zone in the list */
  readonly #apexes: NameIndex;
  readonly #numbered: (LiveZone | undefined)[] = [undefined];
  readonly #freeNumbers: number[] = [];
  readonly #below = new Map<NameKey, ZonesBelow>();
  #root: LiveZone | undefined;
  /** by {@link zoneAt}: most questions are of one zone */
  #lastFound: LiveZone | undefined;
  #names: RegistryNames;
  #ready = false;

  /** @param seed any number, best one that nobody knows; see `NameHash` */
  constructor(options: NamesOptions, seed: number) {
    this.seed = seed;
    this.hash = new NameHash(seed);
    this.#apexes = new NameIndex(ROOT, seed);
    this.#names = new RegistryNames(options, this.arena, seed);
  }

  /** A zone to be filled and put. */
  zoneBeside(apex: DomainName): StaticZone {
    return new StaticZone(apex, this.seed, this.#zones.get(keyOf(apex))?.statics);
  }

  /** Names of registries to be filled and switched to. */
  namesBeside(options: NamesOptions): RegistryNames {
    return new RegistryNames(options, this.arena, this.seed, this.#names);
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

  /**
   * The same by the octets of a name.
   *
   * @param lower the lower-cased name, of so many octets
   * @param starts where its labels begin, without the root
   */
  zoneAt(lower: Uint8Array, starts: Uint8Array, labels: number, length: number): LiveZone | undefined {
    const last = this.#lastFound;
    if (last?.isClosest(lower, starts, labels, length) === true) return last;
    const { hash } = this;
    let found = this.#root;
    let from = length - 1;
    hash.reset();
    for (let label = labels - 1; label >= 0; label--) {
      const start = starts[label] as number;
      hash.extend(lower, start, from);
      const node = this.#apexes.at(hash);
      if (node === 0) break;
      const number = this.#apexes.value(node);
      if (number !== 0) found = this.#numbered[number];
      from = start;
    }
    this.#lastFound = found;
    return found;
  }

  zoneAbove(name: NameKey): LiveZone | undefined {
    return name.length <= 1 ? undefined : this.zoneOf(name.slice(name.charCodeAt(0) + 1) as NameKey);
  }

  zones(): IterableIterator<LiveZone> {
    return this.#zones.values();
  }

  /** Puts or replaces a zone; the names of registries in it stay as they are. */
  putZone(statics: StaticZone, role: ZoneRole, serial: number): void {
    const { apexKey } = statics;
    this.#lastFound = undefined;
    const below = this.#belowOf(apexKey);
    const zone = new LiveZone(this, statics, statics.signed ? 'static' : role, serial, below);
    if (!this.#zones.has(apexKey)) this.#countBelow(apexKey, 1);
    this.#zones.set(apexKey, zone);
    if (apexKey === ROOT) {
      this.#root = zone;
      return;
    }
    const node = this.#apexes.find(apexKey);
    const known = node === 0 ? 0 : this.#apexes.value(node);
    const number = known !== 0 ? known : (this.#freeNumbers.pop() ?? this.#numbered.length);
    this.#numbered[number] = zone;
    this.#apexes.put(apexKey, number, nothing);
  }

  removeZone(apex: NameKey): void {
    if (!this.#zones.delete(apex)) return;
    this.#lastFound = undefined;
    this.#countBelow(apex, -1);
    if (apex === ROOT) {
      this.#root = undefined;
      return;
    }
    const number = this.#apexes.value(this.#apexes.find(apex));
    this.#apexes.delete(apex, nothing);
    this.#numbered[number] = undefined;
    this.#freeNumbers.push(number);
  }

  #belowOf(name: NameKey): ZonesBelow {
    const known = this.#below.get(name);
    if (known !== undefined) return known;
    const below = { count: 0 };
    this.#below.set(name, below);
    return below;
  }

  #countBelow(apex: NameKey, change: 1 | -1): void {
    for (let above = parentOf(apex); above !== undefined; above = parentOf(above))
      this.#belowOf(above).count += change;
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
  /** of {@link apex} */
  readonly apexOctets: Uint8Array;
  /** of {@link apexKey} */
  readonly #lowerApex: Uint8Array;
  readonly #apexLabels: number;
  readonly role: ZoneRole;
  readonly statics: StaticZone;
  readonly #data: ZoneData;
  readonly #below: ZonesBelow;
  /** the SOA record of its negative answers, but for the serial */
  readonly negative: SoaSection;
  #soa: RRset;
  /** by itself, so that who goes by it keeps nothing of the zone */
  readonly current: { serial: number };

  constructor(data: ZoneData, statics: StaticZone, role: ZoneRole, serial: number, below: ZonesBelow) {
    const soa = statics.find(statics.apexKey)?.get(TYPE.SOA);
    if (soa === undefined) throw new Error('a zone without SOA');
    this.apex = statics.apex;
    this.apexKey = statics.apexKey;
    this.apexOctets = Uint8Array.from(Buffer.from(statics.apex, 'latin1'));
    this.#lowerApex = Uint8Array.from(Buffer.from(statics.apexKey, 'latin1'));
    let labels = 0;
    for (let at = 0; at < this.apexKey.length - 1; at += this.apexKey.charCodeAt(at) + 1) labels++;
    this.#apexLabels = labels;
    this.role = role;
    this.statics = statics;
    this.#data = data;
    this.current = { serial: role === 'static' ? soaSerial(soa) : serial };
    this.#soa = withSerial(soa, this.current.serial);
    this.#below = below;
    this.negative = new SoaSection(statics.apex, soa, negativeTtl(soa));
    statics.close();
  }

  /** Whether a name below the apex may belong to another zone. */
  get hasZonesBelow(): boolean {
    return this.#below.count > 0;
  }

  /** Whether the name is in this zone, and could be in none below it; see `ZoneData.zoneAt`. */
  isClosest(lower: Uint8Array, starts: Uint8Array, labels: number, length: number): boolean {
    const apex = this.#lowerApex;
    const at = length - apex.length;
    const first = labels - this.#apexLabels;
    if (this.#below.count > 0 || first < 0) return false;
    // where its labels begin, one has to begin; the root has none
    if (this.#apexLabels > 0 && starts[first] !== at) return false;
    for (let i = apex.length - 1; i >= 0; i--) if (apex[i] !== lower[at + i]) return false;
    return true;
  }

  get soa(): RRset {
    return this.#soa;
  }

  get serial(): number {
    return this.current.serial;
  }

  set serial(serial: number) {
    if (this.role === 'static') return;
    this.current.serial = serial;
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
