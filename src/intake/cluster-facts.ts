import { MultiMap } from '../base/multi-map.ts';
import type { Address } from '../name/address.ts';
import type { OwnershipRule } from '../name/ownership.ts';
import type { ClusterChange, ClusterService, ClusterSlice } from '../registry/cluster.ts';

/** What a change of a cluster's facts may have an effect on. */
export interface ClusterEffect {
  /** `namespace/name` */
  readonly services: ReadonlySet<string>;
  /** of endpoints */
  readonly addresses: ReadonlySet<Address>;
  readonly isOwnership: boolean;
}

/** What one Kubernetes cluster says of its Services and their endpoints, as its registry delivered it. */
export class ClusterFacts {
  readonly id: string;
  /** whether a Service that is not here does not stand */
  isListed = false;
  readonly #services = new Map<string, ClusterService>();
  readonly #slices = new Map<string, ClusterSlice>();
  readonly #slicesAt = new Map<Address, ClusterSlice | readonly ClusterSlice[]>();
  /** keys of slices by Service */
  readonly #slicesOf = new MultiMap<string, string>();
  /** how many slices say zones */
  #zonedSlices = 0;
  readonly #byClusterIp = new Map<Address, string>();
  readonly #rules = new Map<string, OwnershipRule>();

  constructor(id: string) {
    this.id = id;
  }

  get rules(): OwnershipRule[] {
    // of two for one prefix the first by name serves
    return [...this.#rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
  }

  service(key: string): ClusterService | undefined {
    return this.#services.get(key);
  }

  /** The Service that has a ClusterIP. */
  serviceAt(address: Address): string | undefined {
    return this.#byClusterIp.get(address);
  }

  /** Whether any slice says the zone of an address. */
  get hasZones(): boolean {
    return this.#zonedSlices > 0;
  }

  /** Slices that list the address, with whatever ports. */
  slicesAt(address: Address): readonly ClusterSlice[] {
    const slices = this.#slicesAt.get(address);
    return slices === undefined ? [] : isList(slices) ? slices : [slices];
  }

  /** @param key of a Service, `namespace/name` */
  slicesOf(key: string): readonly ClusterSlice[] {
    return [...this.#slicesOf.get(key)].flatMap((slice) => this.#slices.get(slice) ?? []);
  }

  /** What makes of these changes all that the cluster says: everything else of it goes. */
  completed(changes: readonly ClusterChange[]): ClusterChange[] {
    const named = new Set(changes.map(({ kind, key }) => `${kind} ${key}`));
    const isGone = (kind: ClusterChange['kind']) => (key: string) => !named.has(`${kind} ${key}`);
    return [
      ...[...this.#services.keys()].filter(isGone('service')).map((key): ClusterChange => {
        return { kind: 'service', key, service: undefined };
      }),
      ...[...this.#slices.keys()].filter(isGone('slice')).map((key): ClusterChange => {
        return { kind: 'slice', key, slice: undefined };
      }),
      ...[...this.#rules.keys()].filter(isGone('ownership')).map((key): ClusterChange => {
        return { kind: 'ownership', key, rule: undefined };
      }),
      ...changes,
    ];
  }

  apply(changes: readonly ClusterChange[]): ClusterEffect {
    const effect = { services: new Set<string>(), addresses: new Set<Address>(), isOwnership: false };
    for (const change of changes) {
      if (change.kind === 'service') this.#setService(change.key, change.service, effect.services);
      else if (change.kind === 'slice') this.#setSlice(change.key, change.slice, effect);
      else {
        effect.isOwnership = true;
        if (change.rule === undefined) this.#rules.delete(change.key);
        else this.#rules.set(change.key, change.rule);
      }
    }
    return effect;
  }

  #setService(key: string, service: ClusterService | undefined, changed: Set<string>): void {
    const before = this.#services.get(key);
    if (before === service || JSON.stringify(before) === JSON.stringify(service)) return;
    changed.add(key);
    for (const address of before?.addresses ?? []) {
      if (this.#byClusterIp.get(address) === key) this.#byClusterIp.delete(address);
    }
    if (service === undefined) this.#services.delete(key);
    else this.#services.set(key, service);
    for (const address of service?.addresses ?? []) this.#byClusterIp.set(address, key);
  }

  #setSlice(
    key: string,
    slice: ClusterSlice | undefined,
    { services, addresses: changed }: { readonly services: Set<string>; readonly addresses: Set<Address> },
  ): void {
    const before = this.#slices.get(key);
    if (JSON.stringify(before) === JSON.stringify(slice)) return;
    const isSame =
      before?.service === slice?.service && JSON.stringify(before?.ports) === JSON.stringify(slice?.ports);
    for (const service of isSame ? [] : [before?.service, slice?.service]) {
      if (service !== undefined) services.add(service);
    }
    this.#zonedSlices += Number(slice?.zones !== undefined) - Number(before?.zones !== undefined);
    if (before !== undefined) this.#slicesOf.delete(before.service, key);
    if (slice !== undefined) this.#slicesOf.add(slice.service, key);
    for (const address of before?.addresses ?? []) {
      changed.add(address);
      const rest = this.slicesAt(address).filter((other) => other !== before);
      this.#putAt(address, rest);
    }
    if (slice === undefined) this.#slices.delete(key);
    else this.#slices.set(key, slice);
    for (const address of slice?.addresses ?? []) {
      changed.add(address);
      if (slice !== undefined) this.#putAt(address, [...this.slicesAt(address), slice]);
    }
  }

  #putAt(address: Address, slices: readonly ClusterSlice[]): void {
    const [only] = slices;
    if (only === undefined) this.#slicesAt.delete(address);
    else this.#slicesAt.set(address, slices.length === 1 ? only : slices);
  }
}

function isList(slices: ClusterSlice | readonly ClusterSlice[]): slices is readonly ClusterSlice[] {
  return Array.isArray(slices);
}
