/**
 * Types of records by mnemonic (IANA "DNS Parameters"). A type without a mnemonic here is written and read as
 * `TYPE123` (RFC 3597).
 */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  TLSA: 52,
  SVCB: 64,
  HTTPS: 65,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, code]) => [code, name]));

export function typeText(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** @returns undefined for an unknown mnemonic; `TYPE123` is always known */
export function parseType(text: string): number | undefined {
  const upper = text.toUpperCase();
  if (Object.hasOwn(TYPE, upper)) return TYPE[upper as keyof typeof TYPE];
  const match = /^TYPE(\d{1,5})$/.exec(upper);
  if (match === null) return undefined;
  const type = Number(match[1]);
  return type <= 0xffff ? type : undefined;
}

/** A type that only a question or the protocol itself uses (RFC 6895 section 3.1): never zone data. */
export function isMetaType(type: number): boolean {
  return type === TYPE.OPT || (type >= 128 && type <= 255) || type === 0;
}
