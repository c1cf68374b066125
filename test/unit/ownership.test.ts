/** Who may name what: longest prefix of whole labels, compared as names in DNS are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { Ownership, parsePackagePrefix } from '../../src/name/ownership.ts';

const ownership = new Ownership([
  { prefix: 'com.foo', namespaces: ['trade'], source: 'file' },
  { prefix: 'com.foo.pay', namespaces: ['pay', 'bank'], source: 'file' },
  { prefix: 'org', namespaces: ['infra'], source: 'cluster' },
  { prefix: 'com.foo', namespaces: ['play'], source: 'cluster' },
]);

const ROWS: readonly (readonly [name: string, namespace: string, may: boolean])[] = [
  ['com.foo.UserService', 'trade', true],
  ['com.foo.UserService', 'play', false],
  ['com.foo.a.b.C', 'trade', true],
  ['com.foobar.X', 'play', true],
  ['com.foo', 'play', false],
  ['com.foo.pay.Pay', 'pay', true],
  ['com.foo.pay.Pay', 'bank', true],
  ['com.foo.pay.Pay', 'trade', false],
  ['com.foo.payment.Pay', 'trade', true],
  ['com.foo.payment.Pay', 'pay', false],
  // names in DNS have no case: otherwise an owned name could be taken by shouting
  ['COM.Foo.UserService', 'play', false],
  ['com.foo.Order$Inner', 'play', false],
  // what stands where names of com.foo.X would stand
  ['ver-2-0-0.com.foo.X', 'play', false],
  ['ver_2_0_0.grp-gray.com.foo.X', 'play', false],
  ['_endpoints.com.foo.X', 'play', false],
  ['_dubbo._tcp.com.foo.X', 'play', false],
  ['X.foo.com.svc', 'play', false],
  ['X.foo.com', 'play', false],
  ['X.foo.com.svc', 'trade', true],
  ['version.com.foo.X', 'play', true],
  ['org.X', 'trade', false],
  ['net.X', 'anyone', true],
  ['X', 'anyone', true],
];

for (const [name, namespace, may] of ROWS) {
  test(`${namespace} ${may ? 'may' : 'may not'} name ${name}`, () => {
    assert.equal(ownership.mayName(namespace, name as InterfaceName), may);
  });
}

test('$ and _ of a package are the hyphen that they are in DNS', () => {
  const rules = new Ownership([{ prefix: 'com.a_b', namespaces: ['x'], source: '' }]);
  assert.equal(rules.mayName('y', 'com.a-b.C' as InterfaceName), false);
  assert.equal(rules.mayName('y', 'com.a$b.C' as InterfaceName), false);
  assert.equal(rules.mayName('y', 'com.ab.C' as InterfaceName), true);
});

test('of two rules for one prefix the first serves: the configuration stands before the cluster', () => {
  assert.equal(ownership.ruleOf('com.foo.X' as InterfaceName)?.source, 'file');
});

test('a prefix is whole labels', () => {
  for (const text of ['com.foo', 'com', 'a_b.c$d']) assert.ok(parsePackagePrefix(text).ok, text);
  for (const text of ['', '.com', 'com.', 'com..foo', 'com.*', 'com foo']) {
    assert.ok(!parsePackagePrefix(text).ok, text);
  }
});
