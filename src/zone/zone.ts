import type { DomainName, NameKey } from '../name/domain-name.ts';
import type { RRset } from './record.ts';

/** A name that exists, as a query sees it: read-only. Without any type it is an empty non-terminal. */
export interface ZoneNode {
  get(type: number): RRset | undefined;
  types(): readonly number[];
  /** why its addresses cannot be had (full pool, address not recorded); other types answer all the same */
  readonly failure?: string | undefined;
}

/**
 * What an answer was made from: 32 bits that stand for the existence and value of a name, or for all of one interface.
 * Two that fall together let a change drop a ready reply in vain; none that has to go stays.
 */
export type Fact = number;

/** Told which facts a lookup read. A ready reply made from them is dropped when a change touches one of them. */
export type Trace = (fact: Fact) => void;

/** A zone as a query sees it: read-only. */
export interface Zone {
  readonly apex: DomainName;
  readonly apexKey: NameKey;
  /** with the current serial */
  readonly soa: RRset;
  /** whether a delegation or DNAME may occlude names: then a lookup walks down from the apex */
  readonly occludes: boolean;
  /** set while the names of the registries are not known yet: a missing name proves nothing */
  readonly notReady: boolean;
  /** @returns undefined when the name does not exist */
  find(name: NameKey, trace: Trace): ZoneNode | undefined;
}

/** All zones of a server as a query sees them. */
export interface Zones {
  /** The zone with the longest apex that `name` is at or below. */
  zoneOf(name: NameKey): Zone | undefined;
  /** The zone that holds the DS records of `name`: the nearest strictly above it (RFC 4035 section 3.1.4.1). */
  zoneAbove(name: NameKey): Zone | undefined;
}

export const EMPTY_NON_TERMINAL: ZoneNode = { get: () => undefined, types: () => [] };

/** A node that owns the given RRsets. */
export function nodeOf(rrsets: readonly RRset[], failure?: string): ZoneNode {
  return {
    get: (type) => rrsets.find((rrset) => rrset.type === type),
    types: () => rrsets.map((rrset) => rrset.type),
    failure,
  };
}
