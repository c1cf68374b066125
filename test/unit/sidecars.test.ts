/** The port at which sidecars ask: what they are told, when, and what no sidecar can do to the others. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClientConnection, type ClientOptions, type ClientStream } from '../../src/grpc/client-connection.ts';
import { decoded, encoded } from '../../src/grpc/messages.ts';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '../../src/grpc/protos/ads_pb.ts';
import { ClusterSchema } from '../../src/grpc/protos/cluster_pb.ts';
import type { ServerTls } from '../../src/grpc/server.ts';
import type { Status } from '../../src/grpc/status.ts';
import { explain } from '../../src/lookup/explain.ts';
import { ROOT } from '../../src/name/domain-name.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { Localities } from '../../src/name/localities.ts';
import { parseNetwork } from '../../src/name/network.ts';
import { type SidecarObserver, Sidecars, type SidecarsOptions } from '../../src/sidecars/sidecars.ts';
import { Subject, Subscriptions } from '../../src/sidecars/subscriptions.ts';
import { clusterName, parseClusterName } from '../../src/sidecars/vip-cluster.ts';
import { createAuthority } from '../support/certificates.ts';
import { House } from '../support/house.ts';
import { until } from '../support/process.ts';

const ISTIO = { namespace: 'rpc-dns', portNames: 'protocol' } as const;
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const CONFIG =
  'registries: [{ kind: file, path: a, forgetAfter: 0s }]\nvips: { pools: ["247.1.0.0/24"], reuseAfter: 1h }\n';
const NOTHING: SidecarObserver = {
  met: () => {},
  left: () => {},
  refused: () => {},
  garbage: () => {},
  rejected: () => {},
  tooManyNames: () => {},
  leftOut: () => {},
  answered: () => {},
};

const A = (...endpoints: readonly string[]) => ({
  name: 'com.foo.A',
  port: 20880,
  vip: '247.1.0.1',
  endpoints,
});
const B = { name: 'com.foo.B', port: 20881, vip: '247.1.0.2', endpoints: ['10.0.0.9:1'] };
const [AT_A, AT_B] = ['vip|247.1.0.1:20880', 'vip|247.1.0.2:20881'];

async function deliver(house: House, ...interfaces: readonly object[]): Promise<void> {
  await house.deliver(JSON.stringify({ interfaces }));
}

interface Port {
  readonly sidecars: Sidecars;
  readonly port: number;
  readonly told: string[];
  /** how long answers to responses took, in seconds */
  readonly answers: number[];
}

async function serve(test: TestContext, house: House, more: Partial<SidecarsOptions> = {}): Promise<Port> {
  const told: string[] = [];
  const answers: number[] = [];
  const log: SidecarObserver = {
    ...NOTHING,
    answered: (seconds) => answers.push(seconds),
    refused: (_peer, node, text) => told.push(`refused by ${node}: ${text}`),
    garbage: (_peer, reason) => told.push(`garbage: ${reason}`),
    rejected: (_peer, reason) => told.push(`rejected: ${reason}`),
    tooManyNames: (_peer, _node, most) => told.push(`more than ${most} names`),
  };
  const options = {
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    localities: [],
    zone: house.config.zone[0] ?? ROOT,
    istio: ISTIO,
    ...more,
  };
  const sidecars = new Sidecars(house.events, options, log);
  const port = await sidecars.listen();
  test.after(() => sidecars.close());
  return { sidecars, port, told, answers };
}

/** What a sidecar holds: endpoints of each cluster that it was sent, by name. */
class Envoy {
  readonly clusters = new Map<string, string>();
  readonly versions = new Map<string, string>();
  readonly removed: string[] = [];
  readonly types: string[] = [];
  readonly lost: string[] = [];
  status: Status | undefined;
  pushes = 0;
  nonce = '';
  #stream: ClientStream | undefined;
  readonly connection: ClientConnection;

