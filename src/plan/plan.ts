import type { ClusterIndex, Watched } from '../intake/cluster-index.ts';
import type { Contribution } from '../intake/contribution.ts';
import type { Address } from '../name/address.ts';
import { isApplication } from '../name/application-name.ts';
import { labelsOf, type Prefix } from '../name/domain-name.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import type { Ownership } from '../name/ownership.ts';
import type { Template } from '../name/template.ts';
import type { Endpoint } from '../registry/registration.ts';
import { LedgerDraft } from '../vip/ledger-draft.ts';
import type { LedgerStep, LedgerView } from '../vip/ledger-rows.ts';
import { type PlacementRow, PlacementsDraft, type PlacementsView } from '../vip/placements.ts';
import type { Pool } from '../vip/pool.ts';
import type { InterfaceRecord } from '../zone/interface-record.ts';
import { applicationName } from '../zone/registry-names.ts';
import type { StaticNames } from '../zone/static-names.ts';
import type { PlannedAbout } from './about.ts';
import { ApplicationDraft, type ApplicationStep, type ApplicationsView } from './application-book.ts';
import { type Refusal, settleClaims, settlePlainName } from './claims.ts';
import { conflictsOf, labelLosses } from './conflicts.ts';
import { withZones } from './endpoint-zones.ts';
import { type Merged, mergeContributions } from './merge.ts';
import { lowered, NameDraft, type NameStep, type NameView } from './name-book.ts';
import { claimApplicationName, claimNames, type InterfaceNames } from './naming.ts';
import { outrankedBy } from './outranked.ts';
import { Placer } from './placing.ts';
import {
  applicationsOf,
  type EndpointList,
  keyOfPlaced,
  leadOf,
  type Placed,
  recordOf,
  servicesOf,
  type Vip,
} from './record.ts';

/** What is configured, of what a plan depends on. */
export interface PlanOptions {
  readonly template: Template;
  /** octets of the longest zone name */
  readonly zoneLength: number;
  /** seconds */
  readonly ttl: number;
  readonly address: 'vip' | 'endpoints';
  readonly maxRecords: number;
  readonly perVersion: boolean;
  /** of the pods of all clusters */
  readonly podBlocks: readonly Pool[];
}

/** What registries and clusters say now. */
export interface PlanFacts {
  readonly options: PlanOptions;
  /** by service, registries in the order of the configuration */
  contributionsOf(name: InterfaceName): ReadonlyMap<string, readonly Contribution[]>;
  readonly clusters: ClusterIndex;
  readonly ownership: Ownership;
  readonly statics: StaticNames;
  /** whether an endpoint takes no connections; undefined: nothing is known of any */
  readonly isRefusing: ((endpoint: Endpoint) => boolean) | undefined;
}

/** What was decided before, and holds. */
export interface Decided {
  readonly ledger: LedgerView;
  readonly placements: PlacementsView;
  readonly names: NameView;
  readonly applications: ApplicationsView;
  /** Whether a published interface has a name at these labels in front of its own. */
  derives(owner: InterfaceName, below: Prefix): boolean;
  /** services of the interface that are published; undefined when it is not */
  publishedServices(name: InterfaceName): readonly ServiceKey[] | undefined;
  /** Whether what the store says of the interface was not looked at since the start. */
  isUnconfirmed(name: InterfaceName): boolean;
  /** Whether another replica has recorded the interface as answered. */
  isHeldElsewhere(name: InterfaceName): boolean;
  /** since when the first decision about a service is put off, Unix milliseconds */
  waitingSince(service: string): number | undefined;
  /** whether the store did not take some addresses */
  readonly isWithholding: boolean;
  /** why an address may not be answered: the store did not take it */
  withheld(address: Address): string | undefined;
}

/** What an interface comes to. */
export type Outcome =
  | {
      readonly kind: 'published';
      readonly record: InterfaceRecord<EndpointList>;
      readonly about: PlannedAbout;
    }
  /** it has no name (any more) */
  | { readonly kind: 'gone' }
  /** another replica answers what this one does not see, or not yet: to retire it would be undone there, for ever */
  | { readonly kind: 'elsewhere' };

export interface Planned {
  readonly outcome: Outcome;
  readonly refusals: readonly Refusal[];
  /** facts of clusters that it hangs on */
  readonly watched: readonly Watched[];
}

