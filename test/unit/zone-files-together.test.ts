/** A zone file with lines that cannot be read: what is wrong with the rest is told in the same breath, and nothing that is not. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadZone } from '../../src/config/zone-files.ts';
import { tempFolder } from '../support/temp.ts';

const folder = tempFolder('together');

/** `LINE:COLUMN: text` of every problem. */
function problemsOf(text: string): string[] {
  const file = join(folder, 'a.zone');
  writeFileSync(file, text);
  const loaded = loadZone(file);
  return Array.isArray(loaded) ? loaded.map((one) => `${one.line}:${one.column}: ${one.text}`) : [];
}

test('semantic problems are told beside a line that cannot be read', () => {
  const text = `$ORIGIN a.example.
$TTL 60
@ SOA ns h 1 2 3 4 5
@ NS ns
ns A 10.0.0.300
www CNAME ns
www A 10.0.0.1
@ MX 10 www
other.example. A 10.0.0.1
`;
  assert.deepEqual(problemsOf(text), [
    "5:6: expected an IPv4 address such as 192.0.2.1, found '10.0.0.300'",
    '6:1: CNAME beside A at www.a.example.: a CNAME must be alone',
    '8:1: MX leads to www.a.example., which is a CNAME',
    '9:1: other.example. is not in the zone a.example.',
  ]);
});

/** Everything that one line may be missed for: SOA, NS, glue, an origin, an owner for the lines below. */
const GOOD = `$TTL 60
$ORIGIN a.example.
@ SOA ns h 1 2 3 4 5
  NS ns
  NS ns2
ns A 10.0.0.1
ns2 AAAA fd00::2
alias CNAME ns
www TXT x
  A 10.0.0.2
$ORIGIN sub.a.example.
www CNAME ns.a.example.
mail A 10.0.0.3
  TXT y
$ORIGIN a.example.
cut NS ns.cut
    NS ns.other
ns.cut A 10.0.0.4
other NS ns.other
ns.other A 10.0.0.5
* CNAME ns
mx A 10.0.0.6
@ MX 10 mx
$GENERATE 1-3 h$ A 10.0.1.$
`;

test('one line that cannot be read makes no other problem', () => {
  assert.deepEqual(problemsOf(GOOD), []);
  const lines = GOOD.trimEnd().split('\n');
  const faults: readonly ((line: string) => string)[] = [
    // a bad owner, type, or directive; data that is no data; what the tokenizer refuses; nothing but noise
    (line) => line.replace(/^(\S+)/, (word) => (word.startsWith('$') ? '$X' : 'a..b')),
    (line) => line.replace(/ (SOA|NS|A|AAAA|CNAME|TXT|MX) /, ' BOGUS '),
    (line) => (line.includes('TXT') ? line : `${line} ( surplus )`),
    (line) => `${line} "`,
    () => 'x y z',
  ];
  for (const [i, line] of lines.entries()) {
    for (const fault of faults) {
      const broken = lines.with(i, fault(line));
      // what is no directive does not look as if an $ORIGIN had been meant
      if (broken[i] === line || (broken[i] === 'x y z' && line.startsWith('$ORIGIN'))) continue;
      const found = problemsOf(`${broken.join('\n')}\n`);
      assert.equal(found.length, 1, `line ${i + 1}, ${broken[i]}: ${found.join(' | ')}`);
      assert.ok(found[0]?.startsWith(`${i + 1}:`), `${found[0]}`);
    }
  }
});

test('a record under a doubtful origin or owner is not judged, the next sure one is', () => {
  const text = `$TTL 60
$ORIGIN a.example.
@ SOA ns h 1 2 3 4 5
@ NS ns
ns A 10.0.0.1
b..d TXT x
  CNAME ns
$ORIGIN sub..a.example.
ns CNAME x
$ORIGIN a.example.
ns CNAME x
`;
  assert.deepEqual(problemsOf(text), [
    '4:1: NS leads to ns.a.example., which is a CNAME',
    "6:1: empty label in domain name 'b..d'",
    "8:9: empty label in domain name 'sub..a.example.'",
    '11:1: CNAME beside A at ns.a.example.: a CNAME must be alone',
  ]);
});
