/** What is followed over one connection: names by HTTP, each of them subscribed, and what the server says of it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostPortText } from '../../name/address.ts';
import { shown } from '../endpoint-text.ts';
import type { ServerAddress } from '../server-list.ts';
import type { Interfaces, KnownInterface } from './interfaces.ts';
import { DEFAULT_ZONE, type SofaRegistryOptions } from './options.ts';
import type { RegistryHttp } from './registry-http.ts';
import { type ReceivedData, SessionConnection } from './session-connection.ts';

export interface SessionEvents {
  /** Everything was read once. */
  complete(): void;
  /** New names are not found, what is known is followed; undefined: they are again. */
  namesProblem(reason: string | undefined): void;
  /** Once, at the end, but not after `close`. */
  lost(reason: string): void;
}

const PARALLEL = 64;
/** So many readings of the names in a row have to fail before that is said. */
const FAILURES_SAID = 3;
/** Every so many milliseconds lists are read whether they changed or not, and what they lack is forgotten. */
const WHOLE_MS = 60_000;
/** Names are read a sixth of the time at most. */
const REST = 5;

let connections = 0;

export class Session {
  readonly #number = ++connections;
  readonly #options: SofaRegistryOptions;
  readonly #http: RegistryHttp;
  readonly #interfaces: Interfaces;
  readonly #events: SessionEvents;
  /** is asked by HTTP */
  readonly #seed: ServerAddress;
  /** hosts of all session servers */
  readonly #sessions: readonly string[];
  readonly #connection: SessionConnection;
  readonly #client = randomUUID();
  readonly #closed = new AbortController();
  /** not subscribed yet */
  #queue: KnownInterface[] = [];
  #isComplete = false;
  #isSubscribed = false;
  /** subscribed before everything was read, without an answer until now */
  #unanswered = 0;
  #answered = 0;
  #stall: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;

