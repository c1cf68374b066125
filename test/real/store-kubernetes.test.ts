/**
 * The ledger in a real Kubernetes API: replicas that start at the same moment give the same addresses, never one twice,
 * and a process without a disk has them again after kill -9.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openKubernetesStore } from '../../src/store/kubernetes.ts';
import { StoreError } from '../../src/store/store.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { applyDefinitions } from '../support/kustomize.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { sized } from '../support/size.ts';
import { storeContract } from '../support/store-contract.ts';

const Z = 'rpc.cluster.local.';
const CRDS = ['virtualips', 'ledgerentries'] as const;

suite('the ledger in the Kubernetes API', { skip: skipWithout('etcd', 'kubernetes') }, () => {
  let kube: Cluster;
  const cleanups: (() => unknown)[] = [];
  const cleanup = { after: (clean: () => unknown) => cleanups.push(clean) };

  before(async () => {
    kube = await startCluster(cleanup);
  });

  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  const interfaces = (names: readonly string[]) =>
    `interfaces:\n${names.map((name) => `  - { name: ${name} }\n`).join('')}`;

  const start = (names: readonly string[], pool = '247.0.0.0/8') =>
    startServer(
      {
        config: `
store: { kind: kubernetes, kubeconfig: ${kube.kubeconfig()} }
vips: { pools: [${pool}], reuseAfter: 2s }
registries: [ { kind: file, path: registered.yaml } ]
`,
        files: { 'registered.yaml': interfaces(names) },
        until: 'ready',
      },
      cleanup,
    );

  const vipOf = async (server: Server, name: string) =>
    (await server.query(`${name}.${Z} A`)).answer
      .find((line) => / A /.test(line))
      ?.split(' ')
      .at(-1);

  const vips = async (server: Server, names: readonly string[]) => {
    const found = new Map<string, string>();
    for (const name of names) {
      const vip = await vipOf(server, name);
      assert.ok(vip !== undefined, `${name} is answered`);
      found.set(name, vip);
    }
    return found;
  };

  const listed = async (kind: (typeof CRDS)[number]) => {
    const { body } = await kube.api('GET', `/apis/rpcdns.io/v1/${kind}`);
    return (body as { items: { spec: Record<string, string> }[] }).items.map(({ spec }) => spec);
  };

  test('without its definitions the server does not start, and says which manifest is missing', async () => {
    const store = openKubernetesStore({ kubeconfig: kube.kubeconfig(), context: undefined });
    cleanups.push(() => store.close());
    await assert.rejects(store.open({ loaded: () => {}, changed: () => {} }), (error: unknown) => {
      assert.ok(error instanceof StoreError);
      assert.match(error.message, /manifests\/ledger/);
      return true;
    });
    await applyDefinitions(kube);
  });

  const COUNT = sized('interfaces of three replicas', 60, 1000);
  const NAMES = Array.from({ length: COUNT }, (_, i) => `com.foo.p${i % 7}.Service${i}`);

  test(`three replicas that start at once agree on ${COUNT} addresses`, async () => {
    // each is told in another order, so each would count otherwise
    const orders = [NAMES, NAMES.toReversed(), [...NAMES.slice(COUNT / 2), ...NAMES.slice(0, COUNT / 2)]];
    const servers = await Promise.all(orders.map((names) => start(names)));
    const [first, ...others] = servers;
    assert.ok(first !== undefined);
    const wanted = await vips(first, NAMES);
    assert.equal(new Set(wanted.values()).size, COUNT, 'no address twice');
    for (const other of others) {
      await until('the same everywhere', async () => {
        const found = await vips(other, NAMES);
        return NAMES.every((name) => found.get(name) === wanted.get(name));
      });
    }
    const rows = await listed('virtualips');
    assert.equal(rows.filter(({ retiredAt }) => retiredAt === undefined).length, COUNT);
    // kill -9, and no disk: everything is there again
    await first.kill();
    const again = await start(NAMES);
    assert.deepEqual(await vips(again, NAMES), wanted);
    await Promise.all([again, ...others].map((server) => server.stop()));
  });

  test('a pool that is too small: each replica says so, and none gives an address twice', async () => {
    const names = ['com.bar.A', 'com.bar.B', 'com.bar.C', 'com.bar.D'];
    const servers = await Promise.all(
      [names, names.toReversed()].map((order) => start(order, '10.1.2.0/30')),
    );
    const [one, two] = servers;
    assert.ok(one !== undefined && two !== undefined);
    await until('both agree', async () => {
      const found = await Promise.all(
        names.map(async (name) => [await vipOf(one, name), await vipOf(two, name)]),
      );
      const given = found.filter(([a, b]) => a !== undefined && a === b);
      return given.length === 2 && new Set(given.map(([a]) => a)).size === 2;
    });
    const { rcode, errors } = await one.query(`${names.find(() => true)}.${Z} A`);
    assert.ok(rcode === 0 || errors.length > 0);
    await Promise.all(servers.map((server) => server.stop()));
  });

  test('an interface that goes rests for reuseAfter, and one that comes back has its address again', async () => {
    const server = await start(['com.baz.A', 'com.baz.B']);
    const vip = await vipOf(server, 'com.baz.B');
    server.write('registered.yaml', interfaces(['com.baz.A']));
    const row = async () => (await listed('virtualips')).find(({ address }) => address === vip);
    await until('it rests', async () => (await row())?.['retiredAt'] !== undefined);
    server.write('registered.yaml', interfaces(['com.baz.A', 'com.baz.B']));
    await until('it is back', async () => (await vipOf(server, 'com.baz.B')) === vip);
    await until('it rests no more', async () => (await row())?.['retiredAt'] === undefined);
    server.write('registered.yaml', interfaces(['com.baz.A']));
    await until('it is free', async () => (await row()) === undefined);
    await server.stop();
  });

  test('a replica that does not see an interface leaves its address to the one that does', async () => {
    const [seeing, blind] = await Promise.all([start(['com.solo.A', 'com.solo.X']), start(['com.solo.A'])]);
    assert.ok(seeing !== undefined && blind !== undefined);
    const version = async () => {
      const { body } = await kube.api('GET', '/apis/rpcdns.io/v1/virtualips');
      const { items } = body as {
        items: { metadata: { resourceVersion: string }; spec: Record<string, string> }[];
      };
      return items.find(({ spec }) => spec['interface'] === 'com.solo.X')?.metadata.resourceVersion;
    };
    const vip = await vipOf(seeing, 'com.solo.X');
    await blind.stop();
    // at its start it finds a row of an interface that it does not see
    const again = await start(['com.solo.A']);
    await sleep(500);
    const before = await version();
    await sleep(1_000);
    assert.equal(await version(), before, 'nobody writes it again and again');
    assert.equal(await vipOf(seeing, 'com.solo.X'), vip);
    await Promise.all([seeing.stop(), again.stop()]);
  });

  test('the API server away: answers go on, and what is new waits for it', async () => {
    const server = await start(['com.qux.A']);
    const vip = await vipOf(server, 'com.qux.A');
    await kube.stop();
    server.write('registered.yaml', interfaces(['com.qux.A', 'com.qux.B']));
    await server.logged(/the store refuses to record/);
    assert.equal(await vipOf(server, 'com.qux.A'), vip);
    await until('SERVFAIL', async () => (await server.query(`com.qux.B.${Z} A`)).rcode === 2);
    const { errors } = await server.query(`com.qux.B.${Z} A`);
    assert.match(JSON.stringify(errors), /could not be recorded/);
    await kube.start();
    await until('B is answered', async () => (await vipOf(server, 'com.qux.B')) !== undefined);
    await server.stop();
  });

  storeContract(
    'kubernetes',
    () => openKubernetesStore({ kubeconfig: kube.kubeconfig(), context: undefined }),
    false,
  );
});
