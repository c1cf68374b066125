import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Answer, EXTENDED_ERROR } from '../../src/answer/answer.ts';
import { type DomainName, keyOf, parseDomainName, prefixOf, ROOT } from '../../src/name/domain-name.ts';
import { octets, octetsOf, u8, u16, u32 } from '../../src/name/octets.ts';
import { decodeQuery } from '../../src/wire/decode.ts';
import { type Encoded, encodeSections, finishReply, SCRATCH_LENGTH } from '../../src/wire/encode.ts';
import { FLAG, type Query, RCODE } from '../../src/wire/message.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import type { RRset } from '../../src/zone/record.ts';
import { TYPE } from '../../src/zone/types.ts';
import { Line } from '../support/house.ts';
import { queryOctets } from '../support/question.ts';
import { sized } from '../support/size.ts';
import { assertWitnessed } from '../support/witness.ts';
import { nameOf } from './zone-fixtures.ts';

const QUESTION = nameOf('com.foo.A.rpc.test.');
const out = Buffer.alloc(SCRATCH_LENGTH);
/** A query line without any zone. */
const line = new Line({ style: 'cname', ttl: 5, maxRecords: 100, rotates: false, ptrZone: ROOT }, 1232);

/** The whole reply in {@link out}: the sections, and what all replies have. */
function encodeReply(
  message: Buffer,
  query: Query,
  answer: Answer,
  limit: number,
): Encoded & { readonly length: number } {
  const { id, flags, edns, questionEnd } = query;
  const hasEdns = edns !== undefined;
  message.copy(out, 0, 0, questionEnd);
  const encoded = encodeSections(out, { ...query, hasEdns }, answer, limit);
  const [answers, authorities, additionals] = encoded.counts;
  const dnssecOk = edns?.dnssecOk ?? false;
  const head = {
    ...encoded,
    id,
    flags,
    hasEdns,
    dnssecOk,
    questions: 1,
    answers,
    authorities,
    additionals,
  } as const;
  return { ...encoded, length: finishReply(out, head, 1232) };
}

/** A packet from its parts; counts as given, whatever is behind them. */
function packet(flags: number, counts: readonly number[], ...parts: string[]): Buffer {
  return Buffer.from(u16(7) + u16(flags) + counts.map(u16).join('') + parts.join(''), 'latin1');
}

const ask = (name: string = QUESTION, type: number = TYPE.A) => name + u16(type) + u16(1);
const record = (name: string, type: number, ttl: number, rdata: string, rdlength = rdata.length) =>
  name + u16(type) + u16(1) + u32(ttl) + u16(rdlength) + rdata;
const opt = (rdata = '', ttl = 0, size = 1232, rdlength = rdata.length) =>
  u8(0) + u16(TYPE.OPT) + u16(size) + u32(ttl) + u16(rdlength) + rdata;
const option = (code: number, data: string, length = data.length) => u16(code) + u16(length) + data;

/** What becomes of a packet, in a word. */
function verdict(message: Buffer): string {
  const decoded = decodeQuery(message);
  return decoded.kind === 'error' ? `${decoded.rcode} ${decoded.reason}` : decoded.kind;
}

