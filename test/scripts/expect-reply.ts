/** Compares a reply with what a script expects of it. */
import assert from 'node:assert/strict';
import { parseAddress } from '../../src/name/address.ts';
import { parsePool, poolContains } from '../../src/vip/pool.ts';
import { FLAG, rcodeText } from '../../src/wire/message.ts';
import type { ReadMessage } from '../../src/wire/read-message.ts';
import { recordLine } from '../support/server.ts';
import type { Expected } from './parse-case.ts';

/** Words that a script has given names. */
export type Bindings = Map<string, string>;

const SHOWN_FLAGS = { aa: FLAG.AA, tc: FLAG.TC, ra: FLAG.RA, ad: FLAG.AD, cd: FLAG.CD } as const;

/** Throws a readable difference when the reply is not what was expected; binds names that are new. */
export function expectReply(
  where: string,
  message: ReadMessage,
  expected: Expected,
  bindings: Bindings,
): void {
  const flags = Object.entries(SHOWN_FLAGS).flatMap(([name, bit]) =>
    (message.flags & bit) === 0 ? [] : [name],
  );
  const found = [
    where,
    [rcodeText(message.rcode), ...flags.toSorted()].join(' '),
    ...message.errors.map(({ code, text }) => `error ${code} ${text}`.trimEnd()),
    ...grouped('answer', message.answer.map(recordLine)),
    ...grouped('authority', message.authority.map(recordLine)),
    ...grouped('additional', message.additional.map(recordLine)),
  ];
  const known = (line: string) => filledIn(line, bindings);
  const wanted = [
    where,
    [expected.status, ...expected.flags].join(' '),
    ...expected.errors.map((text) => `error ${text}`),
    ...grouped('answer', expected.answer.map(known)),
    ...grouped('authority', expected.authority.map(known)),
    ...grouped('additional', expected.additional.map(known)),
  ];
  const matched = wanted.map((line, i) => (matches(line, found[i] ?? '', bindings) ? found[i] : line));
  assert.deepEqual(found, matched);
}

/** Lines of a section; those of one RRset, which has no order, sorted by the words that are not variable. */
function grouped(section: string, lines: readonly string[]): string[] {
  const sorted: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const key = rrsetKey(lines[at] ?? '');
    let end = at;
    while (end < lines.length && rrsetKey(lines[end] ?? '') === key) end++;
    sorted.push(...lines.slice(at, end).toSorted());
    at = end;
  }
  return sorted.map((line) => `${section}: ${line}`);
}

function rrsetKey(line: string): string {
  const [owner = '', , type] = line.split(' ');
  return `${owner.toLowerCase()} ${type}`;
}

function matches(wanted: string, found: string, bindings: Bindings): boolean {
  const words = wanted.split(' ');
  const others = found.split(' ');
  const isOpen = words.at(-1) === '…';
  if (isOpen) words.pop();
  if (isOpen ? others.length < words.length : others.length !== words.length) return false;
  const fresh: [string, string][] = [];
  const same = words.every((word, i) => {
    const other = others[i] ?? '';
    if (word === '*') return true;
    if (!/^\$\w+$/.test(word)) return word === other;
    const bound = bindings.get(word);
    if (bound === undefined) fresh.push([word, other]);
    return bound === undefined || bound === other;
  });
  if (same) for (const [name, value] of fresh) bindings.set(name, value);
  return same;
}

function filledIn(line: string, bindings: Bindings): string {
  return line.replace(/\$\w+/g, (name) => bindings.get(name) ?? name);
}

/** `$A = $B`, `$A ≠ $B`, `$A > $B` (numbers), `$A in POOL` */
export function check(text: string, bindings: Bindings): void {
  const [left = '', relation, right = ''] = text.split(' ').map((word) => filledIn(word, bindings));
  assert.ok(!left.startsWith('$') && !right.startsWith('$'), `${text}: a name without value`);
  if (relation === '=') assert.equal(left, right, text);
  else if (relation === '≠') assert.notEqual(left, right, text);
  else if (relation === '>') assert.ok(Number(left) > Number(right), `${text}: ${left} > ${right}`);
  else if (relation === 'in') {
    const pool = parsePool(right);
    const address = parseAddress(left);
    assert.ok(pool.ok && address !== undefined && poolContains(pool.value, address), `${text}: ${left}`);
  } else assert.fail(`unknown relation in '${text}'`);
}
