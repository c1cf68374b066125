/** Names that an interface or an application does not get: nobody loses one in silence (contract 1.1). */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import { House, type HouseOptions } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { recordLine } from '../support/server.ts';
import { sized } from '../support/size.ts';

const CONFIG =
  'zone: rpc.test\nregistries: [{ kind: file, path: a, forgetAfter: 0s }, { kind: file, path: b, forgetAfter: 0s }]\nvips: { reuseAfter: 1h }\n';
const HEAD = '$ORIGIN rpc.test.\n$TTL 60\n@ SOA ns1 admin 1 3600 600 86400 30\n@ NS ns1\nns1 A 192.0.2.1\n';

interface Registered {
  readonly name: string;
  readonly application?: string;
  readonly version?: string;
  readonly port?: number;
}

/** Both registries have been read, and know nothing. */
async function open(options: Omit<HouseOptions, 'config'> = {}): Promise<House> {
  const house = await House.open({ config: CONFIG, ...options });
  for (const registry of [0, 1]) await deliver(house, registry);
  return house;
}

async function deliver(house: House, registry: number, ...interfaces: readonly Registered[]): Promise<void> {
  await house.deliver(
    JSON.stringify({ interfaces: interfaces.map((one) => ({ port: 1, ...one })) }),
    registry,
  );
  await house.pass(3_000);
}

function conflicts(house: House, name: string): readonly string[] {
  return house.events.feed.published(name as InterfaceName)?.about.conflicts ?? [];
}

function addresses(house: House, name: string): string[] {
  const { name: asked, type, options } = parseQuestion(`${name} A`);
  const message = readMessage(house.line.handle(queryOctets(asked, type, options), 'tcp'));
  return (message?.answer ?? [])
    .map(recordLine)
    .map((line) => line.split(' ').at(-1) ?? '')
    .sort();
}

function vip(house: House, name: string): string {
  return addresses(house, `${name}.rpc.test.`)
    .filter((text) => /^\d/.test(text))
    .join();
}

suite('applications whose names make one label', () => {
  test('are told apart: the older has it, the newer a hash, and says so', async () => {
    const house = await open();
    await deliver(house, 0, { name: 'com.foo.A', application: 'a_b' });
    await deliver(house, 1, { name: 'com.foo.B', application: 'a-b' });
    assert.deepEqual(addresses(house, 'a-b.app.rpc.test.'), [vip(house, 'com.foo.A')]);
    const [text = ''] = conflicts(house, 'com.foo.B');
    const label = /^a-b\.app belongs to application a_b: that of a-b is (a-b-[0-9a-f]{8})\.app instead$/.exec(
      text,
    )?.[1];
    assert.ok(label !== undefined, text);
    assert.deepEqual(addresses(house, `${label}.app.rpc.test.`), [vip(house, 'com.foo.B')]);
    assert.deepEqual(conflicts(house, 'com.foo.A'), []);
    assert.equal(house.events.feed.totals.conflicts, 1);
  });

  test('of two characters in Chinese have a name each', async () => {
    const house = await open();
    const names = ['订单', '支付', '用户'];
    await deliver(house, 0, ...names.map((application, i) => ({ name: `com.foo.I${i}`, application })));
    assert.deepEqual(addresses(house, '--.app.rpc.test.'), [vip(house, 'com.foo.I0')]);
    for (const i of [1, 2]) {
      const label = /is (---[0-9a-f]{8})\.app instead/.exec(conflicts(house, `com.foo.I${i}`)[0] ?? '')?.[1];
      assert.deepEqual(addresses(house, `${label}.app.rpc.test.`), [vip(house, `com.foo.I${i}`)]);
    }
  });

  test('the next gets the label when the older is gone, all of its interfaces together', async () => {
    const house = await open();
    await deliver(
      house,
      0,
      { name: 'com.foo.A', application: 'a_b' },
      { name: 'com.foo.A2', application: 'a_b' },
    );
    await deliver(
      house,
      1,
      { name: 'com.foo.B', application: 'a-b' },
      { name: 'com.foo.B2', application: 'a-b' },
    );
    // one of two still names it
    await deliver(house, 0, { name: 'com.foo.A2', application: 'a_b' });
    assert.deepEqual(addresses(house, 'a-b.app.rpc.test.'), [vip(house, 'com.foo.A2')]);
    await deliver(house, 0, { name: 'com.foo.A2', application: 'other' });
    assert.deepEqual(
      addresses(house, 'a-b.app.rpc.test.'),
      [vip(house, 'com.foo.B'), vip(house, 'com.foo.B2')].sort(),
    );
    assert.deepEqual(conflicts(house, 'com.foo.B2'), []);
  });

  test('an older one that comes back has its label again; a restart decides as before', async () => {
    const store = openMemoryStore();
    const house = await open({ store });
    await deliver(house, 0, { name: 'com.foo.A', application: 'a_b' });
    await deliver(
      house,
      1,
      { name: 'com.foo.B', application: 'a-b' },
      { name: 'com.foo.B2', application: 'a-b' },
    );
    await deliver(house, 0);
    assert.equal(addresses(house, 'a-b.app.rpc.test.').length, 2);
    await deliver(house, 0, { name: 'com.foo.A', application: 'a_b' });
    assert.deepEqual(addresses(house, 'a-b.app.rpc.test.'), [vip(house, 'com.foo.A')]);
    await house.events.stop();
    const again = await House.open({ config: CONFIG, store, clock: house.clock });
    await deliver(
      again,
      1,
      { name: 'com.foo.B', application: 'a-b' },
      { name: 'com.foo.B2', application: 'a-b' },
    );
    await deliver(again, 0, { name: 'com.foo.A', application: 'a_b' });
    assert.deepEqual(addresses(again, 'a-b.app.rpc.test.'), [vip(again, 'com.foo.A')]);
    assert.equal(again.events.feed.totals.conflicts, 2);
  });

  test('one that goes in the delivery in which another comes leaves it the label', async () => {
    const house = await open();
    await deliver(house, 0, { name: 'com.foo.A', application: 'a_b' });
    await deliver(house, 0, { name: 'com.foo.B', application: 'a-b' });
    assert.deepEqual(addresses(house, 'a-b.app.rpc.test.'), [vip(house, 'com.foo.B')]);
    assert.deepEqual(conflicts(house, 'com.foo.B'), []);
  });

  test('a third one is told who has the label now', async () => {
    const house = await open();
    const [a, b, c] = ['a_b', 'a-b', 'a.b'].map((application, i) => ({ name: `com.foo.I${i}`, application }));
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    await deliver(house, 0, a, b, c);
    await deliver(house, 0, b, c);
    assert.match(conflicts(house, c.name).join(), /belongs to application a-b:/);
  });

  test('after any deliveries a restart decides as before', async () => {
    const listed = fc.record({
      name: fc.constantFrom('com.foo.A', 'com.foo.B', 'com.foo.C', 'com.foo.D'),
      version: fc.constantFrom('', '1', '2'),
      application: fc.constantFrom('a_b', 'a-b', 'a.b', ''),
    });
    const list = fc.uniqueArray(listed, {
      maxLength: 7,
      selector: ({ name, version }) => `${name} ${version}`,
    });
    const applications = (house: House) =>
      [...house.events.feed.names()].sort().map((name) => {
        return [name, conflicts(house, name), house.events.feed.viewOf(name)?.applications];
      });
    await fc.assert(
      fc.asyncProperty(fc.array(list, { minLength: 2, maxLength: 5 }), async (lists) => {
        const store = openMemoryStore();
        const house = await open({ store });
        for (const interfaces of lists) await deliver(house, 0, ...interfaces);
        const before = applications(house);
        await house.events.stop();
        const again = await House.open({ config: CONFIG, store, clock: house.clock });
        for (const registry of [1, 0]) {
          await deliver(again, registry, ...(registry === 0 ? (lists.at(-1) ?? []) : []));
        }
        await again.pass(15_000);
        assert.deepEqual(applications(again), before);
        await again.events.stop();
      }),
      { numRuns: sized('histories of applications', 20, 1000) },
    );
  });
});

