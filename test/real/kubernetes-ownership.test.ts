/**
 * Who may name what, against a real API server: a foreign namespace takes an owned name neither by an object nor by the
 * join nor by a pin, both sides see it, and the ClusterIP of a deleted Service is out of every answer at once.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { applyDefinitions } from '../support/kustomize.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { sized } from '../support/size.ts';

const Z = 'rpc.cluster.local.';
const PORTS = [{ name: 'dubbo', port: 20880 }];
/** The figure. */
const GONE_WITHIN_MS = 50;

suite('ownership', { skip: skipWithout('etcd', 'kubernetes') }, () => {
  let kube: Cluster;
  let server: Server;
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    const cleanup = { after: (clean: () => unknown) => cleanups.push(clean) };
    kube = await startCluster(cleanup);
    await applyDefinitions(kube);
    for (const namespace of ['trade', 'play', 'rpc-dns']) await kube.createNamespace(namespace);
    server = await startServer(
      {
        config: `
store: { kind: memory }
ownership: [ { prefix: com.foo, namespaces: [trade] } ]
registries:
  - { kind: kubernetes, kubeconfig: ${kube.kubeconfig()} }
  - { kind: file, path: registered.yaml }
`,
        files: {
          'registered.yaml': `
interfaces:
  - { name: com.foo.Joined, endpoints: ["10.244.9.9:20880"] }
  - { name: com.foobar.Joined, endpoints: ["10.244.9.9:20880"] }
`,
        },
        until: 'ready',
      },
      cleanup,
    );
    await server.logged(/this replica writes to the cluster/);
  });

  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  const rpcService = (namespace: string, name: string, service: string, interfaces: readonly string[]) =>
    kube.must('POST', `/apis/rpcdns.io/v1/namespaces/${namespace}/rpcservices`, {
      apiVersion: 'rpcdns.io/v1',
      kind: 'RPCService',
      metadata: { name, namespace },
      spec: { service, interfaces: interfaces.map((one) => ({ name: one })) },
    });

  const configMap = (namespace: string, name: string, interfaces: readonly object[]) =>
    kube.must('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: { 'rpcdns.io/registry': 'true' } },
      data: { 'interfaces.yaml': JSON.stringify({ interfaces }) },
    });

  const clusterIp = async (namespace: string, name: string, annotations: Record<string, string> = {}) => {
    const { clusterIP } = await kube.createService(namespace, name, { ports: PORTS }, { annotations });
    assert.ok(clusterIP !== undefined);
    return clusterIP;
  };

  const addresses = async (name: string) =>
    (await server.query(`${name}.${Z} A`)).answer
      .filter((line) => / A /.test(line))
      .map((line) => line.split(' ').at(-1));

  const answers = (name: string, address: string | undefined) =>
    until(`${name} is ${address}`, async () => String(await addresses(name)) === String(address ?? []));

  const conditionsOf = async (namespace: string, name: string) => {
    const object = await kube.get('rpcservices' as never, namespace, name).catch(async () => {
      const path = `/apis/rpcdns.io/v1/namespaces/${namespace}/rpcservices/${name}`;
      return kube.must('GET', path);
    });
    const { status } = object as unknown as {
      status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
    };
    return status?.conditions ?? [];
  };

  const events = async (namespace: string): Promise<readonly string[]> => {
    const { body } = await kube.api('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
    const { items } = body as {
      items: { regarding: { kind: string; name: string }; reason: string; note: string }[];
    };
    return items.map(
      ({ regarding, reason, note }) => `${regarding.kind}/${regarding.name} ${reason}: ${note}`,
    );
  };

  const told = (namespace: string, pattern: RegExp) =>
    until(`an Event like ${pattern}`, async () =>
      (await events(namespace)).some((event) => pattern.test(event)),
    );

  test('the owner names its interface; a foreign RPCService is refused, and both sides see it', async () => {
    const own = await clusterIp('trade', 'user');
    await clusterIp('play', 'thief');
    await rpcService('trade', 'user', 'user', ['com.foo.UserService']);
    await answers('com.foo.UserService', own);
    await rpcService('play', 'thief', 'thief', ['com.foo.UserService', 'com.foobar.Free']);
    await until('the condition', async () => {
      const conditions = await conditionsOf('play', 'thief');
      return conditions.some(
        ({ type, status, reason }) =>
          type === 'PartiallyRefused' && status === 'True' && reason === 'NotOwned',
      );
    });
    assert.deepEqual(await addresses('com.foo.UserService'), [own]);
    // com.foo does not own com.foobar
    assert.notDeepEqual(await addresses('com.foobar.Free'), []);
    await told('play', /^RPCService\/thief NotOwned: .*namespace trade only/);
    await told('trade', /^RPCService\/user ClaimRefused: .*RPCService play\/thief/);
    const { stdout } = await server.cli('lookup', 'com.foo.UserService');
    assert.match(
      stdout,
      /conflict +RPCService play\/thief: com\.foo\.UserService may be named from namespace trade only/,
    );
    assert.ok(((await server.metric('rpcdns_refused_claims')) ?? 0) >= 1);
  });

  test('all foreign: Accepted is False, and nothing is answered', async () => {
    await rpcService('play', 'all-foreign', 'thief', ['com.foo.Nobody']);
    await until('the condition', async () => {
      const conditions = await conditionsOf('play', 'all-foreign');
      return conditions.some(
        ({ type, status, reason }) => type === 'Accepted' && status === 'False' && reason === 'NotOwned',
      );
    });
    assert.equal((await server.query(`com.foo.Nobody.${Z} A`)).rcode, 3);
    const { stdout } = await server.cli('lookup', 'com.foo.Nobody');
    assert.match(stdout, /RPCService play\/all-foreign/);
  });

  test('neither by annotation, nor by spelling, nor by a ConfigMap and its pin', async () => {
    await clusterIp('play', 'annotated', { 'rpcdns.io/interfaces': 'com.foo.Stolen, COM.FOO.Shouted' });
    await told('play', /^Service\/annotated NotOwned: .*com\.foo\.Stolen/);
    await told('play', /^Service\/annotated NotOwned: .*COM\.FOO\.Shouted/);
    await configMap('play', 'map', [{ name: 'com.foo.Pinned', vip: '247.1.2.3' }]);
    await told('play', /^ConfigMap\/map NotOwned: .*com\.foo\.Pinned/);
    for (const name of ['com.foo.Stolen', 'COM.FOO.Shouted', 'com.foo.Pinned']) {
      assert.equal((await server.query(`${name}.${Z} A`)).rcode, 3, name);
    }
  });

  test('a bad entry is told at its object, and the others serve', async () => {
    const own = await clusterIp('trade', 'partly', { 'rpcdns.io/interfaces': 'com.foo.Good, no name' });
    await answers('com.foo.Good', own);
    await told('trade', /^Service\/partly EntrySkipped: .*'no name' is no interface name/);
    await configMap('trade', 'bad', [{ nam: 'com.foo.Bad' }]);
    await told('trade', /^ConfigMap\/bad EntrySkipped: .*unknown key 'nam': did you mean name\?/);
  });

  test('a ConfigMap pins addresses of the pool and ClusterIPs of its own namespace, no others', async () => {
    const foreign = await clusterIp('trade', 'target');
    const own = await clusterIp('play', 'mine');
    await configMap('play', 'pins', [
      { name: 'net.play.Pool', vip: '247.9.9.9' },
      { name: 'net.play.Own', vip: own },
      { name: 'net.play.Foreign', vip: foreign },
    ]);
    await answers('net.play.Pool', '247.9.9.9');
    await answers('net.play.Own', own);
    await told('play', /^ConfigMap\/pins PinNotAllowed: .*no ClusterIP of namespace play/);
    const [pool] = await addresses('net.play.Foreign');
    assert.match(pool ?? '', /^247\./);
  });

  test('a foreign Service does not get an owned name by listing its endpoints', async () => {
    const foreign = await clusterIp('play', 'catcher');
    await kube.createSlice('play', 'catcher', ['10.244.9.9'], PORTS);
    // the same endpoints under a name that nobody owns are joined
    await answers('com.foobar.Joined', foreign);
    const [address] = await addresses('com.foo.Joined');
    assert.match(address ?? '', /^247\./);
    await told('play', /^Service\/catcher NotOwned: .*lists endpoints of com\.foo\.Joined/);
    const { stdout } = await server.cli('lookup', 'com.foo.Joined');
    assert.match(stdout, /conflict +Service play\/catcher: it lists endpoints of com\.foo\.Joined/);
    // the owner's own Service is joined, though it is the younger
    const own = await clusterIp('trade', 'catcher');
    await kube.createSlice('trade', 'catcher', ['10.244.9.9'], PORTS);
    await answers('com.foo.Joined', own);
    assert.deepEqual(await addresses('com.foobar.Joined'), [foreign]);
  });

  test('an RPCOwnership takes effect at once, behind the file', async () => {
    await clusterIp('play', 'late');
    await rpcService('play', 'late', 'late', ['org.late.X', 'com.foo.deep.X']);
    await until('org.late.X', async () => (await addresses('org.late.X')).length === 1);
    const own = (name: string, prefix: string) =>
      kube.must('POST', '/apis/rpcdns.io/v1/rpcownerships', {
        apiVersion: 'rpcdns.io/v1',
        kind: 'RPCOwnership',
        metadata: { name },
        spec: { prefix, namespaces: ['trade', 'play'] },
      });
    await kube.must('POST', '/apis/rpcdns.io/v1/rpcownerships', {
      apiVersion: 'rpcdns.io/v1',
      kind: 'RPCOwnership',
      metadata: { name: 'late' },
      spec: { prefix: 'org.late', namespaces: ['trade'] },
    });
    await until('gone', async () => (await addresses('org.late.X')).length === 0);
    // the file says com.foo is of trade alone, and wins; a longer prefix is another rule
    await own('same', 'com.foo');
    assert.deepEqual(await addresses('com.foo.deep.X'), []);
    await own('longer', 'com.foo.deep');
    await until('com.foo.deep.X', async () => (await addresses('com.foo.deep.X')).length === 1);
    await kube.must('DELETE', '/apis/rpcdns.io/v1/rpcownerships/late');
    await until('back', async () => (await addresses('org.late.X')).length === 1);
  });

  const DELETIONS = sized('deleted Services', 20, 200);

  test(`a deleted Service's ClusterIP is out of every answer within ${GONE_WITHIN_MS} ms, ${DELETIONS} times`, async () => {
    const took: number[] = [];
    for (let i = 0; i < DELETIONS; i++) {
      const name = `gone-${i}`;
      const address = await clusterIp('trade', name, { 'rpcdns.io/interfaces': `com.foo.Gone${i}` });
      await answers(`com.foo.Gone${i}`, address);
      await kube.must('DELETE', `/api/v1/namespaces/trade/services/${name}`);
      const startedAt = performance.now();
      while ((await addresses(`com.foo.Gone${i}`)).length > 0)
        assert.ok(performance.now() - startedAt < 5_000);
      took.push(performance.now() - startedAt);
    }
    took.sort((a, b) => a - b);
    const [median, worst] = [took[Math.floor(took.length / 2)] ?? 0, took.at(-1) ?? 0];
    console.log(
      `a deleted Service: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms of ${took.length}`,
    );
    // on a busy machine one may be late, not the tenth
    const late = took.filter((ms) => ms > GONE_WITHIN_MS).length;
    assert.ok(late <= DELETIONS / 10, `${late} of ${DELETIONS} took longer, the worst ${worst} ms`);
  });
});
