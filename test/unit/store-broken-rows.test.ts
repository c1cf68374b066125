/** One broken row in the file of the store: told with file, table, row and remedy; everything else is served. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { House } from '../support/house.ts';
import { tempFolder } from '../support/temp.ts';

const folder = tempFolder('broken');
const CONFIG = 'registries: [ { kind: file, path: x } ]\n';
const DOCUMENT = `interfaces:
  - { name: com.foo.A, port: 1, endpoints: ["10.0.0.1:1", "[fd00::1]:1", "host.example:1"] }
  - { name: com.foo.B, port: 1, version: "1.0", vip: 192.0.2.7 }
`;
let number = 0;

/** A store in which A and B stand, changed by SQL behind its back. */
async function storeAfter(sql: string): Promise<{ file: string; store: Store }> {
  const file = join(folder, `${number++}.db`);
  const first = openSqliteStore(file);
  const house = await House.open({ config: CONFIG, store: first });
  house.events.start();
  await house.deliver(DOCUMENT);
  await house.events.stop();
  await first.close();
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA ignore_check_constraints = ON; ${sql}`);
  database.close();
  return { file, store: openSqliteStore(file) };
}

/** Opens a house on it. @returns what was told, and the addresses of A and B, before and after the registry speaks */
async function reopened(sql: string) {
  const { file, store } = await storeAfter(sql);
  const problems: string[] = [];
  const onStoreProblem = (problem: string) => problems.push(problem.replaceAll(file, 'FILE'));
  try {
    const house = await House.open({ config: CONFIG, store, events: { onStoreProblem } });
    const vips = () =>
      ['com.foo.A', 'com.foo.B'].map((name) => house.services(name)[0]?.vip.addresses.length);
    await house.settle();
    const before = vips();
    house.events.start();
    await house.deliver(DOCUMENT);
    await house.pass(1000);
    const after = vips();
    await house.events.stop();
    return { problems, before, after };
  } finally {
    await store.close();
  }
}

interface RowTest {
  readonly title: string;
  readonly sql: string;
  readonly says: readonly string[];
  /** addresses of A and B before the registry spoke; default: both are there */
  readonly before?: readonly (number | undefined)[];
}

const HUGE = '4611686018427387904';
const ROWS: readonly RowTest[] = [
  { title: 'nothing', sql: '', says: [] },
  {
    title: 'an ordinal that is none',
    sql: `UPDATE service SET ordinal = ${HUGE} WHERE name = 'com.foo.A'`,
    says: [
      "FILE: table service, row kind = 'interface' AND name = 'com.foo.A' AND version = '' AND grp = '': its ordinal is no count: left out, who came first is decided anew; to be told no more: DELETE FROM service WHERE kind = 'interface' AND name = 'com.foo.A' AND version = '' AND grp = ''",
    ],
  },
  {
    title: 'a time of a service that is none',
    sql: `UPDATE service SET first_seen_at = -1 WHERE name = 'com.foo.A'`,
    says: [
      "FILE: table service, row kind = 'interface' AND name = 'com.foo.A' AND version = '' AND grp = '': it has a time that is none: taken as now, nothing else is lost",
    ],
  },
  {
    title: 'a service that nobody can be called',
    sql: "INSERT INTO service (name, version, grp, ordinal, first_seen_at) VALUES ('it''s..x', '', '', 9, 9)",
    says: [
      "FILE: table service, row kind = 'interface' AND name = 'it''s..x' AND version = '' AND grp = '': 'it's..x' is no interface name: expected package.Name of letters, digits, _ and $: left out, who came first is decided anew; to be told no more: DELETE FROM service WHERE kind = 'interface' AND name = 'it''s..x' AND version = '' AND grp = ''",
    ],
  },
  {
    title: 'an owner that is none: its address stays kept from others',
    sql: "UPDATE vip SET owner = 'com..A', retired_at = NULL WHERE owner = 'com.foo.B'",
    says: [
      "FILE: table vip, row address = '192.0.2.7': 'com..A' is no interface name: expected package.Name of letters, digits, _ and $: the address is kept from all others for vips.reuseAfter, from now on",
    ],
  },
  {
    title: 'a placement',
    sql: `INSERT INTO placement VALUES ('com.foo.A', '{"cluster": ')`,
    says: [
      "FILE: table placement, row service = 'com.foo.A': its placement is no JSON of ours: left out, it is decided anew; to be told no more: DELETE FROM placement WHERE service = 'com.foo.A'",
    ],
  },
  {
    title: 'a registry',
    sql: `UPDATE registry SET live_ms = ${HUGE}`,
    says: [
      "FILE: table registry, row id = 'registry-0': it has a time that is none: left out, the registry is read before it is answered",
    ],
    before: [undefined, undefined],
  },
  {
    title: 'facts of which the end is lost',
    sql: "UPDATE facts SET octets = substr(octets, 1, length(octets) - 3) WHERE interface = 'com.foo.A'",
    says: [
      "table facts, row registry = 'registry-0' AND interface = 'com.foo.A': it ends too soon: left out, the registry tells it again",
    ],
    before: [undefined, 1],
  },
  {
    title: 'facts that are none',
    sql: "UPDATE facts SET octets = x'ff' WHERE interface = 'com.foo.A'",
    says: [
      "table facts, row registry = 'registry-0' AND interface = 'com.foo.A': it is no row of ours: left out, the registry tells it again",
    ],
    before: [undefined, 1],
  },
  {
    title: 'facts of nobody',
    sql: "INSERT INTO facts VALUES ('registry-0', '', x'00')",
    says: [
      "FILE: table facts, row registry = 'registry-0' AND interface = '': empty interface name: left out, the registry tells it again; to be told no more: DELETE FROM facts WHERE registry = 'registry-0' AND interface = ''",
    ],
  },
  {
    title: 'the serial',
    sql: `UPDATE serial SET serial = ${HUGE}`,
    says: ["FILE: table serial, row one = '1': it is no serial: left out, serials go on from the clock"],
  },
];

suite('one broken row is left out and told', () => {
  for (const { title, sql, says, before = [1, 1] } of ROWS) {
    test(title, async () => {
      const found = await reopened(sql);
      assert.deepEqual(found, { problems: says, before, after: [1, 1] });
    });
  }

  test('an address that is none is a reason not to start: nobody knows which one is taken', async () => {
    const { file, store } = await storeAfter("UPDATE vip SET address = '247.0.0.' WHERE owner = 'com.foo.A'");
    try {
      await assert.rejects(House.open({ config: CONFIG, store }), {
        name: 'StoreError',
        message: `${file}: table vip, row address = '247.0.0.': '247.0.0.' is no address, so nobody knows which one com.foo.A has: not started, lest it is given to another. Set it right with: sqlite3 ${file} "UPDATE vip SET address = '…' WHERE address = '247.0.0.'"; or, when it is lost, "DELETE FROM vip WHERE address = '247.0.0.'": the owner then gets another VIP`,
      });
    } finally {
      await store.close();
    }
  });
});

test('whatever stands in a row of facts is read or left out, and planned without a bug', async () => {
  const { store } = await storeAfter('');
  let facts: Uint8Array | undefined;
  await store.open({
    loaded: (part) => {
      facts ??= part.facts?.find((row) => row.interface === 'com.foo.A')?.octets;
    },
    changed: () => {},
  });
  await store.close();
  assert.ok(facts !== undefined);
  const good = Uint8Array.from(facts);
  const change = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(change, fc.nat(good.length), fc.boolean(), async (changes, length, isCut) => {
      const octets = Uint8Array.from(isCut ? good.subarray(0, length) : good);
      for (const [at, octet] of changes) if (at < octets.length) octets[at] = octet;
      const row = { registry: 'registry-0', interface: 'com.foo.A' as never, octets };
      const loaded = [{ facts: [row], registries: [{ id: 'registry-0', snapshotAt: 1, liveMs: 1 }] }];
      const house = await House.open({
        config: CONFIG,
        events: { onStoreProblem: () => {} },
        store: {
          label: 'broken',
          keepsFacts: true,
          open: async (listener) => loaded.forEach((part) => void listener.loaded(part)),
          commit: async () => {},
          close: async () => {},
        },
      });
      house.events.start();
      await house.pass(100);
      await house.deliver(DOCUMENT);
      assert.equal(house.services('com.foo.A')[0]?.vip.addresses.length, 1);
    }),
    { numRuns: 150 },
  );
});
