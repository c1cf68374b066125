/**
 * The join (contract 1.3), rule by rule: interfaces that are registered in a real ZooKeeper alone, as Dubbo does it, are
 * answered with the ClusterIP of the Service whose EndpointSlices in a real API server list their endpoints. The cluster
 * has no custom resources: the join needs none.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VipJson } from '../../src/api/control.ts';
import type { LookupResult } from '../../src/api/look-up.ts';
import { askControl } from '../../src/cli/control-client.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { type FlakyProxy, startFlakyProxy } from '../support/flaky-proxy.ts';
import type { ServicePort, ServiceSpec } from '../support/kube-objects.ts';
import { until } from '../support/process.ts';
import { type Part, provision, skipWithout } from '../support/provision.ts';
import { type Reply, type Server, startOn, startServer } from '../support/server.ts';
import { connectZkTool, type ZkTool } from '../support/zk-tool.ts';
import { startZooKeeper } from '../support/zookeeper.ts';

const Z = 'rpc.cluster.local.';
const POD_CIDR = '10.244.0.0/16';
const DUBBO: readonly ServicePort[] = [{ name: 'dubbo', port: 20880 }];
const SERVFAIL = 2;
const NXDOMAIN = 3;
/** The extended error of RFC 8914. */
const NOT_READY = 14;
/** Contract: an endpoint waits so long for its slice. */
const SLICE_WAIT_MS = 2_000;

interface World {
  readonly kube: Cluster;
  readonly proxy: FlakyProxy;
  readonly registry: ZkTool;
  readonly config: string;
  server: Server;
}

const PARTS: readonly Part[] = ['java', 'zookeeper', 'etcd', 'kubernetes'];

