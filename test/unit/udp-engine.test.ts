/** The engine that is taken: mmsg where memory, calls and kernel do what it needs, and node:dgram where one does not. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Client } from '../../src/serve/client.ts';
import type { Listener } from '../../src/serve/listener.ts';
import { EAGAIN, ENOBUFS, type Libc, openLibc } from '../../src/serve/mmsg/libc.ts';
import { MessageBatch } from '../../src/serve/mmsg/message-batch.ts';
import { hostOf, portOf, scopedHostOf, socketName } from '../../src/serve/mmsg/socket-name.ts';
import type { QueryHandler } from '../../src/serve/query-handler.ts';
import { chooseEngine } from '../../src/serve/udp-engine.ts';
import { BatchRoom, openMmsg } from '../../src/serve/udp-mmsg.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';

const choose = (wanted: 'auto' | 'dgram' | 'mmsg', load?: () => Promise<Libc>) =>
  chooseEngine(wanted, undefined as never, 1232, load);

suite('an engine', () => {
  test('is mmsg on this machine, unless dgram is wanted', async () => {
    for (const wanted of ['auto', 'mmsg'] as const) {
      const { name, problem } = await choose(wanted);
      assert.deepEqual([name, problem], ['mmsg', undefined]);
    }
    const never = () => assert.fail('koffi is loaded');
    assert.equal((await choose('dgram', never)).name, 'dgram');
  });

  test('is mmsg where datagrams come late, and one by one', async () => {
    const libc = await openLibc();
    let calls = 0;
    const isLate = () => calls % 3 !== 0;
    const engine = await choose('auto', async () => ({
      ...libc,
      recvmmsg: (fd, messages, _count, flags, timeout) => {
        calls++;
        return isLate() ? -1 : libc.recvmmsg(fd, messages, 1, flags, timeout);
      },
      errno: () => (isLate() ? EAGAIN : libc.errno()),
    }));
    assert.deepEqual([engine.name, engine.problem], ['mmsg', undefined]);
  });

  const broken: readonly [what: string, change: (libc: Libc) => Partial<Libc>, problem: RegExp][] = [
    ['a kernel that refuses the call', () => ({ recvmmsg: () => -1, errno: () => 1 }), /^recvmmsg: EPERM$/],
    ['a kernel without it', () => ({ sendmmsg: () => -1, errno: () => 38 }), /^sendmmsg: ENOSYS$/],
    ['no socket to be had', () => ({ socket: () => -1, errno: () => 24 }), /^socket: EMFILE$/],
    [
      'a call that takes fewer',
      (libc) => ({ sendmmsg: (fd, messages, _count, flags) => libc.sendmmsg(fd, messages, 1, flags) }),
      /^sendmmsg: 1 messages of 3$/,
    ],
    [
      'a call that writes elsewhere',
      (libc) => ({
        allocate: (octets) => {
          const { address } = libc.allocate(octets);
          return { address, memory: new ArrayBuffer(octets) };
        },
      }),
      /^sendmmsg: E/,
    ],
    [
      'a kernel that brings nothing',
      () => ({ recvmmsg: () => -1, errno: () => EAGAIN }),
      /^recvmmsg: 0 messages of 3$/,
    ],
    [
      'a call that writes nothing',
      () => ({ recvmmsg: () => 3 }),
      /the layout of messages in memory is another one/,
    ],
  ];
  for (const [what, change, problem] of broken) {
    test(`${what}: node:dgram`, async () => {
      const libc = await openLibc();
      const engine = await choose('auto', async () => ({ ...libc, ...change(libc) }));
      assert.equal(engine.name, 'dgram');
      assert.match(engine.problem ?? '', problem);
    });
  }

  test('without the library: node:dgram', async () => {
    const engine = await choose('mmsg', () =>
      Promise.reject(new Error('the package koffi is not installed')),
    );
    assert.deepEqual([engine.name, engine.problem], ['dgram', 'the package koffi is not installed']);
  });
});

test('names of sockets', async () => {
  const libc = await openLibc();
  for (const [host, family, length] of [
    ['127.0.0.1', 4, 16],
    ['0.0.0.0', 4, 16],
    ['::', 6, 28],
    ['fd00::1', 6, 28],
  ] as const) {
    const name = socketName(libc, host, 5300);
    assert.ok(name !== undefined);
    assert.deepEqual([name.length, hostOf(name, family), portOf(name)], [length, host, 5300]);
    assert.equal(scopedHostOf(libc, name, family), host);
  }
  assert.equal(socketName(libc, 'fe80::1%7', 1)?.readUInt32LE(24), 7);
  for (const host of ['fe80::1%no-such-interface', 'fe80::1%0', 'fe80::1%', 'localhost', ''])
    assert.equal(socketName(libc, host, 1), undefined);
});

test('the name of a socket on one link says on which: others have the same addresses', async () => {
  const libc = await openLibc();
  const lo = Number(readFileSync('/sys/class/net/lo/ifindex', 'latin1'));
  const name = socketName(libc, 'fe80::1%lo', 5300);
  assert.ok(name !== undefined);
  assert.equal(name.readUInt32LE(24), lo);
  assert.equal(scopedHostOf(libc, name, 6), 'fe80::1%lo');
  name.writeUInt32LE(2 ** 30, 24);
  assert.equal(scopedHostOf(libc, name, 6), `fe80::1%${2 ** 30}`);
});

test('a batch has room for each of its messages', async () => {
  const libc = await openLibc();
  const batch = new MessageBatch(libc, 4, 3, 50);
  assert.deepEqual(
    batch.buffers.map(({ length }) => length),
    [50, 50, 50],
  );
  assert.equal(batch.headerAt(2) - batch.headerAt(0), 128n);
});

/** What a kernel may do with a run of messages, one after the other. */
const SENDS: readonly (readonly [what: string, call: (libc: Libc, ...args: SendArgs) => [number, number]])[] =
  [
    ['takes all', (libc, ...args) => [libc.sendmmsg(...args), libc.errno()]],
    ['takes one', (libc, fd, messages, _count, flags) => [libc.sendmmsg(fd, messages, 1, flags), 0]],
    ['is full', () => [-1, EAGAIN]],
    ['has no room', () => [-1, ENOBUFS]],
    ['forbids it', () => [-1, EPERM]],
  ];
