/** What may be answered at each moment, by all that was done until then (contract 1.1 to 1.3). */
import { History } from './history.ts';
import { CHANGE_MS, type Down, Timeline } from './timeline.ts';
import {
  ALL_INTERFACES,
  FIRST_SETTINGS,
  FORGET_AFTER_MS,
  type InterfaceSpec,
  REUSE_AFTER_MS,
  type RegistryName,
  type Settings,
} from './universe.ts';

/** A name of an interface: exists while one of its providers is registered, or remembered. */
export type Form = 'plain' | 'version' | 'group';

/** What of an interface departed is stored only after so long: it might be part of a mass disappearance. */
const STORED_AFTER_MS = 14_000;
/** Clocks and rounding. */
const TOLERANCE_MS = 1_000;

class FormModel {
  readonly registered = new History(false);
  /** the live clock when it was surely known last; the same, of what the store surely holds */
  sureAt: number | undefined;
  storedSureAt: number | undefined;
}

export class InterfaceModel {
  readonly spec: InterfaceSpec;
  readonly forms: Readonly<Record<Form, FormModel>> = {
    plain: new FormModel(),
    version: new FormModel(),
    group: new FormModel(),
  };
  readonly slots: readonly History<boolean>[];
  readonly pin = new History('');
  /** when the server surely knew it without a pin; the same, of what the store surely holds */
  ownSureAt = 0;
  /** when it was surely known again, after so long that its VIP may be another's */
  restedAt = 0;
  storedOwnSureAt = 0;
  /** what the store holds is not older; 0: perhaps nothing */
  storedAt = 0;
  changedAt = 0;
  /** since when the server surely knows the last change; undefined: it may not yet */
  knownAt: number | undefined;

  constructor(spec: InterfaceSpec) {
    this.spec = spec;
    this.slots = spec.slots.map(() => new History(false));
  }

  /** A change of its providers or its pin begins. */
  begin(slots: ReadonlySet<number>, pin: string, now: number): void {
    for (const [i, slot] of this.slots.entries()) slot.begin(slots.has(i), now);
    const has = (wanted: (slot: InterfaceSpec['slots'][number]) => boolean) =>
      this.spec.slots.some((slot, i) => slots.has(i) && wanted(slot));
    this.forms.plain.registered.begin(
      has(() => true),
      now,
    );
    this.forms.version.registered.begin(
      has(({ version }) => version !== ''),
      now,
    );
    this.forms.group.registered.begin(
      has(({ group }) => group !== ''),
      now,
    );
    this.pin.begin(pin, now);
    this.changedAt = Number.POSITIVE_INFINITY;
    this.knownAt = undefined;
  }

  finish(now: number): void {
    for (const slot of this.slots) slot.finish(now);
    for (const form of Object.values(this.forms)) form.registered.finish(now);
    this.pin.finish(now);
    this.changedAt = now;
  }
}

/** Whether a name must, or may, be answered. */
export interface Expectation {
  readonly must: boolean;
  readonly may: boolean;
  /** for a violation's text */
  readonly why: string;
}

export class Model {
  readonly timeline = new Timeline();
  readonly interfaces: ReadonlyMap<string, InterfaceModel>;
  readonly settings = new History<Settings>(FIRST_SETTINGS);
  /** the longest that registries may have been live for */
  #liveMs = 0;
  #tickedAt: number | undefined;
  /** since when ZooKeeper is surely not reached, so that time does not count */
  zooKeeperAway: number | undefined;

  constructor() {
    this.interfaces = new Map(ALL_INTERFACES.map((spec) => [spec.name, new InterfaceModel(spec)]));
  }

  of(name: string): InterfaceModel {
    const found = this.interfaces.get(name);
    if (found === undefined) throw new Error(`no interface ${name}`);
    return found;
  }

