/** Applications that a registry knows by itself have what an interface has (contract 1.1). */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lookUp } from '../../src/api/look-up.ts';
import { lookupText } from '../../src/cli/lookup-text.ts';
import { addressText } from '../../src/name/address.ts';
import { subjectOfApplication } from '../../src/name/application-name.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { metadataKeys, registrationsOfInstances } from '../../src/registry/application-instances.ts';
import type { Registration } from '../../src/registry/registration.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import { House, type HouseOptions } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { recordLine } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';

const CONFIG = `zone: rpc.test
registries: [{ kind: file, path: a, forgetAfter: 0s }, { kind: file, path: b, forgetAfter: 0s }]
vips: { pools: ["247.1.0.0/24"], reuseAfter: 1h }
`;
const KEYS = metadataKeys.metadata.parse(undefined);

function instancesOf(application: string, ...instances: readonly string[]): Registration[] {
  const read = instances.map((text) => {
    const [address = '', ...pairs] = text.split(' ');
    const [host = '', port] = address.split(':');
    const metadata = Object.fromEntries(pairs.map((pair) => pair.split('=')));
    return { endpoint: { host, port: Number(port), protocol: 'http' }, metadata };
  });
  return registrationsOfInstances(application, read, KEYS, `eureka ${application}`, assert.fail);
}

async function open(options: HouseOptions = {}): Promise<House> {
  const house = await House.open({ config: CONFIG, ...options });
  await house.deliver('{ "interfaces": [] }', 0);
  await house.deliver('{ "interfaces": [] }', 1);
  return house;
}

async function register(house: House, application: string, ...instances: readonly string[]): Promise<void> {
  await house.deliverUnit(application, instancesOf(application, ...instances), 1);
  await house.pass(3_000);
}

async function registerInterfaces(house: House, ...interfaces: readonly object[]): Promise<void> {
  await house.deliver(JSON.stringify({ interfaces }));
  await house.pass(3_000);
}

function ask(house: House, text: string): { rcode: number; answer: string[]; additional: string[] } {
  const { name, type, options } = parseQuestion(text.replaceAll('~', 'rpc.test.'));
  const message = readMessage(house.line.handle(queryOctets(name, type, options), 'tcp'));
  assert.ok(message !== undefined);
  const lines = (records: typeof message.answer) =>
    records.map((record) => recordLine(record).replaceAll('rpc.test.', '~')).sort();
  return { rcode: message.rcode, answer: lines(message.answer), additional: lines(message.additional) };
}

const answer = (house: House, text: string): string[] => ask(house, text).answer;
const conflicts = (house: House, name: string) =>
  house.events.feed.published(name as never)?.about.conflicts ?? [];

/** The VIP of an interface or, with `@` in front, of an application. */
function vip(house: House, name: string): string {
  const [row] = house.events.ledger.addressesOf({ interface: name as InterfaceName, version: '', group: '' });
  assert.ok(row !== undefined && row.retiredAt === null);
  return addressText(row.address);
}

async function look(house: House, text: string): Promise<string> {
  const sources = {
    events: house.events,
    ask: async (name: never, type: number) =>
      house.line.handle(queryOctets(name, type, { bufsize: 1232 }), 'tcp'),
    zones: () => house.config.zone,
    staticFiles: () => house.zoneFiles,
  };
  const result = await lookUp(sources as never, text, undefined);
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return lookupText(text, result.value);
}

