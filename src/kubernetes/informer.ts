import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '../base/back-off.ts';
import { type ApiClient, ApiError, asApiError } from './api-client.ts';
import { type ApiObject, objectKey, pathOf, type Resource } from './resource.ts';

export interface InformerOptions<T extends Kept> {
  readonly resource: Resource;
  /** undefined: all namespaces */
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  /** Keeps of an object what is used of it; undefined: nothing. Must not keep a part of `object` alive. */
  readonly trim: (object: ApiObject, key: string) => T | undefined;
}

/** What is kept of an object: at least what tells its states apart. */
export interface Kept {
  readonly resourceVersion: string;
}

export interface ObjectChange<T> {
  /** `namespace/name` */
  readonly key: string;
  /** undefined: gone */
  readonly object: T | undefined;
}

export type InformerState =
  | { readonly kind: 'syncing' }
  | { readonly kind: 'live' }
  | { readonly kind: 'away'; readonly reason: string }
  /** the kind does not exist, or may not be read: nothing is held, and it is asked for from time to time */
  | { readonly kind: 'disabled'; readonly reason: string };

export interface InformerHandlers<T> {
  /** What changed, in order; everything that one list found comes as one batch. */
  changed(changes: readonly ObjectChange<T>[]): void;
  /** Comes after the batch that made it so. */
  state(state: InformerState): void;
}

/** Since the start; for metrics. */
export interface InformerCounters {
  lists: number;
  watches: number;
  failures: number;
  /** lists that were due because the server had forgotten where the watch stood (410) */
  expirations: number;
}

const PAGE_SIZE = 500;
/** Bookmarks come about once a minute (kube-apiserver, `--min-request-timeout` aside): silence is no proof earlier. */
const SILENCE_MS = 150_000;
const WATCH_MIN_S = 300;
const WATCH_SPREAD_S = 300;
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2_000;
/** A server may ask for more patience than this; it will not get it. */
const RETRY_AFTER_MAX_MS = 5_000;
/** A kind that is not there is asked for so often. */
const ABSENT_RETRY_MS = 3_000;
/** A watch that lasted so long proves that the server works. */
const PROVEN_MS = 5_000;
const WATCH_TOO_SHORT_MS = 1_000;
/** What says nothing about lists by watch: no reply, no right, no such kind, too much to do, shutting down. */
const NO_REFUSALS: ReadonlySet<number> = new Set([0, 401, 403, 404, 410, 429, 503, 504]);
/** More of one kind are no cluster; nor are so many pages in a row without any. */
const MAX_OBJECTS = 1_000_000;
const MAX_EMPTY_PAGES = 10;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

interface WatchEvent {
  readonly type: string;
  readonly object: ApiObject & {
    readonly code?: number;
    readonly reason?: string;
    readonly message?: string;
    readonly details?: { readonly retryAfterSeconds?: number };
  };
}

/**
 * Follows one kind of object, for ever: lists, watches from there, and begins anew after whatever happens. What it
 * holds stays while the server is away, and is compared with the next list object by object.
 *
 * Lists come as a stream where the server offers it (KEP-3157, `sendInitialEvents`), else page by page; of either only
 * what is kept of each object is ever in memory.
 */
export class Informer<T extends Kept> {
  readonly counters: InformerCounters = { lists: 0, watches: 0, failures: 0, expirations: 0 };
  readonly #client: ApiClient;
  readonly #options: InformerOptions<T>;
  readonly #handlers: InformerHandlers<T>;
  readonly #objects = new Map<string, T>();
  readonly #path: string;
  readonly #stop = new AbortController();
  #cut = new AbortController();
  /** where the watch goes on; undefined: a list is due */
  #resourceVersion: string | undefined;
  #offersWatchList = true;
  #pageSize = PAGE_SIZE;
  #hasSynced = false;
  #failures = 0;
  /** connections in a row that were cut before anything came */
  #cuts = 0;
  /** HTTP status of the last failure; 0: there was no reply */
  #lastStatus = -1;
  #state: InformerState = { kind: 'syncing' };
  #running: Promise<void> | undefined;
  lastEventAt = performance.now();

  constructor(client: ApiClient, options: InformerOptions<T>, handlers: InformerHandlers<T>) {
    this.#client = client;
    this.#options = options;
    this.#handlers = handlers;
    this.#path = pathOf(options.resource, options.namespace);
  }

  get state(): InformerState {
    return this.#state;
  }

