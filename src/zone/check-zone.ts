import type { Problem } from '../base/problem.ts';
import { type DomainName, keyOf, MAX_NAME, type NameKey, toText } from '../name/domain-name.ts';
import { checkDelegations } from './check-delegations.ts';
import type { LocatedRecord } from './master-file.ts';
import { ProblemList } from './problem-list.ts';
import { compressibleNames, rdataKey } from './rdata/formats.ts';
import { isMetaType, TYPE, typeText } from './types.ts';
import { ZoneIndex, type ZoneOwner } from './zone-index.ts';

export interface CheckedZone {
  /** The SOA's owner; undefined without an SOA, and then nothing else was checked. */
  readonly apex: DomainName | undefined;
  readonly problems: Problem[];
}

/**
 * Whether records make a zone that can be served: what no single record shows.
 *
 * A record that is there twice counts once (RFC 2181 section 5). The order of the records does not matter.
 *
 * @param file the zone's main file, for problems that no record is the place of
 * @param isComplete false when some entries could not be read: then nothing counts as missing
 */
export function checkZone(records: readonly LocatedRecord[], file: string, isComplete = true): CheckedZone {
  const problems = new ProblemList();
  const soa = records.find((record) => record.type === TYPE.SOA);
  if (soa === undefined) {
    if (isComplete)
      problems.add({ file, line: 1, column: 1, text: 'no SOA record: a zone needs one at its apex' });
    return { apex: undefined, problems: problems.list() };
  }
  const index = new ZoneIndex(keyOf(soa.name));
  for (const record of records) {
    if (isMetaType(record.type)) {
      report(problems, record, `type ${typeText(record.type)} is for questions, not for records`);
    } else if (!index.add(record)) {
      report(problems, record, `${toText(record.name)} is not in the zone ${toText(soa.name)}`);
    }
  }
  checkSoa(records, soa, problems);
  for (const owner of index.owners.values()) {
    checkAliases(owner, problems);
    checkHidden(owner, index, problems, isComplete);
    checkWildcard(owner, problems);
    checkSize(owner, problems);
  }
  if (isComplete && index.owners.get(index.apex)?.get(TYPE.NS) === undefined) {
    report(problems, soa, `no NS record at ${toText(soa.name)}: a zone needs one at its apex`);
  }
  checkDelegations(index, problems, isComplete);
  return { apex: soa.name, problems: problems.list() };
}

function checkSoa(records: readonly LocatedRecord[], soa: LocatedRecord, problems: ProblemList): void {
  const sameSoa = identity(soa);
  for (const record of records) {
    if (record.type !== TYPE.SOA || identity(record) === sameSoa) continue;
    report(problems, record, `a second SOA record; the first stands at ${place(soa)}`);
  }
}

/** Types that may stand beside a CNAME: the signatures of DNSSEC (RFC 4034 section 3, RFC 4035 section 2.5). */
const BESIDE_CNAME: readonly number[] = [TYPE.RRSIG, TYPE.NSEC];

/** CNAME and DNAME are alone: RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 6672 section 2.4 */
function checkAliases(owner: ZoneOwner, problems: ProblemList): void {
  if (owner.records.length === 1) return;
  for (const type of [TYPE.CNAME, TYPE.DNAME]) {
    const [first, ...more] = owner.get(type) ?? [];
    if (first === undefined) continue;
    for (const record of more) {
      if (identity(record) === identity(first)) continue;
      report(
        problems,
        record,
        `a second ${typeText(type)} at ${toText(record.name)}; the first stands at ${place(first)}`,
      );
    }
  }
  const cname = owner.get(TYPE.CNAME)?.[0];
  if (cname === undefined) return;
  const other = [...owner.types()].find((type) => type !== TYPE.CNAME && !BESIDE_CNAME.includes(type));
  if (other === undefined) return;
  report(problems, cname, `CNAME beside ${typeText(other)} at ${toText(cname.name)}: a CNAME must be alone`);
}

