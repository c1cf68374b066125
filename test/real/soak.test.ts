/** The soak at the size of a test: what `npm run soak` does for half an hour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generate } from '../soak/operations.ts';
import { run } from '../soak/run.ts';
import { skipWithout } from '../support/provision.ts';
import { isFullSize, sized } from '../support/size.ts';

/** Small and full: each with kills enough. */
const SEED = isFullSize ? 1 : 20_267;

test('nothing is answered that may not be, whatever happens', {
  skip: skipWithout('zookeeper'),
}, async () => {
  const seconds = sized('seconds of soak', 45, 30 * 60);
  const [kills, faults] = [sized('kills at least', 2, 10), sized('faults at least', 4, 20)];
  const durationMs = seconds * 1_000;
  const outcome = await run({ seed: SEED, operations: generate(SEED, durationMs), durationMs });
  const { violation, counts, queries } = outcome;
  if (violation !== undefined) {
    const log = outcome.log.trimEnd().split('\n').slice(-40).join('\n');
    const again = `npm run soak -- --seed ${SEED} --minutes ${seconds / 60}`;
    assert.fail(`${violation.message}\n${outcome.ms} ms after the start; ${again} shrinks it\n${log}`);
  }
  assert.ok(counts.kills >= kills, `${counts.kills} kills`);
  assert.ok(outcome.faults >= faults, `${outcome.faults} faults`);
  assert.ok(queries > seconds * 10, `${queries} queries`);
  console.log(
    `# ${counts.kills} kills, ${outcome.faults} faults, ${counts.operations} operations, ${queries} queries`,
  );
});