const LONG = (prefixOf('a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(61)) ?? '') + ROOT;

const PACKETS: readonly (readonly [title: string, message: Buffer, verdict: string])[] = [
  ['a plain query', packet(0x0100, [1, 0, 0, 0], ask()), 'query'],
  ['the root', packet(0, [1, 0, 0, 0], ask(ROOT, TYPE.NS)), 'query'],
  ['a name of 255 octets', packet(0, [1, 0, 0, 0], ask(LONG)), 'query'],
  ['an unknown type', packet(0, [1, 0, 0, 0], ask(QUESTION, 65280)), 'query'],
  ['class ANY', packet(0, [1, 0, 0, 0], QUESTION + u16(1) + u16(255)), 'query'],
  ['with OPT', packet(0, [1, 0, 0, 1], ask(), opt()), 'query'],
  ['with DO', packet(0, [1, 0, 0, 1], ask(), opt('', 0x8000)), 'query'],
  ['EDNS version 1', packet(0, [1, 0, 0, 1], ask(), opt('', 0x10000)), 'query'],
  ['a cookie', packet(0, [1, 0, 0, 1], ask(), opt(option(10, '12345678'))), 'query'],
  ['several options', packet(0, [1, 0, 0, 1], ask(), opt(option(3, '') + option(65001, 'x'))), 'query'],
  [
    'a TSIG-like record behind the OPT',
    packet(0, [1, 0, 0, 2], ask(), opt(), record(QUESTION, 250, 0, 'sig')),
    'query',
  ],
  [
    'an answer in the query',
    packet(0, [1, 1, 0, 0], ask(), record('\xc0\x0c', TYPE.A, 5, '\x7f\0\0\x01')),
    'query',
  ],
  ['a response', packet(0x8000, [1, 0, 0, 0], ask()), 'drop'],
  ['opcode NOTIFY', packet(0x2000, [1, 0, 0, 0], ask()), '4 opcode'],
  ['opcode UPDATE', packet(0x2800, [1, 0, 0, 0], ask()), '4 opcode'],
  ['no question', packet(0, [0, 0, 0, 0]), '1 not one question'],
  ['two questions', packet(0, [2, 0, 0, 0], ask(), ask()), '1 not one question'],
  ['a pointer in the question', packet(0, [1, 0, 0, 0], `\xc0\x0c${u16(1)}${u16(1)}`), '1 question'],
  ['a label of 64 octets', packet(0, [1, 0, 0, 0], ask(`\x40${'a'.repeat(64)}\0`)), '1 question'],
  ['a name of 256 octets', packet(0, [1, 0, 0, 0], ask(`\x01z${LONG.slice(0, -2)}d\0`)), '1 question'],
  ['a record that is announced but missing', packet(0, [1, 0, 0, 1], ask()), '1 record cut'],
  [
    'RDATA that is announced but missing',
    packet(0, [1, 0, 0, 1], ask(), record('\0', 1, 0, 'abc', 9)),
    '1 RDATA cut',
  ],
  ['two OPTs', packet(0, [1, 0, 0, 2], ask(), opt(), opt()), '1 OPT'],
  ['an OPT with a name', packet(0, [1, 0, 0, 1], ask(), record(QUESTION, TYPE.OPT, 0, '')), '1 OPT'],
  [
    'an OPT with a pointer to the root',
    packet(0, [1, 0, 0, 1], ask(), record('\xc0\x1e', TYPE.OPT, 0, '')),
    '1 OPT',
  ],
  ['an OPT in the answer section', packet(0, [1, 1, 0, 0], ask(), opt()), '1 OPT'],
  [
    'an option longer than the OPT',
    packet(0, [1, 0, 0, 1], ask(), opt(option(10, 'x', 5))),
    '1 EDNS options',
  ],
  ['half an option', packet(0, [1, 0, 0, 1], ask(), opt('\0\x0a\0')), '1 EDNS options'],
  [
    'an owner that points forwards',
    packet(0, [1, 0, 0, 1], ask(), record('\xc0\xff', 1, 0, '')),
    '1 record cut',
  ],
  [
    'an owner that points at itself',
    packet(0, [1, 0, 0, 1], ask(), record(`\xc0${u8(12 + ask().length)}`, 1, 0, '')),
    '1 record cut',
  ],
  ['an octet too many', packet(0, [1, 0, 0, 0], ask(), '\0'), '1 trailing octets'],
  ['a header alone', packet(0, [1, 0, 0, 0]), '1 question'],
];

suite('what a packet is taken for', () => {
  for (const [title, message, expected] of PACKETS)
    test(title, () => assert.equal(verdict(message), expected));

  test('every packet one octet short and one octet long is something else, and nothing throws', () => {
    for (const [title, message, expected] of PACKETS) {
      const short = verdict(message.subarray(0, -1));
      const long = verdict(Buffer.concat([message, Buffer.from([0])]));
      if (expected === 'query') assert.notEqual(short, 'query', `${title}, short`);
      if (expected === 'query') assert.equal(long, '1 trailing octets', `${title}, long`);
      if (expected === 'drop') assert.deepEqual([short, long], ['drop', 'drop'], title);
    }
  });

  test('every prefix of every good packet is dropped or refused', () => {
    for (const [title, message] of PACKETS.filter(([, , expected]) => expected === 'query')) {
      for (let length = 0; length < message.length; length++) {
        const found = verdict(message.subarray(0, length));
        if (length < 12) assert.equal(found, 'drop', title);
        else assert.notEqual(found, 'query', `${title}, ${length} octets`);
      }
    }
  });

  test('a packet with any octet changed gives a verdict and a reply that can be read', () => {
    const cases = fc.tuple(
      fc.constantFrom(...PACKETS),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    );
    fc.assert(
      fc.property(cases, ([[, message], changes]) => {
        const changed = Buffer.from(message);
        for (const [at, octet] of changes) changed[at % changed.length] = octet;
        const decoded = decodeQuery(changed);
        if (decoded.kind === 'error') {
          const octets = line.handle(changed, 'udp');
          const reply = readMessage(octets);
          const expected = [decoded.edns === undefined ? 12 : 23, decoded.rcode, changed.readUInt16BE(0)];
          assert.deepEqual([octets.length, reply?.rcode, reply?.id], expected);
        } else if (decoded.kind === 'query') {
          const reply = readMessage(line.handle(changed, 'udp'));
          const { type, edns } = decoded.query;
          const isOpt = type === TYPE.OPT && decoded.query.class === 1;
          const rcode = isOpt ? RCODE.FORMERR : RCODE.REFUSED;
          assert.equal(reply?.rcode, (edns?.version ?? 0) > 0 ? RCODE.BADVERS : rcode);
          assert.deepEqual(reply?.question, { name: decoded.query.name, type });
        } else {
          assert.equal(line.handle(changed, 'udp').length, 0);
        }
      }),
      { numRuns: sized('changed packets', 5000, 500_000) },
    );
  });

  test('any octets at all', () => {
    const anything = fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(anything, (message) => {
        verdict(message);
        readMessage(message);
      }),
      { numRuns: sized('packets of any octets', 5000, 500_000) },
    );
  });

  test('the question’s letters, the size and DO are read', () => {
    const name = 'cOm.Foo.A.rpc.test.';
    const decoded = decodeQuery(
      queryOctets(nameOf(name), TYPE.AAAA, { id: 99, bufsize: 100, dnssecOk: true }),
    );
    assert.ok(decoded.kind === 'query');
    const { query } = decoded;
    assert.deepEqual([query.id, query.name, query.type], [99, nameOf(name), TYPE.AAAA]);
    assert.deepEqual(query.edns, { udpSize: 512, version: 0, dnssecOk: true }, 'below 512 counts as 512');
  });
});

suite('a reply to what is refused has an OPT where the query had one that could be read', () => {
  const reply = (message: Buffer): string => {
    assert.equal(decodeQuery(message).kind, 'error');
    return line.handle(message, 'udp').toString('hex');
  };
  const OPT = '000029 04d0 00 00 0000 0000'.replaceAll(' ', '');
  const OPT_DO = '000029 04d0 00 00 8000 0000'.replaceAll(' ', '');
  const header = (flags: string, additional = 1) => `0007${flags}000000000000000${additional}`;
  const update = record('\xc0\x0c', TYPE.A, 5, '\x7f\0\0\x01');
  const cases: readonly (readonly [title: string, message: Buffer, reply: string])[] = [
    ['NOTIFY', packet(0x2000, [1, 0, 0, 1], ask(), opt()), header('a004') + OPT],
    ['NOTIFY with DO', packet(0x2000, [1, 0, 0, 1], ask(), opt('', 0x8000)), header('a004') + OPT_DO],
    ['UPDATE', packet(0x2800, [1, 0, 1, 1], ask(QUESTION, TYPE.SOA), update, opt()), header('a804') + OPT],
    ['UPDATE without OPT', packet(0x2800, [1, 0, 1, 0], ask(), update), header('a804', 0)],
    ['STATUS without question', packet(0x1100, [0, 0, 0, 1], opt()), header('9104') + OPT],
    ['no question', packet(0x0100, [0, 0, 0, 1], opt()), header('8101') + OPT],
    ['two questions', packet(0, [2, 0, 0, 1], ask(), ask(), opt()), header('8001') + OPT],
    ['two OPTs', packet(0, [1, 0, 0, 2], ask(), opt(), opt()), header('8001') + OPT],
    ['an OPT in the answer', packet(0, [1, 1, 0, 0], ask(), opt()), header('8001', 0)],
    ['a bad option', packet(0, [1, 0, 0, 1], ask(), opt(option(10, 'x', 5))), header('8001') + OPT],
    ['an octet too many', packet(0, [1, 0, 0, 1], ask(), opt(), '\0'), header('8001') + OPT],
    ['an OPT that is cut', packet(0, [1, 0, 0, 1], ask(), opt().slice(0, -1)), header('8001', 0)],
    ['more questions than octets', packet(0x2000, [65535, 0, 0, 1], ask(), opt()), header('a004', 0)],
  ];
  for (const [title, message, expected] of cases) test(title, () => assert.equal(reply(message), expected));
});

test('a name outside all zones is refused with extended error 20, and a version of EDNS that nobody knows with BADVERS', () => {
  const refused = (message: Buffer) => line.handle(message, 'udp');
  const withOpt = packet(0x0100, [1, 0, 0, 1], ask(), opt());
  const reply = refused(withOpt);
  // QR RD REFUSED, the question, an OPT with option 15 of 2 octets: 20, without text (RFC 8914 section 2)
  const expected = `00078105${'0001000000000001'}${Buffer.from(ask(), 'latin1').toString('hex')}00002904d0000000000006000f00020014`;
  assert.equal(reply.toString('hex'), expected);
  assertWitnessed(reply, readMessage(reply) ?? assert.fail());
  const without = packet(0x0100, [1, 0, 0, 0], ask());
  assert.equal(refused(without).toString('hex'), `00078105${without.subarray(4).toString('hex')}`);
  const newer = packet(0, [1, 0, 0, 1], ask(), opt('', 0x10000));
  assert.ok(refused(newer).toString('hex').endsWith('00002904d0010000000000'));
});

/* Replies: written, then read by the client's reader and by dns2. */

const label = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9-]{1,12}$/),
  fc.uint8Array({ minLength: 1, maxLength: 63 }).map(octetsOf),
);
const suffix = fc.constantFrom('rpc.test.', 'RPC.test.', 'foo.com.svc.rpc.test.', '.');
const anyName = fc.tuple(fc.array(label, { maxLength: 3 }), suffix).map(([labels, below]) => {
  const parsed = parseDomainName(below);
  const whole = (prefixOf(...labels) ?? '') + (parsed.ok ? parsed.value : ROOT);
  return (whole.length <= 255 ? whole : ROOT) as DomainName;
});
const address = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(octetsOf);
const rrset: fc.Arbitrary<RRset> = fc
  .oneof(
    fc.record({
      type: fc.constant(TYPE.A),
      rdatas: fc.uniqueArray(address, { minLength: 1, maxLength: 30 }),
    }),
    fc.record({
      type: fc.constantFrom(TYPE.CNAME, TYPE.PTR, TYPE.NS),
      rdatas: fc.array(anyName, { minLength: 1, maxLength: 5 }),
    }),
    fc.record({
      type: fc.constant(TYPE.SRV),
      rdatas: fc.array(
        anyName.map((name) => octets(`\0\0\0\0\0\x07${name}`)),
        { minLength: 1, maxLength: 9 },
      ),
    }),
    fc.record({
      type: fc.constant(TYPE.MX),
      rdatas: fc.array(
        anyName.map((name) => octets(`\0\x0a${name}`)),
        { minLength: 1, maxLength: 5 },
      ),
    }),
    fc.record({
      type: fc.constant(TYPE.SOA),
      rdatas: fc.tuple(anyName, anyName).map(([a, b]) => [octets(a + b + 'x'.repeat(20))]),
    }),
    fc.record({
      type: fc.constant(65280),
      rdatas: fc.array(fc.uint8Array({ maxLength: 300 }).map(octetsOf), { minLength: 1, maxLength: 3 }),
    }),
  )
  .chain(({ type, rdatas }) => fc.nat(2 ** 31 - 1).map((ttl) => ({ type, ttl, rdatas: [...rdatas] })));
