import { bad, ok, type Result } from '../base/result.ts';
import { type Address, addressText, isIpv4, parseAddress } from './address.ts';

/** All addresses that begin with the same bits. */
export interface Network {
  /** its first address */
  readonly address: Address;
  readonly bits: number;
}

/** `::ffff:0:0/96` (RFC 4291 section 2.5.5.2) */
const MAPPED = '\0\0\0\0\0\0\0\0\0\0\xff\xff';
const MAPPED_BITS = 96;

/** An address of a client as the operating system tells it: an IPv4-mapped one is IPv4, and an interface behind `%` is left out. */
export function clientAddress(text: string): Address | undefined {
  const address = parseAddress(text.replace(/%.*$/, ''));
  return address === undefined ? undefined : unmapped(address);
}

function unmapped(address: Address): Address {
  return address.startsWith(MAPPED) ? (address.slice(MAPPED.length) as Address) : address;
}

/** An address, or a network such as `10.0.0.0/8`; bits behind the prefix count for nothing. */
export function parseNetwork(text: string): Result<Network> {
  const expected = 'expected an address or a network such as 10.0.0.7, 10.0.0.0/8 or fd00::/64';
  const [addressPart = '', bitsPart, ...more] = text.split('/');
  const given = parseAddress(addressPart);
  if (given === undefined || more.length > 0) return bad(`'${text}': ${expected}`);
  const most = given.length * 8;
  const bits = bitsPart === undefined ? most : /^\d{1,3}$/.test(bitsPart) ? Number(bitsPart) : most + 1;
  if (bits > most) return bad(`'${text}': a prefix length of 0 to ${most} is possible here; ${expected}`);
  const isMapped = bits >= MAPPED_BITS && given.startsWith(MAPPED);
  const address = isMapped ? unmapped(given) : given;
  const kept = isMapped ? bits - MAPPED_BITS : bits;
  return ok({ address: firstOf(address, kept), bits: kept });
}

function firstOf(address: Address, bits: number): Address {
  let octets = '';
  for (let i = 0; i < address.length; i++) {
    const left = Math.min(8, Math.max(0, bits - 8 * i));
    octets += String.fromCharCode(address.charCodeAt(i) & (0xff00 >> left) & 0xff);
  }
  return octets as Address;
}

export function networkContains({ address: first, bits }: Network, address: Address): boolean {
  return address.length === first.length && firstOf(address, bits) === first;
}

export function networkText({ address, bits }: Network): string {
  const text = addressText(address);
  return bits === (isIpv4(address) ? 32 : 128) ? text : `${text}/${bits}`;
}
