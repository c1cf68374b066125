import { type DomainName, MAX_NAME } from '../name/domain-name.ts';
import { TYPE } from '../zone/types.ts';
import { type Decoded, type Edns, FLAG, HEADER_LENGTH, OPCODE_QUERY, RCODE } from './message.ts';

/**
 * Reads a query (RFC 1035 section 4). Nothing in the octets is believed: every length is checked against what is
 * there, and what is not a well-formed query becomes an error that says so.
 */
export function decodeQuery(message: Buffer): Decoded {
  if (message.length < HEADER_LENGTH) return { kind: 'drop' };
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  if ((flags & FLAG.QR) !== 0) return { kind: 'drop' };
  const error = (rcode: number, reason: string, edns = findEdns(message)): Decoded => {
    return { kind: 'error', id, flags, rcode, edns, reason };
  };
  if (((flags >> 11) & 15) !== OPCODE_QUERY) return error(RCODE.NOTIMP, 'opcode');
  if (message.readUInt16BE(4) !== 1) return error(RCODE.FORMERR, 'not one question');
  const nameEnd = endOfPlainName(message, HEADER_LENGTH);
  if (nameEnd === undefined || nameEnd + 4 > message.length) return error(RCODE.FORMERR, 'question');
  const questionEnd = nameEnd + 4;
  const { edns, problem } = readRecords(message, questionEnd);
  if (problem !== undefined) return error(RCODE.FORMERR, problem, edns);
  return {
    kind: 'query',
    query: {
      id,
      flags,
      name: message.toString('latin1', HEADER_LENGTH, nameEnd) as DomainName,
      type: message.readUInt16BE(nameEnd),
      class: message.readUInt16BE(nameEnd + 2),
      questionEnd,
      edns,
    },
  };
}

/** The OPT of what is no query of ours, such as an update: behind whatever stands in its first section. */
function findEdns(message: Buffer): Edns | undefined {
  let at = HEADER_LENGTH;
  for (let left = message.readUInt16BE(4); left > 0; left--) {
    const nameEnd = endOfAnyName(message, at);
    if (nameEnd === undefined || nameEnd + 4 > message.length) return undefined;
    at = nameEnd + 4;
  }
  return readRecords(message, at).edns;
}

/** The end of a name that may not be compressed: nothing stands in front of a question to point to. */
function endOfPlainName(message: Buffer, start: number): number | undefined {
  let at = start;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return undefined;
    at += length + 1;
    if (at - start > MAX_NAME) return undefined;
    if (length === 0) return at;
  }
}

interface ReadRecords {
  readonly edns: Edns | undefined;
  /** what is wrong; then `edns` is what was read until there */
  readonly problem: string | undefined;
}

/** Walks all records behind the question; the only one that a query needs is its OPT. */
function readRecords(message: Buffer, start: number): ReadRecords {
  const before = message.readUInt16BE(6) + message.readUInt16BE(8);
  const count = before + message.readUInt16BE(10);
  let at = start;
  let edns: Edns | undefined;
  for (let i = 0; i < count; i++) {
    const nameEnd = endOfAnyName(message, at);
    if (nameEnd === undefined || nameEnd + 10 > message.length) return { edns, problem: 'record cut' };
    const rdataEnd = nameEnd + 10 + message.readUInt16BE(nameEnd + 8);
    if (rdataEnd > message.length) return { edns, problem: 'RDATA cut' };
    if (message.readUInt16BE(nameEnd) === TYPE.OPT) {
      // one OPT, in the additional section, owned by the root (RFC 6891 section 6.1.1)
      if (edns !== undefined || i < before || nameEnd !== at + 1 || message[at] !== 0) {
        return { edns, problem: 'OPT' };
      }
      edns = {
        udpSize: Math.max(512, message.readUInt16BE(nameEnd + 2)),
        version: message.readUInt8(nameEnd + 5),
        dnssecOk: (message.readUInt8(nameEnd + 6) & 0x80) !== 0,
      };
      if (!optionsWellFormed(message, nameEnd + 10, rdataEnd)) return { edns, problem: 'EDNS options' };
    }
    at = rdataEnd;
  }
  return { edns, problem: at === message.length ? undefined : 'trailing octets' };
}

/** The end of a name where it stands; a pointer ends it, and must point backwards (RFC 1035 section 4.1.4). */
function endOfAnyName(message: Buffer, start: number): number | undefined {
  let at = start;
  for (;;) {
    const length = message[at];
    if (length === undefined || at - start > MAX_NAME) return undefined;
    if (length === 0) return at + 1;
    if (length >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined || (((length & 0x3f) << 8) | low) >= start) return undefined;
      return at + 2;
    }
    if (length > 63) return undefined;
    at += length + 1;
  }
}

function optionsWellFormed(message: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (at + 4 > end) return false;
    at += 4 + message.readUInt16BE(at + 2);
  }
  return at === end;
}
