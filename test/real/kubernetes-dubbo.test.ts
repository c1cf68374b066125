/**
 * A real Dubbo consumer in the position of a pod calls `dubbo://com.foo.UserService:20880`, and reaches the provider
 * behind the ClusterIP of its Service. The provider is registered in a real ZooKeeper alone: no custom resource and no
 * annotation names it, and neither application knows of rpc-dns. A forwarder does what kube-proxy would.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { candidates, searchList } from '../../src/corefile/pod-lookup.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import type { CoreDns } from '../support/coredns.ts';
import { callConsumer, type Provider, startProvider } from '../support/dubbo.ts';
import { type Forwarder, startForwarder } from '../support/forwarder.ts';
import type { ServicePort } from '../support/kube-objects.ts';
import { skipWithoutNamespaces } from '../support/netns.ts';
import { inPod } from '../support/pod.ts';
import { createPodNetwork, type PodNetwork } from '../support/pod-network.ts';
import { runToEnd, until } from '../support/process.ts';
import { type Part, provision, skipWithout } from '../support/provision.ts';
import { type Cleanup, createSite, type Server, startOn } from '../support/server.ts';
import { startZooKeeper, type ZooKeeper } from '../support/zookeeper.ts';

const Z = 'rpc.cluster.local';
const RPC_DNS = '10.96.0.53';
const NODE_DOMAIN = 'node.example.internal';
const LIST = searchList('default', 'cluster.local', [NODE_DOMAIN]);
/** Where the pod listens, as it registers itself, and the port of the Service in front of it. */
const POD = '10.244.1.7';
const POD_PORT = 20990;
const SERVICE_PORT = 20880;
const USER = 'com.foo.UserService';
const INNER = 'com.foo.OrderService$Inner';

interface World {
  readonly kube: Cluster;
  readonly network: PodNetwork;
  readonly coredns: CoreDns;
  readonly server: Server;
  readonly zookeeper: ZooKeeper;
  readonly provider: Provider;
  readonly forwarder: Forwarder;
  readonly clusterIP: string;
}

const PARTS: readonly Part[] = ['tools', 'java', 'zookeeper', 'dubbo', 'etcd', 'kubernetes', 'coredns'];

suite('Dubbo behind a ClusterIP', { skip: skipWithoutNamespaces() || skipWithout(...PARTS) }, () => {
  let world: World;
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    await provision(PARTS);
    world = await createWorld({ after: (clean) => cleanups.push(clean) });
  });
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  const dig = async (...args: readonly string[]): Promise<string[]> => {
    const { stdout } = await runToEnd('dig', ['+short', '@127.0.0.1', ...args], {
      launch: world.network.pods.run,
    });
    return stdout.trim().split('\n');
  };

  test('the provider in ZooKeeper is joined with its Service', async () => {
    const { server, clusterIP } = world;
    const { stdout } = await server.cli('lookup', USER);
    assert.match(stdout, /^ {2}registered in +zookeeper:/m);
    assert.ok(
      stdout.includes(`  VIP              ${clusterIP} (joined with Service trade/user-center)\n`),
      stdout,
    );
    assert.ok(stdout.includes(`  endpoints        dubbo://${POD}:${POD_PORT}\n`), stdout);
  });

  test('an unmodified consumer calls its bare name, and the ClusterIP is what it connects to', async () => {
    const { network, coredns, forwarder, clusterIP } = world;
    const leaks = leaksFrom(network);
    const from = addressQuestions(coredns).length;
    const calls = [
      { host: USER, interface: USER },
      { host: `ver-1-0-0.grp-gray.${USER}`, interface: USER, version: '1.0.0', group: 'gray' },
      { host: 'com.foo.OrderService-Inner', interface: INNER },
    ];
    const launch = inPod({ nameserver: '127.0.0.1', within: network.pods, search: LIST });
    for (const { host, ...call } of calls) {
      const before = forwarder.called().length;
      const called = await callConsumer({ url: `dubbo://${host}:${SERVICE_PORT}`, launch, ...call });
      assert.ok(called.ok, called.ok ? '' : called.error);
      const { version = '-', group = '-' } = call;
      const answer = `hello world from ${call.interface} version ${version} group ${group} port ${POD_PORT}`;
      assert.equal(called.answer, answer);
      assert.deepEqual([...new Set(forwarder.called().slice(before))], [clusterIP]);
      console.log(`# dubbo://${host}:${SERVICE_PORT} → ${clusterIP} → '${called.answer}'`);
    }
    // one for A and one for AAAA of each name, however often a consumer asks
    const asked = () => new Set(addressQuestions(coredns).slice(from));
    const wanted = calls.flatMap(({ host }) => {
      const [first = ''] = candidates(host, LIST);
      return [`${first.toLowerCase()}. A`, `${first.toLowerCase()}. AAAA`];
    });
    await until('all is logged', () => asked().size >= wanted.length);
    assert.deepEqual([...asked()].sort(), wanted.sort());
    assert.deepEqual(leaks(), []);
  });

  test('SRV gives the port of the Service, whether its target is a number or a name', async () => {
    const { kube } = world;
    const target = `UserService.foo.com.svc.${Z}.`;
    const srv = `_dubbo._tcp.UserService.foo.com.svc.${Z}`;
    assert.deepEqual(await dig(srv, 'SRV'), [`0 0 ${SERVICE_PORT} ${target}`]);
    const own = await dig(`_endpoints.${target}`, 'SRV');
    assert.deepEqual(own, [`0 0 ${POD_PORT} 10-244-1-7._endpoints.${target}`]);
    // another port, which leads to the one that the containers call `rpc`
    const ports = [{ name: 'dubbo', port: 2088, targetPort: 'rpc' }];
    await kube.patch('services', 'trade', 'user-center', { spec: { ports } });
    await until('the port of the Service', async () => (await askRpcDns(srv)) === `0 0 2088 ${target}`);
  });

  test('when the provider goes its name stays', async () => {
    const { provider, clusterIP } = world;
    provider.child.signal('SIGTERM');
    const endpoints = `_endpoints.UserService.foo.com.svc.${Z}`;
    await until('no endpoint', async () => (await askRpcDns(endpoints, 'A')) === '');
    assert.equal(await askRpcDns(`UserService.foo.com.svc.${Z}`, 'A'), clusterIP);
  });

  /** Past the cache of CoreDNS. */
  async function askRpcDns(name: string, type = 'SRV'): Promise<string> {
    const args = ['+short', `@${RPC_DNS}`, name, type];
    return (await runToEnd('dig', args, { launch: world.network.pods.run })).stdout.trim();
  }
});

