import type { Answer } from '../answer/answer.ts';
import { NearClient } from '../answer/near-client.ts';
import { resolve } from '../answer/resolve.ts';
import { keyOf, toText } from '../name/domain-name.ts';
import { Localities, type LocalityRule } from '../name/localities.ts';
import { clientAddress } from '../name/network.ts';
import { decodeQuery } from '../wire/decode.ts';
import {
  type Encoded,
  encodeError,
  encodeRcode,
  encodeReply,
  OPT_LENGTH,
  type Rotating,
  SCRATCH_LENGTH,
} from '../wire/encode.ts';
import { FLAG, HEADER_LENGTH, type Query, RCODE } from '../wire/message.ts';
import { TYPE } from '../zone/types.ts';
import type { Fact } from '../zone/zone.ts';
import type { LiveZone, ZoneData } from '../zone/zone-data.ts';
import { admit } from './admit.ts';
import type { Client } from './client.ts';
import type { BlockLabels, Counters } from './counters.ts';
import type { QueryLog } from './query-log.ts';
import { questionOf, type ReadyReplies, type ReadyReply, type Rotation } from './ready-replies.ts';

/** Where queries come in; the handler keeps what it counts by it. */
export class Listener {
  /** `dns://127.0.0.1:5300` */
  readonly server: string;
  readonly proto: 'udp' | 'tcp';
  /** counter blocks by zone; '' for names outside all zones */
  readonly blocks = new Map<string, number>();

  constructor(server: string, proto: 'udp' | 'tcp') {
    this.server = server;
    this.proto = proto;
  }
}

export interface HandlerEvents {
  /** a counter block came into use */
  readonly onBlock: (block: number, labels: BlockLabels) => void;
  /** a bug: the query got SERVFAIL */
  readonly onPanic: (error: unknown, query: string) => void;
}

/** Octets that a reply over TCP may have (RFC 1035 section 4.2.2). */
const MAX_TCP = 65535;

/**
 * From a query's octets to a reply's: ready reply, or decode → admit → resolve → encode. The same for every
 * transport and engine.
 */
export class QueryHandler {
  /** holds the reply after {@link handle}; the next call overwrites it */
  readonly out = Buffer.alloc(SCRATCH_LENGTH);
  readonly #data: ZoneData;
  readonly #ready: ReadyReplies;
  readonly #counters: Counters;
  readonly #log: QueryLog;
  readonly #udpSize: number;
  readonly #events: HandlerEvents;
  #localities = new Localities([]);
  #blocks = 0;
  /** with which record the next reply of one whose order rotates begins */
  #turn = 0;

  constructor(
    data: ZoneData,
    ready: ReadyReplies,
    counters: Counters,
    log: QueryLog,
    udpSize: number,
    events: HandlerEvents,
  ) {
    this.#data = data;
    this.#ready = ready;
    this.#counters = counters;
    this.#log = log;
    this.#udpSize = udpSize;
    this.#events = events;
  }

  setLocalities(rules: readonly LocalityRule[]): void {
    this.#localities = new Localities(rules);
    // what is held was made for everybody
    this.#ready.clear();
  }

  /** @returns the length of the reply in {@link out}; 0 when none is due */
  handle(message: Buffer, listener: Listener, client: Client): number {
    return this.handleInto(this.out, message, message.length, listener, client);
  }