  /** Notes what the server surely knows by now. */
  tick(now: number): void {
    const isAway = this.zooKeeperAway !== undefined && now - this.zooKeeperAway > 2 * TOLERANCE_MS;
    const isDown = this.timeline.isDown(now, now);
    if (!isAway && !isDown) this.#liveMs += now - (this.#tickedAt ?? now);
    this.#tickedAt = now;
    if (isDown) return;
    for (const one of this.interfaces.values()) {
      const { registry, name } = one.spec;
      const oldest = now - CHANGE_MS;
      if (!this.timeline.isHealthy(registry, name, now)) continue;
      if (one.changedAt < oldest) one.knownAt ??= now;
      const isStored =
        one.knownAt !== undefined &&
        one.knownAt < now - STORED_AFTER_MS &&
        this.timeline.storeFaultIn(now - STORED_AFTER_MS, now) === undefined;
      if (isStored) one.storedAt = now;
      for (const form of Object.values(one.forms)) {
        if (!isOnly(form.registered.between(oldest, now), true)) continue;
        form.sureAt = this.#liveMs;
        if (isStored) form.storedSureAt = this.#liveMs;
      }
      const isOwn =
        isOnly(one.forms.plain.registered.between(oldest, now), true) &&
        isOnly(one.pin.between(oldest, now), '');
      const restMs = forgetAfterOf(registry) + REUSE_AFTER_MS - TOLERANCE_MS;
      if (isOwn && now - one.ownSureAt >= restMs) one.restedAt = now;
      if (isOwn) one.ownSureAt = now;
      if (isOwn && isStored) one.storedOwnSureAt = now;
    }
  }

  /** The server is stopped or killed: what it knew and had not stored is lost. */
  serverGoes(now: number): Down {
    this.tick(now);
    const storedAt = new Map<string, number>();
    for (const [name, one] of this.interfaces) {
      storedAt.set(name, one.storedAt);
      if (one.storedAt < one.changedAt) one.knownAt = undefined;
      for (const form of Object.values(one.forms)) form.sureAt = form.storedSureAt;
      one.ownSureAt = one.storedOwnSureAt;
    }
    return this.timeline.down(now, storedAt);
  }

  /** Whether a form of an interface must or may be answered between asking and reply. */
  expectation(one: InterfaceModel, form: Form, asked: number, replied: number): Expectation {
    const { registry, name } = one.spec;
    const { registered, sureAt } = one.forms[form];
    const oldest = this.timeline.oldestView(registry, name, asked);
    const values = registered.between(oldest, replied);
    const forgetAfterMs = forgetAfterOf(registry);
    const liveMs = this.#liveMs + (replied - (this.#tickedAt ?? replied));
    const isRemembered = sureAt !== undefined && liveMs - sureAt < forgetAfterMs - TOLERANCE_MS;
    const must = isOnly(values, true) || isRemembered;
    const settled = Math.max(registered.changedAt, this.timeline.settledAt(registry));
    const isForgotten = registered.last === false && asked - CHANGE_MS > settled + forgetAfterMs;
    const may = values.has(true) || (!isForgotten && forgetAfterMs > 0 && wasEver(registered));
    const view = `view not older than ${replied - oldest} ms, registered in it: ${[...values].join(' or ')}`;
    const memory =
      sureAt === undefined ? 'never surely known' : `surely known ${liveMs - sureAt} live ms ago`;
    return { must, may, why: `${form} of ${name} (${registry}): ${view}; ${memory}` };
  }

  /** The providers that must, and those that may be listed. */
  hosts(one: InterfaceModel, asked: number, replied: number) {
    const { registry, name, slots } = one.spec;
    const oldest = this.timeline.oldestView(registry, name, asked);
    const must: string[] = [];
    const may: string[] = [];
    for (const [i, { host }] of slots.entries()) {
      const values = one.slots[i]?.between(oldest, replied) ?? new Set();
      if (isOnly(values, true)) must.push(host);
      if (values.has(true)) may.push(host);
    }
    return { must, may };
  }

  pins(one: InterfaceModel, asked: number, replied: number): Set<string> {
    const { registry, name } = one.spec;
    return one.pin.between(this.timeline.oldestView(registry, name, asked), replied);
  }

  settingsBetween(asked: number, replied: number): Settings[] {
    return [...this.settings.between(asked - CHANGE_MS, replied)];
  }
}

export function forgetAfterOf(registry: RegistryName): number {
  return registry === 'zk' ? FORGET_AFTER_MS : 0;
}

function wasEver(registered: History<boolean>): boolean {
  return registered.between(0, Number.POSITIVE_INFINITY).has(true);
}

export function isOnly<Value>(values: ReadonlySet<Value>, wanted: Value): boolean {
  return values.size === 1 && values.has(wanted);
}
