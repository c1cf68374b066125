import { MultiMap } from '../base/multi-map.ts';
import { NONE } from '../base/none.ts';
import type { Address } from '../name/address.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { OwnershipRule } from '../name/ownership.ts';
import type { ClusterChange } from '../registry/cluster.ts';
import { ClusterFacts } from './cluster-facts.ts';
import type { RegistryOptions } from './source.ts';

/** Facts of clusters that an interface hangs on. */
export interface Watched {
  /** `cluster namespace/name` */
  readonly services: readonly string[];
  /** of endpoints */
  readonly addresses: readonly Address[];
}

/** What a delivery of a cluster has an effect on. */
export interface ClusterNews {
  readonly interfaces: readonly InterfaceName[];
  readonly isOwnership: boolean;
  /** the cluster is known completely from now on: what was taken over from the store has to be confirmed */
  readonly isFirstList: boolean;
}

/** All clusters, and which interface hangs on which of their facts: a change finds whom it concerns by this. */
export class ClusterIndex {
  readonly clusters: readonly ClusterFacts[];
  /** clusters by registry: those whose Services may stand for what it registers */
  readonly ofRegistry: ReadonlyMap<string, readonly ClusterFacts[]>;
  readonly #byService: MultiMap<string, InterfaceName>;
  readonly #byAddress: MultiMap<Address, InterfaceName>;
  readonly #watched: Map<InterfaceName, Watched>;

  /** @param former of the configuration before: what stays of it, and who hangs on what, is taken over */
  constructor(registries: readonly RegistryOptions[], former?: ClusterIndex) {
    this.#byService = former === undefined ? new MultiMap() : former.#byService;
    this.#byAddress = former === undefined ? new MultiMap() : former.#byAddress;
    this.#watched = former === undefined ? new Map() : former.#watched;
    const clusters = registries
      .filter(({ hasServices }) => hasServices)
      .map(({ id }) => former?.clusters.find((cluster) => cluster.id === id) ?? new ClusterFacts(id));
    this.clusters = clusters;
    const joined = ({ id, join }: RegistryOptions) =>
      [id, ...join].flatMap((wanted) => clusters.find((cluster) => cluster.id === wanted) ?? []);
    this.ofRegistry = new Map(registries.map((registry) => [registry.id, joined(registry)]));
  }

  get rules(): OwnershipRule[] {
    return this.clusters.flatMap(({ rules }) => rules);
  }

  /** @param isAll whether the cluster says nothing else */
  apply(registry: string, changes: readonly ClusterChange[], isListed: boolean, isAll: boolean): ClusterNews {
    const cluster = this.clusters.find(({ id }) => id === registry);
    if (cluster === undefined) return { interfaces: [], isOwnership: false, isFirstList: false };
    const { services, addresses, isOwnership } = cluster.apply(isAll ? cluster.completed(changes) : changes);
    const isFirstList = isListed && !cluster.isListed;
    cluster.isListed ||= isListed;
    const interfaces = [
      ...[...services].flatMap((key) => [...this.#byService.get(`${cluster.id} ${key}`)]),
      ...[...addresses].flatMap((address) => [...this.#byAddress.get(address)]),
    ];
    return { interfaces, isOwnership, isFirstList };
  }

  /** Whether a Service has one of its ClusterIPs no more; a cluster that is not listed yet says nothing against any. */
  isGone(cluster: string, service: string, addresses: readonly Address[]): boolean {
    const facts = this.clusters.find(({ id }) => id === cluster);
    if (facts === undefined || !facts.isListed || addresses.length === 0) return false;
    const standing = facts.service(service)?.addresses ?? NONE;
    return !addresses.every((address) => standing.includes(address));
  }

  /** Notes what the interface hangs on, in place of what it hung on before. */
  watch(name: InterfaceName, parts: readonly Watched[]): void {
    const before = this.#watched.get(name);
    for (const key of before?.services ?? []) this.#byService.delete(key, name);
    for (const address of before?.addresses ?? []) this.#byAddress.delete(address, name);
    const [only] = parts;
    const after: Watched =
      parts.length === 1 && only !== undefined
        ? only
        : {
            services: parts.flatMap(({ services }) => services),
            addresses: parts.flatMap(({ addresses }) => addresses),
          };
    for (const key of after.services) this.#byService.add(key, name);
    for (const address of after.addresses) this.#byAddress.add(address, name);
    if (after.services.length + after.addresses.length > 0) this.#watched.set(name, after);
    else this.#watched.delete(name);
  }
}
