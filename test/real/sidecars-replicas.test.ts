/**
 * One replica of rpc-dns is replaced by another: another process with the same configuration, and the same ledger in a real
 * Kubernetes API. A real Envoy comes to it by the same address, as by a Service, and is told nothing that it has already.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientConnection } from '../../src/grpc/client-connection.ts';
import { decoded, encoded } from '../../src/grpc/messages.ts';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '../../src/grpc/protos/ads_pb.ts';
import { bridgePorts } from '../support/bridge.ts';
import { sharedCluster } from '../support/cluster.ts';
import { type Caller, startGreeter } from '../support/greeter.ts';

import { applyDefinitions } from '../support/kustomize.ts';
import { createNamespace, skipWithoutNamespaces } from '../support/netns.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Cleanup, createSite, type Server, startOn } from '../support/server.ts';
import { type Provided, SidecarMachine, vipOf } from '../support/sidecar-world.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const skip = skipWithoutNamespaces() || skipWithout('tools', 'etcd', 'kubernetes', 'envoy');
const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const CLUSTER_TYPE = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const [USER, ORDER, PAY] = ['com.foo.User', 'com.foo.Order', 'com.foo.Pay'];
const shared = sharedCluster();

const provided = (orderPort: number): Provided[] => [
  { name: USER, endpoints: ['127.0.0.1:7001'] },
  { name: ORDER, endpoints: [`127.0.0.1:${orderPort}`] },
  { name: PAY, endpoints: ['127.0.0.1:7003'] },
];

/** Calls on and on. */
class Calls {
  good = 0;
  readonly failed: string[] = [];
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(caller: Caller, vip: string, wanted: string) {
    this.#done = this.#callOn(caller, vip, wanted);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #callOn(caller: Caller, vip: string, wanted: string): Promise<void> {
    while (!this.#isOver) {
      const { name, error } = await caller.call(vip, 20880);
      if (name === wanted) this.good++;
      else this.failed.push(`${name} ${error}`);
      await sleep(5);
    }
  }
}

/** Versions of these clusters as a replica tells them. */
async function versionsAt(t: Cleanup, port: number, names: readonly string[]): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  const options = { host: '127.0.0.1', port, tls: undefined, connectTimeoutMs: 5_000, maxMessageOctets: 1e6 };
  const connection = await new Promise<ClientConnection>((resolve, reject) => {
    const opened: ClientConnection = new ClientConnection(options, {
      opened: () => resolve(opened),
      lost: ({ reason }) => reject(new Error(reason)),
    });
  });
  t.after(() => connection.close());
  const stream = connection.stream(METHOD, {
    message: (octets) => {
      const response = decoded(DeltaDiscoveryResponseSchema, octets);
      assert.ok(response.ok);
      for (const { name, version } of response.value.resources) versions.set(name, version);
    },
    ended: () => {},
  });
  stream.send(
    encoded(DeltaDiscoveryRequestSchema, { typeUrl: CLUSTER_TYPE, resourceNamesSubscribe: [...names] }),
  );
  await until('all versions', () => versions.size === names.length);
  connection.close();
  return versions;
}

test('a replica takes over from another: known VIPs never notice, differences alone are pushed', {
  skip,
}, async (t) => {
  const kube = await shared();
  await applyDefinitions(kube);
  const [front = 0, ...ports] = await freePorts(4);
  const start = async (port: number, orderPort: number): Promise<Server> => {
    const site = await createSite({
      config: `store: { kind: kubernetes, kubeconfig: ${kube.kubeconfig()} }
sidecars: { listen: "127.0.0.1:${port}" }
registries: [{ kind: file, path: interfaces.yaml }]
`,
      files: {
        'interfaces.yaml': JSON.stringify({
          interfaces: provided(orderPort).map((one) => ({ ...one, port: 20880 })),
        }),
      },
    });
    return startOn(site, t, { until: 'ready' });
  };
  const [first, second] = await Promise.all([start(ports[0] ?? 0, 7002), start(ports[1] ?? 0, 7002)]);
  const service = new TcpProxy(front, ports[0] ?? 0);
  await service.open();
  t.after(() => service.close());
  const namespace = await createNamespace();
  t.after(() => namespace.remove());
  await bridgePorts(t, namespace, { outside: [front] });
  for (const [i, name] of ['user', 'order-1', 'pay', 'order-2'].entries()) {
    await startGreeter(namespace.run, `127.0.0.1:${7001 + i}`, name);
  }
  const machine = new SidecarMachine(namespace, first);
  await machine.startEnvoy(['--listen', 'ports:20880', '--server', `127.0.0.1:${front}`]);
  const { caller } = machine;
  const [user, order, pay] = [await vipOf(first, USER), await vipOf(first, ORDER), await vipOf(first, PAY)];
  const names = [user, order].map((vip) => `vip|${vip}:20880`);
  assert.deepEqual(
    await versionsAt(t, ports[0] ?? 0, names),
    await versionsAt(t, ports[1] ?? 0, names),
    'versions are equal on both',
  );
  assert.equal((await caller.call(user, 20880)).name, 'user');
  assert.equal((await caller.call(order, 20880)).name, 'order-1');
  const kept = await caller.keep(user, 20880);
  const pushes = (replica: Server) => replica.metric('rpcdns_sidecar_pushes_total');
  const streams = (replica: Server) => replica.metric('rpcdns_sidecar_streams');
  const before = await pushes(second);

  // nothing has changed: nothing is pushed
  const calls = new Calls(caller, user, 'user');
  service.leadTo(ports[1] ?? 0);
  await first.stop();
  const came = await until('the Envoy has come', async () => (await streams(second)) === 1);
  await until('it is known', async () => (await namesAt(second)).length === 2);
  await sleep(500);
  assert.deepEqual((await namesAt(second)).toSorted(), names.toSorted());
  assert.equal(await pushes(second), before, 'pushes though nothing changed');
  assert.equal((await caller.call(pay, 20880)).name, 'pay', 'what is dialled first at the second replica');
  assert.equal(await pushes(second), (before ?? 0) + 1);

  // one provider was exchanged meanwhile, and it dies without a word: one cluster is pushed
  const third = await start(ports[2] ?? 0, 7004);
  service.leadTo(ports[2] ?? 0);
  await second.kill();
  await until('the difference', async () => (await caller.call(order, 20880)).name === 'order-2');
  await until('it is known', async () => (await namesAt(third)).length === 3);
  await sleep(500);
  assert.equal(await pushes(third), 1, 'pushes of one difference');
  await calls.stop();
  assert.deepEqual(calls.failed, []);
  assert.ok(await kept.isAlive());
  console.log(`# Envoy came ${came.toFixed(0)} ms after the first had left; ${calls.good} calls, 0 failed`);
});

async function namesAt(replica: Server): Promise<readonly string[]> {
  const { stdout } = await replica.cli('sidecars', '-c', 'rpc-dns.yaml', '--json');
  return (JSON.parse(stdout) as { vips: string[] }[])[0]?.vips ?? [];
}
