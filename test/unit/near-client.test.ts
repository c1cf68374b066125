/** Answers that are the providers themselves: a client is told those near it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { EMPTY_REGISTRATION } from '../../src/registry/registration.ts';
import type { Client } from '../../src/serve/client.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import { House } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { recordLine } from '../support/server.ts';

const configOf = (address: string) => `zone: rpc.test
answers: { address: ${address} }
registries: [{ kind: file, path: a, forgetAfter: 0s }]
vips: { pools: [247.1.0.0/24] }
localities:
  - { region: r, zone: z1, cidrs: [10.1.0.0/16, "fd00:1::/64"] }
  - { region: r, zone: z2, cidrs: [10.2.0.0/16] }
  - { region: s, zone: z1, cidrs: [10.3.0.0/16, 10.2.9.0/24] }
`;
const NAME = 'com.foo.A.rpc.test.';

async function open(address: string, ...endpoints: readonly string[]): Promise<House> {
  const house = await House.open({ config: configOf(address) });
  await deliver(house, ...endpoints);
  return house;
}

function deliver(house: House, ...endpoints: readonly string[]): Promise<void> {
  return house.deliver(
    JSON.stringify({ interfaces: [{ name: 'com.foo.A', port: 1, vip: '247.1.0.1', endpoints }] }),
  );
}

function ask(house: House, from: string, text: string) {
  const { name, type, options } = parseQuestion(text);
  const family = from.includes(':') && !from.startsWith('::ffff:') ? 'IPv6' : 'IPv4';
  const client: Client = { address: from, port: 4711, family };
  const message = readMessage(house.line.handle(queryOctets(name, type, options), 'udp', client));
  assert.ok(message !== undefined);
  const addresses = (records: typeof message.answer) =>
    records
      .map(recordLine)
      .filter((line) => / (A|AAAA) /.test(line))
      .map((line) => line.slice(line.lastIndexOf(' ') + 1))
      .sort()
      .join(' ');
  return { answer: addresses(message.answer), additional: addresses(message.additional) };
}

const answer = (house: House, from: string, text = `${NAME} A`) => ask(house, from, text).answer;

suite('a client', () => {
  test('is told the providers in its own zone, then those in its region, then all', async () => {
    const house = await open(
      'endpoints',
      '10.1.0.1:1',
      '10.1.0.2:1',
      '10.2.0.1:1',
      '10.3.0.1:1',
      '10.9.0.1:1',
    );
    const all = '10.1.0.1 10.1.0.2 10.2.0.1 10.3.0.1 10.9.0.1';
    // each asked twice, and between others: what is held for one must not reach another
    for (let i = 0; i < 2; i++) {
      assert.equal(answer(house, '10.1.7.7'), '10.1.0.1 10.1.0.2');
      assert.equal(answer(house, '10.2.7.7'), '10.2.0.1');
      assert.equal(answer(house, '10.2.9.7'), '10.3.0.1', 'the smallest block decides');
      assert.equal(answer(house, '192.0.2.1'), all, 'one that is nowhere');
      assert.equal(answer(house, 'fd00:1::7'), '10.1.0.1 10.1.0.2');
      assert.equal(answer(house, '::ffff:10.2.7.7'), '10.2.0.1');
      assert.equal(answer(house, 'control'), all);
    }
    await deliver(house, '10.2.0.1:1', '10.3.0.1:1');
    assert.equal(answer(house, '10.1.7.7'), '10.2.0.1', 'its region, when its zone has none');
    await deliver(house, '10.9.0.1:1', '10.3.0.1:1');
    assert.equal(answer(house, '10.1.7.7'), '10.3.0.1 10.9.0.1', 'never an empty answer');
    await deliver(house, '10.1.0.1:1', '10.3.0.1:1');
    assert.equal(answer(house, '10.1.7.7'), '10.1.0.1', 'and back');
  });

  test('goes by what the registry says before its address', async () => {
    const house = await open('endpoints');
    const at = (host: string, region: string, zone: string) => {
      return { host, port: 1, protocol: 'dubbo', locality: { region, zone } };
    };
    const endpoints = [at('10.1.0.1', 'r', 'z2'), at('10.9.0.1', '', 'z1'), at('10.9.0.2', 's', 'z9')];
    await house.deliver('interfaces: []');
    await house.deliverUnit('u', [
      { ...EMPTY_REGISTRATION, interface: 'com.foo.A' as InterfaceName, source: 'here', port: 1, endpoints },
    ]);
    assert.equal(answer(house, '10.1.7.7'), '10.9.0.1');
    assert.equal(answer(house, '10.2.7.7'), '10.1.0.1');
  });

  test('is told the same in additional records and by ANY; `_endpoints` has all', async () => {
    const house = await open('endpoints', '10.1.0.1:1', '10.2.0.1:1');
    for (const [from, near] of [
      ['10.1.7.7', '10.1.0.1'],
      ['10.2.7.7', '10.2.0.1'],
      ['192.0.2.1', '10.1.0.1 10.2.0.1'],
    ] as const) {
      assert.equal(ask(house, from, '_dubbo._tcp.A.foo.com.svc.rpc.test. SRV').additional, near);
      assert.equal(answer(house, from, 'A.foo.com.svc.rpc.test. ANY'), near);
      assert.equal(answer(house, from, `_endpoints.${NAME} A`), '10.1.0.1 10.2.0.1');
    }
  });

  test('is told a VIP wherever it is, without looking where', async () => {
    const house = await open('vip', '10.1.0.1:1', '10.2.0.1:1');
    for (const from of ['10.1.7.7', '10.2.7.7', '192.0.2.1']) assert.equal(answer(house, from), '247.1.0.1');
    assert.equal(house.line.counters.total('composed'), 3);
  });

  test('is told otherwise when the localities are configured otherwise', async () => {
    const house = await open('endpoints', '10.1.0.1:1', '10.2.0.1:1');
    assert.equal(answer(house, '10.1.7.7'), '10.1.0.1');
    house.line.setLocalities([]);
    assert.equal(answer(house, '10.1.7.7'), '10.1.0.1 10.2.0.1');
    assert.equal(answer(house, '10.2.7.7'), '10.1.0.1 10.2.0.1');
    const [first] = house.config.localities;
    assert.ok(first !== undefined);
    house.line.setLocalities([first]);
    assert.equal(answer(house, '10.1.7.7'), '10.1.0.1');
    assert.equal(answer(house, '10.2.7.7'), '10.1.0.1 10.2.0.1');
  });
});
