/** Both engines give the same replies, one by one and in batches; where one cannot run the other serves, and says so. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { createSite, type Server, startServer } from '../support/server.ts';

const NAMES = 300;
const INTERFACES = `interfaces:
${Array.from({ length: NAMES }, (_, i) => `  - { name: com.foo.S${i}, port: 20880, endpoints: ["10.0.0.${i % 250}:20880"] }`).join('\n')}
`;
const CONFIG = (engine: string, more = '') =>
  `engine: ${engine}\nstore: { kind: memory }\nregistries: [{ kind: file, path: interfaces.yaml }]\n${more}`;

/** Queries whose replies are the same over UDP and TCP; each with an id of its own. */
const QUERIES: readonly Buffer[] = Array.from({ length: NAMES }, (_, i) => [
  `com.foo.S${i}.rpc.cluster.local A`,
  `COM.Foo.S${i}.rpc.cluster.local A +noedns +norec`,
  `S${i}.foo.com.svc.rpc.cluster.local AAAA +bufsize=4096`,
  `_dubbo._tcp.S${i}.foo.com.svc.rpc.cluster.local SRV +dnssec`,
  `no-${i}.rpc.cluster.local A`,
  `elsewhere-${i}.example A`,
])
  .flat()
  .map((text, i) => {
    const { name, type, options } = parseQuestion(text);
    return queryOctets(name, type, { ...options, id: i });
  });

/** All of them over one connection, in the order of their ids. */
async function overTcp(port: number, queries: readonly Buffer[]): Promise<Map<number, Buffer>> {
  const socket = connect({ port, host: '127.0.0.1' });
  const replies = new Map<number, Buffer>();
  let received = Buffer.alloc(0);
  socket.on('data', (piece) => {
    received = Buffer.concat([received, piece]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const reply = Buffer.from(received.subarray(2, end));
      replies.set(reply.readUInt16BE(0), reply);
      received = received.subarray(end);
    }
  });
  for (const query of queries) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  }
  await until('all replies over TCP', () => replies.size === queries.length, PATIENCE);
  socket.destroy();
  return replies;
}

/** A socket's usual room holds so many. */
const AT_ONCE = 200;
const PATIENCE = { deadlineMs: 30_000 };

/** Many of them at once, from several sockets, while the server is stopped: so they wait for it together. */
async function atOnce(
  server: Server,
  host: string,
  queries: readonly Buffer[],
): Promise<Map<number, Buffer>> {
  const replies = new Map<number, Buffer>();
  const sockets = Array.from({ length: 5 }, () => createSocket(host.includes(':') ? 'udp6' : 'udp4'));
  for (const socket of sockets) {
    socket.on('message', (reply) => replies.set(reply.readUInt16BE(0), reply));
    socket.connect(server.dnsPort, host);
    await once(socket, 'connect');
  }
  for (let from = 0; from < queries.length; from += AT_ONCE) {
    const some = queries.slice(from, from + AT_ONCE);
    server.child.signal('SIGSTOP');
    const sent = some.map((query, i) => {
      const socket = sockets[i % sockets.length];
      return new Promise<void>((done, failed) => {
        socket?.send(query, (error) => (error === null ? done() : failed(error)));
      });
    });
    await Promise.all(sent);
    server.child.signal('SIGCONT');
    await until('all replies over UDP', () => replies.size === from + some.length, PATIENCE);
  }
  for (const socket of sockets) socket.close();
  return replies;
}

const engineOf = (server: Server) => server.log().find(({ msg }) => msg === 'serving')?.['engine'];

