/** What is published: packed, installed into an empty folder, and run. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../support/ports.ts';
import { runToEnd, startChild } from '../support/process.ts';
import { ask } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
/** `#!/usr/bin/env node` finds the Node that runs the tests. */
const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
const NPM = ['--no-audit', '--no-fund', '--loglevel=error'];

test('the packed package installs in an empty folder and serves', async (t) => {
  const folder = tempFolder('package');
  const packed = await runToEnd('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: REPOSITORY,
    deadlineMs: 120_000,
  });
  assert.equal(packed.code, 0, packed.stderr);
  const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ];
  const paths = files.map(({ path }) => path);
  assert.ok(paths.includes('dist/serve/query-worker.js') && paths.includes('dist/store/sqlite-worker.js'));
  assert.deepEqual(
    paths.filter((path) => path.startsWith('test/') || path.startsWith('data/')),
    [],
  );

  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  const installed = await runToEnd('npm', ['install', '--prefer-offline', ...NPM, join(folder, filename)], {
    cwd: folder,
    deadlineMs: 300_000,
  });
  assert.equal(installed.code, 0, installed.stderr);

  const bin = join(folder, 'node_modules/.bin/rpc-dns');
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal((await runToEnd(bin, ['--version'], { cwd: folder, env })).stdout.trim(), version);

  const port = await freePort();
  mkdirSync(join(folder, 'zones'));
  cpSync(join(REPOSITORY, 'zones/demo.interfaces.yaml'), join(folder, 'zones/demo.interfaces.yaml'));
  writeFileSync(
    join(folder, 'rpc-dns.yaml'),
    `listen: { dns: ["127.0.0.1:${port}"], http: null }
registries: [{ kind: file, path: zones/demo.interfaces.yaml }]
`,
  );
  const server = startChild(bin, ['serve'], { cwd: folder, env, name: 'the installed rpc-dns' });
  t.after(() => server.kill());
  await server.waitFor(/"msg":"ready"/);
  const reply = await ask(port, 'com.foo.UserService.rpc.cluster.local. A');
  assert.equal(reply.answer.length, 2);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test('the published command names the Node version that it needs, in one line', async () => {
  // the check stands before every import, so any script that fakes the version shows it
  const bin = join(REPOSITORY, 'src/bin/rpc-dns.js');
  const fake = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });
Object.defineProperty(process, 'version', { value: 'v20.20.2' });`;
  const preload = join(tempFolder('old-node'), 'fake.cjs');
  writeFileSync(preload, fake);
  const run = await runToEnd(process.execPath, ['--require', preload, bin, '--version']);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /^rpc-dns needs Node 24 or newer; this is v20\.20\.2 \(.*\)\n$/);
});
