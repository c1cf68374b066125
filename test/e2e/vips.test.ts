/** What the pool promises (contract 1.3), with real processes and restarts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/process.ts';
import {
  CONFIG_FILE,
  completeConfig,
  createSite,
  type Server,
  startOn,
  startServer,
} from '../support/server.ts';

const Z = 'rpc.cluster.local.';
const FILES = 'registries: [{ kind: file, path: interfaces.yaml }]\n';

function interfaces(...names: string[]): string {
  return `interfaces:\n${names.map((name) => `  - { name: ${name}, port: 20880 }\n`).join('')}`;
}

function many(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `com.foo.p${i % 7}.Service${i}`);
}

async function ready(server: Server): Promise<Server> {
  await until('ready', async () => (await server.http('/ready')).status === 200);
  return server;
}

async function vips(server: Server, names: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of names) {
    const { answer } = await server.query(`${name}.${Z} A`);
    found.set(name, answer.at(-1)?.split(' ').at(-1) ?? '');
  }
  return found;
}

for (const how of ['SIGTERM', 'kill -9'] as const) {
  test(`every interface has the VIP it had, after ${how} and a restart`, async (t) => {
    const names = many(50);
    let server = await ready(
      await startServer({ config: FILES, files: { 'interfaces.yaml': interfaces(...names) } }),
    );
    t.after(() => server.kill());
    const before = await vips(server, names);
    assert.equal(new Set(before.values()).size, names.length, 'one VIP for each interface');
    await (how === 'SIGTERM' ? server.stop() : server.kill());
    server = await ready(await startOn(server));
    assert.deepEqual(await vips(server, names), before);
  });
}

test('a changed pool moves only the VIPs that lie outside it', async (t) => {
  const names = many(40);
  const config = (pool: string) => `${FILES}vips: { pools: ["${pool}"] }\n`;
  let server = await ready(
    await startServer({ config: config('247.1.0.0/24'), files: { 'interfaces.yaml': interfaces(...names) } }),
  );
  t.after(() => server.kill());
  const before = await vips(server, names);
  await server.stop();
  server.write(CONFIG_FILE, completeConfig(config('247.1.0.0/25'), server));
  server = await ready(await startOn(server));
  const after = await vips(server, names);
  let moved = 0;
  for (const [name, vip] of before) {
    const inside = Number(vip.split('.')[3]) < 128;
    if (inside) assert.equal(after.get(name), vip, name);
    else {
      moved++;
      assert.notEqual(after.get(name), vip, name);
      assert.ok(Number(after.get(name)?.split('.')[3]) < 128);
    }
  }
  assert.ok(moved > 0 && moved < names.length, `${moved} of ${names.length} lay outside`);
});

test('a full pool: a clear error, metric and lookup; every other name unharmed; freed by release', async (t) => {
  // a /30 has two usable addresses
  const names = ['com.foo.A', 'com.foo.B', 'com.foo.C'];
  const server = await ready(
    await startServer({
      config: `${FILES}vips: { pools: ["247.1.0.4/30"] }\n`,
      files: { 'interfaces.yaml': interfaces(...names) },
    }),
  );
  t.after(() => server.kill());
  const full = await server.query(`C.foo.com.svc.${Z} A`);
  assert.equal(full.rcode, 2);
  assert.deepEqual(full.errors, [{ code: 0, text: 'VIP pool full: 247.1.0.4/30 (2 used, 0 quarantined)' }]);
  assert.equal((await server.query(`C.foo.com.svc.${Z} TXT`)).answer.length, 1, 'other types answer');
  assert.equal((await server.query(`C.foo.com.svc.${Z} AAAA`)).rcode, 2);
  for (const name of ['A', 'B'])
    assert.equal((await server.query(`${name}.foo.com.svc.${Z} A`)).answer.length, 1);
  assert.equal(await server.metric('rpcdns_interfaces_without_vip'), 1);
  assert.equal(await server.metric('rpcdns_vip_pool_capacity', { pool: '247.1.0.4/30' }), 2);
  assert.equal(await server.metric('rpcdns_vip_pool_used', { pool: '247.1.0.4/30' }), 2);
  const lookup = await server.cli('lookup', 'com.foo.C');
  assert.match(lookup.stdout, /VIP {14}none: VIP pool full: 247\.1\.0\.4\/30/);

  const live = await server.cli('vips', 'release', 'com.foo.A');
  assert.equal(live.status, 1);
  assert.match(live.stderr, /is being answered: a live name is not released/);

  server.write('interfaces.yaml', interfaces('com.foo.B', 'com.foo.C'));
  await until('A to be gone', async () => (await server.query(`com.foo.A.${Z} A`)).rcode === 3);
  assert.equal((await server.query(`C.foo.com.svc.${Z} A`)).rcode, 2, 'its address rests');
  assert.equal(await server.metric('rpcdns_vip_pool_quarantined', { pool: '247.1.0.4/30' }), 1);
  const released = await server.cli('vips', 'release', 'com.foo.A');
  assert.match(released.stdout, /^released 247\.1\.0\.[56] of com\.foo\.A$/m);
  await until('C to have it', async () => (await server.query(`C.foo.com.svc.${Z} A`)).rcode === 0);
});

test('an address that rested for reuseAfter is given to who waits; the owner gets it back before that', async (t) => {
  const server = await ready(
    await startServer({
      config: `${FILES}vips: { pools: ["247.1.0.4/30"], reuseAfter: 3s }\n`,
      files: { 'interfaces.yaml': interfaces('com.foo.A', 'com.foo.B', 'com.foo.C') },
    }),
  );
  t.after(() => server.kill());
  const before = await vips(server, ['com.foo.A']);
  server.write('interfaces.yaml', interfaces('com.foo.B', 'com.foo.C'));
  await until('A to be gone', async () => (await server.query(`com.foo.A.${Z} A`)).rcode === 3);
  server.write('interfaces.yaml', interfaces('com.foo.A', 'com.foo.B', 'com.foo.C'));
  await until('A to be back', async () => (await server.query(`com.foo.A.${Z} A`)).rcode === 0);
  assert.deepEqual(await vips(server, ['com.foo.A']), before);
  const goneAt = Date.now();
  server.write('interfaces.yaml', interfaces('com.foo.B', 'com.foo.C'));
  await until('C to have an address', async () => (await server.query(`C.foo.com.svc.${Z} A`)).rcode === 0, {
    deadlineMs: 10_000,
  });
  assert.ok(Date.now() - goneAt >= 3000, 'not before reuseAfter');
  assert.deepEqual([...(await vips(server, ['com.foo.C'])).values()], [...before.values()]);
});

test('vips list asks the server, and reads the store when none runs', async (t) => {
  const site = await createSite({ config: FILES, files: { 'interfaces.yaml': interfaces('com.foo.A') } });
  const none = await site.cli('vips');
  assert.equal(none.status, 1);
  assert.match(
    none.stderr,
    /no server is running on the control socket .*; and there is no store data\/rpc-dns\.db/,
  );
  const server = await ready(await startOn(site));
  t.after(() => server.kill());
  const listed = await server.cli('vips', 'list');
  assert.match(listed.stdout, /^247\.\d+\.\d+\.\d+ +com\.foo\.A \(pool\)$/m);
  await server.stop();
  assert.equal((await site.cli('vips', 'list')).stdout, listed.stdout);
});
