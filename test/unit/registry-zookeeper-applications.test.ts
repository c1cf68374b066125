/** Applications in ZooKeeper: what their instances write, read; and the tree under random changes. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { serviceKeyText } from '../../src/name/interface-name.ts';
import type { Registration } from '../../src/registry/registration.ts';
import { StringPool } from '../../src/registry/string-pool.ts';
import {
  readDefinition,
  readMapping,
  readRevision,
} from '../../src/registry/zookeeper/application-services.ts';
import { ZOOKEEPER_DEFAULTS, type ZooKeeperLayout } from '../../src/registry/zookeeper/options.ts';
import type { TreeHandlers } from '../../src/registry/zookeeper/provider-tree.ts';
import { readServiceInstance } from '../../src/registry/zookeeper/service-instance.ts';
import { Trees } from '../../src/registry/zookeeper/trees.ts';
import { FakeZooKeeper } from '../support/fake-zookeeper.ts';
import { sized } from '../support/size.ts';
import { RecordingSink } from '../support/watcher-contract.ts';

const SPRING = 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance';
const DUBBO = 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance';

function springInstance(host: string, metadata: Record<string, string> = {}): string {
  const payload = { '@class': SPRING, id: 'x', name: 'order-app', metadata };
  return JSON.stringify({ name: 'order-app', id: 'x', address: host, port: 8080, sslPort: null, payload });
}

function dubboInstance(host: string, revision: string, startedAt = 0, protocols = ['dubbo']): string {
  const metadata = {
    'dubbo.endpoints': JSON.stringify(protocols.map((protocol, i) => ({ port: 20880 + i, protocol }))),
    'dubbo.metadata.revision': revision,
    'dubbo.metadata.storage-type': 'local',
    timestamp: String(startedAt),
  };
  const payload = { '@class': DUBBO, id: `${host}:20880`, name: 'user-app', metadata };
  return JSON.stringify({ name: 'user-app', id: `${host}:20880`, address: host, port: 20880, payload });
}

interface Service {
  readonly name: string;
  readonly version?: string;
  readonly group?: string;
  readonly protocol?: string;
}

function revisionDocument(...services: readonly Service[]): string {
  const entries = services.map((one) => [
    `${one.group}/${one.name}:${one.version}:dubbo`,
    { protocol: 'dubbo', ...one },
  ]);
  return JSON.stringify({ app: 'user-app', revision: 'r', services: Object.fromEntries(entries) });
}

function definition(version: string, group: string, writtenAt: number): string {
  return JSON.stringify({ canonicalName: 'x', parameters: { version, group, timestamp: String(writtenAt) } });
}

suite('an instance', () => {
  const read = (text: string) => readServiceInstance(Buffer.from(text));

  test('of Spring Cloud, and whether it takes calls', () => {
    assert.deepEqual(read(springInstance('10.0.0.1', { version: '1.0', instance_status: 'UP' })), {
      ok: true,
      value: {
        kind: 'spring-cloud',
        endpoint: { host: '10.0.0.1', port: 8080, protocol: 'http' },
        isUp: true,
        metadata: Object.assign(Object.create(null), { version: '1.0', instance_status: 'UP' }),
      },
    });
    for (const [status, isUp] of [
      ['OUT_OF_SERVICE', false],
      ['DOWN', false],
      ['UP', true],
    ] as const) {
      const instance = read(springInstance('10.0.0.1', { instance_status: status }));
      assert.equal(instance.ok && instance.value.kind === 'spring-cloud' && instance.value.isUp, isUp);
    }
  });

  test('of Dubbo, with an endpoint for each protocol', () => {
    const instance = read(dubboInstance('10.0.0.1', 'abc', 7, ['dubbo', 'tri']));
    assert.deepEqual(instance, {
      ok: true,
      value: {
        kind: 'dubbo',
        endpoints: [
          { host: '10.0.0.1', port: 20880, protocol: 'dubbo' },
          { host: '10.0.0.1', port: 20881, protocol: 'tri' },
        ],
        revision: 'abc',
        startedAt: 7,
      },
    });
  });

  for (const [what, text, reason] of [
    ['no JSON', '{', /no JSON object/],
    ['a list', '[]', /no JSON object/],
    ['nested too deeply', '['.repeat(200_000), /no JSON object/],
    ['no address', '{"port":1}', /no usable address/],
    ['an address that is none', '{"address":"a b","port":1}', /no usable address: 'a b'/],
    ['no port', '{"address":"10.0.0.1","port":"70000"}', /no port/],
    ['too large', ' '.repeat(300_000), /300000 octets/],
  ] as const) {
    test(`that is none: ${what}`, () => {
      const result = read(text);
      assert.match(result.ok ? '' : result.reason, reason);
    });
  }

  test('whatever stands there is read or refused, never thrown', () => {
    const junk = fc.oneof(
      fc.json(),
      fc.string(),
      fc.json().map((text) => `{"address":"10.0.0.1","port":1,"payload":${text}}`),
    );
    fc.assert(
      fc.property(junk, (text) => {
        const data = Buffer.from(text);
        readServiceInstance(data);
        readRevision(data);
        readDefinition(data);
        readMapping(data);
      }),
      { numRuns: sized('instances of junk', 500, 20_000) },
    );
  });
});

interface Client {
  readonly sink: RecordingSink;
  readonly skipped: string[];
  missed: number;
  readonly trees: Trees;
}

function connect(server: FakeZooKeeper, layouts: readonly ZooKeeperLayout[], relistMs = 1e8): Client {
  const sink = new RecordingSink();
  const client = { sink, skipped: [] as string[], missed: 0 };
  const handlers: TreeHandlers = {
    replace: () => sink.replace(),
    complete: () => sink.state({ kind: 'live' }),
    update: (unit, registrations) => sink.update(unit, registrations),
    skipped: (_unit, entries) => client.skipped.push(...entries.map(({ reason }) => reason)),
    missed: () => client.missed++,
    relisted: () => {},
    versionedChanged: () => {},
  };
  const options = { ...ZOOKEEPER_DEFAULTS, layouts, servers: '', rootGapMs: 0, relistMs, parallelReads: 2 };
  const trees = new Trees(server, options, '', handlers, new StringPool());
  server.onEvent = (path) => trees.event(path);
  return Object.assign(client, { trees });
}

async function settle(server: FakeZooKeeper): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    quiet = (await server.step(50)) ? 0 : quiet + 1;
    await sleep(1);
  }
}

/** `g/com.foo.A:1.0 dubbo://10.0.0.1:20880`, each once: what is registered twice is one. */
function told(registrations: readonly Registration[]): string[] {
  const lines = registrations.flatMap((one) =>
    one.endpoints.map(({ host, port, protocol }) => `${serviceKeyText(one)} ${protocol}://${host}:${port}`),
  );
  return [...new Set(lines)].sort();
}

