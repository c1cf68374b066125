/**
 * What the manifests let the server do in the cluster is enough, and nothing of it is idle: with each verb taken away in
 * turn, a real server does without the thing that needs it, and does everything else.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { startFlakyProxy } from '../support/flaky-proxy.ts';
import { apply, applyDefinitions, type Manifest, type PolicyRule, render } from '../support/kustomize.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { createSite, type Server, startOn } from '../support/server.ts';
import { sized } from '../support/size.ts';

const skip = skipWithout('etcd', 'kubernetes');
/** One that lists page by page, as older ones do: where lists come as a stream, the right to list lies idle. */
const cluster = sharedCluster({ flags: ['--feature-gates=WatchList=false'] });

const OVERLAY = 'overlays/replicated';
const GROUP = '/apis/rpcdns.io/v1';
const RPC_SERVICES = `${GROUP}/namespaces/trade/rpcservices`;
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/rpc-dns/leases';
const EVENTS = '/apis/events.k8s.io/v1/namespaces/trade/events';
const LONG_AGO = '2020-01-01T00:00:00Z';

interface World {
  readonly kube: Cluster;
  /** of Service trade/user-center */
  readonly clusterIP: string;
  /** of its pod: this machine's own, since a slice may not name the loopback */
  readonly podIP: string;
}

let made: Promise<World> | undefined;

function world(): Promise<World> {
  made ??= makeWorld();
  return made;
}

async function makeWorld(): Promise<World> {
  const kube = await cluster();
  await applyDefinitions(kube);
  const podIP = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  assert.ok(podIP !== undefined, 'this machine has an IPv4 address besides the loopback');
  const agentPort = await freePort();
  const agent = createServer((_request, reply) => {
    reply.end(JSON.stringify({ interfaces: [{ name: 'com.foo.AgentService' }] }));
  });
  await new Promise<void>((listening) => agent.listen(agentPort, podIP, listening));
  agent.unref();

  // as an operator does
  await apply(kube, (await render(OVERLAY)).map((object) => JSON.stringify(object)).join('\n---\n'));
  await kube.createNamespace('trade', { annotations: { 'rpcdns.io/organization': 'acme' } });
  const ports = [{ name: 'dubbo', port: 20880 }];
  const { clusterIP } = await kube.createService('trade', 'user-center', { ports });
  const annotations = { 'rpcdns.io/interfaces': 'com.foo.NoteService' };
  await kube.createService('trade', 'annotated', { ports }, { annotations });
  await kube.createPod('trade', 'user-0', { ip: podIP });
  await kube.createSlice('trade', 'user-center', [{ address: podIP, pod: 'user-0' }], ports);
  const mapped = 'interfaces:\n  - { name: com.foo.MapService, port: 20880 }\n';
  await kube.create('configmaps', 'trade', 'more', {
    metadata: { labels: { 'rpcdns.io/registry': 'true' } },
    data: { 'interfaces.yaml': mapped },
  });
  await apply(
    kube,
    `
apiVersion: rpcdns.io/v1
kind: RPCService
metadata: { name: user-center, namespace: trade }
spec:
  interfaces: [ { name: com.foo.UserService } ]
  agent: { kind: http, port: ${agentPort} }
---
apiVersion: rpcdns.io/v1
kind: RPCService
metadata: { name: thief, namespace: trade }
spec: { service: user-center, interfaces: [ { name: com.owned.PayService } ] }
---
apiVersion: rpcdns.io/v1
kind: RPCOwnership
metadata: { name: com.owned }
spec: { prefix: com.owned, namespaces: [pay] }
`,
  );
  return { kube, clusterIP, podIP };
}

// What can be seen from outside

type Sight = (server: Server, world: World) => Promise<boolean>;

const addressOf = async (server: Server, name: string) => {
  const { answer } = await server.query(`${name}.rpc.cluster.local. A +udp`);
  return answer.find((line) => / A /.test(line))?.replace(/^.* A /, '');
};

