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

export interface QueryThreadEvents {
  readonly onQuery: (line: QueryLogLine) => void;
  /** a bug: one query got SERVFAIL for it */
  readonly onPanic: (query: string, error: string) => void;
  readonly onBlock: (block: number, labels: BlockLabels) => void;
}

/** The thread ended before it did what was asked: what it was told does not matter any more. */
export class ThreadEnded extends Error {
  override readonly name = 'ThreadEnded';
}

type Request = { [K in keyof Results]: Omit<Extract<ToWorker, { kind: K }>, 'number'> };

interface Waiting {
  readonly done: (result: never) => void;
  readonly failed: (error: Error) => void;
}

/** One query thread (`query-worker.ts`) as the others see it. What is asked of it rejects with {@link ThreadEnded} when it ends. */
export class QueryThread {
  readonly counters = new Counters();
  /** of the last change */
  state: WorkerState = { interfaces: 0, names: 0, readyReplies: 0, leftOutMembers: 0 };
  /** Resolves when it has ended and its sockets are closed, with why. */
  readonly ended: Promise<Error>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #hasEnded = false;
  #reason: Error | undefined;
  #opening: Promise<unknown> = Promise.resolve();

  constructor(options: Omit<WorkerOptions, 'counters'>, events: QueryThreadEvents) {
    // sources run as TypeScript, the published package as JavaScript
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./query-worker.${extension}`, import.meta.url), {
      workerData: { ...options, counters: this.counters.shared } satisfies WorkerOptions,
    });
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'done') this.#take(message.number)?.done(message.result as never);
      else if (message.kind === 'failed') this.#take(message.number)?.failed(new Error(message.error));
      else if (message.kind === 'block') events.onBlock(message.block, message.labels);
      else if (message.kind === 'query') events.onQuery(message.line);
      else events.onPanic(message.query, message.error);
    });
    this.#worker.on('error', (error) => {
      this.#reason ??= error as Error;
    });
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', (status) => {
        this.#hasEnded = true;
        const reason = this.#reason ?? new Error(`it ended with status ${status}`);
        for (const { failed } of this.#waiting.values()) failed(new ThreadEnded(reason.message));
        this.#waiting.clear();
        resolve(reason);
      });
    });
  }

  /** Resolves when queries see the change. Rejects when it could not be applied. */
  async apply(change: Change): Promise<void> {
    this.state = await this.#request({ kind: 'change', change });
  }

  /** Opens UDP and TCP on every address. @returns by what engine, and those that could not be opened */
  listen(addresses: readonly SocketAddress[]): Promise<Listening> {
    const opening = this.#request({ kind: 'listen', addresses });
    this.#opening = opening.catch(() => {});
    return opening;
  }

  /** The reply that a query would get, as octets. */
  async ask(name: DomainName, type: number): Promise<Buffer> {
    return Buffer.from((await this.#request({ kind: 'ask', name, type })).reply);
  }

  async setLocalities(localities: readonly LocalityRule[]): Promise<void> {
    await this.#request({ kind: 'localities', localities });
  }

  /** @param filter undefined turns the query log off */
  async setQueryLog(filter: QueryLogFilter | undefined): Promise<void> {
    await this.#request({ kind: 'query-log', filter });
  }

  /** Closes the sockets; resolves when the queries that were read are answered. Change sets are still taken. */
  async stopListening(): Promise<void> {
    // a socket that is being opened would stay open
    await this.#opening;
    await this.#request({ kind: 'close' });
  }

  /** Ends it at once. Resolves when it has ended. @param reason what {@link ended} says */
  async terminate(reason?: Error): Promise<void> {
    this.#reason ??= reason;
    await this.#worker.terminate();
    await this.ended;
  }

  #request<K extends keyof Results>(request: Request[K] & { kind: K }): Promise<Results[K]> {
    if (this.#hasEnded) return Promise.reject(new ThreadEnded('the query thread has ended'));
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
