/** What an Envoy costs that holds all interfaces, beside one that asks for what is dialled. */

import { decoded, encoded } from '../../src/grpc/messages.ts';
import { DiscoveryRequestSchema, DiscoveryResponseSchema } from '../../src/grpc/protos/ads_pb.ts';
import { ClusterSchema } from '../../src/grpc/protos/cluster_pb.ts';
import { GrpcServer, type ServerStream } from '../../src/grpc/server.ts';
import { CLUSTER_TYPE } from '../../src/sidecars/vip-cluster.ts';
import { bridgePorts } from '../support/bridge.ts';
import { startCluster } from '../support/cluster.ts';
import { defineIstio, podBootstrap, startIstiod, withoutMutualTls } from '../support/istiod.ts';
import { createNamespace } from '../support/netns.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { memoryOf } from '../support/process-figures.ts';
import { provision } from '../support/provision.ts';
import { ask, type Cleanup, createSite } from '../support/server.ts';
import { SidecarMachine } from '../support/sidecar-world.ts';
import { tempFolder } from '../support/temp.ts';
import { GeneratedSource } from './scale/generated-source.ts';
import { interfaceAt, providerAddress } from './scale/interfaces.ts';
import { oursGenerated } from './scale/subject.ts';

const PROVIDERS = 3;
const PORT = 20_880;
const DIALLED = 10;
const DEADLINE_MS = 600_000;

export interface WholeFigures {
  readonly what: string;
  readonly megabytes: number;
  /** from its start until it takes connections */
  readonly seconds: number;
}

/** @param say told which is measured */
export async function measureWholes(
  test: Cleanup,
  interfaces: number,
  say: (line: string) => void,
): Promise<WholeFigures[]> {
  await provision(['tools', 'etcd', 'kubernetes', 'istiod', 'envoy']);
  const figures: WholeFigures[] = [];
  const port = await freePort();
  const source = new GeneratedSource(PROVIDERS);
  await source.plant(interfaces);
  test.after(() => source.remove());
  const server = await oursGenerated().start(
    tempFolder('wholes'),
    `${source.registries}\nsidecars: { listen: "127.0.0.1:${port}" }`,
  );
  test.after(() => server.stop());
  await server.untilReady();

  say('an Envoy that asks for what is dialled');
  const onDemand = await machineWith(test, port);
  const { stdout } = await onDemand.site.cli('envoy', '-c', 'rpc-dns.yaml', '--listen', `ports:${PORT}`);
  await onDemand.sh(['ip route replace local 247.0.0.0/8 dev lo']);
  figures.push(
    await measure(onDemand, `on demand, ${DIALLED} VIPs dialled`, stdout, async () => {
      for (let i = 0; i < DIALLED; i++) {
        const { answer } = await ask(server.dnsPort, `${interfaceAt(i).callName}. A`);
        await onDemand.caller.call(/ A ([\d.]+)$/m.exec(answer.join('\n'))?.[1] ?? '', PORT);
      }
    }),
  );

  say('an Envoy that is sent all clusters');
  const all = await serveAll(test, interfaces);
  figures.push(
    await measure(await machineWith(test, all), 'all clusters (CDS)', wholeBootstrap(all), async () => {}),
  );

  say('an Envoy that istiod tells all ServiceEntries');
  const kube = await startCluster(test);
  await defineIstio(kube);
  await kube.createNamespace('istio-system');
  await withoutMutualTls(kube);
  const istiod = await startIstiod(kube, `127.0.0.1:${port}`);
  test.after(() => istiod.child.kill());
  await until('istiod is ready', () => istiod.isReady(), { deadlineMs: 120_000 });
  await until('istiod has all', async () => (await countIn(istiod)) >= interfaces, {
    deadlineMs: DEADLINE_MS,
    everyMs: 2_000,
  });
  const machine = await machineWith(test, istiod.grpcPort);
  const bootstrap = podBootstrap(istiod.grpcPort);
  figures.push(await measure(machine, 'all ServiceEntries by istiod', bootstrap, async () => {}));
  const { residentBytes } = await memoryOf(istiod.child.pid);
  figures.push({ what: 'istiod itself', megabytes: residentBytes / 1e6, seconds: Number.NaN });
  return figures;
}

