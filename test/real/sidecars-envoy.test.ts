/** A real Envoy with the bootstrap that `rpc-dns envoy` prints: a VIP leads to its providers, in each form of interception. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bridgePorts } from '../support/bridge.ts';
import { skipWithoutNamespaces } from '../support/netns.ts';
import { until } from '../support/process.ts';
import { type EnvoyVersion, provision, skipWithout } from '../support/provision.ts';
import { type Provided, SidecarWorld } from '../support/sidecar-world.ts';
import { connectZkTool } from '../support/zk-tool.ts';
import { startZooKeeper } from '../support/zookeeper.ts';

const skip = skipWithoutNamespaces() || skipWithout('tools', 'envoy');

const USER = (...endpoints: readonly string[]): Provided => ({ name: 'com.foo.User', endpoints });
const ORDER: Provided = { name: 'com.foo.Order', endpoints: ['127.0.0.1:7002'] };

interface Form {
  readonly what: string;
  readonly flags: readonly string[];
  readonly version?: EnvoyVersion;
  readonly isByIptables?: boolean;
  /** whether a route to the VIPs has to be made: where nothing leads to them no packet is sent */
  readonly needsRoute?: boolean;
}

const FORMS: readonly Form[] = [
  { what: 'redirect by nft', flags: ['--listen', 'redirect:15001'], needsRoute: true },
  {
    what: 'redirect by iptables',
    flags: ['--listen', 'redirect:15001'],
    isByIptables: true,
    needsRoute: true,
  },
  { what: 'TPROXY by nft', flags: ['--listen', 'tproxy:15001'] },
  { what: 'fixed ports', flags: ['--listen', 'ports:20880,50051'] },
  { what: 'fixed ports, Envoy 1.36', flags: ['--listen', 'ports:20880,50051'], version: '1.36.2' },
];

suite('a VIP leads to its providers', { skip }, () => {
  for (const { what, flags, version, isByIptables = false, needsRoute = false } of FORMS) {
    test(what, async (t) => {
      await provision(['tools', 'envoy']);
      const world = await SidecarWorld.open(t, [USER('127.0.0.1:7001'), ORDER]);
      await Promise.all([
        world.startProvider('127.0.0.1:7001', 'user-1'),
        world.startProvider('127.0.0.1:7002', 'order-1'),
        world.startProvider('127.0.0.1:7003', 'user-2'),
      ]);
      if (needsRoute) await world.sh(['ip route replace local 247.0.0.0/8 dev lo']);
      await world.startEnvoy(flags, version, isByIptables);
      const { caller } = world;
      const [user, order] = [await world.vipOf('com.foo.User'), await world.vipOf('com.foo.Order')];
      const first = await caller.call(user, 20880);
      assert.equal(first.name, 'user-1', first.error);
      assert.equal((await caller.call(order, 20880)).name, 'order-1');
      // what nobody has is closed, the first time and later, without waiting
      for (const port of [20880, 50051]) {
        const unknown = await caller.call('247.9.9.9', port);
        assert.deepEqual([unknown.name, unknown.error === ''], ['', false]);
      }
      const again = await caller.call('247.9.9.9', 20880);
      assert.ok(again.ms < 500, `closed after ${again.ms} ms`);
      const old = await caller.keep(user, 20880);
      assert.equal(old.met.name, 'user-1');
      // the registry's word is followed
      world.provide([USER('127.0.0.1:7003'), ORDER]);
      await until('the other provider', async () => (await caller.call(user, 20880)).name === 'user-2');
      world.provide([USER(), ORDER]);
      await until('nobody', async () => (await caller.call(user, 20880)).name === '');
      assert.ok(await old.isAlive(), 'what stands lives on when its provider is not named any more');
      world.provide([USER('127.0.0.1:7001', '127.0.0.1:7003'), ORDER]);
      await until('both', async () => (await caller.call(user, 20880)).name !== '');
      const { stdout } = await world.site.cli('sidecars', '-c', 'rpc-dns.yaml');
      assert.match(
        stdout,
        new RegExp(`^sidecar at 127\\.0\\.0\\.1:\\d+\\n {2}since .*\\n {2}asked for .*${user}:20880`),
        stdout,
      );
      assert.doesNotMatch(stdout, /refused/);
    });
  }
});

