import { setImmediate as nextTurn } from 'node:timers/promises';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import { packed } from '../none.ts';
import type { ForeignRows, Ledger } from '../vip/ledger.ts';
import type { StaticNames } from '../zone/static-names.ts';
import type { Known, Source } from './catalog-types.ts';
import { type Refusal, settleClaims, settlePlainName } from './claims.ts';
import type { ClusterIndex } from './cluster-index.ts';
import { conflictsOf } from './conflicts.ts';
import { leadOf, type Placed } from './entry.ts';
import { claimNames, type InterfaceNames, type NamingOptions } from './interface-names.ts';
import { type Contribution, type Merged, mergeContributions } from './merge.ts';
import { NameBook } from './name-book.ts';
import type { Placer } from './placer.ts';

/** Between two turns of the event loop so many interfaces are worked on. */
const CHUNK = 500;

/** What is decided of an interface that has a name. */
export interface Decision {
  readonly names: InterfaceNames;
  readonly placed: readonly Placed[];
  /** for people, occluded names included */
  readonly conflicts: readonly string[];
  /** how many names static records hide */
  readonly occluded: number;
}

export interface DeciderParts {
  readonly sources: readonly Source[];
  readonly ledger: Ledger;
  readonly placer: Placer;
  readonly clusters: ClusterIndex;
  readonly naming: NamingOptions;
  /** Unix milliseconds */
  readonly now: () => number;
}

export interface DeciderHooks {
  /** what is published of an interface */
  readonly known: (name: InterfaceName) => Known | undefined;
  readonly refused: (name: InterfaceName, refusal: Refusal) => void;
  /** a decision that was put off is due */
  readonly due: (name: InterfaceName) => void;
}

/**
 * Decides interface by interface: who may name it, what its registries say together, which addresses and which names it
 * gets. The decisions stand in ledger, placer and book; recording and publishing them is the catalogue's.
 */
export class Decider {
  readonly book = new NameBook();
  /** what Kubernetes objects may not name, by interface */
  readonly refusals = new Map<InterfaceName, readonly Refusal[]>();
  statics: StaticNames;
  readonly #parts: DeciderParts;
  readonly #hooks: DeciderHooks;
  #refused = 0;
  /** first decisions that wait for an EndpointSlice: until when */
  readonly #waiting = new Map<InterfaceName, NodeJS.Timeout>();
  /** interfaces that another replica has recorded as answered */
  readonly #heldElsewhere = new Set<InterfaceName>();
  #keysAtStart: Map<InterfaceName, ServiceKey[]> | undefined;
  #stopped = false;