suite('the join', { skip: skipWithout(...PARTS) }, () => {
  let world: World;
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    await provision(PARTS);
    world = await createWorld({ after: (clean) => cleanups.push(clean) });
  });
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  /** Writes providers as Dubbo does. */
  const register = async (name: string, ...endpoints: readonly string[]): Promise<readonly string[]> =>
    Promise.all(
      endpoints.map((endpoint) => {
        const [host = '', port] = endpoint.split(':');
        return world.registry.registerDubboProvider({ interface: name, host, port: Number(port) });
      }),
    );
  const service = async (name: string, spec: ServiceSpec = {}, metadata = {}) => {
    const { clusterIPs } = await world.kube.createService('trade', name, { ports: DUBBO, ...spec }, metadata);
    return clusterIPs;
  };
  const addresses = (name: string, type: 'A' | 'AAAA' = 'A') => addressesOf(world.server, name, type);
  const joined = (name: string, wanted: readonly string[]) => answered(world.server, name, wanted);

  test('one endpoint in the slice of a Service is enough, and lookup says whose address it is', async () => {
    const clusterIPs = await service('user-center');
    await world.kube.createSlice('trade', 'user-center', ['10.244.1.7'], DUBBO);
    await register('com.foo.UserService', '10.244.1.7:20880', '192.168.3.4:20880');
    await joined('com.foo.UserService', clusterIPs);
    const { stdout } = await world.server.cli('lookup', 'com.foo.UserService');
    assert.match(stdout, new RegExp(`VIP +${clusterIPs[0]} \\(joined with Service trade/user-center\\)`));
    const text = await world.server.query(`UserService.foo.com.svc.${Z} TXT`);
    assert.match(text.answer.join(), /"vip-from=join"/);
    // the ClusterIP's reverse name is CoreDNS's, not ours
    const reverse = clusterIPs[0]?.split('.').reverse().join('.');
    assert.equal((await world.server.query(`${reverse}.in-addr.arpa. PTR`)).rcode, 5);
  });

  test("SRV has the Service's port, numeric target and named target, and _endpoints the registered one", async () => {
    const numeric = await service('numeric', { ports: [{ port: 80, targetPort: 20880 }] });
    await world.kube.createSlice('trade', 'numeric', ['10.244.2.1'], [{ port: 20880 }]);
    const named = await service('named', {
      ports: [
        { name: 'metrics', port: 9090, targetPort: 'metrics' },
        { name: 'rpc', port: 81, targetPort: 'dubbo-port' },
      ],
    });
    const slicePorts = [
      { name: 'metrics', port: 9100 },
      { name: 'rpc', port: 20881 },
    ];
    await world.kube.createSlice('trade', 'named', ['10.244.2.2'], slicePorts);
    await register('com.foo.ports.Numeric', '10.244.2.1:20880');
    await register('com.foo.ports.Named', '10.244.2.2:20881');
    await joined('com.foo.ports.Numeric', numeric);
    await joined('com.foo.ports.Named', named);
    const srv = async (name: string) => {
      const { answer } = await world.server.query(`${name}.ports.foo.com.svc.${Z} SRV`);
      return answer.map((line) => line.split(' ').slice(3).join(' '));
    };
    const target = (name: string) => `${name}.ports.foo.com.svc.${Z}`;
    assert.deepEqual(await srv('_dubbo._tcp.Numeric'), [`0 0 80 ${target('Numeric')}`]);
    assert.deepEqual(await srv('_dubbo._tcp.Named'), [`0 0 81 ${target('Named')}`]);
    assert.deepEqual(await srv('_endpoints.Numeric'), [
      `0 0 20880 10-244-2-1._endpoints.${target('Numeric')}`,
    ]);
    assert.deepEqual(await srv('_endpoints.Named'), [`0 0 20881 10-244-2-2._endpoints.${target('Named')}`]);
  });

  test('two Services on the address of one node are told apart by their ports', async () => {
    const node = '192.168.7.1';
    const first = await service('gateway-a');
    const second = await service('gateway-b', { ports: [{ name: 'dubbo', port: 20881 }] });
    await world.kube.createPod('trade', 'gateway-a-0', { ip: node, hostNetwork: true });
    await world.kube.createPod('trade', 'gateway-b-0', { ip: node, hostNetwork: true });
    await world.kube.createSlice('trade', 'gateway-a', [{ address: node, pod: 'gateway-a-0' }], DUBBO);
    const ports = [{ name: 'dubbo', port: 20881 }];
    await world.kube.createSlice('trade', 'gateway-b', [{ address: node, pod: 'gateway-b-0' }], ports);
    await register('com.foo.node.First', `${node}:20880`);
    await register('com.foo.node.Second', `${node}:20881`);
    await joined('com.foo.node.First', first);
    await joined('com.foo.node.Second', second);
  });

  test('of two Services over the same pods the one that holds more is chosen; the other is told', async () => {
    // by name the canary would be first
    const stable = await service('stable');
    const canary = await service('canary');
    await world.kube.createSlice('trade', 'canary', ['10.244.3.2'], DUBBO);
    await world.kube.createSlice('trade', 'stable', ['10.244.3.1', '10.244.3.2'], DUBBO);
    await register('com.foo.Canary', '10.244.3.1:20880', '10.244.3.2:20880');
    await joined('com.foo.Canary', stable);
    const told =
      'com.foo.Canary is behind Service trade/stable: Service trade/canary holds 1 of the endpoints too';
    const explained = async () => (await lookUp(world.server, 'com.foo.Canary')).interface?.conflicts ?? [];
    await until('lookup lists the loser', async () => (await explained()).includes(told));
    await until('an Event lists the loser', async () => {
      const events = await world.kube.list('events', 'trade');
      return events.some((event) => /com\.foo\.Canary.*Service trade\/canary holds 1/.test(noteOf(event)));
    });

    // the pods go over to the canary: the joined Service stays while it holds one of them
    const [slice] = await slicesOf(world.kube, 'stable');
    const endpoints = [{ addresses: ['10.244.3.1'] }];
    await world.kube.patch('endpointslices', 'trade', slice ?? '', { endpoints });
    await world.kube.createSlice('trade', 'canary', ['10.244.3.1'], DUBBO);
    await until('the canary holds more', async () => {
      return (await explained()).some((text) => text.includes('canary holds 2'));
    });
    assert.deepEqual(await addresses('com.foo.Canary'), stable);
    // none of its endpoints is in it any more, and another Service holds one
    await world.kube.patch('endpointslices', 'trade', slice ?? '', { endpoints: [] });
    await joined('com.foo.Canary', canary);
    // empty slices alone change nothing
    for (const name of await slicesOf(world.kube, 'canary')) {
      await world.kube.patch('endpointslices', 'trade', name, { endpoints: [] });
    }
    await register('com.foo.canary.Barrier', '192.168.3.9:1');
    await until('the barrier', async () => (await addresses('com.foo.canary.Barrier')).length === 1);
    assert.deepEqual(await addresses('com.foo.Canary'), canary);
  });

  test('of equals the one with the registered port is chosen, then the older', async () => {
    const plain = await service('equal-a', { ports: [{ port: 80, targetPort: 20880 }] });
    const sameNumber = await service('equal-b');
    assert.notDeepEqual(plain, sameNumber);
    for (const name of ['equal-a', 'equal-b']) {
      await world.kube.createSlice('trade', name, ['10.244.4.1'], [{ name: 'dubbo', port: 20880 }]);
    }
    await register('com.foo.equal.Port', '10.244.4.1:20880');
    await joined('com.foo.equal.Port', sameNumber);

    // made with the world, and behind the other one in order of names
    const older = (await world.kube.get('services', 'trade', 'z-oldest')).spec?.['clusterIPs'] as string[];
    await service('a-newer');
    for (const name of ['a-newer', 'z-oldest']) {
      await world.kube.createSlice('trade', name, ['10.244.4.2'], DUBBO);
    }
    await register('com.foo.equal.Age', '10.244.4.2:20880');
    await joined('com.foo.equal.Age', older);
  });

  test('endpoints that are not ready, or terminating, belong to their Service as well', async () => {
    const clusterIPs = await service('restarting');
    const states = [
      { address: '10.244.5.1', ready: false },
      { address: '10.244.5.2', ready: false, serving: true, terminating: true },
      { address: '10.244.5.3', ready: false, serving: false, terminating: true },
    ];
    await world.kube.createSlice('trade', 'restarting', states, DUBBO);
    for (const [i, { address }] of states.entries()) {
      await register(`com.foo.restarting.Service${i}`, `${address}:20880`);
    }
    for (const i of states.keys()) await joined(`com.foo.restarting.Service${i}`, clusterIPs);
  });

  test('a slice that comes late: no name, then the ClusterIP, and never an address of the pool', async () => {
    const clusterIPs = await service('late');
    const seen = watchAnswers(world.server, 'com.foo.late.Service');
    await register('com.foo.late.Service', '10.244.6.1:20880');
    await sleep(1_000);
    await world.kube.createSlice('trade', 'late', ['10.244.6.1'], DUBBO);
    await joined('com.foo.late.Service', clusterIPs);
    assert.deepEqual(
      (await seen.stop()).map(({ what }) => what),
      ['NXDOMAIN', clusterIPs.join()],
    );
    assert.deepEqual(await vipsOf(world.server, 'com.foo.late.Service'), []);
  });

  test('a slice that never comes: the pool after 2 s; then it comes: once to the ClusterIP, for good', async () => {
    const name = 'com.foo.never.Service';
    const moves = (await world.server.metric('rpcdns_vip_moves')) ?? Number.NaN;
    const clusterIPs = await service('never');
    // its address is in a slice, though not with this port
    const other = 'com.foo.never.OtherPort';
    const seen = watchAnswers(world.server, name);
    await register(name, '10.244.6.2:20880');
    await register(other, '192.168.7.1:9100');
    await until('the pool serves', async () => (await addresses(name)).length > 0);
    const [before, pooled] = await seen.stop();
    assert.equal(before?.what, 'NXDOMAIN');
    assert.match(pooled?.what ?? '', /^247\./);
    console.log(`# without a slice the pool serves after ${Math.round(pooled?.ms ?? 0)} ms`);
    assert.ok((pooled?.ms ?? 0) >= SLICE_WAIT_MS - 50, `${pooled?.ms} ms`);
    await until('the pool serves the other', async () => /^247\./.test((await addresses(other)).join()));

    const from = world.server.mark();
    await world.kube.createSlice('trade', 'never', ['10.244.6.2'], DUBBO);
    await joined(name, clusterIPs);
    await world.server.logged(/"the VIP moved from the pool to the ClusterIP of a Service"/, from);
    assert.equal(await world.server.metric('rpcdns_vip_moves'), moves + 1);
    await until('an Event tells', async () => {
      const events = await world.kube.list('events', 'trade');
      return events.some((event) => noteOf(event).includes(`${name} is answered with ${clusterIPs}`));
    });
    const [rest] = await vipsOf(world.server, name);
    assert.equal(rest?.address, pooled?.what);
    assert.notEqual(rest?.retiredAt, null, 'the address of the pool is quarantined');

    // it never goes back: not without slices, not without registration, not with another endpoint outside
    for (const slice of await slicesOf(world.kube, 'never')) {
      await world.kube.remove('endpointslices', 'trade', slice);
    }
    await world.registry.remove(`/dubbo/${name}/providers`);
    await register(name, '192.168.3.5:20880');
    await until('the new endpoint is known', async () => {
      const reply = await world.server.query(`_endpoints.Service.never.foo.com.svc.${Z} A`);
      return reply.answer.join().includes('192.168.3.5');
    });
    assert.deepEqual(await addresses(name), clusterIPs);
    assert.equal(await world.server.metric('rpcdns_vip_moves'), moves + 1);
  });

  test('a headless Service has no address to give; one without selector has', async () => {
    await service('headless', { clusterIP: 'None' });
    await world.kube.createSlice('trade', 'headless', ['10.244.7.1', '10.244.7.2'], DUBBO);
    const both = await service('beside-headless');
    await world.kube.createSlice('trade', 'beside-headless', ['10.244.7.2'], DUBBO);
    await register('com.foo.headless.Alone', '10.244.7.1:20880');
    await register('com.foo.headless.Both', '10.244.7.2:20880');
    await until('the pool serves', async () => {
      return /^247\./.test((await addresses('com.foo.headless.Alone')).join());
    });
    await joined('com.foo.headless.Both', both);

    // its slice is written by hand, for machines outside of the cluster
    const outside = await service('outside');
    const labels = { 'endpointslice.kubernetes.io/managed-by': 'staff' };
    await world.kube.createSlice('trade', 'outside', ['172.20.1.1'], [{ port: 20880 }], { labels });
    await register('com.foo.outside.Service', '172.20.1.1:20880');
    await joined('com.foo.outside.Service', outside);
  });

  test('a Service of both families is answered in both, one of a single family in that one', async () => {
    const both = await service('dual', { ipFamilyPolicy: 'RequireDualStack' });
    const ipv6 = await service('six', { ipFamilies: ['IPv6'] });
    await world.kube.createSlice('trade', 'dual', ['10.244.8.1'], DUBBO);
    await world.kube.createSlice('trade', 'six', ['fd00:10:244::8'], DUBBO);
    await register('com.foo.dual.Service', '10.244.8.1:20880');
    await world.registry.registerDubboProvider({
      interface: 'com.foo.dual.Six',
      host: '[fd00:10:244::8]',
      port: 20880,
    });
    const [four = '', six = ''] = both;
    await joined('com.foo.dual.Service', [four]);
    assert.deepEqual(await addresses('com.foo.dual.Service', 'AAAA'), [six]);
    await until('AAAA', async () => (await addresses('com.foo.dual.Six', 'AAAA')).join() === ipv6.join());
    const none = await world.server.query(`com.foo.dual.Six.${Z} A`);
    assert.equal(none.rcode, 0);
    assert.deepEqual(addressesIn(none), []);
  });

  test('rpcdns.io/join: "false" keeps a Service out, until it goes', async () => {
    const annotations = { 'rpcdns.io/join': 'false' };
    const clusterIPs = await service('private', {}, { annotations });
    await world.kube.createSlice('trade', 'private', ['10.244.9.1'], DUBBO);
    await register('com.foo.Private', '10.244.9.1:20880');
    await until('the pool serves', async () => /^247\./.test((await addresses('com.foo.Private')).join()));
    const open = { metadata: { annotations: { 'rpcdns.io/join': null } } };
    await world.kube.patch('services', 'trade', 'private', open);
    await joined('com.foo.Private', clusterIPs);
  });

  test('a Service of a namespace that may not name the interface is not joined', async () => {
    const { kube } = world;
    const { clusterIP } = await kube.createService('play', 'thief', { ports: DUBBO });
    await kube.createSlice('play', 'thief', ['10.244.10.1'], DUBBO);
    await register('com.owned.Secret', '10.244.10.1:20880');
    await until('the pool serves', async () => /^247\./.test((await addresses('com.owned.Secret')).join()));
    const { interface: found } = await lookUp(world.server, 'com.owned.Secret');
    assert.match(found?.conflicts.join() ?? '', /Service play\/thief: .* namespace trade only/);
    const owner = await service('owner');
    await kube.createSlice('trade', 'owner', ['10.244.10.1'], DUBBO);
    await joined('com.owned.Secret', owner);
    assert.notEqual(clusterIP, owner[0]);
  });

  test('of a deleted Service the address leaves at once; a new one of its name is joined anew', async () => {
    const before = await service('deleted');
    await world.kube.createSlice('trade', 'deleted', ['10.244.11.1'], DUBBO);
    await register('com.foo.Deleted', '10.244.11.1:20880');
    await joined('com.foo.Deleted', before);
    await world.kube.remove('services', 'trade', 'deleted');
    const gone = async () => !(await addresses('com.foo.Deleted')).includes(before[0] ?? '');
    const ms = await until('the address is gone', gone, { everyMs: 5 });
    console.log(`# the ClusterIP of a deleted Service is answered no more after ${Math.round(ms)} ms`);
    // what it is answered with meanwhile is not the question; the new Service may have any address
    const again = await service('deleted', { clusterIP: '10.96.200.200' });
    await joined('com.foo.Deleted', again);
  });

  test('restarted while the API server is away: the same answers, until it says what is gone', async () => {
    const { kube, proxy } = world;
    const stays = await service('stays');
    const goes = await service('goes');
    await kube.createSlice('trade', 'stays', ['10.244.12.1'], DUBBO);
    await kube.createSlice('trade', 'goes', ['10.244.12.2'], DUBBO);
    await register('com.foo.restart.Stays', '10.244.12.1:20880');
    await register('com.foo.restart.Goes', '10.244.12.2:20880');
    await joined('com.foo.restart.Stays', stays);
    await joined('com.foo.restart.Goes', goes);

    await world.server.stop();
    await proxy.refuse();
    await kube.remove('services', 'trade', 'goes');
    world.server = await startOn(world.server, { after: (clean) => cleanups.push(clean) });
    // from the first packet on
    assert.deepEqual(await addresses('com.foo.restart.Stays'), stays);
    assert.deepEqual(await addresses('com.foo.restart.Goes'), goes);
    const ready = await world.server.http('/ready');
    assert.equal(ready.status, 200);
    assert.match(ready.text, /stale/);
    // its endpoints come anew from ZooKeeper meanwhile, and change nothing
    await world.server.logged(/"registry":"zookeeper:[^"]*","msg":"registry is live"/);
    assert.deepEqual(await addresses('com.foo.restart.Stays'), stays);

    await proxy.pass();
    await world.server.logged(/"registry":"kubernetes:[^"]*","msg":"registry is live"/);
    await until('the deleted Service is answered no more', async () => {
      return !(await addresses('com.foo.restart.Goes')).includes(goes[0] ?? '');
    });
    assert.deepEqual(await addresses('com.foo.restart.Stays'), stays);
  });

  test('started for the first time while the API server is away: no answer, and none of the pool', async (t) => {
    const { proxy } = world;
    const clusterIPs = await addresses('com.foo.restart.Stays');
    await proxy.refuse();
    const server = await startServer({ config: world.config }, t);
    await server.logged(/"registry":"zookeeper:[^"]*","msg":"registry is live"/);
    await server.logged(/"registry":"kubernetes:[^"]*",.*"msg":"registry is away"/);
    const reply = await server.query(`com.foo.restart.Stays.${Z} A`);
    assert.equal(reply.rcode, SERVFAIL);
    assert.deepEqual(
      reply.errors.map(({ code }) => code),
      [NOT_READY],
    );
    assert.equal((await server.http('/ready')).status, 503);
    await proxy.pass();
    await answered(server, 'com.foo.restart.Stays', clusterIPs);
    assert.deepEqual(await vipsOf(server, 'com.foo.restart.Stays'), []);
  });
});

