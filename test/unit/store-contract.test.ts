/** Stores without a server of their own; the Kubernetes one is in `test/real`. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { openMemoryStore } from '../../src/store/memory.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { StoreError } from '../../src/store/store.ts';
import { addressRow, holdingOf, storeContract } from '../support/store-contract.ts';
import { tempFolder } from '../support/temp.ts';

suite('stores', () => {
  const memory = openMemoryStore();
  storeContract('memory', () => memory, true);
  const file = join(tempFolder('store'), 'rpc-dns.db');
  storeContract('sqlite', () => openSqliteStore(file), true);
});

/** What version 0.1.0 wrote. */
const SCHEMA_1 = `
  CREATE TABLE value (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE service (
    interface TEXT NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL,
    ordinal INTEGER NOT NULL, first_seen_at INTEGER NOT NULL, retired_at INTEGER,
    PRIMARY KEY (interface, version, grp)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE vip (
    address TEXT PRIMARY KEY,
    interface TEXT NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pool', 'pin')), retired_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE snapshot (
    registry TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (registry, key)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = 1;
`;

function writeVersion1(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(SCHEMA_1);
  database.exec(`
    INSERT INTO service VALUES ('com.foo.A', '1.0', '', 3, 1000, NULL), ('com.foo.B', '', '', 4, 2000, 9000);
    INSERT INTO vip VALUES ('247.0.0.9', 'com.foo.A', '', '', 'pool', NULL), ('192.0.2.1', 'com.foo.B', '', '', 'pin', 9000);
    INSERT INTO value VALUES ('serial', '1700100000'), ('snapshot of zookeeper:zk/dubbo', '5000'),
      ('live milliseconds of zookeeper:zk/dubbo', '4000'),
      ('placement com.foo.A:1.0', '{"cluster":"c","namespace":"n","name":"s","uid":"u","addresses":["10.96.0.1"],"from":"join","ports":[]}'),
      ('placement com.foo.Bad', 'not JSON');
  `);
  const put = database.prepare('INSERT INTO snapshot VALUES (?, ?, ?)');
  const registration = {
    interface: 'com.foo.A',
    version: '1.0',
    group: '',
    application: 'user',
    protocol: 'tri',
    port: 20880,
    vip: '\xf7\0\0\x09',
  };
  const endpoints = [{ host: '10.0.0.1', port: 20880, protocol: 'tri' }];
  const body = {
    live: [
      ['/dubbo/com.foo.A/providers', { ...registration, endpoints, source: '/dubbo/com.foo.A/providers' }],
    ],
  };
  put.run('zookeeper:zk/dubbo', 'com.foo.A:1.0', JSON.stringify(body));
  put.run(
    'zookeeper:zk/dubbo',
    'com.foo.B',
    JSON.stringify({
      live: [],
      last: { ...registration, interface: 'com.foo.B', version: '', endpoints: [], source: 'x' },
      goneAt: 77,
    }),
  );
  put.run('zookeeper:zk/dubbo', 'com.foo.Broken', '{"live": [');
  database.close();
}

