/** The ZooKeeper watcher against a real server: the contract, and everything that can happen to a connection. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZOOKEEPER_DEFAULTS, type ZooKeeperOptions } from '../../src/registry/zookeeper/options.ts';
import { createZooKeeperWatcher, type ZooKeeperWatcher } from '../../src/registry/zookeeper/watcher.ts';
import { startProvider } from '../support/dubbo.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';
import { connectZkTool, dubboProviderPath, type ZkTool } from '../support/zk-tool.ts';
import { startZooKeeper, type ZooKeeper } from '../support/zookeeper.ts';

const skip = skipWithout('zookeeper');
/** From the end of a fault to right data. */
const RIGHT_AFTER_MS = 5_000;

const USER = 'com.foo.UserService';
const ORDER = 'com.foo.OrderService';

let zk: ZooKeeper;
let tool: ZkTool;
let proxy: TcpProxy;

before(async () => {
  if (skip !== false) return;
  zk = await startZooKeeper();
  tool = await connectZkTool(zk.address);
  proxy = new TcpProxy(await freePort(), zk.port);
  await proxy.open();
});

after(async () => {
  await tool?.close();
  await proxy?.close();
  await zk?.remove();
});

/** The tool's library does not always outlive a restart of the server; the watcher has to. */
async function freshTool(): Promise<void> {
  await tool.close();
  tool = await connectZkTool(zk.address);
}

let chroots = 0;
watcherContract(
  'zookeeper',
  async () => {
    const chroot = `/contract-${++chroots}`;
    const path = (entry: ContractEntry): string => chroot + dubboProviderPath({ ...entry, timestamp: 1 });
    return {
      create: (sink) =>
        createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, servers: `127.0.0.1:${proxy.port}${chroot}` }, sink),
      put: (entry) => tool.create(path(entry), { ephemeral: true }),
      remove: (entry) => tool.remove(path(entry)),
      putGarbage: () => tool.create(`${chroot}/dubbo/${USER}/providers/gar%bage`),
      breakRegistry: () => proxy.close(),
      repairRegistry: () => proxy.open(),
      teardown: () => proxy.close().then(() => proxy.open()),
    };
  },
  { skip },
);

