/** The sofaregistry registry against a real SOFARegistry 6.3: the contract of all watchers, faults, and what real SOFARPC publishes. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { sofaregistryKind } from '../../src/registry/sofaregistry/registry.ts';
import type { Watcher } from '../../src/registry/watcher.ts';
import { skipWithoutNamespaces } from '../support/netns.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { SofaPublisher } from '../support/sofa-publisher.ts';
import { type SofaRegistry, startSofaRegistry } from '../support/sofaregistry.ts';
import { startSofaProvider } from '../support/sofarpc.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const skip = skipWithoutNamespaces() || skipWithout('sofaregistry');
/** From the end of a fault to right data. */
const RIGHT_AFTER_MS = 5_000;
/** From the publication of what is known to the update. */
const PUSHED_MS = 3_000;

let registry: SofaRegistry;
let publisher: SofaPublisher;
/** in front of SOFABolt, of the session server's and of the data server's HTTP */
let proxies: readonly TcpProxy[] = [];
/** where the proxies are: as many characters as the server's own, which they put in its place */
let proxyHost = '';

before(async () => {
  if (skip !== false) return;
  registry = await startSofaRegistry();
  publisher = await SofaPublisher.open(registry.host);
  proxyHost = registry.host.replace('198.', '127.');
  proxies = [9600, 9603, 9622].map((port) => new TcpProxy(port, port, proxyHost, registry.host));
  behave();
  await openProxies();
});

after(async () => {
  publisher?.close();
  await closeProxies();
  await registry?.remove();
});

const openProxies = (): Promise<unknown> => Promise.all(proxies.map((proxy) => proxy.open()));
const closeProxies = (): Promise<unknown> => Promise.all(proxies.map((proxy) => proxy.close()));

function behave(): void {
  for (const [i, proxy] of proxies.entries()) {
    proxy.spoil = (piece, client) => {
      if (i === 0) return false;
      client.write(Buffer.from(piece.toString('latin1').replaceAll(registry.host, proxyHost), 'latin1'));
      return true;
    };
  }
}

function open(sink: RecordingSink, keys: Readonly<Record<string, unknown>> = {}): Watcher {
  const config = sofaregistryKind.schema.parse({
    kind: 'sofaregistry',
    servers: proxyHost,
    interval: '250ms',
    ...keys,
  });
  return sofaregistryKind.open(config as never, 'sofaregistry', sink).watcher;
}

/** What this test published, by instance and dataId. */
class Published {
  readonly #instance: string;
  readonly #data = new Map<string, Set<string>>();

  constructor(instance: string) {
    this.#instance = instance;
  }

  put({ interface: name, group, host, port }: ContractEntry): Promise<void> {
    return this.#change(name, group, (all) => all.add(`${host}:${port}?appName=user-app&_WEIGHT=100`));
  }

  remove({ interface: name, group, host, port }: ContractEntry): Promise<void> {
    return this.#change(name, group, (all) => all.delete(`${host}:${port}?appName=user-app&_WEIGHT=100`));
  }

  async #change(
    name: string,
    group: string | undefined,
    change: (all: Set<string>) => unknown,
  ): Promise<void> {
    const dataId = `${name}:1.0${group === undefined ? '' : `:${group}`}@DEFAULT`;
    const all = this.#data.get(dataId) ?? new Set();
    this.#data.set(dataId, all);
    change(all);
    const publication = { dataId, data: [...all], instance: this.#instance };
    if (all.size > 0) await publisher.publish(publication);
    else await publisher.unpublish(publication);
    await this.isListed(dataId, all.size > 0 ? 1 : 0);
  }

  /** The data server has it by then. */
  isListed(dataId: string, publishers: number): Promise<number> {
    const line = `,${dataId}#@#${this.#instance}#@#SOFA,${publishers}"`;
    return until(`${dataId}: ${publishers}`, async () =>
      (await registry.get(9622, '/digest/datum/getDataInfoIdList')).includes(line),
    );
  }
}

let instances = 0;
watcherContract(
  'sofaregistry',
  async () => {
    const instance = `contract-${++instances}`;
    const published = new Published(instance);
    return {
      hasNoVersions: true,
      // what changed while nobody was subscribed its session server learns by a look each 5 s
      rightAfterMs: 9_000,
      create: (sink) => open(sink as RecordingSink, { instance }),
      put: (entry) => published.put(entry),
      remove: (entry) => published.remove(entry),
      putGarbage: async () => {
        await publisher.publish({ dataId: 'no interface:1.0@DEFAULT', data: ['10.0.0.9:1'], instance });
        await published.isListed('no interface:1.0@DEFAULT', 1);
      },
      breakRegistry: async () => void (await closeProxies()),
      repairRegistry: async () => void (await openProxies()),
      teardown: async () => {
        await closeProxies();
        await openProxies();
      },
    };
  },
  { skip },
);

