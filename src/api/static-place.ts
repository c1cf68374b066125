import {
  type DomainName,
  isAtOrBelow,
  keyOf,
  type NameKey,
  parentOf,
  toShortText,
} from '../name/domain-name.ts';
import type { LocatedRecord } from '../zone/master-file.ts';
import type { LocatedRecords } from '../zone/packed-records.ts';
import { TYPE, typeText } from '../zone/types.ts';

/** A master file that is served. */
export interface StaticFile {
  readonly file: string;
  readonly apex: DomainName;
  readonly records: LocatedRecords;
}

/** Why static records answer for a name, and where they stand. */
export interface StaticPlace {
  readonly zone: string;
  /** `delegation`, `dname`: of a name above it; `wildcard`: it stands for the name */
  readonly kind: 'record' | 'delegation' | 'dname' | 'wildcard';
  /** the records' own name */
  readonly owner: string;
  readonly types: readonly string[];
  /** `FILE:LINE` of the first of them */
  readonly place: string;
}

/** The static records that a name's answer comes from; undefined when none has to do with it. */
export function findStaticPlace(
  files: readonly StaticFile[],
  name: NameKey,
  isAnswered: boolean,
): StaticPlace | undefined {
  const file = files
    .filter(({ apex }) => isAtOrBelow(name, keyOf(apex)))
    .sort((a, b) => b.apex.length - a.apex.length)[0];
  if (file === undefined) return undefined;
  const above: NameKey[] = [];
  for (let at: NameKey | undefined = parentOf(name); at !== undefined; at = parentOf(at)) {
    if (at.length < file.apex.length) break;
    above.unshift(at);
  }
  for (const ancestor of above) {
    const records = file.records.at(ancestor);
    const cut = records.filter(({ type }) => type === TYPE.NS && ancestor !== keyOf(file.apex));
    if (cut.length > 0) return placeOf(file, 'delegation', cut);
    const alias = records.filter(({ type }) => type === TYPE.DNAME);
    if (alias.length > 0) return placeOf(file, 'dname', alias);
  }
  const own = file.records.at(name);
  if (own.length > 0) return placeOf(file, 'record', own);
  if (!isAnswered) return undefined;
  for (const ancestor of above.reverse()) {
    const wildcard = file.records.at(`\x01*${ancestor}` as NameKey);
    if (wildcard.length > 0) return placeOf(file, 'wildcard', wildcard);
  }
  return undefined;
}

function placeOf(
  file: StaticFile,
  kind: StaticPlace['kind'],
  records: readonly LocatedRecord[],
): StaticPlace | undefined {
  const [first] = records;
  if (first === undefined) return undefined;
  return {
    zone: toShortText(file.apex),
    kind,
    owner: toShortText(first.name),
    types: [...new Set(records.map(({ type }) => typeText(type)))],
    place: `${first.file}:${first.line}`,
  };
}
