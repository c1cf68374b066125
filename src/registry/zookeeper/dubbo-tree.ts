/**
 * Dubbo's interface mode as one session sees it: `ROOT/<interface>/providers/<URL>`.
 *
 * A watch on the root, and one on each `providers`, both for their children; where a node is not there, one for its coming
 * (which needs no parents, so nothing above has to be watched). Every read arms its watch anew before its result is used,
 * and an event only marks its directory for another read: one at a time for each, so nothing is missed and a burst costs
 * little. No node of a provider is ever read: its name says all.
 */
import { hash } from 'node:crypto';
import type { InterfaceName } from '../../name/interface-name.ts';
import type { Registration } from '../registration.ts';
import type { ZooKeeperOptions } from './options.ts';
import { readDirectory, readDirectoryName, type SkippedEntry } from './parse.ts';
import { ReadQueue } from './read-queue.ts';
import type { ListReply, Session } from './session.ts';
import type { StringPool } from './string-pool.ts';

/** What a tree needs of its session. */
export type TreeSource = Pick<Session, 'list' | 'exists' | 'drop'>;

export interface TreeHandlers {
  /** Everything, once, when all was read. */
  snapshot(units: ReadonlyMap<string, readonly Registration[]>): void;
  update(unit: string, registrations: readonly Registration[]): void;
  /** What cannot be used in a unit now; none: all of it can. */
  skipped(unit: string, entries: readonly SkippedEntry[]): void;
  /** The periodic reading found something of which no event told. */
  missed(unit: string): void;
  relisted(): void;
}

/** One child of the root. Kept small: there are 100,000. */
interface Directory {
  /** as the node is called */
  readonly node: string;
  readonly interface: InterfaceName;
  /** of the names of the providers that were delivered last; 0: none */
  digest: number;
  queued: boolean;
  reading: boolean;
  /** an event came that no read has answered yet */
  changed: boolean;
  /** not read since the session began */
  fresh: boolean;
  gone: boolean;
}

/** The periodic reading is in no hurry. */
const RELIST_PARALLEL = 8;
/** A list of 100,000 children costs 50–80 ms of CPU: so long a pause holds it under a fifth of a core. */
const ROOT_GAP_MS_PER_CHILD = 0.004;

type Outcome = Exclude<ListReply, { readonly kind: 'no-node' }> | { readonly kind: 'again' };