test('rpc-dns is away, and comes back: known VIPs never notice, new ones wait for it', {
  skip,
}, async (t) => {
  const world = await SidecarWorld.open(t, [USER('127.0.0.1:7001'), ORDER]);
  await world.startProvider('127.0.0.1:7001', 'user-1');
  await world.startProvider('127.0.0.1:7002', 'order-1');
  await world.startEnvoy(['--listen', 'ports:20880']);
  const { caller } = world;
  const [user, order] = [await world.vipOf('com.foo.User'), await world.vipOf('com.foo.Order')];
  assert.equal((await caller.call(user, 20880)).name, 'user-1');
  await world.server.kill();
  for (let i = 0; i < 20; i++) assert.equal((await caller.call(user, 20880)).name, 'user-1');
  assert.equal((await caller.call(order, 20880)).name, '', 'nobody knows it yet');
  await world.restartServer();
  const back = performance.now();
  await until(
    'the VIP that was dialled meanwhile',
    async () => (await caller.call(order, 20880)).name === 'order-1',
  );
  assert.ok(performance.now() - back < 4_000);
  const told = async () =>
    JSON.parse((await world.site.cli('sidecars', '-c', 'rpc-dns.yaml', '--json')).stdout);
  const [sidecar] = (await told()) as { pushes: number; vips: string[] }[];
  assert.deepEqual(sidecar?.vips, [`vip|${order}:20880`, `vip|${user}:20880`].sort());
  assert.ok((sidecar?.pushes ?? 9) <= 2, `${sidecar?.pushes} pushes: what Envoy had is not sent again`);

  world.server.signal('SIGSTOP');
  for (let i = 0; i < 20; i++) assert.equal((await caller.call(user, 20880)).name, 'user-1');
  await sleep(1_000);
  world.server.signal('SIGCONT');
  assert.equal((await caller.call(order, 20880)).name, 'order-1');
});

test('an interface that comes to be is there, though it was dialled before', { skip }, async (t) => {
  const world = await SidecarWorld.open(t, [{ ...ORDER, port: 20880 }]);
  await world.startProvider('127.0.0.1:7001', 'user-1');
  await world.startEnvoy(['--listen', 'ports:20880']);
  const { caller } = world;
  const pinned = { ...USER('127.0.0.1:7001'), vip: '247.1.2.3' };
  assert.equal((await caller.call('247.1.2.3', 20880)).name, '');
  world.provide([ORDER, pinned]);
  await until('it is there', async () => (await caller.call('247.1.2.3', 20880)).name === 'user-1');
});

test('weights that a registry says: who is to get no calls gets none, though most are such; others by their share', {
  skip: skip || skipWithout('java', 'zookeeper'),
}, async (t) => {
  await provision(['tools', 'envoy', 'java', 'zookeeper']);
  let address = '';
  const world = await SidecarWorld.open(t, [], {
    registries: async (launch) => {
      const server = await startZooKeeper({ launch });
      t.after(() => server.remove());
      address = server.address;
      return `[{ kind: zookeeper, servers: "${address}", forgetAfter: 0s, distrustFor: 0s }]`;
    },
  });
  await bridgePorts(t, world.namespace, { inside: [Number(address.split(':')[1])] });
  const zk = await connectZkTool(address);
  t.after(() => zk.close());
  const register = (port: number, weight: number) => {
    const url = `dubbo://127.0.0.1:${port}/com.foo.User?side=provider&weight=${weight}`;
    return zk.create(`/dubbo/com.foo.User/providers/${encodeURIComponent(url)}`);
  };
  for (const [port, weight] of [
    [7001, 100],
    [7002, 0],
    [7003, 0],
  ] as const) {
    await world.startProvider(`127.0.0.1:${port}`, `weight-${weight}`);
    await register(port, weight);
  }
  await world.sh(['ip route replace local 247.0.0.0/8 dev lo']);
  await world.startEnvoy(['--listen', 'redirect:15001']);
  await until('it has a VIP', async () => (await world.vipOf('com.foo.User').catch(() => '')) !== '');
  const user = await world.vipOf('com.foo.User');
  const metBy = async (calls: number) => {
    const met = new Map<string, number>();
    for (let i = 0; i < calls; i++) {
      const { name } = await world.caller.call(user, 7001);
      met.set(name, (met.get(name) ?? 0) + 1);
    }
    return met;
  };
  await until('all three are told', async () => {
    const { stdout } = await world.site.cli('lookup', 'com.foo.User', '-c', 'rpc-dns.yaml');
    return stdout.split('weight 0').length === 3;
  });
  assert.equal((await metBy(1)).size, 1);
  assert.deepEqual([...(await metBy(60))], [['weight-100', 60]]);
  await world.startProvider('127.0.0.1:7004', 'weight-300');
  await register(7004, 300);
  await until('the fourth is met', async () => (await metBy(8)).has('weight-300'));
  const met = await metBy(80);
  assert.deepEqual([...met.keys()].sort(), ['weight-100', 'weight-300']);
  const share = (met.get('weight-300') ?? 0) / 80;
  assert.ok(share > 0.6 && share < 0.9, `${share} of calls for 300 of 400`);
});

