import { Worker } from 'node:worker_threads';
import type { DomainName } from '../name/domain-name.ts';
import type { LocalityRule } from '../name/localities.ts';
import type { Change } from '../zone/change.ts';
import { type BlockLabels, Counters } from './counters.ts';
import type {
  FromWorker,
  Listening,
  Results,
  SocketAddress,
  ToWorker,
  WorkerOptions,
  WorkerState,
} from './messages.ts';
import type { QueryLogFilter, QueryLogLine } from './query-log.ts';

export interface QueryLineEvents {
  readonly onQuery: (line: QueryLogLine) => void;
  /** a bug: one query got SERVFAIL for it */
  readonly onPanic: (query: string, error: string) => void;
  /** the thread ended by itself: nothing is answered any more */
  readonly onExit: (error: Error) => void;
}

type Request = { [K in keyof Results]: Omit<Extract<ToWorker, { kind: K }>, 'number'> };

interface Waiting {
  readonly done: (result: never) => void;
  readonly failed: (error: Error) => void;
}

/** The query line as the rest of the house sees it: change sets go in, counters come out. */
export class QueryLine {
  readonly counters: Counters;
  /** labels of the counter blocks that are in use, by number */
  readonly blocks = new Map<number, BlockLabels>();
  state: WorkerState = { interfaces: 0, names: 0, readyReplies: 0, leftOutMembers: 0 };
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #closing = false;
  #silent: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: Omit<WorkerOptions, 'counters'>, events: QueryLineEvents) {
    this.counters = new Counters();
    // sources run as TypeScript, the published package as JavaScript
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./query-worker.${extension}`, import.meta.url), {
      workerData: { ...options, counters: this.counters.shared } satisfies WorkerOptions,
    });
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'done') this.#take(message.number)?.done(message.result as never);
      else if (message.kind === 'failed') this.#take(message.number)?.failed(new Error(message.error));
      else if (message.kind === 'block') this.blocks.set(message.block, message.labels);
      else if (message.kind === 'query') events.onQuery(message.line);
      else events.onPanic(message.query, message.error);
    });
    this.#worker.on('error', (error) => events.onExit(error as Error));
    this.#worker.on('exit', () => {
      if (!this.#closing) events.onExit(new Error('the query thread ended'));
    });
  }

  /** Resolves when queries see the change. Rejects when it could not be applied. */
  async apply(change: Change): Promise<void> {
    this.state = await this.#request({ kind: 'change', change });
  }

  /** Opens UDP and TCP on every address. @returns by what engine, and those that could not be opened */
  listen(addresses: readonly SocketAddress[]): Promise<Listening> {
    return this.#request({ kind: 'listen', addresses });
  }

  /** The reply that a query would get, as octets. */
  async ask(name: DomainName, type: number): Promise<Buffer> {
    return Buffer.from((await this.#request({ kind: 'ask', name, type })).reply);
  }

  /** Where clients and providers are; for answers that are the providers themselves. */
  async setLocalities(localities: readonly LocalityRule[]): Promise<void> {
    await this.#request({ kind: 'localities', localities });
  }

  /** @param filter undefined turns the query log off */
  async setQueryLog(filter: QueryLogFilter | undefined): Promise<void> {
    await this.#request({ kind: 'query-log', filter });
  }

  /** Closes the sockets; resolves when the queries that were read are answered. Change sets are still taken. */
  stopListening(): Promise<void> {
    this.#silent ??= this.#request({ kind: 'close' });
    return this.#silent;
  }

  /** Ends the thread; nothing may be asked of it any more. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.stopListening();
    this.#closing = true;
    await this.#worker.terminate();
  }

  #request<K extends keyof Results>(request: Request[K] & { kind: K }): Promise<Results[K]> {
    const number = this.#next++;
    return new Promise((done, failed) => {
      this.#waiting.set(number, { done, failed });
      this.#worker.postMessage({ ...request, number });
    });
  }

  #take(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    return waiting;
  }
}
