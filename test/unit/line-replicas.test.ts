/** Two event lines on one store that both write: faults 5 and 6, and that neither undoes for ever what the other does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { addressText } from '../../src/name/address.ts';
import type { ClusterChange } from '../../src/registry/cluster.ts';
import { House } from '../support/house.ts';
import { documentOf, serviceChange, serviceGone, sliceChange } from '../support/services.ts';
import { SharedStore } from '../support/shared-store.ts';
import { ToldLine } from '../support/told-line.ts';
import { TurnedClock } from '../support/turned-clock.ts';

const USER = 'com.foo.UserService';
const JOINED = `
registries:
  - { kind: kubernetes, podCIDRs: ["10.244.0.0/16"] }
  - { kind: file, path: x, forgetAfter: 0s }
`;

class Pair {
  readonly shared = new SharedStore();
  readonly clock = new TurnedClock();
  readonly told = [new ToldLine(), new ToldLine()] as const;
  readonly houses: readonly [House, House];

  private constructor(houses: readonly [House, House], parts: Pick<Pair, 'shared' | 'clock' | 'told'>) {
    this.houses = houses;
    Object.assign(this, parts);
  }

  static async open(config: string, registries: number): Promise<Pair> {
    const [shared, clock] = [new SharedStore(), new TurnedClock()];
    const told = [new ToldLine(), new ToldLine()] as const;
    const open = (line: ToldLine) =>
      House.open({ config, store: shared.replica(), clock, alsoTell: line.tell });
    const pair = new Pair([await open(told[0]), await open(told[1])], { shared, clock, told });
    for (const house of pair.houses) {
      if (registries > 1) await house.deliverCluster([]);
      for (let i = 0; i < registries; i++) await house.deliver('interfaces: []', i);
    }
    return pair;
  }

  async both(act: (house: House, number: 0 | 1) => Promise<void>): Promise<void> {
    await Promise.all([act(this.houses[0], 0), act(this.houses[1], 1)]);
    await this.live(100);
  }

  async live(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    for (let at = this.clock.nextAt; at !== undefined && at <= end; at = this.clock.nextAt) {
      this.clock.turnTo(at);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    }
    this.clock.turnTo(end);
  }

  answers(name = USER): string[] {
    for (const line of this.told) line.check();
    return this.told.map((line) => line.addresses().get(name) ?? 'not answered');
  }

  /** What a line was told of an interface, one after the other. */
  history(number: 0 | 1, name = USER): string[] {
    const all = this.told[number].seen.map((addresses) => addresses.get(name) ?? '');
    return all.filter((text, i) => text !== '' && text !== all[i - 1]);
  }
}

describe('fault 5: after a conflict', () => {
  it('the replica that lost does not retire the live address of the winner', async () => {
    const pair = await Pair.open('vips: { pools: ["10.0.0.0/30"], reuseAfter: 1h }\n', 1);
    // both are given the same address, by who does not know of the other
    pair.shared.isHeld = true;
    const first = async (name: string) => {
      const alone = await House.open({ config: 'vips: { pools: ["10.0.0.0/30"] }\n' });
      await alone.deliver(documentOf([name], '192.0.2.1'));
      return alone.services(name)[0]?.vip.addresses.map(addressText).join();
    };
    const mine = 'com.foo.Mine';
    let theirs = '';
    for (let i = 0; theirs === ''; i++) {
      if ((await first(`com.foo.T${i}`)) === (await first(mine))) theirs = `com.foo.T${i}`;
    }
    await pair.both((house, number) =>
      house.deliver(documentOf([number === 0 ? mine : theirs], '192.0.2.1')),
    );
    pair.shared.isHeld = false;
    pair.shared.tell();
    await pair.live(10_000);
    const rows = [...pair.shared.addresses.values()].map(({ row }) => row);
    assert.deepEqual(rows.map(({ owner }) => owner.interface).sort(), [mine, theirs].sort());
    assert.deepEqual(
      rows.map(({ retiredAt }) => retiredAt),
      [null, null],
    );
    const given = [pair.answers(mine)[0], pair.answers(theirs)[1]];
    assert.deepEqual(new Set(given), new Set(['10.0.0.1', '10.0.0.2']));
    // a reload and a withdrawal of its own change nothing for the other
    await pair.houses[1].configure('vips: { pools: ["10.0.0.0/30"], reuseAfter: 2h }\n');
    await pair.houses[1].deliver('interfaces: []');
    await pair.live(10_000);
    const winner = [...pair.shared.addresses.values()].find(({ row }) => row.owner.interface === mine);
    assert.equal(winner?.row.retiredAt, null);
  });
});

describe('fault 6: replicas that see different slices', () => {
  const services = [serviceChange('one', '10.96.0.1'), serviceChange('two', '10.96.0.2')];
  const views: readonly (readonly ClusterChange[])[] = [
    [sliceChange('one', '10.244.1.7', '10.244.1.8'), sliceChange('two', '10.244.1.7')],
    [sliceChange('one', '10.244.1.7'), sliceChange('two', '10.244.1.7', '10.244.1.8')],
  ];
  const document = documentOf([USER], '10.244.1.7', '10.244.1.8');

  it('settle on one Service, and no VIP moves twice', async () => {
    const pair = await Pair.open(JOINED, 2);
    await pair.both((house, number) => house.deliverCluster([...services, ...(views[number] ?? [])]));
    pair.shared.isHeld = true;
    await pair.both((house) => house.deliver(document, 1));
    pair.shared.isHeld = false;
    pair.shared.tell();
    await pair.live(200_000);
    const [a, b] = pair.answers();
    assert.equal(a, b);
    // the views become one
    await pair.both((house) => house.deliverCluster(views[0] ?? []));
    await pair.live(200_000);
    assert.deepEqual(pair.answers(), [a, a]);
    assert.ok(pair.history(0).length <= 2 && pair.history(1).length <= 2);
    assert.ok(pair.shared.commits < 20, `${pair.shared.commits} commits`);
  });

  it('settle when one of them does not see the Service for a while', async () => {
    const pair = await Pair.open(JOINED, 2);
    await pair.houses[0].deliverCluster([...services, ...(views[0] ?? [])]);
    await pair.both((house) => house.deliver(document, 1));
    await pair.live(30_000);
    // neither undoes for ever what the other does
    assert.ok(pair.shared.commits < 40, `${pair.shared.commits} commits`);
    assert.equal(pair.answers()[0], '10.96.0.1');
    await pair.houses[1].deliverCluster([...services, ...(views[0] ?? [])]);
    await pair.live(200_000);
    assert.deepEqual(pair.answers(), ['10.96.0.1', '10.96.0.1']);
    assert.ok(pair.history(0).length <= 2, pair.history(0).join());
    assert.ok(pair.history(1).length <= 3, pair.history(1).join());
    assert.ok(pair.shared.commits < 60, `${pair.shared.commits} commits`);
  });

  it('leave a deleted Service together, whoever hears of it first', async () => {
    const pair = await Pair.open(JOINED, 2);
    await pair.both((house) => house.deliverCluster([...services, ...(views[0] ?? [])]));
    await pair.both((house) => house.deliver(document, 1));
    assert.deepEqual(pair.answers(), ['10.96.0.1', '10.96.0.1']);
    await pair.houses[0].deliverCluster([serviceGone('one')]);
    await pair.live(1_000);
    await pair.houses[1].deliverCluster([serviceGone('one')]);
    await pair.live(200_000);
    assert.deepEqual(pair.answers(), ['10.96.0.2', '10.96.0.2']);
    assert.ok(pair.shared.commits < 40, `${pair.shared.commits} commits`);
  });
});
