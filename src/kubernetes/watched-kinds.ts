import { type ApiClient, ApiError } from './api-client.ts';
import type { Kept } from './informer.ts';
import type { Kind } from './kind.ts';

export interface WatchedKindsOptions {
  /** An API server from which nothing came for so long is asked whether it lives. */
  readonly probeIntervalMs: number;
  /** … and has so long to answer. */
  readonly probeDeadlineMs: number;
  /** So long a lost connection is no news: load balancers cut watches, and the next one stands in milliseconds. */
  readonly graceMs: number;
}

export const WATCHED_KINDS_DEFAULTS: WatchedKindsOptions = {
  probeIntervalMs: 3_000,
  probeDeadlineMs: 2_500,
  graceMs: 1_000,
};

/** How all kinds together stand. */
export type KindsState =
  | { readonly kind: 'syncing' | 'live' }
  | { readonly kind: 'stale' | 'failed'; readonly reason: string };

export interface WatchedKindsHandlers {
  /** Once: every kind was read, or found to be missing. */
  deliver(): void;
  /** A kind's state changed, after everything was delivered. */
  looked(): void;
  /** Why a kind is not to be had, by its place; undefined: it is. */
  disabled(kind: number, reason: string | undefined): void;
  state(state: KindsState): void;
}

/** Several kinds of objects of one cluster, watched as one: complete when all are, stale when one is. */
export class WatchedKinds {
  readonly #client: ApiClient;
  readonly #kinds: readonly Kind<Kept>[];
  readonly #options: WatchedKindsOptions;
  readonly #handlers: WatchedKindsHandlers;
  #state: KindsState = { kind: 'syncing' };
  #hasData = false;
  #isStopped = false;
  #probeTimer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(
    client: ApiClient,
    kinds: readonly Kind<Kept>[],
    options: WatchedKindsOptions,
    handlers: WatchedKindsHandlers,
  ) {
    this.#client = client;
    this.#kinds = kinds;
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Whether everything was read once. */
  get hasData(): boolean {
    return this.#hasData;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  start(): void {
    this.#handlers.state(this.#state);
    for (const kind of this.#kinds) for (const informer of kind.informers) informer.start();
    this.#probeTimer = setInterval(() => void this.#probe(), this.#options.probeIntervalMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#probeTimer);
    clearTimeout(this.#graceTimer);
    await Promise.all(this.#kinds.flatMap(({ informers }) => informers.map((informer) => informer.stop())));
    await this.#client.close();
  }

  /** One of them has another state. */
  look(): void {
    if (this.#isStopped) return;
    const isSettled = this.#kinds.every((kind) => kind.isSettled);
    const states = this.#kinds.flatMap((kind) => kind.states());
    for (const [i, state] of states.entries()) {
      this.#handlers.disabled(i, state.kind === 'disabled' ? state.reason : undefined);
    }
    const disabled = states.find((state) => state.kind === 'disabled');
    const isAllDisabled = states.every((state) => state.kind === 'disabled');
    if (!this.#hasData && isSettled && !isAllDisabled) {
      this.#hasData = true;
      this.#handlers.deliver();
    } else if (this.#hasData) this.#handlers.looked();
    const away = isAllDisabled ? disabled : states.find((state) => state.kind === 'away');
    const reason = away !== undefined && 'reason' in away ? away.reason : '';
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
    if (away === undefined) {
      if (this.#hasData) this.#setState({ kind: 'live' });
      return;
    }
    const next: KindsState = { kind: this.#hasData ? 'stale' : 'failed', reason };
    if (this.#state.kind === next.kind) this.#setState(next);
    else this.#graceTimer = setTimeout(() => this.#setState(next), this.#options.graceMs);
  }

  #setState(state: KindsState): void {
    const before = this.#state;
    const text = (one: KindsState) => ('reason' in one ? one.reason : '');
    if (before.kind === state.kind && text(before) === text(state)) return;
    this.#state = state;
    this.#handlers.state(state);
  }

  /** A hung server keeps its connections open and says nothing: only a question shows it. */
  async #probe(): Promise<void> {
    const informers = this.#kinds.flatMap((kind) => kind.informers);
    const quietMs = performance.now() - Math.max(...informers.map(({ lastEventAt }) => lastEventAt));
    if (this.#state.kind !== 'live' || quietMs < this.#options.probeIntervalMs) return;
    try {
      await this.#client.request('GET', '/version', { deadlineMs: this.#options.probeDeadlineMs });
    } catch (error) {
      // a refusal is a sign of life too
      if (error instanceof ApiError && error.status !== 0) return;
      if (this.#isStopped || this.#state.kind !== 'live') return;
      for (const informer of informers) informer.reconnect();
    }
  }
}
