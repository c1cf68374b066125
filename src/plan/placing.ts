import type { ClusterFacts } from '../intake/cluster-facts.ts';
import { type Address, addressText, parseAddress } from '../name/address.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import type { Ownership } from '../name/ownership.ts';
import type { ClusterService } from '../registry/cluster.ts';
import type { Claim } from '../registry/registration.ts';
import type { LedgerDraft } from '../vip/ledger-draft.ts';
import type { Placement, PlacementsDraft } from '../vip/placements.ts';
import { type Pool, poolContains } from '../vip/pool.ts';
import type { Refusal } from './claims.ts';
import { type Candidate, type Choice, choose, type Sighting, servicePortOf, sight } from './join.ts';
import type { Merged } from './merge.ts';
import { leadOf, type Placed, type Vip } from './record.ts';

export interface PlacingFacts {
  readonly perVersion: boolean;
  /** clusters by registry: those whose Services may stand for what it registers */
  readonly clusters: ReadonlyMap<string, readonly ClusterFacts[]>;
  /** of pods: an endpoint in here will soon be in a slice */
  readonly podBlocks: readonly Pool[];
  readonly pools: readonly Pool[];
  readonly ownership: Ownership;
}

/** Where the services of one interface are placed. */
export interface Placing {
  readonly placed: readonly Placed[];
  /** who owns addresses of the ledger now, by service key */
  readonly owners: ReadonlySet<string>;
  /** Services that may not stand for the interface */
  readonly refusals: readonly Refusal[];
  /** when to look again, Unix milliseconds */
  readonly wakeAt: number | undefined;
}

/** Another address than the pool's, or why there is none. */
interface Behind {
  readonly placement: Placement | undefined;
  readonly failure: string | undefined;
  readonly losers: readonly string[];
}

/** Whether a first decision is put off. */
export interface Waiting {
  readonly since: number;
  readonly until: number;
}

/** An endpoint that will be in a slice is waited for so long before the pool is used (contract 1.3). */
const SLICE_WAIT_MS = 2_000;
/** What another replica has joined is not joined elsewhere for so long: two that see different slices would never agree. */
const HEARD_FOR_MS = 60_000;

/**
 * Where the VIP of each service of an interface comes from; first match wins: its pin, the Kubernetes Service that an
 * object names, the one that its endpoints belong to, the pool. Of one plan.
 */
export class Placer {
  readonly #ledger: LedgerDraft;
  readonly #placements: PlacementsDraft;
  readonly #facts: PlacingFacts;
  readonly #now: number;
  #wakeAt: number | undefined;

  constructor(ledger: LedgerDraft, placements: PlacementsDraft, facts: PlacingFacts, now: number) {
    this.#ledger = ledger;
    this.#placements = placements;
    this.#facts = facts;
    this.#now = now;
  }

