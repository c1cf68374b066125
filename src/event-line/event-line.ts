import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { Feed } from '../feed/feed.ts';
import type { ChangeTarget } from '../feed/line-feed.ts';
import { Serials } from '../feed/serials.ts';
import { Intake } from '../intake/intake.ts';
import type { NameKey, Prefix } from '../name/domain-name.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import { InterfaceNumbers } from '../name/interface-numbers.ts';
import type { BlobAt } from '../packed/arena.ts';
import type { PlannedAbout } from '../plan/about.ts';
import { ApplicationBook } from '../plan/application-book.ts';
import type { Refusal } from '../plan/claims.ts';
import { NameBook } from '../plan/name-book.ts';
import { type Plan, plan } from '../plan/plan.ts';
import { type Recorded, Recorder } from '../store/recorder.ts';
import type { ForeignChange, Store, StoredPart, StoreStep } from '../store/store.ts';
import { Ledger } from '../vip/ledger.ts';
import { LedgerDraft } from '../vip/ledger-draft.ts';
import { Placements } from '../vip/placements.ts';
import type { PlannedZone } from '../zone/planned-zone.ts';
import { StaticNames } from '../zone/static-names.ts';
import { Alarm } from './alarm.ts';
import { ClustersInPools } from './clusters-in-pools.ts';
import { Decisions } from './decisions.ts';
import type { LineEvents } from './line-events.ts';
import { decisive, type LineOptions } from './options.ts';
import { Reactions } from './reactions.ts';
import { SpareMemory } from './spare-memory.ts';
import { StoredFacts } from './stored-facts.ts';
import { Withdrawals } from './withdrawals.ts';

/** Changes within so many milliseconds are decided, recorded and published together. */
const DEBOUNCE_MS = 10;
/** So many interfaces are planned and recorded at once; between two such steps other work has its turn. */
const STEP = 500;
/** Registries that are not required are waited for so long before the first publication. */
const OPTIONAL_WAIT_MS = 5000;
/** A new address is looked for so often when other replicas take them all. */
const MAX_ATTEMPTS = 8;
/** A store that refused is tried again after so long. */
const RETRY_MS = 1000;
/** What met a bug is tried again after so long. */
const RETRY_BUG_MS = 10_000;
/** Whether a call name is lost to another source is looked at again so long after a change. */
const OUTRANKED_MS = 1000;
/** After a step of so many interfaces memory is given back to the system. */
const LARGE = 2000;

const NO_NAMES: ReadonlySet<InterfaceName> = new Set();
const NOTHING_TO_RECORD: Recorded = { kind: 'recorded' };

/**
 * The event line behind the watchers: what registries say (intake) becomes a plan, the plan is recorded, what it comes to
 * is published (feed). One loop, which is the only one that decides; each thing has one writer.
 */
