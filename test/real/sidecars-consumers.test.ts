/**
 * Real, unmodified consumers of Dubbo and SOFARPC that know a name and a resolver: DNS leads them to the VIP, and an Envoy with
 * the bootstrap that `rpc-dns envoy` prints leads that to real providers, which a real ZooKeeper knows. The providers are on one
 * machine, the consumers on others.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callConsumer, startConsumer, startProvider } from '../support/dubbo.ts';
import { type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { type Launch, runToEnd } from '../support/process.ts';
import { provision, skipWithout } from '../support/provision.ts';
import { SidecarWorld } from '../support/sidecar-world.ts';
import { sized } from '../support/size.ts';
import { callSofaConsumer, startSofaProvider } from '../support/sofarpc.ts';
import { startZooKeeper } from '../support/zookeeper.ts';

const skip =
  skipWithoutNamespaces() || skipWithout('tools', 'java', 'zookeeper', 'dubbo', 'sofarpc', 'envoy');

const HOST = '10.1.0.1';
const USER = 'com.foo.UserService';
const ORDER = 'com.foo.OrderService';
const [DUBBO_PORT, BOLT_PORT] = [20880, 12200];

const FORMS = [
  ['redirect by nft', '--listen', 'redirect:15001'],
  ['TPROXY by nft', '--listen', 'tproxy:15001'],
  ['fixed ports', '--listen', `ports:${DUBBO_PORT},${BOLT_PORT}`],
] as const;

function withResolver({ run }: Namespace): Launch {
  const resolvConf = `nameserver ${HOST}\noptions timeout:1 attempts:1\n`;
  return (command, args, options) => run(command, args, { ...options, resolvConf });
}

const cleaning: (() => unknown)[] = [];
let zookeeper = '';
let world: SidecarWorld;

before(async () => {
  if (skip) return;
  await provision(['tools', 'java', 'zookeeper', 'dubbo', 'sofarpc', 'envoy']);
  const test = { after: (clean: () => unknown) => void cleaning.push(clean) };
  world = await SidecarWorld.open(test, [], {
    host: HOST,
    registries: async (launch) => {
      const server = await startZooKeeper({ launch });
      cleaning.push(() => server.remove());
      zookeeper = server.address;
      return `[{ kind: zookeeper, servers: "${zookeeper}", layouts: [dubbo, sofarpc] }]`;
    },
  });
});

after(async () => {
  for (const clean of cleaning.reverse()) await clean();
});

test('consumers call com.foo.UserService by name, in each form of interception', { skip }, async (t) => {
  const launch = world.namespace.run;
  await Promise.all([
    startProvider({ zookeeper, host: HOST, port: DUBBO_PORT, interfaces: [USER], launch }),
    startSofaProvider({ zookeeper, host: HOST, port: BOLT_PORT, interfaces: [`${USER}:blue`], launch }),
  ]);
  const host = `${USER}.rpc.cluster.local`;
  for (const [number, [form, ...flags]] of FORMS.entries()) {
    const machine = await world.addMachine(t, number);
    await machine.startEnvoy(flags);
    const consumer = withResolver(machine.namespace);
    const resolved = await runToEnd('getent', ['ahostsv4', host], { launch: consumer });
    const vip = resolved.stdout.split(' ')[0] ?? '';
    assert.match(vip, /^247\./, `${form}: ${resolved.stdout}`);
    const dubbo = await callConsumer({
      url: `dubbo://${host}:${DUBBO_PORT}`,
      interface: USER,
      launch: consumer,
    });
    assert.ok(dubbo.ok, dubbo.ok ? '' : `${form}: ${dubbo.error}`);
    assert.match(dubbo.answer, new RegExp(`^hello world from ${USER} .* port ${DUBBO_PORT}$`));
    const sofa = await callSofaConsumer(`bolt://${host}:${BOLT_PORT}`, {
      uniqueId: 'blue',
      launch: consumer,
    });
    assert.equal(sofa, `hello world from ${USER} uniqueId blue port ${BOLT_PORT}`, form);
    console.log(`# ${form}: ${host} → ${vip} → '${dubbo.answer}', '${sofa}'`);
    // nothing but Envoy leads a VIP there
    await machine.envoy?.kill();
    const without = await callConsumer({
      url: `dubbo://${host}:${DUBBO_PORT}`,
      interface: USER,
      timeoutMs: 1_000,
      launch: consumer,
    });
    assert.equal(without.ok, false, form);
  }
  const { stdout } = await world.site.cli('sidecars', '-c', 'rpc-dns.yaml');
  assert.doesNotMatch(stdout, /refused/);
});

test('providers are restarted in turn by SIGTERM: no call of a consumer that tries twice fails', {
  skip,
}, async (t) => {
  const seconds = sized('seconds of rolling restarts', 20, 600);
  const hosts = ['10.1.0.2', '10.1.0.3'];
  for (const address of hosts) await world.namespace.addAddress(address);
  const start = (address: string) =>
    startProvider({
      zookeeper,
      host: address,
      bindHost: address,
      port: DUBBO_PORT + 1,
      application: `at-${address}`,
      interfaces: [ORDER],
      launch: world.namespace.run,
    });
  const providers = await Promise.all(hosts.map(start));
  const machine = await world.addMachine(t, 9);
  await machine.startEnvoy(['--listen', 'redirect:15001']);
  const consumer = await startConsumer({
    url: `dubbo://${ORDER}.rpc.cluster.local:${DUBBO_PORT + 1}`,
    interface: ORDER,
    everyMs: 20,
    launch: withResolver(machine.namespace),
  });
  const end = performance.now() + seconds * 1_000;
  let restarts = 0;
  while (performance.now() < end) {
    const which = restarts++ % hosts.length;
    const exit = await providers[which]?.stop();
    assert.notEqual(exit?.signal, 'SIGKILL');
    providers[which] = await start(hosts[which] ?? '');
  }
  const { good, bad, output } = await consumer.stop();
  const second = output.match(/^FAILED attempt 1/gm)?.length ?? 0;
  console.log(
    `# ${restarts} restarts, ${good} calls succeeded, ${second} of them at the second attempt, ${bad} failed`,
  );
  assert.equal(bad, 0, output);
  assert.ok(restarts >= 2 && good > restarts, `${good} calls, ${restarts} restarts`);
});
