// biome-ignore-all lint/suspicious/noTemplateCurlyInString: $GENERATE writes its formats like this
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { problemText } from '../../src/base/problem.ts';
import { bad, ok } from '../../src/base/result.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';
import { read } from './zone-fixtures.ts';

interface Case {
  readonly title: string;
  readonly text: string;
  readonly problems: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

const IPV4 = 'expected an IPv4 address such as 192.0.2.1';

const CASES: readonly Case[] = [
  // words
  {
    title: 'a quote that is not closed',
    text: 'a 1 TXT "x\nb 1 TXT y',
    problems: [`z:1:9: '"' is not closed on its line`],
  },
  {
    title: 'a quote that is not closed at the end',
    text: 'a 1 TXT x "\\"',
    problems: [`z:1:11: '"' is not closed on its line`],
  },
  {
    title: 'a quote inside a word',
    text: 'a 1 TXT x"y"',
    problems: [
      `z:1:10: '"' inside a word: quote the whole word, or write \\"`,
      `z:1:12: '"' inside a word: quote the whole word, or write \\"`,
    ],
  },
  {
    title: 'a closing parenthesis too many',
    text: 'a 1 A 10.0.0.1 )\nb 1 A 10.0.0',
    problems: ["z:1:16: ')' without '('", `z:2:7: ${IPV4}, found '10.0.0'`],
  },
  {
    title: 'a parenthesis that is never closed: the rest is read from the next line that has an owner',
    text: '@ 1 SOA . . ( 1\n 2 3 ; x\n\n 4 5\na 1 A x\nb 1 A y',
    problems: ["z:1:13: '(' is never closed", `z:5:7: ${IPV4}, found 'x'`, `z:6:7: ${IPV4}, found 'y'`],
  },
  {
    title: 'a parenthesis that is never closed, at the end',
    text: 'a 1 TXT (b',
    problems: ["z:1:9: '(' is never closed"],
  },
  {
    title: 'two parentheses that are never closed',
    text: 'a 1 TXT (\nb 1 TXT (\nc 1 A x',
    problems: ["z:1:9: '(' is never closed", "z:2:9: '(' is never closed", `z:3:7: ${IPV4}, found 'x'`],
  },
  {
    title: 'letters outside ASCII',
    text: 'bücher 1 A 10.0.0.1',
    problems: ["z:1:2: 'ü' (U+00FC) is not ASCII: write octets as \\DDD, and names in punycode"],
  },
  {
    title: 'letters outside ASCII in a string, but not in a comment',
    text: 'a 1 TXT "x" ; ü\n 1 TXT "日\u{1F600}"',
    problems: [
      "z:2:9: '日' (U+65E5) is not ASCII: write octets as \\DDD, and names in punycode",
      "z:2:10: '\u{1F600}' (U+1F600) is not ASCII: write octets as \\DDD, and names in punycode",
    ],
  },
  {
    title: 'an escaped letter outside ASCII',
    text: 'a 1 TXT \\ü',
    problems: ["z:1:10: 'ü' (U+00FC) is not ASCII: write octets as \\DDD, and names in punycode"],
  },
  {
    title: 'a carriage return inside a line',
    text: 'a 1 A 10.0.0.1\rb 1 A 10.0.0.1\r\n\r\n',
    problems: ['z:1:15: control character U+000D: write it as \\013'],
  },
  {
    title: 'a control character',
    text: 'a\u0000b 1 A 10.0.0.1',
    problems: ['z:1:2: control character U+0000: write it as \\000'],
  },

  // owners
  {
    title: 'a blank in front of the first owner',
    text: ' 1 A 10.0.0.1',
    problems: ['z:1:2: the first entry needs an owner name'],
  },
  {
    title: 'a blank in front of an owner',
    text: '@ 1 A 10.0.0.1\n  www 1 A 10.0.0.1',
    problems: ["z:2:3: expected a type, found 'www'; an owner name stands at the very start of its line"],
  },
  {
    title: 'no blank in front of a record of the owner above',
    text: '@ 1 A 10.0.0.1\nA 10.0.0.2',
    problems: [
      "z:2:3: expected a type, found '10.0.0.2'; 'A' at the start of the line is taken for the owner, put a blank in front of it",
    ],
  },
  {
    title: 'an empty label',
    text: 'a..b 1 A 10.0.0.1\n.a 1 A 10.0.0.1',
    problems: ["z:1:1: empty label in domain name 'a..b'", "z:2:1: empty label in domain name '.a'"],
  },
  {
    title: 'a label that is too long',
    text: `${'x'.repeat(64)} 1 A 10.0.0.1`,
    problems: [`z:1:1: label over 63 octets in domain name '${'x'.repeat(64)}'`],
  },
  {
    title: 'a name that is too long',
    text: `${'x.'.repeat(124)} 1 A 10.0.0.1\n${'x.'.repeat(124)}x 1 A 10.0.0.1`,
    problems: [`z:2:1: domain name '${'x.'.repeat(124)}x' over 255 octets`],
  },
  {
    title: 'a bad escape',
    text: 'a\\25 1 A 10.0.0.1\na\\256 1 A 10.0.0.1\na\\\n',
    problems: [
      "z:1:1: '\\25': expected three digits up to \\255",
      "z:2:1: '\\256': expected three digits up to \\255",
      "z:3:1: '\\' at the end: expected a character to escape",
    ],
  },
  {
    title: 'a quoted owner',
    text: '"a" 1 A 10.0.0.1',
    problems: ['z:1:1: expected an owner name, found the quoted "a"'],
  },
  {
    title: 'records below a bad owner give no problem of their own',
    text: 'a..b 1 A 10.0.0.1\n 1 A 10.0.0.1',
    problems: ["z:1:1: empty label in domain name 'a..b'"],
  },

  // TTL, class and type
  { title: 'an owner alone', text: 'www', problems: ['z:1:4: expected a type, found the end of the entry'] },
  {
    title: 'no type',
    text: 'www 1 IN ; comment',
    problems: ['z:1:9: expected a type, found the end of the entry'],
  },
  {
    title: 'a type that is nearly known',
    text: 'a 1 CNAM b\na 1 AAA ::1',
    problems: [
      "z:1:5: expected a type, found 'CNAM'; did you mean CNAME?",
      "z:2:5: expected a type, found 'AAA'; did you mean AAAA?",
    ],
  },
  {
    title: 'a type that is not known',
    text: 'a 1 SPF "v=spf1"\na 1 TYPE65536 \\# 0',
    problems: ["z:1:5: expected a type, found 'SPF'", "z:2:5: expected a type, found 'TYPE65536'"],
  },
  { title: 'a quoted type', text: 'a 1 "A" 10.0.0.1', problems: ['z:1:5: expected a type, found "A"'] },
  {
    title: 'types of questions',
    text: 'a 1 ANY \\# 0\na 1 AXFR\na 1 OPT\na 1 TYPE255 \\# 0',
    problems: [
      'z:1:5: type ANY is for questions, not for records',
      'z:2:5: type AXFR is for questions, not for records',
      'z:3:5: type OPT is for questions, not for records',
      'z:4:5: type TYPE255 is for questions, not for records',
    ],
  },
  {
    title: 'a mistyped type at an owner that looks like a TTL, or in front of data that looks like a type',
    text: '10 1 PRT a\n 1 CNMAE a\n',
    problems: [
      "z:1:6: expected a type, found 'PRT'; did you mean PTR?",
      "z:2:4: expected a type, found 'CNMAE'; did you mean CNAME?",
    ],
  },
  {
    title: 'another class',
    text: 'a 1 CH TXT x\na HS 1 TXT x\na CLASS3 TXT x',
    problems: [
      "z:1:5: class 'CH': only IN is served",
      "z:2:3: class 'HS': only IN is served",
      "z:3:3: class 'CLASS3': only IN is served",
    ],
  },
  {
    title: 'class or TTL twice',
    text: 'a IN 1 IN A 10.0.0.1\na 1 2 A 10.0.0.1',
    problems: ["z:1:8: a second class 'IN'", "z:2:5: a second TTL '2'"],
  },
  {
    title: 'a TTL of no known form',
    text: 'a 1x A 10.0.0.1\na 1h30 A 10.0.0.1\na -1 A 10.0.0.1',
    problems: [
      "z:1:3: expected a TTL such as 3600 or 1h30m, found '1x'",
      "z:2:3: expected a TTL such as 3600 or 1h30m, found '1h30'",
      "z:3:3: expected a type, found '-1'",
    ],
  },
  {
    title: 'a TTL over 2^31-1',
    text: 'a 2147483648 A 10.0.0.1\na 3551w A 10.0.0.1',
    problems: ["z:1:3: TTL '2147483648' is over 2147483647", "z:2:3: TTL '3551w' is over 2147483647"],
  },
  {
    title: 'no TTL at all: said once',
    text: 'a A 10.0.0.1\na A 10.0.0.2\nb A 10.0.0',
    problems: ['z:1:1: no TTL is known: add $TTL above, such as $TTL 3600', `z:3:5: ${IPV4}, found '10.0.0'`],
  },

  // data
  {
    title: 'data on several lines',
    text: '@ 1 SOA ns.example. admin (\n  2024 ; serial\n  2h\n  15x\n  4w 2 )',
    problems: ["z:4:3: expected the retry time (0 to 4294967295 seconds, or units as in 1h30m), found '15x'"],
  },
  {
    title: 'data that ends too early',
    text: 'a 1 MX 10\nb 1 SRV 0 0 80 ; target\nc 1 A\nd 1 SOA a b (\n1 2\n)',
    problems: [
      'z:1:10: expected a mail server, found the end of the entry',
      'z:2:15: expected a target, found the end of the entry',
      `z:3:6: ${IPV4}, found the end of the entry`,
      'z:5:4: expected the retry time (0 to 4294967295 seconds, or units as in 1h30m), found the end of the entry',
    ],
  },
  {
    title: 'data that goes on',
    text: 'a 1 A 10.0.0.1 10.0.0.2\na 1 NS b c',
    problems: [
      "z:1:16: '10.0.0.2' is too much behind the data of A",
      "z:2:10: 'c' is too much behind the data of NS",
    ],
  },
  {
    title: 'an address of the other family',
    text: 'a 1 A ::1\na 1 AAAA 10.0.0.1',
    problems: [
      `z:1:7: ${IPV4}, found '::1'`,
      "z:2:10: expected an IPv6 address such as 2001:db8::1, found '10.0.0.1'",
    ],
  },
  {
    title: 'hex over several words',
    text: 'a 1 SSHFP 4 2 00 11\n  22\nb 1 DS 1 8 2 (\n 0011\n 22x3 )',
    problems: [
      'z:1:15: a digest of type 2 has 32 octets, found 2',
      'z:2:5: expected a type, found the end of the entry',
      "z:5:2: expected the digest in hex digits, found '22x3'",
    ],
  },
  {
    title: 'octets of the wrong number',
    text: 'a 1 TYPE1234 \\# 3 0102',
    problems: ['z:1:17: the length is given as 3, but 2 octets follow'],
  },
  {
    title: 'a mailbox with an @',
    text: '@ 1 SOA ns admin@example.com 1 2 3 4 5',
    problems: ["z:1:12: mailbox 'admin@example.com': write it as a name, with a dot in place of the '@'"],
  },

  // directives
  {
    title: 'a directive that is nearly known',
    text: '$TLL 3600\n$INCLUD x\n$x',
    problems: [
      "z:1:1: unknown directive '$TLL'; did you mean $TTL?",
      "z:2:1: unknown directive '$INCLUD'; did you mean $INCLUDE?",
      "z:3:1: unknown directive '$x'",
    ],
  },
  {
    title: 'a directive behind a blank',
    text: 'a 1 A 10.0.0.1\n $TTL 3',
    problems: ["z:2:2: expected a type, found '$TTL'; a directive stands at the very start of its line"],
  },
  {
    title: 'a bad $TTL is one problem',
    text: '$TTL\na A 10.0.0.1',
    problems: [
      'z:1:5: expected a TTL (0 to 2147483647 seconds, or units as in 1h30m), found the end of the entry',
    ],
  },
  {
    title: 'a $TTL that is too large, or has more behind it',
    text: '$TTL 4294967295\n$TTL 1 2',
    problems: [
      "z:1:6: expected a TTL (0 to 2147483647 seconds, or units as in 1h30m), found '4294967295'",
      "z:2:8: '2' is too much behind $TTL",
    ],
  },
  {
    title: 'a bad $ORIGIN',
    text: '$ORIGIN\n$ORIGIN a..b\n$ORIGIN a b',
    problems: [
      'z:1:8: expected an origin, found the end of the entry',
      "z:2:9: empty label in domain name 'a..b'",
      "z:3:11: 'b' is too much behind $ORIGIN",
    ],
  },
  {
    title: '$INCLUDE without a file, of a missing one, with too much',
    text: '$INCLUDE\n$INCLUDE nope\n$INCLUDE f a b',
    files: { f: '' },
    problems: [
      'z:1:9: expected a file, found the end of the entry',
      "z:2:10: $INCLUDE 'nope': no such file",
      "z:3:14: 'b' is too much behind $INCLUDE",
    ],
  },
  {
    title: '$INCLUDE in a circle',
    text: '$INCLUDE f\n',
    files: { f: '\n$INCLUDE g', g: '$INCLUDE f' },
    problems: ['g:1:10: $INCLUDE goes in a circle: z → f → g → f'],
  },
  {
    title: '$INCLUDE of itself',
    text: '$INCLUDE z\n',
    files: { z: '' },
    problems: ['z:1:10: $INCLUDE goes in a circle: z → z'],
  },
  {
    title: 'problems in an included file and behind it',
    text: 'a 1 A x\n$INCLUDE f\nb 1 A y',
    files: { f: '\n c 1 A z\nd 1 A z' },
    problems: [
      `z:1:7: ${IPV4}, found 'x'`,
      "f:2:2: expected a type, found 'c'; an owner name stands at the very start of its line",
      `f:3:7: ${IPV4}, found 'z'`,
      `z:3:7: ${IPV4}, found 'y'`,
    ],
  },
  {
    title: '$GENERATE with a bad range',
    text: '$GENERATE 1..3 a$ 1 A 10.0.0.$\n$GENERATE 3-1 a$ 1 A 10.0.0.$\n$GENERATE 1-3/0 a$ 1 A 10.0.0.$\n$GENERATE 0-65536 a$ 1 A 10.0.0.$',
    problems: [
      "z:1:11: expected a range such as 1-10 or 0-254/2, found '1..3'",
      "z:2:11: range '3-1' ends before it starts",
      "z:3:11: range '1-3/0' has a step of 0",
      "z:4:11: range '0-65536' has 65537 numbers, at most 65536 are made",
    ],
  },
  {
    title: '$GENERATE that ends too early',
    text: '$GENERATE\n$GENERATE 1-2\n$GENERATE 1-2 a$\n$GENERATE 1-2 a$ 1 A',
    problems: [
      'z:1:10: expected a range such as 1-10, found the end of the entry',
      'z:2:14: expected an owner name with $, found the end of the entry',
      'z:3:17: expected a type, found the end of the entry',
      'z:4:21: expected data with $, found the end of the entry',
    ],
  },
  {
    title: '$GENERATE that makes bad records: the first is told, at the directive',
    text: '$GENERATE 254-300 a$ 1 A 10.0.0.$\n$GENERATE 1-2 a..$ 1 A 10.0.0.1\n$GENERATE 1-2 a$ 1 TXT "\\"$"',
    problems: [
      `z:1:1: ${IPV4}, found '10.0.0.256' (for 256 of $GENERATE)`,
      "z:2:1: empty label in domain name 'a..1' (for 1 of $GENERATE)",
      `z:3:1: '"' is not closed on its line (for 1 of $GENERATE)`,
    ],
  },
  {
    title: '$GENERATE with a bad format',
    text: '$GENERATE 1-2 a${0,3,q} 1 A 10.0.0.$\n$GENERATE 1-2 a${0 1 A 10.0.0.$\n$GENERATE 1-2 a${-2} 1 A 10.0.0.$\n$GENERATE 1-2 a${0,999} 1 A 10.0.0.$',
    problems: [
      "z:1:1: expected ${OFFSET,WIDTH,BASE} with a width up to 255 and a base of d o x X n N, found '${0,3,q}' (for 1 of $GENERATE)",
      "z:2:1: expected ${OFFSET,WIDTH,BASE} with a width up to 255 and a base of d o x X n N, found '${0' (for 1 of $GENERATE)",
      'z:3:1: -1 is not between 0 and 2147483647 (for 1 of $GENERATE)',
      "z:4:1: expected ${OFFSET,WIDTH,BASE} with a width up to 255 and a base of d o x X n N, found '${0,999}' (for 1 of $GENERATE)",
    ],
  },
  {
    title: '$GENERATE without a TTL',
    text: '$GENERATE 1-2 a$ A 10.0.0.$',
    problems: ['z:1:1: no TTL is known: add $TTL above, such as $TTL 3600'],
  },
  {
    title: 'many problems in one file',
    text: '$TTL 1d\n$ORIGN x\n@ SOA ns admin (\n  1 2 3 4x\n  5 )\n  NS ns..a\nwww 300 IN CNMAE a\n    A 10.0.0.256\n; fine\nmail MX ten a\n"q" A 10.0.0.1\nok A 10.0.0.1\n',
    problems: [
      "z:2:1: unknown directive '$ORIGN'; did you mean $ORIGIN?",
      "z:4:9: expected the expire time (0 to 4294967295 seconds, or units as in 1h30m), found '4x'",
      "z:6:6: empty label in domain name 'ns..a'",
      "z:7:12: expected a type, found 'CNMAE'; did you mean CNAME?",
      `z:8:7: ${IPV4}, found '10.0.0.256'`,
      "z:10:9: expected the preference (0 to 65535), found 'ten'",
      'z:11:1: expected an owner name, found the quoted "q"',
    ],
  },
];

suite('problems of a master file', () => {
  for (const { title, text, files, problems } of CASES) {
    test(title, () => assert.deepEqual(read(text, files).problems.map(problemText), problems));
  }

  test('without an origin a relative name', () => {
    const text = 'a 1 A 10.0.0.1\n@ 1 A 10.0.0.1\nb. 1 NS c\ne\\. 1 A 10.0.0.1\n$ORIGIN d\nf 1 A 10.0.0.1';
    const { problems } = parseMasterFile({ text, file: 'z', include: () => bad('none') });
    const hint = 'is relative, but no origin is known: end it with a dot, or add $ORIGIN';
    assert.deepEqual(problems.map(problemText), [
      `z:1:1: an owner name 'a' ${hint}`,
      `z:2:1: an owner name '@' ${hint}`,
      `z:3:9: a name server 'c' ${hint}`,
      `z:4:1: an owner name 'e\\.' ${hint}`,
      `z:5:9: an origin 'd' ${hint}`,
    ]);
  });

  test('the good records are there nevertheless', () => {
    const { records, problems } = read('a 1 A x\nb 1 A 10.0.0.1\nc 1 TXT "\nd 1 A 10.0.0.2');
    assert.equal(problems.length, 2);
    assert.equal(records.length, 2);
  });

  test('at most 1,000 of one file, and how many more', () => {
    const { problems } = read(`a 1 A x\n$INCLUDE f\n${'a 1 A x\n'.repeat(1002)}`, { f: 'b 1 A x' });
    assert.equal(problems.length, 1002);
    assert.equal(problems.filter(({ file }) => file === 'f').length, 1);
    assert.equal(problemText(problems.at(-1) ?? assert.fail()), 'z:1002:7: 3 more problems from here on');
  });

  test('$INCLUDE ends at a depth of 20', () => {
    const include = (path: string) => ok({ file: path, text: `$INCLUDE ${path}x` });
    const { problems } = parseMasterFile({ text: '$INCLUDE x', file: 'z', include });
    assert.deepEqual(problems.map(problemText), [
      `${'x'.repeat(19)}:1:10: $INCLUDE is nested more than 20 deep`,
    ]);
  });

  test('$INCLUDE ends at 1,000 files', () => {
    let count = 0;
    const include = () => ok({ file: `f${count++}`, text: '$INCLUDE a\n$INCLUDE b' });
    const { problems } = parseMasterFile({ text: '$INCLUDE a', file: 'z', include });
    assert.ok(problems.some(({ text }) => text === 'more than 1000 files are included'));
    assert.ok(count < 10_000);
  });

  test('parentheses that are never closed cost no quadratic time', () => {
    const millisecondsOf = (lines: number) => {
      const text = 'a 1 TXT (\n'.repeat(lines);
      const started = performance.now();
      assert.ok(read(text).problems.length >= 1);
      return performance.now() - started;
    };
    millisecondsOf(2_000);
    const few = millisecondsOf(10_000);
    // twenty times as many: 400 times as long if it were the square
    assert.ok(millisecondsOf(200_000) < 100 * few);
  });
});
