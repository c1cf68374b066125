import type { DomainName } from '../name/domain-name.ts';

export const HEADER_LENGTH = 12;
export const CLASS_IN = 1;
export const OPCODE_QUERY = 0;

/** Response codes (RFC 6895 section 2.3). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  BADVERS: 16,
} as const;

const RCODE_NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

export function rcodeText(rcode: number): string {
  return RCODE_NAMES.get(rcode) ?? `RCODE${rcode}`;
}

/** Header bits of the second 16-bit word (RFC 1035 section 4.1.1, RFC 4035 section 3). */
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

/** What a client says by its OPT record (RFC 6891). */
export interface Edns {
  /** octets that the client takes over UDP; never below 512 */
  readonly udpSize: number;
  readonly version: number;
  /** wants DNSSEC records (RFC 3225) */
  readonly dnssecOk: boolean;
}

/** A well-formed query: one question, opcode QUERY. */
export interface Query {
  readonly id: number;
  /** as received; only RD is given back */
  readonly flags: number;
  readonly name: DomainName;
  readonly type: number;
  readonly class: number;
  /** where the question section ends in the message */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
}

/** What a packet turned out to be. */
export type Decoded =
  | { readonly kind: 'query'; readonly query: Query }
  /** no reply is due: too short to have an id, or a response */
  | { readonly kind: 'drop' }
  /** a reply that has the header alone, and an OPT where the query had one that could be read (RFC 6891 section 6.1.1) */
  | {
      readonly kind: 'error';
      readonly id: number;
      readonly flags: number;
      readonly rcode: number;
      readonly edns: Edns | undefined;
      readonly reason: string;
    };
