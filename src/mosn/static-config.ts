/**
 * What a MOSN has to be told to be a sidecar for some interfaces (contract 1.8). Its xDS has no clusters on demand and no
 * listeners of RPC protocols, so listeners and routes stand here, and clusters come from rpc-dns. Keys and types are those of
 * MOSN 1.6: `pkg/config/v2`, and Envoy's bootstrap for its own two.
 */

/** Protocols that MOSN routes by the header `service`. */
export const MOSN_PROTOCOLS = ['dubbo', 'bolt'] as const;
export type MosnProtocol = (typeof MOSN_PROTOCOLS)[number];

/** An interface, and the cluster of its VIP and port. */
export interface MosnRoute {
  readonly interface: string;
  readonly protocol: MosnProtocol;
  readonly port: number;
  readonly cluster: string;
}

export interface MosnOptions {
  /** where rpc-dns serves sidecars */
  readonly server: { readonly host: string; readonly port: number };
  readonly routes: readonly MosnRoute[];
}

const SERVER_CLUSTER = 'rpc-dns';

/** The configuration as a value; MOSN reads it as JSON. */
export function mosnConfig({ server, routes }: MosnOptions): object {
  const places = placesOf(routes);
  const interfaces = [...new Set(routes.map((route) => route.interface))];
  return {
    servers: [
      {
        default_log_path: 'stdout',
        default_log_level: 'INFO',
        routers: places.map(routerOf),
        listeners: places.map(listenerOf),
      },
    ],
    node: {
      id: 'sidecar',
      cluster: 'rpc-dns-sidecars',
      metadata: {
        'rpcdns.io/interfaces': interfaces,
        // they would take the ports of the listeners above
        'rpcdns.io/listeners': 'none',
      },
    },
    dynamic_resources: {
      lds_config: { ads: {} },
      cds_config: { ads: {} },
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: SERVER_CLUSTER } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: SERVER_CLUSTER,
          type: 'STRICT_DNS',
          lb_policy: 'RANDOM',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: SERVER_CLUSTER,
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: {
                      address: { socket_address: { address: server.host, port_value: server.port } },
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
    },
  };
}

/** A protocol on a port: one listener, and its routes. */
interface Place {
  readonly name: string;
  readonly protocol: MosnProtocol;
  readonly port: number;
  readonly routes: readonly MosnRoute[];
}

function placesOf(routes: readonly MosnRoute[]): Place[] {
  const byName = Map.groupBy(routes, ({ protocol, port }) => `${protocol}-${port}`);
  return [...byName].flatMap(([name, members]) => {
    const [first] = members;
    return first === undefined ? [] : [{ name, protocol: first.protocol, port: first.port, routes: members }];
  });
}

function routerOf({ name, routes }: Place): object {
  return {
    router_config_name: name,
    virtual_hosts: [
      {
        name,
        domains: ['*'],
        routers: routes.map((route) => ({
          match: { headers: [serviceHeader(route)] },
          route: { cluster_name: route.cluster },
        })),
      },
    ],
  };
}

/** Dubbo says the interface; SOFARPC adds version and unique id: `com.foo.UserService:1.0`. */
function serviceHeader({ interface: name, protocol }: MosnRoute): object {
  return protocol === 'dubbo'
    ? { name: 'service', value: name }
    : { name: 'service', value: `^${name.replaceAll(/[.$]/g, '\\$&')}(:.*)?$`, regex: true };
}

function listenerOf({ name, protocol, port }: Place): object {
  return {
    name,
    address: `0.0.0.0:${port}`,
    bind_port: true,
    filter_chains: [
      {
        filters: [{ type: 'proxy', config: { downstream_protocol: protocol, router_config_name: name } }],
      },
    ],
  };
}
