/** A real istiod that takes its ServiceEntries from rpc-dns (MCP over xDS), and a plain Envoy that takes its own from that istiod. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bridgePorts } from '../support/bridge.ts';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { startGreeter } from '../support/greeter.ts';
import { defineIstio, podBootstrap, startIstiod, withoutMutualTls } from '../support/istiod.ts';
import { createNamespace, skipWithoutNamespaces } from '../support/netns.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { createSite, startOn } from '../support/server.ts';
import { SidecarMachine } from '../support/sidecar-world.ts';

const skip = skipWithout('etcd', 'kubernetes', 'istiod');
const shared = sharedCluster();
let prepared: Promise<Cluster> | undefined;

/** A cluster that knows Istio's kinds. */
function cluster(): Promise<Cluster> {
  const prepare = async () => {
    const kube = await shared();
    await defineIstio(kube);
    await kube.createNamespace('istio-system');
    return kube;
  };
  prepared ??= prepare();
  return prepared;
}

interface Config {
  readonly kind?: string;
  readonly metadata?: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: {
    readonly hosts: string[];
    readonly addresses: string[];
    readonly ports: { number: number; protocol: string; name: string }[];
    readonly endpoints?: { address: string; ports: Record<string, number>; locality?: string }[];
  };
}

const documentOf = (...endpoints: readonly string[]) => `interfaces:
  - { name: com.foo.UserService, port: 20880, vip: 192.0.2.7, endpoints: ${JSON.stringify(endpoints)} }
  - { name: com.foo.Order$Inner, port: 50051, protocol: tri, endpoints: ["10.1.0.9:50052"] }
  - { name: com.foo.NoPort }
`;

test('istiod is ready with it, has each interface, and follows what changes', { skip }, async (t) => {
  const kube = await cluster();
  const port = await freePort();
  const site = await createSite({
    config: `sidecars: { listen: "127.0.0.1:${port}" }
localities: [{ region: hz, zone: z1, cidrs: [10.1.0.0/16] }]
registries: [{ kind: file, path: interfaces.yaml }]
`,
    files: { 'interfaces.yaml': documentOf('10.0.0.1:20880', '10.0.0.2:20999') },
  });
  let server = await startOn(site, t, { until: 'ready' });
  const istiod = await startIstiod(kube, `127.0.0.1:${port}`);
  t.after(() => istiod.child.kill());
  await until('istiod is ready', () => istiod.isReady(), { deadlineMs: 60_000 });
  const entries = async () => {
    const all = (await istiod.debug('configz')) as Config[];
    return all.filter(({ kind, metadata }) => kind === 'ServiceEntry' && metadata?.namespace === 'rpc-dns');
  };
  const entryOf = async (host: string) => (await entries()).find(({ spec }) => spec?.hosts[0] === host)?.spec;
  const USER = 'com.foo.userservice.rpc.cluster.local';
  await until('the entries', async () => (await entries()).length === 2, { deadlineMs: 15_000 });
  const user = await entryOf(USER);
  assert.deepEqual(user?.addresses, ['192.0.2.7']);
  assert.deepEqual(user?.ports, [{ number: 20880, protocol: 'TCP', name: 'dubbo-20880' }]);
  assert.deepEqual(
    user?.endpoints?.map(({ address, ports }) => `${address} ${ports['dubbo-20880']}`),
    ['10.0.0.1 20880', '10.0.0.2 20999'],
  );
  const order = await entryOf('com.foo.order-inner.rpc.cluster.local');
  assert.deepEqual(order?.ports, [{ number: 50051, protocol: 'GRPC', name: 'tri-50051' }]);
  assert.equal(order?.endpoints?.[0]?.locality, 'hz/z1');

  const endpoints = async () => (await entryOf(USER))?.endpoints?.map(({ address }) => address).join(' ');
  site.write('interfaces.yaml', documentOf('10.0.0.3:20880'));
  const written = performance.now();
  await until('the change', async () => (await endpoints()) === '10.0.0.3', { deadlineMs: 5_000 });
  // a file is looked at twice a second
  assert.ok(performance.now() - written < 2_700, `${performance.now() - written} ms`);

  await server.kill();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(await endpoints(), '10.0.0.3', 'it keeps what it had');
  server = await startOn(site, t, { until: 'ready' });
  await until(
    'it is connected again',
    async () => {
      const { stdout } = await server.cli('sidecars', '-c', 'rpc-dns.yaml');
      return stdout.includes('istiod');
    },
    { deadlineMs: 30_000 },
  );
  assert.equal(await endpoints(), '10.0.0.3');
  site.write('interfaces.yaml', documentOf('10.0.0.4:20880'));
  await until('and followed again', async () => (await endpoints()) === '10.0.0.4', { deadlineMs: 10_000 });
  assert.match((await server.http('/metrics')).text, /rpcdns_sidecar_istio_left_out 1/);
  await server.stop();
});

