import { type Address, isIpv4 } from '../name/address.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import type { InterfaceNumbers } from '../name/interface-numbers.ts';
import { float64Column, int32Column, uint8Column, uint32Column } from '../packed/column.ts';
import { HashSlots } from '../packed/hash-slots.ts';
import { cut } from '../packed/linked.ts';
import { Texts } from '../packed/texts.ts';
import type {
  AddressRow,
  ForeignRows,
  LedgerRows,
  LedgerStep,
  LedgerView,
  PoolUse,
  ServiceRow,
} from './ledger-rows.ts';
import { isUsable, type Pool, poolCapacity, poolContains } from './pool.ts';

const KINDS = ['pool', 'pin'] as const;

/**
 * Whose each VIP is, and who came first (contract 1.3): rows of numbers in memory. It decides nothing: a `LedgerDraft`
 * makes steps from what stands here, and {@link apply} takes them when they are decided.
 */
export class Ledger implements LedgerView {
  readonly pools: readonly Pool[];
  readonly reuseAfterMs: number;
  readonly #names: InterfaceNumbers;
  /** versions and groups */
  readonly #texts = new Texts();
  // services
  readonly #services = {
    owner: int32Column(),
    version: int32Column(),
    group: int32Column(),
    ordinal: float64Column(),
    firstSeenAt: float64Column(),
    /** 0: answered; else one more than the time */
    retired: float64Column(),
    next: int32Column(),
  };
  readonly #firstService = int32Column();
  readonly #freeServices: number[] = [];
  #highestService = 0;
  #serviceCount = 0;
  /** in the order of their going */
  readonly #forgotten = new Set<number>();
  // addresses
  readonly #addresses = {
    v4: uint32Column(),
    owner: int32Column(),
    version: int32Column(),
    group: int32Column(),
    kind: uint8Column(),
    retired: float64Column(),
    next: int32Column(),
  };
  readonly #v6 = new Map<number, Address>();
  readonly #firstAddress = int32Column();
  readonly #freeAddresses: number[] = [];
  #highestAddress = 0;
  readonly #byAddress = new HashSlots((row) => hashOf(this.#addressAt(row)));
  /** in the order of their retirement */
  readonly #retired = new Set<number>();
  readonly #inPool: readonly { used: number; quarantined: number }[];
  #nextOrdinal = 1;

  constructor(pools: readonly Pool[], reuseAfterMs: number, names: InterfaceNumbers) {
    this.pools = pools;
    this.reuseAfterMs = reuseAfterMs;
    this.#names = names;
    this.#inPool = pools.map(() => ({ used: 0, quarantined: 0 }));
  }

  /** Takes over what a store holds, part by part; then {@link loaded}. */
  load({ services, addresses }: LedgerRows): void {
    for (const row of services) this.#putService(row);
    for (const row of addresses) this.#putAddress(row);
  }

  /** All stored rows are there. */
  loaded(): void {
    // the longest retired first: then a search for expired ones may stop early
    sortBy(this.#retired, this.#addresses.retired);
    sortBy(this.#forgotten, this.#services.retired);
  }

  /** The same rows under other pools: what a changed configuration makes of the ledger. */
  withPools(pools: readonly Pool[], reuseAfterMs: number): Ledger {
    const ledger = new Ledger(pools, reuseAfterMs, this.#names);
    ledger.load({ services: [...this.services()], addresses: [...this.addresses()] });
    ledger.loaded();
    ledger.#nextOrdinal = this.#nextOrdinal;
    return ledger;
  }

  get nextOrdinal(): number {
    return this.#nextOrdinal;
  }

  get size(): number {
    return this.#serviceCount;
  }

  apply(step: LedgerStep): void {
    if (step.kind === 'put-service') this.#putService(step.row);
    else if (step.kind === 'delete-service') this.#deleteService(step.key);
    else if (step.kind === 'put-address') this.#putAddress(step.row);
    else this.#deleteAddress(step.address);
  }

  /** Takes over what another process recorded in a shared store. @returns interfaces that have to be decided anew */
  adopt({ services, addresses, freed }: ForeignRows): Set<InterfaceName> {
    const affected = new Set<InterfaceName>();
    for (const row of services) {
      const before = this.serviceOf(row.key);
      if (before !== undefined && isSameService(before, row)) continue;
      affected.add(row.key.interface);
      this.#putService(row);
    }
    for (const row of addresses) {
      const before = this.rowOf(row.address);
      if (before !== undefined && isSameAddress(before, row)) continue;
      if (before !== undefined) affected.add(before.owner.interface);
      affected.add(row.owner.interface);
      this.#putAddress(row);
    }
    for (const address of freed) {
      const before = this.rowOf(address);
      if (before === undefined) continue;
      affected.add(before.owner.interface);
      this.#deleteAddress(address);
    }
    return affected;
  }

  serviceOf(key: ServiceKey): ServiceRow | undefined {
    const row = this.#findService(key);
    return row === 0 ? undefined : this.#serviceAt(row);
  }

  servicesOf(name: InterfaceName): ServiceRow[] {
    const rows: ServiceRow[] = [];
    const { next } = this.#services;
    for (let row = this.#firstService.get(this.#names.find(name)); row !== 0; row = next.get(row)) {
      rows.push(this.#serviceAt(row));
    }
    return rows;
  }

  /** Whether anything of the interface rests here. */
  has(name: InterfaceName): boolean {
    const number = this.#names.find(name);
    return this.#firstService.get(number) !== 0 || this.#firstAddress.get(number) !== 0;
  }

  *services(): Generator<ServiceRow> {
    for (let row = 1; row <= this.#highestService; row++) {
      if (this.#services.owner.get(row) !== 0) yield this.#serviceAt(row);
    }
  }

  *addresses(): Generator<AddressRow> {
    for (let row = 1; row <= this.#highestAddress; row++) {
      if (this.#addresses.owner.get(row) !== 0) yield this.#rowAt(row);
    }
  }

  rowOf(address: Address): AddressRow | undefined {
    const row = this.#findAddress(address);
    return row === 0 ? undefined : this.#rowAt(row);
  }

  addressesOf(owner: ServiceKey): AddressRow[] {
    const rows: AddressRow[] = [];
    const { next } = this.#addresses;
    for (
      let row = this.#firstAddress.get(this.#names.find(owner.interface));
      row !== 0;
      row = next.get(row)
    ) {
      const found = this.#rowAt(row);
      if (found.owner.version === owner.version && found.owner.group === owner.group) rows.push(found);
    }
    return rows;
  }

  *retired(): Generator<AddressRow> {
    for (const row of this.#retired) yield this.#rowAt(row);
  }

  *forgotten(): Generator<ServiceRow> {
    for (const row of this.#forgotten) yield this.#serviceAt(row);
  }

  poolUse(): PoolUse[] {
    return this.pools.map((pool, i) => ({
      pool,
      capacity: poolCapacity(pool),
      used: this.#inPool[i]?.used ?? 0,
      quarantined: this.#inPool[i]?.quarantined ?? 0,
    }));
  }

  #serviceAt(row: number): ServiceRow {
    const { owner, version, group, ordinal, firstSeenAt, retired } = this.#services;
    return {
      key: {
        interface: this.#names.nameOf(owner.get(row)),
        version: this.#texts.textOf(version.get(row)),
        group: this.#texts.textOf(group.get(row)),
      },
      ordinal: ordinal.get(row),
      firstSeenAt: firstSeenAt.get(row),
      retiredAt: timeOf(retired.get(row)),
    };
  }

  #rowAt(row: number): AddressRow {
    const { owner, version, group, kind, retired } = this.#addresses;
    return {
      address: this.#addressAt(row),
      owner: {
        interface: this.#names.nameOf(owner.get(row)),
        version: this.#texts.textOf(version.get(row)),
        group: this.#texts.textOf(group.get(row)),
      },
      kind: KINDS[kind.get(row)] ?? 'pool',
      retiredAt: timeOf(retired.get(row)),
    };
  }

  #addressAt(row: number): Address {
    return this.#v6.get(row) ?? v4Address(this.#addresses.v4.get(row));
  }

  #findService({ interface: name, version, group }: ServiceKey): number {
    const columns = this.#services;
    let row = this.#firstService.get(this.#names.find(name));
    for (; row !== 0; row = columns.next.get(row)) {
      const isIt = this.#texts.textOf(columns.version.get(row)) === version;
      if (isIt && this.#texts.textOf(columns.group.get(row)) === group) return row;
    }
    return 0;
  }

  #findAddress(address: Address): number {
    return this.#byAddress.find(hashOf(address), (row) => this.#addressAt(row) === address);
  }

  #putService({ key, ordinal, firstSeenAt, retiredAt }: ServiceRow): void {
    const columns = this.#services;
    let row = this.#findService(key);
    if (row === 0) {
      row = this.#freeServices.pop() ?? ++this.#highestService;
      this.#serviceCount++;
      const owner = this.#names.of(key.interface);
      columns.owner.set(row, owner);
      columns.version.set(row, this.#texts.numberOf(key.version));
      columns.group.set(row, this.#texts.numberOf(key.group));
      columns.next.set(row, this.#firstService.get(owner));
      this.#firstService.set(owner, row);
    }
    columns.ordinal.set(row, ordinal);
    columns.firstSeenAt.set(row, firstSeenAt);
    columns.retired.set(row, retiredAt === null ? 0 : retiredAt + 1);
    this.#forgotten.delete(row);
    if (retiredAt !== null) this.#forgotten.add(row);
    this.#nextOrdinal = Math.max(this.#nextOrdinal, ordinal + 1);
  }

  #deleteService(key: ServiceKey): void {
    const row = this.#findService(key);
    if (row === 0) return;
    cut(row, this.#firstService, this.#services.owner.get(row), this.#services.next);
    this.#services.owner.set(row, 0);
    this.#forgotten.delete(row);
    this.#freeServices.push(row);
    this.#serviceCount--;
  }

  #putAddress({ address, owner, kind, retiredAt }: AddressRow): void {
    this.#deleteAddress(address);
    const columns = this.#addresses;
    const row = this.#freeAddresses.pop() ?? ++this.#highestAddress;
    const number = this.#names.of(owner.interface);
    if (isIpv4(address)) columns.v4.set(row, v4Number(address));
    else this.#v6.set(row, address);
    columns.owner.set(row, number);
    columns.version.set(row, this.#texts.numberOf(owner.version));
    columns.group.set(row, this.#texts.numberOf(owner.group));
    columns.kind.set(row, KINDS.indexOf(kind));
    columns.retired.set(row, retiredAt === null ? 0 : retiredAt + 1);
    columns.next.set(row, this.#firstAddress.get(number));
    this.#firstAddress.set(number, row);
    this.#byAddress.add(hashOf(address), row);
    if (retiredAt !== null) this.#retired.add(row);
    this.#countInPool(address, retiredAt, 1);
  }

  #deleteAddress(address: Address): void {
    const row = this.#findAddress(address);
    if (row === 0) return;
    const columns = this.#addresses;
    this.#countInPool(address, timeOf(columns.retired.get(row)), -1);
    this.#byAddress.delete(hashOf(address), row);
    this.#retired.delete(row);
    cut(row, this.#firstAddress, columns.owner.get(row), columns.next);
    columns.owner.set(row, 0);
    this.#v6.delete(row);
    this.#freeAddresses.push(row);
  }

  #countInPool(address: Address, retiredAt: number | null, step: 1 | -1): void {
    const i = this.pools.findIndex((pool) => poolContains(pool, address));
    const [pool, use] = [this.pools[i], this.#inPool[i]];
    // an unusable address (a pin of .255) takes no place that the pool could give
    if (pool === undefined || use === undefined || !isUsable(pool, address)) return;
    if (retiredAt === null) use.used += step;
    else use.quarantined += step;
  }
}

function isSameService(a: ServiceRow, b: ServiceRow): boolean {
  return a.ordinal === b.ordinal && a.firstSeenAt === b.firstSeenAt && a.retiredAt === b.retiredAt;
}

function isSameAddress(a: AddressRow, b: AddressRow): boolean {
  return (
    a.kind === b.kind &&
    a.retiredAt === b.retiredAt &&
    a.owner.interface === b.owner.interface &&
    a.owner.version === b.owner.version &&
    a.owner.group === b.owner.group
  );
}

function sortBy(rows: Set<number>, column: { get(row: number): number }): void {
  const sorted = [...rows].sort((a, b) => column.get(a) - column.get(b));
  rows.clear();
  for (const row of sorted) rows.add(row);
}

function timeOf(retired: number): number | null {
  return retired === 0 ? null : retired - 1;
}

function v4Number(address: Address): number {
  return (
    ((address.charCodeAt(0) << 24) |
      (address.charCodeAt(1) << 16) |
      (address.charCodeAt(2) << 8) |
      address.charCodeAt(3)) >>>
    0
  );
}

function v4Address(number: number): Address {
  return String.fromCharCode(
    number >>> 24,
    (number >>> 16) & 255,
    (number >>> 8) & 255,
    number & 255,
  ) as Address;
}

function hashOf(address: Address): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  return hash;
}
