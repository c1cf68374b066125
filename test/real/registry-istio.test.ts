/** The Istio watcher against a real API server with Istio's kinds: the contract, WorkloadEntries, and a whole server. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WATCHED_KINDS_DEFAULTS } from '../../src/kubernetes/watched-kinds.ts';
import { IstioWatcher } from '../../src/registry/istio/watcher.ts';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { startFlakyProxy } from '../support/flaky-proxy.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { createSite, startOn } from '../support/server.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const skip = skipWithout('etcd', 'kubernetes');
const shared = sharedCluster();
const GROUP = 'networking.istio.io';
const DUBBO = { number: 20880, name: 'tcp-metaprotocol-dubbo', protocol: 'TCP' };

let defined: Promise<void> | undefined;

/** Definitions with Istio's group, versions and names; what stands in the objects is not checked. */
async function define(kube: Cluster): Promise<void> {
  for (const [kind, plural] of [
    ['ServiceEntry', 'serviceentries'],
    ['WorkloadEntry', 'workloadentries'],
  ] as const) {
    const name = `${plural}.${GROUP}`;
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const body = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec: {
        group: GROUP,
        scope: 'Namespaced',
        names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
        versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }],
      },
    };
    await kube.api('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body);
    const path = `/apis/${GROUP}/v1/${plural}`;
    await until(`${plural} are served`, async () => (await kube.api('GET', path)).status === 200, {
      deadlineMs: 20_000,
    });
  }
}

async function cluster(): Promise<Cluster> {
  const kube = await shared();
  defined ??= define(kube);
  await defined;
  return kube;
}

let namespaces = 0;

async function newNamespace(kube: Cluster): Promise<string> {
  const namespace = `istio-${++namespaces}`;
  await kube.createNamespace(namespace);
  return namespace;
}

const QUICK = { ...WATCHED_KINDS_DEFAULTS, probeIntervalMs: 1_000, probeDeadlineMs: 1_000, graceMs: 300 };

async function apply(
  kube: Cluster,
  plural: string,
  namespace: string,
  name: string,
  body: object,
): Promise<void> {
  const kind = plural === 'serviceentries' ? 'ServiceEntry' : 'WorkloadEntry';
  const path = `/apis/${GROUP}/v1/namespaces/${namespace}/${plural}/${name}?fieldManager=test&force=true`;
  const object = { apiVersion: `${GROUP}/v1`, kind, ...body };
  await kube.must('PATCH', path, object, { contentType: 'application/apply-patch+yaml' });
}

const remove = (kube: Cluster, plural: string, namespace: string, name: string) =>
  kube.api('DELETE', `/apis/${GROUP}/v1/namespaces/${namespace}/${plural}/${name}`);

watcherContract(
  'istio',
  async () => {
    const kube = await cluster();
    const namespace = await newNamespace(kube);
    const cleanups: (() => unknown)[] = [];
    const proxy = await startFlakyProxy({ after: (clean) => cleanups.push(clean) }, kube);
    const entries = new Map<string, ContractEntry[]>();
    const write = async (name: string) => {
      const endpoints = (entries.get(name) ?? []).map(({ host, version, group }) => ({
        address: host,
        labels: { ...(version === undefined ? {} : { version }), ...(group === undefined ? {} : { group }) },
      }));
      const port = entries.get(name)?.[0]?.port ?? 1;
      const object = name.toLowerCase().replaceAll('.', '-');
      if (endpoints.length === 0) await remove(kube, 'serviceentries', namespace, object);
      else
        await apply(kube, 'serviceentries', namespace, object, {
          metadata: { name: object, annotations: { interface: name } },
          spec: { hosts: [name.toLowerCase()], ports: [{ ...DUBBO, number: port }], endpoints },
        });
    };
    return {
      create: (sink) => {
        const kubeconfig = kube.kubeconfig(undefined, { port: proxy.port });
        return new IstioWatcher(
          { ...QUICK, id: 'istio', kubeconfig, context: undefined, namespaces: [namespace] },
          sink,
        );
      },
      put: async (entry) => {
        entries.set(entry.interface, [...(entries.get(entry.interface) ?? []), entry]);
        await write(entry.interface);
      },
      remove: async ({ interface: name, host }) => {
        entries.set(
          name,
          (entries.get(name) ?? []).filter((one) => one.host !== host),
        );
        await write(name);
      },
      putGarbage: () =>
        apply(kube, 'serviceentries', namespace, 'garbage', {
          metadata: { name: 'garbage' },
          spec: { hosts: 7 },
        }),
      breakRegistry: () => proxy.refuse(),
      repairRegistry: () => proxy.pass(),
      teardown: async () => {
        for (const clean of cleanups) await clean();
      },
    };
  },
  { skip },
);

