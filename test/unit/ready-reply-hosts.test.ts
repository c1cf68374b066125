/** The hosts of provider instances in a reply: what each would be told by itself, after any change of whatever has the name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readMessage } from '../../src/wire/read-message.ts';
import type { Change } from '../../src/zone/change.ts';
import { typeText } from '../../src/zone/types.ts';
import { House, Line } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { recordLine } from '../support/server.ts';
import { sized } from '../support/size.ts';

const configOf = (style: string, address: string) => `
zone: [rpc.test, other.test]
answers: { maxRecords: 4, style: ${style}, address: ${address} }
vips: { pools: ["198.51.100.0/28", "2001:db8::/124"], reuseAfter: 1h }
registries: [{ kind: file, path: a, forgetAfter: 0s, distrustFor: 0s }]
`;

const HEAD = '$TTL 60\n@ SOA ns1 admin 1 3600 600 86400 30\n@ NS ns1\nns1 A 192.0.2.1\n';
const RPC = `$ORIGIN rpc.test.\n${HEAD}`;
/** Static records that have hosts, take them from interfaces, or stand above or below them. */
const ZONES: readonly Readonly<Record<string, string>>[] = [
  {},
  { z: `$ORIGIN corp.test.\n${HEAD}a A 192.0.2.9\n` },
  { z: `$ORIGIN corp.test.\n${HEAD}a A 192.0.2.10\n*.w AAAA fd00::77\n` },
  { z: `${RPC}10-0-0-1._endpoints.A.foo.com.svc A 192.0.2.77\nhost A 192.0.2.5\n` },
  { z: `${RPC}x.10-0-0-1._endpoints.A.foo.com.svc A 192.0.2.77\nhost A 192.0.2.6\n` },
  { z: `${RPC}*._endpoints.A.foo.com.svc A 192.0.2.77\n* A 192.0.2.6\n` },
  { z: `${RPC}host CNAME ns1\nalias CNAME _endpoints.com.foo.A.other.test.\n` },
  {
    z: `$ORIGIN other.test.\n${HEAD}10-0-0-2._endpoints.A.foo.com.svc A 192.0.2.78\n`,
    y: `$ORIGIN sub.rpc.test.\n${HEAD}c A 192.0.2.45\n`,
  },
];

const registration = fc.record({
  name: fc.constantFrom(
    'com.foo.A',
    'com.foo.A',
    'com.foo.A',
    'com.foo.B',
    // below, at and above the names of instances of the first
    'com.foo.A._endpoints.10-0-0-1',
    'com.foo.A._endpoints.10-0-0-1.x',
    'com.foo.A._endpoints',
    '10-0-0-1._endpoints.A.foo.com.svc',
  ),
  version: fc.constantFrom('', '1'),
  application: fc.constantFrom('', 'x'),
  vip: fc.constantFrom(undefined, undefined, '198.51.100.5', '192.0.2.77'),
  port: fc.constantFrom(undefined, 1, 2),
  endpoints: fc.subarray([
    '10.0.0.1:1',
    '10.0.0.1:2',
    '10.0.0.2:1',
    '10.0.0.4:2',
    '[fd00::1]:1',
    'host.rpc.test:1',
    'Host.rpc.test:2',
    'com.foo.B.rpc.test:1',
    'B.foo.com.svc.rpc.test:1',
    'a.corp.test:1',
    'q.w.corp.test:2',
    'c.sub.rpc.test:2',
    'x.app.rpc.test:3',
  ]),
});

const document = fc
  .uniqueArray(registration, { maxLength: 6, selector: ({ name, version }) => `${name}:${version}` })
  .map((interfaces) => JSON.stringify({ interfaces }));

const change = fc.oneof(
  { weight: 4, arbitrary: document },
  { weight: 2, arbitrary: fc.constantFrom(...ZONES) },
);

const QUESTIONS = ['com.foo.A.rpc.test.', 'A.foo.com.svc.rpc.test.', 'ver-1.com.foo.A.other.test.'].flatMap(
  (name) => [
    `_endpoints.${name} SRV`,
    `_dubbo._tcp.${name} SRV`,
    `_endpoints.${name} ANY`,
    `_endpoints.${name} A`,
  ],
);

/** A reply without the order of its records, which may rotate. */
function told(octets: Buffer) {
  const message = readMessage(octets);
  assert.ok(message !== undefined, `unreadable: ${octets.toString('hex')}`);
  const { rcode, flags, answer, authority, additional } = message;
  const sections = [answer, authority, additional].map((section) => section.map(recordLine).sort());
  return { length: octets.length, rcode, flags, sections };
}

test('hosts are told as they would be if asked for, and no ready reply tells an older one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 2, maxLength: 8 }),
      fc.constantFrom('cname', 'flat'),
      fc.constantFrom('vip', 'endpoints'),
      async (changes, style, address) => {
        const early: Change[] = [];
        let plain: Line | undefined;
        const house = await House.open({
          config: configOf(style, address),
          alsoTell: (one) => (plain === undefined ? void early.push(one) : plain.apply(one)),
        });
        plain = new Line(house.names, house.config.limits.udpSize);
        for (const one of early) plain.apply(one);
        for (const one of changes) {
          if (typeof one === 'string') await house.deliver(one);
          else await house.setZones(one);
          for (const text of [...QUESTIONS, 'alias.rpc.test. SRV']) compare(house.line, plain, text);
        }
      },
    ),
    { numRuns: sized('histories of hosts', 40, 4000) },
  );
});

function compare(line: Line, plain: Line, text: string): void {
  const { name, type, options } = parseQuestion(text);
  const query = queryOctets(name, type, options);
  for (const transport of ['udp', 'tcp'] as const) {
    plain.ready.clear();
    const octets = plain.handle(query, transport);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(told(line.handle(query, transport)), told(octets), `${text} ${transport}`);
    }
    const additional = readMessage(octets)?.additional ?? [];
    const hosts = additional.filter((record) => typeText(record.type) !== 'OPT');
    const lines = hosts.map(recordLine).map((host) => host.toLowerCase());
    assert.equal(new Set(lines).size, lines.length, `${text}: one host twice`);
    for (const [i, host] of hosts.entries()) {
      const direct = readMessage(plain.handle(queryOctets(host.name, host.type, options), 'tcp'));
      const found = (direct?.answer ?? []).map(recordLine).map((answer) => answer.toLowerCase());
      assert.ok(found.includes(lines[i] ?? ''), `${text}: ${lines[i]}, but asked for it is ${found.join()}`);
    }
  }
}
