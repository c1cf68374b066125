import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { readMessage } from '../../src/wire/read-message.ts';
import type { Change } from '../../src/zone/change.ts';
import { typeText } from '../../src/zone/types.ts';
import { House, Line } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { unrotated } from '../support/rotation.ts';
import { recordLine } from '../support/server.ts';
import { sized } from '../support/size.ts';

/*
 * A reply that is composed or held ready is the reply that would be resolved: three query lines are told the same random
 * changes and asked the same random questions; one composes and holds, one only holds, and one forgets before each question.
 */

const configOf = (answers: string) => `
zone: [rpc.test, other.test]
answers: { maxRecords: 3${answers} }
vips: { pools: ["198.51.100.0/28", "2001:db8::/124"], reuseAfter: 1h }
registries: [{ kind: file, path: a, forgetAfter: 1m }, { kind: file, path: b, required: false }]
`;

const CONFIGS = ['', '', ', style: flat', ', address: endpoints'].map(configOf);

const HEAD = '$TTL 60\n@ SOA ns1 admin 1 3600 600 86400 30\n@ NS ns1\nns1 A 192.0.2.1\n';

/** Static records that meet the names of registries in every way. */
const ZONES: readonly Readonly<Record<string, string>>[] = [
  {},
  { z: `$ORIGIN rpc.test.\n${HEAD}* A 192.0.2.9\n*.com.svc TXT w\ncom.foo.A TXT mine\n` },
  {
    z: `$ORIGIN rpc.test.\n${HEAD}foo.A NS ns.elsewhere.\nB-x DNAME A\nalias CNAME com.foo.A\nx.app A 192.0.2.8\n`,
  },
  {
    z: `$ORIGIN corp.test.\n${HEAD}a CNAME com.foo.A.rpc.test.\nb CNAME com.foo.A.other.test.\n*.w CNAME A.foo.com.svc.rpc.test.\n`,
    // a zone within a zone, and an SOA that names what structured domains end in
    x: '$ORIGIN foo.svc.rpc.test.\n@ 60 SOA ns. admin. 1 1 1 1 9\n@ 60 NS ns.\nA 60 A 192.0.2.4\n',
    w: '$ORIGIN other.test.\n@ 60 SOA master.svc admin.svc 1 1 1 1 9\n@ 60 NS ns.\ncom.foo 60 TXT below\n',
    y: '$ORIGIN 100.51.198.in-addr.arpa.\n@ 60 SOA ns. admin. 1 1 1 1 1\n@ 60 NS ns.\n3 60 PTR static.\n',
  },
];

/** Records of every kind, in a zone that is nothing but its file. */
const PLAIN = `$ORIGIN plain.test.
${HEAD}many 9 A 192.0.2.1
many 7 A 192.0.2.2
many AAAA 2001:db8::1
text TXT "a" "b"
text TXT c
mail MX 5 many
mail MX 9 elsewhere.test.
web HTTPS 1 . alpn=h2
alias CNAME many
deep.er.still CAA 0 issue "x"
wide TXT ${Array.from({ length: 6 }, (_, i) => `"${`${i}`.repeat(200)}"`).join(' ')}
`;

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);

const interfaceName = pick(
  'com.foo.A',
  'com.foo.a',
  'foo.A',
  'A',
  'com.foo.B_x',
  'com.foo.B-x',
  'ver-1.A',
  'x.app',
  'foo.com.svc',
  '_dubbo._tcp',
);

const registration = fc.record({
  name: interfaceName,
  version: pick('', '1', '1.0', '1-0'),
  group: pick('', 'g', 'G'),
  application: pick('', 'x', 'y'),
  protocol: pick('dubbo', 'tri'),
  port: pick(undefined, 1, 2),
  vip: pick(undefined, undefined, undefined, '198.51.100.5', '192.0.2.77'),
  ttl: pick(undefined, undefined, 9),
  endpoints: fc.subarray([
    '10.0.0.1:1',
    '10.0.0.2:1',
    '10.0.0.3:1',
    '10.0.0.4:2',
    '[fd00::1]:1',
    'host.test:1',
  ]),
});

