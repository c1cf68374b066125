/** Names of nodes, as Dubbo 3.3 and its ancestors write them, and as nobody should. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type InterfaceName, parseInterfaceName } from '../../src/name/interface-name.ts';
import {
  readDirectory,
  readDirectoryName,
  readProviderName,
  readSofaDirectoryName,
  readSofaProviderName,
} from '../../src/registry/provider-directory.ts';
import { type ProviderUrl, scanProviderUrl } from '../../src/registry/provider-url.ts';
import { StringPool } from '../../src/registry/string-pool.ts';

/** What Dubbo 3.3.6 wrote. */
const DUBBO_3 =
  'dubbo%3A%2F%2F192.0.2.2%3A20880%2Fcom.foo.UserService%3Fapplication%3Duser-app%26deprecated%3Dfalse%26dubbo%3D2.0.2%26dynamic%3Dtrue%26generic%3Dfalse%26group%3Dg1%26interface%3Dcom.foo.UserService%26methods%3Dhello%26release%3D3.3.6%26revision%3D1.0.0%26side%3Dprovider%26timestamp%3D1795358632321%26version%3D1.0.0';
/** As Dubbo 2.5 wrote, with all that an operator could set. */
const DUBBO_2 =
  'dubbo%3A%2F%2F10.20.130.230%3A20880%2Fcom.foo.UserService%3Fanyhost%3Dtrue%26application%3Dold-app%26category%3Dproviders%26default.group%3Dgray%26dubbo%3D2.5.3%26environment%3Dproduct%26interface%3Dcom.foo.UserService%26methods%3Dhello%2Cbye%26module%3Dbase%26organization%3Dtrade.acme%26owner%3Dann%26pid%3D4410%26side%3Dprovider%26timestamp%3D1404287741000%26weight%3D200';

const UNSET = { version: '', group: '', application: '', organization: '', module: '', environment: '' };

