/** The stages of a query: which seats there are, and what a bug in one of them costs. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ROOT } from '../../src/name/domain-name.ts';
import { Counters } from '../../src/serve/counters.ts';
import type { Exchange } from '../../src/serve/exchange.ts';
import { Listener } from '../../src/serve/listener.ts';
import { QueryHandler } from '../../src/serve/query-handler.ts';
import { QueryLog } from '../../src/serve/query-log.ts';
import { ReadyReplies } from '../../src/serve/ready-replies.ts';
import type { Seats } from '../../src/serve/stages/seats.ts';
import { RCODE } from '../../src/wire/message.ts';
import { type ReadMessage, readMessage } from '../../src/wire/read-message.ts';
import { StaticZone } from '../../src/zone/static-zone.ts';
import { TYPE } from '../../src/zone/types.ts';
import { ZoneData } from '../../src/zone/zone-data.ts';
import { queryOctets } from '../support/question.ts';
import { nameOf } from './zone-fixtures.ts';

const NAMES = { style: 'cname', ttl: 5, maxRecords: 100, rotates: false, ptrZone: ROOT } as const;
const APEX = nameOf('rpc.test.');
const NAME = nameOf('a.rpc.test.');
const SOA = `\x01n\0\x01h\0${'\0\0\0\x01'.repeat(5)}`;

interface Asked {
  /** undefined: nothing was sent */
  readonly reply: ReadMessage | undefined;
  readonly octets: Buffer;
  readonly counters: Counters;
  readonly panics: readonly string[];
}

/** Asks for the address of a name that has one. */
function ask(seats: Seats, compose?: (exchange: Exchange) => boolean, bufsize: number | null = 1232): Asked {
  const data = new ZoneData(NAMES, 7);
  const zone = new StaticZone(APEX, 7);
  zone.add({ name: APEX, type: TYPE.SOA, ttl: 5, rdata: SOA as never });
  zone.add({ name: NAME, type: TYPE.A, ttl: 5, rdata: '\x7f\0\0\x01' as never });
  data.putZone(zone, 'static', 1);
  const counters = new Counters();
  const panics: string[] = [];
  const events = { onBlock: () => {}, onPanic: (_error: unknown, query: string) => panics.push(query) };
  const log = new QueryLog(() => {});
  const stage = compose === undefined ? undefined : { compose };
  const handler = new QueryHandler(data, new ReadyReplies(), counters, log, 1232, events, seats, stage);
  const query = queryOctets(NAME, TYPE.A, { bufsize: bufsize ?? undefined });
  const listener = new Listener('dns://test', 'udp');
  const length = handler.handle(query, listener, { address: '192.0.2.1', port: 1, family: 'IPv4' });
  const octets = Buffer.from(handler.out.subarray(0, length));
  return { reply: length === 0 ? undefined : readMessage(octets), octets, counters, panics };
}

suite('a seat', () => {
  test('that is free changes nothing', () => {
    const { reply, counters } = ask({});
    assert.deepEqual([reply?.rcode, reply?.answer.length], [0, 1]);
    assert.equal(counters.total('composed'), 1);
  });

  for (const seat of ['accessList', 'cookies', 'verify', 'rateLimit'] as const) {
    test(`${seat} may drop a query`, () => {
      const { reply, counters } = ask({ [seat]: () => 'drop' });
      assert.equal(reply, undefined);
      assert.equal(counters.total('dropped'), 1);
    });

    test(`${seat} may let it go on, and sees who asks for what`, () => {
      const seen: string[] = [];
      const { reply } = ask({
        [seat]: ({ client, type, listener }: Exchange) => {
          seen.push(`${client.address} ${listener.proto}${seat === 'accessList' ? '' : ` ${type}`}`);
          return 'on';
        },
      });
      assert.equal(reply?.answer.length, 1);
      assert.deepEqual(seen, [seat === 'accessList' ? '192.0.2.1 udp' : '192.0.2.1 udp 1']);
    });
  }

  for (const seat of ['cookies', 'verify'] as const) {
    test(`${seat} may answer in place of the zones`, () => {
      const refuse = (exchange: Exchange) => {
        exchange.setRcode(RCODE.REFUSED);
        return 'reply' as const;
      };
      const { reply } = ask({ [seat]: refuse });
      assert.deepEqual([reply?.rcode, reply?.answer.length, reply?.question?.name], [RCODE.REFUSED, 0, NAME]);
    });
  }

  test('identifier puts an option into the OPT, and only where there is one', () => {
    const identifier = (exchange: Exchange) => {
      exchange.options = Uint8Array.of(0, 3, 0, 2, 0x61, 0x62);
    };
    const { octets, reply } = ask({ identifier });
    assert.equal(reply?.answer.length, 1);
    assert.ok(octets.toString('hex').endsWith('00002904d0000000000006000300026162'));
    const plain = ask({ identifier }, undefined, null);
    assert.deepEqual([plain.octets.readUInt16BE(10), plain.reply?.answer.length], [0, 1]);
  });

  test('sign sees the whole reply, and may go on behind it', () => {
    let before = 0;
    const sign = ({ out }: Exchange, length: number) => {
      before = length;
      out[length] = 0x2a;
      return length + 1;
    };
    const { octets } = ask({ sign });
    assert.deepEqual([octets.length, octets.at(-1)], [before + 1, 0x2a]);
  });
});

suite('a bug', () => {
  const bug = () => {
    throw new Error('a bug');
  };

  for (const [where, asked] of [
    ['a stage', () => ask({}, bug)],
    ['a seat', () => ask({ verify: bug })],
    ['a seat that is asked last', () => ask({ rateLimit: bug })],
    ['a seat that writes an option', () => ask({ identifier: bug })],
    ['a seat that signs', () => ask({ sign: bug })],
  ] as const) {
    test(`in ${where} costs one query its answer, and is counted and told`, () => {
      const { reply, counters, panics } = asked();
      assert.deepEqual(
        [reply?.rcode, reply?.question?.name, reply?.answer.length],
        [RCODE.SERVFAIL, NAME, 0],
      );
      assert.equal(counters.total('panics'), 1);
      assert.deepEqual(panics, ['a.rpc.test. 1']);
    });
  }

  test('in front of the question costs the reply: there is nothing that could be said', () => {
    const { reply, counters } = ask({ accessList: bug });
    assert.equal(reply, undefined);
    assert.deepEqual([counters.total('panics'), counters.total('dropped')], [1, 1]);
  });
});
