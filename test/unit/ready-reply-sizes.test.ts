/** A ready reply is the one that would be resolved for each client, whatever room it has and whoever asked before. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../src/zone/change.ts';
import { House, Line } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { unrotated } from '../support/rotation.ts';
import { sized } from '../support/size.ts';

const CONFIG = `
zone: rpc.test
answers: { maxRecords: 2048 }
registries: [{ kind: file, path: a }]
`;

const label = (letter: string) => letter.repeat(60);
/** `c0` leads over four aliases of 200 octets and more to where there is something, or nothing */
const chain = (to: string) =>
  [1, 2, 3, 4]
    .map((i) => {
      const of = (n: number) => `${to}${n}.${label('x')}.${label('y')}.${label('z')}`;
      return `${of(i)} CNAME ${i === 4 ? target(to) : of(i + 1)}\n`;
    })
    .join('');
const TARGETS: Readonly<Record<string, string>> = {
  p: '_endpoints.A.foo.com.svc.rpc.test.',
  q: 'missing.rpc.test.',
  r: 'Wide.foo.com.svc.rpc.test.',
  s: 'many',
  t: '_endpoints.Wide.foo.com.svc.rpc.test.',
  u: 'elsewhere.org.',
};
const target = (to: string): string => TARGETS[to] ?? '';
const many = Array.from({ length: 40 }, (_, i) => `many A 192.0.2.${i}\nmany TXT "${'t'.repeat(i)}"\n`).join(
  '',
);
const CORP = `$ORIGIN corp.test.
$TTL 60
@ SOA ns1 admin 1 3600 600 86400 30
@ NS ns1
ns1 A 192.0.2.1
d DNAME ${label('l')}.${label('m')}.rpc.test.
mx MX 1 many
mx MX 2 ${label('h')}.rpc.test.
${many}${Object.keys(TARGETS).map(chain).join('')}`;

const INTERFACES = [
  {
    name: 'com.foo.A',
    port: 1,
    endpoints: ['10.0.0.1:1', '10.0.0.2:1', '[fd00::1]:2', '[fd00::2]:2', '[fd00::3]:1', 'many.corp.test:9'],
  },
  {
    name: 'com.foo.Wide',
    port: 1,
    endpoints: Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}:1`),
  },
  ...Array.from({ length: 9 }, (_, i) => ({ name: `com.foo.B${i}`, port: 1, application: 'shop' })),
];

const aliases = Object.keys(TARGETS).flatMap((to) =>
  [1, 3, 4].map((i) => `${to}${i}.${label('x')}.${label('y')}.${label('z')}.corp.test.`),
);
const name = fc.constantFrom(
  ...aliases,
  ...aliases,
  `q.${label('k')}.${label('j')}.d.corp.test.`,
  'mx.corp.test.',
  'many.corp.test.',
  'nothing.corp.test.',
  '_endpoints.com.foo.A.rpc.test.',
  '_endpoints.A.foo.com.svc.rpc.test.',
  '_endpoints.com.foo.Wide.rpc.test.',
  '_dubbo._tcp.rpc.test.',
  'shop.app.rpc.test.',
);
const type = fc.constantFrom('A', 'AAAA', 'SRV', 'TXT', 'MX', 'SOA', 'ANY', 'PTR', 'CNAME');
const client = fc.record({
  transport: fc.constantFrom('udp', 'udp', 'udp', 'tcp'),
  bufsize: fc.oneof(fc.constantFrom(undefined, 512, 1232, 4096), fc.integer({ min: 500, max: 1300 })),
  dnssecOk: fc.boolean(),
});

async function open(udpSize: number): Promise<{ readonly house: House; readonly plain: Line }> {
  const early: Change[] = [];
  const house = await House.open({
    config: `${CONFIG}limits: { udpSize: ${udpSize} }\n`,
    zones: { z: CORP },
    alsoTell: (change) => void early.push(change),
  });
  await house.deliver(JSON.stringify({ interfaces: INTERFACES }));
  const plain = new Line(house.names, house.config.limits.udpSize);
  for (const change of early) plain.apply(change);
  return { house, plain };
}

suite('a ready reply', () => {
  test('is that of the client’s room, whoever asked before', async () => {
    const lines = [await open(1232), await open(4096)];
    fc.assert(
      fc.property(
        fc.nat(1),
        name,
        type,
        fc.array(client, { minLength: 2, maxLength: 8 }),
        (which, nameText, typeText, clients) => {
          const { house, plain } = lines[which] as (typeof lines)[number];
          house.line.ready.clear();
          for (const { transport, ...options } of clients) {
            const asked = parseQuestion(`${nameText} ${typeText}`);
            const query = queryOctets(asked.name, asked.type, options);
            plain.ready.clear();
            const expected = unrotated(plain.handle(query, transport as 'udp')).toString('hex');
            assert.equal(unrotated(house.line.handle(query, transport as 'udp')).toString('hex'), expected);
          }
        },
      ),
      { numRuns: sized('questions of several clients', 1000, 50_000) },
    );
  });
});
