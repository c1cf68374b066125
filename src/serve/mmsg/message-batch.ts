/**
 * Room for a batch of datagrams, as recvmmsg(2) and sendmmsg(2) take it, in one piece of memory:
 *
 *     mmsghdr[n]   64 octets each: name 8, its length 4 +4, iovec 8, their number 8, control 8, its length 8, flags 4 +4, octets 4 +4
 *     iovec[n]     16 octets each: base 8, length 8
 *     sockaddr[n]  28 octets in 32
 *     octets[n]
 *
 * The layout is that of Linux on 64 bits, with glibc and musl: musl's narrower fields have padding behind them, which is zero
 * here. `self-test.ts` sees to it that the kernel agrees.
 */
import type { Libc } from './libc.ts';

const HEADER_OCTETS = 64;
const NAME_AT = 0;
const NAME_LENGTH_AT = 8;
const IOVEC_AT = 16;
const IOVEC_COUNT_AT = 24;
const RECEIVED_AT = 56;
const IOVEC_OCTETS = 16;
const IOVEC_LENGTH_AT = 8;
const NAME_OCTETS = 32;
/** Slots begin at addresses that differ in their low bits: else they would drive each other out of the CPU's caches. */
const STAGGER = 192;

/** Octets of `sockaddr_in` and `sockaddr_in6`. */
export const NAME_LENGTH = { 4: 16, 6: 28 } as const;

export class MessageBatch {
  readonly size: number;
  /** where the headers are, for the calls */
  readonly address: bigint;
  /** one for each message; as long as the longest one that it may hold */
  readonly buffers: readonly Buffer[];
  /** `sockaddr_in` or `sockaddr_in6` of each message's other side */
  readonly names: readonly Buffer[];
  readonly #headers: DataView;
  readonly #iovecs: DataView;
  readonly #maxOctets: number;
  readonly #nameLength: number;

  constructor(libc: Libc, family: 4 | 6, size: number, maxOctets: number) {
    const slot = maxOctets + STAGGER;
    const iovecsAt = size * HEADER_OCTETS;
    const namesAt = iovecsAt + size * IOVEC_OCTETS;
    const octetsAt = namesAt + size * NAME_OCTETS;
    const { address, memory } = libc.allocate(octetsAt + size * slot);
    new Uint8Array(memory, 0, octetsAt).fill(0);
    const each = <T>(make: (i: number) => T): T[] => Array.from({ length: size }, (_, i) => make(i));
    this.size = size;
    this.address = address;
    this.#maxOctets = maxOctets;
    this.#nameLength = NAME_LENGTH[family];
    this.#headers = new DataView(memory, 0, iovecsAt);
    this.#iovecs = new DataView(memory, iovecsAt, size * IOVEC_OCTETS);
    this.buffers = each((i) => Buffer.from(memory, octetsAt + i * slot, maxOctets));
    this.names = each((i) => Buffer.from(memory, namesAt + i * NAME_OCTETS, this.#nameLength));
    for (let i = 0; i < size; i++) {
      const header = i * HEADER_OCTETS;
      const iovec = i * IOVEC_OCTETS;
      this.#headers.setBigUint64(header + NAME_AT, address + BigInt(namesAt + i * NAME_OCTETS), true);
      this.#headers.setBigUint64(header + IOVEC_AT, address + BigInt(iovecsAt + iovec), true);
      this.#headers.setUint32(header + IOVEC_COUNT_AT, 1, true);
      this.#iovecs.setBigUint64(iovec, address + BigInt(octetsAt + i * slot), true);
      this.setLength(i, maxOctets);
    }
    this.reset(size);
  }

  /** Where the header of a message is, for a call that begins with it. */
  headerAt(i: number): bigint {
    return i === 0 ? this.address : this.address + BigInt(i * HEADER_OCTETS);
  }

  /** How many octets a message that was received has. */
  receivedLength(i: number): number {
    return Math.min(this.#headers.getUint32(i * HEADER_OCTETS + RECEIVED_AT, true), this.#maxOctets);
  }

  /** How many octets of a message are sent, or may be received. */
  setLength(i: number, octets: number): void {
    this.#iovecs.setUint32(i * IOVEC_OCTETS + IOVEC_LENGTH_AT, octets, true);
  }

  /** The kernel wrote how long the names are, and a reply how long it is: makes the first ones ready for more. */
  reset(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#headers.setUint32(i * HEADER_OCTETS + NAME_LENGTH_AT, this.#nameLength, true);
      this.setLength(i, this.#maxOctets);
    }
  }
}
