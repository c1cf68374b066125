import { addressText, type Ipv4, type Ipv6, parseIpv4, parseIpv6 } from '../../name/address.ts';
import { sequence } from './format.ts';

/** RFC 1035 section 3.4.1 */
export const A = sequence([
  {
    parse: (reader) => reader.value('an IPv4 address such as 192.0.2.1', parseIpv4),
    text: (cursor) => addressText(cursor.octets(4, 'an IPv4 address') as Ipv4),
  },
]);

/** RFC 3596 section 2 */
export const AAAA = sequence([
  {
    parse: (reader) => reader.value('an IPv6 address such as 2001:db8::1', parseIpv6),
    text: (cursor) => addressText(cursor.octets(16, 'an IPv6 address') as Ipv6),
  },
]);
