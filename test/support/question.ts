/** Questions in DNS notation (`NAME TYPE +tcp +bufsize=512 +noedns +norec +dnssec`) and as octets. */
import assert from 'node:assert/strict';
import { type DomainName, parseDomainName } from '../../src/name/domain-name.ts';
import { u8, u16 } from '../../src/name/octets.ts';
import { parseType, TYPE } from '../../src/zone/types.ts';

export interface QuestionOptions {
  readonly id?: number;
  /** octets that the client takes over UDP; undefined: no OPT */
  readonly bufsize?: number | undefined;
  readonly recursionDesired?: boolean;
  readonly dnssecOk?: boolean;
  readonly class?: number;
}

export interface Notation {
  readonly name: DomainName;
  readonly type: number;
  readonly transports: readonly ('udp' | 'tcp')[];
  readonly options: QuestionOptions;
}

const DEFAULT_BUFSIZE = 1232;

/** Reads a question; without +udp or +tcp it is asked over both. */
export function parseQuestion(text: string): Notation {
  const [nameText = '', typeText = 'A', ...flags] = text.trim().split(/\s+/);
  const name = parseDomainName(nameText);
  assert.ok(name.ok, `question '${text}': ${name.ok || name.reason}`);
  const type = parseType(typeText);
  assert.ok(type !== undefined, `question '${text}': no type '${typeText}'`);
  let transports: ('udp' | 'tcp')[] = ['udp', 'tcp'];
  let options: QuestionOptions = { bufsize: DEFAULT_BUFSIZE, recursionDesired: true };
  for (const flag of flags) {
    const [key, value] = flag.split('=');
    if (key === '+tcp') transports = ['tcp'];
    else if (key === '+udp') transports = ['udp'];
    else if (key === '+noedns') options = { ...options, bufsize: undefined };
    else if (key === '+bufsize') options = { ...options, bufsize: Number(value) };
    else if (key === '+norec') options = { ...options, recursionDesired: false };
    else if (key === '+dnssec') options = { ...options, dnssecOk: true };
    else assert.fail(`question '${text}': unknown flag ${flag}`);
  }
  return { name: name.value, type, transports, options };
}

/** The query as octets (RFC 1035 section 4.1, RFC 6891 section 6.1.2). */
export function queryOctets(name: DomainName, type: number, options: QuestionOptions = {}): Buffer {
  const { id = 0x1234, bufsize, recursionDesired = true, dnssecOk = false } = options;
  const header = u16(id) + u16(recursionDesired ? 0x0100 : 0) + u16(1) + u16(0) + u16(0);
  const opt =
    bufsize === undefined
      ? ''
      : u8(0) + u16(TYPE.OPT) + u16(bufsize) + u8(0) + u8(0) + u16(dnssecOk ? 0x8000 : 0) + u16(0);
  const question = name + u16(type) + u16(options.class ?? 1);
  return Buffer.from(header + u16(opt === '' ? 0 : 1) + question + opt, 'latin1');
}