async function served(
  server: FakeZooKeeper,
  layouts: readonly ZooKeeperLayout[] = ['dubbo'],
): Promise<Client> {
  const client = connect(server, layouts);
  await settle(server);
  return client;
}

suite('Spring Cloud', () => {
  test('an application and what its metadata lists; a status is a change of data', async () => {
    const server = new FakeZooKeeper();
    server.write(
      '/services/order-app/1',
      springInstance('10.0.0.1', { version: '1.0', interfaces: 'com.foo.A' }),
    );
    server.write('/services/order-app/2', springInstance('10.0.0.2', { instance_status: 'OUT_OF_SERVICE' }));
    const client = await served(server, ['spring-cloud']);
    const first = ['@order-app:1.0 http://10.0.0.1:8080', 'com.foo.A:1.0 http://10.0.0.1:8080'];
    assert.deepEqual(told(client.sink.registrations), first);
    server.write('/services/order-app/2', springInstance('10.0.0.2', { instance_status: 'UP' }));
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), ['@order-app http://10.0.0.2:8080', ...first]);
    // the last one goes, and with it all containers up to the root
    server.delete('/services');
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), []);
    server.write('/services/order-app/2', springInstance('10.0.0.2'));
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), ['@order-app http://10.0.0.2:8080']);
    client.trees.close();
  });

  test('what is no instance is skipped, and spoils no other', async () => {
    const server = new FakeZooKeeper();
    server.write('/services/order-app/1', 'garbage');
    server.write('/services/order-app/2', springInstance('10.0.0.2'));
    server.write('/services/--/1', springInstance('10.0.0.3'));
    const client = await served(server, ['spring-cloud']);
    assert.deepEqual(told(client.sink.registrations), ['@order-app http://10.0.0.2:8080']);
    assert.deepEqual([...new Set(client.skipped)].sort(), ['bad-application', 'instance']);
    client.trees.close();
  });

  test('stands beside Dubbo under one application, each told apart', async () => {
    const server = new FakeZooKeeper();
    server.write('/services/user-app/1', springInstance('10.0.0.1'));
    server.write('/services/user-app/10.0.0.2:20880', dubboInstance('10.0.0.2', 'r1'));
    server.write('/dubbo/metadata/user-app/r1', revisionDocument({ name: 'com.foo.A' }));
    const both = await served(server, ['dubbo', 'spring-cloud']);
    assert.deepEqual(told(both.sink.registrations), [
      '@user-app http://10.0.0.1:8080',
      'com.foo.A dubbo://10.0.0.2:20880',
    ]);
    both.trees.close();
    const dubbo = await served(server, ['dubbo']);
    assert.deepEqual(told(dubbo.sink.registrations), ['com.foo.A dubbo://10.0.0.2:20880']);
    dubbo.trees.close();
  });
});

