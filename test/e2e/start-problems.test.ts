/** A server that cannot start says why in one line, with status 1, and breaks nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createSite } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';

const INTERFACES = 'interfaces: [{ name: com.foo.A, port: 1 }]\n';

interface Row {
  readonly title: string;
  readonly config: string;
  readonly line: RegExp;
}

const ROWS: readonly Row[] = [
  {
    title: 'the control socket’s path is a file of somebody',
    config: 'control: precious.txt\n',
    line: /^rpc-dns\.yaml:3:10: cannot open the control socket precious\.txt: something that is no socket is there already/,
  },
  {
    title: 'the control socket’s path is a folder',
    config: 'control: folder\n',
    line: /^rpc-dns\.yaml:3:10: cannot open the control socket folder: something that is no socket is there already/,
  },
  {
    title: 'the store’s path is a folder',
    config: 'store: { path: folder }\n',
    line: /^cannot write folder \(unable to open database file\): make it writable, or set store\.path$/,
  },
  {
    title: 'the store is below a file',
    config: 'store: { path: precious.txt/rpc-dns.db }\n',
    line: /^cannot create the folder of precious\.txt\/rpc-dns\.db: /,
  },
  {
    title: 'the store is no database',
    config: 'store: { path: precious.txt }\n',
    line: /^precious\.txt is no store of rpc-dns \(file is not a database\): move it away, or set store\.path/,
  },
];

suite('a start that fails', () => {
  for (const { title, config, line } of ROWS) {
    test(title, async () => {
      const site = await createSite({
        config: `registries: [{ kind: file, path: interfaces.yaml }]\n${config}`,
        files: { 'interfaces.yaml': INTERFACES, 'precious.txt': 'mine\n'.repeat(300), 'folder/x': '' },
      });
      const { status, stderr } = await site.cli('serve');
      assert.match(stderr.trimEnd(), line);
      assert.deepEqual({ status, lines: stderr.trimEnd().split('\n').length }, { status: 1, lines: 1 });
      assert.equal(
        readFileSync(join(site.folder, 'precious.txt'), 'utf8'),
        'mine\n'.repeat(300),
        'nothing is lost',
      );
      assert.ok(existsSync(join(site.folder, 'folder/x')));
    });
  }

  const skip = process.geteuid?.() === 0 ? false : 'a read-only file system needs root';
  test('in a read-only folder where nothing has been made yet', { skip }, async (t) => {
    const folder = tempFolder('bare');
    const mount = (...args: readonly string[]) =>
      assert.equal(spawnSync('mount', args).status, 0, args.join(' '));
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
    t.after(() => spawnSync('umount', [folder]));
    mkdirSync(join(folder, 'empty'));
    mount('-o', 'remount,ro', folder);
    const site = await createSite({ config: `store: { path: ${folder}/empty/data/rpc-dns.db }\n` });
    const { status, stderr } = await site.cli('serve');
    assert.equal(status, 1);
    assert.match(stderr, /^cannot create the folder of .*\/empty\/data\/rpc-dns\.db: [^\n]*\n$/);
  });
});
