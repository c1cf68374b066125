import { LRUCache } from 'lru-cache';
import { OPT_LENGTH, writeOpt } from '../wire/encode.ts';
import { FLAG, HEADER_LENGTH } from '../wire/message.ts';
import { TYPE } from '../zone/types.ts';
import type { Fact } from '../zone/zone.ts';
import type { LiveZone } from '../zone/zone-data.ts';

/** A reply to one question, ready but for what each client brings: id, spelling, RD, OPT. */
export interface ReadyReply {
  /** lower-cased name, type and class: the question section */
  readonly question: Buffer;
  readonly type: number;
  /** everything behind the question, without OPT; of a cut one the chain alone */
  readonly tail: Buffer;
  readonly flags: number;
  readonly counts: readonly [answer: number, authority: number, additional: number];
  /** octets of `tail` that are the CNAME and DNAME records in front, and how many there are: a truncated reply has them */
  readonly chainEnd: number;
  readonly chainRecords: number;
  /** octets behind the question without which a reply is truncated; of a cut one they are at least so many */
  readonly neededEnd: number;
  /** whether it was too large to be written whole: it only tells that */
  readonly isCut: boolean;
  /** RRsets in `tail` whose order rotates; undefined without one */
  readonly rotating: readonly Rotation[] | undefined;
  /** where in `tail` the SOA's serial stands; -1 for none */
  readonly serialAt: number;
  /** whose serial that is: a CNAME may have led into another zone */
  readonly serialOf: LiveZone | undefined;
  /** the zone of the question */
  readonly zone: LiveZone;
  readonly negative: boolean;
  /** what it was made from, see `Trace` */
  readonly facts: ReadonlySet<Fact>;
}

/** See `Rotating` in `wire/encode.ts`; offsets are those in `tail`. */
export interface Rotation {
  readonly starts: Uint16Array;
  readonly ownerLength: number;
}

interface Held extends Omit<ReadyReply, 'facts'> {
  /** where the changes of its facts are counted … */
  readonly counted: Uint32Array;
  /** … and the sum of these counts when it was made: another one means that a fact changed */
  readonly changes: number;
  readonly hash: number;
  /** with which of their records the RRsets that rotate begin next; any number */
  turn: number;
  /** the next reply in the same bucket */
  next: Held | undefined;
  /** key in the bounded cache: the question as text */
  readonly key: string;
}

export interface ReadyLimits {
  /** octets that all positive replies may take */
  readonly positiveBytes: number;
  /** octets that all negative replies may take: random names must not push others out */
  readonly negativeBytes: number;
  /** … nor a few large ones all the small ones */
  readonly largeBytes: number;
}

export const READY_LIMITS: ReadyLimits = {
  positiveBytes: 64 * 2 ** 20,
  negativeBytes: 16 * 2 ** 20,
  largeBytes: 16 * 2 ** 20,
};
/** Replies of more octets than most UDP clients take. */
const LARGE = 4096;

/** An estimate of what a held reply costs beside its octets: objects, map entries, its facts. */
const OVERHEAD_BYTES = 700;
const BUCKETS = 1 << 16;
/** Changes are counted in so many places: facts that share one outdate each other's replies, which costs little. */
const COUNTS = 1 << 18;

const LOWER = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 65 && octet <= 90 ? octet + 32 : octet,
);

/**
 * Replies that were given before, found by the very octets of a question: the hot path. No parsing beyond a walk over
 * the question, no allocation. A reply that was made from what a change set touched
 * is not given any more; it goes when it is asked for, or when its room is needed.
 */
export class ReadyReplies {
  readonly #udpSize: number;
  readonly #seed = (Math.random() * 2 ** 32) >>> 0;
  readonly #buckets: (Held | undefined)[] = new Array(BUCKETS).fill(undefined);
  readonly #positive: LRUCache<string, Held>;
  readonly #negative: LRUCache<string, Held>;
  readonly #large: LRUCache<string, Held>;
  readonly #changes = new Uint32Array(COUNTS);
  /** set by {@link answer}: which reply it gave */
  last: Omit<ReadyReply, 'facts'> | undefined;
  /** … and whether it had to be truncated for this client */
  wasTruncated = false;

  /** @param udpSize what our OPT says, and the most that a UDP reply may have */
  constructor(udpSize: number, limits: ReadyLimits = READY_LIMITS) {
    this.#udpSize = udpSize;
    const cache = (maxSize: number) =>
      new LRUCache<string, Held>({
        maxSize,
        sizeCalculation: (held) => held.tail.length + held.question.length + OVERHEAD_BYTES,
        dispose: (held) => this.#unlink(held),
      });
    this.#positive = cache(limits.positiveBytes);
    this.#negative = cache(limits.negativeBytes);
    this.#large = cache(limits.largeBytes);
  }

