/** What is read of a Eureka: instances cut out of octets as they come, their fields, and what they register. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { InstanceCutter, MAX_INSTANCE_OCTETS, NotAList } from '../../src/registry/eureka/instance-cutter.ts';
import { KnownInstances } from '../../src/registry/eureka/known-instances.ts';
import { type EurekaInstance, readInstance } from '../../src/registry/eureka/parse.ts';
import { registrationsOf } from '../../src/registry/eureka/registrations.ts';
import { parseServerUrls } from '../../src/registry/eureka/server-urls.ts';
import { StringPool } from '../../src/registry/string-pool.ts';

const KEYS = { interfaces: 'interfaces', version: 'version', group: 'group' };

function cut(octets: Buffer, pieceLength = octets.length) {
  const found: (string | undefined)[] = [];
  const cutter = new InstanceCutter((json) => found.push(json));
  for (let at = 0; at < octets.length; at += pieceLength)
    cutter.push(Buffer.from(octets.subarray(at, at + pieceLength)));
  return { hash: cutter.end(), found };
}

const listOf = (application: unknown, hash = '') =>
  Buffer.from(JSON.stringify({ applications: { versions__delta: '1', apps__hashcode: hash, application } }));

suite('instances are cut out', () => {
  test('wherever the pieces end, and whatever their texts hold', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const instance = fc
      .dictionary(fc.string(), value)
      .map((more) => ({ ...more, instance: [{ instance: {} }] }));
    const application = fc.record({ name: fc.string(), instance: fc.array(instance, { maxLength: 3 }) });
    fc.assert(
      fc.property(
        fc.array(application, { maxLength: 3 }),
        fc.string({ maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        (applications, hash, pieceLength) => {
          const plain = hash.replace(/["\\\p{Cc}]/gu, '').toWellFormed();
          const { found, hash: told } = cut(listOf(applications, plain), pieceLength);
          const expected = applications.flatMap((one) => one.instance).map((one) => JSON.stringify(one));
          assert.deepEqual(found, expected);
          assert.equal(told, plain);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('one alone where a list is usual, none, and null', () => {
    assert.deepEqual(cut(listOf({ name: 'A', instance: { a: 1 } })).found, ['{"a":1}']);
    assert.deepEqual(cut(listOf([{ name: 'A', instance: { a: 1 } }, { instance: [{ b: [{}] }] }])).found, [
      '{"a":1}',
      '{"b":[{}]}',
    ]);
    for (const none of [[], null, {}, [{ name: 'A', instance: [] }], [{ instance: null }]])
      assert.deepEqual(cut(listOf(none)).found, []);
  });

  test('only where they stand', () => {
    const text =
      '{"instance":{"no":1},"x":{"application":{"instance":{"no":2}}},"applications":{"instance":{"no":3},"x":{"apps__hashcode":"no"},"application":{"x":{"no":4},"instance":[{"yes":1}]}}}';
    assert.deepEqual(cut(Buffer.from(text)), { found: ['{"yes":1}'], hash: undefined });
  });

  test('a huge one is told as such, and those beside it are read', () => {
    const huge = { metadata: { x: 'y'.repeat(MAX_INSTANCE_OCTETS) } };
    const { found } = cut(listOf([{ instance: [{ a: 1 }, huge, { b: 1 }] }]), 65_536);
    assert.deepEqual(found, ['{"a":1}', undefined, '{"b":1}']);
  });

  for (const [text, expected] of [
    ['', /ends in the middle/],
    ['{"applications":{"application":[', /ends in the middle/],
    ['{"applications":{"application":["', /ends in the middle/],
    ['<applications/>', /is not JSON/],
    ['"applications"', /is not JSON/],
    ['{"applications":{]}', /is not JSON/],
    ['}', /is not JSON/],
    ['{"applications":{}} trailing', /is not JSON/],
    ['{"applications":{}}{}', /not that of a Eureka/],
    ['[]', /not that of a Eureka/],
    ['{}', /not that of a Eureka/],
    ['{"applications":[]}', /not that of a Eureka/],
    [`{"applications":${'['.repeat(100)}`, /over 32 deep/],
    [`{"applications":{"application":{"instance":${'{"a":'.repeat(100)}`, /over 32 deep/],
  ] as const)
    test(`refuses ${text.slice(0, 50) || 'nothing at all'}`, () => {
      assert.throws(
        () => cut(Buffer.from(text)),
        (error: Error) => error instanceof NotAList && expected.test(error.message),
      );
    });

  test('any octets at all are read or refused', () => {
    const pieces = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        '"',
        ':',
        ',',
        '\\',
        '"applications":',
        '"application":',
        '"instance":',
        '\u00ff',
        '1',
      ],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        try {
          cut(Buffer.from(parts.join(''), 'latin1'), 3);
        } catch (error) {
          assert.ok(error instanceof NotAList, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

const USUAL = {
  instanceId: '10.0.0.1:user-app:8080',
  hostName: 'host-1',
  app: 'USER-APP',
  ipAddr: '10.0.0.1',
  status: 'UP',
  port: { $: 8080, '@enabled': 'true' },
  securePort: { $: 443, '@enabled': 'false' },
  leaseInfo: { registrationTimestamp: 1795581274113 },
  metadata: { version: '1.0.0', interfaces: 'com.foo.A', 'management.port': '8081' },
  vipAddress: 'User-App',
};

function read(more: object): EurekaInstance {
  const result = readInstance(JSON.stringify({ ...USUAL, ...more }), KEYS, new StringPool());
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return result.value.instance;
}

suite('an instance', () => {
  test('as it is usually written, and what it may leave out', () => {
    assert.deepEqual(read({}), {
      app: 'USER-APP',
      id: '10.0.0.1:user-app:8080',
      status: 'UP',
      names: ['User-App'],
      endpoint: { host: '10.0.0.1', port: 8080, protocol: 'http' },
      metadata: { version: '1.0.0', interfaces: 'com.foo.A' },
      registeredAt: 1795581274113,
    });
    assert.deepEqual(read({ vipAddress: undefined }).names, ['user-app']);
    assert.deepEqual(read({ vipAddress: 'a, b,,a' }).names, ['a', 'b']);
    assert.deepEqual(read({ vipAddress: '', secureVipAddress: 'c' }).names, ['c']);
    assert.equal(read({ instanceId: undefined }).id, 'host-1');
    assert.deepEqual(read({ metadata: { '@class': 'java.util.Collections$EmptyMap' } }).metadata, {});
    assert.equal(read({ leaseInfo: undefined }).registeredAt, 0);
    assert.equal(read({ app: 'user-app' }).app, 'USER-APP');
  });

  test('its endpoint: numbers and truth as texts, TLS, host names, IPv6', () => {
    const endpoint = (more: object) => {
      const found = read(more).endpoint;
      return found === undefined ? undefined : `${found.protocol} ${found.host} ${found.port}`;
    };
    const off = { $: '8080', '@enabled': 'false' };
    assert.equal(endpoint({ port: { $: '8081', '@enabled': true } }), 'http 10.0.0.1 8081');
    assert.equal(
      endpoint({ port: off, securePort: { $: '8443', '@enabled': 'true' } }),
      'https 10.0.0.1 8443',
    );
    assert.equal(endpoint({ port: 8082 }), 'http 10.0.0.1 8082');
    assert.equal(endpoint({ port: off }), undefined);
    assert.equal(endpoint({ port: { $: 0, '@enabled': 'true' } }), undefined);
    assert.equal(endpoint({ ipAddr: 'no address' }), 'http host-1 8080');
    assert.equal(endpoint({ ipAddr: 'no address', hostName: '?' }), undefined);
    assert.equal(endpoint({ ipAddr: '0.0.0.0' }), 'http host-1 8080');
    assert.equal(endpoint({ ipAddr: 'fd00:0:0:0:0:0:0:1%eth0' }), 'http fd00::1 8080');
  });

  test('what is none says why', () => {
    const reason = (json: string) => {
      const result = readInstance(json, KEYS, new StringPool());
      return result.ok ? '' : result.reason;
    };
    assert.match(reason('[]'), /no JSON object/);
    assert.match(reason('{"a":'), /no JSON object/);
    assert.match(reason(JSON.stringify({ ...USUAL, app: '' })), /no application of up to 255/);
    assert.match(reason(JSON.stringify({ ...USUAL, app: 'X'.repeat(256) })), /no application of up to 255/);
    assert.match(reason(JSON.stringify({ ...USUAL, instanceId: 'x'.repeat(2_000) })), /no id of up to 300/);
    assert.match(reason(JSON.stringify({ ...USUAL, status: 'up\n' })), /no status$/);
  });

  test('never throws, whatever it is given', () => {
    const fields = fc.record(
      Object.fromEntries(
        Object.keys(USUAL).map((key) => [key, fc.oneof(fc.jsonValue(), fc.constant('10.0.0.1'))]),
      ),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (one) => {
        const result = readInstance(JSON.stringify({ ...USUAL, ...one }), KEYS, new StringPool());
        if (!result.ok) assert.ok(result.reason.length < 600);
        else {
          const told = registrationsOf('X', [result.value.instance], KEYS);
          assert.ok(told.skipped.every(({ detail }) => detail.length < 600));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

suite('what instances register', () => {
  const told = (...instances: EurekaInstance[]) => {
    const { registrations, skipped } = registrationsOf('USER-APP', instances, KEYS);
    return {
      lines: registrations.map(({ interface: name, version, group, application, endpoints }) =>
        [name, version, group, application, ...endpoints.map(({ host }) => host)].join(' '),
      ),
      skipped: skipped.map(({ reason }) => reason),
    };
  };

  test('the application by each of its names, and the interfaces once', () => {
    assert.deepEqual(told(read({ vipAddress: 'b,a', metadata: { interfaces: 'com.foo.A' } })).lines, [
      '@a   a 10.0.0.1',
      '@b   b 10.0.0.1',
      'com.foo.A   b 10.0.0.1',
    ]);
  });

  test('only what is UP takes calls, and what is not keeps its registration', () => {
    const down = read({ instanceId: '2', ipAddr: '10.0.0.2', status: 'DOWN', metadata: {} });
    assert.deepEqual(told(read({ metadata: {} }), down).lines, ['@User-App   User-App 10.0.0.1']);
    assert.deepEqual(told(down).lines, ['@User-App   User-App']);
    for (const status of ['STARTING', 'OUT_OF_SERVICE', 'UNKNOWN'])
      assert.deepEqual(told({ ...down, status }).lines, ['@User-App   User-App']);
  });

  test('two ids of one endpoint are one, and well when one of them is; in any order the same', () => {
    const old = read({ instanceId: 'old', status: 'DOWN', metadata: {} });
    const fresh = read({ instanceId: 'new', metadata: { interfaces: 'com.foo.A' } });
    const other = read({ instanceId: '3', ipAddr: '10.0.0.3', metadata: {} });
    const expected = ['@User-App   User-App 10.0.0.1 10.0.0.3', 'com.foo.A   User-App 10.0.0.1'];
    assert.deepEqual(told(old, fresh, other).lines, expected);
    assert.deepEqual(told(other, fresh, old).lines, expected);
  });

  test('what cannot be used is told, and spoils nothing', () => {
    const found = told(
      read({ metadata: { interfaces: 'com.foo.A, no interface' } }),
      read({ instanceId: '2', ipAddr: '?', hostName: '?' }),
      read({ instanceId: '3', vipAddress: '???' }),
    );
    assert.deepEqual(found.skipped.sort(), ['address', 'bad-application', 'bad-interface']);
    assert.deepEqual(found.lines.slice(0, 2), [
      '@User-App   User-App 10.0.0.1',
      'com.foo.A   User-App 10.0.0.1',
    ]);
  });
});

test('the hash of what is known, what is missing, and how old it is', () => {
  const known = new KnownInstances();
  assert.equal(known.hash, '');
  assert.equal(known.put(read({})), true);
  assert.equal(known.put(read({ leaseInfo: { registrationTimestamp: 9 } })), false);
  assert.equal(known.put(read({ instanceId: '2', status: 'DOWN' })), true);
  assert.equal(known.put(read({ instanceId: '3' })), true);
  assert.deepEqual([known.hash, known.size], ['DOWN_1_UP_2_', 3]);
  assert.equal(known.put(read({ instanceId: '3', status: 'DOWN' })), true);
  assert.equal(known.hash, 'DOWN_2_UP_1_');
  const next = new KnownInstances();
  next.put(read({ instanceId: '2', status: 'DOWN' }));
  next.put(read({ instanceId: '1', app: 'OTHER' }));
  assert.deepEqual([...known.changesTo(next)].sort(), ['OTHER', 'USER-APP']);
  assert.equal(known.missingIn(next), 2);
  assert.deepEqual([known.oldestRegistration, known.newestRegistration], [9, 1795581274113]);
  const texts = ['User-App', '1.0.0', 'com.foo.A'].join('').length;
  assert.equal(known.textLength, texts, 'what several say counts once');
  known.put(read({ instanceId: '3', vipAddress: 'four' }));
  assert.equal(known.textLength, texts + 'four'.length);
  for (const id of [USUAL.instanceId, '2', '3']) assert.equal(known.remove('USER-APP', id), true);
  assert.equal(known.remove('USER-APP', '3'), false);
  assert.deepEqual([known.hash, known.size, [...known.apps()], known.textLength], ['', 0, [], 0]);
});

test('servers as the clients of Eureka write them', () => {
  const servers = (text: string) => {
    const result = parseServerUrls(text);
    if (!result.ok) return result.reason;
    const { scheme, servers: found } = result.value;
    return [scheme ?? 'plain', ...found.map(({ host, port, path }) => `${host} ${port} ${path}`)].join('; ');
  };
  assert.equal(servers('http://a:1/eureka/, http://b/eureka'), 'http; a 1 /eureka; b 80 /eureka');
  assert.equal(servers('https://a/eureka/v2'), 'https; a 443 /eureka/v2');
  assert.equal(servers('a,[fd00::1]:1/'), 'plain; a 8761 /eureka; fd00::1 1 /eureka');
  assert.match(servers('http://me:secret@a/eureka'), /^no user and password.*username and passwordFile$/);
  assert.match(servers('http://a/eureka?x=1'), /is no server: expected a URL such as/);
  assert.match(servers('ftp://a'), /is no server/);
  assert.match(servers('a,,b'), /is no server/);
  assert.match(servers('http://a,b'), /either all servers begin/);
  assert.doesNotMatch(servers('http://me:secret@a'), /secret/);
});
