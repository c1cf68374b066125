import { closeSync, globSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import type { Problem } from '../base/problem.ts';
import { bad, ok, type Result } from '../base/result.ts';
import { unreadable } from '../files/unreadable.ts';
import { sortProblems } from '../files/validate.ts';
import { type DomainName, keyOf, type NameKey, toText } from '../name/domain-name.ts';
import { checkZone } from '../zone/check-zone.ts';
import { parseMasterFile } from '../zone/master-file.ts';
import { LocatedRecords } from '../zone/packed-records.ts';

/** A master file that was read and found good. */
export interface ZoneFile {
  readonly file: string;
  readonly apex: DomainName;
  readonly records: LocatedRecords;
}

export interface LoadedZones {
  readonly zones: readonly ZoneFile[];
  /** of files that the configuration names literally: it cannot be served without them */
  readonly fatal: readonly Problem[];
  /** files that it names literally and that cannot be read */
  readonly unread: readonly { readonly pattern: string; readonly reason: string }[];
  /** of files behind a glob: left out */
  readonly leftOut: readonly Problem[];
  /** every file that was read, included ones as well */
  readonly files: readonly string[];
}

/** Reads all zone files that the patterns name, relative to the working directory. */
export function loadZones(patterns: readonly string[]): LoadedZones {
  const zones = new Map<NameKey, ZoneFile>();
  const fatal: Problem[] = [];
  const leftOut: Problem[] = [];
  const unread: { pattern: string; reason: string }[] = [];
  const files = new Set<string>();
  for (const pattern of patterns) {
    const isGlob = /[*?[{]/.test(pattern);
    for (const file of isGlob ? globSync(pattern).sort() : [pattern]) {
      if (files.has(file)) continue;
      files.add(file);
      const problems = isGlob ? leftOut : fatal;
      const reason = isGlob ? undefined : whyUnreadable(file);
      if (reason !== undefined) {
        unread.push({ pattern, reason });
        continue;
      }
      const result = loadZone(file);
      if (!Array.isArray(result)) {
        for (const included of result.records.files) files.add(included);
        const other = zones.get(keyOf(result.apex));
        if (other === undefined) zones.set(keyOf(result.apex), result);
        else problems.push(problemAt(file, `zone ${toText(result.apex)} is in ${other.file} already`));
      } else {
        problems.push(...result);
      }
    }
  }
  return { zones: [...zones.values()], fatal, unread, leftOut, files: [...files] };
}

function whyUnreadable(file: string): string | undefined {
  try {
    closeSync(openSync(file, 'r'));
    return statSync(file).isDirectory() ? 'is a folder: expected a file' : undefined;
  } catch (error) {
    return unreadable(error);
  }
}

/** @returns the zone, or all that is wrong with it */
export function loadZone(file: string): ZoneFile | Problem[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return [problemAt(file, unreadable(error))];
  }
  const parsed = parseMasterFile({ text, file, include: (path, from) => readIncluded(path, from, file) });
  if (parsed.problems.length > 0) {
    const sure = parsed.records.filter((record) => !parsed.doubtful.has(record));
    return sortProblems([...parsed.problems, ...checkZone(sure, file, false).problems]);
  }
  const { apex, problems } = checkZone(parsed.records, file);
  if (apex === undefined || problems.length > 0) return problems;
  return { file, apex, records: new LocatedRecords(parsed.records) };
}

/** `$INCLUDE` reaches files in the folder of the zone and below it, links followed: a zone file is no way out. */
function readIncluded(path: string, from: string, zoneFile: string): Result<{ file: string; text: string }> {
  const file = isAbsolute(path) ? path : join(dirname(from), path);
  try {
    const folder = realpathSync(dirname(zoneFile));
    if (!realpathSync(file).startsWith(folder + sep)) {
      return bad(`it lies outside the zone's folder ${dirname(zoneFile)}`);
    }
    return ok({ file, text: readFileSync(file, 'utf8') });
  } catch (error) {
    return bad(unreadable(error));
  }
}

function problemAt(file: string, text: string): Problem {
  return { file, line: 1, column: 1, text };
}
