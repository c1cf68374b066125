import { MultiMap } from '../multi-map.ts';
import { type Address, addressText, isIpv4 } from '../name/address.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import { memberHash } from '../zone/sample.ts';
import { addressAt, isUsable, type Pool, poolCapacity, poolContains, poolSize } from './pool.ts';

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
export interface ForeignRows {
  readonly services: readonly ServiceRow[];
  readonly addresses: readonly AddressRow[];
  /** no longer there */
  readonly freed: readonly Address[];
}

/** A step that a store has to make durable. */
export type LedgerChange =
  | { readonly kind: 'put-service'; readonly row: ServiceRow }
  | { readonly kind: 'delete-service'; readonly key: ServiceKey }
  | { readonly kind: 'put-address'; readonly row: AddressRow }
  | { readonly kind: 'delete-address'; readonly address: Address };

/** What an owner has got. */
export interface Grant {
  readonly addresses: readonly Address[];
  readonly from: 'pin' | 'pool';
  /** why it has no address of a family that it should have */
  readonly failure: string | undefined;
  /** why its pin was not granted */
  readonly refusedPin: string | undefined;
}

export interface PoolUse {
  readonly pool: Pool;
  readonly capacity: bigint;
  readonly used: number;
  readonly quarantined: number;
}

/**
 * The rules of VIPs (contract 1.3) as a table in memory. Pure but for its own rows: time comes in as a parameter, what
 * has to be recorded goes out by {@link takeChanges}.
 */
export class Ledger {
  #pools: readonly Pool[];
  readonly #reuseAfterMs: number;
  readonly #services = new Map<string, ServiceRow>();
  readonly #byInterface = new MultiMap<InterfaceName, string>();
  readonly #rows = new Map<Address, AddressRow>();
  /** addresses by the text of their owner's key */
  readonly #owned = new MultiMap<string, Address>();
  /** in the order of their retirement */
  readonly #retired = new Set<Address>();
  /** services whose names are not answered, in the order of their going */
  readonly #forgotten = new Set<string>();
  #inPool = new Map<Pool, { used: number; quarantined: number }>();
  #nextOrdinal = 1;
  #changes: LedgerChange[] = [];

  constructor(pools: readonly Pool[], reuseAfterMs: number, rows: LedgerRows) {
    this.#pools = pools;
    this.#reuseAfterMs = reuseAfterMs;
    for (const pool of pools) this.#inPool.set(pool, { used: 0, quarantined: 0 });
    for (const row of [...rows.services].sort((a, b) => (a.retiredAt ?? 0) - (b.retiredAt ?? 0))) {
      this.#indexService(row);
      this.#nextOrdinal = Math.max(this.#nextOrdinal, row.ordinal + 1);
    }
    // the longest retired first: then a scan for expired ones may stop early
    const sorted = [...rows.addresses].sort((a, b) => (a.retiredAt ?? 0) - (b.retiredAt ?? 0));
    for (const row of sorted) this.#index(row);
  }

  /** Changes since the last call, in order. */
  takeChanges(): LedgerChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** Takes over what another process recorded in a shared store. @returns interfaces that have to be decided anew */
  adopt({ services, addresses, freed }: ForeignRows): Set<InterfaceName> {
    const affected = new Set<InterfaceName>();
    for (const row of services) {
      const before = this.#services.get(serviceKeyText(row.key));
      if (before !== undefined && JSON.stringify(before) === JSON.stringify(row)) continue;
      affected.add(row.key.interface);
      this.#indexService(row);
      this.#nextOrdinal = Math.max(this.#nextOrdinal, row.ordinal + 1);
    }
    for (const row of addresses) {
      const before = this.#rows.get(row.address);
      if (before !== undefined && JSON.stringify(before) === JSON.stringify(row)) continue;
      if (before !== undefined) affected.add(before.owner.interface);
      affected.add(row.owner.interface);
      this.#unindex(row.address);
      this.#index(row);
    }
    for (const address of freed) {
      const before = this.#rows.get(address);
      if (before === undefined) continue;
      affected.add(before.owner.interface);
      this.#unindex(address);
    }
    return affected;
  }

