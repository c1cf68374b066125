/** The http registry: the contract of all watchers, and what servers do to their clients. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DocumentSource } from '../../src/registry/http/document-source.ts';
import type { HttpRegistryOptions } from '../../src/registry/http/options.ts';
import { httpKind } from '../../src/registry/http/registry.ts';
import { createHttpWatcher } from '../../src/registry/http/watcher.ts';
import { createAuthority } from '../support/certificates.ts';
import { until } from '../support/process.ts';
import { tempFolder } from '../support/temp.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const servers: { close(): unknown; closeAllConnections?(): void }[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections?.();
    server.close();
  }
});

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

async function serve(handler: Handler): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(handler))}/interfaces.yaml`;
}

function documentOf(entries: readonly ContractEntry[]): string {
  const services = Map.groupBy(entries, (entry) => [entry.interface, entry.version, entry.group].join());
  return JSON.stringify({
    interfaces: [...services.values()].map((instances) => {
      const { interface: name, version = '', group = '', port } = instances[0] as ContractEntry;
      return { name, version, group, port, endpoints: instances.map((one) => `${one.host}:${one.port}`) };
    }),
  });
}

const INTERVAL = 50;

watcherContract('http', async () => {
  let entries: ContractEntry[] = [];
  let isBroken = false;
  const url = await serve((_request, response) => {
    if (isBroken) response.destroy();
    else response.end(documentOf(entries));
  });
  return {
    create: (sink) => createHttpWatcher({ url, interval: INTERVAL }, sink),
    put: async (entry) => void entries.push(entry),
    remove: async (entry) => {
      entries = entries.filter((other) => other !== entry);
    },
    breakRegistry: async () => {
      isBroken = true;
    },
    repairRegistry: async () => {
      isBroken = false;
    },
    teardown: async () => {},
  };
});

const GOOD = 'interfaces:\n  - { name: com.foo.A, port: 1, endpoints: ["10.0.0.1:1"] }\n';

async function watched(
  options: HttpRegistryOptions,
  run: (sink: RecordingSink) => Promise<void>,
): Promise<void> {
  const sink = new RecordingSink();
  const watcher = createHttpWatcher(options, sink);
  watcher.start();
  try {
    await run(sink);
  } finally {
    await watcher.stop();
  }
}

function reasonOf(sink: RecordingSink): string {
  const state = sink.states.at(-1);
  return state !== undefined && 'reason' in state ? state.reason : '';
}

suite('a document by http', () => {
  test('is fetched whole only when it changed, where the server tells', async () => {
    for (const by of ['etag', 'last-modified'] as const) {
      let version = 1;
      const statuses: number[] = [];
      const url = await serve((request, response) => {
        const validator = by === 'etag' ? `"v${version}"` : new Date(version * 1e6).toUTCString();
        const known = request.headers[by === 'etag' ? 'if-none-match' : 'if-modified-since'];
        response.statusCode = known === validator ? 304 : 200;
        statuses.push(response.statusCode);
        response.setHeader(by, validator);
        response.end(
          response.statusCode === 304 ? undefined : GOOD.replaceAll('10.0.0.1', `10.0.0.${version}`),
        );
      });
      await watched({ url, interval: INTERVAL }, async (sink) => {
        await until('three questions', () => statuses.length >= 3);
        assert.deepEqual(statuses.slice(0, 3), [200, 304, 304]);
        version = 2;
        await until('the new one', () => sink.endpoints('com.foo.A')[0] === '10.0.0.2:1');
        assert.deepEqual(
          sink.states.map(({ kind }) => kind),
          ['syncing', 'live'],
        );
      });
    }
  });

  test('with anything wrong in it leaves the last good one, says where, and is asked for whole until it is mended', async () => {
    let text = GOOD;
    const url = await serve((request, response) => {
      // a server that tells nothing but that nothing changed
      response.statusCode = request.headers['if-none-match'] === `"${text.length}"` ? 304 : 200;
      response.setHeader('etag', `"${text.length}"`);
      response.end(text);
    });
    await watched({ url, interval: INTERVAL }, async (sink) => {
      await until('live', () => sink.kind === 'live');
      text = `${GOOD}  - { name: com.foo.B, prot: 1 }\n`;
      await until('stale', () => sink.kind === 'stale');
      assert.match(
        reasonOf(sink),
        /^1 problems in the document: http:\/\/127\.0\.0\.1:\d+\/interfaces\.yaml:3:\d+: .*'prot'/,
      );
      assert.equal(sink.skips.length, 1);
      assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
      text = GOOD;
      await until('live again', () => sink.kind === 'live');
      assert.equal(sink.deliveries.length, 1);
    });
  });

  test('that is bad is told once, and as much of it as people can read', async () => {
    let questions = 0;
    const bad = `interfaces: ["${'x'.repeat(100_000)}"${', 1'.repeat(500)}]`;
    const url = await serve((_request, response) => {
      questions++;
      response.end(bad);
    });
    await watched({ url, interval: INTERVAL }, async (sink) => {
      await until('several questions', () => questions >= 4);
      assert.equal(sink.skips.length, 100);
      assert.ok(sink.skips.every(({ detail }) => detail.length < 500 && /:1:\d+: /.test(detail)));
      assert.ok(reasonOf(sink).length < 2_000);
      assert.deepEqual(
        sink.states.map(({ kind }) => kind),
        ['syncing', 'failed'],
      );
    });
  });

  test('that is empty, or no document at all, is no empty registry', async () => {
    for (const text of ['', '# nothing\n', 'interfaces:', '<html>Login</html>', '{}']) {
      const url = await serve((_request, response) => response.end(text));
      await watched({ url, interval: INTERVAL }, async (sink) => {
        await until('failed', () => sink.kind === 'failed');
        assert.deepEqual(sink.deliveries, []);
      });
    }
  });

  test('what stands between is told in words', async () => {
    const gone = await serve((_request, response) => response.end(GOOD));
    (servers.at(-1) as Server).close();
    const raw = async (octets: string) => {
      const server = createTcpServer((socket) => socket.on('error', () => {}).end(octets));
      return `http://127.0.0.1:${await listen(server)}/`;
    };
    const cases: readonly (readonly [url: string, reason: RegExp])[] = [
      [gone, /nobody listens there$/],
      [
        await serve(
          (_request, response) =>
            void response.writeHead(302, { location: 'http://u:p@x.test/y?token=1' }).end(),
        ),
        /status 302 to http:\/\/x\.test\/y: redirects are not followed/,
      ],
      [
        await serve((_request, response) => void response.writeHead(401).end()),
        /status 401: the server wants a token, name its file as tokenFile$/,
      ],
      [
        await serve((_request, response) => void response.writeHead(500).end('x'.repeat(1e6))),
        /status 500, expected 200 or 304$/,
      ],
      [
        await serve((_request, response) => void response.writeHead(304).end()),
        /status 304 to a question without condition$/,
      ],
      [
        await serve((_request, response) => response.end(Buffer.from([0x69, 0xff, 0xfe]))),
        /the document is not UTF-8$/,
      ],
      [await raw('garbage\r\n\r\n'), /the reply is not HTTP$/],
      [await raw('HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'), /the reply is not HTTP$/],
      [
        await raw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
        /the reply is not HTTP$/,
      ],
      [await raw(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1e6)}\r\n\r\n`), /the reply is not HTTP$/],
      [
        await raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\ninterfaces: []\n'),
        /the connection was closed without a whole reply$/,
      ],
      [
        await raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
        /the connection was closed without a whole reply$/,
      ],
      [
        await serve(
          (_request, response) =>
            void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(GOOD.repeat(1_000))),
        ),
        /the document is not UTF-8$/,
      ],
      [
        await serve((_request, response) => response.end(`interfaces: [${'\0'.repeat(100)}]`)),
        /problems in the document/,
      ],
      [
        await serve((_request, response) =>
          response.end('{"interfaces":[{"name":"com.foo.A","name":"com.foo.B"}]}'),
        ),
        /key '"name"' is there twice/,
      ],
      [
        await serve((_request, response) =>
          response.end('a: &a [x, x]\nb: [*a, *a]\ninterfaces: *a\n'.repeat(1)),
        ),
        /problems in the document/,
      ],
      [
        await serve((_request, response) =>
          response.end(
            'interfaces: [{ name: com.foo.A, port: 99999999999999999999, endpoints: ["10.0.0.1:1e9"] }]',
          ),
        ),
        /problems in the document: .*expected at most 65535/,
      ],
      [
        await raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ninterfaces: []\n'),
        /the connection was closed without a whole reply$/,
      ],
      ['http://no-such-host.invalid/', /the name of the host cannot be resolved$/],
    ];
    for (const [url, reason] of cases) {
      await watched({ url, interval: INTERVAL }, async (sink) => {
        await until(`${reason}`, () => sink.kind === 'failed');
        assert.match(reasonOf(sink), reason);
        assert.deepEqual(sink.deliveries, []);
      });
    }
  });

  test('a reply that begins another protocol hangs neither what follows nor the end', async () => {
    let questions = 0;
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        questions++;
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
      });
    });
    const url = `http://127.0.0.1:${await listen(server)}/`;
    await watched({ url, interval: INTERVAL }, () =>
      until('asked again', () => questions >= 3).then(() => {}),
    );
  });

  test('a redirect to what holds the token is told without it', async () => {
    const tokenFile = join(tempFolder('token'), 'token');
    writeFileSync(tokenFile, 'a-secret');
    const url = await serve((request, response) => {
      const token = request.headers.authorization?.replace('Bearer ', '');
      response.writeHead(302, { location: `/login/${token}` }).end();
    });
    await watched({ url, interval: INTERVAL, tokenFile }, async (sink) => {
      await until('failed', () => sink.kind === 'failed');
      assert.match(reasonOf(sink), /status 302 to \/login\/\*\*\*: redirects are not followed/);
    });
  });

  test('without end, or that never ends, is given up: memory and time are bounded', async () => {
    const endless = await serve((_request, response) => {
      const more = () =>
        void (response.writableEnded || response.destroyed ? 0 : response.write('#'.repeat(65_536), more));
      more();
    });
    const source = new DocumentSource({ url: endless, interval: INTERVAL }, 1_000_000);
    assert.deepEqual(await source.fetch(), {
      kind: 'failed',
      reason: 'the document is over 1000000 octets: split it over several registries',
    });
    for (const handler of [
      () => {},
      (_request: IncomingMessage, response: ServerResponse) => void response.write('interfaces:\n'),
    ]) {
      const slow = new DocumentSource({ url: await serve(handler), interval: INTERVAL }, 1_000_000, 100);
      assert.deepEqual(await slow.fetch(), { kind: 'failed', reason: 'no whole reply within 0.1 s' });
    }
  });

  test('wants a token: it is read with each question, and told nobody', async () => {
    const tokenFile = join(tempFolder('token'), 'token');
    writeFileSync(tokenFile, 'first\n');
    let accepted = 'first';
    const url = await serve((request, response) => {
      if (request.headers.authorization === `Bearer ${accepted}`) response.end(GOOD);
      else response.writeHead(401).end();
    });
    await watched({ url, interval: INTERVAL, tokenFile }, async (sink) => {
      await until('live', () => sink.kind === 'live');
      accepted = 'second';
      await until('stale', () => sink.kind === 'stale');
      assert.match(reasonOf(sink), /status 401: the server refuses the token in .*token: renew it/);
      writeFileSync(tokenFile, 'second');
      await until('live again', () => sink.kind === 'live');
      assert.doesNotMatch(JSON.stringify([sink.states, sink.skips]), /first|second/);
    });
    await watched({ url, interval: INTERVAL, tokenFile: `${tokenFile}.none` }, async (sink) => {
      await until('failed', () => sink.kind === 'failed');
      assert.match(reasonOf(sink), /token\.none: /);
    });
  });

  test('over TLS trusts the authority that is named, and no other', async () => {
    const [authority, other] = [await createAuthority(), await createAuthority('another')];
    const { certificate, key } = await authority.issue(['127.0.0.1']);
    const server = createTlsServer({ cert: certificate, key }, (_request, response) => response.end(GOOD));
    const url = `https://127.0.0.1:${await listen(server)}/interfaces.yaml`;
    await watched({ url, interval: INTERVAL, tls: { ca: authority.certificatePath } }, async (sink) => {
      await until('live', () => sink.kind === 'live');
    });
    for (const tls of [undefined, { ca: other.certificatePath }]) {
      await watched({ url, interval: INTERVAL, tls }, async (sink) => {
        await until('failed', () => sink.kind === 'failed');
        assert.match(reasonOf(sink), /certificate is not trusted \(\w+\): name its authority as tls\.ca$/);
      });
    }
  });
});

suite('the configuration of an http registry', () => {
  const problemsOf = (config: object) => {
    const result = httpKind.schema.safeParse({ kind: 'http', ...config });
    return result.success ? [] : result.error.issues.map(({ message }) => message);
  };

  test('wants an address without secrets', () => {
    assert.deepEqual(problemsOf({ url: 'https://config.example/i.yaml?env=test' }), []);
    assert.match(problemsOf({ url: 'config.example/i.yaml' }).join(), /expected http:\/\/ or https:\/\//);
    assert.match(problemsOf({ url: 'ftp://config.example/' }).join(), /expected http:\/\/ or https:\/\//);
    assert.match(
      problemsOf({ url: 'https://me:secret@config.example/' }).join(),
      /^no user and password in a url/,
    );
    assert.match(problemsOf({ url: 'http://a.test/', interval: '1ms' }).join(), /at least 100ms/);
  });

  test('names files that can be read', () => {
    const config = httpKind.schema.parse({
      kind: 'http',
      url: 'https://a.test/',
      tokenFile: '/nowhere/token',
      tls: { ca: '/nowhere/ca.pem' },
    }) as never;
    const found = (httpKind.check?.(config) ?? []).map((one) =>
      'key' in one ? `${one.key} ${one.text}` : '',
    );
    assert.equal(found.length, 2);
    assert.match(found.join('\n'), /^tokenFile \/nowhere\/token: .+\ntls \/nowhere\/ca\.pem: .+$/);
  });

  test('has an id that holds none either, and says whom it asks', () => {
    const config = httpKind.schema.parse({
      kind: 'http',
      url: 'https://[2001:db8::1]/i.yaml?key=secret',
    }) as never;
    assert.equal(httpKind.idOf(config), 'http:https://[2001:db8::1]/i.yaml');
    assert.deepEqual(httpKind.serversOf?.(config), [{ host: '2001:db8::1', port: 443 }]);
  });
});

test('a document that is nested without end is refused in words, where it stands', async () => {
  for (const text of ['['.repeat(50_000), '{"a":'.repeat(50_000)]) {
    const url = await serve((_request, response) => response.end(text));
    await watched({ url, interval: INTERVAL }, async (sink) => {
      await until('failed', () => sink.kind === 'failed');
      assert.match(reasonOf(sink), /:1:\d+: nested too deeply: expected lists and maps of a few levels$/);
    });
  }
});