test('an Envoy that is configured by istiod leads a VIP to its providers, and follows them', {
  skip: skip || skipWithoutNamespaces() || skipWithout('tools', 'envoy'),
}, async (t) => {
  const kube = await cluster();
  await withoutMutualTls(kube);
  const port = await freePort();
  const providedBy = (endpoint: string) => `interfaces:
  - { name: com.foo.UserService, port: 20880, vip: 192.0.2.7, endpoints: ["${endpoint}"] }
  - { name: com.foo.Order, port: 20880, vip: 192.0.2.8, endpoints: ["10.0.0.1:7002"] }
  - { name: com.foo.Pay, port: 50051, protocol: tri, vip: 192.0.2.9, endpoints: ["10.0.0.1:7003"] }
`;
  const site = await createSite({
    config: `sidecars: { listen: "127.0.0.1:${port}" }
registries: [{ kind: file, path: interfaces.yaml }]
`,
    files: { 'interfaces.yaml': providedBy('10.0.0.1:7001') },
  });
  await startOn(site, t, { until: 'ready' });
  const istiod = await startIstiod(kube, `127.0.0.1:${port}`);
  t.after(() => istiod.child.kill());
  await until('istiod is ready', () => istiod.isReady(), { deadlineMs: 60_000 });
  const namespace = await createNamespace();
  t.after(() => namespace.remove());
  await bridgePorts(t, namespace, { outside: [istiod.grpcPort] });
  await namespace.addAddress('10.0.0.1');
  for (const [i, name] of ['user-1', 'order', 'pay', 'user-2'].entries()) {
    await startGreeter(namespace.run, `10.0.0.1:${7001 + i}`, name);
  }
  const machine = new SidecarMachine(namespace, site);
  // as istio-init does, for the VIPs alone
  await machine.sh([
    'ip route replace local 192.0.2.0/24 dev lo',
    'nft add table ip istio',
    "nft 'add chain ip istio out { type nat hook output priority -100; }'",
    "nft 'add rule ip istio out ip daddr 192.0.2.0/24 meta l4proto tcp redirect to :15001'",
  ]);
  await machine.runEnvoy(podBootstrap(istiod.grpcPort));
  const { caller } = machine;
  const calls = async (vip: string) => (await caller.call(vip, 20880)).name;
  assert.equal(await calls('192.0.2.7'), 'user-1');
  assert.equal(await calls('192.0.2.8'), 'order');
  const kept = await caller.keep('192.0.2.7', 20880);
  site.write('interfaces.yaml', providedBy('10.0.0.1:7004'));
  const took = await until('the other provider', async () => (await calls('192.0.2.7')) === 'user-2');
  assert.equal(await calls('192.0.2.8'), 'order');
  assert.ok(await kept.isAlive(), 'what stands lives on');
  console.log(`# followed ${took.toFixed(0)} ms after a file was written, which is looked at twice a second`);
  // it took every listener and cluster, those of HTTP too
  assert.deepEqual(istiod.child.output().match(/^.*ACK ERROR.*$/gm), null);
});
