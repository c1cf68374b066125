import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { problemText } from '../../src/base/problem.ts';
import { bad } from '../../src/base/result.ts';
import { type DomainName, prefixOf, ROOT, toText } from '../../src/name/domain-name.ts';
import { fromHex, type Octets, octets, octetsOf, toHex, u8, u16 } from '../../src/name/octets.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';
import { parsePeriod } from '../../src/zone/period.ts';
import { checkRdata, rdataText } from '../../src/zone/rdata/formats.ts';
import type { ResourceRecord } from '../../src/zone/record.ts';
import { recordText } from '../../src/zone/record-text.ts';
import { TYPE } from '../../src/zone/types.ts';

const anyOctets = (maxLength: number, minLength = 0) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => octetsOf(bytes));

const names = fc
  .array(anyOctets(63, 1), { maxLength: 6 })
  .map((labels) => ((prefixOf(...labels) ?? '') + ROOT) as DomainName)
  .filter((name) => name.length <= 255);

const strings = anyOctets(255).map((value) => u8(value.length) + value);

const numbers = fc.nat(0xffff).map(u16);

const rdatas: Readonly<Record<string, fc.Arbitrary<string>>> = {
  A: anyOctets(4, 4),
  AAAA: anyOctets(16, 16),
  NS: names,
  DNAME: names,
  SOA: fc
    .tuple(
      names,
      names.filter((name) => !name.includes('@')),
      anyOctets(16, 16),
      numbers,
      numbers,
    )
    .map((parts) => `${parts.slice(0, 3).join('')}\0\0${parts[3]}`),
  MX: fc.tuple(numbers, names).map((parts) => parts.join('')),
  SRV: fc.tuple(numbers, numbers, numbers, names).map((parts) => parts.join('')),
  TXT: fc.array(strings, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
  HINFO: fc.tuple(strings, strings).map((parts) => parts.join('')),
  CAA: fc.tuple(anyOctets(1, 1), anyOctets(400)).map(([flags, value]) => `${flags}\x05issue${value}`),
  SVCB: fc
    .tuple(numbers, names, fc.array(anyOctets(255, 1), { minLength: 1, maxLength: 3 }), anyOctets(300))
    .map(([priority, target, protocols, opaque]) => {
      const alpn = protocols.map((protocol) => u8(protocol.length) + protocol).join('');
      const params = `${u16(1)}${u16(alpn.length)}${alpn}${u16(700)}${u16(opaque.length)}${opaque}`;
      return priority + target + (priority === '\0\0' ? '' : params);
    }),
  TYPE65280: anyOctets(100),
};

const records: fc.Arbitrary<ResourceRecord> = fc.oneof(
  ...Object.entries(rdatas).map(([type, rdata]) =>
    fc.record(
      {
        name: names,
        type: fc.constant(type === 'TYPE65280' ? 65280 : TYPE[type as keyof typeof TYPE]),
        ttl: fc.nat(0x7fffffff),
        rdata: rdata.map(octets),
      },
      { noNullPrototype: true },
    ),
  ),
);

const noInclude = () => bad('none');

suite('properties of records', () => {
  test('wire to presentation to wire, names and strings of any octets', () => {
    fc.assert(
      fc.property(fc.array(records, { maxLength: 10 }), (expected) => {
        const text = expected.map(recordText).join('\n');
        const { records, problems } = parseMasterFile({ text, file: 'z', include: noInclude });
        assert.deepEqual(problems.map(problemText), []);
        assert.deepEqual(
          records.map(({ name, type, ttl, rdata }) => ({ name, type, ttl, rdata })),
          expected,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('the presentation form is printable ASCII', () => {
    fc.assert(fc.property(records, (record) => assert.match(recordText(record), /^[\x20-\x7e\t]*$/)));
  });

  test('check and text take any octets as data of any type', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(TYPE)), anyOctets(80), (type, rdata) => {
        const malformed = checkRdata(type, rdata) !== undefined;
        const text = rdataText(type, rdata);
        if (malformed) assert.equal(text, `\\# ${rdata.length}${rdata === '' ? '' : ` ${toHex(rdata)}`}`);
      }),
      { numRuns: 2000 },
    );
  });

  test('whatever check accepts survives its presentation form', () => {
    const shaped = fc.constantFrom<readonly (readonly [number, string])[]>([
      [TYPE.LOC, '00121613 80000000 80000000 00989680'],
      [TYPE.NAPTR, '0001 0001 0175 0161 07 216121622169 21 00'],
      [
        TYPE.HTTPS,
        '0001 00 0000 0002 0001 0001 0003 026832 0003 0002 01bb 0004 0004 01020304 0007 0008 2f717b3f646e737d',
      ],
      [TYPE.CAA, '00 05 6973737565 6162'],
      [TYPE.TLSA, '03 01 00 0102'],
    ]);
    fc.assert(
      fc.property(shaped, fc.nat(), fc.nat(255), (examples, at, octet) => {
        for (const [type, hex] of examples) {
          const rdata = fromHex(hex.replaceAll(' ', '')) ?? octets('');
          const index = at % rdata.length;
          const changed = octets(rdata.slice(0, index) + u8(octet) + rdata.slice(index + 1));
          if (checkRdata(type, changed) === undefined) assert.deepEqual(reread(type, changed), changed);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a master file of any text gives records and problems, and never throws', () => {
    const words = fc.constantFrom(
      'a',
      '@',
      ' ',
      '\n',
      '\t',
      '1',
      'IN',
      'A',
      'TXT',
      'SVCB',
      '(',
      ')',
      '"',
      ';',
      '\\',
      '=',
      '$',
      '{',
      '}',
      '$TTL',
      '$GENERATE',
      '1-3',
      '10.0.0.1',
      '\r\n',
      'alpn',
      'ü',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), (parts) => {
        parseMasterFile({ text: parts.join(''), file: 'z', include: noInclude });
      }),
      { numRuns: 3000 },
    );
  });
});

function reread(type: number, rdata: Octets): Octets | string {
  const text = recordText({ name: ROOT, type, ttl: 1, rdata });
  const { records, problems } = parseMasterFile({ text, file: toText(ROOT), include: noInclude });
  return records[0]?.rdata ?? problems.map(problemText).join();
}

suite('periods', () => {
  const table: readonly (readonly [text: string, seconds: number | undefined])[] = [
    ['0', 0],
    ['3600', 3600],
    ['1h30m', 5400],
    ['1H1M', 3660],
    ['2w', 1209600],
    ['1d1d', 172800],
    ['0s', 0],
    ['', undefined],
    ['h', undefined],
    ['1h30', undefined],
    ['1x', undefined],
    ['-1', undefined],
    ['1.5h', undefined],
    ['1 h', undefined],
    ['٣', undefined],
  ];
  for (const [text, seconds] of table) {
    test(`'${text}'`, () => assert.equal(parsePeriod(text), seconds));
  }
});
