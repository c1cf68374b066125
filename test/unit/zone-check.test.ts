import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { problemText } from '../../src/base/problem.ts';
import { toText } from '../../src/name/domain-name.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import { TYPE } from '../../src/zone/types.ts';
import { read } from './zone-fixtures.ts';

/** Lines 1 to 4 of every zone below, but for those that start at line 1. */
const HEAD = '$TTL 5\n@ SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n';

function check(text: string): { apex: string | undefined; problems: string[] } {
  const file = read(text);
  assert.deepEqual(file.problems.map(problemText), []);
  const { apex, problems } = checkZone(file.records, 'z');
  return { apex: apex === undefined ? undefined : toText(apex), problems: problems.map(problemText) };
}

suite('a zone that is right', () => {
  const table: readonly (readonly [title: string, text: string])[] = [
    ['the smallest', ''],
    [
      'the same records twice',
      '@ SOA NS admin 1 2 3 4 5\n@ NS NS\na CNAME b\nA CNAME B\nd DNAME x.\nd DNAME X.\nb A 10.0.0.1',
    ],
    ['a CNAME with its signatures', 'a CNAME b\na RRSIG \\# 0\na NSEC \\# 0'],
    ['a name server outside', '@ NS ns.example.net.'],
    ['a name server with IPv6 only', '@ NS ns6\nns6 AAAA ::1'],
    ['a name server that a wildcard answers for', '@ NS a.b.w\n*.w A 10.0.0.1'],
    [
      'a delegation with glue below, at and beside it',
      's NS ns.s\ns NS s\ns NS g.t\nns.s A 10.0.0.1\ns AAAA ::1\ns DS 1 8 2 (' +
        '00'.repeat(32) +
        ')\nt NS ns.t\nns.t A 10.0.0.2\ng.t A 10.0.0.3',
    ],
    ['a name server behind another delegation, which knows its address', 's NS ns.t\nt NS x.example.net.'],
    ['the apex served from behind a delegation', '@ NS ns.s\ns NS ns.s\nns.s A 10.0.0.1'],
    ['null MX and SRV', '@ MX 0 .\n_a._tcp SRV 0 0 0 .'],
    ['MX without an address here', '@ MX 10 mail'],
    ['DNAME at the apex with names beside it only', '@ TXT a'],
    ['a wildcard beside names', '* A 10.0.0.1\n*.a TXT x\na A 10.0.0.1'],
  ];
  for (const [title, text] of table) {
    test(title, () => assert.deepEqual(check(HEAD + text), { apex: 'example.', problems: [] }));
  }

  test('whose SOA stands last', () => {
    const { apex, problems } = check(
      '$TTL 5\nexample. NS ns.other.\na A 10.0.0.1\nEXAMPLE. SOA ns admin 1 2 3 4 5',
    );
    assert.deepEqual({ apex, problems }, { apex: 'EXAMPLE.', problems: [] });
  });

  test('with a DNAME at its apex', () => {
    assert.deepEqual(check('$TTL 5\n@ SOA ns.x. . 1 2 3 4 5\n@ NS ns.x.\n@ DNAME y.').problems, []);
  });
});

