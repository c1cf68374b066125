import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../src/name/address.ts';
import { labelsOf, type Prefix } from '../../src/name/domain-name.ts';
import { baseLimit, callNameLabels, fitLabels } from '../../src/name/interface-domain.ts';
import {
  type InterfaceName,
  packageLabels,
  parseInterfaceName,
  serviceKeyText,
  simpleName,
} from '../../src/name/interface-name.ts';
import { InterfaceNumbers } from '../../src/name/interface-numbers.ts';
import {
  applicationLabel,
  groupLabel,
  hashedLabel,
  hostLabel,
  protocolLabel,
  shortenLabel,
  shortHash,
  versionLabel,
} from '../../src/name/labels.ts';
import { DEFAULT_TEMPLATE, expandTemplate, parseTemplate } from '../../src/name/template.ts';
import { mergeContributions } from '../../src/plan/merge.ts';
import { NameBook, NameDraft } from '../../src/plan/name-book.ts';
import { claimNames } from '../../src/plan/naming.ts';
import { recordOf } from '../../src/plan/record.ts';
import { EMPTY_REGISTRATION } from '../../src/registry/registration.ts';
import { ENDPOINTS } from '../../src/zone/interface-node.ts';

suite('interface names', () => {
  const good = [
    'com.foo.UserService',
    'UserService',
    'com.foo.Order$Inner',
    'com.foo.snake_case',
    'a-b.C',
    '_a.$',
    '1.2',
    'x'.repeat(1024),
  ];
  for (const text of good)
    test(`'${text.slice(0, 40)}' is one`, () => assert.ok(parseInterfaceName(text).ok));

  const bad: readonly (readonly [text: string, reason: RegExp])[] = [
    ['', /^empty interface name$/],
    ['com..foo', /^'com\.\.foo' is no interface name: expected package\.Name/],
    ['.com', /no interface name/],
    ['com.', /no interface name/],
    ['com foo', /no interface name/],
    ['com/foo', /no interface name/],
    ['com.foo.Größe', /no interface name/],
    ['com.foo.A:1.0', /no interface name/],
    ['com.foo.*', /no interface name/],
    ['a\nb', /no interface name/],
    ['x'.repeat(1025), /^interface name over 1024 characters$/],
  ];
  for (const [text, reason] of bad) {
    test(`'${text.slice(0, 20)}' is none`, () => {
      const result = parseInterfaceName(text);
      assert.match(result.ok ? 'good' : result.reason, reason);
    });
  }

  test('its parts', () => {
    const name = 'com.foo.UserService' as InterfaceName;
    assert.deepEqual([simpleName(name), packageLabels(name)], ['UserService', ['com', 'foo']]);
    assert.deepEqual([simpleName('A' as InterfaceName), packageLabels('A' as InterfaceName)], ['A', []]);
  });

  const keys: readonly (readonly [version: string, group: string, text: string])[] = [
    ['', '', 'com.foo.A'],
    ['1.0', '', 'com.foo.A:1.0'],
    ['', 'g', 'g/com.foo.A'],
    ['1.0', 'g', 'g/com.foo.A:1.0'],
  ];
  for (const [version, group, text] of keys) {
    test(`service key ${text}`, () =>
      assert.equal(serviceKeyText({ interface: 'com.foo.A' as InterfaceName, version, group }), text));
  }
});

suite('labels', () => {
  const table: readonly (readonly [make: (text: string) => string, text: string, label: string])[] = [
    [versionLabel, '1.0.0', 'ver-1-0-0'],
    [versionLabel, '1.0.0-SNAPSHOT', 'ver-1-0-0-snapshot'],
    [versionLabel, '*', 'ver--'],
    [groupLabel, 'Gray Users', 'grp-gray-users'],
    [groupLabel, 'größe', 'grp-gr--e'],
    [applicationLabel, 'User_Center', 'user-center'],
    [protocolLabel, 'dubbo', '_dubbo'],
    [protocolLabel, 'REST+json', '_rest-json'],
    [hostLabel, 'Order$Inner_x', 'Order-Inner-x'],
  ];
  for (const [make, text, label] of table) test(`${text} → ${label}`, () => assert.equal(make(text), label));

  test('over-long ones are shortened with a hash of the whole', () => {
    const long = 'a'.repeat(64);
    assert.equal(shortenLabel('a'.repeat(63)), 'a'.repeat(63));
    assert.equal(shortenLabel(long), `${'a'.repeat(54)}-${shortHash(long)}`);
    assert.equal(hashedLabel('name', 'com.foo.Name', 12), `nam-${shortHash('com.foo.Name')}`);
    assert.equal(shortHash('abc'), 'ba7816bf', 'the start of SHA-256, as every replica computes it');
  });
});

