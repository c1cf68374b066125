/**
 * What providers announce as one session sees it: `ROOT/<interface>/providers/<URL>`, as Dubbo's interface mode and SOFARPC
 * write it.
 *
 * A watch on the root, and one on each `providers`, both for their children; where a node is not there, one for its coming
 * (which needs no parents, so nothing above has to be watched). Every read arms its watch anew before its result is used,
 * and an event only marks its directory for another read: one at a time for each, so nothing is missed and a burst costs
 * little. No node of a provider is ever read: its name says all.
 *
 * First the root is listed once and each directory read once, and delivered at that; what changes meanwhile is read again
 * when all is delivered.
 */
import type { InterfaceName } from '../../name/interface-name.ts';
import { readDirectory, type SkippedEntry } from '../provider-directory.ts';
import type { Registration } from '../registration.ts';
import { MAX_SKIPPED_OF_UNIT } from '../skip-log.ts';
import type { StringPool } from '../string-pool.ts';
import type { Replacement } from '../watcher.ts';
import {
  CHANGED,
  DELIVERED,
  Directories,
  GONE,
  NEVER_READ,
  READING,
  UNREAD,
  VERSIONED,
} from './directories.ts';
import type { Layout } from './layouts.ts';
import type { ZooKeeperOptions } from './options.ts';
import type { NameFilter } from './protocol.ts';
import { ReadQueue } from './read-queue.ts';
import type { ListReply, Session } from './session.ts';

/** What a tree needs of its session. */
export type TreeSource = Pick<Session, 'list' | 'exists' | 'drop'>;

export interface TreeHandlers {
  /** Once; what is put is everything. A unit is the name of an interface's node. */
  replace(): Replacement;
  /** Everything was put, and `done`: from now on there are updates. */
  complete(): void;
  update(unit: string, registrations: readonly Registration[]): void;
  /** What cannot be used in a unit now; none: all of it can. */
  skipped(unit: string, entries: readonly { readonly reason: string; readonly detail: string }[]): void;
  /** The periodic reading found something of which no event told. */
  missed(unit: string): void;
  relisted(): void;
  /** Whether an interface has a version or a group is another than before. */
  versionedChanged(name: InterfaceName): void;
}

/** The periodic reading is in no hurry. */
const RELIST_PARALLEL = 8;
/** A list of 100,000 children costs 30 ms of CPU: so long a pause holds it under a fifth of a core. */
const ROOT_GAP_MS_PER_CHILD = 0.0015;

const PROVIDERS = '/providers';

type Outcome = Exclude<ListReply, { readonly kind: 'no-node' }> | { readonly kind: 'again' };

