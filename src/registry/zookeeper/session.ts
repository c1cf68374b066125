/**
 * One ZooKeeper session on one connection, used until its first fault and never again: the guard around
 * node-zookeeper-client.
 *
 * The library connects, authenticates, pings, decodes events and takes leave; it is not trusted with anything else. Its
 * reconnection is cut off (a session that was lost once is dead for ever), its frames come whole from us (a cut one would
 * poison the next connection), what its handlers throw ends this session and not the process, and its table of watches
 * stays empty: one handler gets all events. So it never sends SetWatches, whose frame outgrows the server's 1 MiB at some
 * 10,000 watches, and one connection carries the watches of any number of interfaces. Lists and their like are asked
 * past it, on its socket (`protocol.ts`).
 */
import type { OnReadOpts, Socket } from 'node:net';
import zookeeper, { type Client, Exception, State } from 'node-zookeeper-client';
import { Fifo } from './fifo.ts';
import { FrameReader } from './frame-reader.ts';
import type { ServerAddress, ZooKeeperOptions } from './options.ts';
import {
  childrenNames,
  childrenVersion,
  dataVersion,
  EXISTS,
  encodeRequest,
  errorOf,
  GET_CHILDREN,
  GET_DATA,
  type NameFilter,
  nodeData,
  xidOf,
} from './protocol.ts';

export interface SessionHandlers {
  /** The server granted the session. */
  opened(): void;
  /** A watched node or its list of children changed; the watch is used up. */
  event(path: string): void;
  /** Once, when the session ends otherwise than by `close()`. */
  lost(reason: string): void;
}

export type ListReply =
  /** `version` is another one whenever a child came or went; never 0, nor negative */
  | { readonly kind: 'list'; readonly names: string[]; readonly version: number }
  /** the version is the known one */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'no-node' }
  /** this node cannot be read: its ACL forbids it */
  | { readonly kind: 'refused'; readonly reason: string }
  /** the session is over */
  | { readonly kind: 'lost' };

export type DataReply =
  /** `version` is another one whenever the data was written, or the node made anew; never 0, nor negative */
  | { readonly kind: 'data'; readonly data: Buffer; readonly version: number }
  | { readonly kind: 'unchanged' }
  | Refusal;

export type ExistsReply = { readonly kind: 'exists' } | Refusal;

/** What of the library's inside is leaned on; its version is pinned. */
interface ConnectionManager {
  readonly socket?: Socket;
  readonly connectTimeoutHandler: NodeJS.Timeout | null;
  findNextServer(callback: (server: ServerAddress & { onread: OnReadOpts }) => void): void;
  onSocketData(octets: Buffer): void;
  onSocketClosed(): void;
  onSocketError(error: NodeJS.ErrnoException): void;
  watcherManager: { emit(event: { type: number; path: string }): void; isEmpty(): boolean };
}

type Refusal = Exclude<ListReply, { readonly kind: 'list' | 'unchanged' }>;

interface Call {
  readonly xid: number;
  readonly startedAt: number;
  /** with the reply's frame; undefined: the session is over. Throws when the frame is not what it should be. */
  finish(frame: Buffer | undefined): void;
}

const RECEIVE_OCTETS = 16 * 1024;
const TICK_MS = 250;
/** How long `close()` waits for the server to take leave. */
const CLOSE_DEADLINE_MS = 500;
/** A granted session: length, version, timeout, id, password of 16 octets, and perhaps 'read only'. */
const CONNECT_REPLY_OCTETS: ReadonlySet<number> = new Set([40, 41]);
/** Created, deleted, data changed, children changed. */
const EVENT_TYPES: ReadonlySet<number> = new Set([1, 2, 3, 4]);

export class Session {
  readonly #server: ServerAddress;
  readonly #options: ZooKeeperOptions;
  readonly #handlers: SessionHandlers;
  readonly #client: Client;
  readonly #manager: ConnectionManager;
  readonly #frames = new FrameReader();
  /** in the order in which they were made, which is that of the replies */
  readonly #calls = new Fifo<Call>();
  #xid = 0;
  /** requests of this turn, sent with one write */
  #outgoing: Buffer[] = [];
  #state: 'connecting' | 'open' | 'dead' = 'connecting';
  #timer: NodeJS.Timeout | undefined;
  #heardAt = performance.now();
  #tickedAt = performance.now();
  #probing = false;
  #socketProblem = '';

