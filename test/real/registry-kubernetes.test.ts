/** The Kubernetes watcher against a real API server: the contract, and everything that can happen to it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KUBERNETES_DEFAULTS, type KubernetesOptions } from '../../src/registry/kubernetes/options.ts';
import { KubernetesWatcher } from '../../src/registry/kubernetes/watcher.ts';
import { createAuthority } from '../support/certificates.ts';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { GARBAGE, HALF_A_LINE, startFlakyProxy } from '../support/flaky-proxy.ts';
import { applyDefinitions } from '../support/kustomize.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const skip = skipWithout('etcd', 'kubernetes');
const shared = sharedCluster();

let defined: Promise<void> | undefined;

async function cluster(): Promise<Cluster> {
  const kube = await shared();
  defined ??= applyDefinitions(kube);
  await defined;
  return kube;
}

/** What is waited for in production is waited for shortly here: the tests are about what happens then. */
const QUICK = { ...KUBERNETES_DEFAULTS, probeIntervalMs: 1_000, probeDeadlineMs: 1_000, graceMs: 300 };

function optionsOf(kube: Cluster, namespaces: readonly string[], port: number): KubernetesOptions {
  const kubeconfig = kube.kubeconfig(undefined, { port });
  return { ...QUICK, id: 'kubernetes', kubeconfig, context: undefined, namespaces };
}

/** A ConfigMap for each interface, with one document. */
class ConfigMaps {
  readonly #kube: Cluster;
  readonly #namespace: string;
  readonly #entries = new Map<string, ContractEntry[]>();

  constructor(kube: Cluster, namespace: string) {
    this.#kube = kube;
    this.#namespace = namespace;
  }

  async put(entry: ContractEntry): Promise<void> {
    const entries = this.#entries.get(entry.interface) ?? [];
    this.#entries.set(entry.interface, [...entries, entry]);
    await this.#write(entry.interface);
  }

  async remove({ interface: name, host }: ContractEntry): Promise<void> {
    const entries = this.#entries.get(name) ?? [];
    this.#entries.set(
      name,
      entries.filter((entry) => entry.host !== host),
    );
    await this.#write(name);
  }

  async #write(name: string): Promise<void> {
    const entries = this.#entries.get(name) ?? [];
    const map = name.toLowerCase().replaceAll('.', '-');
    const [first] = entries;
    const endpoints = entries.map(({ host, port }) => `"${host}:${port}"`).join(', ');
    const text =
      first === undefined
        ? 'interfaces: []\n'
        : `interfaces:\n  - name: ${name}\n    port: ${first.port}\n    endpoints: [${endpoints}]\n` +
          (first.version === undefined ? '' : `    version: "${first.version}"\n`) +
          (first.group === undefined ? '' : `    group: ${first.group}\n`);
    await this.text(map, text);
  }

  async text(map: string, text: string): Promise<void> {
    const path = `/api/v1/namespaces/${this.#namespace}/configmaps/${map}?fieldManager=test&force=true`;
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: map, labels: { 'rpcdns.io/registry': 'true' } },
      data: { 'interfaces.yaml': text },
    };
    await this.#kube.must('PATCH', path, body, { contentType: 'application/apply-patch+yaml' });
  }
}

let namespaces = 0;
watcherContract(
  'kubernetes',
  async () => {
    const kube = await cluster();
    const namespace = `contract-${++namespaces}`;
    await kube.createNamespace(namespace);
    const maps = new ConfigMaps(kube, namespace);
    const cleanups: (() => unknown)[] = [];
    const proxy = await startFlakyProxy({ after: (clean) => cleanups.push(clean) }, kube);
    return {
      create: (sink) => new KubernetesWatcher(optionsOf(kube, [namespace], proxy.port), sink),
      put: (entry) => maps.put(entry),
      remove: (entry) => maps.remove(entry),
      putGarbage: () => maps.text('garbage', 'interfaces: 5\n'),
      breakRegistry: () => proxy.refuse(),
      repairRegistry: () => proxy.pass(),
      teardown: async () => {
        for (const clean of cleanups) await clean();
      },
    };
  },
  { skip },
);

/** From the end of a fault to right data (the figure). */
const RIGHT_AFTER_MS = 5_000;

