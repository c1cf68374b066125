import type { Address } from '../name/address.ts';
import type { DomainName } from '../name/domain-name.ts';
import type { Locality } from '../name/localities.ts';
import type { Octets } from '../name/octets.ts';

/** One record of class IN. RDATA is in wire form, names in it uncompressed, letter case kept. */
export interface ResourceRecord {
  readonly name: DomainName;
  readonly type: number;
  /** seconds, 0 to 2^31-1 */
  readonly ttl: number;
  readonly rdata: Octets;
}

/** The records of one type at one name; they share one TTL (RFC 2181 section 5.2). Never empty. */
export interface RRset {
  readonly type: number;
  readonly ttl: number;
  readonly rdatas: readonly Octets[];
  /** each reply begins with another of them, so that clients which take the first do not all meet one provider */
  readonly rotates?: boolean;
  /**
   * Of addresses of providers, which a client calls itself, so that which of them it is told may depend on where it is: where
   * they are, as far as registries say it.
   */
  readonly whereabouts?: () => ReadonlyMap<Address, Locality>;
  /** all hosts that its records name, and their addresses; undefined: they have to be looked for */
  readonly hosts?: ReadonlyMap<DomainName, RRset | undefined>;
}
