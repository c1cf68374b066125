import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Contribution } from '../../src/intake/contribution.ts';
import { unite } from '../../src/intake/endpoint-sets.ts';
import { type Address, addressText, parseAddress } from '../../src/name/address.ts';
import { constantPrefix, type Prefix } from '../../src/name/domain-name.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { InterfaceNumbers } from '../../src/name/interface-numbers.ts';
import { mergeContributions } from '../../src/plan/merge.ts';
import { NameBook, NameDraft } from '../../src/plan/name-book.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from '../../src/registry/registration.ts';
import { orderedByHash, Sample } from '../../src/zone/sample.ts';

const endpoint = (host: string, protocol = 'dubbo'): Endpoint => ({ host, port: 20880, protocol });

/** A contribution that says nothing but these; '' stands for unset. */
function from(registry: string, fields: Partial<Registration>): Contribution {
  const name = 'com.foo.A' as InterfaceName;
  return {
    registry,
    registration: { ...EMPTY_REGISTRATION, interface: name, protocol: '', source: registry, ...fields },
  };
}

const pin = (text: string): Address => parseAddress(text) as Address;

suite('merging', () => {
  test('endpoints are united, each once, in an order that does not depend on who came first', () => {
    const a = from('a', { endpoints: [endpoint('10.0.0.2'), endpoint('10.0.0.1')] });
    const b = from('b', { endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.1', 'tri')] });
    const expected = [endpoint('10.0.0.1'), endpoint('10.0.0.2'), endpoint('10.0.0.1', 'tri')];
    assert.deepEqual(mergeContributions([a, b]).endpoints, expected);
    assert.deepEqual(mergeContributions([b, a]).endpoints, expected);
  });

  const fields = ['application', 'organization', 'module', 'environment', 'namespace', 'protocol'] as const;
  for (const field of fields) {
    test(`of ${field} the first that says something wins, and the other is told of`, () => {
      const merged = mergeContributions([
        from('a', {}),
        from('b', { [field]: 'two' }),
        from('c', { [field]: 'three' }),
      ]);
      assert.equal(merged[field], 'two');
      assert.deepEqual(merged.conflicts, [`com.foo.A: ${field} 'two' of b wins over 'three' of c (c)`]);
    });
  }

  test('of port, ttl and vip as well; 0 seconds is something', () => {
    const a = from('a', { ttl: 0 });
    const b = from('b', { port: 1, ttl: 5, vip: pin('192.0.2.1') });
    const c = from('c', { port: 1, vip: pin('192.0.2.2') });
    const merged = mergeContributions([a, b, c]);
    assert.deepEqual([merged.port, merged.ttl, addressText(merged.vip ?? pin('::'))], [1, 0, '192.0.2.1']);
    assert.deepEqual(merged.conflicts, [
      "com.foo.A: vip '192.0.2.1' of b wins over '192.0.2.2' of c (c)",
      "com.foo.A: ttl '0' of a wins over '5' of b (b)",
    ]);
  });

  test('who contributes, each once, in the order of the configuration', () => {
    const merged = mergeContributions([from('b', {}), from('a', {}), from('b', { source: 'b2' })]);
    assert.deepEqual(
      [merged.registries, merged.sources],
      [
        ['b', 'a'],
        ['b', 'a', 'b2'],
      ],
    );
  });

  test('uniting twice changes nothing', () => {
    const endpoints = fc.array(
      fc.tuple(fc.constantFrom('10.0.0.1', 'h', 'fd00::1'), fc.constantFrom('dubbo', 'tri')),
    );
    fc.assert(
      fc.property(endpoints, (list) => {
        const once = unite(list.map(([host, protocol]) => endpoint(host, protocol)));
        assert.deepEqual(unite(once.toReversed()), once);
      }),
    );
  });
});

suite('the name book', () => {
  const name = (...labels: string[]): Prefix => constantPrefix(...labels);
  const emptyBook = () => new NameDraft(new NameBook(new InterfaceNumbers(), () => []));
  const claimant = (text: string, ordinal: number, kind: 'domain' | 'call' = 'domain') => {
    return { interface: text as InterfaceName, kind, ordinal };
  };

  test('the older keeps a name, the newer learns whose it is and gets it when it is free', () => {
    const book = emptyBook();
    assert.deepEqual(book.claim(name('X', 'com'), claimant('com.X', 1)), { granted: true });
    assert.deepEqual(book.claim(name('x', 'COM'), claimant('com.x', 2)), { granted: false, holder: 'com.X' });
    assert.deepEqual([...book.takeAffected()], []);
    book.release('com.X' as InterfaceName);
    assert.deepEqual([...book.takeAffected()], ['com.x']);
    assert.deepEqual(book.claim(name('x', 'COM'), claimant('com.x', 2)), { granted: true });
    assert.equal(book.ownerOf(name('X', 'com')), 'com.x');
  });

  test('a newcomer that is older displaces, and the displaced one is told', () => {
    const book = emptyBook();
    book.claim(name('x'), claimant('B', 2));
    assert.deepEqual(book.claim(name('x'), claimant('A', 1)), { granted: true });
    assert.deepEqual([...book.takeAffected()], ['B']);
    assert.equal(book.ownerOf(name('x')), 'A');
  });

  test('a structured domain goes before any call name, however old', () => {
    const book = emptyBook();
    book.claim(name('foo', 'com'), claimant('foo.com', 1, 'call'));
    assert.deepEqual(book.claim(name('foo', 'com'), claimant('com.foo', 9, 'domain')), { granted: true });
    assert.deepEqual([...book.takeAffected()], ['foo.com']);
    assert.deepEqual(book.claim(name('foo', 'com'), claimant('foo.com', 1, 'call')), {
      granted: false,
      holder: 'com.foo',
    });
  });

  test('an interface may have one name as domain and as call name', () => {
    const book = emptyBook();
    assert.deepEqual(book.claim(name('a'), claimant('A', 1, 'call')), { granted: true });
    assert.deepEqual(book.claim(name('a'), claimant('A', 1, 'domain')), { granted: true });
    assert.deepEqual([...book.takeAffected()], []);
  });

  test('names that are kept are not given back', () => {
    const book = emptyBook();
    book.claim(name('a'), claimant('A', 1));
    book.claim(name('b'), claimant('A', 1));
    book.release('A' as InterfaceName, new Set([name('a') as string]));
    assert.deepEqual([book.ownerOf(name('a')), book.ownerOf(name('b'))], ['A', undefined]);
  });

  test('in whatever order claims come: once all who lost try again, the first in rank has each name', () => {
    const claims = fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c'),
        ordinal: fc.nat(6),
        kind: fc.constantFrom('domain' as const, 'call' as const),
      }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(claims, (list) => {
        const book = emptyBook();
        const best = new Map<string, { kind: string; ordinal: number }>();
        for (const one of list) {
          book.claim(name(one.name), claimant(`I${one.ordinal}`, one.ordinal, one.kind));
          const other = best.get(one.name);
          const isFirst =
            other === undefined ||
            (one.kind === other.kind ? one.ordinal < other.ordinal : one.kind === 'domain');
          if (isFirst) best.set(one.name, one);
        }
        for (const [text, { ordinal }] of best) assert.equal(book.ownerOf(name(text)), `I${ordinal}`);
      }),
    );
  });
});

