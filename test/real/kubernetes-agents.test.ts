/**
 * Register Agents (contract 1.7): rpc-dns asks the pods behind an RPCService which interfaces they export, by the QoS
 * port of real Dubbo providers and by HTTP, writes what it found into the status, and answers it; of two replicas only
 * the holder of the Lease does so. Pods are addresses of one network namespace, in which rpc-dns runs as well.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition, InterfaceStatus, RpcServiceStatus } from '../../src/controller/status.ts';
import { bridgePorts } from '../support/bridge.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { type Provider, type ProviderOptions, startProvider } from '../support/dubbo.ts';
import type { ServicePort, SliceEndpoint } from '../support/kube-objects.ts';
import { applyDefinitions } from '../support/kustomize.ts';
import { createNamespace, type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { type PodAgents, startPodAgents } from '../support/pod-agents.ts';
import { runToEnd, until } from '../support/process.ts';
import { type Part, provision, skipWithout } from '../support/provision.ts';
import { type Cleanup, createSite, type Server, startOn } from '../support/server.ts';
import { startZooKeeper } from '../support/zookeeper.ts';

const Z = 'rpc.cluster.local.';
const POD_CIDR = '10.244.0.0/16';
const AGENT_PORT = 8088;
const DUBBO: readonly ServicePort[] = [{ name: 'dubbo', port: 20880 }];
/** The shortest interval that the API server takes, and what rpc-dns adds at most so that not all are asked at once. */
const INTERVAL = '5s';
const INTERVAL_MS = 5_250;

/** Pods with Dubbo's QoS port: open to the cluster, open to everyone, and as Dubbo is by default. */
const OPEN = '10.244.1.1';
const OPEN_TOO = '10.244.1.2';
const CLOSED = '10.244.1.3';
/** The pod for which two replicas compete. */
const REPLICA = '10.244.7.1';
const WRITES = /"this replica writes to the cluster"/;

interface World {
  readonly kube: Cluster;
  readonly pods: Namespace;
  readonly agents: PodAgents;
  readonly providers: readonly Provider[];
  readonly servers: readonly [Server, Server];
}

const PARTS: readonly Part[] = ['tools', 'java', 'zookeeper', 'dubbo', 'etcd', 'kubernetes'];
const skip = skipWithoutNamespaces() || skipWithout(...PARTS);