  get size(): number {
    return this.#positive.size + this.#negative.size + this.#large.size;
  }

  /**
   * Writes the reply to a query into `out`, if it is held and the query has nothing unusual.
   *
   * @param max octets that a reply over this transport may have
   * @returns the reply's length; 0 when the query has to go the long way
   */
  answer(query: Buffer, length: number, out: Buffer, max: number): number {
    // a query with one question, nothing in answer and authority, at most an OPT behind
    if (length < HEADER_LENGTH + 5 || ((query[2] as number) & 0xf8) !== 0) return 0;
    if (query[4] !== 0 || query[5] !== 1 || query[6] !== 0 || query[7] !== 0) return 0;
    if (query[8] !== 0 || query[9] !== 0 || query[10] !== 0 || (query[11] as number) > 1) return 0;

    let hash = this.#seed;
    let at = HEADER_LENGTH;
    for (;;) {
      const label = query[at] as number;
      if (label > 63 || at + label + 5 > length) return 0;
      const end = at + label + 1;
      for (; at < end; at++) hash = Math.imul(hash ^ (LOWER[query[at] as number] as number), 0x01000193);
      if (label === 0) break;
    }
    const questionEnd = at + 4;
    if (questionEnd > length) return 0;
    for (; at < questionEnd; at++) hash = Math.imul(hash ^ (query[at] as number), 0x01000193);

    let limit = max;
    const edns = query[11] === 1;
    if (edns) {
      const size = plainOptSize(query, questionEnd, length);
      if (size === 0) return 0;
      if (max <= this.#udpSize) limit = Math.min(max, size < 512 ? 512 : size);
    } else {
      if (questionEnd !== length) return 0;
      if (max <= this.#udpSize) limit = Math.min(max, 512);
    }

    const held = this.#find(hash, query, questionEnd);
    if (held === undefined) return 0;
    if (this.#changesOf(held.counted) !== held.changes) {
      this.#cacheOf(held).delete(held.key);
      return 0;
    }
    const room = limit - questionEnd - (edns ? OPT_LENGTH : 0);
    const { tail, flags } = held;
    const isWhole = !held.isCut && tail.length <= room;
    // truncated, unless it only lacks additional records, or is larger than what is known of it
    if (!isWhole && (held.neededEnd <= room || held.chainEnd > room)) return 0;

    query.copy(out, 0, 0, questionEnd);
    const truncated = isWhole ? 0 : FLAG.TC;
    const tailEnd = isWhole ? tail.length : held.chainEnd;
    if (isWhole && held.rotating !== undefined) copyRotated(held, held.rotating, out, questionEnd);
    else tail.copy(out, questionEnd, 0, tailEnd);
    out[2] = ((flags | truncated) >> 8) | ((query[2] as number) & (FLAG.RD >> 8));
    out[3] = flags & 0xff;
    const answers = isWhole ? held.counts[0] : held.chainRecords;
    const additionals = (isWhole ? held.counts[2] : 0) + (edns ? 1 : 0);
    out[6] = answers >> 8;
    out[7] = answers & 0xff;
    out[9] = isWhole ? held.counts[1] : 0;
    out[10] = additionals >> 8;
    out[11] = additionals & 0xff;
    const { serialOf } = held;
    if (serialOf !== undefined && isWhole) writeU32(out, questionEnd + held.serialAt, serialOf.serial);
    this.#cacheOf(held).get(held.key);
    this.last = held;
    this.wasTruncated = !isWhole;
    const end = questionEnd + tailEnd;
    if (!edns) return end;
    return writeOpt(out, end, this.#udpSize, 0, ((query[questionEnd + 7] as number) & 0x80) !== 0);
  }

  #cacheOf({ negative, tail }: Pick<Held, 'negative' | 'tail'>): LRUCache<string, Held> {
    if (tail.length > LARGE) return this.#large;
    return negative ? this.#negative : this.#positive;
  }

  #changesOf(counted: Uint32Array): number {
    let sum = 0;
    for (let i = 0; i < counted.length; i++) sum += this.#changes[counted[i] as number] as number;
    return sum;
  }

  #find(hash: number, query: Buffer, questionEnd: number): Held | undefined {
    let held = this.#buckets[hash & (BUCKETS - 1)];
    for (; held !== undefined; held = held.next) {
      if (held.hash === hash && sameQuestion(held.question, query, questionEnd)) return held;
    }
    return undefined;
  }

