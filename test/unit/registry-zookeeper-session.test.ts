/** A session and its supervisor against a scripted server: all that a real one does not do on demand. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZOOKEEPER_DEFAULTS, type ZooKeeperOptions } from '../../src/registry/zookeeper/options.ts';
import { Session } from '../../src/registry/zookeeper/session.ts';
import { createZooKeeperWatcher } from '../../src/registry/zookeeper/watcher.ts';
import { runToEnd, until } from '../support/process.ts';
import { RecordingSink } from '../support/watcher-contract.ts';

/** Octets from 32-bit numbers, with their length in front. */
function frame(...int32s: number[]): Buffer {
  const octets = Buffer.alloc(4 + 4 * int32s.length);
  for (const [i, value] of [4 * int32s.length, ...int32s].entries()) octets.writeInt32BE(value, 4 * i);
  return octets;
}

/** Version, timeout, id, and a password of 16 octets. */
const granted = (timeoutMs: number): Buffer => frame(0, timeoutMs, 0, 7, 16, 1, 2, 3, 4);
/** xid, zxid, error, and what follows. */
const reply = (xid: number, error: number, ...rest: number[]): Buffer => frame(xid, 0, 1, error, ...rest);
/** A list of so many names, each of no octets, and 68 octets about its node. */
function emptyNames(count: number): Buffer {
  const octets = Buffer.alloc(24 + 4 * count + 68);
  octets.writeInt32BE(octets.length - 4, 0);
  octets.writeInt32BE(1, 12);
  octets.writeInt32BE(count, 20);
  return octets;
}

const NO_NODE = -101;
const NO_AUTH = -102;
const AUTH_FAILED = -115;

const FAST: Partial<ZooKeeperOptions> = {
  connectTimeoutMs: 300,
  probeIntervalMs: 200,
  silenceMs: 400,
  callTimeoutMs: 900,
  backoffMinMs: 20,
  backoffMaxMs: 100,
};