suite('Register Agents', { skip }, () => {
  let world: World;
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    await provision(PARTS);
    world = await createWorld({ after: (clean) => cleanups.push(clean) });
  });
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  /** Ready pods behind a Service that has the name of the RPCService. @returns the ClusterIP */
  const workload = async (name: string, addresses: readonly string[], ports = DUBBO) => {
    const { clusterIP } = await world.kube.createService('trade', name, { ports });
    const endpoints = await Promise.all(addresses.map((ip, i) => pod(`${name}-${i}`, ip)));
    if (endpoints.length > 0) await slice(name, endpoints);
    return clusterIP;
  };
  const pod = async (name: string, ip: string): Promise<SliceEndpoint> => {
    await world.kube.createPod('trade', name, { ip });
    return { address: ip, pod: name };
  };
  const slice = (service: string, endpoints: readonly SliceEndpoint[]) =>
    world.kube.createSlice('trade', service, endpoints, DUBBO, { name: service });
  const create = (name: string, agent: object, spec: object = {}, namespace = 'trade') =>
    createRpcService(world.kube, namespace, name, { ...spec, agent: { interval: INTERVAL, ...agent } });
  const http = { kind: 'http', port: AGENT_PORT };
  const status = (name: string, namespace?: string) => statusOf(world.kube, name, namespace);
  const addresses = (name: string, at = 0) => addressesOf(world.servers[at] as Server, name);

  suite('of one replica', { concurrency: true }, () => {
    test("Dubbo's QoS port: found at once, again at each interval, kept when the pod dies", async () => {
      const { kube, pods, providers, servers } = world;
      const clusterIP = await workload('user-center', [OPEN]);
      const began = performance.now();
      await create('user-center', { kind: 'dubbo-qos' });
      await until('the first answer', async () => (await addresses('com.foo.UserService')).length > 0);
      const answeredMs = performance.now() - began;
      await agentIs('user-center', 'True', 'Answered');
      console.log(`# QoS agent → answer: ${Math.round(answeredMs)} ms`);
      assert.ok(answeredMs < INTERVAL_MS, `${answeredMs} ms`);
      const first = await settled('user-center', 3);
      assert.deepEqual(first.interfaces.map(keyOf).sort(), [
        'com.foo.OrderService',
        'com.foo.OrderService$Inner',
        'com.foo.UserService:1.0.0:gray',
      ]);
      const user = first.interfaces.find(({ name }) => name === 'com.foo.UserService');
      assert.deepEqual(user, {
        name: 'com.foo.UserService',
        version: '1.0.0',
        group: 'gray',
        domain: 'UserService.foo.com.svc.rpc.cluster.local',
        vips: [clusterIP],
        accepted: true,
        reason: 'Accepted',
        source: 'agent',
      });
      assert.equal(first.agent?.pod, 'user-center-0');
      assert.ok(Date.parse(first.agent?.lastSuccess ?? '') > Date.now() - 60_000);
      const dig = ['+short', '@127.0.0.1', '-p', String(servers[0].dnsPort)];
      for (const name of ['com.foo.UserService', 'ver-1-0-0.com.foo.UserService', 'com.foo.OrderService']) {
        const { stdout } = await runToEnd('dig', [...dig, `${name}.${Z}`], { launch: pods.run });
        assert.equal(stdout.trim().split('\n').at(-1), clusterIP, `${name}: ${stdout}`);
      }

      // exported while the application runs
      await providers[0]?.export('com.foo.StockService');
      const ms = await until('the next interval', () => isAnswered('com.foo.StockService', clusterIP));
      console.log(`# exported → answer: ${Math.round(ms)} ms, interval ${INTERVAL}`);
      assert.ok(ms < INTERVAL_MS + 500, `${ms} ms`);

      // the pod dies: nobody is left to ask, and what was found stays
      const kept = (await settled('user-center', 4)).interfaces;
      const misses = countMisses(() => isAnswered('com.foo.StockService', clusterIP));
      await providers[0]?.kill();
      await kube.remove('pods', 'trade', 'user-center-0');
      await kube.patch('endpointslices', 'trade', 'user-center', { endpoints: [] });
      await agentIs('user-center', 'False', 'NoReadyPod');
      assert.deepEqual((await status('user-center')).interfaces, kept);
      assert.equal((await status('user-center')).agent?.pod, 'user-center-0');

      // another pod is asked
      await pod('user-center-1', OPEN_TOO);
      await kube.patch('endpointslices', 'trade', 'user-center', {
        endpoints: [endpointOf('user-center-1', OPEN_TOO)],
      });
      await agentIs('user-center', 'True', 'Answered');
      const last = await settled('user-center', 5);
      assert.equal(last.agent?.pod, 'user-center-1');
      assert.deepEqual(last.interfaces.map(keyOf).sort(), [
        'com.foo.OrderService',
        'com.foo.OrderService$Inner',
        'com.foo.PayService',
        'com.foo.StockService',
        'com.foo.UserService:1.0.0:gray',
      ]);
      const { asked, missed } = await misses.stop();
      console.log(
        `# a pod died and another was asked: ${asked} questions meanwhile, ${missed} without the answer`,
      );
      assert.equal(missed, 0);
    });

    test('a QoS port as Dubbo has it by default: refused, and the condition says what to set', async () => {
      await workload('closed', [CLOSED]);
      await create('closed', { kind: 'dubbo-qos' });
      const { message } = await agentIs('closed', 'False', 'QosForeignIpRefused');
      assert.match(message, /dubbo\.application\.qos-accept-foreign-ip-whitelist/);
      assert.match(message, /qos-anonymous-access-permission-level=PROTECTED/);
      const events = await untilFound('an Event', async () => {
        const all = await world.kube.list('events', 'trade');
        return all.filter((event) => JSON.stringify(event).includes('QosForeignIpRefused'));
      });
      assert.match(JSON.stringify(events), /"kind":"RPCService","namespace":"trade","name":"closed"/);
    });

    test('an http agent: protocol and port of each interface, behind the port of the Service', async () => {
      const { agents } = world;
      const ports: readonly ServicePort[] = [
        { name: 'dubbo', port: 80, targetPort: 20880 },
        { name: 'tri', port: 81, targetPort: 'triple' },
      ];
      const clusterIP = await workload('shop', [], ports);
      await world.kube.createSlice(
        'trade',
        'shop',
        [await pod('shop-0', '10.244.2.1')],
        [
          { name: 'dubbo', port: 20880 },
          { name: 'tri', port: 50051 },
        ],
      );
      await agents.answer('10.244.2.1', {
        body: JSON.stringify({
          interfaces: [
            { name: 'com.foo.shop.Cart', version: '2.0', group: 'blue', protocol: 'dubbo', port: 20880 },
            { name: 'com.foo.shop.Search', protocol: 'tri', port: 50051 },
            { name: 'com.foo.shop.Plain' },
            { name: 'com.owned.Secret' },
            { name: 'not a name' },
          ],
        }),
      });
      await create(
        'shop',
        { ...http, path: '/rpc/exports' },
        { interfaces: [{ name: 'com.foo.shop.Listed' }] },
      );
      await agentIs('shop', 'True', 'Answered');
      assert.deepEqual(agents.asked('10.244.2.1'), ['/rpc/exports']);
      const { interfaces, conditions } = await settled('shop', 4);
      assert.equal(interfaces.length, 6);
      const told = (name: string) => interfaces.find((one) => one.name === name);
      assert.equal(told('com.foo.shop.Listed')?.source, 'spec');
      assert.equal(told('com.foo.shop.Search')?.port, 50051);
      assert.equal(told('com.owned.Secret')?.reason, 'NotOwned');
      assert.equal(told('com.owned.Secret')?.accepted, false);
      assert.equal(told('not a name')?.reason, 'InvalidSpec');
      assert.equal(told('not a name')?.accepted, false);
      const partly = conditions.find(({ type }) => type === 'PartiallyRefused');
      assert.equal(partly?.status, 'True');

      for (const name of ['Cart', 'Search', 'Plain', 'Listed']) {
        await until(`${name} is answered`, () => isAnswered(`com.foo.shop.${name}`, clusterIP));
      }
      assert.deepEqual(await addresses('com.owned.Secret'), []);
      assert.equal(await portOf('_dubbo._tcp.Cart.shop.foo.com'), 80);
      // of a named port once the slice is known
      await until('the port of the Service', async () => {
        return (await portOf('_tri._tcp.Search.shop.foo.com')) === 81;
      });
      assert.equal(await portOf('_dubbo._tcp.Plain.shop.foo.com'), 80);
    });

    const FAILURES = [
      {
        name: 'too-many',
        reply: { body: JSON.stringify({ interfaces: Array(1001).fill({ name: 'com.foo.Many' }) }) },
        reason: 'TooLarge',
        message: /more than 1000 interfaces/,
      },
      { name: 'too-large', reply: { octets: 2 ** 21 }, reason: 'TooLarge', message: /over 1048576 octets/ },
      { name: 'silent', reply: 'silence', reason: 'Timeout', message: /within 300 ms/ },
      { name: 'nonsense', reply: { body: '<html>' }, reason: 'BadReply', message: /not JSON: <html>/ },
      { name: 'broken', reply: { body: '', status: 500 }, reason: 'BadReply', message: /status 500/ },
    ] as const;
    for (const [i, { name, reply, reason, message }] of FAILURES.entries()) {
      test(`an agent that is ${name}: ${reason}`, async () => {
        const address = `10.244.3.${i + 1}`;
        await world.agents.answer(address, reply);
        const clusterIP = await workload(name, [address]);
        const listed = { interfaces: [{ name: `com.foo.failing.S${i}` }] };
        await create(name, { ...http, timeout: '300ms' }, listed);
        assert.match((await agentIs(name, 'False', reason)).message, message);
        // what the spec lists is answered all the same
        await until('the spec serves', () => isAnswered(`com.foo.failing.S${i}`, clusterIP));
        assert.equal((await status(name)).agent, undefined);
      });
    }

    test('no ready pod: nobody is asked', async () => {
      const { kube, agents } = world;
      const body = bodyOf('com.foo.unready.Service');
      for (const i of [1, 2, 3]) await agents.answer(`10.244.4.${i}`, { body });
      await workload('unready', []);
      await slice('unready', [
        { ...(await pod('unready-0', '10.244.4.1')), ready: false },
        { ...(await pod('unready-1', '10.244.4.2')), ready: false, terminating: true },
        // of no pod
        { address: '10.244.4.3' },
      ]);
      await create('unready', http);
      const { message } = await agentIs('unready', 'False', 'NoReadyPod');
      assert.match(message, /Service trade\/unready has no ready pod/);
      await createRpcService(kube, 'trade', 'nowhere', { agent: http });
      assert.match((await agentIs('nowhere', 'False', 'NoReadyPod')).message, /no Service trade\/nowhere/);
      for (const i of [1, 2, 3]) assert.deepEqual(agents.asked(`10.244.4.${i}`), []);
    });

    test("a forged slice: an address that is not the pod's own is never asked", async () => {
      const { kube, agents } = world;
      const victim = '10.244.66.66';
      await agents.answer(victim, { body: bodyOf('com.foo.Forged') });
      await kube.createPod('play', 'victim', { ip: victim });
      await workload('forged', []);
      const own = await pod('forged-0', '10.244.5.1');
      await slice('forged', [
        { ...own, address: victim },
        { address: victim, pod: 'nobody' },
      ]);
      // a pod of another namespace
      const foreign = { kind: 'Pod', namespace: 'play', name: 'victim' };
      await kube.createSlice('trade', 'forged', [{ address: victim }], DUBBO, { name: 'forged-foreign' });
      const endpoints = [{ addresses: [victim], conditions: { ready: true }, targetRef: foreign }];
      await kube.patch('endpointslices', 'trade', 'forged-foreign', { endpoints });
      await create('forged', http);
      await agentIs('forged', 'False', 'NoReadyPod');
      assert.deepEqual(agents.asked(victim), []);
      // the same pod with its own address
      await agents.answer('10.244.5.1', { body: '{"interfaces":[]}' });
      await kube.patch('endpointslices', 'trade', 'forged', {
        endpoints: [endpointOf('forged-0', '10.244.5.1')],
      });
      await agentIs('forged', 'True', 'Answered');
      assert.deepEqual(agents.asked(victim), []);
    });

    test('of several ready pods the newest is asked', async () => {
      const { kube, agents } = world;
      const [older, newer] = ['10.244.8.1', '10.244.8.2'] as const;
      for (const address of [older, newer]) await agents.answer(address, { body: bodyOf('com.foo.Newest') });
      await workload('newest', []);
      const first = await pod('newest-0', older);
      // Kubernetes knows the second of a creation
      await sleep(1_100);
      await slice('newest', [first, await pod('newest-1', newer)]);
      await create('newest', http);
      await agentIs('newest', 'True', 'Answered');
      assert.equal((await status('newest')).agent?.pod, 'newest-1');
      assert.deepEqual([agents.asked(older).length, agents.asked(newer).length], [0, 1]);
      await kube.remove('rpcservices', 'trade', 'newest');
    });

    test('of two replicas one asks and writes, and the other answers the same', async () => {
      const { agents, servers } = world;
      const [holder, other] = servers;
      await agents.answer(REPLICA, { body: bodyOf('com.foo.replica.A') });
      const clusterIP = await workload('replica', [REPLICA]);
      await create('replica', http);
      for (const at of [0, 1])
        await until('both answer', () => isAnswered('com.foo.replica.A', clusterIP, at));
      assert.match(holder.child.output(), WRITES);
      assert.doesNotMatch(other.child.output(), WRITES);
      await sleep(INTERVAL_MS * 1.5 - 500);
      assert.equal(agents.asked(REPLICA).length, 2, 'asked once at first and once an interval later');
    });

    test('policy all: what any of the pods exports, be one of them silent', async () => {
      const { agents } = world;
      const pods = ['10.244.6.1', '10.244.6.2', '10.244.6.3'];
      await agents.answer(pods[0] ?? '', { body: bodyOf('com.foo.all.A', 'com.foo.all.Both') });
      await agents.answer(pods[1] ?? '', { body: bodyOf('com.foo.all.B', 'com.foo.all.Both') });
      await agents.answer(pods[2] ?? '', 'silence');
      const clusterIP = await workload('all', pods);
      await create('all', { ...http, policy: 'all', timeout: '300ms' });
      await agentIs('all', 'True', 'Answered');
      const { interfaces } = await status('all');
      const names = ['com.foo.all.A', 'com.foo.all.B', 'com.foo.all.Both'];
      assert.deepEqual(interfaces.map(({ name }) => name).sort(), names);
      for (const name of names) await until(name, () => isAnswered(name, clusterIP));
    });
  });

  test('the other replica takes over when the holder of the Lease stops', async () => {
    const { kube, agents, servers } = world;
    const [holder, other] = servers;
    const clusterIP = (await kube.get('services', 'trade', 'replica')).spec?.['clusterIP'] as string;
    const holderOf = async () => (await kube.get('leases', 'rpc-dns', 'rpc-dns')).spec?.['holderIdentity'];
    const before = await holderOf();
    const misses = countMisses(() => isAnswered('com.foo.replica.A', clusterIP, 1));
    await agents.answer(REPLICA, { body: bodyOf('com.foo.replica.A', 'com.foo.replica.B') });
    const began = performance.now();
    assert.deepEqual(await holder.stop(), { code: 0, signal: null });
    await other.logged(WRITES);
    console.log(`# the other replica took over after ${Math.round(performance.now() - began)} ms`);
    assert.notEqual(await holderOf(), before);
    await until('the other asks and writes', async () => (await status('replica')).interfaceCount === 2);
    await until('the other answers', () => isAnswered('com.foo.replica.B', clusterIP, 1));
    assert.equal((await misses.stop()).missed, 0);
    // what the first one found in pods that are gone stays too
    assert.equal((await status('user-center')).interfaceCount, 5);
    assert.equal((await addresses('com.foo.OrderService', 1)).length, 1);
  });

  /** Waits for what the condition AgentReady says. */
  async function agentIs(name: string, value: string, reason: string): Promise<Condition> {
    let last: Condition | undefined;
    await until(`AgentReady of ${name} is ${value} ${reason}`, async () => {
      const { conditions = [] } = await status(name);
      last = conditions.find(({ type }) => type === 'AgentReady');
      return last?.status === value && last.reason === reason;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it was ${JSON.stringify(last)}`);
    });
    return last as Condition;
  }

  /** The status when so many interfaces are answered. */
  async function settled(name: string, count: number): Promise<RpcServiceStatus> {
    let last: RpcServiceStatus | undefined;
    await until(`${count} interfaces of ${name} are answered`, async () => {
      last = await status(name);
      return last.interfaces.filter(({ vips = [] }) => vips.length > 0).length === count;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it was ${JSON.stringify(last)}`);
    });
    return last as RpcServiceStatus;
  }

  async function isAnswered(name: string, wanted: string, at = 0): Promise<boolean> {
    return (await addresses(name, at)).join() === wanted;
  }

  async function portOf(name: string): Promise<number> {
    const { answer } = await world.servers[0].query(`${name}.svc.${Z} SRV +tcp`);
    return Number(answer[0]?.split(' ')[5]);
  }
});

