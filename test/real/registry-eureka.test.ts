/** The eureka registry before real servers: the contract, overrides, evictions, restarts, peers. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EUREKA_DEFAULTS, type EurekaOptions } from '../../src/registry/eureka/options.ts';
import { createEurekaWatcher } from '../../src/registry/eureka/watcher.ts';
import { createEurekas, type Eureka } from '../support/eureka.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const skip = skipWithout('java', 'spring');
const METADATA = { interfaces: 'interfaces', version: 'version', group: 'group' };
const Z = 'rpc.cluster.local.';
const APP = 'USER-SERVICE';
/** From the end of a fault to right data. */
const RIGHT_AFTER_MS = 5_000;

function optionsOf(ports: readonly number[], more: Partial<EurekaOptions> = {}): EurekaOptions {
  const servers = ports.map((port) => ({ host: '127.0.0.1', port, path: '/eureka' }));
  return { ...EUREKA_DEFAULTS, servers, metadata: METADATA, intervalMs: 100, ...more };
}

const instance = (id: number, more: object = {}) => ({
  app: APP,
  id: `${id}`,
  host: `10.0.0.${id}`,
  port: 8080,
  metadata: { interfaces: 'com.foo.UserService', version: '1.0.0' },
  ...more,
});

async function hostsOf(server: Server, name = 'UserService.foo.com.svc'): Promise<string> {
  const { answer } = await server.query(`_endpoints.${name}.${Z} A`);
  return String(answer.map((line) => line.split(' ').at(-1)).sort());
}

function shows(server: Server, hosts: readonly string[], deadlineMs = RIGHT_AFTER_MS): Promise<number> {
  const expected = String(hosts);
  return until(`endpoints ${expected}`, async () => (await hostsOf(server)) === expected, { deadlineMs });
}

async function vipOf(server: Server): Promise<string> {
  const [answer = ''] = (await server.query(`user-service.app.${Z} A`)).answer;
  return answer.split(' ').at(-1) ?? '';
}

describe('one Eureka', { skip }, () => {
  let eureka: Eureka;

  before(async () => {
    [eureka] = (await createEurekas(1)) as [Eureka];
    await eureka.start();
  });
  after(() => eureka?.remove());

  watcherContract('eureka, a real one', async () => {
    const proxy = new TcpProxy(await freePort(), eureka.port);
    await proxy.open();
    const appOf = (entry: ContractEntry) => entry.interface.replaceAll('.', '-').toUpperCase();
    const idOf = ({ host, port }: ContractEntry) => `${host}:${port}`;
    return {
      create: (sink) => createEurekaWatcher(optionsOf([proxy.port]), sink),
      put: (entry) => {
        const { interface: interfaces, version = '', group = '', host, port } = entry;
        const metadata = { interfaces, version, group };
        return eureka.register({ app: appOf(entry), id: idOf(entry), host, port, metadata });
      },
      remove: (entry) => eureka.deregister(appOf(entry), idOf(entry)),
      putGarbage: () => eureka.register({ app: 'COM-FOO-USERSERVICE', id: 'bad', host: '?', port: 1 }),
      breakRegistry: () => proxy.close(),
      repairRegistry: () => proxy.open(),
      teardown: async () => {
        await proxy.close();
        await eureka.removeAll();
      },
    };
  });

  it('is answered: overrides, ends, evictions within poll and a second; frozen or restarted it harms nothing', async (t) => {
    await eureka.register(instance(1));
    await eureka.register(instance(2));
    const config = `registries: [{ kind: eureka, servers: "${eureka.url}/", interval: 1s, settleFor: 6s }]\n`;
    const server = await startServer({ config }, t);
    await server.ready();
    await shows(server, ['10.0.0.1', '10.0.0.2']);
    const vip = await vipOf(server);
    assert.match(vip, /^247\./);
    const within = 2_000;

    await eureka.register(instance(3));
    await shows(server, ['10.0.0.1', '10.0.0.2', '10.0.0.3'], within);
    await eureka.override(APP, '1', 'OUT_OF_SERVICE');
    await shows(server, ['10.0.0.2', '10.0.0.3'], within);
    await eureka.override(APP, '1', undefined);
    await shows(server, ['10.0.0.1', '10.0.0.2', '10.0.0.3'], within);
    await eureka.deregister(APP, '3');
    await shows(server, ['10.0.0.1', '10.0.0.2'], within);
    // nobody renews it, so it is evicted: after twice its lease, as Eureka counts
    await eureka.register(instance(4, { leaseSeconds: 1 }));
    await shows(server, ['10.0.0.1', '10.0.0.2', '10.0.0.4'], within);
    await shows(server, ['10.0.0.1', '10.0.0.2'], 8_000);

    const all = ['10.0.0.1', '10.0.0.2'];
    let mark = server.mark();
    eureka.pause();
    await server.logged(/no whole reply within 10 s/, mark);
    assert.equal(await hostsOf(server), String(all));
    mark = server.mark();
    eureka.resume();
    await eureka.register(instance(6));
    await shows(server, [...all, '10.0.0.6'], RIGHT_AFTER_MS);
    await eureka.deregister(APP, '6');
    // what goes while it settles goes later
    await shows(server, all, 10_000);

    // this one asks so seldom that it misses the restart
    const sink = new RecordingSink();
    const seldom = createEurekaWatcher(optionsOf([eureka.port], { intervalMs: 16_000 }), sink);
    t.after(() => seldom.stop());
    seldom.start();
    await until('live', () => sink.kind === 'live');
    const begun = performance.now();
    await eureka.kill();
    await server.logged(/nobody listens there/, mark);
    await eureka.start();
    assert.deepEqual(await eureka.apps(), [], 'it lost all, in good faith');
    assert.ok(performance.now() - begun < 12_000, 'the restart took too long for this test');
    assert.equal(await hostsOf(server), String(all));
    await eureka.register(instance(2));
    await eureka.register(instance(5));
    await shows(server, [...all, '10.0.0.5']);
    await shows(server, ['10.0.0.2', '10.0.0.5'], 10_000);
    assert.equal(await vipOf(server), vip);

    await until('the restart is seen', () => sink.states.length >= 4, { deadlineMs: 20_000 });
    assert.deepEqual(
      sink.states.map(({ kind }) => kind),
      ['syncing', 'live', 'stale', 'live'],
    );
    assert.match(
      JSON.stringify(sink.states),
      /does not know 1 of \d instances any more, and told no removal/,
    );
    assert.deepEqual(sink.endpoints('@user-service'), ['10.0.0.2:8080', '10.0.0.5:8080']);
  });
});

