/**
 * What an Envoy has to be told to be a sidecar that asks for what is behind a VIP when it is dialled (contract 1.8): one listener,
 * one cluster, and nothing that names an interface.
 */
import type { Pool } from '../vip/pool.ts';

/** How connections to VIPs come to Envoy. */
export type Interception =
  /** netfilter sends them to its port, and Envoy asks the kernel where they were meant to go */
  | { readonly kind: 'redirect' | 'tproxy'; readonly port: number }
  /** the VIPs are local addresses, and Envoy listens on the ports itself */
  | { readonly kind: 'ports'; readonly ports: readonly number[] };

export interface BootstrapOptions {
  /** where rpc-dns serves sidecars */
  readonly server: { readonly host: string; readonly port: number };
  readonly interception: Interception;
  readonly pools: readonly Pool[];
  /** where this sidecar is */
  readonly locality: { readonly region: string; readonly zone: string } | undefined;
  /** of 1.36 and 1.37, which want a source of all clusters before they ask for single ones */
  readonly isOld: boolean;
  readonly isTls: boolean;
}

const TYPE = 'type.googleapis.com/envoy.';
const SERVER_CLUSTER = 'rpc-dns';
/** So long a connection waits for rpc-dns before it is closed; Envoy's own would be a minute. */
const ANSWER_TIMEOUT = '2s';
/** One refusing provider of two would cost every second connection. */
const CONNECT_ATTEMPTS = 3;
/** Files of a sidecar's certificate, for the operator to put there. */
const TLS_FOLDER = '/etc/rpc-dns/sidecar';

/** The bootstrap as a value; Envoy reads it as YAML or JSON. */
export function envoyBootstrap(options: BootstrapOptions): object {
  const { server, locality, isOld } = options;
  return {
    node: {
      id: 'sidecar',
      cluster: 'rpc-dns-sidecars',
      ...(locality === undefined ? {} : { locality }),
    },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: SERVER_CLUSTER,
              retry_policy: { retry_back_off: { base_interval: '0.25s', max_interval: '3s' } },
            },
          },
        ],
      },
      ...(isOld ? { cds_config: { ads: {}, resource_api_version: 'V3' } } : {}),
    },
    static_resources: {
      listeners: families(options.pools).map((family) => listenerOf(family, options)),
      clusters: [serverCluster(server, options.isTls)],
    },
  };
}

function families(pools: readonly Pool[]): readonly (4 | 6)[] {
  return ([4, 6] as const).filter((family) => pools.some((pool) => pool.family === family));
}

function listenerOf(family: 4 | 6, options: BootstrapOptions): object {
  const { interception, pools } = options;
  const any = family === 4 ? '0.0.0.0' : '::';
  const [first, ...others] = interception.kind === 'ports' ? interception.ports : [interception.port];
  const addressOf = (port: number | undefined) => ({
    socket_address: { address: any, port_value: port },
  });
  return {
    name: family === 4 ? 'vip' : 'vip-6',
    address: addressOf(first),
    ...(others.length === 0
      ? {}
      : { additional_addresses: others.map((port) => ({ address: addressOf(port) })) }),
    ...(interception.kind === 'tproxy' ? { transparent: true } : {}),
    ...(interception.kind === 'redirect'
      ? {
          listener_filters: [
            {
              name: 'envoy.filters.listener.original_dst',
              typed_config: { '@type': `${TYPE}extensions.filters.listener.original_dst.v3.OriginalDst` },
            },
          ],
        }
      : {}),
    filter_chains: [
      {
        // whatever else comes here is closed, and never asked for
        filter_chain_match: { prefix_ranges: pools.filter((pool) => pool.family === family).map(rangeOf) },
        filters: [nameTheCluster(), proxyOnDemand(options)],
      },
    ],
  };
}

function rangeOf({ text, prefixLength }: Pool): object {
  return { address_prefix: text.slice(0, text.indexOf('/')), prefix_len: prefixLength };
}

function nameTheCluster(): object {
  return {
    name: 'envoy.filters.network.set_filter_state',
    typed_config: {
      '@type': `${TYPE}extensions.filters.network.set_filter_state.v3.Config`,
      on_new_connection: [
        {
          object_key: 'envoy.tcp_proxy.cluster',
          format_string: { text_format_source: { inline_string: 'vip|%DOWNSTREAM_LOCAL_ADDRESS%' } },
        },
      ],
    },
  };
}

