/**
 * The soak: a real server under a seeded mix of everything that may happen to it, and a model of what it may answer.
 *
 *     npm run soak -- [--minutes 30] [--seed N] [--replay FILE] [--no-shrink]
 *
 * A violation prints the seed, what was expected and found, the end of the log, and the shortest history that still leads
 * to it, which `--replay` runs again. Status 1 then.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { longestLife, memorySlope } from './observers.ts';
import { fromLines, generate, type Operation, toLines } from './operations.ts';
import { type Outcome, run } from './run.ts';
import { shrink } from './shrink.ts';

const LOG_LINES = 160;
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    replay: { type: 'string' },
    history: { type: 'string' },
    'no-shrink': { type: 'boolean', default: false },
    'shrink-minutes': { type: 'string', default: '4' },
  },
});

const durationMs = Number(values.minutes) * 60_000;
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const operations: readonly Operation[] =
  values.replay === undefined ? generate(seed, durationMs) : fromLines(readFileSync(values.replay, 'utf8'));
const historyFile = values.history ?? `soak-${seed}.jsonl`;

console.log(`soak: seed ${seed}, ${operations.length} operations`);
const outcome = await run({
  seed,
  operations,
  ...(values.replay === undefined ? { durationMs } : {}),
  onProgress: (text) => console.log(`soak: ${text}`),
});
report(outcome);
if (outcome.violation !== undefined) {
  const { invariant, expected, found, at } = outcome.violation;
  console.log(outcome.log.trimEnd().split('\n').slice(-LOG_LINES).join('\n'));
  console.log(
    `VIOLATION  ${invariant}\nseed       ${seed}\nat         ${at}, ${outcome.ms} ms after the start`,
  );
  console.log(`expected   ${expected}\nfound      ${found}`);
  writeFileSync(historyFile, toLines(operations.filter(({ at: ms }) => ms <= outcome.ms)));
  console.log(`history    ${historyFile}`);
  if (!values['no-shrink']) {
    const budgetMs = Number(values['shrink-minutes']) * 60_000;
    const shortest = await shrink(seed, operations, outcome, budgetMs, console.log);
    writeFileSync(historyFile, toLines(shortest));
    console.log(`the shortest history that violates it, ${shortest.length} operations (${historyFile}):`);
    console.log(toLines(shortest));
  }
}
process.exit(outcome.violation === undefined ? 0 : 1);

function report({ counts, faults, queries, ms, failures, errors, memory, hasDisk }: Outcome): void {
  const list = (map: ReadonlyMap<string, number>) =>
    [...map].map(([kind, count]) => `${count} × ${kind}`).join(', ') || 'none';
  console.log(
    `ran        ${(ms / 60_000).toFixed(1)} minutes, ${counts.operations} operations, ${queries} queries`,
  );
  console.log(`kills      ${counts.kills} with SIGKILL, ${counts.restarts - counts.kills} with SIGTERM`);
  console.log(`faults     ${faults}`);
  console.log(`done       ${list(counts.faults)}`);
  console.log(`left out   ${list(counts.left)}`);
  if (!hasDisk) console.log('disk       not filled: that needs root');
  console.log(`SERVFAIL   ${list(failures)}`);
  console.log(`errors     ${list(errors)}`);
  console.log(`memory     ${longestLife(memory).join(', ')} MB at five moments of the longest life`);
  const slope = memorySlope(memory);
  if (slope === undefined) return;
  const megabytes = (slope.bytesPerHour / 2 ** 20).toFixed(1);
  console.log(
    `memory     ${megabytes} MB an hour, over ${(slope.watchedMs / 60_000).toFixed(1)} minutes after warm-up`,
  );
}
