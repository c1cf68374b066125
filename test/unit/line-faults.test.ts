/** Faults that the event line once had, one test each: what is right instead. Those of replicas: `line-replicas.test.ts`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { snapshotAgeMs, stalenessMs } from '../../src/intake/source.ts';
import { addressText } from '../../src/name/address.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { House } from '../support/house.ts';
import { addressOf, documentOf, serviceChange, serviceGone, sliceChange } from '../support/services.ts';
import { ToldLine } from '../support/told-line.ts';

const HOUR_MS = 3_600_000;
const USER = 'com.foo.UserService';
const CONFIG = `
registries:
  - { kind: kubernetes, podCIDRs: ["10.244.0.0/16"] }
  - { kind: file, path: x, forgetAfter: 0s }
`;

function vip(house: House, name = USER): string {
  const placed = house.services(name)[0]?.vip;
  if (placed === undefined) return 'not answered';
  return [placed.from, ...placed.addresses.map(addressText), placed.failure ?? []].flat().join(' ');
}

/** With a cluster and a file registry, both read. */
async function openBoth(rest: Parameters<typeof House.open>[0] = {}): Promise<House> {
  const house = await House.open({ config: CONFIG, ...rest });
  await house.deliverCluster([]);
  await house.deliver('interfaces: []', 0);
  await house.deliver('interfaces: []', 1);
  return house;
}

