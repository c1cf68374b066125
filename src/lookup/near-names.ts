import { setImmediate as nextTurn } from 'node:timers/promises';
import { didYouMean } from '../base/did-you-mean.ts';
import type { EventLine } from '../event-line/event-line.ts';
import { type DomainName, keyOf, labelsAbove, labelsOf, parseDomainName } from '../name/domain-name.ts';
import type { InterfaceName } from '../name/interface-name.ts';

/** So many names are suggested at most. */
const MAX_SUGGESTIONS = 3;
/** So many are compared letter by letter at most: of a larger catalogue those that begin or end alike. */
const MAX_COMPARED = 5000;
const ALIKE = 6;
const SLICE = 1000;

/** Interfaces and applications that were probably meant by a name which nobody has; the nearest first. */
export async function nearNames(
  line: EventLine,
  zones: readonly DomainName[],
  text: string,
): Promise<string[]> {
  const word = withoutZone(text, zones)
    .replace(/^(?:[^/]*\/)?/, '')
    .replace(/:.*$/, '')
    .toLowerCase();
  const simple = new Set<string>();
  const similar: string[] = [];
  const applications = new Set<string>();
  const isLarge = line.feed.totals.interfaces > MAX_COMPARED;
  let count = 0;
  for (const name of line.feed.names()) {
    if (++count % SLICE === 0) await nextTurn();
    const lower = name.toLowerCase();
    // the class alone, or with a part of its package
    if (simple.size < MAX_SUGGESTIONS && lower.endsWith(`.${word}`)) simple.add(name);
    if (similar.length < MAX_COMPARED && (!isLarge || isAlike(lower, word))) similar.push(name);
    for (const { label } of line.feed.viewOf(name)?.applications ?? []) {
      if (applications.size < MAX_COMPARED) applications.add(label);
    }
  }
  const suggested = [...simple];
  while (suggested.length < MAX_SUGGESTIONS) {
    await nextTurn();
    const left = (names: Iterable<string>) => [...names].filter((name) => !suggested.includes(name));
    const near =
      didYouMean(word, left(similar)) ??
      didYouMean(word.replace(/\.app$/, ''), left(applications)) ??
      didYouMean(word, left(domainsOf(line, similar)));
    if (near === undefined) break;
    suggested.push(near);
  }
  return suggested;
}

function isAlike(name: string, word: string): boolean {
  return name.startsWith(word.slice(0, ALIKE)) || name.endsWith(word.slice(-ALIKE));
}

/** The structured domains of interfaces, relative to a zone. */
function domainsOf(line: EventLine, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const domain = line.feed.viewOf(name as InterfaceName)?.domain;
    return domain === undefined ? [] : labelsOf(domain).join('.');
  });
}

/** A name without its zone, its final dot and the labels of versions, groups and ports. */
function withoutZone(text: string, zones: readonly DomainName[]): string {
  const parsed = parseDomainName(text);
  if (!parsed.ok) return text;
  const key = keyOf(parsed.value);
  const relative = zones
    .map((zone) => labelsAbove(key, keyOf(zone)))
    .filter((labels) => labels !== undefined)
    .sort((one, other) => one.length - other.length)[0];
  if (relative !== undefined) return withoutForms(labelsOf(relative).join('.'));
  return withoutForms(text.replace(/\.$/, ''));
}

function withoutForms(text: string): string {
  return text.replace(/^(?:(?:_[^.]*|ver-[^.]*|grp-[^.]*)\.)+/i, '');
}