suite('an application that a registry knows by itself', () => {
  test('has a VIP, versions, SRV, endpoints, TXT, PTR and DNS-SD', async () => {
    const house = await open();
    await register(house, 'User_Service', '10.0.0.1:8080 version=1.0', '10.0.0.2:8081');
    const own = vip(house, '@User_Service');
    assert.match(own, /^247\.1\.0\./);
    assert.deepEqual(answer(house, 'user-service.app.~'), [`user-service.app.~ 5 A ${own}`]);
    assert.deepEqual(answer(house, 'ver-1-0.user-service.app.~'), [`ver-1-0.user-service.app.~ 5 A ${own}`]);
    assert.deepEqual(answer(house, '_http._tcp.user-service.app.~ SRV'), [
      '_http._tcp.user-service.app.~ 5 SRV 0 0 8080 user-service.app.~',
      '_http._tcp.user-service.app.~ 5 SRV 0 0 8081 user-service.app.~',
    ]);
    assert.deepEqual(answer(house, '_endpoints.user-service.app.~'), [
      '_endpoints.user-service.app.~ 5 A 10.0.0.1',
      '_endpoints.user-service.app.~ 5 A 10.0.0.2',
    ]);
    assert.deepEqual(answer(house, '_endpoints.ver-1-0.user-service.app.~ SRV'), [
      '_endpoints.ver-1-0.user-service.app.~ 5 SRV 0 0 8080 10-0-0-1._endpoints.user-service.app.~',
    ]);
    assert.deepEqual(answer(house, 'user-service.app.~ TXT'), [
      'user-service.app.~ 5 TXT "application=User_Service" "protocol=http" "versions=1.0" "source=registry-1" "vip-from=pool"',
    ]);
    const reverse = `${own.split('.').reverse().join('.')}.in-addr.arpa.`;
    assert.deepEqual(answer(house, `${reverse} PTR`), [`${reverse} 5 PTR user-service.app.~`]);
    assert.deepEqual(answer(house, '_http._tcp.~ PTR'), [
      '_http._tcp.~ 5 PTR user-service\\.app._http._tcp.~',
    ]);
    assert.equal(answer(house, 'user-service\\.app._http._tcp.~ SRV').length, 2);
    assert.equal(ask(house, 'user-service.~').rcode, 3, 'it has no call name');
    assert.deepEqual(answer(house, 'app.~'), []);
    assert.equal(ask(house, 'app.~').rcode, 0, 'RFC 8020');
  });

  test('answers alone, whatever interfaces say that they belong to it', async () => {
    const house = await open();
    await registerInterfaces(house, { name: 'com.foo.A', application: 'shop', port: 1 });
    const interfaces = [`shop.app.~ 5 A ${vip(house, 'com.foo.A')}`];
    assert.deepEqual(answer(house, 'shop.app.~'), interfaces);
    await register(house, 'shop', '10.0.0.1:80');
    const own = [`shop.app.~ 5 A ${vip(house, '@shop')}`];
    assert.notDeepEqual(own, interfaces);
    assert.deepEqual(answer(house, 'shop.app.~'), own);
    await register(house, 'shop');
    assert.deepEqual(answer(house, 'shop.app.~'), interfaces);
    await register(house, 'shop', '10.0.0.1:80');
    assert.deepEqual(answer(house, 'shop.app.~'), own, 'its VIP waited for it');
  });

  test('names the interfaces that its metadata lists', async () => {
    const house = await open();
    await register(house, 'shop', '10.0.0.1:80 interfaces=com.foo.A,com.foo.B version=2');
    assert.deepEqual(answer(house, 'com.foo.B.~'), [
      `B.foo.com.svc.~ 5 A ${vip(house, 'com.foo.B')}`,
      'com.foo.B.~ 5 CNAME B.foo.com.svc.~',
    ]);
    assert.deepEqual(answer(house, '_endpoints.ver-2.com.foo.A.~').length, 2);
    assert.deepEqual(answer(house, 'shop.app.~'), [`shop.app.~ 5 A ${vip(house, '@shop')}`]);
  });

  test('keeps its label from a newer one, of its own or of interfaces', async () => {
    const house = await open();
    await register(house, 'a_b', '10.0.0.1:80');
    await register(house, 'a-b', '10.0.0.2:80');
    await registerInterfaces(house, { name: 'com.foo.A', application: 'a.b', port: 1 });
    assert.deepEqual(answer(house, '_endpoints.a-b.app.~'), ['_endpoints.a-b.app.~ 5 A 10.0.0.1']);
    const [other] = conflicts(house, '@a-b');
    assert.match(
      other ?? '',
      /^a-b\.app belongs to application a_b: that of a-b is a-b-[0-9a-f]{8}\.app instead$/,
    );
    const hashed = /a-b-[0-9a-f]{8}/.exec(other ?? '')?.[0];
    assert.deepEqual(answer(house, `_endpoints.${hashed}.app.~`), [
      `_endpoints.${hashed}.app.~ 5 A 10.0.0.2`,
    ]);
    assert.match(conflicts(house, 'com.foo.A')[0] ?? '', /belongs to application a_b: that of a\.b is a-b-/);
    await register(house, 'a_b');
    assert.deepEqual(answer(house, '_endpoints.a-b.app.~'), ['_endpoints.a-b.app.~ 5 A 10.0.0.2']);
  });

  test('goes before a call name, and behind a structured domain', async () => {
    const house = await open();
    await registerInterfaces(house, { name: 'shop.app', port: 1, endpoints: ['10.1.0.1:1'] });
    assert.deepEqual(answer(house, '_endpoints.shop.app.~').at(0), '_endpoints.app.shop.svc.~ 5 A 10.1.0.1');
    await register(house, 'shop', '10.0.0.1:80');
    assert.deepEqual(answer(house, '_endpoints.shop.app.~'), ['_endpoints.shop.app.~ 5 A 10.0.0.1']);
    assert.match(
      conflicts(house, 'shop.app')[0] ?? '',
      /^shop\.app belongs to application shop: the name is shop-[0-9a-f]{8}\.app instead$/,
    );

    const other = await open({ config: `${CONFIG}answers: { template: "{name}.app" }\n` });
    await register(other, 'A', '10.0.0.1:80');
    assert.deepEqual(answer(other, '_endpoints.a.app.~'), ['_endpoints.a.app.~ 5 A 10.0.0.1']);
    await registerInterfaces(other, { name: 'com.foo.A', port: 1, endpoints: ['10.1.0.1:1'] });
    assert.deepEqual(answer(other, '_endpoints.a.app.~'), ['_endpoints.a.app.~ 5 A 10.1.0.1']);
    assert.match(
      conflicts(other, '@A')[0] ?? '',
      /^a\.app belongs to com\.foo\.A: the name is a-[0-9a-f]{8}\.app instead$/,
    );
    const mine = /a-[0-9a-f]{8}/.exec(conflicts(other, '@A')[0] ?? '')?.[0];
    assert.deepEqual(answer(other, `_endpoints.${mine}.app.~`), [`_endpoints.${mine}.app.~ 5 A 10.0.0.1`]);
  });

  test('loses its name to a version of an interface that is called so', async () => {
    const house = await open();
    await register(house, 'ver-1', '10.0.0.1:80');
    assert.deepEqual(answer(house, '_endpoints.ver-1.app.~'), ['_endpoints.ver-1.app.~ 5 A 10.0.0.1']);
    await registerInterfaces(house, { name: 'app', version: '1', port: 1, endpoints: ['10.1.0.1:1'] });
    assert.match(answer(house, 'ver-1.app.~').join(), /CNAME ver-1\.app\.svc/);
  });

  test('is governed by ownership by its name', async () => {
    const house = await open({
      config: `${CONFIG}ownership: [{ prefix: shop, namespaces: [trade] }]\n`,
    });
    const claim = { kind: 'Service', namespace: 'play', name: 'shop', createdAt: 1 } as const;
    const claimed = instancesOf('shop', '10.0.0.1:80').map((registration) => ({ ...registration, claim }));
    await house.deliverUnit('shop', claimed, 1);
    assert.equal(ask(house, 'shop.app.~').rcode, 3);
    const owner = claimed.map((registration) => ({
      ...registration,
      claim: { ...claim, namespace: 'trade' },
    }));
    await house.deliverUnit('shop', owner, 1);
    assert.equal(answer(house, 'shop.app.~').length, 1);
  });

  test('is found by lookup by its name, its key and what lookup prints', async () => {
    const house = await open();
    await register(house, 'User_Service', '10.0.0.1:8080 version=1.0');
    const expected = /^application {8}User_Service\nname {15}user-service\.app\.rpc\.test\n/;
    for (const text of ['User_Service', '@User_Service', 'user-service.app', 'user-service.app.rpc.test.'])
      assert.match(await look(house, text), expected, text);
    const byKey = await look(house, '@User_Service:1.0');
    assert.match(byKey, /service {12}@User_Service:1\.0\n {2}VIP {14}247\.1\.0\.\d+ \(pool\)/);
    assert.match(byKey, /\nver-1-0\.user-service\.app\.rpc\.test\. A: NOERROR/);
    assert.match(await look(house, vip(house, '@User_Service')), /application {8}User_Service/);
    assert.match(
      await look(house, 'user-servise.app'),
      /did you mean {7}.*user-service\.app|did you mean {7}.*@User_Service/,
    );
  });

  test('keeps its VIP over a restart', async () => {
    const path = `${tempFolder('applications')}/ledger.db`;
    const sqlite = (): Store => openSqliteStore(path);
    const first = sqlite();
    const house = await open({ store: first });
    await register(house, 'other', '10.0.0.9:80');
    await register(house, 'a/b:c', '10.0.0.1:80');
    const before = [`a-b-c.app.~ 5 A ${vip(house, '@a%2Fb%3Ac')}`];
    assert.deepEqual(answer(house, 'a-b-c.app.~'), before);
    await first.close();
    const second = sqlite();
    const again = await House.open({ config: CONFIG, store: second });
    assert.deepEqual(answer(again, 'a-b-c.app.~'), before, 'from what is stored');
    await again.deliverUnit('a/b:c', instancesOf('a/b:c', '10.0.0.1:80'), 1);
    assert.deepEqual(answer(again, 'a-b-c.app.~'), before);
    const [row] = again.events.ledger.addressesOf({
      interface: subjectOfApplication('a/b:c'),
      version: '',
      group: '',
    });
    assert.equal(row?.kind, 'pool');
    await second.close();
  });
});