export class EventLine {
  readonly intake: Intake;
  readonly feed: Feed;
  readonly book: NameBook;
  readonly applications: ApplicationBook;
  readonly #numbers: InterfaceNumbers;
  readonly #recorder: Recorder;
  readonly #placements = new Placements();
  readonly #decisions: Decisions;
  readonly #storedFacts: StoredFacts;
  readonly #clustersInPools = new ClustersInPools();
  readonly #clock: Clock;
  readonly #events: LineEvents;
  #ledger: Ledger;
  #options: LineOptions;
  #statics = new StaticNames();
  readonly #startedAt: number;
  // what is due
  #dirty = new Set<InterfaceName>();
  #dirtySince: number | undefined;
  readonly #alarm: Alarm;
  readonly #reactions = new Reactions();
  readonly #spareMemory: SpareMemory;
  readonly #withdrawals: Withdrawals;
  #cancelWindow: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  private constructor(
    store: Store,
    target: ChangeTarget,
    options: LineOptions,
    serial: number,
    stored: { readonly recorder: Recorder; readonly numbers: InterfaceNumbers; readonly ledger: Ledger },
    clock: Clock,
    events: LineEvents,
  ) {
    this.#clock = clock;
    this.#events = events;
    this.#options = options;
    this.#startedAt = clock.now();
    this.#numbers = stored.numbers;
    this.#ledger = stored.ledger;
    this.#recorder = stored.recorder;
    const serials = new Serials(serial, async (upTo) => {
      if (!(await this.#recorder.recordLater([{ kind: 'put-serial', serial: upTo }])))
        throw this.#recorder.error;
    });
    this.#decisions = new Decisions(events);
    this.feed = new Feed(target, options.names, this.#numbers, serials);
    this.book = new NameBook(
      this.#numbers,
      (name) => this.#decisions.claimed.get(name) ?? this.feed.namesOf(name),
    );
    this.applications = new ApplicationBook(this.#numbers, (name) => {
      const ordinals = this.#ledger.servicesOf(name).map(({ ordinal }) => ordinal);
      return ordinals.length === 0 ? undefined : Math.min(...ordinals);
    });
    this.intake = new Intake({ names: this.#numbers, sets: this.feed.sets }, () => clock.now(), {
      onChanged: (names) => this.#mark(names),
      onFirstSnapshot: () => this.#schedule(),
      onCluster: (cluster, changes) => {
        const found = this.#clustersInPools.look(cluster, changes, this.#options.pools);
        if (found !== undefined) events.onClusterIpInPool(found);
      },
      onServices: (names) => this.#onServices(names),
      onOwnership: () => this.#markAll(),
      onListed: (cluster) => this.#onListed(cluster),
      onState: (source, state) => {
        events.onRegistryState(source, state);
        this.#arm();
      },
      onSkipped: events.onSkipped,
      onDistrust: events.onDistrust,
      onLetGo: events.onLetGo,
    });
    this.intake.configure(options.registries, options.ownership);
    this.#storedFacts = new StoredFacts(this.#recorder, store.keepsFacts, clock, this.intake, {
      onFailure: events.onFailure,
      // a store that refused is tried again
      onRecorded: () => this.#arm(),
    });
    this.#alarm = new Alarm(clock, () => this.#onAlarm(), events.onFailure);
    this.#withdrawals = new Withdrawals(this.feed, this.intake.clusters, clock, events.onFailure);
    this.#spareMemory = new SpareMemory(
      clock,
      () => this.#running !== undefined || this.#storedFacts.isRecording,
    );
  }

  /**
   * Reads the store, and follows what others write to it from then on.
   *
   * @param minimumSerial the serial of the zones will not be below it
   */
  static async open(
    store: Store,
    target: ChangeTarget,
    options: LineOptions,
    minimumSerial: number,
    clock: Clock,
    events: LineEvents,
  ): Promise<EventLine> {
    const numbers = new InterfaceNumbers();
    const ledger = new Ledger(options.pools, options.reuseAfterMs, numbers);
    const recorder = new Recorder(store, {
      onStoreError: events.onStoreError,
      onStoreRecovered: () => {
        events.onStoreRecovered();
        // what waits for the store is published
        line.#retryStarved();
      },
    });
    const serial = Math.max(Math.floor(clock.now() / 1000), minimumSerial);
    const line: EventLine = new EventLine(
      store,
      target,
      options,
      serial,
      { recorder, numbers, ledger },
      clock,
      events,
    );
    await store.open({
      loaded: (part) => line.#load(part),
      changed: (rows) => line.#adopt(rows, (name, now) => line.#mayReact(name, now)),
    });
    line.#loaded();
    await line.feed.serials.reserve();
    return line;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  get storeError(): Error | undefined {
    return this.#recorder.error;
  }

  /** Interfaces without an address. */
  get starved(): number {
    return this.#decisions.starved.size;
  }

  /** Claims of Kubernetes objects that were refused. */
  get refused(): number {
    return this.#decisions.refusalCount;
  }

  /** Registrations whose VIP moved from the pool to a ClusterIP, since the start. */
  get moved(): number {
    return this.#decisions.moved;
  }

  now(): number {
    return this.#clock.now();
  }

  /** What Kubernetes objects may not name; of interfaces that nobody else names, too. */
  refusalsOf(name: InterfaceName): readonly Refusal[] {
    return this.#decisions.refusals.get(name) ?? [];
  }

  refusedNames(): Iterable<InterfaceName> {
    return this.#decisions.refusals.keys();
  }

  /** Begins to plan. */
  start(): void {
    this.#schedule();
    this.#arm();
  }

  /** Another configuration: what it changes is planned anew; what registries said, and answers, stay meanwhile. */
  configure(options: LineOptions): void {
    const before = this.#options;
    this.#options = options;
    if (!isEqual(before.names, options.names)) this.feed.setNames(options.names);
    if (!isEqual(before.pools, options.pools) || before.reuseAfterMs !== options.reuseAfterMs) {
      this.#ledger = this.#ledger.withPools(options.pools, options.reuseAfterMs);
      this.#clustersInPools.forget();
    }
    this.intake.configure(options.registries, options.ownership);
    if (!isEqual(decisive(before), decisive(options))) {
      this.#markAll();
    }
    this.#schedule();
    this.#arm();
  }

  /** Static records changed: which names they take from registries is found anew. */
  setStatics(statics: StaticNames): void {
    const isSame = this.#statics.isSame(statics);
    this.#statics = statics;
    if (!isSame) this.#markAll();
  }

  async replaceZones(zones: readonly PlannedZone[], gone: readonly NameKey[], serial: number): Promise<void> {
    this.feed.serials.raise(serial);
    await this.feed.replaceZones(zones, gone);
  }

  /** Gives up resting addresses of these owners before their time. */
  async release(owners: readonly ServiceKey[]): Promise<void> {
    await this.#record((draft) => {
      for (const owner of owners) draft.release(owner);
    });
    this.#retryStarved();
    await this.settled();
  }

  /** An operator says that what a registry lost is gone. @returns how many entries were held */
  async accept(id: string): Promise<number> {
    const held = this.intake.accept(id);
    await this.settled();
    return held;
  }

  /** Resolves when what is known now has been published. */
  async settled(): Promise<void> {
    await this.#alarm.ringing;
    this.#cancelWindow?.();
    this.#cancelWindow = undefined;
    await this.#running;
    await this.#run();
  }

  /** Publishes and records what is left, then stops. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelWindow?.();
    this.#alarm.stop();
    this.#spareMemory.stop();
    this.#withdrawals.stop();
    await this.#alarm.ringing;
    await this.#running;
    await this.#storedFacts.recordLast();
  }

  #load(part: StoredPart): void {
    const { services = [], addresses = [], placements = [], facts = [], registries = [], serial } = part;
    this.#ledger.load({ services, addresses });
    for (const { key } of services) this.#decisions.unconfirmed.add(key.interface);
    for (const { owner } of addresses) this.#decisions.unconfirmed.add(owner.interface);
    for (const row of placements) this.#placements.apply(row);
    if (part.isFactsLost === true) this.#storedFacts.discard(this.intake.sources);
    for (const problem of this.#storedFacts.load(this.intake.sources, facts, registries)) {
      this.#events.onStoreProblem(problem);
    }
    if (serial !== undefined) this.feed.serials.raise(serial);
    for (const problem of part.problems ?? []) this.#events.onStoreProblem(problem);
  }

  #loaded(): void {
    this.#ledger.loaded();
    for (const source of this.#storedFacts.restored(this.intake.sources))
      this.#mark(source.facts.interfaceNames());
    this.#mark(this.#decisions.unconfirmed);
  }

  /**
   * Another process that shares the store wrote these rows.
   *
   * @param isAtOnce whether an interface that they are about is planned anew at once; what was outrun always is
   */
  #adopt(rows: ForeignChange, isAtOnce: (name: InterfaceName, now: number) => boolean = () => true): void {
    this.#decisions.adopt(rows);
    const now = this.#clock.now();
    // whoever loses an address to somebody else answers it no longer
    const robbed = rows.addresses.flatMap(({ address, owner }) => {
      const before = this.#ledger.rowOf(address)?.owner.interface;
      return before === undefined || before === owner.interface ? [] : [before];
    });
    const affected = this.#ledger.adopt(rows);
    for (const row of rows.placements) {
      if (this.#placements.adopt(row, now)) affected.add(interfaceOf(row.key));
    }
    this.#mark(robbed);
    this.#mark([...affected].filter((name) => isAtOnce(name, now)));
    this.#arm();
  }

  /** Whether what another replica wrote of an interface is looked at at once; otherwise it is later. */
  #mayReact(name: InterfaceName, now: number): boolean {
    const at = this.#reactions.notBefore(name, now);
    if (at === undefined) return true;
    this.#alarm.wakeBy(name, at);
    return false;
  }

  #mark(names: Iterable<InterfaceName>): void {
    for (const name of names) this.#dirty.add(name);
    if (this.#dirty.size === 0) return;
    this.#dirtySince ??= performance.now();
    this.#schedule();
  }

  /** All that is answered or refused, or about to be. */
  #markAll(): void {
    this.#mark([...this.feed.names(), ...this.#decisions.refusals.keys(), ...this.#decisions.claimed.keys()]);
  }

  /** The longest without an address asks again: an address was released or a pool grew. */
  #retryStarved(): void {
    this.#mark(this.#decisions.starved);
    this.#mark(this.#decisions.unpinned);
  }

  /** Services of a cluster, or what lies behind them, changed for these interfaces. */
  #onServices(names: readonly InterfaceName[]): void {
    this.#mark(names);
    // what is being recorded hangs on Services that nobody knows of yet
    this.#mark(this.#decisions.claimed.keys());
    for (const [name, refusals] of this.#decisions.refusals) {
      // a ConfigMap may come before the Service whose ClusterIP it pins
      if (refusals.some(({ reason }) => reason === 'PinNotAllowed')) this.#mark([name]);
    }
    if (names.length > 0) this.#withdrawals.soon(names);
  }

  #onListed(cluster: string): void {
    this.#mark(this.#decisions.claimed.keys());
    for (const name of this.feed.names()) {
      const services = this.feed.published(name)?.about.services ?? [];
      const isUnconfirmed = services.some(
        ({ vip }) => vip.behind?.cluster === cluster || vip.failure !== undefined || vip.from === 'pin',
      );
      if (isUnconfirmed) this.#mark([name]);
    }
  }

  #schedule(): void {
    if (this.#isStopped || this.#cancelWindow !== undefined || this.#running !== undefined) return;
    this.#cancelWindow = this.#clock.after(DEBOUNCE_MS, () => {
      this.#cancelWindow = undefined;
      void this.#run();
    });
  }

  /** Sets the one alarm to when something is due that no delivery will tell of. */
  #arm(): void {
    if (this.#isStopped) return;
    const now = this.#clock.now();
    const [resting] = this.#ledger.retired();
    const [forgotten] = this.#ledger.forgotten();
    const rested = [resting, forgotten].map((row) => {
      return row === undefined ? undefined : (row.retiredAt ?? now) + this.#ledger.reuseAfterMs;
    });
    const isBehind = this.feed.isReady && this.feed.isOutdated;
    const retry = this.#recorder.error !== undefined || isBehind ? now + RETRY_MS : undefined;
    const optionalAt = this.#startedAt + OPTIONAL_WAIT_MS;
    const optional = !this.feed.isReady && now < optionalAt ? optionalAt : undefined;
    this.#alarm.arm([this.intake.wakeAt(), ...rested, retry, optional]);
  }

  async #onAlarm(): Promise<void> {
    const now = this.#clock.now();
    this.intake.tick();
    this.#mark(this.#alarm.takeDue(now));
    const wasRefused = this.#recorder.error !== undefined;
    let freed = 0;
    await this.#record((draft) => {
      freed = draft.expire(now);
    });
    if (freed > 0) this.#retryStarved();
    // a query line that could not be told something is told everything; one that knows nothing yet, when it is time
    if (!this.feed.isReady || this.feed.isOutdated) this.#schedule();
    if (wasRefused) this.#storedFacts.recordAgain();
    this.#arm();
  }

  /** Steps of the ledger that no plan brings. */
  async #record(decide: (draft: LedgerDraft) => void): Promise<void> {
    const draft = new LedgerDraft(this.#ledger);
    decide(draft);
    const freed = new Set<InterfaceName>();
    for (const step of draft.steps) {
      if (step.kind === 'delete-service') freed.add(step.key.interface);
      const row = step.kind === 'delete-address' ? this.#ledger.rowOf(step.address) : undefined;
      if (row !== undefined) freed.add(row.owner.interface);
      this.#ledger.apply(step);
    }
    for (const name of freed) this.#releaseNumber(name);
    const recorded = await this.#recorder.record(draft.steps);
    if (recorded.kind === 'outrun') this.#adopt(recorded.rows);
  }

  /** Whether enough is known to decide anything. */
  #mayPublish(): boolean {
    if (this.feed.isReady) return true;
    if (this.intake.missing().length > 0) return false;
    if (this.intake.configured.every(({ snapshot }) => snapshot.kind !== 'none')) return true;
    return this.#clock.now() - this.#startedAt >= OPTIONAL_WAIT_MS;
  }

  #run(): Promise<void> {
    if (!this.#mayPublish()) return Promise.resolve();
    this.#running ??= this.#window()
      .catch((error: unknown) => this.#events.onFailure(error as Error))
      .finally(() => {
        this.#running = undefined;
        this.#arm();
        if (this.#dirty.size > 0) this.#schedule();
      });
    return this.#running;
  }

  /** One window: plan, record, publish. */
  async #window(): Promise<void> {
    const since = this.#dirtySince;
    this.#dirtySince = undefined;
    const names = [...this.#dirty];
    this.#dirty = new Set();
    if (names.length > STEP) this.#sortByAge(names);
    this.feed.expect(names.length);
    try {
      await this.#steps(names);
    } catch (error) {
      // a bug: what it was about is tried again, but not at once and for ever
      const retryAt = this.#clock.now() + RETRY_BUG_MS;
      for (const name of names) this.#alarm.wake(name, retryAt);
      await this.feed.flush();
      throw error;
    }
    if (names.length > LARGE) this.#spareMemory.giveBackSoon();
    const changed = await this.feed.flush();
    const isFirst = !this.feed.isReady;
    if (isFirst) {
      await this.feed.setReady();
      this.#spareMemory.giveBackSoon();
      this.#events.onReady(this.feed.totals.interfaces);
    }
    if (changed > 0) this.#lookAgainAtOutranked();
    if (changed > 0 && since !== undefined) {
      this.#events.onPublished(changed, (performance.now() - since) / 1000);
    }
    if (names.length > 0 || isFirst) this.#storedFacts.recordSoon();
  }

  /** A call name that another may have is told of that: what changed just now may have made it so, or no more. */
  #lookAgainAtOutranked(): void {
    const at = this.#clock.now() + OUTRANKED_MS;
    for (const name of this.#decisions.mayBeOutranked) this.#alarm.wakeBy(name, at);
  }

  /** The older ones first, then by name: newcomers of one delivery get their places in an order that is the same everywhere. */
  #sortByAge(names: InterfaceName[]): void {
    const ages = new Map<InterfaceName, number>();
    for (const name of names) {
      const ordinals = this.#ledger.servicesOf(name).map(({ ordinal }) => ordinal);
      if (ordinals.length > 0) ages.set(name, Math.min(...ordinals));
    }
    const ageOf = (name: InterfaceName) => ages.get(name) ?? Number.MAX_SAFE_INTEGER;
    names.sort((a, b) => ageOf(a) - ageOf(b) || (a < b ? -1 : 1));
  }

  /** Plans, has the plans recorded, and commits what they come to; one is recorded while the next is made. */
  async #steps(names: readonly InterfaceName[]): Promise<void> {
    let left = names;
    for (let attempt = 0; left.length > 0; attempt++) {
      const again = new Set<InterfaceName>();
      let committed: Promise<void> = Promise.resolve();
      for (let at = 0; at < left.length; at += STEP) {
        const before = committed;
        committed = this.#step(left.slice(at, at + STEP), before, again);
        // whoever awaits the last one learns of a failure
        committed.catch(() => {});
        await before;
        if (left.length > STEP) await nextTurn();
      }
      await committed;
      left = [...again];
      if (attempt < MAX_ATTEMPTS) continue;
      this.#mark(again);
      return;
    }
  }

  /**
   * One plan. What it decides stands in memory at once, so that the next one goes on from it; it is published when it is
   * recorded.
   *
   * @param before the step before is committed
   * @param again gets the interfaces that have to be planned again
   */
  async #step(
    names: readonly InterfaceName[],
    before: Promise<void>,
    again: Set<InterfaceName>,
  ): Promise<void> {
    const isWithholding = this.#recorder.isWithholding;
    const made = this.#plan(names);
    const staged = this.#stage(made);
    for (const step of made.ledger) this.#ledger.apply(step);
    for (const row of made.placements) this.#placements.apply(row);
    for (const step of made.names) this.book.apply(step);
    for (const step of made.applications) this.applications.apply(step);
    this.#mark(this.applications.takeAffected());
    this.#decisions.claim(made);
    const steps: StoreStep[] = [
      ...made.ledger,
      ...made.placements.map((row): StoreStep => ({ kind: 'put-placement', row })),
    ];
    const recorded = steps.length === 0 ? NOTHING_TO_RECORD : await this.#recorder.record(steps);
    await before;
    const planAgain = this.#toPlanAgain(made, recorded);
    for (const name of planAgain) again.add(name);
    this.#commit(made, staged, planAgain);
    // planned while the store refused, which it does no more
    if (isWithholding && !this.#recorder.isWithholding) this.#retryStarved();
  }

  #toPlanAgain(made: Plan, recorded: Recorded): ReadonlySet<InterfaceName> {
    if (recorded.kind === 'recorded') return NO_NAMES;
    // new addresses stand in memory, but may not be answered: the same plan without them
    if (recorded.kind === 'refused') return this.#withWithheld(made);
    // replicas that share a store may have been faster: what they took is theirs, and planned anew
    this.#adopt(recorded.rows);
    return new Set([...made.interfaces.keys()].filter((name) => this.#dirty.delete(name)));
  }

  #plan(names: readonly InterfaceName[]): Plan {
    const { intake } = this;
    const facts = {
      options: this.#options.plan,
      contributionsOf: (name: InterfaceName) => intake.contributionsOf(name),
      clusters: intake.clusters,
      ownership: intake.ownership,
      statics: this.#statics,
      isRefusing: intake.isRefusing,
    };
    const decided = {
      ledger: this.#ledger,
      placements: this.#placements,
      names: this.book,
      applications: this.applications,
      derives: (owner: InterfaceName, below: Prefix) => this.feed.derives(owner, below),
      publishedServices: (name: InterfaceName) => this.feed.servicesOf(name),
      isUnconfirmed: (name: InterfaceName) => this.#decisions.unconfirmed.has(name),
      isHeldElsewhere: (name: InterfaceName) => this.#decisions.heldElsewhere.has(name),
      waitingSince: (service: string) => this.#decisions.waiting.get(service),
      isWithholding: this.#recorder.isWithholding,
      withheld: (address: Parameters<Recorder['withheld']>[0]) => this.#recorder.withheld(address),
    };
    return plan(facts, decided, names, this.#clock.now());
  }

  #stage({ interfaces }: Plan): Map<InterfaceName, BlobAt> {
    const staged = new Map<InterfaceName, BlobAt>();
    for (const [name, { outcome }] of interfaces) {
      if (outcome.kind === 'published') staged.set(name, this.feed.stage(outcome.record, outcome.about));
      else if (outcome.kind === 'gone') staged.set(name, 0);
    }
    return staged;
  }

  #withWithheld({ interfaces }: Plan): Set<InterfaceName> {
    const names = new Set<InterfaceName>();
    for (const [name, { outcome }] of interfaces) {
      if (outcome.kind !== 'published') continue;
      const { services } = outcome.about;
      const isAnswered = services.some(({ vip }) => {
        return vip.addresses.some((address) => this.#recorder.withheld(address) !== undefined);
      });
      if (isAnswered) names.add(name);
    }
    return names;
  }

  #drop(staged: Map<InterfaceName, BlobAt>, names: Iterable<InterfaceName>): void {
    for (const name of names) {
      this.feed.discard(staged.get(name) ?? 0);
      staged.delete(name);
    }
  }

  /** Takes over what a plan came to, but for the interfaces that are planned again. */
  #commit(made: Plan, staged: Map<InterfaceName, BlobAt>, again: ReadonlySet<InterfaceName>): void {
    this.#drop(staged, again);
    const now = this.#clock.now();
    this.#decisions.wait(made);
    for (const [name, { outcome, refusals, watched }] of made.interfaces) {
      if (again.has(name)) continue;
      this.#alarm.wake(name, made.wakeAt.get(name));
      if (this.intake.clusters.clusters.length > 0) this.intake.clusters.watch(name, watched);
      this.#decisions.noteRefusals(name, refusals);
      const about = outcome.kind === 'published' ? outcome.about : undefined;
      const callNames = outcome.kind === 'published' ? outcome.record.callNames : [];
      this.#decisions.noteCallNames(name, callNames);
      this.#decisions.note(name, about, () => this.feed.published(name)?.about);
      // since it was planned a Service may have gone
      const at = outcome.kind === 'published' && isBehind(outcome.about) ? (staged.get(name) ?? 0) : 0;
      const standing = at === 0 ? undefined : this.#withdrawals.standing(at);
      if (standing === undefined) continue;
      this.feed.discard(at);
      staged.set(name, standing);
    }
    this.feed.commit(staged, now);
    for (const name of staged.keys()) {
      this.#decisions.claimed.delete(name);
      this.#events.onPlanned(name);
      this.#releaseNumber(name);
    }
  }

  /** Forgets an interface of which nothing is known any more. */
  #releaseNumber(name: InterfaceName): void {
    if (this.feed.isKnown(name) || this.intake.has(name) || this.#ledger.has(name)) return;
    // names that a plan claimed for it would be the next one's
    if (this.#decisions.claimed.has(name)) return;
    this.#decisions.forget(name);
    this.#numbers.release(name);
  }
}

/** Whether a Service of a cluster stands for one of its services. */
function isBehind({ services }: PlannedAbout): boolean {
  return services.some(({ vip }) => vip.behind !== undefined);
}

/** The interface of a service key's text, `group/interface:version`. */
function interfaceOf(service: string): InterfaceName {
  const start = service.indexOf('/') + 1;
  const colon = service.indexOf(':', start);
  return service.slice(start, colon < 0 ? undefined : colon) as InterfaceName;
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
