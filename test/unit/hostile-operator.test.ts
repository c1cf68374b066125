/**
 * A hostile operator: whatever is written wrong, in one way each, is refused in words that say where, what and what to do;
 * never with a stack trace or with words of the program's own. The whole text is expected: change it on purpose only.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { check } from '../../src/cli/check.ts';
import type { Output } from '../../src/cli/output.ts';
import { runProgram } from '../../src/cli/program.ts';
import { tempFolder } from '../support/temp.ts';
import { COMMANDS } from './hostile-operator/commands.ts';
import { CONFIGURATIONS } from './hostile-operator/configurations.ts';
import { REGISTRIES } from './hostile-operator/registries.ts';
import { REGISTRY_DOCUMENTS } from './hostile-operator/registry-documents.ts';
import type { WrongText } from './hostile-operator/rows.ts';
import { ZONE_FILES } from './hostile-operator/zone-files.ts';

const root = tempFolder('hostile');
let number = 0;

interface Said {
  readonly status: number;
  readonly says: readonly string[];
}

/** Runs something in a folder of its own with these files. */
async function saidIn(
  files: Readonly<Record<string, string>>,
  run: (output: Output) => number | Promise<number>,
): Promise<Said> {
  const folder = join(root, String(number++));
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const before = process.cwd();
  process.chdir(folder);
  const says: string[] = [];
  try {
    return {
      status: await run({ out: (text) => says.push(`good: ${text}`), err: (text) => says.push(text) }),
      says,
    };
  } finally {
    process.chdir(before);
  }
}

interface Table {
  readonly title: string;
  readonly rows: readonly WrongText[];
  readonly files: (text: string) => Readonly<Record<string, string>>;
  readonly run: (output: Output) => number;
}

const DOCUMENT = 'interfaces: []\n';
const TABLES: readonly Table[] = [
  {
    title: 'configurations',
    rows: CONFIGURATIONS,
    files: (text) => ({ 'rpc-dns.yaml': text, 'good.yaml': DOCUMENT }),
    run: (output) => check('rpc-dns.yaml', [], {}, output),
  },
  {
    title: 'registries',
    rows: REGISTRIES,
    files: (text) => ({
      'rpc-dns.yaml': `registries: [{ ${text} }]\n`,
      'good.yaml': DOCUMENT,
      'cert.pem': '-----BEGIN CERTIFICATE-----\n',
      'key.pem': '-----BEGIN EC PRIVATE KEY-----\n',
    }),
    run: (output) => check('rpc-dns.yaml', [], {}, output),
  },
  {
    title: 'zone files',
    rows: ZONE_FILES,
    files: (text) => ({ 'a.zone': text }),
    run: (output) => check(undefined, ['a.zone'], {}, output),
  },
  {
    title: 'documents of registries',
    rows: REGISTRY_DOCUMENTS,
    files: (text) => ({ 'rpc-dns.yaml': 'registries: [{ kind: file, path: i.yaml }]\n', 'i.yaml': text }),
    run: (output) => check('rpc-dns.yaml', [], {}, output),
  },
];

for (const { title, rows, files, run } of TABLES) {
  suite(title, () => {
    for (const [i, [text, ...says]] of rows.entries()) {
      test(`${i + 1}: ${JSON.stringify(text.slice(-100))}`, async () => {
        assert.deepEqual(await saidIn(files(text), run), { status: 2, says });
      });
    }
  });
}

suite('commands', () => {
  for (const [args, status, ...says] of COMMANDS) {
    test(`rpc-dns ${args.join(' ')}`, async () => {
      const said = await saidIn({ 'good.yaml': 'zone: a.example\n' }, (output) =>
        runProgram(args, { version: '0.0.0', variables: {}, output, serve: async () => 0 }),
      );
      assert.deepEqual(said, { status, says });
    });
  }
});

suite('all of the texts', () => {
  const fromFiles = TABLES.flatMap(({ rows }) => rows.flatMap(([, ...says]) => says));
  const fromCommands = COMMANDS.flatMap(([, , ...says]) => says);

  test('are many', () => {
    const rows = TABLES.reduce((sum, table) => sum + table.rows.length, COMMANDS.length);
    assert.ok(rows >= 120, `${rows} rows`);
    assert.ok(TABLES.every((table) => table.rows.every(([, ...says]) => says.length > 0)));
  });

  test('are of one wrong thing each', () => {
    const inputs = TABLES.flatMap(({ title, rows }) => rows.map(([text]) => `${title} ${text}`));
    assert.equal(new Set(inputs).size, inputs.length);
  });

  test('show nothing of the program', () => {
    for (const text of [...fromFiles, ...fromCommands]) {
      assert.doesNotMatch(
        text,
        /\n\s+at |\bundefined\b|\[object |\bNaN\b|Error:|Invalid input|good: |[^\P{Cc}\n]/u,
      );
    }
  });

  test('show no password', () => {
    const inputs = TABLES.flatMap(({ rows }) => rows.map(([text]) => text));
    assert.ok(inputs.filter((text) => text.includes('secret')).length >= 10);
    for (const text of [...fromFiles, ...fromCommands]) assert.doesNotMatch(text, /secret/);
  });

  test('have a place: file, line, column, each on one line', () => {
    for (const text of fromFiles) assert.match(text, /^(?:rpc-dns\.yaml|a\.zone|i\.yaml):\d+:\d+: \S.*$/);
    // of a command the place is the word that is wrong
    for (const text of fromCommands) assert.match(text, /'.+'|^\S+:1:1: |control socket \S+: /);
  });
});
