import { TYPE } from '../zone/types.ts';

/** Types that are counted by name, as CoreDNS does; the others are `other`. */
export const COUNTED_TYPES: readonly (readonly [text: string, type: number])[] = (
  [
    'A',
    'AAAA',
    'CNAME',
    'SOA',
    'NS',
    'PTR',
    'MX',
    'TXT',
    'SRV',
    'NAPTR',
    'DS',
    'HTTPS',
    'SVCB',
    'ANY',
  ] as const
).map((text) => [text, TYPE[text]]);
const OTHER_TYPE = COUNTED_TYPES.length;
const TYPES = COUNTED_TYPES.length + 1;
const FAMILIES = 2;

export const COUNTED_RCODES = [0, 1, 2, 3, 4, 5, 6, 16] as const;
const RCODES = COUNTED_RCODES.length + 1;

/** Upper bounds in seconds. */
export const DURATION_BUCKETS = [
  0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1,
];
/** Upper bounds in octets: CoreDNS's. */
export const SIZE_BUCKETS = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000];

const REQUESTS = 0;
const RESPONSES = REQUESTS + FAMILIES * TYPES;
const DURATION = RESPONSES + RCODES;
const REQUEST_SIZE = DURATION + DURATION_BUCKETS.length + 2;
const RESPONSE_SIZE = REQUEST_SIZE + SIZE_BUCKETS.length + 2;
/** Numbers of one block. */
const BLOCK = RESPONSE_SIZE + SIZE_BUCKETS.length + 2;

/** What the query line counts for itself. */
export const TOTALS = [
  'composed',
  'readyHits',
  'readyMisses',
  'truncated',
  'dropped',
  'malformed',
  'panics',
  'logged',
] as const;
export type Total = (typeof TOTALS)[number];

/** Which queries a block counts; the labels of its metrics. */
export interface BlockLabels {
  /** `dns://127.0.0.1:5300` */
  readonly server: string;
  /** a zone's apex with its trailing dot; `dropped` for names outside all zones, as CoreDNS says */
  readonly zone: string;
  readonly proto: 'udp' | 'tcp';
}

/** Blocks beyond this share the last one: labels stay bounded whatever is configured. */
export const MAX_BLOCKS = 1024;
const TOTALS_OFFSET = 0;
const BLOCKS_OFFSET = 16;

/**
 * Counters of the query line in shared memory: written by its thread alone, read by whoever serves metrics.
 * One addition to a typed array is all that a query pays for each.
 */
export class Counters {
  readonly shared: SharedArrayBuffer;
  readonly #values: Float64Array;

  constructor(shared = new SharedArrayBuffer((BLOCKS_OFFSET + MAX_BLOCKS * BLOCK) * 8)) {
    this.shared = shared;
    this.#values = new Float64Array(shared);
  }

  add(total: Total): void {
    const at = TOTALS_OFFSET + TOTALS.indexOf(total);
    this.#values[at] = (this.#values[at] as number) + 1;
  }

  total(total: Total): number {
    return this.#values[TOTALS_OFFSET + TOTALS.indexOf(total)] as number;
  }

  /** One answered query. @param family 0 for IPv4, 1 for IPv6 @param seconds from decoding to the written reply */
  count(
    block: number,
    family: number,
    type: number,
    rcode: number,
    seconds: number,
    requestSize: number,
    responseSize: number,
  ): void {
    const base = BLOCKS_OFFSET + Math.min(block, MAX_BLOCKS - 1) * BLOCK;
    const values = this.#values;
    const request = base + REQUESTS + family * TYPES + typeSlot(type);
    values[request] = (values[request] as number) + 1;
    const response = base + RESPONSES + rcodeSlot(rcode);
    values[response] = (values[response] as number) + 1;
    observe(values, base + DURATION, DURATION_BUCKETS, seconds);
    observe(values, base + REQUEST_SIZE, SIZE_BUCKETS, requestSize);
    observe(values, base + RESPONSE_SIZE, SIZE_BUCKETS, responseSize);
  }

  /** Adds what another one counted for itself. */
  addTotals(other: Counters): void {
    for (let at = TOTALS_OFFSET; at < BLOCKS_OFFSET; at++)
      this.#values[at] = (this.#values[at] as number) + (other.#values[at] as number);
  }

  /** Adds what another one counted in a block of its own. */
  addBlock(block: number, other: Counters, otherBlock: number): void {
    const to = BLOCKS_OFFSET + Math.min(block, MAX_BLOCKS - 1) * BLOCK;
    const from = BLOCKS_OFFSET + Math.min(otherBlock, MAX_BLOCKS - 1) * BLOCK;
    for (let i = 0; i < BLOCK; i++)
      this.#values[to + i] = (this.#values[to + i] as number) + (other.#values[from + i] as number);
  }

  requests(block: number): { family: number; type: string; value: number }[] {
    const found = [];
    for (let family = 0; family < FAMILIES; family++) {
      for (let slot = 0; slot < TYPES; slot++) {
        const value = this.#at(block, REQUESTS + family * TYPES + slot);
        if (value > 0) found.push({ family, type: COUNTED_TYPES[slot]?.[0] ?? 'other', value });
      }
    }
    return found;
  }

  responses(block: number): { rcode: number; value: number }[] {
    const found = [];
    for (let slot = 0; slot < RCODES; slot++) {
      const value = this.#at(block, RESPONSES + slot);
      if (value > 0) found.push({ rcode: COUNTED_RCODES[slot] ?? -1, value });
    }
    return found;
  }

  duration(block: number): HistogramValues {
    return this.#histogram(block, DURATION, DURATION_BUCKETS);
  }

  requestSize(block: number): HistogramValues {
    return this.#histogram(block, REQUEST_SIZE, SIZE_BUCKETS);
  }

  responseSize(block: number): HistogramValues {
    return this.#histogram(block, RESPONSE_SIZE, SIZE_BUCKETS);
  }

  #histogram(block: number, offset: number, bounds: readonly number[]): HistogramValues {
    let count = 0;
    const cumulative = bounds.map((bound, i) => {
      count += this.#at(block, offset + i);
      return { bound, count };
    });
    count += this.#at(block, offset + bounds.length);
    return { cumulative, count, sum: this.#at(block, offset + bounds.length + 1) };
  }

  #at(block: number, offset: number): number {
    return this.#values[BLOCKS_OFFSET + Math.min(block, MAX_BLOCKS - 1) * BLOCK + offset] as number;
  }
}

export interface HistogramValues {
  readonly cumulative: readonly { readonly bound: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
}

/** One counter for each bucket, one for what is above all, then the sum. */
function observe(values: Float64Array, at: number, bounds: readonly number[], value: number): void {
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
  values[at + bucket] = (values[at + bucket] as number) + 1;
  const sum = at + bounds.length + 1;
  values[sum] = (values[sum] as number) + value;
}

const TYPE_SLOTS = new Uint8Array(256).fill(OTHER_TYPE);
for (const [slot, [, type]] of COUNTED_TYPES.entries()) TYPE_SLOTS[type] = slot;

function typeSlot(type: number): number {
  return type < 256 ? (TYPE_SLOTS[type] as number) : OTHER_TYPE;
}

function rcodeSlot(rcode: number): number {
  if (rcode <= 6) return rcode;
  return rcode === 16 ? 7 : RCODES - 1;
}
