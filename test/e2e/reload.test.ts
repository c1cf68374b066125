/** What a reload must not disturb: files that are watched, and readiness (contract 1.4 and 1.6). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/process.ts';
import { CONFIG_FILE, completeConfig, type Server, startServer } from '../support/server.ts';

const Z = 'rpc.cluster.local.';
const FILES = 'registries: [{ kind: file, path: interfaces.yaml }]\n';
const A = 'interfaces:\n  - { name: com.foo.A, port: 1 }\n';
const AB = `${A}  - { name: com.foo.B, port: 1 }\n`;

const exists = async (server: Server, name: string) => (await server.query(`${name}.${Z} A`)).rcode === 0;

async function started(config: string, interfaces: string): Promise<Server> {
  const server = await startServer({ config, files: { 'interfaces.yaml': interfaces } });
  await server.ready();
  return server;
}

test('fault 10: files are watched after a reload that failed', async (t) => {
  const server = await started(FILES, A);
  t.after(() => server.kill());
  for (const bad of ['answers: { style: round }\n', 'answers: [', 'registries: [{ kind: file }]\n']) {
    const from = server.mark();
    server.write(CONFIG_FILE, completeConfig(FILES + bad, server));
    await server.logged(/not reloaded: the running configuration stays/, from);
  }
  server.write(CONFIG_FILE, completeConfig(`${FILES}answers: { ttl: 8 }\n`, server));
  await until('ttl 8, without a signal', async () =>
    / 8 CNAME /.test((await server.query(`com.foo.A.${Z} A`)).answer[0] ?? ''),
  );
  // and so is what registries read
  server.write('interfaces.yaml', AB);
  await until('B', () => exists(server, 'com.foo.B'));
});

test('an emptied configuration changes nothing, and is said', async (t) => {
  const server = await started(FILES, A);
  t.after(() => server.kill());
  const whole = completeConfig(`${FILES}answers: { ttl: 9 }\n`, server);
  for (const emptied of ['', '# zone: a.example\n', '{}\n', 'null\n']) {
    server.write(CONFIG_FILE, emptied);
    assert.equal(await server.reload(), false);
    assert.equal(await exists(server, 'com.foo.A'), true);
  }
  assert.match(server.child.output(), /rpc-dns\.yaml:1:1: the configuration is empty: expected keys/);
  // what is written in place is first empty, then a part, then whole
  const from = server.mark();
  server.write(CONFIG_FILE, '');
  server.write(CONFIG_FILE, whole.slice(0, whole.indexOf('\n') + 1));
  server.child.signal('SIGHUP');
  server.write(CONFIG_FILE, whole);
  await server.logged(/"msg":"reloaded"/, from);
  assert.match((await server.query(`com.foo.A.${Z} A`)).answer[0] ?? '', / 9 CNAME /);
  assert.doesNotMatch(server.child.output().slice(from), /not reloaded|forgotten/);
});

test('a static zone that changed without a higher serial is served, and said once', async (t) => {
  const zone = (serial: number, address: string) =>
    `$ORIGIN b.example.\n$TTL 60\n@ SOA ns h ${serial} 2 3 4 5\n@ NS ns\nns A ${address}\n`;
  const server = await startServer({ config: 'zones: [b.zone]\n', files: { 'b.zone': zone(5, '10.0.0.1') } });
  t.after(() => server.kill());
  const warnings = () => server.log().filter(({ level }) => level === 'warn');
  const write = async (serial: number, address: string) => {
    server.write('b.zone', zone(serial, address));
    await until(address, async () =>
      (await server.query('ns.b.example. A')).answer.some((line) => line.endsWith(` ${address}`)),
    );
    assert.equal(await server.reload(), true);
    return warnings().map(({ msg, file, zone, serial, from, to }) => ({ msg, file, zone, serial, from, to }));
  };
  const same = {
    msg: 'a zone changed and its serial did not: secondaries keep what they have, raise the serial',
    file: 'b.zone',
    zone: 'b.example.',
    serial: 5,
    from: undefined,
    to: undefined,
  };
  assert.deepEqual(await write(5, '10.0.0.2'), [same]);
  assert.deepEqual(await write(6, '10.0.0.3'), [same]);
  const fell = 'the serial of a zone fell: secondaries keep what they have, raise it above the one before';
  assert.deepEqual(await write(4, '10.0.0.4'), [
    same,
    { ...same, msg: fell, serial: undefined, from: 6, to: 4 },
  ]);
});

test('fault 12: fifteen reloads in a row are ready all the time', async (t) => {
  const names = Array.from({ length: 500 }, (_, i) => `  - { name: com.foo.S${i}, port: 1 }\n`).join('');
  const server = await started(FILES, `interfaces:\n${names}`);
  t.after(() => server.kill());
  let isDone = false;
  const seen = new Map<string, number>();
  const polling = (async () => {
    while (!isDone) {
      const { status, text } = await server.http('/ready');
      const what = `${status} ${text.trim()}`;
      seen.set(what, (seen.get(what) ?? 0) + 1);
    }
  })();
  for (let i = 1; i <= 15; i++) {
    const changed = i % 3 === 0 ? `vips: { pools: ["247.${i}.0.0/16"] }\n` : `answers: { ttl: ${10 + i} }\n`;
    server.write(CONFIG_FILE, completeConfig(FILES + changed, server));
    assert.equal(await server.reload(), true);
  }
  isDone = true;
  await polling;
  assert.deepEqual([...seen.keys()], ['200 OK']);
  assert.ok((seen.get('200 OK') ?? 0) >= 15);
});
