/** Everything that can come in between: each commit and each change of the query line waits until the test lets it go. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { addressText } from '../../src/name/address.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { type Store, StoreConflict, StoreError, type StoreStep } from '../../src/store/store.ts';
import type { AddressRow } from '../../src/vip/ledger-rows.ts';
import { Gate, type Outcome } from '../support/gate.ts';
import { allReplies, CONFIGS, Facts, play, type Step, say, step } from '../support/history.ts';
import { House } from '../support/house.ts';
import { documentOf } from '../support/services.ts';
import { sized } from '../support/size.ts';
import { ToldLine } from '../support/told-line.ts';

const OTHER = { interface: 'com.other.X' as InterfaceName, version: '', group: '' };

/** A store in memory whose commits pass a gate; when one is outrun, somebody else has its first new address. */
class GatedStore implements Store {
  readonly label = 'gated';
  readonly keepsFacts = true;
  readonly #memory = openMemoryStore();
  readonly #gate: Gate;
  readonly #owners = new Map<string, string>();
  readonly open: Store['open'];

  constructor(gate: Gate) {
    this.#gate = gate;
    this.open = (listener) => this.#memory.open(listener);
  }

  async commit(steps: readonly StoreStep[]): Promise<void> {
    const outcome = await this.#gate.pass('commit');
    if (outcome === 'refused') throw new StoreError('refused');
    const taken = outcome === 'outrun' ? this.#firstNew(steps) : undefined;
    const written = steps.map((one): StoreStep => {
      const isTaken = one.kind === 'put-address' && one.row.address === taken?.address;
      return isTaken && taken !== undefined ? { kind: 'put-address', row: taken } : one;
    });
    await this.#memory.commit(written);
    for (const one of written) {
      if (one.kind === 'put-address') {
        this.#owners.set(addressText(one.row.address), one.row.owner.interface);
      } else if (one.kind === 'delete-address') this.#owners.delete(addressText(one.address));
    }
    if (taken !== undefined) {
      throw new StoreConflict({ services: [], addresses: [taken], freed: [], placements: [] });
    }
  }

  async close(): Promise<void> {}

  #firstNew(steps: readonly StoreStep[]): AddressRow | undefined {
    for (const one of steps) {
      if (one.kind !== 'put-address' || this.#owners.has(addressText(one.row.address))) continue;
      return { ...one.row, owner: OTHER, kind: 'pool', retiredAt: null };
    }
    return undefined;
  }
}

type Move =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'release'; readonly which: number; readonly outcome: Outcome }
  | { readonly kind: 'turn'; readonly ms: number }
  | { readonly kind: 'rebuild' };

const START: readonly Step[] = [
  { kind: 'service', name: 'one', ip: '10.96.0.1' },
  { kind: 'slice', name: 'one', ips: ['10.244.1.7', '10.244.1.8'] },
  { kind: 'deliver', registry: 1, by: 'replace', text: documentOf(['com.foo.A', 'foo.B'], '10.244.1.7') },
];

/** A provider comes, and the Service that it would be joined with goes. */
const rush: fc.Arbitrary<Step> = fc.constantFrom<Step>(
  { kind: 'service', name: 'one', ip: undefined },
  { kind: 'service', name: 'one', ip: '10.96.0.1' },
  {
    kind: 'deliver',
    registry: 1,
    by: 'replace',
    text: documentOf(['com.foo.A', 'com.foo.B_x', 'foo.B'], '10.244.1.8', '192.0.2.1'),
  },
  { kind: 'deliver', registry: 1, by: 'replace', text: documentOf(['com.foo.A', 'com.foo.a'], '10.244.1.7') },
);

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('step' as const), step: fc.oneof(step, rush) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      which: fc.nat(9),
      outcome: fc.constantFrom<Outcome>('done', 'done', 'done', 'done', 'refused', 'outrun'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), ms: fc.constantFrom(10, 20, 100, 2_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rebuild' as const) }) },
);

/**
 * ClusterIPs that no Service has any more. One that queries were told of and that went from the answers may not come back,
 * but for one that a Service had again meanwhile (see `#revived`); in the end none of either is there.
 */
class Withdrawals {
  readonly #services = new Map<string, string | undefined>();
  /** went and came: what was decided between the two may be on its way yet when they go again */
  readonly #revived = new Set<string>();
  readonly #gone = new Map<string, 'told' | 'withdrawn' | 'never told'>();

