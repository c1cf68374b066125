import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { problemText } from '../../src/base/problem.ts';
import { bad } from '../../src/base/result.ts';
import { toText } from '../../src/name/domain-name.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';
import { MAX_TTL } from '../../src/zone/period.ts';
import { read, records } from './zone-fixtures.ts';

interface Case {
  readonly title: string;
  readonly text: string;
  readonly expected: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

const A = '1 A 10.0.0.1';

const CASES: readonly Case[] = [
  { title: 'an empty file', text: '', expected: [] },
  { title: 'comments and blanks only', text: '; a\n\n   \n\t; b\r\n', expected: [] },
  { title: 'no newline at the end', text: `a ${A}`, expected: ['a.example. 1 IN A 10.0.0.1'] },
  {
    title: 'CRLF',
    text: `a ${A}\r\n ${A}\r\n\r\n`,
    expected: ['a.example. 1 IN A 10.0.0.1', 'a.example. 1 IN A 10.0.0.1'],
  },
  { title: 'a byte order mark', text: `\uFEFFa ${A}`, expected: ['a.example. 1 IN A 10.0.0.1'] },
  { title: 'tabs', text: 'a\t1\tIN\tA\t10.0.0.1\t', expected: ['a.example. 1 IN A 10.0.0.1'] },
  {
    title: 'an owner may be absolute, relative, the origin or the root',
    text: `a. ${A}\nb ${A}\n@ ${A}\n. ${A}`,
    expected: [
      'a. 1 IN A 10.0.0.1',
      'b.example. 1 IN A 10.0.0.1',
      'example. 1 IN A 10.0.0.1',
      '. 1 IN A 10.0.0.1',
    ],
  },
  {
    title: 'a blank owner is the last one, over comments and directives',
    text: `a ${A}\n; c\n$TTL 5\n\n A 10.0.0.2\n\tA 10.0.0.3`,
    expected: ['a.example. 1 IN A 10.0.0.1', 'a.example. 5 IN A 10.0.0.2', 'a.example. 5 IN A 10.0.0.3'],
  },
  {
    title: 'TTL and class in either order, class in any case',
    text: 'a 1 IN A 10.0.0.1\na IN 2 A 10.0.0.1\na in A 10.0.0.1\na class1 3 a 10.0.0.1',
    expected: [
      'a.example. 1 IN A 10.0.0.1',
      'a.example. 2 IN A 10.0.0.1',
      'a.example. 2 IN A 10.0.0.1',
      'a.example. 3 IN A 10.0.0.1',
    ],
  },
  {
    title: 'owners that look like a class, a type or a TTL',
    text: 'IN 1 IN A 10.0.0.1\nA 1 A 10.0.0.1\n3600 1 A 10.0.0.1',
    expected: ['IN.example. 1 IN A 10.0.0.1', 'A.example. 1 IN A 10.0.0.1', '3600.example. 1 IN A 10.0.0.1'],
  },
  {
    title: 'units in TTLs',
    text: 'a 1h A 10.0.0.1\na 1H30M A 10.0.0.1\na 1w1d1h1m1s A 10.0.0.1\n$TTL 2d\na A 10.0.0.1',
    expected: [
      'a.example. 3600 IN A 10.0.0.1',
      'a.example. 5400 IN A 10.0.0.1',
      'a.example. 694861 IN A 10.0.0.1',
      'a.example. 172800 IN A 10.0.0.1',
    ],
  },
  {
    title: 'the largest TTL',
    text: `a ${MAX_TTL} A 10.0.0.1`,
    expected: ['a.example. 2147483647 IN A 10.0.0.1'],
  },
  {
    title: '$TTL goes before the last explicit TTL',
    text: '$TTL 5\na 9 A 10.0.0.1\na A 10.0.0.2\n$TTL 6\na A 10.0.0.3',
    expected: ['a.example. 9 IN A 10.0.0.1', 'a.example. 5 IN A 10.0.0.2', 'a.example. 6 IN A 10.0.0.3'],
  },
  {
    title: "without $TTL the SOA's minimum serves",
    text: '@ SOA . . 1 2 3 4 7\na 9 A 10.0.0.1\na A 10.0.0.2',
    expected: ['example. 7 IN SOA . . 1 2 3 4 7', 'a.example. 9 IN A 10.0.0.1', 'a.example. 7 IN A 10.0.0.2'],
  },
  {
    title: 'without $TTL the last explicit TTL serves (RFC 1035)',
    text: '@ 9 SOA . . 1 2 3 4 7\na A 10.0.0.1\na 3 A 10.0.0.2\na A 10.0.0.3',
    expected: [
      'example. 9 IN SOA . . 1 2 3 4 7',
      'a.example. 9 IN A 10.0.0.1',
      'a.example. 3 IN A 10.0.0.2',
      'a.example. 3 IN A 10.0.0.3',
    ],
  },
  {
    title: 'parentheses join lines, also around comments, blanks and owners',
    text: '@ 1 SOA . . ( 1 ; serial )\n 2\n3 ) 4 (\n\n 5 ; last\n)\na(1)A(10.0.0.1)\n(b 1 A\n10.0.0.2)',
    expected: ['example. 1 IN SOA . . 1 2 3 4 5', 'a.example. 1 IN A 10.0.0.1', 'b.example. 1 IN A 10.0.0.2'],
  },
  {
    title: 'parentheses within parentheses',
    text: 'a 1 TXT ( a ( b\n) c\n)\nb 1 TXT ()d',
    expected: ['a.example. 1 IN TXT "a" "b" "c"', 'b.example. 1 IN TXT "d"'],
  },
  {
    title: 'a blank in front of a parenthesis keeps the owner',
    text: `a ${A}\n ( 1 A\n10.0.0.2 )`,
    expected: ['a.example. 1 IN A 10.0.0.1', 'a.example. 1 IN A 10.0.0.2'],
  },
  {
    title: 'escapes in owners',
    text: `a\\.b ${A}\n\\097\\046\\098 ${A}\na\\ b ${A}\n\\@ ${A}\n\\$TTL ${A}\na\\;b ${A}\na\\(b\\" ${A}\n\\000\\255 ${A}\na\\. ${A}\na\\\\. ${A}`,
    expected: [
      'a\\.b.example.',
      'a\\.b.example.',
      'a\\032b.example.',
      '\\@.example.',
      '\\$TTL.example.',
      'a\\;b.example.',
      'a\\(b\\".example.',
      '\\000\\255.example.',
      'a\\..example.',
      'a\\\\.',
    ].map((owner) => `${owner} 1 IN A 10.0.0.1`),
  },
  {
    title: 'letters keep their case',
    text: `WwW ${A}\nw 1 NS Ns.Example.`,
    expected: ['WwW.example. 1 IN A 10.0.0.1', 'w.example. 1 IN NS Ns.Example.'],
  },
  {
    title: 'wildcards and underscores',
    text: `* ${A}\n_a._tcp.*.b ${A}`,
    expected: ['*.example. 1 IN A 10.0.0.1', '_a._tcp.*.b.example. 1 IN A 10.0.0.1'],
  },
  {
    title: 'quoted strings hold what else would end a word',
    text: 'a 1 TXT "a;b (c) $d @" "\\"\\;\\\\"\na 1 TXT "a""b"c',
    expected: ['a.example. 1 IN TXT "a;b (c) $d @" "\\";\\\\"', 'a.example. 1 IN TXT "a" "b" "c"'],
  },
  {
    title: '$ORIGIN, relative to the one before',
    text: `$ORIGIN b\na ${A}\n$origin c.\na ${A}\n@ ${A}\n$ORIGIN .\na ${A}`,
    expected: [
      'a.b.example. 1 IN A 10.0.0.1',
      'a.c. 1 IN A 10.0.0.1',
      'c. 1 IN A 10.0.0.1',
      'a. 1 IN A 10.0.0.1',
    ],
  },
  {
    title: '$ORIGIN does not change the owner of a blank one',
    text: `a ${A}\n$ORIGIN b\n 1 NS c`,
    expected: ['a.example. 1 IN A 10.0.0.1', 'a.example. 1 IN NS c.b.example.'],
  },
  {
    title: '$INCLUDE starts with origin and owner and changes neither',
    text: `a ${A}\n$INCLUDE f\n 1 A 10.0.0.2\nb ${A}`,
    files: { f: ` 1 A 10.0.0.9\n$ORIGIN c\nd ${A}` },
    expected: [
      'a.example. 1 IN A 10.0.0.1',
      'a.example. 1 IN A 10.0.0.9',
      'd.c.example. 1 IN A 10.0.0.1',
      'a.example. 1 IN A 10.0.0.2',
      'b.example. 1 IN A 10.0.0.1',
    ],
  },
  {
    title: '$INCLUDE with an origin, a quoted file and a comment',
    text: '$INCLUDE "a b" sub ; c\na 1 A 10.0.0.1',
    files: { 'a b': `a ${A}` },
    expected: ['a.sub.example. 1 IN A 10.0.0.1', 'a.example. 1 IN A 10.0.0.1'],
  },
  {
    title: '$TTL of an included file stays, as in BIND',
    text: '$INCLUDE f\na A 10.0.0.1',
    files: { f: '$TTL 8' },
    expected: ['a.example. 8 IN A 10.0.0.1'],
  },
  {
    title: 'the same file included twice',
    text: '$INCLUDE f b\n$INCLUDE f c',
    files: { f: `a ${A}` },
    expected: ['a.b.example. 1 IN A 10.0.0.1', 'a.c.example. 1 IN A 10.0.0.1'],
  },
  {
    title: 'one RRset with two TTLs',
    text: 'a 5 A 10.0.0.1\na 4 A 10.0.0.2',
    expected: ['a.example. 5 IN A 10.0.0.1', 'a.example. 4 IN A 10.0.0.2'],
  },
];

suite('a master file', () => {
  for (const { title, text, expected, files } of CASES) {
    test(title, () => assert.deepEqual(records(text, files), expected));
  }

  test('without an origin absolute names are read', () => {
    const { records, problems } = parseMasterFile({
      text: 'a. 1 NS b.\n$ORIGIN c.\nd 1 NS @',
      file: 'z',
      include: () => bad('none'),
    });
    assert.deepEqual(problems.map(problemText), []);
    assert.deepEqual(
      records.map((record) => toText(record.name)),
      ['a.', 'd.c.'],
    );
  });

  test('records know where they stand', () => {
    const text =
      '; c\n  \na 1 A 10.0.0.1\n  1 A (\n 10.0.0.2 )\n$INCLUDE f\n$GENERATE 1-2 g$ 1 A 10.0.0.$\nz 1 A 10.0.0.1';
    const { records } = read(text, { f: '\n\n 1 A 10.0.0.1\nc 1 A 10.0.0.1' });
    assert.deepEqual(
      records.map(({ file, line, column }) => `${file}:${line}:${column}`),
      ['z:3:1', 'z:4:3', 'f:3:2', 'f:4:1', 'z:7:1', 'z:7:1', 'z:8:1'],
    );
  });
});
