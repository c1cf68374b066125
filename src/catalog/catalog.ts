import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { giveBackMemory } from '../give-back-memory.ts';
import { checkServiceKey, type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import { Ownership } from '../name/ownership.ts';
import { NONE } from '../none.ts';
import type { ClusterChange } from '../registry/cluster.ts';
import type { Registration } from '../registry/registration.ts';
import type { RegistrySink } from '../registry/watcher.ts';
import type { Ledger } from '../vip/ledger.ts';
import { Placements } from '../vip/placements.ts';
import type { SnapshotRow, Store } from '../vip/store.ts';
import type { InterfaceChange } from '../zone/change.ts';
import { entryText } from '../zone/interface-entry.ts';
import type { StaticNames } from '../zone/static-names.ts';
import type {
  CatalogEvents,
  CatalogOptions,
  Known,
  Publishing,
  RegistryOptions,
  Source,
} from './catalog-types.ts';
import type { Refusal } from './claims.ts';
import { ClusterIndex } from './cluster-index.ts';
import { Decider, type Decision } from './decider.ts';
import { buildEntry, type Placed } from './entry.ts';
import { unite } from './merge.ts';
import type { NameBook } from './name-book.ts';
import { Placer } from './placer.ts';
import { Recorder } from './recorder.ts';
import { RegistryView } from './registry-view.ts';
import { restoreSnapshots } from './snapshots.ts';

/** Changes within so many milliseconds are published, and committed, together. */
const DEBOUNCE_MS = 10;
/** Between two turns of the event loop so many interfaces are worked on. */
const CHUNK = 500;
/** A change of more than half of all, and of at least so many, is built beside. */
const REBUILD_MIN = 2000;
/** Registries that are not required are waited for so long before the first publication. */
const OPTIONAL_WAIT_MS = 5000;
const TICK_MS = 1000;
/** Of a hash of an entry, in characters: 96 bits tell two entries apart. */
const PRINT_LENGTH = 16;
/** A new address is looked for so often when other replicas take them all. */
const MAX_ATTEMPTS = 8;
/** A window that takes longer than this is not waited for by what has to go. */
const WITHDRAW_MS = 20;

/**
 * The event line behind the watchers: merges what registries say, settles who owns which name, asks the ledger for
 * addresses, has them recorded, and only then publishes.
 */
export class Catalog {
  readonly sources: readonly Source[];
  readonly #ledger: Ledger;
  readonly #store: Store;
  readonly #publishing: Publishing;
  readonly #now: () => number;
  readonly #events: CatalogEvents;
  readonly #options: CatalogOptions;
  readonly #known = new Map<InterfaceName, Known>();
  #dirty = new Set<InterfaceName>();
  #dirtySince: number | undefined;
  /** all names have to be made anew */
  #rebuild = true;
  #ready = false;
  readonly #startedAt: number;
  #timer: NodeJS.Timeout | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  readonly #recorder: Recorder;
  readonly #starved = new Set<InterfaceName>();
  /** interfaces whose pin was refused */
  readonly #unpinned = new Set<InterfaceName>();
  readonly #clusters: ClusterIndex;
  readonly #placer: Placer;
  readonly #decider: Decider;
  #moved = 0;
  /** a large window has left garbage behind */
  #giveBack = false;
  #conflicts = 0;
  #occluded = 0;
  #leftOut = 0;

  constructor(
    registries: readonly RegistryOptions[],
    options: CatalogOptions,
    statics: StaticNames,
    ledger: Ledger,
    store: Store,
    publishing: Publishing,
    events: CatalogEvents,
    now: () => number = Date.now,
    values: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#options = options;
    this.#ledger = ledger;
    this.#store = store;
    this.#publishing = publishing;
    this.#events = events;
    this.#now = now;
    this.#startedAt = now();
    this.sources = registries.map((registry) => ({
      options: registry,
      view: new RegistryView(registry),
      state: { kind: 'syncing' },
      hasSnapshot: false,
      fromStore: false,
      lastEventAt: now(),
      skipped: new Map(),
      distrusting: false,
    }));
    this.#clusters = new ClusterIndex(registries);
    const placements = new Placements(values);
    this.#recorder = new Recorder(store, ledger, placements, events);
    this.#placer = new Placer(
      ledger,
      placements,
      {
        perVersion: options.perVersion,
        clusters: this.#clusters.ofRegistry,
        podBlocks: options.podBlocks,
      },
      new Ownership(options.ownership),
    );
    this.#decider = new Decider(
      { sources: this.sources, ledger, placer: this.#placer, clusters: this.#clusters, naming: options, now },
      {
        known: (name) => this.#known.get(name),
        refused: (name, refusal) => events.onRefused(name, refusal),
        due: (name) => this.#mark([name]),
      },
      statics,
    );
  }

  get ready(): boolean {
    return this.#ready;
  }

  get interfaces(): number {
    return this.#known.size;
  }

  /** Names lost, contributions overruled and pins refused, over all interfaces. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** Names that static records hide, over all interfaces. */
  get occluded(): number {
    return this.#occluded;
  }

  /** Endpoints beyond `answers.maxRecords`, over all interfaces. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Interfaces without an address. */
  get starved(): number {
    return this.#starved.size;
  }

  /** Claims of Kubernetes objects that were refused. */
  get refused(): number {
    return this.#decider.refused;
  }

  /** Registrations whose VIP moved from the pool to a ClusterIP, since the start. */
  get moved(): number {
    return this.#moved;
  }

  /** What Kubernetes objects may not name; of interfaces that nobody else names, too. */
  refusalsOf(name: InterfaceName): readonly Refusal[] {
    return this.#decider.refusals.get(name) ?? NONE;
  }

  refusedNames(): Iterable<InterfaceName> {
    return this.#decider.refusals.keys();
  }

  get storeError(): Error | undefined {
    return this.#recorder.error;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  known(name: InterfaceName): Known | undefined {
    return this.#known.get(name);
  }

  names(): IterableIterator<InterfaceName> {
    return this.#known.keys();
  }

  get book(): NameBook {
    return this.#decider.book;
  }

  /** Takes over the stored snapshots: answers before the registries do. */
  restore(snapshots: readonly SnapshotRow[], values: ReadonlyMap<string, string>): void {
    for (const { view } of restoreSnapshots(this.sources, snapshots, values)) this.#mark(view.interfaces());
    for (const row of this.#ledger.services()) this.#dirty.add(row.key.interface);
  }

  start(): void {
    this.#store.follow?.((rows) => {
      this.#decider.heard(rows);
      this.#mark(this.#ledger.adopt(rows));
    });
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#schedule();
  }

  /** Publishes and records what is left, then stops. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#timer);
    this.#decider.stop();
    await this.#running;
    await this.#recorder.recordSnapshots(this.sources, this.#now(), true);
  }

  sinkOf(source: Source): RegistrySink {
    const delivered = (changed: Iterable<InterfaceName>) => {
      source.lastEventAt = this.#now();
      if (source.view.distrusting && !source.distrusting) {
        this.#events.onDistrust(source.options, source.view.held);
      }
      source.distrusting = source.view.distrusting;
      this.#mark(changed);
    };
    const usable = (registrations: readonly Registration[]) =>
      registrations.filter(({ interface: name, version, group, source: place }) => {
        const reason = checkServiceKey(version, group);
        if (reason !== undefined) skipped('bad-version-or-group', `${place}: ${name}: ${reason}`);
        return reason === undefined;
      });
    const skipped = (reason: string, detail: string) => {
      source.skipped.set(reason, (source.skipped.get(reason) ?? 0) + 1);
      this.#events.onSkipped(source.options, reason, detail);
    };
    return {
      replace: () => {
        const units = new Map<string, readonly Registration[]>();
        return {
          put: (unit, registrations) => units.set(unit, usable(registrations)),
          done: () => {
            source.hasSnapshot = true;
            source.fromStore = false;
            delivered(source.view.replace(units, this.#now()));
            this.#schedule();
          },
        };
      },
      update: (unit, registrations) =>
        delivered(source.view.update(unit, usable(registrations), this.#now())),
      state: (state) => {
        source.view.setLive(state.kind === 'live', this.#now());
        source.state = state;
        this.#events.onRegistryState(source.options, state);
      },
      cluster: (changes, isListed) => this.#onCluster(source, changes, isListed),
      skipped,
    };
  }

  /** A Service, what lies behind it, or who may name what, changed: those that it concerns are decided anew. */
  #onCluster({ options }: Source, changes: readonly ClusterChange[], isListed: boolean): void {
    const { interfaces, isOwnership, isFirstList } = this.#clusters.apply(options.id, changes, isListed);
    this.#mark(interfaces);
    if (isOwnership) {
      this.#placer.ownership = new Ownership([...this.#options.ownership, ...this.#clusters.rules]);
      this.#mark([...this.#known.keys(), ...this.refusedNames()]);
    }
    for (const [name, refusals] of this.#decider.refusals) {
      // a ConfigMap may come before the Service whose ClusterIP it pins
      if (refusals.some(({ reason }) => reason === 'PinNotAllowed')) this.#mark([name]);
    }
    if (interfaces.length > 0) this.#withdrawSoon(interfaces);
    if (!isFirstList) return;
    const isUnconfirmed = ({ vip }: Placed) =>
      vip.behind?.cluster === options.id || vip.failure !== undefined || vip.from === 'pin';
    for (const [name, { placed }] of this.#known) if (placed.some(isUnconfirmed)) this.#mark([name]);
  }

  /** A slow store must not keep the ClusterIP of a deleted Service in the answers: nothing has to be recorded for that. */
  #withdrawSoon(names: readonly InterfaceName[]): void {
    setTimeout(() => {
      const changes = names.flatMap((name): InterfaceChange[] => {
        const known = this.#known.get(name);
        const placed = known?.placed.map((one) => ({ ...one, vip: this.#clusters.standingOnly(one.vip) }));
        if (known === undefined || placed === undefined) return [];
        if (placed.every(({ vip }, i) => vip === known.placed[i]?.vip)) return [];
        const entry = entryText(buildEntry(name, known.names, placed, this.#options));
        this.#known.set(name, { ...known, placed, print: printOf(entry) });
        return [[name, entry]];
      });
      if (changes.length === 0 || this.#stopped) return;
      this.#publishing.update(changes).catch((error: unknown) => this.#events.onFailure(error as Error));
    }, WITHDRAW_MS).unref();
  }

  /** Static records changed: which names they take from registries is found anew. */
  setStatics(statics: StaticNames): void {
    this.#decider.statics = statics;
    this.#mark(this.#known.keys());
  }

  /** The longest without an address asks again: an address was released or a pool grew. */
  retryStarved(): void {
    this.#mark(this.#starved);
    this.#mark(this.#unpinned);
  }

  /** Resolves when what is known now has been published. */
  async settled(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
    await this.#run();
  }

  /** Required registries that have no snapshot yet. */
  missing(): Source[] {
    return this.sources.filter((source) => source.options.required && !source.hasSnapshot);
  }

  /** Registries that are answered from data which may be old. */
  stale(): Source[] {
    return this.sources.filter((source) => source.fromStore || source.state.kind === 'stale');
  }

  #mark(names: Iterable<InterfaceName>): void {
    for (const name of names) this.#dirty.add(name);
    if (this.#dirty.size === 0) return;
    this.#dirtySince ??= performance.now();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#stopped || this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#run();
    }, DEBOUNCE_MS);
  }

  /** Whether enough is known to decide anything. */
  #mayPublish(): boolean {
    if (this.missing().length > 0) return false;
    if (this.sources.every((source) => source.hasSnapshot)) return true;
    return this.#ready || this.#now() - this.#startedAt >= OPTIONAL_WAIT_MS;
  }

  #tick(): void {
    if (this.#giveBack && this.#running === undefined) {
      this.#giveBack = false;
      giveBackMemory();
    }
    const now = this.#now();
    for (const source of this.sources) this.#mark(source.view.tick(now));
    if (this.#ledger.expire(now) > 0) this.retryStarved();
    // a store that failed is tried again, and what waits for it is published
    if (this.#recorder.error !== undefined) this.#mark(this.#starved);
    this.#schedule();
  }

  #run(): Promise<void> {
    if (!this.#mayPublish()) return Promise.resolve();
    this.#running ??= this.#window()
      .catch((error: unknown) => this.#events.onFailure(error as Error))
      .finally(() => {
        this.#running = undefined;
        if (this.#dirty.size > 0) this.#schedule();
      });
    return this.#running;
  }

  /** One window: decide, record, publish. */
  async #window(): Promise<void> {
    const since = this.#dirtySince;
    this.#dirtySince = undefined;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const decided = new Map<InterfaceName, Decision | undefined>();
    await this.#decider.decide(dirty, decided);
    // replicas that share a store may have been faster: then the next address is tried
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const outrun = await this.#recorder.record();
      if (outrun.size === 0) break;
      if (attempt < MAX_ATTEMPTS - 1) await this.#decider.decide(outrun, decided);
      else {
        // what could not be recorded is not published; the next window tries again
        for (const name of outrun) decided.delete(name);
        this.#mark(outrun);
      }
    }
    await this.#publish(decided, since);
    await this.#recorder.recordSnapshots(this.sources, this.#now(), false);
    if (decided.size > REBUILD_MIN) this.#giveBack = true;
  }

  async #publish(
    decided: ReadonlyMap<InterfaceName, Decision | undefined>,
    since: number | undefined,
  ): Promise<void> {
    const changes: InterfaceChange[] = [];
    let count = 0;
    for (const [name, decision] of decided) {
      const change = this.#remember(name, decision);
      if (change !== undefined) changes.push(change);
      if (++count % CHUNK === 0) await nextTurn();
    }
    const rebuild = this.#rebuild || changes.length > Math.max(REBUILD_MIN, this.#known.size / 2);
    if (rebuild) {
      this.#rebuild = false;
      await this.#publishing.rebuild(this.#allEntries(new Map(changes)));
    } else if (changes.length > 0) {
      await this.#publishing.update(changes);
    }
    if (!this.#ready) {
      this.#ready = true;
      this.#giveBack = true;
      await this.#publishing.setReady(true);
      this.#events.onReady(this.#known.size);
    }
    if (changes.length > 0 && since !== undefined) {
      this.#events.onPublished(changes.length, (performance.now() - since) / 1000);
    }
  }

  /** @param fresh entries that were made just now; the others are made again, since their texts are not kept */
  *#allEntries(fresh: ReadonlyMap<string, string | null>): Generator<InterfaceChange> {
    for (const [name, { names, placed }] of this.#known) {
      yield [name, fresh.get(name) ?? entryText(buildEntry(name, names, placed, this.#options))];
    }
  }

  /** @returns what the query line has to be told, if anything */
  #remember(name: InterfaceName, decision: Decision | undefined): InterfaceChange | undefined {
    const before = this.#known.get(name);
    this.#conflicts -= before?.conflicts.length ?? 0;
    this.#occluded -= before?.occluded ?? 0;
    this.#leftOut -= before?.leftOut ?? 0;
    this.#events.onDecided(name);
    if (decision === undefined) {
      this.#known.delete(name);
      this.#starved.delete(name);
      this.#unpinned.delete(name);
      return before === undefined ? undefined : [name, null];
    }
    // since the decision the store may have refused an address, and a Service may have gone
    const placed = decision.placed.map((one) => {
      return { ...one, vip: this.#clusters.standingOnly(this.#recorder.recordedOnly(one.vip)) };
    });
    if (placed.some(({ vip }) => vip.failure !== undefined)) this.#starved.add(name);
    else this.#starved.delete(name);
    if (placed.some(({ vip }) => vip.refusedPin !== undefined)) this.#unpinned.add(name);
    else this.#unpinned.delete(name);
    const entry = entryText(buildEntry(name, decision.names, placed, this.#options));
    const { names, conflicts } = decision;
    const print = printOf(entry);
    const isChanged = before?.print !== print;
    const changedAt = isChanged ? this.#now() : (before?.changedAt ?? this.#now());
    this.#noteMove(name, before, placed);
    for (const text of conflicts) if (!before?.conflicts.includes(text)) this.#events.onLoss(name, text);
    this.#conflicts += conflicts.length;
    this.#occluded += decision.occluded;
    const endpoints = unite(placed.flatMap(({ merged }) => merged.endpoints)).length;
    const leftOut = Math.max(0, endpoints - this.#options.maxRecords);
    this.#leftOut += leftOut;
    this.#known.set(name, {
      names,
      placed,
      conflicts,
      occluded: decision.occluded,
      leftOut,
      print,
      changedAt,
    });
    return isChanged ? [name, entry] : undefined;
  }

  /** From the pool to a ClusterIP: once, and never silently (contract 1.3). */
  #noteMove(name: InterfaceName, before: Known | undefined, placed: readonly Placed[]): void {
    for (const { merged, vip } of placed) {
      if (vip.behind === undefined) continue;
      const key = serviceKeyText(merged.key);
      const old = before?.placed.find((one) => serviceKeyText(one.merged.key) === key)?.vip;
      if (vip.losers.length > 0 && vip.losers.join() !== old?.losers.join())
        this.#events.onContested(key, vip);
      if (old?.from !== 'pool' || old.addresses.length === 0) continue;
      this.#moved++;
      this.#events.onMoved(name, key, old, vip);
    }
  }
}

/** Tells two entries apart without keeping them. */
function printOf(entry: string): string {
  return hash('sha1', entry, 'base64url').slice(0, PRINT_LENGTH);
}