/** What is to be done so that names answer what the facts say. */
export interface Plan {
  readonly interfaces: ReadonlyMap<InterfaceName, Planned>;
  readonly ledger: readonly LedgerStep[];
  readonly placements: readonly PlacementRow[];
  readonly names: readonly NameStep[];
  readonly applications: readonly ApplicationStep[];
  /** services whose first decision is put off, since when; undefined: not any more */
  readonly waiting: ReadonlyMap<string, number | undefined>;
  /** interfaces to be planned anew, and when, Unix milliseconds */
  readonly wakeAt: ReadonlyMap<InterfaceName, number>;
}

/**
 * What these interfaces come to, the older ones first, and those that lose or get a name by it. Pure: facts and decisions
 * stay as they are; the same input makes the same plan.
 *
 * @param now Unix milliseconds
 */
export function plan(facts: PlanFacts, decided: Decided, wanted: Iterable<InterfaceName>, now: number): Plan {
  return new Planning(facts, decided, now).plan(wanted);
}

/** An interface whose registrations are settled, but not placed yet. */
interface SettledInterface {
  readonly merged: readonly Merged[];
  readonly ready: readonly Merged[];
  readonly refusals: readonly Refusal[];
}

class Planning {
  readonly #facts: PlanFacts;
  readonly #decided: Decided;
  readonly #now: number;
  readonly #interfaces = new Map<InterfaceName, Planned>();
  readonly #settled = new Map<InterfaceName, SettledInterface>();
  readonly #waiting = new Map<string, number | undefined>();
  readonly #wakeAt = new Map<InterfaceName, number>();
  readonly #names: NameDraft;
  readonly #applications: ApplicationDraft;
  readonly #placements: PlacementsDraft;
  #ledger: LedgerDraft;
  #placer: Placer;

  constructor(facts: PlanFacts, decided: Decided, now: number) {
    this.#facts = facts;
    this.#decided = decided;
    this.#now = now;
    this.#names = new NameDraft(decided.names);
    this.#applications = new ApplicationDraft(decided.applications);
    this.#placements = new PlacementsDraft(decided.placements);
    this.#ledger = new LedgerDraft(decided.ledger);
    this.#placer = this.#createPlacer();
  }

  plan(wanted: Iterable<InterfaceName>): Plan {
    const first = [...new Set(wanted)];
    for (const name of first) this.#settled.set(name, this.#settle(name));
    this.#ledger = new LedgerDraft(this.#decided.ledger, this.#pinsGivenUp());
    this.#placer = this.#createPlacer();
    for (let queue = first; queue.length > 0; queue = [...this.#names.takeAffected()]) {
      for (const name of this.#byAge(queue)) this.#decide(name);
    }
    return {
      interfaces: this.#interfaces,
      ledger: this.#ledger.steps,
      placements: this.#placements.steps,
      names: this.#names.steps,
      applications: this.#applications.steps,
      waiting: this.#waiting,
      wakeAt: this.#wakeAt,
    };
  }

  #createPlacer(): Placer {
    const { options, clusters, ownership } = this.#facts;
    const { perVersion, podBlocks } = options;
    const { pools } = this.#decided.ledger;
    const facts = { perVersion, podBlocks, pools, ownership, clusters: clusters.ofRegistry };
    return new Placer(this.#ledger, this.#placements, facts, this.#now);
  }

  #byAge(names: readonly InterfaceName[]): InterfaceName[] {
    if (names.length < 2) return [...names];
    const aged = names.map((name) => ({
      name,
      age: this.#ledger.ordinalOf(name) ?? Number.MAX_SAFE_INTEGER,
    }));
    return aged.sort((a, b) => a.age - b.age || (a.name < b.name ? -1 : 1)).map(({ name }) => name);
  }

  /** Who may name it, what registries say of it together, and which of its services have to wait. */
  #settle(name: InterfaceName): SettledInterface {
    const refusals: Refusal[] = [];
    const { ownership } = this.#facts;
    const services = [...this.#facts.contributionsOf(name).values()];
    const settled = services.map((contributions) =>
      settleClaims(contributions, ownership, this.#placer.mayNotPin),
    );
    const merged = settlePlainName(settled).flatMap((one) => {
      refusals.push(...one.refusals);
      return one.kept.length === 0 ? [] : this.#zoned(mergeContributions(one.kept));
    });
    const ready = merged.filter((one) => {
      const key = serviceKeyText(one.key);
      const noted = this.#decided.waitingSince(key);
      const waiting = this.#placer.waiting(one, noted);
      if (waiting?.since !== noted) this.#waiting.set(key, waiting?.since);
      if (waiting !== undefined) this.#wake(name, waiting.until);
      return waiting === undefined;
    });
    return { merged, ready, refusals };
  }

  #zoned(merged: Merged): Merged {
    const endpoints = withZones(merged.endpoints, this.#placer.clustersOf(merged));
    return endpoints === merged.endpoints ? merged : { ...merged, endpoints, set: undefined };
  }

  #wake(name: InterfaceName, at: number): void {
    this.#wakeAt.set(name, Math.min(at, this.#wakeAt.get(name) ?? at));
  }

  /**
   * Pins that change hands at once (contract 1.3): their owners, in this plan too, ask for them no more. The pin of one that
   * is gone altogether is free for a newcomer, which is the same interface under another name; for others it rests. One that
   * was given up before rests already.
   */
  #pinsGivenUp(): Set<Address> {
    const givenUp = new Set<Address>();
    const { ledger } = this.#decided;
    for (const [name, { ready }] of this.#settled) {
      for (const { vip } of ready) {
        const row = vip === undefined ? undefined : ledger.rowOf(vip);
        const isHeld = row?.kind === 'pin' && row.retiredAt === null;
        const owner = isHeld ? this.#settled.get(row.owner.interface) : undefined;
        if (vip === undefined || owner === undefined || owner.ready.some((one) => one.vip === vip)) continue;
        const isNewcomer = ledger.servicesOf(name).length === 0;
        if (owner.ready.length > 0 || isNewcomer) givenUp.add(vip);
      }
    }
    return givenUp;
  }