  private constructor(options: ClientOptions, opened: () => void) {
    this.connection = new ClientConnection(options, { opened, lost: ({ reason }) => this.lost.push(reason) });
  }

  static async connect(test: TestContext, port: number, tls?: ClientOptions['tls']): Promise<Envoy> {
    const limits = { connectTimeoutMs: 2_000, maxMessageOctets: 4_000_000 };
    let envoy: Envoy | undefined;
    await new Promise<void>((resolve) => {
      envoy = new Envoy({ host: '127.0.0.1', port, tls, ...limits }, resolve);
      envoy.connection;
      setTimeout(resolve, 2_000).unref();
    });
    assert.ok(envoy !== undefined);
    test.after(() => envoy?.connection.close());
    envoy.#open();
    return envoy;
  }

  #open(): void {
    this.#stream = this.connection.stream(METHOD, {
      message: (octets) => this.#take(octets),
      ended: (status) => {
        this.status = status;
      },
    });
  }

  ask(names: readonly string[], more: object = {}): void {
    this.send({ typeUrl: CLUSTER, resourceNamesSubscribe: [...names], ...more });
  }

  send(request: object): void {
    this.#stream?.send(encoded(DeltaDiscoveryRequestSchema, request));
  }

  raw(octets: Uint8Array): void {
    this.#stream?.send(octets);
  }

  has(name: string, endpoints: string): Promise<number> {
    return until(`${name}: ${endpoints || 'nothing'}`, () => this.clusters.get(name) === endpoints);
  }

  #take(octets: Uint8Array): void {
    const response = decoded(DeltaDiscoveryResponseSchema, octets);
    assert.ok(response.ok);
    const { typeUrl, nonce, resources, removedResources } = response.value;
    this.pushes++;
    this.nonce = nonce;
    this.types.push(typeUrl);
    this.removed.push(...removedResources);
    for (const { name, version, resource } of resources) {
      const cluster = decoded(ClusterSchema, resource?.value ?? new Uint8Array());
      assert.ok(cluster.ok);
      assert.equal(cluster.value.name, name);
      const groups = (cluster.value.loadAssignment?.endpoints ?? []).map(
        ({ priority, locality, lbEndpoints }) => {
          const members = lbEndpoints.map(({ endpoint, healthStatus }) => {
            const at = endpoint?.address?.socketAddress;
            return `${at?.address}:${at?.portValue}${healthStatus === 2 ? '!' : ''}`;
          });
          const where = locality === undefined ? '' : `${locality.zone}=`;
          return `${priority > 0 ? `${priority}:` : ''}${where}${members.join(' ')}`;
        },
      );
      this.clusters.set(name, groups.join(' | '));
      this.versions.set(name, version);
    }
  }
}

async function quiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await nextTurn();
}

test('names of clusters are VIPs and ports, and nothing else', () => {
  for (const name of ['vip|247.0.0.1:20880', 'vip|[fd00::1]:1']) {
    const parsed = parseClusterName(name);
    assert.ok(parsed !== undefined);
    assert.equal(clusterName(parsed), name);
  }
  for (const name of [
    '247.0.0.1:1',
    'vip|x:1',
    'vip|247.0.0.1',
    'vip|247.0.0.1:99999',
    `vip|${'1'.repeat(100)}`,
    '',
  ])
    assert.equal(parseClusterName(name), undefined, name);
});

