/** What the servers are asked: only those that were asked the same are compared. */
import { writeFile } from 'node:fs/promises';
import { CALLS, type Catalogue, MANY_CALLS, MANY_RECORDS, numbers, RECORDS, shuffled } from './catalogue.ts';

export type Rcode = 'NOERROR' | 'NXDOMAIN' | 'REFUSED';

export interface QuestionSet {
  readonly id: string;
  /** In the tables. */
  readonly heading: string;
  /** Servers that hold it are asked. */
  readonly catalogue: Catalogue;
  /** What every answer has to be. */
  readonly rcode: Rcode;
  readonly transport: 'udp' | 'tcp';
  /** with an OPT record */
  readonly edns: boolean;
  readonly type: 'A' | 'AAAA';
  /** The names, as often as they are asked before the file begins anew. */
  names(): string[];
  /** Asked only when it is named: the servers take long to start, and much memory. */
  readonly isLarge: boolean;
  /** A table of its own, a column beside others, or nothing: it is there to be divided by. */
  readonly shownAs: 'table' | 'column' | 'divisor';
  /** The set of the same catalogue by whose figures the same server's are divided. */
  readonly against: string | undefined;
}

/** No shorter file: dnsperf begins it anew, and the order would repeat. */
const UNIFORM_LINES = 300_000;
/** Random names that do not exist. */
const MISSING = 100_000;

const HOT: QuestionSet = {
  id: 'call',
  heading: '1,000 call names, each a CNAME and its A',
  catalogue: CALLS,
  rcode: 'NOERROR',
  transport: 'udp',
  edns: false,
  type: 'A',
  names: () => numbers(CALLS.count).map(CALLS.nameAt),
  isLarge: false,
  shownAs: 'table',
  against: undefined,
};
const VARIATION: QuestionSet = { ...HOT, shownAs: 'column', against: 'call' };
const LARGE: QuestionSet = { ...HOT, isLarge: true };

export const questionSets: readonly QuestionSet[] = [
  HOT,
  { ...HOT, id: 'tcp', heading: '1,000 call names over TCP, pipelined', transport: 'tcp' },
  { ...VARIATION, id: 'edns', heading: 'with EDNS', edns: true },
  { ...VARIATION, id: 'nodata', heading: 'AAAA (NODATA)', type: 'AAAA' },
  {
    ...VARIATION,
    id: 'refused',
    heading: '1,000 names of no zone (REFUSED)',
    rcode: 'REFUSED',
    names: () =>
      numbers(CALLS.count).map((index) => CALLS.nameAt(index).replace('cluster.local', 'other.example')),
  },
  {
    ...VARIATION,
    id: 'nxdomain',
    heading: '1,000 names that do not exist (NXDOMAIN)',
    rcode: 'NXDOMAIN',
    names: () => numbers(CALLS.count).map(CALLS.missingAt),
  },
  {
    ...VARIATION,
    id: 'nxdomain-100000',
    heading: '100,000 names that do not exist (NXDOMAIN)',
    rcode: 'NXDOMAIN',
    names: () => uniform(MISSING, (index) => CALLS.missingAt(MISSING + index)),
  },
  {
    ...HOT,
    id: 'a',
    heading: '1,000 A records',
    catalogue: RECORDS,
    names: () => numbers(RECORDS.count).map(RECORDS.nameAt),
  },
  {
    ...LARGE,
    id: 'names-100000-hot',
    heading: '1,000 of 100,000 call names',
    catalogue: MANY_CALLS,
    // not the first ones: from all over
    names: () => numbers(1_000).map((index) => MANY_CALLS.nameAt(index * 100 + 7)),
    shownAs: 'divisor',
  },
  {
    ...LARGE,
    id: 'names-100000',
    heading: '100,000 call names, all asked equally often',
    catalogue: MANY_CALLS,
    names: () => uniform(MANY_CALLS.count, MANY_CALLS.nameAt),
    against: 'names-100000-hot',
  },
  {
    ...LARGE,
    id: 'records-1000000',
    heading: '1,000,000 A records, all asked equally often',
    catalogue: MANY_RECORDS,
    names: () => uniform(MANY_RECORDS.count, MANY_RECORDS.nameAt),
  },
];

/** Questions for dnsperf, in a new random order each time. */
export function writeQuestions(set: QuestionSet, path: string): Promise<void> {
  const lines = shuffled(set.names()).map((name) => `${name} ${set.type}\n`);
  return writeFile(path, lines.join(''));
}

function uniform(count: number, nameAt: (index: number) => string): string[] {
  const lines = Math.ceil(UNIFORM_LINES / count) * count;
  return numbers(lines).map((line) => nameAt(line % count));
}