async function createWorld(test: { after(clean: () => unknown): void }): Promise<World> {
  const [kube, zookeeper] = await Promise.all([startCluster(test, { dualStack: true }), startZooKeeper()]);
  test.after(() => zookeeper.remove());
  const registry = await connectZkTool(zookeeper.address);
  test.after(() => registry.close());
  for (const name of ['rpc-dns', 'trade', 'play']) await kube.createNamespace(name);
  await kube.createService('trade', 'z-oldest', { ports: DUBBO });
  const proxy = await startFlakyProxy(test, kube);
  const kubeconfig = kube.kubeconfig(undefined, { port: proxy.port });
  const config = `
vips: { pools: ["247.0.0.0/8"] }
registries:
  - { kind: zookeeper, servers: "${zookeeper.address}" }
  - { kind: kubernetes, kubeconfig: "${kubeconfig}", podCIDRs: ["${POD_CIDR}"] }
ownership: [{ prefix: com.owned, namespaces: [trade] }]
`;
  const server = await startServer({ config, until: 'ready' }, test);
  await server.logged(/"this replica writes to the cluster"/);
  return { kube, proxy, registry, config, server };
}

function addressesIn({ answer }: Reply): string[] {
  const records = answer.map((line) => line.split(' '));
  return records.flatMap(([, , type, data = '']) => (type === 'A' || type === 'AAAA' ? [data] : []));
}

