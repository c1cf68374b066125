import type { ExtendedError } from '../answer/answer.ts';
import { MAX_NAME } from '../name/domain-name.ts';
import type { ReplyHead } from '../wire/encode.ts';
import { HEADER_LENGTH } from '../wire/message.ts';
import { MAX_LABELS } from '../zone/name-hash.ts';
import type { LiveZone } from '../zone/zone-data.ts';
import type { Client } from './client.ts';
import type { Listener } from './listener.ts';

/** Octets that a reply over TCP may have (RFC 1035 section 4.2.2). */
export const MAX_TCP = 65535;
const NOBODY: Client = { address: '', port: 0, family: 'IPv4' };
const NOTHING = Buffer.alloc(0);

/**
 * One query on its way through the stages, and its reply: numbers and octets. There is one for a handler, used again for
 * each query, so that a query leaves nothing behind.
 */
export class Exchange implements ReplyHead {
  // what the transport hands in
  message: Buffer = NOTHING;
  /** octets of the query at the beginning of `message` */
  size = 0;
  /** for the reply, with room for the longest one of the transport; may be `message` itself */
  out: Buffer = NOTHING;
  listener!: Listener;
  client: Client = NOBODY;
  /** octets that a reply over this transport may have, whatever the client takes */
  max = 0;

  // what the stage `gate` reads
  id = 0;
  flags = 0;

  // what the stage `question` finds
  type = 0;
  class = 0;
  /** where the question section ends in the message */
  questionEnd = HEADER_LENGTH;
  /** octets of the name, the root's included */
  nameLength = 0;
  /** the name with A–Z lowered … */
  readonly lower = new Uint8Array(MAX_NAME + 1);
  /** … and where its labels begin, without the root */
  readonly starts = new Uint8Array(MAX_LABELS);
  labels = 0;
  hasEdns = false;
  ednsVersion = 0;
  dnssecOk = false;
  /** octets that the reply may have: what transport and client take, without the seats' own options */
  limit = 0;
  /** undefined: the name is in no zone of this server */
  zone: LiveZone | undefined;

  // the reply
  rcode = 0;
  authoritative = false;
  truncated = false;
  questions: 0 | 1 = 1;
  answers = 0;
  authorities = 0;
  additionals = 0;
  end = 0;
  error: ExtendedError | undefined;
  /** options of the reply's OPT that a seat has put there, in wire form */
  options: Uint8Array | undefined;

  begin(message: Buffer, size: number, out: Buffer, max: number, listener: Listener, client: Client): void {
    this.message = message;
    this.size = size;
    this.out = out;
    this.max = max;
    this.listener = listener;
    this.client = client;
    // until the question was read there is none
    this.questions = 0;
    this.questionEnd = HEADER_LENGTH;
    this.hasEdns = false;
    this.zone = undefined;
    this.options = undefined;
  }

  /** Says of the reply that it is nothing but this. */
  setRcode(rcode: number, error?: ExtendedError): void {
    this.rcode = rcode;
    this.error = error;
    this.authoritative = false;
    this.truncated = false;
    this.answers = 0;
    this.authorities = 0;
    this.additionals = 0;
    this.end = this.questionEnd;
  }
}
