import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { addressText, parseAddress } from '../../src/name/address.ts';
import { keyOf } from '../../src/name/domain-name.ts';
import { clientAddress, networkContains, networkText, parseNetwork } from '../../src/name/network.ts';
import { Exchange } from '../../src/serve/exchange.ts';
import { Listener } from '../../src/serve/listener.ts';
import { QueryLog, type QueryLogFilter, type QueryLogLine } from '../../src/serve/query-log.ts';
import { parsePool, poolContains } from '../../src/vip/pool.ts';
import { TYPE } from '../../src/zone/types.ts';
import { queryOctets } from '../support/question.ts';
import { nameOf } from './zone-fixtures.ts';

const NAME = nameOf('com.foo.A.rpc.test.');

/** Whether a query of `client` for NAME is logged. */
function isLogged(filter: QueryLogFilter, client: string): boolean {
  const lines: QueryLogLine[] = [];
  const log = new QueryLog((line) => lines.push(line));
  log.set(filter);
  const query = queryOctets(NAME, TYPE.A);
  const family = client.includes(':') ? 'IPv6' : 'IPv4';
  const exchange = new Exchange();
  const from = { address: client, port: 1, family } as const;
  exchange.begin(query, query.length, query, 1232, new Listener('dns://test', 'udp'), from);
  exchange.nameLength = NAME.length;
  exchange.type = TYPE.A;
  const met = log.write(exchange, query.length, 0);
  assert.equal(lines.length, met ? 1 : 0);
  return met;
}

suite('clients of a network', () => {
  const cases: readonly (readonly [network: string, client: string, met: boolean])[] = [
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.0/8', '127.9.9.9', true],
    ['127.0.0.0/8', '::ffff:127.9.9.9', true],
    ['127.0.0.0/8', '::1', false],
    ['10.0.0.128/25', '10.0.0.200', true],
    ['10.0.0.128/25', '10.0.0.127', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['fd00::/64', 'fd00::1:2:3:4', true],
    ['fd00::/64', 'fd00:0:0:1::1', false],
    ['FD00:0::1', 'fd00::1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.7', '::ffff:10.0.0.7', true],
    ['::/0', 'fd00::1', true],
  ];
  for (const [text, client, met] of cases) {
    test(`${text}: ${client} ${met ? 'is' : 'is not'} among them`, () => {
      const network = parseNetwork(text);
      assert.ok(network.ok);
      assert.equal(isLogged({ client: network.value }, client), met);
    });
  }

  for (const text of [
    '',
    'nonsense',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0',
    'fd00::/129',
    '/8',
    'a/8',
  ]) {
    test(`'${text}' is refused`, () => {
      const network = parseNetwork(text);
      assert.ok(!network.ok);
      assert.match(
        network.reason,
        /expected an address or a network such as 10\.0\.0\.7, 10\.0\.0\.0\/8 or fd00::\/64$/,
      );
    });
  }

  test('agrees with the pools on what lies inside', () => {
    const octets = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    const text = (bytes: Uint8Array) => addressText(Buffer.from(bytes).toString('latin1') as never);
    fc.assert(
      fc.property(octets, octets, fc.nat(128), (a, b, length) => {
        const network = parseNetwork(`${text(a)}/${Math.min(length, a.length * 8)}`);
        assert.ok(network.ok);
        const bits = network.value.bits;
        const pool = parsePool(`${addressText(network.value.address)}/${bits}`);
        const address = clientAddress(text(b));
        assert.ok(pool.ok && address !== undefined);
        assert.equal(networkContains(network.value, address), poolContains(pool.value, address));
        const again = parseNetwork(networkText(network.value));
        assert.deepEqual(again.ok && again.value, network.value);
      }),
    );
    assert.equal(clientAddress('::ffff:1.2.3.4'), parseAddress('1.2.3.4'));
  });
});

test('one of several names, and all below it; and a client as well', () => {
  const names = [keyOf(nameOf('com.foo.B.rpc.test.')), keyOf(nameOf('foo.a.rpc.test.'))];
  assert.ok(isLogged({ names }, '10.0.0.1'));
  assert.ok(!isLogged({ names: names.slice(0, 1) }, '10.0.0.1'));
  const client = parseNetwork('10.0.0.0/8');
  assert.ok(client.ok);
  assert.ok(isLogged({ names, client: client.value }, '10.0.0.1'));
  assert.ok(!isLogged({ names, client: client.value }, '11.0.0.1'));
});
