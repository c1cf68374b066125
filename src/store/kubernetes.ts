/** The ledger in the Kubernetes API: for installations without a disk, and for several replicas that have to agree. */
import {
  type ApiClient,
  ApiError,
  asApiError,
  ApiClient as Client,
  type ClusterAccess,
} from '../kubernetes/api-client.ts';
import { Informer, type Kept, type ObjectChange } from '../kubernetes/informer.ts';
import {
  type ApiObject,
  LEDGER_ENTRIES,
  pathOf,
  type Resource,
  VIRTUAL_IPS,
} from '../kubernetes/resource.ts';
import type { Address } from '../name/address.ts';
import { serviceKeyText } from '../name/interface-name.ts';
import type { AddressRow, ServiceRow } from '../vip/ledger-rows.ts';
import { type PlacementRow, placementText } from '../vip/placements.ts';
import {
  addressOfName,
  addressSpec,
  type KeptAddress,
  type KeptEntry,
  keepAddress,
  keepEntry,
  type LedgerEntry,
  mergeEntry,
  nameOfAddress,
  nameOfKey,
  PLACEMENT_PREFIX,
  readPlacement,
  readService,
  SERIAL_KEY,
  SERVICE_PREFIX,
  serviceValue,
  type VirtualIp,
} from './kubernetes-rows.ts';
import {
  type ForeignChange,
  type Store,
  StoreConflict,
  StoreError,
  type StoreListener,
  type StoreStep,
} from './store.ts';

const API_VERSION = 'rpcdns.io/v1';
/** Requests under way at once. */
const PARALLEL = 16;
const LOAD_DEADLINE_MS = 15_000;
/** How often an object that others write at the same time is read again. */
const MAX_ATTEMPTS = 5;

/**
 * One cluster-scoped VirtualIP for each address, and a LedgerEntry for everything else. Objects are changed only as
 * they were read (optimistic concurrency): of two replicas that want one address the API server lets one create it, and
 * the other takes the next. Snapshots of registries are not kept.
 */
export function openKubernetesStore(access: ClusterAccess): Store {
  return new KubernetesStore(access);
}

class KubernetesStore implements Store {
  readonly label = 'kubernetes';
  readonly keepsFacts = false;
  readonly #client: ApiClient;
  readonly #addresses: Informer<KeptAddress>;
  readonly #entries: Informer<KeptEntry>;
  #listener: StoreListener = { loaded: () => {}, changed: () => {} };
  #isLoaded = false;
  /** keys of placements by the names of their objects: a deleted object says no more than its name */
  readonly #keysOf = new Map<string, string>();
  /** objects that are being written; what is heard of them meanwhile waits */
  readonly #writing = new Map<string, (() => void)[]>();
  /** the version that this process wrote last, by object */
  readonly #own = new Map<string, string>();

  constructor(access: ClusterAccess) {
    this.#client = new Client(access);
    this.#addresses = new Informer<KeptAddress>(
      this.#client,
      { resource: VIRTUAL_IPS, namespace: undefined, trim: keepAddress },
      { changed: (changes) => this.#onAddresses(changes), state: () => this.#onState() },
    );
    this.#entries = new Informer<KeptEntry>(
      this.#client,
      { resource: LEDGER_ENTRIES, namespace: undefined, trim: keepEntry },
      { changed: (changes) => this.#onEntries(changes), state: () => this.#onState() },
    );
  }

  #onState: () => void = () => {};

