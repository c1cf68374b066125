import type { Address } from '../name/address.ts';
import type { ClusterChange } from '../registry/cluster.ts';
import { type Pool, poolContains } from '../vip/pool.ts';

/** A ClusterIP that a pool may give to an interface as well. */
export interface ClusterIpInPool {
  /** the registry's id */
  readonly cluster: string;
  /** `namespace/name` */
  readonly service: string;
  readonly address: Address;
  readonly pool: Pool;
}

/**
 * Looks for Services whose ClusterIPs lie in a pool: a cluster's range of them stands in no configuration of ours, and
 * only its Services show it. One is found for each cluster; where it is one, all are.
 */
export class ClustersInPools {
  readonly #found = new Set<string>();

  /** Other pools: what was found under those before says nothing. */
  forget(): void {
    this.#found.clear();
  }

  look(
    cluster: string,
    changes: readonly ClusterChange[],
    pools: readonly Pool[],
  ): ClusterIpInPool | undefined {
    if (this.#found.has(cluster)) return undefined;
    for (const change of changes) {
      if (change.kind !== 'service' || change.service === undefined) continue;
      for (const address of change.service.addresses) {
        const pool = pools.find((one) => poolContains(one, address));
        if (pool === undefined) continue;
        this.#found.add(cluster);
        return { cluster, service: change.key, address, pool };
      }
    }
    return undefined;
  }
}
