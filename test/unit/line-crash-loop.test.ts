/**
 * A process that dies again and again, each time without a word: what was lost before the first death is as long gone as
 * it is, however often the process begins anew. Under a clock that the test turns, on a store that outlives each process.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openMemoryStore } from '../../src/store/memory.ts';
import { House } from '../support/house.ts';
import { TurnedClock } from '../support/turned-clock.ts';

const A = '  - { name: com.foo.A, port: 1, endpoints: ["10.0.0.1:1"] }\n';
const B = '  - { name: com.foo.B, port: 1, endpoints: ["10.0.0.2:1"] }\n';
const C = '  - { name: com.foo.C, port: 1, endpoints: ["10.0.0.3:1"] }\n';
const documentOf = (...entries: readonly string[]) => `interfaces:\n${entries.join('') || '  []\n'}`;

/** Two addresses: C has none before that of B is free. */
const configOf = (forgetAfter: string) => `
vips: { pools: ["247.1.0.4/30"], reuseAfter: 60s }
registries: [ { kind: file, path: x, forgetAfter: ${forgetAfter}, distrustFor: 60s } ]
`;

/** Processes that run one after another on one store. */
class CrashLoop {
  readonly #store = openMemoryStore();
  readonly #config: string;
  now = Date.UTC(2026, 0, 1);

  constructor(config: string) {
    this.#config = config;
  }

  /**
   * One process: starts, hears of its registry after 300 ms, runs for so long, and is killed.
   *
   * @param look is asked twice a second; true ends it
   */
  async run(documents: readonly string[], ms: number, look: (house: House) => boolean = () => false) {
    const clock = new TurnedClock(this.now);
    const house = await House.open({ config: this.#config, store: this.#store, clock });
    house.events.start();
    await house.pass(300);
    for (const [i, document] of documents.entries()) {
      await house.deliver(document, 0, 'replace');
      await house.pass(i < documents.length - 1 ? 60_000 : 0);
    }
    for (let passed = 300; passed < ms; passed += 500) {
      if (look(house)) break;
      await house.pass(500);
    }
    this.now = clock.now();
  }
}

const hasAddress = (house: House, name: string) => (house.services(name)[0]?.vip.addresses.length ?? 0) > 0;

/** @returns seconds from the loss of B to the moment at which its address is C's */
async function secondsUntilFree(forgetAfter: string, upFor: number): Promise<number> {
  const loop = new CrashLoop(configOf(forgetAfter));
  await loop.run([documentOf(A, B)], 60_000);
  // B is lost as the second process runs
  const lostAt = loop.now + 60_300;
  await loop.run([documentOf(A, B), documentOf(A, C)], upFor);
  for (let i = 0; i < 150; i++) {
    let isFree = false;
    await loop.run([documentOf(A, C)], upFor, (house) => {
      isFree = hasAddress(house, 'com.foo.C');
      return isFree;
    });
    assert.equal(loop.now > lostAt, true);
    if (isFree) return (loop.now - lostAt) / 1000;
  }
  return Number.POSITIVE_INFINITY;
}

suite('an address becomes free in a crash loop too', () => {
  for (const upFor of [1500, 5000, 8000, 20_000]) {
    test(`reuseAfter after the loss, with a start each ${upFor} ms`, async () => {
      const seconds = await secondsUntilFree('0s', upFor);
      assert.ok(seconds >= 60 && seconds <= 63 + upFor / 1000, `${seconds} s`);
    });
  }

  for (const upFor of [3000, 5000, 20_000]) {
    test(`forgetAfter counts on, with a start each ${upFor} ms`, async () => {
      const seconds = await secondsUntilFree('30s', upFor);
      // of each process's time the part that could not be recorded any more does not count
      assert.ok(seconds >= 90 && seconds <= 63 + 30 * 3.5 + upFor / 1000, `${seconds} s`);
    });
  }
});

test('a name that is not answered any more stays away at the next start', async () => {
  const loop = new CrashLoop(configOf('0s'));
  await loop.run([documentOf(A, B)], 60_000);
  await loop.run([documentOf(A, B), documentOf(A)], 5000);
  const seen: boolean[] = [];
  await loop.run([], 5000, (house) => {
    seen.push(hasAddress(house, 'com.foo.B'));
    assert.equal(hasAddress(house, 'com.foo.A'), true);
    return false;
  });
  assert.deepEqual([...new Set(seen)], [false]);
});

test('what was lost before a crash can be doubted after it, with what the registry lost meanwhile', async () => {
  const many = Array.from({ length: 200 }, (_, i) => `  - { name: com.foo.M${i}, port: 1 }\n`);
  const loop = new CrashLoop('registries: [ { kind: file, path: x, distrustFor: 60s } ]\n');
  await loop.run([documentOf(A, ...many)], 60_000);
  // less than the half: believed at once
  await loop.run([documentOf(A, ...many), documentOf(A, ...many.slice(0, 110))], 5000, (house) => {
    assert.equal(hasAddress(house, 'com.foo.M199'), false);
    return false;
  });
  // 110 of 111 more: with the 90 from before it is too much
  await loop.run([documentOf(A)], 5000, (house) => {
    assert.equal(hasAddress(house, 'com.foo.M199'), true);
    assert.equal(hasAddress(house, 'com.foo.M0'), true);
    return false;
  });
});

test('what is held as a mass disappearance is answered after a crash too, though its beginning was believed first', async () => {
  const many = Array.from({ length: 200 }, (_, i) => `  - { name: com.foo.M${i}, port: 1 }\n`);
  const loop = new CrashLoop('registries: [ { kind: file, path: x, distrustFor: 60s } ]\n');
  await loop.run([documentOf(A, ...many)], 60_000);
  let clock = 0;
  await loop.run([documentOf(A, ...many)], 8000, (house) => {
    // 90 are gone, and stored as such; then 70 more are too many
    if (clock === 0) house.say(documentOf(A, ...many.slice(90)), 0, 'update');
    if (clock === 6) house.say(documentOf(A, ...many.slice(160)), 0, 'update');
    clock++;
    return false;
  });
  // the registry does not come back
  const answered = new Map<string, boolean>();
  await loop.run([], 5000, (house) => {
    for (const name of ['M0', 'M89', 'M90', 'M159', 'M160'])
      answered.set(name, hasAddress(house, `com.foo.${name}`));
    return false;
  });
  assert.deepEqual(
    [...answered],
    ['M0', 'M89', 'M90', 'M159', 'M160'].map((name) => [name, true]),
  );
});