  constructor(parts: DeciderParts, hooks: DeciderHooks, statics: StaticNames) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.statics = statics;
  }

  /** Refusals, over all interfaces. */
  get refused(): number {
    return this.#refused;
  }

  /** Another process that shares the store wrote these rows. */
  heard({ addresses, services }: ForeignRows): void {
    for (const { owner, retiredAt } of addresses) {
      if (retiredAt === null) this.#heldElsewhere.add(owner.interface);
      else this.#heldElsewhere.delete(owner.interface);
    }
    for (const { key, retiredAt } of services) if (retiredAt === null) this.#heldElsewhere.add(key.interface);
  }

  /** Nothing that was put off becomes due any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#waiting.values()) clearTimeout(timer);
  }

  /** Decides these interfaces, the older ones first, and those that lose or get a name by it. */
  async decide(
    dirty: ReadonlySet<InterfaceName>,
    decided: Map<InterfaceName, Decision | undefined>,
  ): Promise<void> {
    const ordinal = (name: InterfaceName) => this.#parts.ledger.ordinalOf(name) ?? Number.MAX_SAFE_INTEGER;
    const byAge = (a: InterfaceName, b: InterfaceName) => ordinal(a) - ordinal(b) || (a < b ? -1 : 1);
    let queue = [...dirty].sort(byAge);
    for (let done = 0; queue.length > 0; ) {
      for (const name of queue) {
        decided.set(name, this.#decideOne(name));
        if (++done % CHUNK === 0) await nextTurn();
      }
      queue = [...this.book.takeAffected()].sort(byAge);
    }
  }

  /** @returns undefined when the interface is gone */
  #decideOne(name: InterfaceName): Decision | undefined {
    const now = this.#parts.now();
    const services = this.#servicesOf(name);
    const refusals: Refusal[] = [];
    const settled = [...services.values()].map((contributions) =>
      settleClaims(contributions, this.#parts.placer.ownership, this.#parts.placer.mayNotPin),
    );
    const merged = settlePlainName(settled).flatMap((one) => {
      refusals.push(...one.refusals);
      return one.kept.length === 0 ? [] : mergeContributions(one.kept);
    });
    const ready = merged.filter((one) => {
      const until = this.#parts.placer.waitsUntil(one, now);
      if (until !== undefined) this.#decideAgain(name, until - now);
      return until === undefined;
    });
    // another replica answers what this one does not see, or not yet: to retire it here would be undone there, for ever
    if (ready.length === 0 && this.#hooks.known(name) === undefined && this.#heldElsewhere.has(name)) {
      this.#watch(name, merged);
      this.#noteRefusals(name, refusals);
      return undefined;
    }
    const answered = new Set(ready.map(({ key }) => serviceKeyText(key)));
    for (const key of this.#knownKeys(name)) {
      if (answered.has(serviceKeyText(key))) continue;
      this.#parts.ledger.forget(key, now);
      this.#parts.placer.forget(key);
    }
    const seen = ready
      .map((one) => ({ merged: one, ordinal: this.#parts.ledger.see(one.key, now) }))
      .sort(
        (a, b) =>
          a.ordinal - b.ordinal || (serviceKeyText(a.merged.key) < serviceKeyText(b.merged.key) ? -1 : 1),
      );
    if (seen.length === 0) {
      this.#retireAllBut(name, new Set(), now);
      this.book.release(name);
      this.#watch(name, merged);
      this.#noteRefusals(name, refusals);
      return undefined;
    }
    const { placed, owners, refusals: unjoined } = this.#parts.placer.place(name, seen, now);
    refusals.push(...unjoined);
    this.#retireAllBut(name, owners, now);
    this.#watch(name, merged);
    this.#noteRefusals(name, refusals);
    const lead = leadOf(placed).merged;
    const values = { ...lead, interface: name, group: lead.key.group };
    const names = claimNames(
      this.book,
      name,
      this.#parts.ledger.ordinalOf(name) ?? 0,
      values,
      this.#parts.naming,
    );
    const occluded = [names.domain, ...names.callNames].flatMap((base) => this.statics.lossesOf(base));
    return {
      names,
      placed,
      occluded: occluded.length,
      conflicts: packed([...conflictsOf(names, placed, refusals), ...occluded]),
    };
  }

  #decideAgain(name: InterfaceName, ms: number): void {
    // the timer that runs is the earlier one: what it finds still waiting gets the next
    if (this.#stopped || this.#waiting.has(name)) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(name);
      this.#hooks.due(name);
    }, ms);
    this.#waiting.set(name, timer);
  }

  #watch(name: InterfaceName, merged: readonly Merged[]): void {
    if (this.#parts.clusters.clusters.length === 0) return;
    this.#parts.clusters.watch(
      name,
      merged.map((one) => this.#parts.placer.watched(one)),
    );
  }

  #noteRefusals(name: InterfaceName, refusals: readonly Refusal[]): void {
    const before = this.refusals.get(name) ?? [];
    this.#refused += refusals.length - before.length;
    if (refusals.length === 0) this.refusals.delete(name);
    else this.refusals.set(name, refusals);
    for (const refusal of refusals) {
      if (!before.some(({ text }) => text === refusal.text)) this.#hooks.refused(name, refusal);
    }
  }

  /** Contributions by service, registries in the order of the configuration. */
  #servicesOf(name: InterfaceName): Map<string, Contribution[]> {
    const services = new Map<string, Contribution[]>();
    for (const source of this.#parts.sources) {
      for (const [key, registrations] of source.view.registrationsOf(name)) {
        const contributions = registrations.map((registration) => ({
          registry: source.options.id,
          registration,
        }));
        services.set(key, [...(services.get(key) ?? []), ...contributions]);
      }
    }
    return services;
  }

  /** Services of the interface that had been published, or were in the ledger when the process started. */
  #knownKeys(name: InterfaceName): ServiceKey[] {
    const known = this.#hooks.known(name);
    if (known !== undefined) return known.placed.map((one) => one.merged.key);
    return this.#ledgerKeys().get(name) ?? [];
  }

  #ledgerKeys(): Map<InterfaceName, ServiceKey[]> {
    if (this.#keysAtStart === undefined) {
      this.#keysAtStart = new Map();
      for (const { key } of this.#parts.ledger.services()) {
        const keys = this.#keysAtStart.get(key.interface);
        if (keys === undefined) this.#keysAtStart.set(key.interface, [key]);
        else keys.push(key);
      }
    }
    return this.#keysAtStart;
  }

  #retireAllBut(name: InterfaceName, owners: ReadonlySet<string>, now: number): void {
    const candidates: ServiceKey[] = [{ interface: name, version: '', group: '' }, ...this.#knownKeys(name)];
    for (const key of candidates) if (!owners.has(serviceKeyText(key))) this.#parts.ledger.retire(key, now);
  }
}
