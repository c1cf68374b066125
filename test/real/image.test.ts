/**
 * The image, built from the Dockerfile and started as the manifests say: by nobody, without rights, on a root that
 * cannot be written; and with it manifests/README.md, followed step by step in a real cluster.
 */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bridgePorts } from '../support/bridge.ts';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { type Container, type PodSpec, startContainer } from '../support/container.ts';
import { startCoreDNS } from '../support/coredns.ts';
import {
  buildImage,
  type Image,
  parseDockerfile,
  skipWithoutOverlay,
  unpackImage,
} from '../support/image.ts';
import { manifestPath, pick, render } from '../support/kustomize.ts';
import { createNamespace, type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { resolveInPod } from '../support/pod.ts';
import { runToEnd, until } from '../support/process.ts';
import { findCommand, kubernetesPath, skipWithout } from '../support/provision.ts';
import { relayService } from '../support/service-relay.ts';
import { tempFolder } from '../support/temp.ts';

const skip = skipWithoutOverlay() || skipWithoutNamespaces() || skipWithout('tools', 'kubernetes', 'coredns');
const cluster = sharedCluster();

let built: Promise<Image> | undefined;

function image(): Promise<Image> {
  built ??= buildImage().then(unpackImage);
  return built;
}

async function podOf(path: string): Promise<PodSpec> {
  const { template } = pick(await render(path), 'Deployment', 'rpc-dns').spec as {
    template: { spec: PodSpec };
  };
  return template.spec;
}

/** A ConfigMap as the kubelet mounts it: what changes is where the link `..data` leads. */
class ConfigVolume {
  readonly folder = tempFolder('config');
  #count = 0;

  constructor(data: Readonly<Record<string, string>>) {
    this.write(data);
    for (const key of Object.keys(data)) symlinkSync(`..data/${key}`, join(this.folder, key));
  }

  write(data: Readonly<Record<string, string>>): void {
    const version = `..version-${++this.#count}`;
    mkdirSync(join(this.folder, version));
    for (const [key, text] of Object.entries(data)) writeFileSync(join(this.folder, version, key), text);
    symlinkSync(version, join(this.folder, '..data_tmp'));
    renameSync(join(this.folder, '..data_tmp'), join(this.folder, '..data'));
  }
}

/** The answer of `dig +short`, run beside the container. */
async function dig(network: Namespace, ...question: readonly string[]): Promise<readonly string[]> {
  const args = ['@127.0.0.1', '-p', '5300', '+short', '+tries=1', '+time=2', ...question];
  const { stdout } = await runToEnd('dig', args, { launch: network.run });
  return stdout.trim().split('\n');
}

async function http(network: Namespace, path: string): Promise<string> {
  const ask = `fetch('http://127.0.0.1:8080${path}').then(async (r) => console.log(r.status, await r.text()))`;
  const { stdout } = await runToEnd(process.execPath, ['-e', ask], { launch: network.run });
  return stdout.trim();
}

async function ready(network: Namespace, { child }: Container): Promise<void> {
  await until('the container is ready', async () => {
    if (!child.running) throw new Error(child.output());
    return (await http(network, '/ready')).startsWith('200 ');
  });
}

async function namespaceOf(t: TestContext): Promise<Namespace> {
  const network = await createNamespace();
  t.after(() => network.remove());
  return network;
}

test('the image holds the server and what it runs on, and nothing else', { skip }, async () => {
  const { config, root } = await image();
  assert.equal(config.User, '65532:65532');
  assert.deepEqual(Object.keys(config.ExposedPorts), ['5300/udp', '5300/tcp', '8080/tcp']);
  const { containers, securityContext } = await podOf('base');
  assert.equal(config.User, `${securityContext.runAsUser}:${securityContext.runAsGroup}`);
  assert.deepEqual(config.Cmd, containers[0].args, 'the pod says it again, for whoever reads it');
  for (const there of [
    'app/dist/main.js',
    'app/package.json',
    'usr/local/bin/node',
    'app/node_modules/pino',
  ]) {
    assert.ok(existsSync(join(root, there)), there);
  }
  // neither a shell nor npm, neither sources nor tests, neither what builds nor what this machine has
  for (const gone of [
    'bin',
    'usr/bin',
    'root',
    'home',
    'app/src/main.ts',
    'app/test',
    'app/node_modules/typescript',
  ]) {
    assert.ok(!existsSync(join(root, gone)), gone);
  }
  const files = globSync(['*', '*/*', 'usr/local/*/*'], { cwd: root }).filter(
    (file) => !file.startsWith('lib'),
  );
  assert.deepEqual(files.sort(), [
    'app',
    'app/dist',
    'app/node_modules',
    'app/package.json',
    'app/src',
    'etc',
    'etc/group',
    'etc/nsswitch.conf',
    'etc/passwd',
    'usr',
    'usr/local',
    'usr/local/bin/node',
    'usr/local/bin/rpc-dns',
  ]);
});

test('a Dockerfile is read as docker does, as far as ours goes', () => {
  const [build, final] = parseDockerfile(`# head
FROM a:1 AS build
# why
RUN one && \\
    # in between
    two

FROM scratch
CMD ["x"]
`);
  assert.deepEqual(build?.steps, [{ name: 'RUN', text: 'one && two' }]);
  assert.deepEqual(final, { name: '', base: 'scratch', steps: [{ name: 'CMD', text: '["x"]' }] });
});

const INTERFACES = `interfaces:
  - { name: com.foo.UserService, port: 20880, endpoints: ["10.0.0.1:20880"] }
`;

test('as the pod of overlay single it answers, reloads, stops and remembers', { skip }, async (t) => {
  const network = await namespaceOf(t);
  const objects = await render('overlays/single');
  const text = pick(objects, 'ConfigMap', 'rpc-dns').data?.['rpc-dns.yaml'] ?? '';
  const config = text.replace(
    /- \{ kind: kubernetes \}/,
    '- { kind: file, path: /etc/rpc-dns/interfaces.yaml }',
  );
  assert.notEqual(config, text);
  const files = { 'rpc-dns.yaml': config, 'interfaces.yaml': INTERFACES };
  const volume = new ConfigVolume(files);
  const data = tempFolder('data');
  const options = {
    image: await image(),
    pod: await podOf('overlays/single'),
    volumes: { config: volume.folder, data },
    network,
  };

  const container = await startContainer(t, options);
  await ready(network, container);
  assert.match(container.child.output(), /"engine":"mmsg"/);
  const [domain, vip = ''] = await dig(network, 'com.foo.UserService.rpc.cluster.local');
  assert.equal(domain, 'UserService.foo.com.svc.rpc.cluster.local.');
  assert.match(vip, /^247\./);
  assert.deepEqual(await dig(network, '+tcp', 'UserService.foo.com.svc.rpc.cluster.local'), [vip]);
  assert.match(await http(network, '/health'), /^200 OK/);

  await t.test('it has no rights, and its root is read-only', async () => {
    assert.equal(container.status('Uid'), '65532\t65532\t65532\t65532');
    assert.equal(container.status('Gid'), '65532\t65532\t65532\t65532');
    assert.equal(container.status('Groups'), '65532');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      assert.match(container.status(set), /^0+$/, set);
    }
    assert.equal(container.status('NoNewPrivs'), '1');
    const write = `require('fs').writeFileSync(process.argv[1], '')`;
    for (const path of ['/x', '/app/x', '/etc/rpc-dns/x']) {
      const written = container.exec('node', '-e', write, path);
      await written.exited;
      assert.match(written.stderr(), /EROFS/, path);
    }
    const written = container.exec('node', '-e', write, '/data/x');
    assert.equal((await written.exited).code, 0, written.stderr());
  });

  await t.test('the command line works inside', async () => {
    const lookup = container.exec(
      'rpc-dns',
      'lookup',
      'com.foo.UserService',
      '-c',
      '/etc/rpc-dns/rpc-dns.yaml',
    );
    assert.equal((await lookup.exited).code, 0, lookup.output());
    assert.match(lookup.stdout(), new RegExp(`VIP +${vip} \\(pool\\)`));
  });

  await t.test('a changed ConfigMap is taken over, and a wrong one is not', async () => {
    const more = INTERFACES + INTERFACES.split('\n')[1]?.replace('UserService', 'OrderService');
    volume.write({ 'rpc-dns.yaml': config, 'interfaces.yaml': more });
    await until('the new interface is answered', async () => {
      return (await dig(network, 'com.foo.OrderService.rpc.cluster.local')).length === 2;
    });
    volume.write({ ...files, 'rpc-dns.yaml': 'zone: 5\n' });
    await container.child.waitFor(/not reloaded: the running configuration stays/);
    assert.equal((await dig(network, 'com.foo.UserService.rpc.cluster.local'))[1], vip);
    volume.write(files);
  });

  await t.test('told to stop it ends by itself, and a new pod has the same VIPs', async () => {
    assert.deepEqual(await container.stop(), { code: 0, signal: null });
    const next = await startContainer(t, options);
    await ready(network, next);
    assert.equal((await dig(network, 'com.foo.UserService.rpc.cluster.local'))[1], vip);
    await next.stop();
  });
});