const A = 'com.foo.A';
const B = 'com.foo.B';
const at = (name: string, host: string): ContractEntry => ({ interface: name, host, port: 1 });

describe('sofaregistry: faults', { skip }, () => {
  let sink: RecordingSink;
  let watcher: Watcher;
  let published: Published;
  let instance = '';

  const knows = (name: string, ...hosts: string[]): Promise<number> =>
    until(
      `${name}: ${hosts}`,
      () => String(sink.endpoints(name)) === String(hosts.map((host) => `${host}:1`)),
      { deadlineMs: RIGHT_AFTER_MS, everyMs: 5 },
    );
  const isLive = (deadlineMs = RIGHT_AFTER_MS) => until('live', () => sink.kind === 'live', { deadlineMs });
  const start = async (keys: Readonly<Record<string, unknown>> = {}): Promise<void> => {
    watcher = open(sink, { instance, ...keys });
    watcher.start();
    await isLive();
  };

  beforeEach(async () => {
    instance = `faults-${++instances}`;
    published = new Published(instance);
    sink = new RecordingSink();
    await published.put(at(A, '10.0.0.1'));
  });
  afterEach(async () => {
    behave();
    for (const proxy of proxies) proxy.hold(false);
    await watcher?.stop();
  });

  it('delivers a change within 3 s, and a new interface within its interval and 3 s', async () => {
    await start();
    const changes: number[] = [];
    const news: number[] = [];
    for (let i = 2; i < 5; i++) {
      const from = performance.now();
      await published.put(at(A, `10.0.0.${i}`));
      await knows(A, ...Array.from({ length: i }, (_, n) => `10.0.0.${n + 1}`));
      changes.push(performance.now() - from);
      const before = performance.now();
      await published.put(at(`${B}${i}`, '10.0.0.1'));
      await knows(`${B}${i}`, '10.0.0.1');
      news.push(performance.now() - before);
    }
    const worst = (all: readonly number[]) => Math.max(...all);
    console.log(
      `publication → update: at most ${worst(changes).toFixed(0)} ms; new interface: ${worst(news).toFixed(0)} ms`,
    );
    assert.ok(worst(changes) < PUSHED_MS);
    assert.ok(worst(news) < PUSHED_MS + 250);
  });

  it('takes what is foreign for no fault: counted, and harming nothing', async () => {
    await publisher.publish({ dataId: 'TP_TRADE', group: 'MSG', data: ['whatever'], instance });
    await start();
    await until('skipped', () => sink.skips.some(({ reason }) => reason === 'foreign'));
    await published.put(at(A, '10.0.0.2'));
    await knows(A, '10.0.0.1', '10.0.0.2');
    assert.equal(sink.skips.length, 1);
  });

  it('reads names from session servers when no data server can be reached', async () => {
    await proxies[2]?.close();
    try {
      await start();
      await published.put(at(B, '10.0.0.2'));
      await knows(B, '10.0.0.2');
      assert.deepEqual(sink.endpoints(A), ['10.0.0.1:1']);
      assert.equal(sink.states.length, 2);
    } finally {
      await proxies[2]?.open();
    }
  });

  for (const [what, spoil] of [
    ['is cut in the middle of a frame', (piece: Buffer, client: Socket) => client.end(piece.subarray(0, -3))],
    [
      'brings noise',
      (piece: Buffer, client: Socket) => client.write(piece.map((octet) => octet ^ 0x5a) as Buffer),
    ],
    [
      'garbles the inside of a frame',
      (piece: Buffer, client: Socket) =>
        client.write(piece.map((octet, i) => (i < 24 ? octet : octet ^ 0xff)) as Buffer),
    ],
  ] as const) {
    it(`gets over a connection that ${what}`, async () => {
      await start();
      let left = 1;
      const [bolt] = proxies;
      assert.ok(bolt !== undefined);
      bolt.spoil = (piece, client) => {
        if (left-- <= 0) return false;
        spoil(piece, client);
        return true;
      };
      await published.put(at(A, '10.0.0.2'));
      await until('stale', () => sink.states.some(({ kind }) => kind === 'stale'), { deadlineMs: 20_000 });
      await isLive();
      await knows(A, '10.0.0.1', '10.0.0.2');
      assert.equal(sink.deliveries.filter(({ unit }) => unit === undefined).length, 1);
    });
  }

  it('finds a frozen server, keeps what it knew, and is right soon after it goes on', async () => {
    await start();
    registry.pause();
    const found = await until('stale', () => sink.kind === 'stale', { deadlineMs: 12_000 });
    assert.deepEqual([sink.deliveries.length, sink.endpoints(A)], [1, ['10.0.0.1:1']]);
    registry.resume();
    const ms = await isLive();
    console.log(`frozen: found in ${found.toFixed(0)} ms, live ${ms.toFixed(0)} ms after it goes on`);
    await published.put(at(B, '10.0.0.2'));
    await knows(B, '10.0.0.2');
  });

  it('outlives a server that is killed and comes back empty: stale, and then what it says', async () => {
    await start();
    await registry.kill();
    await until('stale', () => sink.kind === 'stale');
    publisher.close();
    assert.deepEqual([sink.deliveries.length, sink.endpoints(A)], [1, ['10.0.0.1:1']]);
    await registry.start();
    const ms = await isLive();
    console.log(`killed and restarted: live ${ms.toFixed(0)} ms after it serves`);
    await knows(A);
    publisher = await SofaPublisher.open(registry.host);
    published = new Published(instance);
    await published.put(at(A, '10.0.0.2'));
    await knows(A, '10.0.0.2');
    assert.equal(sink.deliveries.filter(({ unit }) => unit === undefined).length, 1);
  });
});