  /** Notes a registration, at its first sight or its return. @returns its place in the order of all */
  see(key: ServiceKey, now: number): number {
    const text = serviceKeyText(key);
    const known = this.#services.get(text);
    if (known !== undefined && known.retiredAt === null) return known.ordinal;
    const row = known ?? { key, ordinal: this.#nextOrdinal++, firstSeenAt: now };
    this.#putService({ ...row, retiredAt: null });
    return row.ordinal;
  }

  /** The place of an interface in the order of all: that of its oldest service, forgotten ones that rest included. */
  ordinalOf(name: InterfaceName): number | undefined {
    let oldest: number | undefined;
    for (const text of this.#byInterface.get(name)) {
      const ordinal = this.#services.get(text)?.ordinal;
      if (ordinal !== undefined && (oldest === undefined || ordinal < oldest)) oldest = ordinal;
    }
    return oldest;
  }

  serviceOf(key: ServiceKey): ServiceRow | undefined {
    return this.#services.get(serviceKeyText(key));
  }

  services(): IterableIterator<ServiceRow> {
    return this.#services.values();
  }

  addresses(): IterableIterator<AddressRow> {
    return this.#rows.values();
  }

  addressesOf(owner: ServiceKey): AddressRow[] {
    return [...this.#owned.get(serviceKeyText(owner))].flatMap((address) => this.#rows.get(address) ?? []);
  }

  /** The registration's name is no longer answered. Its order is kept as long as an address would be. */
  forget(key: ServiceKey, now: number): void {
    const row = this.#services.get(serviceKeyText(key));
    if (row !== undefined && row.retiredAt === null) this.#putService({ ...row, retiredAt: now });
  }

  /** The owner's names are no longer answered: its addresses rest until `reuseAfter`, for nobody but it. */
  retire(owner: ServiceKey, now: number): void {
    for (const row of this.addressesOf(owner))
      if (row.retiredAt === null) this.#put({ ...row, retiredAt: now });
  }

  /** Gives the owner its address of each family: the pinned one, the one it has or had, or a free one. */
  grant(owner: ServiceKey, pin: Address | undefined, now: number): Grant {
    const refusedPin = pin === undefined ? undefined : this.#refusalOfPin(owner, pin, now);
    if (pin !== undefined && refusedPin === undefined) {
      this.#keepOnly(owner, new Set([pin]), now);
      const row = this.#rows.get(pin);
      const isSame =
        row?.retiredAt === null && row.kind === 'pin' && serviceKeyText(row.owner) === serviceKeyText(owner);
      if (!isSame) {
        this.#put({ address: pin, owner, kind: 'pin', retiredAt: null });
      }
      return { addresses: [pin], from: 'pin', failure: undefined, refusedPin: undefined };
    }
    const addresses: Address[] = [];
    const failures: string[] = [];
    const families = new Set(this.#pools.map((pool) => pool.family));
    for (const family of families) {
      const address = this.#poolAddress(owner, family, now);
      if (address === undefined) failures.push(this.#exhausted(family));
      else addresses.push(address);
    }
    this.#keepOnly(owner, new Set(addresses), now);
    if (families.size === 0) failures.push('no pool is configured (vips.pools)');
    const failure = failures.length > 0 ? failures.join('; ') : undefined;
    return { addresses, from: 'pool', failure, refusedPin };
  }

  /** Gives up an address before its time. @returns what was released */
  release(owner: ServiceKey): Address[] {
    const rows = this.addressesOf(owner).filter((row) => row.retiredAt !== null);
    for (const row of rows) this.#delete(row.address);
    const service = this.#services.get(serviceKeyText(owner));
    if (service !== undefined && service.retiredAt !== null) this.#deleteService(service);
    return rows.map((row) => row.address);
  }

  /** Removes what has rested for `reuseAfter`. @returns how many addresses became free */
  expire(now: number): number {
    let freed = 0;
    for (const address of this.#retired) {
      const row = this.#rows.get(address);
      if (row === undefined || !this.#expired(row, now)) break;
      this.#delete(address);
      freed++;
    }
    for (const text of this.#forgotten) {
      const service = this.#services.get(text);
      if (service === undefined || now - (service.retiredAt ?? now) < this.#reuseAfterMs) break;
      this.#deleteService(service);
    }
    return freed;
  }

  poolUse(): PoolUse[] {
    return this.#pools.map((pool) => ({
      pool,
      capacity: poolCapacity(pool),
      ...(this.#inPool.get(pool) ?? { used: 0, quarantined: 0 }),
    }));
  }

  #refusalOfPin(owner: ServiceKey, pin: Address, now: number): string | undefined {
    const row = this.#rows.get(pin);
    if (row === undefined || row.owner.interface === owner.interface || this.#expired(row, now))
      return undefined;
    const holder = serviceKeyText(row.owner);
    const address = addressText(pin);
    if (row.retiredAt !== null) {
      const until = new Date(row.retiredAt + this.#reuseAfterMs).toISOString();
      return `${address} rests until ${until} for its last owner ${holder}`;
    }
    return row.kind === 'pin'
      ? `${address} is pinned by the older ${holder}`
      : `${address} was given by the pool to ${holder}`;
  }

  #poolAddress(owner: ServiceKey, family: 4 | 6, now: number): Address | undefined {
    // a changed pool may have made an address its network or broadcast address: that one moves as well
    // two replicas may have given one each at the same moment: all keep the same one
    const own = this.addressesOf(owner)
      .filter((row) => familyOf(row.address) === family && this.#usable(row.address))
      .sort((a, b) => (a.address < b.address ? -1 : 1));
    const kept =
      own.find((row) => row.kind === 'pool' && row.retiredAt === null) ??
      own.find((row) => row.kind === 'pool' && !this.#expired(row, now)) ??
      // a pin that was taken back becomes the owner's ordinary address, if a pool could have given it
      own.find((row) => row.kind === 'pin');
    if (kept !== undefined) {
      if (kept.retiredAt !== null || kept.kind !== 'pool')
        this.#put({ ...kept, kind: 'pool', retiredAt: null });
      return kept.address;
    }
    const address = this.#freeAddress(owner, family, now);
    if (address !== undefined) this.#put({ address, owner, kind: 'pool', retiredAt: null });
    return address;
  }

  /** Starts at a place that the owner's key decides: replicas that meet the same owners choose alike. */
  #freeAddress(owner: ServiceKey, family: 4 | 6, now: number): Address | undefined {
    const pools = this.#pools.filter((pool) => pool.family === family);
    const start = memberHash(serviceKeyText(owner));
    for (const pool of pools) {
      if (!this.#hasFree(pool, now)) continue;
      const size = poolSize(pool);
      for (let i = 0n; i < size; i++) {
        const address = addressAt(pool, (BigInt(start) + i) % size);
        const row = this.#rows.get(address);
        if (isUsable(pool, address) && (row === undefined || this.#expired(row, now))) {
          if (row !== undefined) this.#delete(address);
          return address;
        }
      }
    }
    return undefined;
  }

  #hasFree(pool: Pool, now: number): boolean {
    const use = this.#inPool.get(pool);
    if (use === undefined) return false;
    if (BigInt(use.used + use.quarantined) < poolCapacity(pool)) return true;
    // the longest retired is the first: when it has not expired, none has
    const oldest = this.#rows.get([...this.#retired.values().take(1)][0] as Address);
    return oldest !== undefined && this.#expired(oldest, now);
  }

  #exhausted(family: 4 | 6): string {
    const uses = this.poolUse().filter(({ pool }) => pool.family === family);
    const texts = uses.map(({ pool, used, quarantined }) => {
      return `${pool.text} (${used} used, ${quarantined} quarantined)`;
    });
    return `VIP pool full: ${texts.join(', ')}`;
  }

  /** All other live addresses of the owner rest from now on. */
  #keepOnly(owner: ServiceKey, keep: ReadonlySet<Address>, now: number): void {
    for (const row of this.addressesOf(owner)) {
      if (row.retiredAt === null && !keep.has(row.address)) this.#put({ ...row, retiredAt: now });
    }
  }

  #expired(row: AddressRow, now: number): boolean {
    return row.retiredAt !== null && now - row.retiredAt >= this.#reuseAfterMs;
  }

  #poolOf(address: Address): Pool | undefined {
    return this.#pools.find((pool) => poolContains(pool, address));
  }

  #usable(address: Address): boolean {
    const pool = this.#poolOf(address);
    return pool !== undefined && isUsable(pool, address);
  }

  #put(row: AddressRow): void {
    this.#unindex(row.address);
    this.#index(row);
    this.#changes.push({ kind: 'put-address', row });
  }

