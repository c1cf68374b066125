/** A query thread that comes later is told everything, whatever happens meanwhile; one that dies on the way is forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Change } from '../../src/zone/change.ts';
import { Gate } from '../support/gate.ts';
import { CONFIGS, Facts, play, QUESTIONS, replyText, type Step, say, step } from '../support/history.ts';
import { House, Line } from '../support/house.ts';
import { sized } from '../support/size.ts';
import { ToldLine } from '../support/told-line.ts';

type Move =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'release'; readonly which: number }
  | { readonly kind: 'turn'; readonly ms: number }
  | { readonly kind: 'rebuild' }
  /** @property life after so many things that it is told alone it is dead */
  | { readonly kind: 'newcomer'; readonly life: number };

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('step' as const), step }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), ms: fc.constantFrom(10, 20, 100, 2_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rebuild' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('newcomer' as const),
      life: fc.oneof(fc.nat(12), fc.constant(Number.POSITIVE_INFINITY)),
    }),
  },
);

class Dead extends Error {}

/** A thread that was started later: in one go what it was told, what it shows, and whether it may be asked. */
class LateThread {
  readonly told: ToldLine;
  readonly line: Line;
  isMember = false;
  isAsked = false;
  /** where it knows already what the others are about to be told */
  #ahead: ReadonlySet<string> | undefined;
  #life: number;

  constructor(house: House, life: number) {
    this.told = new ToldLine();
    this.line = new Line(house.names, house.config.limits.udpSize);
    this.#life = life;
  }

  tell(change: Change): void {
    this.told.tell(change);
    this.line.apply(change);
  }

  /** It may be ahead of the others when it begins, and never again. */
  compare(other: ToldLine): void {
    const [own, others] = [this.told.addresses(), other.addresses()];
    const differ = new Set(
      [...own.keys(), ...others.keys()].filter((name) => own.get(name) !== others.get(name)),
    );
    for (const name of differ)
      assert.ok(this.#ahead?.has(name) ?? true, `${name}: ${own.get(name)} and ${others.get(name)}`);
    this.#ahead = differ;
    assert.equal(this.told.data.ready, other.data.ready);
  }

  async join(house: House, gate: Gate, first: ToldLine): Promise<void> {
    try {
      await house.events.feed.join({
        enter: () => {
          this.isMember = true;
        },
        apply: async (change) => {
          await gate.pass('newcomer');
          if (this.#life-- <= 0) throw new Dead();
          this.tell(change);
        },
      });
      this.compare(first);
      this.isAsked = true;
    } catch (error) {
      this.isMember = false;
      if (!(error instanceof Dead)) throw error;
    }
  }
}

async function run(moves: readonly Move[]): Promise<void> {
  const gate = new Gate();
  const first = new ToldLine();
  const late: LateThread[] = [];
  const house: House = await House.open({
    config: CONFIGS[0] ?? '',
    hold: async ({ kind }) => void (await gate.pass(kind)),
    alsoTell: (change) => {
      first.tell(change);
      for (const one of late) {
        if (!one.isMember) continue;
        one.tell(change);
        if (!one.isAsked) continue;
        one.compare(first);
      }
    },
  });
  const facts = new Facts();
  await facts.tell(house);
  gate.isOpen = false;
  const waiting: Promise<unknown>[] = [];
  for (const one of moves) {
    if (one.kind === 'release') gate.release(one.which, 'done');
    else if (one.kind === 'turn') await house.live(one.ms);
    else if (one.kind === 'rebuild') waiting.push(house.events.feed.rebuild());
    else if (one.kind === 'newcomer') {
      const thread = new LateThread(house, one.life);
      late.push(thread);
      waiting.push(thread.join(house, gate, first));
    } else if (one.step.kind !== 'pass') {
      facts.note(one.step);
      if (!say((registry) => house.sink(registry), one.step)) waiting.push(play(house, one.step));
    }
    await nextTurn();
  }
  gate.open();
  await house.live(20_000);
  await Promise.all(waiting);
  first.check();
  const serials = (line: ToldLine) =>
    [...line.data.zones()].map(({ apex, serial }) => `${apex} ${serial}`).sort();
  for (const { told, line, isAsked } of late) {
    told.check();
    if (!isAsked) continue;
    assert.deepEqual(sorted(told), sorted(first));
    assert.deepEqual(serials(told), serials(first));
    for (const question of QUESTIONS)
      assert.equal(replyText(line, question), replyText(house.line, question), question);
  }
}

function sorted(line: ToldLine): [string, string][] {
  return [...line.addresses()].sort(([a], [b]) => (a < b ? -1 : 1));
}

test('a newcomer shows what the others show, from its first answer on', async () => {
  const numRuns = sized('interleavings of newcomers', 60, 5000);
  await fc.assert(fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 60 }), run), { numRuns });
});

test('a newcomer of many names: each change between two slices of it', async () => {
  const names = Array.from({ length: 450 }, (_, i) => `com.foo.S${i}`);
  const document = (address: string, left: readonly string[]) =>
    `interfaces:\n${left.map((name) => `  - { name: ${name}, vip: "${address}${left.indexOf(name) % 200}", endpoints: ["10.0.0.1:20880"] }\n`).join('')}`;
  // the slice before which everything changes
  for (let slice = 0; slice < 4; slice++) {
    const first = new ToldLine();
    let late: LateThread | undefined;
    const house: House = await House.open({
      alsoTell: (change) => {
        first.tell(change);
        if (late?.isMember === true) late.tell(change);
      },
    });
    await house.deliver(document('192.0.2.', names));
    late = new LateThread(house, Number.POSITIVE_INFINITY);
    const { told } = late;
    let slices = 0;
    let changed: Promise<void> | undefined;
    await house.events.feed.join({
      enter: () => {
        if (late !== undefined) late.isMember = true;
      },
      apply: async (change) => {
        if (change.kind === 'interfaces' && slices++ === slice) {
          changed = house.deliver(document('198.51.100.', names.slice(100, 400)));
          for (let turn = 0; turn < 20; turn++) await nextTurn();
        }
        late?.tell(change);
      },
    });
    await changed;
    told.check();
    assert.equal(told.addresses().size, 300 + (slices > slice ? 0 : 150));
    assert.deepEqual(sorted(told), sorted(first));
  }
});
