import { addressText } from '../../src/name/address.ts';
import { serviceKeyText } from '../../src/name/interface-name.ts';
import {
  type ForeignChange,
  type Store,
  StoreConflict,
  type StoreListener,
  type StoreStep,
} from '../../src/store/store.ts';
import type { AddressRow, ServiceRow } from '../../src/vip/ledger-rows.ts';
import { type Placement, type PlacementRow, placementText } from '../../src/vip/placements.ts';

interface Versioned<R> {
  readonly row: R;
  readonly version: number;
}

const NOTHING: ForeignChange = { services: [], addresses: [], freed: [], placements: [] };

/**
 * One store that several replicas share, with the rules of the store in the Kubernetes API: an object is changed only as
 * it was last heard of; of two that want one address the first has it; of a service the first sight decides its place.
 */
export class SharedStore {
  readonly addresses = new Map<string, Versioned<AddressRow>>();
  readonly services = new Map<string, Versioned<ServiceRow>>();
  readonly placements = new Map<string, Versioned<Placement>>();
  /** commits that brought anything */
  commits = 0;
  serial = 0;
  /** what replicas have not been told yet; the test lets them hear it by {@link tell} */
  isHeld = false;
  readonly #replicas: Replica[] = [];
  #version = 0;

  nextVersion(): number {
    return ++this.#version;
  }

  /** The store as one more replica sees it. */
  replica(): Store {
    const replica = new Replica(this);
    this.#replicas.push(replica);
    return replica;
  }

  /** Everybody but the writer will hear of it. */
  announce(writer: Replica, change: ForeignChange): void {
    for (const replica of this.#replicas) if (replica !== writer) replica.queue.push(change);
    if (!this.isHeld) queueMicrotask(() => this.tell());
  }

  /** Replicas hear what others wrote. */
  tell(): void {
    for (const replica of this.#replicas) replica.hear();
  }
}

class Replica implements Store {
  readonly label = 'shared';
  readonly keepsFacts = false;
  readonly queue: ForeignChange[] = [];
  readonly #shared: SharedStore;
  /** objects as this replica last heard of them */
  #addresses = new Map<string, Versioned<AddressRow>>();
  #placements = new Map<string, Versioned<Placement>>();
  #listener: StoreListener | undefined;

  constructor(shared: SharedStore) {
    this.#shared = shared;
  }

  async open(listener: StoreListener): Promise<void> {
    const { addresses, services, placements, serial } = this.#shared;
    this.#look();
    this.queue.length = 0;
    listener.loaded({
      addresses: [...addresses.values()].map(({ row }) => row),
      services: [...services.values()].map(({ row }) => row),
      placements: [...placements].map(([key, { row }]) => ({ key, placement: row })),
      serial,
    });
    this.#listener = listener;
  }

  hear(): void {
    const changes = this.queue.splice(0);
    if (changes.length === 0) return;
    this.#look();
    for (const change of changes) this.#listener?.changed(change);
  }

  #look(): void {
    this.#addresses = new Map(this.#shared.addresses);
    this.#placements = new Map(this.#shared.placements);
  }

  async commit(steps: readonly StoreStep[]): Promise<void> {
    await undefined;
    const rows = { addresses: [], services: [], placements: [], freed: [] } as Writable;
    const taken: AddressRow[] = [];
    const older: ServiceRow[] = [];
    const joined: PlacementRow[] = [];
    for (const step of lastOf(steps)) {
      if (step.kind === 'put-address') taken.push(...this.#putAddress(step.row, rows));
      else if (step.kind === 'delete-address') this.#deleteAddress(addressText(step.address), rows);
      else if (step.kind === 'put-service') older.push(...this.#putService(step.row, rows));
      else if (step.kind === 'delete-service') this.#shared.services.delete(serviceKeyText(step.key));
      else if (step.kind === 'put-placement') joined.push(...this.#putPlacement(step.row, rows));
      else if (step.kind === 'put-serial') this.#shared.serial = Math.max(this.#shared.serial, step.serial);
    }
    const isNews = Object.values(rows).some((list) => list.length > 0);
    if (isNews) this.#shared.commits++;
    if (isNews) this.#shared.announce(this, rows);
    if (older.length > 0) this.#listener?.changed({ ...NOTHING, services: older });
    if (taken.length + joined.length > 0) {
      throw new StoreConflict({ services: [], addresses: taken, freed: [], placements: joined });
    }
  }

  async close(): Promise<void> {}

  #putAddress(row: AddressRow, rows: Writable): AddressRow[] {
    const text = addressText(row.address);
    const { addresses } = this.#shared;
    let known = this.#addresses.get(text);
    for (let attempt = 0; ; attempt++) {
      const there = addresses.get(text);
      const isOther = known !== undefined && serviceKeyText(known.row.owner) !== serviceKeyText(row.owner);
      if (known !== undefined && isOther && (known.row.retiredAt === null || attempt > 0)) return [known.row];
      if (there?.version === known?.version) {
        const written = { row, version: this.#shared.nextVersion() };
        addresses.set(text, written);
        this.#addresses.set(text, written);
        rows.addresses.push(row);
        return [];
      }
      known = there;
    }
  }

  #deleteAddress(text: string, rows: Writable): void {
    const known = this.#addresses.get(text);
    if (known === undefined || known.row.retiredAt === null) return;
    if (this.#shared.addresses.get(text)?.version !== known.version) return;
    this.#shared.addresses.delete(text);
    this.#addresses.delete(text);
    rows.freed.push(known.row.address);
  }

  #putService(row: ServiceRow, rows: Writable): ServiceRow[] {
    const key = serviceKeyText(row.key);
    const there = this.#shared.services.get(key)?.row;
    const wanted = there === undefined ? row : { ...there, retiredAt: row.retiredAt };
    this.#shared.services.set(key, { row: wanted, version: this.#shared.nextVersion() });
    rows.services.push(wanted);
    return there === undefined || there.ordinal === row.ordinal ? [] : [wanted];
  }

  #putPlacement({ key, placement }: PlacementRow, rows: Writable): PlacementRow[] {
    const there = this.#shared.placements.get(key);
    if (placement === undefined) {
      if (there === undefined) return [];
      this.#shared.placements.delete(key);
      this.#placements.delete(key);
      rows.placements.push({ key, placement });
      return [];
    }
    const isChanged = there?.version !== this.#placements.get(key)?.version;
    if (isChanged && there !== undefined && placementText(there.row) !== placementText(placement)) {
      return [{ key, placement: there.row }];
    }
    const written = { row: placement, version: this.#shared.nextVersion() };
    this.#shared.placements.set(key, written);
    this.#placements.set(key, written);
    rows.placements.push({ key, placement });
    return [];
  }
}

interface Writable {
  readonly addresses: AddressRow[];
  readonly services: ServiceRow[];
  readonly placements: PlacementRow[];
  readonly freed: AddressRow['address'][];
}

/** Of several changes of one object only the last counts. */
function lastOf(steps: readonly StoreStep[]): Iterable<StoreStep> {
  const last = new Map<string, StoreStep>();
  for (const step of steps) {
    const key =
      step.kind === 'put-address'
        ? `address ${addressText(step.row.address)}`
        : step.kind === 'delete-address'
          ? `address ${addressText(step.address)}`
          : step.kind === 'put-service'
            ? `service ${serviceKeyText(step.row.key)}`
            : step.kind === 'delete-service'
              ? `service ${serviceKeyText(step.key)}`
              : step.kind === 'put-placement'
                ? `placement ${step.row.key}`
                : step.kind;
    last.delete(key);
    last.set(key, step);
  }
  return last.values();
}
