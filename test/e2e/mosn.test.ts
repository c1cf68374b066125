/**
 * A MOSN as a sidecar. Its binary is not to be had here: what it asks, in which order, and what it keeps of an answer stand in
 * its source (1.6, istio/istio1106/xds), and are done here as there.
 */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { ClientConnection, type ClientStream } from '../../src/grpc/client-connection.ts';
import { decoded, encoded } from '../../src/grpc/messages.ts';
import { DiscoveryRequestSchema, DiscoveryResponseSchema } from '../../src/grpc/protos/ads_pb.ts';
import {
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  ListenerSchema,
} from '../../src/grpc/protos/cluster_pb.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { createSite, type Server, startOn } from '../support/server.ts';

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const EDS = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
const LDS = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const RDS = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

const REGISTRY = (endpoints: string) => `interfaces:
  - { name: com.foo.A, port: 20880, vip: 247.0.0.1, endpoints: [${endpoints}] }
  - { name: com.foo.A$B, protocol: bolt, port: 12200, vip: 247.0.0.2, endpoints: ["10.0.0.3:12201"] }
  - { name: com.foo.C, protocol: tri, port: 50051, vip: 247.0.0.3, endpoints: ["10.0.0.4:50051"] }
  - { name: com.foo.D, protocol: bolt, port: 20880, vip: 247.0.0.4, endpoints: ["10.0.0.5:20880"] }
  - { name: com.foo.E, version: "1", port: 20880, vip: 247.0.0.5, endpoints: ["10.0.0.6:20880"] }
  - { name: com.foo.E, version: "2", port: 20880, vip: 247.0.0.6, endpoints: ["10.0.0.7:20880"] }
`;

async function start(t: TestContext): Promise<{ server: Server; port: number }> {
  const [port] = await freePorts(1);
  assert.ok(port !== undefined);
  const site = await createSite({
    config: `registries: [{ kind: file, path: names.yaml }]
vips: { pools: [247.0.0.0/24], perVersion: true }
localities:
  - { region: r, zone: z1, cidrs: [10.0.0.1/32] }
  - { region: r, zone: z2, cidrs: [10.0.0.2/32] }
sidecars: { listen: "127.0.0.1:${port}" }
`,
    files: { 'names.yaml': REGISTRY('"10.0.0.1:20881", "10.0.0.2:20882"') },
  });
  return { server: await startOn(site, t, { until: 'ready' }), port };
}

interface Node {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Record<string, never>;
}

/** The order of MOSN: clusters, then the endpoints of those, then listeners, then routes; each is acknowledged as it comes. */
class Mosn {
  readonly hosts = new Map<string, string>();
  readonly listeners: string[] = [];
  readonly order: string[] = [];
  readonly #connection: ClientConnection;
  readonly #node: Node;
  #stream: ClientStream | undefined;
  #names: string[] = [];

  constructor(t: TestContext, port: number, node: Node) {
    this.#node = node;
    const limits = { connectTimeoutMs: 2_000, maxMessageOctets: 4_000_000, tls: undefined };
    const events = { opened: () => this.#open(), lost: () => {} };
    this.#connection = new ClientConnection({ host: '127.0.0.1', port, ...limits }, events);
    t.after(() => this.#connection.close());
  }

  #open(): void {
    this.#stream = this.#connection.stream(METHOD, {
      message: (octets) => this.#take(octets),
      ended: () => this.order.push('ended'),
    });
    this.#ask(CDS);
  }

  #ask(typeUrl: string, versionInfo = '', responseNonce = ''): void {
    const resourceNames = typeUrl === EDS ? this.#names : [];
    const request = { typeUrl, resourceNames, versionInfo, responseNonce, node: this.#node };
    this.#stream?.send(encoded(DiscoveryRequestSchema, request));
  }

  #take(octets: Uint8Array): void {
    const response = decoded(DiscoveryResponseSchema, octets);
    assert.ok(response.ok);
    const { typeUrl, versionInfo, nonce, resources } = response.value;
    this.order.push(typeUrl.slice(typeUrl.lastIndexOf('.') + 1));
    const values = resources.map(({ value }) => value);
    if (typeUrl === CDS) this.#names = values.map(clusterIn);
    if (typeUrl === EDS) for (const value of values) this.#assign(value);
    if (typeUrl === LDS) for (const value of values) this.listeners.push(listenerIn(value));
    this.#ask(typeUrl, versionInfo, nonce);
    if (typeUrl === CDS) this.#ask(this.#names.length > 0 ? EDS : LDS);
    if (typeUrl === EDS) this.#ask(LDS);
    if (typeUrl === LDS) this.#ask(RDS);
  }

  /** Of several localities each takes the place of the one before. */
  #assign(octets: Uint8Array): void {
    const message = decoded(ClusterLoadAssignmentSchema, octets);
    assert.ok(message.ok);
    const { clusterName, endpoints } = message.value;
    for (const { lbEndpoints } of endpoints) {
      const hosts = lbEndpoints.map(({ endpoint }) => {
        const at = endpoint?.address?.socketAddress;
        return `${at?.address}:${at?.portValue}`;
      });
      this.hosts.set(clusterName, hosts.join(' '));
    }
  }
}

function clusterIn(octets: Uint8Array): string {
  const message = decoded(ClusterSchema, octets);
  assert.ok(message.ok);
  return message.value.name;
}

function listenerIn(octets: Uint8Array): string {
  const message = decoded(ListenerSchema, octets);
  assert.ok(message.ok);
  return message.value.name;
}

