import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  type DomainName,
  firstLabel,
  fits,
  isAtOrBelow,
  join,
  joinPrefixes,
  keyOf,
  labelOffsets,
  labelsAbove,
  labelsOf,
  type NameKey,
  NO_LABELS,
  parentOf,
  parseDomainName,
  prefixOf,
  ROOT,
  toShortText,
  toText,
} from '../../src/name/domain-name.ts';
import { octetsOf, toHex } from '../../src/name/octets.ts';

const parsed = (text: string, origin?: DomainName): DomainName => {
  const name = parseDomainName(text, origin);
  return name.ok ? name.value : assert.fail(name.reason);
};
const key = (text: string): NameKey => keyOf(parsed(text));

const labels = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 63 }).map((bytes) => octetsOf(bytes)),
  { maxLength: 5 },
);
const names = labels
  .map((list) => ((prefixOf(...list) ?? '') + ROOT) as DomainName)
  .filter((name) => name.length <= 255);

suite('domain names in presentation form', () => {
  const table: readonly (readonly [text: string, hex: string, written: string])[] = [
    ['.', '00', '.'],
    ['com.', '03636f6d00', 'com.'],
    ['com', '03636f6d00', 'com.'],
    ['@', '00', '.'],
    ['Foo.COM.', '03466f6f03434f4d00', 'Foo.COM.'],
    ['com\\.foo\\.User._dubbo.', '0c636f6d2e666f6f2e55736572065f647562626f00', 'com\\.foo\\.User._dubbo.'],
    ['a\\.', '02612e00', 'a\\..'],
    ['a\\\\.', '02615c00', 'a\\\\.'],
    ['\\@.', '014000', '\\@.'],
    ['\\000\\255\\032.', '0300ff2000', '\\000\\255\\032.'],
    ['\\097\\.b.', '03612e6200', 'a\\.b.'],
    ['a\\;\\"\\(\\)\\$.', '06613b2228292400', 'a\\;\\"\\(\\)\\$.'],
    ['a;"()$.', '06613b2228292400', 'a\\;\\"\\(\\)\\$.'],
    ['*._tcp-a/b.', '012a085f7463702d612f6200', '*._tcp-a/b.'],
    ['Outer$Inner.', '0b4f7574657224496e6e657200', 'Outer\\$Inner.'],
  ];
  for (const [text, hex, written] of table) {
    test(text, () => {
      assert.equal(toHex(parsed(text)), hex);
      assert.equal(toText(parsed(text)), written);
      assert.equal(parsed(written), parsed(text));
    });
  }

  test('a relative name is completed by the origin, an absolute one is not', () => {
    const origin = parsed('example.com.');
    assert.equal(toText(parsed('a.b', origin)), 'a.b.example.com.');
    assert.equal(toText(parsed('a\\.', origin)), 'a\\..example.com.');
    assert.equal(toText(parsed('a.b.', origin)), 'a.b.');
    assert.equal(toText(parsed('@', origin)), 'example.com.');
    assert.equal(toText(parsed('\\@', origin)), '\\@.example.com.');
    assert.equal(toText(parsed('.', origin)), '.');
  });

  test('without the last dot, for people', () => {
    assert.equal(toShortText(parsed('a.b.')), 'a.b');
    assert.equal(toShortText(ROOT), '.');
  });

  const l63 = 'x'.repeat(63);
  const longest = `${l63}.${l63}.${l63}.${'x'.repeat(61)}`;
  test('63 octets in a label and 255 in a name are allowed', () => {
    assert.equal(parsed(`${l63}.`).length, 65);
    assert.equal(parsed(longest).length, 255);
    assert.equal(parsed('\\100'.repeat(63)).length, 65);
  });

  const refused: readonly (readonly [text: string, reason: string])[] = [
    ['', 'empty domain name'],
    ['..', "empty label in domain name '..'"],
    ['.a', "empty label in domain name '.a'"],
    ['a..b', "empty label in domain name 'a..b'"],
    ['a..', "empty label in domain name 'a..'"],
    [`${l63}x.a`, `label over 63 octets in domain name '${l63}x.a'`],
    [`a.${l63}x`, `label over 63 octets in domain name 'a.${l63}x'`],
    ['\\100'.repeat(64), `label over 63 octets in domain name '${'\\100'.repeat(64)}'`],
    [`${longest}x`, `domain name '${longest}x' over 255 octets`],
    ['a\\', "'\\' at the end: expected a character to escape"],
    ['a\\1', "'\\1': expected three digits up to \\255"],
    ['a\\12b', "'\\12b': expected three digits up to \\255"],
    ['a\\256', "'\\256': expected three digits up to \\255"],
    ['bü', "'ü' in domain name 'bü': write non-ASCII octets as \\DDD, or use punycode"],
    ['b\\ü', "'\\ü': write non-ASCII octets as \\DDD"],
  ];
  for (const [text, reason] of refused) {
    test(`'${text.slice(0, 40)}' is refused`, () =>
      assert.deepEqual(parseDomainName(text), { ok: false, reason }));
  }

  test('any name, to text and back', () => {
    fc.assert(
      fc.property(names, names, (name, origin) => {
        assert.equal(parsed(toText(name), origin), name);
        assert.match(toText(name), /^[\x21-\x7e]+$/);
      }),
    );
  });

  test('any text is a name of at most 255 octets or a reason', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '.', '\\', '0', '46', 'é', '@', l63), { maxLength: 12 }),
        (parts) => {
          const name = parseDomainName(parts.join(''));
          if (name.ok) {
            assert.ok(name.value.length <= 255);
            assert.equal(parsed(toText(name.value)), name.value);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

suite('labels', () => {
  test('from left to right, and where they stand', () => {
    const name = parsed('a\\.b.cde.f.');
    assert.deepEqual(labelsOf(name), ['a.b', 'cde', 'f']);
    assert.deepEqual(labelOffsets(name), [0, 4, 8]);
    assert.equal(firstLabel(name), 'a.b');
    assert.equal(toText(parentOf(name) ?? ROOT), 'cde.f.');
    assert.deepEqual(labelsOf(ROOT), []);
    assert.deepEqual(labelOffsets(ROOT), []);
    assert.equal(parentOf(ROOT), undefined);
    assert.equal(parentOf(parsed('a.')), ROOT);
  });

  test('a prefix', () => {
    const prefix = prefixOf('a', 'b.c') ?? assert.fail();
    assert.equal(toText(join(prefix, parsed('d.'))), 'a.b\\.c.d.');
    assert.deepEqual(labelsOf(joinPrefixes(prefix, NO_LABELS, prefix)), ['a', 'b.c', 'a', 'b.c']);
    assert.equal(prefixOf('a', ''), undefined);
    assert.equal(prefixOf('x'.repeat(64)), undefined);
    assert.equal(prefixOf(), NO_LABELS);
    const long = `${'x'.repeat(49)}.`.repeat(5);
    assert.ok(fits(prefixOf('abc') ?? assert.fail(), parsed(long)));
    assert.ok(!fits(prefixOf('abcd') ?? assert.fail(), parsed(long)));
  });

  test('of any name, put together again', () => {
    fc.assert(
      fc.property(labels, (list) => {
        const name = ((prefixOf(...list) ?? '') + ROOT) as DomainName;
        assert.deepEqual(labelsOf(name), list);
        assert.equal(labelOffsets(name).length, list.length);
      }),
    );
  });
});

suite('names compare without case', () => {
  test('only A to Z are letters', () => {
    const upper = 'ABCXYZ@[`{';
    assert.equal(keyOf(parsed('FoO.cOM')), parsed('foo.com'));
    assert.equal(labelsOf(keyOf(prefixName(upper)))[0], 'abcxyz@[`{');
    fc.assert(
      fc.property(names, (name) => {
        const lowered = keyOf(name);
        assert.equal(lowered.length, name.length);
        for (let i = 0; i < name.length; i++) {
          const octet = name.charCodeAt(i);
          assert.equal(lowered.charCodeAt(i), octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet);
        }
        assert.equal(keyOf(lowered), lowered);
        assert.deepEqual(labelOffsets(lowered), labelOffsets(name));
      }),
    );
  });
});

function prefixName(label: string): DomainName {
  return join(prefixOf(label) ?? assert.fail(), ROOT);
}

suite('what lies below what', () => {
  const table: readonly (readonly [name: string, ancestor: string, above: readonly string[] | undefined])[] =
    [
      ['a.b.c.', 'c.', ['a', 'b']],
      ['a.b.c.', 'a.b.c.', []],
      ['a.b.c.', '.', ['a', 'b', 'c']],
      ['.', '.', []],
      ['c.', 'a.c.', undefined],
      ['xc.', 'c.', undefined],
      ['a.b.d.', 'c.', undefined],
      // the octets of "c." end the first name too, but inside a label
      ['a\\001c.', 'c.', undefined],
      ['\\003com\\000.', 'com.', undefined],
      ['b.\\001c.c.', 'c.', ['b', '\x01c']],
    ];
  for (const [name, ancestor, above] of table) {
    test(`${name} and ${ancestor}`, () => {
      const prefix = labelsAbove(key(name), key(ancestor));
      assert.deepEqual(prefix === undefined ? undefined : labelsOf(prefix), above);
      assert.equal(isAtOrBelow(key(name), key(ancestor)), above !== undefined);
    });
  }

  test('only at the boundaries of labels, for any names', () => {
    // few octets, which are lengths as well, make many near misses
    const octet = fc.constantFrom(1, 2, 3, 0x61);
    const nearLabels = fc.array(fc.array(octet, { minLength: 1, maxLength: 3 }).map(octetsOf), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(nearLabels, nearLabels, (above, below) => {
        const name = ((prefixOf(...above) ?? '') + ROOT) as NameKey;
        const ancestor = ((prefixOf(...below) ?? '') + ROOT) as NameKey;
        const expected =
          below.length <= above.length &&
          below.every((label, i) => label === above[above.length - below.length + i]);
        assert.equal(isAtOrBelow(name, ancestor), expected);
        const both = ((prefixOf(...above) ?? '') + ancestor) as NameKey;
        assert.deepEqual(labelsOf(labelsAbove(both, ancestor) ?? assert.fail()), above);
      }),
      { numRuns: 3000 },
    );
  });
});
