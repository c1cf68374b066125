import type { InterfaceName } from '../name/interface-name.ts';
import type { Endpoint, Registration } from '../registry/registration.ts';
import { endpointText } from './endpoint-sets.ts';

/** A disappearance is massive when within this time … */
const DISTRUST_WINDOW_MS = 10_000;
/** … at least so many entries, and more than half of all, are gone. */
const DISTRUST_MIN_ENTRIES = 100;

/** A service of which something went a moment ago. */
export interface Departed {
  /** as it was before */
  readonly registration: Registration;
  /** when, on the registry's live clock in milliseconds; of a former process perhaps */
  readonly goneAt: number;
}

interface Departure extends Departed {
  readonly at: number;
  readonly interface: InterfaceName;
  /** Dubbo's service key */
  readonly key: string;
  /** undefined stands for an entry that is a registration without endpoints */
  readonly endpoint: Endpoint | undefined;
}

/**
 * What left a registry a moment ago, entry by entry, and whether it is believed. It is not when it is too much (`distrustFor`),
 * nor while the registry settles (`settleFor`): some come back empty in good faith, until their clients have come back too.
 * Then all of it is held until the time is over, or until somebody says that it is true.
 */
export class Departures {
  #distrustForMs: number;
  /** of the last 10 s by entry; while distrusting, those that are held */
  readonly #entries = new Map<string, Departure>();
  readonly #byService = new Map<string, Set<string>>();
  /** keys of services of which something went, by interface */
  readonly #keys = new Map<InterfaceName, Set<string>>();
  /** until when a mass disappearance is not believed, Unix milliseconds */
  #distrustUntil: number | undefined;
  /** until when nothing that goes is believed, Unix milliseconds; for ever while the registry is away */
  #settleUntil: number | undefined;

  constructor(distrustForMs: number) {
    this.#distrustForMs = distrustForMs;
  }

  setDistrustFor(distrustForMs: number): void {
    this.#distrustForMs = distrustForMs;
  }

  /** Whether a mass disappearance is not believed. */
  get distrusting(): boolean {
    return this.#distrustUntil !== undefined;
  }

  get isSettling(): boolean {
    return this.#settleUntil !== undefined;
  }

  /** Whether what goes is held, for either reason. */
  get isHolding(): boolean {
    return this.distrusting || this.isSettling;
  }

  /** Until when, Unix milliseconds; undefined: nothing is held, or nobody knows. */
  get until(): number | undefined {
    const until = this.#settleUntil ?? this.#distrustUntil;
    return until === Number.POSITIVE_INFINITY ? undefined : until;
  }

  /** The registry is away, or is read for the first time since a former process: what goes before it has settled is held. */
  unsettle(): void {
    if (!this.isHolding) this.#clear();
    this.#settleUntil = Number.POSITIVE_INFINITY;
  }

