/** The queue to the query line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LineFeed } from '../../src/feed/line-feed.ts';
import { Serials } from '../../src/feed/serials.ts';
import { ROOT } from '../../src/name/domain-name.ts';

const NAMES = { style: 'cname', ttl: 5, maxRecords: 100, ptrZone: ROOT } as const;

test('whatever moment a change comes at, it is told without another one', async () => {
  for (const large of [false, true]) {
    // so many microtasks after the one before
    for (let gap = 0; gap < 40; gap++) {
      const feed = new LineFeed({ apply: async () => {} }, NAMES, new Serials(1, async () => {}));
      const first = large ? feed.replaceZones([], []) : feed.update([[1, 1]]);
      for (let i = 0; i < gap; i++) await undefined;
      let isTold = false;
      void feed.update([[2, 2]]).then(() => {
        isTold = true;
      });
      await nextTurn();
      await first;
      assert.ok(isTold, `${gap} microtasks behind a ${large ? 'large' : 'small'} one`);
    }
  }
});
