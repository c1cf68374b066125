/** The nacos registry against a real Nacos 2.2: the contract of all watchers, what the server does, and what applications write. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nacosKind } from '../../src/registry/nacos/registry.ts';
import type { Watcher } from '../../src/registry/watcher.ts';
import { startProvider } from '../support/dubbo.ts';
import { type Nacos, type NacosInstance, startNacos } from '../support/nacos.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { startSofaProvider } from '../support/sofarpc.ts';
import { startSpringApp } from '../support/spring-nacos.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const skip = skipWithout('nacos');
/** From the end of a fault to right data. */
const RIGHT_AFTER_MS = 5_000;
const GRPC = 1000;

let nacos: Nacos;
/** in front of HTTP and of gRPC */
let proxies: readonly TcpProxy[] = [];

before(async () => {
  if (skip !== false) return;
  nacos = await startNacos();
  const port = await freePort();
  proxies = [new TcpProxy(port, nacos.port), new TcpProxy(port + GRPC, nacos.port + GRPC)];
  await openProxies();
});

after(async () => {
  await closeProxies();
  await nacos?.remove();
});

const openProxies = (): Promise<unknown> => Promise.all(proxies.map((proxy) => proxy.open()));
const closeProxies = (): Promise<unknown> => Promise.all(proxies.map((proxy) => proxy.close()));

function open(sink: RecordingSink, keys: Readonly<Record<string, unknown>> = {}): Watcher {
  const config = nacosKind.schema.parse({
    kind: 'nacos',
    servers: `127.0.0.1:${proxies[0]?.port}`,
    interval: '250ms',
    ...keys,
  });
  return nacosKind.open(config as never, 'nacos', sink).watcher;
}

function dubbo(entry: ContractEntry): NacosInstance {
  const { host, port } = entry;
  return {
    service: `providers:${entry.interface.replaceAll('$', '___')}:${entry.version ?? ''}:${entry.group ?? ''}`,
    host,
    port,
    metadata: { interface: entry.interface, protocol: 'dubbo', application: 'user-app', side: 'provider' },
  };
}

