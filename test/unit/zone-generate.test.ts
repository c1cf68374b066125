// biome-ignore-all lint/suspicious/noTemplateCurlyInString: $GENERATE writes its formats like this
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { expand, parseRange } from '../../src/zone/generate.ts';
import { read, records } from './zone-fixtures.ts';

// the values are those of BIND 9.18's named-compilezone
suite('$GENERATE: a template', () => {
  const table: readonly (readonly [template: string, value: number, text: string])[] = [
    ['host-$', 7, 'host-7'],
    ['$-$', 7, '7-7'],
    ['none', 7, 'none'],
    ['a$$b', 7, 'a$b'],
    ['a\\$b', 7, 'a\\$b'],
    ['a\\\\$b', 7, 'a\\\\7b'],
    ['\\', 7, '\\'],
    ['${0}', 7, '7'],
    ['${-7}', 7, '0'],
    ['${1}x', 7, '8x'],
    ['${0,3}', 7, '007'],
    ['${0,3,d}', 1234, '1234'],
    ['${0,3,o}', 8, '010'],
    ['${0,4,x}', 255, '00ff'],
    ['${0,4,X}', 255, '00FF'],
    ['${0,1,n}', 1, '1'],
    ['${0,7,n}', 1, '1.0.0.0'],
    ['${0,0,n}', 258, '2.0.1'],
    ['${240,2,N}', 15, 'F.F'],
    ['${0,2,n}x', 1, '1.x'],
  ];
  for (const [template, value, text] of table) {
    test(`${template} of ${value}`, () =>
      assert.deepEqual(expand(template, value), { ok: true, value: text }));
  }
});

suite('$GENERATE: a range', () => {
  const good: readonly (readonly [text: string, start: number, stop: number, step: number])[] = [
    ['1-10', 1, 10, 1],
    ['0-0', 0, 0, 1],
    ['0-254/2', 0, 254, 2],
    ['0-65535', 0, 65535, 1],
    ['0-2147483647/32768', 0, 2147483647, 32768],
  ];
  for (const [text, start, stop, step] of good) {
    test(text, () => assert.deepEqual(parseRange(text), { ok: true, value: { start, stop, step } }));
  }
  for (const text of [
    '',
    '1',
    '1-',
    '-1-2',
    '2-1',
    '1-2/0',
    '1-2/',
    '1-2/-1',
    'a-b',
    '0-65536',
    '0-4294967295',
    '1 - 2',
  ]) {
    test(`'${text}' is refused`, () => assert.equal(parseRange(text).ok, false));
  }
});

suite('$GENERATE: a directive', () => {
  test('makes a record for each number', () => {
    assert.deepEqual(records('$TTL 9\n$GENERATE 2-6/2 host-$ A 10.0.0.$\n'), [
      'host-2.example. 9 IN A 10.0.0.2',
      'host-4.example. 9 IN A 10.0.0.4',
      'host-6.example. 9 IN A 10.0.0.6',
    ]);
  });

  test('takes TTL and class, and data of several fields, quoted as a whole or not', () => {
    assert.deepEqual(
      records(
        [
          '$GENERATE 1-1 a$ 1m IN MX "10 mail$" ; comment',
          '$GENERATE 1-1 b$ IN 60 MX 10 mail$',
          '$GENERATE 1-1 c$ 60 TXT "\\"x $\\" y"',
          '$GENERATE 1-1 d$ 60 TXT "x $" "y"',
          '$GENERATE 1-1 @ 60 SVCB ($ . alpn="h$,x y")',
        ].join('\n'),
      ),
      [
        'a1.example. 60 IN MX 10 mail1.example.',
        'b1.example. 60 IN MX 10 mail1.example.',
        'c1.example. 60 IN TXT "x 1" "y"',
        'd1.example. 60 IN TXT "x 1" "y"',
        'example. 60 IN SVCB 1 . alpn="h1,x y"',
      ],
    );
  });

  test('uses the current origin and leaves the owner alone', () => {
    assert.deepEqual(records('o 1 A 10.0.0.1\n$ORIGIN s\n$GENERATE 1-1 $ 1 CNAME x$\n 1 A 10.0.0.2'), [
      'o.example. 1 IN A 10.0.0.1',
      '1.s.example. 1 IN CNAME x1.s.example.',
      'o.example. 1 IN A 10.0.0.2',
    ]);
  });

  test('makes 65,536 records and no more', () => {
    const { records, problems } = read(
      '$TTL 1\n$GENERATE 0-65535 $ A 10.0.0.1\n$GENERATE 0-65536 x$ A 10.0.0.1',
    );
    assert.equal(records.length, 65536);
    assert.equal(problems.length, 1);
  });
});