suite('a sidecar', () => {
  test('is told what it dialled, and every change of that alone', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:20880', '10.0.0.2:20999'), B);
    const { port, sidecars, answers } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    envoy.ask([AT_A], { node: { id: 'one', cluster: 'test' } });
    await envoy.has(AT_A, '10.0.0.1:20880 10.0.0.2:20999');
    assert.equal(answers.length, 0);
    envoy.send({ typeUrl: CLUSTER, responseNonce: envoy.nonce });
    await until('the answer is timed', () => answers.length === 1);
    assert.ok((answers[0] ?? -1) >= 0);
    envoy.send({ typeUrl: CLUSTER, responseNonce: envoy.nonce });
    await deliver(house, A('10.0.0.2:20999'), B);
    await envoy.has(AT_A, '10.0.0.2:20999');
    const before = envoy.pushes;
    await deliver(house, A('10.0.0.2:20999'), { ...B, endpoints: ['10.0.0.8:1'] });
    envoy.send({ typeUrl: CLUSTER, responseNonce: envoy.nonce });
    await quiet();
    assert.equal(envoy.pushes, before, 'neither an acknowledgement nor another interface');
    await deliver(house, B);
    await envoy.has(AT_A, '');
    assert.deepEqual(envoy.removed, [], 'a removed one would be waited for');
    await deliver(house, A('10.0.0.1:20880'), B);
    await envoy.has(AT_A, '10.0.0.1:20880');
    const [told] = [...sidecars.list()];
    assert.deepEqual([told?.node, told?.cluster, told?.vips, told?.refusal], ['one', 'test', [AT_A], null]);
    assert.equal(sidecars.subjects, 1);
    envoy.connection.close();
    await until('it has left', () => sidecars.streams === 0);
    assert.equal(sidecars.subjects, 0);
  });

  test('gets an empty cluster for what nobody has, and the true one when it comes to be', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, B);
    const { port } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    envoy.ask([AT_A, 'vip|247.1.0.2:1', 'no such name']);
    await envoy.has('no such name', '');
    assert.deepEqual([...envoy.clusters.values()], ['', '', '']);
    await deliver(house, A('10.0.0.1:1'), B);
    await envoy.has(AT_A, '10.0.0.1:1');
  });

  test('waits until the registries are read: nothing is closed before', async (t) => {
    const house = await House.open({ config: CONFIG });
    const { port, sidecars } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    envoy.ask([AT_A]);
    await quiet();
    assert.equal(envoy.pushes, 0);
    await deliver(house, A('10.0.0.1:1'));
    sidecars.ready();
    await envoy.has(AT_A, '10.0.0.1:1');
    assert.equal(envoy.pushes, 1);
  });

  test('that comes back with what it has is told the differences alone, by any replica', async (t) => {
    const [one, other] = [await House.open({ config: CONFIG }), await House.open({ config: CONFIG })];
    for (const house of [one, other]) await deliver(house, A('10.0.0.1:1', '10.0.0.2:1'), B);
    const first = await Envoy.connect(t, (await serve(t, one)).port);
    first.ask([AT_A, AT_B]);
    await first.has(AT_B, '10.0.0.9:1');
    await deliver(other, A('10.0.0.1:1', '10.0.0.2:1'), { ...B, endpoints: ['10.0.0.7:1'] });
    const again = await Envoy.connect(t, (await serve(t, other)).port);
    again.ask([AT_A, AT_B], { initialResourceVersions: Object.fromEntries(first.versions) });
    await again.has(AT_B, '10.0.0.7:1');
    await quiet();
    assert.equal(again.clusters.has(AT_A), false, 'equal versions on all replicas');
  });

  test('that refuses is counted and shown, and what it refused is not repeated', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:1'));
    const { port, sidecars, told } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    envoy.ask([AT_A], { node: { id: 'picky' } });
    await envoy.has(AT_A, '10.0.0.1:1');
    envoy.send({
      typeUrl: CLUSTER,
      responseNonce: envoy.nonce,
      errorDetail: { code: 13, message: 'malformed' },
    });
    await until('noted', () => sidecars.counters.refusals === 1);
    assert.deepEqual(told, ['refused by picky: malformed']);
    assert.equal([...sidecars.list()][0]?.refusal?.text, 'malformed');
    await quiet();
    assert.equal(envoy.pushes, 1);
    await deliver(house, A('10.0.0.2:1'));
    await envoy.has(AT_A, '10.0.0.2:1');
  });

  test('of an old Envoy asks for all clusters first, and for none in earnest', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:1'));
    const { port } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    envoy.ask([]);
    await until('an answer', () => envoy.pushes === 1);
    assert.equal(envoy.clusters.size, 0);
    envoy.ask([AT_A]);
    await envoy.has(AT_A, '10.0.0.1:1');
    envoy.send({ typeUrl: 'type.googleapis.com/envoy.config.listener.v3.Listener' });
    await until('another type', () => envoy.types.at(-1)?.endsWith('Listener') === true);
  });
});