async function addressesOf(server: Server, name: string, type: 'A' | 'AAAA' = 'A'): Promise<string[]> {
  return addressesIn(await server.query(`${name}.${Z} ${type}`));
}

/** Waits until a name is answered with the IPv4 ClusterIPs; whatever else it was answered with then is told. */
async function answered(server: Server, name: string, wanted: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  await until(`${name} is answered with ${wanted}`, async () => {
    last = await addressesOf(server, name);
    return last.join() === wanted.join();
  }).catch((error: Error) => {
    throw new Error(`${error.message}; it was ${last.join() || 'without address'}`);
  });
}

interface Sight {
  readonly what: string;
  /** since the watching began */
  readonly ms: number;
}

/** Asks again and again; `stop` gives each answer that differed from the one before. */
function watchAnswers(server: Server, name: string): { stop(): Promise<readonly Sight[]> } {
  const seen: Sight[] = [];
  const began = performance.now();
  let isOver = false;
  const running = (async () => {
    // once more when it is over
    for (let isLast = false; !isLast; await sleep(5)) {
      isLast = isOver;
      const reply = await server.query(`${name}.${Z} A`);
      const what = reply.rcode === NXDOMAIN ? 'NXDOMAIN' : addressesIn(reply).join();
      if (seen.at(-1)?.what !== what) seen.push({ what, ms: performance.now() - began });
    }
  })();
  return {
    async stop() {
      isOver = true;
      await running;
      return seen;
    },
  };
}

async function lookUp(server: Server, name: string): Promise<LookupResult> {
  const query = new URLSearchParams({ name, type: 'A' }).toString();
  const result = await askControl<LookupResult>(
    `${server.folder}/data/rpc-dns.sock`,
    'GET',
    `/lookup?${query}`,
  );
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return result.value;
}

/** What the ledger of the pool has for an interface. */
async function vipsOf(server: Server, name: string): Promise<readonly VipJson[]> {
  const result = await askControl<readonly VipJson[]>(`${server.folder}/data/rpc-dns.sock`, 'GET', '/vips');
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return result.value.filter(({ service }) => service === name);
}

async function slicesOf(kube: Cluster, service: string): Promise<readonly string[]> {
  const slices = await kube.list('endpointslices', 'trade');
  return slices
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service)
    .map(({ metadata }) => metadata.name);
}

function noteOf(event: object): string {
  return 'note' in event ? String(event.note) : '';
}
