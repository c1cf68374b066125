import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyOf } from '../../src/name/domain-name.ts';
import { octetsOf } from '../../src/name/octets.ts';
import type { LocatedRecord } from '../../src/zone/master-file.ts';
import { LocatedRecords, unpackRecords } from '../../src/zone/packed-records.ts';
import { nameOf } from './zone-fixtures.ts';

const record: fc.Arbitrary<LocatedRecord> = fc.record(
  {
    name: fc.constantFrom('a.test.', 'A.test.', 'b.a.test.', '\\000\\200.test.', '.').map(nameOf),
    type: fc.nat(65_535),
    ttl: fc.nat(2 ** 31 - 1),
    rdata: fc.uint8Array({ maxLength: 300 }).map(octetsOf),
    file: fc.constantFrom('zone', 'included', 'deeper/included'),
    line: fc.nat(5_000_000),
    column: fc.nat(60_000),
  },
  { noNullPrototype: true },
);

test('records come out as they went in, whole, by name and in the pieces that cross to other threads', () => {
  const lists = fc.oneof(
    fc.array(record, { maxLength: 20 }),
    fc.array(record, { minLength: 201, maxLength: 450, size: 'max' }),
  );
  fc.assert(
    fc.property(lists, (list) => {
      const packed = new LocatedRecords(list);
      assert.equal(packed.length, list.length);
      assert.deepEqual([...packed], list);
      for (const name of new Set(list.map((one) => keyOf(one.name))))
        assert.deepEqual(
          packed.at(name),
          list.filter((one) => keyOf(one.name) === name),
        );
      assert.deepEqual(packed.at(keyOf(nameOf('missing.test.'))), []);
      const crossed = structuredClone(packed.slices).flatMap((slice) => [...unpackRecords(slice)]);
      assert.deepEqual(
        crossed,
        list.map(({ name, type, ttl, rdata }) => ({ name, type, ttl, rdata })),
      );
      assert.ok(packed.slices.length === Math.ceil(list.length / 200));
      assert.ok(packed.equals(new LocatedRecords(list)));
      if (list.length > 0) assert.ok(!packed.equals(new LocatedRecords(list.slice(1))));
    }),
    { numRuns: 100 },
  );
});