let namespaces = 0;
watcherContract(
  'nacos',
  async () => {
    const namespace = `contract-${++namespaces}`;
    return {
      create: (sink) => open(sink as RecordingSink, { namespaces: [namespace] }),
      put: (entry) => nacos.register({ ...dubbo(entry), namespace }),
      remove: (entry) => nacos.deregister({ ...dubbo(entry), namespace }),
      putGarbage: () =>
        nacos.register({ service: 'providers:no interface:1.0.0:', host: '10.0.0.9', port: 1, namespace }),
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

describe('nacos: faults', { skip }, () => {
  let sink: RecordingSink;
  let watcher: Watcher;
  let namespace = '';

  const at = (name: string, host: string) => ({ ...dubbo({ interface: name, host, port: 1 }), namespace });
  const knows = (name: string, ...hosts: string[]): Promise<number> =>
    until(
      `${name}: ${hosts}`,
      () => String(sink.endpoints(name)) === String(hosts.map((host) => `${host}:1`)),
      {
        deadlineMs: RIGHT_AFTER_MS,
        everyMs: 5,
      },
    );
  const isLive = (deadlineMs = RIGHT_AFTER_MS) => until('live', () => sink.kind === 'live', { deadlineMs });
  const start = async (keys: Readonly<Record<string, unknown>> = {}): Promise<void> => {
    watcher = open(sink, { namespaces: [namespace], ...keys });
    watcher.start();
    await isLive();
  };

  beforeEach(async () => {
    namespace = `faults-${++namespaces}`;
    sink = new RecordingSink();
    await nacos.register(at(A, '10.0.0.1'));
  });
  afterEach(async () => {
    await watcher?.stop();
    for (const proxy of proxies) proxy.spoil = () => false;
  });

  it('delivers a change within a second, and a new service within its interval and a second', async () => {
    await start();
    const changes: number[] = [];
    const news: number[] = [];
    for (let i = 2; i < 7; i++) {
      const from = performance.now();
      await nacos.register(at(A, `10.0.0.${i}`));
      await knows(A, ...Array.from({ length: i }, (_, n) => `10.0.0.${n + 1}`));
      changes.push(performance.now() - from);
      const before = performance.now();
      await nacos.register(at(`${B}${i}`, '10.0.0.1'));
      await knows(`${B}${i}`, '10.0.0.1');
      news.push(performance.now() - before);
    }
    const worst = (all: readonly number[]) => Math.max(...all);
    console.log(
      `instance → update: at most ${worst(changes).toFixed(0)} ms; new service: ${worst(news).toFixed(0)} ms`,
    );
    assert.ok(worst(changes) < 1_000);
    assert.ok(worst(news) < 1_250);
  });

  it('leaves out what takes no calls, and has several groups and namespaces', async () => {
    await nacos.register({ ...at(A, '10.0.0.2'), enabled: false });
    await nacos.register({ ...at(A, '10.0.0.3'), weight: 0 });
    await nacos.register({ ...at(B, '10.0.0.4'), group: 'other' });
    await nacos.register({ ...at(B, '10.0.0.5'), group: 'third' });
    await nacos.register({ ...at(B, '10.0.0.6'), namespace: `${namespace}-2` });
    await start({ namespaces: [namespace, `${namespace}-2`], groups: ['DEFAULT_GROUP', 'other'] });
    assert.deepEqual([sink.endpoints(A), sink.endpoints(B)], [['10.0.0.1:1'], ['10.0.0.4:1', '10.0.0.6:1']]);
    await nacos.register({ ...at(B, '10.0.0.7'), namespace: `${namespace}-2` });
    await knows(B, '10.0.0.4', '10.0.0.6', '10.0.0.7');
  });

  it('has an application with what its metadata lists', async () => {
    const metadata = {
      'preserved.register.source': 'SPRING_CLOUD',
      interfaces: 'com.foo.C',
      version: '2.0.0',
    };
    await nacos.register({ service: 'order-app', host: '10.0.0.8', port: 8080, namespace, metadata });
    await start();
    const [application, listed] = sink.units.get(`${namespace}@@DEFAULT_GROUP@@order-app`) ?? [];
    assert.deepEqual(
      [application?.interface, application?.version, application?.protocol],
      ['@order-app', '2.0.0', 'http'],
    );
    assert.equal(listed?.interface, 'com.foo.C');
  });

  it('reads by HTTP what it cannot read by gRPC: garbage on that port', async () => {
    const [, grpc] = proxies;
    if (grpc === undefined) return;
    grpc.spoil = (_piece, client) => {
      client.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      return true;
    };
    await start();
    await nacos.register(at(A, '10.0.0.2'));
    await knows(A, '10.0.0.1', '10.0.0.2');
    await nacos.register(at(B, '10.0.0.3'));
    await knows(B, '10.0.0.3');
    await nacos.deregister(at(A, '10.0.0.1'));
    await knows(A, '10.0.0.2');
    assert.deepEqual(
      sink.states.map(({ kind }) => kind),
      ['syncing', 'live'],
    );
  });

  for (const [what, spoil] of [
    [
      'is cut in the middle of a frame',
      (piece: Buffer, client: { end(octets: Buffer): unknown }) =>
        client.end(piece.subarray(0, piece.length - 3)),
    ],
    [
      'brings noise',
      (piece: Buffer, client: { write(octets: Buffer): unknown }) =>
        client.write(piece.map((octet) => octet ^ 0x5a) as Buffer),
    ],
  ] as const) {
    it(`gets over a connection that ${what}`, async () => {
      const [, grpc] = proxies;
      await start();
      let left = 1;
      if (grpc !== undefined) {
        grpc.spoil = (piece, client) => {
          if (left-- <= 0) return false;
          spoil(piece, client);
          return true;
        };
      }
      await until('stale', () => sink.states.some(({ kind }) => kind === 'stale'));
      await isLive();
      await nacos.register(at(A, '10.0.0.2'));
      await knows(A, '10.0.0.1', '10.0.0.2');
      assert.equal(sink.deliveries.filter(({ unit }) => unit === undefined).length, 1);
    });
  }

  it('finds a frozen server, keeps what it knew, and is right soon after it goes on', async () => {
    await start();
    nacos.pause();
    const found = await until('stale', () => sink.kind === 'stale', { deadlineMs: 12_000 });
    assert.deepEqual([sink.deliveries.length, sink.endpoints(A)], [1, ['10.0.0.1:1']]);
    nacos.resume();
    const ms = await isLive();
    console.log(`frozen: found in ${found.toFixed(0)} ms, live ${ms.toFixed(0)} ms after it goes on`);
    await nacos.register(at(B, '10.0.0.2'));
    await knows(B, '10.0.0.2');
  });

  it('outlives a server that is killed and comes back empty: stale, and then what it says', async () => {
    await start();
    await nacos.kill();
    await until('stale', () => sink.kind === 'stale');
    await sleep(1_000);
    assert.deepEqual([sink.deliveries.length, sink.endpoints(A)], [1, ['10.0.0.1:1']]);
    await nacos.start();
    const ms = await isLive();
    console.log(`killed and restarted: live ${ms.toFixed(0)} ms after it serves`);
    await knows(A);
    await nacos.register(at(A, '10.0.0.2'));
    await knows(A, '10.0.0.2');
    assert.equal(sink.deliveries.filter(({ unit }) => unit === undefined).length, 1);
  });
});

describe('nacos: what real applications register', {
  skip: skip || skipWithout('dubbo', 'sofarpc', 'spring-nacos'),
}, () => {
  const Z = 'rpc.cluster.local.';
  const USER = 'com.foo.UserService';
  let server: Server;

  before(async () => {
    const registries = `registries: [{ kind: nacos, servers: "127.0.0.1:${nacos.port}", namespaces: [public, sofa-rpc], interval: 1s }]\n`;
    server = await startServer({ config: registries });
  });
  after(() => server?.stop());

  const answers = async (question: string): Promise<string[]> => {
    const { answer } = await server.query(question);
    return answer.map((line) => line.split(' ').slice(3).join(' ')).sort();
  };
  const shows = (question: string, ...expected: string[]): Promise<number> =>
    until(`${question}: ${expected}`, async () => String(await answers(question)) === String(expected), {
      deadlineMs: 10_000,
      everyMs: 10,
    });

  it('Dubbo: an interface with version and group, an inner class, an orderly end', async (t) => {
    const provider = await startProvider({
      nacos: `127.0.0.1:${nacos.port}`,
      host: '192.0.2.8',
      application: 'user-app',
      interfaces: [`${USER}:1.0.0:g1`, 'com.foo.OrderService$Inner'],
    });
    t.after(() => provider.kill());
    await shows(`_endpoints.UserService.foo.com.svc.${Z} A`, '192.0.2.8');
    await shows(`_endpoints.OrderService-Inner.foo.com.svc.${Z} A`, '192.0.2.8');
    const [vip = ''] = (await answers(`${USER}.${Z} A`)).filter((text) => /^\d/.test(text));
    assert.match(vip, /^247\./);
    assert.ok((await answers(`ver-1-0-0.grp-g1.${USER}.${Z} A`)).includes(vip));
    assert.deepEqual(await answers(`_dubbo._tcp.UserService.foo.com.svc.${Z} SRV`), [
      `0 0 ${provider.port} UserService.foo.com.svc.${Z}`,
    ]);
    assert.equal((await answers(`user-app.app.${Z} A`)).length, 2);
    await provider.export('com.foo.PayService');
    const ms = await shows(`_endpoints.PayService.foo.com.svc.${Z} A`, '192.0.2.8');
    console.log(`Dubbo exports one more: its name answers after ${ms.toFixed(0)} ms`);
    assert.ok(ms < 2_000);
    await provider.unexport('com.foo.PayService');
    assert.ok((await shows(`_endpoints.PayService.foo.com.svc.${Z} A`)) < 1_500);
    await provider.stop();
    await shows(`_endpoints.UserService.foo.com.svc.${Z} A`);
    assert.ok((await answers(`${USER}.${Z} A`)).includes(vip));
  });

  it('Dubbo by application mode alone, and by both: the same names, no endpoint twice, no application by its own entry', async (t) => {
    const endpoints = `_endpoints.ver-1-0-0.grp-g1.UserService.foo.com.svc.${Z} A`;
    for (const registerMode of ['instance', 'all'] as const) {
      const provider = await startProvider({
        nacos: `127.0.0.1:${nacos.port}`,
        host: '192.0.2.10',
        application: `${registerMode}-app`,
        registerMode,
        interfaces: [`${USER}:1.0.0:g1`, 'com.foo.OrderService$Inner'],
      });
      t.after(() => provider.kill());
      await shows(endpoints, '192.0.2.10');
      await shows(`_endpoints.OrderService-Inner.foo.com.svc.${Z} A`, '192.0.2.10');
      assert.deepEqual(await answers(`_dubbo._tcp.UserService.foo.com.svc.${Z} SRV`), [
        `0 0 ${provider.port} UserService.foo.com.svc.${Z}`,
      ]);
      // the application of its interfaces, which has no endpoints of its own
      assert.deepEqual(await answers(`_endpoints.${registerMode}-app.app.${Z} A`), []);
      await provider.export('com.foo.StockService:2.0.0');
      await shows(`_endpoints.ver-2-0-0.StockService.foo.com.svc.${Z} A`, '192.0.2.10');
      await provider.stop();
      await shows(endpoints);
    }
  });

  it('an instance of a known service answers within a second, and one of a new one within interval and a second', async () => {
    const at = (host: string) => ({ ...dubbo({ interface: 'com.foo.Quick', host, port: 1 }) });
    const question = `_endpoints.Quick.foo.com.svc.${Z} A`;
    const timed = async (host: string, ...expected: string[]): Promise<number> => {
      const from = performance.now();
      await nacos.register(at(host));
      await shows(question, ...expected);
      return performance.now() - from;
    };
    const fresh = await timed('192.0.2.21', '192.0.2.21');
    const known = await timed('192.0.2.22', '192.0.2.21', '192.0.2.22');
    console.log(`by DNS: new service ${fresh.toFixed(0)} ms, known one ${known.toFixed(0)} ms`);
    assert.ok(fresh < 2_000 && known < 1_000, `${fresh} ${known}`);
  });

  it('Spring Cloud Alibaba: an application, and the interfaces that it lists', async (t) => {
    const sink = new RecordingSink();
    const watcher = open(sink);
    watcher.start();
    t.after(() => watcher.stop());
    const app = await startSpringApp({
      nacos: `127.0.0.1:${nacos.port}`,
      application: 'order-service',
      host: '192.0.2.11',
      metadata: { interfaces: 'com.foo.Listed', version: '1.2.0' },
    });
    t.after(() => app.child.kill());
    const unit = 'public@@DEFAULT_GROUP@@order-service';
    await until('registered', () => sink.units.get(unit)?.length === 2);
    const endpoints = [{ host: '192.0.2.11', port: app.port, protocol: 'http' }];
    assert.deepEqual(
      sink.units.get(unit)?.map((one) => [one.interface, one.version, one.application, one.endpoints]),
      [
        ['@order-service', '1.2.0', 'order-service', endpoints],
        ['com.foo.Listed', '1.2.0', 'order-service', endpoints],
      ],
    );
    await shows(`_endpoints.Listed.foo.com.svc.${Z} A`, '192.0.2.11');
    await app.child.stop();
    await until('deregistered', () => sink.units.get(unit)?.length === 0);
    await shows(`_endpoints.Listed.foo.com.svc.${Z} A`);
  });

  it('SOFARPC: its namespace, uniqueId as group, kill -9', async (t) => {
    const provider = await startSofaProvider({
      nacos: `127.0.0.1:${nacos.port}`,
      host: '192.0.2.9',
      interfaces: [`${USER}:blue`, 'com.foo.OrderService'],
    });
    t.after(() => provider.kill());
    await shows(`_endpoints.grp-blue.UserService.foo.com.svc.${Z} A`, '192.0.2.9');
    await shows(
      `_bolt._tcp.OrderService.foo.com.svc.${Z} SRV`,
      `0 0 ${provider.port} OrderService.foo.com.svc.${Z}`,
    );
    await provider.kill();
    await shows(`_endpoints.grp-blue.UserService.foo.com.svc.${Z} A`);
  });
});
