import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type EntryAt, RecordList } from '../../src/packed/record-list.ts';

const octetsOf = (i: number, length: number) => String.fromCharCode(i & 255).repeat(length);

/** Adds entries of these lengths, and reads all of them again. */
function fill(lengths: readonly number[]): void {
  const list = new RecordList();
  const places: EntryAt[] = [];
  for (const [i, length] of lengths.entries()) {
    const at = list.add(i & 0xffff, i, octetsOf(i, length));
    const last = places.at(-1);
    if (last !== undefined) list.setNext(last, at);
    places.push(at);
  }
  assert.ok(places.every((at) => at > 0) && new Set(places).size === lengths.length);
  let at = places[0] ?? 0;
  for (const [i, length] of lengths.entries()) {
    assert.deepEqual([list.tag(at), list.value(at), list.length(at)], [i & 0xffff, i, length]);
    assert.ok(list.text(at) === octetsOf(i, length), `the octets of entry ${i}`);
    at = list.next(at);
  }
  assert.equal(at, 0);
}

test('what is put into the list comes out again, in its order, whatever the lengths', () => {
  const length = fc.oneof(fc.nat(40), fc.constantFrom(0, 255, 65_535), fc.nat(65_535));
  fc.assert(fc.property(fc.array(length, { minLength: 1, maxLength: 60 }), fill), { numRuns: 200 });
});

test('a piece of memory may be filled to its last octet', () => {
  // 16 octets each: 65,536 of them are one megabyte, but for the first place
  for (const first of [0, 4, 8, 12]) fill([first, ...new Array<number>(140_000).fill(4)]);
});

test('values of 31 bits and tags of 16 come out as they went in', () => {
  const list = new RecordList();
  const at = list.add(0xffff, 2 ** 31 - 1, '\xff');
  assert.deepEqual([list.tag(at), list.value(at), list.text(at)], [0xffff, 2 ** 31 - 1, '\xff']);
  assert.throws(() => list.add(1, 1, 'x'.repeat(65_536)), /65536 octets in one record/);
});
