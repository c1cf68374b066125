import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { problemText } from '../../src/base/problem.ts';
import { configSchema } from '../../src/config/schema.ts';
import { duration, listenAddress } from '../../src/files/fields.ts';
import { validate } from '../../src/files/validate.ts';
import { readYaml, type Variables } from '../../src/files/yaml-file.ts';
import { parseInterfaces } from '../../src/registry/interfaces-document.ts';

/** The value, or all problems. */
function read<T>(schema: z.ZodType<T>, text: string, variables: Variables = {}): T | string[] {
  const result = validate(schema, readYaml('f', text, variables));
  return result.ok ? result.value : result.problems.map(problemText);
}

suite('variables', () => {
  const schema = z.strictObject({ a: z.unknown() });
  const variables = { PORT: '53', EMPTY: '', TEXT: 'x: y', YES: 'true' };
  const table: readonly (readonly [text: string, value: unknown])[] = [
    ['a: "${PORT}"', '53'],
    ['a: ${PORT}', 53],
    ['a: h:${PORT}', 'h:53'],
    ['a: ${PORT}${PORT}', 5353],
    ['a: ${YES}', true],
    ["a: '${YES}'", 'true'],
    ['a: ${NONE:-7}', 7],
    ['a: ${NONE:-}', ''],
    ['a: ${EMPTY:-7}', 7],
    ['a: "${EMPTY}"', ''],
    ['a: ${TEXT}', 'x: y'],
    ['a: $PORT', '$PORT'],
    ['a: ["${PORT}", { b: "${PORT}" }]', ['53', { b: '53' }]],
  ];
  for (const [text, value] of table) {
    test(text, () => {
      const found = read(schema, text, variables);
      // an empty plain scalar is nothing, as in YAML itself
      const wanted = value === '' && !text.includes('"') ? [null, ''] : [value];
      assert.ok(!Array.isArray(found), String(found));
      assert.ok(
        wanted.some((one) => JSON.stringify(one) === JSON.stringify(found.a)),
        JSON.stringify(found),
      );
    });
  }

  test('each that is not set is a problem where it stands', () => {
    const found = read(schema, 'a:\n  - ${ONE}\n  - x${TWO}${ONE}\n');
    assert.deepEqual(
      (found as string[]).map((text) => text.replace(/ is not set.*/, '')),
      [
        'f:2:5: the environment variable ONE',
        'f:3:5: the environment variable TWO',
        'f:3:5: the environment variable ONE',
      ],
    );
  });

  test('a registry’s file has none: its text is data', () => {
    const parsed = parseInterfaces('f', 'interfaces: [{ name: com.foo.A, application: "${HOME}" }]');
    assert.ok(parsed.ok);
    assert.equal(parsed.registrations[0]?.application, '${HOME}');
  });
});

suite('durations', () => {
  const table: readonly (readonly [text: string, ms: number | undefined])[] = [
    ['500ms', 500],
    ['60s', 60_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['1.5h', undefined],
    ['-1s', undefined],
    ['5', undefined],
    ['s', undefined],
    ['1h30m', undefined],
    ['5 s', undefined],
    ['5S', undefined],
    ['99999999999d', undefined],
  ];
  for (const [text, ms] of table) {
    test(`'${text}'`, () => {
      const result = duration.safeParse(text);
      assert.equal(result.success ? result.data : undefined, ms);
    });
  }
});

suite('listen addresses', () => {
  const table: readonly (readonly [text: string, host: string | undefined, port?: number])[] = [
    ['127.0.0.1:5300', '127.0.0.1', 5300],
    ['0.0.0.0:53', '0.0.0.0', 53],
    ['[::1]:5300', '::1', 5300],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['127.0.0.1:65536', undefined],
    ['localhost:53', undefined],
    ['::1:53', undefined],
    ['[127.0.0.1]:53', undefined],
    ['127.0.0.1', undefined],
    [':53', undefined],
  ];
  for (const [text, host, port] of table) {
    test(`'${text}'`, () => {
      const result = listenAddress.safeParse(text);
      assert.deepEqual(
        result.success ? result.data : undefined,
        host === undefined ? undefined : { host, port },
      );
    });
  }
});

suite('problems', () => {
  const keys = [
    'zone',
    'listen',
    'answers',
    'vips',
    'store',
    'registries',
    'zones',
    'lameduck',
    'limits',
    'engine',
    'control',
    'dns',
    'ttl',
    'style',
    'kind',
    'path',
    'x',
  ];
  const scalar = fc.constantFrom(
    '1',
    'x',
    '"5s"',
    'true',
    'null',
    '~',
    '1.5',
    '"127.0.0.1:53"',
    'file',
    '[]',
    '{}',
    '!!binary x',
    '&a',
    '*a',
    '${X}',
    "'",
    '"',
    '0x1F',
    '2020-01-01',
  );
  const document = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, scalar, tie('map'), tie('list')),
    map: fc
      .array(fc.tuple(fc.constantFrom(...keys), tie('value')), { maxLength: 4 })
      .map((pairs) => `{ ${pairs.map(([key, value]) => `${key}: ${value}`).join(', ')} }`),
    list: fc.array(tie('value'), { maxLength: 3 }).map((values) => `[ ${values.join(', ')} ]`),
  })).map;

  test('any document is good or bad, with every problem inside the file, and never throws', () => {
    fc.assert(
      fc.property(document, (text) => {
        const lines = String(text).split('\n');
        for (const parse of [
          () => validate(configSchema, readYaml('f', String(text), {})),
          () => parseInterfaces('f', String(text)),
        ]) {
          const result = parse();
          if (result.ok) continue;
          assert.ok(result.problems.length > 0);
          for (const { line, column, text: says } of result.problems) {
            assert.ok(line >= 1 && line <= lines.length + 1 && column >= 1, `${line}:${column}`);
            assert.ok(says.length > 5 && !says.includes('undefined') && !/invalid input/i.test(says), says);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('any text at all', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80, unit: 'binary' }), (text) => void readYaml('f', text, {})),
    );
  });

  test('come in the order of the file', () => {
    const found = read(
      configSchema as z.ZodType<unknown>,
      'limits: { udpSize: 1 }\nzone: "a..b"\nanswers: { ttl: -1, style: x }\nvips: { pools: [x] }\n',
    ) as string[];
    assert.deepEqual(
      found.map((text) => text.split(':').slice(1, 3).join(':')),
      ['1:20', '2:7', '3:17', '3:28', '4:17'],
    );
  });
});
