/** Answers of many records: what fits, in which order, and what they cost. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import { typeText } from '../../src/zone/types.ts';
import { House } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { recordLine } from '../support/server.ts';

const ZONE = 'zone: rpc.test\nregistries: [{ kind: file, path: a }]\n';
const TC = 2;

function instances(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:20880`);
}

async function houseWith(interfaces: readonly object[], answers = '', zones = {}): Promise<House> {
  const house = await House.open({ config: `${ZONE}answers: { ${answers} }\n`, zones });
  await house.deliver(JSON.stringify({ interfaces }));
  return house;
}

function ask(house: House, text: string, transport: 'udp' | 'tcp' = 'tcp'): Buffer {
  const { name, type, options } = parseQuestion(text);
  return house.line.handle(queryOctets(name, type, options), transport);
}

function answers(house: House, text: string, transport: 'udp' | 'tcp' = 'tcp'): string[] {
  return (readMessage(ask(house, text, transport))?.answer ?? []).map(recordLine);
}

function isTruncated(reply: Buffer): boolean {
  return ((reply[2] as number) & TC) !== 0;
}

suite('an RRset of many records', () => {
  test('has as many as a TCP message holds, however long the targets are; the rest is counted', async () => {
    const name = `com.${'longname.'.repeat(11)}Wide` as InterfaceName;
    const house = await houseWith([{ name, port: 1, endpoints: instances(600) }], 'maxRecords: 2048');
    const domain = house.events.feed.published(name)?.about;
    for (const question of [`_endpoints.${name}.rpc.test. SRV`, `_endpoints.${name}.rpc.test. SRV +noedns`]) {
      const reply = ask(house, question);
      const message = readMessage(reply);
      assert.ok(!isTruncated(reply) && reply.length <= 65535);
      const shown = message?.answer.filter(({ type }) => typeText(type) === 'SRV') ?? [];
      assert.ok(shown.length > 300 && shown.length < 600, `${shown.length} records`);
      assert.equal(domain?.leftOut, 600 - shown.length);
    }
    assert.equal(answers(house, `_endpoints.${name}.rpc.test. A`).length, 1 + 600);
    assert.equal(house.events.feed.totals.leftOut, domain?.leftOut);
  });

  test('holds 2048 addresses of IPv6 behind an alias, and of SRV members that stay', async () => {
    const hosts = Array.from({ length: 2100 }, (_, i) => `[2001:db8::${(i + 1).toString(16)}]:1`);
    const house = await houseWith([{ name: 'com.foo.A', port: 1, endpoints: hosts }], 'maxRecords: 2048');
    const reply = ask(house, '_endpoints.com.foo.A.rpc.test. AAAA');
    assert.ok(!isTruncated(reply));
    assert.equal(reply.readUInt16BE(6), 1 + 2048);
    const targets = () => answers(house, '_endpoints.A.foo.com.svc.rpc.test. SRV').sort();
    const before = targets();
    assert.deepEqual(targets(), before);
    await house.deliver(
      JSON.stringify({ interfaces: [{ name: 'com.foo.A', port: 1, endpoints: hosts.slice(0, -1) }] }),
    );
    const kept = targets().filter((line) => before.includes(line));
    assert.ok(kept.length >= before.length - 1, `${before.length - kept.length} changed`);
  });

  test('of ports that are all different shows what fits', async () => {
    const endpoints = Array.from({ length: 2000 }, (_, i) => `10.0.0.1:${1000 + i}`);
    const name = `com.${'longname.'.repeat(11)}Ports`;
    const house = await houseWith([{ name, endpoints }], 'maxRecords: 2048');
    const reply = ask(house, `_dubbo._tcp.${name}.rpc.test. SRV`);
    assert.ok(!isTruncated(reply) && reply.readUInt16BE(6) > 300);
  });

  test('applications and browsing count what they do not show', async () => {
    const many = Array.from({ length: 40 }, (_, i) => ({
      name: `com.foo.I${i}`,
      application: 'shop',
      port: 1,
    }));
    const house = await houseWith(many, 'maxRecords: 30');
    assert.equal(house.line.leftOut, 20);
    await house.deliver(JSON.stringify({ interfaces: many.slice(0, 31) }));
    await house.pass(25 * 3_600_000);
    assert.equal(house.line.leftOut, 2);
    await house.deliver(JSON.stringify({ interfaces: many.slice(0, 5) }));
    await house.pass(25 * 3_600_000);
    assert.equal(house.line.leftOut, 0);
  });
});

suite('the order of provider instances', () => {
  const interfaces = [
    {
      name: 'com.foo.A',
      port: 1,
      application: 'shop',
      endpoints: ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1', '[fd00::1]:1', '[fd00::2]:1'],
    },
    { name: 'com.foo.B', port: 1, application: 'shop' },
  ];
  const firsts = (house: House, question: string, isHeld: boolean) => {
    const seen = new Map<string, number>();
    for (let i = 0; i < 12; i++) {
      if (!isHeld) house.line.ready.clear();
      const records = answers(house, question).filter((line) => !line.includes('CNAME'));
      seen.set(records[0] ?? '', (seen.get(records[0] ?? '') ?? 0) + 1);
    }
    return seen;
  };

  for (const isHeld of [false, true]) {
    test(`rotates from reply to reply, ${isHeld ? 'ready' : 'resolved'}`, async () => {
      const house = await houseWith(interfaces);
      const expected = { A: 3, AAAA: 2, SRV: 5 };
      for (const name of ['_endpoints.com.foo.A.rpc.test.', '_endpoints.A.foo.com.svc.rpc.test.']) {
        for (const [type, count] of Object.entries(expected)) {
          const seen = firsts(house, `${name} ${type}`, isHeld);
          assert.equal(seen.size, count, `${name} ${type}`);
          for (const times of seen.values()) assert.ok(Math.abs(times - 12 / count) < 1);
        }
      }
    });

    test(`rotates where names lead to the providers, ${isHeld ? 'ready' : 'resolved'}`, async () => {
      for (const style of ['cname', 'flat']) {
        const house = await houseWith(interfaces, `address: endpoints, style: ${style}`);
        assert.equal(firsts(house, 'com.foo.A.rpc.test. A', isHeld).size, 3);
        assert.equal(firsts(house, 'com.foo.A.rpc.test. AAAA', isHeld).size, 2);
      }
    });

    test(`is no other RRset's, ${isHeld ? 'ready' : 'resolved'}`, async () => {
      const house = await houseWith(interfaces);
      for (const question of ['shop.app.rpc.test. A', '_dubbo._tcp.rpc.test. PTR']) {
        assert.equal(firsts(house, question, isHeld).size, 1, question);
      }
    });
  }

  test('rotates in the additional section as well, and all names stay what they are', async () => {
    const both = [
      ...interfaces,
      {
        name: 'com.foo.C',
        port: 1,
        endpoints: ['10.1.0.1:1', 'com.foo.A.rpc.test:1', 'A.foo.com.svc.rpc.test:2', '10.1.0.2:1'],
      },
    ];
    const house = await houseWith(both, 'address: endpoints, style: flat');
    for (const question of [
      '_dubbo._tcp.A.foo.com.svc.rpc.test. SRV',
      '_endpoints.com.foo.C.rpc.test. SRV',
    ]) {
      const cold = readMessage(ask(house, question));
      const orders = { answer: new Set<string>(), additional: new Set<string>() };
      for (let i = 0; i < 12; i++) {
        const message = readMessage(ask(house, question));
        for (const section of ['answer', 'additional'] as const) {
          const lines = (message?.[section] ?? []).map(recordLine);
          assert.deepEqual(lines.toSorted(), cold?.[section].map(recordLine).sort());
          orders[section].add(lines.join());
        }
      }
      assert.equal(orders.answer.size, cold?.answer.length, question);
      // three addresses of IPv4 and two of IPv6
      assert.equal(orders.additional.size, 6, question);
    }
  });

  test('A and AAAA asked in turn meet every instance', async () => {
    const house = await houseWith(interfaces);
    const seen = new Set<string>();
    for (let i = 0; i < 8; i++) {
      answers(house, '_endpoints.com.foo.A.rpc.test. A');
      seen.add(answers(house, '_endpoints.com.foo.A.rpc.test. AAAA')[1] ?? '');
    }
    assert.equal(seen.size, 2);
  });
});

suite('what a UDP client gets of too much', () => {
  const QUESTIONS = [
    '_endpoints.com.foo.A.rpc.test. SRV',
    '_endpoints.A.foo.com.svc.rpc.test. A',
    'shop.app.rpc.test. A',
  ];

  test('is held ready too, and the same before and after somebody asked over TCP', async () => {
    const house = await houseWith(
      Array.from({ length: 120 }, (_, i) => ({
        name: `com.foo.${i === 0 ? 'A' : `B${i}`}`,
        application: 'shop',
        port: 1,
        endpoints: instances(120),
      })),
    );
    for (const text of QUESTIONS) {
      for (const options of ['', '+noedns', '+bufsize=512', '+bufsize=4096', '+dnssec']) {
        const question = `${text} ${options}`;
        house.line.ready.clear();
        const cold = ask(house, question, 'udp');
        assert.ok(isTruncated(cold) && cold.length < 512);
        const hits = house.line.counters.total('readyHits');
        assert.deepEqual(ask(house, question, 'udp'), cold);
        assert.equal(house.line.counters.total('readyHits'), hits + 1);
        const whole = ask(house, question, 'tcp');
        assert.ok(!isTruncated(whole) && whole.length > 1232);
        assert.deepEqual(ask(house, question, 'udp'), cold, 'after TCP');
        assert.equal(ask(house, question, 'tcp').length, whole.length);
      }
    }
  });
});

suite('hosts of provider instances', () => {
  const interfaces = [
    { name: 'com.foo.A', port: 1, endpoints: ['10.0.0.1:1', '10.0.0.2:1', 'host.rpc.test:1'] },
  ];
  const additional = (house: House) =>
    readMessage(ask(house, '_endpoints.A.foo.com.svc.rpc.test. SRV'))?.additional.map(recordLine).sort();
  const HEAD =
    '$ORIGIN rpc.test.\n$TTL 60\n@ SOA ns1 admin 1 3600 600 86400 30\n@ NS ns1\nns1 A 192.0.2.1\nhost A 192.0.2.9\n';

  test('come along, registered host names that are ours as well', async () => {
    const house = await houseWith(interfaces, '', { z: HEAD });
    assert.deepEqual(additional(house), [
      '10-0-0-1._endpoints.A.foo.com.svc.rpc.test. 5 A 10.0.0.1',
      '10-0-0-2._endpoints.A.foo.com.svc.rpc.test. 5 A 10.0.0.2',
      'host.rpc.test. 60 A 192.0.2.9',
    ]);
  });

  test('come once, in however many spellings they are registered', async () => {
    const endpoints = ['host.rpc.test:1', 'Host.rpc.test:2'];
    const house = await houseWith([{ name: 'com.foo.A', port: 1, endpoints }], '', { z: HEAD });
    const hosts = additional(house)?.map((line) => line.toLowerCase());
    assert.deepEqual(hosts, ['host.rpc.test. 60 a 192.0.2.9']);
  });

  test('are what a static record says of them', async () => {
    const house = await houseWith(interfaces, '', {
      z: `${HEAD}10-0-0-1._endpoints.A.foo.com.svc A 192.0.2.77\n`,
    });
    assert.deepEqual(additional(house), [
      '10-0-0-1._endpoints.A.foo.com.svc.rpc.test. 60 A 192.0.2.77',
      '10-0-0-2._endpoints.A.foo.com.svc.rpc.test. 5 A 10.0.0.2',
      'host.rpc.test. 60 A 192.0.2.9',
    ]);
  });

  test('cost as their number, not as its square', async () => {
    const millisecondsOf = async (count: number) => {
      const house = await houseWith(
        [{ name: 'com.foo.A', port: 1, endpoints: instances(count) }],
        'maxRecords: 2048',
      );
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 20; i++) {
        house.line.ready.clear();
        const startedAt = performance.now();
        ask(house, '_endpoints.A.foo.com.svc.rpc.test. SRV');
        least = Math.min(least, performance.now() - startedAt);
      }
      return least;
    };
    await millisecondsOf(100);
    const [few, many] = [await millisecondsOf(60), await millisecondsOf(600)];
    // ten times as many: 100 times as long if it were the square
    assert.ok(many < 40 * few, `${few} ms, ${many} ms`);
  });
});

suite('TXT of many values', () => {
  const strings = (house: House, text: string) => {
    const [record] = readMessage(ask(house, `${text} TXT`))?.answer ?? [];
    const found = new Map<string, string>();
    for (
      let at = 0;
      record !== undefined && at < record.rdata.length;
      at += record.rdata.charCodeAt(at) + 1
    ) {
      const octets = record.rdata.slice(at + 1, at + 1 + record.rdata.charCodeAt(at));
      const string = Buffer.from(octets, 'latin1').toString('utf8');
      assert.ok(!string.includes('\ufffd'), string);
      found.set(string.slice(0, string.indexOf('=')), string.slice(string.indexOf('=') + 1));
    }
    return found;
  };
  const versions = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ name: 'com.foo.A', port: 1, version: `1.${i}.0-release` }));

  test('has whole values, and a mark where more exist', async () => {
    for (const count of [1, 17, 18, 19, 60]) {
      const house = await houseWith(versions(count));
      const text = strings(house, 'A.foo.com.svc.rpc.test.').get('versions') ?? '';
      const shown = text.split(',').filter((value) => value !== '...');
      assert.ok(
        shown.every((value) => /^1\.\d+\.0-release$/.test(value)),
        text,
      );
      assert.equal(text.endsWith(',...'), shown.length < count);
      assert.ok(text.length <= 255 - 'versions='.length && (shown.length === count || text.length > 220));
    }
  });

  test('of one that is too long has its first characters, none of them cut', async () => {
    const house = await houseWith([{ name: 'com.foo.A', port: 1, application: `a${'订'.repeat(100)}` }]);
    const text = strings(house, 'A.foo.com.svc.rpc.test.').get('application') ?? '';
    assert.match(text, /^a订{78,79},\.\.\.$/);
  });
});
