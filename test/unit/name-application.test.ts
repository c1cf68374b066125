import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  applicationOf,
  isApplication,
  parseApplicationName,
  subjectText,
} from '../../src/name/application-name.ts';
import { type InterfaceName, parseInterfaceName, serviceKeyText } from '../../src/name/interface-name.ts';

const subjectOf = (text: string): InterfaceName => {
  const parsed = parseApplicationName(text);
  return parsed.ok ? parsed.value : assert.fail(parsed.reason);
};

suite('applications that stand where interfaces stand', () => {
  test('their names come back as they were', () => {
    const names = fc
      .string({ unit: 'grapheme', maxLength: 40 })
      .filter((text) => parseApplicationName(text).ok);
    fc.assert(
      fc.property(names, (text) => {
        const subject = subjectOf(text);
        assert.ok(isApplication(subject));
        assert.equal(applicationOf(subject), text);
        assert.equal(parseInterfaceName(subject).ok, false, 'an interface may not be called so');
        assert.doesNotMatch(subject, /[/:]/, 'they part the key of a service');
      }),
    );
  });

  test('two names never make one key', () => {
    const plain = serviceKeyText({ interface: subjectOf('a'), version: 'b', group: '' });
    assert.notEqual(plain, serviceKeyText({ interface: subjectOf('a:b'), version: '', group: '' }));
    assert.equal(applicationOf(subjectOf('50%2F')), '50%2F');
  });

  test('people read what it is', () => {
    assert.equal(subjectText(subjectOf('user-service')), 'application user-service');
    assert.equal(subjectText('com.foo.A' as InterfaceName), 'com.foo.A');
  });

  for (const [text, reason] of [
    ['', /empty/],
    ['a'.repeat(256), /over 255/],
    ['a\nb', /control/],
    ['--', /a letter or a digit/],
    ['\ud800a', /no application name/],
  ] as const) {
    test(`refused: ${JSON.stringify(text.slice(0, 10))}`, () => {
      const parsed = parseApplicationName(text);
      assert.match(parsed.ok ? '' : parsed.reason, reason);
    });
  }
});
