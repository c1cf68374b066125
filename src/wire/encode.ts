import { type Answer, EXTENDED_ERROR, type ExtendedError, type OwnedRRset } from '../answer/answer.ts';
import { type DomainName, keyOf, type NameKey } from '../name/domain-name.ts';
import type { NameLayout } from '../zone/rdata/format.ts';
import { compressibleNames } from '../zone/rdata/formats.ts';
import type { RRset } from '../zone/record.ts';
import { SOA_NUMBERS } from '../zone/static-zone.ts';
import { TYPE } from '../zone/types.ts';
import { CLASS_IN, FLAG, HEADER_LENGTH, type Query, RCODE } from './message.ts';

const MAX_MESSAGE = 65535;
/** An OPT without options (RFC 6891 section 6.1.2). */
export const OPT_LENGTH = 11;
/** A full message, and behind it one record of the largest kind. */
export const SCRATCH_LENGTH = 2 * MAX_MESSAGE + 1024;
const EDE_OPTION = 15;
/** The opcode's bits in the flags. */
const OPCODE = 0x7800;
const MAX_EDE_TEXT = 200;
const NO_TEXT = Buffer.alloc(0);
/** Offsets behind this do not fit a compression pointer. */
const MAX_POINTER = 0x3fff;

/** What header and OPT of a reply say; see {@link finishReply}. */
export interface ReplyHead {
  readonly id: number;
  /** of the query: opcode and RD come back */
  readonly flags: number;
  /** with the upper bits that only an OPT can say */
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  /** whether the question is repeated */
  readonly questions: 0 | 1;
  readonly answers: number;
  readonly authorities: number;
  /** without OPT */
  readonly additionals: number;
  /** where what is written so far ends */
  readonly end: number;
  readonly hasEdns: boolean;
  readonly dnssecOk: boolean;
  /** told where there is an OPT */
  readonly error: ExtendedError | undefined;
}

/** The sections of a reply as they were written, and what a ready reply must know of them. */
export interface Encoded {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly counts: readonly [answers: number, authorities: number, additionals: number];
  readonly error: ExtendedError | undefined;
  /** whether nothing was left out, optional additionals included */
  readonly complete: boolean;
  /** where they end */
  readonly end: number;
  /** where the serial of the zone's SOA stands, 0 when there is none */
  readonly serialAt: number;
  /** where the CNAME and DNAME records that led here end, and how many there are */
  readonly chainAt: number;
  readonly chainRecords: number;
  /** where that ends without which the reply would be truncated */
  readonly neededAt: number;
  /** RRsets whose order rotates, in the order of the reply */
  readonly rotating: readonly Rotating[];
}

/**
 * Where an RRset stands whose order rotates. Owner names stay where they are, only what follows them changes places: those
 * behind may point to the first one.
 */
export interface Rotating {
  /** where each record's type begins, behind its owner name, and where the last record ends */
  readonly starts: readonly number[];
  /** octets of the owner name of each record but the first; they are the same octets */
  readonly ownerLength: number;
}

/** The sections of a reply. What is in `needed` sets TC when it does not fit; `optional` is dropped silently. */
interface Sections {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answer: readonly OwnedRRset[];
  readonly authority: readonly OwnedRRset[];
  readonly neededAdditional: readonly OwnedRRset[];
  readonly optional: Iterable<OwnedRRset>;
  readonly error?: ExtendedError;
}

/** The name is in no zone of ours (RFC 8914 section 4.21). */
export const OUTSIDE: ExtendedError = { code: EXTENDED_ERROR.notAuthoritative, text: '' };
const NOTHING = { answer: [], authority: [], neededAdditional: [], optional: [] } as const;

function sectionsOf(answer: Answer): Sections {
  switch (answer.kind) {
    case 'data': {
      const rrsets = answer.rrset === undefined ? answer.chain : [...answer.chain, answer.rrset];
      return {
        ...NOTHING,
        rcode: RCODE.NOERROR,
        authoritative: true,
        answer: rrsets,
        optional: answer.additional,
      };
    }
    case 'nodata':
      return {
        ...NOTHING,
        rcode: RCODE.NOERROR,
        authoritative: true,
        answer: answer.chain,
        authority: [answer.soa],
      };
    case 'nxdomain':
      return {
        ...NOTHING,
        rcode: RCODE.NXDOMAIN,
        authoritative: true,
        answer: answer.chain,
        authority: [answer.soa],
      };
    case 'referral': {
      // glue inside the delegation is needed: without it the delegation is dead (RFC 9471 section 3.1)
      const cut = keyOf(answer.ns.name);
      const inside = ({ name }: OwnedRRset) => keyOf(name).endsWith(cut);
      return {
        rcode: RCODE.NOERROR,
        authoritative: answer.chain.length > 0,
        answer: answer.chain,
        authority: [answer.ns],
        neededAdditional: answer.glue.filter(inside),
        optional: answer.glue.filter((glue) => !inside(glue)),
      };
    }
    case 'refused':
      return { ...NOTHING, rcode: RCODE.REFUSED, authoritative: false, error: OUTSIDE };
    case 'overlong':
      return { ...NOTHING, rcode: RCODE.YXDOMAIN, authoritative: true, answer: answer.chain };
    case 'failure':
      return { ...NOTHING, rcode: RCODE.SERVFAIL, authoritative: false, error: answer.error };
  }
}

