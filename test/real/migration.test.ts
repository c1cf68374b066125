/**
 * A company moves from ZooKeeper to Nacos: a live Dubbo consumer that knows only a name calls through DNS, the VIP and Envoy, while
 * providers are registered in the one, in both, in the other, and ZooKeeper is emptied.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startConsumer, startProvider } from '../support/dubbo.ts';
import { startNacosElsewhere } from '../support/nacos.ts';
import { createNamespace, skipWithoutNamespaces } from '../support/netns.ts';
import { runToEnd, until } from '../support/process.ts';
import { envoyPath, provision, skipWithout } from '../support/provision.ts';
import { createSite } from '../support/server.ts';
import { startZooKeeper } from '../support/zookeeper.ts';

const PARTS = ['tools', 'java', 'zookeeper', 'dubbo', 'nacos', 'envoy'] as const;
const skip = skipWithoutNamespaces() || skipWithout(...PARTS);
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const RESOLVER = 'nameserver 127.0.0.9\noptions timeout:1 attempts:1\n';
const USER = 'com.foo.UserService';
const NACOS_PORT = 8848;
const [OLD, NEXT] = ['10.9.0.1', '10.9.0.2'] as const;
const PORT = 20880;

test('from ZooKeeper to Nacos: no failed call, one VIP, and the differences by name', { skip }, async (t) => {
  await provision(PARTS);
  const namespace = await createNamespace();
  t.after(() => namespace.remove());
  const launch = namespace.run;
  await namespace.addLocalRange('247.0.0.0/8');
  // two hosts of one port
  for (const host of [OLD, NEXT])
    await runToEnd('ip', ['addr', 'add', `${host}/32`, 'dev', 'lo'], { launch });
  const zookeeper = await startZooKeeper({ launch });
  t.after(() => zookeeper.remove());
  await startNacosElsewhere({ launch, port: NACOS_PORT });
  const site = await createSite({
    config: `listen: { dns: ["127.0.0.9:53"], http: null }
sidecars: { listen: "127.0.0.1:15010" }
registries:
  - { kind: zookeeper, servers: "${zookeeper.address}" }
  - { kind: nacos, servers: "127.0.0.1:${NACOS_PORT}", interval: 1s }
`,
  });
  const common = { zookeeper: zookeeper.address, port: PORT, interfaces: [USER], launch };
  const old = await startProvider({ ...common, host: OLD, bindHost: OLD });
  const server = launch(process.execPath, [MAIN, 'serve', '-c', 'rpc-dns.yaml'], {
    name: 'rpc-dns',
    cwd: site.folder,
  });
  await server.waitFor(/"msg":"ready"/);
  const bootstrap = await site.cli('envoy', '-c', 'rpc-dns.yaml', '--listen', 'redirect:15001');
  writeFileSync(join(site.folder, 'envoy.yaml'), bootstrap.stdout);
  const lines = bootstrap.stdout.split('\n').flatMap((line) => /^#\| ([^#].*)$/.exec(line)?.[1] ?? []);
  const told = await runToEnd('sh', ['-e', '-c', lines.join('\n')], { launch });
  assert.equal(told.code, 0, told.stderr);
  launch(
    envoyPath(),
    ['-c', 'envoy.yaml', '--concurrency', '1', '--log-level', 'warning', '--disable-hot-restart'],
    {
      name: 'envoy',
      cwd: site.folder,
    },
  );

  const vip = async () => {
    const { stdout } = await runToEnd('dig', ['+short', '@127.0.0.9', `${USER}.rpc.cluster.local`], {
      launch,
    });
    return stdout.trim().split('\n').at(-1);
  };
  const compare = async () => (await site.cli('compare', 'zookeeper', 'nacos', '-c', 'rpc-dns.yaml')).stdout;
  const first = await vip();
  assert.match(first ?? '', /^247\./);
  assert.match(await compare(), new RegExp(`only in zookeeper:.*: interface ${USER}, 1 instance`));

  const consumer = await startConsumer({
    url: `dubbo://${USER}.rpc.cluster.local:20880`,
    interface: USER,
    everyMs: 20,
    launch: (command, args, options) => namespace.run(command, args, { ...options, resolvConf: RESOLVER }),
  });

  // both: a new release registers in Nacos, the old one is in ZooKeeper
  const next = await startProvider({
    ...common,
    nacos: `127.0.0.1:${NACOS_PORT}`,
    host: NEXT,
    bindHost: NEXT,
  });
  await until('both are known', async () => (await compare()).includes(`${NEXT}:${PORT}`), {
    deadlineMs: 10_000,
  });
  assert.match(await compare(), new RegExp(`only in zookeeper.*: endpoint .*${OLD}:${PORT}`));
  assert.equal(await vip(), first);

  // Nacos alone: the old release ends in order
  await old.stop();
  await until('Nacos alone has it', async () => (await compare()).includes(`only in nacos:`), {
    deadlineMs: 10_000,
  });
  assert.match(await compare(), new RegExp(`interface ${USER}, 1 instance`));
  assert.equal(await vip(), first);

  // ZooKeeper is emptied, and goes
  const script = `import { connectZkTool } from ${JSON.stringify(new URL('../support/zk-tool.ts', import.meta.url).href)};
    const tool = await connectZkTool('${zookeeper.address}'); await tool.remove('/dubbo'); await tool.close();`;
  const emptied = await runToEnd(process.execPath, ['--input-type=module', '-e', script], { launch });
  assert.equal(emptied.code, 0, emptied.stderr);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.equal(await vip(), first);

  const { good, bad, output } = await consumer.stop();
  console.log(`# ${good} calls succeeded, ${bad} failed`);
  assert.equal(bad, 0, output);
  assert.ok(good > 100, output);
  await next.stop();
});