  /** Whether a first list was delivered, or there is none to be had. */
  get isSettled(): boolean {
    return this.#hasSynced || this.#state.kind === 'disabled';
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  entries(): IterableIterator<[key: string, object: T]> {
    return this.#objects.entries();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Ends the connection, so that the next one shows whether the server lives. */
  reconnect(): void {
    this.#cut.abort();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const startedAt = performance.now();
      this.#cut = new AbortController();
      const signal = AbortSignal.any([this.#stop.signal, this.#cut.signal]);
      try {
        if (this.#resourceVersion === undefined && !this.#offersWatchList) await this.#list(signal);
        await this.#watch(signal);
        this.#cuts = 0;
        if (this.#resourceVersion === undefined)
          throw new ApiError(0, 'Cut', `${this.#path}: the list was cut`);
        // the server ends each watch after a while; one that ends them at once is not to be stormed
        if (performance.now() - startedAt > WATCH_TOO_SHORT_MS) this.#failures = 0;
        else {
          this.#failures++;
          await this.#pause(this.#backOffMs());
        }
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const tookMs = performance.now() - startedAt;
        if (tookMs > PROVEN_MS) this.#failures = 0;
        await this.#pauseAfter(asApiError(error, this.#path), tookMs);
      }
    }
  }

  async #pauseAfter(error: ApiError, tookMs: number): Promise<void> {
    this.counters.failures++;
    // a server that refuses is there again: what it was away for says nothing about how to treat it now
    if (error.status !== 0 && this.#lastStatus === 0) this.#failures = 0;
    const lastStatus = this.#lastStatus;
    this.#lastStatus = error.status;
    if (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone') {
      this.#resourceVersion = undefined;
      this.counters.expirations++;
      // a list is the cure; a server that answers every list so is not to be stormed
      if (lastStatus !== 410) return;
      this.#failures++;
    } else if (error.reason === 'TooLarge' && this.#pageSize > 1) {
      // a page of huge objects: smaller ones, until they fit
      this.#pageSize = Math.ceil(this.#pageSize / 4);
      return;
    } else if (this.#isRefusedWatchList(error)) {
      this.#offersWatchList = false;
      return;
    } else {
      this.#failures++;
    }
    const isAbsent = error.status === 404 || error.status === 403;
    if (isAbsent && !this.#hasSynced) {
      this.#setState({ kind: 'disabled', reason: error.message });
      await this.#pause(ABSENT_RETRY_MS * (0.8 + Math.random() * 0.4));
      return;
    }
    // a connection that is cut while it is made is no more news than one that is cut later: the next attempt tells
    const isFirstCut = error.status === 0 && ++this.#cuts === 1 && tookMs < WATCH_TOO_SHORT_MS;
    if (!isFirstCut || !this.#hasSynced) this.#setState({ kind: 'away', reason: error.message });
    const asked = Math.min(error.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
    await this.#pause(Math.max(asked, this.#backOffMs()));
  }

  /** Servers before 1.27, and later ones over an etcd before 3.4.31, cannot list by watch, and each says so differently. */
  #isRefusedWatchList(error: ApiError): boolean {
    const isListing = this.#offersWatchList && this.#resourceVersion === undefined;
    return isListing && !NO_REFUSALS.has(error.status);
  }

  #backOffMs(): number {
    return backOffMs(this.#failures, BACKOFF_MIN_MS, BACKOFF_MAX_MS, Math.random());
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  /** Page by page; what an earlier page brought is trimmed before the next comes. */
  async #list(signal: AbortSignal): Promise<void> {
    this.counters.lists++;
    const batch = new ListBatch(this.#objects);
    const selector = this.#selector();
    for (let next = '', empty = 0; ; ) {
      const query = {
        ...selector,
        limit: String(this.#pageSize),
        ...(next === '' ? {} : { continue: next }),
      };
      const page = await this.#client.request<{
        readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
        readonly items?: readonly ApiObject[] | null;
      }>('GET', this.#path, { query, signal, deadlineMs: 30_000 });
      const items: unknown = page?.items ?? [];
      const { continue: further, resourceVersion } = page?.metadata ?? {};
      // an empty reply is no empty list
      if (!Array.isArray(items) || typeof resourceVersion !== 'string' || resourceVersion === '')
        throw this.#bad('the reply is no list');
      for (const object of items) this.#take(object, batch);
      next = typeof further === 'string' ? further : '';
      empty = items.length === 0 ? empty + 1 : 0;
      if (empty > MAX_EMPTY_PAGES) throw this.#bad('a list without end, and without objects');
      if (next !== '') continue;
      this.#finish(batch, resourceVersion);
      return;
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const version = this.#resourceVersion;
    const batch = version === undefined ? new ListBatch(this.#objects) : undefined;
    const query = {
      ...this.#selector(),
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_MIN_S + Math.floor(Math.random() * WATCH_SPREAD_S)),
      ...(version === undefined
        ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: version }),
    };
    if (batch === undefined) this.counters.watches++;
    else this.counters.lists++;
    let listing = batch;
    // the server sends its headers when the watch stands, even with nothing to tell
    const opened = () => {
      if (listing === undefined) this.#setState({ kind: 'live' });
    };
    await this.#client.stream(
      this.#path,
      query,
      SILENCE_MS,
      signal,
      (line) => {
        if (!isEvent(line)) throw this.#bad('a line of the watch is no event');
        const event = line;
        this.lastEventAt = performance.now();
        if (event.type === 'ERROR') throw errorOf(event, this.#path);
        const at = event.object?.metadata?.resourceVersion;
        if (typeof at !== 'string') throw this.#bad('an event without a version');
        if (listing !== undefined) {
          if (event.type === 'BOOKMARK') {
            if (event.object.metadata.annotations?.[INITIAL_EVENTS_END] !== 'true') return;
            this.#finish(listing, at);
            listing = undefined;
          } else if (event.type === 'DELETED') listing.remove(this.#keyOf(event.object));
          else this.#take(event.object, listing);
          return;
        }
        this.#resourceVersion = at;
        if (event.type === 'BOOKMARK') return;
        this.#apply(event);
      },
      opened,
    );
  }

  #selector(): Readonly<Record<string, string>> {
    const { labelSelector } = this.#options;
    return labelSelector === undefined ? {} : { labelSelector };
  }

  #take(object: ApiObject, batch: ListBatch<T>): void {
    const key = this.#keyOf(object);
    const known = batch.known(key);
    // unchanged objects are neither read nor copied
    if (known !== undefined && known.resourceVersion === object.metadata.resourceVersion) batch.keep(key);
    else batch.put(key, this.#trim(object, key));
    if (batch.size > MAX_OBJECTS) throw this.#bad(`over ${MAX_OBJECTS} objects`);
  }

  #keyOf(object: ApiObject): string {
    if (typeof object?.metadata?.name !== 'string') throw this.#bad('an object without a name');
    return objectKey(object.metadata);
  }

  #trim(object: ApiObject, key: string): T | undefined {
    try {
      return this.#options.trim(object, key);
    } catch {
      throw this.#bad(`${key.slice(0, 200)} is not what objects of this kind are`);
    }
  }

  #bad(what: string): ApiError {
    return new ApiError(0, 'BadReply', `${this.#path}: ${what}`);
  }

  #finish(batch: ListBatch<T>, resourceVersion: string): void {
    const changes = batch.finish();
    this.#resourceVersion = resourceVersion;
    this.#hasSynced = true;
    this.#failures = 0;
    this.#lastStatus = -1;
    if (changes.length > 0) this.#handlers.changed(changes);
    this.#setState({ kind: 'live' });
  }

  #apply({ type, object }: WatchEvent): void {
    const key = this.#keyOf(object);
    const before = this.#objects.get(key);
    const after = type === 'DELETED' ? undefined : this.#trim(object, key);
    if (after !== undefined && before === undefined && this.#objects.size >= MAX_OBJECTS)
      throw this.#bad(`over ${MAX_OBJECTS} objects`);
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    if (before !== undefined || after !== undefined) this.#handlers.changed([{ key, object: after }]);
  }

  #setState(state: InformerState): void {
    if (this.#stop.signal.aborted) return;
    const before = this.#state;
    this.#state = state;
    const isSame =
      before.kind === state.kind &&
      ('reason' in before ? before.reason : '') === ('reason' in state ? state.reason : '');
    if (!isSame) this.#handlers.state(state);
  }
}

/** A list under way: what it found so far against what is held. */
class ListBatch<T extends Kept> {
  readonly #held: Map<string, T>;
  readonly #seen = new Set<string>();
  readonly #changed = new Map<string, T | undefined>();

  constructor(held: Map<string, T>) {
    this.#held = held;
  }

  get size(): number {
    return this.#seen.size;
  }

  known(key: string): T | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#held.get(key);
  }

  keep(key: string): void {
    this.#seen.add(key);
  }

  put(key: string, object: T | undefined): void {
    this.#seen.add(key);
    this.#changed.set(key, object);
  }

  remove(key: string): void {
    this.#seen.delete(key);
    this.#changed.delete(key);
  }

  finish(): ObjectChange<T>[] {
    for (const key of this.#held.keys()) if (!this.#seen.has(key)) this.#changed.set(key, undefined);
    const changes: ObjectChange<T>[] = [];
    for (const [key, object] of this.#changed) {
      const before = this.#held.get(key);
      if (object === undefined) this.#held.delete(key);
      else this.#held.set(key, object);
      if (before !== undefined || object !== undefined) changes.push({ key, object });
    }
    return changes;
  }
}

function isEvent(line: unknown): line is WatchEvent {
  const { type, object } = (line ?? {}) as Partial<WatchEvent>;
  return typeof type === 'string' && typeof object === 'object' && object !== null;
}

function errorOf({ object }: WatchEvent, path: string): ApiError {
  const { code, reason, message, details } = object;
  const text = [message, reason].find((one) => typeof one === 'string' && one !== '');
  const seconds = details?.retryAfterSeconds;
  return new ApiError(
    typeof code === 'number' ? code : 0,
    typeof reason === 'string' ? reason : '',
    `watch of ${path}: ${text?.slice(0, 500) ?? 'an error without a text'}`,
    typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : undefined,
  );
}
