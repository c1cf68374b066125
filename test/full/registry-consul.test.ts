/** The consul watcher against a real Consul: the contract, and what it does to its clients. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CONSUL_DEFAULTS } from '../../src/registry/consul/options.ts';
import { createConsulWatcher } from '../../src/registry/consul/watcher.ts';
import { type Consul, startConsul } from '../support/consul.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { startServer } from '../support/server.ts';
import { startConsulApp } from '../support/spring-consul.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const METADATA = { interfaces: 'interfaces', version: 'version', group: 'group' };

let consul: Consul;
let proxy: TcpProxy;

before(async () => {
  consul = await startConsul();
  proxy = new TcpProxy(await freePort(), consul.port);
  await proxy.open();
});
after(async () => {
  await proxy.close();
  await consul.kill();
});

const optionsOf = (port: number) => ({
  ...CONSUL_DEFAULTS,
  server: { host: '127.0.0.1', port },
  metadata: METADATA,
});

watcherContract('consul, a real one', async () => {
  const known = new Set<string>();
  const idOf = ({ interface: name, host, port }: ContractEntry) => `${name}-${host}-${port}`;
  const put = (id: string, entry: ContractEntry, address: string) => {
    known.add(id);
    const { version = '', group = '' } = entry;
    const meta = { interfaces: entry.interface, version, group };
    return consul.put({ name: entry.interface, id, address, port: entry.port, meta });
  };
  const USER = { interface: 'com.foo.UserService', host: '', port: 1 };
  return {
    create: (sink) => createConsulWatcher(optionsOf(proxy.port), sink),
    put: (entry) => put(idOf(entry), entry, entry.host),
    remove: async (entry) => {
      known.delete(idOf(entry));
      await consul.remove(idOf(entry));
    },
    putGarbage: () => put('garbage', USER, 'no.such_host-.'),
    breakRegistry: () => proxy.close(),
    repairRegistry: () => proxy.open(),
    teardown: async () => {
      await proxy.close();
      await proxy.open();
      for (const id of known) await consul.remove(id);
    },
  };
});

describe('a real Consul', () => {
  it('checks, maintenance, a freeze, and a restart that forgets all', async (t) => {
    const sink = new RecordingSink();
    const watcher = createConsulWatcher(optionsOf(consul.port), sink);
    t.after(() => watcher.stop());
    const cart = (id: number) => ({ name: 'cart-app', id: `cart-${id}`, address: `10.0.0.${id}`, port: 1 });
    const knows = (...hosts: string[]): Promise<number> =>
      until(
        `endpoints ${hosts}`,
        () => String(sink.endpoints('@cart-app')) === String(hosts.map((host) => `${host}:1`)),
        {
          deadlineMs: 5_000,
          everyMs: 2,
        },
      );
    await consul.put(cart(1));
    await consul.put(cart(2));
    watcher.start();
    await knows('10.0.0.1', '10.0.0.2');
    const times: number[] = [];
    for (const [change, hosts] of [
      [() => consul.setStatus('cart-1', 'critical'), ['10.0.0.2']],
      [() => consul.setStatus('cart-1', 'warning'), ['10.0.0.1', '10.0.0.2']],
      [() => consul.setMaintenance('cart-2', true), ['10.0.0.1']],
      [() => consul.setMaintenance('cart-2', false), ['10.0.0.1', '10.0.0.2']],
      [() => consul.put(cart(3)), ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
      [() => consul.remove('cart-3'), ['10.0.0.1', '10.0.0.2']],
    ] as const) {
      await change();
      times.push(await knows(...hosts));
    }
    console.log(`change → update: worst ${Math.max(...times).toFixed(0)} ms`);
    assert.ok(Math.max(...times) < 300);
    assert.equal(sink.states.filter(({ kind }) => kind === 'stale').length, 0);

    consul.pause();
    await until('stale', () => sink.kind === 'stale', { deadlineMs: 8_000 });
    consul.resume();
    await until('live', () => sink.kind === 'live', { deadlineMs: 5_000 });
    await knows('10.0.0.1', '10.0.0.2');

    await consul.kill();
    await until('stale', () => sink.kind === 'stale');
    assert.deepEqual(sink.endpoints('@cart-app'), ['10.0.0.1:1', '10.0.0.2:1']);
    await consul.start();
    await consul.put(cart(4));
    await knows('10.0.0.4');
    await until('live', () => sink.kind === 'live', { deadlineMs: 5_000 });
  });
});

describe('a Spring Cloud application in a real Consul', () => {
  it('answers by name; SIGTERM takes it away, kill -9 when its check turns critical', async (t) => {
    const own = await startConsul();
    t.after(() => own.kill());
    const server = await startServer({
      config: `registries: [{ kind: consul, server: "127.0.0.1:${own.port}" }]\n`,
    });
    t.after(() => server.stop());
    await server.ready();
    const NAME = 'user-service.app.rpc.cluster.local.';
    const answers = async (question: string): Promise<string[]> =>
      (await server.query(question)).answer.map((line) => line.split(' ').slice(3).join(' ')).sort();
    const shows = (deadlineMs: number, ...hosts: string[]): Promise<number> =>
      until(
        `endpoints ${hosts}`,
        async () => String(await answers(`_endpoints.${NAME} A`)) === String(hosts),
        { deadlineMs, everyMs: 5 },
      );
    const checks = async (): Promise<string[]> => {
      const reply = await fetch(`${own.url}/v1/health/checks/user-service`);
      return ((await reply.json()) as { readonly Status: string }[]).map(({ Status }) => Status);
    };
    const seen = (deadlineMs: number, ...statuses: string[]): Promise<number> =>
      until(`checks ${statuses}`, async () => String(await checks()) === String(statuses), {
        deadlineMs,
        everyMs: 5,
      });
    const metadata = { interfaces: 'com.foo.UserService', version: '1.0.0' };
    const start = (host: string) =>
      startConsulApp({ consulPort: own.port, application: 'user-service', host, metadata });

    const starting = start('192.0.2.2');
    await seen(60_000, 'passing');
    const upMs = await shows(300, '192.0.2.2');
    const first = await starting;
    const [vip = ''] = await answers(`${NAME} A`);
    assert.match(vip, /^247\./);
    assert.deepEqual(await answers(`_http._tcp.${NAME} SRV`), [`0 0 ${first.port} ${NAME}`]);
    assert.match(
      (await answers(`${NAME} TXT`)).join(),
      /"application=user-service" "protocol=http".*consul:/,
    );
    assert.match((await answers('com.foo.UserService.rpc.cluster.local. A')).join(), /247\./);

    const stopping = first.stop();
    await seen(10_000);
    const downMs = await shows(300);
    await stopping;
    assert.deepEqual(await answers(`${NAME} A`), [vip]);

    const second = await start('192.0.2.3');
    await shows(10_000, '192.0.2.3');
    await second.kill();
    assert.deepEqual(await answers(`_endpoints.${NAME} A`), ['192.0.2.3']);
    const criticalMs = await seen(10_000, 'critical');
    const goneMs = await shows(300);
    assert.deepEqual(await answers(`${NAME} A`), [vip]);
    console.log(
      `passing → answer ${upMs.toFixed(0)} ms, deregistered → gone ${downMs.toFixed(0)} ms; kill -9 → critical ${criticalMs.toFixed(0)} ms → gone ${goneMs.toFixed(0)} ms`,
    );
  });
});