// manifests/README.md

interface Block {
  readonly text: string;
  /** why not */
  readonly notRun: string | undefined;
}

const blocks: readonly Block[] = [
  ...readFileSync(manifestPath('README.md'), 'utf8').matchAll(
    /(?:^<!-- not run: (.*?) -->\n)?^```sh\n([\s\S]*?)^```/gm,
  ),
].map(([, notRun, text = '']) => ({ text, notRun }));

/** An operator's checkout, with `kubectl` and `dig` that lead where they do in a cluster. */
class Checkout {
  readonly folder = tempFolder('checkout');
  readonly #bin = join(this.folder, '.bin');

  constructor(kube: Cluster, network: Namespace) {
    cpSync(manifestPath('.'), join(this.folder, 'manifests'), { recursive: true });
    mkdirSync(this.#bin);
    this.command('kubectl', `exec ${kubernetesPath('kubectl')} --kubeconfig ${kube.kubeconfig()} "$@"`);
    this.command('dig', `exec ip netns exec ${network.name} ${findCommand('dig')} +tries=1 "$@"`);
  }

  command(name: string, script: string): void {
    writeFileSync(join(this.#bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** `kubectl exec`, which needs a kubelet, goes into the container. */
  entersContainer({ enter }: Container): void {
    const kubectl = readFileSync(join(this.#bin, 'kubectl'), 'utf8').split('\n')[1];
    const quoted = enter.map((word) => `'${word}'`).join(' ');
    this.command(
      'kubectl',
      `case " $* " in *" exec "*)
  until [ "$1" = -- ]; do shift; done
  program=/usr/local/bin/$2; shift 2
  exec ${quoted} "$program" "$@" ;;
esac
${kubectl}`,
    );
  }

  async run(text: string): Promise<string> {
    const { code, stdout, stderr } = await runToEnd('sh', ['-euc', text], {
      cwd: this.folder,
      env: { PATH: `${this.#bin}:${process.env['PATH']}`, KUBECONFIG: undefined },
      deadlineMs: 60_000,
    });
    assert.equal(code, 0, `${text}\n${stdout}${stderr}`);
    return stdout;
  }
}

/** As kubeadm leaves it, but that this CoreDNS is in no pod and shares its ports with rpc-dns. */
function corefileOf(kubeconfig: string): string {
  const [whole = ''] = readFileSync(manifestPath('coredns/Corefile'), 'utf8').split(/^(?=rpc\.)/m);
  return whole
    .replace('health {', 'health :8090 {')
    .replace('pods insecure', `pods insecure\n        kubeconfig ${kubeconfig}`);
}

test('manifests/README.md leads from nothing to the first interface, and out again', { skip }, async (t) => {
  const kube = await cluster();
  const network = await namespaceOf(t);
  await bridgePorts(t, network, { outside: [kube.port] });
  await relayService(network, '10.96.0.53', 5300);
  const checkout = new Checkout(kube, network);
  const corefile = async () => {
    const { data } = (await kube.get('configmaps', 'kube-system', 'coredns')) as unknown as {
      data: { Corefile: string };
    };
    return data.Corefile;
  };
  const before = corefileOf(kube.kubeconfig());
  await kube.create('configmaps', 'kube-system', 'coredns', { data: { Corefile: before } });
  const steps = blocks.filter(({ notRun }) => notRun === undefined).map(({ text }) => text);
  assert.equal(blocks.length - steps.length, 4, 'what is not run is what needs more than there is here');
  const step = async (has: string) => {
    const text = steps.shift() ?? '';
    assert.ok(text.includes(has), `the next step has '${has}': ${text}`);
    return checkout.run(text);
  };

  assert.equal(await step('get service kubernetes'), '10.96.0.1\n');
  await step('mkdir my-rpc-dns');

  // what the Deployment's controller, the scheduler and the kubelet do, while the operator waits
  const started = startDeployment(t, kube, network);
  await step('rollout status');
  const container = await started;
  checkout.entersContainer(container);

  assert.match(await step('kind: RPCService'), /user-center +\["10\.96\.\d+\.\d+"\] +1 +True +ClusterIP/);
  const { spec } = await kube.get('services', 'trade', 'user-center');
  const clusterIP = String(spec?.['clusterIP']);
  const asked = await step('dig +short');
  assert.ok(asked.startsWith(`UserService.foo.com.svc.rpc.cluster.local.\n${clusterIP}\n`), asked);
  assert.match(asked, /RPCService trade\/user-center/);

  await t.test('doctor looks around in its own pod', async () => {
    const [text = ''] = blocks.map((block) => block.text.trim()).filter((one) => one.includes(' doctor '));
    // nothing stands behind the ClusterIP here: that much it finds
    const said = await checkout.run(`${text} || test $? = 1`);
    for (const check of ['configuration', 'server', 'ports', 'registries', 'store', 'clock', 'limits']) {
      assert.match(said, new RegExp(`^ok +${check} `, 'm'), said);
    }
    const vip = said.split('\n').find((line) => line.includes(`VIP ${clusterIP}:20880`));
    assert.match(vip ?? '', /^finding +name /, said);
    assert.match(said, /it is the ClusterIP of Service trade\/user-center/);
  });

  await step('get configmap coredns');
  assert.match(await corefile(), /^rpc\.cluster\.local:53 [\s\S]*forward \. 10\.96\.0\.53 \{/m);
  await network.addLocalRange('10.96.0.10/32');
  const coredns = await startCoreDNS(t, {
    corefile: await corefile(),
    address: '10.96.0.10',
    port: 53,
    launch: network.run,
  });
  const pod = { nameserver: '10.96.0.10', namespace: 'trade', within: network };
  const resolved = await resolveInPod('glibc', 'com.foo.UserService.rpc.cluster.local', pod);
  assert.deepEqual(resolved.addresses, [clusterIP], resolved.error);
  await coredns.kill();

  await step('rollout status');

  await t.test('the ledger in the API has what the pool gives', async () => {
    await kube.create('configmaps', 'trade', 'more', {
      metadata: { labels: { 'rpcdns.io/registry': 'true' } },
      data: { 'interfaces.yaml': 'interfaces: [ { name: com.foo.PooledService, port: 20880 } ]' },
    });
    await until('an address of the pool', async () => {
      const { stdout } = await kube.kubectl(['get', 'rpcvip', '-o', 'jsonpath={.items[*].spec.address}']);
      const [, vip] = await dig(network, 'com.foo.PooledService.rpc.cluster.local');
      return stdout !== '' && stdout === vip;
    });
  });

  await step('Corefile=Corefile.before');
  assert.equal(await corefile(), before);
  await step("-l '!rpcdns.io/keep'");
  await t.test('a pod that is told to stop is a lame duck', async () => {
    const stopped = container.stop();
    await until('it is not ready any more', async () => (await http(network, '/ready')).startsWith('503'));
    assert.equal((await dig(network, 'com.foo.UserService.rpc.cluster.local'))[1], clusterIP);
    process.kill(container.pid, 'SIGKILL');
    await stopped;
  });
  const left = await kube.kubectl(['get', 'rpcsvc,rpcvip', '-A', '-o', 'name']);
  assert.match(left.stdout, /^rpcservice\S+user-center\nvirtualip\S+247-\S+\n$/, left.stderr);
  await kube.get('namespaces', null, 'rpc-dns');
  // what the namespace's controller does
  const finalized = until('the namespace is on its way', async () => {
    const path = '/api/v1/namespaces/rpc-dns';
    const { body } = await kube.api('GET', path);
    if ((body as { status?: { phase?: string } }).status?.phase !== 'Terminating') return false;
    await kube.must('PUT', `${path}/finalize`, { metadata: { name: 'rpc-dns' }, spec: { finalizers: [] } });
    return true;
  });
  await step('delete -k manifests/ledger');
  await finalized;
  const { stdout } = await kube.kubectl(['get', 'crd', '-o', 'name']);
  assert.equal(stdout, '', 'nothing is left');
  assert.deepEqual(steps, []);
});

/** A pod of the Deployment, as soon as there is one; and what its controller then writes. */
async function startDeployment(t: TestContext, kube: Cluster, network: Namespace): Promise<Container> {
  const path = '/apis/apps/v1/namespaces/rpc-dns/deployments/rpc-dns';
  await until('the Deployment is there', async () => (await kube.api('GET', path)).status === 200);
  const { metadata, spec } = (await kube.must('GET', path)) as unknown as {
    metadata: { generation: number };
    spec: { template: { spec: PodSpec & { containers: [{ image: string }] } } };
  };
  const pod = spec.template.spec;
  assert.equal(pod.containers[0].image, 'registry.example/rpc-dns:0.1.0');
  const { data } = (await kube.get('configmaps', 'rpc-dns', 'rpc-dns')) as unknown as {
    data: Readonly<Record<string, string>>;
  };
  const account = tempFolder('account');
  writeFileSync(join(account, 'token'), await kube.createToken('rpc-dns', 'rpc-dns'));
  writeFileSync(join(account, 'ca.crt'), kube.authority.certificate);
  writeFileSync(join(account, 'namespace'), 'rpc-dns');
  const container = await startContainer(t, {
    image: await image(),
    pod,
    volumes: { config: new ConfigVolume(data).folder },
    serviceAccount: account,
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(kube.port) },
    network,
  });
  await ready(network, container);
  const one = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  const status = { observedGeneration: metadata.generation, ...one };
  await kube.must('PATCH', `${path}/status`, { status }, { contentType: 'application/merge-patch+json' });
  return container;
}
