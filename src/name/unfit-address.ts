import { type Address, parseAddress } from './address.ts';

/** A block of addresses that no caller reaches from another machine, or that stand for no single host. */
export interface UnfitBlock {
  /** `224.0.0.0/4` */
  readonly text: string;
  /** what the block is for */
  readonly use: string;
}

interface Block extends UnfitBlock {
  readonly first: Address;
  readonly prefixLength: number;
}

/** From IANA's registries of special-purpose addresses (RFC 6890): what can never be a VIP. */
const BLOCKS: readonly Block[] = [
  block('0.0.0.0/8', "'this network' (RFC 791)"),
  block('127.0.0.0/8', 'loopback (RFC 1122)'),
  block('169.254.0.0/16', 'link-local (RFC 3927)'),
  block('224.0.0.0/4', 'multicast (RFC 5771)'),
  block('::/128', 'the unspecified address (RFC 4291)'),
  block('::1/128', 'loopback (RFC 4291)'),
  block('::ffff:0:0/96', 'IPv4 addresses in IPv6 form (RFC 4291)'),
  block('fe80::/10', 'link-local (RFC 4291)'),
  block('ff00::/8', 'multicast (RFC 4291)'),
];

/** Of a block no pool gives it: it ends in .255. */
const BROADCAST = block('255.255.255.255/32', 'the broadcast address (RFC 919)');

/** @returns the block because of which an address can be nobody's VIP */
export function unfitBlockOf(address: Address): UnfitBlock | undefined {
  return [...BLOCKS, BROADCAST].find(({ first, prefixLength }) => sharesBits(first, address, prefixLength));
}

/** @returns the first block with which a block overlaps, and because of which it can be no pool */
export function unfitOverlap(first: Address, prefixLength: number): UnfitBlock | undefined {
  return BLOCKS.find((unfit) => sharesBits(unfit.first, first, Math.min(unfit.prefixLength, prefixLength)));
}

function block(text: string, use: string): Block {
  const [address = '', length] = text.split('/');
  return { text, use, first: parseAddress(address) as Address, prefixLength: Number(length) };
}

function sharesBits(a: Address, b: Address, bits: number): boolean {
  if (a.length !== b.length) return false;
  const octets = bits >> 3;
  if (a.slice(0, octets) !== b.slice(0, octets)) return false;
  const rest = 8 - (bits & 7);
  return rest === 8 || a.charCodeAt(octets) >> rest === b.charCodeAt(octets) >> rest;
}
