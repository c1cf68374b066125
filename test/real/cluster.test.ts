/** Proves what the Kubernetes tests stand on: the real API server, the proxy before it, CoreDNS, and names as a pod resolves them. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority } from '../support/certificates.ts';
import { sharedCluster } from '../support/cluster.ts';
import { startCoreDNS } from '../support/coredns.ts';
import { errorEvent, GARBAGE, HALF_A_LINE, startFlakyProxy } from '../support/flaky-proxy.ts';
import { bulk, KubeClient } from '../support/kube-client.ts';
import { createNamespace, skipWithoutNamespaces } from '../support/netns.ts';
import { LIBRARIES, resolveInPod } from '../support/pod.ts';
import { freeLoopback } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';
import { startUpstream } from '../support/upstream.ts';

const skip = skipWithout('etcd', 'kubernetes');
const skipPods = skip || skipWithoutNamespaces() || skipWithout('tools', 'java', 'musl', 'coredns');
const cluster = sharedCluster({ dualStack: true, tokens: [{ token: 'guest-token', user: 'guest' }] });

test('the API server allocates ClusterIPs, and keeps what a kubelet and a controller write', {
  skip,
}, async () => {
  const kube = await cluster();
  await kube.createNamespace('shop');
  const service = await kube.createService('shop', 'users', { ipFamilyPolicy: 'RequireDualStack' });
  assert.match(service.clusterIP, /^10\.96\./);
  assert.match(service.clusterIPs[1] ?? '', /^fd00:10:96::/);
  const headless = await kube.createService('shop', 'peers', { clusterIP: 'None' });
  assert.equal(headless.clusterIP, 'None');

  const pod = await kube.createPod('shop', 'users-1', {
    ip: ['10.1.0.7', 'fd01::7'],
    labels: { app: 'users' },
  });
  assert.deepEqual(pod.status?.['podIPs'], [{ ip: '10.1.0.7' }, { ip: 'fd01::7' }]);
  const unready = await kube.setPodStatus('shop', 'users-1', { ready: false });
  assert.match(JSON.stringify(unready.status), /"type":"Ready","status":"False"/);
  assert.equal(unready.status?.['podIP'], '10.1.0.7');
  await kube.createSlice(
    'shop',
    'users',
    [{ address: '10.1.0.7', pod: 'users-1' }],
    [{ name: 'dubbo', port: 20880 }],
  );
  const [slice] = await kube.list('endpointslices', 'shop');
  assert.equal(slice?.metadata.labels?.['kubernetes.io/service-name'], 'users');

  await kube.patch('services', 'shop', 'users', { metadata: { annotations: { note: 'changed' } } });
  assert.equal((await kube.get('services', 'shop', 'users')).metadata.annotations?.['note'], 'changed');
  await kube.remove('pods', 'shop', 'users-1');
  assert.equal((await kube.api('GET', '/api/v1/namespaces/shop/pods/users-1')).status, 404);
  await kube.removeNamespace('shop');
  assert.equal((await kube.api('GET', '/api/v1/namespaces/shop')).status, 404);
});

test('RBAC refuses a ServiceAccount until it is granted; a token can expire', { skip }, async () => {
  const kube = await cluster();
  await kube.createNamespace('access');
  await kube.createServiceAccount('access', 'reader');
  const reader = kube.client({ token: await kube.createToken('access', 'reader') });
  const path = '/api/v1/namespaces/access/services';
  assert.equal((await reader.api('GET', path)).status, 403);
  await kube.grant('access', 'access/reader', [
    { apiGroups: [''], resources: ['services'], verbs: ['list'] },
  ]);
  await until('the grant holds', async () => (await reader.api('GET', path)).status === 200);
  assert.equal((await reader.api('GET', '/api/v1/services')).status, 403);

  const valid = await kube.createShortToken('access', 'reader', 30);
  assert.equal((await kube.client({ token: valid }).api('GET', path)).status, 200);
  const expired = await kube.createShortToken('access', 'reader', -1);
  assert.equal((await kube.client({ token: expired }).api('GET', path)).status, 401);
  assert.equal((await kube.client({ token: 'guest-token' }).api('GET', path)).status, 403);
  assert.equal((await kube.client({ token: 'nobody' }).api('GET', path)).status, 401);
});

test('kubectl applies what kustomize makes', { skip }, async () => {
  const kube = await cluster();
  const folder = join(tempFolder('kustomize'), 'overlay');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'service.yaml'),
    'apiVersion: v1\nkind: Service\nmetadata: { name: made }\nspec: { ports: [{ port: 53 }] }\n',
  );
  writeFileSync(
    join(folder, 'kustomization.yaml'),
    `namespace: default
resources: [service.yaml]
labels: [{ pairs: { team: dns }, includeSelectors: false }]
patches: [{ target: { kind: Service }, patch: '[{"op":"replace","path":"/spec/ports/0/port","value":5353}]' }]
`,
  );
  const made = await kube.kubectl(['kustomize', folder]);
  assert.equal(made.code, 0, made.stderr);
  const applied = await kube.kubectl(['apply', '-f', '-'], made.stdout);
  assert.equal(applied.code, 0, applied.stderr);
  const service = await kube.get('services', 'default', 'made');
  assert.equal(service.metadata.labels?.['team'], 'dns');
  assert.match(JSON.stringify(service.spec), /"port":5353/);
});

test('many objects, through the API and planted', { skip }, async (t) => {
  const kube = await cluster();
  await kube.createNamespace('many');
  const before = performance.now();
  const services = await bulk(100, (i) => kube.createService('many', `made-${i}`));
  t.diagnostic(`100 Services in ${Math.round(performance.now() - before)} ms`);
  const planted = await kube.plantServices(
    'many',
    Array.from({ length: 1_000 }, (_, i) => ({ name: `planted-${i}` })),
  );
  await kube.plantPods('many', [{ name: 'pod', ip: '10.1.0.9' }]);
  await kube.plantSlices('many', [{ service: 'planted-0', endpoints: ['10.1.0.9'], ports: [{ port: 80 }] }]);
  assert.equal((await kube.list('services', 'many')).length, 1_100);
  assert.equal(new Set([...services, ...planted].map(({ clusterIP }) => clusterIP)).size, 1_100);
  const pod = await kube.get('pods', 'many', 'pod');
  assert.equal(pod.status?.['podIP'], '10.1.0.9');
  assert.equal((await kube.list('endpointslices', 'many')).length, 1);
  await kube.patch('services', 'many', 'planted-1', {
    metadata: { labels: { is: 'like-any-other' } },
  });
  await kube.uproot('services', 'many');
  assert.equal((await kube.list('services', 'many')).length, 0);
});

test('a client of the API server sees its restart, and 410 when history is gone', { skip }, async (t) => {
  const kube = await cluster();
  const old = (await kube.get('namespaces', null, 'default')).metadata.resourceVersion;
  const path = `/api/v1/namespaces/default/services?resourceVersion=${old}`;
  const watch = await kube.watch(path);
  await kube.createService('default', 'while-watched');
  await watch.waitFor(({ object }) => object.metadata.name === 'while-watched');
  const before = performance.now();
  await kube.forgetHistory();
  t.diagnostic(`stop, compaction and start: ${Math.round(performance.now() - before)} ms`);
  await watch.ended;
  const late = await kube.watch(path);
  const { type, object } = await late.waitFor(() => true);
  assert.deepEqual([late.status, type, object.code], [200, 'ERROR', 410]);

  kube.pause();
  await assert.rejects(kube.api('GET', '/version', undefined, { deadlineMs: 200 }), /no reply within 200 ms/);
  kube.resume();
  assert.equal((await kube.api('GET', '/version')).status, 200);
});

test('the certificate changes, and whose it is', { skip }, async (t) => {
  const kube = await cluster();
  const first = kube.authority;
  t.after(() => kube.changeCertificate(first));
  const trusting = (): KubeClient =>
    new KubeClient({ port: kube.port, token: kube.adminToken, ca: () => first.certificate });
  await kube.changeCertificate();
  assert.equal((await trusting().api('GET', '/version')).status, 200);
  await kube.changeCertificate(await createAuthority('another'));
  await assert.rejects(trusting().api('GET', '/version'), /certificate/);
  assert.equal((await kube.api('GET', '/version')).status, 200);
});

test('the proxy passes, counts, answers for the API server, spoils watches, falls silent and refuses', {
  skip,
}, async (t) => {
  const kube = await cluster();
  const proxy = await startFlakyProxy(t, { port: kube.port, authority: kube.authority });
  const client = kube.client({ port: proxy.port });
  t.after(() => client.disconnect());
  const path = '/api/v1/namespaces/default/services';
  const list = () => client.api('GET', `${path}?limit=500`, undefined, { deadlineMs: 500 });
  assert.equal((await list()).status, 200);
  assert.deepEqual(proxy.requests(), [`GET ${path}?limit=500`]);

  proxy.inject({ match: /^GET .*services/, times: 2, status: 429, headers: { 'retry-after': '1' } });
  assert.deepEqual([(await list()).status, (await list()).status, (await list()).status], [429, 429, 200]);
  proxy.inject({ status: 410 });
  assert.match(JSON.stringify((await list()).body), /"reason":"Expired","code":410/);

  const watch = await client.watch(path);
  await watch.waitFor(({ object }) => object.metadata.name === 'kubernetes');
  assert.equal(proxy.writeIntoWatches(errorEvent(410), { match: /services/ }), 1);
  await watch.waitFor(({ type }) => type === 'ERROR');
  proxy.writeIntoWatches(HALF_A_LINE, { cut: true });
  await watch.ended;
  const spoilt = await client.watch(path);
  proxy.writeIntoWatches(GARBAGE);
  await spoilt.waitFor(({ type }) => type === 'UNREADABLE');

  const held = await client.watch(path);
  await held.waitFor(({ object }) => object.metadata.name === 'kubernetes');
  proxy.hang();
  await assert.rejects(list(), /no reply within 500 ms/);
  await kube.createService('default', 'while-silent');
  assert.ok(!held.events.some(({ object }) => object.metadata.name === 'while-silent'));
  await proxy.pass();
  await held.waitFor(({ object }) => object.metadata.name === 'while-silent');
  assert.ok(proxy.cut() > 0);
  await held.ended;
  assert.equal((await list()).status, 200);
  await proxy.refuse();
  await assert.rejects(list(), /ECONNREFUSED|ECONNRESET|socket hang up/);
  await proxy.pass();
  await until('it passes again', async () => (await list().catch(() => null))?.status === 200);
  t.diagnostic(proxy.summary().replaceAll('\n', ', '));
  assert.match(proxy.summary(), /^3 × WATCH \/api\/v1\/namespaces\/default\/services$/m);
});

test('CoreDNS answers from the API server, and a pod resolves its names by every library', {
  skip: skipPods,
}, async (t) => {
  const kube = await cluster();
  await kube.createNamespace('web');
  const { clusterIP } = await kube.createService('web', 'front');
  const upstream = await startUpstream(t, { names: { 'www.example.com': '192.0.2.80' } });
  const address = await freeLoopback(53);
  const corefile = `. {
  bind {$ADDRESS}
  log
  kubernetes cluster.local {
    kubeconfig ${kube.kubeconfig()}
  }
  forward . 127.0.0.1:${upstream.port}
}
`;
  const coredns = await startCoreDNS(t, { corefile, address, port: 53 });
  const pod = { nameserver: address, namespace: 'web' };
  for (const library of LIBRARIES) {
    const [short, outside, none] = await Promise.all([
      resolveInPod(library, 'front', pod),
      resolveInPod(library, 'www.example.com.', pod),
      resolveInPod(library, 'none.web.svc.cluster.local.', pod),
    ]);
    t.diagnostic(`${library}: ${Math.round(short.ms)} ms; ${none.error}`);
    assert.deepEqual(short.addresses, [clusterIP], `${library}: ${short.error}`);
    assert.deepEqual(outside.addresses, ['192.0.2.80'], `${library}: ${outside.error}`);
    assert.deepEqual(none.addresses, []);
    assert.notEqual(none.error, '');
  }
  assert.deepEqual([...new Set(upstream.queries().map((query) => query.split(' ')[0]))], ['www.example.com']);
  const asked = coredns
    .log()
    .find(({ name, type }) => name === 'front.web.svc.cluster.local.' && type === 'A');
  assert.equal(asked?.rcode, 'NOERROR');

  await coredns.reload(corefile.replace('  log\n', ''));
  const mark = coredns.log().length;
  assert.deepEqual((await resolveInPod('glibc', 'front', pod)).addresses, [clusterIP]);
  assert.equal(coredns.log().length, mark);
  await assert.rejects(coredns.reload('. {\n  no-such-plugin\n}\n'), /no-such-plugin/);
});

test('a pod in a network of its own', { skip: skipPods }, async (t) => {
  const within = await createNamespace();
  t.after(() => within.remove());
  const upstream = await startUpstream(t, { names: { '*': '192.0.2.1' }, port: 5353, launch: within.run });
  await startCoreDNS(t, {
    corefile: '. {\n  bind {$ADDRESS}\n  forward . 127.0.0.1:5353\n}\n',
    address: '127.0.0.9',
    port: 53,
    launch: within.run,
  });
  const found = await resolveInPod('glibc', 'users', {
    nameserver: '127.0.0.9',
    ndots: 1,
    search: [],
    within,
  });
  assert.deepEqual(found.addresses, ['192.0.2.1'], found.error);
  assert.ok(upstream.queries().includes('users A udp'));
});
