/** A query costs what it did, beside an echo in C that is measured in turns with it. `npm run bench` has the whole picture. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRecord, SHORT_PARTS, shortRatio } from '../bench/short.ts';
import { skipWithout } from '../support/provision.ts';

const ROUNDS = 3;
/** Once more, when it is worse: a machine has its moments. */
const ROUNDS_AGAIN = 7;
/** A third: half of that is noise where others keep the machine busy. */
const MARGIN = 4 / 3;

const skip = process.platform === 'linux' ? skipWithout(...SHORT_PARTS) : 'the engine mmsg is for Linux';

test('CPU per query, divided by that of an echo, is not a third above what was recorded', {
  skip,
}, async (t) => {
  const { median: recorded, at } = readRecord();
  const say = (line: string): void => t.diagnostic(line);
  let { median } = await shortRatio(ROUNDS, say);
  if (median > recorded * MARGIN) ({ median } = await shortRatio(ROUNDS_AGAIN, say));
  say(`${median.toFixed(2)} times the echo; ${recorded.toFixed(2)} on ${at}`);
  assert.ok(
    median <= recorded * MARGIN,
    `a query costs ${median.toFixed(2)} times the echo's; it was ${recorded.toFixed(2)} on ${at}. If that is as it has to be: npm run bench -- short --record`,
  );
});
