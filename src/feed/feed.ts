import { EndpointSets } from '../intake/endpoint-sets.ts';
import type { Address } from '../name/address.ts';
import type { NameKey, Prefix } from '../name/domain-name.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import type { InterfaceNumbers } from '../name/interface-numbers.ts';
import { Arena, type BlobAt } from '../packed/arena.ts';
import { float64Column, uint32Column } from '../packed/column.ts';
import { OctetWriter } from '../packed/octet-writer.ts';
import { Texts } from '../packed/texts.ts';
import { type About, type PlannedAbout, readAbout, readCounts, readLost, writeAbout } from '../plan/about.ts';
import { lowered } from '../plan/name-book.ts';
import type { EndpointList } from '../plan/record.ts';
import type { Endpoint } from '../registry/registration.ts';
import { hasBelow } from '../zone/interface-node.ts';
import { type Form, type InterfaceRecord, RecordView, writeRecord } from '../zone/interface-record.ts';
import type { PlannedZone } from '../zone/planned-zone.ts';
import type { InterfaceNumber, NamesOptions } from '../zone/registry-names.ts';
import { Journal } from './journal.ts';
import { type Build, type ChangeTarget, LineFeed, type Newcomer } from './line-feed.ts';
import type { Serials } from './serials.ts';

/** A change of more than half of all, and of at least so many, is built beside. */
const REBUILD_MIN = 2000;

/** What is published of an interface, for people. */
export interface PublishedInterface {
  readonly interface: InterfaceName;
  readonly callNames: readonly Prefix[];
  readonly domain: Prefix;
  readonly about: About;
  /** Unix milliseconds */
  readonly changedAt: number;
}

/** Sums over all interfaces, for metrics. */
export interface FeedTotals {
  interfaces: number;
  conflicts: number;
  occluded: number;
  leftOut: number;
  sharing: number;
}

/**
 * What is published: one record for each interface, in memory that all threads share, and the numbered revisions by which
 * it changes. The only way to the query line, and the only writer of serials; whoever shows what is answered reads here.
 */
export class Feed {
  readonly journal = new Journal();
  readonly serials: Serials;
  /** shared with what registries say: a set of endpoints rests once */
  readonly sets: EndpointSets;
  readonly totals: FeedTotals = { interfaces: 0, conflicts: 0, occluded: 0, leftOut: 0, sharing: 0 };
  readonly #numbers: InterfaceNumbers;
  readonly #arena: Arena;
  readonly #line: LineFeed;
  readonly #texts = new Texts();
  readonly #writer = new OctetWriter();
  readonly #records = uint32Column();
  readonly #changedAt = float64Column();
  #highest = 0;
  /** former records that the query line reads until the next flush */
  readonly #retired: BlobAt[] = [];
  /** the same of a flush that failed */
  readonly #stranded: BlobAt[] = [];
  /** numbers of interfaces whose committed records queries do not see yet */
  readonly #unseen = new Set<number>();
  /** a large change that is under way, and the interfaces that it changes */
  #build: Build | undefined;
  readonly #built = new Set<number>();
  /** all names have to be made anew */
  #isOutdated = true;
  #isReady = false;