/**
 * Writes the sections of the reply to `query` behind its question: header, question and OPT are others' work.
 *
 * @param out at least {@link SCRATCH_LENGTH} octets: one record may be written beyond the limit before it is taken back
 * @param limit octets that the reply may have, header and OPT included
 * @param turn with which of its records an RRset that rotates begins; any number
 */
export function encodeSections(
  out: Buffer,
  query: Pick<Query, 'name' | 'questionEnd'> & Pick<ReplyHead, 'hasEdns'>,
  answer: Answer,
  limit: number,
  turn = 0,
): Encoded {
  const sections = sectionsOf(answer);
  const error = query.hasEdns ? sections.error : undefined;
  const optLength = query.hasEdns ? lengthOfOpt(error) : 0;
  const writer = new Writer(
    out,
    Math.min(limit, MAX_MESSAGE) - optLength,
    query.questionEnd,
    query.name,
    turn,
  );

  const chainRecords = 'chain' in answer ? answer.chain.length : 0;
  let [chainAt, chainLeft] = [writer.at, chainRecords];
  let truncated = false;
  const counts = [0, 0, 0];
  const needed = [sections.answer, sections.authority, sections.neededAdditional];
  for (const [section, rrsets] of needed.entries()) {
    for (const owned of rrsets) {
      const written = truncated ? 0 : writer.rrset(owned);
      if (written === 0) truncated = true;
      counts[section] = (counts[section] ?? 0) + written;
      if (chainLeft-- > 0) chainAt = writer.at;
    }
  }
  const neededAt = writer.at;
  let complete = !truncated;
  for (const owned of truncated ? [] : sections.optional) {
    const written = writer.rrset(owned);
    counts[2] = (counts[2] ?? 0) + written;
    if (written > 0) continue;
    // what follows is not looked for any more
    complete = false;
    break;
  }

  const [answers = 0, authorities = 0, additionals = 0] = counts;
  return {
    rcode: sections.rcode,
    authoritative: sections.authoritative,
    truncated,
    counts: [answers, authorities, additionals],
    error: sections.error,
    complete,
    end: writer.at,
    serialAt: writer.serialAt,
    chainAt,
    chainRecords,
    neededAt,
    rotating: truncated ? [] : writer.rotating,
  };
}

/** Octets of the OPT that {@link finishReply} writes. */
export function lengthOfOpt(error: ExtendedError | undefined): number {
  return OPT_LENGTH + (error === undefined ? 0 : 6 + cutText(error.text).length);
}

/** At most MAX_EDE_TEXT octets of UTF-8, whole characters only. */
function cutText(text: string): Buffer {
  const octets = Buffer.from(text);
  if (octets.length <= MAX_EDE_TEXT) return octets;
  let end = MAX_EDE_TEXT;
  while (((octets[end] ?? 0) & 0xc0) === 0x80) end--;
  return octets.subarray(0, end);
}

/**
 * Writes the header, and the OPT where the query had one (RFC 6891 section 6.1.1).
 *
 * @param udpSize what our own OPT says
 * @param options of the OPT, in wire form
 * @returns the length of the reply
 */
export function finishReply(out: Buffer, head: ReplyHead, udpSize: number, options?: Uint8Array): number {
  const { rcode, answers, authorities, hasEdns } = head;
  const additionals = head.additionals + (hasEdns ? 1 : 0);
  out[0] = head.id >> 8;
  out[1] = head.id & 0xff;
  const flags =
    (head.flags & (FLAG.RD | OPCODE)) | (head.authoritative ? FLAG.AA : 0) | (head.truncated ? FLAG.TC : 0);
  out[2] = (FLAG.QR | flags) >> 8;
  out[3] = rcode & 15;
  out[4] = 0;
  out[5] = head.questions;
  out[6] = answers >> 8;
  out[7] = answers & 0xff;
  out[8] = authorities >> 8;
  out[9] = authorities & 0xff;
  out[10] = additionals >> 8;
  out[11] = additionals & 0xff;
  if (!hasEdns) return head.end;
  return writeOpt(out, head.end, udpSize, rcode >> 4, head.dnssecOk, head.error, options);
}