suite('a call name that belongs to something else', () => {
  const cases: readonly (readonly [loser: string, by: Registered, text: RegExp])[] = [
    [
      'foo.App',
      { name: 'com.x.Y', application: 'foo' },
      /^foo\.App belongs to application foo: it does not lead/,
    ],
    ['ver-1.X', { name: 'X', version: '1' }, /^ver-1\.X is a name of X: /],
    ['_endpoints.X', { name: 'X' }, /^_endpoints\.X is a name of X: /],
    ['_dubbo._tcp.X', { name: 'X' }, /^_dubbo\._tcp\.X is a name of X: /],
    ['_tri._tcp', { name: 'com.foo.Z', application: '' }, /^_tri\._tcp lists the interfaces of _tri/],
  ];
  for (const [loser, other, text] of cases) {
    for (const isFirst of [true, false]) {
      test(`${loser}, which was registered ${isFirst ? 'first' : 'last'}, is told so, and no more when that is gone`, async () => {
        const house = await open();
        const by = { ...other, ...(loser.startsWith('_tri') ? { protocol: 'tri' } : {}) };
        if (isFirst) await deliver(house, 0, { name: loser });
        await deliver(house, 1, by);
        if (!isFirst) await deliver(house, 0, { name: loser });
        assert.match(conflicts(house, loser).join('\n'), text);
        assert.notEqual(vip(house, loser), house.services(loser)[0]?.vip.addresses.join());
        assert.ok(house.events.feed.totals.conflicts >= 1);
        await deliver(house, 1);
        assert.deepEqual(conflicts(house, loser), []);
      });
    }
  }

  test('the name server of a zone without a file keeps its own', async () => {
    const house = await open();
    await deliver(house, 0, { name: 'rpc-dns-ns' });
    assert.match(
      conflicts(house, 'rpc-dns-ns').join(),
      /^rpc-dns-ns\.rpc\.test\. belongs to a name server of the zone/,
    );
    assert.equal(house.events.feed.totals.occluded, 1);
  });

  test('a static record over an application is told to its interfaces', async () => {
    const house = await open({ zones: { 'z.zone': `${HEAD}hidden.app TXT here\n` } });
    await deliver(house, 0, { name: 'com.foo.A', application: 'hidden' });
    assert.match(
      conflicts(house, 'com.foo.A').join(),
      /^hidden\.app\.rpc\.test\. belongs to the static record at z\.zone:6/,
    );
    assert.equal(house.events.feed.totals.occluded, 1);
  });
});
