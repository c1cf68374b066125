import { ownNiceness } from '../base/queries-first.ts';
import type { DomainName } from '../name/domain-name.ts';
import type { LocalityRule } from '../name/localities.ts';
import type { Change } from '../zone/change.ts';
import { CounterSums } from './counter-sums.ts';
import type { BlockLabels, Counters } from './counters.ts';
import { takenPorts } from './free-ports.ts';
import type { Listening, SocketAddress, WorkerOptions, WorkerState } from './messages.ts';
import type { QueryLogFilter, QueryLogLine } from './query-log.ts';
import { QueryThread, ThreadEnded } from './query-thread.ts';
import { isForEach } from './wildcard.ts';

/** So many deaths within so long are no accident. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;

/** A thread that knows nothing yet. */
export interface Newcomer {
  /** From now on it takes part in every change. */
  enter(): void;
  /** Tells it alone. Rejects when it could not be applied, or the thread ended. */
  apply(change: Change): Promise<void>;
}

export interface QueryLineOptions extends Pick<WorkerOptions, 'names' | 'udpSize' | 'engine' | 'localities'> {
  /** how many; from 1 */
  readonly threads: number;
}

export interface QueryLineEvents {
  readonly onQuery: (line: QueryLogLine) => void;
  /** a bug: one query got SERVFAIL for it */
  readonly onPanic: (query: string, error: string) => void;
  /** a thread ended by itself, and another one is started */
  readonly onReplaced: (error: Error) => void;
  /** Tells a thread that was started later all that the others know. It opens its sockets when this resolves. */
  readonly onNewcomer: (newcomer: Newcomer) => Promise<void>;
  /** threads end again and again: none is started any more */
  readonly onExit: (error: Error) => void;
}

/**
 * The query line as the rest of the house sees it: change sets go in, counters come out. Behind it is one thread or several,
 * each with sockets and names of its own; which of them answers is the kernel's choice, flow by flow. One that ends is replaced.
 */
