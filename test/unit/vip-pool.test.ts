import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { addressText } from '../../src/name/address.ts';
import { isAtOrBelow, keyOf, type NameKey, toShortText } from '../../src/name/domain-name.ts';
import {
  addressAt,
  isUsable,
  type Pool,
  parsePool,
  poolCapacity,
  poolContains,
  poolSize,
  poolsOverlap,
} from '../../src/vip/pool.ts';
import { reverseZonesOf } from '../../src/vip/reverse-zones.ts';
import { reverseName } from '../../src/zone/reverse.ts';

function pool(text: string): Pool {
  const parsed = parsePool(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

suite('pools in CIDR notation', () => {
  const capacities: readonly (readonly [text: string, size: bigint, capacity: bigint])[] = [
    ['247.0.0.0/8', 2n ** 24n, 65536n * 254n],
    ['10.0.0.0/23', 512n, 508n],
    ['10.0.0.0/24', 256n, 254n],
    ['10.0.0.0/25', 128n, 126n],
    ['10.0.0.128/25', 128n, 126n],
    ['10.0.0.64/26', 64n, 62n],
    ['10.0.0.4/30', 4n, 2n],
    ['10.0.0.4/31', 2n, 2n],
    ['10.0.0.0/31', 2n, 1n],
    ['10.0.0.254/31', 2n, 1n],
    ['10.0.0.7/32', 1n, 1n],
    ['10.0.0.255/32', 1n, 0n],
    ['fd00::/64', 2n ** 64n, 2n ** 64n - 1n],
    ['fd00::8/126', 4n, 3n],
    ['fd00::7/128', 1n, 1n],
  ];
  for (const [text, size, capacity] of capacities) {
    test(`${text} can give ${capacity}`, () =>
      assert.deepEqual([poolSize(pool(text)), poolCapacity(pool(text))], [size, capacity]));
  }

  const bad: readonly (readonly [text: string, reason: string])[] = [
    ['247.0.0.0', "'247.0.0.0' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8"],
    ['247.0.0/8', "'247.0.0/8' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8"],
    ['247.0.0.0/', "'247.0.0.0/' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8"],
    ['/8', "'/8' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8"],
    ['247.0.0.0/-1', "'247.0.0.0/-1' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8"],
    ['247.0.0.0/33', "'247.0.0.0/33': a prefix of at most 32 bits was expected"],
    ['fd00::/129', "'fd00::/129': a prefix of at most 128 bits was expected"],
  ];
  for (const [text, reason] of bad) {
    test(`'${text}' is none`, () => {
      const parsed = parsePool(text);
      assert.equal(parsed.ok ? 'good' : parsed.reason, reason);
    });
  }

  test('bits behind the prefix: the pool that was probably meant', () => {
    const parsed = parsePool('10.1.2.3/16');
    assert.match(parsed.ok ? 'good' : parsed.reason, /did you mean .*10\.1\.0\.0/);
  });

  const blocks = fc.tuple(fc.nat(255), fc.integer({ min: 20, max: 32 })).map(([last, bits]) => {
    const size = 2 ** (32 - bits);
    const start = Math.floor((last * 16) / size) * size;
    return pool(`10.0.${start >> 8}.${start & 255}/${bits}`);
  });

  test('the capacity is the number of usable addresses, all inside', () => {
    fc.assert(
      fc.property(blocks, (block) => {
        const all = Array.from({ length: Number(poolSize(block)) }, (_, i) => addressAt(block, BigInt(i)));
        assert.ok(all.every((address) => poolContains(block, address)));
        const usable = all.filter((address) => isUsable(block, address));
        assert.equal(BigInt(usable.length), poolCapacity(block));
        assert.ok(usable.every((address) => !/\.(0|255)$/.test(addressText(address))));
      }),
    );
  });

  test('two overlap when an address is in both', () => {
    fc.assert(
      fc.property(blocks, blocks, (a, b) => {
        const inBoth = Array.from({ length: Number(poolSize(a)) }, (_, i) => addressAt(a, BigInt(i))).some(
          (address) => poolContains(b, address),
        );
        assert.equal(poolsOverlap(a, b), inBoth);
      }),
    );
  });
});

suite('reverse zones', () => {
  const table: readonly (readonly [pool: string, ...zones: string[]])[] = [
    ['247.0.0.0/8', '247.in-addr.arpa'],
    ['10.4.0.0/15', '4.10.in-addr.arpa', '5.10.in-addr.arpa'],
    ['10.4.0.0/16', '4.10.in-addr.arpa'],
    ['198.51.100.0/23', '100.51.198.in-addr.arpa', '101.51.198.in-addr.arpa'],
    ['198.51.100.0/24', '100.51.198.in-addr.arpa'],
    ['198.51.100.8/29', '100.51.198.in-addr.arpa'],
    ['198.51.100.7/32', '100.51.198.in-addr.arpa'],
    ['fd00::/8', 'd.f.ip6.arpa'],
    ['fd00::/7', 'c.f.ip6.arpa', 'd.f.ip6.arpa'],
    ['2001:db8::/127', `${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
  ];
  for (const [text, ...zones] of table) {
    const first = text === 'fd00::/7' ? 'fc00::/7' : text;
    test(first, () => assert.deepEqual(reverseZonesOf(pool(first)).map(toShortText), zones));
  }

  test('a /20 has sixteen /24s', () => {
    const zones = reverseZonesOf(pool('172.16.32.0/20')).map(toShortText);
    assert.deepEqual(
      zones,
      Array.from({ length: 16 }, (_, i) => `${32 + i}.16.172.in-addr.arpa`),
    );
  });

  const anyPool = fc.tuple(fc.nat(2 ** 31), fc.integer({ min: 8, max: 32 })).map(([bits, prefix]) => {
    const start = Number(BigInt(bits) & (~(2n ** BigInt(32 - prefix) - 1n) & 0xffffffffn));
    return pool(`${start >>> 24}.${(start >>> 16) & 255}.${(start >>> 8) & 255}.${start & 255}/${prefix}`);
  });

  test('together they cover the pool, each address in exactly one', () => {
    fc.assert(
      fc.property(anyPool, fc.bigInt({ min: 0n, max: 2n ** 24n }), (block, at) => {
        const name = keyOf(reverseName(addressAt(block, at % poolSize(block))));
        const holders = reverseZonesOf(block).filter((zone) => isAtOrBelow(name, zone as NameKey));
        assert.equal(holders.length, 1);
      }),
    );
  });

  test('down to /24 they cover nothing else', () => {
    fc.assert(
      fc.property(anyPool, (block) => {
        const zones = reverseZonesOf(block);
        const octets = zones[0] === undefined ? 0 : toShortText(zones[0]).split('.').length - 2;
        const covered = BigInt(zones.length) * 2n ** BigInt(32 - 8 * octets);
        assert.equal(covered, block.prefixLength <= 24 ? poolSize(block) : 256n);
      }),
    );
  });
});
