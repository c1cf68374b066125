import { hostPortText } from '../name/address.ts';
import { checkServiceKey, type InterfaceName } from '../name/interface-name.ts';
import { Ownership, type OwnershipRule } from '../name/ownership.ts';
import type { ClusterChange } from '../registry/cluster.ts';
import type { Endpoint, Registration } from '../registry/registration.ts';
import type { RegistrySink, Replacement, WatcherState } from '../registry/watcher.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { Contribution } from './contribution.ts';
import { withLocalities } from './endpoint-localities.ts';
import { type FactsMemory, RegistryFacts } from './registry-facts.ts';
import type { RegistryOptions, Source } from './source.ts';

export interface IntakeEvents {
  /** something is known of these interfaces that was not known before */
  readonly onChanged: (names: Iterable<InterfaceName>) => void;
  /** a registry was read for the first time */
  readonly onFirstSnapshot: (source: Source) => void;
  /** what a cluster says, as it says it */
  readonly onCluster: (id: string, changes: readonly ClusterChange[]) => void;
  /** Services, or what lies behind them, changed; these interfaces hang on that */
  readonly onServices: (names: readonly InterfaceName[]) => void;
  /** who may name what changed */
  readonly onOwnership: () => void;
  /** a cluster is known completely from now on: what was taken over from the store has to be confirmed */
  readonly onListed: (cluster: string) => void;
  /** a registry that is not configured any more was forgotten */
  readonly onLetGo: (id: string) => void;
  readonly onState: (source: Source, state: WatcherState) => void;
  readonly onSkipped: (source: Source, reason: string, detail: string) => void;
  readonly onDistrust: (source: Source, held: number) => void;
}

/** A registry may say anything: more instances than this are not taken in. */
const MAX_ENTRIES = 5_000_000;

/** What registries say: the only place where it is written. It decides nothing. */
export class Intake {
  #sources: readonly Source[] = [];
  #clusters = new ClusterIndex([]);
  #configuredRules: readonly OwnershipRule[] = [];
  #ownership = new Ownership([]);
  readonly #memory: FactsMemory;
  readonly #now: () => number;
  readonly #events: IntakeEvents;

  constructor(memory: FactsMemory, now: () => number, events: IntakeEvents) {
    this.#memory = memory;
    this.#now = now;
    this.#events = events;
  }

  get sources(): readonly Source[] {
    return this.#sources;
  }

  get clusters(): ClusterIndex {
    return this.#clusters;
  }

  get ownership(): Ownership {
    return this.#ownership;
  }

