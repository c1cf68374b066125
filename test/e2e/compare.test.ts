/** `compare`: what a team in a move from one registry to the next asks every day. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/process.ts';
import { createSite, startOn } from '../support/server.ts';

const OLD = `interfaces:
  - { name: com.foo.A, port: 1, version: "1.0", endpoints: ["10.0.0.1:1", "10.0.0.2:1"] }
  - { name: com.foo.A, port: 1, version: "2.0", endpoints: ["10.0.0.3:1"] }
  - { name: com.foo.B, port: 1, endpoints: ["10.0.0.4:1"] }
`;
const NEW = `interfaces:
  - { name: com.foo.A, port: 1, version: "1.0", endpoints: ["10.0.0.2:1", "10.0.0.9:1"] }
  - { name: com.foo.C, port: 1, endpoints: ["10.0.0.5:1", "10.0.0.6:1"] }
`;

test('the differences of two registries, by interface, version and instance', async (t) => {
  const site = await createSite({
    config: `registries:
  - { kind: file, name: old, path: old.yaml }
  - { kind: file, name: new, path: new.yaml }
`,
    files: { 'old.yaml': OLD, 'new.yaml': NEW },
  });
  const server = await startOn(site, t, { until: 'ready' });
  const compare = (...args: readonly string[]) => server.cli('compare', ...args, '-c', 'rpc-dns.yaml');
  const found = await compare('old', 'new');
  assert.deepEqual(
    [found.status, found.stdout.trim().split('\n')],
    [
      1,
      [
        'old: live, 2 interfaces, 4 instances',
        'new: live, 2 interfaces, 4 instances',
        'only in old: endpoint com.foo.A:1.0 dubbo://10.0.0.1:1',
        'only in old: service com.foo.A:2.0, 1 instance',
        'only in new: endpoint com.foo.A:1.0 dubbo://10.0.0.9:1',
        'only in old: interface com.foo.B, 1 instance',
        'only in new: interface com.foo.C, 2 instances',
      ],
    ],
  );
  const json = JSON.parse((await compare('old', 'new', '--json')).stdout) as { differences: unknown[] };
  assert.equal(json.differences.length, 5);

  const metric = async () => {
    const { text } = await server.http('/metrics');
    return text
      .split('\n')
      .filter((line) => line.startsWith('rpcdns_registry_only_here{'))
      .map((line) => line.replace(/.*registry="(.*?)".*what="(.*?)"\} /, '$1 $2 '))
      .sort();
  };
  await until('counted', async () => (await metric()).length > 0);
  assert.deepEqual(await metric(), [
    'new endpoint 1',
    'new interface 1',
    'new service 0',
    'old endpoint 1',
    'old interface 1',
    'old service 1',
  ]);

  site.write('new.yaml', OLD);
  await until('the same', async () => (await compare('old', 'new')).status === 0);
  assert.match((await compare('new', 'old')).stdout, /both say the same/);

  for (const [args, expected] of [
    [['old', 'nev'], /no registry 'nev': there are old, new/],
    [['file', 'new'], /several registries are of kind file: expected one of old, new/],
    [['old', 'old'], /'old' and 'old' are the same registry/],
  ] as const) {
    const refused = await compare(...args);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, expected);
  }
  await server.stop();
  assert.equal((await compare('old', 'new')).status, 2, 'no server: nothing was compared');
});