suite('a store of version 0.1.0', () => {
  test('is migrated with VIPs, ages, serial, placements and what registries said; what is broken is named', async () => {
    const path = join(tempFolder('store'), 'old.db');
    writeVersion1(path);
    const store = openSqliteStore(path);
    const holding = await holdingOf(store);
    assert.deepEqual(holding.services, ['com.foo.A:1.0 3 1000 null', 'com.foo.B 4 2000 9000']);
    assert.deepEqual(holding.addresses, ['192.0.2.1 com.foo.B pin 9000', '247.0.0.9 com.foo.A pool null']);
    assert.equal(holding.serial, 1_700_100_000);
    assert.equal(holding.placements.length, 1);
    assert.match(holding.placements[0] ?? '', /^com\.foo\.A:1\.0 \{"cluster":"c".*10\.96\.0\.1/);
    assert.deepEqual(holding.registries, ['zookeeper:zk/dubbo 5000 4000']);
    assert.deepEqual(
      holding.facts.map((row) => row.split(' ').slice(0, 2).join(' ')),
      ['zookeeper:zk/dubbo com.foo.A', 'zookeeper:zk/dubbo com.foo.B'],
    );
    assert.deepEqual(
      holding.problems
        .map((text) => text.replace(/Broken: .*: left/, 'Broken: … left').replace(`${path}: `, ''))
        .sort(),
      [
        "table placement, row service = 'com.foo.Bad': its placement is no JSON of ours: left out, it is decided anew; to be told no more: DELETE FROM placement WHERE service = 'com.foo.Bad'",
        'snapshot of zookeeper:zk/dubbo, row com.foo.Broken: … left out, the registry tells it again',
      ].sort(),
    );
    await store.close();
    // once: the next process finds a store of today
    const again = openSqliteStore(path);
    const after = await holdingOf(again);
    assert.deepEqual({ ...after, problems: [] }, { ...holding, problems: [] });
    await again.close();
  });

  test('a migration that is cut off leaves the old store as it was', async () => {
    const path = join(tempFolder('store'), 'old.db');
    writeVersion1(path);
    const database = new DatabaseSync(path);
    // a name that the migration needs is taken: it fails in its midst
    database.exec('CREATE TABLE service_1 (x TEXT)');
    database.close();
    const store = openSqliteStore(path);
    await assert.rejects(holdingOf(store), StoreError);
    await store.close();
    const read = new DatabaseSync(path);
    assert.deepEqual({ ...read.prepare('PRAGMA user_version').get() }, { user_version: 1 });
    assert.deepEqual({ ...read.prepare('SELECT count(*) AS n FROM snapshot').get() }, { n: 3 });
    read.close();
  });
});

suite('a store file that is none, or damaged', () => {
  test('of a newer version: refused, and left alone', async () => {
    const path = join(tempFolder('store'), 'new.db');
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const store = openSqliteStore(path);
    await assert.rejects(holdingOf(store), /written by a newer version of rpc-dns \(schema 99\)/);
    await store.close();
  });

  test('another file in its place is refused, and left alone', async () => {
    const folder = tempFolder('store');
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'these are notes, and no database at all\n'.repeat(100));
    const store = openSqliteStore(path);
    await assert.rejects(holdingOf(store), /is no store of rpc-dns .*: move it away, or set store\.path/);
    await store.close();
    assert.ok(existsSync(path));
  });

  test('a damaged one is set aside by name, and VIPs that can be read are kept', async () => {
    const folder = tempFolder('store');
    const path = join(folder, 'rpc-dns.db');
    const store = openSqliteStore(path);
    await holdingOf(store);
    const rows = Array.from({ length: 3000 }, (_, i) =>
      addressRow(`247.1.${i >> 8}.${i & 255}`, `com.foo.I${i}`),
    );
    await store.commit(rows.map((row) => ({ kind: 'put-address', row })));
    await store.close();
    damage(path);
    const next = openSqliteStore(path);
    const holding = await holdingOf(next);
    assert.equal(holding.problems.length, 1);
    assert.match(
      holding.problems[0] ?? '',
      /rpc-dns\.db is damaged \(.*\): it is kept as .*rpc-dns\.db\.damaged-.*, a new one is begun with \d+ VIPs that could be read/,
    );
    assert.ok(
      holding.addresses.length > 0 && holding.addresses.length < 3000,
      `${holding.addresses.length} rows`,
    );
    await next.commit([{ kind: 'put-address', row: addressRow('247.2.0.1', 'com.foo.New') }]);
    await next.close();
    assert.ok(readdirSync(folder).some((name) => name.startsWith('rpc-dns.db.damaged-')));
    const last = openSqliteStore(path);
    const kept = await holdingOf(last);
    assert.equal(kept.addresses.length, holding.addresses.length + 1);
    assert.deepEqual([kept.problems, kept.facts], [[], []]);
    await last.close();
  });
});

/** Overwrites a page in the midst of the table of VIPs. */
function damage(path: string): void {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  const octets = readFileSync(path);
  const at = octets.lastIndexOf('com.foo.I2500', undefined, 'latin1');
  assert.ok(at > 0, 'the row is in the file');
  const page = Math.floor(at / 4096) * 4096;
  octets.fill(0xee, page, page + 4096);
  writeFileSync(path, octets);
}
