/** The small parts of the ZooKeeper watcher: frames, servers, pauses, the queue of reads. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { SkipLog } from '../../src/registry/skip-log.ts';
import { StringPool } from '../../src/registry/string-pool.ts';
import { FrameReader } from '../../src/registry/zookeeper/frame-reader.ts';
import { NameTable } from '../../src/registry/zookeeper/name-table.ts';
import { isNodePath, parseServers } from '../../src/registry/zookeeper/options.ts';
import { ReadQueue } from '../../src/registry/zookeeper/read-queue.ts';
import { backoffMs } from '../../src/registry/zookeeper/supervisor.ts';
import { RecordingSink } from '../support/watcher-contract.ts';

function frame(content: Uint8Array): Buffer {
  const octets = Buffer.alloc(4 + content.length);
  octets.writeInt32BE(content.length, 0);
  octets.set(content, 4);
  return octets;
}

describe('frames', () => {
  it('come out whole and in order, however the stream is cut', () => {
    const contents = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
    const cuts = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(contents, cuts, (wanted, sizes) => {
        const frames = wanted.map(frame);
        let stream = Buffer.concat(frames);
        const reader = new FrameReader();
        const got: string[] = [];
        const received = Buffer.alloc(60); // as the session has one buffer for all that comes
        for (let i = 0; stream.length > 0; i++) {
          const size = stream.copy(received, 0, 0, Math.max(1, sizes[i % sizes.length] ?? 1));
          const whole = reader.push(received.subarray(0, size)) ?? [];
          got.push(...whole.map((octets) => octets.toString('hex')));
          stream = stream.subarray(size);
        }
        assert.deepEqual(
          got,
          frames.map((octets) => octets.toString('hex')),
        );
      }),
    );
  });

  for (const garbage of ['HTTP/1.1 400 Bad Request', '\xff\xff\xff\xff', '\x7f\xff\xff\xff']) {
    it(`are not ${JSON.stringify(garbage)}`, () => {
      assert.equal(new FrameReader().push(Buffer.from(garbage, 'latin1')), undefined);
    });
  }
});

describe('servers', () => {
  const cases: readonly [text: string, servers: readonly string[], chroot: string][] = [
    ['127.0.0.1:2181', ['127.0.0.1 2181'], ''],
    ['zk1,zk2:2182, [fd00::1]:2183/', ['zk1 2181', 'zk2 2182', 'fd00::1 2183'], ''],
    ['[fd00::1]/prod/cn', ['fd00::1 2181'], '/prod/cn'],
  ];
  for (const [text, servers, chroot] of cases) {
    it(`are read: ${text}`, () => {
      const ensemble = parseServers(text);
      assert.ok(ensemble.ok);
      assert.deepEqual(
        ensemble.value.servers.map(({ host, port }) => `${host} ${port}`),
        servers,
      );
      assert.equal(ensemble.value.chroot, chroot);
    });
  }
  for (const text of ['', ',', 'a:0', 'a:99999', 'a:b', '[zz]:1', 'a:1/x//y', 'a:1/../x', '/x']) {
    it(`are refused: '${text}'`, () => assert.equal(parseServers(text).ok, false));
  }
  it('have a root that is a path', () => {
    for (const path of ['/', '/dubbo', '/a/b.c/d..']) assert.ok(isNodePath(path), path);
    for (const path of ['', 'dubbo', '//', '/a/', '/a//b', '/.', '/a/..', '/a/../b'])
      assert.ok(!isNodePath(path), path);
  });
});

describe('pauses between attempts', () => {
  const options = { backoffMinMs: 50, backoffMaxMs: 3_000 };
  it('double up to the longest, once for each round of the servers', () => {
    const pauses = [0, 1, 2, 3, 4, 5, 6, 7, 1e9].map((failures) => backoffMs(failures, 1, options, 0));
    assert.deepEqual(pauses, [50, 100, 200, 400, 800, 1600, 3000, 3000, 3000]);
    assert.deepEqual(
      [0, 1, 2, 3].map((failures) => backoffMs(failures, 3, options, 0)),
      [50, 50, 50, 100],
    );
  });
  it('are halved by chance at most', () => assert.equal(backoffMs(9, 1, options, 1), 1_500));
});

describe('the queue of reads', () => {
  it('runs so many at once, changed ones first, none twice', async () => {
    const order: number[] = [];
    const finish: (() => void)[] = [];
    const queue = new ReadQueue(2, (id) => {
      order.push(id);
      return new Promise((resolve) => finish.push(resolve));
    });
    queue.lookOver([0, 1, 2, 3, 4]);
    queue.changed(4);
    queue.changed(4);
    assert.deepEqual(order, [0, 1]);
    while (finish.length > 0) {
      finish.shift()?.();
      await new Promise(setImmediate);
    }
    assert.deepEqual(order, [0, 1, 4, 2, 3]);
  });

  it('looks over with fewer at once, and lets what changed overtake', async () => {
    const order: number[] = [];
    const items = Array.from({ length: 5_000 }, (_, id) => id);
    const late = items.length;
    const queue = new ReadQueue(64, async (id) => {
      await new Promise(setImmediate);
      order.push(id);
    });
    queue.lookParallel = 1;
    queue.lookOver(items);
    queue.changed(late);
    while (order.length < 5_001) await new Promise(setImmediate);
    assert.deepEqual(
      order.slice(0, 3).toSorted((a, b) => a - b),
      [0, 1, late],
    );
    assert.deepEqual(
      order.filter((id) => id !== late),
      items,
    );
  });
});

describe('a table of names', () => {
  it('is what a map would be', () => {
    const name = fc.oneof(fc.nat({ max: 60 }).map(String), fc.string({ unit: 'binary', maxLength: 9 }));
    const step = fc.record({ name, isAdded: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const table = new NameTable();
        const map = new Map<string, number>();
        for (const [i, { name, isAdded }] of steps.entries()) {
          const octets = Buffer.from(`(${name})`);
          if (isAdded) {
            table.set(octets, 1, octets.length - 1, i);
            map.set(name, i);
          } else {
            table.delete(octets, 1, octets.length - 1);
            map.delete(name);
          }
        }
        assert.equal(table.size, map.size);
        for (const { name } of steps) {
          const octets = Buffer.from(name);
          assert.equal(table.find(octets, 0, octets.length), map.get(name) ?? -1);
        }
      }),
    );
  });

  it('tells 200,000 names apart', () => {
    const table = new NameTable();
    const names = Array.from({ length: 200_000 }, (_, i) => Buffer.from(`com.foo.p${i % 97}.Service${i}`));
    for (const [i, name] of names.entries()) table.set(name, 0, name.length, i);
    assert.equal(table.size, names.length);
    assert.ok(names.every((name, i) => table.find(name, 0, name.length) === i));
  });
});

it('equal texts are one, also beyond what the pool holds', () => {
  const pool = new StringPool();
  for (let i = 0; i < 70_000; i++) pool.take(`host-${i}`);
  assert.equal(pool.take('ж$\u{1F600}'), 'ж$\u{1F600}');
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100; i++) {
    const long = `${i}${'x'.repeat(1e6)}`;
    assert.equal(pool.take(long), long);
  }
  collect();
  assert.ok(process.memoryUsage().heapUsed - before < 20e6, 'long ones are not held');
});

it('what is skipped is told once, on one line, and of a unit a hundred', () => {
  const sink = new RecordingSink();
  const log = new SkipLog(sink);
  const odd = { reason: 'odd', detail: `a\nb\u0000\u202e\ud800${'x'.repeat(1e6)}` };
  const many = Array.from({ length: 1_000 }, (_, i) => ({ reason: 'many', detail: `${i}` }));
  for (let i = 0; i < 3; i++) log.note('unit', [odd, ...many]);
  assert.equal(sink.skips.length, 100);
  assert.match(sink.skips[0]?.detail ?? '', /^a\?b\?{3}x{400,}…$/);
  assert.equal([...log.all()][0]?.[1].size, 100);
  log.note('unit', []);
  assert.deepEqual([...log.all()], []);
  log.note('unit', [odd]);
  assert.equal(sink.skips.length, 101);
});