class ScriptedServer {
  readonly port: number;
  readonly sockets = new Set<Socket>();
  connections = 0;
  readonly #server: Server;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** `onPiece` is called for each piece that a client sends, the n-th of its connection. */
async function scripted(
  test: TestContext,
  onPiece: (n: number, socket: Socket, piece: Buffer) => unknown,
): Promise<ScriptedServer> {
  const server = createServer((socket) => {
    scripted.connections++;
    scripted.sockets.add(socket);
    let pieces = 0;
    socket.on('error', () => {});
    socket.on('data', (piece) => onPiece(pieces++, socket, piece));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const scripted = new ScriptedServer(
    server,
    typeof address === 'object' && address !== null ? address.port : 0,
  );
  test.after(() => scripted.close());
  return scripted;
}

interface Opened {
  readonly session: Session;
  readonly events: string[];
  /** the reason, once */
  readonly lost: string[];
}

async function open(port: number, options: Partial<ZooKeeperOptions> = {}): Promise<Opened> {
  const events: string[] = [];
  const lost: string[] = [];
  let opened = false;
  const session = new Session(
    { host: '127.0.0.1', port },
    { ...ZOOKEEPER_DEFAULTS, servers: '', ...FAST, ...options },
    {
      opened() {
        opened = true;
      },
      event: (path) => events.push(path),
      lost: (reason) => lost.push(reason),
    },
  );
  await until('opened or lost', () => opened || lost.length > 0);
  return { session, events, lost };
}

describe('a session', { concurrency: true }, () => {
  const beginnings: readonly [what: string, reason: RegExp, begin: (socket: Socket) => void][] = [
    ['closes at once', /closed|reset/i, (socket) => socket.destroy()],
    ['says nothing', /no session in time/, () => {}],
    ['refuses the session', /session expired/, (socket) => socket.write(granted(0))],
    ['speaks HTTP', /not ZooKeeper/, (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['sends an empty frame', /not ZooKeeper/, (socket) => socket.write(frame())],
    [
      'promises a huge password',
      /not ZooKeeper/,
      (socket) => socket.write(frame(0, 9_000, 0, 7, 0x7fffffff)),
    ],
    ['says a negative length', /not ZooKeeper/, (socket) => socket.write(Buffer.from([0x80, 0, 0, 0]))],
  ];
  for (const [what, reason, begin] of beginnings) {
    it(`is not had from a server that ${what}`, async (test) => {
      const server = await scripted(test, (_, socket) => begin(socket));
      const { session, lost } = await open(server.port);
      assert.match(lost[0] ?? '', reason);
      assert.deepEqual(await session.list('/'), { kind: 'lost' });
      await sleep(100);
      assert.deepEqual([lost.length, server.connections], [1, 1]); // the library would come back by itself
    });
  }

  it('is not had where nobody listens, or where no name leads', async (test) => {
    const server = await scripted(test, () => {});
    await server.close();
    assert.match((await open(server.port)).lost[0] ?? '', /ECONNREFUSED/);
  });

  const middles: readonly [what: string, reason: RegExp, answer: (socket: Socket) => void][] = [
    ['closes', /connection closed/, (socket) => socket.end()],
    [
      'closes in the middle of a frame',
      /connection closed/,
      (socket) => socket.end(Buffer.from([0, 0, 0, 9, 1])),
    ],
    [
      'tells of an unknown event',
      /unknown event type 99/,
      (socket) => socket.write(frame(-1, -1, -1, 0, 99, 3, 0)),
    ],
    ['sends an unknown error', /Unknown code/, (socket) => socket.write(reply(0, -127))],
    ['answers what was not asked', /unusable/, (socket) => socket.write(reply(77, 0))],
    ['sends half a list', /unusable/, (socket) => socket.write(reply(0, 0, 5, 4, 0))],
    [
      'lists more names than there are',
      /unusable: a list of over 5000000 names/,
      (socket) => socket.write(emptyNames(5_000_001)),
    ],
    ['says a list is longer than it is', /unusable/, (socket) => socket.write(reply(0, 0, 0x7fffffff, 1, 0))],
    ['sends an empty frame', /unusable/, (socket) => socket.write(frame())],
    ['refuses the password', /authentication failed/, (socket) => socket.write(frame(-4, 0, 0, AUTH_FAILED))],
    ['hangs', /silent for/, () => {}],
  ];
  for (const [what, reason, answer] of middles) {
    it(`ends when its server ${what}`, async (test) => {
      const server = await scripted(test, (n, socket) =>
        n === 0 ? socket.write(granted(9_000)) : answer(socket),
      );
      const { session, lost } = await open(server.port);
      assert.deepEqual(await session.list('/dubbo'), { kind: 'lost' });
      await sleep(100);
      assert.match(lost[0] ?? '', reason);
      assert.deepEqual([lost.length, server.connections], [1, 1]);
    });
  }

  it('ends when it is idle and its server hangs', async (test) => {
    const server = await scripted(test, (n, socket) => n === 0 && socket.write(granted(9_000)));
    const { lost } = await open(server.port);
    const ms = await until('lost', () => lost.length > 0, { deadlineMs: 2_000 });
    assert.ok(ms > 300, `${ms} ms`);
  });

  it('lives while its server answers probes, and ends when a reply takes too long nevertheless', async (test) => {
    // every request is answered by an event: octets come, and never the reply
    let answers = true;
    let xid = 0;
    const server = await scripted(test, (n, socket) => {
      if (n === 0) socket.write(granted(9_000));
      else socket.write(answers ? reply(xid++, NO_NODE) : frame(-1, -1, -1, 0, 1, 3, 0));
    });
    const { session, lost } = await open(server.port, { probeIntervalMs: 100 });
    await sleep(1_200);
    assert.deepEqual([lost, xid > 2], [[], true]);
    answers = false;
    const drip = setInterval(() => [...server.sockets][0]?.write(frame(-1, -1, -1, 0, 1, 3, 0)), 100);
    assert.deepEqual(await session.list('/'), { kind: 'lost' });
    clearInterval(drip);
    assert.match(lost[0] ?? '', /no reply for/);
  });

  it('tells what is not there and what is not allowed, and goes on', async (test) => {
    const server = await scripted(test, (n, socket) =>
      socket.write([granted(9_000), reply(0, NO_NODE), reply(1, NO_AUTH)][n] ?? ''),
    );
    const { session, lost } = await open(server.port);
    assert.deepEqual(await session.list('/a'), { kind: 'no-node' });
    assert.deepEqual(await session.list('/b'), { kind: 'refused', reason: 'not allowed to read it' });
    assert.deepEqual(lost, []);
    await session.close();
  });

  it('sends its digest, and closes in order', async (test) => {
    const pieces: Buffer[] = [];
    const server = await scripted(test, (n, socket, piece) => {
      pieces.push(piece);
      if (n === 0) socket.write(granted(9_000));
      if (piece.readInt32BE(piece.length - 4) === -11) socket.end(); // a request to close the session
    });
    const { session, lost } = await open(server.port, { digest: 'ann:secret' });
    await session.close();
    assert.ok(Buffer.concat(pieces).includes('ann:secret'));
    assert.deepEqual(lost, []);
    await session.close();
  });
});

describe('its supervisor', { concurrency: true }, () => {
  it('does not storm a server that takes every connection and drops it', async (test) => {
    const server = await scripted(test, (_, socket) => socket.destroy());
    const sink = new RecordingSink();
    const servers = `127.0.0.1:${server.port}`;
    const watcher = createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, servers }, sink);
    watcher.start();
    await sleep(2_000);
    await watcher.stop();
    assert.deepEqual(sink.states[1]?.kind, 'failed');
    assert.ok(server.connections >= 4 && server.connections <= 9, `${server.connections} connections`);
    await sleep(1_000);
    assert.equal(server.connections, watcher.counters.attempts);
  });

  it('does not storm one that grants sessions and drops them either', async (test) => {
    const server = await scripted(test, (n, socket) =>
      n === 0 ? socket.write(granted(9_000)) : socket.destroy(),
    );
    const watcher = createZooKeeperWatcher(
      { ...ZOOKEEPER_DEFAULTS, servers: `127.0.0.1:${server.port}` },
      new RecordingSink(),
    );
    watcher.start();
    await sleep(2_000);
    await watcher.stop();
    assert.ok(server.connections >= 4 && server.connections <= 9, `${server.connections} connections`);
    assert.equal(watcher.counters.losses, server.connections);
  });

  it('takes the next server when one is away', async (test) => {
    const server = await scripted(test, (n, socket) => n === 0 && socket.write(granted(9_000)));
    const servers = `127.0.0.1:1,127.0.0.1:${server.port},127.0.0.1:2`;
    const watcher = createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, servers }, new RecordingSink());
    watcher.start();
    await until('a session', () => watcher.counters.sessions > 0, { deadlineMs: 1_000 });
    assert.ok(watcher.counters.attempts <= 3);
    await watcher.stop();
  });

  it('says what is wrong with its servers, and goes on living', async () => {
    const sink = new RecordingSink();
    const watcher = createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, servers: 'a:b:c' }, sink);
    watcher.start();
    assert.equal(sink.kind, 'failed');
    await watcher.stop();
  });

