/** The eureka registry before a scripted Eureka: the contract, deltas, hashes, restarts, peers, and hostile answers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EUREKA_DEFAULTS, type EurekaOptions } from '../../src/registry/eureka/options.ts';
import { eurekaKind } from '../../src/registry/eureka/registry.ts';
import { createEurekaWatcher } from '../../src/registry/eureka/watcher.ts';
import type { Watcher } from '../../src/registry/watcher.ts';
import { createAuthority } from '../support/certificates.ts';
import { until } from '../support/process.ts';
import { ScriptedEureka } from '../support/scripted-eureka.ts';
import { startServer } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

const METADATA = { interfaces: 'interfaces', version: 'version', group: 'group' };
const DELTA = '/eureka/apps/delta';
const LIST = '/eureka/apps';

function optionsOf(eurekas: readonly ScriptedEureka[], more: Partial<EurekaOptions> = {}): EurekaOptions {
  return {
    ...EUREKA_DEFAULTS,
    servers: eurekas.map(({ server }) => server),
    metadata: METADATA,
    intervalMs: 50,
    requestTimeoutMs: 300,
    listTimeoutMs: 300,
    ...more,
  };
}

watcherContract('eureka', async () => {
  const eureka = await ScriptedEureka.start();
  const appOf = (entry: ContractEntry) => entry.interface.replaceAll('.', '-').toUpperCase();
  const idOf = ({ host, port }: ContractEntry) => `${host}:${port}`;
  return {
    create: (sink) => createEurekaWatcher(optionsOf([eureka]), sink),
    put: async (entry) => {
      const { interface: interfaces, version = '', group = '', host, port } = entry;
      eureka.put({
        app: appOf(entry),
        id: idOf(entry),
        host,
        port,
        metadata: { interfaces, version, group },
      });
    },
    remove: async (entry) => eureka.remove(appOf(entry), idOf(entry)),
    putGarbage: async () => eureka.put({ app: 'COM-FOO-USERSERVICE', id: 'bad', host: '?' }),
    breakRegistry: () => eureka.close(),
    repairRegistry: () => eureka.open(),
    teardown: () => eureka.close(),
  };
});

suite('a Eureka', () => {
  let eureka: ScriptedEureka;
  let sink: RecordingSink;
  let watcher: Watcher;

  const begin = (more: Partial<EurekaOptions> = {}, all = [eureka]): void => {
    sink = new RecordingSink();
    watcher = createEurekaWatcher(optionsOf(all, more), sink);
    watcher.start();
  };
  const start = async (more: Partial<EurekaOptions> = {}): Promise<void> => {
    begin(more);
    await until('live', () => sink.kind === 'live');
  };
  const user = (id: number, more: object = {}) => ({
    app: 'USER-APP',
    id: `${id}`,
    host: `10.0.0.${id}`,
    ...more,
  });
  const knows = (...hosts: string[]): Promise<number> =>
    until(
      `endpoints ${hosts}`,
      () => String(sink.endpoints('@user-app')) === String(hosts.map((host) => `${host}:8080`)),
      { deadlineMs: 5_000, everyMs: 5 },
    );
  const asked = (path: string, times: number): Promise<number> => {
    const before = eureka.questions(path);
    return until(`${path} is asked`, () => eureka.questions(path) >= before + times, { everyMs: 5 });
  };
  const reasons = (): string =>
    sink.states.map((state) => ('reason' in state ? state.reason : '')).join('\n');

  beforeEach(async () => {
    eureka = await ScriptedEureka.start();
    eureka.put(user(1));
    eureka.put(user(2));
  });
  afterEach(async () => {
    const begun = performance.now();
    await watcher.stop();
    assert.ok(performance.now() - begun < 200, 'stop() takes its time');
    await eureka.close();
  });

  test('is listed once, then its deltas are followed, whose entries come again and again', async () => {
    await start();
    await knows('10.0.0.1', '10.0.0.2');
    eureka.put(user(3));
    await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
    eureka.put(user(1, { status: 'OUT_OF_SERVICE' }));
    await knows('10.0.0.2', '10.0.0.3');
    eureka.put(user(1));
    await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
    eureka.remove('USER-APP', '3');
    await knows('10.0.0.1', '10.0.0.2');
    // what was removed and comes again within the same delta
    eureka.remove('USER-APP', '2');
    eureka.put(user(2, { host: '10.0.0.22' }));
    await knows('10.0.0.1', '10.0.0.22');
    const { length } = sink.deliveries;
    await asked(DELTA, 5);
    assert.equal(eureka.questions(LIST), 1);
    assert.equal(sink.deliveries.length, length);
    assert.deepEqual(
      sink.states.map(({ kind }) => kind),
      ['syncing', 'live'],
    );
    assert.equal(eureka.headers['accept'], 'application/json');
  });

  test('a hash that differs has everything read anew; only what differs is delivered', async () => {
    await start();
    eureka.put({ app: 'ORDER-APP', id: '1' });
    await until('the other application', () => sink.endpoints('@order-app').length === 1);
    const { length } = sink.deliveries;
    // missed for good: it stands in no delta
    eureka.put(user(3), false);
    eureka.put(user(4), false);
    eureka.remove('USER-APP', '1', false);
    await knows('10.0.0.2', '10.0.0.3', '10.0.0.4');
    assert.deepEqual(
      sink.deliveries.slice(length).map(({ unit }) => unit),
      ['USER-APP'],
    );
    assert.equal(eureka.questions(LIST), 2);
    assert.equal(sink.states.length, 2, 'others stand by the registration that they had');
  });

  test('what no hash shows is found when everything is read anew, which is soon enough after a gap', async () => {
    await start({ relistMs: 300 });
    eureka.put(user(1, { host: '10.0.0.9' }), false);
    await knows('10.0.0.2', '10.0.0.9');
    await watcher.stop();
    await start({ maxGapMs: 0 });
    const before = eureka.questions(LIST);
    eureka.put(user(1, { host: '10.0.0.8' }), false);
    await knows('10.0.0.2', '10.0.0.8');
    assert.ok(eureka.questions(LIST) > before);
    assert.equal(eureka.questions(DELTA) > 0, true);
  });

  test('a server whose own hash is another is no reason to read everything each time', async () => {
    eureka.hash = 'UP_77_';
    await start();
    eureka.put(user(3));
    await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
    await asked(DELTA, 5);
    assert.equal(eureka.questions(LIST), 1);
  });

  for (const status of [403, 404])
    test(`without deltas (status ${status}) everything is read each time`, async () => {
      eureka.deltaStatus = status;
      await start();
      eureka.put(user(3), false);
      await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
      eureka.remove('USER-APP', '1', false);
      await knows('10.0.0.2', '10.0.0.3');
      assert.equal(eureka.questions(DELTA), 1);
      assert.equal(sink.kind, 'live');
      assert.equal(sink.states.length, 2);
    });

  test('lists of one without their brackets', async () => {
    eureka.remove('USER-APP', '2');
    eureka.leavesBracketsOut = true;
    await start();
    await knows('10.0.0.1');
    eureka.forgetChanges();
    eureka.put(user(3));
    await knows('10.0.0.1', '10.0.0.3');
  });

  const forgets = async (): Promise<void> => {
    await until('stale, and live again', () => sink.states.length >= 4, { everyMs: 5 });
    assert.deepEqual(
      sink.states.map(({ kind }) => kind),
      ['syncing', 'live', 'stale', 'live'],
    );
    assert.match(
      reasons(),
      /:\d+: it does not know \d+ of \d+ instances any more, and told no removal: it has restarted, as it seems$/m,
    );
  };

  test('a restart between two questions is told as one: empty in good faith', async () => {
    await start();
    eureka.restart();
    await knows();
    await forgets();
    // and what comes back later is no other restart
    eureka.put(user(1));
    await knows('10.0.0.1');
    assert.equal(sink.states.length, 4);
  });

  test('a restart after which some have registered anew, who stand in the delta too', async () => {
    await start();
    eureka.restart();
    eureka.put(user(2));
    await knows('10.0.0.2');
    await forgets();
  });

  test('a restart of one that tells no deltas', async () => {
    eureka.deltaStatus = 404;
    await start();
    eureka.restart();
    eureka.put(user(2));
    await knows('10.0.0.2');
    await forgets();
  });

  test('an orderly end of all is no restart', async () => {
    await start();
    eureka.remove('USER-APP', '1');
    eureka.remove('USER-APP', '2');
    await knows();
    assert.equal(sink.states.length, 2);
    assert.equal(sink.units.get('USER-APP')?.length, 0);
  });

  test('one of several peers is followed, the next one when it fails; they are never united', async (t) => {
    const other = await ScriptedEureka.start();
    t.after(() => other.close());
    const all = [eureka, other];
    for (const one of all) one.put(user(3));
    other.put(user(1));
    other.put(user(2));
    begin({}, all);
    await until('live', () => sink.kind === 'live');
    const [followed, idle] = eureka.asked.length > 0 ? [eureka, other] : [other, eureka];
    await until('deltas', () => followed.questions(DELTA) > 3);
    assert.equal(idle.asked.length, 0);
    const { length } = sink.deliveries;
    await followed.close();
    await until('stale', () => sink.kind === 'stale');
    assert.match(reasons(), new RegExp(`127\\.0\\.0\\.1:${followed.port}: `));
    await until('live', () => sink.kind === 'live');
    assert.equal(sink.deliveries.length, length, 'the peer knows the same');
    idle.remove('USER-APP', '3');
    await knows('10.0.0.1', '10.0.0.2');
    // it knows of that no more than it did
    await followed.open();
    await until('deltas', () => idle.questions(DELTA) > 5);
    await idle.close();
    await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
    await idle.open();
  });

  test('a frozen server is left in time, and what it missed is known when it goes on', async () => {
    await start();
    eureka.isHung = true;
    await until('stale', () => sink.kind === 'stale');
    assert.match(reasons(), /: no whole reply within 0\.3 s$/m);
    eureka.put(user(3));
    eureka.isHung = false;
    await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
    await until('live', () => sink.kind === 'live');
  });

  test('a user and a password from a file, read anew and told nobody', async () => {
    const passwordFile = join(tempFolder('password'), 'password');
    writeFileSync(passwordFile, 'first-secret\n');
    let expected = 'first-secret';
    eureka.spoil = (_path, response) => {
      const said = `Basic ${Buffer.from(`me:${expected}`).toString('base64')}`;
      if (eureka.headers.authorization === said) return false;
      response.writeHead(401).end('secret');
      return true;
    };
    begin();
    await until('failed', () => sink.kind === 'failed');
    assert.match(
      reasons(),
      /status 401 to \/eureka\/apps: it wants a user: write username and passwordFile$/m,
    );
    await watcher.stop();
    await start({ username: 'me', passwordFile });
    await knows('10.0.0.1', '10.0.0.2');
    expected = 'second-secret';
    await until('stale', () => sink.kind === 'stale');
    assert.match(
      reasons(),
      /status 401 to \/eureka\/apps\/delta: user me and the password in .*\/password are refused$/m,
    );
    writeFileSync(passwordFile, 'second-secret');
    await until('live', () => sink.kind === 'live', { deadlineMs: 5_000 });
    assert.doesNotMatch(JSON.stringify([sink.states, sink.skips]), /secret/);
  });

  const json = (response: ServerResponse, body: string) => void response.writeHead(200).end(body);
  const instances = (all: string) => `{"applications":{"application":[{"instance":[${all}]}]}}`;
  const endless = (response: ServerResponse, begun: string, again: string): void => {
    response.writeHead(200).write(begun);
    const block = again.repeat(Math.ceil(65_536 / again.length));
    const more = (): void => {
      if (!response.destroyed) response.write(block, () => setImmediate(more));
    };
    more();
  };
  const HOSTILE: Readonly<Record<string, readonly [(response: ServerResponse) => void, RegExp]>> = {
    'an error page': [
      (response) => void response.writeHead(502).end('<html>'),
      /status 502 to \/eureka\/apps$/,
    ],
    'a login page': [
      (response) => void response.writeHead(302, { location: '/login?token=secret' }).end(),
      /status 302 to \/eureka\/apps: redirects are not followed, write the right URL$/,
    ],
    'no such path': [
      (response) => void response.writeHead(404).end(),
      /status 404 .*is this the path of a Eureka\?$/,
    ],
    'not yet': [(response) => void response.writeHead(403).end(), /status 403 to \/eureka\/apps$/],
    'another protocol': [(response) => void response.socket?.end('+PONG\r\n'), /the reply is not HTTP$/],
    XML: [(response) => json(response, '<applications/>'), /the reply is not JSON$/],
    'another list': [(response) => json(response, '{"services":{}}'), /is not that of a Eureka$/],
    'half a list': [(response) => json(response, '{"applications":{"application":['), /ends in the middle$/],
    'deep JSON': [(response) => json(response, '{"applications":{"x":'.repeat(50_000)), /over 32 deep$/],
    'a reply that stops': [
      (response) => void response.writeHead(200).write('{'),
      /no whole reply within 3 s$/,
    ],
    'spaces without end': [(response) => endless(response, '{', ' '), /a reply of over 3000000 octets$/],
    'an instance without end': [
      (response) => endless(response, instances('').slice(0, -4), '{"metadata":{"x":"'),
      /over 32 deep$/,
    ],
    'a text without end': [
      (response) => endless(response, `${instances('').slice(0, -4)}{"app":"`, 'x'),
      /a reply of over 3000000 octets$/,
    ],
    'applications without end': [
      (response) => endless(response, '{"applications":{"application":[{}', ',{"name":"X","instance":[]}'),
      /a reply of over 3000000 octets$/,
    ],
    'broken instances without end': [
      (response) => endless(response, `${instances('').slice(0, -4)}{}`, ',{"app":"X","instanceId":1}'),
      /a reply of over 3000000 octets$/,
    ],
    'more interfaces than anyone has': [
      (response) =>
        json(
          response,
          instances(
            Array.from(
              { length: 900 },
              (_, i) =>
                `{"app":"X","instanceId":"${i}","status":"UP","metadata":{"interfaces":"${`com.foo.A${i},`.repeat(100)}"}}`,
            ).join(),
          ),
        ),
      /names and lists of interfaces of over 500000 characters in all$/,
    ],
    'more instances than anyone has': [
      (response) =>
        json(
          response,
          instances(
            Array.from({ length: 2_000 }, (_, i) => `{"app":"X","instanceId":"${i}","status":"UP"}`).join(),
          ),
        ),
      /over 1000 instances$/,
    ],
  };
  for (const [what, [answer, expected]] of Object.entries(HOSTILE)) {
    test(`says instead of its list: ${what}`, async () => {
      let count = 0;
      eureka.spoil = (path, response) => {
        if (path !== LIST) return false;
        count++;
        answer(response);
        return true;
      };
      begin({
        maxReplyOctets: 3_000_000,
        maxInstances: 1_000,
        maxTextLength: 500_000,
        requestTimeoutMs: 3_000,
        listTimeoutMs: 3_000,
      });
      await until('failed', () => sink.kind === 'failed');
      assert.match(reasons().trim(), expected);
      assert.doesNotMatch(reasons(), /secret/);
      assert.deepEqual(sink.deliveries, []);
      assert.ok(sink.skips.length <= 100);
      assert.ok(count < 10);
      eureka.spoil = () => false;
      await knows('10.0.0.1', '10.0.0.2');
    });
    test(`says instead of what changed: ${what}`, async () => {
      await start({ maxReplyOctets: 3_000_000, maxInstances: 1_000, maxTextLength: 500_000 });
      const { length } = sink.deliveries;
      eureka.spoil = (path, response) => {
        if (path !== DELTA) return false;
        answer(response);
        return true;
      };
      // for some of it everything is read instead
      const isAnswer = what === 'not yet' || what === 'no such path';
      if (isAnswer) await asked(LIST, 2);
      else await until('stale', () => sink.kind === 'stale');
      assert.equal(sink.deliveries.length, length);
      assert.deepEqual(sink.endpoints('@user-app'), ['10.0.0.1:8080', '10.0.0.2:8080']);
      eureka.spoil = () => false;
      eureka.put(user(3));
      await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
    });
  }

  test('one entry that cannot be read is told once, and spoils no other', async () => {
    eureka.put({ app: 'USER-APP', id: 'huge', metadata: { x: 'y'.repeat(300_000) } });
    eureka.put({ app: 'USER-APP', id: 'odd', more: { status: 7 } });
    eureka.put({ app: '', id: '1' });
    await start();
    await knows('10.0.0.1', '10.0.0.2');
    await asked(DELTA, 3);
    assert.deepEqual(
      sink.skips.map(({ reason }) => reason),
      // by the list, and by the delta in which they stand too
      Array.from({ length: 6 }, () => 'instance'),
    );
    eureka.put(user(3));
    await knows('10.0.0.1', '10.0.0.2', '10.0.0.3');
    assert.equal(eureka.questions(LIST), 1);
    assert.equal(sink.skips.length, 6);
  });

  test('memory stays flat under lists without end', async () => {
    const usual = `,{"app":"X","instanceId":"1","status":"UP","vipAddress":"${'v'.repeat(200)}","metadata":{"interfaces":"${'i'.repeat(2_000)}"}}`;
    eureka.spoil = (path, response) => {
      if (path !== LIST) return false;
      endless(response, `${instances('').slice(0, -4)}{}`, usual);
      return true;
    };
    begin({ listTimeoutMs: 10_000, maxReplyOctets: 60_000_000 });
    await until('failed', () => sink.kind === 'failed', { deadlineMs: 20_000 });
    const before = process.memoryUsage().rss;
    const { length } = eureka.asked;
    await until('two more', () => eureka.asked.length >= length + 3, { deadlineMs: 40_000 });
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    assert.ok(grown < 60, `${grown.toFixed(0)} MB more after 120 MB of answers`);
  });

  test('20,000 instances: read, and a change that costs as one', async () => {
    for (let i = 0; i < 20_000; i++) {
      const [high, low] = [i >> 8, i & 255];
      eureka.put({
        app: `APP-${i % 1_000}`,
        id: `${i}`,
        host: `10.1.${high}.${low}`,
        metadata: { padding: 'x'.repeat(500) },
      });
    }
    eureka.forgetChanges();
    const begun = performance.now();
    await start({ listTimeoutMs: 30_000 });
    const listedMs = performance.now() - begun;
    assert.equal(sink.registrations.length, 1_001);
    eureka.put({ app: 'APP-7', id: 'new', host: '10.2.0.1' });
    const ms = await until('it', () => sink.endpoints('@app-7').includes('10.2.0.1:8080'), { everyMs: 2 });
    assert.ok(ms < 500, `${ms} ms`);
    assert.equal(sink.deliveries.length, 2);
    console.log(
      `# 20,000 instances listed in ${listedMs.toFixed(0)} ms, a change known after ${ms.toFixed(0)} ms`,
    );
  });
});

suite('the configuration of a Eureka', () => {
  const parse = (config: object) =>
    eurekaKind.schema.safeParse({ kind: 'eureka', servers: 'http://eureka:8761/eureka', ...config });
  const problemsOf = (config: object): string => {
    const result = parse(config);
    if (!result.success) return result.error.issues.map(({ message }) => message).join('\n');
    const found = eurekaKind.check?.(result.data as never) ?? [];
    return found.map((one) => ('key' in one ? `${one.key}: ${one.text}` : '')).join('\n');
  };

  test('says what is wrong, gives an id, and the servers that it asks', () => {
    assert.equal(problemsOf({ servers: ['https://a/eureka', 'https://b/eureka'], interval: '30s' }), '');
    assert.match(problemsOf({ servers: 7 }), /expected a URL such as/);
    assert.match(problemsOf({ servers: 'http://me:secret@a:1' }), /^no user and password in a server/);
    assert.doesNotMatch(problemsOf({ servers: 'http://me:secret@a:1' }), /secret/);
    assert.match(problemsOf({ tls: {} }), /^tls: the servers say http/);
    assert.match(problemsOf({ interval: '1ms' }), /expected 1s to 60s/);
    assert.match(problemsOf({ interval: '10m' }), /expected 1s to 60s/);
    assert.match(problemsOf({ username: 'a:b', passwordFile: '/dev/null' }), /expected no colon/);
    assert.match(problemsOf({ username: 'me' }), /^username: 'passwordFile' is missing/);
    assert.match(
      problemsOf({ passwordFile: '/nowhere/x' }),
      /^passwordFile: 'username' is missing.*\npasswordFile: \/nowhere\/x: no such file/,
    );
    const config = parse({ servers: 'https://[fd00::1]:1/eureka/,https://b/eureka/v2' }).data as never;
    assert.equal(eurekaKind.idOf(config), 'eureka:[fd00::1]:1,b:443/eureka/v2');
    assert.deepEqual(eurekaKind.serversOf?.(config), [
      { host: 'fd00::1', port: 1 },
      { host: 'b', port: 443 },
    ]);
    assert.equal((config as { settleFor: number }).settleFor, 30_000);
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
  const server = createTlsServer(settings, (_request, response) => {
    response.end('{"applications":{"apps__hashcode":"","application":[]}}');
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
    const servers = [{ host: '127.0.0.1', port, path: '/eureka' }];
    const watcher = createEurekaWatcher({ ...EUREKA_DEFAULTS, servers, metadata: METADATA, tls }, sink);
    watcher.start();
    await until(kind, () => sink.kind === kind);
    const state = sink.states.at(-1);
    assert.match(state !== undefined && 'reason' in state ? state.reason : '', expected);
    await watcher.stop();
  }
});

test('behind a whole server, a Eureka that restarts between two questions harms no answer until it has settled', async (t) => {
  const eureka = await ScriptedEureka.start();
  t.after(() => eureka.close());
  const put = (id: number) =>
    eureka.put({
      app: 'USER-APP',
      id: `${id}`,
      host: `10.0.0.${id}`,
      metadata: { interfaces: 'com.foo.UserService' },
    });
  put(1);
  put(2);
  const registry = `{ kind: eureka, servers: "http://127.0.0.1:${eureka.port}/eureka", interval: 1s, settleFor: 4s }`;
  const server = await startServer({ config: `registries: [${registry}]\n` }, t);
  await server.ready();
  const answer = async (name: string) =>
    (await server.query(`${name} A`)).answer.map((line) => line.split(' ').at(-1)).sort();
  const vip = await answer('user-app.app.rpc.cluster.local.');
  assert.match(String(vip), /^247\./);
  const endpoints = () => answer('_endpoints.UserService.foo.com.svc.rpc.cluster.local.');
  const shows = (...hosts: string[]) =>
    until(`endpoints ${hosts}`, async () => String(await endpoints()) === String(hosts), { everyMs: 20 });
  await shows('10.0.0.1', '10.0.0.2');
  eureka.restart();
  await server.logged(/it has restarted, as it seems/);
  const restarted = performance.now();
  put(2);
  put(3);
  await shows('10.0.0.1', '10.0.0.2', '10.0.0.3');
  assert.ok(performance.now() - restarted < 2_000, 'what is new is answered at once');
  while (performance.now() - restarted < 3_500) {
    assert.deepEqual(await endpoints(), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    await sleep(100);
  }
  await shows('10.0.0.2', '10.0.0.3');
  assert.deepEqual(await answer('user-app.app.rpc.cluster.local.'), vip);
  // an orderly end is believed at once
  eureka.remove('USER-APP', '3');
  await shows('10.0.0.2');
});