  /** Begins to connect. */
  constructor(
    server: ServerAddress,
    from: { readonly seed: ServerAddress; readonly sessions: readonly ServerAddress[] },
    options: SofaRegistryOptions,
    http: RegistryHttp,
    interfaces: Interfaces,
    events: SessionEvents,
  ) {
    this.#options = options;
    this.#http = http;
    this.#interfaces = interfaces;
    this.#events = events;
    this.#seed = from.seed;
    this.#sessions = [...new Set(from.sessions.map(({ host }) => host))];
    this.#connection = new SessionConnection(server, options, {
      ready: () => void this.#run(),
      received: (data) => this.#take(data),
      lost: (reason) => {
        this.#end();
        events.lost(`${hostPortText(server)}: ${reason}`);
      },
    });
  }

  close(): void {
    this.#end();
    this.#connection.close();
  }

  #end(): void {
    this.#closed.abort();
    clearTimeout(this.#stall);
    clearTimeout(this.#sweep);
  }

  get #isOver(): boolean {
    return this.#closed.signal.aborted;
  }

  async #run(): Promise<void> {
    this.#queue = [...this.#interfaces.all()];
    this.#http.forgetLists();
    this.#interfaces.beginList();
    const { problem } = await this.#readNames();
    if (this.#isOver) return;
    if (problem !== undefined) return this.#connection.drop(`the names cannot be read: ${problem}`);
    this.#unanswered = this.#queue.length;
    this.#waitForAnswers();
    await this.#subscribeAll();
    if (this.#isOver) return;
    this.#isSubscribed = true;
    this.#look();
    await this.#follow();
  }

  async #follow(): Promise<void> {
    let failures = 0;
    let wholeAt = performance.now();
    for (;;) {
      const begun = performance.now();
      const isWhole = begun - wholeAt > WHOLE_MS;
      if (isWhole) {
        this.#http.forgetLists();
        this.#interfaces.beginList();
        this.#queue.push(...[...this.#interfaces.all()].filter(({ subscribedBy }) => subscribedBy === 0));
        wholeAt = begun;
      }
      const { problem, isOfDataServers } = await this.#readNames();
      if (this.#isOver) return;
      failures = problem === undefined ? 0 : failures + 1;
      if (failures === 0) this.#events.namesProblem(undefined);
      else if (failures >= FAILURES_SAID) this.#events.namesProblem(`the names cannot be read: ${problem}`);
      if (isWhole && failures === 0 && isOfDataServers) this.#forgetMissing();
      await this.#subscribeAll();
      // chance takes up to a fifth, so that replicas do not ask all at once
      const pause = this.#options.intervalMs * (1 - 0.2 * Math.random());
      await this.#pause(Math.max(pause, REST * (performance.now() - begun)));
      if (this.#isOver) return;
    }
  }

  #readNames() {
    return this.#http.readNames(this.#seed, this.#sessions, (name) => {
      if (this.#isOver) return;
      const fresh = this.#interfaces.see(name);
      if (fresh !== undefined) this.#queue.push(fresh);
    });
  }

  async #subscribeAll(): Promise<void> {
    const queue = this.#queue.values();
    this.#queue = [];
    const work = async (): Promise<void> => {
      for (const known of queue) {
        if (this.#isOver) return;
        await this.#subscribe(known);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }

  async #subscribe(known: KnownInterface): Promise<void> {
    known.subscribedBy = this.#number;
    const reply = await this.#register(known, 'REGISTER', 1n);
    if (this.#isOver) return;
    if (reply.ok && reply.value.fields.get('success') === true) return;
    const message = reply.ok ? reply.value.fields.get('message') : reply.reason;
    known.subscribedBy = 0;
    const text = typeof message === 'string' ? shown(message) : 'no reason given';
    this.#interfaces.refuse(known, 'refused', `the server takes no subscription: ${text}`);
    this.#settle(known);
  }

  #register({ service, number }: KnownInterface, eventType: string, version: bigint) {
    const { instance, zone } = this.#options;
    return this.#connection.ask('SubscriberRegister', {
      scope: 'global',
      acceptEncoding: null,
      acceptMulti: false,
      instanceId: instance,
      zone: zone === '' ? DEFAULT_ZONE : zone,
      appName: 'rpc-dns',
      dataId: service.dataId,
      group: 'SOFA',
      processId: null,
      registId: `${this.#client}-${number}`,
      clientId: null,
      dataInfoId: null,
      ip: null,
      port: null,
      eventType,
      version,
      timestamp: BigInt(Date.now()),
      attributes: null,
    });
  }

  #forgetMissing(): void {
    for (const known of this.#interfaces.forgetMissing()) {
      if (known.subscribedBy === this.#number) void this.#register(known, 'UNREGISTER', 2n);
    }
  }

  #take(data: ReceivedData): void {
    const known = this.#interfaces.take(data, this.#number);
    if (known !== undefined) this.#settle(known);
  }

  /** The server said what it has of it. */
  #settle(known: KnownInterface): void {
    if (known.answeredBy === this.#number) return;
    known.answeredBy = this.#number;
    if (this.#isComplete) return;
    this.#unanswered--;
    this.#answered++;
    this.#waitForAnswers();
    this.#look();
  }

  /** Whether everything was read. */
  #look(): void {
    if (!this.#isSubscribed || this.#unanswered > 0 || this.#isComplete) return;
    this.#complete();
  }

  #waitForAnswers(): void {
    clearTimeout(this.#stall);
    if (this.#isComplete) return;
    const { answerTimeoutMs } = this.#options;
    this.#stall = setTimeout(() => {
      if (this.#answered === 0 || !this.#isSubscribed) {
        this.#connection.drop(`subscribed, and no data came within ${answerTimeoutMs / 1000} s`);
        return;
      }
      for (const known of this.#interfaces.all()) {
        if (known.subscribedBy === this.#number && known.answeredBy !== this.#number)
          this.#interfaces.refuse(known, 'no-answer', 'subscribed, and no data came');
      }
      this.#complete();
    }, answerTimeoutMs);
  }

  #complete(): void {
    this.#isComplete = true;
    clearTimeout(this.#stall);
    this.#sweep = setTimeout(() => this.#interfaces.forgetPartsBefore(this.#number), this.#options.sweepMs);
    this.#events.complete();
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closed.signal }).catch(() => {});
  }
}