async function countIn(istiod: { debug(path: string): Promise<unknown> }): Promise<number> {
  const all = (await istiod.debug('configz').catch(() => [])) as { kind?: string }[];
  return all.filter(({ kind }) => kind === 'ServiceEntry').length;
}

/** A namespace from which one port beside it is reached. */
async function machineWith(test: Cleanup, port: number): Promise<SidecarMachine> {
  const namespace = await createNamespace();
  test.after(() => namespace.remove());
  await bridgePorts(test, namespace, { outside: [port] });
  const config = `sidecars: { listen: "127.0.0.1:${port}" }\nregistries: []\n`;
  return new SidecarMachine(namespace, await createSite({ config }));
}

async function measure(
  machine: SidecarMachine,
  what: string,
  bootstrap: string,
  use: () => Promise<void>,
): Promise<WholeFigures> {
  const from = performance.now();
  await machine.runEnvoy(bootstrap, undefined, DEADLINE_MS);
  const seconds = (performance.now() - from) / 1_000;
  await use();
  const { residentBytes = 0 } = machine.envoy === undefined ? {} : await memoryOf(machine.envoy.pid);
  await machine.envoy?.kill();
  return { what, megabytes: residentBytes / 1e6, seconds };
}

/** All clusters to whoever asks for clusters, once. @returns the port */
async function serveAll(test: Cleanup, interfaces: number): Promise<number> {
  const resources = Array.from({ length: interfaces }, (_, i) => ({
    typeUrl: CLUSTER_TYPE,
    value: encoded(ClusterSchema, {
      name: `vip|247.9.${i >> 8}.${i & 255}:${PORT}`,
      connectTimeout: { seconds: 1n },
      loadAssignment: {
        clusterName: `vip|247.9.${i >> 8}.${i & 255}:${PORT}`,
        endpoints: [
          {
            lbEndpoints: Array.from({ length: PROVIDERS }, (_, n) => ({
              endpoint: {
                address: { socketAddress: { address: providerAddress(i, n, PROVIDERS), portValue: PORT } },
              },
            })),
          },
        ],
      },
    }),
  }));
  const serve = (stream: ServerStream) => ({
    message: (octets: Uint8Array) => {
      const request = decoded(DiscoveryRequestSchema, octets);
      if (!request.ok || request.value.responseNonce !== '') return;
      const { typeUrl } = request.value;
      const own = typeUrl === CLUSTER_TYPE ? resources : [];
      stream.send(
        encoded(DiscoveryResponseSchema, { typeUrl, versionInfo: '1', nonce: '1', resources: own }),
      );
    },
    drained: () => {},
    ended: () => {},
  });
  const limits = {
    maxMessageOctets: 1e6,
    maxUnfinishedOctets: 1e7,
    maxConnections: 10,
    maxStreams: 10,
    keepAliveMs: 60_000,
  };
  const server = new GrpcServer(
    { host: '127.0.0.1', port: 0, tls: undefined, ...limits },
    { '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources': serve },
    { refused: () => {} },
  );
  test.after(() => server.close());
  return server.listen();
}

function wholeBootstrap(port: number): string {
  const bootstrap = {
    node: { id: 'whole', cluster: 'bench' },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'all' } }],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      listeners: [
        {
          name: 'vip',
          address: { socket_address: { address: '0.0.0.0', port_value: PORT } },
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.tcp_proxy',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                    stat_prefix: 'vip',
                    cluster: `vip|247.9.0.0:${PORT}`,
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'all',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'all',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  };
  return `# port_value: ${PORT}\n${JSON.stringify(bootstrap)}\n`;
}