describe('zookeeper: faults', { skip }, () => {
  let sink: RecordingSink;
  let watcher: ZooKeeperWatcher;

  const start = async (options: Partial<ZooKeeperOptions> = {}): Promise<void> => {
    sink = new RecordingSink();
    watcher = createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, servers: zk.address, ...options }, sink);
    watcher.start();
    await until('live', () => sink.kind === 'live');
  };
  const provider = (name: string, host: string): string =>
    dubboProviderPath({ interface: name, host, port: 1, timestamp: 1 });
  const knows = (name: string, ...hosts: string[]): Promise<number> =>
    until(
      `${name}: ${hosts}`,
      () => String(sink.endpoints(name)) === String(hosts.map((host) => `${host}:1`)),
      {
        deadlineMs: RIGHT_AFTER_MS,
        everyMs: 5,
      },
    );
  /** From a moment to the first delivery after which the interface has so many endpoints. */
  const latency = async (name: string, count: number, act: () => Promise<unknown>): Promise<number> => {
    let doneAt = 0;
    sink.onDelivery = () => {
      if (doneAt === 0 && sink.endpoints(name).length === count) doneAt = performance.now();
    };
    await act();
    const actedAt = performance.now();
    await until(`${count} of ${name}`, () => doneAt > 0, { everyMs: 2 });
    sink.onDelivery = () => {};
    return doneAt - actedAt;
  };
  const median = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  const report = (what: string, values: readonly number[]): void =>
    console.log(
      `${what}: median ${median(values).toFixed(1)} ms, worst ${Math.max(...values).toFixed(1)} ms`,
    );

  beforeEach(async () => {
    await freshTool();
    await tool.remove('/dubbo');
    await tool.create(provider(USER, '10.0.0.1'));
    await tool.create(provider(ORDER, '10.0.0.1'));
  });
  afterEach(() => watcher?.stop());

  it('delivers a change of a known and of a new interface at once', async () => {
    await start();
    const known: number[] = [];
    const fresh: number[] = [];
    for (let i = 0; i < 25; i++) {
      known.push(await latency(USER, i + 2, () => tool.create(provider(USER, `10.0.1.${i + 1}`))));
      await sleep(100); // new interfaces that come faster wait for one list of the root
      fresh.push(
        await latency(`com.foo.New${i}`, 1, () => tool.create(provider(`com.foo.New${i}`, '10.0.0.1'))),
      );
    }
    report('znode → update, known interface', known);
    report('znode → update, new interface', fresh);
    assert.ok(median(known) < 20);
    assert.ok(median(fresh) < 20);
    assert.equal(watcher.counters.missedEvents, 0);
  });

  it('keeps the endpoint of a provider that is killed and restarted at once', async () => {
    const node = (timestamp: number): string =>
      dubboProviderPath({ interface: 'com.foo.PayService', host: '10.0.0.7', port: 1, timestamp });
    await tool.create(node(1));
    await start();
    let everWithout = false;
    sink.onDelivery = () => {
      everWithout ||= sink.endpoints('com.foo.PayService').length !== 1;
    };
    await tool.create(node(2));
    await sleep(50);
    await tool.remove(node(1));
    await sleep(200);
    assert.equal(everWithout, false);
    assert.ok(sink.deliveries.length >= 3);
  });

  it('follows directories that are deleted and made again, at every level', async () => {
    await start();
    for (const path of [`/dubbo/${USER}/providers`, `/dubbo/${USER}`, '/dubbo']) {
      await tool.remove(path);
      await knows(USER);
      await tool.create(provider(USER, '10.0.0.2'));
      await knows(USER, '10.0.0.2');
    }
    await knows(ORDER);
    await tool.remove(`/dubbo/${USER}`);
    await tool.create(provider(USER, '10.0.0.3')); // perhaps before the deletion is seen
    await knows(USER, '10.0.0.3');
    assert.equal(watcher.counters.missedEvents, 0);
    assert.equal(watcher.counters.sessions, 1);
  });

  it('outlives a server that is killed and restarted, and changes while it was away', async () => {
    await start();
    await zk.kill();
    await until('stale', () => sink.kind === 'stale');
    await sleep(1_000);
    assert.ok(watcher.counters.attempts < 12, `${watcher.counters.attempts} attempts`);
    assert.equal(sink.deliveries.length, 1);
    assert.deepEqual(sink.endpoints(USER), ['10.0.0.1:1']);
    await zk.start();
    const ms = await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
    console.log(`killed and restarted: live ${ms.toFixed(0)} ms after it serves`);
    assert.deepEqual(sink.endpoints(USER), ['10.0.0.1:1']);
    await freshTool();
    await tool.create(provider(USER, '10.0.0.2'));
    await knows(USER, '10.0.0.1', '10.0.0.2');
  });

  it('finds a frozen server within seconds, and is right soon after it goes on', async () => {
    await start();
    zk.pause();
    const found = await until('stale', () => sink.kind === 'stale', { deadlineMs: 5_000 });
    await sleep(Math.max(0, 5_000 - found));
    assert.deepEqual([sink.deliveries.length, sink.endpoints(USER)], [1, ['10.0.0.1:1']]);
    zk.resume();
    await freshTool(); // the old one's session may have ended in the frost
    const ms = await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
    console.log(`frozen: found in ${found.toFixed(0)} ms, live ${ms.toFixed(0)} ms after it goes on`);
    await until('tool', () =>
      tool.create(provider(USER, '10.0.0.2')).then(
        () => true,
        () => false,
      ),
    );
    await knows(USER, '10.0.0.1', '10.0.0.2');
  });

  it('begins a new session when its own expires', async () => {
    await start();
    let everWithout = false;
    sink.onDelivery = () => {
      everWithout ||= sink.endpoints(ORDER).length !== 1;
    };
    for (let i = 2; i < 5; i++) {
      const [session = ''] = (await zk.sessionsOf(process.pid)).filter((id) => id !== tool.sessionId);
      await zk.expireSession(session);
      await tool.create(provider(USER, `10.0.0.${i}`));
      await knows(USER, ...Array.from({ length: i }, (_, n) => `10.0.0.${n + 1}`));
    }
    await until('live', () => sink.kind === 'live');
    assert.equal(watcher.counters.losses, 3);
    assert.equal(everWithout, false);
  });

  it('believes a server whose data were wiped, not a connection that is gone', async () => {
    await start();
    await zk.wipe();
    await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
    assert.deepEqual([sink.deliveries.length, sink.registrations.length], [2, 0]);
    await freshTool(); // the old one's zxid is of the old data, as a Java client's would be
    await tool.create(provider(USER, '10.0.0.5'));
    await knows(USER, '10.0.0.5');
  });

  it('believes a server that was restored from an older backup', async () => {
    const restore = await zk.backUp();
    await freshTool();
    await start();
    await tool.create(provider(USER, '10.0.0.2'));
    await tool.remove(`/dubbo/${ORDER}`);
    await tool.create(provider('com.foo.PayService', '10.0.0.3'));
    await knows(USER, '10.0.0.1', '10.0.0.2');
    await knows('com.foo.PayService', '10.0.0.3');
    await restore();
    await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
    await knows(USER, '10.0.0.1');
    await knows(ORDER, '10.0.0.1');
    await knows('com.foo.PayService');
    await freshTool();
    await tool.create(provider(USER, '10.0.0.4'));
    await knows(USER, '10.0.0.1', '10.0.0.4');
    assert.equal(watcher.counters.missedEvents, 0);
  });

  it('keeps what it read of a directory that may not be read any more, and follows the others', async () => {
    const path = `/dubbo/${USER}/providers`;
    await start({ relistMs: 200 });
    await tool.setReadable(path, false);
    await tool.create(provider(USER, '10.0.0.2'));
    await until('skipped', () => sink.skips.length > 0);
    await tool.create(provider(ORDER, '10.0.0.2'));
    await knows(ORDER, '10.0.0.1', '10.0.0.2');
    const { relists } = watcher.counters;
    await until('two relists', () => watcher.counters.relists >= relists + 2);
    assert.deepEqual(sink.endpoints(USER), ['10.0.0.1:1']);
    assert.deepEqual(
      sink.skips.map(({ reason, detail }) => [reason, detail]),
      [['unreadable', `${path}: not allowed to read it`]],
    );
    await tool.setReadable(path, true);
    await knows(USER, '10.0.0.1', '10.0.0.2');
    assert.deepEqual([sink.kind, watcher.counters.sessions], ['live', 1]);
  });

  it('keeps everything when the root may not be read any more, without a storm', async () => {
    await start({ relistMs: 200 });
    await tool.setReadable('/dubbo', false);
    await tool.create(provider(USER, '10.0.0.2'));
    await knows(USER, '10.0.0.1', '10.0.0.2');
    await until('stale', () => sink.kind === 'stale');
    const delivered = sink.deliveries.length;
    await sleep(1_000);
    assert.equal(sink.deliveries.length, delivered);
    assert.deepEqual(sink.endpoints(ORDER), ['10.0.0.1:1']);
    assert.ok(watcher.counters.attempts < 10, `${watcher.counters.attempts} attempts`);
    await tool.setReadable('/dubbo', true);
    await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
    await knows(ORDER, '10.0.0.1');
  });

  const spoils: readonly [what: string, spoil: (piece: Buffer, client: Socket) => void][] = [
    ['is cut in the middle of a frame', (piece, client) => client.end(piece.subarray(0, piece.length - 3))],
    ['is cut in the length of a frame', (_, client) => client.end(Buffer.from([0, 0]))],
    ['sends another protocol', (_, client) => client.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['sends noise', (piece, client) => client.write(piece.map((octet) => octet ^ 0x5a))],
  ];
  for (const when of ['its session', 'the root', 'directories', 'news'] as const) {
    for (const [what, spoil] of spoils) {
      it(`gets over a connection that ${what} in place of ${when}`, async () => {
        // a client is sent its session first, then the list of the root, then those of directories
        let left = ['its session', 'the root', 'directories'].indexOf(when);
        const spoilOnce = (piece: Buffer, client: Socket): boolean => {
          if (left-- !== 0) return false;
          spoil(piece, client);
          return true;
        };
        if (when !== 'news') proxy.spoil = spoilOnce;
        await start({ servers: `127.0.0.1:${proxy.port}` });
        assert.deepEqual([sink.endpoints(USER), sink.endpoints(ORDER)], [['10.0.0.1:1'], ['10.0.0.1:1']]);
        if (when === 'news') {
          left = 0;
          proxy.spoil = spoilOnce;
        }
        await tool.create(provider(USER, '10.0.0.2'));
        await knows(USER, '10.0.0.1', '10.0.0.2');
        await until('live', () => sink.kind === 'live');
        proxy.spoil = () => false;
        assert.ok(left < 0);
        assert.equal(watcher.counters.attempts, 2);
        assert.equal(
          sink.deliveries.filter(({ unit }) => unit === undefined).length,
          when === 'news' ? 2 : 1,
        );
      });
    }
  }

  it('reads 2,000 interfaces at once, one by one as they come, and again by relist', async () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `com.bulk.Service${i}`);
    await Promise.all(names.map((name) => tool.create(provider(name, '10.0.0.1'))));
    const startedAt = performance.now();
    await start({ relistMs: 300 });
    console.log(`2,000 interfaces listed in ${(performance.now() - startedAt).toFixed(0)} ms`);
    assert.equal(sink.registrations.length, 2_002);
    await until('two relists', () => watcher.counters.relists >= 2);
    const bursts = await Promise.all(names.map((name) => tool.create(provider(name, '10.0.0.2'))));
    const ms = await until('a burst', () =>
      names.every((name) => sink.units.get(name)?.[0]?.endpoints.length === 2),
    );
    console.log(`${bursts.length} changes at once: known ${ms.toFixed(0)} ms after the last`);
    await until('live', () => sink.kind === 'live');
    assert.deepEqual([watcher.counters.missedEvents, watcher.counters.sessions], [0, 1]);
    const sessions = (await zk.sessions()).length;
    await watcher.stop();
    assert.equal((await zk.sessions()).length, sessions - 1);
  });

  it('knows a real Dubbo provider', { skip: skipWithout('dubbo') }, async () => {
    await start();
    const dubbo = await startProvider({
      zookeeper: zk.address,
      interfaces: ['com.foo.UserService:1.0.0:g1', 'com.foo.OrderService$Inner'],
      host: '10.9.8.7',
      application: 'real-app',
    });
    await until('registered', () => sink.endpoints('com.foo.OrderService$Inner').length === 1);
    await until('registered', () => sink.endpoints(USER).length === 2);
    const found = sink.registrations.find(({ group }) => group === 'g1');
    assert.deepEqual(
      [found?.interface, found?.version, found?.application, found?.protocol, found?.endpoints],
      [USER, '1.0.0', 'real-app', 'dubbo', [{ host: '10.9.8.7', port: dubbo.port, protocol: 'dubbo' }]],
    );
    assert.deepEqual(sink.skips, []);
    await dubbo.stop();
    await knows('com.foo.OrderService$Inner');
    await knows(USER, '10.0.0.1');
  });
});
