import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Address, addressText, isIpv4, parseAddress } from '../../src/name/address.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../../src/name/interface-name.ts';
import { type AddressRow, Ledger, type LedgerRows, type ServiceRow } from '../../src/vip/ledger.ts';
import { addressAt, isUsable, type Pool, parsePool, poolContains, poolSize } from '../../src/vip/pool.ts';
import { sized } from '../support/size.ts';

const REUSE_AFTER = 1000;

function pools(...texts: string[]): Pool[] {
  return texts.map((text) => {
    const pool = parsePool(text);
    assert.ok(pool.ok, text);
    return pool.value;
  });
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

function key(name: string, version = ''): ServiceKey {
  return { interface: name as InterfaceName, version, group: '' };
}

/** A ledger, and beside it what a store would hold: nothing but its changes. */
class Kept {
  ledger: Ledger;
  pools: readonly Pool[];
  readonly #services = new Map<string, ServiceRow>();
  readonly rows = new Map<Address, AddressRow>();

  constructor(...texts: string[]) {
    this.pools = pools(...texts);
    this.ledger = new Ledger(this.pools, REUSE_AFTER, { services: [], addresses: [] });
  }

  /** What the store holds after the changes since the last call. */
  keep(): void {
    for (const change of this.ledger.takeChanges()) {
      if (change.kind === 'put-service') this.#services.set(serviceKeyText(change.row.key), change.row);
      else if (change.kind === 'delete-service') this.#services.delete(serviceKeyText(change.key));
      else if (change.kind === 'put-address') this.rows.set(change.row.address, change.row);
      else this.rows.delete(change.address);
    }
  }

  stored(): LedgerRows {
    // a database gives rows in an order of its own
    const byText = <T>(rows: Iterable<T>) =>
      [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return { services: byText(this.#services.values()), addresses: byText(this.rows.values()) };
  }

  restart(poolsFromNowOn = this.pools): void {
    this.keep();
    this.pools = poolsFromNowOn;
    this.ledger = new Ledger(poolsFromNowOn, REUSE_AFTER, this.stored());
  }

  give(name: string, now: number, pin?: string): string {
    const { addresses, failure } = this.ledger.grant(
      key(name),
      pin === undefined ? undefined : address(pin),
      now,
    );
    return addresses.length > 0 ? addresses.map(addressText).join(' ') : `failure: ${failure}`;
  }
}

suite('the pool promises', () => {
  test('a network, a broadcast, a .0 and a .255 address are never given', () => {
    const table = [
      ['198.51.100.252/30', ['198.51.100.253', '198.51.100.254']],
      ['198.51.100.254/31', ['198.51.100.254']],
      ['198.51.100.7/32', ['198.51.100.7']],
      ['198.51.100.4/31', ['198.51.100.4', '198.51.100.5']],
      ['198.51.100.16/30', ['198.51.100.17', '198.51.100.18']],
      ['2001:db8::/126', ['2001:db8::1', '2001:db8::2', '2001:db8::3']],
    ] as const;
    for (const [pool, usable] of table) {
      const kept = new Kept(pool);
      const given = usable.map((_, i) => kept.give(`com.foo.I${i}`, 0)).toSorted();
      assert.deepEqual(given, usable, pool);
      assert.match(kept.give('com.foo.Late', 0), /^failure: VIP pool full: /);
    }
  });

  test('a /23 skips the .0 and the .255 in its middle', () => {
    const kept = new Kept('198.51.100.0/23');
    const given = Array.from({ length: 508 }, (_, i) => kept.give(`com.foo.I${i}`, 0));
    assert.equal(new Set(given).size, 508);
    assert.deepEqual(
      given.filter((text) => /\.(0|255)$/.test(text) || text.startsWith('failure')),
      [],
    );
    assert.match(kept.give('com.foo.Late', 0), /508 used, 0 quarantined/);
  });

  test('IPv4 and IPv6 pools give one of each', () => {
    const kept = new Kept('198.51.100.8/30', '2001:db8::/126');
    assert.match(kept.give('com.foo.A', 0), /^198\.51\.100\.\d+ 2001:db8::\d$/);
  });

  test('the same owner gets the same address on every replica that meets it first', () => {
    const names = ['com.foo.A', 'com.foo.B', 'com.bar.C'];
    const one = new Kept('247.0.0.0/8');
    const other = new Kept('247.0.0.0/8');
    const given = names.map((name) => one.give(name, 0));
    assert.deepEqual(
      names
        .toReversed()
        .map((name) => other.give(name, 5))
        .toReversed(),
      given,
    );
  });

  test('a full pool says so, with the figures, and others keep theirs', () => {
    const kept = new Kept('198.51.100.8/30');
    const a = kept.give('com.foo.A', 0);
    const b = kept.give('com.foo.B', 0);
    assert.equal(
      kept.give('com.foo.C', 0),
      'failure: VIP pool full: 198.51.100.8/30 (2 used, 0 quarantined)',
    );
    kept.ledger.retire(key('com.foo.A'), 10);
    assert.equal(
      kept.give('com.foo.C', 10),
      'failure: VIP pool full: 198.51.100.8/30 (1 used, 1 quarantined)',
    );
    assert.equal(kept.give('com.foo.B', 20), b);
    assert.match(kept.give('com.foo.C', 10 + REUSE_AFTER - 1), /^failure/);
    assert.equal(kept.give('com.foo.C', 10 + REUSE_AFTER), a);
  });

  test('without any pool the reason is that', () => {
    assert.equal(new Kept().give('com.foo.A', 0), 'failure: no pool is configured (vips.pools)');
  });

  test('the order of coming survives a restart, and a return within reuseAfter', () => {
    const kept = new Kept('198.51.100.8/29');
    const { ledger } = kept;
    assert.deepEqual([ledger.see(key('b'), 0), ledger.see(key('a'), 0), ledger.see(key('b'), 1)], [1, 2, 1]);
    ledger.forget(key('b'), 5);
    kept.restart();
    assert.equal(kept.ledger.see(key('c'), 6), 3);
    assert.equal(kept.ledger.see(key('b'), 7), 1);
    kept.ledger.forget(key('b'), 8);
    kept.ledger.expire(8 + REUSE_AFTER);
    assert.equal(kept.ledger.see(key('b'), 8 + REUSE_AFTER), 4, 'later it is a newcomer');
  });

  test('release frees what rests, and never what is answered', () => {
    const kept = new Kept('198.51.100.7/32');
    assert.equal(kept.give('com.foo.A', 0), '198.51.100.7');
    assert.deepEqual(kept.ledger.release(key('com.foo.A')), []);
    kept.ledger.retire(key('com.foo.A'), 1);
    assert.match(kept.give('com.foo.B', 2), /^failure/);
    assert.deepEqual(kept.ledger.release(key('com.foo.A')).map(addressText), ['198.51.100.7']);
    assert.equal(kept.give('com.foo.B', 2), '198.51.100.7');
  });
});

suite('pins', () => {
  test('the older of two keeps the address, the newer is told who has it', () => {
    const kept = new Kept('198.51.100.8/29');
    assert.equal(kept.give('com.foo.A', 0, '192.0.2.1'), '192.0.2.1');
    const { addresses, from, refusedPin } = kept.ledger.grant(key('com.foo.B'), address('192.0.2.1'), 0);
    assert.deepEqual(
      [addresses.length, from, refusedPin],
      [1, 'pool', '192.0.2.1 is pinned by the older com.foo.A'],
    );
  });

  test('an address that the pool gave, or that rests, is not taken by a later pin', () => {
    const kept = new Kept('198.51.100.7/32');
    kept.give('com.foo.A', 0);
    const refusal = (now: number) =>
      kept.ledger.grant(key('com.foo.B'), address('198.51.100.7'), now).refusedPin;
    assert.equal(refusal(0), '198.51.100.7 was given by the pool to com.foo.A');
    kept.ledger.retire(key('com.foo.A'), 10);
    assert.equal(
      refusal(11),
      '198.51.100.7 rests until 1970-01-01T00:00:01.010Z for its last owner com.foo.A',
    );
    assert.equal(refusal(10 + REUSE_AFTER), undefined);
  });

  test('a pin that is taken back: the address from before returns within reuseAfter', () => {
    const kept = new Kept('198.51.100.8/29');
    const before = kept.give('com.foo.A', 0);
    assert.equal(kept.give('com.foo.A', 1, '192.0.2.1'), '192.0.2.1');
    assert.equal(kept.give('com.foo.A', 2), before);
    assert.deepEqual(
      kept.ledger
        .addressesOf(key('com.foo.A'))
        .map((row) => [addressText(row.address), row.retiredAt])
        .toSorted(),
      [
        ['192.0.2.1', 2],
        [before, null],
      ],
    );
  });

  test('a version of the same interface may take over its pin', () => {
    const kept = new Kept('198.51.100.8/29');
    kept.give('com.foo.A', 0, '192.0.2.1');
    const grant = kept.ledger.grant(key('com.foo.A', '1.0'), address('192.0.2.1'), 1);
    assert.deepEqual([grant.addresses.map(addressText), grant.refusedPin], [['192.0.2.1'], undefined]);
  });
});

/* A random life of a ledger, held against what the contract says. */

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
        if (one.kind === 'grant')
          checkGrant(kept, before, one.owner, one.pin === undefined ? undefined : address(one.pin), now);
        else if (one.kind === 'retire') kept.ledger.retire(key(one.owner), now);
        else if (one.kind === 'release') kept.ledger.release(key(one.owner));
        else if (one.kind === 'pass') now += one.ms;
        else if (one.kind === 'expire') kept.ledger.expire(now);
        else if (one.kind === 'restart') kept.restart();
        else kept.restart(pools(...one.texts));
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

test('a changed pool moves only the VIPs that lie outside it', () => {
  const kept = new Kept('198.51.100.0/25');
  const names = Array.from({ length: 100 }, (_, i) => `com.foo.I${i}`);
  const before = new Map(names.map((name) => [name, kept.give(name, 0)]));
  assert.ok(
    [...before.values()].includes('198.51.100.63'),
    'somebody has the narrower pool’s broadcast address',
  );
  const [narrower] = pools('198.51.100.0/26');
  assert.ok(narrower !== undefined);
  kept.restart([narrower]);
  let stayed = 0;
  for (const [name, old] of before) {
    const given = kept.give(name, 1);
    const inside = poolContains(narrower, address(old)) && isUsable(narrower, address(old));
    if (inside) stayed++;
    assert.equal(given === old, inside, `${name}: ${old} → ${given}`);
  }
  assert.ok(stayed > 10 && stayed < 63, `${stayed} stayed`);
});
