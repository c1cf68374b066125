/** The consul registry before a scripted Consul: the contract, checks, indexes, leaders, and hostile answers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CONSUL_DEFAULTS, type ConsulOptions } from '../../src/registry/consul/options.ts';
import { readCatalog, readService } from '../../src/registry/consul/parse.ts';
import { consulKind } from '../../src/registry/consul/registry.ts';
import { createConsulWatcher } from '../../src/registry/consul/watcher.ts';
import { StringPool } from '../../src/registry/string-pool.ts';
import type { Watcher } from '../../src/registry/watcher.ts';
import { createAuthority } from '../support/certificates.ts';
import { until } from '../support/process.ts';
import { ScriptedConsul } from '../support/scripted-consul.ts';
import { createSite, startOn } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const METADATA = { interfaces: 'interfaces', version: 'version', group: 'group' };

function optionsOf(consul: ScriptedConsul, more: Partial<ConsulOptions> = {}): ConsulOptions {
  return {
    ...CONSUL_DEFAULTS,
    server: { host: '127.0.0.1', port: consul.port },
    metadata: METADATA,
    probeIntervalMs: 100,
    probeTimeoutMs: 300,
    ...more,
  };
}

watcherContract('consul', async () => {
  const consul = await ScriptedConsul.start();
  const nameOf = (entry: ContractEntry) => entry.interface.replaceAll('.', '-');
  const idOf = ({ host, port }: ContractEntry) => `${host}-${port}`;
  return {
    create: (sink) => createConsulWatcher(optionsOf(consul), sink),
    put: async (entry) => {
      const { version = '', group = '', host, port } = entry;
      const meta = { interfaces: entry.interface, version, group };
      consul.put(nameOf(entry), { id: idOf(entry), address: host, port, meta });
    },
    remove: async (entry) => consul.remove(nameOf(entry), idOf(entry)),
    putGarbage: async () => consul.put('com-foo-UserService', { id: 'bad', address: 'no host', port: 1 }),
    breakRegistry: () => consul.close(),
    repairRegistry: () => consul.open(),
    teardown: () => consul.close(),
  };
});

suite('a Consul', () => {
  let consul: ScriptedConsul;
  let sink: RecordingSink;
  let watcher: Watcher;

  const begin = (more: Partial<ConsulOptions> = {}): void => {
    sink = new RecordingSink();
    watcher = createConsulWatcher(optionsOf(consul, more), sink);
    watcher.start();
  };
  const start = async (more: Partial<ConsulOptions> = {}): Promise<void> => {
    begin(more);
    await until('live', () => sink.kind === 'live');
  };
  const cart = (id: number, more = {}) => ({
    id: `cart-${id}`,
    address: `10.0.0.${id}`,
    port: 18083,
    ...more,
  });
  const knows = (...hosts: string[]): Promise<number> =>
    until(
      `endpoints ${hosts}`,
      () => String(sink.endpoints('@cart-app')) === String(hosts.map((host) => `${host}:18083`)),
      { deadlineMs: 5_000, everyMs: 5 },
    );
  const reasons = (): string =>
    sink.states.map((state) => ('reason' in state ? state.reason : '')).join('\n');

  beforeEach(async () => {
    consul = await ScriptedConsul.start();
    consul.put('cart-app', cart(1));
  });
  afterEach(async () => {
    const begun = performance.now();
    await watcher.stop();
    assert.ok(performance.now() - begun < 200, 'stop() takes its time');
    await consul.close();
  });

  test('checks are judged here: passing and warning take calls, critical and maintenance do not, their service stays', async () => {
    consul.put('cart-app', cart(2, { status: 'warning' }));
    consul.put('cart-app', cart(3, { status: 'critical' }));
    consul.put('cart-app', cart(4, { nodeStatus: 'critical' }));
    consul.put('cart-app', cart(5, { isExternal: true }));
    consul.put('cart-app', cart(6, { address: '' }));
    await start();
    await knows('10.0.0.1', '10.0.0.2', '10.0.0.5', '192.0.2.1');
    const begun = performance.now();
    consul.put('cart-app', cart(1, { status: 'critical' }));
    await knows('10.0.0.2', '10.0.0.5', '192.0.2.1');
    assert.ok(performance.now() - begun < 300);
    for (const id of [2, 5, 6]) consul.put('cart-app', cart(id, { status: 'critical' }));
    await knows();
    assert.equal(sink.registrations.length, 1);
    assert.equal(sink.registrations[0]?.port, 18083);
    assert.ok(
      sink.registrations.every(
        ({ application, protocol }) => application === 'cart-app' && protocol === 'http',
      ),
    );
  });

  test('news come within 0.3 s, of new services too; the order of an answer, and KnownLeader, are none', async () => {
    consul.put('cart-app', cart(2));
    await start({ intervalMs: 100 });
    const { length } = consul.asked;
    await until('several questions', () => consul.asked.length > length + 20);
    assert.deepEqual([sink.deliveries.length, sink.kind], [1, 'live']);
    for (const name of ['Order.Service$1', 'a/b:c', 'übung']) {
      const begun = performance.now();
      consul.put(name, cart(7));
      await until(name, () => sink.units.has(name), { everyMs: 2 });
      assert.ok(performance.now() - begun < 300);
      assert.equal(sink.units.get(name)?.length, 1);
      consul.remove(name, 'cart-7');
      await until('gone', () => sink.units.get(name)?.length === 0, { everyMs: 2 });
    }
    assert.ok(!sink.units.has('consul'));
  });

  test('an index that goes back is begun anew', async () => {
    await start();
    consul.lowerIndex();
    consul.put('cart-app', cart(2));
    await knows('10.0.0.1', '10.0.0.2');
    await consul.close();
    await until('stale', () => sink.kind === 'stale');
    consul.lowerIndex();
    consul.remove('cart-app', 'cart-1');
    await consul.open();
    await knows('10.0.0.2');
    await until('live', () => sink.kind === 'live');
  });

  test('a lost leader, a frozen server: stale within seconds, and nothing is lost', async () => {
    await start();
    consul.setLeader(false);
    await until('stale', () => sink.kind === 'stale');
    assert.match(reasons(), /the cluster has no leader$|No cluster leader$/m);
    consul.setLeader(true);
    await until('live', () => sink.kind === 'live', { deadlineMs: 5_000 });
    consul.isHung = true;
    await until('stale', () => sink.kind === 'stale');
    assert.match(reasons(), /no whole reply within 0\.3 s$/m);
    consul.put('cart-app', cart(2));
    consul.isHung = false;
    await knows('10.0.0.1', '10.0.0.2');
    assert.equal(sink.deliveries.length, 2);
  });

  test('more services than questions may wait are asked in turn, and so at once when the catalogue changed', async () => {
    for (let i = 0; i < 40; i++) consul.put(`app-${i}`, cart(1));
    await start({ waitingQuestions: 5, intervalMs: 400 });
    assert.equal(sink.units.size, 41);
    // a place that is free goes to another
    consul.remove('cart-app', 'cart-1');
    await until('gone', () => sink.units.get('cart-app')?.length === 0);
    consul.put('app-39', cart(9, { status: 'critical' }));
    consul.put('app-39', cart(8));
    await until('news of one asked in turn', () => sink.endpoints('@app-39').length === 2, {
      deadlineMs: 2_000,
    });
    assert.ok(consul.mostWaiting <= 7, `${consul.mostWaiting} questions waited at once`);
  });

  test('a token is read anew, and told nobody', async () => {
    consul.token = 'first-secret';
    begin();
    await until('failed', () => sink.kind === 'failed');
    assert.match(
      reasons(),
      /status 403 to \/v1\/catalog\/services: ACL not found; Consul wants a token: name its file as tokenFile$/m,
    );
    await watcher.stop();
    const tokenFile = join(tempFolder('token'), 'token');
    writeFileSync(tokenFile, 'first-secret\n');
    await start({ tokenFile, intervalMs: 100 });
    consul.token = 'second-secret';
    await until('stale', () => sink.kind === 'stale');
    writeFileSync(tokenFile, 'second-secret');
    await until('live', () => sink.kind === 'live', { deadlineMs: 5_000 });
    assert.doesNotMatch(JSON.stringify([sink.states, sink.skips]), /secret/);
  });

  const json = (response: ServerResponse, body: string, index: string | undefined = '21') =>
    void response.writeHead(200, index === undefined ? {} : { 'x-consul-index': index }).end(body);
  const endless = (response: ServerResponse): void => {
    response.writeHead(200, { 'x-consul-index': '21' });
    const more = (): void => {
      if (!response.destroyed) response.write(' '.repeat(65_536), () => setImmediate(more));
    };
    more();
  };
  const HOSTILE: Readonly<Record<string, readonly [(response: ServerResponse) => void, RegExp]>> = {
    'an error page': [
      (response) => void response.writeHead(502).end('<html>'),
      /status 502 to \/v1\/catalog\/services$/,
    ],
    'a login page': [(response) => json(response, '<html>Login'), /is not JSON$/],
    'another protocol': [(response) => void response.socket?.end('+PONG\r\n'), /the reply is not HTTP$/],
    'a list': [(response) => json(response, '[]'), /is not that of a Consul$/],
    'deep JSON': [
      (response) => json(response, '['.repeat(100_000) + ']'.repeat(100_000)),
      /the reply to \/v1\/catalog\/services is over 100 deep$/,
    ],
    'no index': [(response) => void response.writeHead(200).end('{}'), /without X-Consul-Index/],
    'index 0': [(response) => json(response, '{}', '0'), /without X-Consul-Index/],
    'an index that is no number': [
      (response) => json(response, '{}', '9'.repeat(40)),
      /without X-Consul-Index/,
    ],
    'more services than anyone has': [
      (response) =>
        json(
          response,
          JSON.stringify(Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`s${i}`, []]))),
        ),
      /over 1000 services$/,
    ],
    'a reply without end': [endless, /a reply of over 1000000 octets$/],
    'a switch of protocols': [
      (response) =>
        void response.socket?.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
        ),
      /the connection was closed without a whole reply$/,
    ],
    'two lengths': [
      (response) =>
        void response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
      /the reply is not HTTP$/,
    ],
    'a redirect': [
      (response) => void response.writeHead(301, { location: 'http://elsewhere/' }).end(),
      /status 301 to \/v1\/catalog\/services$/,
    ],
    'gzip that nobody asked for': [
      (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}')),
      /is not JSON$/,
    ],
    'half a reply': [(response) => void response.write('{'), /no whole reply within 0\.3 s$/],
  };
  for (const [what, [answer, expected]] of Object.entries(HOSTILE)) {
    test(`says of its catalogue: ${what}`, async () => {
      let count = 0;
      consul.spoil = (path, response) => {
        if (path !== '/v1/catalog/services') return false;
        count++;
        answer(response);
        return true;
      };
      begin({ maxReplyOctets: 1_000_000, maxServices: 1_000, requestTimeoutMs: 300 });
      await until('failed', () => sink.kind === 'failed');
      assert.match(reasons().trim(), expected);
      assert.deepEqual(sink.deliveries, []);
      assert.ok(count < 10);
      consul.spoil = () => false;
      await knows('10.0.0.1');
    });
  }

  const HEALTH: Readonly<Record<string, readonly [body: string, reason: RegExp]>> = {
    'no list': ['{}', /the reply to \/v1\/health\/service is not that of a Consul$/],
    'no JSON': ['[', /the reply to \/v1\/health\/service\/cart-app is not JSON$/],
  };
  for (const [what, [body, expected]] of Object.entries(HEALTH)) {
    test(`says of a service: ${what}`, async () => {
      await start();
      await knows('10.0.0.1');
      consul.spoil = (path, response) => {
        if (!path.startsWith('/v1/health')) return false;
        json(response, body);
        return true;
      };
      consul.put('cart-app', cart(2));
      await until('stale', () => sink.kind === 'stale');
      assert.match(reasons().trim(), expected);
      assert.deepEqual(sink.endpoints('@cart-app'), ['10.0.0.1:18083', '10.0.0.2:18083']);
      consul.spoil = () => false;
      await until('live', () => sink.kind === 'live', { deadlineMs: 5_000 });
    });
  }

  test('entries of any shape are skipped with a reason each, a hundred at most, and spoil no other', async () => {
    const odd = (Service: unknown, more = {}) => ({
      Node: { Address: '10.9.9.9' },
      Service,
      Checks: [],
      ...more,
    });
    const entries = [
      ...[null, 7, 'x', [], {}, odd(null), odd({ Port: '1' }), odd({ Port: 1e308 }), odd({ Port: -1 })],
      odd({ Address: '\ud800', Port: 1 }),
      odd({ Address: 'a\0b', Port: 1 }),
      odd({ Address: '%'.repeat(100_000), Port: 1 }),
      JSON.parse('{"__proto__":{"Address":"10.6.6.6"},"Service":{"__proto__":{"Port":6}}}'),
      ...Array.from({ length: 1_000 }, (_, i) => odd({ ID: `bad-${i}`, Port: 0 })),
      odd({ Address: '10.0.0.7', Port: 7, Meta: { version: 'x'.repeat(1e5), __proto__: 'x' } }),
      odd({ Address: '10.0.0.8', Port: 8, Meta: 'constructor' }),
    ];
    consul.spoil = (path, response) => {
      if (!path.startsWith('/v1/health')) return false;
      json(response, JSON.stringify(entries));
      return true;
    };
    await start();
    assert.deepEqual(sink.endpoints('@cart-app'), ['10.0.0.8:8']);
    assert.equal(sink.skips.length, 100);
    assert.ok(sink.skips.every(({ detail }) => detail.length < 400 && detail.isWellFormed()));
  });

  test('names of any shape are asked for, and spoil no other', async () => {
    const names = [
      '\ud800',
      'a\0b',
      '../../agent/leave',
      'x'.repeat(5_000),
      '%2e%2e',
      '__proto__',
      'constructor',
    ];
    consul.spoil = (path, response) => {
      if (path !== '/v1/catalog/services') return false;
      json(response, `{${[...names, 'cart-app'].map((name) => `${JSON.stringify(name)}:[]`).join()}}`);
      return true;
    };
    await start();
    await knows('10.0.0.1');
    assert.ok(
      consul.asked.every((path) =>
        /^\/v1\/(?:status\/leader|catalog\/services|health\/service\/[^/]+)$/.test(path),
      ),
    );
  });

  test('a name whose path the server redirects, or does not know, spoils no other', async () => {
    // a server cleans the path of `..` first, and redirects to what is left
    for (const [name, status] of [
      ['..', 301],
      ['odd', 400],
      ['odd', 404],
    ] as const) {
      consul.put(name, cart(9));
      consul.spoil = (path, response) => {
        if (path !== `/v1/health/service/${name}` && path !== '/v1/health/') return false;
        response.writeHead(status, { location: '/v1/health/' }).end('Moved');
        return true;
      };
      await start();
      await knows('10.0.0.1');
      assert.deepEqual(
        sink.skips.map(({ reason }) => reason),
        ['unreadable'],
      );
      await watcher.stop();
      consul.remove(name, 'cart-9');
    }
    await start();
  });

  test('what it says back of the token is told nobody', async () => {
    const tokenFile = join(tempFolder('token'), 'token');
    writeFileSync(tokenFile, 'the-secret');
    consul.spoil = (_path, response) => {
      response.writeHead(500).end('rpc error: token the-secret is odd');
      return true;
    };
    begin({ tokenFile });
    await until('failed', () => sink.kind === 'failed');
    assert.match(reasons(), /status 500 to \/v1\/status\/leader: rpc error: token \*\*\* is odd$/m);
  });

  test('one service of more than anybody reads is skipped, and spoils no other', async () => {
    for (const body of ['['.repeat(100_000), `[${'0,'.repeat(4_000_001)}0]`]) {
      consul.put('huge', cart(1));
      consul.spoil = (path, response) => {
        if (!path.endsWith('/huge')) return false;
        json(response, body);
        return true;
      };
      await start();
      await knows('10.0.0.1');
      assert.match(
        sink.skips[0]?.detail ?? '',
        /^huge: the reply to .* is over \d+ \w+; what was read before stays$/,
      );
      await watcher.stop();
    }
    await start();
  });

  test('one service whose reply has no end spoils no other', async () => {
    consul.put('huge', cart(1));
    consul.spoil = (path, response) => {
      if (!path.endsWith('/huge')) return false;
      endless(response);
      return true;
    };
    await start({ maxReplyOctets: 1_000_000 });
    await knows('10.0.0.1');
    assert.deepEqual(
      sink.skips.map(({ reason }) => reason),
      ['too-large'],
    );
  });

  test('a server that answers at once, with ever another index, is not asked in a hurry', async () => {
    let index = 100;
    consul.spoil = (path, response) => {
      if (path === '/v1/status/leader') return false;
      json(response, path.includes('catalog') ? '{"cart-app":[]}' : '[]', String(++index));
      return true;
    };
    await start();
    const { length } = consul.asked;
    await new Promise((done) => setTimeout(done, 1_000));
    assert.ok(consul.asked.length - length < 60, `${consul.asked.length - length} questions in a second`);
  });
});

suite("what reads Consul's replies", () => {
  test('never throws, whatever it is given', () => {
    const entry = fc.record(
      {
        Node: fc.anything(),
        Service: fc.record(
          { Address: fc.anything(), Port: fc.anything(), Meta: fc.anything() },
          { requiredKeys: [] },
        ),
        Checks: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.string(), fc.oneof(fc.anything(), fc.array(entry)), (name, body) => {
        readCatalog(body);
        const reading = readService(name, body, METADATA, new StringPool());
        assert.ok((reading?.skipped ?? []).every(({ detail }) => detail.length < 1_000));
      }),
      { numRuns: 500 },
    );
  });
});

suite('the configuration of a Consul', () => {
  const parse = (config: object) =>
    consulKind.schema.safeParse({ kind: 'consul', server: 'consul:8500', ...config });
  const problemsOf = (config: object): string => {
    const result = parse(config);
    if (!result.success) return result.error.issues.map(({ message }) => message).join('\n');
    const found = consulKind.check?.(result.data as never) ?? [];
    return found.map((one) => ('key' in one ? `${one.key}: ${one.text}` : '')).join('\n');
  };

  test('says what is wrong, gives an id, and the server that it asks', () => {
    assert.equal(problemsOf({ server: 'https://consul', datacenter: 'dc-1', interval: '30s' }), '');
    assert.match(problemsOf({ server: 'a b' }), /is no server: expected host:port such as 10\.0\.0\.1:8500/);
    assert.match(problemsOf({ server: 'a:1,b:1' }), /expected one server/);
    assert.match(problemsOf({ server: 'http://me:secret@a:1' }), /^no user and password in a server/);
    assert.match(problemsOf({ server: 'http://a:1', tls: {} }), /^tls: the server says http/);
    assert.match(problemsOf({ datacenter: 'a&b' }), /expected 1 to 128 letters/);
    assert.match(problemsOf({ interval: '1ms' }), /expected 1s to 10m/);
    assert.match(problemsOf({ tokenFile: '/nowhere/x' }), /^tokenFile: \/nowhere\/x: no such file/);
    const config = parse({ server: 'https://[fd00::1]', datacenter: 'dc1', tokenFile: 'x' }).data as never;
    assert.equal(consulKind.idOf(config), 'consul:[fd00::1]:8500/dc1');
    assert.deepEqual(consulKind.serversOf?.(config), [{ host: 'fd00::1', port: 8500 }]);
  });
});

test('over TLS the authority that is named is trusted, and a certificate of our own shown', async (t) => {
  const [authority, other] = [await createAuthority(), await createAuthority('another')];
  const [{ certificate, key }, client] = [
    await authority.issue(['127.0.0.1']),
    await authority.issueClient('rpc-dns'),
  ];
  const settings = {
    cert: certificate,
    key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  };
  const server = createTlsServer(settings, ({ url = '' }, response) => {
    response.setHeader('x-consul-index', '5');
    if (url === '/v1/status/leader') response.end('"127.0.0.1:8300"');
    else if (!url.includes('index=')) response.end('{}');
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const own = { certificate: client.certificatePath, key: client.keyPath };
  for (const [tls, kind, expected] of [
    [{ ca: authority.certificatePath, ...own }, 'live', /^$/],
    [
      { ca: other.certificatePath, ...own },
      'failed',
      /certificate is not trusted \(\w+\): name its authority as tls\.ca$/,
    ],
    [{ ca: authority.certificatePath }, 'failed', /closed|required|alert/i],
    [{ ca: '/nowhere/ca.pem' }, 'failed', /\/nowhere\/ca\.pem: no such file$/],
  ] as const) {
    const sink = new RecordingSink();
    const options = { ...CONSUL_DEFAULTS, server: { host: '127.0.0.1', port }, metadata: METADATA, tls };
    const watcher = createConsulWatcher(options, sink);
    watcher.start();
    await until(kind, () => sink.kind === kind);
    const state = sink.states.at(-1);
    assert.match(state !== undefined && 'reason' in state ? state.reason : '', expected);
    await watcher.stop();
  }
});

test('what a Consul names is answered behind a whole server, and over a restart without it', async (t) => {
  const consul = await ScriptedConsul.start();
  t.after(() => consul.close());
  consul.put('cart-app', {
    id: '1',
    address: '10.0.0.1',
    port: 18083,
    meta: { interfaces: 'com.foo.CartService' },
  });
  const site = await createSite({
    config: `registries: [{ kind: consul, server: "127.0.0.1:${consul.port}" }]\n`,
  });
  let server = await startOn(site, t, { until: 'ready' });
  const answer = async (name: string) => (await server.query(`${name}.rpc.cluster.local. A`)).answer.at(-1);
  const [application, name] = [await answer('cart-app.app'), await answer('com.foo.CartService')];
  assert.match(application ?? '', / A 247\./);
  assert.match(name ?? '', / A 247\./);
  const begun = performance.now();
  consul.put('order-app', { id: '1', address: '10.0.0.2', port: 18084 });
  await until('the new one', async () => (await answer('order-app.app')) !== undefined, { everyMs: 5 });
  assert.ok(performance.now() - begun < 300);
  await consul.close();
  await server.stop();
  server = await startOn(site, t, { until: 'ready' });
  assert.deepEqual([await answer('cart-app.app'), await answer('com.foo.CartService')], [application, name]);
  await server.stop();
});