interface Printed {
  readonly servers: readonly [
    {
      readonly routers: readonly {
        readonly router_config_name: string;
        readonly virtual_hosts: readonly [
          {
            readonly routers: readonly {
              readonly match: { readonly headers: readonly [{ value: string; regex?: boolean }] };
              readonly route: { readonly cluster_name: string };
            }[];
          },
        ];
      }[];
      readonly listeners: readonly { readonly name: string; readonly address: string }[];
    },
  ];
  readonly node: Node;
}

suite('mosn', () => {
  test('prints listeners and routes, and what it prints brings their endpoints', async (t) => {
    const { server, port } = await start(t);
    const mosn = (...args: readonly string[]) => server.cli('mosn', '-c', 'rpc-dns.yaml', ...args);
    const printed = await mosn('--interfaces', 'com.foo.A,com.foo.A$B,com.foo.C');
    assert.equal(printed.status, 0, printed.stderr);
    assert.deepEqual(printed.stderr.trim().split('\n'), [
      'com.foo.C is left out: MOSN does not route tri by service',
      '#| # every VIP is an address of this machine',
      '#| ip route replace local 247.0.0.0/24 dev lo',
    ]);
    const config = JSON.parse(printed.stdout) as Printed;
    const [{ routers, listeners }] = config.servers;
    assert.deepEqual(
      listeners.map(({ name, address }) => [name, address]),
      [
        ['dubbo-20880', '0.0.0.0:20880'],
        ['bolt-12200', '0.0.0.0:12200'],
      ],
    );
    const routes = routers.flatMap(({ virtual_hosts: [{ routers: own }] }) => own);
    assert.deepEqual(
      routes.map(({ match, route }) => [match.headers[0].value, route.cluster_name]),
      [
        ['com.foo.A', 'vip|247.0.0.1:20880'],
        ['^com\\.foo\\.A\\$B(:.*)?$', 'vip|247.0.0.2:12200'],
      ],
    );
    const bolt = new RegExp(routes[1]?.match.headers[0].value ?? '');
    assert.deepEqual(
      ['com.foo.A$B', 'com.foo.A$B:1.0', 'com.foo.A$B:1.0:gray', 'com.foo.A$Bc:1.0', 'xcom.foo.A$B'].map(
        (one) => bolt.test(one),
      ),
      [true, true, true, false, false],
    );

    const sidecar = new Mosn(t, port, config.node);
    await until('every kind was answered', () => sidecar.order.includes('RouteConfiguration'));
    assert.deepEqual(sidecar.order, ['Cluster', 'ClusterLoadAssignment', 'Listener', 'RouteConfiguration']);
    assert.deepEqual(
      [...sidecar.hosts],
      [
        ['vip|247.0.0.1:20880', '10.0.0.1:20881 10.0.0.2:20882'],
        ['vip|247.0.0.2:12200', '10.0.0.3:12201'],
      ],
    );
    assert.deepEqual(sidecar.listeners, [], 'they would take the ports of its own');

    server.write('names.yaml', REGISTRY('"10.0.0.9:20889"'));
    await until('moved', () => sidecar.hosts.get('vip|247.0.0.1:20880') === '10.0.0.9:20889');
    assert.deepEqual(sidecar.order.slice(4), ['ClusterLoadAssignment']);
    const { stdout } = await server.cli('sidecars', '-c', 'rpc-dns.yaml');
    assert.match(stdout, /^sidecar at 127\.0\.0\.1:\d+\n {2}since .* of rpc-dns-sidecars\n/);
    const met = server.log().filter(({ msg }) => /sidecar (connected|is here|met)/.test(msg));
    assert.equal(met.length, 1, 'it names itself in every request, and is told once');
  });

  test('one without a metadata entry for listeners gets them', async (t) => {
    const { port } = await start(t);
    const metadata = { 'rpcdns.io/interfaces': 'com.foo.A, com.foo.A$B' } as unknown as Node['metadata'];
    const sidecar = new Mosn(t, port, { id: 'x', cluster: 'y', metadata });
    await until('every kind was answered', () => sidecar.order.includes('RouteConfiguration'));
    assert.deepEqual(sidecar.listeners, ['vip-12200', 'vip-20880']);
  });

  test('what cannot be led is said', async (t) => {
    const { server } = await start(t);
    const mosn = (...args: readonly string[]) => server.cli('mosn', '-c', 'rpc-dns.yaml', ...args);
    for (const [names, status, expected] of [
      ['com.foo.a', 0, /^#\|/],
      ['com.foo.Aa', 1, /^com\.foo\.Aa: no such interface/],
      ['com.foo.C', 1, /nothing is left for MOSN to lead/],
      [
        'com.foo.A,com.foo.D',
        1,
        /port 20880: com\.foo\.A speaks dubbo, com\.foo\.D bolt; a MOSN listens for one/,
      ],
      [
        'com.foo.E',
        0,
        /^com\.foo\.E:1 is left out: MOSN tells versions and groups of an interface not apart/,
      ],
    ] as const) {
      const { stderr, status: got } = await mosn('--interfaces', names);
      assert.equal(got, status, `${names}: ${stderr}`);
      assert.match(stderr, expected, names);
    }
    const wrong = await mosn('--interfaces', 'com.foo.A', '--server', 'x');
    assert.deepEqual(
      [wrong.status, wrong.stderr.trim()],
      [2, "--server 'x': expected HOST:PORT such as rpc-dns:15010"],
    );
  });
});