/** What a DNAME or a zone cut above hides from every answer: RFC 6672 section 2.4, RFC 1034 section 4.2.1 */
function checkHidden(owner: ZoneOwner, index: ZoneIndex, problems: ProblemList, isComplete: boolean): void {
  if (!index.hides) return;
  const dname = index.closestAbove(owner.key, index.dnames);
  const cut = index.closestAbove(owner.key, index.cuts);
  for (const record of owner.records) {
    if (dname !== undefined) {
      report(
        problems,
        record,
        `${typeText(record.type)} below the DNAME at ${toText(dname)} is never answered`,
      );
    } else if (!isComplete && isAddress(record)) {
      // the NS that it is glue for may be what could not be read
    } else if (cut !== undefined && !isGlue(record, owner.key, index)) {
      const text = `${typeText(record.type)} below the delegation of ${toText(cut)} is neither an address of a name server nor answered`;
      report(problems, record, text);
    } else if (index.cuts.has(owner.key) && !belongsToCut(record, owner.key, index)) {
      const text = `${typeText(record.type)} beside the NS of the delegation ${toText(record.name)} is never answered`;
      report(problems, record, text);
    }
  }
}

/**
 * Octets of a message over TCP that an answer may take (RFC 1035 section 4.2.2), beside the header, a question with the
 * longest name, and an OPT record.
 */
const ANSWER_OCTETS = 65_535 - 12 - (MAX_NAME + 4) - 11;
/** A pointer to the owner, type, class, TTL and length. */
const RECORD_OCTETS = 12;

/** An RRset is answered whole or not at all (RFC 2181 section 5). */
function checkSize(owner: ZoneOwner, problems: ProblemList): void {
  if (octetsOf(owner.records) <= ANSWER_OCTETS) return;
  for (const type of owner.types()) {
    const records = [...new Map((owner.get(type) ?? []).map((one) => [identity(one), one])).values()];
    let octets = 0;
    const fitting = records.findIndex((record) => {
      octets += octetsOf([record]);
      return octets > ANSWER_OCTETS;
    });
    const first = records[fitting];
    if (first === undefined) continue;
    const what = `${records.length} ${typeText(type)} ${records.length === 1 ? 'record' : 'records'} at ${toText(first.name)}`;
    const text =
      fitting === 0
        ? `${what} and its data of ${first.rdata.length} octets: no message can hold it`
        : `${what}: a message holds ${fitting} of them, so none would be answered; leave ${records.length - fitting} out`;
    report(problems, first, text);
  }
}

/** Names within data count nothing where they may be compressed. */
function octetsOf(records: readonly LocatedRecord[]): number {
  let octets = 0;
  for (const { type, rdata } of records)
    octets += RECORD_OCTETS + (compressibleNames(type) === undefined ? rdata.length : 0);
  return octets;
}

/** RFC 4592 section 4.2 leaves open what it would mean; BIND refuses it too. */
function checkWildcard(owner: ZoneOwner, problems: ProblemList): void {
  if (!owner.key.startsWith('\x01*')) return;
  const [first] = owner.get(TYPE.NS) ?? [];
  if (first !== undefined)
    report(problems, first, `NS at the wildcard ${toText(first.name)}: delegate each name`);
  const [soa] = owner.get(TYPE.SOA) ?? [];
  if (soa !== undefined)
    report(problems, soa, `the zone ${toText(soa.name)} is a wildcard: name the domain itself, without '*.'`);
}

function isGlue(record: LocatedRecord, key: NameKey, index: ZoneIndex): boolean {
  return isAddress(record) && index.nameServers.has(key);
}

function isAddress({ type }: LocatedRecord): boolean {
  return type === TYPE.A || type === TYPE.AAAA;
}

const AT_CUT: readonly number[] = [TYPE.NS, TYPE.DS, TYPE.RRSIG, TYPE.NSEC];

function belongsToCut(record: LocatedRecord, key: NameKey, index: ZoneIndex): boolean {
  return AT_CUT.includes(record.type) || isGlue(record, key, index);
}

function identity(record: LocatedRecord): string {
  return keyOf(record.name) + rdataKey(record.type, record.rdata);
}

function place({ file, line, column }: LocatedRecord): string {
  return `${file}:${line}:${column}`;
}

function report(problems: ProblemList, { file, line, column }: LocatedRecord, text: string): void {
  problems.add({ file, line, column, text });
}