async function createWorld(test: Cleanup): Promise<World> {
  const [kube, pods] = await Promise.all([startCluster(test), createNamespace()]);
  test.after(() => pods.remove());
  await pods.addLocalRange(POD_CIDR);
  const zookeeper = await startZooKeeper({ launch: pods.run });
  const provider = (host: string, qos: Partial<ProviderOptions['qos']>, ...more: readonly string[]) =>
    startProvider({
      zookeeper: zookeeper.address,
      host,
      interfaces: [
        'com.foo.OrderService',
        'com.foo.OrderService$Inner',
        'com.foo.UserService:1.0.0:gray',
        ...more,
      ],
      qos: { port: 22222, host, ...qos },
      launch: pods.run,
    });
  const [agents, providers, servers] = await Promise.all([
    startPodAgents(test, { port: AGENT_PORT, launch: pods.run }),
    Promise.all([
      provider(OPEN, { whitelist: POD_CIDR }),
      provider(
        OPEN_TOO,
        { acceptForeignIp: true, anonymousLevel: 'PROTECTED' },
        'com.foo.PayService',
        'com.foo.StockService',
      ),
      provider(CLOSED, {}),
    ]),
    startReplicas(test, kube, pods),
  ]);
  return { kube, pods, agents, providers, servers };
}

