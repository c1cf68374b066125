import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerAddress } from '../server-list.ts';
import { Gateway, GatewayError } from './gateway.ts';
import type { LayoutKeys } from './layout-keys.ts';
import type { EtcdOptions } from './options.ts';
import type { KeyValue } from './read-replies.ts';

const ZERO = Buffer.from([0]);

/** How far a cluster's history was followed. Outlives sessions. */
export interface History {
  clusterId: string;
  revision: number;
  /** attempts in a row that found another history */
  doubts: number;
}

export interface SessionHandlers {
  /** Everything was read, and `changes()` of the keys tell what is new. */
  listed(): Promise<void>;
  /** Changes are followed from now on. */
  live(): void;
  /** Events came. */
  changed(): void;
}

/** One server, from the list of everything to the end of what can be had of it. */
export class Session {
  readonly #gateway: Gateway;
  readonly #options: EtcdOptions;
  readonly #layouts: readonly LayoutKeys[];
  readonly #history: History;
  readonly #handlers: SessionHandlers;
  readonly #closed = new AbortController();
  #isLive = false;

  /** Throws when a file that the options name cannot be read. */
  constructor(
    server: ServerAddress,
    options: EtcdOptions,
    layouts: readonly LayoutKeys[],
    history: History,
    handlers: SessionHandlers,
  ) {
    this.#gateway = new Gateway(server, options);
    this.#options = options;
    this.#layouts = layouts;
    this.#history = history;
    this.#handlers = handlers;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  close(): void {
    this.#closed.abort();
    this.#gateway.close();
  }

  /** Rejects when it is over, with the reason. */
  async run(): Promise<never> {
    try {
      const revision = await this.#list();
      await this.#handlers.listed();
      return await this.#follow(revision);
    } finally {
      this.close();
    }
  }

  /** Reads everything as it was at one revision. @returns it */
  async #list(): Promise<number> {
    let revision: number | undefined;
    for (const layout of this.#layouts) revision = await this.#listOne(layout, revision);
    if (revision === undefined) throw new GatewayError('nothing to read');
    for (const layout of this.#layouts) layout.end();
    this.#history.revision = revision;
    this.#history.doubts = 0;
    return revision;
  }

  async #listOne(layout: LayoutKeys, at: number | undefined): Promise<number> {
    const { pageKeys, maxKeys } = this.#options;
    let revision = at;
    let from = layout.range.from;
    let last: Buffer | undefined;
    let limit = pageKeys;
    let count = 0;
    for (;;) {
      const asked = { from, end: layout.range.end, limit, keysOnly: !layout.hasValues, revision };
      const page = await this.#gateway.range(asked).catch((error: unknown) => {
        if (!(error instanceof GatewayError && error.isTooLarge) || limit === 1) throw error;
        return undefined;
      });
      if (page === undefined) {
        limit = Math.ceil(limit / 8);
        continue;
      }
      if (revision === undefined) this.#checkHistory(page.clusterId, page.revision);
      // one that is behind would not know the revision, and say so
      if (last === undefined) layout.begin(this.#history.revision === 0);
      revision ??= page.revision;
      for (const entry of page.entries) {
        if (!isBehind(entry, from, last, layout)) throw new GatewayError('the keys are not in order');
        last = entry.key;
        layout.take(entry);
      }
      count += page.entries.length;
      if (count > maxKeys) throw new GatewayError(`over ${maxKeys} keys begin with ${layout.prefix}/`);
      this.#bound(layout);
      if (!page.hasMore) return revision;
      if (page.entries.length === 0 || last === undefined) throw new GatewayError('a page without keys');
      from = Buffer.concat([last, ZERO]);
    }
  }

  #bound({ size, textLength, prefix }: LayoutKeys): void {
    const { maxKeys, maxTextLength } = this.#options;
    if (size > maxKeys) throw new GatewayError(`over ${maxKeys} keys begin with ${prefix}/`);
    if (textLength > maxTextLength)
      throw new GatewayError(`what keys below ${prefix}/ list is over ${maxTextLength} characters in all`);
  }

  /**
   * What is read of a healthy cluster never goes back: the server asks the others first. So a smaller revision is another
   * history, a restored backup; but what is read once more says so again, or it was a passing thing.
   */
  #checkHistory(clusterId: string, revision: number): void {
    const known = this.#history;
    const isOther = known.clusterId !== '' && (clusterId !== known.clusterId || revision < known.revision);
    if (isOther && known.doubts++ === 0) {
      throw new GatewayError(
        clusterId === known.clusterId
          ? `revision ${revision} is older than ${known.revision}, which was seen: asked again`
          : 'it is another cluster than before: asked again',
      );
    }
    // revisions of another history tell nothing
    if (isOther) known.revision = 0;
    known.clusterId = clusterId;
  }

  async #follow(revision: number): Promise<never> {
    const { requestTimeoutMs } = this.#options;
    let missing = this.#layouts.length;
    const watches = this.#layouts.map((layout) =>
      this.#gateway.watch(layout.range, revision + 1, (reply) => {
        if (reply.kind === 'canceled') throw new GatewayError(`the watch was refused: ${reply.reason}`);
        if (reply.kind === 'created') {
          if (--missing > 0) return;
          this.#isLive = true;
          this.#handlers.live();
          return;
        }
        for (const event of reply.events) {
          if (!isWithin(event, layout)) throw new GatewayError('an event of a key that was not asked for');
          if (event.revision <= revision) continue;
          layout.apply(event);
          this.#history.revision = Math.max(this.#history.revision, event.revision);
        }
        this.#bound(layout);
        if (reply.events.length > 0) this.#handlers.changed();
      }),
    );
    const others = [this.#probe(), this.#deadline(requestTimeoutMs, () => missing === 0)];
    const all = [...watches, ...others];
    return await Promise.race(all).finally(() => {
      // those that lose the race end too, and nobody waits for them
      for (const one of all) one.catch(() => {});
    });
  }

  async #deadline(ms: number, isMet: () => boolean): Promise<never> {
    await this.#pause(ms);
    if (!isMet()) throw new GatewayError(`no watch within ${ms / 1000} s`);
    return new Promise(() => {});
  }

  /** A watch is silent when there is no news, when the server hangs, and when it lost its cluster: asking tells. */
  async #probe(): Promise<never> {
    const [layout] = this.#layouts;
    for (;;) {
      await this.#pause(this.#options.probeIntervalMs);
      const seen = this.#history.revision;
      const key = layout?.range.from ?? ZERO;
      const { probeTimeoutMs } = this.#options;
      const reply = await this.#gateway.range({ from: key, limit: 1, keysOnly: true }, probeTimeoutMs);
      if (reply.clusterId !== this.#history.clusterId || reply.revision < seen)
        throw new GatewayError(`revision ${reply.revision} is older than ${seen}, which was seen`);
    }
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closed.signal });
  }
}

function isWithin({ key }: KeyValue, { range: { from, end } }: LayoutKeys): boolean {
  return key.compare(from) >= 0 && (end.equals(ZERO) || key.compare(end) < 0);
}

function isBehind(entry: KeyValue, from: Buffer, last: Buffer | undefined, layout: LayoutKeys): boolean {
  return (
    isWithin(entry, layout) &&
    entry.key.compare(from) >= 0 &&
    (last === undefined || entry.key.compare(last) > 0)
  );
}
