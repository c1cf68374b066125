/**
 * The image, built from the Dockerfile and started as the manifests say: by nobody, without rights, on a root that
 * cannot be written.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bridgePorts } from '../support/bridge.ts';
import { sharedCluster } from '../support/cluster.ts';
import { type Container, type PodSpec, startContainer } from '../support/container.ts';
import {
  buildImage,
  type Image,
  parseDockerfile,
  skipWithoutOverlay,
  unpackImage,
} from '../support/image.ts';
import { apply, applyDefinitions, pick, render } from '../support/kustomize.ts';
import { createNamespace, type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { runToEnd, until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';

const skip = skipWithoutOverlay() || skipWithoutNamespaces() || skipWithout('tools', 'kubernetes');
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

test('as a pod of overlay replicated it lives in a cluster', { skip }, async (t) => {
  const kube = await cluster();
  await applyDefinitions(kube);
  const objects = await render('overlays/replicated');
  await apply(kube, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  const ports = [{ name: 'dubbo', port: 20880 }];
  const { clusterIP } = await kube.createService('default', 'user-center', { ports });
  await kube.createSlice('default', 'user-center', ['10.1.0.7'], ports);
  await apply(
    kube,
    `
apiVersion: rpcdns.io/v1
kind: RPCService
metadata: { name: user-center, namespace: default }
spec: { interfaces: [ { name: com.foo.UserService } ] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: more, namespace: default, labels: { rpcdns.io/registry: "true" } }
data: { interfaces.yaml: "interfaces: [ { name: com.foo.PooledService, port: 20880 } ]" }
`,
  );
  const account = tempFolder('account');
  writeFileSync(join(account, 'token'), await kube.createToken('rpc-dns', 'rpc-dns'));
  writeFileSync(join(account, 'ca.crt'), kube.authority.certificate);
  writeFileSync(join(account, 'namespace'), 'rpc-dns');
  const network = await namespaceOf(t);
  await bridgePorts(t, network, { outside: [kube.port] });

  const container = await startContainer(t, {
    image: await image(),
    pod: await podOf('overlays/replicated'),
    volumes: { config: new ConfigVolume(pick(objects, 'ConfigMap', 'rpc-dns').data ?? {}).folder },
    serviceAccount: account,
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(kube.port) },
    network,
  });
  await ready(network, container);
  assert.equal((await dig(network, 'com.foo.UserService.rpc.cluster.local'))[1], clusterIP);
  const [, pooled] = await dig(network, 'com.foo.PooledService.rpc.cluster.local');
  const ledger = await kube.kubectl(['get', 'rpcvip', '-o', 'jsonpath={.items[*].spec.address}']);
  assert.equal(ledger.stdout, pooled);
  await until('the status is written', async () => {
    const { stdout } = await kube.kubectl(['get', 'rpcsvc', 'user-center', '-o', 'jsonpath={.status.vips}']);
    return stdout === JSON.stringify([clusterIP]);
  });
  const printed = container.exec('rpc-dns', 'corefile', '--style', 'stub', '-c', '/etc/rpc-dns/rpc-dns.yaml');
  assert.equal((await printed.exited).code, 0, printed.output());
  assert.match(printed.stdout(), /forward \. 10\.96\.0\.53 \{/);

  // not ready any more, and answering: the lame duck
  const stopped = container.stop();
  await until('it is a lame duck', async () => (await http(network, '/ready')).startsWith('503'));
  assert.equal((await dig(network, 'com.foo.UserService.rpc.cluster.local'))[1], clusterIP);
  process.kill(container.pid, 'SIGKILL');
  await stopped;
});
