/** dns2 as an independent witness: every reply that a test sees is read by it too, and both readings must agree. */
import assert from 'node:assert/strict';
import DNS from 'dns2';
import { addressText } from '../../src/name/address.ts';
import { type DomainName, labelsOf } from '../../src/name/domain-name.ts';
import { type Octets, octets, readU16, readU32 } from '../../src/name/octets.ts';
import { FLAG } from '../../src/wire/message.ts';
import type { ReadMessage } from '../../src/wire/read-message.ts';
import type { ResourceRecord } from '../../src/zone/record.ts';
import { TYPE } from '../../src/zone/types.ts';

/** Throws when dns2 reads anything else in the octets than `message` says. */
export function assertWitnessed(reply: Buffer, message: ReadMessage): void {
  const packet = DNS.Packet.parse(reply);
  const { header } = packet;
  assert.deepEqual(packet.errors, [], 'dns2 could not read the reply');
  assert.equal(header.id, message.id);
  assert.equal(header.qr, 1, 'dns2: a reply');
  assert.equal(header.aa === 1, (message.flags & FLAG.AA) !== 0, 'dns2: AA');
  assert.equal(header.tc === 1, (message.flags & FLAG.TC) !== 0, 'dns2: TC');
  assert.equal(header.rcode, message.rcode, 'dns2: rcode');
  assert.equal(packet.questions[0]?.name, dotted(message.question?.name), 'dns2: question');
  const plain = (section: readonly unknown[]) => section.map((resource) => witnessed(resource as Resource));
  const additionals = packet.additionals.filter(({ type }) => type !== TYPE.OPT);
  assert.deepEqual(plain(packet.answers), message.answer.map(expected), 'dns2: answer');
  assert.deepEqual(plain(packet.authorities), message.authority.map(expected), 'dns2: authority');
  assert.deepEqual(plain(additionals), message.additional.map(expected), 'dns2: additional');
}

/** The fields that dns2 fills in, whatever the type. */
type Resource = Readonly<Record<string, unknown>> & { readonly type: number };

/** dns2 joins labels by dots whatever is in them. */
function dotted(name: DomainName | undefined): string | undefined {
  return name === undefined ? undefined : labelsOf(name).join('.');
}

function witnessed(resource: Resource): readonly unknown[] {
  const { name, type, ttl } = resource;
  const known = type in DATA ? (FIELDS[type] ?? []).map((field) => resource[field]) : [];
  return [name, type, ttl, ...known];
}

const FIELDS: Readonly<Record<number, readonly string[]>> = {
  [TYPE.A]: ['address'],
  [TYPE.AAAA]: ['address'],
  [TYPE.NS]: ['ns'],
  [TYPE.CNAME]: ['domain'],
  [TYPE.PTR]: ['domain'],
  [TYPE.SRV]: ['priority', 'weight', 'port', 'target'],
  [TYPE.TXT]: ['data'],
  [TYPE.MX]: ['priority', 'exchange'],
  [TYPE.SOA]: ['primary', 'admin', 'serial', 'refresh', 'retry', 'expiration', 'minimum'],
};

const DATA: Readonly<Record<number, (rdata: Octets) => readonly unknown[]>> = {
  [TYPE.A]: (rdata) => [addressText(rdata as Parameters<typeof addressText>[0])],
  [TYPE.AAAA]: (rdata) => [addressText(rdata as Parameters<typeof addressText>[0])],
  [TYPE.NS]: (rdata) => [dotted(rdata as string as DomainName)],
  [TYPE.CNAME]: (rdata) => [dotted(rdata as string as DomainName)],
  [TYPE.PTR]: (rdata) => [dotted(rdata as string as DomainName)],
  [TYPE.SRV]: (rdata) => [
    readU16(rdata, 0),
    readU16(rdata, 2),
    readU16(rdata, 4),
    dotted(rdata.slice(6) as DomainName),
  ],
  [TYPE.MX]: (rdata) => [readU16(rdata, 0), dotted(rdata.slice(2) as DomainName)],
  [TYPE.TXT]: (rdata) => [stringsOf(rdata)],
  [TYPE.SOA]: (rdata) => {
    const names = rdata.slice(0, -20);
    const primary = labelsOf(names as DomainName);
    const first = primary.reduce((sum, label) => sum + label.length + 1, 1);
    const numbers = octets(rdata.slice(-20));
    return [
      primary.join('.'),
      dotted(names.slice(first) as DomainName),
      ...[0, 4, 8, 12, 16].map((at) => readU32(numbers, at)),
    ];
  },
};

function expected({ name, type, ttl, rdata }: ResourceRecord): readonly unknown[] {
  return [dotted(name), type, ttl, ...(DATA[type]?.(rdata) ?? [])];
}

function stringsOf(rdata: Octets): string[] {
  const strings: string[] = [];
  for (let at = 0; at < rdata.length; at += rdata.charCodeAt(at) + 1) {
    strings.push(Buffer.from(rdata.slice(at + 1, at + 1 + rdata.charCodeAt(at)), 'latin1').toString('utf8'));
  }
  return strings;
}