async function createWorld(test: Cleanup): Promise<World> {
  const [kube, zookeeper] = await Promise.all([startCluster(test), startZooKeeper()]);
  test.after(() => zookeeper.remove());
  const network = await createPodNetwork(test, RPC_DNS, [kube.port, zookeeper.port]);
  const { pods, services } = network;
  await pods.addLocalRange('10.244.0.0/16');

  for (const name of ['rpc-dns', 'trade']) await kube.createNamespace(name);
  const dns: readonly ServicePort[] = [{ name: 'dns', port: 53, protocol: 'UDP' }];
  await kube.createService('rpc-dns', 'rpc-dns', { clusterIP: RPC_DNS, ports: dns });
  const ports = [{ name: 'dubbo', port: SERVICE_PORT, targetPort: POD_PORT }];
  const { clusterIP } = await kube.createService('trade', 'user-center', { ports });
  await kube.createPod('trade', 'user-center-0', { ip: POD });
  const endpoints = [{ address: POD, pod: 'user-center-0' }];
  await kube.createSlice('trade', 'user-center', endpoints, [{ name: 'dubbo', port: POD_PORT }]);
  await pods.addLocalRange(`${clusterIP}/32`);

  const kubeconfig = kube.kubeconfig();
  const config = `
listen: { dns: ["${RPC_DNS}:53"], http: null }
registries:
  - { kind: zookeeper, servers: "${zookeeper.address}" }
  - { kind: kubernetes, kubeconfig: "${kubeconfig}", podCIDRs: ["10.244.0.0/16"] }
`;
  const site = await createSite({ config });
  const [provider, forwarder, server] = await Promise.all([
    startProvider({
      zookeeper: zookeeper.address,
      host: POD,
      port: POD_PORT,
      interfaces: [USER, `${USER}:1.0.0:gray`, INNER],
      launch: pods.run,
    }),
    startForwarder({ port: SERVICE_PORT, target: `${POD}:${POD_PORT}`, launch: pods.run }),
    startOn(site, test, { launch: services.run }),
  ]);
  await server.logged(/"msg":"ready"/);
  const { stdout } = await site.cli('corefile', '--search', NODE_DOMAIN, '--packages', 'com.foo');
  const coredns = await network.startPrinted(test, stdout, kubeconfig);
  return { kube, network, coredns, server, zookeeper, provider, forwarder, clusterIP };
}

function addressQuestions(coredns: CoreDns): string[] {
  const asked = coredns.log().filter(({ type }) => type === 'A' || type === 'AAAA');
  return asked.map(({ name, type }) => `${name} ${type}`);
}

/** @returns what the upstream is asked from now on, but for CoreDNS's probe for loops */
function leaksFrom({ upstream }: PodNetwork): () => readonly string[] {
  const before = upstream.queries().length;
  return () =>
    upstream
      .queries()
      .slice(before)
      .filter((query) => !/ TYPE13 /.test(query));
}
