/** The tree under random changes, against a ZooKeeper of a few lines that keeps the real one's promises about watches. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Registration } from '../../src/registry/registration.ts';
import { StringPool } from '../../src/registry/string-pool.ts';
import { ZOOKEEPER_DEFAULTS, ZOOKEEPER_LAYOUTS } from '../../src/registry/zookeeper/options.ts';
import { Trees } from '../../src/registry/zookeeper/trees.ts';
import { FakeZooKeeper } from '../support/fake-zookeeper.ts';
import { RecordingSink } from '../support/watcher-contract.ts';

const INTERFACES = ['a.A', 'b.B', 'c.C%24D', 'config', 'bad name'];
const HOSTS = ['10.0.0.1', '10.0.0.2', 'garbage!'];

type Change = readonly [
  layout: 'dubbo' | 'sofarpc',
  kind: 'provider' | 'directory' | 'providers' | 'root',
  on: number,
  host: number,
  add: boolean,
];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom('dubbo', 'dubbo', 'sofarpc'),
  fc.constantFrom('provider', 'provider', 'provider', 'directory', 'providers', 'root'),
  fc.nat({ max: INTERFACES.length - 1 }),
  fc.nat({ max: HOSTS.length - 1 }),
  fc.boolean(),
);

function apply(server: FakeZooKeeper, [layout, kind, on, host, add]: Change): void {
  const root = ZOOKEEPER_DEFAULTS.roots[layout];
  const directory = `${root}/${INTERFACES[on]}`;
  const paths = {
    root,
    directory,
    providers: `${directory}/providers`,
    provider: `${directory}/providers/${encodeURIComponent(`${layout}://${HOSTS[host]}:1?x=y`)}`,
  };
  if (add) server.create(paths[kind]);
  else server.delete(paths[kind]);
}

/** What a watcher should know of the server's nodes. */
function truth(server: FakeZooKeeper): string[] {
  return [...server.nodes]
    .filter((node) =>
      /^\/(?:dubbo\/[abc]\.[^/]+|sofa-rpc\/(?:[abc]\.[^/]+|config))\/providers\/.*10\.0\.0/.test(node),
    )
    .map((node) =>
      decodeURIComponent(node).replace(/^\/[^/]+\/([^/]+)\/providers\/(\w+):\/\/([^:]+):.*$/, '$1 $2 $3'),
    )
    .sort();
}

interface Client {
  readonly tree: Trees;
  snapshots: number;
  updates: number;
  missed: number;
  known(): string[];
}

function connect(server: FakeZooKeeper, relistMs: number): Client {
  const sink = new RecordingSink();
  const client = { snapshots: 0, updates: 0, missed: 0 };
  const options = {
    ...ZOOKEEPER_DEFAULTS,
    layouts: ZOOKEEPER_LAYOUTS,
    servers: '',
    rootGapMs: 0,
    relistMs,
    parallelReads: 2,
  };
  const handlers = {
    replace() {
      const { put, done } = sink.replace();
      return {
        put,
        done() {
          client.snapshots++;
          done();
        },
      };
    },
    complete() {},
    update(unit: string, registrations: readonly Registration[]) {
      assert.equal(client.snapshots, 1, 'an update before the snapshot');
      client.updates++;
      sink.update(unit, registrations);
    },
    skipped() {},
    missed() {
      client.missed++;
    },
    relisted() {},
    versionedChanged() {},
  };
  const tree = new Trees(server, options, '', handlers, new StringPool());
  server.onEvent = (path) => tree.event(path);
  const known = (): string[] =>
    sink.registrations
      .flatMap((registration) =>
        registration.endpoints.map(({ host, protocol }) => `${registration.interface} ${protocol} ${host}`),
      )
      .sort();
  return Object.assign(client, { tree, known });
}

async function settle(server: FakeZooKeeper): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    quiet = (await server.step(50)) ? 0 : quiet + 1;
    await sleep(1);
  }
}

describe('the tree of a session', () => {
  it('ends up with what the server has, whatever happened before, between and after', async () => {
    const steps = fc.array(fc.tuple(change, fc.nat({ max: 6 })), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 20 }), steps, async (before, during) => {
        const server = new FakeZooKeeper();
        for (const one of before) apply(server, one);
        const client = connect(server, 1e8);
        for (const [one, served] of during) {
          apply(server, one);
          await server.step(served);
        }
        await settle(server);
        client.tree.close();
        assert.equal(client.snapshots, 1);
        assert.deepEqual(client.known(), truth(server));
        assert.equal(client.missed, 0);
      }),
      { numRuns: 300 },
    );
  });

  it('delivers what stands still in one snapshot', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 30 }), async (before) => {
        const server = new FakeZooKeeper();
        for (const one of before) apply(server, one);
        const client = connect(server, 1e8);
        await settle(server);
        client.tree.close();
        assert.deepEqual([client.snapshots, client.updates], [1, 0]);
        assert.deepEqual(client.known(), truth(server));
      }),
      { numRuns: 50 },
    );
  });

  it('sees what comes between the question for a list and the question for the node', async () => {
    for (const late of ['root', 'directory', 'providers', 'provider'] as const) {
      for (let served = 0; served < 12; served++) {
        const server = new FakeZooKeeper();
        if (late !== 'root') apply(server, ['dubbo', 'directory', 0, 0, true]);
        const client = connect(server, 1e8);
        for (let i = 0; i < served; i++) await server.step(1);
        apply(server, ['dubbo', late, 0, 0, true]);
        await server.step(1);
        apply(server, ['dubbo', 'provider', 0, 1, true]);
        await settle(server);
        client.tree.close();
        assert.deepEqual(client.known(), truth(server), `${late} after ${served} steps`);
      }
    }
  });

  it('finds by itself what no event told, and counts it', async () => {
    const server = new FakeZooKeeper();
    apply(server, ['dubbo', 'provider', 0, 0, true]);
    apply(server, ['dubbo', 'provider', 1, 0, true]);
    const client = connect(server, 60);
    await settle(server);
    server.losesEvents = 2;
    apply(server, ['dubbo', 'provider', 0, 1, true]);
    apply(server, ['dubbo', 'directory', 2, 0, true]);
    apply(server, ['dubbo', 'provider', 2, 0, true]);
    assert.deepEqual(client.known(), ['a.A dubbo 10.0.0.1', 'b.B dubbo 10.0.0.1']);
    await sleep(80);
    await settle(server);
    client.tree.close();
    assert.deepEqual(client.known(), truth(server));
    assert.equal(client.missed, 2);
  });

  it('reads a directory once for a burst of events, and once more', async () => {
    const server = new FakeZooKeeper();
    apply(server, ['dubbo', 'directory', 0, 0, true]);
    apply(server, ['dubbo', 'providers', 0, 0, true]);
    const client = connect(server, 1e8);
    await settle(server);
    let reads = 0;
    const list = server.list.bind(server);
    server.list = (...asked) => {
      reads++;
      return list(...asked);
    };
    for (let i = 0; i < 100; i++)
      server.create(`/dubbo/a.A/providers/${encodeURIComponent(`dubbo://10.0.1.${i + 1}:1/x`)}`);
    await settle(server);
    client.tree.close();
    assert.equal(client.known().length, 100);
    assert.ok(reads <= 2, `${reads} reads`);
  });
});
