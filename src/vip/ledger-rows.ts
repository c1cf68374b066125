import { type Address, isIpv4 } from '../name/address.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import type { Pool } from './pool.ts';

/** A registration that was seen: who came first keeps a name. */
export interface ServiceRow {
  readonly key: ServiceKey;
  /** counts up; the older of two is the smaller */
  readonly ordinal: number;
  /** Unix time in milliseconds */
  readonly firstSeenAt: number;
  /** when its name stopped being answered; null while it is */
  readonly retiredAt: number | null;
}

/** An address and whose it is. */
export interface AddressRow {
  readonly address: Address;
  readonly owner: ServiceKey;
  readonly kind: 'pool' | 'pin';
  /** since when it rests, kept from all but its owner; null while it is answered */
  readonly retiredAt: number | null;
}

export interface LedgerRows {
  readonly services: readonly ServiceRow[];
  readonly addresses: readonly AddressRow[];
}

/** What another process, which shares the store, wrote. */
export interface ForeignRows extends LedgerRows {
  /** no longer there */
  readonly freed: readonly Address[];
}

/** A step that a store has to make durable. */
export type LedgerStep =
  | { readonly kind: 'put-service'; readonly row: ServiceRow }
  | { readonly kind: 'delete-service'; readonly key: ServiceKey }
  | { readonly kind: 'put-address'; readonly row: AddressRow }
  | { readonly kind: 'delete-address'; readonly address: Address };

export interface PoolUse {
  readonly pool: Pool;
  readonly capacity: bigint;
  readonly used: number;
  readonly quarantined: number;
}

/** The ledger as it stands, to be read: by whoever makes a draft of its next steps, and by whoever shows it. */
export interface LedgerView {
  readonly pools: readonly Pool[];
  readonly reuseAfterMs: number;
  /** what the next newcomer gets */
  readonly nextOrdinal: number;
  serviceOf(key: ServiceKey): ServiceRow | undefined;
  servicesOf(name: InterfaceName): readonly ServiceRow[];
  rowOf(address: Address): AddressRow | undefined;
  addressesOf(owner: ServiceKey): readonly AddressRow[];
  /** the longest retired first */
  retired(): Iterable<AddressRow>;
  /** services whose names are not answered, the longest forgotten first */
  forgotten(): Iterable<ServiceRow>;
  poolUse(): readonly PoolUse[];
}

export function familyOf(address: Address): 4 | 6 {
  return isIpv4(address) ? 4 : 6;
}
