/** The gRPC stack: framing, statuses, and a client's connection against servers good and bad. */
import assert from 'node:assert/strict';
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { ClientConnection, type ClientOptions, type Loss } from '../../src/grpc/client-connection.ts';
import { framed, MessageReader } from '../../src/grpc/framing.ts';
import { notGrpc, percentDecoded, percentEncoded, STATUS, statusIn } from '../../src/grpc/status.ts';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';

suite('framing', () => {
  test('messages come out as they went in, wherever the stream is cut', () => {
    const message = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat(20), { maxLength: 40 }),
        (messages, cuts) => {
          const octets = Buffer.concat(messages.map(framed));
          const reader = new MessageReader(40);
          const read: Uint8Array[] = [];
          let at = 0;
          for (const length of [...cuts, octets.length]) {
            const result = reader.push(octets.subarray(at, at + length));
            at = Math.min(octets.length, at + length);
            assert.ok(result.ok);
            read.push(...result.value);
          }
          assert.deepEqual(
            read.map((one) => Buffer.from(one)),
            messages.map((one) => Buffer.from(one)),
          );
          assert.equal(reader.isAmidst, false);
        },
      ),
    );
  });

  test('too long, compressed and no messages at all are refused by their first octets', () => {
    const long = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    for (const octets of [long, Buffer.from([1, 0, 0, 0, 1, 9]), Buffer.from('HTTP/1.1 200')]) {
      assert.equal(new MessageReader(100).push(octets).ok, false);
    }
  });

  test('too long ones are passed over where that is wanted, wherever the stream is cut', () => {
    const message = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat(20), { maxLength: 40 }),
        (messages, cuts) => {
          const octets = Buffer.concat(messages.map(framed));
          const long: number[] = [];
          const reader = new MessageReader(40, (length) => long.push(length));
          const read: number[][] = [];
          let at = 0;
          for (const length of [...cuts, octets.length]) {
            const result = reader.push(octets.subarray(at, at + length));
            at = Math.min(octets.length, at + length);
            assert.ok(result.ok);
            read.push(...result.value.map((one) => [...one]));
          }
          assert.deepEqual(
            read,
            messages.filter(({ length }) => length <= 40).map((one) => [...one]),
          );
          assert.deepEqual(
            long,
            messages.map(({ length }) => length).filter((length) => length > 40),
          );
          assert.deepEqual([reader.isAmidst, reader.isTooLong], [false, long.length > 0]);
        },
      ),
    );
  });

  test('a message in single octets takes no more memory than it is', () => {
    const reader = new MessageReader(8_000_000);
    reader.push(framed(Buffer.alloc(8_000_000)).subarray(0, 5));
    const [octet, before] = [Buffer.alloc(1), process.memoryUsage().rss];
    for (let i = 1; i < 8_000_000; i++) reader.push(octet);
    assert.ok(process.memoryUsage().rss - before < 100e6);
    const last = reader.push(octet);
    assert.ok(last.ok && last.value[0]?.length === 8_000_000);
  });
});

suite('status', () => {
  test('grpc-message is decoded, and what is malformed stays', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const clean = text.replace(/\p{Cc}/gu, ' ');
        assert.equal(percentDecoded(percentEncoded(clean)), clean);
      }),
    );
    assert.equal(percentDecoded('100%, %zz%2'), '100%, %zz%2');
    assert.equal(percentDecoded('line%0Abreak'), 'line break');
  });

  test('of fields that no server of good faith sends', () => {
    assert.deepEqual(statusIn({ 'grpc-status': '99' }), { code: STATUS.UNKNOWN, message: '' });
    assert.deepEqual(statusIn({ 'grpc-status': 'x', 'grpc-message': 'a'.repeat(9999) })?.message.length, 500);
    assert.equal(statusIn({}), undefined);
    assert.equal(notGrpc({ ':status': 404 })?.code, STATUS.UNIMPLEMENTED);
    assert.equal(notGrpc({ ':status': 200, 'content-type': 'text/html' })?.code, STATUS.UNKNOWN);
    assert.equal(notGrpc({ ':status': 200, 'content-type': 'application/grpc+proto' }), undefined);
  });
});

const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

async function listen(server: Http2Server | Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

type Handler = (stream: ServerHttp2Stream, path: string) => void;

function grpcServer(handler: Handler): Http2Server {
  const server = createServer();
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    handler(stream, String(headers[':path']));
  });
  return server;
}

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };

function respond(stream: ServerHttp2Stream, octets: Buffer, trailers: Record<string, string>): void {
  stream.respond(GRPC, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(octets);
}

interface Connected {
  readonly connection: ClientConnection;
  readonly losses: Loss[];
  isOpen: boolean;
}

async function connected(port: number, options: Partial<ClientOptions> = {}): Promise<Connected> {
  const losses: Loss[] = [];
  const result = { losses, isOpen: false } as {
    connection: ClientConnection;
    losses: Loss[];
    isOpen: boolean;
  };
  result.connection = new ClientConnection(
    { host: '127.0.0.1', port, tls: undefined, connectTimeoutMs: 500, maxMessageOctets: 1000, ...options },
    { opened: () => (result.isOpen = true), lost: (loss) => losses.push(loss) },
  );
  closers.push(() => result.connection.close());
  await until('open or lost', () => result.isOpen || losses.length > 0);
  return result;
}

suite('a connection', () => {
  test('calls, and each reply is told by what stands in it', async () => {
    const replies: Record<string, Handler> = {
      '/good': (stream) =>
        stream.on('data', (octets: Buffer) => respond(stream, octets, { 'grpc-status': '0' })),
      '/refused': (stream) =>
        stream.respond({ ...GRPC, 'grpc-status': '7', 'grpc-message': 'n%C3%B6' }, { endStream: true }),
      '/late': (stream) => respond(stream, framed(Buffer.from('x')), { 'grpc-status': '8' }),
      '/none': (stream) => respond(stream, Buffer.alloc(0), { 'grpc-status': '0' }),
      '/two': (stream) =>
        respond(stream, Buffer.concat([framed(Buffer.alloc(1)), framed(Buffer.alloc(1))]), {
          'grpc-status': '0',
        }),
      '/half': (stream) => respond(stream, framed(Buffer.alloc(9)).subarray(0, 7), { 'grpc-status': '0' }),
      '/huge': (stream) => respond(stream, framed(Buffer.alloc(1001)), { 'grpc-status': '0' }),
      '/page': (stream) => {
        stream.respond({ ':status': 503, 'content-type': 'text/html' });
        stream.end('<h1>');
      },
      '/html': (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'text/html' });
        stream.end('<h1>');
      },
      '/reset': (stream) => stream.close(0x7),
      '/untold': (stream) => {
        stream.respond(GRPC);
        stream.end(framed(Buffer.alloc(1)));
      },
      '/silent': () => {},
    };
    const port = await listen(grpcServer((stream, path) => replies[path]?.(stream, path)));
    const { connection, losses } = await connected(port);
    const call = async (path: string): Promise<string> => {
      const reply = await connection.unary(path, Buffer.from('hello'), 300);
      return reply.ok
        ? Buffer.from(reply.message).toString()
        : `${reply.status.code} ${reply.status.message}`;
    };
    assert.equal(await call('/good'), 'hello');
    assert.equal(await call('/refused'), '7 nö');
    assert.equal(await call('/late'), '8 ');
    assert.match(await call('/none'), /^13 /);
    assert.match(await call('/two'), /^13 /);
    assert.match(await call('/half'), /^13 the reply ends within/);
    assert.match(await call('/huge'), /^13 a message of 1001/);
    assert.match(await call('/page'), /^14 HTTP status 503/);
    assert.match(await call('/html'), /^2 content-type text\/html/);
    assert.match(await call('/reset'), /^14 the server refuses the stream/);
    assert.match(await call('/untold'), /^2 the stream ended without a status/);
    assert.match(await call('/silent'), /^4 no reply within 0.3 s/);
    assert.equal(await call('/good'), 'hello');
    assert.deepEqual(losses, []);
  });

  test('has streams beside calls, both ways', async () => {
    let cancelled = 0;
    const port = await listen(
      grpcServer((stream) => {
        stream.respond(GRPC);
        stream.on('data', (octets) => stream.write(octets));
        stream.on('close', () => cancelled++);
      }),
    );
    const { connection } = await connected(port);
    const got: string[] = [];
    const stream = connection.stream('/echo', {
      message: (octets) => got.push(Buffer.from(octets).toString()),
      ended: () => assert.fail('nobody ended it'),
    });
    for (const text of ['a', 'b', 'c']) assert.ok(stream.send(Buffer.from(text)));
    await until('echoes', () => got.join('') === 'abc');
    stream.cancel();
    await until('cancelled', () => cancelled === 1);
    assert.equal(stream.send(Buffer.from('d')), false);
  });

  test('writes no more to a server that does not read', async () => {
    const port = await listen(grpcServer((stream) => stream.respond(GRPC)));
    const { connection } = await connected(port);
    const stream = connection.stream('/deaf', { message: () => {}, ended: () => {} });
    let sent = 0;
    while (stream.send(Buffer.alloc(100_000)) && sent < 1000) sent++;
    assert.ok(sent < 30, `${sent}`);
  });

  test('names why it could not be had', async () => {
    const nobody = await connected(await freePort());
    assert.equal(nobody.losses[0]?.kind, 'refused');
    const talker = await connected(
      await listen(createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    );
    assert.equal(talker.losses[0]?.kind, 'not-http2');
    const silent = await connected(await listen(createTcpServer(() => {})));
    assert.deepEqual(silent.losses, [{ kind: 'lost', reason: 'it accepts, and says nothing' }]);
    const closer = await connected(await listen(createTcpServer((socket) => socket.destroy())));
    assert.equal(closer.losses[0]?.kind, 'lost');
    const call = await closer.connection.unary('/x', Buffer.alloc(0), 100);
    assert.deepEqual(call, { ok: false, status: { code: STATUS.UNAVAILABLE, message: 'no connection' } });
  });

  test('ends with what is in flight: cut, GOAWAY, silence, garbage; and says so once', async () => {
    const faults: readonly [string, (stream: ServerHttp2Stream) => void, RegExp][] = [
      ['cut', (stream) => void rawSocketOf(stream).destroy(), /closed|ECONNRESET/],
      ['goaway', (stream) => stream.session?.goaway(11), /GOAWAY with code 11/],
      [
        'garbage',
        (stream) => stream.session?.socket && void rawSocketOf(stream).write('garbage '.repeat(50)),
        /./,
      ],
    ];
    for (const [what, fault, reason] of faults) {
      const { connection, losses } = await connected(await listen(grpcServer(fault)));
      const reply = await connection.unary('/x', Buffer.alloc(0), 5_000);
      await until(what, () => losses.length === 1);
      assert.equal(reply.ok, false, what);
      assert.match(losses[0]?.reason ?? '', reason, what);
    }
  });

  test('finds a hung server by PING', async () => {
    const sockets: Socket[] = [];
    const inner = await listen(grpcServer(() => {}));
    const { connect } = await import('node:net');
    const port = await listen(
      createTcpServer((socket) => {
        const onward = connect(inner, '127.0.0.1').on('error', () => {});
        sockets.push(socket.pipe(onward).pipe(socket));
      }),
    );
    const { losses } = await connected(port, { keepAliveMs: 30, keepAliveTimeoutMs: 100 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(losses.length, 0);
    for (const socket of sockets) {
      socket.unpipe();
      socket.pause();
    }
    await until('lost', () => losses.length === 1);
    assert.match(losses[0]?.reason ?? '', /PING/);
  });

  test('checks certificates, and shows its own', async () => {
    const authority = await createAuthority();
    const { certificate, key } = await authority.issue(['127.0.0.1']);
    const server = createSecureServer({ cert: certificate, key });
    server.on('stream', (stream) => respond(stream, framed(Buffer.from('tls')), { 'grpc-status': '0' }));
    const port = await listen(server);
    const trusted = await connected(port, { tls: { ca: authority.certificate } });
    const reply = await trusted.connection.unary('/x', Buffer.alloc(0), 1000);
    assert.equal(reply.ok && Buffer.from(reply.message).toString(), 'tls');
    const stranger = await connected(port, { tls: {} });
    assert.match(stranger.losses[0]?.reason ?? '', /not trusted/);
    assert.equal((await connected(port)).losses.length, 1);
  });
});

function rawSocketOf(stream: ServerHttp2Stream): Socket {
  // the session's own socket refuses to be written to
  const session = stream.session as unknown as Record<symbol, Socket>;
  const symbol = Object.getOwnPropertySymbols(session).find((one) => String(one) === 'Symbol(socket)');
  return session[symbol as symbol] as Socket;
}
