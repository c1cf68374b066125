import { performance } from 'node:perf_hooks';
import { type DomainName, toText } from '../name/domain-name.ts';
import type { LocalityRule } from '../name/localities.ts';
import { SCRATCH_LENGTH } from '../wire/encode.ts';
import { HEADER_LENGTH, RCODE } from '../wire/message.ts';
import type { LiveZone, ZoneData } from '../zone/zone-data.ts';
import type { Client } from './client.ts';
import type { BlockLabels, Counters } from './counters.ts';
import { Exchange, MAX_TCP } from './exchange.ts';
import type { Listener } from './listener.ts';
import type { QueryLog } from './query-log.ts';
import type { ReadyReplies } from './ready-replies.ts';
import { Compose } from './stages/compose.ts';
import { finish } from './stages/finish.ts';
import { gate } from './stages/gate.ts';
import { question } from './stages/question.ts';
import { Resolve } from './stages/resolve.ts';
import type { Seats, Verdict } from './stages/seats.ts';

export interface HandlerEvents {
  /** a counter block came into use */
  readonly onBlock: (block: number, labels: BlockLabels) => void;
  /** a bug: the query got SERVFAIL */
  readonly onPanic: (error: unknown, query: string) => void;
}

const NO_SEATS: Seats = {};

/**
 * From a query's octets to a reply's, by stages over one exchange: gate → question → compose, or what is held ready, or
 * resolve → finish. The same for every transport and engine.
 */
export class QueryHandler {
  /** holds the reply after {@link handle}; the next call overwrites it */
  readonly out = Buffer.alloc(SCRATCH_LENGTH);
  readonly #exchange = new Exchange();
  readonly #data: ZoneData;
  readonly #ready: ReadyReplies;
  readonly #counters: Counters;
  readonly #log: QueryLog;
  readonly #udpSize: number;
  readonly #events: HandlerEvents;
  readonly #seats: Seats;
  readonly #compose: Pick<Compose, 'compose'>;
  readonly #resolve: Resolve;
  #blocks = 0;
  #lapStart = 0;

  constructor(
    data: ZoneData,
    ready: ReadyReplies,
    counters: Counters,
    log: QueryLog,
    udpSize: number,
    events: HandlerEvents,
    seats: Seats = NO_SEATS,
    /** for tests: what composes nothing has everything resolved */
    compose: Pick<Compose, 'compose'> = new Compose(data),
  ) {
    this.#data = data;
    this.#ready = ready;
    this.#counters = counters;
    this.#log = log;
    this.#udpSize = udpSize;
    this.#events = events;
    this.#seats = seats;
    this.#compose = compose;
    this.#resolve = new Resolve(data, ready);
  }

  setLocalities(rules: readonly LocalityRule[]): void {
    this.#resolve.setLocalities(rules);
    // what is held was made for everybody
    this.#ready.clear();
  }

  /** @returns the length of the reply in {@link out}; 0 when none is due */
  handle(message: Buffer, listener: Listener, client: Client): number {
    this.startClock();
    return this.handleInto(this.out, message, message.length, listener, client);
  }

  /** To be called in front of the queries that came together: each one's time begins where the last one's ended. */
  startClock(): void {
    this.#lapStart = performance.now();
  }

  /**
   * The same for a message that is the beginning of a buffer; see {@link startClock}.
   *
   * @param out for the reply; it has room for the longest one of the listener's transport, and may be the message's own
   * @returns the length of the reply
   */
  handleInto(out: Buffer, message: Buffer, size: number, listener: Listener, client: Client): number {
    const exchange = this.#exchange;
    const max = listener.proto === 'udp' ? this.#udpSize : MAX_TCP;
    exchange.begin(message, size, out, max, listener, client);
    const length = this.#answer(exchange);
    const seconds = this.#lap();
    if (length === 0) {
      this.#counters.add('dropped');
      return 0;
    }
    if (exchange.questions === 0) {
      this.#counters.add('malformed');
      return length;
    }
    if (exchange.truncated) this.#counters.add('truncated');
    const family = client.family === 'IPv6' ? 1 : 0;
    const block = this.#blockOf(listener, exchange.zone);
    this.#counters.count(block, family, exchange.type, exchange.rcode, seconds, size, length);
    if (this.#log.active) this.#logReply(exchange, length, seconds);
    return length;
  }

  /** The stages, and the one catch around them: a bug costs one query its answer. */
  #answer(exchange: Exchange): number {
    let verdict: Verdict = 'drop';
    try {
      verdict = gate(exchange, this.#seats);
      if (verdict === 'on') verdict = question(exchange, this.#data, this.#seats);
      if (verdict === 'on') this.#find(exchange);
      return verdict === 'drop' ? 0 : finish(exchange, this.#udpSize, this.#seats);
    } catch (error) {
      this.#counters.add('panics');
      this.#events.onPanic(error, asText(exchange));
      if (verdict === 'drop') return 0;
      exchange.setRcode(RCODE.SERVFAIL);
      exchange.options = undefined;
      // whoever sits there may be who threw
      return finish(exchange, this.#udpSize, NO_SEATS);
    }
  }

  #find(exchange: Exchange): void {
    const zone = exchange.zone as LiveZone;
    if (this.#compose.compose(exchange, zone)) {
      this.#counters.add('composed');
    } else if (this.#ready.give(exchange)) {
      this.#counters.add('readyHits');
    } else {
      this.#counters.add('readyMisses');
      this.#resolve.resolve(exchange);
    }
  }

  /** @returns seconds */
  #lap(): number {
    const now = performance.now();
    const seconds = (now - this.#lapStart) / 1000;
    this.#lapStart = now;
    return seconds;
  }

  #blockOf(listener: Listener, zone: LiveZone | undefined): number {
    const key = zone?.apexKey ?? '';
    if (listener.lastKey === key && listener.lastBlock >= 0) return listener.lastBlock;
    let block = listener.blocks.get(key);
    if (block === undefined) {
      block = this.#blocks++;
      listener.blocks.set(key, block);
      const label = zone === undefined ? 'dropped' : toText(zone.apexKey);
      this.#events.onBlock(block, { server: listener.server, zone: label, proto: listener.proto });
    }
    listener.lastKey = key;
    listener.lastBlock = block;
    return block;
  }

  #logReply(exchange: Exchange, length: number, seconds: number): void {
    if (this.#log.write(exchange, length, seconds)) this.#counters.add('logged');
  }
}

/** The question for people; where a bug was met before it was read, whatever stands there. */
function asText({ message, questionEnd, type }: Exchange): string {
  const name = message.toString('latin1', HEADER_LENGTH, Math.max(HEADER_LENGTH, questionEnd - 4));
  return `${toText(name as DomainName)} ${type}`;
}