  #decide(name: InterfaceName): void {
    const { merged, ready, refusals } = this.#settled.get(name) ?? this.#settle(name);
    const published = this.#decided.publishedServices(name);
    const hasClusters = this.#facts.clusters.clusters.length > 0;
    const watched = () => (hasClusters ? merged.map((one) => this.#placer.watched(one)) : []);
    if (ready.length === 0 && published === undefined && this.#decided.isHeldElsewhere(name)) {
      this.#interfaces.set(name, { outcome: { kind: 'elsewhere' }, refusals, watched: watched() });
      return;
    }
    const formerKeys = this.#formerKeys(name, published);
    this.#forgetAllBut(ready, merged, formerKeys);
    const seen = ready
      .map((one) => ({ merged: one, ordinal: this.#ledger.see(one.key, this.#now) }))
      .sort(
        (a, b) =>
          a.ordinal - b.ordinal || (serviceKeyText(a.merged.key) < serviceKeyText(b.merged.key) ? -1 : 1),
      );
    if (seen.length === 0) {
      this.#retireAllBut(name, new Set(), formerKeys);
      this.#names.release(name);
      this.#applications.add({ interface: name, applications: [], services: [], ordinal: 0, holders: [] });
      this.#interfaces.set(name, { outcome: { kind: 'gone' }, refusals, watched: watched() });
      return;
    }
    const { placed, owners, refusals: unjoined, wakeAt } = this.#placer.place(name, seen);
    if (wakeAt !== undefined) this.#wake(name, wakeAt);
    this.#retireAllBut(name, owners, formerKeys);
    const answered = this.#decided.isWithholding
      ? placed.map((one) => ({ ...one, vip: this.#withhold(one.vip) }))
      : placed;
    const all = unjoined.length === 0 ? refusals : [...refusals, ...unjoined];
    this.#interfaces.set(name, {
      outcome: { kind: 'published', ...this.#compose(name, answered, all) },
      refusals: all,
      watched: watched(),
    });
  }

  #compose(
    name: InterfaceName,
    placed: readonly Placed[],
    refusals: readonly Refusal[],
  ): { readonly record: InterfaceRecord<EndpointList>; readonly about: PlannedAbout } {
    const { options } = this.#facts;
    const lead = leadOf(placed, keyOfPlaced).merged;
    const values = { ...lead, interface: name, group: lead.key.group };
    const ordinal = this.#ledger.ordinalOf(name) ?? 0;
    const applications = applicationsOf(name, placed);
    this.#applications.claim(applications, ordinal);
    const labelled = applications.map((application) => ({
      application,
      ...this.#applications.labelOf(application),
    }));
    const [itself] = isApplication(name) ? labelled : [];
    const names =
      itself === undefined
        ? claimNames(this.#names, name, ordinal, values, options)
        : claimApplicationName(this.#names, name, ordinal, itself.label);
    const { record, leftOut } = recordOf(name, names, placed, labelled, {
      ...options,
      isRefusing: this.#facts.isRefusing,
    });
    const services = servicesOf(record);
    const holders = labelled.map(({ holder }) => holder);
    this.#applications.add({ interface: name, applications, services, ordinal, holders });
    const occluded = this.#occluded(record);
    const outdone = [...labelLosses(labelled), ...this.#outranked(name, record)];
    const conflicts = conflictsOf(names, placed, refusals);
    return {
      record,
      about: {
        services: placed.map(aboutService),
        conflicts:
          outdone.length + occluded.length === 0 ? conflicts : [...conflicts, ...outdone, ...occluded],
        occluded: occluded.length,
        leftOut,
        sharing: sharingVips(placed),

        lost: lostNames(names),
      },
    };
  }

  /** What static records take. */
  #occluded({ domain, callNames, applications }: InterfaceRecord<EndpointList>): string[] {
    const { statics } = this.#facts;
    if (statics.isEmpty) return [];
    const ofApplications = applications.map(({ label }) => applicationName(label));
    return [domain, ...callNames, ...ofApplications].flatMap((base) => statics.lossesOf(base));
  }

  /** Call names, and names of applications, that others answer, which go before (contract 1.1). */
  #outranked(name: InterfaceName, { callNames, domain }: InterfaceRecord<EndpointList>): string[] {
    const isItself = isApplication(name);
    const others = {
      ownerOf: (other: Prefix) => this.#names.ownerOf(other),
      applicationAt: (label: string) => (isItself ? undefined : this.#applications.ownerOf(label)),
      hasService: (service: string) => this.#applications.hasService(service),
      derives: (owner: InterfaceName, below: Prefix) => this.#decided.derives(owner, below),
    };
    const what = isItself ? 'application' : 'interface';
    return (isItself ? [domain] : callNames).flatMap((wanted) => {
      const why = outrankedBy(wanted, name, others);
      return why === undefined
        ? []
        : [`${labelsOf(wanted).join('.')} ${why}: it does not lead to this ${what}`];
    });
  }

  /** Services that this process answered, or that were in the store when it started. */
  #formerKeys(name: InterfaceName, published: readonly ServiceKey[] | undefined): readonly ServiceKey[] {
    if (published !== undefined) return published;
    if (!this.#decided.isUnconfirmed(name)) return [];
    return this.#decided.ledger.servicesOf(name).map(({ key }) => key);
  }

  /** What is answered no more is forgotten; what only waits for its slice is not. */
  #forgetAllBut(
    ready: readonly Merged[],
    merged: readonly Merged[],
    formerKeys: readonly ServiceKey[],
  ): void {
    if (formerKeys.length === 0) return;
    const answered = new Set(ready.map(({ key }) => serviceKeyText(key)));
    const registered = new Set(merged.map(({ key }) => serviceKeyText(key)));
    for (const key of formerKeys) {
      const text = serviceKeyText(key);
      if (answered.has(text)) continue;
      this.#ledger.forget(key, this.#now);
      if (registered.has(text)) continue;
      this.#placements.delete(key);
      if (this.#decided.waitingSince(text) !== undefined) this.#waiting.set(text, undefined);
    }
  }

  #retireAllBut(name: InterfaceName, owners: ReadonlySet<string>, formerKeys: readonly ServiceKey[]): void {
    const candidates: ServiceKey[] = [{ interface: name, version: '', group: '' }, ...formerKeys];
    for (const key of candidates) if (!owners.has(serviceKeyText(key))) this.#ledger.retire(key, this.#now);
  }

  /** The same VIP without addresses that the store did not take: they must not be answered. */
  #withhold(vip: Vip): Vip {
    let failure = vip.failure;
    const addresses = vip.addresses.filter((address) => {
      const reason = this.#decided.withheld(address);
      failure = reason ?? failure;
      return reason === undefined;
    });
    return addresses.length === vip.addresses.length ? vip : { ...vip, addresses, failure };
  }
}

/** Services that share a VIP with another of their interface; a ClusterIP is Kubernetes' own affair. */
function sharingVips(placed: readonly Placed[]): number {
  const ours = placed.filter(({ vip }) => vip.behind === undefined);
  return ours.filter((one) =>
    ours.some(
      (other) => other !== one && other.vip.addresses.some((address) => one.vip.addresses.includes(address)),
    ),
  ).length;
}

function aboutService({ merged, vip }: Placed): PlannedAbout['services'][number] {
  const { key, application, protocol, port, registries, sources, isRemembered } = merged;
  return { key, application, protocol, port, endpoints: merged, registries, sources, isRemembered, vip };
}

function lostNames({ losses }: InterfaceNames): PlannedAbout['lost'] {
  return losses.map(({ wanted }) => lowered(wanted) as typeof wanted);
}