const owned = fc.record({ name: anyName, rrset });
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({
    kind: fc.constant('data' as const),
    chain: fc.array(owned, { maxLength: 3 }),
    rrset: fc.option(owned, { nil: undefined }),
    additional: fc.array(owned, { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constantFrom('nodata' as const, 'nxdomain' as const),
    chain: fc.array(owned, { maxLength: 2 }),
    soa: owned,
  }),
  fc.record({
    kind: fc.constant('referral' as const),
    chain: fc.constant([]),
    ns: owned,
    glue: fc.array(owned, { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('failure' as const),
    chain: fc.constant([]),
    error: fc.record({
      code: fc.constantFrom(...Object.values(EXTENDED_ERROR)),
      text: fc.string({ maxLength: 300, unit: 'grapheme-ascii' }),
    }),
  }),
);

/** Every record that an answer has, as texts in which names keep their letters but for the question's own. */
function recordsOf(value: Answer, question: DomainName): string[] {
  const all = [
    ...('chain' in value ? value.chain : []),
    ...(value.kind === 'data' && value.rrset !== undefined ? [value.rrset] : []),
    ...(value.kind === 'nodata' || value.kind === 'nxdomain' ? [value.soa] : []),
    ...(value.kind === 'referral' ? [value.ns, ...value.glue] : []),
    ...(value.kind === 'data' ? value.additional : []),
  ];
  return all.flatMap(({ name, rrset: { type, ttl, rdatas } }) => {
    const spelled = keyOf(name) === keyOf(question) ? question : name;
    return rdatas.map((rdata) => JSON.stringify([spelled, type, ttl, rdata]));
  });
}

suite('replies', () => {
  const queries = fc.record({
    name: anyName,
    bufsize: fc.constantFrom(undefined, 512, 1232),
    limit: fc.constantFrom(512, 1232, 65535),
  });

  test('whatever is written is read again, letter by letter, and stays within its limit', () => {
    fc.assert(
      fc.property(answer, queries, (value, { name, bufsize, limit }) => {
        const message = queryOctets(name, TYPE.A, { bufsize });
        const decoded = decodeQuery(message);
        assert.ok(decoded.kind === 'query');
        const encoded = encodeReply(message, decoded.query, value, limit);
        assert.ok(encoded.length <= limit, `${encoded.length} octets`);
        const reply = Buffer.from(out.subarray(0, encoded.length));
        const read = readMessage(reply);
        assert.ok(read !== undefined, 'it can be read');
        const found = [...read.answer, ...read.authority, ...read.additional].map(
          ({ name: of, type, ttl, rdata }) => JSON.stringify([of, type, ttl, rdata]),
        );
        const wanted = recordsOf(value, name);
        if (encoded.complete) assert.deepEqual(found.toSorted(), wanted.toSorted());
        else
          assert.ok(
            found.every((line) => wanted.includes(line)),
            'nothing is made up',
          );
        assert.equal((read.flags & FLAG.TC) !== 0, encoded.truncated);
        if (value.kind === 'failure' && bufsize !== undefined && limit > 512 + 300) {
          assert.deepEqual(read.errors, [{ code: value.error.code, text: value.error.text.slice(0, 200) }]);
        }
        assertWitnessed(reply, read);
      }),
      { numRuns: sized('replies', 1000, 50_000) },
    );
  });

  test('an RRset is there whole or not at all', () => {
    const rdatas = Array.from({ length: 100 }, (_, i) => octetsOf([10, 0, 0, i]));
    const value: Answer = {
      kind: 'data',
      chain: [],
      rrset: { name: QUESTION, rrset: { type: TYPE.A, ttl: 5, rdatas } },
      additional: [],
    };
    const message = queryOctets(QUESTION, TYPE.A, { bufsize: 1232 });
    const decoded = decodeQuery(message);
    assert.ok(decoded.kind === 'query');
    const full = encodeReply(message, decoded.query, value, 65535).length;
    assert.equal(full, message.length + 100 * 16);
    for (const [limit, records] of [
      [full, 100],
      [full - 1, 0],
      [512, 0],
    ] as const) {
      const { length, truncated } = encodeReply(message, decoded.query, value, limit);
      const read = readMessage(out.subarray(0, length));
      assert.deepEqual([read?.answer.length, truncated], [records, records === 0]);
      assert.equal(out.readUInt16BE(10), 1, 'OPT is kept');
    }
  });
});
