/**
 * A real, unmodified Dubbo consumer whose only resolver is rpc-dns: it calls an interface by name, and the call reaches
 * the provider through the VIP. Everything runs in one network namespace; a forwarder stands in for the sidecar.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { callConsumer, startProvider } from '../support/dubbo.ts';
import { startForwarder } from '../support/forwarder.ts';
import { createNamespace, skipWithoutNamespaces } from '../support/netns.ts';
import { runToEnd } from '../support/process.ts';
import { provision, skipWithout } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';
import { startZooKeeper } from '../support/zookeeper.ts';

const SERVICE_PORT = 20880;
const PROVIDER_PORT = 20990;
const RESOLVER = 'nameserver 127.0.0.9\noptions timeout:1 attempts:1\n';

const skip = skipWithoutNamespaces() || skipWithout('tools', 'java', 'zookeeper', 'dubbo');

test('a Dubbo consumer calls com.foo.UserService through DNS and the VIP', { skip }, async (t) => {
  await provision(['tools', 'java', 'zookeeper', 'dubbo']);
  const namespace = await createNamespace();
  t.after(() => namespace.remove());
  const launch = namespace.run;
  await namespace.addLocalRange('247.0.0.0/8');
  const zookeeper = await startZooKeeper({ launch });
  t.after(() => zookeeper.remove());
  await startProvider({
    zookeeper: zookeeper.address,
    port: PROVIDER_PORT,
    interfaces: ['com.foo.UserService', 'com.foo.OrderService$Inner'],
    launch,
  });
  const forwarder = await startForwarder({
    port: SERVICE_PORT,
    target: `127.0.0.1:${PROVIDER_PORT}`,
    launch,
  });

  const folder = tempFolder('consumer');
  const config = join(folder, 'rpc-dns.yaml');
  writeFileSync(
    config,
    `listen: { dns: ["127.0.0.9:53"], http: null }
registries: [{ kind: zookeeper, servers: "${zookeeper.address}" }]
`,
  );
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const server = launch(process.execPath, [main, 'serve', '-c', config], { name: 'rpc-dns', cwd: folder });
  await server.waitFor(/"msg":"ready"/);

  for (const name of ['com.foo.UserService', 'com.foo.OrderService-Inner']) {
    const host = `${name}.rpc.cluster.local`;
    const dig = await runToEnd('dig', ['+short', '@127.0.0.9', host], { launch });
    const vip = dig.stdout.trim().split('\n').at(-1) ?? '';
    assert.match(vip, /^247\./, dig.stdout);
    const called = await callConsumer({
      url: `dubbo://${host}:${SERVICE_PORT}`,
      interface: name.replace('-', '$'),
      argument: 'world',
      launch: (command, args, options) => namespace.run(command, args, { ...options, resolvConf: RESOLVER }),
    });
    assert.ok(called.ok, called.ok ? '' : called.error);
    assert.match(called.answer, new RegExp(`world.*port ${PROVIDER_PORT}`));
    assert.ok(forwarder.called().includes(vip), `${vip} was called, not only ${forwarder.called()}`);
    console.log(`# ${host} → ${vip} → '${called.answer}'`);
  }
});
