/** The Envoy beside an application's container: what the component adds to a workload, and that it runs with no more rights. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { sharedCluster } from '../support/cluster.ts';
import { apply, manifestPath, pick, render, renderText } from '../support/kustomize.ts';
import { skipWithoutNamespaces } from '../support/netns.ts';
import { withOwnFiles } from '../support/own-files.ts';
import { runToEnd, until } from '../support/process.ts';
import { envoyPath, provision, skipWithout } from '../support/provision.ts';
import { SidecarWorld } from '../support/sidecar-world.ts';
import { tempFolder } from '../support/temp.ts';

const skip = skipWithoutNamespaces() || skipWithout('tools', 'envoy', 'etcd', 'kubernetes');
const cluster = sharedCluster();

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

/** What is read of a container. */
interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string }[];
  readonly securityContext: {
    readonly runAsUser: number;
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
    readonly [key: string]: unknown;
  };
}

/** A kustomization of an application of one's own, as README.md has it. */
function shop(): string {
  const readme = readFileSync(manifestPath('README.md'), 'utf8');
  const [, text = ''] = /```yaml\n(resources: \[shop\.yaml\][\s\S]*?)```/.exec(readme) ?? [];
  assert.notEqual(text, '');
  const folder = tempFolder('shop');
  const component = relative(folder, manifestPath('components/envoy'));
  writeFileSync(
    join(folder, 'kustomization.yaml'),
    text
      .replace('../manifests/components/envoy', component)
      .replace('namespace: trade', 'namespace: default'),
  );
  const workload = (name: string, labels: object) =>
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: {
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { initContainers: [{ name: 'own', image: name }], containers: [{ name, image: name }] },
        },
      },
    });
  writeFileSync(
    join(folder, 'shop.yaml'),
    `${workload('shop', { 'rpcdns.io/sidecar': 'envoy' })}\n---\n${workload('other', {})}\n`,
  );
  return folder;
}

async function initContainers(name: string): Promise<readonly Container[]> {
  const { template } = pick(await render(folder), 'Deployment', name).spec as {
    template: { spec: { initContainers: readonly Container[] } };
  };
  return template.spec.initContainers;
}

const folder = skip === false ? shop() : '';

test('a labelled workload gets it in front of all else, others do not, and a real API server accepts it', {
  skip,
}, async () => {
  const names = async (name: string) => (await initContainers(name)).map((one) => one.name);
  assert.deepEqual(await names('shop'), ['rpc-dns-rules', 'rpc-dns-envoy', 'own']);
  assert.deepEqual(await names('other'), ['own']);
  const [, envoy] = await initContainers('shop');
  assert.equal(envoy?.restartPolicy, 'Always', 'beside the application, not before it');
  assert.doesNotMatch(await apply(await cluster(), await renderText(folder), '--dry-run=server'), /warning/i);
});

test('it is told what the command prints for the manifests of rpc-dns', { skip }, async () => {
  const flags = ['--server', 'rpc-dns.rpc-dns.svc.cluster.local:15010'];
  const config = manifestPath('overlays/replicated/rpc-dns.yaml');
  const { stdout } = await runToEnd(process.execPath, [MAIN, 'envoy', '-c', config, ...flags]);
  assert.equal(readFileSync(manifestPath('components/envoy/envoy.yaml'), 'utf8'), stdout);
  const [, script] = /^#\| nft '(.*)'$/m.exec(stdout) ?? [];
  const [rules] = await initContainers('shop');
  assert.deepEqual(rules?.command, ['nft', script]);
});

test('with the rights that the pod has, and no others, a VIP leads to the provider', { skip }, async (t) => {
  await provision(['tools', 'envoy']);
  const world = await SidecarWorld.open(t, [{ name: 'com.foo.User', endpoints: ['127.0.0.1:7001'] }]);
  await world.startProvider('127.0.0.1:7001', 'user-1');
  await world.sh(['ip route replace local 247.0.0.0/8 dev lo']);
  const [rules, envoy] = await initContainers('shop');
  assert.ok(rules !== undefined && envoy !== undefined);
  const asContainer = ({ securityContext, command = [], args = [] }: Container, program = '') => {
    const { runAsUser, capabilities, allowPrivilegeEscalation } = securityContext;
    assert.deepEqual(capabilities.drop, ['ALL']);
    assert.equal(allowPrivilegeEscalation, false);
    assert.equal(securityContext['readOnlyRootFilesystem'], true);
    const kept = (capabilities.add ?? []).map((name) => `,+${name.toLowerCase()}`).join('');
    const rights = [`--bounding-set=-all${kept}`, '--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs'];
    const user = [`--reuid=${runAsUser}`, `--regid=${runAsUser}`, '--clear-groups'];
    const [first = '', ...rest] = [...command, ...args];
    return [...rights, ...user, '--', program || first, ...rest];
  };

  // a second time too: a kubelet may start it again in the same network
  for (let i = 0; i < 2; i++) {
    const done = await runToEnd('setpriv', asContainer(rules), { launch: world.namespace.run });
    assert.equal(done.code, 0, done.stderr);
  }
  const listed = await runToEnd('nft', ['list', 'ruleset'], { launch: world.namespace.run });
  assert.equal(listed.stdout.split('redirect to :15001').length, 2, listed.stdout);

  const bin = tempFolder('envoy');
  chmodSync(bin, 0o755);
  copyFileSync(envoyPath('1.40.0'), join(bin, 'envoy'));
  writeFileSync(join(bin, 'envoy.yaml'), readFileSync(manifestPath('components/envoy/envoy.yaml')), {
    mode: 0o644,
  });
  const values: Record<string, string> = { POD_NAMESPACE: 'trade', POD_NAME: 'shop-7', ZONE: '' };
  assert.deepEqual((envoy.env ?? []).map(({ name }) => name).sort(), Object.keys(values).sort());
  const argv = asContainer(envoy, join(bin, 'envoy')).map((word) =>
    word
      .replace(/\$\((\w+)\)/g, (_, name: string) => values[name] ?? assert.fail(name))
      .replace('/etc/rpc-dns/', `${bin}/`),
  );
  const hosts = { '/etc/hosts': '127.0.0.1 localhost rpc-dns.rpc-dns.svc.cluster.local\n' };
  const child = world.namespace.run(...withOwnFiles(hosts, 'setpriv', argv), { name: 'envoy' });
  t.after(() => child.kill());
  await until('Envoy listens', async () => {
    const args = ['-Hltn', 'sport = :15001'];
    return (await runToEnd('ss', args, { launch: world.namespace.run })).stdout !== '';
  });

  const vip = await world.vipOf('com.foo.User');
  const called = await world.caller.call(vip, 20880);
  assert.equal(called.name, 'user-1', called.error || child.output());
  const { stdout } = await world.site.cli('sidecars', '-c', 'rpc-dns.yaml');
  assert.match(stdout, /trade\/shop-7/, 'the log and this say who it is');
});
