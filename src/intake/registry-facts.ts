import { hostPortText } from '../name/address.ts';
import { type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import type { InterfaceNumbers } from '../name/interface-numbers.ts';
import { Arena, type BlobAt } from '../packed/arena.ts';
import { int32Column, uint32Column } from '../packed/column.ts';
import { cut } from '../packed/linked.ts';
import { OctetReader } from '../packed/octet-reader.ts';
import { OctetWriter } from '../packed/octet-writer.ts';
import type { Endpoint, Registration } from '../registry/registration.ts';
import { type Departed, Departures } from './departures.ts';
import { type EndpointSets, unite, writeEndpoints } from './endpoint-sets.ts';
import { readRegistration, writeRegistration } from './registration-codec.ts';
import { readStored, type StoredRegistration, writeStored } from './stored-row.ts';

export interface FactsOptions {
  /** how long a service without registration is remembered, counted while the registry is live */
  readonly forgetAfterMs: number;
  /** how long a mass disappearance is not believed */
  readonly distrustForMs: number;
  /** how long after it came back nothing that is gone is believed to be */
  readonly settleForMs: number;
}

/** What all registries share. */
export interface FactsMemory {
  readonly names: InterfaceNumbers;
  readonly sets: EndpointSets;
}

/** Number of a row; 0 stands for none. */
type Row = number;

/** While a mass disappearance is doubted it is looked so often whether something else can be forgotten. */
const HELD_PAUSE_MS = 1000;

/** Of what is held, in stored rows. */
const HELD_UNIT = '';

const NO_CHANGE: ReadonlySet<InterfaceName> = new Set();
const NO_OCTETS = new Uint8Array(0);

/**
 * One registry's registrations: what it says now, what it is not believed to have lost (`distrustFor`), and what is
 * remembered after it went (`forgetAfter`). A registration is a row of numbers and one blob, whose octets are those that
 * are stored.
 */
export class RegistryFacts {
  #options: FactsOptions;
  readonly #names: InterfaceNumbers;
  readonly #sets: EndpointSets;
  readonly #arena = new Arena(false);
  readonly #writer = new OctetWriter();
  readonly #reader = new OctetReader();
  // rows: the blob is a registration behind the set of its endpoints
  readonly #blobs = uint32Column();
  readonly #owners = int32Column();
  /** 0: remembered, in no unit any more */
  readonly #unitOf = int32Column();
  readonly #nextOfUnit = int32Column();
  readonly #nextOfOwner = int32Column();
  #highestRow = 0;
  #firstFreeRow: Row = 0;
  readonly #firstOfOwner = int32Column();
  // units: what the registry changes as one
  readonly #unitNumbers = new Map<string, number>();
  readonly #unitNames: string[] = [''];
  readonly #freeUnits: number[] = [];
  readonly #firstOfUnit = int32Column();
  /** the complete delivery that a unit was last part of */
  readonly #roundOf = uint32Column();
  #round = 0;
  #interfaces = 0;
  #entries = 0;
  /** remembered rows and when they went, on the registry's live clock; in the order of their going */
  readonly #gone = new Map<Row, number>();
  readonly #departures: Departures;
  /** milliseconds for which the registry has been live, over restarts: what `forgetAfter` counts */
  #liveMs = 0;
  #liveSince: number | undefined;
  /** interfaces whose stored rows are outdated */
  readonly outdated = new Set<InterfaceName>();
  /** interfaces whose stored rows say that something may have to be doubted yet */
  readonly #doubtful = new Set<InterfaceName>();
  /** those of them that were stored again, as they were before their going, since it turned out to be doubted */
  readonly #storedAsHeld = new Set<InterfaceName>();
  /** what a former process could not believe yet to be gone: its first complete delivery decides */
  #restoredDepartures: Departed[] = [];

  constructor(options: FactsOptions, { names, sets }: FactsMemory) {
    this.#options = options;
    this.#names = names;
    this.#sets = sets;
    this.#departures = new Departures(options.distrustForMs);
  }

  /** Interfaces that it says or remembers something of. */
  get interfaces(): number {
    return this.#interfaces;
  }

  /** Registered instances, and registrations without any. */
  get entries(): number {
    return this.#entries;
  }

  /** Whether a mass disappearance is not believed. */
  get distrusting(): boolean {
    return this.#departures.distrusting;
  }

  /** Whether nothing that is gone is believed to be, since it came back a moment ago or is away. */
  get isSettling(): boolean {
    return this.#departures.isSettling;
  }

  /** Entries that are gone but still answered because their disappearance is not believed yet. */
  get held(): number {
    return this.#departures.held;
  }

  /** Until when entries are held, Unix milliseconds; undefined when none are, or while the registry is away. */
  get heldUntil(): number | undefined {
    return this.#departures.until;
  }

  /** Of a changed configuration. */
  setOptions(options: FactsOptions): void {
    this.#options = options;
    this.#departures.setDistrustFor(options.distrustForMs);
  }

  /** The registry is not configured any more: what it holds of shared memory is given back. */
  clear(): void {
    for (const name of new Set(this.interfaceNames())) {
      for (const row of [...this.#rowsOf(this.#names.find(name))]) {
        this.#gone.delete(row);
        this.#removeRow(row);
      }
    }
    this.#unitNumbers.clear();
    this.#doubtful.clear();
    this.#storedAsHeld.clear();
    this.#restoredDepartures = [];
    this.#entries = 0;
  }

  liveMs(now: number): number {
    return this.#liveMs + (this.#liveSince === undefined ? 0 : now - this.#liveSince);
  }

  /** Only a live registry's silence says that something is gone. */
  setLive(live: boolean, now: number): void {
    this.#liveMs = this.liveMs(now);
    this.#liveSince = live ? now : undefined;
    if (live) this.#departures.settleUntil(now + this.#options.settleForMs);
    else if (this.#options.settleForMs > 0 && this.#interfaces > 0) this.#departures.unsettle();
  }

  /** When {@link tick} has something to do next, Unix milliseconds. */
  wakeAt(now: number): number | undefined {
    // what is past doubt can be stored, and what was held long enough goes
    const { isHolding, until, settlesAt } = this.#departures;
    const settled = isHolding ? until : settlesAt;
    const [first] = this.#gone.values();
    if (first === undefined || this.#liveSince === undefined) return settled;
    const forget = now + Math.max(0, first + this.#options.forgetAfterMs - this.liveMs(now));
    if (settled === undefined) return forget;
    // what is due and still here is held: it is not looked for all the time
    const next = isHolding ? Math.max(forget, now + HELD_PAUSE_MS) : forget;
    return Math.min(settled, next);
  }

  /** All registrations of one unit. @returns interfaces about which something changed */
  update(unit: string, registrations: readonly Registration[], now: number): ReadonlySet<InterfaceName> {
    const changed = new Set<InterfaceName>();
    this.#apply(unit, registrations, now, changed);
    this.#departures.judge(now, this.#entries, (name, registration) =>
      this.#recall(name, registration, now, changed),
    );
    this.#settle(now, changed);
    return changed;
  }

  /** The complete delivery that began last. */
  get round(): number {
    return this.#round;
  }

  /** A complete delivery begins; one that was not ended is forgotten. What it puts counts at once. @returns its number */
  begin(): number {
    return ++this.#round;
  }

  /** One unit of a complete delivery. @returns interfaces about which something changed */
  put(unit: string, registrations: readonly Registration[], now: number): ReadonlySet<InterfaceName> {
    const changed = new Set<InterfaceName>();
    this.#apply(unit, registrations, now, changed);
    this.keep(unit);
    return changed.size === 0 ? NO_CHANGE : changed;
  }

  /** One unit of a complete delivery of which nothing is said: what it was stays. */
  keep(unit: string): void {
    const number = this.#unitNumbers.get(unit);
    if (number !== undefined) this.#roundOf.set(number, this.#round);
  }

  /** The delivery is complete: units that were not put are gone. @returns interfaces about which something changed */
  end(now: number): ReadonlySet<InterfaceName> {
    const changed = new Set<InterfaceName>();
    for (const [unit, number] of this.#unitNumbers) {
      if (this.#roundOf.get(number) !== this.#round) this.#apply(unit, [], now, changed);
    }
    for (const { registration, goneAt } of this.#restoredDepartures) {
      const [name, key] = [registration.interface, serviceKeyText(registration)];
      // its going counts with what went since; what is there again did not go
      if (!this.#isLive(name, key)) this.#departures.note(name, key, registration, undefined, now, goneAt);
    }
    this.#restoredDepartures = [];
    this.#departures.judge(now, this.#entries, (name, registration) =>
      this.#recall(name, registration, now, changed),
    );
    this.#settle(now, changed);
    return changed;
  }

  /** Believes what was held long enough, forgets what is gone long enough. @returns interfaces that changed */
  tick(now: number): ReadonlySet<InterfaceName> {
    const changed = new Set<InterfaceName>();
    this.#settle(now, changed);
    return changed;
  }

  /** An operator says that what is gone is gone. @returns interfaces that changed */
  accept(now: number): ReadonlySet<InterfaceName> {
    const changed = new Set<InterfaceName>();
    this.#departures.believe(changed);
    this.#settle(now, changed);
    return changed;
  }

  /** What the registry says of an interface, service by service; remembered ones without endpoints. */
  registrationsOf(name: InterfaceName): Map<string, Registration[]> {
    const found = new Map<string, Registration[]>();
    const rows = [...this.#rowsOf(this.#names.find(name))];
    // in the order of units, whatever the order of their coming
    if (rows.length > 1) rows.sort((a, b) => (this.#unitName(a) < this.#unitName(b) ? -1 : 1));
    for (const row of rows) {
      const registration = this.#read(row, name);
      const key = serviceKeyText(registration);
      const others = found.get(key);
      if (others === undefined) found.set(key, [registration]);
      else others.push(registration);
    }
    if (!this.#departures.isHeld(name)) return found;
    for (const [key, registrations] of found) {
      const [first] = registrations;
      const held = this.#departures.heldOf(key);
      if (first === undefined || held.length === 0) continue;
      registrations[0] = { ...first, endpoints: unite([...first.endpoints, ...held]) };
    }
    return found;
  }

  /** The set of the endpoints of the only registration of an interface; undefined when there are several or held ones. */
  onlySetOf(name: InterfaceName): BlobAt | undefined {
    const row = this.#firstOfOwner.get(this.#names.find(name));
    if (row === 0 || this.#nextOfOwner.get(row) !== 0 || this.#departures.isHeld(name)) return undefined;
    return this.#setOf(row);
  }

  /** Distinct endpoints that it says, whatever their protocol. */
  endpoints(): Endpoint[] {
    const found = new Map<string, Endpoint>();
    for (const set of new Set(this.#liveRows().map((row) => this.#setOf(row)))) {
      for (const endpoint of this.#sets.read(set)) found.set(hostPortText(endpoint), endpoint);
    }
    return [...found.values()];
  }

  /** Interfaces that have one of these endpoints. */
  interfacesWith(isWanted: (endpoint: Endpoint) => boolean): Set<InterfaceName> {
    const sets = new Map<BlobAt, boolean>();
    const has = (set: BlobAt) => {
      const known = sets.get(set) ?? this.#sets.read(set).some(isWanted);
      sets.set(set, known);
      return known;
    };
    const names = new Set<InterfaceName>();
    for (const row of this.#liveRows()) {
      if (has(this.#setOf(row))) names.add(this.#names.nameOf(this.#owners.get(row)));
    }
    return names;
  }

  *#liveRows(): Generator<Row> {
    for (const unit of this.#unitNumbers.values()) yield* this.#rowsOfUnit(unit);
  }

  has(name: InterfaceName): boolean {
    return this.#firstOfOwner.get(this.#names.find(name)) !== 0;
  }

  /** Whether the registry only remembers the service. */
  isRemembered(name: InterfaceName, key: string): boolean {
    for (const row of this.#rowsOf(this.#names.find(name))) {
      if (this.#gone.has(row) && serviceKeyText(this.#read(row, name)) === key) return true;
    }
    return false;
  }

  /** Whether something of the interface went a moment ago, so that it may yet be held. */
  isUnsettled(name: InterfaceName): boolean {
    return this.#departures.isUnsettled(name);
  }

  *interfaceNames(): Generator<InterfaceName> {
    for (const number of this.#unitNumbers.values()) {
      for (let row = this.#firstOfUnit.get(number); row !== 0; row = this.#nextOfUnit.get(row)) {
        yield this.#names.nameOf(this.#owners.get(row));
      }
    }
    for (const row of this.#gone.keys()) yield this.#names.nameOf(this.#owners.get(row));
  }

  /**
   * Interfaces whose rows can be stored now. What may turn out to be part of a mass disappearance waits, since a restart
   * must be able to doubt it too; a service of which nothing is left does not: its rest begins with its going, not with
   * each restart.
   */
  *storable(): Generator<InterfaceName> {
    for (const name of this.outdated) if (!this.isUnsettled(name) || this.#hasLeft(name)) yield name;
    for (const name of this.#doubtful) {
      if (this.#departures.isHeld(name)) {
        if (!this.#storedAsHeld.has(name)) yield name;
      } else if (!this.isUnsettled(name) && !this.outdated.has(name)) yield name;
    }
  }

  /** Whether a row that is stored will have to be stored again though nothing happens. */
  get isStoredInDoubt(): boolean {
    return this.#doubtful.size > 0;
  }

  /** Whether time that is recorded lets something be forgotten sooner after a restart. */
  get isRemembering(): boolean {
    return this.#gone.size > 0 && this.#liveSince !== undefined;
  }

  /** What is stored of an interface, from now on; undefined when nothing is known of it. */
  storedRow(name: InterfaceName): Uint8Array | undefined {
    // a restart that answers what is held has to know of it, and doubts it anew
    if (this.#departures.isHeld(name) && this.#doubtful.has(name)) return this.#storedAsBefore(name);
    this.outdated.delete(name);
    this.#storedAsHeld.delete(name);
    const doubtful = this.#doubtfulServices(name);
    if (doubtful.size > 0) this.#doubtful.add(name);
    else this.#doubtful.delete(name);
    const stored: StoredRegistration[] = [];
    for (const row of this.#rowsOf(this.#names.find(name))) {
      const key = doubtful.size === 0 ? '' : serviceKeyText(this.#read(row, name));
      const old = doubtful.get(key);
      const goneAt = this.#gone.get(row);
      // each service is doubted once, whatever it is registered in
      doubtful.delete(key);
      if (old === undefined) stored.push(this.#storedAsItIs(row, goneAt));
      else if (goneAt === undefined) {
        const endpoints = unite([...this.#read(row, name).endpoints, ...this.#departures.departedOf(key)]);
        stored.push({ ...this.#storedAsItIs(row, goneAt), endpoints: this.#setOctets(endpoints) });
      } else stored.push(this.#storedInDoubt(key, old));
    }
    for (const [key, old] of doubtful) stored.push(this.#storedInDoubt(key, old));
    return stored.length === 0 ? undefined : writeStored(this.#writer, stored);
  }

  /** As if nothing had gone: what is held is in a unit that no delivery names. */
  #storedAsBefore(name: InterfaceName): Uint8Array {
    this.#storedAsHeld.add(name);
    const held = this.#departures.servicesOf(name);
    const stored: StoredRegistration[] = [];
    for (const row of this.#rowsOf(this.#names.find(name))) {
      const goneAt = this.#gone.get(row);
      if (goneAt === undefined || !held.has(serviceKeyText(this.#read(row, name))))
        stored.push(this.#storedAsItIs(row, goneAt));
    }
    for (const [key, departed] of held) {
      if (this.#isLive(name, key)) continue;
      const { body, endpoints } = this.#storedInDoubt(key, departed);
      stored.push({ unit: HELD_UNIT, body, endpoints });
    }
    return writeStored(this.#writer, stored);
  }

  /** Services of which something went a moment ago; none while it is doubted: then a restart knows nothing of their going. */
  #doubtfulServices(name: InterfaceName): Map<string, Departed> {
    return this.#departures.isHolding ? new Map() : this.#departures.servicesOf(name);
  }

  /** Whether a service of it went a moment ago and is registered nowhere any more. */
  #hasLeft(name: InterfaceName): boolean {
    return this.#doubtfulServices(name)
      .keys()
      .some((key) => !this.#isLive(name, key));
  }

  #isLive(name: InterfaceName, key: string): boolean {
    for (const row of this.#rowsOf(this.#names.find(name))) {
      if (!this.#gone.has(row) && serviceKeyText(this.#read(row, name)) === key) return true;
    }
    return false;
  }

  #storedAsItIs(row: Row, goneAt: number | undefined): StoredRegistration {
    const set = this.#setOf(row);
    return {
      ...(goneAt === undefined ? { unit: this.#unitName(row) } : { goneAt }),
      body: this.#arena.view(this.#blobs.get(row)).subarray(4),
      endpoints: set === 0 ? NO_OCTETS : this.#sets.octetsOf(set),
    };
  }

  #storedInDoubt(key: string, { registration, goneAt }: Departed): StoredRegistration {
    this.#writer.reset();
    writeRegistration(this.#writer, registration);
    const body = Uint8Array.from(this.#writer.octets);
    return { goneAt, isDoubtful: true, body, endpoints: this.#setOctets(this.#departures.departedOf(key)) };
  }

  #setOctets(endpoints: readonly Endpoint[]): Uint8Array {
    if (endpoints.length === 0) return NO_OCTETS;
    writeEndpoints(this.#writer, endpoints);
    return Uint8Array.from(this.#writer.octets);
  }

  /** Takes over what a former process stored of one interface. */
  restore(name: InterfaceName, stored: Uint8Array): void {
    const owner = this.#names.of(name);
    for (const { unit, goneAt = 0, isDoubtful = false, body, endpoints } of readStored(stored)) {
      if (isDoubtful) this.#restoreDeparture(name, goneAt, body, endpoints);
      const set = endpoints.length === 0 || isDoubtful ? 0 : this.#sets.holdOctets(endpoints);
      this.#writer.reset();
      this.#writer.u32(set);
      this.#writer.bytes(body);
      const row = this.#addRow(owner, this.#arena.put(this.#writer.octets));
      if (unit === undefined) this.#gone.set(row, goneAt);
      else {
        this.#link(row, this.#unitNumber(unit));
        this.#entries += entriesIn(this.#sets.read(set));
      }
    }
  }

  #restoreDeparture(name: InterfaceName, goneAt: number, body: Uint8Array, endpoints: Uint8Array): void {
    const set = endpoints.length === 0 ? 0 : this.#sets.holdOctets(endpoints);
    this.#reader.octets = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#reader.at = 0;
    const registration = {
      ...readRegistration(this.#reader, name),
      interface: name,
      endpoints: this.#sets.read(set),
    };
    this.#sets.release(set);
    this.#doubtful.add(name);
    this.#restoredDepartures.push({ registration, goneAt });
  }

  /** All stored rows were taken over. */
  restored(liveMs: number): void {
    this.#liveMs = liveMs;
    // remembered ones in the order of their going
    const gone = [...this.#gone].sort(([, a], [, b]) => a - b);
    this.#gone.clear();
    for (const [row, goneAt] of gone) {
      if (liveMs - goneAt < this.#options.forgetAfterMs) this.#gone.set(row, goneAt);
      else {
        // its time was over before this process began: it must not come back for a moment
        this.outdated.add(this.#names.nameOf(this.#owners.get(row)));
        this.#removeRow(row);
      }
    }
  }

  #settle(now: number, changed: Set<InterfaceName>): void {
    this.#departures.settle(now, this.#entries, changed);
    const liveMs = this.liveMs(now);
    for (const [row, goneAt] of this.#gone) {
      // in the order of going: the first that is too young ends the search
      if (liveMs - goneAt < this.#options.forgetAfterMs) break;
      const name = this.#names.nameOf(this.#owners.get(row));
      if (this.#departures.isHeld(name)) continue;
      this.#gone.delete(row);
      this.#removeRow(row);
      changed.add(name);
      this.outdated.add(name);
    }
  }

  #apply(
    unit: string,
    registrations: readonly Registration[],
    now: number,
    changed: Set<InterfaceName>,
  ): void {
    const number = this.#unitNumbers.get(unit);
    if (number === undefined && registrations.length === 0) return;
    const wanted = mergedByService(registrations);
    const before: Row[] = [];
    if (number !== undefined) for (const row of this.#rowsOfUnit(number)) before.push(row);
    for (const row of before) {
      const name = this.#names.nameOf(this.#owners.get(row));
      const registration = takeSame(wanted, this.#read(row, name));
      if (registration === undefined) this.#leave(row, name, now, changed);
      else this.#replaceRow(row, registration, now, changed);
    }
    for (const registration of wanted) this.#enter(unit, registration, now, changed);
    this.#dropEmptyUnit(unit);
  }

  #enter(unit: string, registration: Registration, now: number, changed: Set<InterfaceName>): void {
    const name = registration.interface;
    const owner = this.#names.of(name);
    const key = serviceKeyText(registration);
    this.#departures.note(name, key, undefined, registration, now, this.liveMs(now));
    // a service that returns is remembered no longer
    for (const row of [...this.#rowsOf(owner)]) {
      if (!this.#gone.has(row) || serviceKeyText(this.#read(row, name)) !== key) continue;
      this.#gone.delete(row);
      this.#removeRow(row);
    }
    const row = this.#addRow(owner, this.#arena.put(this.#octetsOf(registration)));
    this.#link(row, this.#unitNumber(unit));
    this.#entries += entriesIn(registration.endpoints);
    changed.add(name);
    this.outdated.add(name);
  }

  #replaceRow(row: Row, registration: Registration, now: number, changed: Set<InterfaceName>): void {
    const name = registration.interface;
    const octets = this.#octetsOf(registration);
    const blob = this.#blobs.get(row);
    const set = octets.readUInt32LE(0);
    if (this.#arena.equals(blob, octets)) {
      this.#sets.release(set);
      return;
    }
    const old = this.#read(row, name);
    this.#departures.note(name, serviceKeyText(registration), old, registration, now, this.liveMs(now));
    this.#entries += entriesIn(registration.endpoints) - entriesIn(old.endpoints);
    this.#sets.release(this.#setOf(row));
    this.#arena.free(blob);
    this.#blobs.set(row, this.#arena.put(octets));
    changed.add(name);
    this.outdated.add(name);
  }

  #leave(row: Row, name: InterfaceName, now: number, changed: Set<InterfaceName>): void {
    const old = this.#read(row, name);
    const key = serviceKeyText(old);
    this.#departures.note(name, key, old, undefined, now, this.liveMs(now));
    this.#entries -= entriesIn(old.endpoints);
    changed.add(name);
    this.outdated.add(name);
    this.#unlink(row);
    const isElsewhere = [...this.#rowsOf(this.#owners.get(row))].some((other) => {
      return other !== row && !this.#gone.has(other) && serviceKeyText(this.#read(other, name)) === key;
    });
    if (isElsewhere) this.#removeRow(row);
    else this.#remember(row, old, now);
  }

  /** The last registration of a service, without endpoints. */
  #remember(row: Row, registration: Registration, now: number): void {
    this.#sets.release(this.#setOf(row));
    this.#arena.free(this.#blobs.get(row));
    this.#blobs.set(row, this.#arena.put(this.#octetsOf({ ...registration, endpoints: [] })));
    this.#gone.set(row, this.liveMs(now));
  }

  /** A service that was forgotten at once, before its going turned out to be part of a mass disappearance. */
  #recall(name: InterfaceName, registration: Registration, now: number, changed: Set<InterfaceName>): void {
    changed.add(name);
    const owner = this.#names.of(name);
    const key = serviceKeyText(registration);
    for (const row of this.#rowsOf(owner)) if (serviceKeyText(this.#read(row, name)) === key) return;
    const row = this.#addRow(owner, this.#arena.put(this.#octetsOf({ ...registration, endpoints: [] })));
    this.#gone.set(row, this.liveMs(now));
    this.outdated.add(name);
  }

  /** Holds the registration's set of endpoints. */
  #octetsOf(registration: Registration): Buffer {
    const set = this.#sets.hold(registration.endpoints);
    this.#writer.reset();
    this.#writer.u32(set);
    writeRegistration(this.#writer, registration);
    return this.#writer.octets;
  }

  #read(row: Row, name: InterfaceName): Registration {
    this.#arena.open(this.#blobs.get(row), this.#reader);
    const set = this.#reader.u32();
    const body = readRegistration(this.#reader, name);
    return { ...body, interface: name, endpoints: this.#sets.read(set) };
  }

  #setOf(row: Row): BlobAt {
    this.#arena.open(this.#blobs.get(row), this.#reader);
    return this.#reader.u32();
  }

  *#rowsOf(owner: number): Generator<Row> {
    for (let row = this.#firstOfOwner.get(owner); row !== 0; row = this.#nextOfOwner.get(row)) yield row;
  }

  *#rowsOfUnit(unit: number): Generator<Row> {
    for (let row = this.#firstOfUnit.get(unit); row !== 0; row = this.#nextOfUnit.get(row)) yield row;
  }

  #addRow(owner: number, blob: BlobAt): Row {
    const row = this.#firstFreeRow === 0 ? ++this.#highestRow : this.#firstFreeRow;
    if (this.#firstFreeRow !== 0) this.#firstFreeRow = this.#nextOfOwner.get(row);
    const first = this.#firstOfOwner.get(owner);
    if (first === 0) this.#interfaces++;
    this.#blobs.set(row, blob);
    this.#owners.set(row, owner);
    this.#unitOf.set(row, 0);
    this.#nextOfUnit.set(row, 0);
    this.#nextOfOwner.set(row, first);
    this.#firstOfOwner.set(owner, row);
    return row;
  }

  /** The row is in no unit any more. */
  #removeRow(row: Row): void {
    if (this.#unitOf.get(row) !== 0) this.#unlink(row);
    this.#sets.release(this.#setOf(row));
    this.#arena.free(this.#blobs.get(row));
    const owner = this.#owners.get(row);
    cut(row, this.#firstOfOwner, owner, this.#nextOfOwner);
    if (this.#firstOfOwner.get(owner) === 0) this.#interfaces--;
    this.#nextOfOwner.set(row, this.#firstFreeRow);
    this.#firstFreeRow = row;
  }

  #link(row: Row, unit: number): void {
    this.#unitOf.set(row, unit);
    this.#nextOfUnit.set(row, this.#firstOfUnit.get(unit));
    this.#firstOfUnit.set(unit, row);
  }

  #unlink(row: Row): void {
    cut(row, this.#firstOfUnit, this.#unitOf.get(row), this.#nextOfUnit);
    this.#unitOf.set(row, 0);
  }

  #unitName(row: Row): string {
    return this.#unitNames[this.#unitOf.get(row)] ?? '';
  }

  #unitNumber(unit: string): number {
    const known = this.#unitNumbers.get(unit);
    if (known !== undefined) return known;
    const number = this.#freeUnits.pop() ?? this.#unitNames.length;
    this.#unitNumbers.set(unit, number);
    this.#unitNames[number] = unit;
    this.#roundOf.set(number, this.#round);
    return number;
  }

  #dropEmptyUnit(unit: string): void {
    const number = this.#unitNumbers.get(unit);
    if (number === undefined || this.#firstOfUnit.get(number) !== 0) return;
    this.#unitNumbers.delete(unit);
    this.#unitNames[number] = '';
    this.#freeUnits.push(number);
  }
}

/** One unit may register a service more than once (two protocols): one registration with all endpoints. */
function mergedByService(registrations: readonly Registration[]): Registration[] {
  if (registrations.length < 2) return [...registrations];
  const byKey = new Map<string, Registration>();
  for (const registration of registrations) {
    const key = serviceKeyText(registration);
    const same = byKey.get(key);
    const endpoints = same && unite([...same.endpoints, ...registration.endpoints]);
    byKey.set(key, same === undefined ? registration : { ...same, endpoints: endpoints ?? [] });
  }
  return [...byKey.values()];
}

/** Takes the registration of the same service out of the list. */
function takeSame(
  wanted: Registration[],
  { interface: name, version, group }: Registration,
): Registration | undefined {
  const at = wanted.findIndex(
    (one) => one.interface === name && one.version === version && one.group === group,
  );
  return at < 0 ? undefined : wanted.splice(at, 1)[0];
}

function entriesIn(endpoints: readonly Endpoint[]): number {
  return Math.max(1, endpoints.length);
}
