/** The etcd watcher before servers that are none, or worse; its decoders and its configuration. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { KeyTable } from '../../src/registry/etcd/key-table.ts';
import { ETCD_LAYOUTS, type EtcdLayoutName } from '../../src/registry/etcd/layouts.ts';
import { ETCD_DEFAULTS, type EtcdOptions } from '../../src/registry/etcd/options.ts';
import { readRange, readRefusal, readToken, readWatch } from '../../src/registry/etcd/read-replies.ts';
import { etcdKind } from '../../src/registry/etcd/registry.ts';
import { createEtcdWatcher } from '../../src/registry/etcd/watcher.ts';
import { StringPool } from '../../src/registry/string-pool.ts';
import { until } from '../support/process.ts';
import { RecordingSink } from '../support/watcher-contract.ts';

const METADATA = { interfaces: 'interfaces', version: 'version', group: 'group' };
const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** What a server says to a list and to a watch; its list is asked for with the key it begins with. */
interface Script {
  range?(response: ServerResponse, asked: { readonly key: string; readonly limit: number }): void;
  watch?(response: ServerResponse): void;
}

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
const header = { cluster_id: '1', revision: '10' };
const key = (host: string, name = 'com.foo.A') =>
  base64(`/dubbo/${name}/providers/${encodeURIComponent(`dubbo://${host}:1/${name}?side=provider`)}`);
const GOOD = { key: key('10.0.0.1'), mod_revision: '5' };
const say = (response: ServerResponse, body: unknown) =>
  void response.end(typeof body === 'string' ? body : JSON.stringify(body));
const line = (result: unknown) => `${JSON.stringify({ result })}\n`;
const CREATED = line({ header, created: true });

async function serve({ range, watch }: Script): Promise<number> {
  const server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      if (request.url === '/v3/watch') (watch ?? ((one) => void one.write(CREATED)))(response);
      else (range ?? ((one) => say(one, { header, kvs: [GOOD] })))(response, JSON.parse(text));
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

async function watched(
  script: Script,
  run: (sink: RecordingSink, reasons: () => string) => Promise<void>,
  more: Partial<EtcdOptions> = {},
): Promise<void> {
  const sink = new RecordingSink();
  const options: EtcdOptions = {
    ...ETCD_DEFAULTS,
    servers: [{ host: '127.0.0.1', port: await serve(script) }],
    prefixes: new Map([['dubbo', '/dubbo']]),
    metadata: METADATA,
    requestTimeoutMs: 300,
    maxReplyOctets: 1_000_000,
    ...more,
  };
  const watcher = createEtcdWatcher(options, sink);
  watcher.start();
  try {
    await run(sink, () => sink.states.map((state) => ('reason' in state ? state.reason : '')).join('\n'));
  } finally {
    const begun = performance.now();
    await watcher.stop();
    assert.ok(performance.now() - begun < 200, 'stop() takes its time');
  }
}

/** Writes without end, as fast as it is read. */
function endless(response: ServerResponse, piece: string): void {
  const more = (): void => {
    if (!response.destroyed) response.write(piece, () => setImmediate(more));
  };
  more();
}

const BROKEN_LISTS: Readonly<Record<string, readonly [Script['range'], RegExp]>> = {
  'an error page': [
    (response) => void response.writeHead(502).end('<html>Bad Gateway</html>'),
    /status 502 to \/v3\/kv\/range$/,
  ],
  'a login page': [
    (response) => say(response, '<html>Login</html>'),
    /the reply to \/v3\/kv\/range is not JSON$/,
  ],
  'another protocol': [(response) => void response.socket?.end('+PONG\r\n'), /the reply is not HTTP$/],
  'other JSON': [(response) => say(response, { hello: ['world'] }), /the reply is not that of an etcd$/],
  'JSON a hundred thousand levels deep': [
    (response) => say(response, '['.repeat(100_000) + ']'.repeat(100_000)),
    /the reply to \/v3\/kv\/range is over 100 deep$/,
  ],
  'keys that are not base64': [
    (response) => say(response, { header, kvs: [{ key: '§§§§', mod_revision: '5' }] }),
    /a key in the reply cannot be read$/,
  ],
  'a reply without end': [
    (response) => endless(response, ' '.repeat(65_536)),
    /a reply of over 1000000 octets$/,
  ],
  'pages without end, always the same': [
    (response) => say(response, { header, kvs: [GOOD], more: true }),
    /the keys are not in order$/,
  ],
  'pages without end and without keys': [
    (response) => say(response, { header, more: true }),
    /a page without keys$/,
  ],
  'more keys than anyone has': [
    (response, asked) => {
      const from = Buffer.from(asked.key, 'base64').toString('latin1').replace(/\0$/, '');
      const kvs = Array.from({ length: 500 }, (_, i) => ({
        key: base64(Buffer.from(`${from}${'~'.repeat(1)}${String(i).padStart(3, '0')}`, 'latin1')),
        mod_revision: '5',
      }));
      say(response, { header, kvs, more: true });
    },
    /over 5000 keys begin with \/dubbo\/$/,
  ],
  'keys that were not asked for': [
    (response) => say(response, { header, kvs: [{ key: base64('/registry/secrets/x'), mod_revision: '5' }] }),
    /the keys are not in order$/,
  ],
  silence: [() => {}, /no whole reply within 0\.3 s$/],
  'half a reply': [(response) => void response.write('{"header"'), /no whole reply within 0\.3 s$/],
};

suite('an etcd that is none', () => {
  for (const [what, [range, expected]] of Object.entries(BROKEN_LISTS)) {
    test(`lists: ${what}`, async () => {
      const script = range === undefined ? {} : { range };
      await watched(
        script,
        async (sink, reasons) => {
          await until('failed', () => sink.kind === 'failed');
          assert.match(reasons().trim(), expected);
          assert.deepEqual(sink.registrations, []);
        },
        { maxKeys: 5_000 },
      );
    });
  }

  const BROKEN_WATCHES: Readonly<Record<string, readonly [Script['watch'], RegExp]>> = {
    'a line without end': [
      (response) => {
        response.write(CREATED);
        endless(response, 'x'.repeat(65_536));
      },
      /a line of over 1000000 octets$/m,
    ],
    'no JSON': [(response) => void response.write(`${CREATED}<html>\n`), /a line of the watch is not JSON$/m],
    'other JSON': [
      (response) => void response.write(`${CREATED}[1]\n`),
      /a line of the watch is not that of an etcd$/m,
    ],
    'a refusal': [
      (response) =>
        void response.write(
          line({ header, created: true, canceled: true, cancel_reason: 'permission denied' }),
        ),
      /the watch was refused: permission denied$/m,
    ],
    compaction: [
      (response) =>
        void response.write(CREATED + line({ header: {}, canceled: true, compact_revision: '6' })),
      /the watch was refused: history is gone up to revision 6 \(compaction\)$/m,
    ],
    'an error in the stream': [
      (response) => void response.write('{"error":{"grpc_code":14,"message":"server stopped"}}\n'),
      /the watch was refused: server stopped$/m,
    ],
    'an end': [(response) => void response.end(CREATED), /the server ended the watch$/m],
    silence: [() => {}, /no (?:watch|whole reply) within 0\.3 s$/m],
    'keys that were not asked for': [
      (response) =>
        void response.write(
          CREATED + line({ header, events: [{ kv: { key: base64('/other/x'), mod_revision: '11' } }] }),
        ),
      /an event of a key that was not asked for$/m,
    ],
  };
  for (const [what, [watch, expected]] of Object.entries(BROKEN_WATCHES)) {
    test(`watches: ${what}`, async () => {
      await watched(watch === undefined ? {} : { watch }, async (sink, reasons) => {
        await until('stale', () => sink.states.some(({ kind }) => kind === 'stale'));
        assert.match(reasons(), expected);
        assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
        assert.equal(sink.deliveries.length, 1);
      });
    });
  }

  test('a revision that goes back and forth is told, and never a storm of requests', async () => {
    let lists = 0;
    const range: Script['range'] = (response) =>
      say(response, {
        header: { cluster_id: '1', revision: String(++lists % 2 === 0 ? 5 : 10) },
        kvs: [GOOD],
      });
    await watched({ range, watch: (response) => void response.end(CREATED) }, async (sink, reasons) => {
      await until('several', () => lists >= 4);
      const before = lists;
      await new Promise((done) => setTimeout(done, 500));
      assert.ok(lists - before < 10, `${lists - before} lists in half a second`);
      assert.match(reasons(), /revision 5 is older than 10, which was seen: asked again/);
      assert.equal(sink.deliveries.length, 1);
      assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
    });
  });

  test('events that come again, and a flood of them, are no news, and memory stays flat', async () => {
    const put = (host: string, revision: number) =>
      line({ header, events: [{ kv: { key: key(host), mod_revision: String(revision) } }] });
    const gone = line({
      header,
      events: [{ type: 'DELETE', kv: { key: key('10.0.0.1'), mod_revision: '5' } }],
    });
    let sent = 0;
    const watch: Script['watch'] = (response) => {
      response.write(CREATED + put('10.0.0.2', 11));
      const piece = (put('10.0.0.2', 11) + gone + put('10.0.0.1', 4)).repeat(100);
      const more = (): void => {
        sent += piece.length;
        if (!response.destroyed) response.write(piece, () => setImmediate(more));
      };
      more();
    };
    await watched({ watch }, async (sink) => {
      await until('5 MB', () => sent > 5e6, { deadlineMs: 20_000 });
      const begun = process.memoryUsage().rss;
      await until('20 MB', () => sent > 20e6, { deadlineMs: 20_000 });
      assert.ok(process.memoryUsage().rss - begun < 60e6);
      assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1', '10.0.0.2:1']);
      assert.equal(sink.deliveries.length, 2);
    });
  });

  test('values that list more than anybody has: a reason, and no memory', async () => {
    const list = (i: number) => Array.from({ length: 1_000 }, (_, k) => `com.foo.S${i}x${k}`).join();
    const kvs = Array.from({ length: 60 }, (_, i) => ({
      key: base64(`/grpc/app/${String(i).padStart(4, '0')}`),
      mod_revision: '5',
      value: base64(JSON.stringify({ Addr: '10.0.0.1:1', Metadata: { interfaces: list(i % 20) } })),
    }));
    const range: Script['range'] = (response) => say(response, { header, kvs });
    const more = {
      prefixes: new Map([['grpc', '/grpc']] as const),
      maxReplyOctets: 2 ** 24,
      requestTimeoutMs: 5_000,
    };
    // what many say counts once
    await watched({ range }, (sink) => until('live', () => sink.kind === 'live').then(() => {}), {
      ...more,
      maxTextLength: 20 * 17_000,
    });
    await watched(
      { range },
      async (sink, reasons) => {
        await until('failed', () => sink.kind === 'failed');
        assert.match(reasons(), /what keys below \/grpc\/ list is over 100000 characters in all$/m);
      },
      { ...more, maxTextLength: 100_000 },
    );
  });

  test('a bad entry is skipped with a reason, and spoils no other', async () => {
    const bad = [
      { key: base64(Buffer.from('/dubbo/\xff\xfe/providers/x', 'latin1')), mod_revision: '5' },
      { key: base64(`/dubbo/${'x'.repeat(20_000)}`), mod_revision: '5' },
      { key: base64('/dubbo/com.foo.B/providers/gar%bage'), mod_revision: '5' },
      { key: base64('/dubbo/com foo/providers/dubbo%3A%2F%2F10.0.0.1%3A1'), mod_revision: '5' },
    ];
    const kvs = [...bad, GOOD].sort((a, b) =>
      Buffer.compare(Buffer.from(a.key, 'base64'), Buffer.from(b.key, 'base64')),
    );
    await watched({ range: (response) => say(response, { header, kvs }) }, async (sink) => {
      await until('live', () => sink.kind === 'live');
      assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
      assert.deepEqual(sink.skips.map((one) => one.reason).sort(), [
        'encoding',
        'encoding',
        'encoding',
        'interface-name',
      ]);
      assert.ok(sink.skips.every(({ detail }) => detail.length < 500));
    });
    const values = [
      'x'.repeat(100_000),
      '{',
      '[]',
      '['.repeat(50_000),
      '{"Addr":"nowhere"}',
      Buffer.from([0xff]),
    ];
    const entries = [...values, '{"Addr":"10.0.0.1:1"}'].map((value, i) => ({
      key: base64(`/grpc/com.foo.A/${i}`),
      mod_revision: '5',
      value: base64(value),
    }));
    await watched(
      {
        range: (response) =>
          say(response, { header, kvs: [...entries, { ...GOOD, key: base64('/grpc/x/1'), value: '!' }] }),
      },
      async (sink) => {
        await until('live', () => sink.kind === 'live');
        assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
        assert.equal(sink.skips.length, 7);
      },
      { prefixes: new Map([['grpc', '/grpc']]) },
    );
  });
});

suite("what reads etcd's replies", () => {
  const anything = fc.anything({ withNullPrototype: true });
  const wellFormed = fc.record(
    {
      header: fc.record({ revision: fc.oneof(fc.string(), fc.nat().map(String)), cluster_id: fc.string() }),
      kvs: fc.array(
        fc.record({
          key: fc.oneof(fc.string(), fc.base64String()),
          mod_revision: fc.nat().map(String),
          value: fc.base64String(),
        }),
      ),
      result: fc.record({
        events: fc.array(fc.record({ type: fc.string(), kv: anything })),
        created: fc.boolean(),
      }),
    },
    { requiredKeys: [] },
  );

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(anything, wellFormed), (reply) => {
        for (const read of [readRange, readWatch]) assert.equal(typeof read(reply).ok, 'boolean');
        assert.equal(typeof readRefusal(reply).text, 'string');
        const token = readToken(reply);
        assert.ok(token === undefined || token.length > 0);
      }),
      { numRuns: 500 },
    );
  });

  test('layouts read any key and value, and never throw', () => {
    const context = { pool: new StringPool(), keys: METADATA };
    const values = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant('{"Op":0,"Addr":"10.0.0.1:1","Metadata":{"version":"/"}}'),
    );
    for (const layout of Object.values(ETCD_LAYOUTS)) {
      fc.assert(
        fc.property(fc.string(), fc.webPath(), values, (name, path, value) => {
          for (const text of [name, path, `${name}/providers/${path}`, `${name}/${path}`]) {
            const place = layout.placeOf(text);
            const reading = layout.read(place?.entry ?? text, value, context);
            const facts = reading.kind === 'fact' ? [reading.fact] : [];
            const found = layout.register(place?.service ?? text, facts, 'here', context, () => {});
            assert.ok(found.every(({ endpoints }) => endpoints.every(({ port }) => port > 0)));
          }
        }),
        { numRuns: 200 },
      );
    }
  });

  test('the table of keys is a map of sets, whatever comes and goes', () => {
    const step = fc.record({ id: fc.nat(12), service: fc.nat(3), isRemoval: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new KeyTable();
        const model = new Map<number, string>();
        const long = (id: number) => `${id % 4}${'x'.repeat(300)}`;
        for (const { id, isRemoval } of steps) {
          // a key is of one service for ever
          const service = `s${id % 3}`;
          if (isRemoval) {
            assert.equal(table.remove(id), model.get(id));
            model.delete(id);
          } else {
            table.put(id, service, 1, 1, [
              { endpoint: { host: String(id), port: 1, protocol: 'x' }, metadata: { interfaces: long(id) } },
            ]);
            model.set(id, service);
          }
          assert.equal(table.size, model.size);
          assert.equal(table.textLength, new Set([...model.keys()].map(long)).size * 301);
          for (const one of ['s0', 's1', 's2']) {
            const hosts = table.keptOf(one).map((kept) => JSON.stringify(kept).match(/"host":"(\d+)"/)?.[1]);
            const expected = [...model].filter(([, of]) => of === one).map(([known]) => known);
            assert.deepEqual(hosts, expected.sort((a, b) => a - b).map(String));
          }
        }
        assert.equal([...table.sweep(2)].length, model.size);
        assert.deepEqual([table.size, table.textLength], [0, 0]);
      }),
    );
  });
});