const statusOf = async ({ kube }: World) => {
  const { status } = await kube.must('GET', `${RPC_SERVICES}/user-center`);
  return (status ?? {}) as {
    readonly interfaceCount?: number;
    readonly conditions?: readonly { readonly type: string; readonly lastTransitionTime: string }[];
  };
};

const isWritten: Sight = async (_server, world) => {
  const { interfaceCount = 0 } = await statusOf(world);
  return interfaceCount > 0 && interfaceCount !== 7;
};

const SIGHTS = {
  'an RPCService is answered with its Service’s ClusterIP': async (server, { clusterIP }) =>
    (await addressOf(server, 'com.foo.UserService')) === clusterIP,
  'an endpoint of a file is joined with its Service': async (server, { clusterIP }) =>
    (await addressOf(server, 'com.foo.Joined')) === clusterIP,
  'a ConfigMap names an interface': async (server) =>
    (await addressOf(server, 'com.foo.MapService')) !== undefined,
  'a namespace says to which organization a Service belongs': async (server) => {
    const { answer } = await server.query('NoteService.foo.com.acme.svc.rpc.cluster.local. A +udp');
    return answer.length > 0;
  },
  'an owned name is refused to others': async (server) => {
    const { rcode } = await server.query('com.owned.PayService.rpc.cluster.local. A +udp');
    return rcode === 3;
  },
  'a Register Agent is asked': async (server, { clusterIP }) =>
    (await addressOf(server, 'com.foo.AgentService')) === clusterIP,
  'the Lease is taken': async (_server, { kube }) => {
    const { body } = await kube.api('GET', `${LEASES}/rpc-dns`);
    return Boolean((body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity);
  },
  'the status is written': isWritten,
  'what stood in the status stays': async (server, world) => {
    const { conditions = [] } = await statusOf(world);
    const accepted = conditions.find(({ type }) => type === 'Accepted');
    return accepted?.lastTransitionTime === LONG_AGO && (await isWritten(server, world));
  },
  'an Event tells of the refusal': async (_server, { kube }) => {
    const { items } = (await kube.must('GET', EVENTS)) as unknown as { items: { reason: string }[] };
    return items.some(({ reason }) => reason === 'NotOwned');
  },
} as const satisfies Readonly<Record<string, Sight>>;

type SightName = keyof typeof SIGHTS;
const ALL_SIGHTS = Object.keys(SIGHTS) as SightName[];

const OF_THE_LEASE: readonly SightName[] = [
  'a Register Agent is asked',
  'the Lease is taken',
  'the status is written',
  'what stood in the status stays',
  'an Event tells of the refusal',
];
/** Without a controller. */
const NAMES = ALL_SIGHTS.filter((sight) => !OF_THE_LEASE.includes(sight));

// Rules

interface Removal {
  /** `services list` */
  readonly what: string;
  readonly resource: string;
  readonly verb: string;
  readonly isClusterWide: boolean;
  readonly rule: PolicyRule;
}

/** Rules are told apart by identity: they are read once. */
let readRoles: Promise<readonly Manifest[]> | undefined;

function roles(): Promise<readonly Manifest[]> {
  readRoles ??= render(OVERLAY).then((objects) => {
    return objects.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
  });
  return readRoles;
}

async function removals(): Promise<readonly Removal[]> {
  return (await roles()).flatMap(({ kind, rules = [] }) =>
    rules.flatMap((rule) =>
      rule.resources.flatMap((resource) =>
        rule.verbs.map((verb) => ({
          what: `${resource} ${verb}`,
          resource,
          verb,
          isClusterWide: kind === 'ClusterRole',
          rule,
        })),
      ),
    ),
  );
}

let accounts = 0;

/** A ServiceAccount with all rules of the manifests but for one verb of one resource; @returns its token */
async function accountWithout(kube: Cluster, removal?: Removal): Promise<string> {
  const name = `reduced-${++accounts}`;
  await kube.createServiceAccount('rpc-dns', name);
  for (const { kind, rules = [] } of await roles()) {
    const left = rules.flatMap((rule): PolicyRule[] => {
      if (rule !== removal?.rule) return [rule];
      const others = rule.resources.filter((resource) => resource !== removal.resource);
      const verbs = rule.verbs.filter((verb) => verb !== removal.verb);
      return [
        { ...rule, resources: others },
        { ...rule, resources: [removal.resource], verbs },
      ].filter((part) => part.resources.length > 0 && part.verbs.length > 0);
    });
    if (left.length > 0) await kube.grant(kind === 'Role' ? 'rpc-dns' : null, `rpc-dns/${name}`, left);
  }
  return kube.createToken('rpc-dns', name);
}

// The server

async function start(
  t: TestContext,
  { kube, podIP }: World,
  token: string,
  { isController }: { readonly isController: boolean },
): Promise<Server> {
  const kubeconfig = kube.kubeconfig(undefined, { token });
  const site = await createSite({
    config: `answers: { template: "{name}.{package|reverse}.{organization}.svc" }
store: { kind: memory }
registries:
  - { kind: kubernetes, kubeconfig: ${kubeconfig}, controller: ${isController} }
  - { kind: file, path: interfaces.yaml }
`,
    files: {
      'interfaces.yaml': `interfaces:
  - { name: com.foo.Joined, port: 20880, endpoints: ["${podIP}:20880"] }
`,
    },
  });
  return startOn(site, t);
}

/** What a server of an earlier case wrote is gone, and a status stands there that somebody wrote long ago. */
async function reset({ kube }: World, lease: 'none' | 'free'): Promise<void> {
  await kube.api('DELETE', `${LEASES}/rpc-dns`);
  if (lease === 'free') await kube.must('POST', LEASES, { metadata: { name: 'rpc-dns' }, spec: {} });
  await kube.must('DELETE', EVENTS);
  const accepted = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'of old',
    lastTransitionTime: LONG_AGO,
  };
  for (const [name, value] of [
    ['user-center', { interfaceCount: 7, conditions: [accepted] }],
    ['thief', {}],
  ] as const) {
    await kube.must('PATCH', `${RPC_SERVICES}/${name}/status`, [{ op: 'add', path: '/status', value }], {
      contentType: 'application/json-patch+json',
    });
  }
}

