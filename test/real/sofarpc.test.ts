/** Real SOFARPC providers in a real ZooKeeper, beside a real Dubbo one, seen by DNS and called by name. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { type Provider, startProvider } from '../support/dubbo.ts';
import { startForwarder } from '../support/forwarder.ts';
import { createNamespace, skipWithoutNamespaces } from '../support/netns.ts';
import { runToEnd, until } from '../support/process.ts';
import { provision, skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { callSofaConsumer, type SofaProvider, startSofaProvider } from '../support/sofarpc.ts';
import { tempFolder } from '../support/temp.ts';
import { startZooKeeper, type ZooKeeper } from '../support/zookeeper.ts';

const Z = 'rpc.cluster.local.';
const USER = 'com.foo.UserService';
const DOMAIN = `UserService.foo.com.svc.${Z}`;
const SESSION_MS = 4000;

const skip = skipWithout('java', 'zookeeper', 'dubbo', 'sofarpc');

let zookeeper: ZooKeeper;
let server: Server;
let sofa: SofaProvider;
let dubbo: Provider | undefined;

before(async () => {
  if (skip) return;
  await provision(['java', 'zookeeper', 'dubbo', 'sofarpc']);
  zookeeper = await startZooKeeper({ maxSessionTimeoutMs: SESSION_MS });
  server = await startServer({
    config: `registries: [{ kind: zookeeper, servers: "${zookeeper.address}", layouts: [dubbo, sofarpc] }]\n`,
  });
  sofa = await startSofaProvider({
    zookeeper: zookeeper.address,
    host: '192.0.2.7',
    interfaces: [USER, `${USER}:blue`, 'com.foo.OrderService'],
  });
});

after(async () => {
  await dubbo?.kill();
  await sofa?.kill();
  await server?.stop();
  await zookeeper?.remove();
});

async function answers(question: string): Promise<string[]> {
  const { answer } = await server.query(question);
  return answer.map((line) => line.split(' ').slice(3).join(' ')).sort();
}

const addresses = (name: string) =>
  answers(`${name} A`).then((all) => all.filter((text) => /^[\d.]+$/.test(text)));

function shows(question: string, expected: readonly string[], deadlineMs = 5_000): Promise<number> {
  return until(
    `${question}: ${expected.join(', ') || 'nothing'}`,
    async () => {
      return String(await answers(question)) === String(expected);
    },
    { deadlineMs, everyMs: 10 },
  );
}

test('what it registers answers: interface, uniqueId as group, port, application, text', {
  skip,
}, async () => {
  await until('the interface', async () => (await addresses(`com.foo.OrderService.${Z}`)).length === 1);
  const [vip = ''] = await addresses(`${USER}.${Z}`);
  assert.match(vip, /^247\./);
  assert.deepEqual(await addresses(`grp-blue.${USER}.${Z}`), [vip]);
  // 1.0 is the version of SOFARPC's protocol, not of the service
  assert.deepEqual(await answers(`ver-1-0.${DOMAIN} A`), []);
  assert.deepEqual(await answers(`_bolt._tcp.${DOMAIN} SRV`), [`0 0 ${sofa.port} ${DOMAIN}`]);
  assert.deepEqual(await addresses(`_endpoints.${DOMAIN}`), ['192.0.2.7']);
  assert.equal((await addresses(`sofa-app.app.${Z}`)).length, 2);
  const [text = ''] = await answers(`${DOMAIN} TXT`);
  assert.match(text, /"application=sofa-app" "protocol=bolt" "groups=blue"/);
});

test('an interface that Dubbo announces too is one name with one VIP, and both ports', { skip }, async () => {
  const vip = await addresses(`${USER}.${Z}`);
  dubbo = await startProvider({ zookeeper: zookeeper.address, host: '192.0.2.8', interfaces: [USER] });
  await shows(`_endpoints.${DOMAIN} A`, ['192.0.2.7', '192.0.2.8']);
  assert.deepEqual(await addresses(`${USER}.${Z}`), vip);
  await shows(`_dubbo._tcp.${DOMAIN} SRV`, [`0 0 ${dubbo.port} ${DOMAIN}`]);
  await shows(`_bolt._tcp.${DOMAIN} SRV`, [`0 0 ${sofa.port} ${DOMAIN}`]);
  await dubbo.stop();
  await shows(`_endpoints.${DOMAIN} A`, ['192.0.2.7']);
});

test('SIGTERM, a start anew, kill -9: instances come and go, the VIP stays', { skip }, async () => {
  const vip = await addresses(`${USER}.${Z}`);
  await sofa.stop();
  await shows(`_endpoints.${DOMAIN} A`, []);
  assert.deepEqual(await addresses(`${USER}.${Z}`), vip);
  sofa = await startSofaProvider({ zookeeper: zookeeper.address, host: '192.0.2.9', interfaces: [USER] });
  await shows(`_endpoints.${DOMAIN} A`, ['192.0.2.9']);
  assert.deepEqual(await addresses(`${USER}.${Z}`), vip);
  await sofa.kill();
  // its nodes stay as long as its session
  assert.deepEqual(await addresses(`_endpoints.${DOMAIN}`), ['192.0.2.9']);
  await shows(`_endpoints.${DOMAIN} A`, [], SESSION_MS + 6_000);
  assert.deepEqual(await addresses(`${USER}.${Z}`), vip);
});

const SERVICE_PORT = 12200;
const RESOLVER = 'nameserver 127.0.0.9\noptions timeout:1 attempts:1\n';

test('an unmodified consumer calls com.foo.UserService through DNS and the VIP', {
  skip: skip || skipWithoutNamespaces() || skipWithout('tools'),
}, async (t) => {
  const namespace = await createNamespace();
  t.after(() => namespace.remove());
  const launch = namespace.run;
  await namespace.addLocalRange('247.0.0.0/8');
  const own = await startZooKeeper({ launch });
  t.after(() => own.remove());
  const provider = await startSofaProvider({
    zookeeper: own.address,
    port: 12990,
    interfaces: [`${USER}:blue`],
    launch,
  });
  const forwarder = await startForwarder({
    port: SERVICE_PORT,
    target: `127.0.0.1:${provider.port}`,
    launch,
  });
  const folder = tempFolder('consumer');
  const registry = `{ kind: zookeeper, servers: "${own.address}", layouts: [sofarpc] }`;
  const config = join(folder, 'rpc-dns.yaml');
  writeFileSync(config, `listen: { dns: ["127.0.0.9:53"], http: null }\nregistries: [${registry}]\n`);
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const inside = launch(process.execPath, [main, 'serve', '-c', config], { name: 'rpc-dns', cwd: folder });
  await inside.waitFor(/"msg":"ready"/);
  const host = `${USER}.rpc.cluster.local`;
  const dig = await runToEnd('dig', ['+short', '@127.0.0.9', host], { launch });
  const vip = dig.stdout.trim().split('\n').at(-1) ?? '';
  assert.match(vip, /^247\./, dig.stdout);
  const answer = await callSofaConsumer(`bolt://${host}:${SERVICE_PORT}`, {
    uniqueId: 'blue',
    launch: (command, args, options) => namespace.run(command, args, { ...options, resolvConf: RESOLVER }),
  });
  assert.equal(answer, `hello world from ${USER} uniqueId blue port ${provider.port}`);
  assert.ok(forwarder.called().includes(vip), `${vip} was called, not only ${forwarder.called()}`);
});
