import { setTimeout as sleep } from 'node:timers/promises';
import { bad, type Result } from '../../base/result.ts';
import type { StringPool } from '../string-pool.ts';
import { EurekaClient, EurekaError } from './client.ts';
import { KnownInstances } from './known-instances.ts';
import type { EurekaOptions } from './options.ts';
import { readInstance, type ToldInstance } from './parse.ts';
import type { EurekaServer } from './server-urls.ts';

/** Chance takes up to so much of a pause: replicas do not ask all at once. */
const SPREAD = 0.2;
/** So many entries that cannot be read are told. */
const MAX_TOLD = 100;
/** A server that was told not to tell changes, or that knows no such thing. */
const NO_DELTAS = [403, 404];

export interface SessionHandlers {
  /**
   * Everything was read. Resolves when it is delivered.
   *
   * @param forgotten so many went without a word since the last question to the same server, which seems to have restarted
   */
  listed(instances: KnownInstances, forgotten: number): Promise<void>;
  /** Something else is known of these applications. */
  changed(apps: ReadonlySet<string>): void;
  /** Of what was read by this question, this could not be used; none: all could. */
  unreadable(what: 'apps' | 'apps/delta', details: readonly string[]): void;
}

/** One server, from the list of everything to the first question that is not answered. */
export class Session {
  readonly #client: EurekaClient;
  readonly #options: EurekaOptions;
  readonly #pool: StringPool;
  readonly #handlers: SessionHandlers;
  readonly #closed = new AbortController();
  #known = new KnownInstances();
  #isListed = false;
  #tellsChanges = true;
  /** whether its hash of everything is what we make of everything */
  #isHashKnown = false;
  #listedAt = 0;
  #askedAt = 0;

  /** Throws when a file that the options name cannot be read. */
  constructor(server: EurekaServer, options: EurekaOptions, pool: StringPool, handlers: SessionHandlers) {
    this.#client = new EurekaClient(server, options);
    this.#options = options;
    this.#pool = pool;
    this.#handlers = handlers;
  }

  get isListed(): boolean {
    return this.#isListed;
  }

  close(): void {
    this.#closed.abort();
    this.#client.close();
  }

  /** Rejects when it is over, with the reason. */
  async run(): Promise<never> {
    try {
      await this.#list();
      for (;;) {
        await this.#pause(this.#options.intervalMs * (1 - SPREAD * Math.random()));
        const seen = this.#known.newestRegistration;
        if (this.#isListDue() || !(await this.#takeChanges())) await this.#list(seen);
      }
    } finally {
      this.close();
    }
  }

  #isListDue(): boolean {
    const { relistMs, maxGapMs } = this.#options;
    const now = Date.now();
    // by the wall: a machine that slept has missed something
    return !this.#tellsChanges || now - this.#askedAt > maxGapMs || now - this.#listedAt > relistMs;
  }

  /** @param seen the newest registration that was told before this question */
  async #list(seen?: number): Promise<void> {
    const next = new KnownInstances();
    const begun = Date.now();
    const hash = await this.#read('apps', ({ instance }) => {
      next.put(instance);
      this.#bound(next);
    });
    const forgotten = seen === undefined ? 0 : forgottenBy(next, this.#known, seen);
    this.#known = next;
    this.#isHashKnown = hash === next.hash;
    this.#askedAt = begun;
    this.#listedAt = begun;
    await this.#handlers.listed(next, forgotten);
    this.#isListed = true;
  }

  /** @returns whether all is known now */
  async #takeChanges(): Promise<boolean> {
    /** the last word on each: one that goes and comes again within three minutes may stand there twice */
    const told = new Map<string, ToldInstance>();
    const all = new KnownInstances();
    const begun = Date.now();
    let hash: string | undefined;
    try {
      // what came of half a reply would be taken for all of it
      hash = await this.#read('apps/delta', (one) => {
        told.set(`${one.instance.app}\n${one.instance.id}`, one);
        all.put(one.instance);
        this.#bound(all);
      });
    } catch (error) {
      if (!(error instanceof EurekaError) || !NO_DELTAS.includes(error.status ?? 0)) throw error;
      this.#tellsChanges = false;
      return false;
    }
    this.#askedAt = begun;
    const changed = new Set<string>();
    for (const { instance, isDeleted } of told.values()) {
      const { app, id } = instance;
      const isNews = isDeleted ? this.#known.remove(app, id) : this.#known.put(instance);
      if (isNews) changed.add(app);
    }
    // first what is so: what is known and what was delivered stay the same
    if (changed.size > 0 && !this.#closed.signal.aborted) this.#handlers.changed(changed);
    this.#bound(this.#known);
    return !this.#isHashKnown || hash === this.#known.hash;
  }

  #bound({ size, textLength }: KnownInstances): void {
    const { maxInstances, maxTextLength } = this.#options;
    if (size > maxInstances) throw new EurekaError(`over ${maxInstances} instances`);
    if (textLength > maxTextLength)
      throw new EurekaError(`names and lists of interfaces of over ${maxTextLength} characters in all`);
  }

  async #read(what: 'apps' | 'apps/delta', take: (one: ToldInstance) => void): Promise<string | undefined> {
    const unreadable: string[] = [];
    const hash = await this.#client.read(what, (json) => {
      const read: Result<ToldInstance> =
        json === undefined
          ? bad('an instance that is larger than any')
          : readInstance(json, this.#options.metadata, this.#pool);
      if (read.ok) take(read.value);
      else if (unreadable.length < MAX_TOLD) unreadable.push(read.reason);
    });
    this.#handlers.unreadable(what, unreadable);
    return hash;
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closed.signal });
  }
}

/**
 * What went in an orderly way stands in a delta, and is not known any more when everything is read. What is missing all the
 * same, from a list in which nothing is as old as what was told before, was forgotten: a server that restarts between two
 * questions lists, in good faith, nothing, or what has registered anew.
 */
function forgottenBy(next: KnownInstances, known: KnownInstances, seen: number): number {
  return next.oldestRegistration <= seen ? 0 : known.missingIn(next);
}