describe('WorkloadEntries', { skip }, () => {
  it('are endpoints of the entries of their namespace that select them', async (t) => {
    const kube = await cluster();
    const [namespace, other] = [await newNamespace(kube), await newNamespace(kube)];
    const sink = new RecordingSink();
    const kubeconfig = kube.kubeconfig();
    const watcher = new IstioWatcher(
      { ...QUICK, id: 'istio', kubeconfig, context: undefined, namespaces: [namespace, other] },
      sink,
    );
    t.after(() => watcher.stop());
    await apply(kube, 'serviceentries', namespace, 'user', {
      metadata: { name: 'user' },
      spec: { hosts: ['com.foo.user'], ports: [DUBBO], workloadSelector: { labels: { app: 'user' } } },
    });
    watcher.start();
    await until('live', () => sink.kind === 'live');
    const endpoints = (expected: string) =>
      until(expected || 'none', () => sink.endpoints('com.foo.user').join(' ') === expected);
    const workload = (address: string, app: string) => ({
      metadata: { name: 'one' },
      spec: { address, labels: { app } },
    });
    await apply(kube, 'workloadentries', namespace, 'one', workload('10.0.0.1', 'user'));
    await endpoints('10.0.0.1:20880');
    await apply(kube, 'workloadentries', other, 'one', workload('10.0.0.2', 'user'));
    await apply(kube, 'workloadentries', namespace, 'one', workload('10.0.0.3', 'user'));
    await endpoints('10.0.0.3:20880');
    await apply(kube, 'workloadentries', namespace, 'one', workload('10.0.0.3', 'shop'));
    await endpoints('');
    await apply(kube, 'workloadentries', namespace, 'one', workload('10.0.0.3', 'user'));
    await endpoints('10.0.0.3:20880');
    await remove(kube, 'workloadentries', namespace, 'one');
    await endpoints('');
  });
});

describe('a whole server', { skip }, () => {
  it('answers with the VIP of the entry, within 0.3 s', async (t) => {
    const kube = await cluster();
    const namespace = await newNamespace(kube);
    const site = await createSite({
      config: `registries: [{ kind: istio, kubeconfig: ${JSON.stringify(kube.kubeconfig())}, namespaces: [${namespace}] }]\n`,
    });
    const server = await startOn(site, t, { until: 'ready' });
    await apply(kube, 'serviceentries', namespace, 'user', {
      metadata: { name: 'user', annotations: { interface: 'com.foo.UserService' } },
      spec: {
        hosts: ['com.foo.userservice'],
        addresses: ['192.0.2.77'],
        ports: [DUBBO],
        endpoints: [{ address: '10.0.0.1' }],
      },
    });
    const written = performance.now();
    await until(
      'the answer',
      async () => {
        const { answer } = await server.query('com.foo.UserService.rpc.cluster.local. A');
        return answer.some((line) => line.endsWith(' A 192.0.2.77'));
      },
      { everyMs: 5 },
    );
    assert.ok(performance.now() - written < 300);
    const { answer } = await server.query('_dubbo._tcp.com.foo.UserService.rpc.cluster.local. SRV');
    assert.ok(answer.some((line) => / SRV 0 0 20880 /.test(line)));
    await server.stop();
  });
});
