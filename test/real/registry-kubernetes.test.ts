/** The Kubernetes watcher against a real API server: the contract, and everything that can happen to it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { KUBERNETES_DEFAULTS, type KubernetesOptions } from '../../src/registry/kubernetes/options.ts';
import { KubernetesWatcher } from '../../src/registry/kubernetes/watcher.ts';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { startFlakyProxy } from '../support/flaky-proxy.ts';
import { skipWithout } from '../support/provision.ts';
import { type ContractEntry, watcherContract } from '../support/watcher-contract.ts';

const skip = skipWithout('etcd', 'kubernetes');
const shared = sharedCluster();

async function cluster(): Promise<Cluster> {
  const kube = await shared();
  for (const file of ['rpcservices', 'rpcownerships']) {
    const applied = await kube.kubectl(
      ['apply', '-f', '-'],
      readFileSync(`manifests/crds/${file}.yaml`, 'utf8'),
    );
    assert.equal(applied.code, 0, applied.stderr);
  }
  return kube;
}

function optionsOf(kube: Cluster, namespaces: readonly string[], port: number): KubernetesOptions {
  const kubeconfig = kube.kubeconfig(undefined, { port });
  return { ...KUBERNETES_DEFAULTS, id: 'kubernetes', kubeconfig, context: undefined, namespaces };
}

/** A ConfigMap for each interface, with one document. */
class ConfigMaps {
  readonly #kube: Cluster;
  readonly #namespace: string;
  readonly #entries = new Map<string, ContractEntry[]>();

  constructor(kube: Cluster, namespace: string) {
    this.#kube = kube;
    this.#namespace = namespace;
  }

  async put(entry: ContractEntry): Promise<void> {
    const entries = this.#entries.get(entry.interface) ?? [];
    this.#entries.set(entry.interface, [...entries, entry]);
    await this.#write(entry.interface);
  }

  async remove({ interface: name, host }: ContractEntry): Promise<void> {
    const entries = this.#entries.get(name) ?? [];
    this.#entries.set(
      name,
      entries.filter((entry) => entry.host !== host),
    );
    await this.#write(name);
  }

  async #write(name: string): Promise<void> {
    const entries = this.#entries.get(name) ?? [];
    const map = name.toLowerCase().replaceAll('.', '-');
    const [first] = entries;
    const endpoints = entries.map(({ host, port }) => `"${host}:${port}"`).join(', ');
    const text =
      first === undefined
        ? 'interfaces: []\n'
        : `interfaces:\n  - name: ${name}\n    port: ${first.port}\n    endpoints: [${endpoints}]\n` +
          (first.version === undefined ? '' : `    version: "${first.version}"\n`) +
          (first.group === undefined ? '' : `    group: ${first.group}\n`);
    await this.text(map, text);
  }

  async text(map: string, text: string): Promise<void> {
    const path = `/api/v1/namespaces/${this.#namespace}/configmaps/${map}?fieldManager=test&force=true`;
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: map, labels: { 'rpcdns.io/registry': 'true' } },
      data: { 'interfaces.yaml': text },
    };
    await this.#kube.must('PATCH', path, body, { contentType: 'application/apply-patch+yaml' });
  }
}

let namespaces = 0;
watcherContract(
  'kubernetes',
  async () => {
    const kube = await cluster();
    const namespace = `contract-${++namespaces}`;
    await kube.createNamespace(namespace);
    const maps = new ConfigMaps(kube, namespace);
    const cleanups: (() => unknown)[] = [];
    const proxy = await startFlakyProxy({ after: (clean) => cleanups.push(clean) }, kube);
    return {
      create: (sink) => new KubernetesWatcher(optionsOf(kube, [namespace], proxy.port), sink),
      put: (entry) => maps.put(entry),
      remove: (entry) => maps.remove(entry),
      putGarbage: () => maps.text('garbage', 'interfaces: 5\n'),
      breakRegistry: () => proxy.refuse(),
      repairRegistry: () => proxy.pass(),
      teardown: async () => {
        for (const clean of cleanups) await clean();
      },
    };
  },
  { skip },
);