  /** Begins to connect. */
  constructor(server: ServerAddress, options: ZooKeeperOptions, handlers: SessionHandlers) {
    this.#server = server;
    this.#options = options;
    this.#handlers = handlers;
    // this name is only parsed: findNextServer below decides, and knows IPv6
    this.#client = zookeeper.createClient('localhost', {
      sessionTimeout: options.sessionTimeoutMs,
      retries: 0,
    });
    this.#manager = (this.#client as unknown as { connectionManager: ConnectionManager }).connectionManager;
    this.#tame(this.#manager);
    if (options.digest !== undefined) this.#client.addAuthInfo('digest', Buffer.from(options.digest));
    this.#client.on('state', (state) => this.#onState(state));
    this.#timer = setTimeout(() => this.drop('no session in time'), options.connectTimeoutMs);
    this.#guard(() => this.#client.connect());
  }

  /**
   * Lists a node's children and leaves a watch for the next change of the list, or for the node's deletion.
   *
   * @param knownVersion of the list that its caller has: the same is not read again
   */
  list(path: string, knownVersion = -1, leaveOut?: NameFilter): Promise<ListReply> {
    return this.#call<ListReply>(GET_CHILDREN, path, true, (frame) => {
      const version = childrenVersion(frame);
      return version === knownVersion
        ? { kind: 'unchanged' }
        : { kind: 'list', names: childrenNames(frame, leaveOut), version };
    });
  }

  /**
   * Reads a node's data and leaves a watch for its next change, or for the node's deletion.
   *
   * @param knownVersion of the data that its caller has: the same is not read again
   */
  get(path: string, knownVersion = -1): Promise<DataReply> {
    return this.#call<DataReply>(GET_DATA, path, true, (frame) => {
      const version = dataVersion(frame);
      return version === knownVersion
        ? { kind: 'unchanged' }
        : { kind: 'data', data: nodeData(frame), version };
    });
  }

  /** Asks for a node and leaves a watch for its coming or going; its parents need not exist. */
  exists(path: string): Promise<ExistsReply> {
    return this.#call<ExistsReply>(EXISTS, path, true, () => ({ kind: 'exists' }));
  }

  /** Ends it because of a fault. */
  drop(reason: string): void {
    if (this.#state === 'dead') return;
    this.#end();
    this.#manager.socket?.destroy();
    this.#handlers.lost(`${this.#server.host}:${this.#server.port}: ${reason}`);
  }

  /** Ends it in order; `lost` is not called any more. */
  close(): Promise<void> {
    const wasOpen = this.#state === 'open';
    this.#end();
    const { socket } = this.#manager;
    if (socket === undefined || socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), CLOSE_DEADLINE_MS);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      if (wasOpen) this.#client.close();
      else socket.destroy();
    });
  }

  #tame(manager: ConnectionManager): void {
    const receive = manager.onSocketData.bind(manager);
    // one buffer for all that comes: a new one for each piece would leave holes in the process's memory for good
    const onread: OnReadOpts = {
      buffer: Buffer.allocUnsafe(RECEIVE_OCTETS),
      callback: (length, buffer) => {
        this.#guard(() => this.#onOctets(Buffer.from(buffer.buffer, buffer.byteOffset, length), receive));
        return true;
      },
    };
    manager.findNextServer = (callback) => callback({ ...this.#server, onread });
    manager.onSocketError = (error) => {
      this.#socketProblem = error.message || (error.code ?? '');
    };
    manager.onSocketClosed = () => this.drop(this.#socketProblem || 'connection closed');
    manager.watcherManager = {
      isEmpty: () => true,
      emit: ({ type, path }) => {
        if (!EVENT_TYPES.has(type)) throw new Error(`unknown event type ${type}`);
        this.#handlers.event(path);
      },
    };
  }

  #onOctets(octets: Buffer, receive: (frame: Buffer) => void): void {
    this.#heardAt = performance.now();
    const frames = this.#state === 'dead' ? [] : this.#frames.push(octets);
    if (frames === undefined) this.drop('not ZooKeeper: no frames');
    for (const frame of frames ?? []) {
      if (this.#state === 'dead') return;
      // the library would believe any length of password, and allocate it
      if (this.#state === 'open' && xidOf(frame) >= 0) this.#onReply(frame);
      else if (this.#state === 'open' || CONNECT_REPLY_OCTETS.has(frame.length)) receive(frame);
      else this.drop('not ZooKeeper: no reply to the session request');
    }
  }

  #onState(state: State): void {
    if (state === State.EXPIRED) this.drop('session expired');
    else if (state === State.AUTH_FAILED) this.drop('authentication failed');
    else if (state === State.SYNC_CONNECTED && this.#state === 'connecting') this.#open();
  }

  #open(): void {
    this.#state = 'open';
    this.#disarm();
    this.#tickedAt = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#handlers.opened();
  }

  /** Looks for a server that hangs. */
  #tick(): void {
    const now = performance.now();
    const { probeIntervalMs, silenceMs, callTimeoutMs } = this.#options;
    // it was this process that stood still: what came meanwhile is read after this tick
    if (now - this.#tickedAt > 4 * TICK_MS) this.#heardAt = now;
    this.#tickedAt = now;
    const silentMs = now - this.#heardAt;
    const oldest = this.#calls.first();
    const oldestMs = oldest === undefined ? 0 : now - oldest.startedAt;
    if (oldestMs > callTimeoutMs) this.drop(`no reply for ${Math.round(oldestMs)} ms`);
    else if (Math.min(oldestMs, silentMs) > silenceMs) this.drop(`silent for ${Math.round(silentMs)} ms`);
    else if (silentMs >= Math.min(probeIntervalMs, this.#client.getSessionTimeout() / 3)) this.#probe();
  }

  #probe(): void {
    if (this.#probing) return;
    this.#probing = true;
    void this.#call(EXISTS, '/', false, () => undefined).then(() => {
      this.#probing = false;
    });
  }

  /** @param read a frame without an error, as the reply that it is */
  #call<Reply>(
    operation: number,
    path: string,
    watch: boolean,
    read: (frame: Buffer) => Reply,
  ): Promise<Reply | Refusal> {
    return new Promise((resolve) => {
      if (this.#state !== 'open') return resolve({ kind: 'lost' });
      const xid = this.#xid;
      this.#xid = (xid + 1) & 0x7fffffff;
      this.#calls.push({
        xid,
        startedAt: performance.now(),
        finish: (frame) => {
          if (frame === undefined) return resolve({ kind: 'lost' });
          const code = errorOf(frame);
          resolve(code === 0 ? read(frame) : this.#refusal(code));
        },
      });
      this.#outgoing.push(encodeRequest(xid, operation, path, watch));
      if (this.#outgoing.length === 1) queueMicrotask(() => this.#flush());
    });
  }

  #flush(): void {
    const requests = this.#outgoing;
    this.#outgoing = [];
    if (this.#state === 'open') this.#guard(() => this.#manager.socket?.write(Buffer.concat(requests)));
  }

  #onReply(frame: Buffer): void {
    const call = this.#calls.first();
    if (call?.xid !== xidOf(frame)) throw new Error('a reply to what was not asked');
    call.finish(frame);
    this.#calls.shift();
  }

  #refusal(code: number): Refusal {
    if (code === Exception.NO_NODE) return { kind: 'no-node' };
    if (code === Exception.NO_AUTH) return { kind: 'refused', reason: 'not allowed to read it' };
    throw (Exception as unknown as { create(code: number): Error }).create(code);
  }

  /** What the library throws, it throws because of what the server sent: the connection is of no more use. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.drop(`unusable: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #end(): void {
    this.#state = 'dead';
    this.#disarm();
    // the library's own, which would keep the process alive
    clearTimeout(this.#manager.connectTimeoutHandler ?? undefined);
    while (this.#calls.length > 0) this.#calls.shift()?.finish(undefined);
    this.#outgoing = [];
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