async function startReplicas(
  test: Cleanup,
  kube: Cluster,
  pods: Namespace,
): Promise<readonly [Server, Server]> {
  await applyDefinitions(kube);
  for (const name of ['rpc-dns', 'trade', 'play']) await kube.createNamespace(name);
  const config = `
registries: [{ kind: kubernetes, kubeconfig: "${kube.kubeconfig()}" }]
ownership: [{ prefix: com.owned, namespaces: [bank] }]
`;
  const sites = [await createSite({ config }), await createSite({ config })] as const;
  const inside = sites.flatMap(({ dnsPort, httpPort }) => [dnsPort, httpPort]);
  await bridgePorts(test, pods, { outside: [kube.port], inside });
  const first = await startOn(sites[0], test, { launch: pods.run, until: 'ready' });
  await first.logged(WRITES);
  return [first, await startOn(sites[1], test, { launch: pods.run, until: 'ready' })];
}

function createRpcService(kube: Cluster, namespace: string, name: string, spec: object) {
  return kube.create('rpcservices', namespace, name, {
    apiVersion: 'rpcdns.io/v1',
    kind: 'RPCService',
    spec,
  });
}

/** As it stands in the cluster; empty before it was written. */
async function statusOf(kube: Cluster, name: string, namespace = 'trade'): Promise<RpcServiceStatus> {
  const { status } = await kube.get('rpcservices', namespace, name);
  return { interfaces: [], conditions: [], ...status } as unknown as RpcServiceStatus;
}

