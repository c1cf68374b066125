/** A file that somebody writes while it is read counts when it has come to rest. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readAtRest } from '../../src/files/read-at-rest.ts';
import { tempFolder } from '../support/temp.ts';
import { TurnedClock } from '../support/turned-clock.ts';

/** A reading under way; each step writes the file, or leaves it, and lets a pause pass. */
function reading(first: string, also: readonly string[] = []) {
  const folder = tempFolder('rest');
  const file = join(folder, 'rpc-dns.yaml');
  const clock = new TurnedClock();
  writeFileSync(file, first);
  let readings = 0;
  const result = readAtRest(
    [file],
    () => {
      readings++;
      return { value: readFileSync(file, 'utf8'), files: also.map((name) => join(folder, name)) };
    },
    clock,
  );
  const step = async (write?: readonly [name: string, text: string]) => {
    if (write !== undefined) writeFileSync(join(folder, write[0]), write[1]);
    clock.turnTo(clock.nextAt ?? clock.now());
    await nextTurn();
  };
  return { result, step, readings: () => readings };
}

test('a file at rest counts with its second reading', async () => {
  const { result, step, readings } = reading('zone: a.example\n');
  assert.equal(readings(), 0);
  await step();
  assert.equal(await result, 'zone: a.example\n');
  assert.equal(readings(), 1);
});

test('what an editor emptied and half wrote is waited for', async () => {
  const { result, step, readings } = reading('');
  await step(['rpc-dns.yaml', 'zone: a.ex']);
  await step(['rpc-dns.yaml', 'zone: a.example\nanswers: {}\n']);
  await step();
  assert.equal(await result, 'zone: a.example\nanswers: {}\n');
  assert.equal(readings(), 3);
});

test('an emptied file that stays empty is told as such', async () => {
  const { result, step } = reading('');
  await step();
  assert.equal(await result, '');
});

test('a file that is named for the first time comes to rest too', async () => {
  const { result, step, readings } = reading('zones: [a.zone]\n', ['a.zone']);
  await step(['a.zone', '@ SOA']);
  await step(['a.zone', '@ SOA ns h 1 2 3 4 5']);
  await step();
  assert.equal(await result, 'zones: [a.zone]\n');
  assert.equal(readings(), 3);
});

test('files that never rest are given up', async () => {
  const { result, step, readings } = reading('0');
  for (let i = 1; i <= 20; i++) await step(['rpc-dns.yaml', String(i)]);
  assert.equal(await result, undefined);
  assert.equal(readings(), 20);
});
