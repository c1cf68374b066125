import type { DomainName } from '../name/domain-name.ts';
import type { RRset } from '../zone/record.ts';

/** An RRset and its owner name, spelled as the reply shall spell it. */
export interface OwnedRRset {
  readonly name: DomainName;
  readonly rrset: RRset;
}

/**
 * What is said to a question, apart from octets. `chain` holds the CNAME and DNAME records that led here.
 *
 * RFC 1034 section 4.3.2 gives data, referral and NXDOMAIN; RFC 2308 section 2.2 NODATA.
 */
export type Answer =
  | {
      readonly kind: 'data';
      readonly chain: readonly OwnedRRset[];
      readonly rrset: OwnedRRset | undefined;
      /** found as they are asked for: a reply takes as many as it has room for */
      readonly additional: Iterable<OwnedRRset>;
    }
  | { readonly kind: 'nodata'; readonly chain: readonly OwnedRRset[]; readonly soa: OwnedRRset }
  | { readonly kind: 'nxdomain'; readonly chain: readonly OwnedRRset[]; readonly soa: OwnedRRset }
  | {
      readonly kind: 'referral';
      readonly chain: readonly OwnedRRset[];
      readonly ns: OwnedRRset;
      readonly glue: readonly OwnedRRset[];
    }
  | { readonly kind: 'refused' }
  /** a DNAME made a name over 255 octets: YXDOMAIN (RFC 6672 section 2.2) */
  | { readonly kind: 'overlong'; readonly chain: readonly OwnedRRset[] }
  | { readonly kind: 'failure'; readonly chain: readonly OwnedRRset[]; readonly error: ExtendedError };

/** RFC 8914. */
export interface ExtendedError {
  readonly code: number;
  readonly text: string;
}

export const EXTENDED_ERROR = { other: 0, notReady: 14, notAuthoritative: 20 } as const;

/** A question of class IN. */
export interface Question {
  /** as asked, letter case included */
  readonly name: DomainName;
  readonly type: number;
}
