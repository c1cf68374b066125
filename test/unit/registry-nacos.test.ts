/** The nacos registry against a server that says what a test wants: Nacos 3, logins, the HTTP of version 1, and no honest server. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { framed } from '../../src/grpc/framing.ts';
import type { NacosOptions } from '../../src/registry/nacos/options.ts';
import { parseNacosServers } from '../../src/registry/nacos/options.ts';
import { readService, readServiceName } from '../../src/registry/nacos/parse.ts';
import { encodePayload, type Json } from '../../src/registry/nacos/payload.ts';
import { nacosKind } from '../../src/registry/nacos/registry.ts';
import { createNacosWatcher } from '../../src/registry/nacos/watcher.ts';
import type { Watcher } from '../../src/registry/watcher.ts';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { type Reply, type ScriptedNacos, startScriptedNacos } from '../support/scripted-nacos.ts';
import { tempFolder } from '../support/temp.ts';
import { RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const KEYS = { interfaces: 'interfaces', version: 'version', group: 'group' };
const host = (ip: string, more: Json = {}): Json => ({
  ip,
  port: 1,
  weight: 1,
  healthy: true,
  enabled: true,
  metadata: {},
  ...more,
});
const A = 'public@@DEFAULT_GROUP@@providers:com.foo.A::';
const B = 'public@@DEFAULT_GROUP@@providers:com.foo.B::';

let servers: ScriptedNacos[] = [];
let watchers: Watcher[] = [];
afterEach(async () => {
  for (const watcher of watchers) await watcher.stop();
  for (const server of servers) server.close();
  watchers = [];
  servers = [];
});

async function scripted(...open: ('grpc' | 'http')[]): Promise<ScriptedNacos> {
  const server = await startScriptedNacos(...open);
  servers.push(server);
  return server;
}

function watched(
  server: ScriptedNacos,
  options: Partial<NacosOptions> = {},
  grpcAgainMs?: number,
): RecordingSink {
  const sink = new RecordingSink();
  const usual = {
    servers: [{ host: '127.0.0.1', port: server.port }],
    namespaces: ['public'],
    groups: ['DEFAULT_GROUP'],
    interval: 100,
    username: undefined,
    passwordFile: undefined,
    tls: undefined,
    metadata: KEYS,
  };
  const watcher = createNacosWatcher({ ...usual, ...options }, sink, grpcAgainMs);
  watchers.push(watcher);
  watcher.start();
  return sink;
}

const live = (sink: RecordingSink) => until('live', () => sink.kind === 'live');
const knows = (sink: RecordingSink, name: string, ...addresses: string[]) =>
  until(
    `${name}: ${addresses}`,
    () => String(sink.endpoints(name)) === String(addresses.map((ip) => `${ip}:1`)),
  );
function reasonOf(sink: RecordingSink): string {
  const state = sink.states.at(-1);
  return state !== undefined && 'reason' in state ? state.reason : '';
}

suite('what stands in Nacos', () => {
  const read = (service: string, ...hosts: Json[]) => readService(service, hosts, KEYS, 'here');

  test('names of services', () => {
    const dubbo = { kind: 'interface', by: 'dubbo' };
    const sofa = { kind: 'interface', by: 'sofarpc', version: '' };
    assert.deepEqual(readServiceName('providers:com.foo.A:1.0.0:g1'), {
      ...dubbo,
      name: 'com.foo.A',
      version: '1.0.0',
      group: 'g1',
    });
    assert.deepEqual(readServiceName('providers:com.foo.A'), {
      ...dubbo,
      name: 'com.foo.A',
      version: '',
      group: '',
    });
    assert.deepEqual(readServiceName('providers:com.foo.A___B::'), {
      ...dubbo,
      name: 'com.foo.A$B',
      version: '',
      group: '',
    });
    assert.deepEqual(readServiceName('com.foo.A:DEFAULT'), { ...sofa, name: 'com.foo.A', group: '' });
    assert.deepEqual(readServiceName('com.foo.A:blue:x:DEFAULT'), {
      ...sofa,
      name: 'com.foo.A',
      group: 'blue.x',
    });
    assert.deepEqual(readServiceName('consumers:com.foo.A::'), { kind: 'none' });
    assert.deepEqual(readServiceName('user-service'), { kind: 'application' });
  });

  test("a Dubbo provider's instances, each with its own port and protocol", () => {
    const metadata = { interface: 'com.foo.A___B', protocol: 'tri', application: 'app', organization: 'org' };
    const { registrations, skipped } = read(
      'providers:com.foo.A___B:1:',
      host('10.0.0.2', { metadata }),
      host('10.0.0.1', { metadata: { ...metadata, protocol: 'dubbo' }, port: 2 }),
      host('10.0.0.2', { metadata }),
    );
    assert.deepEqual(skipped, []);
    const [one] = registrations;
    // the name that the instance says, and not an inner class
    assert.deepEqual(
      [one?.interface, one?.version, one?.application, one?.organization],
      ['com.foo.A___B', '1', 'app', 'org'],
    );
    assert.deepEqual(one?.endpoints, [
      { host: '10.0.0.1', port: 2, protocol: 'dubbo' },
      { host: '10.0.0.2', port: 1, protocol: 'tri' },
    ]);
  });

  test('what takes no calls is left out, what cannot be used is skipped', () => {
    const { registrations, skipped } = read(
      'providers:com.foo.A::',
      host('10.0.0.1', { enabled: false }),
      host('10.0.0.2', { healthy: false }),
      host('10.0.0.3', { weight: 0 }),
      host('10.0.0.4', { port: 0 }),
      host('not a host'),
      host('10.0.0.5'),
    );
    assert.deepEqual(
      registrations[0]?.endpoints.map((one) => one.host),
      ['10.0.0.5'],
    );
    assert.deepEqual(
      skipped.map(({ reason }) => reason),
      ['port', 'host'],
    );
    assert.deepEqual(read('providers:com.foo.A::', host('10.0.0.1', { enabled: false })).registrations, []);
  });

  test('an application, its interfaces, and none for an instance of Dubbo', () => {
    const metadata = { interfaces: 'com.foo.A, com.foo.B', version: '2' };
    const dubbo = {
      'dubbo.metadata.revision': 'abc',
      'dubbo.endpoints': '[{"port":20881,"protocol":"tri"}]',
    };
    const hosts = [host('10.0.0.1', { metadata }), host('10.0.0.2', { metadata: dubbo })];
    const { registrations } = readService('user-app', hosts, KEYS, 'here', () => [
      { name: 'com.foo.C', version: '', group: '' },
    ]);
    assert.deepEqual(
      registrations.map((one) => [
        one.interface,
        one.version,
        one.endpoints[0]?.host,
        one.endpoints[0]?.port,
        one.protocol,
      ]),
      [
        ['com.foo.C', '', '10.0.0.2', 20881, 'tri'],
        ['@user-app', '2', '10.0.0.1', 1, 'http'],
        ['com.foo.A', '2', '10.0.0.1', 1, 'http'],
        ['com.foo.B', '2', '10.0.0.1', 1, 'http'],
      ],
    );
    assert.deepEqual(readService('user-app', [hosts[1]], KEYS, 'here').registrations, []);
  });

  test('whatever it is, it is a value or a reason', () => {
    const instance = fc.record(
      {
        ip: fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.domain()),
        port: fc.oneof(fc.integer(), fc.string()),
        enabled: fc.anything(),
        healthy: fc.boolean(),
        weight: fc.double(),
        metadata: fc.oneof(
          fc.anything(),
          fc.dictionary(
            fc.constantFrom(
              'interface',
              'protocol',
              'version',
              'interfaces',
              'dubbo.metadata.revision',
              'dubbo.endpoints',
              '__proto__',
            ),
            fc.string(),
          ),
        ),
      },
      { requiredKeys: [] },
    );
    const name = fc.oneof(
      fc.string(),
      fc.string().map((text) => `providers:${text}`),
      fc.string().map((text) => `${text}:DEFAULT`),
    );
    fc.assert(
      fc.property(
        name,
        fc.oneof(fc.anything(), fc.array(fc.oneof(instance, fc.anything()))),
        (service, hosts) => {
          const { registrations, skipped } = readService(service, hosts, KEYS, 'here', () => [
            { name: service, version: service, group: '' },
          ]);
          for (const one of registrations)
            assert.ok(one.endpoints.length > 0 && one.endpoints.every(({ port }) => port > 0));
          assert.ok(skipped.length <= 20 && skipped.every(({ detail }) => detail.length < 2_000));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('configurations', () => {
    assert.deepEqual(parseNacosServers('a, b:80,[::1]:8848'), {
      ok: true,
      value: [
        { host: 'a', port: 8848 },
        { host: 'b', port: 80 },
        { host: '::1', port: 8848 },
      ],
    });
    for (const text of ['', 'a:0', 'http://a:8848', 'a:65000', 'u:p@a:8848'])
      assert.equal(parseNacosServers(text).ok, false, text);
    const parse = (keys: object) => nacosKind.schema.safeParse({ kind: 'nacos', servers: 'a', ...keys });
    for (const keys of [
      { namespaces: [] },
      { namespaces: ['a', 'a'] },
      { groups: ['a b'] },
      { interval: '1ms' },
      { user: 'x' },
    ])
      assert.equal(parse(keys).success, false, JSON.stringify(keys));
    const config = parse({ username: 'u', passwordFile: '/no/such', tls: { certificate: '/no/cert' } })
      .data as never;
    assert.deepEqual(nacosKind.check?.(config), [
      { key: 'tls', text: 'certificate without key: expected both or none' },
      { key: 'passwordFile', text: '/no/such: no such file' },
      { key: 'tls', text: '/no/cert: no such file' },
    ]);
    assert.equal(nacosKind.idOf(config), 'nacos:a');
    assert.equal(nacosKind.idOf(parse({ namespaces: ['x', 'y'] }).data as never), 'nacos:a/x,y');
  });
});

watcherContract('nacos by HTTP alone', async () => {
  const server = await startScriptedNacos('http');
  let isBroken = false;
  server.http = () => (isBroken ? { status: 500, body: {} } : undefined);
  const keyOf = (name: string, version = '', group = '') =>
    `public@@DEFAULT_GROUP@@providers:${name}:${version}:${group}`;
  const change = (key: string, edit: (hosts: readonly Json[]) => readonly Json[]): void =>
    void server.services.set(key, edit(server.services.get(key) ?? []));
  return {
    create: (sink) => {
      const options = { namespaces: ['public'], groups: ['DEFAULT_GROUP'], interval: 50, metadata: KEYS };
      const none = { username: undefined, passwordFile: undefined, tls: undefined };
      return createNacosWatcher(
        { servers: [{ host: '127.0.0.1', port: server.port }], ...options, ...none },
        sink,
      );
    },
    put: async (entry) =>
      change(keyOf(entry.interface, entry.version, entry.group), (hosts) => [
        ...hosts,
        host(entry.host, { port: entry.port }),
      ]),
    remove: async (entry) =>
      change(keyOf(entry.interface, entry.version, entry.group), (hosts) =>
        hosts.filter(({ ip }) => ip !== entry.host),
      ),
    putGarbage: async () => change(keyOf('no interface'), () => [host('10.0.0.9')]),
    breakRegistry: async () => {
      isBroken = true;
    },
    repairRegistry: async () => {
      isBroken = false;
    },
    teardown: async () => server.close(),
  };
});

suite('a server of version 3', () => {
  test('tells of names by itself, and is answered', async () => {
    const server = await scripted('grpc');
    server.isVersion3 = true;
    server.services.set(A, [host('10.0.0.1')]);
    // the list is not what tells here
    const sink = watched(server, { interval: 60_000 });
    await live(sink);
    await until('watched', () => server.asked.some(({ type }) => type === 'NamingFuzzyWatchRequest'));
    const watch = server.asked.find(({ type }) => type === 'NamingFuzzyWatchRequest');
    assert.equal(watch?.body['groupKeyPattern'], 'public>>DEFAULT_GROUP>>*');
    server.services.set(B, [host('10.0.0.2')]);
    server.tell('NamingFuzzyWatchChangeNotifyRequest', { serviceKey: B, changedType: 'ADD_SERVICE' });
    await knows(sink, 'com.foo.B', '10.0.0.2');
    server.tell('NamingFuzzyWatchChangeNotifyRequest', { serviceKey: B, changedType: 'DELETE_SERVICE' });
    await knows(sink, 'com.foo.B');
    const contexts = [{ serviceKey: B, changedType: 'ADD_SERVICE' }, { serviceKey: 7 }, null];
    server.tell('NamingFuzzyWatchSyncRequest', { syncType: 'FUZZY_WATCH_INIT_NOTIFY', contexts });
    await knows(sink, 'com.foo.B', '10.0.0.2');
    const types = server.replies.map(({ type }) => type);
    assert.deepEqual(types[0], 'SetupAckResponse');
    assert.ok(
      types.includes('NamingFuzzyWatchChangeNotifyResponse') &&
        types.includes('NamingFuzzyWatchSyncResponse'),
    );
    assert.ok(
      server.replies.every(({ body }) => body['resultCode'] === 200 && body['requestId'] !== undefined),
    );
  });
});

test('200,000 names told at once are asked for a few at a time', async () => {
  const server = await scripted('grpc');
  server.isVersion3 = true;
  server.services.set(A, [host('10.0.0.1')]);
  const sink = watched(server, { interval: 60_000 });
  await live(sink);
  await until('watched', () => server.asked.some(({ type }) => type === 'NamingFuzzyWatchRequest'));
  const isOurs = ({ type, body }: { type: string; body: Json }) =>
    type === 'SubscribeServiceRequest' && String(body['serviceName']).startsWith('x');
  server.isSilentTo = isOurs;
  const before = process.memoryUsage().rss;
  for (let piece = 0; piece < 10; piece++) {
    const contexts = Array.from({ length: 20_000 }, (_, i) => ({
      serviceKey: `public@@DEFAULT_GROUP@@x${piece}-${i}`,
      changedType: 'ADD_SERVICE',
    }));
    server.tell('NamingFuzzyWatchSyncRequest', { syncType: 'FUZZY_WATCH_INIT_NOTIFY', contexts });
    await until('it was told', () => server.replies.filter(({ type }) => /Sync/.test(type)).length > piece);
  }
  const asked = server.asked.filter(isOurs).length;
  assert.ok(asked <= 32, `${asked} questions at once`);
  assert.ok(process.memoryUsage().rss - before < 250e6);
  server.set(A, [host('10.0.0.2')]);
  await knows(sink, 'com.foo.A', '10.0.0.2');
});

suite('a connection by gRPC', () => {
  test('takes pushes, and none that is older than what is known', async () => {
    const server = await scripted('grpc');
    server.services.set(A, [host('10.0.0.1')]);
    const sink = watched(server);
    await live(sink);
    const old = server.info(A);
    server.set(A, [host('10.0.0.2')]);
    await knows(sink, 'com.foo.A', '10.0.0.2');
    server.tell('NotifySubscriberRequest', { serviceInfo: old });
    server.tell('NotifySubscriberRequest', {
      serviceInfo: {
        ...server.info('public@@DEFAULT_GROUP@@providers:com.foo.Unknown::'),
        hosts: [host('10.0.0.9')],
      },
    });
    server.tell('ClientDetectionRequest', {});
    await until('answered', () => server.replies.some(({ type }) => type === 'ClientDetectionResponse'));
    assert.deepEqual([sink.endpoints('com.foo.A'), sink.endpoints('com.foo.Unknown')], [['10.0.0.2:1'], []]);
  });

  test('is left for another server when the server asks so; what was known stays meanwhile', async () => {
    const [first, second] = [await scripted('grpc'), await scripted('grpc')];
    for (const server of [first, second]) server.services.set(A, [host('10.0.0.1')]);
    const sink = watched(first, {
      servers: [first, second].map(({ port }) => ({ host: '127.0.0.1', port })),
    });
    await live(sink);
    const [now, next] = first.streams.size === 1 ? [first, second] : [second, first];
    now.tell('ConnectResetRequest', { serverIp: '', serverPort: '' });
    await until('moved', () => next.streams.size === 1);
    await live(sink);
    assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
    assert.equal(sink.deliveries.length, 1);
    assert.equal(now.replies.at(-1)?.type, 'ConnectResetResponse');
  });

  test('subscribes thousands, and again after a cut, without delivering what is the same', async () => {
    const server = await scripted('grpc');
    for (let i = 0; i < 3_000; i++)
      server.services.set(`public@@DEFAULT_GROUP@@providers:com.foo.S${i}::`, [host('10.0.0.1')]);
    const sink = watched(server);
    await until('live', () => sink.kind === 'live', { deadlineMs: 20_000 });
    assert.equal(sink.registrations.length, 3_000);
    const asked = server.asked.length;
    server.services.delete('public@@DEFAULT_GROUP@@providers:com.foo.S7::');
    server.services.set('public@@DEFAULT_GROUP@@providers:com.foo.S8::', [host('10.0.0.2')]);
    server.cut();
    await until('stale', () => sink.kind === 'stale');
    assert.equal(sink.registrations.length, 3_000);
    await until('live', () => sink.kind === 'live', { deadlineMs: 20_000 });
    assert.ok(
      server.asked.slice(asked).filter(({ type }) => type === 'SubscribeServiceRequest').length >= 2_999,
    );
    assert.deepEqual(
      sink.deliveries
        .slice(1)
        .map(({ unit }) => unit?.split(':')[1])
        .sort(),
      ['com.foo.S7', 'com.foo.S8'],
    );
  });

  test('delivers all namespaces at once, however often one of them is lost before', async () => {
    const server = await scripted('grpc');
    server.services.set(A, [host('10.0.0.1')]);
    server.services.set(A.replace('public', 'other'), [host('10.0.0.2')]);
    let left = 2;
    server.script = ({ type, body }): Reply | undefined => {
      const fails = type === 'ServiceListRequest' && body['namespace'] === 'other' && left-- > 0;
      return fails ? { type: 'ErrorResponse', body: { resultCode: 500, message: 'not yet' } } : undefined;
    };
    const sink = watched(server, { namespaces: ['public', 'other'] });
    await until('failed', () => sink.states.some(({ kind }) => kind === 'failed'));
    assert.match(reasonOf(sink), /namespace other: .*the server refuses: not yet/);
    await live(sink);
    assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1', '10.0.0.2:1']);
    assert.deepEqual(
      sink.deliveries.map(({ unit }) => unit),
      [undefined],
    );
  });

  test('waits for a server that is starting', async () => {
    const server = await scripted('grpc');
    let left = 3;
    server.script = ({ type }) =>
      type === 'ServerCheckRequest' && left-- > 0
        ? {
            type: 'ErrorResponse',
            body: { resultCode: 500, errorCode: 500, message: 'Server is starting,please try later.' },
          }
        : undefined;
    const sink = watched(server);
    await until('failed', () => sink.kind === 'failed');
    assert.match(reasonOf(sink), /Server is starting/);
    await live(sink);
  });

  test('is tried again while HTTP is what there is', async () => {
    const server = await scripted('http');
    server.services.set(A, [host('10.0.0.1')]);
    const sink = watched(server, { interval: 50 }, 100);
    await live(sink);
    await server.openGrpc();
    await until('by gRPC', () => server.asked.some(({ type }) => type === 'SubscribeServiceRequest'));
    server.set(A, [host('10.0.0.2')]);
    await knows(sink, 'com.foo.A', '10.0.0.2');
    assert.deepEqual(
      sink.states.map(({ kind }) => kind),
      ['syncing', 'live'],
    );
  });
});

suite("Dubbo's application mode", () => {
  const APP = 'public@@DEFAULT_GROUP@@user-app';
  const instance = (ip: string, revision: string): Json => {
    const endpoints = '[{"port":20880,"protocol":"dubbo"},{"port":50051,"protocol":"tri"},{"port":0}]';
    return host(ip, { metadata: { 'dubbo.metadata.revision': revision, 'dubbo.endpoints': endpoints } });
  };
  const found = (sink: RecordingSink) =>
    [...new Set(sink.registrations.map((one) => `${one.group}/${one.interface}:${one.version}`))]
      .sort()
      .join(' ');

  test('its services are looked up when a revision comes, and again where that failed; what was known stays', async () => {
    const server = await scripted('grpc', 'http');
    server.services.set(APP, [instance('10.0.0.1', 'r1')]);
    let status = 403;
    let dataIds = [
      'com.foo.A___B:1.0.0:g1:provider:user-app',
      'com.foo.C:::provider:user-app',
      'com.foo.D:::provider:other-user-app',
    ];
    const asked: string[] = [];
    server.http = (path, parameters) => {
      if (path !== '/v1/cs/configs') return undefined;
      asked.push(parameters.get('dataId') ?? '');
      return {
        status,
        body: { pageItems: [...dataIds, 'x', 'bad name:::provider:user-app'].map((dataId) => ({ dataId })) },
      };
    };
    const sink = watched(server);
    await live(sink);
    assert.equal(found(sink), '');
    assert.ok(
      sink.skips.some(({ reason, detail }) => reason === 'dubbo-services' && detail.includes('status 403')),
    );
    status = 200;
    await until('looked up', () => found(sink) === '/com.foo.C: g1/com.foo.A$B:1.0.0');
    assert.deepEqual(sink.endpoints('com.foo.C'), ['10.0.0.1:20880', '10.0.0.1:50051']);
    assert.ok(asked.every((text) => text === '*:provider:user-app'));
    // another instance of the same revision asks nothing
    const count = asked.length;
    server.set(APP, [instance('10.0.0.1', 'r1'), instance('10.0.0.2', 'r1')]);
    await until('both', () => sink.endpoints('com.foo.C').length === 4);
    assert.equal(asked.length, count);
    status = 500;
    server.set(APP, [instance('10.0.0.3', 'r2')]);
    await until('the new one', () => sink.endpoints('com.foo.C')[0] === '10.0.0.3:20880');
    assert.equal(found(sink), '/com.foo.C: g1/com.foo.A$B:1.0.0');
    dataIds = ['com.foo.E:::provider:user-app'];
    status = 200;
    await until('those of the new revision', () => found(sink) === '/com.foo.E:');
    server.set(APP, []);
    await until('none', () => found(sink) === '');
  });
});

suite('TLS', () => {
  test('a certificate that is not trusted is told, and HTTP is no way around it', async () => {
    const authority = await createAuthority();
    const { certificate: cert, key } = await authority.issue(['127.0.0.1']);
    const port = await freePort();
    const server = createSecureServer({ cert, key });
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (session) => sessions.add(session.on('error', () => {})));
    await new Promise<void>((done) => server.listen(port + 1000, '127.0.0.1', done));
    const nobody = { port } as ScriptedNacos;
    const stranger = watched(nobody, { tls: {} });
    await until('failed', () => stranger.kind === 'failed');
    assert.match(reasonOf(stranger), /certificate is not trusted .*: name its authority as tls\.ca/);
    const missing = watched(nobody, { tls: { ca: '/no/such/ca.pem' } });
    await until('failed', () => missing.kind === 'failed');
    assert.match(reasonOf(missing), /\/no\/such\/ca\.pem: no such file/);
    const file = join(tempFolder('nacos'), 'ca.pem');
    writeFileSync(file, authority.certificate);
    const trusting = watched(nobody, { tls: { ca: file } });
    await until('answered nothing', () => sessions.size > 0 && trusting.kind === 'failed', {
      deadlineMs: 8_000,
    });
    assert.doesNotMatch(reasonOf(trusting), /trusted/);
    server.close();
    for (const session of sessions) session.destroy();
  });
});

suite('a login', () => {
  const SECRET = 'se+cr&et ';
  test('gives a token that is sent along, renewed when it is refused, and told to nobody', async () => {
    const server = await scripted('grpc', 'http');
    server.services.set(A, [host('10.0.0.1')]);
    let token = 'token-1';
    let logins = 0;
    server.http = (path, parameters) => {
      if (path !== '/v3/auth/user/login') return undefined;
      logins++;
      const isRight = parameters.get('username') === 'reader' && parameters.get('password') === SECRET.trim();
      return isRight
        ? { status: 200, body: { accessToken: token, tokenTtl: 18_000 } }
        : { status: 403, body: {} };
    };
    server.script = (asked) =>
      asked.token === token || !/ServiceListRequest|SubscribeServiceRequest/.test(asked.type)
        ? undefined
        : {
            type: 'ErrorResponse',
            body: { resultCode: 500, errorCode: 403, message: 'Code: 403, Message: token expired!.' },
          };
    const passwordFile = join(tempFolder('nacos'), 'password');
    writeFileSync(passwordFile, 'wrong');
    const sink = watched(server, { username: 'reader', passwordFile });
    await until('refused', () => sink.kind === 'failed');
    assert.match(reasonOf(sink), /login: status 403: the server refuses user reader/);
    const before = logins;
    writeFileSync(passwordFile, SECRET);
    await live(sink);
    assert.ok(before < 4, `${before} logins`);
    assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
    token = 'token-2';
    const renewed = logins;
    server.services.set(B, [host('10.0.0.2')]);
    await knows(sink, 'com.foo.B', '10.0.0.2');
    assert.equal(logins, renewed + 1);
    assert.equal(sink.kind, 'live');
    const told = JSON.stringify([sink.states, sink.skips, sink.registrations]);
    assert.doesNotMatch(told, /se\+cr|token-\d|wrong/);
  });

  test('is renewed before its token ends', async () => {
    const server = await scripted('grpc', 'http');
    let logins = 0;
    server.http = (path) =>
      path === '/v1/auth/login'
        ? { status: 200, body: { accessToken: `token-${++logins}`, tokenTtl: 1 } }
        : undefined;
    const passwordFile = join(tempFolder('nacos'), 'password');
    writeFileSync(passwordFile, 'x');
    const sink = watched(server, { username: 'reader', passwordFile });
    await live(sink);
    // one second is taken for five, and four fifths of them count
    await until('renewed', () => logins === 2, { deadlineMs: 6_000 });
    assert.equal(server.asked.at(-1)?.token?.startsWith('token-'), true);
    assert.equal(sink.kind, 'live');
  });
});

suite('servers that no honest vendor makes', () => {
  const payload = (type: string, text: string): Buffer => {
    const octets = Buffer.from(encodePayload(type, { text: 'x'.repeat(text.length - 13) }));
    return octets;
  };
  const json = (type: string, body: Json): Reply => ({ type, body: { resultCode: 200, ...body } });
  const hostile: Record<string, (server: ScriptedNacos) => void> = {
    'a list that is none': (server) => {
      server.script = ({ type }) =>
        type === 'ServiceListRequest' ? json('ServiceListResponse', { serviceNames: 'all' }) : undefined;
    },
    'a list without end': (server) => {
      server.script = ({ type }) =>
        type === 'ServiceListRequest'
          ? json('ServiceListResponse', { count: 1e12, serviceNames: ['x', 'y', 5, null, 'z'.repeat(9_999)] })
          : undefined;
    },
    'a message of 2 GB': (server) => {
      server.script = ({ type }) =>
        type === 'ServiceListRequest'
          ? { octets: Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]) }
          : undefined;
    },
    'a compressed message': (server) => {
      server.script = ({ type }) =>
        type === 'ServiceListRequest' ? { octets: Buffer.from([1, 0, 0, 0, 1, 0]) } : undefined;
    },
    'octets that are no protobuf': (server) => {
      server.script = ({ type }) =>
        type === 'ServiceListRequest' ? { octets: framed(Buffer.alloc(99, 0xff)) } : undefined;
    },
    'JSON of a million levels': (server) => {
      server.script = ({ type }) =>
        type === 'ServiceListRequest'
          ? { octets: framed(encodeText('ServiceListResponse', '['.repeat(1_000_000))) }
          : undefined;
    },
    'text that is no UTF-8': (server) => {
      server.script = ({ type }) =>
        type === 'ServiceListRequest'
          ? { octets: framed(encodeOctets('ServiceListResponse', Buffer.from([0x7b, 0xff, 0x7d]))) }
          : undefined;
    },
    'no reply at all': (server) => {
      server.isSilentTo = ({ type }) => type === 'HealthCheckRequest';
    },
    'requests that never end, and no reading of replies': (server) => {
      const timer = setInterval(
        () => server.tell('ClientDetectionRequest', { requestId: 'x'.repeat(10_000) }),
        1,
      );
      timer.unref();
      server.script = ({ type }) =>
        type === 'ServiceListRequest' ? { type: 'ErrorResponse', body: { resultCode: 500 } } : undefined;
    },
    'an end after every introduction': (server) => {
      server.script = ({ type }) => {
        if (type === 'HealthCheckRequest') for (const stream of server.streams) stream.end();
        return undefined;
      };
    },
    'introductions that are never taken': (server) => {
      server.script = ({ type }) =>
        type === 'HealthCheckRequest'
          ? { type: 'ErrorResponse', body: { resultCode: 500, errorCode: 301, message: 'no' } }
          : undefined;
    },
  };
  for (const [what, play] of Object.entries(hostile)) {
    test(`${what}: failed with a reason, without haste; and live when it is an honest one`, async () => {
      const server = await scripted('grpc');
      server.services.set(A, [host('10.0.0.1')]);
      play(server);
      const sink = watched(server);
      await until('failed', () => sink.kind === 'failed', { deadlineMs: 15_000 });
      assert.match(reasonOf(sink), /^127\.0\.0\.1:\d+: .{3,600}$/);
      await sleep(300);
      const introductions = server.asked.filter(({ type }) => type === 'ServerCheckRequest').length;
      assert.ok(introductions < 8, `${introductions}`);
      server.script = () => undefined;
      server.isSilentTo = () => false;
      await live(sink);
      await knows(sink, 'com.foo.A', '10.0.0.1');
    });
  }

  const LIST = '/v1/ns/service/list';
  const INSTANCES = '/v1/ns/instance/list';
  const raw = (text: string) => (response: ServerResponse) => void response.socket?.end(text);
  const said =
    (body: unknown, status = 200) =>
    (response: ServerResponse) =>
      void response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  const HTTP: Readonly<
    Record<string, readonly [path: string, answer: (response: ServerResponse) => void, reason: RegExp]>
  > = {
    'a login page': [
      LIST,
      said('<html>Login'),
      /what answers there is no Nacos: its body is no JSON object$/,
    ],
    'another list': [LIST, said({ services: [] }), /what answers there is no Nacos: no list of services$/],
    'an error': [LIST, said('<html>', 502), /status 502 of \/v1\/ns\/service\/list$/],
    'a redirect': [LIST, said('', 302), /status 302 of/],
    'no right': [LIST, said('', 403), /status 403 of/],
    'another protocol': [LIST, raw('+PONG\r\n'), /the reply is not HTTP$/],
    'a switch of protocols': [
      LIST,
      raw('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      /the connection was closed without a whole reply$/,
    ],
    'half a reply': [
      LIST,
      raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"doms"'),
      /the connection was closed without a whole reply$/,
    ],
    'two lengths': [
      LIST,
      raw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
      /the reply is not HTTP$/,
    ],
    'text that is no UTF-8': [
      LIST,
      (response) => void response.end(Buffer.from([0x7b, 0xff, 0x7d])),
      /its body is no JSON object$/,
    ],
    'gzip that nobody asked for': [
      LIST,
      (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"doms":[]}')),
      /its body is no JSON object$/,
    ],
    'deep JSON': [LIST, said('['.repeat(1_000_000)), /its body is over 100 deep$/],
    'millions of values': [LIST, said(`[${'[],'.repeat(4_100_000)}[]]`), /its body is over 4000000 values$/],
    'a reply without end': [
      LIST,
      (response) => {
        const more = (): void => {
          if (!response.destroyed) response.write(' '.repeat(1_048_576), () => setImmediate(more));
        };
        more();
      },
      /a reply of over 16777216 octets$/,
    ],
    'pages without end': [
      LIST,
      said({ count: 1e12, doms: Array.from({ length: 10 }, (_, i) => `x${i}`) }),
      /the list of services has over 1000000 names$/,
    ],
    'instances in HTML': [INSTANCES, said('<html>'), /its body is no JSON object$/],
    'instances that are an error': [INSTANCES, said('', 500), /status 500 of \/v1\/ns\/instance\/list$/],
  };
  for (const [what, [path, answer, expected]] of Object.entries(HTTP)) {
    test(`by HTTP: ${what}: failed with a reason, without haste; and live when it is an honest one`, async () => {
      const server = await scripted('http');
      server.services.set(A, [host('10.0.0.1')]);
      let count = 0;
      server.spoilHttp = (asked, response) => {
        if (asked !== path) return false;
        count++;
        answer(response);
        return true;
      };
      const sink = watched(server);
      await until('failed', () => sink.kind === 'failed', { deadlineMs: 20_000 });
      assert.match(reasonOf(sink), expected);
      assert.deepEqual(sink.deliveries, []);
      const { length } = sink.states;
      await sleep(200);
      assert.ok(what === 'pages without end' || count < 10, `asked ${count} times`);
      assert.ok(sink.states.length <= length + 2);
      server.spoilHttp = () => false;
      await live(sink);
      await knows(sink, 'com.foo.A', '10.0.0.1');
    });
  }

  test('by HTTP: one service of more than anybody reads is skipped, and spoils no other', async () => {
    const server = await scripted('http');
    server.services.set(A, [host('10.0.0.1')]);
    server.services.set(B, [host('10.0.0.2', { metadata: { x: 'y'.repeat(17e6) } })]);
    const sink = watched(server);
    await live(sink);
    assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
    assert.match(sink.skips[0]?.detail ?? '', /com\.foo\.B::: a reply of over 16777216 octets$/);
  });

  test('a host of half a megabyte is soon read', () => {
    for (const ip of [
      '%'.repeat(500_000),
      '%25'.repeat(200_000),
      `[${':'.repeat(500_000)}]`,
      'a-'.repeat(250_000),
    ]) {
      const begun = performance.now();
      const { registrations, skipped } = readService('x', [{ ip: `${ip}\n`, port: 1 }], KEYS, 'place');
      assert.deepEqual([registrations, skipped.map(({ reason }) => reason)], [[], ['host']]);
      assert.ok((skipped[0]?.detail.length ?? 0) < 300);
      assert.ok(performance.now() - begun < 1_000, `${performance.now() - begun} ms`);
    }
  });

  test('a server that says the token back has it in no log', async () => {
    const server = await scripted('grpc', 'http');
    server.services.set(A, [host('10.0.0.1')]);
    const passwordFile = join(tempFolder('nacos'), 'password');
    writeFileSync(passwordFile, 'secret-password');
    server.http = (path) =>
      path.endsWith('login')
        ? { status: 200, body: { accessToken: 'secret-token', tokenTtl: 18_000 } }
        : undefined;
    server.script = ({ type, token }) =>
      type === 'SubscribeServiceRequest'
        ? { type: 'ErrorResponse', body: { resultCode: 500, message: `${token} may not` } }
        : undefined;
    const sink = watched(server, { username: 'me', passwordFile });
    await until('skipped', () => sink.skips.length > 0);
    assert.match(sink.skips[0]?.detail ?? '', /the server refuses: \*\*\* may not$/);
    assert.doesNotMatch(JSON.stringify([sink.states, sink.skips]), /secret/);
  });

  test('instances of any shape are skipped with a reason, and spoil no other', async () => {
    const server = await scripted('grpc');
    server.services.set(A, [host('10.0.0.1')]);
    const bad: unknown[] = [7, null, 'x', { ip: '..', port: 1 }, { ip: '10.0.0.1', port: '1' }, []];
    server.services.set(B, bad as Json[]);
    const sink = watched(server);
    await live(sink);
    assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
    assert.ok(sink.skips.length >= 3 && sink.skips.every(({ detail }) => detail.includes('com.foo.B')));
    server.tell('NotifySubscriberRequest', { serviceInfo: 'none' });
    server.tell('NotifySubscriberRequest', { serviceInfo: { ...server.info(A), hosts: 'many' } });
    await until('skipped', () => sink.skips.some(({ reason }) => reason === 'instances'));
    assert.equal(sink.kind, 'live');
  });

  test('one service of more than anybody reads is skipped, whether asked for or pushed, and spoils no other', async () => {
    const server = await scripted('grpc');
    server.services.set(A, [host('10.0.0.1')]);
    server.services.set(B, [host('10.0.0.2')]);
    const huge = framed(encodeText('SubscribeServiceResponse', `{"serviceInfo":"${'x'.repeat(17e6)}"}`));
    server.script = ({ type, body }) =>
      type === 'SubscribeServiceRequest' && String(body['serviceName']).includes('com.foo.B')
        ? { octets: huge }
        : undefined;
    const sink = watched(server);
    await live(sink);
    assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
    assert.match(
      sink.skips[0]?.detail ?? '',
      /com\.foo\.B::: .*a message of \d+ octets: 16777216 are taken$/,
    );
    server.tellOctets(huge);
    server.set(A, [host('10.0.0.3')]);
    await knows(sink, 'com.foo.A', '10.0.0.3');
    assert.deepEqual(
      sink.states.map(({ kind }) => kind),
      ['syncing', 'live'],
    );
  });

  test('a push that is no message ends the connection, not the process', async () => {
    const server = await scripted('grpc');
    server.services.set(A, [host('10.0.0.1')]);
    const sink = watched(server);
    await live(sink);
    server.tellOctets(framed(payload('NotifySubscriberRequest', 'x'.repeat(20)).subarray(3)));
    await until('stale', () => sink.states.some(({ kind }) => kind === 'stale'));
    await live(sink);
    assert.deepEqual(sink.endpoints('com.foo.A'), ['10.0.0.1:1']);
  });
});

function encodeText(type: string, text: string): Buffer {
  return encodeOctets(type, Buffer.from(text));
}

/** A payload by hand: metadata { type } and body { value }, with any octets for JSON. */
function encodeOctets(type: string, value: Buffer): Buffer {
  const field = (number: number, octets: Buffer): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2]), varint(octets.length), octets]);
  return Buffer.concat([field(2, field(3, Buffer.from(type))), field(3, field(2, value))]);
}

function varint(value: number): Buffer {
  const octets: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...octets, rest]);
    octets.push((rest % 128) + 128);
  }
}