test('two zones: a sidecar reaches its own, the other one when that has died, and its own again', {
  skip,
}, async (t) => {
  const [own, other] = ['10.1.0.1:7001', '10.2.0.1:7001'];
  const world = await SidecarWorld.open(t, [USER(own, other)], {
    config:
      'localities: [{ region: hz, zone: z1, cidrs: [10.1.0.0/16] }, { region: hz, zone: z2, cidrs: [10.2.0.0/16] }]\n',
  });
  for (const address of ['10.1.0.1', '10.2.0.1']) await world.namespace.addAddress(address);
  await world.startProvider(own, 'z1');
  await world.startProvider(other, 'z2');
  await world.startEnvoy(['--listen', 'ports:20880', '--zone', 'hz/z1']);
  const { caller } = world;
  const user = await world.vipOf('com.foo.User');
  const met = async () => {
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) names.add((await caller.call(user, 20880)).name);
    return [...names].sort().join(' ');
  };
  assert.equal(await met(), 'z1');
  world.provide([USER(other)]);
  await until('the other zone', async () => (await caller.call(user, 20880)).name === 'z2');
  assert.equal(await met(), 'z2');
  world.provide([USER(own, other)]);
  await until('its own again', async () => (await caller.call(user, 20880)).name === 'z1');
  assert.equal(await met(), 'z1');
});

test('an Envoy by state of the world has the interfaces that its metadata names, and no other', {
  skip,
}, async (t) => {
  const world = await SidecarWorld.open(t, [USER('127.0.0.1:7001'), ORDER]);
  await world.startProvider('127.0.0.1:7001', 'user-1');
  await world.startProvider('127.0.0.1:7002', 'order-1');
  await world.startProvider('127.0.0.1:7003', 'user-2');
  await world.sh(['ip route replace local 247.0.0.0/8 dev lo']);
  const ads = '{ ads: {}, resource_api_version: V3 }';
  await world.runEnvoy(`# port_value: 20880
node: { id: whole, cluster: test, metadata: { "rpcdns.io/interfaces": [com.foo.User] } }
dynamic_resources:
  ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [ { envoy_grpc: { cluster_name: rpc-dns } } ] }
  cds_config: ${ads}
  lds_config: ${ads}
static_resources:
  clusters:
    - name: rpc-dns
      type: STATIC
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
      load_assignment:
        cluster_name: rpc-dns
        endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 15010 } } } } ] } ]
`);
  const { caller } = world;
  const [user, order] = [await world.vipOf('com.foo.User'), await world.vipOf('com.foo.Order')];
  assert.equal((await caller.call(user, 20880)).name, 'user-1');
  assert.equal((await caller.call(order, 20880)).name, '');
  world.provide([USER('127.0.0.1:7003'), ORDER]);
  await until('the other provider', async () => (await caller.call(user, 20880)).name === 'user-2');
  const { stdout } = await world.site.cli('sidecars', '-c', 'rpc-dns.yaml');
  assert.match(
    stdout,
    /^whole at .*\n {2}since .*, state of the world, .*\n {2}asked for {3}com\.foo\.User$/m,
  );
  assert.doesNotMatch(stdout, /refused/);
});
