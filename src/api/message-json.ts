import { toText } from '../name/domain-name.ts';
import { FLAG, rcodeText } from '../wire/message.ts';
import { readMessage } from '../wire/read-message.ts';
import { recordText } from '../zone/record-text.ts';
import { typeText } from '../zone/types.ts';

/** A reply for people: records in presentation form. */
export interface MessageJson {
  readonly question: string;
  readonly type: string;
  readonly rcode: string;
  readonly rcodeNumber: number;
  readonly authoritative: boolean;
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  /** extended errors (RFC 8914) */
  readonly errors: readonly string[];
}

export function messageJson(octets: Buffer): MessageJson {
  const message = readMessage(octets);
  if (message === undefined) throw new Error('not a DNS message');
  return {
    question: message.question === undefined ? '' : toText(message.question.name),
    type: message.question === undefined ? '' : typeText(message.question.type),
    rcode: rcodeText(message.rcode),
    rcodeNumber: message.rcode,
    authoritative: (message.flags & FLAG.AA) !== 0,
    answer: message.answer.map(recordText),
    authority: message.authority.map(recordText),
    additional: message.additional.map(recordText),
    errors: message.errors.map(({ code, text }) => `${code}${text === '' ? '' : `: ${text}`}`),
  };
}
