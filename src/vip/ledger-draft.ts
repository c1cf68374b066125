import { type Address, addressText } from '../name/address.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import { memberHash } from '../zone/sample.ts';
import {
  type AddressRow,
  familyOf,
  type LedgerStep,
  type LedgerView,
  type ServiceRow,
} from './ledger-rows.ts';
import { addressAt, isUsable, type Pool, poolContains, poolSize } from './pool.ts';

/** What an owner has got. */
export interface Grant {
  readonly addresses: readonly Address[];
  readonly from: 'pin' | 'pool';
  /** why it has no address of a family that it should have */
  readonly failure: string | undefined;
  /** why its pin was not granted */
  readonly refusedPin: string | undefined;
}

/**
 * The rules of VIPs (contract 1.3), applied to a ledger that stays as it is: what they come to is {@link steps}. Time
 * comes in as a parameter, and what was granted before in the same draft counts.
 */
export class LedgerDraft {
  readonly steps: LedgerStep[] = [];
  readonly #ledger: LedgerView;
  /** by interface, then by service key */
  readonly #services = new Map<InterfaceName, Map<string, ServiceRow | undefined>>();
  readonly #addresses = new Map<Address, AddressRow | undefined>();
  /** addresses that owners got in this draft, by the owner's key */
  readonly #got = new Map<string, Set<Address>>();
  readonly #use: { used: number; quarantined: number }[];
  readonly #pinsGivenUp: ReadonlySet<Address>;
  readonly #families: readonly (4 | 6)[];
  readonly #capacities: readonly bigint[];
  #nextOrdinal: number;

  /** @param pinsGivenUp pins whose owners ask for them no more in the same change set: free at once for another pin */
  constructor(ledger: LedgerView, pinsGivenUp: ReadonlySet<Address> = new Set()) {
    this.#ledger = ledger;
    this.#nextOrdinal = ledger.nextOrdinal;
    this.#pinsGivenUp = pinsGivenUp;
    const use = ledger.poolUse();
    this.#use = use.map(({ used, quarantined }) => ({ used, quarantined }));
    this.#capacities = use.map(({ capacity }) => capacity);
    this.#families = [...new Set(ledger.pools.map((pool) => pool.family))];
  }