/** Waits until everything that should be seen is, and as long as that usually takes; then says what is not. */
async function unseen(
  server: Server,
  world: World,
  sights: readonly SightName[],
  expected: readonly SightName[],
  usualMs: number,
): Promise<readonly SightName[]> {
  const startedAt = performance.now();
  for (const sight of sights.filter((one) => !expected.includes(one))) {
    await until(sight, () => SIGHTS[sight](server, world));
  }
  await sleep(Math.max(0, usualMs - (performance.now() - startedAt)));
  const missing: SightName[] = [];
  for (const sight of sights) if (!(await SIGHTS[sight](server, world))) missing.push(sight);
  return missing;
}

/** As long as it takes until everything is seen, the wait for a second question to the agent left out. */
let usualMs = 0;

test('with the rules of the manifests everything works', { skip }, async (t) => {
  const place = await world();
  const token = await place.kube.createToken('rpc-dns', 'rpc-dns');
  await reset(place, 'none');
  const server = await start(t, place, token, { isController: true });
  const startedAt = performance.now();
  assert.deepEqual(await unseen(server, place, ALL_SIGHTS, [], 0), []);
  usualMs = Math.min(1_000, performance.now() - startedAt);
  assert.doesNotMatch(server.child.output(), /forbidden/i);
  const { stdout, stderr } = await server.cli('corefile', '-c', 'rpc-dns.yaml', '--style', 'stub');
  assert.match(stdout, /forward \. 10\.96\.0\.53 /, stderr);
  await server.stop();
});

const NEED_SERVICES: readonly SightName[] = [
  'an RPCService is answered with its Service’s ClusterIP',
  'an endpoint of a file is joined with its Service',
  'a namespace says to which organization a Service belongs',
];

/** What is seen no more without a kind that is watched: all of it, and nothing else. */
const WATCHED: Readonly<Record<string, readonly SightName[]>> = {
  services: NEED_SERVICES,
  configmaps: ['a ConfigMap names an interface'],
  namespaces: ['a namespace says to which organization a Service belongs'],
  endpointslices: ['an endpoint of a file is joined with its Service'],
  rpcservices: ['an RPCService is answered with its Service’s ClusterIP'],
  rpcownerships: ['an owned name is refused to others'],
};

