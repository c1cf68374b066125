import type { Address } from '../name/address.ts';
import { isIpv4 } from '../name/address.ts';
import { constantPrefix, type DomainName, join, ROOT } from '../name/domain-name.ts';

const IN_ADDR_ARPA = join(constantPrefix('in-addr', 'arpa'), ROOT);
const IP6_ARPA = join(constantPrefix('ip6', 'arpa'), ROOT);

/** `1.0.0.10.in-addr.arpa`, or 32 nibbles below `ip6.arpa` (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseName(address: Address): DomainName {
  return reverseZoneName(address, address.length * 8);
}

/** The reverse zone of the first `bits` of an address, cut to whole octets (IPv6: nibbles). */
export function reverseZoneName(address: Address, bits: number): DomainName {
  const labels: string[] = [];
  if (isIpv4(address)) {
    for (let i = 0; i < Math.floor(bits / 8); i++) labels.push(String(address.charCodeAt(i)));
  } else {
    for (let i = 0; i < Math.floor(bits / 4); i++) {
      const octet = address.charCodeAt(i >> 1);
      labels.push((i % 2 === 0 ? octet >> 4 : octet & 15).toString(16));
    }
  }
  return join(constantPrefix(...labels.reverse()), isIpv4(address) ? IN_ADDR_ARPA : IP6_ARPA);
}
