import type { DomainName, NameKey } from '../name/domain-name.ts';
import type { NamesOptions } from './registry-names.ts';
import type { ZoneRole } from './zone-data.ts';

/** At most so many names or records in one change: more at once would be felt by queries (measured: 200). */
export const SLICE = 200;

/**
 * One step of a change set, applied between two queries. What is put `beside` is not seen until `switch`, which shows
 * all of it at once.
 */
export type Change =
  /** memory in which the records of interfaces rest; comes before the first of them */
  | { readonly kind: 'chunk'; readonly number: number; readonly memory: ArrayBuffer | SharedArrayBuffer }
  /** begins to build all names of registries anew */
  | { readonly kind: 'beside'; readonly options: NamesOptions }
  | {
      readonly kind: 'interfaces';
      /** `both`: what is being built beside knows the interfaces already, or will not be told again */
      readonly where: 'live' | 'beside' | 'both';
      /** numbers of interfaces, each followed by where its record rests; 0 removes it */
      readonly changes: Uint32Array;
      readonly serial: number;
    }
  /** begins or continues to build a zone beside */
  | {
      readonly kind: 'records';
      readonly apex: DomainName;
      readonly role: ZoneRole;
      /** a slice of `PackedRecords` */
      readonly records: Uint8Array;
    }
  | { readonly kind: 'remove-zone'; readonly apex: NameKey }
  /** begins to build zones beside; what is left of an attempt that failed is gone */
  | { readonly kind: 'zones' }
  /** shows what was built beside: the names of registries, or zones; what was built of the other stays unseen */
  | { readonly kind: 'switch'; readonly what: 'names' | 'zones'; readonly serial: number }
  | { readonly kind: 'ready'; readonly ready: boolean };