  /**
   * These registries from now on. One that was there keeps what it said. One that is there no more is let go when all
   * that came with this configuration were read: names do not disappear between the two.
   */
  configure(registries: readonly RegistryOptions[], rules: readonly OwnershipRule[]): void {
    const before = this.#sources;
    const current = registries.map((options) => {
      const known = before.find((source) => source.options.id === options.id);
      if (known === undefined) return this.#createSource(options);
      known.facts.setOptions(options);
      return { ...known, options, isLeaving: false };
    });
    const left = before.filter((source) => !registries.some(({ id }) => id === source.options.id));
    for (const source of left) source.isLeaving = true;
    this.#sources = [...current, ...left];
    this.#clusters = new ClusterIndex(
      this.#sources.map(({ options }) => options),
      this.#clusters,
    );
    this.#configuredRules = rules;
    this.#ownership = new Ownership([...rules, ...this.#clusters.rules]);
    this.#letGo();
  }

  /** Registries that are configured, without those that are being let go. */
  get configured(): readonly Source[] {
    return this.#sources.filter(({ isLeaving }) => !isLeaving);
  }

  #letGo(): void {
    const leaving = this.#sources.filter(({ isLeaving }) => isLeaving);
    if (leaving.length === 0 || this.configured.some(({ snapshot }) => snapshot.kind === 'none')) return;
    this.#sources = this.configured;
    const gone = new Set<InterfaceName>();
    for (const { facts } of leaving) {
      for (const name of facts.interfaceNames()) gone.add(name);
      facts.clear();
    }
    this.#clusters = new ClusterIndex(
      this.#sources.map(({ options }) => options),
      this.#clusters,
    );
    this.#events.onChanged(gone);
    for (const { options } of leaving) this.#events.onLetGo(options.id);
  }

  /** The source of this id. Throws when it is not configured. */
  source(id: string): Source {
    const found = this.#sources.find((source) => source.options.id === id);
    if (found === undefined) throw new Error(`no registry ${id}`);
    return found;
  }

  /** What all registries say of an interface, by service; registries in the order of the configuration. */
  contributionsOf(name: InterfaceName): Map<string, Contribution[]> {
    const services = new Map<string, Contribution[]>();
    for (const { options, facts } of this.#sources) {
      if (!facts.has(name)) continue;
      const set = facts.onlySetOf(name);
      for (const [key, registrations] of facts.registrationsOf(name)) {
        const isRemembered = facts.isRemembered(name, key);
        const contributions = registrations.map((registration): Contribution => {
          return { registry: options.id, registration, set, isRemembered };
        });
        const others = services.get(key);
        if (others === undefined) services.set(key, contributions);
        else others.push(...contributions);
      }
    }
    return services;
  }

  has(name: InterfaceName): boolean {
    return this.#sources.some(({ facts }) => facts.has(name));
  }

  /** These endpoints of a registry, `host:port`, take no connections; all others do, or were not asked. */
  setRefusing(id: string, refusing: ReadonlySet<string>): void {
    const source = this.#sources.find((one) => one.options.id === id);
    if (source === undefined) return;
    const changed = source.refusing.symmetricDifference(refusing);
    source.refusing = refusing;
    if (changed.size === 0) return;
    // others may have them registered too
    for (const { facts } of this.#sources) {
      this.#events.onChanged(facts.interfacesWith((endpoint) => changed.has(hostPortText(endpoint))));
    }
  }

  /** Whether an endpoint takes no connections; undefined: all do that were asked. */
  get isRefusing(): ((endpoint: Endpoint) => boolean) | undefined {
    const sets = this.#sources.map(({ refusing }) => refusing).filter(({ size }) => size > 0);
    if (sets.length === 0) return undefined;
    return (endpoint) => sets.some((refusing) => refusing.has(hostPortText(endpoint)));
  }

  /** Required registries that have no snapshot yet. */
  missing(): Source[] {
    return this.configured.filter(({ options, snapshot }) => options.required && snapshot.kind === 'none');
  }

  /** Registries that are answered from data which may be old. */
  stale(): Source[] {
    return this.#sources.filter(
      ({ snapshot, state }) => snapshot.kind === 'stored' || state.kind === 'stale',
    );
  }

  /** Time has passed. */
  tick(): void {
    const now = this.#now();
    for (const source of this.#sources) this.#events.onChanged(source.facts.tick(now));
  }

  /** When {@link tick} has something to do, Unix milliseconds. */
  wakeAt(): number | undefined {
    const now = this.#now();
    let earliest: number | undefined;
    for (const { facts } of this.#sources) {
      const at = facts.wakeAt(now);
      if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at;
    }
    return earliest;
  }

  /** An operator says that what a registry lost is gone. @returns how many entries were held */
  accept(id: string): number {
    const { facts } = this.source(id);
    const { held } = facts;
    this.#events.onChanged(facts.accept(this.#now()));
    return held;
  }

  /** Where a watcher of a registry delivers; another watcher of it gets another one. */
  sinkOf(id: string): RegistrySink {
    // a watcher tells first all that its cluster says: what a former one told besides is gone
    let isFirst = true;
    return {
      replace: () => this.#replacement(id),
      update: (unit, registrations) => {
        const source = this.source(id);
        if (!this.#hasRoom(source, unit, registrations)) return;
        this.#told(source, source.facts.update(unit, this.#usable(source, registrations), this.#now()));
      },
      state: (state) => this.#setState(this.source(id), state),
      cluster: (changes, isListed) => {
        this.#onCluster(id, changes, isListed, isFirst);
        isFirst = false;
      },
      skipped: (reason, detail) => this.#skipped(this.source(id), reason, detail),
    };
  }

  #createSource(options: RegistryOptions): Source {
    return {
      options,
      facts: new RegistryFacts(options, this.#memory),
      snapshot: { kind: 'none' },
      state: { kind: 'syncing' },
      lostAt: this.#now(),
      skipped: new Map(),
      refusing: new Set(),
      isLeaving: false,
    };
  }

  #replacement(id: string): Replacement {
    const begun = this.source(id).facts.begin();
    const isCurrent = (source: Source) => source.facts.round === begun;
    return {
      put: (unit, registrations) => {
        const source = this.source(id);
        if (!isCurrent(source)) return;
        if (!this.#hasRoom(source, unit, registrations)) return source.facts.keep(unit);
        this.#events.onChanged(source.facts.put(unit, this.#usable(source, registrations), this.#now()));
      },
      done: () => {
        const source = this.source(id);
        if (!isCurrent(source)) return;
        const isFirst = source.snapshot.kind === 'none';
        source.snapshot = { kind: 'delivered' };
        this.#told(source, source.facts.end(this.#now()));
        if (!isFirst) return;
        this.#letGo();
        this.#events.onFirstSnapshot(source);
      },
    };
  }

  #told(source: Source, changed: Iterable<InterfaceName>): void {
    const { distrusting, held } = source.facts;
    if (distrusting && !this.#distrusting.has(source.options.id)) this.#events.onDistrust(source, held);
    if (distrusting) this.#distrusting.add(source.options.id);
    else this.#distrusting.delete(source.options.id);
    this.#events.onChanged(changed);
  }

  readonly #distrusting = new Set<string>();

  #setState(source: Source, state: WatcherState): void {
    const now = this.#now();
    source.facts.setLive(state.kind === 'live', now);
    if (state.kind === 'live') source.lostAt = undefined;
    else source.lostAt ??= now;
    source.state = state;
    this.#events.onState(source, state);
  }

  /** What was known of a unit for which there is no room stays. */
  #hasRoom(source: Source, unit: string, registrations: readonly Registration[]): boolean {
    let entries = source.facts.entries;
    for (const { endpoints } of registrations) entries += Math.max(1, endpoints.length);
    // it is told once: of the others there may be as many again
    if (entries < MAX_ENTRIES / 2) this.#full.delete(source);
    if (entries <= MAX_ENTRIES || registrations.length === 0) return true;
    if (!this.#full.has(source))
      this.#skipped(
        source,
        'too-many',
        `${unit.slice(0, 200)}: over ${MAX_ENTRIES} instances in one registry`,
      );
    this.#full.add(source);
    return false;
  }

  readonly #full = new Set<Source>();

  #usable(source: Source, told: readonly Registration[]): readonly Registration[] {
    const registrations = withLocalities(told, source.options.localities);
    if (registrations.every(({ version, group }) => checkServiceKey(version, group) === undefined))
      return registrations;
    return registrations.filter(({ interface: name, version, group, source: place }) => {
      const reason = checkServiceKey(version, group);
      if (reason !== undefined) this.#skipped(source, 'bad-version-or-group', `${place}: ${name}: ${reason}`);
      return reason === undefined;
    });
  }

  #skipped(source: Source, reason: string, detail: string): void {
    source.skipped.set(reason, (source.skipped.get(reason) ?? 0) + 1);
    this.#events.onSkipped(source, reason, detail);
  }

  /** A Service, what lies behind it, or who may name what, changed. */
  #onCluster(id: string, changes: readonly ClusterChange[], isListed: boolean, isAll: boolean): void {
    const { interfaces, isOwnership, isFirstList } = this.#clusters.apply(id, changes, isListed, isAll);
    this.#events.onCluster(id, changes);
    this.#events.onServices(interfaces);
    if (isOwnership) {
      this.#ownership = new Ownership([...this.#configuredRules, ...this.#clusters.rules]);
      this.#events.onOwnership();
    }
    if (isFirstList) this.#events.onListed(id);
  }
}