suite('what is behind a VIP', () => {
  test('each port leads to all endpoints of the protocols that are registered with it', async (t) => {
    const house = await House.open({ config: CONFIG });
    const at = { name: 'com.foo.A', vip: '247.1.0.1' };
    await deliver(
      house,
      { ...at, port: 20880, version: '1', endpoints: ['10.0.0.1:1', 'host.example:2'] },
      { ...at, port: 20880, version: '2', endpoints: ['10.0.0.2:2'] },
      { ...at, version: '3', protocol: 'tri', endpoints: ['10.0.0.3:50051', '10.0.0.3:50052'] },
    );
    const { port } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    envoy.ask(['vip|247.1.0.1:20880', 'vip|247.1.0.1:50051', 'vip|247.1.0.1:1']);
    await envoy.has('vip|247.1.0.1:20880', '10.0.0.1:1 10.0.0.2:2');
    await envoy.has('vip|247.1.0.1:50051', '10.0.0.3:50051 10.0.0.3:50052');
    await envoy.has('vip|247.1.0.1:1', '');
  });

  test("a node's own zone goes before its region, and that before all others", async (t) => {
    const networkOf = (text: string) => {
      const network = parseNetwork(text);
      return network.ok ? network.value : assert.fail(network.reason);
    };
    const localities = [
      { region: 'hz', zone: 'z1', cidrs: [networkOf('10.1.0.0/16')] },
      { region: 'hz', zone: 'z2', cidrs: [networkOf('10.2.0.0/16')] },
      { region: 'sh', zone: 'z3', cidrs: [networkOf('10.3.0.0/16')] },
    ];
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.1.0.1:1', '10.2.0.1:1', '10.3.0.1:1', '10.9.0.1:1'));
    const { port, sidecars } = await serve(t, house, { localities });
    const [own, none] = [await Envoy.connect(t, port), await Envoy.connect(t, port)];
    own.ask([AT_A], { node: { id: 'a', locality: { region: 'hz', zone: 'z1' } } });
    none.ask([AT_A]);
    await own.has(AT_A, 'z1=10.1.0.1:1 | 1:z2=10.2.0.1:1 | 2:10.9.0.1:1 | 2:z3=10.3.0.1:1');
    await none.has(AT_A, '10.9.0.1:1 | z1=10.1.0.1:1 | z2=10.2.0.1:1 | z3=10.3.0.1:1');
    await deliver(house, A('10.2.0.1:1', '10.3.0.1:1'));
    await own.has(AT_A, 'z2=10.2.0.1:1 | 1:z3=10.3.0.1:1');
    sidecars.configure({ localities: [], zone: house.config.zone[0] ?? ROOT, istio: ISTIO });
    await own.has(AT_A, '10.2.0.1:1 10.3.0.1:1');
  });

  test('claims to be anywhere, and what is told is made once for all that are as far away', () => {
    const at = (zone: string) => ({ region: 'hz', zone });
    const subject = new Subject(AT_A, undefined);
    const endpoints = ['z1', 'z2'].map((zone, i) => {
      const [host, locality] = [`10.0.0.${i}`, at(zone)];
      return { host, port: 1, locality, weight: undefined, isAvoided: false };
    });
    subject.target = { interface: 'com.foo.A' as InterfaceName, endpoints, withoutAddress: 0 };
    const subscriptions = new Subscriptions(undefined as never, new Localities([]));
    const versions = new Set<string>();
    for (let i = 0; i < 1_000; i++) {
      versions.add(subscriptions.clusterOf(subject, at(`z${i}`)).version);
      versions.add(subscriptions.clusterOf(subject, { region: `r${i}`, zone: 'z' }).version);
    }
    versions.add(subscriptions.clusterOf(subject, undefined).version);
    assert.deepEqual([versions.size, subject.clusters.size], [3, 3]);
  });

  test('an endpoint that takes no connections is UNHEALTHY, but for where all are', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:1', '10.0.0.2:1'));
    const { port } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    envoy.ask([AT_A]);
    await envoy.has(AT_A, '10.0.0.1:1 10.0.0.2:1');
    house.events.intake.setRefusing('registry-0', new Set(['10.0.0.1:1']));
    await house.settle();
    await envoy.has(AT_A, '10.0.0.1:1! 10.0.0.2:1');
    house.events.intake.setRefusing('registry-0', new Set(['10.0.0.1:1', '10.0.0.2:1']));
    await house.settle();
    await envoy.has(AT_A, '10.0.0.1:1 10.0.0.2:1');
  });
});