/** … and without another right. */
const NEEDED: Readonly<Record<string, readonly SightName[]>> = {
  'rpcservices get': ['what stood in the status stays'],
  'rpcservices/status patch': [
    'a Register Agent is asked',
    'the status is written',
    'what stood in the status stays',
  ],
  'pods get': ['a Register Agent is asked'],
  'events create': ['an Event tells of the refusal'],
  'leases get': OF_THE_LEASE,
  'leases update': OF_THE_LEASE,
  'leases create': OF_THE_LEASE,
};

const isWatch = ({ resource, verb }: Removal) => resource in WATCHED && (verb === 'list' || verb === 'watch');
const isOfLedger = ({ resource }: Removal) => resource === 'virtualips' || resource === 'ledgerentries';
const isOwnService = ({ what }: Removal) => what === 'services get';

test('every right of the manifests is one that a test here takes away', { skip }, async () => {
  for (const removal of await removals()) {
    const { what } = removal;
    assert.ok(isWatch(removal) || isOfLedger(removal) || isOwnService(removal) || what in NEEDED, what);
  }
});

test('without the right to list or watch a kind, that kind alone is missing', { skip }, async (t) => {
  const place = await world();
  await forEach('rights to list or watch', (await removals()).filter(isWatch), async (removal) => {
    const token = await accountWithout(place.kube, removal);
    const server = await start(t, place, token, { isController: false });
    const expected = WATCHED[removal.resource] ?? [];
    // others start beside it
    const missing = await unseen(server, place, NAMES, expected, usualMs * 2);
    await server.kill();
    assert.deepEqual(missing, expected, removal.what);
  });
});

test('without a right of the Lease’s holder, what needs it is missing', { skip }, async (t) => {
  const place = await world();
  const cases = (await removals()).filter(({ what }) => what in NEEDED);
  assert.equal(cases.length, Object.keys(NEEDED).length);
  for (const removal of cases) {
    await t.test(removal.what, async (t) => {
      await reset(place, removal.what === 'leases update' ? 'free' : 'none');
      const token = await accountWithout(place.kube, removal);
      const server = await start(t, place, token, { isController: true });
      const expected = NEEDED[removal.what] ?? [];
      assert.deepEqual(await unseen(server, place, ALL_SIGHTS, expected, usualMs * 1.5), expected);
      await server.kill();
    });
  }
});

test('without the right to its own Service the command line cannot say where it is', { skip }, async () => {
  const { kube } = await world();
  const [removal, ...more] = (await removals()).filter(isOwnService);
  assert.ok(removal !== undefined && more.length === 0);
  const kubeconfig = kube.kubeconfig(undefined, { token: await accountWithout(kube, removal) });
  const config = `registries: [ { kind: kubernetes, kubeconfig: ${kubeconfig} } ]\n`;
  const site = await createSite({ config });
  const { status, stderr } = await site.cli('corefile', '-c', 'rpc-dns.yaml', '--style', 'stub');
  assert.equal(status, 2);
  assert.match(stderr, /cannot get resource "services".*give --server IP/);
});

// The ledger

/** How far a server comes with the ledger in the API. */
const STAGES = ['nothing', 'serving', 'given', 'retired', 'freed'] as const;
type Stage = (typeof STAGES)[number];

/** The last stage that is reached without a verb. */
const REACHED: Readonly<Record<string, Stage>> = {
  list: 'nothing',
  watch: 'nothing',
  create: 'serving',
  update: 'given',
  delete: 'retired',
};

let owners = 0;

/**
 * Gives an interface a VIP, takes the interface away, and releases the VIP. The first creation of each kind meets a
 * conflict, as if another replica had been faster.
 */