suite('samples', () => {
  const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 60 });

  test('at most so many, the same whatever the order of coming', () => {
    fc.assert(
      fc.property(members, fc.nat(70), (list, max) => {
        const take = (order: readonly string[]) => {
          const sample = new Sample<string>();
          for (const member of order) sample.set(member, member);
          return sample.take(max);
        };
        const taken = take(list);
        assert.equal(taken.length, Math.min(max, list.length));
        assert.deepEqual(take(list.toReversed()), taken);
      }),
    );
  });

  test('one member more displaces at most one, one fewer brings at most one', () => {
    fc.assert(
      fc.property(
        members,
        fc.string({ minLength: 9, maxLength: 9 }),
        fc.nat({ max: 40 }),
        (list, newcomer, max) => {
          const sample = new Sample<string>();
          for (const member of list) sample.set(member, member);
          const before = sample.take(max);
          sample.set(newcomer, newcomer);
          const lost = before.filter((member) => !sample.take(max).includes(member));
          assert.ok(lost.length <= 1, lost.join());
          sample.delete(newcomer);
          assert.deepEqual(sample.take(max), before);
          assert.equal(sample.size, list.length);
        },
      ),
    );
  });

  test('a list is chosen from as a sample is', () => {
    fc.assert(
      fc.property(members, fc.nat(70), (list, max) => {
        const chosen = orderedByHash(list, (member) => member).slice(0, max);
        const sample = new Sample<string>();
        for (const member of list) sample.set(member, member);
        assert.deepEqual(chosen.toSorted(), sample.take(max).toSorted());
      }),
    );
  });
});
