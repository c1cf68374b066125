/** The queue to the query line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ChangeTarget, LineFeed } from '../../src/feed/line-feed.ts';
import { Serials } from '../../src/feed/serials.ts';
import { ROOT } from '../../src/name/domain-name.ts';

const NAMES = { style: 'cname', ttl: 5, maxRecords: 100, rotates: false, ptrZone: ROOT } as const;

function lineFeed(target: ChangeTarget, records: ReadonlyMap<number, number>): LineFeed {
  const published = { at: (number: number) => records.get(number) ?? 0, numbers: () => records.keys() };
  return new LineFeed(target, published, NAMES, new Serials(1, async () => {}));
}

test('whatever moment a change comes at, it is told without another one', async () => {
  for (const large of [false, true]) {
    // so many microtasks after the one before
    for (let gap = 0; gap < 40; gap++) {
      const feed = lineFeed({ apply: async () => {} }, new Map());
      const first = large ? feed.replaceZones([], []) : feed.update([1]);
      for (let i = 0; i < gap; i++) await undefined;
      let isTold = false;
      void feed.update([2]).then(() => {
        isTold = true;
      });
      await nextTurn();
      await first;
      assert.ok(isTold, `${gap} microtasks behind a ${large ? 'large' : 'small'} one`);
    }
  }
});

test('what waits to be built never brings back an older record than what went between', async () => {
  // the moment of a withdrawal, in steps of the build that it meets
  for (let moment = 0; moment < 6; moment++) {
    const records = new Map([[1, 10]]);
    const told = new Map<number, number>();
    let steps = 0;
    let withdrawn: Promise<void> | undefined;
    const feed: LineFeed = lineFeed(
      {
        apply: async (change) => {
          if (change.kind === 'interfaces') {
            const [number = 0, at = 0] = change.changes;
            told.set(number, at);
          }
          if (steps++ !== moment) return;
          records.set(1, 12);
          withdrawn = feed.update([1]);
        },
      },
      records,
    );
    const build = feed.build();
    records.set(1, 11);
    build.add([1]);
    await build.finish();
    await withdrawn;
    assert.equal(told.get(1), withdrawn === undefined ? 11 : 12, `at step ${moment}`);
  }
});
