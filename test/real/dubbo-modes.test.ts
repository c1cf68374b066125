/** Real Dubbo providers that register by interface, by application, or both, in one ZooKeeper: the same names, no endpoint twice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Provider, type ProviderOptions, startProvider } from '../support/dubbo.ts';
import { until } from '../support/process.ts';
import { provision, skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { startZooKeeper, type ZooKeeper } from '../support/zookeeper.ts';

const Z = 'rpc.cluster.local.';
const USER = 'com.foo.UserService';
const INTERFACES = [`${USER}:1.0.0:g1`, 'com.foo.OrderService$Inner'];
const skip = skipWithout('java', 'zookeeper', 'dubbo');

let zookeeper: ZooKeeper;
let server: Server;

before(async () => {
  if (skip) return;
  await provision(['java', 'zookeeper', 'dubbo']);
  zookeeper = await startZooKeeper({ maxSessionTimeoutMs: 4000 });
  const registry = `kind: zookeeper, servers: "${zookeeper.address}", sessionTimeout: 4s`;
  server = await startServer({ config: `registries: [{ ${registry} }]\n` });
});

after(async () => {
  if (skip) return;
  await server?.stop();
  await zookeeper?.remove();
});

/** Ports of the endpoints that a name covers, each as often as it is answered. */
async function ports(name: string): Promise<string[]> {
  const { answer } = await server.query(`_endpoints.${name}.${Z} SRV`);
  return answer.flatMap((line) => / SRV 0 0 (\d+) /.exec(line)?.[1] ?? []).sort();
}

async function vipOf(name: string): Promise<string | undefined> {
  const { answer } = await server.query(`${name}.${Z} A`);
  return answer
    .find((line) => / A /.test(line))
    ?.split(' ')
    .at(-1);
}

const within = (what: string, check: () => Promise<boolean>) =>
  until(what, check, { deadlineMs: 10_000, everyMs: 5 });

const MODES: readonly (readonly [what: string, options: Partial<ProviderOptions>])[] = [
  ['instance, metadata in the provider', { registerMode: 'instance' }],
  ['instance, metadata in the registry', { registerMode: 'instance', metadataType: 'remote' }],
  ['all', { registerMode: 'all' }],
  ['interface', { registerMode: 'interface' }],
];

test('each mode makes the same names with the same VIP, and each endpoint once', { skip }, async (t) => {
  let vip: string | undefined;
  const started: Provider[] = [];
  t.after(() => Promise.all(started.map((provider) => provider.kill())));
  for (const [what, options] of MODES) {
    const provider = await startProvider({
      zookeeper: zookeeper.address,
      application: 'user-app',
      interfaces: INTERFACES,
      ...options,
    });
    started.push(provider);
    const port = String(provider.port);
    await within(`${what}: both interfaces`, async () => {
      const found = [
        await ports(USER),
        await ports(`ver-1-0-0.grp-g1.${USER}`),
        await ports('com.foo.OrderService-Inner'),
      ];
      return found.every((one) => String(one) === port);
    });
    vip ??= await vipOf(USER);
    assert.deepEqual([await vipOf(USER), await vipOf(`ver-1-0-0.${USER}`)], [vip, vip], what);
    const application = await server.query(`user-app.app.${Z} A`);
    assert.equal(application.answer.length, 2, 'the VIPs of its interfaces, none of its own');
    await provider.stop();
    started.pop();
    await within(`${what}: gone`, async () => (await ports(USER)).length === 0);
    assert.equal(await vipOf(USER), vip, 'the name stays');
  }
});

test('providers of all modes at once are one name; one that is killed goes with its session', {
  skip,
}, async (t) => {
  const started: Provider[] = [];
  t.after(() => Promise.all(started.map((provider) => provider.kill())));
  for (const [, options] of MODES.slice(1)) {
    started.push(
      await startProvider({
        zookeeper: zookeeper.address,
        application: 'user-app',
        interfaces: INTERFACES,
        ...options,
      }),
    );
  }
  const expected = started.map(({ port }) => String(port)).sort();
  await within('three of them', async () => String(await ports(USER)) === String(expected));
  const { stdout } = await server.cli('lookup', USER);
  assert.match(stdout, /service {12}g1\/com\.foo\.UserService:1\.0\.0\n/);
  assert.equal(stdout.match(/^service /gm)?.length, 1, stdout);
  const [killed] = started;
  await killed?.kill();
  await within('its session ended', async () => !(await ports(USER)).includes(String(killed?.port)));
  assert.equal((await ports(USER)).length, 2);
});