  async open(listener: StoreListener): Promise<void> {
    this.#addresses.start();
    this.#entries.start();
    await this.#synced();
    // what comes from here on is told as a change: nothing lies between the two
    this.#listener = listener;
    this.#isLoaded = true;
    const services: ServiceRow[] = [];
    const placements: PlacementRow[] = [];
    const problems: string[] = [];
    let serial = 0;
    for (const [object, { key, value }] of this.#entries.entries()) {
      const service = readService(key, value);
      const placement = readPlacement(key, value);
      if (service !== undefined) services.push(service);
      else if (placement !== undefined) placements.push(placement);
      else if (key === SERIAL_KEY) serial = Number(value) || 0;
      else if (key.startsWith(SERVICE_PREFIX) || key.startsWith(PLACEMENT_PREFIX)) {
        problems.push(`LedgerEntry ${object}: its value cannot be read: left out, delete it`);
      }
    }
    const addresses = [...this.#addresses.entries()].map(([, { row }]) => row);
    listener.loaded({ services, addresses, placements, serial, problems });
  }

  /** An API server that is away for a moment is waited for; a missing CRD or right is said at once. */
  async #synced(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (reason: string) => {
        clearTimeout(timer);
        this.#onState = () => {};
        reject(new StoreError(`the ledger in the Kubernetes API cannot be read: ${reason}`));
      };
      const look = () => {
        const states = [this.#addresses.state, this.#entries.state];
        const disabled = states.find((state) => state.kind === 'disabled');
        if (disabled?.kind === 'disabled') {
          fail(`${disabled.reason} (are manifests/ledger and its rights in place?)`);
        } else if (states.every((state) => state.kind === 'live')) {
          clearTimeout(timer);
          this.#onState = () => {};
          resolve();
        }
      };
      const timer = setTimeout(() => {
        const away = [this.#addresses.state, this.#entries.state].find((state) => state.kind === 'away');
        fail(away?.kind === 'away' ? away.reason : 'no answer in time');
      }, LOAD_DEADLINE_MS);
      this.#onState = look;
      look();
    });
  }

  async commit(steps: readonly StoreStep[]): Promise<void> {
    // of several changes of one object only the last counts
    const addresses = new Map<Address, AddressRow | undefined>();
    const entries = new Map<string, string | undefined>();
    for (const step of steps) {
      if (step.kind === 'put-address') addresses.set(step.row.address, step.row);
      else if (step.kind === 'delete-address') addresses.set(step.address, undefined);
      else if (step.kind === 'put-service') {
        entries.set(SERVICE_PREFIX + serviceKeyText(step.row.key), serviceValue(step.row));
      } else if (step.kind === 'delete-service') {
        entries.set(SERVICE_PREFIX + serviceKeyText(step.key), undefined);
      } else if (step.kind === 'put-placement') {
        const { key, placement } = step.row;
        entries.set(PLACEMENT_PREFIX + key, placement === undefined ? undefined : placementText(placement));
      } else if (step.kind === 'put-serial') entries.set(SERIAL_KEY, String(step.serial));
    }
    const taken: AddressRow[] = [];
    const work: (() => Promise<void>)[] = [];
    for (const [address, row] of addresses) {
      work.push(async () => {
        const stands = await this.#alone(nameOfAddress(address), () => this.#putAddress(address, row));
        if (stands !== undefined) taken.push(stands);
      });
    }
    const older: ServiceRow[] = [];
    const joined: PlacementRow[] = [];
    for (const [key, value] of entries) {
      work.push(async () => {
        const stands = await this.#alone(nameOfKey(key), () => this.#putEntry(key, value));
        if (stands === undefined) return;
        const service = readService(key, stands);
        const placement = readPlacement(key, stands);
        if (service !== undefined) older.push(service);
        if (placement !== undefined) joined.push(placement);
      });
    }
    try {
      await inParallel(work);
    } catch (error) {
      throw new StoreError(`the Kubernetes API refuses to record: ${asApiError(error, 'store').message}`);
    }
    if (older.length > 0) this.#tell({ services: older });
    if (taken.length + joined.length > 0) {
      throw new StoreConflict({ services: [], addresses: taken, freed: [], placements: joined });
    }
  }

  #tell(rows: Partial<ForeignChange>): void {
    this.#listener.changed({ services: [], addresses: [], freed: [], placements: [], ...rows });
  }

  async close(): Promise<void> {
    await Promise.all([this.#addresses.stop(), this.#entries.stop()]);
    await this.#client.close();
  }

  /** @returns the row that stands instead, when another owner has the address */
  async #putAddress(address: Address, row: AddressRow | undefined): Promise<AddressRow | undefined> {
    const name = nameOfAddress(address);
    let known = this.#addresses.get(name);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        if (row === undefined) {
          // only a resting address is given up: another replica may have given it again meanwhile
          if (attempt === 0 && known !== undefined && known.row.retiredAt !== null) {
            await this.#delete(VIRTUAL_IPS, name, known.resourceVersion);
          }
          return undefined;
        }
        if (known === undefined) {
          await this.#create(VIRTUAL_IPS, 'VirtualIP', name, addressSpec(row));
          return undefined;
        }
        const isSameOwner = serviceKeyText(known.row.owner) === serviceKeyText(row.owner);
        // a resting address is free when the ledger knew it as expired; one that it did not know is the ledger's to judge
        if (!isSameOwner && (known.row.retiredAt === null || attempt > 0)) return known.row;
        if (JSON.stringify(known.row) === JSON.stringify(row)) return undefined;
        await this.#replace(VIRTUAL_IPS, 'VirtualIP', name, known.resourceVersion, addressSpec(row));
        return undefined;
      } catch (error) {
        if (!isOutrun(error)) throw error;
        const object = await this.#read<VirtualIp>(VIRTUAL_IPS, name);
        known = object === undefined ? undefined : keepAddress(object);
      }
    }
    throw new ApiError(409, 'Conflict', `VirtualIP ${name} changes too often`);
  }

  /** @returns the value that stands instead: who saw a service first decides its place in the order */
  async #putEntry(key: string, value: string | undefined): Promise<string | undefined> {
    const name = nameOfKey(key);
    let known = this.#entries.get(name);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        if (value === undefined) {
          if (known !== undefined) await this.#delete(LEDGER_ENTRIES, name, known.resourceVersion);
          return undefined;
        }
        if (known === undefined) {
          await this.#create(LEDGER_ENTRIES, 'LedgerEntry', name, { key, value });
          return undefined;
        }
        // another replica has joined it meanwhile: its choice stands until it is looked at again
        if (attempt > 0 && key.startsWith(PLACEMENT_PREFIX) && known.value !== value) return known.value;
        const { wanted, stands } = mergeEntry(key, known.value, value);
        if (wanted !== known.value) {
          await this.#replace(LEDGER_ENTRIES, 'LedgerEntry', name, known.resourceVersion, {
            key,
            value: wanted,
          });
        }
        return stands;
      } catch (error) {
        if (!isOutrun(error)) throw error;
        const object = await this.#read<LedgerEntry>(LEDGER_ENTRIES, name);
        known = object === undefined ? undefined : keepEntry(object);
      }
    }
    throw new ApiError(409, 'Conflict', `LedgerEntry ${name} changes too often`);
  }

  /** What is heard of an object while it is written may be the echo of that: it is looked at afterwards. */
  async #alone<T>(name: string, write: () => Promise<T>): Promise<T> {
    const heard: (() => void)[] = [];
    this.#writing.set(name, heard);
    try {
      return await write();
    } finally {
      this.#writing.delete(name);
      for (const tell of heard) tell();
    }
  }

  async #create(resource: Resource, kind: string, name: string, spec: unknown): Promise<void> {
    const body = { apiVersion: API_VERSION, kind, metadata: { name }, spec };
    const { metadata } = await this.#client.request<ApiObject>('POST', pathOf(resource), { body });
    this.#own.set(name, metadata.resourceVersion ?? '');
  }

  async #replace(
    resource: Resource,
    kind: string,
    name: string,
    resourceVersion: string,
    spec: unknown,
  ): Promise<void> {
    const body = { apiVersion: API_VERSION, kind, metadata: { name, resourceVersion }, spec };
    const path = pathOf(resource, undefined, name);
    const { metadata } = await this.#client.request<ApiObject>('PUT', path, { body });
    this.#own.set(name, metadata.resourceVersion ?? '');
  }

  async #delete(resource: Resource, name: string, resourceVersion: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { resourceVersion } };
    try {
      await this.#client.request('DELETE', pathOf(resource, undefined, name), { body });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  }

  async #read<T>(resource: Resource, name: string): Promise<T | undefined> {
    try {
      return await this.#client.request<T>('GET', pathOf(resource, undefined, name));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  #onAddresses(changes: readonly ObjectChange<KeptAddress>[]): void {
    const foreign = this.#foreign(changes, (again) => this.#onAddresses(again));
    const addresses = foreign.flatMap(({ object }) => (object === undefined ? [] : [object.row]));
    const freed = foreign.flatMap(({ key, object }) =>
      object === undefined ? (addressOfName(key) ?? []) : [],
    );
    if (addresses.length + freed.length > 0) this.#tell({ addresses, freed });
  }

  #onEntries(changes: readonly ObjectChange<KeptEntry>[]): void {
    const foreign = this.#foreign(changes, (again) => this.#onEntries(again));
    const services: ServiceRow[] = [];
    const placements: PlacementRow[] = [];
    for (const { key: name, object } of foreign) {
      const key = object?.key ?? this.#keysOf.get(name);
      if (key === undefined) continue;
      if (object === undefined) {
        this.#keysOf.delete(name);
        if (key.startsWith(PLACEMENT_PREFIX)) {
          placements.push({ key: key.slice(PLACEMENT_PREFIX.length), placement: undefined });
        }
        continue;
      }
      if (key.startsWith(PLACEMENT_PREFIX)) this.#keysOf.set(name, key);
      const service = readService(key, object.value);
      const placement = readPlacement(key, object.value);
      if (service !== undefined) services.push(service);
      if (placement !== undefined) placements.push(placement);
    }
    if (services.length + placements.length > 0) this.#tell({ services, placements });
  }

  /** Leaves out what this process wrote itself, and puts off what it is writing. */
  #foreign<T extends Kept>(
    changes: readonly ObjectChange<T>[],
    later: (changes: readonly ObjectChange<T>[]) => void,
  ): readonly ObjectChange<T>[] {
    if (!this.#isLoaded) return [];
    return changes.filter((change) => {
      const { key, object } = change;
      const heard = this.#writing.get(key);
      heard?.push(() => later([change]));
      if (object === undefined) this.#own.delete(key);
      return heard === undefined && (object === undefined || this.#own.get(key) !== object.resourceVersion);
    });
  }
}

/** Another process was faster: the object exists already, changed, or is gone. */
function isOutrun(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.status === 404);
}

async function inParallel(work: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const run = async () => {
    for (let task = work[next++]; task !== undefined; task = work[next++]) await task();
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, work.length) }, run));
}
