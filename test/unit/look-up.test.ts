/** `lookup` finds whatever one types, and whatever it prints. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { type LookUpSources, type LookupResult, lookUp, namesMeant } from '../../src/api/look-up.ts';
import { lookupText } from '../../src/cli/lookup-text.ts';
import { toShortText } from '../../src/name/domain-name.ts';
import { parseType } from '../../src/zone/types.ts';
import { House } from '../support/house.ts';
import { queryOctets } from '../support/question.ts';
import { documentOf, serviceChange, sliceChange } from '../support/services.ts';

const Z = 'rpc.cluster.local';
const CONFIG = 'vips: { pools: ["247.1.0.0/24", "fd00:247::/120"], reuseAfter: 1h }\n';
const INTERFACES = `interfaces:
  - { name: com.foo.UserService, port: 20880, application: user-center, endpoints: ["10.0.0.1:20880"] }
  - { name: com.foo.UserService, port: 20880, version: "1.0.0", group: gray, application: user-center }
  - { name: com.foo.UserService, port: 20880, version: "1-0-0", vip: 192.0.2.7 }
  - { name: com.x.hidden, port: 1, application: a_b }
  - { name: com.x.Wide, port: 2, endpoints: ["10.0.0.2:2"] }
  - { name: com.x.wide, port: 3 }
  - { name: com.x.Order$Inner, port: 4, protocol: tri }
  - { name: com.x.${'Long'.repeat(20)}, port: 5 }
  - { name: com.x.Fixed, port: 6 }
  - { name: com.x.Old, port: 7 }
  - { name: com.x.Chinese, port: 8, application: 用户中心 }
`;
const ZONES = {
  'corp.zone': `$ORIGIN corp.example.
$TTL 60
@ SOA ns h 1 2 3 4 5
  NS ns
ns A 10.1.0.1
mysql A 10.1.0.10
*.web A 10.1.0.11
sub NS ns.sub
ns.sub A 10.1.0.12
alias DNAME web
`,
  'rpc.zone': `$ORIGIN rpc.cluster.local.
$TTL 60
@ SOA ns h 1 2 3 4 5
  NS ns
ns A 10.1.0.1
com.x.Fixed A 10.2.0.1
a-b.app TXT "taken"
`,
};

let house: House;

async function openHouse(): Promise<House> {
  const opened = await House.open({ config: CONFIG, zones: ZONES });
  // the older keeps its name
  await opened.deliver(INTERFACES.replace(/.*(version: "1-0-0"|com\.x\.wide).*\n/g, ''));
  await opened.deliver(INTERFACES);
  await opened.deliver(INTERFACES.replace(/ {2}- \{ name: com\.x\.Old.*\n/, ''));
  return opened;
}

function sourcesOf(at: House): LookUpSources {
  return {
    events: at.events,
    ask: async (name, type) => at.line.handle(queryOctets(name, type, { bufsize: 1232 }), 'tcp'),
    zones: () => at.config.zone,
    staticFiles: () => at.zoneFiles,
  };
}

async function look(text: string, type?: string, at = house): Promise<LookupResult & { text: string }> {
  const result = await lookUp(sourcesOf(at), text, type === undefined ? undefined : parseType(type));
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return { ...result.value, text: lookupText(text, result.value) };
}

const vipOf = (name: string, family = 4) => {
  const addresses = house.services(name)[0]?.vip.addresses ?? [];
  const address = addresses.find(({ length }) => length === (family === 4 ? 4 : 16)) ?? '';
  return [...address].map((octet) => octet.charCodeAt(0));
};
const vip4 = (name: string) => vipOf(name).join('.');

before(async () => {
  house = await openHouse();
});

suite('an interface', () => {
  const spellings: readonly (readonly [typed: string, owner: string])[] = [
    ['com.foo.UserService', 'com.foo.UserService'],
    ['com.foo.userservice', 'com.foo.UserService'],
    ['com.foo.UserService.', 'com.foo.UserService'],
    [`COM.foo.UserService.${Z}`, 'com.foo.UserService'],
    [`COM.foo.UserService.${Z.toUpperCase()}.`, 'com.foo.UserService'],
    ['UserService.foo.com.svc', 'com.foo.UserService'],
    [`userservice.foo.com.svc.${Z}.`, 'com.foo.UserService'],
    ['COM.X.hidden', 'com.x.hidden'],
    ['_endpoints.com.x.Wide', 'com.x.Wide'],
    ['com.x.Wide', 'com.x.Wide'],
    ['com.x.wide', 'com.x.wide'],
    ['ver-1-0-0.com.foo.UserService', 'com.foo.UserService'],
    ['grp-gray.UserService.foo.com.svc.', 'com.foo.UserService'],
    ['_dubbo._tcp.com.foo.UserService', 'com.foo.UserService'],
    ['_tri._tcp.com.x.Order$Inner', 'com.x.Order$Inner'],
    ['com.x.Order-Inner', 'com.x.Order$Inner'],
    ['10-0-0-1._endpoints.UserService.foo.com.svc', 'com.foo.UserService'],
    [`com\\.foo\\.UserService._dubbo._tcp.${Z}.`, 'com.foo.UserService'],
    ['com\\.foo\\.userservice._dubbo._tcp', 'com.foo.UserService'],
  ];
  for (const [typed, owner] of spellings) {
    test(`${typed}`, async () => {
      const { interface: found, answer, text } = await look(typed);
      assert.equal(found?.interface, owner);
      assert.equal(answer.rcode, 'NOERROR', text);
      assert.ok(answer.answer.length > 0, text);
    });
  }

  test('whose name is too long for a label', async () => {
    const name = `com.x.${'Long'.repeat(20)}`;
    const { interface: found, answer } = await look(name);
    assert.equal(found?.interface, name);
    assert.equal(answer.rcode, 'NOERROR');
    const instance = (await look('_dubbo._tcp', 'PTR')).answer.answer.find((line) => /long/i.test(line));
    const again = await look(instance?.split('\t').at(-1) ?? '');
    assert.equal(again.interface?.interface, name);
    assert.equal(again.answer.type, 'SRV');
  });

  test('that lost its name to another in time: each says so', async () => {
    const older = await look('com.x.Wide');
    assert.deepEqual(older.alsoWantedBy, ['com.x.wide']);
    assert.match(older.text, /^also wanted by {5}com\.x\.wide/m);
    const newer = await look('com.x.wide');
    assert.equal(newer.interface?.interface, 'com.x.wide');
    assert.match(newer.text, /^conflict +com\.x\.wide belongs to com\.x\.Wide: /m);
    assert.equal(newer.answer.rcode, 'NOERROR', 'asked by the name that it has');
  });
});

suite('a service by its key', () => {
  const keys: readonly (readonly [typed: string, service: string, asked: string])[] = [
    ['gray/com.foo.UserService:1.0.0', 'gray/com.foo.UserService:1.0.0', 'ver-1-0-0.grp-gray.'],
    ['gray/COM.foo.userservice:1.0.0', 'gray/com.foo.UserService:1.0.0', 'ver-1-0-0.grp-gray.'],
    ['com.foo.UserService:1-0-0', 'com.foo.UserService:1-0-0', 'ver-1-0-0-5d1fee0d.'],
  ];
  for (const [typed, service, asked] of keys) {
    test(typed, async () => {
      const result = await look(typed);
      assert.equal(result.service, service);
      assert.equal(result.name, `${asked}com.foo.UserService.${Z}.`);
      assert.equal(result.answer.rcode, 'NOERROR');
      const shown = [...result.text.matchAll(/^service +(\S+)/gm)].map(([, key]) => key);
      assert.deepEqual(shown, [service]);
      assert.match(result.text, /^other services +.*com\.foo\.UserService(,|$)/m);
    });
  }

  test('every key that it prints is found', async () => {
    for (const { service } of (await look('com.foo.UserService')).interface?.services ?? []) {
      assert.equal((await look(service)).interface?.interface, 'com.foo.UserService', service);
    }
  });

  test('of a version that nobody registered', async () => {
    const { text } = await look('com.foo.UserService:9');
    assert.match(text, /^service +com\.foo\.UserService:9 is registered nowhere$/m);
    assert.match(text, /^other services +gray\/com\.foo\.UserService:1\.0\.0, com\.foo\.UserService, /m);
  });
});

suite('a VIP', () => {
  test('of either family, and its reverse name', async () => {
    const groups = vipOf('com.x.hidden', 6);
    assert.equal(groups.length, 16);
    const v6 = Buffer.from(groups).toString('hex').match(/.{4}/g)?.join(':');
    const v4 = vip4('com.x.hidden');
    const reverse = `${v4.split('.').reverse().join('.')}.in-addr.arpa`;
    const reverse6 = `${[...Buffer.from(groups).toString('hex')].reverse().join('.')}.IP6.arpa.`;
    for (const typed of [v4, v6 ?? '', `[${v6}]`, reverse, reverse6]) {
      const result = await look(typed);
      assert.equal(result.interface?.interface, 'com.x.hidden', typed);
      assert.equal(result.vip?.owner, 'com.x.hidden');
      assert.equal(result.vip?.kind, 'pool');
      assert.match(result.answer.answer[0] ?? '', /PTR\thidden\.x\.com\.svc\.rpc\.cluster\.local\.$/, typed);
    }
  });

  test('that is a pin outside every pool', async () => {
    const { vip, text, interface: found } = await look('192.0.2.7');
    assert.equal(vip?.kind, 'pin');
    assert.equal(vip?.owner, 'com.foo.UserService:1-0-0');
    assert.equal(found?.interface, 'com.foo.UserService');
    assert.match(text, /^VIP {16}192\.0\.2\.7, a pin, in no pool$/m);
  });

  test('that rests: whose it was, until when, and how it is freed', async () => {
    const resting = [...house.events.ledger.retired()].find(({ address }) => address.length === 4);
    const address = [...(resting?.address ?? '')].map((octet) => octet.charCodeAt(0)).join('.');
    const { vip, text } = await look(address);
    assert.equal(vip?.owner, 'com.x.Old');
    assert.equal(Date.parse(vip?.restsUntil ?? '') - Date.parse(vip?.retiredAt ?? ''), 3_600_000);
    assert.match(text, /^was of service +com\.x\.Old$/m);
    assert.match(text, new RegExp(`^rests +since .* until .*; 'vips release ${address}' frees it$`, 'm'));
  });

  test('that nobody has', async () => {
    assert.match(
      (await look('247.1.0.250')).text,
      /^VIP +247\.1\.0\.250, in pool 247\.1\.0\.0\/24: nobody has it$/m,
    );
    assert.match((await look('8.8.8.8')).text, /^VIP +8\.8\.8\.8, in no pool: nobody has it$/m);
  });
});

suite('an application', () => {
  for (const typed of [
    'user-center',
    'User-Center',
    'user-center.app',
    `user-center.app.${Z}`,
    'USER-center.app.',
  ]) {
    test(typed, async () => {
      const { application, answer, text } = await look(typed);
      assert.equal(application?.application, 'user-center');
      assert.equal(application?.name, `user-center.app.${Z}`);
      assert.deepEqual(
        application?.interfaces.map((member) => member.interface),
        ['com.foo.UserService'],
      );
      assert.ok(
        answer.answer.some((line) => line.endsWith(vip4('com.foo.UserService'))),
        text,
      );
      assert.match(text, /^interface +com\.foo\.UserService {2}247\.1\./m);
    });
  }

  test('whose name no domain name can have', async () => {
    const { application, answer } = await look('用户中心');
    assert.equal(application?.application, '用户中心');
    assert.ok(
      answer.answer.some((line) => line.endsWith(vip4('com.x.Chinese'))),
      answer.answer.join(),
    );
  });

  test('as its registry writes it; that a static record has its name', async () => {
    for (const typed of ['a_b', 'a-b.app']) {
      const { application, static: place, text } = await look(typed);
      assert.equal(application?.application, 'a_b');
      assert.equal(place?.place, 'rpc.zone:7');
      assert.match(
        text,
        /^conflict +a-b\.app\.rpc\.cluster\.local belongs to the static record at rpc\.zone:7$/m,
      );
    }
  });
});

suite('a static record', () => {
  const places: readonly (readonly [typed: string, line: string])[] = [
    ['mysql.corp.example', 'static record      mysql.corp.example A at corp.zone:6, zone corp.example'],
    ['MYSQL.corp.example.', 'static record      mysql.corp.example A at corp.zone:6, zone corp.example'],
    ['a.web.corp.example', 'static wildcard    \\*.web.corp.example A at corp.zone:7, zone corp.example'],
    ['x.sub.corp.example', 'delegated at       sub.corp.example NS at corp.zone:8, zone corp.example'],
    [
      'b.alias.corp.example',
      'DNAME at           alias.corp.example DNAME at corp.zone:10, zone corp.example',
    ],
  ];
  for (const [typed, line] of places) {
    test(typed, async () => {
      assert.equal((await look(typed)).text.split('\n')[0]?.replace('\\*', '*'), line.replace('\\*', '*'));
    });
  }

  test('that took the name of an interface: both are told', async () => {
    const { text, static: place, interface: found } = await look('com.x.fixed');
    assert.equal(place?.place, 'rpc.zone:6');
    assert.equal(found?.interface, 'com.x.Fixed');
    assert.match(
      text,
      /^conflict +com\.x\.fixed\.rpc\.cluster\.local\. belongs to the static record at rpc\.zone:6$/m,
    );
  });
});

suite('what nobody has', () => {
  const words: readonly (readonly [typed: string, meant: RegExp])[] = [
    ['com.foo.UserServce', /^did you mean {7}com\.foo\.UserService$/m],
    [`_endpoints.com.foo.UserServce.${Z}.`, /^did you mean {7}com\.foo\.UserService$/m],
    ['gray/com.foo.UserServic:1.0.0', /^did you mean {7}com\.foo\.UserService$/m],
    ['UserService', /^did you mean {7}com\.foo\.UserService$/m],
    ['user-centre', /^did you mean {7}user-center$/m],
    ['user-centre.app', /^did you mean {7}user-center$/m],
    ['UserServise.foo.com.svc', /^did you mean {7}UserService\.foo\.com\.svc$/m],
  ];
  for (const [typed, meant] of words) {
    test(`${typed}: what may have been meant`, async () => {
      const { text } = await look(typed);
      assert.ok(text.includes(`looked for         '${typed}' as an interface, a service`), text);
      assert.match(text, meant);
    });
  }

  test('nothing is near', async () => {
    const { didYouMean, text } = await look('zzz.qqq.example');
    assert.deepEqual(didYouMean, []);
    assert.doesNotMatch(text, /did you mean/);
  });

  test('a name that only has names below it, and one of the zone itself', async () => {
    assert.equal(
      (await look('foo.com.svc')).text.split('\n')[0],
      `foo.com.svc.${Z}. only has names below it`,
    );
    assert.match((await look('_services._dns-sd._udp')).text, /is a name of the zone itself/);
  });
});

test('at most three are suggested, and a large catalogue is not compared letter by letter', async () => {
  const large = await House.open();
  const rows = Array.from({ length: 12_000 }, (_, i) => `  - { name: com.large.Service${i}, port: 1 }\n`);
  await large.deliver(`interfaces:\n${rows.join('')}`);
  const start = performance.now();
  const { didYouMean } = await look('com.large.Service11x', undefined, large);
  assert.equal(didYouMean.length, 3);
  assert.ok(performance.now() - start < 3000);
});

test('a ClusterIP: the Service, and all who are answered with it', async () => {
  const config = 'registries: [{ kind: kubernetes }, { kind: file, path: x }]\n';
  const cluster = await House.open({ config });
  await cluster.deliverCluster([serviceChange('user', '10.96.0.7'), sliceChange('user', '10.1.0.7')]);
  await cluster.deliver('interfaces: []');
  await cluster.deliver(documentOf(['com.foo.A', 'com.foo.B'], '10.1.0.7'), 1);
  const { vip, text, interface: found } = await look('10.96.0.7', undefined, cluster);
  assert.equal(vip?.kind, 'cluster-ip');
  assert.equal(vip?.behind, 'trade/user');
  assert.deepEqual(vip?.interfaces, ['com.foo.A', 'com.foo.B']);
  assert.equal(found, null);
  assert.match(text, /^VIP {16}10\.96\.0\.7, ClusterIP of Service trade\/user$/m);
  assert.match(text, /^answered for {7}com\.foo\.A\nanswered for {7}com\.foo\.B$/m);
});

test('in several zones: a name is asked where it lies, one without a zone is meant in each', async () => {
  const both = await House.open({ config: 'zone: [a.test, b.a.test]\n' });
  await both.deliver('interfaces:\n  - { name: com.foo.A, port: 1, application: one }\n');
  assert.equal((await look('com.foo.A', undefined, both)).name, 'com.foo.A.a.test.');
  const inner = await look('COM.foo.A.B.a.test', undefined, both);
  assert.equal(inner.interface?.interface, 'com.foo.A');
  assert.equal(inner.answer.rcode, 'NOERROR');
  const meant = async (text: string) => {
    const names = await namesMeant(sourcesOf(both), text);
    return names.ok ? names.value.map(toShortText) : names.reason;
  };
  assert.deepEqual(await meant('com.foo.a'), ['com.foo.a.a.test', 'com.foo.a.b.a.test']);
  assert.deepEqual(await meant('com.foo.A.a.test'), ['com.foo.A.a.test']);
  assert.deepEqual(await meant('one'), ['one.app.a.test', 'one.app.b.a.test']);
  assert.deepEqual(await meant('com.foo.Later'), ['com.foo.later.a.test', 'com.foo.later.b.a.test']);
  assert.match(String(await meant('a..b')), /empty label/);
});