describe('whatever happens to the API server', { skip }, () => {
  interface Scene {
    readonly kube: Cluster;
    readonly sink: RecordingSink;
    readonly watcher: KubernetesWatcher;
    readonly proxy: Awaited<ReturnType<typeof startFlakyProxy>>;
    /** announces an interface by an annotated Service; resolves when the API server has it */
    announce(name: string): Promise<void>;
    /** the interfaces that the watcher has delivered, sorted */
    names(): string;
    /** waits until just these are delivered and the registry is live */
    right(names: string): Promise<number>;
  }

  interface SceneOptions {
    readonly token?: string;
    readonly tokenFile?: string;
    readonly namespace?: string;
  }

  const scene = async (
    test: { after(clean: () => unknown): void },
    options: SceneOptions = {},
  ): Promise<Scene> => {
    const kube = await cluster();
    const namespace = options.namespace ?? `fault-${++namespaces}`;
    if (options.namespace === undefined) await kube.createNamespace(namespace);
    const proxy = await startFlakyProxy(test, kube);
    const kubeconfig = kube.kubeconfig(undefined, { ...options, port: proxy.port });
    const sink = new RecordingSink();
    const watcher = new KubernetesWatcher(
      { ...QUICK, id: 'kubernetes', kubeconfig, context: undefined, namespaces: [namespace] },
      sink,
    );
    test.after(() => watcher.stop());
    const names = () =>
      [...sink.units.values()]
        .flat()
        .map((registration) => registration.interface.replace('com.foo.', ''))
        .sort()
        .join(' ');
    return {
      kube,
      sink,
      watcher,
      proxy,
      names,
      announce: async (name) => {
        const annotations = { 'rpcdns.io/interfaces': `com.foo.${name}` };
        await kube.createService(
          namespace,
          name.toLowerCase(),
          { ports: [{ port: 20880 }] },
          { annotations },
        );
      },
      right: async (expected) => {
        const what = `${expected}, live`;
        const isRight = () => names() === expected && sink.kind === 'live';
        try {
          return await until(what, isRight, { deadlineMs: RIGHT_AFTER_MS });
        } catch {
          const states = sink.states.map((state) => JSON.stringify(state)).slice(-4);
          throw new Error(`not ${what} but ${names()}; states ${states.join(' ')}\n${proxy.summary()}`);
        }
      },
    };
  };

  const live = async ({ watcher, sink, announce, right }: Scene): Promise<void> => {
    await announce('A');
    watcher.start();
    await until('live', () => sink.kind === 'live');
    await right('A');
  };

  it('a watch that is cut goes on where it was', async (test) => {
    const world = await scene(test);
    await live(world);
    for (let i = 0; i < 5; i++) {
      world.proxy.cut();
      await world.announce(`B${i}`);
      await sleep(100);
    }
    await world.right('A B0 B1 B2 B3 B4');
    assert.ok(!world.sink.states.some(({ kind }) => kind === 'stale'), 'a cut connection is no news');
  });

  for (const [what, text, cut] of [
    ['garbage', GARBAGE, false],
    ['half a line, then nothing', HALF_A_LINE, true],
  ] as const) {
    it(`a watch that says ${what} is begun anew`, async (test) => {
      const world = await scene(test);
      await live(world);
      assert.ok(world.proxy.writeIntoWatches(text, { cut }) > 0);
      await world.announce('B');
      await world.right('A B');
    });
  }

  for (const status of [429, 503]) {
    it(`${status} is waited out, as long as the server asks`, async (test) => {
      const world = await scene(test);
      await live(world);
      world.proxy.inject({ status, times: 8, headers: { 'retry-after': '1' } });
      world.proxy.cut();
      await world.announce('B');
      await world.right('A B');
      // eight refusals for six kinds: nobody asked in a storm
      assert.ok(world.proxy.requests().length < 100, world.proxy.summary());
    });
  }

  it('lists come as a stream; where the server offers none, in pages', async (test) => {
    const world = await scene(test);
    await live(world);
    assert.deepEqual(world.proxy.requests(/^GET .*limit=/), [], 'nothing but streams');
    const kube = await cluster();
    const namespace = `fault-${++namespaces}`;
    await kube.createNamespace(namespace);
    await kube.plantServices(
      namespace,
      Array.from({ length: 1_100 }, (_, i) => ({
        name: `planted-${i}`,
        metadata: { annotations: { 'rpcdns.io/interfaces': `com.foo.P${i}` } },
      })),
    );
    for (const isOld of [false, true]) {
      const paged = await scene(test, { namespace });
      if (isOld) paged.proxy.inject({ match: /sendInitialEvents/, status: 400, times: 100 });
      paged.watcher.start();
      await until('live', () => paged.sink.kind === 'live');
      assert.equal(paged.names().split(' ').length, 1_100);
      const pages = paged.proxy.requests(/^GET .*\/services\?.*limit=500/).length;
      assert.equal(pages, isOld ? 3 : 0);
      await paged.watcher.stop();
    }
  });

  it('410: everything is listed again, and the difference delivered', async (test) => {
    const world = await scene(test);
    await live(world);
    await world.announce('B');
    await world.right('A B');
    await world.proxy.refuse();
    await world.announce('C');
    await world.kube.remove('services', `fault-${namespaces}`, 'a');
    await world.kube.forgetHistory();
    await world.proxy.pass();
    await world.right('B C');
    const { informers } = world.watcher.services;
    assert.ok(
      informers.some(({ counters }) => counters.expirations > 0),
      'a 410 was met',
    );
    assert.equal(
      world.sink.deliveries.filter(({ unit }) => unit === undefined).length,
      1,
      'one snapshot in all',
    );
  });

  it('the API server restarts, with another certificate of its authority', async (test) => {
    const world = await scene(test);
    await live(world);
    await world.kube.changeCertificate();
    await world.kube.stop();
    await until('stale', () => world.sink.kind === 'stale');
    assert.equal(world.names(), 'A');
    await world.kube.start();
    await world.announce('B');
    await world.right('A B');
  });

  it('another authority: the kubeconfig is read again', async (test) => {
    const kube = await cluster();
    const namespace = `fault-${++namespaces}`;
    await kube.createNamespace(namespace);
    const path = join(tempFolder('kubeconfig'), 'config');
    const kubeconfig = kube.kubeconfig(path);
    const sink = new RecordingSink();
    const watcher = new KubernetesWatcher(
      { ...QUICK, id: 'kubernetes', kubeconfig, context: undefined, namespaces: [namespace] },
      sink,
    );
    test.after(() => watcher.stop());
    watcher.start();
    await until('live', () => sink.kind === 'live');
    await kube.changeCertificate(await createAuthority('another'));
    await kube.stop();
    await kube.start();
    await until('stale', () => sink.kind === 'stale');
    kube.kubeconfig(path);
    await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
  });

  it('a token that expired: the file is read again', async (test) => {
    const kube = await cluster();
    const namespace = `fault-${++namespaces}`;
    await kube.createNamespace(namespace);
    await kube.createServiceAccount(namespace, 'rpc-dns');
    await kube.grant(null, `${namespace}/rpc-dns`, [
      { apiGroups: ['*'], resources: ['*'], verbs: ['list', 'watch'] },
    ]);
    const tokenFile = join(tempFolder('token'), 'token');
    writeFileSync(tokenFile, await kube.createToken(namespace, 'rpc-dns'));
    const world = await scene(test, { tokenFile, namespace });
    await live(world);
    writeFileSync(tokenFile, await kube.createShortToken(namespace, 'rpc-dns', -1));
    // a token that was accepted is asked for again when a connection is new
    world.proxy.inject({ status: 401, times: 20 });
    world.proxy.cut();
    await until('the API server itself refuses the token', () => {
      const state = world.sink.states.at(-1);
      return state?.kind === 'stale' && /: 401 (?!injected)/.test(state.reason);
    });
    writeFileSync(tokenFile, await kube.createToken(namespace, 'rpc-dns'));
    await world.announce('B');
    await world.right('A B');
  });

  it('a server that hangs is found out, and right when it goes on', async (test) => {
    const world = await scene(test);
    await live(world);
    world.kube.pause();
    try {
      await until('stale', () => world.sink.kind === 'stale', { deadlineMs: 15_000 });
      assert.equal(world.names(), 'A');
    } finally {
      world.kube.resume();
    }
    await world.announce('B');
    await world.right('A B');
  });

  it('a kind that may not be read disables that source alone, and comes when it may', async (test) => {
    const kube = await cluster();
    const namespace = `fault-${++namespaces}`;
    await kube.createNamespace(namespace);
    await kube.createServiceAccount(namespace, 'poor');
    await kube.grant(null, `${namespace}/poor`, [
      { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
    ]);
    const token = await kube.createToken(namespace, 'poor');
    const world = await scene(test, { token, namespace });
    await live(world);
    const body = { name: 'com.foo.B', endpoints: ['10.0.0.1:20880'] };
    await kube.must('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'map', labels: { 'rpcdns.io/registry': 'true' } },
      data: { 'a.yaml': JSON.stringify({ interfaces: [body] }) },
    });
    await kube.grant(null, `${namespace}/poor`, [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] },
    ]);
    await until('A B', () => world.names() === 'A B', { deadlineMs: 15_000 });
  });
});
