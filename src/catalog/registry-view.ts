import { FewMap, MultiMap } from '../multi-map.ts';
import { type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import type { Endpoint, Registration } from '../registry/registration.ts';
import { endpointText, unite } from './merge.ts';

export interface ViewOptions {
  /** how long a service without registration is remembered, counted while the registry is live */
  readonly forgetAfterMs: number;
  /** how long a mass disappearance is not believed */
  readonly distrustForMs: number;
}

/** A disappearance is massive when within this time … */
const DISTRUST_WINDOW_MS = 10_000;
/** … at least so many entries, and more than half of all, are gone. */
const DISTRUST_MIN_ENTRIES = 100;

/** What one registry says, or said, of one service. */
interface Slot {
  /** by unit; mostly there is one */
  readonly live: FewMap<string, Registration>;
  /** the last registration, without endpoints, once `live` is empty */
  last: Registration | undefined;
  /** the view's live clock when `live` became empty */
  goneAt: number | undefined;
}

/** As kept in the store. */
interface SlotBody {
  readonly live: readonly (readonly [unit: string, registration: Registration])[];
  readonly last?: Registration;
  readonly goneAt?: number;
}

interface Departure {
  readonly at: number;
  readonly key: string;
  readonly registration: Registration;
  /** undefined stands for an entry that is a registration without endpoints */
  readonly endpoint: Endpoint | undefined;
}

/**
 * One registry's registrations by service: what it says now, what it is not believed to have lost (`distrustFor`), and
 * what is remembered after it went (`forgetAfter`).
 */
export class RegistryView {
  readonly #options: ViewOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #byInterface = new MultiMap<InterfaceName, string>();
  /** keys in each unit */
  readonly #units = new MultiMap<string, string>();
  readonly #gone = new Set<string>();
  #entries = 0;
  /** departures of the last 10 s by entry; while distrusting, those that are held */
  readonly #departures = new Map<string, Departure>();
  /** the same entries by service */
  readonly #departedOf = new Map<string, Set<string>>();
  #distrustUntil: number | undefined;
  /** milliseconds for which the registry has been live, over restarts: what `forgetAfter` counts */
  #liveMs = 0;
  #liveSince: number | undefined;
  /** services whose stored snapshot is outdated */
  readonly outdated = new Set<string>();

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  get services(): number {
    return this.#slots.size;
  }

  /** Registered instances, and registrations without any. */
  get entries(): number {
    return this.#entries;
  }

  get distrusting(): boolean {
    return this.#distrustUntil !== undefined;
  }

  /** Entries that are gone but still answered because their disappearance is not believed yet. */
  get held(): number {
    return this.#distrustUntil === undefined ? 0 : this.#departures.size;
  }

  liveMs(now: number): number {
    return this.#liveMs + (this.#liveSince === undefined ? 0 : now - this.#liveSince);
  }

  /** Only a live registry's silence says that something is gone. */
  setLive(live: boolean, now: number): void {
    this.#liveMs = this.liveMs(now);
    this.#liveSince = live ? now : undefined;
  }

  /** Takes over what a former process stored. */
  restore(bodies: Iterable<string>, liveMs: number): void {
    this.#liveMs = liveMs;
    const parsed = [...bodies].map((text) => JSON.parse(text) as SlotBody);
    // remembered services in the order of their going
    for (const body of parsed.sort((a, b) => (a.goneAt ?? 0) - (b.goneAt ?? 0))) {
      const any = body.live[0]?.[1] ?? body.last;
      if (any === undefined) continue;
      const key = serviceKeyText(any);
      const slot = this.#slot(key, any.interface);
      for (const [unit, registration] of body.live) {
        slot.live.set(unit, registration);
        this.#units.add(unit, key);
        this.#entries += entriesOf(registration).length;
      }
      if (body.live.length === 0) {
        slot.last = body.last;
        slot.goneAt = body.goneAt;
        this.#gone.add(key);
      }
    }
  }

  bodyOf(key: string): string | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    const body: SlotBody = {
      live: [...slot.live],
      ...(slot.last === undefined ? {} : { last: slot.last }),
      ...(slot.goneAt === undefined ? {} : { goneAt: slot.goneAt }),
    };
    return JSON.stringify(body);
  }

  /** @returns interfaces about which something changed */
  replace(units: ReadonlyMap<string, readonly Registration[]>, now: number): Set<InterfaceName> {
    const changed = new Set<InterfaceName>();
    for (const unit of [...this.#units.keys()]) if (!units.has(unit)) this.#apply(unit, [], now, changed);
    for (const [unit, registrations] of units) this.#apply(unit, registrations, now, changed);
    this.#judge(now, changed);
    this.#settle(now, changed);
    return changed;
  }

  /** @returns interfaces about which something changed */
  update(unit: string, registrations: readonly Registration[], now: number): Set<InterfaceName> {
    const changed = new Set<InterfaceName>();
    this.#apply(unit, registrations, now, changed);
    this.#judge(now, changed);
    this.#settle(now, changed);
    return changed;
  }

  /** Believes what was held long enough, forgets what is gone long enough. @returns interfaces that changed */
  tick(now: number): Set<InterfaceName> {
    const changed = new Set<InterfaceName>();
    this.#settle(now, changed);
    return changed;
  }

  #settle(now: number, changed: Set<InterfaceName>): void {
    if (this.#distrustUntil !== undefined && now >= this.#distrustUntil) {
      for (const { registration } of this.#departures.values()) changed.add(registration.interface);
      this.#distrustUntil = undefined;
      this.#departures.clear();
      this.#departedOf.clear();
    }
    if (this.#distrustUntil === undefined) this.#dropOldDepartures(now);
    const liveMs = this.liveMs(now);
    for (const key of this.#gone) {
      const slot = this.#slots.get(key);
      // in the order of going: the first that is too young ends the search
      if (slot?.goneAt === undefined || liveMs - slot.goneAt < this.#options.forgetAfterMs) break;
      if (this.#isHeld(key)) continue;
      this.#remove(key, slot, changed);
    }
  }

  /** What the registry says of an interface, service by service; remembered ones without endpoints. */
  registrationsOf(name: InterfaceName): Map<string, Registration[]> {
    const found = new Map<string, Registration[]>();
    for (const key of this.#byInterface.get(name)) {
      const slot = this.#slots.get(key);
      if (slot === undefined) continue;
      const units = [...slot.live]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, registration]) => registration);
      const registrations = units.length > 0 ? units : slot.last === undefined ? [] : [slot.last];
      const held = this.#heldEndpoints(key);
      const [first] = registrations;
      if (first === undefined) continue;
      if (held.length > 0) registrations[0] = { ...first, endpoints: unite([...first.endpoints, ...held]) };
      found.set(key, registrations);
    }
    return found;
  }

  /** Whether something of the service went a moment ago, so that it may yet be held. */
  isUnsettled(key: string): boolean {
    return this.#departedOf.has(key);
  }

  /** Whether the registry only remembers the service. */
  isRemembered(key: string): boolean {
    return this.#gone.has(key);
  }

  interfaces(): IterableIterator<InterfaceName> {
    return this.#byInterface.keys();
  }

  #apply(
    unit: string,
    registrations: readonly Registration[],
    now: number,
    changed: Set<InterfaceName>,
  ): void {
    const before = [...this.#units.get(unit)];
    const after = new Map<string, Registration>();
    for (const registration of registrations) {
      const key = serviceKeyText(registration);
      const same = after.get(key);
      // one unit may register a service more than once (two protocols): one registration with all endpoints
      const endpoints = same && unite([...same.endpoints, ...registration.endpoints]);
      after.set(key, same === undefined ? registration : { ...same, endpoints: endpoints ?? [] });
    }
    for (const key of before) if (!after.has(key)) this.#put(unit, key, undefined, now, changed);
    for (const [key, registration] of after) this.#put(unit, key, registration, now, changed);
    this.#units.deleteAll(unit);
    for (const key of after.keys()) this.#units.add(unit, key);
  }

  #put(
    unit: string,
    key: string,
    registration: Registration | undefined,
    now: number,
    changed: Set<InterfaceName>,
  ): void {
    const old = this.#slots.get(key)?.live.get(unit);
    if (JSON.stringify(old) === JSON.stringify(registration)) return;
    const name = (registration ?? old)?.interface;
    if (name === undefined) return;
    this.#noteDepartures(key, old, registration, now);
    this.#entries += entriesOf(registration).length - entriesOf(old).length;
    changed.add(name);
    this.outdated.add(key);
    const slot = this.#slot(key, name);
    if (registration !== undefined) {
      slot.live.set(unit, registration);
      slot.last = undefined;
      slot.goneAt = undefined;
      this.#gone.delete(key);
      return;
    }
    slot.live.delete(unit);
    if (slot.live.size > 0 || old === undefined) return;
    slot.last = { ...old, endpoints: [] };
    slot.goneAt = this.liveMs(now);
    this.#gone.add(key);
  }

  #remove(key: string, slot: Slot, changed: Set<InterfaceName>): void {
    const name = (slot.last ?? [...slot.live][0]?.[1])?.interface;
    this.#slots.delete(key);
    this.#gone.delete(key);
    this.outdated.add(key);
    if (name === undefined) return;
    changed.add(name);
    this.#byInterface.delete(name, key);
  }

  #noteDepartures(
    key: string,
    old: Registration | undefined,
    next: Registration | undefined,
    now: number,
  ): void {
    if (this.#options.distrustForMs === 0) return;
    const present = new Set(entriesOf(next).map(entryText));
    for (const text of present) this.#forgetDeparture(`${key} ${text}`);
    if (old === undefined) return;
    for (const endpoint of entriesOf(old)) {
      const text = entryText(endpoint);
      if (present.has(text)) continue;
      const entry = `${key} ${text}`;
      this.#departures.set(entry, { at: now, key, registration: old, endpoint });
      const departed = this.#departedOf.get(key);
      if (departed === undefined) this.#departedOf.set(key, new Set([entry]));
      else departed.add(entry);
    }
  }

  #forgetDeparture(entry: string): void {
    const departure = this.#departures.get(entry);
    if (departure === undefined) return;
    this.#departures.delete(entry);
    const departed = this.#departedOf.get(departure.key);
    departed?.delete(entry);
    if (departed?.size === 0) this.#departedOf.delete(departure.key);
  }

  /** Decides whether what departed within the window is too much to be believed. */
  #judge(now: number, changed: Set<InterfaceName>): void {
    if (this.#distrustUntil !== undefined) return;
    this.#dropOldDepartures(now);
    const departed = this.#departures.size;
    if (departed < DISTRUST_MIN_ENTRIES || departed * 2 <= this.#entries + departed) return;
    this.#distrustUntil = now + this.#options.distrustForMs;
    for (const { key, registration } of this.#departures.values()) {
      changed.add(registration.interface);
      this.#recall(key, registration, now);
    }
  }

  /** A service that was forgotten at once, before its going turned out to be part of a mass disappearance. */
  #recall(key: string, registration: Registration, now: number): void {
    if (this.#slots.has(key)) return;
    const slot = this.#slot(key, registration.interface);
    slot.last = { ...registration, endpoints: [] };
    slot.goneAt = this.liveMs(now);
    this.#gone.add(key);
    this.outdated.add(key);
  }

  #dropOldDepartures(now: number): void {
    for (const [entry, departure] of this.#departures) {
      if (now - departure.at < DISTRUST_WINDOW_MS) return;
      this.#forgetDeparture(entry);
    }
  }

  #isHeld(key: string): boolean {
    return this.#distrustUntil !== undefined && this.#departedOf.has(key);
  }

  #heldEndpoints(key: string): Endpoint[] {
    if (this.#distrustUntil === undefined) return [];
    const entries = [...(this.#departedOf.get(key) ?? [])];
    return entries.flatMap((entry) => this.#departures.get(entry)?.endpoint ?? []);
  }

  #slot(key: string, name: InterfaceName): Slot {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot: Slot = { live: new FewMap(), last: undefined, goneAt: undefined };
    this.#slots.set(key, slot);
    this.#byInterface.add(name, key);
    return slot;
  }
}

function entriesOf(registration: Registration | undefined): readonly (Endpoint | undefined)[] {
  if (registration === undefined) return [];
  return registration.endpoints.length === 0 ? [undefined] : registration.endpoints;
}

function entryText(endpoint: Endpoint | undefined): string {
  return endpoint === undefined ? '' : endpointText(endpoint);
}
