/** docs/messages.md has every text that the log may show, each with what to do; read as text, as the sources are. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { STATUS } from '../../src/cli/output.ts';

/** Every call of a logger in the sources: its level and text, and all that stands in it. */
function logCalls(): { readonly text: string; readonly call: string }[] {
  return globSync('src/**/*.ts').flatMap((file) => {
    const code = readFileSync(file, 'utf8');
    return [...code.matchAll(/\blog\.(trace|debug|info|warn|error|fatal)\(/g)].map((match) => {
      const call = upToItsEnd(code, match.index + match[0].length);
      const text = /(?:^|,)\s*'((?:[^'\\\n]|\\.)*)',?\s*$/.exec(call)?.[1];
      assert.ok(
        text !== undefined,
        `${file}: the text of a log line is one literal, its last argument: ${call}`,
      );
      return { text: `${match[1]} ${text}`, call };
    });
  });
}

/** What stands between a parenthesis, which was opened before `start`, and the one that closes it. */
function upToItsEnd(code: string, start: number): string {
  let depth = 1;
  let quote = '';
  for (let at = start; at < code.length; at++) {
    const character = code[at] as string;
    if (quote !== '') {
      if (character === '\\') at++;
      else if (character === quote) quote = '';
    } else if (character === "'" || character === '`') quote = character;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return code.slice(start, at);
  }
  throw new Error('a call that never ends');
}

const document = readFileSync('docs/messages.md', 'utf8');
const [log = '', statuses = ''] = document.split('## Exit statuses');

function rowsOf(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('| '));
  return rows.map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

const calls = logCalls();
const told = rowsOf(log).filter(([level]) => level !== 'level');

test('every log message is told of, with its level, and no other', () => {
  const texts = new Set(calls.map(({ text }) => text));
  assert.ok(texts.size > 25, `${texts.size} texts`);
  const documented = told.map(([level, text = '']) => `${level} ${text.replaceAll('`', '')}`);
  assert.deepEqual([...documented].sort(), [...texts].sort());
});

test('each has what it means and what to do', () => {
  for (const row of told) {
    assert.equal(row.length, 5, row[1]);
    const [, text, , meaning = '', remedy = ''] = row;
    assert.ok(meaning.length > 5 && remedy.length > 5, text);
  }
});

test('the fields of a message are those that it has', () => {
  for (const [level, text = '', names = ''] of told) {
    const found = calls.find((one) => one.text === `${level} ${text.replaceAll('`', '')}`)?.call ?? '';
    for (const [, field = ''] of names.matchAll(/`(\w+)`/g)) {
      assert.ok(found.includes('...line') || new RegExp(`\\b${field}\\b`).test(found), `${text}: ${field}`);
    }
  }
});

test('every exit status is told of', () => {
  const found = rowsOf(statuses).map(([status]) => status);
  const numbers = found.filter((status) => /^\d+$/.test(status ?? '')).map(Number);
  assert.deepEqual(numbers, Object.values(STATUS));
});
