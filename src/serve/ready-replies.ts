import { LRUCache } from 'lru-cache';
import { OPT_LENGTH } from '../wire/encode.ts';
import type { Fact } from '../zone/zone.ts';
import type { Exchange } from './exchange.ts';

/** A reply to one question, ready but for what each client brings: id, spelling, RD, OPT. */
export interface ReadyReply {
  /** everything behind the question, without OPT; of a cut one the chain alone */
  readonly tail: Buffer;
  readonly rcode: number;
  readonly authoritative: boolean;
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
  readonly serialOf: { readonly serial: number } | undefined;
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
  /** lower-cased */
  readonly name: Uint8Array;
  readonly type: number;
  /** after how many times that all were cleared it was made */
  readonly generation: number;
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

/**
 * Replies that were resolved before, found by the octets of a question: for what cannot be composed. A reply that was made
 * from what a change set touched is not given any more; it goes when it is asked for, or when its room is needed.
 */
export class ReadyReplies {
  readonly #seed = (Math.random() * 2 ** 32) >>> 0;
  readonly #buckets: (Held | undefined)[] = new Array(BUCKETS).fill(undefined);
  readonly #positive: LRUCache<string, Held>;
  readonly #negative: LRUCache<string, Held>;
  readonly #large: LRUCache<string, Held>;
  readonly #changes = new Uint32Array(COUNTS);
  #generation = 0;

  constructor(limits: ReadyLimits = READY_LIMITS) {
    const cache = (maxSize: number) =>
      new LRUCache<string, Held>({
        maxSize,
        sizeCalculation: (held) => held.tail.length + held.name.length + OVERHEAD_BYTES,
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
   * Writes the sections of the reply behind the question, if it is held and has room.
   *
   * @returns false when the query has to go the long way
   */
  give(exchange: Exchange): boolean {
    const { out, questionEnd, hasEdns } = exchange;
    const held = this.#find(this.#hashOf(exchange), exchange);
    if (held === undefined) return false;
    if (held.generation !== this.#generation || this.#changesOf(held.counted) !== held.changes) {
      this.#cacheOf(held).delete(held.key);
      return false;
    }
    const room = exchange.limit - questionEnd - (hasEdns ? OPT_LENGTH : 0);
    const { tail, counts } = held;
    const isWhole = !held.isCut && tail.length <= room;
    // truncated, unless it only lacks additional records, or is larger than what is known of it
    if (!isWhole && (held.neededEnd <= room || held.chainEnd > room)) return false;

    const tailEnd = isWhole ? tail.length : held.chainEnd;
    if (isWhole && held.rotating !== undefined) copyRotated(held, held.rotating, out, questionEnd);
    else tail.copy(out, questionEnd, 0, tailEnd);
    exchange.rcode = held.rcode;
    exchange.authoritative = held.authoritative;
    exchange.truncated = !isWhole;
    exchange.answers = isWhole ? counts[0] : held.chainRecords;
    exchange.authorities = isWhole ? counts[1] : 0;
    exchange.additionals = isWhole ? counts[2] : 0;
    exchange.error = undefined;
    exchange.end = questionEnd + tailEnd;
    const { serialOf } = held;
    if (serialOf !== undefined && isWhole) writeU32(out, questionEnd + held.serialAt, serialOf.serial);
    this.#cacheOf(held).get(held.key);
    return true;
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

  #hashOf({ lower, nameLength, type }: Exchange): number {
    let hash = this.#seed;
    for (let i = 0; i < nameLength; i++) hash = Math.imul(hash ^ (lower[i] as number), 0x01000193);
    return Math.imul(hash ^ type, 0x01000193);
  }

  #find(hash: number, exchange: Exchange): Held | undefined {
    let held = this.#buckets[hash & (BUCKETS - 1)];
    for (; held !== undefined; held = held.next) {
      if (held.hash === hash && isAsked(held, exchange)) return held;
    }
    return undefined;
  }

  /**
   * Holds a reply to the query, which is one of class IN.
   *
   * @param turn with which of its records an RRset that rotates begins; any number
   */
  hold(exchange: Exchange, reply: ReadyReply, turn = 0): void {
    const name = Buffer.from(exchange.lower.subarray(0, exchange.nameLength));
    const { type } = exchange;
    const key = `${type} ${name.toString('latin1')}`;
    const hash = this.#hashOf(exchange);
    for (const cache of [this.#positive, this.#negative, this.#large]) cache.delete(key);
    const bucket = hash & (BUCKETS - 1);
    const { facts, ...rest } = reply;
    const counted = new Uint32Array(facts.size);
    let count = 0;
    for (const fact of facts) counted[count++] = placeOf(fact);
    const held: Held = {
      ...rest,
      name,
      type,
      counted,
      generation: this.#generation,
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

  /** None that is held is given any more; each goes when it is asked for, or when its room is needed. */
  clear(): void {
    this.#generation++;
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

function isAsked({ name, type }: Held, exchange: Exchange): boolean {
  const { lower, nameLength } = exchange;
  if (type !== exchange.type || name.length !== nameLength) return false;
  for (let i = 0; i < nameLength; i++) if (name[i] !== lower[i]) return false;
  return true;
}

function writeU32(out: Buffer, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = (value >>> 16) & 0xff;
  out[at + 2] = (value >>> 8) & 0xff;
  out[at + 3] = value & 0xff;
}
