import { type Address, addressText, parseAddress } from '../name/address.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import type { Ownership } from '../name/ownership.ts';
import { NONE, packed } from '../none.ts';
import type { ClusterService } from '../registry/cluster.ts';
import type { Claim } from '../registry/registration.ts';
import type { Ledger } from '../vip/ledger.ts';
import type { Placement, Placements } from '../vip/placements.ts';
import { type Pool, poolContains } from '../vip/pool.ts';
import type { Refusal } from './claims.ts';
import type { Cluster } from './cluster.ts';
import { leadOf, type Placed, type Vip } from './entry.ts';
import { type Candidate, choose, type Sighting, servicePortOf, sight } from './join.ts';
import type { Merged } from './merge.ts';

export interface PlacerOptions {
  readonly perVersion: boolean;
  /** clusters by registry: those whose Services may stand for what it registers */
  readonly clusters: ReadonlyMap<string, readonly Cluster[]>;
  /** of pods: an endpoint in here will soon be in a slice */
  readonly podBlocks: readonly Pool[];
}

export interface Placing {
  readonly placed: readonly Placed[];
  /** who owns addresses of the ledger now, by service key */
  readonly owners: ReadonlySet<string>;
  /** Services that may not stand for the interface */
  readonly refusals: readonly Refusal[];
}

/** Another address than the pool's, or why there is none. */
interface Behind {
  readonly placement: Placement | undefined;
  readonly failure: string | undefined;
  readonly losers: readonly string[];
}

/** An endpoint that will be in a slice is waited for so long before the pool is used (contract 1.3). */
const SLICE_WAIT_MS = 2_000;

/**
 * Where the VIP of each service of an interface comes from; first match wins: its pin, the Kubernetes Service that an
 * object names, the one that its endpoints belong to, the pool.
 */
export class Placer {
  readonly #ledger: Ledger;
  readonly #placements: Placements;
  readonly #options: PlacerOptions;
  /** since when a service waits for its slice */
  readonly #waiting = new Map<string, number>();
  ownership: Ownership;

  constructor(ledger: Ledger, placements: Placements, options: PlacerOptions, ownership: Ownership) {
    this.#ledger = ledger;
    this.#placements = placements;
    this.#options = options;
    this.ownership = ownership;
  }