export class DubboTree {
  readonly #session: TreeSource;
  readonly #options: ZooKeeperOptions;
  readonly #chroot: string;
  readonly #handlers: TreeHandlers;
  readonly #pool: StringPool;
  /** the root without an end slash, as people know it: below the chroot */
  readonly #root: string;
  readonly #directories = new Map<string, Directory>();
  readonly #queue: ReadQueue<Directory>;
  /** until it is delivered */
  #snapshot: Map<string, readonly Registration[]> | undefined = new Map();
  #unread = 0;
  #rootRead = false;
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
  ) {
    this.#session = session;
    this.#options = options;
    this.#chroot = chroot;
    this.#handlers = handlers;
    this.#pool = pool;
    this.#root = options.root.replace(/\/+$/, '');
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
    const node = /^\/([^/]+)\/providers$/.exec(path.slice(base.length))?.[1] ?? '';
    const directory = this.#directories.get(node);
    // one that is not known any more was watched for its coming: the root has its event too
    if (directory !== undefined) this.#onDirectoryEvent(directory);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#rootTimer);
    clearTimeout(this.#relistTimer);
  }

  #onDirectoryEvent(directory: Directory): void {
    directory.changed = true;
    if (!directory.reading) this.#queue.changed(directory);
  }

  #onRootEvent(): void {
    this.#rootChanged = true;
    this.#wantRoot();
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
    const outcome = await this.#list(this.#root || '/');
    if (this.#closed) return;
    if (outcome.kind === 'refused') return this.#session.drop(`${this.#root || '/'}: ${outcome.reason}`);
    if (outcome.kind === 'again') this.#onRootEvent();
    if (outcome.kind === 'list') {
      const changes = this.#takeRoot(outcome.names);
      if (changes > 0 && !announced && !this.#rootChanged) this.#handlers.missed(this.#root || '/');
      this.#rootRead = true;
      this.#deliverWhenComplete();
    }
    this.#rootBusy = false;
    if (this.#rootWanted) this.#wantRoot();
  }

  /** @returns how many directories came or went */
  #takeRoot(nodes: readonly string[]): number {
    const present = new Set(nodes);
    const skipped: SkippedEntry[] = [];
    let changes = 0;
    for (const directory of this.#directories.values()) {
      if (present.has(directory.node)) continue;
      changes++;
      this.#forget(directory);
    }
    for (const node of present) {
      if (this.#directories.has(node)) continue;
      const reading = readDirectoryName(node);
      if (reading.kind === 'bad')
        skipped.push({ ...reading, detail: `${this.#root}/${node}: ${reading.detail}` });
      if (reading.kind !== 'interface') continue;
      changes++;
      this.#discover(node, reading.name);
    }
    this.#handlers.skipped(this.#root || '/', skipped);
    return changes;
  }

  #discover(node: string, name: InterfaceName): void {
    const directory: Directory = {
      node,
      interface: node === name ? (node as InterfaceName) : name,
      digest: 0,
      queued: false,
      reading: false,
      changed: false,
      fresh: true,
      gone: false,
    };
    this.#directories.set(node, directory);
    this.#unread++;
    this.#onDirectoryEvent(directory);
  }

  #forget(directory: Directory): void {
    this.#directories.delete(directory.node);
    directory.gone = true;
    this.#markRead(directory);
    const unit = this.#unitOf(directory);
    this.#handlers.skipped(unit, []);
    if (directory.digest !== 0) this.#deliver(unit, []);
  }

  async #readDirectory(directory: Directory): Promise<void> {
    if (directory.gone || this.#closed) return;
    const announced = directory.changed;
    directory.changed = false;
    directory.reading = true;
    const unit = this.#unitOf(directory);
    const outcome = await this.#list(unit);
    directory.reading = false;
    if (this.#closed || directory.gone || outcome.kind === 'lost') return;
    if (outcome.kind === 'again') directory.changed = true;
    else this.#markRead(directory);
    if (outcome.kind === 'refused') {
      // what it said before is not taken back: that it cannot be read says nothing of its providers
      this.#handlers.skipped(unit, [{ reason: 'unreadable', detail: `${unit}: ${outcome.reason}` }]);
    }
    if (outcome.kind === 'list') this.#take(directory, unit, outcome.names, announced);
    if (directory.changed) this.#queue.changed(directory);
    this.#deliverWhenComplete();
  }

  #take(directory: Directory, unit: string, nodes: string[], announced: boolean): void {
    const digest = digestOf(nodes);
    if (digest === directory.digest) return;
    if (!announced && !directory.changed) this.#handlers.missed(unit);
    directory.digest = digest;
    const { registrations, skipped } = readDirectory(directory.interface, unit, nodes, this.#pool);
    this.#handlers.skipped(unit, skipped);
    this.#deliver(unit, registrations);
  }

  #deliver(unit: string, registrations: readonly Registration[]): void {
    if (this.#snapshot === undefined) this.#handlers.update(unit, registrations);
    else if (registrations.length === 0) this.#snapshot.delete(unit);
    else this.#snapshot.set(unit, registrations);
  }

  #markRead(directory: Directory): void {
    if (directory.fresh) this.#unread--;
    directory.fresh = false;
  }

  #deliverWhenComplete(): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined || !this.#rootRead || this.#unread > 0) return;
    this.#snapshot = undefined;
    this.#queue.lookParallel = Math.min(RELIST_PARALLEL, this.#options.parallelReads);
    this.#armRelist();
    this.#handlers.snapshot(snapshot);
  }

  #armRelist(): void {
    const delayMs = this.#options.relistMs * (0.8 + 0.4 * Math.random());
    this.#relistTimer = setTimeout(() => {
      this.#handlers.relisted();
      this.#wantRoot();
      this.#queue.lookOver([...this.#directories.values()].filter((directory) => !directory.reading));
      this.#armRelist();
    }, delayMs);
  }

  /** A node's children; none when it is not there, and a watch for its coming. */
  async #list(path: string): Promise<Outcome> {
    const full = path === '/' ? this.#chroot || '/' : this.#chroot + path;
    const reply = await this.#session.list(full);
    if (reply.kind !== 'no-node') return reply;
    const existence = await this.#session.exists(full);
    if (existence.kind === 'exists') return { kind: 'again' };
    return existence.kind === 'no-node' ? { kind: 'list', names: [] } : existence;
  }

  #unitOf(directory: Directory): string {
    return `${this.#root}/${directory.node}/providers`;
  }
}

/** 48 bits that stand for a set of names; 0 for the empty one. */
function digestOf(nodes: readonly string[]): number {
  if (nodes.length === 0) return 0;
  return hash('sha1', [...nodes].sort().join('\n'), 'buffer').readUIntBE(0, 6) || 1;
}
