/** The README's commands give exactly the output that it shows. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../support/ports.ts';
import { type Child, runToEnd, startChild } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const README = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');

interface Shown {
  readonly command: string;
  readonly output: string;
}

/** Each `$ command` of the console blocks with the lines behind it. */
const shown: Shown[] = [...README.matchAll(/^```console\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => {
  return block
    .split(/^\$ /m)
    .filter((part) => part !== '')
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
});

let server: Child;
let port: number;
let folder: string;

before(async () => {
  // a copy of the checkout: the demo writes its ledger below the working directory
  folder = tempFolder('readme');
  for (const path of ['src', 'zones', 'package.json'])
    cpSync(join(REPOSITORY, path), join(folder, path), { recursive: true });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  port = await freePort();
  const env = { RPC_DNS_PORT: String(port), RPC_DNS_HTTP_PORT: String(await freePort()) };
  server = startChild(process.execPath, ['src/main.ts', 'serve', '-c', 'zones/demo.yaml'], {
    cwd: folder,
    env,
  });
  await server.waitFor(/"msg":"ready"/);
});

after(async () => {
  await server?.stop();
});

/** What differs from run to run, and how many blanks dig puts between columns. */
function normalized(text: string): string {
  return text
    .replace(/last changed {7}\S+/g, 'last changed       TIME')
    .replace(/\b1[78]\d{8}\b/g, 'SERIAL')
    .replace(/\bSERIAL\b/g, 'SERIAL')
    .split('\n')
    .map((line) => line.replace(/[ \t]+/g, ' ').trimEnd())
    .filter((line) => !line.startsWith(';'))
    .join('\n')
    .trim();
}

test('the README shows commands', () => {
  assert.ok(shown.length >= 10, `${shown.length} commands`);
});

for (const { command, output } of shown) {
  test(`$ ${command}`, { skip: command.startsWith('dig') && skipWithout('tools') }, async () => {
    const here = command.replace('-p 5300', `-p ${port}`);
    const run = await runToEnd('sh', ['-c', here], { cwd: folder, env: { RPC_DNS_PORT: String(port) } });
    // the order of provider instances rotates
    const inOrder = (text: string) =>
      command.includes('_endpoints') ? normalized(text).split('\n').sort() : normalized(text);
    assert.deepEqual(inOrder(run.stdout), inOrder(output));
  });
}

test('every metric of the README exists, and every option that it names is known', async () => {
  const run = await runToEnd(process.execPath, ['src/main.ts', '--help'], { cwd: folder });
  for (const name of ['serve', 'check', 'lookup', 'vips', 'registries', 'corefile', 'querylog', 'doctor'])
    assert.match(run.stdout, new RegExp(`\\b${name}\\b`));
});
