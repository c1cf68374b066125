/** Whose the port is that cannot be opened: with a real socket, as Linux tells it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { whyNoPort } from '../../src/app/listen-problems.ts';
import { startChild } from '../support/process.ts';
import { tempFolder } from '../support/temp.ts';

const skip = process.platform === 'linux' ? false : 'only Linux tells';

test('a port that this very process holds is nobody else’s fault', { skip }, async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  assert.equal(
    await whyNoPort('EADDRINUSE', port, 'tcp'),
    'this rpc-dns has opened the port already: give each of listen.dns and listen.http one of its own',
  );
});

test('a Node program is called by what it runs', { skip }, async (t) => {
  const script = join(tempFolder('holder'), 'holder.cjs');
  writeFileSync(
    script,
    "require('net').createServer().listen(0, '127.0.0.1', function () { console.log('port ' + this.address().port) })",
  );
  const child = startChild(process.execPath, [script, 'serve', '-c', 'x.yaml'], { name: 'holder' });
  t.after(() => child.kill());
  const [, port = ''] = await child.waitFor(/port (\d+)/);
  assert.match(
    await whyNoPort('EADDRINUSE', Number(port), 'tcp'),
    new RegExp(`^in use by node holder\\.cjs serve \\(pid ${child.pid}\\): stop it, or choose another port$`),
  );
});
