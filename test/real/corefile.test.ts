/**
 * What `corefile` prints, in a real CoreDNS with a real Kubernetes API server and a real rpc-dns behind it, asked by
 * glibc and musl as in a pod. The printed text is loaded as it is; only two lines are put in: `log`, to count what was
 * asked, and `kubeconfig`, since CoreDNS does not run in a pod.
 *
 * Two network namespaces stand for the cluster: in one CoreDNS and the pods, in the other rpc-dns and the rest of the
 * world, each on port 53 of an address of its own.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VipJson } from '../../src/api/control.ts';
import { candidates, searchList } from '../../src/corefile/pod-lookup.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { type CoreDns, startCoreDNS } from '../support/coredns.ts';
import { createNamespace, type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { type Library, type Resolution, resolveInPod } from '../support/pod.ts';
import { type Child, runToEnd, until } from '../support/process.ts';
import { type Part, provision, skipWithout } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const Z = 'rpc.cluster.local';
const RPC_DNS = '10.96.0.53';
const UPSTREAM = '203.0.113.53';
const NODE_DOMAIN = 'node.example.internal';
const LIST = searchList('default', 'cluster.local', [NODE_DOMAIN]);
const LIBRARIES: readonly Library[] = ['glibc', 'musl'];
/** As Kubernetes allots the first address of its range to itself. */
const KUBERNETES_IP = '10.96.0.1';

/** Of 2, 4, 5 and 8 dots. */
const INTERFACES = [
  'com.foo.UserService',
  'com.foo.trade.api.OrderService',
  'org.apache.dubbo.demo.api.GreetingService',
  'com.foo.a.b.c.d.e.f.DeepService',
];

