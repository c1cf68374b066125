/**
 * Real, unmodified consumers of Dubbo and SOFARPC that know a name and a resolver: DNS leads them to the VIP, and an Envoy with
 * the bootstrap that `rpc-dns envoy` prints leads that to real providers, which a real ZooKeeper knows. The providers are on one
 * machine, the consumers on others.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { callConsumer, startProvider } from '../support/dubbo.ts';
import { type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { type Launch, runToEnd } from '../support/process.ts';
import { provision, skipWithout } from '../support/provision.ts';
import { SidecarWorld } from '../support/sidecar-world.ts';
import { callSofaConsumer, startSofaProvider } from '../support/sofarpc.ts';
import { startZooKeeper } from '../support/zookeeper.ts';

const skip =
  skipWithoutNamespaces() || skipWithout('tools', 'java', 'zookeeper', 'dubbo', 'sofarpc', 'envoy');

const HOST = '10.1.0.1';
const USER = 'com.foo.UserService';
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

suite('consumers call com.foo.UserService by name', { skip }, () => {
  test('in each form of interception', async (t) => {
    await provision(['tools', 'java', 'zookeeper', 'dubbo', 'sofarpc', 'envoy']);
    let zookeeper = '';
    const world = await SidecarWorld.open(t, [], {
      host: HOST,
      registries: async (launch) => {
        const server = await startZooKeeper({ launch });
        t.after(() => server.remove());
        zookeeper = server.address;
        return `[{ kind: zookeeper, servers: "${zookeeper}", layouts: [dubbo, sofarpc] }]`;
      },
    });
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
});