async function addressesOf(server: Server, name: string): Promise<string[]> {
  const { answer } = await server.query(`${name}.${Z} A +tcp`);
  return answer
    .map((line) => line.split(' '))
    .flatMap(([, , type, data = '']) => (type === 'A' ? [data] : []));
}

/** What an agent answers that exports these. */
function bodyOf(...names: readonly string[]): string {
  return JSON.stringify({ interfaces: names.map((name) => ({ name })) });
}

/** As an EndpointSlice has it. */
function endpointOf(name: string, address: string) {
  const targetRef = { kind: 'Pod', namespace: 'trade', name };
  return { addresses: [address], conditions: { ready: true, serving: true, terminating: false }, targetRef };
}

/** `com.foo.UserService:1.0.0:gray` */
function keyOf({ name, version = '', group = '' }: InterfaceStatus): string {
  return [name, version, group].join(':').replace(/:+$/, '');
}

/** Asks again and again, until it is stopped. */
function countMisses(isThere: () => Promise<boolean>): {
  stop(): Promise<{ asked: number; missed: number }>;
} {
  let asked = 0;
  let missed = 0;
  let isOver = false;
  const running = (async () => {
    for (; !isOver; await sleep(20)) {
      asked++;
      if (!(await isThere())) missed++;
    }
  })();
  return {
    async stop() {
      isOver = true;
      await running;
      return { asked, missed };
    },
  };
}

/** Waits until there is something. */
async function untilFound<T>(what: string, find: () => Promise<readonly T[]>): Promise<readonly T[]> {
  let found: readonly T[] = [];
  await until(what, async () => {
    found = await find();
    return found.length > 0;
  });
  return found;
}
