/** The manifests as kustomize renders them, accepted by a real API server, and what they promise of each other. */
import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { parsePool, poolsOverlap } from '../../src/vip/pool.ts';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import {
  apply,
  applyDefinitions,
  documentsIn,
  type Manifest,
  manifestPath,
  pick,
  render,
  renderText,
} from '../support/kustomize.ts';
import { runToEnd, until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { startServer } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';

const skip = skipWithout('etcd', 'kubernetes');
const cluster = sharedCluster();

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const OVERLAYS = ['overlays/single', 'overlays/replicated', 'overlays/istio-ready'] as const;
const FIXED = '10.96.0.53';

const all = globSync('**/kustomization.yaml', { cwd: manifestPath('.') }).map((file) => dirname(file));
const components = all.filter((path) => path.startsWith('components/'));
const kustomizations = all.filter((path) => !components.includes(path));

/** What a person writes who builds upon ours: a kustomization of their own, anywhere. */
function ownKustomization(text: string): string {
  const folder = tempFolder('kustomization');
  const to = (path: string) => relative(folder, manifestPath(path));
  writeFileSync(
    join(folder, 'kustomization.yaml'),
    text.replace(/manifests\/([\w/-]+)/g, (_, path: string) => to(path)),
  );
  return folder;
}

const withComponent = (path: string) =>
  ownKustomization(`resources: [manifests/overlays/replicated]\ncomponents: [manifests/${path}]\n`);
const withMonitoring = () => withComponent('components/monitoring');

/** The Prometheus operator's kinds, of which only the group is real: its schema is not ours to test. */
const foreignDefinitions = ['ServiceMonitor', 'PrometheusRule']
  .map((kind) => {
    const singular = kind.toLowerCase();
    return JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${singular}s.monitoring.coreos.com` },
      spec: {
        group: 'monitoring.coreos.com',
        scope: 'Namespaced',
        names: { kind, plural: `${singular}s`, singular, listKind: `${kind}List` },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
  })
  .join('\n---\n');

let prepared: Promise<Cluster> | undefined;

/** A cluster with all definitions and the namespace: a dry run of what needs them finds none otherwise. */
function withDefinitions(): Promise<Cluster> {
  prepared ??= (async () => {
    const kube = await cluster();
    await applyDefinitions(kube);
    await apply(kube, foreignDefinitions);
    await apply(kube, JSON.stringify(pick(await render('base'), 'Namespace', 'rpc-dns')));
    await until('the operator’s kinds are served', async () => {
      return (await kube.kubectl(['get', 'servicemonitors,prometheusrules', '-A'])).code === 0;
    });
    return kube;
  })();
  return prepared;
}

test('every kustomization renders, and a real API server accepts it', { skip }, async (t) => {
  assert.deepEqual([...all].sort(), [
    'base',
    'components/envoy',
    'components/monitoring',
    'components/sidecars',
    'coredns',
    'coredns/custom',
    'crds',
    'kube-dns',
    'ledger',
    ...[...OVERLAYS].sort(),
  ]);
  const kube = await withDefinitions();
  for (const path of [...kustomizations, ...components]) {
    await t.test(path, async () => {
      const text = await renderText(components.includes(path) ? withComponent(path) : path);
      const said = await apply(kube, text, '--dry-run=server');
      // of deprecated versions, and of pods that the namespace would refuse
      assert.doesNotMatch(said, /warning/i);
    });
  }
});

test('the base renders everything, with its namespace and definitions, and leaves the ClusterIP open', {
  skip,
}, async () => {
  const base = await render('base');
  const names = base.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  for (const wanted of [
    'Namespace rpc-dns',
    'CustomResourceDefinition rpcservices.rpcdns.io',
    'CustomResourceDefinition rpcownerships.rpcdns.io',
    'ServiceAccount rpc-dns',
    'Deployment rpc-dns',
    'Service rpc-dns',
    'ConfigMap rpc-dns',
    'NetworkPolicy rpc-dns',
    'PodDisruptionBudget rpc-dns',
  ]) {
    assert.ok(names.includes(wanted), wanted);
  }
  assert.equal(pick(base, 'Service', 'rpc-dns').spec?.['clusterIP'], undefined);
  const clusterWide = /^(Namespace|CustomResourceDefinition|ClusterRole)/;
  for (const { kind, metadata } of base.filter((object) => !clusterWide.test(object.kind))) {
    assert.equal(metadata.namespace, 'rpc-dns', kind);
  }
});

test('one line of each overlay fixes the ClusterIP, and an overlay upon it may fix another', {
  skip,
}, async () => {
  const kube = await withDefinitions();
  for (const path of OVERLAYS) {
    assert.equal(pick(await render(path), 'Service', 'rpc-dns').spec?.['clusterIP'], FIXED, path);
    const lines = readFileSync(manifestPath(`${path}/kustomization.yaml`), 'utf8').split('\n');
    assert.equal(lines.filter((line) => line.includes('clusterIP')).length, 1, path);
    const own = ownKustomization(`resources: [manifests/${path}]
patches:
  - patch: '{apiVersion: v1, kind: Service, metadata: {name: rpc-dns}, spec: {clusterIP: 10.96.7.53}}'
`);
    const text = JSON.stringify(pick(await render(own), 'Service', 'rpc-dns'));
    await apply(kube, text);
    const { spec } = await kube.get('services', 'rpc-dns', 'rpc-dns');
    assert.equal(spec?.['clusterIP'], '10.96.7.53');
    await kube.remove('services', 'rpc-dns', 'rpc-dns');
  }
  const outside = JSON.stringify(pick(await render('overlays/single'), 'Service', 'rpc-dns')).replace(
    FIXED,
    '10.43.0.53',
  );
  await assert.rejects(
    apply(kube, outside),
    /failed to allocate IP 10\.43\.0\.53: the provided network does not match the current range/,
  );
});

interface PodSpec {
  readonly containers: readonly [Container];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly terminationGracePeriodSeconds: number;
  readonly [field: string]: unknown;
}

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly containerPort: number; readonly protocol: string }[];
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly [field: string]: unknown;
}

function podOf(objects: readonly Manifest[]): PodSpec {
  const { template } = pick(objects, 'Deployment', 'rpc-dns').spec as { template: { spec: PodSpec } };
  return template.spec;
}

test('the pod runs as nobody with nothing, in a namespace that admits no other', { skip }, async () => {
  const kube = await withDefinitions();
  const create = async (spec: unknown) => {
    const body = { metadata: { name: 'rpc-dns-0' }, spec };
    const reply = await kube.api('POST', '/api/v1/namespaces/rpc-dns/pods?dryRun=All', body);
    return { status: reply.status, message: String((reply.body as { message?: string }).message) };
  };
  for (const path of ['base', ...OVERLAYS]) {
    const pod = podOf(await render(path));
    const [container] = pod.containers;
    assert.equal((await create(pod)).status, 201, path);
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.equal(pod.securityContext['runAsUser'], 65532);
    assert.equal(pod['enableServiceLinks'], false);
    const without = [
      ...Object.keys(pod.securityContext)
        .filter((key) => key === 'runAsNonRoot' || key === 'seccompProfile')
        .map((key) => ({
          key,
          spec: { ...pod, securityContext: { ...pod.securityContext, [key]: undefined } },
        })),
      ...['allowPrivilegeEscalation', 'capabilities'].map((key) => {
        const securityContext = { ...container.securityContext, [key]: undefined };
        return { key, spec: { ...pod, containers: [{ ...container, securityContext }] } };
      }),
    ];
    assert.equal(without.length, 4);
    for (const { key, spec } of without) {
      const { status, message } = await create(spec);
      assert.equal(status, 403, `${path} without ${key}`);
      assert.match(message, /violates PodSecurity "restricted:latest"/);
    }
  }
});

test('configuration, ports, probes and times fit together', { skip }, async (t) => {
  for (const path of ['base', ...OVERLAYS]) {
    await t.test(path, async () => {
      const objects = await render(path);
      const pod = podOf(objects);
      const [container] = pod.containers;
      const file = join(tempFolder('config'), 'rpc-dns.yaml');
      writeFileSync(file, pick(objects, 'ConfigMap', 'rpc-dns').data?.['rpc-dns.yaml'] ?? '');
      // an environment without a variable of ours
      const loaded = loadConfig(file, {});
      assert.ok(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.problems));
      const { listen, store, control, lameduck, vips, sidecars } = loaded.value.config;

      assert.deepEqual(container.args, ['serve', '-c', '/etc/rpc-dns/rpc-dns.yaml']);
      const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
      assert.deepEqual(mounts, ['/etc/rpc-dns', '/data']);
      if (store.kind === 'sqlite') assert.equal(dirname(store.path), '/data');
      assert.equal(dirname(control), '/data');

      assert.deepEqual(listen.dns, [{ host: '0.0.0.0', port: 5300 }]);
      assert.deepEqual(listen.http, { host: '0.0.0.0', port: 8080 });
      const ports = container.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`);
      // in a mesh istiod asks the server, and elsewhere nobody does but with components/sidecars
      const isAsked = path === 'overlays/istio-ready';
      assert.equal(sidecars?.listen.host, '127.0.0.1');
      assert.equal(sidecars.listen.port, 15_010);
      const inMesh = (...texts: readonly string[]) => (isAsked ? texts : []);
      assert.deepEqual(ports.toSorted(), [...inMesh('15010/TCP'), '5300/TCP', '5300/UDP', '8080/TCP']);
      assert.deepEqual(
        (container.env ?? []).map(({ name, valueFrom }) => `${name}=${valueFrom.fieldRef.fieldPath}`),
        inMesh('POD_IP=status.podIP'),
      );
      const service = pick(objects, 'Service', 'rpc-dns').spec as {
        ports: { port: number; targetPort: number; protocol: string }[];
      };
      assert.deepEqual(
        service.ports.map(({ port, targetPort, protocol }) => `${port} ${targetPort}/${protocol}`).toSorted(),
        [...inMesh('15010 15010/TCP'), '53 5300/TCP', '53 5300/UDP'],
      );
      const policy = pick(objects, 'NetworkPolicy', 'rpc-dns').spec as {
        ingress: { from?: unknown; ports: { port: number; protocol: string }[] }[];
      };
      const [dns, http, sidecarPort] = policy.ingress.map((rule) => ({
        isOpen: rule.from === undefined,
        ports: rule.ports.map(({ port, protocol }) => `${port}/${protocol}`),
      }));
      assert.deepEqual(dns, { isOpen: true, ports: ['5300/UDP', '5300/TCP'] });
      assert.deepEqual(http, { isOpen: false, ports: ['8080/TCP'] });
      assert.deepEqual(sidecarPort?.ports ?? [], inMesh('15010/TCP'));

      const resources = container['resources'] as Record<'requests' | 'limits', Record<string, string>>;
      const mebibytes = (text = '') => Number(/^(\d+)Mi$/.exec(text)?.[1]);
      const volumes = pod['volumes'] as { emptyDir?: { sizeLimit: string } | null }[];
      const onDisk = volumes.reduce(
        (sum, { emptyDir }) => sum + (emptyDir ? mebibytes(emptyDir.sizeLimit) : 0),
        0,
      );
      // what the kubelet keeps of a log: 5 files of 10 MiB
      assert.ok(mebibytes(resources.requests['ephemeral-storage']) >= onDisk + 50);
      assert.ok(mebibytes(resources.limits['ephemeral-storage']) > onDisk + 50);

      assert.ok(lameduck / 1000 + 10 <= pod.terminationGracePeriodSeconds, 'time for TCP after lameduck');
      const { strategy } = pick(objects, 'Deployment', 'rpc-dns').spec as { strategy: { type: string } };
      assert.equal(
        strategy.type === 'RollingUpdate',
        store.kind === 'kubernetes',
        'one ledger for all that run',
      );
      assert.equal(lameduck > 0, strategy.type === 'RollingUpdate');
      for (const range of ['240.240.0.0/16', '2001:2::/48']) {
        const istio = parsePool(range);
        assert.ok(istio.ok && vips.pools.every((pool) => !poolsOverlap(pool, istio.value)), range);
      }
    });
  }
});

