/** What the echo in C (`programs/echo.c`) makes of a query: a reply with the counts and the length of a real one. */
import type { QuestionSet } from './question-sets.ts';

const HEADER_LENGTH = 12;
/** Name (a pointer), type, class, TTL, RDLENGTH. */
const RECORD_HEAD_LENGTH = 12;
/** Its OPT record, without options: the end of what dnsperf asks with EDNS. */
const OPT = Buffer.from('00002904d0000000000000', 'hex');
const RCODES = { NOERROR: 0, NXDOMAIN: 3, REFUSED: 5 } as const;

/** The arguments behind its port. The records are those of the last name: every reply to that is a right one. */
export function echoArguments(set: QuestionSet): readonly string[] {
  const { catalogue, rcode, edns, type } = set;
  const name = catalogue.nameAt(catalogue.count - 1);
  const target = catalogue.targetAt(catalogue.count - 1);
  const zoneAt = HEADER_LENGTH + labels(name.slice(0, -catalogue.zone.length - 1)).length;
  const recordsAt = zoneAt + labels(catalogue.zone).length + 1 + 4;

  const answer: Buffer[] = [];
  if (rcode === 'NOERROR' && target !== undefined) {
    const below = labels(target.slice(0, -catalogue.zone.length - 1));
    answer.push(record(HEADER_LENGTH, 5, Buffer.concat([below, pointer(zoneAt)])));
  }
  if (rcode === 'NOERROR' && type === 'A') {
    const owner = target === undefined ? HEADER_LENGTH : recordsAt + RECORD_HEAD_LENGTH;
    answer.push(record(owner, 1, Buffer.from([247, 0, 0, 1])));
  }
  const authority: Buffer[] = [];
  if (rcode === 'NXDOMAIN' || type === 'AAAA') {
    const rdata = [labels('ns'), pointer(zoneAt), labels('hostmaster'), pointer(zoneAt), Buffer.alloc(20)];
    authority.push(record(zoneAt, 6, Buffer.concat(rdata)));
  }
  const additional = edns ? [OPT] : [];
  return [
    edns ? OPT.length : 0,
    RCODES[rcode],
    ...[answer, authority, additional].map((section) => section.length),
    Buffer.concat([...answer, ...authority, ...additional]).toString('hex'),
  ].map(String);
}

function record(owner: number, type: number, rdata: Buffer): Buffer {
  const head = Buffer.alloc(RECORD_HEAD_LENGTH);
  pointer(owner).copy(head);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(300, 6);
  head.writeUInt16BE(rdata.length, 10);
  return Buffer.concat([head, rdata]);
}

function pointer(offset: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16BE(0xc000 | offset);
  return octets;
}

function labels(name: string): Buffer {
  return Buffer.concat(
    name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
  );
}
