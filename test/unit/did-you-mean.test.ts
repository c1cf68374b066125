import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { didYouMean, didYouMeanText } from '../../src/base/did-you-mean.ts';

const KEYS = ['zone', 'listen', 'answers', 'registries', 'forgetAfter', 'distrustFor', 'A', 'MX'];

suite('did you mean', () => {
  const table: readonly (readonly [word: string, meant: string | undefined])[] = [
    ['zones', 'zone'],
    ['zoen', 'zone'],
    ['lisen', 'listen'],
    ['LISTEN', 'listen'],
    ['registrys', 'registries'],
    ['forget_after', 'forgetAfter'],
    ['distrust', 'distrustFor'],
    ['X', undefined],
    ['XM', undefined],
    ['z', undefined],
    ['', undefined],
    ['something-else', undefined],
  ];
  for (const [word, meant] of table) {
    test(`'${word}'`, () => assert.equal(didYouMean(word, KEYS), meant));
  }

  test('the nearest wins, and the first of equally near ones', () => {
    assert.equal(didYouMean('abcd', ['abxx', 'abcx', 'abcy']), 'abcx');
    assert.equal(didYouMean('abc', []), undefined);
  });

  test('as the end of a problem', () => {
    assert.equal(didYouMeanText('zoen', KEYS), '; did you mean zone?');
    assert.equal(didYouMeanText('?', KEYS), '');
  });
});