  /**
   * Whether the first decision about a service has to wait, because its endpoints will be in an EndpointSlice soon.
   *
   * @returns until when, Unix milliseconds
   */
  waitsUntil(merged: Merged, now: number): number | undefined {
    const text = serviceKeyText(merged.key);
    const row = this.#ledger.serviceOf(merged.key);
    const isFirst =
      (row === undefined || row.retiredAt !== null) && this.#placements.of(merged.key) === undefined;
    if (isFirst && merged.vip === undefined && merged.service === undefined) {
      const clusters = this.#clustersOf(merged);
      const sighting = clusters.length === 0 ? undefined : sight(merged.endpoints, clusters);
      if (sighting !== undefined && sighting.held.size === 0 && sighting.hasStranger) {
        const isExpected = sighting.isAddressKnown || merged.endpoints.some(({ host }) => this.#isPod(host));
        const noted = this.#waiting.get(text) ?? now;
        // what waited long ago went away before it was decided, and has come back
        const since = now - noted > 2 * SLICE_WAIT_MS ? now : noted;
        if (isExpected && now - since < SLICE_WAIT_MS) {
          this.#waiting.set(text, since);
          return since + SLICE_WAIT_MS;
        }
      }
    }
    this.#waiting.delete(text);
    return undefined;
  }

  /**
   * One address for the interface; another for a service that is pinned elsewhere or stands behind a Kubernetes Service
   * of its own; one for each service with `vips.perVersion`.
   */
  place(
    name: InterfaceName,
    seen: readonly { readonly merged: Merged; readonly ordinal: number }[],
    now: number,
  ): Placing {
    const owners = new Set<string>();
    const refusals: Refusal[] = [];
    const vips = new Map<string, Vip>();
    const vipOf = (owner: ServiceKey, pin: Address | undefined): Vip => {
      const text = serviceKeyText(owner);
      // services of one interface may share a pin: it has one owner all the same
      const known =
        vips.get(text) ?? [...vips.values()].find((vip) => vip.from === 'pin' && vip.addresses[0] === pin);
      if (known !== undefined) return known;
      const vip: Vip = { owner, ...this.#ledger.grant(owner, pin, now), behind: undefined, losers: NONE };
      vips.set(text, vip);
      owners.add(text);
      return vip;
    };
    const shared: ServiceKey = { interface: name, version: '', group: '' };
    const none: Vip = {
      owner: shared,
      addresses: [],
      from: 'pool',
      failure: undefined,
      refusedPin: undefined,
      behind: undefined,
      losers: NONE,
    };
    const lead = leadOf(seen.map((one) => ({ ...one, vip: none })));
    const placed = seen.map(({ merged, ordinal }): Placed => {
      const behind = merged.vip === undefined ? this.#behind(merged, refusals) : undefined;
      if (behind?.placement === undefined) this.#placements.delete(merged.key);
      else {
        const { placement, losers } = behind;
        const { addresses, from } = placement;
        const vip = { owner: merged.key, addresses, from, failure: undefined, refusedPin: undefined };
        return { merged, ordinal, vip: { ...vip, behind: placement, losers } };
      }
      if (behind?.failure !== undefined) {
        const vip: Vip = { ...none, owner: merged.key, from: 'service', failure: behind.failure };
        return { merged, ordinal, vip };
      }
      if (this.#options.perVersion) return { merged, ordinal, vip: vipOf(merged.key, merged.vip) };
      const elsewhere = merged.vip !== undefined && merged.vip !== lead.merged.vip && merged !== lead.merged;
      const vip = elsewhere ? vipOf(merged.key, merged.vip) : vipOf(shared, lead.merged.vip);
      return { merged, ordinal, vip };
    });
    return { placed, owners, refusals };
  }

  /** The service is no longer answered. */
  forget(key: ServiceKey): void {
    this.#placements.delete(key);
    this.#waiting.delete(serviceKeyText(key));
  }

  /** What a change of a cluster must be told by: Services, as `cluster namespace/name`, and endpoints' addresses. */
  watched(merged: Merged): { readonly services: readonly string[]; readonly addresses: readonly Address[] } {
    const services = new Set<string>();
    const { service, vip } = merged;
    const clusters = this.#clustersOf(merged);
    if (service?.name !== undefined) services.add(`${service.cluster} ${service.namespace}/${service.name}`);
    const placement = this.#placements.of(merged.key);
    if (placement !== undefined) {
      services.add(`${placement.cluster} ${placement.namespace}/${placement.name}`);
    }
    for (const cluster of vip === undefined ? [] : clusters) {
      const key = vip === undefined ? undefined : cluster.serviceAt(vip);
      if (key !== undefined) services.add(`${cluster.id} ${key}`);
    }
    if (clusters.length === 0) return { services: [...services], addresses: NONE };
    for (const text of sight(merged.endpoints, clusters).held.keys()) services.add(text);
    return {
      services: [...services],
      addresses: packed(merged.endpoints.flatMap(({ host }) => parseAddress(host) ?? [])),
    };
  }

  /** Why a ConfigMap may not pin an address: only the pools' and the ClusterIPs of its own namespace are free to it. */
  readonly mayNotPin = (cluster: string, claim: Claim, vip: Address): string | undefined => {
    if (this.#ledger.poolUse().some(({ pool }) => poolContains(pool, vip))) return undefined;
    const known = this.#cluster(cluster);
    // before its first list a cluster says nothing against what was right before
    if (known !== undefined && !known.isListed) return undefined;
    const key = known?.serviceAt(vip);
    if (key?.startsWith(`${claim.namespace}/`) === true) return undefined;
    return `vip ${addressText(vip)} is in no pool, and no ClusterIP of namespace ${claim.namespace}`;
  };

  #behind(merged: Merged, refusals: Refusal[]): Behind | undefined {
    return merged.service === undefined ? this.#joined(merged, refusals) : this.#named(merged);
  }

  /** The Service that an RPCService or an annotation names. A headless one has nothing to give: the pool serves. */
  #named(merged: Merged): Behind | undefined {
    const ref = merged.service;
    if (ref === undefined) return undefined;
    const cluster = this.#cluster(ref.cluster);
    const before = this.#placements.of(merged.key);
    if (cluster === undefined || !cluster.isListed) {
      const isSame =
        before?.from === 'service' && before.namespace === ref.namespace && before.name === ref.name;
      return isSame ? kept(before) : failed(`the Services of ${ref.cluster} are not known yet`);
    }
    const key = `${ref.namespace}/${ref.name}`;
    const service = ref.name === undefined ? undefined : cluster.service(key);
    if (service === undefined) return failed(ref.problem ?? `ServiceNotFound: there is no Service ${key}`);
    if (service.addresses.length === 0) return undefined;
    return kept(this.#put(merged, cluster, service, 'service'));
  }

  #joined(merged: Merged, refusals: Refusal[]): Behind | undefined {
    const clusters = this.#clustersOf(merged);
    const stored = this.#placements.of(merged.key);
    const before = stored?.from === 'join' ? stored : undefined;
    if (before !== undefined && clusters.some(({ id, isListed }) => id === before.cluster && !isListed)) {
      return kept(before);
    }
    if (clusters.length === 0) return undefined;
    const sighting = sight(merged.endpoints, clusters);
    const candidates = this.#candidates(merged, sighting, clusters, before, refusals);
    const { chosen, losers } = choose(candidates, before?.uid);
    if (chosen === undefined) return undefined;
    const cluster = this.#cluster(chosen.cluster);
    if (cluster === undefined) return undefined;
    const placement = this.#put(merged, cluster, chosen.service, 'join');
    return {
      placement,
      failure: undefined,
      losers: packed(losers.map(({ key, held }) => `Service ${key} holds ${held} of the endpoints too`)),
    };
  }

  #candidates(
    merged: Merged,
    sighting: Sighting,
    clusters: readonly Cluster[],
    before: Placement | undefined,
    refusals: Refusal[],
  ): Candidate[] {
    const found = new Map(sighting.held);
    if (before !== undefined) {
      const key = `${before.namespace}/${before.name}`;
      const cluster = clusters.find(({ id }) => id === before.cluster);
      const text = `${before.cluster} ${key}`;
      // it stays a candidate with empty slices as long as it is the very same Service
      if (cluster?.service(key)?.uid === before.uid && !found.has(text))
        found.set(text, { cluster, key, count: 0 });
    }
    const ports = new Set(merged.endpoints.map(({ port }) => port));
    return [...found.values()].flatMap(({ cluster, key, count }): Candidate[] => {
      const service = cluster.service(key);
      if (service === undefined || service.addresses.length === 0 || !service.joins) return [];
      if (!this.ownership.mayName(service.namespace, merged.key.interface)) {
        refusals.push(this.#refusal(merged, cluster.id, service));
        return [];
      }
      const hasPort = service.ports.some(({ port }) => ports.has(port));
      return [{ cluster: cluster.id, key, service, held: count, hasPort }];
    });
  }

  #refusal(merged: Merged, cluster: string, service: ClusterService): Refusal {
    const { namespace, name, createdAt } = service;
    const rule = this.ownership.ruleAgainst(namespace, merged.key.interface);
    const owners = rule?.namespaces.join(', ') ?? '';
    return {
      cluster,
      claim: { kind: 'Service', namespace, name, createdAt },
      service: serviceKeyText(merged.key),
      reason: 'NotOwned',
      text:
        `Service ${namespace}/${name}: it lists endpoints of ${merged.key.interface}, which may be named from ` +
        `namespace ${owners} only (${rule?.source}: ${rule?.prefix}); they are not joined`,
      winner: undefined,
    };
  }

  #put(merged: Merged, cluster: Cluster, service: ClusterService, from: Placement['from']): Placement {
    const registered = new Set(merged.endpoints.map(({ port }) => port));
    if (merged.port !== undefined) registered.add(merged.port);
    const ports = [...registered].flatMap((port): [number, number][] => {
      const found = servicePortOf(service, cluster, merged.endpoints, port);
      return found === undefined || found === port ? [] : [[port, found]];
    });
    return this.#placements.put(merged.key, {
      cluster: cluster.id,
      namespace: service.namespace,
      name: service.name,
      uid: service.uid,
      addresses: service.addresses,
      from,
      port: from === 'service' ? merged.service?.port : undefined,
      ports: packed(ports.sort(([a], [b]) => a - b)),
    });
  }

  #clustersOf(merged: Merged): readonly Cluster[] {
    const { clusters } = this.#options;
    const [first, ...more] = merged.registries;
    const found = clusters.get(first ?? '') ?? [];
    return more.length === 0
      ? found
      : [...new Set([...found, ...more.flatMap((id) => clusters.get(id) ?? [])])];
  }

  #cluster(id: string): Cluster | undefined {
    return this.#options.clusters.get(id)?.find((cluster) => cluster.id === id);
  }

  #isPod(host: string): boolean {
    const address = parseAddress(host);
    return address !== undefined && this.#options.podBlocks.some((block) => poolContains(block, address));
  }
}

function kept(placement: Placement): Behind {
  return { placement, failure: undefined, losers: NONE };
}

function failed(failure: string): Behind {
  return { placement: undefined, failure, losers: NONE };
}
