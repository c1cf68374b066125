import type { ClusterFacts } from '../intake/cluster-facts.ts';
import { parseAddress } from '../name/address.ts';
import type { ClusterService } from '../registry/cluster.ts';
import type { Endpoint } from '../registry/registration.ts';

/*
 * The join (contract 1.3): which Kubernetes Service registered endpoints belong to. An endpoint belongs to a Service
 * when one of the Service's EndpointSlices lists its address and port, be it ready, serving, terminating or not.
 *
 *     registered  dubbo://10.244.1.7:20880  dubbo://10.244.2.9:20880
 *     slices      trade/user-center         10.244.1.7 10.244.2.9 : 20880     holds 2   ← joined
 *                 trade/user-center-canary  10.244.2.9            : 20880     holds 1
 *                 kube-system/node-agent    10.244.1.7            : 9100      holds none: another port
 */

/** A Service that holds at least one registered endpoint, or did so when it was joined. */
export interface Candidate {
  readonly cluster: string;
  /** `namespace/name` */
  readonly key: string;
  readonly service: ClusterService;
  /** how many of the registered endpoints it holds */
  readonly held: number;
  /** whether it has a port that is equal to a registered one */
  readonly hasPort: boolean;
}

/** What the endpoints of a service show in the clusters that it is joined with. */
export interface Sighting {
  /** held endpoints by Service, whether it may be joined or not: `cluster namespace/name` */
  readonly held: ReadonlyMap<
    string,
    { readonly cluster: ClusterFacts; readonly key: string; readonly count: number }
  >;
  /** whether an endpoint's address is in a slice, though not with its port */
  readonly isAddressKnown: boolean;
  /** whether an endpoint is in no slice */
  readonly hasStranger: boolean;
}

export function sight(endpoints: readonly Endpoint[], clusters: readonly ClusterFacts[]): Sighting {
  const held = new Map<string, { cluster: ClusterFacts; key: string; count: number }>();
  let isAddressKnown = false;
  let hasStranger = false;
  for (const { host, port } of endpoints) {
    const address = parseAddress(host);
    if (address === undefined) continue;
    const keys = new Set<string>();
    for (const cluster of clusters) {
      for (const slice of cluster.slicesAt(address)) {
        isAddressKnown = true;
        if (!slice.ports.some((one) => one.port === port)) continue;
        const text = `${cluster.id} ${slice.service}`;
        // a Service may list an endpoint in two slices for a moment, when one takes over from the other
        if (keys.has(text)) continue;
        keys.add(text);
        const known = held.get(text);
        held.set(text, { cluster, key: slice.service, count: (known?.count ?? 0) + 1 });
      }
    }
    hasStranger ||= keys.size === 0;
  }
  return { held, isAddressKnown, hasStranger };
}

export interface Choice {
  readonly chosen: Candidate | undefined;
  /** in the order in which they would have been chosen */
  readonly losers: readonly Candidate[];
}

/**
 * The best of several: most registered endpoints held; then a port equal to the registered one; then the older; then
 * by name. The one that is joined already stays, unless it holds none any more and another does.
 *
 * @param current the uid of the Service that is joined now
 */
export function choose(candidates: readonly Candidate[], current: string | undefined): Choice {
  const ranked = [...candidates].sort(
    (a, b) =>
      b.held - a.held ||
      Number(b.hasPort) - Number(a.hasPort) ||
      a.service.createdAt - b.service.createdAt ||
      (`${a.cluster} ${a.key}` < `${b.cluster} ${b.key}` ? -1 : 1),
  );
  const joined = ranked.find(({ service }) => service.uid === current);
  const chosen = joined !== undefined && (joined.held > 0 || ranked[0]?.held === 0) ? joined : ranked[0];
  return { chosen, losers: ranked.filter((one) => one !== chosen && one.held > 0) };
}

/**
 * The Service's port behind which a registered port lies: the one with this target, or, of a named target, the one that
 * the slices of the endpoints resolve to it.
 */
export function servicePortOf(
  service: ClusterService,
  cluster: ClusterFacts,
  endpoints: readonly Endpoint[],
  registered: number,
): number | undefined {
  const direct = service.ports.find(({ targetPort }) => targetPort === registered);
  if (direct !== undefined) return direct.port;
  const key = `${service.namespace}/${service.name}`;
  const held = endpoints.flatMap(({ host, port }) => {
    const address = port === registered ? parseAddress(host) : undefined;
    return address === undefined ? [] : cluster.slicesAt(address);
  });
  // an object of the cluster registers no endpoints: those of the whole Service are its
  for (const slice of endpoints.length > 0 ? held : cluster.slicesOf(key)) {
    if (slice.service !== key) continue;
    const names = slice.ports.filter((one) => one.port === registered).map(({ name }) => name);
    const found = service.ports.find(({ name }) => names.includes(name));
    if (found !== undefined) return found.port;
  }
  return undefined;
}
