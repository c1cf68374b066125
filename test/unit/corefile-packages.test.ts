/** Which packages' bare names may resolve: those that take no foreign names away. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  countPackages,
  derivePrefixes,
  MAX_PREFIXES,
  parsePrefix,
  withoutCovered,
} from '../../src/corefile/package-prefixes.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';

const RESERVED = [
  'rpc.cluster.local',
  'cluster.local',
  'svc.cluster.local',
  'pod.cluster.local',
  'ec2.internal',
];

const registered = (...names: readonly string[]) => countPackages(names as InterfaceName[]);

suite('a prefix', () => {
  test('of two labels or more is taken, in lower case', () => {
    for (const [text, wanted] of [
      ['com.foo', 'com.foo'],
      ['Com.Foo', 'com.foo'],
      ['org.apache.dubbo', 'org.apache.dubbo'],
      ['com.foo_bar', 'com.foo_bar'],
      ['io.x-y', 'io.x-y'],
    ] as const) {
      assert.deepEqual(parsePrefix(text, RESERVED), { ok: true, value: wanted });
    }
  });

  test('that would take foreign names is refused, and so is what is no package', () => {
    for (const text of [
      'com',
      'cluster',
      'svc',
      'local',
      'cluster.local',
      'Cluster.Local',
      'rpc.cluster',
      'rpc.cluster.local',
      'svc.cluster',
      'svc.cluster.local',
      'pod.cluster',
      'ec2.internal',
    ]) {
      const result = parsePrefix(text, RESERVED);
      assert.ok(!result.ok && /expected .*com\.foo/.test(result.reason), text);
    }
    for (const text of [
      '',
      '.',
      'com.',
      '.foo',
      'com..foo',
      'com.*',
      'com.foo|x',
      'a b.c',
      `com.${'x'.repeat(200)}`,
    ])
      assert.ok(!parsePrefix(text, RESERVED).ok, text);
  });
});

suite('prefixes of what is owned and registered', () => {
  test('are the first two labels of each package', () => {
    const { prefixes, unreachable } = derivePrefixes(
      [],
      registered('com.foo.A', 'com.foo.trade.api.B', 'Com.Foo.C', 'org.apache.dubbo.D'),
      RESERVED,
    );
    assert.deepEqual(prefixes, ['com.foo', 'org.apache']);
    assert.deepEqual(unreachable, []);
  });

  test('of ownership stay as they are, unless a shorter one covers them', () => {
    const { prefixes } = derivePrefixes(
      ['net.one.trade', 'com.foo.trade', 'io.x', 'io.x.y'],
      registered('com.foo.A', 'net.one.trade.B'),
      RESERVED,
    );
    assert.deepEqual(prefixes, ['com.foo', 'io.x', 'net.one']);
  });

  test('cannot be had for interfaces without a package of two labels: they are named', () => {
    const { prefixes, unreachable } = derivePrefixes(
      ['com'],
      registered('Alone', 'foo.Short', 'foo.Other', 'cluster.local.X', 'com.foo.A'),
      RESERVED,
    );
    assert.deepEqual(prefixes, ['com.foo']);
    assert.equal(unreachable.length, 4);
    assert.match(unreachable.join('\n'), /ownership: 'com'/);
    assert.match(unreachable.join('\n'), /^Alone: /m);
    assert.match(unreachable.join('\n'), /^foo\.Short and 1 more: /m);
    assert.match(unreachable.join('\n'), /^cluster\.local\.X: /m);
  });

  test('are bounded: the packages with the fewest interfaces are left out and named', () => {
    const names = Array.from({ length: MAX_PREFIXES + 2 }, (_, i) => `com.p${i}.A`);
    const { prefixes, unreachable } = derivePrefixes(
      ['io.owned'],
      registered(...names, 'com.p0.B', 'com.p101.B'),
      RESERVED,
    );
    assert.equal(prefixes.length, MAX_PREFIXES);
    for (const prefix of ['io.owned', 'com.p0', 'com.p101']) assert.ok(prefixes.includes(prefix), prefix);
    assert.equal(unreachable.length, 3);
    assert.match(unreachable.join('\n'), /--packages/);
  });

  test('that a shorter one covers are dropped', () => {
    assert.deepEqual(withoutCovered(['com.foo', 'com.foo.a', 'com.foobar', 'com.foo.a.b', 'org.x']), [
      'com.foo',
      'com.foobar',
      'org.x',
    ]);
  });
});

test('packages are counted, with an example that is no inner class where there is one', () => {
  assert.deepEqual(registered('com.foo.A$B', 'com.foo.A', 'com.foo.C', 'Alone'), [
    { package: 'com.foo', interfaces: 3, example: 'com.foo.A' },
    { package: '', interfaces: 1, example: 'Alone' },
  ]);
});
