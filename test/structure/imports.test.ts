import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

/*
 * The import rules that src/README.md states. Read as text: an import is a line that says `from '…'`.
 */

interface Module {
  readonly file: string;
  /** files of ours, relative to the repository */
  readonly own: readonly string[];
  /** packages and `node:` modules */
  readonly foreign: readonly string[];
}

const modules: Module[] = globSync('src/**/*.ts').map((file) => {
  const text = readFileSync(file, 'utf8');
  const specifiers = [
    ...text.matchAll(/^(?:import|export)[^;]*?from '([^']+)'/gms),
    ...text.matchAll(/import\('([^']+)'\)/g),
  ];
  const all = specifiers.map((match) => match[1] ?? '');
  return {
    file,
    own: all.filter((from) => from.startsWith('.')).map((from) => normalize(join(dirname(file), from))),
    foreign: all.filter((from) => !from.startsWith('.')),
  };
});

const folderOf = (file: string) => (file.split('/').length > 2 ? (file.split('/')[1] ?? '') : '');

test('the list of modules is not empty', () => {
  assert.ok(modules.length > 80);
});

test('pure folders import no I/O, no clock and no logger', () => {
  const pure = ['packed', 'name', 'zone', 'answer', 'wire', 'corefile', 'vip', 'plan'];
  // hashing is arithmetic; lru-cache keeps no clock unless it is given a ttl
  const allowed = new Set(['node:crypto', 'node:buffer']);
  for (const { file, foreign } of modules.filter((module) => pure.includes(folderOf(module.file)))) {
    const wrong = foreign.filter((from) => !allowed.has(from));
    assert.deepEqual(wrong, [], `${file} is in a pure folder`);
    const text = readFileSync(file, 'utf8');
    assert.doesNotMatch(
      text,
      /Date\.now|performance\.now|setTimeout|Math\.random|console\./,
      `${file} is in a pure folder`,
    );
  }
});

test('a folder imports only from those below it', () => {
  const table = readFileSync('src/README.md', 'utf8').matchAll(
    /^\| `([\w-]+)\/` \|[^|]*\|[^|]*\|([^|]*)\|$/gm,
  );
  const levels = new Map(
    [...table].map(([, folder = '', imports = '']) => {
      return [folder, [...imports.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name)];
    }),
  );
  const order = [...levels.keys()];
  for (const [folder, imports] of levels) {
    for (const name of imports) {
      assert.ok(
        order.indexOf(name) < order.indexOf(folder),
        `${name}/ stands above ${folder}/ in src/README.md`,
      );
    }
  }
  for (const { file, own } of modules) {
    const folder = folderOf(file);
    if (folder === '') continue;
    const allowed = levels.get(folder);
    assert.ok(allowed, `${file}: a new folder needs a line in the table of src/README.md`);
    for (const target of own) {
      // values of the house that every folder uses
      if (folderOf(target) === 'base' || folderOf(target) === folder) continue;
      assert.ok(allowed.includes(folderOf(target)), `${file} must not import ${target}`);
    }
  }
});

test('each vendor package is imported in one folder', () => {
  const homes: Record<string, readonly string[]> = {
    'node-zookeeper-client': ['src/registry/zookeeper/'],
    '@kubernetes/client-node': ['src/kubernetes/'],
    '@bufbuild/protobuf': ['src/grpc/'],
    undici: ['src/kubernetes/', 'src/controller/'],
    'node:sqlite': ['src/store/'],
    'node:dgram': ['src/serve/', 'src/doctor/'],
    koffi: ['src/serve/'],
    'lru-cache': ['src/serve/'],
    'prom-client': ['src/telemetry/'],
    pino: ['src/telemetry/'],
    commander: ['src/cli/'],
    dns2: ['src/cli/'],
    yaml: ['src/files/'],
    hono: ['src/api/'],
    '@hono/node-server': ['src/api/'],
    zod: ['src/files/', 'src/config/', 'src/registry/', 'src/controller/'],
  };
  for (const { file, foreign } of modules) {
    for (const from of foreign) {
      const home = homes[from];
      if (home === undefined) assert.match(from, /^node:/, `${file}: package ${from} needs a home here`);
      else
        assert.ok(
          home.some((prefix) => file.startsWith(prefix)),
          `${file} must not import ${from}`,
        );
    }
  }
});

test('nothing but main.ts uses process', () => {
  for (const { file } of modules.filter((module) => module.file !== 'src/main.ts')) {
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    assert.doesNotMatch(code, /\bprocess\.[a-z]/, file);
  }
});

test('imports have no cycles', () => {
  const state = new Map<string, 'open' | 'done'>();
  const byFile = new Map(modules.map((module) => [module.file, module]));
  const visit = (file: string, trail: readonly string[]) => {
    if (state.get(file) === 'done') return;
    assert.notEqual(state.get(file), 'open', `cycle: ${[...trail, file].join(' → ')}`);
    state.set(file, 'open');
    for (const target of byFile.get(file)?.own ?? []) visit(target, [...trail, file]);
    state.set(file, 'done');
  };
  for (const { file } of modules) visit(file, []);
});

test('every folder of src is in the map of src/README.md', () => {
  const map = readFileSync('src/README.md', 'utf8');
  for (const folder of new Set(modules.map(({ file }) => folderOf(file)).filter((name) => name !== ''))) {
    assert.match(map, new RegExp(`\`${folder}/\``), folder);
  }
});

test('every registry has the same files', () => {
  for (const folder of globSync('src/registry/*/')) {
    for (const name of ['watcher.ts', 'options.ts', 'README.md']) {
      assert.ok(globSync(join(folder, name)).length === 1, `${folder}/${name}`);
    }
  }
});
