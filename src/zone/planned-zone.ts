import type { DomainName } from '../name/domain-name.ts';
import type { PackedRecords } from './packed-records.ts';
import type { ZoneRole } from './zone-data.ts';

/** A zone as it is to be served, before any name of a registry. */
export interface PlannedZone {
  readonly apex: DomainName;
  readonly role: ZoneRole;
  readonly records: PackedRecords;
  /** undefined: the server's own records */
  readonly file: string | undefined;
}