type SendArgs = Parameters<Libc['sendmmsg']>;
const EPERM = 1;

for (const host of ['127.0.0.1', '::1']) {
  test(`each gets its own, whatever the kernel takes at once: ${host}`, async (t) => {
    const libc = await openLibc();
    const calls: string[] = [];
    let errno = 0;
    const moody: Libc = {
      ...libc,
      sendmmsg: (...args) => {
        const [what, call] = SENDS[calls.length % SENDS.length] as (typeof SENDS)[number];
        calls.push(what);
        const [result, error] = call(libc, ...args);
        errno = error;
        return result;
      },
      errno: () => errno,
    };
    const echo = {
      startClock: () => {},
      handleInto: (out: Buffer, message: Buffer, size: number, _listener: Listener, client: Client) => {
        // a reply may stand where its query stood
        const text = message.toString('latin1', 0, size);
        out.write(`${text} from ${client.address} ${client.port}`);
        return size + ` from ${client.address} ${client.port}`.length;
      },
    } as unknown as QueryHandler;
    const port = await freePort();
    const server = await openMmsg(moody, new BatchRoom(moody), host, port, {} as Listener, echo, 1232);
    t.after(() => server.close());
    const clients = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
        t.after(() => socket.close());
        socket.connect(port, host);
        await once(socket, 'connect');
        return socket;
      }),
    );
    let received = 0;
    for (const socket of clients) {
      const { port: own } = socket.address();
      socket.on('message', (reply) => {
        received++;
        assert.match(reply.toString('latin1'), new RegExp(`^query \\d+ of ${own} from ${host} ${own}$`));
      });
    }
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 100; i++) {
        const socket = clients[i % clients.length];
        socket?.send(`query ${i} of ${socket.address().port}`);
      }
      await turn();
      await turn();
    }
    const forbidden = () => calls.filter((what) => what === 'forbids it').length;
    await until('all but those that may not be sent', () => received === 1000 - forbidden());
    for (const [what] of SENDS) assert.ok(calls.includes(what), what);
  });
}

test('queries that never end leave others their turn', async (t) => {
  const libc = await openLibc();
  let batches = 0;
  const endless = (_fd: number, _messages: bigint, count: number) => {
    const end = performance.now() + 2;
    while (performance.now() < end);
    batches++;
    return count;
  };
  const none = { startClock: () => {}, handleInto: () => 0 } as unknown as QueryHandler;
  const port = await freePort();
  const flooded = { ...libc, recvmmsg: endless };
  const server = await openMmsg(
    flooded,
    new BatchRoom(flooded),
    '127.0.0.1',
    port,
    {} as Listener,
    none,
    1232,
  );
  t.after(() => server.close());
  const client = createSocket('udp4');
  t.after(() => client.close());
  client.connect(port, '127.0.0.1');
  await once(client, 'connect');
  for (let round = 0; round < 2; round++) {
    batches = 0;
    // node:dgram brings so many before others have their turn
    for (let i = 0; i < 32; i++) client.send('query');
    await until('they are taken', () => batches > 0);
    await turn();
    assert.ok(batches >= 2 && batches < 16, `${batches} batches`);
  }
});