suite('a zone that is wrong', () => {
  const table: readonly (readonly [title: string, text: string, ...problems: string[]])[] = [
    ['a second SOA', '@ SOA ns admin 2 2 3 4 5', 'z:5:1: a second SOA record; the first stands at z:2:1'],
    ['an SOA below', 'a SOA ns admin 1 2 3 4 5', 'z:5:1: a second SOA record; the first stands at z:2:1'],
    [
      'data out of the zone',
      'a.net. A 10.0.0.1\nxexample. A 10.0.0.1',
      'z:5:1: a.net. is not in the zone example.',
      'z:6:1: xexample. is not in the zone example.',
    ],
    [
      'CNAME beside other data',
      'a A 10.0.0.1\nA CNAME b',
      'z:6:1: CNAME beside A at A.example.: a CNAME must be alone',
    ],
    ['CNAME at the apex', '@ CNAME b.', 'z:5:1: CNAME beside SOA at example.: a CNAME must be alone'],
    ['NS at a wildcard', '* NS a.net.', 'z:5:1: NS at the wildcard *.example.: delegate each name'],
    [
      'several CNAMEs',
      'a CNAME b\n  CNAME c\n  CNAME d',
      'z:6:3: a second CNAME at a.example.; the first stands at z:5:1',
      'z:7:3: a second CNAME at a.example.; the first stands at z:5:1',
    ],
    [
      'CNAME and DNAME',
      'a CNAME b\na DNAME c.',
      'z:5:1: CNAME beside DNAME at a.example.: a CNAME must be alone',
    ],
    [
      'several DNAMEs',
      'a DNAME b.\na DNAME c.',
      'z:6:1: a second DNAME at a.example.; the first stands at z:5:1',
    ],
    [
      'data below a DNAME',
      'a DNAME b.\nx.y.a A 10.0.0.1\nx.y.a TXT t\nxa A 10.0.0.1',
      'z:6:1: A below the DNAME at a.example. is never answered',
      'z:7:1: TXT below the DNAME at a.example. is never answered',
    ],
    [
      'DNAME at a delegation',
      's NS x.net.\ns DNAME y.',
      'z:6:1: DNAME beside the NS of the delegation s.example. is never answered',
    ],
    [
      'a name server without address',
      '@ NS a\n@ NS b\nb TXT x',
      'z:5:1: NS leads to a.example., which has no address in this zone',
      'z:6:1: NS leads to b.example., which has no address in this zone',
    ],
    [
      'a name server at an empty non-terminal that a wildcard does not reach',
      '@ NS a.w\n*.w A 10.0.0.1\nx.a.w A 10.0.0.1',
      'z:5:1: NS leads to a.w.example., which has no address in this zone',
    ],
    [
      'a delegation to a name here without address',
      's NS a',
      'z:5:1: NS leads to a.example., which has no address in this zone',
    ],
    [
      'missing glue below and at a delegation',
      's NS ns.s\ns NS s',
      'z:5:1: NS leads to ns.s.example., which has no address here (glue), and without it nobody gets there',
      'z:6:1: NS leads to s.example., which has no address here (glue), and without it nobody gets there',
    ],
    [
      'targets that are aliases',
      'c CNAME d\nd A 10.0.0.1\n@ NS c\n@ MX 1 c\n_a._tcp SRV 0 0 1 C\n*.w CNAME d\n@ MX 2 x.w',
      'z:7:1: NS leads to c.example., which is a CNAME',
      'z:8:1: MX leads to c.example., which is a CNAME',
      'z:11:1: MX leads to x.w.example., which is a CNAME',
      'z:9:1: SRV leads to C.example., which is a CNAME',
    ],
    [
      'a target below a DNAME',
      'a DNAME b.\n@ MX 1 x.a',
      'z:6:1: MX leads to x.a.example., which lies below the DNAME at a.example.',
    ],
    [
      'data below and at a delegation that is no glue',
      's NS ns.s\nns.s A 10.0.0.1\nns.s TXT t\nx.s A 10.0.0.1\ns TXT t\nt.s NS ns',
      'z:7:1: TXT below the delegation of s.example. is neither an address of a name server nor answered',
      'z:8:1: A below the delegation of s.example. is neither an address of a name server nor answered',
      'z:9:1: TXT beside the NS of the delegation s.example. is never answered',
      'z:10:1: NS below the delegation of s.example. is neither an address of a name server nor answered',
    ],
  ];
  for (const [title, text, ...problems] of table) {
    test(title, () => assert.deepEqual(check(HEAD + text).problems.toSorted(), problems.toSorted()));
  }

  test('no SOA', () => {
    const expected = { apex: undefined, problems: ['z:1:1: no SOA record: a zone needs one at its apex'] };
    assert.deepEqual(check('a 1 A 10.0.0.1'), expected);
    assert.deepEqual(check(''), expected);
  });

  test('no NS at the apex', () => {
    const { problems } = check('$TTL 5\n\n@ SOA ns admin 1 2 3 4 5\ns NS x.net.');
    assert.deepEqual(problems, ['z:3:1: no NS record at example.: a zone needs one at its apex']);
  });

  test('meta types, which only a program could put in', () => {
    const { records } = read(HEAD);
    const [first] = records;
    assert.ok(first !== undefined);
    const { problems } = checkZone([...records, { ...first, type: TYPE.ANY }], 'z');
    assert.deepEqual(problems.map(problemText), ['z:2:1: type ANY is for questions, not for records']);
  });
});
