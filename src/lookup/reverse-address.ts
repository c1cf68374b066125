import { type Address, parseIpv4, parseIpv6 } from '../name/address.ts';
import { labelsOf, type NameKey } from '../name/domain-name.ts';

/** The address of a whole reverse name (RFC 1035 section 3.5, RFC 3596 section 2.5); undefined for all other names. */
export function addressOfReverseName(name: NameKey): Address | undefined {
  const labels = labelsOf(name);
  const [top, second] = [labels.at(-1), labels.at(-2)];
  const parts = labels.slice(0, -2).reverse();
  if (top !== 'arpa') return undefined;
  if (second === 'in-addr') return parts.length === 4 ? parseIpv4(parts.join('.')) : undefined;
  if (second !== 'ip6' || parts.length !== 32 || parts.some((part) => part.length !== 1)) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => parts.slice(4 * i, 4 * i + 4).join(''));
  return parseIpv6(groups.join(':'));
}