  /**
   * Holds a reply; the question is that of a query of class IN.
   *
   * @param turn with which of its records an RRset that rotates begins; any number
   */
  hold(reply: ReadyReply, turn = 0): void {
    if (reply.counts[1] > 255) return;
    const key = reply.question.toString('latin1');
    let hash = this.#seed;
    for (const octet of reply.question) hash = Math.imul(hash ^ octet, 0x01000193);
    for (const cache of [this.#positive, this.#negative, this.#large]) cache.delete(key);
    const bucket = hash & (BUCKETS - 1);
    const { facts, ...rest } = reply;
    const counted = new Uint32Array(facts.size);
    let count = 0;
    for (const fact of facts) counted[count++] = placeOf(fact);
    const held: Held = {
      ...rest,
      counted,
      changes: this.#changesOf(counted),
      hash,
      key,
      turn,
      next: this.#buckets[bucket],
    };
    this.#buckets[bucket] = held;
    this.#cacheOf(held).set(key, held);
  }

  /** A fact changed: the replies that were made from it are outdated. */
  drop(fact: Fact): void {
    const place = placeOf(fact);
    this.#changes[place] = (this.#changes[place] as number) + 1;
  }

  clear(): void {
    this.#positive.clear();
    this.#negative.clear();
    this.#large.clear();
  }

  #unlink(held: Held): void {
    const bucket = held.hash & (BUCKETS - 1);
    const first = this.#buckets[bucket];
    if (first === held) {
      this.#buckets[bucket] = held.next;
    } else {
      for (let at = first; at !== undefined; at = at.next) if (at.next === held) at.next = held.next;
    }
  }
}

/** The tail, but RRsets that rotate begin with another record, and go on with those in front of it at their end. */
function copyRotated(held: Held, rotations: readonly Rotation[], out: Buffer, at: number): void {
  const { tail } = held;
  const turn = held.turn++;
  let copied = 0;
  for (const { starts, ownerLength } of rotations) {
    const records = starts.length - 1;
    const first = turn % records;
    const [begin, split, end] = [starts[0] as number, starts[first] as number, starts[records] as number];
    tail.copy(out, at + copied, copied, begin);
    tail.copy(out, at + begin, split, end);
    // the last record ends without an owner name behind it, and now another one follows
    const owner = split - ownerLength;
    if (first > 0) {
      tail.copy(out, at + begin + end - split, owner, split);
      tail.copy(out, at + begin + end - owner, begin, owner);
    }
    copied = end;
  }
  tail.copy(out, at + copied, copied);
}

function placeOf(fact: Fact): number {
  return (fact ^ (fact >>> 14)) & (COUNTS - 1);
}

/** The question section of a query in the form that replies are held by. */
export function questionOf(query: Buffer, questionEnd: number): Buffer {
  const question = Buffer.from(query.subarray(HEADER_LENGTH, questionEnd));
  for (let i = 0; i < question.length - 4; i++) question[i] = LOWER[question[i] as number] as number;
  return question;
}

/** @returns the client's UDP size when all that follows the question is one plain OPT; else 0 */
function plainOptSize(query: Buffer, at: number, length: number): number {
  if (at + OPT_LENGTH > length || query[at] !== 0 || query[at + 1] !== 0 || query[at + 2] !== TYPE.OPT)
    return 0;
  if (query[at + 5] !== 0 || query[at + 6] !== 0) return 0;
  const end = at + OPT_LENGTH + (((query[at + 9] as number) << 8) | (query[at + 10] as number));
  if (end !== length) return 0;
  for (let option = at + OPT_LENGTH; option < end; ) {
    if (option + 4 > end) return 0;
    option += 4 + (((query[option + 2] as number) << 8) | (query[option + 3] as number));
    if (option > end) return 0;
  }
  const size = ((query[at + 3] as number) << 8) | (query[at + 4] as number);
  return size === 0 ? 1 : size;
}

function sameQuestion(question: Buffer, query: Buffer, questionEnd: number): boolean {
  const length = questionEnd - HEADER_LENGTH;
  if (question.length !== length) return false;
  const nameLength = length - 4;
  for (let i = 0; i < nameLength; i++) {
    if (question[i] !== LOWER[query[HEADER_LENGTH + i] as number]) return false;
  }
  for (let i = nameLength; i < length; i++) if (question[i] !== query[HEADER_LENGTH + i]) return false;
  return true;
}

function writeU32(out: Buffer, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = (value >>> 16) & 0xff;
  out[at + 2] = (value >>> 8) & 0xff;
  out[at + 3] = value & 0xff;
}