  constructor(target: ChangeTarget, names: NamesOptions, numbers: InterfaceNumbers, serials: Serials) {
    this.serials = serials;
    this.#numbers = numbers;
    const records = { at: (number: number) => this.#records.get(number), numbers: () => this.#published() };
    this.#line = new LineFeed(target, records, names, serials);
    this.#arena = new Arena(true, (number, memory) => this.#line.chunk(number, memory));
    this.sets = new EndpointSets(this.#arena);
  }

  /** Whether names of registries are answered. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Octets of shared memory that records and endpoints take. */
  get octets(): number {
    return this.#arena.used;
  }

  /** Names answer in another way: all are made anew with the next change, or at once by {@link rebuild}. */
  setNames(names: NamesOptions): void {
    this.#line.setNames(names);
    this.#isOutdated = true;
  }

  has(name: InterfaceName): boolean {
    return this.#records.get(this.#numbers.find(name)) !== 0;
  }

  /** Whether its number is in use here: it is published, or queries have not seen yet that it is not. */
  isKnown(name: InterfaceName): boolean {
    const number = this.#numbers.find(name);
    return this.has(name) || this.#unseen.has(number) || this.#built.has(number);
  }

  /** Where its record rests; 0: it is not published. */
  recordOf(name: InterfaceName): BlobAt {
    return this.#records.get(this.#numbers.find(name));
  }

  *names(): Generator<InterfaceName> {
    for (const number of this.#published()) yield this.#numbers.nameOf(number);
  }

  published(name: InterfaceName): PublishedInterface | undefined {
    const number = this.#numbers.find(name);
    const view = this.#view(number);
    if (view === undefined) return undefined;
    const about = this.aboutOf(view, name);
    const changedAt = this.#changedAt.get(number);
    return { interface: name, callNames: view.callNames, domain: view.domain, about, changedAt };
  }

  /** Its record where it rests: read before anything else is done, as the next change may free it. */
  viewOf(name: InterfaceName): RecordView | undefined {
    return this.#view(this.#numbers.find(name));
  }

  servicesOf(name: InterfaceName): readonly ServiceKey[] | undefined {
    const view = this.#view(this.#numbers.find(name));
    return view === undefined ? undefined : this.aboutOf(view, name).services.map(({ key }) => key);
  }

  /** Names that an interface has, or wanted and did not get; lower-cased, relative to a zone. */
  *namesOf(name: InterfaceName): Generator<string> {
    const view = this.#view(this.#numbers.find(name));
    if (view === undefined) return;
    yield lowered(view.domain);
    for (const callName of view.callNames) yield lowered(callName);
    yield* readLost(view.about);
  }

  /** Whether an interface has a name at these labels in front of its own: a version, a group, SRV, an endpoint. */
  derives(name: InterfaceName, below: Prefix): boolean {
    const view = this.#view(this.#numbers.find(name));
    return view !== undefined && hasBelow(view, below);
  }

  endpointsOf(set: BlobAt): readonly Endpoint[] {
    return this.sets.read(set);
  }

  /** Makes a record ready to be published. Whoever does not publish it gives it back by {@link discard}. */
  stage(record: InterfaceRecord<EndpointList>, about: PlannedAbout): BlobAt {
    // the record holds each of its sets once
    const held: BlobAt[] = [];
    const hold = ({ endpoints, set }: EndpointList): BlobAt => {
      const at = set ?? this.sets.hold(endpoints);
      if (held.includes(at)) {
        if (set === undefined) this.sets.release(at);
        return at;
      }
      if (set !== undefined) this.sets.holdAgain(set);
      held.push(at);
      return at;
    };
    const forms: readonly Form[] = record.forms.map((form) => ({ ...form, endpoints: hold(form.endpoints) }));
    const services = about.services.map((service) => ({ ...service, endpoints: hold(service.endpoints) }));
    return this.#write({ ...record, forms }, { ...about, services });
  }

  discard(at: BlobAt): void {
    if (at === 0) return;
    for (const set of new RecordView(this.#arena, at).sets) this.sets.release(set);
    this.#arena.free(at);
  }

  /** The same staged or published record without these addresses, staged; undefined when it has none of them. */
  without(at: BlobAt, gone: (service: About['services'][number]) => string | undefined): BlobAt | undefined {
    if (at === 0) return undefined;
    const view = new RecordView(this.#arena, at);
    const name = view.interface as InterfaceName;
    const about = this.aboutOf(view, name);
    const dead = new Map<Address, string>();
    const services = about.services.map((service) => {
      const failure = gone(service);
      if (failure === undefined || service.vip.addresses.length === 0) return service;
      for (const address of service.vip.addresses) dead.set(address, failure);
      return { ...service, vip: { ...service.vip, addresses: [], failure } };
    });
    if (dead.size === 0) return undefined;
    const strip = <
      T extends { readonly addresses: readonly Address[]; readonly failure?: string | undefined },
    >(
      part: T,
    ): T => {
      const lost = part.addresses.find((address) => dead.has(address));
      if (lost === undefined) return part;
      const addresses = part.addresses.filter((address) => !dead.has(address));
      return { ...part, addresses, failure: dead.get(lost) };
    };
    const record: InterfaceRecord = {
      interface: name,
      callNames: view.callNames,
      domain: view.domain,
      instance: view.instance,
      ttl: view.ttl,
      forms: view.forms.map((form) => strip(form.unpacked())),
      applications: view.applications.map(strip),
    };
    for (const set of view.sets) this.sets.holdAgain(set);
    return this.#write(record, { ...about, services });
  }

  /** Whether publishing it would change nothing. */
  isPublished(name: InterfaceName, at: BlobAt): boolean {
    const before = this.#records.get(this.#numbers.find(name));
    if (before === 0 || at === 0) return before === at;
    return this.#arena.equals(before, this.#arena.view(at));
  }

  /**
   * Publishes staged records (0: the interface is gone): from now on they are what is published. Queries see them after
   * the next {@link flush}.
   *
   * @param now Unix milliseconds
   */
  commit(changes: ReadonlyMap<InterfaceName, BlobAt>, now: number): void {
    const numbers = this.#exchangeAll(changes, now);
    if (numbers.length === 0) return;
    const waiting = this.#build === undefined ? this.#unseen : this.#built;
    for (const number of numbers) waiting.add(number);
    this.#build?.add(numbers);
  }

  /** Publishes what must not wait for a large change that is under way. Resolves when queries see it. */
  async publishNow(changes: ReadonlyMap<InterfaceName, BlobAt>, now: number): Promise<void> {
    await this.#flushSmall(this.#exchangeAll(changes, now));
  }

  /** Whether the query line has to be told everything anew, because it could not be told something. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  /**
   * So many interfaces are about to be committed: if they are most of all, or everything has to be made anew, queries see
   * them all at once, and the query line builds while the rest is still decided.
   */
  expect(interfaces: number): void {
    if (this.#build !== undefined) return;
    const isLarge = interfaces > Math.max(REBUILD_MIN, this.totals.interfaces / 2);
    if (!isLarge && !this.#isOutdated) return;
    this.#isOutdated = false;
    this.#build = this.#line.build();
  }

  /** Shows queries what was committed, as one revision. Resolves when they see it. @returns how many interfaces changed */
  async flush(): Promise<number> {
    this.expect(this.#unseen.size);
    const build = this.#build;
    const numbers = [...this.#unseen, ...this.#built];
    this.#unseen.clear();
    this.#built.clear();
    if (build === undefined) return await this.#flushSmall(numbers);
    this.#build = undefined;
    const revision = this.#revisionOf(numbers);
    await this.#told(build.finish(), [...this.#retired.splice(0), ...this.#stranded.splice(0)]);
    if (numbers.length > 0) this.journal.add(revision.changed, revision.removed);
    return numbers.length;
  }

  /** Builds all names anew, and shows them at once. */
  async rebuild(): Promise<void> {
    this.#isOutdated = true;
    await this.flush();
  }

  async #flushSmall(numbers: readonly number[]): Promise<number> {
    if (numbers.length === 0) return 0;
    const revision = this.#revisionOf(numbers);
    // what a build under way replaces is read until its switch; then all of it is freed together
    const retired = this.#build === undefined ? this.#retired.splice(0) : [];
    await this.#told(this.#line.update(numbers), retired);
    this.journal.add(revision.changed, revision.removed);
    return numbers.length;
  }

  #revisionOf(numbers: readonly number[]): {
    readonly changed: InterfaceName[];
    readonly removed: InterfaceName[];
  } {
    const changed: InterfaceName[] = [];
    const removed: InterfaceName[] = [];
    for (const number of numbers) {
      (this.#records.get(number) === 0 ? removed : changed).push(this.#numbers.nameOf(number));
    }
    return { changed, removed };
  }

  /** Puts records in place of those before. @returns the interfaces for which they differ */
  #exchangeAll(changes: ReadonlyMap<InterfaceName, BlobAt>, now: number): InterfaceNumber[] {
    const numbers: InterfaceNumber[] = [];
    for (const [name, at] of changes) {
      if (this.isPublished(name, at)) this.discard(at);
      else numbers.push(this.#exchange(name, at, now));
    }
    return numbers;
  }

  #exchange(name: InterfaceName, at: BlobAt, now: number): InterfaceNumber {
    const number = this.#numbers.of(name);
    const before = this.#records.get(number);
    this.#count(before, -1);
    this.#count(at, 1);
    this.#records.set(number, at);
    this.#highest = Math.max(this.#highest, number);
    this.#changedAt.set(number, now);
    if (before !== 0) this.#retired.push(before);
    return number;
  }

  replaceZones(zones: readonly PlannedZone[], gone: readonly NameKey[]): Promise<void> {
    return this.#line.replaceZones(zones, gone);
  }

  /** Tells a query thread that was started later all that is published. Resolves when it answers as the others do. */
  join(newcomer: Newcomer): Promise<void> {
    return this.#line.join(newcomer, () => this.#arena.memory());
  }

  async setReady(): Promise<void> {
    this.#isReady = true;
    await this.#line.setReady(true);
  }

  /** @param retired former records that nobody reads any more when it is done */
  async #told(telling: Promise<void>, retired: readonly BlobAt[]): Promise<void> {
    try {
      await telling;
    } catch (error) {
      // what the query thread has is not known any more
      this.#isOutdated = true;
      this.#stranded.push(...retired);
      throw error;
    }
    for (const at of retired) this.discard(at);
  }

  *#published(): Generator<InterfaceNumber> {
    for (let number = 1; number <= this.#highest; number++) {
      if (this.#records.get(number) !== 0) yield number;
    }
  }

  #write(record: InterfaceRecord, about: About): BlobAt {
    this.#writer.reset();
    const sets = about.services.map(({ endpoints }) => endpoints);
    writeRecord(this.#writer, record, sets, (writer, all) => {
      writeAbout(writer, record.interface as InterfaceName, about, this.#texts, all);
    });
    return this.#arena.put(this.#writer.octets);
  }

  #view(number: number): RecordView | undefined {
    const at = this.#records.get(number);
    return at === 0 ? undefined : new RecordView(this.#arena, at);
  }

  aboutOf(view: RecordView, name: InterfaceName): About {
    const { sets } = view;
    return readAbout(view.about, name, this.#texts, sets);
  }

  #count(at: BlobAt, step: 1 | -1): void {
    if (at === 0) return;
    const { conflicts, occluded, leftOut, sharing } = readCounts(new RecordView(this.#arena, at).about);
    this.totals.interfaces += step;
    this.totals.conflicts += step * conflicts;
    this.totals.occluded += step * occluded;
    this.totals.leftOut += step * leftOut;
    this.totals.sharing += step * sharing;
  }
}
