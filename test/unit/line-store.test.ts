/** The event line on a store that refuses now and then: nothing is answered that is not recorded, and nothing is forgotten. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { addressText } from '../../src/name/address.ts';
import type { InterfaceName, ServiceKey } from '../../src/name/interface-name.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { Recorder } from '../../src/store/recorder.ts';
import type { Store, StoreStep } from '../../src/store/store.ts';
import { House } from '../support/house.ts';
import { addressOf, documentOf, serviceChange, sliceChange } from '../support/services.ts';

const DAY_MS = 86_400_000;

function vip(house: House, name: string): string {
  return house.services(name)[0]?.vip.addresses.map(addressText).join() ?? 'not answered';
}

const addressStep = (text: string): StoreStep => {
  const owner: ServiceKey = { interface: text as InterfaceName, version: '', group: '' };
  return { kind: 'put-address', row: { address: addressOf(text), owner, kind: 'pool', retiredAt: null } };
};

it('an address that could not be recorded is given when the store takes it, by whatever commit that is', async () => {
  const memory = openMemoryStore();
  let isBroken = false;
  const commit = async (steps: readonly StoreStep[]) => {
    if (isBroken) throw new Error('disk full');
    await memory.commit(steps);
  };
  const house = await House.open({ store: { ...memory, commit } });
  await house.deliver('interfaces: []');
  isBroken = true;
  await house.deliver(documentOf(['com.foo.A'], '192.0.2.1'));
  assert.equal(vip(house, 'com.foo.A'), '');
  isBroken = false;
  // not the alarm's attempt, but the next window's
  await house.deliver(documentOf(['com.foo.A', 'com.foo.B'], '192.0.2.1'));
  assert.match(vip(house, 'com.foo.B'), /^247\./);
  await house.live(5_000);
  assert.match(vip(house, 'com.foo.A'), /^247\./);
});

it('of two records at once the refused one is not lost by the success of the other', async () => {
  const written: string[] = [];
  const open: { readonly done: () => void; readonly fail: (error: Error) => void }[] = [];
  const store: Store = {
    ...openMemoryStore(),
    commit: async (steps) => {
      await new Promise<void>((done, fail) => open.push({ done, fail }));
      for (const step of steps) if (step.kind === 'put-address') written.push(addressText(step.row.address));
    },
  };
  const recorder = new Recorder(store, { onStoreError: () => {}, onStoreRecovered: () => {} });
  const first = recorder.record([addressStep('10.0.0.1')]);
  const second = recorder.record([addressStep('10.0.0.2')]);
  // whichever is asked first fails, all others are taken
  for (let i = 0; i < 8; i++) {
    await nextTurn();
    const [one, ...more] = open.splice(0);
    if (i === 0) one?.fail(new Error('disk full'));
    else one?.done();
    for (const other of more) other.done();
  }
  assert.deepEqual([(await first).kind, (await second).kind], ['refused', 'recorded']);
  assert.equal(recorder.isWithholding, false);
  assert.deepEqual(new Set(written), new Set(['10.0.0.1', '10.0.0.2']));
});

it('what was forgotten long ago leaves nothing behind', async () => {
  const numbers: number[] = [];
  const house = await House.open({
    alsoTell: (change) => {
      if (change.kind === 'interfaces') numbers.push(...change.changes.filter((_, i) => i % 2 === 0));
    },
  });
  for (let round = 0; round < 3; round++) {
    await house.deliver(documentOf([`com.foo.R${round}`, `com.foo.S${round}`], `192.0.2.${round + 1}`));
    await house.deliver('interfaces: []');
    await house.live(2 * DAY_MS);
  }
  assert.deepEqual([...house.events.ledger.services(), ...house.events.ledger.addresses()], []);
  assert.equal(house.events.feed.sets.size, 0);
  // those of later ones are those of the first
  assert.equal(Math.max(...numbers), 2);
});

it('a registry that registers nothing is known to a restart too', async () => {
  const store = openMemoryStore();
  const house = await House.open({ store });
  await house.deliver('interfaces: []');
  await house.live(5_000);
  // killed: nothing is told to the store any more
  const restarted = await House.open({ store, clock: house.clock });
  assert.deepEqual(restarted.events.intake.missing(), []);
  await restarted.settle();
  assert.ok(restarted.events.feed.isReady);
});

it('an optional registry that stays away keeps nothing from being ready', async () => {
  const house = await House.open({
    config: 'registries: [ { kind: file, path: x, required: false } ]\n',
  });
  house.events.start();
  await house.live(4_900);
  assert.ok(!house.events.feed.isReady);
  await house.live(1_000);
  assert.ok(house.events.feed.isReady);
});

it('a provider that went is not stored for ever, though it might have been a mass disappearance at first', async () => {
  const store = openMemoryStore();
  const house = await House.open({ store });
  await house.deliver(documentOf(['com.foo.A'], '192.0.2.1', '192.0.2.2'));
  await house.live(20_000);
  await house.deliver(documentOf(['com.foo.A'], '192.0.2.1'));
  await house.live(30_000);
  const restarted = await House.open({ store, clock: house.clock });
  await restarted.settle();
  const [service] = restarted.services('com.foo.A');
  assert.equal(restarted.events.feed.endpointsOf(service?.endpoints ?? 0).length, 1);
});

it('what changes while a decision is being recorded is not missed', async () => {
  const memory = openMemoryStore();
  let release = () => {};
  let gate: Promise<void> = Promise.resolve();
  const commit = async (steps: readonly StoreStep[]) => {
    await gate;
    await memory.commit(steps);
  };
  const config = (pools: string) => `
registries:
  - { kind: kubernetes, podCIDRs: ["10.244.0.0/16"] }
  - { kind: file, path: x, forgetAfter: 0s }
vips: { pools: [${pools}] }
`;
  const house = await House.open({ config: config('"247.0.0.0/24"'), store: { ...memory, commit } });
  await house.deliverCluster([serviceChange('one', '10.96.0.1')]);
  for (const registry of [0, 1]) await house.deliver('interfaces: []', registry);
  gate = new Promise((done) => {
    release = done;
  });
  house.say(documentOf(['com.foo.A', 'com.foo.B'], '192.0.2.1').replace('192.0.2.1', '192.0.2.7'), 1);
  await house.live(50);
  // decided for the pool by the store's time; neither is published yet
  house.sink(0).cluster([sliceChange('one', '192.0.2.7')], true);
  const reload = house.configure(config('"247.0.0.0/24", "fd47::/64"'));
  await house.live(50);
  release();
  await reload;
  await house.live(500);
  assert.equal(vip(house, 'com.foo.A'), '10.96.0.1');
  assert.match(vip(house, 'com.foo.B'), /^247\..*,fd47:/);
});
