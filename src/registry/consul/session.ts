import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ConsulClient, ConsulError } from './client.ts';
import type { ConsulOptions } from './options.ts';
import { readCatalog } from './parse.ts';

/** Two answers to one question are at least so far apart … */
const MIN_GAP_MS = 50;
/** … and further and further, up to this, while they bring nothing new. */
const MAX_GAP_MS = 5_000;

const CATALOG = '/v1/catalog/services';

export interface SessionHandlers {
  /** @returns whether it says something new; throws when the reply is none */
  service(name: string, body: unknown): boolean;
  /** Of this service's reply there is more than we take, or the server has none. */
  unusable(name: string, reason: 'too-large' | 'unreadable', detail: string): void;
  /** It is not in the catalogue any more. */
  gone(name: string): void;
  /** All services in the catalogue were read. */
  listed(names: ReadonlySet<string>): void;
}

/** From the reading of everything to the first question that is not answered. */
export class Session {
  readonly #client: ConsulClient;
  readonly #options: ConsulOptions;
  readonly #handlers: SessionHandlers;
  readonly #closed = new AbortController();
  /** what each service's question waits from */
  readonly #indexes = new Map<string, number>();
  /** services that have a question that waits */
  readonly #waiting = new Map<string, symbol>();
  /** services in the catalogue */
  #known: ReadonlySet<string> = new Set();
  /** the others, which are asked in turn */
  readonly #inTurn = new Set<string>();
  #isListed = false;
  #fail: (error: unknown) => void = () => {};
  /** the catalogue changed: those asked in turn are asked now */
  #wake: () => void = () => {};

  /** Throws when a file that the options name cannot be read. */
  constructor(options: ConsulOptions, handlers: SessionHandlers) {
    this.#client = new ConsulClient(options);
    this.#options = options;
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
      await this.#client.probe();
      const { names, index } = await this.#readCatalog();
      this.#known = names;
      await this.#readAll(names);
      this.#handlers.listed(names);
      this.#isListed = true;
      return await new Promise<never>((_resolve, reject) => {
        this.#fail = reject;
        for (const name of names) this.#add(name);
        this.#go(this.#followCatalog(index));
        this.#go(this.#askInTurn());
        this.#go(this.#probe());
      });
    } finally {
      this.close();
    }
  }

  #go(work: Promise<void>): void {
    work.catch((error: unknown) => this.#fail(error));
  }

  async #readCatalog(from = 0): Promise<{ readonly names: Set<string>; readonly index: number }> {
    const { body, index } = await this.#client.ask(CATALOG, from, this.#options.intervalMs);
    const names = readCatalog(body);
    if (names === undefined) throw new ConsulError(`the reply to ${CATALOG} is not that of a Consul`);
    if (names.length > this.#options.maxServices)
      throw new ConsulError(`over ${this.#options.maxServices} services`);
    return { names: new Set(names), index };
  }

  async #followCatalog(first: number): Promise<void> {
    await this.#follow(first, async (from) => {
      const { names, index } = await this.#readCatalog(from);
      const known = this.#known;
      this.#known = names;
      const fresh = [...names].filter((name) => !known.has(name));
      const gone = [...known].filter((name) => !names.has(name));
      for (const name of gone) {
        this.#waiting.delete(name);
        this.#inTurn.delete(name);
        this.#indexes.delete(name);
        this.#handlers.gone(name);
      }
      await this.#readAll(fresh);
      for (const name of fresh) this.#add(name);
      if (index !== from) this.#wake();
      return { index, isNews: fresh.length + gone.length > 0 };
    });
  }

  #add(name: string): void {
    if (this.#waiting.size >= this.#options.waitingQuestions) {
      this.#inTurn.add(name);
      return;
    }
    this.#inTurn.delete(name);
    // a service that went and came has another question than before
    const own = Symbol(name);
    this.#waiting.set(name, own);
    const ended = this.#follow(this.#indexes.get(name) ?? 0, async (from) => {
      if (this.#waiting.get(name) !== own) return undefined;
      const { index, isNews } = await this.#readService(name, from);
      return { index, isNews };
    });
    this.#go(
      ended.then(() => {
        // a place is free
        const [next] = this.#inTurn;
        if (next !== undefined) this.#add(next);
      }),
    );
  }

  /** Asks again and again, and never in a hurry. An index that goes back is begun anew (Consul's rules for clients). */
  async #follow(
    first: number,
    ask: (from: number) => Promise<{ readonly index: number; readonly isNews: boolean } | undefined>,
  ): Promise<void> {
    let index = first;
    let gap = MIN_GAP_MS;
    for (;;) {
      const begun = performance.now();
      const answer = await ask(index);
      if (answer === undefined) return;
      index = answer.index < index ? 0 : answer.index;
      gap = answer.isNews ? MIN_GAP_MS : Math.min(MAX_GAP_MS, gap * 2);
      const rest = gap - (performance.now() - begun);
      if (rest > 0) await this.#pause(rest);
      else gap = MIN_GAP_MS;
    }
  }

  async #readService(name: string, from: number): Promise<Answer & { readonly isNews: boolean }> {
    const path = `/v1/health/service/${encodeURIComponent(name.toWellFormed())}`;
    try {
      const answer = await this.#client.ask(path, from, this.#options.intervalMs);
      // it may have gone meanwhile
      if (this.#closed.signal.aborted || !this.#known.has(name)) return { ...answer, isNews: false };
      this.#indexes.set(name, answer.index);
      return { ...answer, isNews: this.#handlers.service(name, answer.body) };
    } catch (error) {
      if (!(error instanceof ConsulError) || error.ofReply === undefined) throw error;
      this.#handlers.unusable(name, error.ofReply, error.message);
      return { body: undefined, index: 1, isNews: false };
    }
  }

  async #readAll(names: Iterable<string>): Promise<void> {
    const queue = [...names];
    let at = 0;
    const work = async (): Promise<void> => {
      for (let name = queue[at++]; name !== undefined; name = queue[at++]) await this.#readService(name, 0);
    };
    await Promise.all(Array.from({ length: this.#options.parallelReads }, work));
  }

  /** Those without a question that waits: all of them each `interval`, and at once when the catalogue changed. */
  async #askInTurn(): Promise<void> {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, this.#pause(this.#options.intervalMs)]);
      await this.#readAll([...this.#inTurn]);
      await this.#pause(MIN_GAP_MS);
    }
  }

  async #probe(): Promise<void> {
    for (;;) {
      await this.#pause(this.#options.probeIntervalMs);
      await this.#client.probe();
    }
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closed.signal });
  }
}