suite('Dubbo by application', () => {
  test('the services of a revision, from the registry', async () => {
    const server = new FakeZooKeeper();
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.1', 'r1', 0, ['dubbo', 'tri']));
    server.write('/services/user-app/10.0.0.2:20880', dubboInstance('10.0.0.2', 'r2'));
    server.write(
      '/dubbo/metadata/user-app/r1',
      revisionDocument(
        { name: 'com.foo.A', version: '1.0', group: 'g' },
        { name: 'com.foo.B', protocol: 'tri' },
      ),
    );
    server.write('/dubbo/metadata/user-app/r2', revisionDocument({ name: 'com.foo.A', version: '2.0' }));
    const client = await served(server);
    assert.deepEqual(told(client.sink.registrations), [
      'com.foo.A:2.0 dubbo://10.0.0.2:20880',
      'com.foo.B tri://10.0.0.1:20881',
      'g/com.foo.A:1.0 dubbo://10.0.0.1:20880',
    ]);
    assert.ok(client.sink.registrations.every(({ application }) => application === 'user-app'));
    client.trees.close();
  });

  test('from definitions, where the provider keeps its metadata: old ones are none of a living provider', async () => {
    const server = new FakeZooKeeper();
    server.write('/dubbo/mapping/com.foo.A', 'user-app,other-app');
    server.write('/dubbo/mapping/com.foo.B', 'user-app');
    server.write('/dubbo/mapping/com.foo.C', 'other-app');
    server.write('/dubbo/metadata/com.foo.A/0.9/provider/user-app', definition('0.9', '', 500));
    server.write('/dubbo/metadata/com.foo.A/1.0/g1/provider/user-app', definition('1.0', 'g1', 100_500));
    server.write('/dubbo/metadata/com.foo.B/provider/user-app', definition('', '', 100_900));
    server.write('/dubbo/metadata/com.foo.B/consumer/user-app', definition('7', '', 100_900));
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.1', 'r1', 100_000));
    const client = await served(server);
    assert.deepEqual(told(client.sink.registrations), [
      'com.foo.B dubbo://10.0.0.1:20880',
      'g1/com.foo.A:1.0 dubbo://10.0.0.1:20880',
    ]);
    // another version is released
    server.write('/dubbo/metadata/com.foo.A/2.0/provider/user-app', definition('2.0', '', 200_000));
    await settle(server);
    assert.ok(told(client.sink.registrations).includes('com.foo.A:2.0 dubbo://10.0.0.1:20880'));
    client.trees.close();
  });

  test('from the mapping alone, but not beside a version: lookup says what is not known', async () => {
    const server = new FakeZooKeeper();
    server.write('/dubbo/mapping/com.foo.A', 'user-app');
    server.write('/dubbo/mapping/com.foo.B', 'user-app');
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.1', 'r1'));
    const client = await served(server);
    assert.deepEqual(told(client.sink.registrations), [
      'com.foo.A dubbo://10.0.0.1:20880',
      'com.foo.B dubbo://10.0.0.1:20880',
    ]);
    assert.match(
      client.sink.registrations[0]?.source ?? '',
      /^\/services\/user-app, \/dubbo\/mapping: its version and group are not known$/,
    );
    const provider = `/dubbo/com.foo.A/providers/${encodeURIComponent('dubbo://10.0.0.9:1/com.foo.A?version=1.0')}`;
    server.create(provider);
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), [
      'com.foo.A:1.0 dubbo://10.0.0.9:1',
      'com.foo.B dubbo://10.0.0.1:20880',
    ]);
    server.delete(provider);
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), [
      'com.foo.A dubbo://10.0.0.1:20880',
      'com.foo.B dubbo://10.0.0.1:20880',
    ]);
    client.trees.close();
  });

  test('nothing of it is a sign of life: without an instance nothing is registered, nor read', async () => {
    const server = new FakeZooKeeper();
    server.write('/dubbo/mapping/com.foo.A', 'user-app');
    server.write('/dubbo/metadata/user-app/r1', revisionDocument({ name: 'com.foo.A' }));
    const client = await served(server);
    assert.deepEqual(told(client.sink.registrations), []);
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.1', 'r1'));
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), ['com.foo.A dubbo://10.0.0.1:20880']);
    server.delete('/services/user-app/10.0.0.1:20880');
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), []);
    client.trees.close();
  });

  test('one that exports one more has another revision: nothing is missing in between', async () => {
    const server = new FakeZooKeeper();
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.1', 'r1'));
    server.write('/dubbo/metadata/user-app/r1', revisionDocument({ name: 'com.foo.A' }));
    const client = await served(server);
    let least = Number.POSITIVE_INFINITY;
    client.sink.onDelivery = () => {
      least = Math.min(least, told(client.sink.registrations).length);
    };
    server.write(
      '/dubbo/metadata/user-app/r2',
      revisionDocument({ name: 'com.foo.A' }, { name: 'com.foo.B' }),
    );
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.1', 'r2'));
    await settle(server);
    assert.equal(told(client.sink.registrations).length, 2);
    assert.equal(least, 2);
    client.trees.close();
  });

  test('the periodic reading finds what no event told', async () => {
    const server = new FakeZooKeeper();
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.1', 'r1'));
    server.write('/dubbo/metadata/user-app/r1', revisionDocument({ name: 'com.foo.A' }));
    const client = connect(server, ['dubbo'], 60);
    await settle(server);
    server.losesEvents = 1;
    server.write('/services/user-app/10.0.0.1:20880', dubboInstance('10.0.0.7', 'r1'));
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), ['com.foo.A dubbo://10.0.0.1:20880']);
    await sleep(80);
    await settle(server);
    assert.deepEqual(told(client.sink.registrations), ['com.foo.A dubbo://10.0.0.7:20880']);
    assert.equal(client.missed, 1);
    client.trees.close();
  });
});