export class ProviderTree {
  readonly #session: TreeSource;
  readonly #options: ZooKeeperOptions;
  readonly #chroot: string;
  readonly #handlers: TreeHandlers;
  readonly #pool: StringPool;
  readonly #layout: Layout;
  /** the root without an end slash, as people know it: below the chroot */
  readonly #root: string;
  readonly #directories = new Directories();
  readonly #see: NameFilter = (octets, from, to) => this.#directories.see(octets, from, to);
  readonly #queue: ReadQueue;
  /** from the first list of the root until it is done */
  #replacement: Replacement | undefined;
  #complete = false;
  #unread = 0;
  #rootVersion = NEVER_READ;
  #rootBusy = false;
  #rootChanged = false;
  #rootWanted = false;
  #rootReadAt = Number.NEGATIVE_INFINITY;
  #rootTimer: NodeJS.Timeout | undefined;
  #relistTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    session: TreeSource,
    options: ZooKeeperOptions,
    chroot: string,
    handlers: TreeHandlers,
    pool: StringPool,
    layout: Layout,
  ) {
    this.#session = session;
    this.#options = options;
    this.#chroot = chroot;
    this.#handlers = handlers;
    this.#pool = pool;
    this.#layout = layout;
    this.#root = options.roots[layout.name].replace(/\/+$/, '');
    this.#queue = new ReadQueue(options.parallelReads, (directory) => this.#readDirectory(directory));
    this.#onRootEvent();
  }

  event(path: string): void {
    if (this.#closed) return;
    const base = this.#chroot + this.#root;
    if (path === (base || '/')) {
      this.#onRootEvent();
      return;
    }
    if (!path.startsWith(`${base}/`) || !path.endsWith(PROVIDERS)) return;
    const directory = this.#directories.find(path.slice(base.length + 1, -PROVIDERS.length));
    // one that is not known any more was watched for its coming: the root has its event too
    if (directory !== undefined) this.#onDirectoryEvent(directory);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#rootTimer);
    clearTimeout(this.#relistTimer);
  }

  #onDirectoryEvent(directory: number): void {
    this.#directories.set(directory, CHANGED);
    if (this.#complete && !this.#directories.has(directory, READING)) this.#queue.changed(directory);
  }

  #onRootEvent(): void {
    this.#rootChanged = true;
    if (this.#replacement === undefined) this.#wantRoot();
  }

  #wantRoot(): void {
    this.#rootWanted = true;
    if (this.#rootBusy) return;
    this.#rootBusy = true;
    const gapMs = Math.max(this.#options.rootGapMs, this.#directories.size * ROOT_GAP_MS_PER_CHILD);
    const waitMs = this.#rootReadAt + gapMs - performance.now();
    if (waitMs <= 0) void this.#readRoot();
    else this.#rootTimer = setTimeout(() => void this.#readRoot(), waitMs);
  }

  async #readRoot(): Promise<void> {
    const announced = this.#rootChanged;
    this.#rootChanged = false;
    this.#rootWanted = false;
    this.#rootReadAt = performance.now();
    const outcome = await this.#list(this.#root || '/', this.#rootVersion, this.#see);
    if (this.#closed) return;
    if (outcome.kind === 'refused') return this.#session.drop(`${this.#root || '/'}: ${outcome.reason}`);
    this.#rootBusy = false;
    if (outcome.kind === 'again') this.#onRootEvent();
    if (outcome.kind === 'list') {
      this.#rootVersion = outcome.version;
      const changes = this.#takeRoot(outcome.names);
      if (changes > 0 && this.#complete && !announced && !this.#rootChanged)
        this.#handlers.missed(this.#root || '/');
      if (!this.#complete) this.#begin();
    }
    if (this.#rootWanted) this.#wantRoot();
  }

  /**
   * @param nodes of the list, those that are not known
   * @returns how many directories came or went
   */
  #takeRoot(nodes: readonly string[]): number {
    const skipped: SkippedEntry[] = [];
    const gone = this.#directories.unseen();
    let changes = gone.length;
    for (const directory of gone) this.#forget(directory);
    for (const node of nodes) {
      const reading = this.#layout.readDirectoryName(node);
      if (reading.kind === 'bad' && skipped.length < MAX_SKIPPED_OF_UNIT)
        skipped.push({ ...reading, detail: `${this.#root}/${node}: ${reading.detail}` });
      if (reading.kind !== 'interface') continue;
      changes++;
      const directory = this.#directories.add(node);
      if (this.#complete) this.#onDirectoryEvent(directory);
    }
    this.#handlers.skipped(this.#root || '/', skipped);
    return changes;
  }

  #begin(): void {
    this.#replacement = this.#handlers.replace();
    this.#unread = this.#directories.size;
    for (const directory of this.#directories.all()) this.#directories.set(directory, UNREAD);
    this.#queue.lookOver(this.#directories.all());
    this.#completeWhenRead();
  }

  #forget(directory: number): void {
    const unit = this.#directories.node(directory);
    this.#directories.remove(directory);
    this.#queue.forget(directory);
    this.#handlers.skipped(unit, []);
    if (this.#directories.has(directory, DELIVERED)) this.#handlers.update(unit, []);
    if (!this.#directories.has(directory, READING)) this.#directories.release(directory);
  }

  async #readDirectory(directory: number): Promise<void> {
    const directories = this.#directories;
    if (this.#closed || directories.has(directory, READING)) return;
    const announced = directories.has(directory, CHANGED);
    directories.clear(directory, CHANGED);
    directories.set(directory, READING);
    const path = this.#pathOf(directory);
    const outcome = await this.#list(path, directories.version(directory));
    directories.clear(directory, READING);
    if (this.#closed || outcome.kind === 'lost') return;
    if (directories.has(directory, GONE)) return directories.release(directory);
    if (outcome.kind === 'again') {
      directories.set(directory, CHANGED);
      return this.#queue.changed(directory);
    }
    if (outcome.kind === 'refused') {
      // what it said before is not taken back: that it cannot be read says nothing of its providers
      const detail = `${path}: ${outcome.reason}`;
      this.#handlers.skipped(directories.node(directory), [{ reason: 'unreadable', detail }]);
      directories.setVersion(directory, NEVER_READ);
    }
    if (outcome.kind === 'list' && outcome.version !== directories.version(directory)) {
      const isNews = this.#complete && !announced && !directories.has(directory, CHANGED);
      if (isNews) this.#handlers.missed(path);
      directories.setVersion(directory, outcome.version);
      this.#take(directory, path, outcome.names);
    }
    if (this.#complete && directories.has(directory, CHANGED)) this.#queue.changed(directory);
    if (!directories.has(directory, UNREAD)) return;
    directories.clear(directory, UNREAD);
    this.#unread--;
    this.#completeWhenRead();
  }

  #take(directory: number, path: string, nodes: string[]): void {
    const unit = this.#directories.node(directory);
    const reading = this.#layout.readDirectoryName(unit);
    if (reading.kind !== 'interface') return;
    // one string for the unit and the name, where they are equal
    const name = reading.name === unit ? (unit as InterfaceName) : reading.name;
    const { registrations, skipped } = readDirectory(
      name,
      path,
      nodes,
      this.#pool,
      this.#layout.readProviderName,
    );
    this.#handlers.skipped(unit, skipped);
    this.#setVersioned(
      directory,
      name,
      registrations.some(({ version, group }) => version !== '' || group !== ''),
    );
    const wasDelivered = this.#directories.has(directory, DELIVERED);
    if (registrations.length === 0 && !wasDelivered) return;
    if (registrations.length > 0) this.#directories.set(directory, DELIVERED);
    else this.#directories.clear(directory, DELIVERED);
    if (this.#complete) this.#handlers.update(unit, registrations);
    else this.#replacement?.put(unit, registrations);
  }

  /** Whether it has an interface with a version or a group. */
  isVersioned(name: InterfaceName): boolean {
    const directory = this.#directories.find(encodeURIComponent(name)) ?? this.#directories.find(name);
    return directory !== undefined && this.#directories.has(directory, VERSIONED);
  }

  #setVersioned(directory: number, name: InterfaceName, isVersioned: boolean): void {
    if (this.#directories.has(directory, VERSIONED) === isVersioned) return;
    if (isVersioned) this.#directories.set(directory, VERSIONED);
    else this.#directories.clear(directory, VERSIONED);
    this.#handlers.versionedChanged(name);
  }

  #completeWhenRead(): void {
    if (this.#unread > 0 || this.#complete) return;
    this.#complete = true;
    this.#queue.lookParallel = Math.min(RELIST_PARALLEL, this.#options.parallelReads);
    this.#armRelist();
    this.#replacement?.done();
    this.#replacement = undefined;
    this.#handlers.complete();
    for (const directory of this.#directories.all()) {
      if (this.#directories.has(directory, CHANGED)) this.#queue.changed(directory);
    }
    if (this.#rootChanged) this.#wantRoot();
  }

  #armRelist(): void {
    const delayMs = this.#options.relistMs * (0.8 + 0.4 * Math.random());
    this.#relistTimer = setTimeout(() => {
      this.#handlers.relisted();
      this.#wantRoot();
      this.#queue.lookOver(this.#directories.all());
      this.#armRelist();
    }, delayMs);
  }

  /** A node's children; none when it is not there, and a watch for its coming. */
  async #list(path: string, knownVersion: number, leaveOut?: NameFilter): Promise<Outcome> {
    const full = path === '/' ? this.#chroot || '/' : this.#chroot + path;
    const reply = await this.#session.list(full, knownVersion, leaveOut);
    if (reply.kind !== 'no-node') return reply;
    const existence = await this.#session.exists(full);
    if (existence.kind === 'exists') return { kind: 'again' };
    return existence.kind === 'no-node' ? { kind: 'list', names: [], version: 0 } : existence;
  }

  #pathOf(directory: number): string {
    return `${this.#root}/${this.#directories.node(directory)}${PROVIDERS}`;
  }
}