function proxyOnDemand({ isOld }: BootstrapOptions): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${TYPE}extensions.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 'vip',
      // one has to be named; the filter in front names the right one
      cluster: 'unused',
      max_connect_attempts: CONNECT_ATTEMPTS,
      on_demand: {
        odcds_config: { ads: {}, resource_api_version: 'V3' },
        timeout: isOld ? '5s' : ANSWER_TIMEOUT,
      },
    },
  };
}

function serverCluster({ host, port }: BootstrapOptions['server'], isTls: boolean): object {
  const isAddress = /^[\d.]+$|:/.test(host);
  return {
    name: SERVER_CLUSTER,
    type: isAddress ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}extensions.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: {
          http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '3s' } },
        },
      },
    },
    ...(isTls
      ? {
          transport_socket: {
            name: 'envoy.transport_sockets.tls',
            typed_config: {
              '@type': `${TYPE}extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
              common_tls_context: {
                tls_certificates: [
                  {
                    certificate_chain: { filename: `${TLS_FOLDER}/tls.crt` },
                    private_key: { filename: `${TLS_FOLDER}/tls.key` },
                  },
                ],
                validation_context: { trusted_ca: { filename: `${TLS_FOLDER}/ca.crt` } },
                alpn_protocols: ['h2'],
              },
            },
          },
        }
      : {}),
    load_assignment: {
      cluster_name: SERVER_CLUSTER,
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: host, port_value: port } } } }],
        },
      ],
    },
  };
}

/** What the machine has to be told, as lines of a shell; those of iptables are comments behind those of nft. */
export function interceptionLines(interception: Interception, pools: readonly Pool[]): string[] {
  const local = pools.map(
    ({ text, family }) => `ip ${family === 6 ? '-6 ' : ''}route replace local ${text} dev lo`,
  );
  if (interception.kind === 'ports') return ['# every VIP is an address of this machine', ...local];
  const { kind, port } = interception;
  const of = (family: 4 | 6) => pools.filter((pool) => pool.family === family).map(({ text }) => text);
  const nft = ([4, 6] as const).flatMap((family) => nftCommand(kind, family, of(family), port));
  const iptables = ([4, 6] as const).flatMap((family) =>
    of(family).map((block) => iptablesLine(kind, family, block, port)),
  );
  const routes =
    kind === 'tproxy'
      ? ['# every VIP is an address of this machine, so that its packets come in by lo', ...local]
      : ['# only where no other route leads to the VIPs:', ...local.map((line) => `# ${line}`)];
  return [...routes, ...nft, '# the same with iptables:', ...iptables.map((line) => `# ${line}`)];
}

/** All at once or nothing, and the same however often it is run: a machine, or a pod, may come back with the rules in place. */
function nftCommand(
  kind: 'redirect' | 'tproxy',
  family: 4 | 6,
  blocks: readonly string[],
  port: number,
): string[] {
  if (blocks.length === 0) return [];
  const protocol = family === 4 ? 'ip' : 'ip6';
  const table = `${protocol} rpcdns`;
  const match = `${protocol} daddr { ${blocks.join(', ')} } meta l4proto tcp`;
  const rules =
    kind === 'redirect'
      ? [
          `add chain ${table} out { type nat hook output priority -100; }`,
          `add rule ${table} out ${match} redirect to :${port}`,
        ]
      : [
          `add chain ${table} in { type filter hook prerouting priority -150; }`,
          `add rule ${table} in iifname lo ${match} tproxy to :${port} accept`,
        ];
  const steps = [`add table ${table}`, `delete table ${table}`, `add table ${table}`, ...rules];
  return [`nft '${steps.join('; ')}'`];
}

function iptablesLine(kind: 'redirect' | 'tproxy', family: 4 | 6, block: string, port: number): string {
  const command = family === 4 ? 'iptables' : 'ip6tables';
  const [table, rule] =
    kind === 'redirect'
      ? ['nat', `OUTPUT -p tcp -d ${block} -j REDIRECT --to-ports ${port}`]
      : ['mangle', `PREROUTING -i lo -p tcp -d ${block} -j TPROXY --on-port ${port} --tproxy-mark 0`];
  const run = (how: '-C' | '-A') => `${command} -t ${table} ${how} ${rule}`;
  return `${run('-C')} 2>/dev/null || ${run('-A')}`;
}