describe('a provider node', () => {
  const providers: readonly [what: string, node: string, expected: object][] = [
    [
      'Dubbo 3.3',
      DUBBO_3,
      {
        ...UNSET,
        protocol: 'dubbo',
        host: '192.0.2.2',
        port: 20880,
        version: '1.0.0',
        group: 'g1',
        application: 'user-app',
      },
    ],
    [
      'Dubbo 2.5',
      DUBBO_2,
      {
        ...UNSET,
        protocol: 'dubbo',
        host: '10.20.130.230',
        port: 20880,
        group: 'gray',
        application: 'old-app',
        organization: 'trade.acme',
        module: 'base',
        environment: 'product',
        weight: 200,
      },
    ],
    [
      'no parameters',
      encodeURIComponent('tri://10.0.0.1:50051/com.foo.A'),
      { ...UNSET, protocol: 'tri', host: '10.0.0.1', port: 50051 },
    ],
    [
      'no path',
      encodeURIComponent('rest://10.0.0.1:80?version=2'),
      { ...UNSET, protocol: 'rest', host: '10.0.0.1', port: 80, version: '2' },
    ],
    [
      'user',
      encodeURIComponent('dubbo://ann:pw@10.0.0.1:80/a'),
      { ...UNSET, protocol: 'dubbo', host: '10.0.0.1', port: 80 },
    ],
    [
      'any version',
      encodeURIComponent('dubbo://10.0.0.1:80/a?version=*&group=*'),
      { ...UNSET, protocol: 'dubbo', host: '10.0.0.1', port: 80 },
    ],
    [
      'IPv6',
      encodeURIComponent('dubbo://[FD00:0::1]:80/a'),
      { ...UNSET, protocol: 'dubbo', host: 'fd00::1', port: 80 },
    ],
    [
      'IPv6 as Java writes it',
      encodeURIComponent('dubbo://fd00:0:0:0:0:0:0:1%eth0:80/a'),
      { ...UNSET, protocol: 'dubbo', host: 'fd00::1', port: 80 },
    ],
    [
      'host name',
      encodeURIComponent('dubbo://node-1.acme_x.example:80/a'),
      { ...UNSET, protocol: 'dubbo', host: 'node-1.acme_x.example', port: 80 },
    ],
    [
      'plus and equals',
      'dubbo%3A%2F%2F10.0.0.1%3A80%2Fa%3Fgroup%3Da+b%26version%3D1%3D2',
      { ...UNSET, protocol: 'dubbo', host: '10.0.0.1', port: 80, group: 'a b', version: '1=2' },
    ],
    [
      'enabled',
      encodeURIComponent('dubbo://10.0.0.1:80/a?enabled=true&disabled=false'),
      { ...UNSET, protocol: 'dubbo', host: '10.0.0.1', port: 80 },
    ],
  ];
  for (const [what, node, provider] of providers) {
    it(`is read: ${what}`, () => assert.deepEqual(readProviderName(node), { kind: 'provider', provider }));
  }

  for (const url of [
    'empty://0.0.0.0/com.foo.A?category=providers',
    'dubbo://10.0.0.1:80/a?disabled=true',
    'dubbo://10.0.0.1:80/a?enabled=false',
    'dubbo://10.0.0.1:80/a?disabled=TRUE&version=1',
  ]) {
    it(`is none: ${url}`, () =>
      assert.deepEqual(readProviderName(encodeURIComponent(url)), { kind: 'none' }));
  }

  const bad: readonly [reason: string, node: string][] = [
    ['encoding', 'dubbo%3A%2F%2F10.0.0.1%zz'],
    ['encoding', '%'],
    ['encoding', '%ff%fe'],
    ['url', 'garbage'],
    ['url', ''],
    ['url', encodeURIComponent('://10.0.0.1:80')],
    ['url', encodeURIComponent('10.0.0.1:80')],
    ['not-a-provider', encodeURIComponent('consumer://10.0.0.1/com.foo.A?category=consumers')],
    ['not-a-provider', encodeURIComponent('override://0.0.0.0/com.foo.A?category=configurators')],
    ['not-a-provider', encodeURIComponent('dubbo://10.0.0.1:80/a?category=routers')],
    ['port', encodeURIComponent('dubbo://10.0.0.1/a')],
    ['port', encodeURIComponent('dubbo://10.0.0.1:0/a')],
    ['port', encodeURIComponent('dubbo://10.0.0.1:65536/a')],
    ['port', encodeURIComponent('dubbo://10.0.0.1:80x/a')],
    ['port', encodeURIComponent('dubbo://[fd00::1]/a')],
    ['host', encodeURIComponent('dubbo://:80/a')],
    ['host', encodeURIComponent('dubbo://0.0.0.0:80/a')],
    ['host', encodeURIComponent('dubbo://[::]:80/a')],
    ['host', encodeURIComponent('dubbo://10.0.0.256:80/a')],
    ['host', encodeURIComponent('dubbo://10.0.1:80/a')],
    ['host', encodeURIComponent('dubbo://[fd00::g]:80/a')],
    ['host', encodeURIComponent('dubbo://a b:80/a')],
    ['host', encodeURIComponent(`dubbo://${'a'.repeat(64)}:80/a`)],
  ];
  for (const [reason, node] of bad) {
    it(`is ${reason}: '${node}'`, () => {
      const reading = readProviderName(node);
      assert.equal(reading.kind === 'bad' && reading.reason, reason);
    });
  }

  it('never throws, whatever its name is, and its detail is one short line', () => {
    const url = fc
      .tuple(fc.webAuthority({ withIPv6: true, withPort: true }), fc.string())
      .map(([authority, rest]) => `dubbo://${authority}/${rest}`);
    const node = fc.oneof(fc.string({ unit: 'binary' }), url.map(encodeURIComponent), url);
    fc.assert(
      fc.property(node, (text) => {
        const reading = readProviderName(text);
        if (reading.kind === 'bad') assert.match(reading.detail, /^.{1,240}$/u);
        readDirectoryName(text);
      }),
    );
  });
});

