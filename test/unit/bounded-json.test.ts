/** What others send, put together and parsed: whatever the pieces are, memory and time are bounded. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { JsonProblem, parseBoundedJson } from '../../src/base/bounded-json.ts';
import { GatheredOctets } from '../../src/base/gathered-octets.ts';
import { OctetLines } from '../../src/base/octet-lines.ts';

suite('bounded JSON', () => {
  test('is what JSON is', () => {
    const texts = fc.oneof(
      fc.json({ maxDepth: 8 }),
      fc.json().map((text) => `  ${text}\n`),
      fc.string(),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const octets = Buffer.from(text);
        let expected: unknown;
        try {
          expected = JSON.parse(octets.toString());
        } catch {
          assert.throws(() => parseBoundedJson(octets), { constructor: JsonProblem, message: 'not JSON' });
          return;
        }
        assert.deepEqual(parseBoundedJson(octets), expected);
      }),
      { numRuns: 1_000 },
    );
  });

  test('quotes and backslashes hide nothing, and show nothing', () => {
    const open = '['.repeat(200);
    for (const text of [`"${open}"`, `{"\\"${open}":"\\\\"}`, `["\\\\\\"${open}"]`, `"${'\\\\'.repeat(99)}"`])
      assert.deepEqual(parseBoundedJson(Buffer.from(text)), JSON.parse(text));
    for (const text of [`["\\\\",${open}`, `{"a\\"":${open}`, `"",${open}`])
      assert.throws(() => parseBoundedJson(Buffer.from(text)), /^Error: over 100 deep$/);
  });

  test('depth and values are bounded, and soon found', () => {
    const cases: readonly (readonly [text: string, problem: RegExp])[] = [
      ['['.repeat(16 * 2 ** 20), /over 100 deep/],
      ['{"a":'.repeat(3 * 2 ** 20), /over 100 deep/],
      [`[${'[],'.repeat(5 * 2 ** 20)}1]`, /over 4000000 values/],
      [`[${'1,'.repeat(8 * 2 ** 20)}1]`, /over 4000000 values/],
      [`"${'\\'.repeat(16 * 2 ** 20)}`, /not JSON/],
      [`"${'\\"'.repeat(8 * 2 ** 20)}`, /not JSON/],
    ];
    for (const [text, problem] of cases) {
      const octets = Buffer.from(text);
      const [begun, before] = [performance.now(), process.memoryUsage().rss];
      assert.throws(() => parseBoundedJson(octets), problem);
      assert.ok(performance.now() - begun < 3_000, `${performance.now() - begun} ms`);
      assert.ok(process.memoryUsage().rss - before < 150e6);
    }
  });
});

suite('octets in pieces', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 30 });

  test('come out as they went in, again and again', () => {
    fc.assert(
      fc.property(pieces, pieces, (first, second) => {
        const gathered = new GatheredOctets();
        for (const all of [first, second]) {
          for (const piece of all) gathered.add(piece);
          assert.equal(gathered.length, Buffer.concat(all).length);
          assert.deepEqual(gathered.take(), Buffer.concat(all));
        }
      }),
    );
  });

  test('are lines, wherever they are cut', () => {
    const texts = fc.array(fc.stringMatching(/^[ a-z\r]{0,12}$/), { maxLength: 12 });
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lines, sizes) => {
        const found: string[] = [];
        const reader = new OctetLines(50, (line) => found.push(String(line)));
        let rest = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        for (let i = 0; rest.length > 0; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          reader.push(rest.subarray(0, size));
          rest = rest.subarray(size);
        }
        assert.deepEqual(
          found,
          lines.filter((line) => line.trim() !== ''),
        );
      }),
    );
  });

  test('by single octets take no more memory than they are', () => {
    const octet = Buffer.from('x');
    const reader = new OctetLines(8_000_000, () => {});
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 8_000_000; i++) reader.push(octet);
    assert.throws(() => reader.push(octet), /a line of over 8000000 octets/);
    assert.ok(process.memoryUsage().rss - before < 100e6, `${process.memoryUsage().rss - before} octets`);
  });
});