  note(one: Step, told: ToldLine): void {
    if (one.kind !== 'service') return;
    const before = this.#services.get(one.name);
    this.#services.set(one.name, one.ip);
    const held = [...this.#services.values()];
    if (before !== undefined && !held.includes(before)) {
      const isTold = [...told.addresses().values()].some((text) => text.split(' ').includes(before));
      this.#gone.set(before, isTold && !this.#revived.has(before) ? 'told' : 'never told');
    }
    if (one.ip === undefined || !this.#gone.delete(one.ip)) return;
    this.#revived.add(one.ip);
  }

  look(told: ToldLine): void {
    const seen = new Set([...told.addresses().values()].flatMap((text) => text.split(' ')));
    for (const [address, state] of this.#gone) {
      if (!seen.has(address) && state === 'told') this.#gone.set(address, 'withdrawn');
      assert.ok(!seen.has(address) || state !== 'withdrawn', `${address} came back`);
    }
  }

  end(told: ToldLine): void {
    for (const text of told.addresses().values()) {
      for (const address of text.split(' ')) assert.ok(!this.#gone.has(address), `${address} stayed`);
    }
  }
}

async function run(moves: readonly Move[]): Promise<void> {
  const gate = new Gate();
  const store = new GatedStore(gate);
  const withdrawals = new Withdrawals();
  const told: ToldLine = new ToldLine(() => withdrawals.look(told));
  const facts = new Facts();
  const house = await House.open({
    config: CONFIGS[0] ?? '',
    store,
    hold: async ({ kind }) => {
      if ((await gate.pass(kind)) === 'refused') throw new Error('cannot be applied');
    },
    alsoTell: told.tell,
    events: {
      onFailure: (error) => {
        if (error.message !== 'cannot be applied') told.violations.push(error);
      },
    },
  });
  // there is something to lose from the start
  for (const one of START) {
    facts.note(one);
    withdrawals.note(one, told);
  }
  await facts.tell(house);
  gate.isOpen = false;
  const waiting: Promise<unknown>[] = [];
  for (const one of moves) {
    if (one.kind === 'release') gate.release(one.which, one.outcome);
    else if (one.kind === 'turn') await house.live(one.ms);
    else if (one.kind === 'rebuild') waiting.push(house.events.feed.rebuild().catch(() => {}));
    else if (one.step.kind !== 'pass') {
      withdrawals.note(one.step, told);
      facts.note(one.step);
      const isSaid = say((registry) => house.sink(registry), one.step);
      if (!isSaid) waiting.push(play(house, one.step).catch(() => one.step));
    }
    await nextTurn();
  }
  gate.open();
  await house.live(20_000);
  // a reload that the query line could not take was refused: it is made again
  for (const refused of await Promise.all(waiting))
    if (refused !== undefined) await play(house, refused as Step);
  await house.configure(facts.configText);
  await house.setZones(facts.zoneFiles);
  await house.live(20_000);
  told.check();
  withdrawals.end(told);
  assert.equal(house.events.starved, 0);
  assert.equal(house.events.feed.isOutdated, false);
  const replies = allReplies(house);
  await house.events.stop();
  const undisturbed = await House.open({
    config: facts.configText,
    zones: facts.zoneFiles,
    store,
    clock: house.clock,
  });
  await facts.tell(undisturbed);
  await undisturbed.pass(2_100);
  assert.deepEqual(allReplies(undisturbed), replies);
}

const release: Move = { kind: 'release', which: 0, outcome: 'done' };

/** A Service goes while a decision for it is recorded; anything may come between any two of these. */
const SKELETON: readonly Move[] = [
  {
    kind: 'step',
    step: {
      kind: 'deliver',
      registry: 1,
      by: 'replace',
      text: documentOf(['com.foo.A', 'com.foo.B_x', 'foo.B'], '10.244.1.7'),
    },
  },
  { kind: 'turn', ms: 20 },
  { kind: 'step', step: { kind: 'service', name: 'one', ip: undefined } },
  { kind: 'turn', ms: 20 },
  { kind: 'release', which: 1, outcome: 'done' },
  release,
  release,
  release,
  { kind: 'turn', ms: 100 },
];

const between = fc
  .array(fc.array(move, { maxLength: 2 }), { minLength: SKELETON.length, maxLength: SKELETON.length })
  .map((gaps) => SKELETON.flatMap((one, i) => [one, ...(gaps[i] ?? [])]));

suite('whatever comes in between', () => {
  test('of a decision and the end of the Service that it is about', async () => {
    const numRuns = sized('interleavings of a withdrawal', 30, 5000);
    await fc.assert(fc.asyncProperty(between, run), { numRuns });
  });

  test('the end is that of an undisturbed run, and nothing dead is told on the way', async () => {
    const numRuns = sized('interleavings', 50, 5000);
    await fc.assert(fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 50 }), run), { numRuns });
  });
});