/** The same, without haste: decoded whole, then cut. */
function slowly(node: string): ProviderUrl | 'encoding' | 'url' {
  let text: string;
  try {
    text = decodeURIComponent(node.replaceAll('+', ' '));
  } catch {
    return 'encoding';
  }
  const url = /^([^:]*):\/\/([^/?]*)(?:\/[^?]*)?(?:\?(.*))?$/s.exec(text);
  if (url === null) return 'url';
  const [, protocol = '', authority = '', query = ''] = url;
  const all = new Map<string, string>();
  for (const pair of query.split('&')) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (key !== undefined && value !== undefined) all.set(key, value);
  }
  const wanted =
    'category disabled enabled version group application organization module environment appName uniqueId weight region zone'.split(
      ' ',
    );
  const parameters: (string | undefined)[] = [];
  for (const [i, key] of [...wanted, ...wanted.map((one) => `default.${one}`)].entries())
    if (all.has(key)) parameters[i] = all.get(key);
  const colon = authority.lastIndexOf(':');
  const host = colon < 0 ? undefined : authority.slice(0, colon);
  return { protocol, host, port: authority.slice(colon + 1), parameters };
}

describe('the URL of a provider', () => {
  it('is cut as if it had been decoded first', () => {
    const key = fc.constantFrom(
      'version',
      'group',
      'uniqueId',
      'default.group',
      'default.default.group',
      'gr%6Fup',
      'side',
      '',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '1.0.0', 'a+b', 'é', '%', '%e', '%zz', '%C3'),
    );
    const value = fc.oneof(
      text,
      text.map((one) => encodeURIComponent(one.toWellFormed())),
    );
    const pair = fc.tuple(key, fc.constantFrom('=', '%3D', '%3d', ''), value).map((parts) => parts.join(''));
    const mark = (plain: string) => fc.constantFrom(plain, encodeURIComponent(plain));
    const url = fc
      .tuple(
        fc.constantFrom('dubbo', 'tri', '', 'a%2Bb', 'x%'),
        mark('://'),
        fc.oneof(fc.constantFrom('10.0.0.1:80', '10.0.0.1%3A80', 'u%40h:1:2', '', 'h'), value),
        fc.oneof(mark('/'), fc.constant('')),
        value,
        mark('?'),
        fc.tuple(fc.array(pair, { maxLength: 5 }), mark('&')).map(([pairs, and]) => pairs.join(and)),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(url, value, fc.constantFrom(DUBBO_2, DUBBO_3)), (node) => {
        assert.deepEqual(scanProviderUrl(node), slowly(node));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a child of the root', () => {
  const cases: readonly [node: string, expected: string][] = [
    ['com.foo.UserService', 'com.foo.UserService'],
    ['com.foo.OrderService%24Inner', 'com.foo.OrderService$Inner'],
    ['com.foo.OrderService$Inner', 'com.foo.OrderService$Inner'],
    ['config', 'reserved'],
    ['metadata', 'reserved'],
    ['mapping', 'reserved'],
    ['*', 'interface-name'],
    ['a b', 'interface-name'],
    ['com..foo', 'interface-name'],
    ['%', 'encoding'],
  ];
  for (const [node, expected] of cases) {
    it(`${node}: ${expected}`, () => {
      const reading = readDirectoryName(node);
      const { kind } = reading;
      assert.equal(kind === 'interface' ? reading.name : kind === 'bad' ? reading.reason : kind, expected);
    });
  }
});

describe('a directory of providers', () => {
  const name = interfaceName('com.foo.UserService');
  const source = '/dubbo/com.foo.UserService/providers';
  const read = (...urls: string[]) =>
    readDirectory(name, source, urls.map(encodeURIComponent), new StringPool());

  it('is one registration for each version and group, its endpoints united', () => {
    const { registrations, skipped } = read(
      'tri://10.0.0.2:50051/x?version=1.0.0&application=later&timestamp=1',
      'dubbo://10.0.0.1:20880/x?version=1.0.0&application=first&timestamp=1',
      'dubbo://10.0.0.1:20880/x?version=1.0.0&application=first&timestamp=2',
      'dubbo://10.0.0.9:20881/x?version=1.0.0&group=gray',
      'dubbo://10.0.0.9:20882/x?disabled=true',
      'nonsense',
    );
    assert.deepEqual(
      registrations.map(({ version, group, application, protocol, port, endpoints, source: at }) => ({
        key: `${group}/${version}`,
        scalars: [application, protocol, port, at],
        endpoints: endpoints.map((endpoint) => `${endpoint.protocol}://${endpoint.host}:${endpoint.port}`),
      })),
      [
        {
          key: '/1.0.0',
          scalars: ['first', 'dubbo', 20880, source],
          endpoints: ['dubbo://10.0.0.1:20880', 'tri://10.0.0.2:50051'],
        },
        { key: 'gray/1.0.0', scalars: ['', 'dubbo', 20881, source], endpoints: ['dubbo://10.0.0.9:20881'] },
      ],
    );
    assert.deepEqual(
      skipped.map(({ reason }) => reason),
      ['url'],
    );
    assert.ok(registrations.every((registration) => registration.interface === name));
  });

  it('does not depend on the order of the nodes', () => {
    const nodes = [DUBBO_2, DUBBO_3, 'x', encodeURIComponent('tri://10.0.0.2:1/x?version=1.0.0&group=g1')];
    const expected = readDirectory(name, source, nodes, new StringPool());
    fc.assert(
      fc.property(fc.shuffledSubarray(nodes, { minLength: nodes.length }), (shuffled) => {
        assert.deepEqual(readDirectory(name, source, shuffled, new StringPool()), expected);
      }),
    );
  });

  it('is named by its directory, not by what its providers say', () => {
    const [registration] = read('dubbo://10.0.0.1:1/x?interface=com.foo.Other').registrations;
    assert.equal(registration?.interface, 'com.foo.UserService');
  });
});

function interfaceName(text: string): InterfaceName {
  const name = parseInterfaceName(text);
  assert.ok(name.ok);
  return name.value;
}

describe('a provider node of SOFARPC', () => {
  /** What SOFARPC 5.13.2 wrote. */
  const SOFA =
    'bolt://192.0.2.2:12200?version=1.0&accepts=100000&appName=sofa-app&weight=200&language=java&pid=9800&interface=com.foo.UserService&timeout=0&serialization=hessian2&protocol=bolt&delay=-1&dynamic=true&startTime=1795359098471&id=rpc-cfg-1&uniqueId=blue&rpcVer=51302';

  it('has its uniqueId for a group, and no version: 1.0 is that of the protocol', () => {
    const provider = {
      ...UNSET,
      protocol: 'bolt',
      host: '192.0.2.2',
      port: 12200,
      application: 'sofa-app',
      weight: 200,
    };
    assert.deepEqual(readSofaProviderName(encodeURIComponent(SOFA)), {
      kind: 'provider',
      provider: { ...provider, group: 'blue' },
    });
    assert.deepEqual(readSofaProviderName(encodeURIComponent(SOFA.replace('&uniqueId=blue', ''))), {
      kind: 'provider',
      provider,
    });
  });

  it('of a directory that is named as it is: what Dubbo keeps for itself is an interface here', () => {
    assert.deepEqual(readSofaDirectoryName('com.foo.OrderService$Inner'), {
      kind: 'interface',
      name: 'com.foo.OrderService$Inner',
    });
    assert.equal(readSofaDirectoryName('config').kind, 'interface');
    assert.equal(readSofaDirectoryName('bad name').kind, 'bad');
  });

  it('is a value or a reason, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (node) => {
        const reading = readSofaProviderName(node);
        assert.ok(['provider', 'none', 'bad'].includes(reading.kind));
      }),
    );
  });
});