  it('leaves nothing behind: the process ends by itself after stop()', async (test) => {
    const server = await scripted(test, (n, socket) =>
      socket.write(n === 0 ? granted(9_000) : reply(n - 1, NO_NODE)),
    );
    const silent = await scripted(test, () => {});
    const module = (name: string): string =>
      JSON.stringify(new URL(`../../src/registry/zookeeper/${name}`, import.meta.url).href);
    const servers = [server.port, silent.port, 1].map((port) => `127.0.0.1:${port}`);
    servers.push('10.255.255.1:2181', 'no.such.host.invalid:1', '');
    const script = `
      import { createZooKeeperWatcher } from ${module('watcher.ts')};
      import { ZOOKEEPER_DEFAULTS } from ${module('options.ts')};
      const nothing = () => {};
      const watchers = ${JSON.stringify(servers)}.map((servers) => {
        const replace = () => ({ put: nothing, done: nothing });
        const sink = { replace, update: nothing, skipped: nothing, state: ({ kind }) => console.log(kind) };
        // one tree: the server answers one question in each piece
        return createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, layouts: ['sofarpc'], servers }, sink);
      });
      for (const watcher of watchers) watcher.start();
      setTimeout(async () => {
        await Promise.all(watchers.map((watcher) => watcher.stop()));
        console.log('stopped');
      }, 1_000);`;
    const child = runToEnd(process.execPath, ['--input-type=module', '-e', script]);
    const ended = child.then(() => true);
    const late = sleep(5_000, false, { ref: false });
    assert.ok(await Promise.race([ended, late]), 'something keeps the process alive');
    const { code, stdout, stderr } = await child;
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /live\n.*stopped\n$/s);
  });
});

describe('a storm of a thousand connections', () => {
  const storms: readonly [what: string, onPiece: (n: number, socket: Socket) => unknown][] = [
    ['that are closed at once', (_, socket) => socket.destroy()],
    ['that are closed once a session was granted', (n, socket) => (n === 0 ? socket.end(granted(9_000)) : 0)],
  ];
  for (const [what, onPiece] of storms) {
    it(`leaves no socket and no timer behind: ${what}`, async (test) => {
      const resources = (): string[] =>
        process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'Timeout');
      const server = await scripted(test, onPiece);
      const before = resources().length;
      const options = {
        ...ZOOKEEPER_DEFAULTS,
        servers: `127.0.0.1:${server.port}`,
        backoffMinMs: 1,
        backoffMaxMs: 1,
      };
      const watcher = createZooKeeperWatcher(options, new RecordingSink());
      watcher.start();
      await until('1,000 attempts', () => watcher.counters.attempts >= 1_000, { deadlineMs: 20_000 });
      const during = resources().length;
      assert.ok(during < before + 10, `${during} sockets and timers`);
      await watcher.stop();
      await until('nothing left', () => resources().length <= before);
    });
  }
});
