import { isAtOrBelow, keyOf, type NameKey, toText } from '../name/domain-name.ts';
import type { LocatedRecord } from './master-file.ts';
import type { ProblemList } from './problem-list.ts';
import { additionalTarget } from './rdata/formats.ts';
import { TYPE, typeText } from './types.ts';
import type { ZoneIndex } from './zone-index.ts';

/** Types whose target must be a name with addresses, no alias (RFC 2181 section 10.3, RFC 2782). */
const NO_ALIAS: readonly number[] = [TYPE.NS, TYPE.MX, TYPE.SRV];

/**
 * Where NS, MX and SRV lead inside the zone.
 *
 * @param isComplete false when some entries could not be read: then no address counts as missing
 */
export function checkDelegations(index: ZoneIndex, problems: ProblemList, isComplete: boolean): void {
  for (const owner of index.owners.values()) {
    for (const record of owner.records) {
      if (!NO_ALIAS.includes(record.type)) continue;
      const target = additionalTarget(record.type, record.rdata);
      if (target === undefined) continue;
      const key = keyOf(target);
      if (!isAtOrBelow(key, index.apex)) continue;
      const text = whatIsWrong(record, owner.key, key, index, isComplete);
      if (text === undefined) continue;
      const { file, line, column } = record;
      problems.add({
        file,
        line,
        column,
        text: `${typeText(record.type)} leads to ${toText(target)}, ${text}`,
      });
    }
  }
}

function whatIsWrong(
  record: LocatedRecord,
  owner: NameKey,
  target: NameKey,
  index: ZoneIndex,
  isComplete: boolean,
): string | undefined {
  const dname = index.closestAbove(target, index.dnames);
  if (dname !== undefined) return `which lies below the DNAME at ${toText(dname)}`;
  const cut = index.cuts.has(target) ? target : index.closestAbove(target, index.cuts);
  if (cut === undefined) {
    // a name of its own, which could not be read, would stand before a wildcard
    const found = isComplete ? index.answering(target) : index.owners.get(target);
    if (found?.get(TYPE.CNAME) !== undefined) return 'which is a CNAME';
    if (!isComplete || record.type !== TYPE.NS || hasAddress(found)) return undefined;
    return 'which has no address in this zone';
  }
  if (!isComplete) return undefined;
  // behind another delegation its own name servers know the address
  if (record.type !== TYPE.NS || owner === index.apex || !isAtOrBelow(target, owner)) return undefined;
  if (hasAddress(index.owners.get(target))) return undefined;
  return 'which has no address here (glue), and without it nobody gets there';
}

function hasAddress(owner: ReturnType<ZoneIndex['answering']>): boolean {
  return owner?.get(TYPE.A) !== undefined || owner?.get(TYPE.AAAA) !== undefined;
}