describe('two peers', { skip }, () => {
  let all: Eureka[];

  before(async () => {
    all = await createEurekas(2);
    for (const one of all) await one.start();
  });
  after(() => Promise.all((all ?? []).map((one) => one.remove())));

  const peersKnow = (count: number) =>
    until('the peers know the same', async () => {
      const known = await Promise.all(all.map((one) => one.apps()));
      return known.every((apps) => apps.length === count);
    });

  it('the death of the one that is followed changes nothing; a restarted one has copied the other', async (t) => {
    const [first] = all as [Eureka, Eureka];
    await first.register(instance(1));
    await first.register(instance(2));
    await peersKnow(2);
    const sink = new RecordingSink();
    const options = optionsOf(
      all.map(({ port }) => port),
      { requestTimeoutMs: 1_000 },
    );
    const watcher = createEurekaWatcher(options, sink);
    t.after(() => watcher.stop());
    watcher.start();
    await until('live', () => sink.kind === 'live');
    const servers = all.map(({ url }) => url).join();
    const server = await startServer(
      { config: `registries: [{ kind: eureka, servers: "${servers}", interval: 1s }]\n` },
      t,
    );
    await server.ready();
    await shows(server, ['10.0.0.1', '10.0.0.2']);

    // one after the other: one of them is the one that is followed
    for (const [i, one] of all.entries()) {
      const other = all[1 - i] as Eureka;
      const { length } = sink.deliveries;
      await one.kill();
      const added = instance(10 + i);
      await sleep(300);
      assert.equal(sink.deliveries.length, length, 'the peer knows the same');
      await other.register(added);
      const endpoint = `${added.host}:8080`;
      await until('news of the other', () => sink.endpoints('@user-service').includes(endpoint), {
        deadlineMs: RIGHT_AFTER_MS,
      });
      await until('news of the other, by DNS', async () => (await hostsOf(server)).includes(added.host), {
        deadlineMs: RIGHT_AFTER_MS,
      });
      await one.start();
      await peersKnow(3 + i);
    }
    const expected = ['10.0.0.10:8080', '10.0.0.11:8080', '10.0.0.1:8080', '10.0.0.2:8080'];
    assert.deepEqual(sink.endpoints('@user-service'), expected);
    assert.match(JSON.stringify(sink.states), /nobody listens there|closed without a whole reply/);

    // a frozen one is left for the other
    const states = sink.states.length;
    for (const one of all) {
      one.pause();
      const other = all.find((each) => each !== one) as Eureka;
      await other.override(APP, '1', 'DOWN');
      await until('the override', () => !sink.endpoints('@user-service').includes('10.0.0.1:8080'), {
        deadlineMs: 8_000,
      });
      await other.override(APP, '1', undefined);
      await until('its end', () => sink.endpoints('@user-service').includes('10.0.0.1:8080'), {
        deadlineMs: 8_000,
      });
      one.resume();
      await until('the peers agree', async () => {
        const lists = await Promise.all(all.map((each) => each.request('GET', `/apps/${APP}/1`)));
        return lists.every((text) => text.includes('"status":"UP"'));
      });
    }
    assert.ok(sink.states.length > states);
  });
});

describe('a Eureka that preserves itself', { skip }, () => {
  let eureka: Eureka;

  before(async () => {
    [eureka] = (await createEurekas(1, { selfPreservation: true })) as [Eureka];
    await eureka.start();
  });
  after(() => eureka?.remove());

  it('keeps a dead instance UP for ever; probe: tcp takes it out of _endpoints', async (t) => {
    const living = createServer((socket) => socket.destroy());
    await new Promise<void>((done) => living.listen(0, '127.0.0.1', done));
    t.after(() => living.close());
    const { port } = living.address() as AddressInfo;
    const dead = { host: '127.0.0.2', port: await freePort('127.0.0.2'), leaseSeconds: 1 };
    await eureka.register(instance(1, { host: '127.0.0.1', port, leaseSeconds: 1 }));
    await eureka.register(instance(2, dead));
    const config = `registries: [{ kind: eureka, servers: "${eureka.url}", interval: 1s, probe: tcp }]\n`;
    const server = await startServer({ config }, t);
    await server.ready();
    await shows(server, ['127.0.0.1', '127.0.0.2']);
    const vip = await vipOf(server);
    await shows(server, ['127.0.0.1'], 40_000);
    assert.equal((await eureka.apps()).length, 2, 'far beyond its lease');
    assert.match(await eureka.request('GET', `/apps/${APP}/2`), /"status":"UP"/);
    assert.equal(await vipOf(server), vip);
  });
});
