import { MAX_NAME } from '../../name/domain-name.ts';
import { LOWER } from '../../name/lower.ts';
import { decodeQuery } from '../../wire/decode.ts';
import { OPT_LENGTH, OUTSIDE } from '../../wire/encode.ts';
import { CLASS_IN, HEADER_LENGTH, RCODE } from '../../wire/message.ts';
import { isMetaType, TYPE } from '../../zone/types.ts';
import type { ZoneData } from '../../zone/zone-data.ts';
import type { Exchange } from '../exchange.ts';
import type { Seats, Verdict } from './seats.ts';

/** Octets that every client takes over UDP (RFC 1035 section 2.3.4). */
const MIN_UDP = 512;
const MAX_NAME_END = HEADER_LENGTH + MAX_NAME;

/** What is asked: reads the question and the OPT, finds the zone, and refuses what no zone can answer. */
export function question(exchange: Exchange, data: ZoneData, seats: Seats): Verdict {
  if (!readPlain(exchange)) {
    const verdict = readUnusual(exchange);
    if (verdict !== 'on') return verdict;
  }
  exchange.zone = data.zoneAt(exchange.lower, exchange.starts, exchange.labels, exchange.nameLength);
  if (seats.verify !== undefined) {
    const verdict = seats.verify(exchange);
    if (verdict !== 'on') return verdict;
  }
  if (seats.cookies !== undefined) {
    const verdict = seats.cookies(exchange);
    if (verdict !== 'on') return verdict;
  }
  return admit(exchange);
}

/** Whether a well-formed query is answered at all. */
function admit(exchange: Exchange): Verdict {
  const { type, zone } = exchange;
  if (exchange.hasEdns && exchange.ednsVersion > 0) exchange.setRcode(RCODE.BADVERS);
  // transfers and other questions about the protocol itself; ANY is an ordinary question here
  else if (exchange.class === CLASS_IN && type === TYPE.OPT) exchange.setRcode(RCODE.FORMERR);
  else if (zone === undefined) exchange.setRcode(RCODE.REFUSED, OUTSIDE);
  else if (exchange.class !== CLASS_IN || (isMetaType(type) && type !== TYPE.ANY))
    exchange.setRcode(RCODE.REFUSED);
  else return 'on';
  return 'reply';
}

/**
 * Reads what nearly all queries are: one question, nothing in answer and authority, at most an OPT of version 0 behind.
 *
 * @returns false where it is anything else, well-formed or not
 */
function readPlain(exchange: Exchange): boolean {
  const { message, size, out, lower, starts } = exchange;
  if (size < HEADER_LENGTH + 5 || ((message[2] as number) & 0xf8) !== 0) return false;
  if (message[4] !== 0 || message[5] !== 1 || message[6] !== 0 || message[7] !== 0) return false;
  if (message[8] !== 0 || message[9] !== 0 || message[10] !== 0 || (message[11] as number) > 1) return false;
  let at = HEADER_LENGTH;
  let labels = 0;
  for (;;) {
    const label = message[at] as number;
    if (label > 63 || at + label + 5 > size) return false;
    lower[at - HEADER_LENGTH] = label;
    if (label === 0) break;
    const end = at + label + 1;
    if (end >= MAX_NAME_END) return false;
    starts[labels++] = at - HEADER_LENGTH;
    for (at++; at < end; at++) lower[at - HEADER_LENGTH] = LOWER[message[at] as number] as number;
  }
  const nameEnd = at + 1;
  const questionEnd = nameEnd + 4;
  if (questionEnd > size) return false;
  const hasEdns = message[11] === 1;
  const udpSize = hasEdns ? plainOptSize(message, questionEnd, size) : MIN_UDP;
  if (hasEdns ? udpSize === 0 : questionEnd !== size) return false;
  exchange.type = ((message[nameEnd] as number) << 8) | (message[nameEnd + 1] as number);
  exchange.class = ((message[nameEnd + 2] as number) << 8) | (message[nameEnd + 3] as number);
  exchange.labels = labels;
  exchange.nameLength = nameEnd - HEADER_LENGTH;
  exchange.questionEnd = questionEnd;
  exchange.questions = 1;
  exchange.hasEdns = hasEdns;
  exchange.ednsVersion = 0;
  exchange.dnssecOk = hasEdns && ((message[questionEnd + 7] as number) & 0x80) !== 0;
  setLimit(exchange, udpSize);
  // the question comes back octet for octet
  if (out !== message) for (let i = HEADER_LENGTH; i < questionEnd; i++) out[i] = message[i] as number;
  return true;
}

/** @returns the client's UDP size when all that follows the question is one plain OPT; else 0 */
function plainOptSize(query: Buffer, at: number, length: number): number {
  if (at + OPT_LENGTH > length || query[at] !== 0 || query[at + 1] !== 0 || query[at + 2] !== TYPE.OPT)
    return 0;
  if (query[at + 5] !== 0 || query[at + 6] !== 0) return 0;
  const end = at + OPT_LENGTH + (((query[at + 9] as number) << 8) | (query[at + 10] as number));
  if (end !== length) return 0;
  for (let option = at + OPT_LENGTH; option < end; ) {
    if (option + 4 > end) return 0;
    option += 4 + (((query[option + 2] as number) << 8) | (query[option + 3] as number));
    if (option > end) return 0;
  }
  const size = ((query[at + 3] as number) << 8) | (query[at + 4] as number);
  return size < MIN_UDP ? MIN_UDP : size;
}

/** Reads anything, and refuses what is no query. */
function readUnusual(exchange: Exchange): Verdict {
  const { size, out, lower, starts } = exchange;
  const message = exchange.message.subarray(0, size);
  const decoded = decodeQuery(message);
  if (decoded.kind === 'drop') return 'drop';
  const { edns } = decoded.kind === 'query' ? decoded.query : decoded;
  exchange.hasEdns = edns !== undefined;
  exchange.ednsVersion = edns?.version ?? 0;
  exchange.dnssecOk = edns?.dnssecOk ?? false;
  setLimit(exchange, edns?.udpSize ?? MIN_UDP);
  if (decoded.kind === 'error') {
    // the header alone, and no question of which nobody knows where it ends
    exchange.questions = 0;
    exchange.questionEnd = HEADER_LENGTH;
    exchange.setRcode(decoded.rcode);
    return 'reply';
  }
  const { query } = decoded;
  exchange.questions = 1;
  exchange.type = query.type;
  exchange.class = query.class;
  exchange.questionEnd = query.questionEnd;
  exchange.nameLength = query.name.length;
  exchange.labels = 0;
  for (let at = 0; query.name.charCodeAt(at) > 0; at += query.name.charCodeAt(at) + 1)
    starts[exchange.labels++] = at;
  for (let i = 0; i < query.name.length; i++) lower[i] = LOWER[query.name.charCodeAt(i)] as number;
  message.copy(out, HEADER_LENGTH, HEADER_LENGTH, query.questionEnd);
  return 'on';
}

function setLimit(exchange: Exchange, udpSize: number): void {
  const { max, listener } = exchange;
  exchange.limit = listener.proto === 'udp' && udpSize < max ? udpSize : max;
}
