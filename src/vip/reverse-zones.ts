import type { DomainName } from '../name/domain-name.ts';
import { reverseZoneName } from '../zone/reverse.ts';
import { addressAt, type Pool } from './pool.ts';

/**
 * The reverse zones that together cover a pool and, down to /24 (IPv6: /124), nothing else: on octet (nibble)
 * boundaries, since only there can a reverse zone be cut. /8 → one, /20 → sixteen /24s, /29 → its /24.
 */
export function reverseZonesOf(pool: Pool): DomainName[] {
  const step = pool.family === 4 ? 8 : 4;
  const finest = pool.family === 4 ? 24 : 124;
  const bits = Math.min(finest, Math.ceil(pool.prefixLength / step) * step);
  const width = pool.first.length * 8;
  const count = bits > pool.prefixLength ? 2 ** (bits - pool.prefixLength) : 1;
  return Array.from({ length: count }, (_, i) => {
    return reverseZoneName(addressAt(pool, BigInt(i) << BigInt(width - bits)), bits);
  });
}
