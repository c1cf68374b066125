import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../support/server.ts';
test('x', async (t) => {
  const s = await startServer(t, { config: 'registries: [{kind: file, path: i.yaml}]\n', files: { 'i.yaml': 'interfaces: [{name: com.foo.A, port: 1}]\n' } });
  const r = await s.query('com.foo.A.rpc.cluster.local A');
  console.log(r, s.log());
  assert.equal(r.rcode, 0);
  console.log(await s.stop());
});
