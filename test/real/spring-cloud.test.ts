/** Real Spring Cloud applications in a real ZooKeeper and a real Eureka, seen by DNS, moved, and called by name. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createEurekas, type Eureka } from '../support/eureka.ts';
import { startForwarder } from '../support/forwarder.ts';
import { createNamespace, skipWithoutNamespaces } from '../support/netns.ts';
import { runToEnd, until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Server, startServer } from '../support/server.ts';
import { callWithSpring, type SpringApp, type SpringAppOptions, startSpringApp } from '../support/spring.ts';
import { tempFolder } from '../support/temp.ts';
import { connectZkTool, type ZkTool } from '../support/zk-tool.ts';
import { startZooKeeper, type ZooKeeper } from '../support/zookeeper.ts';

const skip = skipWithout('java', 'zookeeper', 'spring');

const Z = 'rpc.cluster.local.';
const NAME = `user-service.app.${Z}`;
const ENDPOINTS = `_endpoints.${NAME} A`;
const NODES = '/services/user-service';
const METADATA = { interfaces: 'com.foo.UserService', version: '1.0.0', group: 'g1' };
const SESSION_MS = 4_000;
/** After the node in ZooKeeper; after Eureka shows it: its poll (1 s) and a second more. */
const ZOOKEEPER_MS = 300;
const EUREKA_MS = 2_000;

let zookeeper: ZooKeeper;
let tool: ZkTool;
let eureka: Eureka;
let server: Server;
/** all that were started */
const apps: SpringApp[] = [];
let onZooKeeper: SpringApp;
let vip = '';

before(async () => {
  if (skip) return;
  zookeeper = await startZooKeeper({ maxSessionTimeoutMs: SESSION_MS });
  tool = await connectZkTool(zookeeper.address);
  [eureka] = (await createEurekas(1)) as [Eureka];
  await eureka.start();
  server = await startServer({
    config: `registries:
  - { kind: zookeeper, servers: "${zookeeper.address}", layouts: [dubbo, spring-cloud] }
  - { kind: eureka, servers: "${eureka.url}", interval: 1s, settleFor: 5s }
`,
  });
  await server.ready();
});

after(async () => {
  for (const { child } of apps) if (child.running) await child.kill();
  await server?.stop();
  await tool?.close();
  await eureka?.remove();
  await zookeeper?.remove();
});

async function answers(question: string): Promise<string[]> {
  const { answer } = await server.query(question);
  return answer.map((line) => line.split(' ').slice(3).join(' ')).sort();
}

function shows(question: string, expected: readonly string[], deadlineMs: number): Promise<number> {
  return until(
    `${question}: ${expected.join(', ') || 'nothing'}`,
    async () => String(await answers(question)) === String(expected),
    { deadlineMs, everyMs: 5 },
  );
}

const nodes = () => tool.list(NODES).catch(() => []);

async function startOnZooKeeper(
  host: string,
  more: { port?: number; instanceId?: string } = {},
): Promise<SpringApp> {
  return startOne({ zookeeper: zookeeper.address, host, ...more });
}

async function startOnEureka(host: string): Promise<SpringApp> {
  return startOne({ eureka: eureka.url, host });
}

async function startOne(options: Omit<SpringAppOptions, 'application'>): Promise<SpringApp> {
  const app = await startSpringApp({ application: 'user-service', metadata: METADATA, ...options });
  apps.push(app);
  return app;
}

/**
 * A, SRV, `_endpoints`, TXT and PTR of an application that is there once.
 *
 * @param declared the port that callers are told
 */
