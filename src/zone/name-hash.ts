import { LOWER } from '../name/lower.ts';

const PRIME_A = 0x01000193;
const PRIME_B = 0x85ebca6b;

/** A name of 255 octets has at most so many labels. */
export const MAX_LABELS = 128;

/**
 * 64 bits that tell names apart, made of their lower-cased octets from the last one to the first: those of a name go on from
 * those of its ancestors. The seed is the server's own, so that nobody can make names that meet.
 */
export class NameHash {
  a = 0;
  b = 0;
  readonly #seedA: number;
  readonly #seedB: number;

  /** @param seed any number; names that meet by one seed do not by another */
  constructor(seed: number) {
    this.#seedA = seed | 0;
    this.#seedB = Math.imul(seed ^ 0x9e3779b9, PRIME_B);
  }

  /** Begins anew, with no octets. */
  reset(): void {
    this.a = this.#seedA;
    this.b = this.#seedB;
  }

  /** Goes on to the left, from `end` to `start`. */
  extend(octets: Uint8Array, start: number, end: number): void {
    let { a, b } = this;
    for (let at = end - 1; at >= start; at--) {
      const octet = octets[at] as number;
      a = Math.imul(a ^ octet, PRIME_A);
      b = Math.imul(b ^ octet, PRIME_B);
      b ^= b >>> 15;
    }
    this.a = a;
    this.b = b;
  }

  /** Of these octets alone. */
  of(octets: Uint8Array, start: number, end: number): void {
    this.reset();
    this.extend(octets, start, end);
  }

  /** Of these octets, where they are not lower-cased yet. */
  ofLower(octets: Uint8Array, start: number, end: number): void {
    let a = this.#seedA;
    let b = this.#seedB;
    for (let at = end - 1; at >= start; at--) {
      const octet = LOWER[octets[at] as number] as number;
      a = Math.imul(a ^ octet, PRIME_A);
      b = Math.imul(b ^ octet, PRIME_B);
      b ^= b >>> 15;
    }
    this.a = a;
    this.b = b;
  }
}
