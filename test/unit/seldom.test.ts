/** What a host does again and again is told once a minute. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oncePerMinute } from '../../src/telemetry/seldom.ts';

test('a thing is told once for a host, whatever its port, and once more in the next minute', () => {
  let now = 0;
  const isDue = oncePerMinute(() => now);
  const told: string[] = [];
  const tell = (what: string, peer: string) => isDue(what, peer) && told.push(`${what} ${peer}`);
  for (let port = 1; port < 500; port++) {
    tell('bad', `10.0.0.1:${port}`);
    tell('bad', `[fd00::1]:${port} CN=shop`);
  }
  tell('worse', '10.0.0.1:9');
  assert.deepEqual(told, ['bad 10.0.0.1:1', 'bad [fd00::1]:1 CN=shop', 'worse 10.0.0.1:9']);
  now = 60_000;
  tell('bad', '10.0.0.1:7');
  assert.equal(told.length, 4);
});