async function assertAnswered(host: string, port: number, source: string, declared = port): Promise<void> {
  assert.deepEqual(await answers(`${NAME} A`), [vip]);
  assert.deepEqual(await answers(`ver-1-0-0.grp-g1.${NAME} A`), [vip]);
  assert.deepEqual(await answers(`ver-2.${NAME} A`), []);
  assert.deepEqual(await answers(`_http._tcp.${NAME} SRV`), [`0 0 ${declared} ${NAME}`]);
  assert.deepEqual(await answers(ENDPOINTS), [host]);
  const dashed = `${host.replaceAll('.', '-')}._endpoints.${NAME}`;
  assert.deepEqual(await answers(`_endpoints.ver-1-0-0.${NAME} SRV`), [`0 0 ${port} ${dashed}`]);
  const [text = ''] = await answers(`${NAME} TXT`);
  assert.match(text, /^"application=user-service" "protocol=http" "versions=1\.0\.0" "groups=g1" "source=/);
  assert.ok(text.includes(source), text);
  const reverse = `${vip.split('.').reverse().join('.')}.in-addr.arpa. PTR`;
  assert.deepEqual(await answers(reverse), [NAME]);
  // the interface that its metadata lists
  assert.match((await answers(`com.foo.UserService.${Z} A`)).join(), /247\./);
  assert.deepEqual(await answers(`_endpoints.ver-1-0-0.UserService.foo.com.svc.${Z} A`), [host]);
}

test('on ZooKeeper: it registers, and its names answer 0.3 s after its node', { skip }, async () => {
  const starting = startOnZooKeeper('192.0.2.2');
  await until('its node', async () => (await nodes()).length === 1, { deadlineMs: 60_000, everyMs: 5 });
  const ms = await shows(ENDPOINTS, ['192.0.2.2'], ZOOKEEPER_MS);
  onZooKeeper = await starting;
  vip = (await answers(`${NAME} A`))[0] ?? '';
  assert.match(vip, /^247\./);
  await assertAnswered('192.0.2.2', onZooKeeper.port, 'zookeeper:');
  console.log(`# ZooKeeper: answered ${ms.toFixed(0)} ms after its node was seen`);
});

test('on ZooKeeper: a status is a change of data', { skip }, async () => {
  for (const status of ['OUT_OF_SERVICE', 'UP', 'DOWN', 'UP']) {
    await onZooKeeper.setStatus(status);
    await shows(ENDPOINTS, status === 'UP' ? ['192.0.2.2'] : [], ZOOKEEPER_MS);
    assert.deepEqual(await answers(`${NAME} A`), [vip]);
    assert.equal((await nodes()).length, 1);
  }
});

test('on ZooKeeper: kill -9 and a start at once are one endpoint; SIGTERM takes it away', {
  skip,
}, async () => {
  await onZooKeeper.kill();
  const { port } = onZooKeeper;
  const starting = startOnZooKeeper('192.0.2.2', { port });
  const seen = new Set<string>();
  let most = 0;
  await until(
    'the new one has a node, and the old one none',
    async () => {
      most = Math.max(most, (await nodes()).length);
      seen.add(String(await answers(ENDPOINTS)));
      return most === 2 && (await nodes()).length === 1;
    },
    { deadlineMs: 30_000, everyMs: 10 },
  );
  onZooKeeper = await starting;
  assert.deepEqual([...seen], ['192.0.2.2'], 'the endpoint was there all the time');
  await assertAnswered('192.0.2.2', port, 'zookeeper:');

  await onZooKeeper.stop();
  await shows(ENDPOINTS, [], ZOOKEEPER_MS);
  assert.deepEqual(await answers(`${NAME} A`), [vip]);

  // by an id of its own it takes the same node again
  onZooKeeper = await startOnZooKeeper('192.0.2.3', { instanceId: 'user-1' });
  await until('its node', async () => String(await nodes()) === 'user-1');
  await shows(ENDPOINTS, ['192.0.2.3'], ZOOKEEPER_MS);
});

let onEureka: SpringApp;

test('on Eureka as well: one name with one VIP, then there alone', { skip }, async () => {
  const starting = startOnEureka('192.0.2.7');
  await until('Eureka shows it', async () => (await eureka.apps()).length === 1, { deadlineMs: 60_000 });
  const ms = await shows(ENDPOINTS, ['192.0.2.3', '192.0.2.7'], EUREKA_MS);
  onEureka = await starting;
  assert.deepEqual(await answers(`${NAME} A`), [vip]);
  await onZooKeeper.stop();
  await shows(ENDPOINTS, ['192.0.2.7'], 2_000);
  // of what two registries say the first counts, and it is remembered: callers go on with the port that they know
  await assertAnswered('192.0.2.7', onEureka.port, 'eureka:', onZooKeeper.port);
  console.log(`# Eureka: answered ${ms.toFixed(0)} ms after it showed it`);
});

test('on Eureka: statuses, a restart of Eureka, SIGTERM, kill -9', { skip }, async () => {
  for (const status of ['OUT_OF_SERVICE', 'UP']) {
    await onEureka.setStatus(status);
    await shows(ENDPOINTS, status === 'UP' ? ['192.0.2.7'] : [], EUREKA_MS);
  }
  const seen = new Set<string>();
  const look = async () => void seen.add(String(await answers(ENDPOINTS)));
  await eureka.kill();
  const starting = eureka.start();
  await until(
    'the application is back',
    async () => {
      await look();
      return (await eureka.apps().catch(() => [])).length === 1;
    },
    { deadlineMs: 40_000 },
  );
  await starting;
  const back = performance.now();
  while (performance.now() - back < 1_500) await look();
  assert.deepEqual([...seen], ['192.0.2.7'], 'the endpoint was there all the time');
  assert.deepEqual(await answers(`${NAME} A`), [vip]);

  const second = await startOnEureka('192.0.2.8');
  await shows(ENDPOINTS, ['192.0.2.7', '192.0.2.8'], 5_000);
  await onEureka.stop();
  await until('Eureka let it go', async () => (await eureka.apps()).length === 1);
  // it may settle still, after its restart
  await shows(ENDPOINTS, ['192.0.2.8'], EUREKA_MS + 5_000);
  await second.kill();
  assert.deepEqual(await answers(ENDPOINTS), ['192.0.2.8']);
  await until('it is evicted', async () => (await eureka.apps()).length === 0, { deadlineMs: 20_000 });
  await shows(ENDPOINTS, [], EUREKA_MS);
  assert.deepEqual(await answers(`${NAME} A`), [vip]);
});

const SERVICE_PORT = 8080;
const RESOLVER = 'nameserver 127.0.0.9\noptions timeout:1 attempts:1\n';

test("Spring's client calls user-service.app.Z through DNS and the VIP", {
  skip: skip || skipWithoutNamespaces() || skipWithout('tools'),
}, async (t) => {
  const namespace = await createNamespace();
  t.after(() => namespace.remove());
  const launch = namespace.run;
  await namespace.addLocalRange('247.0.0.0/8');
  const own = await startZooKeeper({ launch });
  t.after(() => own.remove());
  const app = await startSpringApp({
    zookeeper: own.address,
    application: 'user-service',
    host: '127.0.0.1',
    port: 8990,
    launch,
  });
  const forwarder = await startForwarder({ port: SERVICE_PORT, target: `127.0.0.1:${app.port}`, launch });
  const folder = tempFolder('caller');
  const registry = `{ kind: zookeeper, servers: "${own.address}", layouts: [spring-cloud] }`;
  writeFileSync(
    join(folder, 'rpc-dns.yaml'),
    `listen: { dns: ["127.0.0.9:53"], http: null }\nregistries: [${registry}]\n`,
  );
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const inside = launch(process.execPath, [main, 'serve', '-c', 'rpc-dns.yaml'], {
    name: 'rpc-dns',
    cwd: folder,
  });
  await inside.waitFor(/"msg":"ready"/);
  const host = NAME.replace(/\.$/, '');
  let own247 = '';
  await until('its name', async () => {
    const { stdout } = await runToEnd('dig', ['+short', '@127.0.0.9', host], { launch });
    own247 = stdout.trim();
    return own247.startsWith('247.');
  });
  const answer = await callWithSpring(`http://${host}:${SERVICE_PORT}/hello?name=world`, {
    launch: (command, args, options) => namespace.run(command, args, { ...options, resolvConf: RESOLVER }),
  });
  assert.equal(answer, `hello world from user-service port ${app.port}`);
  assert.ok(forwarder.called().includes(own247), `${own247} was called, not only ${forwarder.called()}`);
});