/** As kubeadm 1.35 writes it, for styles that leave the cluster's own block alone. */
const CLUSTER_BLOCK = `
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

interface World {
  readonly cluster: Cluster;
  readonly pods: Namespace;
  readonly services: Namespace;
  readonly upstream: Upstream;
  readonly kubeconfig: string;
  /** where rpc-dns keeps its files */
  readonly folder: string;
  readonly vips: ReadonlyMap<string, string>;
  rpcDns: Child;
}

const PARTS: readonly Part[] = ['tools', 'etcd', 'kubernetes', 'coredns', 'musl'];
const skip = skipWithoutNamespaces() || skipWithout(...PARTS);

suite('printed Corefiles', { skip }, () => {
  let world: World;
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    await provision(PARTS);
    world = await createWorld({ after: (clean) => cleanups.push(clean) });
  });
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  for (const style of ['shared', 'view'] as const) {
    test(`style ${style}`, async (t) => {
      const printed = await corefile(world, '--style', style, '--server', RPC_DNS, '--search', NODE_DOMAIN);
      assert.equal(printed.code, 0, printed.stderr);
      const text = style === 'shared' ? printed.stdout : `${printed.stdout}${CLUSTER_BLOCK}`;
      const coredns = await start(t, world, text);
      const leaks = leaksFrom(world);
      t.after(async () => {
        await world.rpcDns.kill();
        world.rpcDns = await startRpcDns(world.services, world.folder);
      });

      await t.test('every name resolves with one question for A and one for AAAA', async () => {
        const names = [
          ...INTERFACES.map((name) => [name, name] as const),
          ['ver-1-0-0.grp-gray.com.foo.UserService', 'com.foo.UserService'] as const,
          [`com.foo.UserService.${Z}`, 'com.foo.UserService'] as const,
          [`user-center.app.${Z}`, 'com.foo.UserService'] as const,
          ...[LIST[0], LIST[2], LIST[3]].flatMap((domain) => {
            return INTERFACES.map((name) => [`${name}.${domain}.`, name] as const);
          }),
        ];
        for (const [name, owner] of names) {
          for (const library of LIBRARIES) {
            const { addresses, error } = await lookUp(world, library, name);
            assert.deepEqual(addresses, [world.vips.get(owner)], `${name} by ${library}: ${error}`);
          }
        }
        const wanted = names.flatMap(([name]) => {
          const [first = ''] = candidates(name, LIST);
          const question = `${first.toLowerCase()}.`;
          return LIBRARIES.flatMap(() => [`${question} A`, `${question} AAAA`]);
        });
        assert.deepEqual((await questions(coredns, wanted.length)).sort(), wanted.sort());
        assert.deepEqual(leaks(), []);
      });

      await t.test('a name behind svc.cluster.local alone is denied within the cluster', async () => {
        for (const name of INTERFACES.slice(0, 1)) {
          const { addresses } = await lookUp(world, 'glibc', `${name}.svc.cluster.local.`);
          assert.deepEqual(addresses, []);
        }
        assert.deepEqual(leaks(), []);
      });

      await t.test('a VIP leads back to its name', async () => {
        const vip = world.vips.get('com.foo.UserService') ?? '';
        const { stdout } = await runToEnd('dig', ['+short', '@127.0.0.1', '-x', vip], {
          launch: world.pods.run,
        });
        assert.equal(stdout.trim(), `UserService.foo.com.svc.${Z}.`);
        assert.deepEqual(leaks(), []);
      });

      await t.test('the check finds it good', async () => {
        const { code, stdout } = await corefile(
          world,
          '--style',
          style,
          '--search',
          NODE_DOMAIN,
          '--check',
          '127.0.0.1:53',
        );
        assert.equal(code, 0, stdout);
        assert.match(stdout, /^bare names +good$/m);
        // the pod's short name of a Service needs no leak either
        assert.deepEqual(leaks(), []);
      });

      const fresh = `com.foo.fresh.${style}.NewService`;
      await t.test('a name just registered is answered within 3 s', async () => {
        assert.deepEqual((await lookUp(world, 'glibc', fresh)).addresses, [], 'not registered yet');
        // CoreDNS repeats a denial for 3 s after it was given: a provider is never that quick
        await sleep(700);
        register(world, [...INTERFACES, fresh]);
        const isAnswered = async () => (await lookUp(world, 'glibc', fresh)).addresses.length === 1;
        const ms = await until(`${fresh} is answered`, isAnswered, { deadlineMs: 3000 });
        console.log(`# ${style}: answered after ${Math.round(ms)} ms`);
        assert.deepEqual(leaks(), []);
      });

      await t.test('Service names never fail: rpc-dns up, hanging, gone', async () => {
        const cached = 'com.foo.UserService';
        for (const state of ['up', 'hanging', 'gone'] as const) {
          if (state === 'hanging') world.rpcDns.signal('SIGSTOP');
          if (state === 'gone') await world.rpcDns.kill();
          const unknown = [1, 2, 3].map((i) => lookUp(world, 'glibc', `com.foo.${state}.Unknown${i}`));
          let slowest = 0;
          for (let i = 0; i < 10; i++) {
            for (const name of ['kubernetes.default', 'kubernetes.default.svc.cluster.local']) {
              const { addresses, error, ms } = await lookUp(world, i % 2 === 0 ? 'glibc' : 'musl', name);
              assert.deepEqual(addresses, [KUBERNETES_IP], `${state}: ${error}`);
              slowest = Math.max(slowest, ms);
            }
          }
          console.log(`# ${style}, rpc-dns ${state}: slowest Service lookup ${Math.round(slowest)} ms`);
          await Promise.all(unknown);
          const { addresses, error } = await lookUp(world, 'glibc', cached);
          assert.deepEqual(addresses, [world.vips.get(cached)], `${state}: ${cached}: ${error}`);
        }
        // as the text says; if this fails, CoreDNS has become better and the text has to change
        assert.deepEqual((await lookUp(world, 'glibc', fresh)).addresses, [], 'the older denial');
        assert.deepEqual(leaks(), []);
      });
    });
  }

  test('style stub', async (t) => {
    const printed = await corefile(world, '--style', 'stub', '--server', RPC_DNS);
    assert.equal(printed.code, 0, printed.stderr);
    const coredns = await start(t, world, `${printed.stdout}${CLUSTER_BLOCK}`);
    const leaks = leaksFrom(world);

    await t.test('full names resolve with one question each, and Service names as ever', async () => {
      for (const library of LIBRARIES) {
        for (const name of INTERFACES) {
          const { addresses, error } = await lookUp(world, library, `${name}.${Z}`);
          assert.deepEqual(addresses, [world.vips.get(name)], error);
        }
        assert.deepEqual((await lookUp(world, library, 'kubernetes.default')).addresses, [KUBERNETES_IP]);
      }
      // the Service is found behind the second search domain
      const wanted = LIBRARIES.length * 2 * (INTERFACES.length + 2);
      const asked = await questions(coredns, wanted);
      assert.equal(asked.length, wanted, asked.join('\n'));
      assert.deepEqual(leaks(), []);
    });

    await t.test('bare names are what the text says: 10 questions, 4 of them leave the cluster', async () => {
      const before = (await questions(coredns, 0)).length;
      assert.deepEqual((await lookUp(world, 'glibc', 'com.foo.UserService')).addresses, []);
      assert.equal((await questions(coredns, before + 10)).length, before + 10);
      assert.equal(leaks().length, 4, leaks().join('\n'));
    });

    await t.test('the check finds it good as stub, and says why it is not shared', async () => {
      const check = ['--search', NODE_DOMAIN, '--check', '127.0.0.1:53'];
      const stub = await corefile(world, '--style', 'stub', ...check);
      assert.equal(stub.code, 0, stub.stdout);
      const shared = await corefile(world, '--style', 'shared', ...check);
      assert.equal(shared.code, 2, shared.stdout);
      assert.match(shared.stdout, /^bare names +leak .*rewrite lines/m);
    });
  });

  test('a view behind the catch-all block is refused by CoreDNS, as the text says', async (t) => {
    const { stdout } = await corefile(world, '--style', 'view', '--server', RPC_DNS);
    await assert.rejects(start(t, world, `${CLUSTER_BLOCK}${stdout}`), /already defined/);
  });

  test('the address is the ClusterIP of the Service rpc-dns in namespace rpc-dns', async () => {
    const { cluster, folder } = world;
    const registry = `registries: [{ kind: kubernetes, kubeconfig: "${cluster.kubeconfig()}" }]\n`;
    writeFileSync(join(folder, 'cluster.yaml'), `control: none.sock\n${registry}`);
    const args = ['corefile', '-c', 'cluster.yaml', '--style', 'stub'];
    const run = () => runToEnd(process.execPath, [MAIN, ...args], { cwd: folder });
    const none = await run();
    assert.equal(none.code, 2);
    assert.match(none.stderr, /^the Service rpc-dns\/rpc-dns cannot be had \(.*404.*give --server IP$/m);
    await cluster.createNamespace('rpc-dns');
    const { clusterIP } = await cluster.createService('rpc-dns', 'rpc-dns', {
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
    });
    const { code, stdout, stderr } = await run();
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^ {4}forward \\. ${clusterIP.replaceAll('.', '\\.')} \\{$`, 'm'));
  });

  test('the packages are those that the running server knows', async () => {
    const { stdout, stderr } = await corefile(world, '--server', RPC_DNS);
    assert.match(stdout, /\(\?:com\\\.foo\|org\\\.apache\)/);
    assert.match(stderr, /--search/);
  });
});

/** The question names and types that CoreDNS was asked so far, its own probes aside. */
async function questions(coredns: CoreDns, wanted: number): Promise<string[]> {
  const asked = () => coredns.log().filter(({ type }) => type === 'A' || type === 'AAAA');
  // the last lines may still be on their way
  await until('all is logged', () => asked().length >= wanted);
  await sleep(50);
  return asked().map(({ name, type }) => `${name} ${type}`);
}

/**
 * @returns what the upstream is asked from now on, but for CoreDNS's probe for loops, and for Service names of four
 * dots, which any pod tries behind its node's domain
 */
function leaksFrom({ upstream }: World): () => readonly string[] {
  const before = upstream.queries().length;
  return () => {
    const asked = upstream.queries().slice(before);
    return asked.filter((query) => !/ TYPE13 /.test(query) && !query.startsWith('kubernetes.default.svc.'));
  };
}

function lookUp({ pods }: World, library: Library, name: string): Promise<Resolution> {
  return resolveInPod(library, name, { nameserver: '127.0.0.1', within: pods, search: LIST });
}

function corefile({ pods, folder }: World, ...args: readonly string[]) {
  return runToEnd(process.execPath, [MAIN, 'corefile', '-c', 'rpc-dns.yaml', ...args], {
    launch: pods.run,
    cwd: folder,
  });
}

/** CoreDNS with a printed text, among the pods. */
function start(test: { after(clean: () => unknown): void }, world: World, text: string): Promise<CoreDns> {
  const { pods, kubeconfig } = world;
  const lines = text
    .replace(/^ {4}errors$/gm, '$&\n    log')
    .replace(/^ {4}kubernetes .* \{$/gm, `$&\n        kubeconfig ${kubeconfig}`);
  return startCoreDNS(test, {
    corefile: lines,
    port: 53,
    launch: (command, args, options) => {
      return pods.run(command, args, { ...options, resolvConf: `nameserver ${UPSTREAM}\n` });
    },
  });
}

async function createWorld(test: { after(clean: () => unknown): void }): Promise<World> {
  const [cluster, pods, services] = await Promise.all([
    startCluster(test),
    createNamespace(),
    createNamespace(),
  ]);
  test.after(() => pods.remove());
  test.after(() => services.remove());
  await connectNamespaces(pods, services, [RPC_DNS, UPSTREAM]);
  const kubeconfig = await bringApiServer(test, cluster, pods);
  const upstream = await startUpstream(test, { address: UPSTREAM, port: 53, launch: services.run });
  const folder = tempFolder('corefile');
  const files = 'registries: [{ kind: file, path: interfaces.yaml }]\n';
  writeFileSync(
    join(folder, 'rpc-dns.yaml'),
    `zone: ${Z}\nlisten: { dns: ["${RPC_DNS}:53"], http: null }\n${files}`,
  );
  register({ folder }, INTERFACES);
  const rpcDns = await startRpcDns(services, folder);
  const list = await runToEnd(process.execPath, [MAIN, 'vips', 'list', '--json', '-c', 'rpc-dns.yaml'], {
    cwd: folder,
  });
  const vips = new Map(
    (JSON.parse(list.stdout) as VipJson[]).map(({ service, address }) => [service, address]),
  );
  return { cluster, pods, services, upstream, kubeconfig, folder, vips, rpcDns };
}

/** A cable between two namespaces; @param addresses of the second one */
async function connectNamespaces(
  first: Namespace,
  second: Namespace,
  addresses: readonly string[],
): Promise<void> {
  const ip = async (...args: readonly string[]) => {
    const { code, stderr } = await runToEnd('ip', args);
    assert.equal(code, 0, stderr);
  };
  await ip(
    'link',
    'add',
    'pods',
    'netns',
    first.name,
    'type',
    'veth',
    'peer',
    'name',
    'services',
    'netns',
    second.name,
  );
  await ip('-n', first.name, 'addr', 'add', '10.244.0.1/24', 'dev', 'pods');
  await ip('-n', second.name, 'addr', 'add', '10.244.0.2/24', 'dev', 'services');
  await ip('-n', first.name, 'link', 'set', 'pods', 'up');
  await ip('-n', second.name, 'link', 'set', 'services', 'up');
  for (const address of addresses) {
    await ip('-n', second.name, 'addr', 'add', `${address}/32`, 'dev', 'services');
    await ip('-n', first.name, 'route', 'add', address, 'via', '10.244.0.2');
  }
}

/** The API server listens beside the test: a socket file leads to it from the namespace. @returns a kubeconfig */
async function bringApiServer(
  test: { after(clean: () => unknown): void },
  cluster: Cluster,
  pods: Namespace,
): Promise<string> {
  const path = join(tempFolder('api'), 'socket');
  const outside = createServer((socket) => {
    const server = connect(cluster.port, '127.0.0.1');
    socket.pipe(server).pipe(socket);
    for (const end of [socket, server]) end.on('error', () => [socket, server].map((each) => each.destroy()));
  });
  await new Promise<void>((done) => outside.listen(path, done));
  test.after(() => outside.close());
  const inside = `
    const { connect, createServer } = require('node:net');
    createServer((socket) => {
      const outside = connect(${JSON.stringify(path)});
      socket.pipe(outside).pipe(socket);
      for (const end of [socket, outside]) end.on('error', () => { socket.destroy(); outside.destroy(); });
    }).listen(6443, '127.0.0.1', () => console.log('READY'));`;
  await pods.run(process.execPath, ['-e', inside], { name: 'relay' }).waitFor(/READY/);
  return cluster.kubeconfig(undefined, { port: 6443 });
}

async function startRpcDns(services: Namespace, folder: string): Promise<Child> {
  const child = services.run(process.execPath, [MAIN, 'serve', '-c', 'rpc-dns.yaml'], {
    name: 'rpc-dns',
    cwd: folder,
  });
  await child.waitFor(/"msg":"ready"/);
  return child;
}

function register({ folder }: Pick<World, 'folder'>, names: readonly string[]): void {
  const lines = names.map((name) => `  - { name: ${name}, port: 20880, application: ${application(name)} }`);
  const gray = '  - { name: com.foo.UserService, port: 20880, version: "1.0.0", group: gray }';
  writeFileSync(join(folder, 'interfaces.yaml'), `interfaces:\n${[...lines, gray].join('\n')}\n`);
}

function application(name: string): string {
  return name === 'com.foo.UserService' ? 'user-center' : 'other';
}