  /** Notes a registration, at its first sight or its return. @returns its place in the order of all */
  see(key: ServiceKey, now: number): number {
    const known = this.serviceOf(key);
    if (known !== undefined && known.retiredAt === null) return known.ordinal;
    const row = known ?? { key, ordinal: this.#nextOrdinal++, firstSeenAt: now };
    this.#putService({ ...row, retiredAt: null });
    return row.ordinal;
  }

  serviceOf(key: ServiceKey): ServiceRow | undefined {
    const changed = this.#services.get(key.interface);
    const text = serviceKeyText(key);
    return changed?.has(text) === true ? changed.get(text) : this.#ledger.serviceOf(key);
  }

  /** The place of an interface in the order of all: that of its oldest service, forgotten ones that rest included. */
  ordinalOf(name: InterfaceName): number | undefined {
    let oldest: number | undefined;
    for (const { ordinal } of this.servicesOf(name)) {
      if (oldest === undefined || ordinal < oldest) oldest = ordinal;
    }
    return oldest;
  }

  servicesOf(name: InterfaceName): readonly ServiceRow[] {
    const changed = this.#services.get(name);
    if (changed === undefined) return this.#ledger.servicesOf(name);
    const rows = new Map(this.#ledger.servicesOf(name).map((row) => [serviceKeyText(row.key), row]));
    for (const [text, row] of changed) {
      if (row === undefined) rows.delete(text);
      else rows.set(text, row);
    }
    return [...rows.values()];
  }

  rowOf(address: Address): AddressRow | undefined {
    return this.#addresses.has(address) ? this.#addresses.get(address) : this.#ledger.rowOf(address);
  }

  addressesOf(owner: ServiceKey): AddressRow[] {
    const text = serviceKeyText(owner);
    const before = this.#ledger.addressesOf(owner).map(({ address }) => address);
    const got = this.#got.get(text);
    const addresses = got === undefined ? before : new Set([...before, ...got]);
    return [...addresses].flatMap((address) => {
      const row = this.rowOf(address);
      return row !== undefined && serviceKeyText(row.owner) === text ? [row] : [];
    });
  }

  /** The registration's name is no longer answered. Its order is kept as long as an address would be. */
  forget(key: ServiceKey, now: number): void {
    const row = this.serviceOf(key);
    if (row !== undefined && row.retiredAt === null) this.#putService({ ...row, retiredAt: now });
  }

  /** The owner's names are no longer answered: its addresses rest until `reuseAfter`, for nobody but it. */
  retire(owner: ServiceKey, now: number): void {
    for (const row of this.addressesOf(owner)) {
      if (row.retiredAt === null) this.#put({ ...row, retiredAt: now });
    }
  }

  /** Gives the owner its address of each family: the pinned one, the one it has or had, or a free one. */
  grant(owner: ServiceKey, pin: Address | undefined, now: number): Grant {
    const refusedPin = pin === undefined ? undefined : this.#refusalOfPin(owner, pin, now);
    if (pin !== undefined && refusedPin === undefined) {
      this.#keepOnly(owner, [pin], now);
      const row = this.rowOf(pin);
      const isSame =
        row?.retiredAt === null && row.kind === 'pin' && serviceKeyText(row.owner) === serviceKeyText(owner);
      if (!isSame) this.#put({ address: pin, owner, kind: 'pin', retiredAt: null });
      return { addresses: [pin], from: 'pin', failure: undefined, refusedPin: undefined };
    }
    const addresses: Address[] = [];
    const failures: string[] = [];
    const families = this.#families;
    for (const family of families) {
      const address = this.#poolAddress(owner, family, now);
      if (address === undefined) failures.push(this.#exhausted(family));
      else addresses.push(address);
    }
    this.#keepOnly(owner, addresses, now);
    if (families.length === 0) failures.push('no pool is configured (vips.pools)');
    const failure = failures.length > 0 ? failures.join('; ') : undefined;
    return { addresses, from: 'pool', failure, refusedPin };
  }

  /** Gives up an address before its time. @returns what was released */
  release(owner: ServiceKey): Address[] {
    const rows = this.addressesOf(owner).filter((row) => row.retiredAt !== null);
    for (const row of rows) this.#delete(row.address);
    const service = this.serviceOf(owner);
    if (service !== undefined && service.retiredAt !== null) this.#deleteService(service.key);
    return rows.map((row) => row.address);
  }

  /** Removes what has rested for `reuseAfter`. @returns how many addresses became free */
  expire(now: number): number {
    let freed = 0;
    for (const row of this.#ledger.retired()) {
      if (!this.#expired(row, now)) break;
      if (this.#addresses.has(row.address)) continue;
      this.#delete(row.address);
      freed++;
    }
    for (const row of this.#ledger.forgotten()) {
      const { key } = row;
      if (!this.#isForgotten(row, now)) break;
      const changed = this.#services.get(key.interface);
      if (changed?.has(serviceKeyText(key)) === true) continue;
      if (this.#isAgeOf(row, now)) this.#putService({ ...row, retiredAt: now });
      else this.#deleteService(key);
    }
    return freed;
  }

  #isForgotten({ retiredAt }: ServiceRow, now: number): boolean {
    return retiredAt !== null && now - retiredAt >= this.#ledger.reuseAfterMs;
  }

  /** Whether an interface that stands is as old as this service: without it younger ones would take its names. */
  #isAgeOf({ key, ordinal }: ServiceRow, now: number): boolean {
    const others = this.servicesOf(key.interface).filter((other) => other.ordinal !== ordinal);
    return (
      others.every((other) => other.ordinal > ordinal) &&
      others.some((other) => !this.#isForgotten(other, now))
    );
  }

  #refusalOfPin(owner: ServiceKey, pin: Address, now: number): string | undefined {
    const row = this.rowOf(pin);
    if (row === undefined || row.owner.interface === owner.interface || this.#expired(row, now))
      return undefined;
    if (row.kind === 'pin' && this.#pinsGivenUp.has(pin) && !this.#isGranted(row)) return undefined;
    const holder = serviceKeyText(row.owner);
    const address = addressText(pin);
    if (row.retiredAt !== null) {
      const until = new Date(row.retiredAt + this.#ledger.reuseAfterMs).toISOString();
      return `${address} rests until ${until} for its last owner ${holder}`;
    }
    return row.kind === 'pin'
      ? `${address} is pinned by the older ${holder}`
      : `${address} was given by the pool to ${holder}`;
  }

  /** Whether it is this draft that gave it. */
  #isGranted({ address, owner, retiredAt }: AddressRow): boolean {
    return retiredAt === null && this.#got.get(serviceKeyText(owner))?.has(address) === true;
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
    const start = memberHash(serviceKeyText(owner));
    for (const [i, pool] of this.#ledger.pools.entries()) {
      if (pool.family !== family || !this.#hasFree(i, now)) continue;
      const found = this.#freeAddressIn(pool, start, now);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #freeAddressIn(pool: Pool, start: number, now: number): Address | undefined {
    const isFree = (address: Address): boolean => {
      if (!isUsable(pool, address)) return false;
      const row = this.rowOf(address);
      if (row !== undefined && !this.#expired(row, now)) return false;
      if (row !== undefined) this.#delete(address);
      return true;
    };
    if (pool.family === 4) {
      const size = 2 ** (32 - pool.prefixLength);
      for (let step = 0; step < size; step++) {
        const address = addressAt(pool, (start + step) % size);
        if (isFree(address)) return address;
      }
      return undefined;
    }
    const size = poolSize(pool);
    for (let step = 0n; step < size; step++) {
      const address = addressAt(pool, (BigInt(start) + step) % size);
      if (isFree(address)) return address;
    }
    return undefined;
  }

  #hasFree(index: number, now: number): boolean {
    const use = this.#use[index];
    if (use === undefined) return false;
    if (BigInt(use.used + use.quarantined) < (this.#capacities[index] ?? 0n)) return true;
    // the longest retired is the first: when it has not expired, none has
    for (const row of this.#ledger.retired()) {
      if (!this.#expired(row, now)) return false;
      if (!this.#addresses.has(row.address)) return true;
    }
    return false;
  }

  #exhausted(family: 4 | 6): string {
    const texts = this.#ledger.pools.flatMap((pool, i) => {
      if (pool.family !== family) return [];
      const { used, quarantined } = this.#use[i] ?? { used: 0, quarantined: 0 };
      return [`${pool.text} (${used} used, ${quarantined} quarantined)`];
    });
    return `VIP pool full: ${texts.join(', ')}`;
  }

  /** All other live addresses of the owner rest from now on. */
  #keepOnly(owner: ServiceKey, keep: readonly Address[], now: number): void {
    for (const row of this.addressesOf(owner)) {
      if (row.retiredAt === null && !keep.includes(row.address)) this.#put({ ...row, retiredAt: now });
    }
  }

  #expired(row: AddressRow, now: number): boolean {
    return row.retiredAt !== null && now - row.retiredAt >= this.#ledger.reuseAfterMs;
  }

  #usable(address: Address): boolean {
    const pool = this.#ledger.pools.find((one) => poolContains(one, address));
    return pool !== undefined && isUsable(pool, address);
  }

  #put(row: AddressRow): void {
    this.#count(row.address, -1);
    this.#addresses.set(row.address, row);
    this.#count(row.address, 1);
    const owner = serviceKeyText(row.owner);
    const got = this.#got.get(owner);
    if (got === undefined) this.#got.set(owner, new Set([row.address]));
    else got.add(row.address);
    this.steps.push({ kind: 'put-address', row });
  }

  #delete(address: Address): void {
    this.#count(address, -1);
    this.#addresses.set(address, undefined);
    this.steps.push({ kind: 'delete-address', address });
  }

  #count(address: Address, step: 1 | -1): void {
    const row = this.rowOf(address);
    if (row === undefined) return;
    const i = this.#ledger.pools.findIndex((pool) => poolContains(pool, address));
    const [pool, use] = [this.#ledger.pools[i], this.#use[i]];
    if (pool === undefined || use === undefined || !isUsable(pool, address)) return;
    if (row.retiredAt === null) use.used += step;
    else use.quarantined += step;
  }

  #putService(row: ServiceRow): void {
    this.#noteService(row.key, row);
    this.steps.push({ kind: 'put-service', row });
  }

  #deleteService(key: ServiceKey): void {
    this.#noteService(key, undefined);
    this.steps.push({ kind: 'delete-service', key });
  }

  #noteService(key: ServiceKey, row: ServiceRow | undefined): void {
    const changed = this.#services.get(key.interface);
    if (changed === undefined) this.#services.set(key.interface, new Map([[serviceKeyText(key), row]]));
    else changed.set(serviceKeyText(key), row);
  }
}
