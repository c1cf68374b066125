/**
 * Nodes of one session that are followed one by one: lists of children, and data. Every read arms its watch anew before its
 * result is used, and an event only marks its node for another read: one at a time for each, so nothing is missed and a
 * burst costs little.
 */
import { Fifo } from './fifo.ts';
import type { Session } from './session.ts';

/** What the nodes need of their session. */
export type NodeSource = Pick<Session, 'list' | 'get' | 'exists' | 'drop'>;

export interface NodeHandlers {
  /** It may not be read: what it said before is not taken back. */
  refused(path: string, reason: string): void;
  /** The periodic reading found something of which no event told. */
  missed(path: string): void;
  /** All that was asked for has been read. */
  settled(): void;
}

/** undefined: there is no such node */
type Content = Buffer | readonly string[] | undefined;

const NEVER_READ = -1;
const ABSENT = 0;
/** The periodic reading is in no hurry. */
const RELIST_PARALLEL = 8;

/** A node that is followed, until it is dropped. */
export class WatchedNode {
  /** below the chroot */
  readonly path: string;
  readonly isList: boolean;
  /** whether its coming is watched for while it is not there; else somebody has to ask for it {@link WatchedNodes.again} */
  readonly isAwaited: boolean;
  readonly take: (content: Content) => void;
  version = NEVER_READ;
  isRefused = false;
  isDropped = false;
  isReading = false;
  /** an event came that no read has answered yet */
  isChanged = false;

  constructor(path: string, isList: boolean, isAwaited: boolean, take: (content: Content) => void) {
    this.path = path;
    this.isList = isList;
    this.isAwaited = isAwaited;
    this.take = take;
  }

  /** Whether it is known what it holds, or that nobody may know. */
  get isRead(): boolean {
    return this.version !== NEVER_READ || this.isRefused;
  }

  get isAbsent(): boolean {
    return this.version === ABSENT;
  }
}

export class WatchedNodes {
  readonly #session: NodeSource;
  readonly #chroot: string;
  readonly #parallel: number;
  readonly #handlers: NodeHandlers;
  readonly #nodes = new Map<string, WatchedNode>();
  readonly #queue = new Fifo<WatchedNode>();
  /** looked over in no hurry */
  readonly #slow = new Fifo<WatchedNode>();
  #running = 0;
  #isClosed = false;

  constructor(session: NodeSource, chroot: string, parallel: number, handlers: NodeHandlers) {
    this.#session = session;
    this.#chroot = chroot;
    this.#parallel = parallel;
    this.#handlers = handlers;
  }

  /** Follows the names of a node's children; undefined: it is not there. */
  list(path: string, isAwaited: boolean, take: (names: readonly string[] | undefined) => void): WatchedNode {
    return this.#add(new WatchedNode(path, true, isAwaited, take as (content: Content) => void));
  }

  /** Follows a node's data; undefined: it is not there. */
  data(path: string, isAwaited: boolean, take: (data: Buffer | undefined) => void): WatchedNode {
    return this.#add(new WatchedNode(path, false, isAwaited, take as (content: Content) => void));
  }

  drop(node: WatchedNode): void {
    node.isDropped = true;
    if (this.#nodes.get(node.path) === node) this.#nodes.delete(node.path);
  }

  /** Reads it again. */
  again(node: WatchedNode): void {
    if (node.isChanged) return;
    node.isChanged = true;
    if (!node.isReading) this.#enqueue(node);
  }

  /** @param path as the server says it, with the chroot */
  event(path: string): void {
    const node = path.startsWith(this.#chroot) ? this.#nodes.get(path.slice(this.#chroot.length)) : undefined;
    if (node !== undefined) this.again(node);
  }

  /** Reads everything again, to find events that were missed. */
  relist(): void {
    for (const node of this.#nodes.values()) this.#slow.push(node);
    this.#run();
  }

  close(): void {
    this.#isClosed = true;
  }

  #add(node: WatchedNode): WatchedNode {
    this.#nodes.set(node.path, node);
    this.again(node);
    return node;
  }

  #enqueue(node: WatchedNode): void {
    this.#queue.push(node);
    this.#run();
  }

  #run(): void {
    while (!this.#isClosed && this.#running < this.#parallel) {
      const node = this.#queue.shift() ?? (this.#running < RELIST_PARALLEL ? this.#slow.shift() : undefined);
      if (node === undefined) return;
      if (node.isDropped || node.isReading) continue;
      this.#running++;
      void this.#read(node).then(() => {
        this.#running--;
        if (this.#isClosed) return;
        this.#run();
        if (this.#running === 0) this.#handlers.settled();
      });
    }
  }

  async #read(node: WatchedNode): Promise<void> {
    const wasAnnounced = node.isChanged;
    node.isChanged = false;
    node.isReading = true;
    const path = this.#chroot + node.path;
    const reply = node.isList
      ? await this.#session.list(path, node.version)
      : await this.#session.get(path, node.version);
    const isThere =
      reply.kind === 'no-node' && node.isAwaited
        ? (await this.#session.exists(path)).kind === 'exists'
        : false;
    node.isReading = false;
    if (this.#isClosed || node.isDropped) return;
    if (isThere || node.isChanged) {
      node.isChanged = true;
      this.#queue.push(node);
    }
    // it came between the two questions, and is read again
    if (isThere) return;
    const before = node.version;
    if (reply.kind === 'refused') {
      node.isRefused = true;
      this.#handlers.refused(node.path, reply.reason);
      if (before === NEVER_READ) node.take(undefined);
      return;
    }
    if (reply.kind === 'lost' || reply.kind === 'unchanged') return;
    node.version = reply.kind === 'no-node' ? ABSENT : reply.version;
    node.isRefused = false;
    if (node.version === before) return;
    if (!wasAnnounced) this.#handlers.missed(node.path);
    node.take(reply.kind === 'list' ? reply.names : reply.kind === 'data' ? reply.data : undefined);
  }
}