suite('engine', () => {
  for (const engine of ['mmsg', 'dgram']) {
    test(`${engine}: each reply of a batch is the one that is given alone, to whom it is due`, async (t) => {
      const port = await freePort();
      const server = await startServer(
        {
          config: `listen: { dns: ["127.0.0.1:${port}", "[::1]:${port}"], http: null }\n${CONFIG(engine)}`,
          files: { 'interfaces.yaml': INTERFACES },
        },
        t,
      );
      await server.logged(/"msg":"ready"/);
      assert.equal(engineOf(server), engine);
      const asked = { ...server, dnsPort: port };
      const alone = await overTcp(port, QUERIES);
      for (const host of ['127.0.0.1', '::1', '127.0.0.1']) {
        const together = await atOnce(asked, host, QUERIES);
        for (const [id, reply] of alone) assert.deepEqual(together.get(id), reply, `${id} from ${host}`);
      }
    });

    test(`${engine}: what is no query harms none beside it`, async (t) => {
      const server = await startServer(
        { config: CONFIG(engine), files: { 'interfaces.yaml': INTERFACES } },
        t,
      );
      await server.logged(/"msg":"ready"/);
      const good = QUERIES.slice(0, 60);
      const alone = await overTcp(server.dnsPort, good);
      const bad = [
        Buffer.alloc(0),
        Buffer.alloc(5, 1),
        Buffer.alloc(12, 0xff),
        Buffer.alloc(9_000, 0x3f),
        Buffer.alloc(65_000, 1),
        // a reply, which nobody answers
        Buffer.from(good[0] ?? '').fill(0x80, 2, 3),
      ].map((octets) => {
        // that ids of good ones are theirs alone
        if (octets.length >= 2) octets.writeUInt16BE(0xfff0, 0);
        return octets;
      });
      const mixed = good.flatMap((query, i) => [query, bad[i % bad.length] as Buffer]);
      const socket = createSocket('udp4');
      t.after(() => socket.close());
      const replies = new Map<number, Buffer>();
      socket.on('message', (reply) => replies.set(reply.readUInt16BE(0), reply));
      server.child.signal('SIGSTOP');
      for (const octets of mixed)
        await new Promise((done) => socket.send(octets, server.dnsPort, '127.0.0.1', done));
      server.child.signal('SIGCONT');
      await until(
        'good ones are answered',
        () => good.every((query) => replies.has(query.readUInt16BE(0))),
        PATIENCE,
      );
      for (const [id, reply] of alone) assert.deepEqual(replies.get(id), reply);
    });

    test(`${engine}: nobody else can have the port, whatever it sets`, async (t) => {
      const server = await startServer(
        { config: CONFIG(engine), files: { 'interfaces.yaml': INTERFACES } },
        t,
      );
      const socket = createSocket({ type: 'udp4', reuseAddr: true });
      t.after(() => socket.close());
      socket.bind(server.dnsPort, '127.0.0.1');
      const [error] = await once(socket, 'error');
      assert.equal(error.code, 'EADDRINUSE');
    });

    test(`${engine}: an address that is taken is said, and a stop is in time`, async (t) => {
      const server = await startServer(
        { config: CONFIG(engine), files: { 'interfaces.yaml': INTERFACES } },
        t,
      );
      const site = await createSite({
        config: `listen: { dns: ["127.0.0.1:${server.dnsPort}"], http: null }\n${CONFIG(engine)}`,
        files: { 'interfaces.yaml': INTERFACES },
      });
      const { status, stderr, stdout } = await site.cli('serve', '-c', 'rpc-dns.yaml');
      assert.equal(status, 1);
      assert.match(stdout + stderr, new RegExp(`cannot listen on 127.0.0.1:${server.dnsPort} \\(udp\\)`));
      const began = performance.now();
      assert.equal((await server.stop()).code, 0);
      assert.ok(performance.now() - began < 5_000);
    });
  }

  /** Where koffi cannot be found, as on a machine that could not install it. */
  const WITHOUT_KOFFI = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      if (name === 'koffi') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      return next(name, context);
    } });`)}`;

  test('auto without koffi: node:dgram serves, and one line says why', async (t) => {
    const env = { NODE_OPTIONS: `--import=${WITHOUT_KOFFI}` };
    const server = await startServer(
      { config: CONFIG('auto'), files: { 'interfaces.yaml': INTERFACES }, env },
      t,
    );
    await server.logged(/"msg":"ready"/);
    assert.equal(engineOf(server), 'dgram');
    const told = server.log().filter(({ msg }) => msg === 'engine mmsg cannot run here: node:dgram serves');
    assert.deepEqual(
      told.map(({ level, reason }) => [level, reason]),
      [['info', 'the package koffi is not installed']],
    );
    assert.equal((await server.query('com.foo.S1.rpc.cluster.local A')).answer.length, 2);
  });

  test('mmsg without koffi: status 1, and where it is wanted', async () => {
    const env = { NODE_OPTIONS: `--import=${WITHOUT_KOFFI}` };
    const site = await createSite({ config: CONFIG('mmsg'), files: { 'interfaces.yaml': INTERFACES }, env });
    const { status, stdout, stderr } = await site.cli('serve', '-c', 'rpc-dns.yaml');
    assert.equal(status, 1);
    assert.match(
      stdout + stderr,
      /rpc-dns\.yaml:2:9: mmsg cannot run here: the package koffi is not installed/,
    );
  });
});