suite('the configuration of an etcd', () => {
  const parse = (config: object) =>
    etcdKind.schema.safeParse({ kind: 'etcd', servers: 'etcd-1:2379', ...config });
  const problemsOf = (config: object): string[] => {
    const result = parse(config);
    if (!result.success) return result.error.issues.map(({ message }) => message);
    const found = etcdKind.check?.(result.data as never) ?? [];
    return found.map((one) => ('key' in one ? `${one.key}: ${one.text}` : ''));
  };

  test('says what is wrong, and what was expected', () => {
    assert.deepEqual(problemsOf({}), []);
    assert.deepEqual(
      problemsOf({
        servers: ['https://a:1', 'https://b'],
        tls: {},
        layouts: ['dubbo', 'grpc'],
        prefix: { grpc: '' },
      }),
      [],
    );
    for (const [config, expected] of [
      [{ servers: 'a b' }, /'a b' is no server: expected host:port such as 10\.0\.0\.1:2379/],
      [{ servers: 'http://me:secret@a:1' }, /^no user and password in a server/],
      [{ servers: 'http://a,https://b' }, /all servers begin with the same/],
      [{ servers: 'http://a:1', tls: {} }, /^tls: the servers say http:\/\//],
      [{ layouts: [] }, /expected array to have >=1 items/],
      [{ layouts: ['dubbo', 'dubbo'] }, /a layout is there twice/],
      [{ layouts: ['grpc'] }, /^layouts: 'prefix' is missing: layout grpc has no usual one/],
      [
        { layouts: ['dubbo', 'grpc'], prefix: '/x' },
        /^prefix: several layouts: say whose it is, as \{ dubbo: \/x \}/,
      ],
      [{ prefix: { grpc: '/x' } }, /^prefix: layout grpc is not among 'layouts'/],
      [{ username: 'me' }, /^username: 'passwordFile' is missing/],
      [{ passwordFile: 'package.json' }, /^passwordFile: 'username' is missing/],
      [{ username: 'me', passwordFile: '/nowhere/x' }, /^passwordFile: \/nowhere\/x: no such file/],
      [{ tls: { ca: '/nowhere/ca' } }, /^tls: \/nowhere\/ca: no such file/],
    ] as const) {
      const found = problemsOf(config).join('\n');
      assert.match(found, expected);
      assert.doesNotMatch(found, /secret/);
    }
  });

  test('gives an id, and the servers that it asks', () => {
    const config = parse({
      servers: ['https://[fd00::1]:1', 'https://b'],
      layouts: ['dubbo', 'go-zero'] satisfies EtcdLayoutName[],
      prefix: { 'go-zero': '/zero/' },
      username: 'me',
      passwordFile: 'x',
    }).data as never;
    assert.equal(etcdKind.idOf(config), 'etcd:[fd00::1]:1,b:2379/dubbo+/zero');
    assert.deepEqual(etcdKind.serversOf?.(config), [
      { host: 'fd00::1', port: 1 },
      { host: 'b', port: 2379 },
    ]);
  });
});
