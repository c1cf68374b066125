/** A store that refuses for a while, under a clock that the test turns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../../src/store/memory.ts';
import { type Store, StoreError, type StoreStep } from '../../src/store/store.ts';
import { House } from '../support/house.ts';

const interfaces = (...names: string[]) =>
  `interfaces: [ ${names.map((name) => `{ name: ${name}, port: 1 }`).join(', ')} ]`;
const isAnswered = (house: House, name: string) => house.services(name)[0]?.vip.addresses.length === 1;

test('what was withheld is answered when the store records again, whoever it recorded for', async () => {
  const memory = openMemoryStore();
  let isFull = false;
  const commit = async (steps: readonly StoreStep[]) => {
    if (isFull) throw new StoreError('full');
    await memory.commit(steps);
  };
  const store: Store = { ...memory, commit };
  const house = await House.open({ store });
  house.events.start();
  await house.deliver(interfaces('com.foo.A'));
  isFull = true;
  await house.deliver(interfaces('com.foo.A', 'com.foo.B'), 0, 'update');
  assert.ok(!isAnswered(house, 'com.foo.B'), 'its address is in no store');
  isFull = false;
  // before the alarm that would have tried again
  await house.deliver(interfaces('com.foo.A', 'com.foo.B', 'com.foo.C'), 0, 'update');
  await house.pass(2_000);
  assert.ok(isAnswered(house, 'com.foo.C'));
  assert.ok(isAnswered(house, 'com.foo.B'));
});
