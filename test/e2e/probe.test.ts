/** `probe: tcp` behind a whole server: an endpoint of a dead provider leaves, and comes back. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { createSite, startOn } from '../support/server.ts';

const ENDPOINTS = '_endpoints.com.foo.A.rpc.cluster.local.';

test('a provider that died leaves _endpoints while its registry still has it, and returns', async (t) => {
  const [alive = 0, dead = 0] = await freePorts(2);
  const provider = createServer().listen(alive, '127.0.0.1');
  t.after(() => provider.close());
  const document = `interfaces: [{ name: com.foo.A, endpoints: ["127.0.0.1:${alive}", "127.0.0.1:${dead}"] }]\n`;
  const site = await createSite({
    config: 'registries: [{ kind: file, path: interfaces.yaml, probe: tcp }]\n',
    files: { 'interfaces.yaml': document },
  });
  const server = await startOn(site, t, { until: 'ready' });
  const ports = async () => {
    const { answer } = await server.query(`${ENDPOINTS} SRV`);
    return answer.map((line) => / SRV 0 0 (\d+) /.exec(line)?.[1]).filter((port) => port !== undefined);
  };
  assert.equal((await ports()).length, 2);
  await until('the dead one has left', async () => String(await ports()) === String(alive), {
    deadlineMs: 20_000,
  });
  const told = await server.cli('lookup', 'com.foo.A', '-c', 'rpc-dns.yaml');
  assert.match(told.stdout, new RegExp(`refusing {9}dubbo://127\\.0\\.0\\.1:${dead}: no connections`));
  assert.match((await server.http('/metrics')).text, /rpcdns_registry_refusing_endpoints\{.*\} 1/);
  const again = createServer().listen(dead, '127.0.0.1');
  t.after(() => again.close());
  await until('it is back', async () => (await ports()).length === 2, { deadlineMs: 20_000 });
  await server.stop();
});
