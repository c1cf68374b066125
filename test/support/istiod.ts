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