const APPS = ['app-1', 'app-2'];
const NAMES = ['com.foo.A', 'com.foo.B'];

type Change = readonly [kind: number, app: number, name: number, on: number, add: boolean];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.nat({ max: 7 }),
  fc.nat({ max: 1 }),
  fc.nat({ max: 1 }),
  fc.nat({ max: 2 }),
  fc.boolean(),
);

function apply(server: FakeZooKeeper, [kind, app, name, on, add]: Change): void {
  const [application = '', interfaceName = ''] = [APPS[app], NAMES[name]];
  const host = `10.0.0.${on + 1}`;
  const mapping = `/dubbo/mapping/${interfaceName}`;
  const mapped = readMapping(Buffer.from(server.textOf(mapping))).filter((one) => one !== application);
  const places: readonly (readonly [path: string, text: string])[] = [
    [`/services/${application}/${on}`, springInstance(host, { instance_status: name === 0 ? 'UP' : 'DOWN' })],
    [`/services/${application}/${host}:20880`, dubboInstance(host, `r${name}`, on * 100_000)],
    [
      `/dubbo/metadata/${application}/r${name}`,
      on === 2 ? 'garbage' : revisionDocument({ name: NAMES[on] ?? '', version: '1' }),
    ],
    [`/dubbo/metadata/${interfaceName}/${on}/provider/${application}`, definition(`${on}`, '', on * 100_000)],
    [mapping, [...mapped, ...(add ? [application] : [])].join(',')],
    [
      `/dubbo/${interfaceName}/providers/${encodeURIComponent(`dubbo://10.1.0.1:1/x?version=${on === 0 ? '' : on}`)}`,
      '',
    ],
    [`/services/${application}`, ''],
    ['/services', ''],
  ];
  const [path, text] = places[kind] ?? ['', ''];
  if (add || kind === 4) server.write(path, text);
  else server.delete(path);
}