suite('templates', () => {
  const values = {
    interface: 'com.foo.Order$Inner' as InterfaceName,
    application: 'User_Center',
    organization: 'trade.acme',
    module: 'Core',
    environment: 'prod',
    namespace: 'ns',
    group: 'gray',
  };
  const table: readonly (readonly [template: string, domain: string])[] = [
    ['{name}.{package|reverse}.svc', 'Order-Inner.foo.com.svc'],
    ['{name|lower}.{package}', 'order-inner.com.foo'],
    ['{name}.{organization|reverse}', 'Order-Inner.acme.trade'],
    ['{name}.{organization|reverse|lower}', 'Order-Inner.acme.trade'],
    [
      '{name}.{application}.{module|lower}.{environment}.{namespace}.{group}',
      'Order-Inner.User-Center.core.prod.ns.gray',
    ],
    ['{name}.x-1.{name}', 'Order-Inner.x-1.Order-Inner'],
  ];
  for (const [text, domain] of table) {
    test(`${text} → ${domain}`, () => {
      const template = parseTemplate(text);
      assert.ok(template.ok);
      assert.equal(expandTemplate(template.value, values).join('.'), domain);
    });
  }

  test('a missing field disappears with its dot', () => {
    const template = parseTemplate('{name}.{application}.{organization}.{package}.svc');
    assert.ok(template.ok);
    assert.equal(
      expandTemplate(template.value, { interface: 'A' as InterfaceName, application: '' }).join('.'),
      'A.svc',
    );
    assert.equal(expandTemplate(DEFAULT_TEMPLATE, { interface: 'A' as InterfaceName }).join('.'), 'A.svc');
  });

  const bad: readonly (readonly [template: string, reason: string])[] = [
    ['{package}.svc', 'the template lacks {name}: all interfaces of a package would get one domain'],
    [
      '{nmae}',
      "unknown field '{nmae}': expected one of name, package, application, organization, module, environment, namespace, group; did you mean name?",
    ],
    ['{name|upper}', "unknown '|upper' in the template: expected |reverse or |lower"],
    ['{name}..svc', "'' in the template: expected a {field} or a label of letters, digits and '-'"],
    ['{name}.s_c', "'s_c' in the template: expected a {field} or a label of letters, digits and '-'"],
    ['{name', "'{name' in the template: expected a {field} or a label of letters, digits and '-'"],
    ['x{name}', "'x{name}' in the template: expected a {field} or a label of letters, digits and '-'"],
    [
      `{name}.${'x'.repeat(64)}`,
      `'${'x'.repeat(64)}' in the template: expected a {field} or a label of letters, digits and '-'`,
    ],
  ];
  for (const [text, reason] of bad) {
    test(`${text} is refused`, () => {
      const result = parseTemplate(text);
      assert.equal(result.ok ? 'good' : result.reason, reason);
    });
  }
});

suite('names that fit', () => {
  test('the call name in its spellings', () => {
    assert.deepEqual(callNameLabels('com.foo.A' as InterfaceName), [['com', 'foo', 'A']]);
    assert.deepEqual(callNameLabels('com.foo.A$B_c' as InterfaceName), [
      ['com', 'foo', 'A$B_c'],
      ['com', 'foo', 'A-B-c'],
    ]);
  });

  test('fitting keeps what fits, and the ends of what does not', () => {
    const plain = labelsOf(fitLabels(['A', 'foo', 'com'], 200, 'com.foo.A'));
    assert.deepEqual(plain, ['A', 'foo', 'com']);
    const fitted = labelsOf(
      fitLabels(['Service', ...Array.from({ length: 40 }, (_, i) => `p${i}`), 'svc'], 60, 'x'),
    );
    assert.equal(fitted[0], `Service-${shortHash('x')}`);
    assert.deepEqual(fitted.slice(-3), ['p38', 'p39', 'svc']);
  });

  const label = fc.stringMatching(/^[A-Za-z][\w$]{0,70}$/);
  const name = fc
    .array(label, { minLength: 1, maxLength: 25 })
    .map((labels) => labels.join('.').slice(0, 1024).replace(/\.$/, ''))
    .filter((text) => parseInterfaceName(text).ok) as fc.Arbitrary<InterfaceName>;

  test('whatever an interface is called, every prefixed form of its names fits 255 octets', () => {
    fc.assert(
      fc.property(
        name,
        fc.string({ minLength: 1, maxLength: 90 }),
        fc.string({ minLength: 1, maxLength: 90 }),
        fc.integer({ min: 3, max: 100 }),
        (text, version, group, zoneLength) => {
          const registration = {
            ...EMPTY_REGISTRATION,
            interface: text,
            version,
            group,
            port: 1,
            protocol: 'p'.repeat(80),
            endpoints: [{ host: '1111:2222:3333:4444:5555:6666:7777:8888', port: 1, protocol: 'dubbo' }],
            source: 'test',
          };
          const merged = mergeContributions([{ registry: 'a', registration }]);
          const options = {
            template: DEFAULT_TEMPLATE,
            zoneLength,
            ttl: 5,
            address: 'vip' as const,
            maxRecords: 512,
            isRefusing: undefined,
          };
          const names = claimNames(
            new NameDraft(new NameBook(new InterfaceNumbers(), () => [])),
            text,
            1,
            { ...merged, interface: text, group },
            options,
          );
          const vip = {
            owner: merged.key,
            addresses: [parseAddress('192.0.2.1')].flatMap((one) => one ?? []),
            from: 'pool' as const,
            failure: undefined,
            refusedPin: undefined,
            behind: undefined,
            losers: [],
          };
          const { record: entry } = recordOf(text, names, [{ merged, ordinal: 1, vip }], [], options);
          for (const base of [names.domain, ...names.callNames]) {
            assert.ok(base.length <= baseLimit(zoneLength), 'the base leaves room');
            for (const form of entry.forms) {
              const longest = form.labels.length + base.length + zoneLength;
              assert.ok(
                longest +
                  Math.max(
                    ENDPOINTS.length + 40,
                    '_tcp'.length + 1 + 1 + protocolLabel('p'.repeat(80)).length,
                  ) <=
                  255,
                `${longest} octets`,
              );
              assert.ok(eachLabelFits(form.labels) && eachLabelFits(base));
            }
          }
          assert.ok(entry.instance.length <= 63);
        },
      ),
      { numRuns: 500 },
    );
  });
});

function eachLabelFits(prefix: Prefix): boolean {
  return labelsOf(prefix).every((label) => label.length > 0 && label.length <= 63);
}