const document = fc
  .uniqueArray(registration, {
    maxLength: 8,
    selector: ({ name, version, group }) => `${group}/${name}:${version}`,
  })
  // JSON is YAML, and leaves out what is undefined
  .map((interfaces) => JSON.stringify({ interfaces }));

const question = fc
  .record({
    below: pick(
      '',
      '',
      '',
      'ver-1.',
      'grp-g.',
      'ver-1-0.',
      'ver-1.grp-g.',
      '_dubbo._tcp.',
      '_tri._tcp.ver-1.',
      '_endpoints.',
      '_tcp.',
      '10-0-0-1._endpoints.',
      'missing.',
      '_endpoints.ver-1.',
    ),
    base: pick(
      'com.foo.A',
      'A.foo.com.svc',
      'foo.A',
      'A',
      'A.foo.svc',
      'A.svc',
      'com.foo.B_x',
      'com.foo.B-x',
      'B-x.foo.com.svc',
      'ver-1.A',
      'x.app',
      'y.app',
      'foo.com.svc',
      '_dubbo._tcp',
      '_services._dns-sd._udp',
      'com\\.foo\\.A._dubbo._tcp',
      'x',
      '',
    ),
    zone: pick('rpc.test.', 'rpc.test.', 'other.test.', 'corp.test.', 'nowhere.'),
    type: pick('A', 'A', 'A', 'AAAA', 'TXT', 'SRV', 'PTR', 'CNAME', 'SOA', 'ANY', 'NS', 'DS', 'TYPE65'),
    flags: pick('', '', '+noedns', '+norec', '+bufsize=512', '+bufsize=4096', '+dnssec'),
  })
  .map(
    ({ below, base, zone, type, flags }) =>
      `${below}${base}${base === '' ? '' : '.'}${zone} ${type} ${flags}`,
  );

const reverseQuestion = fc.nat(15).map((last) => `${last}.100.51.198.in-addr.arpa. PTR`);
const plainQuestion = fc
  .record({
    name: pick('many.', 'text.', 'mail.', 'web.', 'alias.', 'er.still.', 'wide.', 'none.', 'x.many.', ''),
    type: pick('A', 'AAAA', 'TXT', 'MX', 'HTTPS', 'CAA', 'CNAME', 'ANY', 'SOA', 'DS'),
    flags: pick('', '+noedns', '+bufsize=600', '+dnssec'),
  })
  .map(({ name, type, flags }) => `${name}plain.test. ${type} ${flags}`);
const corpQuestion = pick(
  'a.corp.test. A',
  'b.corp.test. AAAA',
  'q.w.corp.test. A',
  'alias.rpc.test. A',
  'u.v.B-x.rpc.test. A',
);

type Operation =
  | { readonly kind: 'deliver'; readonly registry: number; readonly document: string }
  | { readonly kind: 'zones'; readonly zones: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'ask'; readonly questions: readonly string[] };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), registry: pick(0, 0, 1), document }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('zones' as const), zones: fc.nat(ZONES.length - 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: pick(30_000, 60_000, 3_600_000) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      questions: fc.array(
        fc.oneof(
          { weight: 8, arbitrary: question },
          { weight: 1, arbitrary: reverseQuestion },
          { weight: 1, arbitrary: corpQuestion },
          { weight: 2, arbitrary: plainQuestion },
        ),
        { minLength: 5, maxLength: 25 },
      ),
    }),
  },
);

