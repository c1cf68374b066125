import { createHash } from 'node:crypto';
import { encoded } from '../grpc/messages.ts';
import { ClusterSchema } from '../grpc/protos/cluster_pb.ts';
import { type Address, addressText, hostPortText, parseAddress, splitHostPort } from '../name/address.ts';
import {
  distance,
  isSameLocality,
  type Localities,
  type Locality,
  localityText,
} from '../name/localities.ts';
import { USUAL_WEIGHT } from '../registry/endpoint-traits.ts';
import type { TargetEndpoint } from './vip-target.ts';

export const CLUSTER_TYPE = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

/** A VIP and a port, as a sidecar asks for what is behind them: `vip|247.0.0.1:20880`. */
export interface VipPort {
  readonly address: Address;
  readonly port: number;
}

const PREFIX = 'vip|';
const MAX_NAME = 64;

export function clusterName({ address, port }: VipPort): string {
  return PREFIX + hostPortText({ host: addressText(address), port });
}

/** @returns undefined: it is no such name */
export function parseClusterName(name: string): VipPort | undefined {
  if (!name.startsWith(PREFIX) || name.length > MAX_NAME) return undefined;
  const split = splitHostPort(name.slice(PREFIX.length));
  const address = split === undefined ? undefined : parseAddress(split.host);
  return split === undefined || address === undefined ? undefined : { address, port: split.port };
}

/** A resource as it is sent, and its version: a hash of its content, the same on every replica and after every restart. */
export interface VersionedCluster {
  readonly version: string;
  readonly octets: Uint8Array;
}

const CONNECT_TIMEOUT_MS = 1_000;
/** `UNHEALTHY` */
const UNHEALTHY = 2;
/** `STATIC` */
const STATIC = 0;
/** Where most are unhealthy Envoy would call all of them again; {@link TargetEndpoint.isAvoided} sees to that. */
export const NEVER_PANIC = { healthyPanicThreshold: { value: 0 } };

/**
 * The cluster of these endpoints for a sidecar in a locality: its own zone first, then its region, then all others. None:
 * an empty cluster, whose connections are closed at once.
 */
export function clusterOf(
  name: string,
  endpoints: readonly TargetEndpoint[],
  localities: Localities,
  own: Locality | undefined,
): VersionedCluster {
  const octets = encoded(ClusterSchema, {
    name,
    type: STATIC,
    connectTimeout: { seconds: BigInt(CONNECT_TIMEOUT_MS / 1000) },
    commonLbConfig: NEVER_PANIC,
    loadAssignment: { clusterName: name, endpoints: groupsOf(endpoints, localities, own) },
  });
  return { octets, version: createHash('sha256').update(octets).digest('hex').slice(0, 16) };
}

interface Group {
  readonly locality: Locality | undefined;
  readonly rank: number;
  readonly endpoints: TargetEndpoint[];
}

/** @param localities undefined: all are in one group, wherever they are */
export function groupsOf(
  endpoints: readonly TargetEndpoint[],
  localities: Localities | undefined,
  own: Locality | undefined,
) {
  const groups: Group[] = [];
  const areWeighed = endpoints.some(({ weight }) => weight !== undefined);
  for (const endpoint of endpoints) {
    const locality = localities && placeOf(endpoint, localities);
    const known = groups.find((group) => isSameLocality(group.locality, locality));
    if (known !== undefined) known.endpoints.push(endpoint);
    else groups.push({ locality, rank: rankOf(locality, own), endpoints: [endpoint] });
  }
  // priorities begin at 0 and leave none out
  const ranks = [...new Set(groups.map(({ rank }) => rank))].sort();
  return groups
    .sort((a, b) => a.rank - b.rank || (textOf(a.locality) < textOf(b.locality) ? -1 : 1))
    .map(({ locality, rank, endpoints: members }) => ({
      ...(locality === undefined ? {} : { locality }),
      priority: ranks.indexOf(rank),
      lbEndpoints: members.map(({ host, port, weight, isAvoided }) => ({
        endpoint: { address: { socketAddress: { address: host, portValue: port } } },
        healthStatus: isAvoided ? UNHEALTHY : 0,
        ...(areWeighed ? { loadBalancingWeight: weight ?? USUAL_WEIGHT } : {}),
      })),
    }));
}

/** Where endpoints are, each place once, in an order that goes by them alone. */
export function localitiesOf(
  endpoints: readonly TargetEndpoint[],
  localities: Localities,
): (Locality | undefined)[] {
  const found: (Locality | undefined)[] = [];
  for (const endpoint of endpoints) {
    const place = placeOf(endpoint, localities);
    if (!found.some((one) => isSameLocality(one, place))) found.push(place);
  }
  return found;
}

/** What the registry says goes before the blocks of addresses. */
function placeOf({ host, locality }: TargetEndpoint, localities: Localities): Locality | undefined {
  return locality ?? localities.of(host);
}

/** Smaller is nearer. */
export function rankOf(locality: Locality | undefined, own: Locality | undefined): number {
  return own === undefined || own.zone === '' ? 0 : distance(locality, own);
}

function textOf(locality: Locality | undefined): string {
  return locality === undefined ? '' : localityText(locality);
}