  /**
   * The same for a message that is the beginning of a buffer.
   *
   * @param out for the reply; it has room for the longest one of the listener's transport
   * @returns the length of the reply
   */
  handleInto(out: Buffer, message: Buffer, size: number, listener: Listener, client: Client): number {
    const start = performance.now();
    const max = listener.proto === 'udp' ? this.#udpSize : MAX_TCP;
    const family = client.family === 'IPv6' ? 1 : 0;
    const hit = this.#ready.answer(message, size, out, max);
    const reply = this.#ready.last;
    if (hit > 0 && reply !== undefined) {
      this.#counters.add('readyHits');
      if (this.#ready.wasTruncated) this.#counters.add('truncated');
      const seconds = (performance.now() - start) / 1000;
      const block = this.#blockOf(listener, reply.zone);
      this.#counters.count(block, family, reply.type, reply.flags & 15, seconds, size, hit);
      if (this.#log.active) this.#logReply(message.subarray(0, size), out, hit, listener, client, seconds);
      return hit;
    }
    this.#counters.add('readyMisses');
    const length = this.#handleSlowly(message.subarray(0, size), listener, client, max, family, start);
    if (out !== this.out) this.out.copy(out, 0, 0, length);
    return length;
  }

  #handleSlowly(
    message: Buffer,
    listener: Listener,
    client: Client,
    max: number,
    family: number,
    start: number,
  ): number {
    const decoded = decodeQuery(message);
    if (decoded.kind === 'drop') {
      this.#counters.add('dropped');
      return 0;
    }
    if (decoded.kind === 'error') {
      this.#counters.add('malformed');
      return encodeError(this.out, decoded, this.#udpSize);
    }
    const { query } = decoded;
    const zone = this.#data.zoneOf(keyOf(query.name));
    let length: number;
    try {
      length = this.#answer(message, query, zone, listener, client, max);
    } catch (error) {
      this.#counters.add('panics');
      this.#events.onPanic(error, `${toText(query.name)} ${query.type}`);
      length = encodeRcode(this.out, message, query, RCODE.SERVFAIL, this.#udpSize);
    }
    const rcode = this.#rcode(query, length);
    const seconds = (performance.now() - start) / 1000;
    const block = this.#blockOf(listener, zone);
    this.#counters.count(block, family, query.type, rcode, seconds, message.length, length);
    if (this.#log.active) this.#logReply(message, this.out, length, listener, client, seconds);
    return length;
  }

  #answer(
    message: Buffer,
    query: Query,
    zone: LiveZone | undefined,
    listener: Listener,
    client: Client,
    max: number,
  ): number {
    const refusal = admit(query);
    if (refusal !== undefined && !(refusal === RCODE.REFUSED && zone === undefined)) {
      return encodeRcode(this.out, message, query, refusal, this.#udpSize);
    }
    const limit = listener.proto === 'udp' ? Math.min(query.edns?.udpSize ?? 512, max) : max;
    const facts = new Set<Fact>();
    const near = this.#localities.isEmpty
      ? undefined
      : new NearClient(this.#localities, clientAddress(client.address));
    const found: Answer =
      refusal === undefined ? resolve(this.#data, query, (fact) => facts.add(fact)) : { kind: 'refused' };
    const answer = near?.choose(found) ?? found;
    const encoded = encodeReply(this.out, message, query, answer, limit, this.#udpSize, this.#turn++);
    if (encoded.truncated) this.#counters.add('truncated');
    const holdable = answer.kind === 'data' || answer.kind === 'nodata' || answer.kind === 'nxdomain';
    if (zone !== undefined && holdable && near?.hasChosen !== true)
      this.#hold(message, query, encoded, answer, limit, zone, facts);
    return encoded.length;
  }

  #hold(
    message: Buffer,
    query: Query,
    encoded: Encoded,
    answer: Answer,
    limit: number,
    zone: LiveZone,
    facts: ReadonlySet<Fact>,
  ): void {
    const { complete, truncated, chainRecords, rotating } = encoded;
    const out = this.out;
    // that a reply is too large is worth knowing too, but not where already the chain is
    const isCut = truncated && out.readUInt16BE(6) === chainRecords;
    // over TCP there is no more room than this: what was left out of it would always be
    if (!complete && !isCut && limit < MAX_TCP) return;
    const from = query.questionEnd;
    const reply: ReadyReply = {
      question: questionOf(message, query.questionEnd),
      type: query.type,
      tail: Buffer.from(out.subarray(from, encoded.optAt)),
      flags: out.readUInt16BE(2) & ~(FLAG.RD | FLAG.TC),
      counts: [out.readUInt16BE(6), out.readUInt16BE(8), out.readUInt16BE(10) - (query.edns ? 1 : 0)],
      chainEnd: encoded.chainAt - from,
      chainRecords,
      neededEnd: isCut ? limit - from - (query.edns ? OPT_LENGTH : 0) + 1 : encoded.neededAt - from,
      isCut,
      rotating: rotating.length === 0 ? undefined : rotating.map((one) => rotationIn(one, from)),
      serialAt: encoded.serialAt === 0 ? -1 : encoded.serialAt - query.questionEnd,
      serialOf: this.#serialOf(answer),
      zone,
      negative: answer.kind !== 'data',
      facts,
    };
    // this one began with the first record of the order that is held
    this.#ready.hold(reply, 1);
  }

  /** The zone whose SOA is in the reply. */
  #serialOf(answer: Answer): LiveZone | undefined {
    const soa = 'soa' in answer ? answer.soa : answer.kind === 'data' ? answer.rrset : undefined;
    return soa?.rrset.type === TYPE.SOA ? this.#data.zoneOf(keyOf(soa.name)) : undefined;
  }

  #rcode(query: Query, length: number): number {
    const low = (this.out[3] as number) & 15;
    // the upper bits of an extended rcode are in the OPT, which is last
    return query.edns !== undefined && query.edns.version > 0 && length > HEADER_LENGTH ? RCODE.BADVERS : low;
  }

  #blockOf(listener: Listener, zone: LiveZone | undefined): number {
    const key = zone?.apexKey ?? '';
    const known = listener.blocks.get(key);
    if (known !== undefined) return known;
    const block = this.#blocks++;
    listener.blocks.set(key, block);
    const label = zone === undefined ? 'dropped' : toText(zone.apexKey);
    this.#events.onBlock(block, { server: listener.server, zone: label, proto: listener.proto });
    return block;
  }

  #logReply(
    message: Buffer,
    reply: Buffer,
    length: number,
    listener: Listener,
    client: Client,
    seconds: number,
  ): void {
    if (this.#log.write(message, reply, length, listener.proto, client, seconds))
      this.#counters.add('logged');
  }
}

function rotationIn({ starts, ownerLength }: Rotating, tailAt: number): Rotation {
  return { starts: Uint16Array.from(starts, (at) => at - tailAt), ownerLength };
}
