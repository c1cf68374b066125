import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { addressText } from '../../src/name/address.ts';
import { InterfaceNumbers } from '../../src/name/interface-numbers.ts';
import { Ledger } from '../../src/vip/ledger.ts';
import { LedgerDraft } from '../../src/vip/ledger-draft.ts';
import { isUsable, poolContains } from '../../src/vip/pool.ts';
import { address, Kept, key, pools, REUSE_AFTER } from './vip-ledger-fixtures.ts';

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

  test('an interface keeps its age while another of its services stands', () => {
    const kept = new Kept('198.51.100.8/29');
    kept.ledger.see(key('a', '1.0'), 0);
    kept.ledger.see(key('b'), 0);
    kept.ledger.see(key('a', '2.0'), 0);
    kept.ledger.forget(key('a', '1.0'), 5);
    for (let round = 1; round <= 3; round++) kept.ledger.expire(5 + round * REUSE_AFTER);
    kept.restart();
    assert.equal(kept.ledger.see(key('a', '1.0'), 5 + 4 * REUSE_AFTER), 1);
    // when nothing of it stands, it goes
    for (const version of ['1.0', '2.0']) kept.ledger.forget(key('a', version), 10_000);
    kept.ledger.expire(10_000 + REUSE_AFTER);
    assert.equal(kept.ledger.see(key('a', '1.0'), 10_000 + REUSE_AFTER), 4);
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
    const inside: boolean = poolContains(narrower, address(old)) && isUsable(narrower, address(old));
    if (inside) stayed++;
    assert.equal(given === old, inside, `${name}: ${old} → ${given}`);
  }
  assert.ok(stayed > 10 && stayed < 63, `${stayed} stayed`);
});

test('what is loaded in several parts expires the longest ago first, over all of them', () => {
  const ledger = new Ledger(pools('198.51.100.0/24'), REUSE_AFTER, new InterfaceNumbers());
  for (const [i, retiredAt] of [500, 100, 900, 300].entries()) {
    const owner = key(`com.foo.I${i}`);
    ledger.load({
      services: [{ key: owner, ordinal: i + 1, firstSeenAt: 0, retiredAt }],
      addresses: [{ address: address(`198.51.100.${i + 1}`), owner, kind: 'pool', retiredAt }],
    });
  }
  ledger.loaded();
  const draft = new LedgerDraft(ledger);
  assert.equal(draft.expire(REUSE_AFTER + 300), 2);
  const gone = draft.steps.flatMap((step) => (step.kind === 'delete-service' ? step.key.interface : []));
  assert.deepEqual(gone, ['com.foo.I1', 'com.foo.I3']);
});