/** @param ask is handed the line that composes, one that only holds, and one that is to forget */
async function play(
  config: string,
  operations: readonly Operation[],
  ask: (composing: Line, holding: Line, plain: Line, text: string) => void,
): Promise<void> {
  let others: readonly [holding: Line, plain: Line] | undefined;
  const early: Change[] = [];
  const alsoTell = (change: Change) => {
    if (others === undefined) early.push(change);
    else for (const other of others) other.apply(change);
  };
  const house = await House.open({ config, alsoTell });
  const line = () => new Line(house.names, house.config.limits.udpSize, false);
  others = [line(), line()];
  for (const change of early) for (const other of others) other.apply(change);
  const asked = new Set<string>();
  for (const operation of operations) {
    if (operation.kind === 'deliver') await house.deliver(operation.document, operation.registry);
    else if (operation.kind === 'zones') await house.setZones({ ...ZONES[operation.zones], plain: PLAIN });
    else if (operation.kind === 'pass') await house.pass(operation.ms);
    else for (const text of operation.questions) asked.add(text);
    // whatever was asked before is asked again after each change: that is where an outdated reply would show
    for (const text of asked) ask(house.line, ...others, text);
  }
}

const operations = fc.array(operation, { minLength: 3, maxLength: 14 });

suite('a reply that is composed or held ready', () => {
  test('is octet for octet the one that would be resolved, after any changes', async () => {
    const numRuns = sized('histories of changes and questions', 150, 5000);
    let [composed, hits] = [0, 0];
    const ask = (composing: Line, holding: Line, plain: Line, text: string) => {
      const { name, type, transports, options } = parseQuestion(text);
      const query = queryOctets(name, type, options);
      for (const transport of transports) {
        plain.ready.clear();
        const expected = unrotated(plain.handle(query, transport)).toString('hex');
        for (const [how, line] of [
          ['composed', composing],
          ['composed or held', composing],
          ['first', holding],
          ['held', holding],
        ] as const) {
          const reply = unrotated(line.handle(query, transport)).toString('hex');
          assert.deepEqual({ how, text, transport, reply }, { how, text, transport, reply: expected });
        }
      }
    };
    const playAll = async (config: string, list: readonly Operation[]) => {
      const last: Line[] = [];
      await play(config, list, (...lines) => {
        last.splice(0, 2, lines[0], lines[1]);
        ask(...lines);
      });
      composed += last[0]?.counters.total('composed') ?? 0;
      hits += last[1]?.counters.total('readyHits') ?? 0;
    };
    await fc.assert(fc.asyncProperty(pick(...CONFIGS), operations, playAll), { numRuns });
    assert.ok(composed > 1000 && hits > 1000, `${composed} were composed, ${hits} held`);
  });

  test('says the same however the question was spelled before', async () => {
    const spell = (text: string, random: number) =>
      [...text].map((letter, i) => ((random >> (i % 24)) & 1 ? letter.toUpperCase() : letter)).join('');
    await fc.assert(
      fc.asyncProperty(
        pick(...CONFIGS),
        operations,
        fc.array(fc.nat(2 ** 24), { minLength: 7, maxLength: 7 }),
        (config, list, randoms) => {
          let turn = 0;
          return play(config, list, (composing, _holding, plain, text) => {
            const { name, type, options } = parseQuestion(text);
            const spelled = spell(name, randoms[turn++ % randoms.length] ?? 0);
            const query = queryOctets(spelled as typeof name, type, options);
            plain.ready.clear();
            const expected = told(plain.handle(query, 'tcp'));
            assert.deepEqual(told(composing.handle(query, 'tcp')), expected);
            assert.equal(composing.handle(query, 'tcp').toString('latin1', 12, 12 + name.length), spelled);
          });
        },
      ),
      { numRuns: sized('histories with random spelling', 60, 2000) },
    );
  });
});

/** A reply as text in which the spelling of names does not count. */
function told(octets: Buffer): readonly string[] {
  const message = readMessage(octets);
  assert.ok(message !== undefined);
  return [
    `${message.rcode} ${message.flags} ${typeText(message.question?.type ?? 0)}`,
    ...[message.answer, message.authority, message.additional].map((section) =>
      // their order may rotate
      section.map(recordLine).sort().join('\n').toLowerCase(),
    ),
  ];
}