test('the policy lets out what the server connects to, and README.md says the same', { skip }, async () => {
  interface Rule {
    readonly to?: unknown;
    readonly ports: readonly { readonly port?: number; readonly protocol: string }[];
  }
  const objects = await render('base');
  const policy = pick(objects, 'NetworkPolicy', 'rpc-dns').spec as {
    policyTypes: readonly string[];
    egress: readonly Rule[];
  };
  assert.deepEqual(policy.policyTypes, ['Ingress', 'Egress']);
  const anywhere = policy.egress.filter(({ to }) => to === undefined).flatMap(({ ports }) => ports);
  const open = anywhere.map(({ port, protocol }) => `${port}/${protocol}`);
  assert.deepEqual(open, [
    ...['53/UDP', '53/TCP'],
    ...['443/TCP', '6443/TCP', '8443/TCP', '16443/TCP'],
    ...['2181/TCP', '2281/TCP'],
  ]);
  const pods = policy.egress.filter(({ to }) => to !== undefined);
  assert.deepEqual(pods, [{ to: [{ namespaceSelector: {} }], ports: [{ protocol: 'TCP' }] }]);
  const readme = readFileSync(manifestPath('README.md'), 'utf8');
  const table = /\*\*What it may connect to\*\*[\s\S]*?\n\n([\s\S]*?)\n\n/.exec(readme)?.[1] ?? '';
  const told = [...table.matchAll(/^\| ([\d, ]+)/gm)].flatMap(([, ports = '']) =>
    ports.split(',').map(Number),
  );
  assert.deepEqual(told, [...new Set(anywhere.map(({ port }) => port))]);

  // a line of one's own, as README.md has it
  const snippet = /(patches:\n {2}- target: \{ kind: NetworkPolicy[\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const own = await render(ownKustomization(`resources: [manifests/overlays/single]\n${snippet}`));
  const { egress } = pick(own, 'NetworkPolicy', 'rpc-dns').spec as { egress: readonly Rule[] };
  assert.deepEqual(egress.slice(policy.egress.length), [{ ports: [{ port: 12181, protocol: 'TCP' }] }]);
});

test('a selector selects the pods, and nothing else does', { skip }, async () => {
  for (const path of ['base', ...OVERLAYS, withMonitoring()]) {
    const objects = await render(path);
    const labels = { 'app.kubernetes.io/name': 'rpc-dns' };
    const deployment = pick(objects, 'Deployment', 'rpc-dns').spec as {
      selector: unknown;
      template: { metadata: { labels: Record<string, string> } };
    };
    assert.deepEqual(deployment.selector, { matchLabels: labels });
    assert.equal(deployment.template.metadata.labels['app.kubernetes.io/name'], 'rpc-dns');
    for (const { kind, spec } of objects) {
      if (kind === 'Service') assert.deepEqual(spec?.['selector'], labels, path);
      if (kind === 'PodDisruptionBudget') assert.deepEqual(spec?.['selector'], { matchLabels: labels });
      if (kind === 'NetworkPolicy') assert.deepEqual(spec?.['podSelector'], { matchLabels: labels });
    }
    const spread = podOf(objects)['topologySpreadConstraints'] as { labelSelector: unknown }[];
    assert.equal(spread.length, 2);
    for (const { labelSelector } of spread) assert.deepEqual(labelSelector, { matchLabels: labels });
  }
});

test('the mesh is told to leave the server alone', { skip }, async () => {
  const objects = await render('overlays/istio-ready');
  const { template } = pick(objects, 'Deployment', 'rpc-dns').spec as {
    template: { metadata: { labels: Record<string, string> } };
  };
  assert.equal(template.metadata.labels['sidecar.istio.io/inject'], 'false');
  assert.equal(template.metadata.labels['istio.io/dataplane-mode'], 'none');
  assert.equal(pick(objects, 'Namespace', 'rpc-dns').metadata.labels?.['istio-injection'], 'disabled');
  const { ports } = pick(objects, 'Service', 'rpc-dns').spec as {
    ports: { name: string; appProtocol?: string }[];
  };
  assert.deepEqual(Object.fromEntries(ports.map(({ name, appProtocol }) => [name, appProtocol])), {
    dns: undefined,
    'dns-tcp': 'tcp',
    'grpc-xds': 'kubernetes.io/h2c',
  });
});

test('alerts and the autoscaler speak of metrics that the server has', { skip }, async (t) => {
  const objects = await render(withMonitoring());
  const { groups } = pick(objects, 'PrometheusRule', 'rpc-dns').spec as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  assert.ok(rules.length >= 10);
  const server = await startServer({ config: 'store: { kind: memory }\n' }, t);
  const { text } = await server.http('/metrics');
  const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const autoscaler = readFileSync(manifestPath('overlays/replicated/autoscaler.yaml'), 'utf8');
  const series = /seriesQuery: '(\w+)/.exec(autoscaler)?.[1] ?? '';
  for (const expr of [...rules.map((rule) => rule.expr), series]) {
    for (const [name] of expr.matchAll(/rpcdns_\w+/g)) {
      assert.ok(known.has(name.replace(/_(bucket|sum|count)$/, '')), `${name} in ${expr}`);
    }
  }
  const { metrics } = pick(objects, 'HorizontalPodAutoscaler', 'rpc-dns').spec as {
    metrics: [{ pods: { metric: { name: string } } }];
  };
  assert.match(autoscaler, new RegExp(`name: \\{ as: ${metrics[0].pods.metric.name} \\}`));
});

test('what README.md says is there is there', { skip }, async (t) => {
  const readme = readFileSync(manifestPath('README.md'), 'utf8');
  const server = await startServer({ config: 'store: { kind: memory }\n' }, t);
  const { text } = await server.http('/metrics');
  for (const [metric] of readme.matchAll(/rpcdns_\w+/g)) {
    assert.match(text, new RegExp(`^# TYPE ${metric} `, 'm'));
  }
  const sources = globSync('src/{controller,plan,registry,vip,intake}/**', { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
  // conditions and their reasons are the words in capitals and small letters of the table
  const table = readme.slice(readme.indexOf('| what you see'));
  const words = new Set([...table.matchAll(/`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`/g)].map(([, word = '']) => word));
  for (const kubernetes of ['Pending', 'Lease']) words.delete(kubernetes);
  assert.ok(words.size >= 16, [...words].join());
  for (const word of words) assert.ok(sources.includes(`'${word}'`), word);
  for (const path of ['crds', 'ledger', 'base', ...components, 'coredns', 'kube-dns', ...OVERLAYS]) {
    assert.ok(readme.includes(`\`${path}\``), path);
  }

  const [, snippet = ''] = /```yaml\n(configMapGenerator:[\s\S]*?)```/.exec(readme) ?? [];
  const own = ownKustomization(`resources: [manifests/overlays/single]\n${snippet}`);
  writeFileSync(join(own, 'rpc-dns.yaml'), 'zone: rpc.example\n');
  const { data } = pick(await render(own), 'ConfigMap', 'rpc-dns');
  assert.deepEqual(data, { 'rpc-dns.yaml': 'zone: rpc.example\n' });
});

test('what CoreDNS and kube-dns are told is what the command prints', { skip }, async () => {
  const run = ['corefile', '--style', 'stub', '--server', FIXED, '-c', manifestPath('base/rpc-dns.yaml')];
  const { stdout } = await runToEnd(process.execPath, [MAIN, ...run]);
  const lines = stdout.split('\n');
  const block = lines.filter((line) => line !== '' && !line.startsWith('#')).join('\n');
  const custom = pick(await render('coredns/custom'), 'ConfigMap', 'coredns-custom').data?.['rpc-dns.server'];
  assert.equal(custom?.trim(), block);
  const whole = pick(await render('coredns'), 'ConfigMap', 'coredns').data?.['Corefile'] ?? '';
  assert.ok(whole.startsWith('.:53 {\n') && whole.trim().endsWith(`}\n${block}`));
  // the first of the quoted texts is the ConfigMap
  const quoted = lines.filter((line) => line.startsWith('#| ')).map((line) => line.slice(3));
  const [printed] = documentsIn(
    quoted
      .slice(
        0,
        quoted.findIndex((line) => line.endsWith('{')),
      )
      .join('\n'),
  );
  assert.deepEqual(pick(await render('kube-dns'), 'ConfigMap', 'kube-dns'), printed);
});

test('removing an overlay leaves what users wrote when asked, and the VIPs always', { skip }, async () => {
  const kube = await withDefinitions();
  const overlay = manifestPath('overlays/replicated');
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await kube.kubectl(args);
    assert.equal(code, 0, stderr);
    return stdout.trim().split('\n');
  };
  await must('apply', '-k', overlay);
  await apply(
    kube,
    `
apiVersion: rpcdns.io/v1
kind: VirtualIP
metadata: { name: 247-0-0-1 }
spec: { address: 247.0.0.1, interface: com.foo.UserService, kind: pool }
---
apiVersion: rpcdns.io/v1
kind: RPCService
metadata: { name: user-center, namespace: default }
spec: { interfaces: [ { name: com.foo.UserService } ] }
`,
  );
  const before = (await render('overlays/replicated')).length;
  const gone = await must('delete', '-k', overlay, '-l', '!rpcdns.io/keep', '--wait=false');
  assert.equal(gone.length, before - 3, 'all but the namespace and two definitions');
  assert.ok(gone.some((line) => line.includes('deployment.apps "rpc-dns"')));
  assert.deepEqual(await must('get', 'rpcsvc,rpcvip', '-A', '-o', 'name'), [
    'rpcservice.rpcdns.io/user-center',
    'virtualip.rpcdns.io/247-0-0-1',
  ]);

  await must('delete', '-k', overlay, '--ignore-not-found', '--wait=false');
  await until('the definitions are gone', async () => {
    const { stdout } = await kube.kubectl(['get', 'crd', '-o', 'name']);
    return !stdout.includes('rpcservices.rpcdns.io');
  });
  assert.deepEqual(await must('get', 'rpcvip', '-o', 'name'), ['virtualip.rpcdns.io/247-0-0-1']);
});

test('no file names a thing that is not there', { skip }, () => {
  for (const path of all) {
    const file = manifestPath(`${path}/kustomization.yaml`);
    const { resources = [], patches = [] } = parseYaml(readFileSync(file, 'utf8')) as {
      resources?: string[];
      patches?: object[];
    };
    const present = new Set(globSync('*.yaml', { cwd: dirname(file) }));
    present.delete('kustomization.yaml');
    const text = readFileSync(file, 'utf8');
    for (const name of present) assert.ok(text.includes(name), `${path}/${name} is used`);
    assert.ok(resources.length + patches.length > 0 || text.includes('configMapGenerator'), path);
  }
});