/** Lets whatever does not wait for the test come to its end. */
async function turns(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

describe('fault 1: a rested service that returns with pod endpoints behind no slice', () => {
  it('is answered by its old address after the wait', async () => {
    const house = await openBoth();
    await house.deliver(documentOf([USER], '192.0.2.1'), 1);
    const before = vip(house);
    assert.match(before, /^pool 247\./);
    await house.deliver('interfaces: []', 1);
    assert.equal(vip(house), 'not answered');
    await house.deliver(documentOf([USER], '10.244.1.7'), 1);
    assert.equal(vip(house), 'not answered');
    await house.pass(2_000);
    assert.equal(vip(house), before);
  });
});

describe('fault 2: a withdrawal beside a running window', () => {
  it('no dead ClusterIP comes back and no serial falls, with zones and a rebuild in between', async () => {
    const memory = openMemoryStore();
    let release = () => {};
    let commits: Promise<void> = Promise.resolve();
    const store: Store = {
      ...memory,
      commit: async (steps) => {
        await commits;
        await memory.commit(steps);
      },
    };
    const told = new ToldLine();
    const house = await openBoth({ store, alsoTell: told.tell });
    await house.deliverCluster([serviceChange('user', '10.96.0.1'), sliceChange('user', '10.244.1.7')]);
    await house.deliver(documentOf([USER], '10.244.1.7'), 1);
    assert.equal(told.addresses().get(USER), '10.96.0.1');
    commits = new Promise((resolve) => {
      release = resolve;
    });
    const running = [house.deliver(documentOf([USER, 'com.foo.Another'], '10.244.1.7', '192.0.2.1'), 1)];
    await nextTurn();
    running.push(house.deliverCluster([serviceGone('user')]));
    house.clock.turnTo(house.now + 20);
    running.push(house.events.replaceZones([], [], 4_000_000_000), house.events.feed.rebuild());
    await turns();
    const withdrawnAt = told.seen.length - 1;
    assert.equal(told.addresses().get(USER), '');
    running.push(house.configure(`${CONFIG}answers: { style: flat }\n`));
    await turns();
    release();
    await Promise.all(running);
    await house.settle();
    assert.match(vip(house), /^pool 247\./);
    told.check();
    for (const addresses of told.seen.slice(withdrawnAt)) assert.notEqual(addresses.get(USER), '10.96.0.1');
    assert.ok((told.serials.at(-1) ?? 0) > 4_000_000_000);
  });
});

describe('fault 3: rows that another replica writes between loading and following', () => {
  it('are not lost: neither the address nor the place in the order', async () => {
    const memory = openMemoryStore();
    const owner = { interface: 'com.foo.Other' as InterfaceName, version: '', group: '' };
    const address = addressOf('10.0.0.1');
    const store: Store = {
      ...memory,
      open: async (listener) => {
        await memory.open(listener);
        listener.changed({
          services: [{ key: owner, ordinal: 41, firstSeenAt: 1, retiredAt: null }],
          addresses: [{ address, owner, kind: 'pool', retiredAt: null }],
          freed: [],
          placements: [],
        });
      },
    };
    const house = await House.open({ store, config: 'vips: { pools: ["10.0.0.0/30"] }\n' });
    await house.deliver(documentOf([USER, 'com.foo.B'], '192.0.2.1'));
    assert.deepEqual(house.events.ledger.rowOf(address)?.owner, owner);
    assert.equal(house.events.ledger.rowOf(address)?.retiredAt, null);
    const given = [vip(house), vip(house, 'com.foo.B')];
    assert.ok(given.includes('pool 10.0.0.2'), given.join());
    assert.equal(given.filter((text) => text.includes('10.0.0.1')).length, 0);
    assert.ok(house.events.ledger.nextOrdinal > 42);
  });
});

describe('fault 4: a reload', () => {
  for (const keepsFacts of [true, false]) {
    it(`keeps readiness, memory and distrust; the store ${keepsFacts ? 'keeps' : 'does not keep'} facts`, async () => {
      const config = 'registries: [ { kind: file, path: x, forgetAfter: 24h } ]\n';
      const told = new ToldLine();
      const store: Store = { ...openMemoryStore(), keepsFacts };
      const house = await House.open({ config, store, alsoTell: told.tell });
      const many = Array.from({ length: 200 }, (_, i) => `com.foo.S${i}`);
      await house.deliver(documentOf([USER, ...many], '192.0.2.1'));
      await house.deliver(documentOf(many, '192.0.2.1'));
      await house.pass(20_000);
      const before = vip(house);
      assert.equal(house.services(USER)[0]?.isRemembered, true);
      await house.deliver('interfaces: []');
      assert.equal(house.events.intake.source('registry-0').facts.held, 200);
      for (const more of ['answers: { ttl: 9 }\n', 'vips: { pools: ["247.0.0.0/9"] }\n', '']) {
        await house.configure(config + more);
        assert.deepEqual([house.events.feed.isReady, house.events.intake.missing()], [true, []]);
      }
      assert.deepEqual(told.readiness, [true]);
      assert.equal(vip(house), before);
      assert.equal(house.services(USER)[0]?.isRemembered, true);
      const { facts } = house.events.intake.source('registry-0');
      assert.deepEqual([facts.distrusting, facts.held], [true, 200]);
      assert.equal(house.services('com.foo.S7')[0]?.isRemembered, true);
    });
  }

  it('still finds the interfaces that hang on a Service', async () => {
    const house = await openBoth();
    await house.deliverCluster([serviceChange('user', '10.96.0.1'), sliceChange('user', '10.244.1.7')]);
    await house.deliver(documentOf([USER], '10.244.1.7'), 1);
    assert.equal(vip(house), 'join 10.96.0.1');
    // nothing that would have every interface planned anew
    await house.configure(`${CONFIG}answers: { style: flat }\n`);
    await house.deliverCluster([serviceGone('user')]);
    assert.match(vip(house), /^pool 247\./);
  });
});

describe('fault 9: how old what is answered is', () => {
  const SOURCE = 'registry-0';

  it('counts from the loss, not from the last delivery', async () => {
    const house = await House.open();
    await house.deliver(documentOf([USER], '192.0.2.1'));
    await house.pass(5 * HOUR_MS);
    const age = () => stalenessMs(house.events.intake.source(SOURCE), house.now);
    assert.equal(age(), 0);
    house.lose();
    await house.pass(60_000);
    house.lose();
    assert.equal(age(), 60_000);
    house.sink().state({ kind: 'live' });
    assert.equal(age(), 0);
  });

  it('goes on over restarts: from the loss, however often the process ends', async () => {
    const store = openMemoryStore();
    const first = await House.open({ store });
    await first.deliver(documentOf([USER], '192.0.2.1'));
    await first.pass(HOUR_MS);
    first.lose();
    await first.pass(HOUR_MS);
    await first.events.stop();
    const second = await House.open({ store, clock: first.clock });
    const ageIn = (house: House) => snapshotAgeMs(house.events.intake.source(SOURCE), house.now);
    assert.equal(ageIn(second), HOUR_MS);
    await second.pass(HOUR_MS);
    await second.events.stop();
    const third = await House.open({ store, clock: first.clock });
    assert.equal(ageIn(third), 2 * HOUR_MS);
    assert.match(vip(third), /^pool 247\./);
    await third.deliver(documentOf([USER], '192.0.2.1'));
    assert.equal(ageIn(third), 0);
  });

  it('a store that fails to take what registries said is right again when it takes it', async () => {
    const memory = openMemoryStore();
    let isBroken = false;
    const store: Store = {
      ...memory,
      commit: async (steps) => {
        if (isBroken && steps.some(({ kind }) => kind === 'put-facts')) throw new Error('disk full');
        await memory.commit(steps);
      },
    };
    const heard: string[] = [];
    const events = {
      onStoreError: () => heard.push('error'),
      onStoreRecovered: () => heard.push('recovered'),
    };
    const house = await House.open({ store, events });
    await house.deliver('interfaces: []');
    isBroken = true;
    await house.deliver(documentOf([USER], '192.0.2.1'));
    await house.live(1_000);
    assert.equal(house.events.storeError?.message, 'disk full');
    assert.match(vip(house), /^pool 247\./);
    isBroken = false;
    // nothing else happens
    await house.live(5_000);
    assert.equal(house.events.storeError, undefined);
    assert.deepEqual(heard, ['error', 'recovered']);
    const restarted = await House.open({ store, clock: house.clock });
    assert.equal(vip(restarted), vip(house));
  });
});

describe('fault 11: a change that the query thread cannot apply', () => {
  /** A query line that rejects one change of this kind when `isBroken`, without applying it. */
  async function openBroken(kind: string, where: string) {
    const told = new ToldLine();
    const failures: string[] = [];
    const state = { isBroken: false };
    const hold = async (change: { readonly kind: string; readonly where?: string }) => {
      if (!state.isBroken || change.kind !== kind || (change.where ?? '') !== where) return;
      state.isBroken = false;
      throw new Error('cannot be applied');
    };
    const events = { onFailure: ({ message }: Error) => failures.push(message) };
    const house = await House.open({ hold, alsoTell: told.tell, events });
    return { house, told, failures, state };
  }

  it('is told again, with everything else', async () => {
    const { house, told, failures, state } = await openBroken('interfaces', 'live');
    await house.deliver(documentOf([USER], '192.0.2.1'));
    state.isBroken = true;
    await house.deliver(documentOf([USER, 'com.foo.B'], '192.0.2.1'));
    assert.deepEqual(failures, ['cannot be applied']);
    await house.pass(1_100);
    await house.deliver(documentOf(['com.foo.B'], '192.0.2.1'));
    assert.deepEqual([...told.addresses().keys()], ['com.foo.B']);
    assert.equal(house.events.feed.isOutdated, false);
  });

  it('in the midst of a rebuild: what was built half is never shown', async () => {
    const { house, told, state } = await openBroken('interfaces', 'beside');
    const names = Array.from({ length: 450 }, (_, i) => `com.foo.S${i}`);
    await house.deliver(documentOf(names, '192.0.2.1'));
    assert.equal(told.addresses().size, 450);
    state.isBroken = true;
    await assert.rejects(house.events.feed.rebuild(), /cannot be applied/);
    // its switch is that of zones alone
    await house.events.replaceZones([], [], 1);
    assert.equal(told.addresses().size, 450);
    await house.pass(1_100);
    assert.equal(told.addresses().size, 450);
  });

  it('the very first one: names are answered a moment later', async () => {
    const { house, told, state } = await openBroken('beside', '');
    state.isBroken = true;
    await house.deliver(documentOf([USER], '192.0.2.1'));
    assert.deepEqual(told.readiness, []);
    await house.live(10_000);
    assert.deepEqual(told.readiness, [true]);
    assert.equal(told.addresses().size, 1);
  });
});
