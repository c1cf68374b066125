/** A zone that changed without a higher serial: what secondaries would never see (RFC 1982). */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadZone, type ZoneFile } from '../../src/config/zone-files.ts';
import { unraisedSerials } from '../../src/config/zone-serials.ts';
import { tempFolder } from '../support/temp.ts';

const file = join(tempFolder('serials'), 'a.zone');

function zone(serial: number, records = 'www A 10.0.0.1\n', apex = 'a.example.'): ZoneFile {
  writeFileSync(
    file,
    `$ORIGIN ${apex}\n$TTL 60\n@ SOA ns h ${serial} 2 3 4 5\n@ NS ns\nns A 10.0.0.2\n${records}`,
  );
  const loaded = loadZone(file);
  assert.ok(!Array.isArray(loaded));
  return loaded;
}

function unraised(before: ZoneFile, after: ZoneFile, takesNames = false): string[] {
  const found = unraisedSerials([before], [after], () => takesNames);
  return found.map((one) => `${one.before} → ${one.after}`);
}

const CHANGED = 'www A 10.0.0.9\n';
const TABLE: readonly (readonly [
  title: string,
  before: ZoneFile,
  after: ZoneFile,
  found: readonly string[],
])[] = [
  ['nothing changed', zone(5), zone(5), []],
  [
    'written in another order',
    zone(5, 'a A 10.0.0.3\nb A 10.0.0.4\n'),
    zone(5, 'b A 10.0.0.4\na A 10.0.0.3\n'),
    [],
  ],
  ['the serial alone', zone(5), zone(6), []],
  ['a record, and a higher serial', zone(5), zone(6, CHANGED), []],
  ['a record without a higher serial', zone(5), zone(5, CHANGED), ['5 → 5']],
  ['one more record', zone(5), zone(5, `www A 10.0.0.1\n${CHANGED}`), ['5 → 5']],
  ['one record less', zone(5), zone(5, ''), ['5 → 5']],
  ['a TTL', zone(5), zone(5, 'www 61 A 10.0.0.1\n'), ['5 → 5']],
  ['a serial that fell', zone(5), zone(4, CHANGED), ['5 → 4']],
  ['a serial that fell, and nothing else', zone(2026112401), zone(2026112400), ['2026112401 → 2026112400']],
  ['a serial that went around', zone(4294967295), zone(0, CHANGED), []],
  ['a serial that went half around', zone(0), zone(2 ** 31, CHANGED), ['0 → 2147483648']],
  ['a serial just below half around', zone(0), zone(2 ** 31 - 1, CHANGED), []],
  ['another zone in its place', zone(5), zone(4, CHANGED, 'b.example.'), []],
];

for (const [title, before, after, found] of TABLE) {
  test(title, () => assert.deepEqual(unraised(before, after), found));
}

test('a zone that takes names of registries has a serial of the server’s own', () => {
  assert.deepEqual(unraised(zone(5), zone(4, CHANGED), true), []);
});

test('a signed one takes none', () => {
  const key = '@ DNSKEY \\# 6 010103080102\n';
  assert.deepEqual(unraised(zone(5, key), zone(5, key + CHANGED), true), ['5 → 5']);
});