export class QueryLine {
  /** how many threads were started in place of others */
  replaced = 0;
  readonly #options: QueryLineOptions;
  readonly #events: QueryLineEvents;
  readonly #niceness = ownNiceness();
  readonly #sums = new CounterSums();
  /** all that live */
  readonly #threads = new Set<QueryThread>();
  /** those that take part in every change */
  readonly #members = new Set<QueryThread>();
  /** those that know all there is */
  readonly #knowing = new Set<QueryThread>();
  /** threads that are being told what the others know; none of these rejects */
  readonly #tellings = new Set<Promise<void>>();
  readonly #deaths: number[] = [];
  #localities: readonly LocalityRule[];
  #filter: QueryLogFilter | undefined;
  /** what every thread listens on */
  #addresses: readonly SocketAddress[] | undefined;
  #silent: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: QueryLineOptions, events: QueryLineEvents) {
    this.#options = options;
    this.#events = events;
    this.#localities = options.localities;
    for (let i = 0; i < options.threads; i++) {
      const thread = this.#start(undefined);
      this.#members.add(thread);
      this.#knowing.add(thread);
    }
  }

  /** What all threads counted up to now; blocks have the numbers of {@link blocks}. */
  get counters(): Counters {
    return this.#sums.sum();
  }

  /** labels of the counter blocks that are in use, by number */
  get blocks(): ReadonlyMap<number, BlockLabels> {
    return this.#sums.blocks;
  }

  /** Names as each thread knows them; ready replies of all together. */
  get state(): WorkerState {
    const states = [...this.#knowing].map(({ state }) => state);
    const first = states[0] ?? { interfaces: 0, names: 0, leftOutMembers: 0 };
    return { ...first, readyReplies: states.reduce((sum, { readyReplies }) => sum + readyReplies, 0) };
  }

  /** Resolves when queries see the change, whichever thread answers them. Rejects when it could not be applied. */
  async apply(change: Change): Promise<void> {
    let isApplied = false;
    const failed: [thread: QueryThread, error: Error][] = [];
    await onAll(this.#members, async (thread) => {
      try {
        await thread.apply(change);
        isApplied = true;
      } catch (error) {
        if (error instanceof ThreadEnded) throw error;
        failed.push([thread, error as Error]);
      }
    });
    const [first] = failed;
    if (first === undefined) return;
    if (!isApplied) throw first[1];
    // threads that know different things are none: it is told everything anew
    await Promise.all(failed.map(([thread, error]) => thread.terminate(error)));
  }

  /** Opens UDP and TCP on every address. @returns by what engine, and those that could not be opened */
  async listen(addresses: readonly SocketAddress[]): Promise<Listening> {
    const failures = await takenPorts(addresses.filter((one) => this.#options.threads > 1 || isForEach(one)));
    if (failures.length > 0) return { failures, engine: 'dgram', engineProblem: undefined };
    while (this.#tellings.size > 0) await Promise.all(this.#tellings);
    this.#addresses = addresses;
    const opened: Listening[] = [];
    await onAll(this.#knowing, async (thread) => void opened.push(await thread.listen(addresses)));
    const worst = opened.find((one) => one.failures.length > 0 || one.engineProblem !== undefined);
    const result = worst ?? opened[0];
    if (result === undefined) throw new Error('the query threads died while they opened their sockets');
    return result;
  }

  /** The reply that a query would get, as octets. */
  async ask(name: DomainName, type: number): Promise<Buffer> {
    for (;;) {
      const [thread] = this.#knowing;
      try {
        if (thread !== undefined) return await thread.ask(name, type);
      } catch (error) {
        if (!(error instanceof ThreadEnded)) throw error;
      }
      if (this.#knowing.size > 0) continue;
      if (this.#tellings.size === 0) throw new Error('no query thread is there');
      await Promise.race(this.#tellings);
    }
  }

  /** Where clients and providers are; for answers that are the providers themselves. */
  async setLocalities(localities: readonly LocalityRule[]): Promise<void> {
    this.#localities = localities;
    await onAll(this.#threads, (thread) => thread.setLocalities(localities));
  }

  /** @param filter undefined turns the query log off */
  async setQueryLog(filter: QueryLogFilter | undefined): Promise<void> {
    this.#filter = filter;
    await onAll(this.#threads, (thread) => thread.setQueryLog(filter));
  }

  /**
   * Closes the sockets; resolves when the queries that were read are answered. Change sets are still taken. A thread that ends
   * from now on is not replaced.
   */
  stopListening(): Promise<void> {
    this.#silent ??= onAll(this.#threads, (thread) => thread.stopListening());
    return this.#silent;
  }

  /** Ends the threads; nothing may be asked of them any more. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.stopListening();
    await onAll(this.#threads, (thread) => thread.terminate());
  }

  #start(niceness: number | undefined): QueryThread {
    const { names, udpSize, engine, threads } = this.#options;
    const thread: QueryThread = new QueryThread(
      { names, udpSize, engine, localities: this.#localities, sharesPorts: threads > 1, niceness },
      {
        onQuery: this.#events.onQuery,
        onPanic: this.#events.onPanic,
        onBlock: (block, labels) => this.#sums.name(thread.counters, block, labels),
      },
    );
    this.#threads.add(thread);
    this.#sums.add(thread.counters);
    void thread.ended.then((error) => this.#hasEnded(thread, error));
    return thread;
  }

  #hasEnded(thread: QueryThread, error: Error): void {
    for (const set of [this.#threads, this.#members, this.#knowing]) set.delete(thread);
    this.#sums.retire(thread.counters);
    if (this.#silent !== undefined) return;
    const now = performance.now();
    this.#deaths.push(now);
    if (this.#deaths.length > MAX_DEATHS) this.#deaths.shift();
    if (this.#deaths.length === MAX_DEATHS && now - (this.#deaths[0] as number) < DEATHS_WITHIN_MS) {
      const text = `${MAX_DEATHS} times within ${DEATHS_WITHIN_MS / 1000} s, the last time: ${error.stack ?? error.message}`;
      this.#events.onExit(new Error(text));
      return;
    }
    this.replaced++;
    this.#events.onReplaced(error);
    const newcomer = this.#start(this.#niceness);
    if (this.#filter !== undefined) newcomer.setQueryLog(this.#filter).catch(() => {});
    const telling = this.#tell(newcomer).finally(() => this.#tellings.delete(telling));
    this.#tellings.add(telling);
  }

  /** Tells a thread all that the others know, and lets it answer. */
  async #tell(thread: QueryThread): Promise<void> {
    try {
      const told = this.#events.onNewcomer({
        enter: () => {
          // it may have ended while this waited for its turn
          if (this.#threads.has(thread)) this.#members.add(thread);
        },
        apply: (change) => thread.apply(change),
      });
      const error = await Promise.race([told, thread.ended]);
      if (error !== undefined) throw error;
      this.#knowing.add(thread);
      if (this.#addresses === undefined || this.#silent !== undefined) return;
      const { failures, engineProblem } = await thread.listen(this.#addresses);
      const [first] = failures;
      if (first !== undefined)
        throw new Error(`cannot listen on ${first.address.host}, port ${first.address.port}: ${first.code}`);
      if (engineProblem !== undefined && this.#options.engine === 'mmsg') throw new Error(engineProblem);
    } catch (error) {
      // one that ended by itself keeps its own reason; it is replaced in its turn
      await thread.terminate(error as Error);
    }
  }
}

/** Those that end meanwhile are left out. */
async function onAll(
  threads: Iterable<QueryThread>,
  act: (thread: QueryThread) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Array.from(threads, async (thread) => {
      try {
        await act(thread);
      } catch (error) {
        if (!(error instanceof ThreadEnded)) throw error;
      }
    }),
  );
}