async function runLedger(
  t: TestContext,
  kube: Cluster,
  token: string,
): Promise<{ readonly stage: Stage; readonly text: string }> {
  const name = `com.foo.Pooled${++owners}`;
  const proxy = await startFlakyProxy(t, { port: kube.port, authority: kube.authority });
  for (const kind of ['virtualips', 'ledgerentries']) {
    proxy.inject({ match: new RegExp(`^POST .*/${kind}`), times: 1, status: 409 });
  }
  const kubeconfig = kube.kubeconfig(undefined, { token, port: proxy.port });
  const interfaces = (names: readonly string[]) =>
    `interfaces: [${names.map((one) => `{ name: ${one}, port: 20880 }`).join(', ')}]\n`;
  const site = await createSite({
    config: `store: { kind: kubernetes, kubeconfig: ${kubeconfig} }
registries: [ { kind: file, path: interfaces.yaml } ]
`,
    files: { 'interfaces.yaml': interfaces([name]) },
  });
  const server = await startOn(site, t).catch((error: Error) => error);
  if (server instanceof Error) return { stage: 'nothing', text: server.message };
  let said = '';
  const text = () => `${server.child.output()}${said}`;
  const isRefused = () => /forbidden/.test(text());
  const ledger = async (kind: string) => {
    const { items } = (await kube.must('GET', `${GROUP}/${kind}`)) as unknown as {
      readonly items: readonly { readonly spec: Readonly<Record<string, string>> }[];
    };
    return items.map(({ spec }) => spec);
  };
  const addressOfOwner = async () => (await ledger('virtualips')).find((spec) => spec['interface'] === name);
  const entryOfOwner = async () =>
    (await ledger('ledgerentries')).find((spec) => spec['key']?.includes(name));
  const steps: readonly (() => Promise<boolean>)[] = [
    async () => {
      const address = await addressOf(server, name);
      return address !== undefined && address === (await addressOfOwner())?.['address'];
    },
    async () =>
      (await addressOfOwner())?.['retiredAt'] !== undefined &&
      /"retiredAt":\d/.test((await entryOfOwner())?.['value'] ?? ''),
    async () => (await addressOfOwner()) === undefined && (await entryOfOwner()) === undefined,
  ];
  let stage = 1;
  for (const [i, isDone] of steps.entries()) {
    if (i === 1) site.write('interfaces.yaml', interfaces([]));
    if (i === 2) said = (await server.cli('vips', 'release', name, '-c', 'rpc-dns.yaml')).stderr;
    await until(`stage ${STAGES[i + 2]}`, async () => isRefused() || (await isDone()));
    if (isRefused()) break;
    stage++;
  }
  await server.kill();
  return { stage: STAGES[stage] ?? 'nothing', text: text() };
}

test('with the rules of the manifests the ledger works, and without a verb it does not', {
  skip,
}, async (t) => {
  const { kube } = await world();
  const whole = await runLedger(t, kube, await accountWithout(kube));
  assert.equal(whole.stage, 'freed', whole.text);
  await forEach('rights to the ledger', (await removals()).filter(isOfLedger), async (removal) => {
    const { resource, verb, what } = removal;
    const { stage, text } = await runLedger(t, kube, await accountWithout(kube, removal));
    // another one that starts meanwhile, and does not know the interface, may retire its address in its place
    const isRetiredByOther = verb === 'update' && stage === 'retired';
    // the refused attempt is repeated, and then nobody else is faster
    if (verb !== 'get' && !isRetiredByOther) assert.equal(stage, REACHED[verb], `${what}: ${text}`);
    assert.match(text, new RegExp(`cannot ${verb} resource [\\\\"]*${resource}`), what);
  });
});

/** Three at a time. The small size takes every second right, and so of each kind that is watched one of the two. */
async function forEach(
  what: string,
  all: readonly Removal[],
  run: (one: Removal) => Promise<void>,
): Promise<void> {
  assert.equal(all.length, 12);
  const step = all.length / sized(`${what} taken away`, 6, 12);
  // list, watch, list, watch, … : the other of the two for every second kind
  const next = all.filter((_, i) => step === 1 || i % 4 === 0 || i % 4 === 3).values();
  const worker = async () => {
    for (const one of next) await run(one);
  };
  // all of them end before the test does: what they started goes with it
  const ended = await Promise.allSettled([worker(), worker(), worker()]);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}