  #delete(address: Address): void {
    this.#unindex(address);
    this.#changes.push({ kind: 'delete-address', address });
  }

  #putService(row: ServiceRow): void {
    this.#indexService(row);
    this.#changes.push({ kind: 'put-service', row });
  }

  #indexService(row: ServiceRow): void {
    const text = serviceKeyText(row.key);
    this.#services.set(text, row);
    this.#byInterface.add(row.key.interface, text);
    this.#forgotten.delete(text);
    if (row.retiredAt !== null) this.#forgotten.add(text);
  }

  #deleteService(row: ServiceRow): void {
    const text = serviceKeyText(row.key);
    this.#services.delete(text);
    this.#forgotten.delete(text);
    this.#byInterface.delete(row.key.interface, text);
    this.#changes.push({ kind: 'delete-service', key: row.key });
  }

  #index(row: AddressRow): void {
    this.#rows.set(row.address, row);
    this.#owned.add(serviceKeyText(row.owner), row.address);
    if (row.retiredAt !== null) this.#retired.add(row.address);
    this.#countInPool(row, 1);
  }

  #unindex(address: Address): void {
    const row = this.#rows.get(address);
    if (row === undefined) return;
    this.#rows.delete(address);
    this.#retired.delete(address);
    this.#owned.delete(serviceKeyText(row.owner), address);
    this.#countInPool(row, -1);
  }

  #countInPool(row: AddressRow, step: 1 | -1): void {
    const pool = this.#poolOf(row.address);
    const use = pool === undefined ? undefined : this.#inPool.get(pool);
    // an unusable address (a pin of .255) takes no place that the pool could give
    if (pool === undefined || use === undefined || !isUsable(pool, row.address)) return;
    if (row.retiredAt === null) use.used += step;
    else use.quarantined += step;
  }
}

export function familyOf(address: Address): 4 | 6 {
  return isIpv4(address) ? 4 : 6;
}
