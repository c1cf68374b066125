/** A registry that comes back empty in good faith (`settleFor`), under a clock that the test turns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../../src/store/memory.ts';
import { House } from '../support/house.ts';

const CONFIG = 'registries: [ { kind: file, path: x, forgetAfter: 0s, settleFor: 30s } ]\n';
const FULL = `interfaces:
  - { name: com.foo.A, port: 1, endpoints: ["10.0.0.1:1", "10.0.0.2:1"] }
  - { name: com.foo.B, port: 1, endpoints: ["10.0.0.3:1"] }
`;
const HALF = 'interfaces: [ { name: com.foo.A, port: 1, endpoints: ["10.0.0.2:1", "10.0.0.9:1"] } ]\n';

/** `com.foo.A VIP host host` of all that is published. */
function told(house: House): string[] {
  return [...house.events.feed.names()].sort().map((name) => {
    const [service] = house.services(name);
    assert.ok(service !== undefined);
    const hosts = house.events.feed.endpointsOf(service.endpoints).map(({ host }) => host);
    return [name, service.vip.addresses.length, ...hosts.sort()].join(' ');
  });
}

const BEFORE = ['com.foo.A 1 10.0.0.1 10.0.0.2', 'com.foo.B 1 10.0.0.3'];
const GROWN = ['com.foo.A 1 10.0.0.1 10.0.0.2 10.0.0.9', 'com.foo.B 1 10.0.0.3'];
const AFTER = ['com.foo.A 1 10.0.0.2 10.0.0.9'];

test('what it lost is answered until it has settled; what it gained at once', async () => {
  const house = await House.open({ config: CONFIG });
  await house.deliver(FULL);
  assert.deepEqual(told(house), BEFORE);
  house.lose();
  await house.deliver('interfaces: []');
  assert.deepEqual(told(house), BEFORE);
  await house.pass(10_000);
  await house.deliver(HALF);
  assert.deepEqual(told(house), GROWN);
  await house.pass(19_000);
  assert.deepEqual(told(house), GROWN);
  await house.pass(1_100);
  assert.deepEqual(told(house), AFTER);
  await house.deliver('interfaces: []');
  assert.deepEqual(told(house), [], 'it has settled: it is believed');
});

test('a restart of ours in between answers the same, and waits as long again', async () => {
  const store = openMemoryStore();
  const house = await House.open({ config: CONFIG, store });
  house.events.start();
  await house.deliver(FULL);
  await house.pass(60_000);
  house.lose();
  await house.deliver('interfaces: []');
  await house.pass(20_000);
  // killed: nothing is written at its end
  const restarted = await House.open({ config: CONFIG, store, clock: house.clock });
  restarted.events.start();
  restarted.sink().state({ kind: 'syncing' });
  await restarted.settle();
  assert.deepEqual(told(restarted), BEFORE);
  await restarted.deliver(HALF);
  assert.deepEqual(told(restarted), GROWN);
  await restarted.pass(29_000);
  assert.deepEqual(told(restarted), GROWN);
  await restarted.pass(1_100);
  assert.deepEqual(told(restarted), AFTER);
});