/** The same by another way: everything that stands there, looked at at once. */
function truth(server: FakeZooKeeper): string[] {
  const found = new Set<string>();
  const versioned = new Set<string>();
  for (const node of server.nodes) {
    const match = /^\/dubbo\/(com[^/]+)\/providers\/(.+)$/.exec(node);
    if (match === null) continue;
    const version = /version=(.*)$/.exec(decodeURIComponent(match[2] ?? ''))?.[1] ?? '';
    if (version !== '') versioned.add(match[1] ?? '');
    found.add(`${match[1]}${version === '' ? '' : `:${version}`} dubbo://10.1.0.1:1`);
  }
  for (const application of APPS) {
    const texts = [...server.nodes]
      .filter((node) => node.startsWith(`/services/${application}/`))
      .map((node) => JSON.parse(server.textOf(node)));
    const known = new Set<string>();
    const local: { address: string; payload: { metadata: Record<string, string> } }[] = [];
    for (const one of texts) {
      const { metadata } = one.payload;
      if (one.payload['@class'] === SPRING) {
        if (metadata.instance_status === 'UP') found.add(`@${application} http://${one.address}:8080`);
        continue;
      }
      const text = server.textOf(`/dubbo/metadata/${application}/${metadata['dubbo.metadata.revision']}`);
      if (!text.startsWith('{')) local.push(one);
      else {
        for (const { name, version } of Object.values(JSON.parse(text).services) as Service[]) {
          known.add(name);
          found.add(`${name}:${version} dubbo://${one.address}:20880`);
        }
      }
    }
    if (local.length === 0) continue;
    const since = Math.min(...local.map(({ payload }) => Number(payload.metadata['timestamp'])));
    for (const name of NAMES) {
      if (!server.textOf(`/dubbo/mapping/${name}`).split(',').includes(application)) continue;
      const versions = [0, 1, 2].filter((version) => {
        return (
          server.nodes.has(`/dubbo/metadata/${name}/${version}/provider/${application}`) &&
          version * 100_000 >= since - 5000
        );
      });
      for (const { address } of local) {
        for (const version of versions) found.add(`${name}:${version} dubbo://${address}:20880`);
        if (versions.length === 0 && !known.has(name) && !versioned.has(name))
          found.add(`${name} dubbo://${address}:20880`);
      }
    }
  }
  return [...found].sort();
}

test('the tree ends up with what the server has, whatever happened before, between and after', async () => {
  const steps = fc.array(fc.tuple(change, fc.nat({ max: 8 })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 25 }), steps, async (before, during) => {
      const server = new FakeZooKeeper();
      for (const one of before) apply(server, one);
      const client = connect(server, ['dubbo', 'spring-cloud']);
      for (const [one, steps] of during) {
        apply(server, one);
        await server.step(steps);
      }
      await settle(server);
      client.trees.close();
      assert.deepEqual(told(client.sink.registrations), truth(server));
      assert.equal(client.sink.kind, 'live');
      assert.equal(client.missed, 0);
    }),
    { numRuns: sized('histories of applications', 150, 3000) },
  );
});
