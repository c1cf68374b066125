/** The resources of state-of-the-world xDS: all that some interfaces come to, whole. */
import { createHash } from 'node:crypto';
import type { EventLine } from '../event-line/event-line.ts';
import { encoded } from '../grpc/messages.ts';
import {
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  ListenerSchema,
  TcpProxySchema,
} from '../grpc/protos/cluster_pb.ts';
import { type Address, addressText } from '../name/address.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { Localities, Locality } from '../name/localities.ts';
import { CLUSTER_TYPE, clusterName, groupsOf, NEVER_PANIC } from './vip-cluster.ts';
import { portsAt, vipTarget } from './vip-target.ts';

export const ENDPOINTS_TYPE = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
export const LISTENER_TYPE = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const TCP_PROXY_TYPE = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const EDS = 3;
const V3 = 2;
const CONNECT_ATTEMPTS = 3;

/** One kind of resources of some interfaces. */
export interface ResourceSet {
  readonly version: string;
  readonly resources: readonly Uint8Array[];
}

interface Place {
  readonly name: string;
  readonly address: Address;
  readonly port: number;
}

/** @returns undefined: no such kind is served */
export function resourcesOf(
  line: EventLine,
  typeUrl: string,
  interfaces: readonly InterfaceName[],
  localities: Localities,
  own: Locality | undefined,
): ResourceSet | undefined {
  const places = interfaces.flatMap((name) => placesOf(line, name));
  if (typeUrl === CLUSTER_TYPE) return setOf(places.map(clusterIn));
  if (typeUrl === ENDPOINTS_TYPE)
    return setOf(places.map((place) => endpointsIn(line, place, localities, own)));
  if (typeUrl === LISTENER_TYPE) return setOf(listenersOf(places));
  return undefined;
}

function placesOf(line: EventLine, name: InterfaceName): Place[] {
  const addresses = line.feed.viewOf(name)?.addresses ?? [];
  return addresses.flatMap((address) =>
    portsAt(line, name, address).map((port) => ({ name: clusterName({ address, port }), address, port })),
  );
}

function clusterIn({ name }: Place): Uint8Array {
  return encoded(ClusterSchema, {
    name,
    type: EDS,
    edsClusterConfig: { serviceName: name, edsConfig: { ads: {}, resourceApiVersion: V3 } },
    connectTimeout: { seconds: 1n },
    commonLbConfig: NEVER_PANIC,
  });
}

function endpointsIn(
  line: EventLine,
  { name, address, port }: Place,
  localities: Localities,
  own: Locality | undefined,
): Uint8Array {
  const endpoints = vipTarget(line, address, port)?.endpoints ?? [];
  // of several groups MOSN keeps the last; one without a locality has no use for them anyway
  const known = own === undefined ? undefined : localities;
  return encoded(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: groupsOf(endpoints, known, own),
  });
}

/** One for each port: which VIP was called decides between its chains. */
function listenersOf(places: readonly Place[]): Uint8Array[] {
  const ports = [...new Set(places.map(({ port }) => port))].sort((a, b) => a - b);
  return ports.map((port) =>
    encoded(ListenerSchema, {
      name: `vip-${port}`,
      address: { socketAddress: { address: '0.0.0.0', portValue: port } },
      filterChains: places
        .filter((place) => place.port === port)
        .map(({ name, address }) => ({
          filterChainMatch: {
            prefixRanges: [{ addressPrefix: addressText(address), prefixLen: address.length * 8 }],
          },
          filters: [
            {
              name: 'envoy.filters.network.tcp_proxy',
              typedConfig: {
                typeUrl: TCP_PROXY_TYPE,
                value: encoded(TcpProxySchema, {
                  statPrefix: 'vip',
                  cluster: name,
                  maxConnectAttempts: CONNECT_ATTEMPTS,
                }),
              },
            },
          ],
        })),
    }),
  );
}

function setOf(resources: readonly Uint8Array[]): ResourceSet {
  const hash = createHash('sha256');
  for (const octets of resources) hash.update(octets);
  return { resources, version: hash.digest('hex').slice(0, 16) };
}
