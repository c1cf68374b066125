/** Pins that change hands (contract 1.3): at once in one change set, and else not before they have rested. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { addressText } from '../../src/name/address.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { House } from '../support/house.ts';

const CONFIG = 'vips: { reuseAfter: 1h }\n';
const HOUR_MS = 3_600_000;

/** Interfaces and their pins; without one the pool serves. */
function pinned(pins: Readonly<Record<string, string | undefined>>): string {
  const lines = Object.entries(pins).map(([name, pin]) => {
    return `  - { name: com.foo.${name}, port: 20880${pin === undefined ? '' : `, vip: ${pin}`} }\n`;
  });
  return `interfaces:\n${lines.join('')}`;
}

function vip(house: House, name: string): string {
  const placed = house.services(`com.foo.${name}`)[0]?.vip;
  return placed === undefined ? 'none' : `${placed.from} ${placed.addresses.map(addressText).join()}`;
}

suite('pins that change hands', () => {
  test('two that swap theirs in one edit have them at once', async () => {
    const house = await House.open({ config: CONFIG });
    await house.deliver(pinned({ A: '198.51.100.1', B: '198.51.100.2' }));
    await house.deliver(pinned({ A: '198.51.100.2', B: '198.51.100.1' }));
    assert.deepEqual([vip(house, 'A'), vip(house, 'B')], ['pin 198.51.100.2', 'pin 198.51.100.1']);
  });

  test('one that is renamed in an edit keeps its own, inside a pool and outside', async () => {
    for (const pin of ['198.51.100.1', '247.0.9.9']) {
      const house = await House.open({ config: CONFIG });
      await house.deliver(pinned({ Old: pin, Other: undefined }));
      await house.deliver(pinned({ New: pin, Other: undefined }));
      assert.deepEqual([vip(house, 'New'), vip(house, 'Old')], [`pin ${pin}`, 'none']);
    }
  });

  test('one that was given up before rests for its last owner, over a restart too', async () => {
    const store = openMemoryStore();
    const house = await House.open({ config: CONFIG, store });
    await house.deliver(pinned({ A: '198.51.100.1', B: undefined }));
    await house.deliver(pinned({ A: undefined, B: undefined }));
    const wanted = pinned({ A: undefined, B: '198.51.100.1' });
    await house.deliver(wanted);
    assert.match(vip(house, 'B'), /^pool 247\./);
    await house.events.stop();
    // a start plans both together, as an edit of both would be
    const again = await House.open({ config: CONFIG, store, clock: house.clock });
    await again.deliver(wanted);
    assert.match(vip(again, 'B'), /^pool 247\./);
    await again.pass(HOUR_MS);
    assert.equal(vip(again, 'B'), 'pin 198.51.100.1');
  });
});
