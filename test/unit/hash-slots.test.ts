import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HashSlots } from '../../src/packed/hash-slots.ts';

/** Few hashes, so that many entries meet; those of an entry are the same each time. */
const hashOf = (entry: number) => (entry * 7) % 13;

test('holds what a set holds, while it grows too, whatever meets in one slot', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 400 })), {
    maxLength: 1200,
    size: 'max',
  });
  fc.assert(
    fc.property(steps, fc.boolean(), (list, isSpread) => {
      const hash = isSpread ? (entry: number) => Math.imul(entry, 0x9e3779b1) : hashOf;
      const slots = new HashSlots(hash);
      const set = new Set<number>();
      for (const [isAdded, entry] of list) {
        if (isAdded && !set.has(entry)) slots.add(hash(entry), entry);
        if (!isAdded) slots.delete(hash(entry), entry);
        if (isAdded) set.add(entry);
        else set.delete(entry);
        assert.equal(slots.size, set.size);
        assert.equal(
          slots.find(hash(entry), (one) => one === entry),
          isAdded ? entry : 0,
        );
      }
      for (let entry = 1; entry <= 400; entry++)
        assert.equal(
          slots.find(hash(entry), (one) => one === entry),
          set.has(entry) ? entry : 0,
        );
      assert.deepEqual(
        [...slots.entries()].toSorted((a, b) => a - b),
        [...set].toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 200 },
  );
});

test('has room for what is expected at once', () => {
  const slots = new HashSlots(hashOf, 1000);
  const { table } = slots;
  for (let entry = 1; entry <= 1000; entry++) slots.add(hashOf(entry), entry);
  assert.equal(slots.table, table);
});