suite('a hostile sidecar', () => {
  test('is bounded in names, and says nothing that harms another', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:1'));
    const { port, sidecars, told } = await serve(t, house);
    const [good, bad] = [await Envoy.connect(t, port), await Envoy.connect(t, port)];
    const names = Array.from({ length: 12_000 }, (_, i) => `vip|247.9.${i >> 8}.${i & 255}:1`);
    bad.ask(names, { node: { id: 'x'.repeat(5_000) } });
    await until('told', () => told.includes('more than 10000 names'), { deadlineMs: 10_000 });
    assert.ok([...sidecars.list()].every(({ vips }) => vips.length <= 10_000));
    good.ask([AT_A]);
    await good.has(AT_A, '10.0.0.1:1');
    await until('only so many are held', () => bad.removed.length > 0 && bad.clusters.size === 2_000, {
      deadlineMs: 10_000,
    });
    assert.ok([...sidecars.list()].every(({ node }) => node.length <= 200));
  });

  test('takes no share from others: one who asks for a little is answered, and told when it comes to be', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, B);
    const { port, sidecars, told } = await serve(t, house);
    const bad = await Promise.all(Array.from({ length: 6 }, () => Envoy.connect(t, port)));
    for (const [i, envoy] of bad.entries())
      envoy.ask(Array.from({ length: 10_000 }, (_, n) => `vip|247.${i}.${n >> 8}.${n & 255}:7`));
    await until('too many for all', () => told.length > 0);
    assert.ok(sidecars.subjects < 51_000, `${sidecars.subjects} names that lead nowhere`);
    const good = await Envoy.connect(t, port);
    good.ask([AT_A, AT_B, 'vip|247.1.0.2:1']);
    await good.has('vip|247.1.0.2:1', '');
    await good.has(AT_A, '');
    await good.has(AT_B, '10.0.0.9:1');
    await deliver(house, A('10.0.0.1:1'), B);
    await good.has(AT_A, '10.0.0.1:1');
    for (const { connection } of bad) connection.close();
    await until('what they had is free again', () => sidecars.subjects === 3);
    const next = await Envoy.connect(t, port);
    next.ask(Array.from({ length: 1_000 }, (_, n) => `vip|247.9.${n >> 8}.${n & 255}:7`));
    await until('all of them', () => next.clusters.size === 1_000);
  });

  test('is who it said it is first, and names that are too long are none', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:1'));
    const { port, sidecars } = await serve(t, house);
    const envoy = await Envoy.connect(t, port);
    for (const zone of ['z1', 'z2'])
      envoy.ask([AT_A, `vip|${'9'.repeat(500)}`], { node: { id: zone, locality: { region: 'r', zone } } });
    await envoy.has(AT_A, '10.0.0.1:1');
    await quiet();
    const [shown] = [...sidecars.list()];
    assert.deepEqual([shown?.node, shown?.locality, shown?.vips], ['z1', 'r/z1', [AT_A]]);
  });

  test('that sends garbage, or a frame without end, is left; who does it stands in the log', async (t) => {
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:1'));
    const { port, sidecars, told } = await serve(t, house);
    const garbage = await Envoy.connect(t, port);
    garbage.raw(Buffer.from('this is no protobuf'));
    await until('ended', () => garbage.status !== undefined);
    assert.equal(garbage.status?.code, 3);
    const endless = await Envoy.connect(t, port);
    endless.raw(Buffer.alloc(1_500_000));
    await until('ended too', () => endless.status !== undefined);
    assert.match(told[0] ?? '', /^garbage: no envoy/);
    const other = await Envoy.connect(t, port);
    other.ask([AT_A]);
    await other.has(AT_A, '10.0.0.1:1');
    await until('only it is left', () => sidecars.streams === 1);
  });

  test('without a certificate of the authority is not let in; certificates are exchanged while others are served', async (t) => {
    const [authority, stranger] = [await createAuthority(), await createAuthority('stranger')];
    const own = await authority.issue(['127.0.0.1', 'localhost']);
    const tls: ServerTls = { certificate: own.certificate, key: own.key, clientCa: authority.certificate };
    const house = await House.open({ config: CONFIG });
    await deliver(house, A('10.0.0.1:1'));
    const { port, sidecars, told } = await serve(t, house, { tls });
    const ca = authority.certificate;
    const known = await authority.issueClient('sidecar-7');
    const envoy = await Envoy.connect(t, port, { ca, certificate: known.certificate, key: known.key });
    envoy.ask([AT_A]);
    await envoy.has(AT_A, '10.0.0.1:1');
    assert.match([...sidecars.list()][0]?.peer ?? '', /\(sidecar-7\)$/);
    const unknown = await stranger.issueClient('sidecar-8');
    for (const certificate of [undefined, unknown]) {
      const refused = await Envoy.connect(t, port, {
        ca,
        ...(certificate === undefined ? {} : { certificate: certificate.certificate, key: certificate.key }),
      });
      await until('refused', () => refused.lost.length > 0);
    }
    assert.ok(
      told.some((text) => text.startsWith('rejected: TLS')),
      told.join(),
    );
    const next = await authority.issue(['127.0.0.1', 'localhost']);
    sidecars.setTls({ ...tls, certificate: next.certificate, key: next.key });
    const later = await Envoy.connect(t, port, { ca, certificate: known.certificate, key: known.key });
    later.ask([AT_A]);
    await later.has(AT_A, '10.0.0.1:1');
    await deliver(house, A('10.0.0.2:1'));
    await envoy.has(AT_A, '10.0.0.2:1');
  });
});

test('versions that share a VIP are counted, and told by lookup', async () => {
  const versions = ['1', '2'].map((version) => ({
    name: 'com.foo.A',
    version,
    port: 1,
    endpoints: [`10.0.0.${version}:1`],
  }));
  const house = await House.open({ config: CONFIG });
  await deliver(house, ...versions, B);
  assert.equal(house.events.feed.totals.sharing, 2);
  const [zone] = house.config.zone;
  assert.ok(zone !== undefined);
  assert.equal(explain(house.events, zone, 'com.foo.A' as never)?.sharing, 2);
  await deliver(house, ...versions.slice(1), B);
  assert.equal(house.events.feed.totals.sharing, 0);
  await house.configure(CONFIG.replace('reuseAfter', 'perVersion: true, reuseAfter'));
  await deliver(house, ...versions, B);
  assert.equal(house.events.feed.totals.sharing, 0);
});
