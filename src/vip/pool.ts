import { bad, ok, type Result } from '../base/result.ts';
import { type Address, addressText, isIpv4, parseAddress } from '../name/address.ts';
import type { Octets } from '../name/octets.ts';

/** A block of addresses that VIPs are taken from, in CIDR notation (RFC 4632, RFC 4291). */
export interface Pool {
  readonly text: string;
  readonly family: 4 | 6;
  readonly first: Address;
  readonly prefixLength: number;
}

/** @param what the block is called in the text of a problem */
export function parsePool(text: string, what = 'pool'): Result<Pool> {
  const slash = text.indexOf('/');
  const first = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (first === undefined || slash < 0 || !/^\d{1,3}$/.test(lengthText)) {
    return bad(`'${text}' is no ${what}: expected ADDRESS/PREFIX such as 247.0.0.0/8`);
  }
  const prefixLength = Number(lengthText);
  const bits = first.length * 8;
  if (prefixLength > bits) return bad(`'${text}': a prefix of at most ${bits} bits was expected`);
  const low = 2n ** BigInt(bits - prefixLength) - 1n;
  if ((toNumber(first) & low) !== 0n) {
    const start = fromNumber(toNumber(first) & ~low, first.length);
    return bad(
      `'${text}' has bits set behind its prefix: did you mean ${addressText(start)}/${prefixLength}?`,
    );
  }
  return ok({ text, family: isIpv4(first) ? 4 : 6, first, prefixLength });
}

export function poolContains(pool: Pool, address: Address): boolean {
  if (address.length !== pool.first.length) return false;
  if (pool.family === 4) {
    // without big numbers: every grant asks several times
    const block = pool.prefixLength === 0 ? 0 : -1 << (32 - pool.prefixLength);
    return ((v4Number(address) ^ v4Number(pool.first)) & block) === 0;
  }
  const shift = BigInt(address.length * 8 - pool.prefixLength);
  return toNumber(address) >> shift === toNumber(pool.first) >> shift;
}

export function poolsOverlap(a: Pool, b: Pool): boolean {
  return poolContains(a, b.first) || poolContains(b, a.first);
}

/** Addresses in the block, usable or not. */
export function poolSize(pool: Pool): bigint {
  return 2n ** BigInt(pool.first.length * 8 - pool.prefixLength);
}

/** How many VIPs the pool can give. */
export function poolCapacity(pool: Pool): bigint {
  const size = poolSize(pool);
  if (pool.family === 6) return size === 1n ? 1n : size - 1n;
  if (size >= 256n) return (size / 256n) * 254n;
  let capacity = 0n;
  for (let i = 0n; i < size; i++) if (isUsable(pool, addressAt(pool, i))) capacity++;
  return capacity;
}

/** @param index up to 2^32 as a number, which costs much less */
export function addressAt(pool: Pool, index: bigint | number): Address {
  if (typeof index === 'number' && pool.family === 4) {
    const value = v4Number(pool.first) + index;
    return String.fromCharCode(
      (value >>> 24) & 255,
      (value >>> 16) & 255,
      (value >>> 8) & 255,
      value & 255,
    ) as Octets as Address;
  }
  return fromNumber(toNumber(pool.first) + BigInt(index), pool.first.length);
}

/**
 * Whether an address may be a VIP. Never a network or broadcast address, never one that ends in .0 or .255, which
 * much equipment drops; of IPv6 never the subnet-router anycast address (RFC 4291 section 2.6.1).
 */
export function isUsable(pool: Pool, address: Address): boolean {
  if (pool.family === 6) return poolSize(pool) === 1n || toNumber(address) !== toNumber(pool.first);
  const last = address.charCodeAt(3);
  if (last === 0 || last === 255) return false;
  // a /31 and a /32 have no network and no broadcast address (RFC 3021)
  const size = 2 ** (32 - pool.prefixLength);
  const index = v4Number(address) - v4Number(pool.first);
  return size <= 2 || (index !== 0 && index !== size - 1);
}

function v4Number(address: Address): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = (value << 8) | address.charCodeAt(i);
  return value >>> 0;
}

function toNumber(address: Address): bigint {
  let value = 0n;
  for (let i = 0; i < address.length; i++) value = (value << 8n) | BigInt(address.charCodeAt(i));
  return value;
}

function fromNumber(value: bigint, length: number): Address {
  let text = '';
  for (let i = length - 1; i >= 0; i--) text += String.fromCharCode(Number((value >> BigInt(8 * i)) & 0xffn));
  return text as Octets as Address;
}
