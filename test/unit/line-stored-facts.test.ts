/** What a restart answers while its registry is away, under a clock that the test turns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../../src/store/memory.ts';
import { House } from '../support/house.ts';

const CONFIG = 'registries: [ { kind: file, path: x, forgetAfter: 24h, distrustFor: 60s } ]\n';
const A = (version: string, host: string) =>
  `interfaces: [ { name: com.foo.A, port: 1, version: "${version}", endpoints: ["${host}:1"] } ]`;
const versions = (house: House) => house.services('com.foo.A').map(({ key }) => key.version);

test('a version that took another one’s place is stored when its going is past doubt, though nothing else happens', async () => {
  const store = openMemoryStore();
  const house = await House.open({ config: CONFIG, store });
  house.events.start();
  await house.deliver(A('1.0.0', '10.0.0.1'));
  await house.pass(60_000);
  await house.deliver(A('2.0.0', '10.0.0.2'), 0, 'update');
  assert.deepEqual(versions(house), ['1.0.0', '2.0.0']);
  await house.pass(60_000);
  // killed: nothing is written at its end
  const restarted = await House.open({ config: CONFIG, store, clock: house.clock });
  await restarted.settle();
  assert.deepEqual(versions(restarted), ['1.0.0', '2.0.0']);
});
