/** A real istiod beside a test's API server, with its configuration from there and from an xDS source. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';
import { freePorts } from './ports.ts';
import { type Child, startChild, until } from './process.ts';
import { istioDefinitions, istiodPath } from './provision.ts';
import { tempFolder } from './temp.ts';

export interface Istiod {
  readonly child: Child;
  readonly grpcPort: number;
  isReady(): Promise<boolean>;
  /** What a debug endpoint says, `configz`, as JSON. */
  debug(path: string): Promise<unknown>;
}

/** Makes Istio's kinds known to the API server. */
export async function defineIstio(kube: Cluster): Promise<void> {
  for (const document of parseAllDocuments(readFileSync(istioDefinitions(), 'utf8'))) {
    const body = document.toJS() as {
      kind?: string;
      spec?: { names: { plural: string }; group: string };
    } | null;
    if (body?.kind !== 'CustomResourceDefinition') continue;
    const { status } = await kube.api(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      body,
    );
    if (status >= 300 && status !== 409) throw new Error(`${body.spec?.names.plural}: ${status}`);
  }
  const path = '/apis/networking.istio.io/v1/serviceentries';
  await until('ServiceEntries are served', async () => (await kube.api('GET', path)).status === 200, {
    deadlineMs: 20_000,
  });
}

/** No TLS between sidecars of the whole mesh: a plain Envoy would wait for certificates without end. */
export async function withoutMutualTls(kube: Cluster): Promise<void> {
  const namespace = 'istio-system';
  const body = {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace },
    spec: { mtls: { mode: 'DISABLE' } },
  };
  const path = `/apis/security.istio.io/v1/namespaces/${namespace}/peerauthentications`;
  await until('PeerAuthentications are served', async () =>
    [201, 409].includes((await kube.api('POST', path, body)).status),
  );
}

/** The bootstrap of an Envoy that istiod takes for the sidecar of a pod, with its listener on port 15001. */
export function podBootstrap(grpcPort: number): string {
  const clusterAt = (name: string, port: number) => ({
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
          ],
        },
      ],
    },
  });
  const bootstrap = {
    node: {
      id: 'sidecar~10.9.9.9~pod.default~default.svc.cluster.local',
      cluster: 'pod.default',
      metadata: { ISTIO_VERSION: '1.29.0', CLUSTER_ID: 'Kubernetes', NAMESPACE: 'default' },
    },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    // istiod's resources name the second one, of the agent beside a real sidecar
    static_resources: { clusters: [clusterAt('xds-grpc', grpcPort), clusterAt('sds-grpc', 1)] },
  };
  return `# port_value: 15001\n${JSON.stringify(bootstrap)}\n`;
}

/** @param source `HOST:PORT` of the xDS source */
export async function startIstiod(kube: Cluster, source: string): Promise<Istiod> {
  const folder = tempFolder('istiod');
  const [grpcPort = 0, httpPort = 0, monitoringPort = 0] = await freePorts(3);
  const mesh = join(folder, 'mesh.yaml');
  writeFileSync(mesh, `configSources:\n  - address: k8s://\n  - address: xds://${source}\n`);
  const child = startChild(
    istiodPath(),
    [
      'discovery',
      ...['--kubeconfig', kube.kubeconfig(), '--meshConfig', mesh],
      ...['--grpcAddr', `127.0.0.1:${grpcPort}`, '--httpAddr', `127.0.0.1:${httpPort}`],
      ...['--httpsAddr', '', '--secureGRPCAddr', '', '--monitoringAddr', `127.0.0.1:${monitoringPort}`],
      ...['--ctrlz_port', '0', '--networksConfig', join(folder, 'networks.yaml')],
    ],
    {
      name: 'istiod',
      cwd: folder,
      env: {
        POD_NAMESPACE: 'istio-system',
        POD_NAME: 'istiod-0',
        REVISION: 'default',
        PILOT_CERT_PROVIDER: 'istiod',
        CLUSTER_ID: 'Kubernetes',
        ENABLE_DEBUG_ON_HTTP: 'true',
        ENABLE_CA_SERVER: 'false',
        PILOT_ENABLE_XDS_IDENTITY_CHECK: 'false',
        INJECTION_WEBHOOK_CONFIG_NAME: '',
        VALIDATION_WEBHOOK_CONFIG_NAME: '',
        // filters of Istio's own, which a plain Envoy does not have
        PILOT_ENABLE_METADATA_EXCHANGE: 'false',
        PILOT_ENABLE_ALPN_FILTER: 'false',
      },
    },
  );
  const get = (path: string) => fetch(`http://127.0.0.1:${httpPort}${path}`);
  return {
    child,
    grpcPort,
    isReady: async () => (await get('/ready').catch(() => undefined))?.status === 200,
    debug: async (path) => (await get(`/debug/${path}`)).json(),
  };
}