describe('sofaregistry: what real SOFARPC publishes', { skip: skip || skipWithout('sofarpc') }, () => {
  const Z = 'rpc.cluster.local.';
  const USER = 'com.foo.UserService';
  let server: Server;

  before(async () => {
    const config = `registries: [{ kind: sofaregistry, servers: "${registry.host}:9603", settleFor: 12s }]\n`;
    server = await startServer({ config });
  });
  after(() => server?.stop());

  const answers = async (question: string): Promise<string[]> => {
    const { answer } = await server.query(question);
    return answer.map((line) => line.split(' ').slice(3).join(' ')).sort();
  };
  const shows = (question: string, expected: readonly string[], deadlineMs = 10_000): Promise<number> =>
    until(`${question}: ${expected}`, async () => String(await answers(question)) === String(expected), {
      deadlineMs,
      everyMs: 10,
    });
  const endpointsOf = (name: string) => `_endpoints.${name}.foo.com.svc.${Z} A`;

  it('names, endpoints, kill -9; and a server that comes back empty while settleFor holds', async (t) => {
    const start = (host: string, ...interfaces: string[]) =>
      startSofaProvider({
        sofaregistry: '127.0.0.1:9603',
        host,
        port: 12_200 + interfaces.length,
        interfaces,
        launch: registry.launch,
      });
    const first = await start('192.0.2.31', `${USER}:blue`, 'com.foo.OrderService');
    t.after(() => first.kill());
    const named = await shows(endpointsOf('grp-blue.UserService'), ['192.0.2.31']);
    assert.ok(named < 5_000, `${named}`);
    await shows(`_bolt._tcp.OrderService.foo.com.svc.${Z} SRV`, [
      `0 0 ${first.port} OrderService.foo.com.svc.${Z}`,
    ]);
    const [vip = ''] = (await answers(`${USER}.${Z} A`)).filter((text) => /^\d/.test(text));
    assert.match(vip, /^247\./);
    assert.ok((await answers(`sofa-app.app.${Z} A`)).includes(vip));

    const second = await start('192.0.2.32', 'com.foo.OrderService');
    t.after(() => second.kill());
    await shows(endpointsOf('OrderService'), ['192.0.2.31', '192.0.2.32']);
    await second.kill();
    const gone = await shows(endpointsOf('OrderService'), ['192.0.2.31']);
    console.log(
      `SOFARPC: named ${named.toFixed(0)} ms after READY, gone ${gone.toFixed(0)} ms after kill -9`,
    );

    // what follows the server says in good faith: nothing, until the provider is back
    await first.kill();
    await registry.kill();
    await registry.start();
    const restarted = performance.now();
    const third = await start('192.0.2.33', `${USER}:blue`);
    t.after(() => third.kill());
    await shows(endpointsOf('grp-blue.UserService'), ['192.0.2.31', '192.0.2.33']);
    assert.deepEqual(await answers(endpointsOf('OrderService')), ['192.0.2.31']);
    const held = performance.now() - restarted;
    await shows(endpointsOf('OrderService'), [], 20_000);
    const settled = performance.now() - restarted;
    console.log(
      `settleFor 12s: held at ${held.toFixed(0)} ms, right ${settled.toFixed(0)} ms after the restart`,
    );
    assert.ok(settled < 12_000 + RIGHT_AFTER_MS);
    assert.deepEqual(await answers(endpointsOf('grp-blue.UserService')), ['192.0.2.33']);
    // an orderly end; the name and its VIP stay
    await third.stop();
    await shows(endpointsOf('grp-blue.UserService'), []);
    assert.ok((await answers(`${USER}.${Z} A`)).includes(vip));
  });
});
