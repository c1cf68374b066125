/** A budget of memory for the event line and one query line. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runToEnd } from '../support/process.ts';

const SCRIPT = join(import.meta.dirname, '../support/line-memory.ts');

async function growth(interfaces: number, endpoints: number): Promise<number> {
  const args = ['--expose-gc', SCRIPT, String(interfaces), String(endpoints)];
  const { code, stdout, stderr } = await runToEnd(process.execPath, args, {});
  assert.equal(code, 0, stderr);
  return Number(stdout);
}

test('an interface with three endpoints costs less than 1,600 octets', async () => {
  const each = (await growth(20_000, 3)) / 20_000;
  console.log(`# memory: ${each.toFixed(0)} octets for each interface with 3 endpoints`);
  assert.ok(each < 1_600, `${each} octets`);
});

test('a further endpoint costs less than 60 octets', async () => {
  const [few, many] = [await growth(200, 3), await growth(200, 300)];
  const each = (many - few) / (200 * 297);
  console.log(`# memory: ${each.toFixed(1)} octets for each further endpoint`);
  assert.ok(each < 60, `${each} octets`);
});
