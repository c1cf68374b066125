import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, addressText, isIpv4 } from '../../src/name/address.ts';
import type { AddressRow } from '../../src/vip/ledger-rows.ts';
import { addressAt, isUsable, type Pool, poolContains, poolSize } from '../../src/vip/pool.ts';
import { sized } from '../support/size.ts';
import { address, Kept, key, pools, REUSE_AFTER } from './vip-ledger-fixtures.ts';

/* A random life of a ledger, held against what the contract says (1.3). */

type Step =
  | { readonly kind: 'grant'; readonly owner: string; readonly pin: string | undefined }
  | { readonly kind: 'retire' | 'release'; readonly owner: string }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'expire' | 'restart' }
  | { readonly kind: 'pools'; readonly texts: readonly string[] };

const POOLS: readonly (readonly string[])[] = [
  ['198.51.100.248/29'],
  ['198.51.100.240/28'],
  ['198.51.100.248/29', '203.0.113.4/31'],
  ['198.51.100.248/29', '2001:db8::/126'],
  ['203.0.113.0/29'],
];

const owner = fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I');
const pin = fc.constantFrom(
  undefined,
  undefined,
  undefined,
  '198.51.100.250',
  '198.51.100.251',
  '192.0.2.1',
  '2001:db8::2',
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('grant' as const), owner, pin }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('retire' as const, 'retire' as const, 'release' as const),
      owner,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 400, 600, REUSE_AFTER),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('expire' as const, 'restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pools' as const), texts: fc.constantFrom(...POOLS) }),
  },
);

function usableIn(all: readonly Pool[], family: 4 | 6): Address[] {
  return all
    .filter((pool) => pool.family === family)
    .flatMap((pool) =>
      Array.from({ length: Number(poolSize(pool)) }, (_, i) => addressAt(pool, BigInt(i))).filter((one) =>
        isUsable(pool, one),
      ),
    );
}

function checkGrant(
  kept: Kept,
  before: ReadonlyMap<Address, AddressRow>,
  name: string,
  wanted: Address | undefined,
  now: number,
): void {
  const rests = (row: AddressRow) => row.retiredAt !== null && now - row.retiredAt < REUSE_AFTER;
  const isFree = (one: Address) => {
    const row = before.get(one);
    return row === undefined || row.owner.interface === name || (row.retiredAt !== null && !rests(row));
  };
  const { addresses, from, failure, refusedPin } = kept.ledger.grant(key(name), wanted, now);
  for (const one of addresses) assert.ok(isFree(one), `${addressText(one)} was another's`);
  if (wanted !== undefined)
    assert.equal(refusedPin === undefined, isFree(wanted), 'a pin is refused only when another has it');
  if (wanted !== undefined && refusedPin === undefined) {
    assert.deepEqual([addresses, from], [[wanted], 'pin']);
    return;
  }
  for (const family of [4, 6] as const) {
    const usable = usableIn(kept.pools, family);
    const given = addresses.filter((one) => (isIpv4(one) ? 4 : 6) === family);
    assert.ok(given.length <= 1, 'one of each family');
    assert.ok(
      given.every((one) => usable.includes(one)),
      'inside the pools, and usable',
    );
    const own = [...before.values()].filter(
      (row) => row.owner.interface === name && usable.includes(row.address),
    );
    const live = own.find((row) => row.retiredAt === null && row.kind === 'pool');
    if (live !== undefined) assert.deepEqual(given, [live.address], 'it never moves');
    else if (own.some(rests))
      assert.ok(
        own.some((row) => row.address === given[0]),
        'the owner gets it back',
      );
    else if (given.length === 0)
      assert.deepEqual(usable.filter(isFree), [], 'a pool is full only when it is full');
  }
  assert.equal(
    failure === undefined,
    new Set(kept.pools.map((pool) => pool.family)).size === addresses.length,
  );
}

function checkAlways(kept: Kept): void {
  kept.keep();
  const rows = [...kept.ledger.addresses()];
  assert.deepEqual(
    new Map(rows.map((row) => [row.address, row])),
    new Map(kept.rows),
    'the changes tell all',
  );
  const live = rows.filter((row) => row.retiredAt === null);
  const holders = live.map((row) => `${row.owner.interface} ${row.address.length} ${row.kind}`);
  assert.equal(new Set(holders).size, holders.length, 'one VIP of a family for each owner');
  for (const { pool, used, quarantined } of kept.ledger.poolUse()) {
    const inside = rows.filter((row) => poolContains(pool, row.address) && isUsable(pool, row.address));
    const resting = inside.filter((row) => row.retiredAt !== null).length;
    assert.deepEqual(
      { used, quarantined },
      { used: inside.length - resting, quarantined: resting },
      pool.text,
    );
  }
}

test('a random life holds every promise', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const kept = new Kept(...(POOLS[0] ?? []));
      let now = 1_000_000;
      for (const one of steps) {
        const before = new Map(kept.rows);
        switch (one.kind) {
          case 'grant':
            checkGrant(kept, before, one.owner, one.pin === undefined ? undefined : address(one.pin), now);
            break;
          case 'retire':
            kept.ledger.retire(key(one.owner), now);
            break;
          case 'release':
            kept.ledger.release(key(one.owner));
            break;
          case 'pass':
            now += one.ms;
            break;
          case 'expire':
            kept.ledger.expire(now);
            break;
          case 'restart':
            kept.restart();
            break;
          case 'pools':
            kept.restart(pools(...one.texts));
            break;
        }
        checkAlways(kept);
        if (one.kind !== 'expire') continue;
        for (const row of kept.rows.values()) {
          assert.ok(row.retiredAt === null || now - row.retiredAt < REUSE_AFTER, 'expired rows are gone');
        }
      }
    }),
    { numRuns: sized('lives of a ledger', 500, 20_000) },
  );
});
