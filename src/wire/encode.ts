import { type Answer, EXTENDED_ERROR, type ExtendedError, type OwnedRRset } from '../answer/answer.ts';
import { type DomainName, keyOf, type NameKey } from '../name/domain-name.ts';
import type { NameLayout } from '../zone/rdata/format.ts';
import { compressibleNames } from '../zone/rdata/formats.ts';
import type { RRset } from '../zone/record.ts';
import { SOA_NUMBERS } from '../zone/static-zone.ts';
import { TYPE } from '../zone/types.ts';
import { CLASS_IN, type Decoded, FLAG, HEADER_LENGTH, type Query, RCODE } from './message.ts';

const MAX_MESSAGE = 65535;
/** An OPT without options (RFC 6891 section 6.1.2). */
export const OPT_LENGTH = 11;
/** A full message, and behind it one record of the largest kind. */
export const SCRATCH_LENGTH = 2 * MAX_MESSAGE + 1024;
const EDE_OPTION = 15;
/** The opcode's bits in the flags. */
const OPCODE = 0x7800;
const MAX_EDE_TEXT = 200;
/** Offsets behind this do not fit a compression pointer. */
const MAX_POINTER = 0x3fff;

/** A reply as it was written, and what a ready reply must know of it. */
export interface Encoded {
  /** octets written */
  readonly length: number;
  readonly rcode: number;
  readonly truncated: boolean;
  /** whether nothing was left out, optional additionals included */
  readonly complete: boolean;
  /** where the OPT record begins; `length` without one */
  readonly optAt: number;
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
const OUTSIDE: ExtendedError = { code: EXTENDED_ERROR.notAuthoritative, text: '' };
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
 * Writes the reply to `query` into `out`.
 *
 * @param message the query's octets: the question comes back octet for octet
 * @param out at least {@link SCRATCH_LENGTH} octets: one record may be written beyond the limit before it is taken back
 * @param limit octets that the reply may have
 * @param udpSize what our own OPT says
 * @param turn with which of its records an RRset that rotates begins; any number
 */
export function encodeReply(
  out: Buffer,
  message: Buffer,
  query: Query,
  answer: Answer,
  limit: number,
  udpSize: number,
  turn = 0,
): Encoded {
  const sections = sectionsOf(answer);
  const error = query.edns === undefined ? undefined : sections.error;
  const errorText = error === undefined ? undefined : cutText(error.text);
  const optLength =
    query.edns === undefined ? 0 : OPT_LENGTH + (errorText === undefined ? 0 : 6 + errorText.length);
  message.copy(out, HEADER_LENGTH, HEADER_LENGTH, query.questionEnd);
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

  const optAt = writer.at;
  let length = optAt;
  if (query.edns !== undefined) {
    length = writeOpt(out, optAt, udpSize, 0, query.edns.dnssecOk, error?.code, errorText);
    counts[2] = (counts[2] ?? 0) + 1;
  }
  const flags =
    FLAG.QR |
    (query.flags & FLAG.RD) |
    (sections.authoritative ? FLAG.AA : 0) |
    (truncated ? FLAG.TC : 0) |
    sections.rcode;
  writeHeader(out, query.id, flags, 1, counts);
  return {
    length,
    rcode: sections.rcode,
    truncated,
    complete,
    optAt,
    serialAt: writer.serialAt,
    chainAt,
    chainRecords,
    neededAt,
    rotating: truncated ? [] : writer.rotating,
  };
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
 * A reply without question, for what could not be read (and for other opcodes: the opcode comes back). It has an OPT where
 * the query had one.
 */
export function encodeError(
  out: Buffer,
  { id, flags, rcode, edns }: Extract<Decoded, { kind: 'error' }>,
  udpSize: number,
): number {
  const counts = [0, 0, edns === undefined ? 0 : 1];
  writeHeader(out, id, FLAG.QR | (flags & (FLAG.RD | OPCODE)) | rcode, 0, counts);
  return edns === undefined ? HEADER_LENGTH : writeOpt(out, HEADER_LENGTH, udpSize, 0, edns.dnssecOk);
}

/** A reply of header, question and OPT that only carries an rcode, extended ones included. */
export function encodeRcode(
  out: Buffer,
  message: Buffer,
  query: Query,
  rcode: number,
  udpSize: number,
): number {
  message.copy(out, HEADER_LENGTH, HEADER_LENGTH, query.questionEnd);
  writeHeader(out, query.id, FLAG.QR | (query.flags & FLAG.RD) | (rcode & 15), 1, [0, 0, query.edns ? 1 : 0]);
  if (query.edns === undefined) return query.questionEnd;
  return writeOpt(out, query.questionEnd, udpSize, rcode >> 4, query.edns.dnssecOk);
}

function writeHeader(
  out: Buffer,
  id: number,
  flags: number,
  questions: number,
  counts: readonly number[],
): void {
  out.writeUInt16BE(id, 0);
  out.writeUInt16BE(flags, 2);
  out.writeUInt16BE(questions, 4);
  for (const [i, count] of counts.entries()) out.writeUInt16BE(count, 6 + 2 * i);
}

/** @returns where it ends */
export function writeOpt(
  out: Buffer,
  at: number,
  udpSize: number,
  extendedRcode: number,
  dnssecOk: boolean,
  errorCode?: number,
  errorText?: Buffer,
): number {
  out[at] = 0;
  out.writeUInt16BE(TYPE.OPT, at + 1);
  out.writeUInt16BE(udpSize, at + 3);
  out[at + 5] = extendedRcode;
  out[at + 6] = 0;
  out.writeUInt16BE(dnssecOk ? 0x8000 : 0, at + 7);
  if (errorCode === undefined || errorText === undefined) {
    out.writeUInt16BE(0, at + 9);
    return at + OPT_LENGTH;
  }
  out.writeUInt16BE(6 + errorText.length, at + 9);
  out.writeUInt16BE(EDE_OPTION, at + 11);
  out.writeUInt16BE(2 + errorText.length, at + 13);
  out.writeUInt16BE(errorCode, at + 15);
  errorText.copy(out, at + 17);
  return at + 17 + errorText.length;
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
