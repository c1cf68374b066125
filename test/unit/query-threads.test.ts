/** How many query threads there are, and what they counted together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryThreads } from '../../src/app/line-options.ts';
import { CounterSums } from '../../src/serve/counter-sums.ts';
import { Counters, MAX_BLOCKS } from '../../src/serve/counters.ts';

test('auto leaves cores to the event line; a number is taken as it is', () => {
  const byCores = [1, 2, 3, 4, 5, 8, 10, 11, 64].map((cores) => queryThreads('auto', cores));
  assert.deepEqual(byCores, [1, 1, 1, 2, 3, 6, 8, 8, 8]);
  assert.equal(queryThreads(3, 1), 3);
});

const labels = (zone: string) => ({ server: 'dns://127.0.0.1:53', zone, proto: 'udp' }) as const;
const count = (counters: Counters, block: number, times: number) => {
  for (let i = 0; i < times; i++) counters.count(block, 0, 1, 0, 0.001, 40, 80);
};

test('counts are of all threads, whatever number each gives to a zone, and stay when one dies', () => {
  const sums = new CounterSums();
  const [one, other] = [new Counters(), new Counters()];
  sums.add(one);
  sums.add(other);
  sums.name(one, 0, labels('a.'));
  sums.name(one, 1, labels('b.'));
  sums.name(other, 0, labels('b.'));
  count(one, 0, 1);
  count(one, 1, 2);
  count(other, 0, 4);
  one.add('truncated');
  other.add('truncated');
  const seen = () => {
    const sum = sums.sum();
    const zones = [...sums.blocks].map(([block, { zone }]) => [
      zone,
      sum.requests(block)[0]?.value,
      sum.duration(block).count,
    ]);
    return [...zones, sum.total('truncated')];
  };
  const all = [['a.', 1, 1], ['b.', 6, 6], 2];
  assert.deepEqual(seen(), all);
  sums.retire(one);
  assert.deepEqual(seen(), all);
  const late = new Counters();
  sums.add(late);
  sums.name(late, 0, labels('a.'));
  count(late, 0, 10);
  assert.deepEqual(seen(), [['a.', 11, 11], ['b.', 6, 6], 2]);
});

test('blocks that share the last place are counted once', () => {
  const sums = new CounterSums();
  const counters = new Counters();
  sums.add(counters);
  for (let block = 0; block < MAX_BLOCKS + 5; block++) {
    sums.name(counters, block, labels(`z${block}.`));
    count(counters, block, 1);
  }
  const value = (block: number) => sums.sum().requests(block)[0]?.value;
  assert.deepEqual([value(0), value(MAX_BLOCKS - 2), value(MAX_BLOCKS - 1)], [1, 1, 6]);
  sums.retire(counters);
  assert.deepEqual([value(0), value(MAX_BLOCKS - 2), value(MAX_BLOCKS - 1)], [1, 1, 6]);
});