  /** The registry is there again: it has until then to settle. */
  settleUntil(until: number): void {
    if (this.#settleUntil === Number.POSITIVE_INFINITY) this.#settleUntil = until;
  }

  /** When the first of what went a moment ago is past doubt, Unix milliseconds; undefined when nothing went. */
  get settlesAt(): number | undefined {
    const [first] = this.#entries.values();
    return first === undefined ? undefined : first.at + DISTRUST_WINDOW_MS;
  }

  get held(): number {
    return this.isHolding ? this.#entries.size : 0;
  }

  /**
   * A registration became another; one that comes or goes has none before or after.
   *
   * @param goneAt when, on the registry's live clock in milliseconds
   */
  note(
    name: InterfaceName,
    key: string,
    old: Registration | undefined,
    next: Registration | undefined,
    now: number,
    goneAt: number,
  ): void {
    if (this.#distrustForMs === 0 && !this.isSettling) return;
    if (old === undefined && this.#entries.size === 0) return;
    const present = new Set(entriesOf(next).map(entryText));
    if (this.#byService.has(key)) for (const text of present) this.#forget(`${key} ${text}`);
    if (old === undefined) return;
    for (const endpoint of entriesOf(old)) {
      const text = entryText(endpoint);
      if (present.has(text)) continue;
      this.#add(`${key} ${text}`, { at: now, goneAt, interface: name, key, registration: old, endpoint });
    }
  }

  /**
   * Decides whether what departed within the window is too much.
   *
   * @param entries what the registry still has
   * @param recall is told all that is held from now on
   */
  judge(
    now: number,
    entries: number,
    recall: (name: InterfaceName, registration: Registration) => void,
  ): void {
    if (this.isHolding) return;
    this.#dropOld(now);
    if (!this.#isMass(entries)) return;
    this.#distrustUntil = now + this.#distrustForMs;
    for (const { interface: name, registration } of this.#entries.values()) recall(name, registration);
  }

  /**
   * @param entries what the registry still has
   * @param changed gets the interfaces whose departures are believed now
   */
  settle(now: number, entries: number, changed: Set<InterfaceName>): void {
    if (this.#settleUntil !== undefined && now >= this.#settleUntil) this.#endSettling(now, entries, changed);
    if (this.isSettling) return;
    if (this.#distrustUntil !== undefined && now >= this.#distrustUntil) this.believe(changed);
    if (!this.isHolding) this.#dropOld(now);
  }

  /** What has not come back is gone; but too much of it is doubted as long as any mass is. */
  #endSettling(now: number, entries: number, changed: Set<InterfaceName>): void {
    this.#settleUntil = undefined;
    if (this.distrusting) return;
    const [first] = this.#entries.values();
    const until = (first?.at ?? now) + this.#distrustForMs;
    if (until > now && this.#isMass(entries)) this.#distrustUntil = until;
    else this.believe(changed);
  }

  #isMass(entries: number): boolean {
    const departed = this.#entries.size;
    return departed >= DISTRUST_MIN_ENTRIES && departed * 2 > entries + departed;
  }

  /** What is gone is gone. */
  believe(changed: Set<InterfaceName>): void {
    for (const { interface: name } of this.#entries.values()) changed.add(name);
    this.#distrustUntil = undefined;
    this.#settleUntil = undefined;
    this.#clear();
  }

  #clear(): void {
    this.#entries.clear();
    this.#byService.clear();
    this.#keys.clear();
  }

  isUnsettled(name: InterfaceName): boolean {
    return this.#keys.has(name);
  }

  isHeld(name: InterfaceName): boolean {
    return this.isHolding && this.#keys.has(name);
  }

  heldOf(key: string): Endpoint[] {
    return this.isHolding ? this.departedOf(key) : [];
  }

  /** Endpoints of a service that went a moment ago, or are held. */
  departedOf(key: string): Endpoint[] {
    const texts = [...(this.#byService.get(key) ?? [])];
    return texts.flatMap((text) => this.#entries.get(text)?.endpoint ?? []);
  }

  /** Services of an interface of which something went a moment ago. */
  servicesOf(name: InterfaceName): Map<string, Departed> {
    const services = new Map<string, Departed>();
    for (const key of this.#keys.get(name) ?? []) {
      const [entry = ''] = this.#byService.get(key) ?? [];
      const departure = this.#entries.get(entry);
      if (departure !== undefined) services.set(key, departure);
    }
    return services;
  }

  #add(entry: string, departure: Departure): void {
    this.#forget(entry);
    const { key, interface: name } = departure;
    this.#entries.set(entry, departure);
    const texts = this.#byService.get(key);
    if (texts === undefined) this.#byService.set(key, new Set([entry]));
    else texts.add(entry);
    const keys = this.#keys.get(name);
    if (keys === undefined) this.#keys.set(name, new Set([key]));
    else keys.add(key);
  }

  #forget(entry: string): void {
    const departure = this.#entries.get(entry);
    if (departure === undefined) return;
    const { key, interface: name } = departure;
    this.#entries.delete(entry);
    const texts = this.#byService.get(key);
    texts?.delete(entry);
    if (texts !== undefined && texts.size > 0) return;
    this.#byService.delete(key);
    const keys = this.#keys.get(name);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(name);
  }

  #dropOld(now: number): void {
    for (const [entry, departure] of this.#entries) {
      if (now - departure.at < DISTRUST_WINDOW_MS) return;
      this.#forget(entry);
    }
  }
}

function entriesOf(registration: Registration | undefined): readonly (Endpoint | undefined)[] {
  if (registration === undefined) return [];
  return registration.endpoints.length === 0 ? [undefined] : registration.endpoints;
}

function entryText(endpoint: Endpoint | undefined): string {
  return endpoint === undefined ? '' : endpointText(endpoint);
}