  /**
   * Whether the first decision about a service has to wait, because its endpoints will be in an EndpointSlice soon.
   *
   * @param noted since when it waits
   */
  waiting(merged: Merged, noted: number | undefined): Waiting | undefined {
    if (merged.vip !== undefined || merged.service !== undefined) return undefined;
    const clusters = this.clustersOf(merged);
    if (clusters.length === 0) return undefined;
    const row = this.#ledger.serviceOf(merged.key);
    const isFirst =
      (row === undefined || row.retiredAt !== null) && this.#placements.of(merged.key) === undefined;
    if (!isFirst) return undefined;
    const sighting = sight(merged.endpoints, clusters);
    if (sighting.held.size > 0 || !sighting.hasStranger) return undefined;
    const isExpected = sighting.isAddressKnown || merged.endpoints.some(({ host }) => this.#isPod(host));
    const now = this.#now;
    // what waited long ago went away before it was decided, and has come back
    const since = noted === undefined || now - noted > 2 * SLICE_WAIT_MS ? now : noted;
    return isExpected && now - since < SLICE_WAIT_MS ? { since, until: since + SLICE_WAIT_MS } : undefined;
  }

  /**
   * One address for the interface; another for a service that is pinned elsewhere or stands behind a Kubernetes Service
   * of its own; one for each service with `vips.perVersion`.
   */
  place(
    name: InterfaceName,
    seen: readonly { readonly merged: Merged; readonly ordinal: number }[],
  ): Placing {
    this.#wakeAt = undefined;
    const owners = new Set<string>();
    const refusals: Refusal[] = [];
    const vips = new Map<string, Vip>();
    const vipOf = (owner: ServiceKey, pin: Address | undefined): Vip => {
      const text = serviceKeyText(owner);
      // services of one interface may share a pin: it has one owner all the same
      const known =
        vips.get(text) ?? [...vips.values()].find((vip) => vip.from === 'pin' && vip.addresses[0] === pin);
      if (known !== undefined) return known;
      const vip: Vip = { ...this.#ledger.grant(owner, pin, this.#now), behind: undefined, losers: [] };
      vips.set(text, vip);
      owners.add(text);
      return vip;
    };
    const shared: ServiceKey = { interface: name, version: '', group: '' };
    const lead = leadOf(seen, ({ merged }) => merged.key);
    const placed = seen.map(({ merged, ordinal }): Placed => {
      const behind = merged.vip === undefined ? this.#behind(merged, refusals) : undefined;
      if (behind?.placement === undefined) this.#placements.delete(merged.key);
      else {
        const { placement, losers } = behind;
        const { addresses, from } = placement;
        const vip = { addresses, from, failure: undefined, refusedPin: undefined, behind: placement, losers };
        return { merged, ordinal, vip };
      }
      if (behind?.failure !== undefined) return { merged, ordinal, vip: without(behind.failure) };
      if (this.#facts.perVersion) return { merged, ordinal, vip: vipOf(merged.key, merged.vip) };
      const elsewhere = merged.vip !== undefined && merged.vip !== lead.merged.vip && merged !== lead.merged;
      const vip = elsewhere ? vipOf(merged.key, merged.vip) : vipOf(shared, lead.merged.vip);
      return { merged, ordinal, vip };
    });
    return { placed, owners, refusals, wakeAt: this.#wakeAt };
  }

  /** What a change of a cluster must be told by: Services, as `cluster namespace/name`, and endpoints' addresses. */
  watched(merged: Merged): { readonly services: readonly string[]; readonly addresses: readonly Address[] } {
    const services = new Set<string>();
    const { service, vip } = merged;
    const clusters = this.clustersOf(merged);
    if (service?.name !== undefined) services.add(`${service.cluster} ${service.namespace}/${service.name}`);
    const placement = this.#placements.of(merged.key);
    if (placement !== undefined) {
      services.add(`${placement.cluster} ${placement.namespace}/${placement.name}`);
    }
    for (const cluster of vip === undefined ? [] : clusters) {
      const key = vip === undefined ? undefined : cluster.serviceAt(vip);
      if (key !== undefined) services.add(`${cluster.id} ${key}`);
    }
    if (clusters.length === 0) return { services: [...services], addresses: [] };
    for (const text of sight(merged.endpoints, clusters).held.keys()) services.add(text);
    return {
      services: [...services],
      addresses: merged.endpoints.flatMap(({ host }) => parseAddress(host) ?? []),
    };
  }

  /**
   * Why a ConfigMap may not pin an address: only the pools' and the ClusterIPs of its own namespace are free to it. A
   * ServiceEntry may have any address that is not another namespace's.
   */
  readonly mayNotPin = (cluster: string, claim: Claim, vip: Address): string | undefined => {
    if (claim.kind === 'ServiceEntry') return this.#takenByAnother(cluster, claim, vip);
    if (this.#facts.pools.some((pool) => poolContains(pool, vip))) return undefined;
    const known = this.#cluster(cluster);
    // before its first list a cluster says nothing against what was right before
    if (known !== undefined && !known.isListed) return undefined;
    const key = known?.serviceAt(vip);
    if (key?.startsWith(`${claim.namespace}/`) === true) return undefined;
    return `vip ${addressText(vip)} is in no pool, and no ClusterIP of namespace ${claim.namespace}`;
  };

  /** Istio gives an entry its address, or its writer does: any but a Service's of another namespace. */
  #takenByAnother(registry: string, { namespace }: Claim, vip: Address): string | undefined {
    const clusters = this.#facts.clusters.get(registry) ?? [];
    const keys = clusters.map((known) => (known.isListed ? known.serviceAt(vip) : undefined));
    const key = keys.find((one) => one !== undefined && !one.startsWith(`${namespace}/`));
    return key === undefined ? undefined : `vip ${addressText(vip)} is the ClusterIP of Service ${key}`;
  }

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
    const clusters = this.clustersOf(merged);
    const stored = this.#placements.of(merged.key);
    const before = stored?.from === 'join' ? stored : undefined;
    if (before !== undefined && clusters.some(({ id, isListed }) => id === before.cluster && !isListed)) {
      return kept(before);
    }
    if (clusters.length === 0) return undefined;
    const sighting = sight(merged.endpoints, clusters);
    const candidates = this.#candidates(merged, sighting, clusters, before, refusals);
    const settled = this.#settledElsewhere(merged.key, before, candidates);
    const { chosen, losers } = settled ?? choose(candidates, before?.uid);
    if (chosen === undefined) return undefined;
    const cluster = this.#cluster(chosen.cluster);
    if (cluster === undefined) return undefined;
    const placement = this.#put(merged, cluster, chosen.service, 'join');
    return {
      placement,
      failure: undefined,
      losers: losers.map(({ key, held }) => `Service ${key} holds ${held} of the endpoints too`),
    };
  }

  /** What another replica joined a moment ago stays as it is, even if this one sees more endpoints behind another Service. */
  #settledElsewhere(
    key: ServiceKey,
    before: Placement | undefined,
    candidates: readonly Candidate[],
  ): Choice | undefined {
    const heardAt = this.#placements.heardAt(key);
    if (heardAt === undefined || before === undefined) return undefined;
    const until = heardAt + HEARD_FOR_MS;
    const chosen = candidates.find(({ service }) => service.uid === before.uid);
    if (this.#now >= until || chosen === undefined) return undefined;
    this.#wakeAt = Math.min(this.#wakeAt ?? until, until);
    return { chosen, losers: candidates.filter((one) => one !== chosen && one.held > 0) };
  }

  #candidates(
    merged: Merged,
    sighting: Sighting,
    clusters: readonly ClusterFacts[],
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
      if (!this.#facts.ownership.mayName(service.namespace, merged.key.interface)) {
        refusals.push(this.#refusal(merged, cluster.id, service));
        return [];
      }
      const hasPort = service.ports.some(({ port }) => ports.has(port));
      return [{ cluster: cluster.id, key, service, held: count, hasPort }];
    });
  }

  #refusal(merged: Merged, cluster: string, service: ClusterService): Refusal {
    const { namespace, name, createdAt } = service;
    const rule = this.#facts.ownership.ruleAgainst(namespace, merged.key.interface);
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

  #put(merged: Merged, cluster: ClusterFacts, service: ClusterService, from: Placement['from']): Placement {
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
      ports: ports.sort(([a], [b]) => a - b),
    });
  }

  clustersOf(merged: Merged): readonly ClusterFacts[] {
    const { clusters } = this.#facts;
    const [first, ...more] = merged.registries;
    const found = clusters.get(first ?? '') ?? [];
    return more.length === 0
      ? found
      : [...new Set([...found, ...more.flatMap((id) => clusters.get(id) ?? [])])];
  }

  #cluster(id: string): ClusterFacts | undefined {
    return this.#facts.clusters.get(id)?.find((cluster) => cluster.id === id);
  }

  #isPod(host: string): boolean {
    const address = parseAddress(host);
    return address !== undefined && this.#facts.podBlocks.some((block) => poolContains(block, address));
  }
}

function kept(placement: Placement): Behind {
  return { placement, failure: undefined, losers: [] };
}

function failed(failure: string): Behind {
  return { placement: undefined, failure, losers: [] };
}

/** A service whose VIP cannot be had. */
function without(failure: string): Vip {
  return { addresses: [], from: 'service', failure, refusedPin: undefined, behind: undefined, losers: [] };
}