/** @returns where it ends */
function writeOpt(
  out: Buffer,
  at: number,
  udpSize: number,
  extendedRcode: number,
  dnssecOk: boolean,
  error: ExtendedError | undefined,
  options: Uint8Array | undefined,
): number {
  out[at] = 0;
  out[at + 1] = TYPE.OPT >> 8;
  out[at + 2] = TYPE.OPT & 0xff;
  out[at + 3] = udpSize >> 8;
  out[at + 4] = udpSize & 0xff;
  out[at + 5] = extendedRcode;
  out[at + 6] = 0;
  out[at + 7] = dnssecOk ? 0x80 : 0;
  out[at + 8] = 0;
  let end = at + OPT_LENGTH;
  if (error !== undefined) {
    const text = error.text === '' ? NO_TEXT : cutText(error.text);
    out.writeUInt16BE(EDE_OPTION, end);
    out.writeUInt16BE(2 + text.length, end + 2);
    out.writeUInt16BE(error.code, end + 4);
    text.copy(out, end + 6);
    end += 6 + text.length;
  }
  if (options !== undefined) {
    out.set(options, end);
    end += options.length;
  }
  out[at + 9] = (end - at - OPT_LENGTH) >> 8;
  out[at + 10] = (end - at - OPT_LENGTH) & 0xff;
  return end;
}

/** Appends RRsets with compressed names (RFC 1035 section 4.1.4), each whole or not at all. */
class Writer {
  at: number;
  serialAt = 0;
  /** see {@link Encoded.rotating} */
  readonly rotating: Rotating[] = [];
  readonly #out: Buffer;
  readonly #limit: number;
  readonly #turn: number;
  readonly #questionKey: NameKey;
  /**
   * Where each name's suffixes stand; by exact spelling, so that compression changes no letter. The question is not
   * among them: a ready reply is given to questions of any spelling.
   */
  readonly #offsets = new Map<string, number>();

  constructor(out: Buffer, limit: number, at: number, question: DomainName, turn: number) {
    this.#out = out;
    this.#limit = limit;
    this.#turn = turn;
    this.at = at;
    this.#questionKey = keyOf(question);
  }

  /** @returns the number of records written; 0 when the RRset does not fit, and then nothing is changed */
  rrset({ name, rrset }: OwnedRRset): number {
    const start = this.at;
    const remembered = this.#offsets.size;
    const { rdatas } = rrset;
    const records = rdatas.length;
    const isRotating = rrset.rotates === true && records > 1;
    const first = isRotating ? this.#turn % records : 0;
    const isQuestion = keyOf(name) === this.#questionKey;
    const names = compressibleNames(rrset.type);
    const starts: number[] = [];
    let ownerLength = 0;
    for (let i = 0; i < records; i++) {
      const ownerAt = this.at;
      // an owner equal to the question carries the question's spelling (contract 1.2)
      if (isQuestion) this.#pointer(HEADER_LENGTH);
      else this.#name(name);
      if (isRotating) starts.push(this.at);
      ownerLength = this.at - ownerAt;
      this.#record(rrset, rdatas[(first + i) % records] as string, names);
      if (this.at <= this.#limit) continue;
      this.at = start;
      this.#forget(remembered);
      return 0;
    }
    if (isRotating) this.rotating.push({ starts: [...starts, this.at], ownerLength });
    return records;
  }

  #record(rrset: RRset, rdata: string, names: NameLayout | undefined): void {
    const head = this.at;
    this.at += 10;
    this.#out.writeUInt16BE(rrset.type, head);
    this.#out.writeUInt16BE(CLASS_IN, head + 2);
    this.#out.writeUInt32BE(rrset.ttl, head + 4);
    if (names === undefined) {
      this.#raw(rdata);
    } else {
      let from = names.before;
      this.#raw(rdata.slice(0, from));
      for (let i = 0; i < names.count; i++) {
        const end = endOfName(rdata, from);
        this.#name(rdata.slice(from, end) as DomainName);
        from = end;
      }
      this.#raw(rdata.slice(from));
      if (rrset.type === TYPE.SOA) this.serialAt = this.at - SOA_NUMBERS;
    }
    this.#out.writeUInt16BE(this.at - head - 10, head + 8);
  }

  #name(name: DomainName): void {
    for (let at = 0; at < name.length; ) {
      const length = name.charCodeAt(at);
      if (length === 0) {
        this.#out[this.at++] = 0;
        return;
      }
      const suffix = name.slice(at);
      const offset = this.#offsets.get(suffix);
      if (offset !== undefined) {
        this.#pointer(offset);
        return;
      }
      if (this.at <= MAX_POINTER) this.#offsets.set(suffix, this.at);
      this.#raw(name.slice(at, at + length + 1));
      at += length + 1;
    }
  }

  #pointer(offset: number): void {
    this.#out.writeUInt16BE(0xc000 | offset, this.at);
    this.at += 2;
  }

  #raw(octets: string): void {
    this.at += this.#out.write(octets, this.at, 'latin1');
  }

  #forget(keep: number): void {
    for (const suffix of [...this.#offsets.keys()].slice(keep)) this.#offsets.delete(suffix);
  }
}

function endOfName(rdata: string, start: number): number {
  let at = start;
  while (rdata.charCodeAt(at) > 0) at += rdata.charCodeAt(at) + 1;
  return at + 1;
}
