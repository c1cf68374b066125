/** The sofaregistry registry before a scripted SOFARegistry: the contract, its protocol, segments and versions, and hostile servers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { readDirectory, readSofaProviderName } from '../../src/registry/provider-directory.ts';
import type { BoltFrame } from '../../src/registry/sofaregistry/bolt-frames.ts';
import {
  BoltFrameReader,
  HEARTBEAT,
  REQUEST,
  RESPONSE,
  requestFrame,
  responseFrame,
} from '../../src/registry/sofaregistry/bolt-frames.ts';
import {
  type Hessian,
  HessianObject,
  readHessian,
  type Writable,
  writeHessian,
} from '../../src/registry/sofaregistry/hessian.ts';
import { readTexts } from '../../src/registry/sofaregistry/name-list.ts';
import { SOFAREGISTRY_DEFAULTS, type SofaRegistryOptions } from '../../src/registry/sofaregistry/options.ts';
import { readData, readDataInfoId } from '../../src/registry/sofaregistry/parse.ts';
import { sofaregistryKind } from '../../src/registry/sofaregistry/registry.ts';
import { receivedData } from '../../src/registry/sofaregistry/session-connection.ts';
import { createSofaRegistryWatcher } from '../../src/registry/sofaregistry/watcher.ts';
import { StringPool } from '../../src/registry/string-pool.ts';
import type { Watcher } from '../../src/registry/watcher.ts';
import { createAuthority } from '../support/certificates.ts';
import { until } from '../support/process.ts';
import { MODEL, ScriptedSofaRegistry } from '../support/scripted-sofaregistry.ts';
import { tempFolder } from '../support/temp.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';
import {
  HEARTBEAT_RESPONSE,
  RECEIVED_DATA,
  RECEIVED_NOTHING,
  REGISTER_RESPONSE,
} from './sofaregistry-fixtures.ts';

const INSTANCE = 'DEFAULT_INSTANCE_ID';

function optionsOf(
  registry: ScriptedSofaRegistry,
  more: Partial<SofaRegistryOptions> = {},
): SofaRegistryOptions {
  return {
    ...SOFAREGISTRY_DEFAULTS,
    servers: [{ host: '127.0.0.1', port: registry.httpPort }],
    instance: INSTANCE,
    zone: '',
    intervalMs: 50,
    tls: undefined,
    dataPort: registry.httpPort,
    connectTimeoutMs: 500,
    requestTimeoutMs: 500,
    heartbeatMs: 100,
    heartbeatTimeoutMs: 300,
    answerTimeoutMs: 300,
    sweepMs: 100,
    backoffMinMs: 20,
    backoffMaxMs: 100,
    ...more,
  };
}

const idOf = (name: string, uniqueId = '') =>
  `${name}:1.0${uniqueId === '' ? '' : `:${uniqueId}`}@DEFAULT#@#${INSTANCE}#@#SOFA`;

watcherContract('sofaregistry, scripted', async () => {
  const registry = await ScriptedSofaRegistry.start();
  const { httpPort, boltPort } = registry;
  const options = optionsOf(registry);
  const idFor = (entry: ContractEntry) => idOf(entry.interface, entry.group);
  const textOf = ({ host, port }: ContractEntry) => `${host}:${port}?appName=app`;
  return {
    hasNoVersions: true,
    create: (sink) => createSofaRegistryWatcher(options, sink),
    put: async (entry) => registry.set(idFor(entry), [...registry.get(idFor(entry)), textOf(entry)]),
    remove: async (entry) => {
      const rest = registry.get(idFor(entry)).filter((text) => text !== textOf(entry));
      registry.set(idFor(entry), rest);
    },
    putGarbage: async () => registry.set(idOf('no interface'), ['10.0.0.9:1']),
    breakRegistry: () => registry.stop(),
    repairRegistry: () => registry.listen(httpPort, boltPort),
    teardown: async () => void (registry.http.listening && (await registry.stop())),
  };
});

suite('sofaregistry: SOFABolt', () => {
  const stream = Buffer.from(
    [REGISTER_RESPONSE, RECEIVED_DATA, HEARTBEAT_RESPONSE, RECEIVED_NOTHING].join(''),
    'hex',
  );
  const seen = (frames: readonly BoltFrame[]) =>
    frames.map(({ isRequest, command, className, content }) => [
      isRequest,
      command,
      className.replace(MODEL, ''),
      content.length,
    ]);

  test('reads frames of a real server, cut anywhere', () => {
    const expected = [
      [false, RESPONSE, 'RegisterResponse', 134],
      [true, REQUEST, 'ReceivedData', 453],
      [false, HEARTBEAT, '', 0],
      [true, REQUEST, 'ReceivedData', 278],
    ];
    const cuts = fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 30 });
    fc.assert(
      fc.property(cuts, (places) => {
        const reader = new BoltFrameReader();
        const bounds = [0, ...places.toSorted((a, b) => a - b), stream.length];
        const frames = bounds.slice(1).flatMap((to, i) => {
          const read = reader.push(stream.subarray(bounds[i], to));
          assert.ok(typeof read !== 'string', String(read));
          return read;
        });
        assert.deepEqual(seen(frames), expected);
      }),
    );
  });

  test('reads what it writes', () => {
    const content = Buffer.from('abc');
    const octets = [
      requestFrame(7, 10, REQUEST, 'a.B', content),
      responseFrame(8, RESPONSE, 'c', content, 9),
    ];
    const frames = new BoltFrameReader().push(Buffer.concat(octets));
    assert.ok(typeof frames !== 'string');
    assert.deepEqual(
      frames.map(({ id, status, className, content: own }) => [id, status, className, String(own)]),
      [
        [7, 0, 'a.B', 'abc'],
        [8, 9, 'c', 'abc'],
      ],
    );
  });

  test('takes no other protocol, codec, type or size; never throws, whatever comes', () => {
    const frame = requestFrame(1, 1, REQUEST, 'a', Buffer.from('b'));
    const with_ = (at: number, ...values: number[]) => {
      const copy = Buffer.from(frame);
      copy.set(values, at);
      return new BoltFrameReader().push(copy);
    };
    assert.match(String(new BoltFrameReader().push(Buffer.from('HTTP/1.1 400'))), /no SOFABolt/);
    assert.match(String(with_(0, 2)), /no SOFABolt/);
    assert.match(String(with_(1, 3)), /type 3/);
    assert.match(String(with_(9, 11)), /codec 11/);
    assert.match(String(with_(18, 0x7f, 0xff, 0xff, 0xff)), /over 33554432 octets/);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (pieces) => {
        const reader = new BoltFrameReader();
        for (const piece of pieces) if (typeof reader.push(Buffer.from([1, ...piece])) === 'string') return;
      }),
    );
  });

  test('believes a length only as octets come: a megabyte in single octets is held once', () => {
    const frame = requestFrame(1, 1, REQUEST, 'a', Buffer.alloc(2 ** 20));
    const reader = new BoltFrameReader();
    let frames: BoltFrame[] | string = [];
    for (let i = 0; i < frame.length; i++) frames = reader.push(frame.subarray(i, i + 1));
    assert.equal(frames.length, 1);
  });
});

suite('sofaregistry: Hessian', () => {
  const contentOf = (hex: string): Buffer => {
    const frames = new BoltFrameReader().push(Buffer.from(hex, 'hex'));
    assert.ok(typeof frames !== 'string' && frames[0] !== undefined);
    return frames[0].content;
  };
  const readValue = (octets: Buffer): Hessian => {
    const read = readHessian(octets);
    assert.ok(read.ok, read.ok ? '' : read.reason);
    return read.value;
  };
  const problem = (octets: readonly number[] | Buffer): string => {
    const read = readHessian(Buffer.from(octets));
    return read.ok ? 'no problem' : read.reason;
  };

  test('reads what a real server sent', () => {
    const said = receivedData(readValue(contentOf(RECEIVED_DATA)));
    assert.deepEqual(
      [said?.dataId, said?.group, said?.instance, said?.segment, said?.isBroken],
      ['com.foo.Rec:1.0@DEFAULT', 'SOFA', INSTANCE, 'DefaultDataCenter', false],
    );
    assert.ok((said?.version ?? 0) > 1e12);
    assert.deepEqual(said?.data.map(({ text }) => text).toSorted(), [
      '192.0.2.1:12200?appName=größe-应用-😀',
      `192.0.2.2:12200?appName=${'x'.repeat(40)}`,
    ]);
    const nothing = receivedData(readValue(contentOf(RECEIVED_NOTHING)));
    assert.deepEqual([nothing?.version, nothing?.data], [1, []]);
    const response = readValue(contentOf(REGISTER_RESPONSE));
    assert.ok(response instanceof HessianObject);
    assert.equal(response.fields.get('success'), true);
  });

  test('reads what it writes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 100 });
    const { value } = fc.letrec<{ value: Writable }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom(null, true, false),
        fc.integer(),
        fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }),
        text,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.array(fc.tuple(text, tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
        fc
          .tuple(fc.constantFrom('a.B', 'c.Dé'), tie('value'))
          .map(([type, own]) => ({ type, fields: { own, other: 1 } })),
      ),
    }));
    const plain = (written: Writable): Hessian => {
      if (typeof written === 'bigint') return Number(written);
      if (written === null || typeof written !== 'object') return written;
      if (Array.isArray(written)) return written.map(plain);
      if (written instanceof Map)
        return new Map([...written].map(([key, own]) => [key as string, plain(own as Writable)]));
      const { type, fields } = written as { type: string; fields: Record<string, Writable> };
      return new HessianObject(type, new Map(Object.entries(fields).map(([key, own]) => [key, plain(own)])));
    };
    fc.assert(
      fc.property(value, (written) => assert.deepEqual(readValue(writeHessian(written)), plain(written))),
    );
    assert.equal(readValue(writeHessian('ä'.repeat(70_000))), 'ä'.repeat(70_000));
  });

  test('reads numbers, octets and references in each of their forms', () => {
    const read = (...octets: number[]) => readValue(Buffer.from(octets));
    assert.deepEqual([read(0x80), read(0xbf), read(0xc7, 0xff), read(0xd4, 1, 0)], [-16, 47, -1, 256]);
    assert.deepEqual([read(0xd8), read(0xef), read(0xf7, 0xff), read(0x3c, 1, 0)], [-8, 15, -1, 256]);
    assert.deepEqual([read(0x77, 0xff, 0xff, 0xff, 0xff), read(0x49, 0, 0, 1, 0)], [-1, 256]);
    assert.deepEqual([read(0x67), read(0x68), read(0x69, 0xff), read(0x6a, 1, 0)], [0, 1, -1, 256]);
    assert.deepEqual(read(0x62, 0, 1, 7, 0x22, 8, 9), Buffer.from([7, 8, 9]));
    // [[], the same]
    const [one, other] = read(0x56, 0x6e, 2, 0x56, 0x6e, 0, 0x7a, 0x4a, 1, 0x7a) as Hessian[];
    assert.equal(one, other);
  });

  test('bounds what is deep, long, many, cut off, or goes round', () => {
    const deep = (tag: number[]) => Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.from(tag)));
    assert.match(problem(deep([0x56])), /32 deep/);
    assert.match(problem(deep([0x4d])), /32 deep/);
    assert.match(problem(deep([0x4f, 0x91, 0x61, 0x90])), /32 deep/);
    assert.match(problem([0x56, 0x6c, 0x7f, 0xff, 0xff, 0xff]), /a list of 2147483647/);
    assert.match(problem([0x56, 0x6c, 0xff, 0xff, 0xff, 0xff]), /a list of -1/);
    assert.match(problem([0x53, 0xff, 0xff, 0x61]), /a text of 65535/);
    assert.match(problem([0x4f, 0x49, 0x7f, 0xff, 0xff, 0xff]), /a text of 2147483647/);
    assert.match(problem([0x4f, 0x91, 0x61, 0x49, 0x7f, 0xff, 0xff, 0xff]), /a class of 2147483647/);
    assert.match(problem([0x6f, 0x90]), /not defined/);
    assert.match(problem([0x4a, 5]), /reference to value 5/);
    assert.match(problem([0x02, 0xff, 0xff]), /no UTF-8/);
    assert.match(problem([0x02, 0xc3, 0x41]), /no UTF-8/);
    assert.match(problem([0x90, 0x90]), /after the end/);
    assert.match(problem([]), /too early/);
    assert.match(problem([0x47]), /no value begins with 0x47/);
    assert.match(problem(Buffer.concat([Buffer.from([0x56]), Buffer.alloc(2 ** 20, 0x4e)])), /over 400000/);
    // a list that holds itself is a value, and nobody follows it for ever
    const loop = readValue(Buffer.from([0x56, 0x6e, 1, 0x4a, 0, 0x7a])) as Hessian[];
    assert.equal(loop[0], loop);
    const fields = { dataId: 'a', group: 'b', version: 1n };
    const head = writeHessian({ type: 'x', fields: { ...fields, data: new Map() } });
    // its zones: the map itself, in place of the empty one (M z)
    const looped = Buffer.concat([head.subarray(0, -2), Buffer.from([0x4d, 1, 0x61, 0x4a, 1, 0x7a])]);
    assert.equal(receivedData(readValue(looped))?.isBroken, true);
  });

  test('a list that is there by reference thousands of times is not read thousands of times', () => {
    const boxes = Array.from({ length: 5_000 }, () => null);
    const start = writeHessian({
      type: 'x',
      fields: { dataId: 'a', group: 'b', version: 1n, data: new Map([['z', boxes]]) },
    }).subarray(0, -1);
    const again = Buffer.concat(Array.from({ length: 5_000 }, () => Buffer.from([0x4e, 0x4a, 2])));
    const many = Buffer.concat(
      Array.from({ length: 5_000 }, (_, i) => Buffer.from([0x49, 0, 0, i >> 8, i & 255, 0x4a, 2])),
    );
    for (const more of [again, many]) {
      const value = readValue(Buffer.concat([start, more, Buffer.from([0x7a])]));
      const begun = performance.now();
      receivedData(value);
      assert.ok(performance.now() - begun < 500);
    }
  });

  test('never throws and is soon done, whatever is changed of what a real server sent', () => {
    const good = contentOf(RECEIVED_DATA);
    const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(good.length), (changes, end) => {
        const octets = Buffer.from(good.subarray(0, end < 10 ? undefined : end));
        for (const [at, value] of changes) if (at < octets.length) octets[at] = value;
        const read = readHessian(octets);
        if (read.ok) receivedData(read.value);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => void readHessian(Buffer.from(octets))),
      { numRuns: 2_000 },
    );
  });
});

suite('sofaregistry: names and data', () => {
  const published = (texts: readonly string[], zone = '') => texts.map((text) => ({ text, zone }));
  const serviceOf = (dataInfoId: string) => {
    const reading = readDataInfoId(dataInfoId, INSTANCE);
    assert.equal(reading.kind, 'service');
    return (reading as Extract<typeof reading, { kind: 'service' }>).service;
  };
  const reasonOf = (dataInfoId: string) => {
    const reading = readDataInfoId(dataInfoId, INSTANCE);
    return reading.kind === 'bad' ? reading.reason : reading.kind;
  };

  test('reads dataInfoIds', () => {
    const { name, group, protocol, dataId } = serviceOf(idOf('com.foo.UserService', 'blue:east'));
    assert.deepEqual(
      [name, group, protocol, dataId],
      ['com.foo.UserService', 'blue.east', 'bolt', 'com.foo.UserService:1.0:blue:east@DEFAULT'],
    );
    assert.equal(serviceOf(`a.B:1.0@rest#@#${INSTANCE}#@#SOFA`).protocol, 'rest');
    assert.equal(serviceOf(idOf('a.B')).group, '');
    assert.deepEqual(
      [
        `a.B:1.0@DEFAULT#@#other#@#SOFA`,
        `TOPIC#@#${INSTANCE}#@#MSG`,
        `a.B:1.0@DEFAULT#@#${INSTANCE}#@#MSG`,
        `a.B@DEFAULT#@#${INSTANCE}#@#SOFA`,
        `a.B:1.0#@#${INSTANCE}#@#SOFA`,
        'whatever',
        idOf('no interface'),
        idOf('a.B', 'x'.repeat(600)),
      ].map(reasonOf),
      ['elsewhere', 'foreign', 'foreign', 'foreign', 'foreign', 'foreign', 'interface-name', 'bad-version'],
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (dataId, group) => {
        readDataInfoId(`${dataId}#@#${INSTANCE}#@#${group}`, INSTANCE);
      }),
    );
  });

  test('reads data; one that is bad spoils no other', () => {
    const data = [
      '192.0.2.92:12200?rpcVer=51302&appName=sofa-app&_WEIGHT=100',
      '192.0.2.91:12200?app_name=%E5%BA%94&p=1',
      'fd00:0:0:0:0:0:0:1:12200?v=4.0',
      'rest://192.0.2.93:8341/ctx?appName=a%ZZ',
      '192.0.2.91:12200?again=1',
      '192.0.2.94?x',
      '0.0.0.0:12200',
      '',
    ];
    const pool = new StringPool();
    const { registrations, skipped } = readData(
      serviceOf(idOf('com.foo.A', 'g')),
      published(data),
      'here',
      pool,
    );
    assert.deepEqual(
      registrations.map(({ group, version, application, protocol, port }) => [
        group,
        version,
        application,
        protocol,
        port,
      ]),
      [['g', '', '', 'bolt', 12_200]],
    );
    assert.deepEqual(
      registrations[0]?.endpoints.map(({ host, port }) => `${host} ${port}`),
      ['192.0.2.91 12200', '192.0.2.92 12200', 'fd00::1 12200', '192.0.2.93 8341'],
    );
    assert.deepEqual(
      skipped.map(({ reason }) => reason),
      ['port', 'host', 'port'],
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        readData(serviceOf(idOf('a.B')), published(texts), 'here', pool);
      }),
    );
  });

  test('a zone of its own and a weight are of the endpoint', () => {
    const texts = ['192.0.2.91:1?weight=50', '192.0.2.92:1?_WEIGHT=0', '192.0.2.93:1?_WEIGHT=100'];
    const read = (zone: string) =>
      readData(serviceOf(idOf('a.B')), published(texts, zone), '', new StringPool()).registrations[0];
    assert.deepEqual(
      read('gz00a')?.endpoints.map(({ locality, weight }) => [locality?.zone, weight]),
      [
        ['gz00a', 50],
        ['gz00a', 0],
        ['gz00a', undefined],
      ],
    );
    assert.deepEqual(
      read('')?.endpoints.map(({ locality }) => locality),
      [undefined, undefined, undefined],
    );
  });

  test('one interface here and in ZooKeeper is one: the same name, group, protocol and endpoints', () => {
    const pool = new StringPool();
    const node = encodeURIComponent('bolt://192.0.2.91:12200?uniqueId=blue:x&appName=sofa-app&version=1.0');
    const name = 'com.foo.A' as InterfaceName;
    const [there] = readDirectory(name, '', [node], pool, readSofaProviderName).registrations;
    const service = serviceOf(idOf('com.foo.A', 'blue:x'));
    const [here] = readData(
      service,
      published(['192.0.2.91:12200?appName=sofa-app']),
      '',
      pool,
    ).registrations;
    assert.deepEqual(here, there);
  });

  test('reads lists of texts, and nothing else', () => {
    const read = (json: string) => {
      const texts: string[] = [];
      return readTexts(Buffer.from(json), (text) => texts.push(text)) ?? texts;
    };
    assert.deepEqual(read(' [ ] '), []);
    assert.deepEqual(read('["a", "b\\"]\\u00e4" ,"ö"]'), ['a', 'b"]ä', 'ö']);
    for (const json of [
      '',
      '{}',
      '[',
      '["a"',
      '["a",]',
      '["a" "b"]',
      '[1]',
      '[["a"]]',
      '["a\\',
      '["\\x"]',
      '<html>',
    ])
      assert.equal(typeof read(json), 'string', json);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const written = texts.map((text) => text.toWellFormed());
        assert.deepEqual(read(JSON.stringify(written)), written);
      }),
    );
  });
});

suite('sofaregistry: the configuration', () => {
  const parse = (keys: object) =>
    sofaregistryKind.schema.safeParse({ kind: 'sofaregistry', servers: 'a', ...keys });
  const idFor = (keys: object) => sofaregistryKind.idOf(parse(keys).data as never);

  test('defaults, ids, servers', () => {
    const { data } = parse({});
    assert.deepEqual(
      [data?.['instance'], data?.['zone'], data?.['interval'], data?.['settleFor'], data?.['forgetAfter']],
      [INSTANCE, '', 2_000, 30_000, 86_400_000],
    );
    assert.equal(idFor({ servers: 'a, b:1' }), 'sofaregistry:a:9603,b:1');
    assert.equal(idFor({ instance: 'i', zone: 'z' }), 'sofaregistry:a:9603/i/z');
    assert.deepEqual(sofaregistryKind.serversOf?.(data as never), [{ host: 'a', port: 9603 }]);
  });

  test('every wrong value has a reason', () => {
    for (const [keys, reason] of [
      [{ servers: 'user:pass@a' }, /no user and password/],
      [{ servers: '' }, /is no server/],
      [{ instance: '#@#' }, /is no instance/],
      [{ zone: 'a b' }, /is no zone/],
      [{ interval: '1ms' }, /100ms to 10m/],
      [{ namespaces: ['a'] }, /namespaces/],
    ] as const) {
      const result = parse(keys);
      assert.match(String(result.error), reason);
    }
    assert.deepEqual(sofaregistryKind.check?.(parse({ tls: { ca: '/not/there' } }).data as never), [
      { key: 'tls', text: '/not/there: no such file' },
    ]);
  });
});

suite('sofaregistry: following a scripted server', () => {
  const A = 'com.foo.A';
  const B = 'com.foo.B';
  let registry: ScriptedSofaRegistry;
  let sink: RecordingSink;
  let watcher: Watcher;

  beforeEach(async () => {
    registry = await ScriptedSofaRegistry.start();
    registry.set(idOf(A), ['10.0.0.1:1']);
    sink = new RecordingSink();
  });
  afterEach(async () => {
    await watcher?.stop();
    if (registry.http.listening) await registry.stop();
  });

  const start = (more: Partial<SofaRegistryOptions> = {}): void => {
    watcher = createSofaRegistryWatcher(optionsOf(registry, more), sink);
    watcher.start();
  };
  const isKind = (kind: string) => until(kind, () => sink.kind === kind, { deadlineMs: 5_000, everyMs: 5 });
  const knows = (name: string, ...endpoints: string[]) =>
    until(`${name}: ${endpoints}`, () => String(sink.endpoints(name)) === String(endpoints), { everyMs: 5 });
  const reason = (): string => {
    const state = sink.states.at(-1);
    return state !== undefined && 'reason' in state ? state.reason : '';
  };
  /** The one connection. */
  const socket = (): Socket => {
    const [one] = registry.sockets;
    assert.ok(one !== undefined);
    return one;
  };
  const datum = (version: number, ...data: string[]) => ({ version, data });

  test('data centres are united; the higher version wins in each', async () => {
    registry.set(idOf(A), ['10.0.0.2:1'], 'other');
    start();
    await isKind('live');
    await knows(A, '10.0.0.1:1', '10.0.0.2:1');
    registry.push(socket(), idOf(A), 'other', datum(9, '10.0.0.3:1'));
    await knows(A, '10.0.0.1:1', '10.0.0.3:1');
    registry.push(socket(), idOf(A), 'other', datum(8, '10.0.0.4:1'));
    registry.push(socket(), idOf(A), 'DefaultDataCenter', datum(9, '10.0.0.5:1'));
    await knows(A, '10.0.0.3:1', '10.0.0.5:1');
    const units = new Set(sink.deliveries.slice(1).map(({ unit }) => unit));
    assert.deepEqual([...units], [`${idOf(A)}#@#other`, `${idOf(A)}#@#DefaultDataCenter`]);
  });

  test('versions of another connection are none; a data centre that it does not know any more goes', async () => {
    registry.set(idOf(A), ['10.0.0.2:1'], 'other');
    start();
    await isKind('live');
    registry.push(socket(), idOf(A), 'DefaultDataCenter', datum(99, '10.0.0.9:1'));
    await knows(A, '10.0.0.2:1', '10.0.0.9:1');
    registry.forget(idOf(A));
    registry.set(idOf(A), ['10.0.0.3:1']);
    registry.cut();
    await until('stale', () => sink.states.some(({ kind }) => kind === 'stale'));
    await knows(A, '10.0.0.2:1', '10.0.0.3:1');
    await knows(A, '10.0.0.3:1');
    assert.equal(sink.deliveries.filter(({ unit }) => unit === undefined).length, 1);
  });

  test('what is the same is not delivered again; a server that comes back empty is believed', async () => {
    start();
    await isKind('live');
    registry.cut();
    await until('live again', () => sink.states.length >= 4 && sink.kind === 'live');
    assert.equal(sink.deliveries.length, 1);
    registry.forget(idOf(A));
    registry.cut();
    await knows(A);
    registry.set(idOf(A), ['10.0.0.1:1']);
    await knows(A, '10.0.0.1:1');
  });

  test('its names by the session servers, when the data servers do not tell; and neither', async () => {
    let isSession = true;
    registry.onHttp = (path, response) => {
      if (!path.startsWith('/digest/') || path.startsWith('/digest/data/')) return false;
      if (path === '/digest/getDataInfoIdList' && isSession) return false;
      response.writeHead(500).end();
      return true;
    };
    start();
    await isKind('live');
    registry.set(idOf(B), ['10.0.0.2:1']);
    await knows(B, '10.0.0.2:1');
    isSession = false;
    await isKind('stale');
    assert.match(reason(), /the names cannot be read: .*status 500 to \/digest\/datum\/getDataInfoIdList/);
    registry.set(idOf(B), ['10.0.0.3:1']);
    await knows(B, '10.0.0.3:1');
    registry.onHttp = () => false;
    await isKind('live');
  });

  test('a server that has not begun yet is not believed', async () => {
    registry.onHttp = (path, response) => {
      if (path !== '/digest/data/serverList/query' && path !== '/digest/getDataInfoIdList') return false;
      if (path === '/digest/getDataInfoIdList') response.writeHead(503).end();
      else response.end('[]');
      return true;
    };
    start();
    await isKind('failed');
    assert.match(reason(), /knows no data server/);
    assert.equal(sink.deliveries.length, 0);
    registry.onHttp = () => false;
    await isKind('live');
  });

  test('asks for its zone and says it', async () => {
    let zone: Hessian | undefined;
    registry.onBolt = ({ command, content }) => {
      if (command !== REQUEST) return false;
      const read = readHessian(content);
      if (read.ok && read.value instanceof HessianObject) zone = read.value.fields.get('zone');
      return false;
    };
    start({ zone: 'gz00a' });
    await isKind('live');
    assert.equal(zone, 'gz00a');
    assert.ok(registry.asked.includes('/api/servers/query?zone=gz00a'));
  });

  test('an interface that is refused or not answered spoils no other, and is said', async () => {
    registry.set(idOf(B), ['10.0.0.2:1']);
    registry.set(idOf('com.foo.C'), ['10.0.0.3:1']);
    registry.onBolt = (frame, to) => {
      if (frame.command !== REQUEST || !frame.isRequest) return false;
      const text = frame.content.toString('latin1');
      const type = `${MODEL}RegisterResponse`;
      if (!text.includes('com.foo.B') && !text.includes('com.foo.C')) return false;
      const fields = { success: !text.includes('com.foo.B'), message: 'blacklisted' };
      to.write(responseFrame(frame.id, RESPONSE, type, writeHessian({ type, fields })));
      return true;
    };
    start();
    await isKind('live');
    await knows(A, '10.0.0.1:1');
    assert.deepEqual(sink.skips.map(({ reason: word }) => word).toSorted(), ['no-answer', 'refused']);
    assert.ok(sink.skips.some(({ detail }) => detail.includes('blacklisted')));
  });

  test('over TLS; and one that is not trusted says what to do', async () => {
    await registry.stop();
    const authority = await createAuthority();
    const { certificate: cert, key } = await authority.issue(['127.0.0.1']);
    registry = await ScriptedSofaRegistry.start({ cert, key });
    registry.set(idOf(A), ['10.0.0.1:1']);
    start({ tls: {} });
    await isKind('failed');
    assert.match(reason(), /not trusted .*tls\.ca/);
    await watcher.stop();
    const ca = join(tempFolder('sofaregistry-tls'), 'ca.pem');
    writeFileSync(ca, authority.certificate);
    sink = new RecordingSink();
    start({ tls: { ca } });
    await isKind('live');
    await knows(A, '10.0.0.1:1');
  });

  test('stop() is soon done, whatever is under way, and nothing comes after it', async () => {
    for (const hang of ['http', 'register', 'push'] as const) {
      registry.onHttp = () => hang === 'http';
      registry.onBolt = ({ command }) => hang === 'register' && command === REQUEST;
      sink = new RecordingSink();
      start({ requestTimeoutMs: 60_000, answerTimeoutMs: 60_000 });
      await sleep(60);
      const begun = performance.now();
      await watcher.stop();
      assert.ok(performance.now() - begun < 200);
      const [states, deliveries] = [sink.states.length, sink.deliveries.length];
      registry.set(idOf(A), ['10.0.0.7:1']);
      await sleep(60);
      assert.deepEqual([sink.states.length, sink.deliveries.length], [states, deliveries]);
    }
  });

  const boltReply = (octets: (id: number) => Buffer) => () => {
    registry.onBolt = ({ id, command }, to) => {
      if (command === HEARTBEAT) return false;
      to.write(octets(id));
      return true;
    };
  };
  const connected = (take: (to: Socket) => void) => () => {
    registry.onConnection = take;
  };
  const silent = (isUnheard: (frame: BoltFrame) => boolean) => () => {
    registry.onBolt = isUnheard;
  };
  const push = (content: Buffer) => requestFrame(1, 1, REQUEST, `${MODEL}ReceivedData`, content);
  const page = (path: string, write: (response: ServerResponse) => void) => () => {
    registry.onHttp = (asked, response) => {
      if (!asked.startsWith(path)) return false;
      write(response);
      return true;
    };
  };
  const endless = (response: ServerResponse, start_: string, piece: string) => {
    response.write(start_);
    const more = () => {
      if (response.destroyed) return;
      if (response.write(piece)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  };
  const HOSTILE: readonly (readonly [what: string, make: () => void, reason: RegExp])[] = [
    ['closes at once', connected((to) => to.destroy()), /closed|without a whole reply/],
    ['speaks HTTP', connected((to) => to.write('HTTP/1.1 400 Bad\r\n\r\n')), /no SOFABolt/],
    [
      'a frame that never ends',
      connected((to) => {
        const more = () => {
          if (to.destroyed) return;
          to.write(Buffer.alloc(65_536));
          setTimeout(more, 1);
        };
        to.write(requestFrame(1, 1, REQUEST, `${MODEL}ReceivedData`, Buffer.alloc(30e6)).subarray(0, 100));
        more();
      }),
      /no reply within|no heartbeat|after the end/,
    ],
    [
      'a frame of 4 GB',
      boltReply(() => Buffer.concat([push(Buffer.alloc(0)).subarray(0, 18), Buffer.alloc(4, 0xff)])),
      /over 33554432 octets/,
    ],
    [
      'another codec',
      boltReply(() => {
        const f = push(Buffer.alloc(0));
        f[9] = 12;
        return f;
      }),
      /codec 12/,
    ],
    [
      'a list of 2 billion',
      boltReply(() => push(Buffer.from([0x56, 0x6c, 0x7f, 0xff, 0xff, 0xff]))),
      /a list of 2147483647/,
    ],
    ['nests for ever', boltReply(() => push(Buffer.alloc(2 ** 20, 0x56))), /32 deep/],
    [
      'invalid UTF-8',
      boltReply((id) => responseFrame(id, RESPONSE, 'a', Buffer.from([0x02, 0xff, 0xfe]))),
      /no UTF-8/,
    ],
    [
      'data without fields',
      boltReply(() => push(writeHessian({ type: 'x', fields: { data: 'y' } }))),
      /without dataId/,
    ],
    ['never a reply', silent(({ command }) => command !== HEARTBEAT), /no reply within/],
    ['never a heartbeat', silent(() => true), /no (heartbeat|reply) within/],
    [
      'replies, and never any data',
      boltReply((id) =>
        responseFrame(id, RESPONSE, 'a', writeHessian({ type: 'a', fields: { success: true } })),
      ),
      /no data came/,
    ],
    ['HTML in place of servers', page('/api', (to) => to.end('<html>hello</html>')), /no session server/],
    ['no server', page('/api', (to) => to.end('')), /knows no session server/],
    ['HTML in place of names', page('/digest', (to) => to.end('<html>')), /gives no list of data servers/],
    [
      'names without end',
      page('/digest/', (to) => endless(to, '["', 'x'.repeat(65_536))),
      /over 33554432 octets|no whole reply|names cannot be read/,
    ],
    [
      'a list that is not over',
      page('/digest', (to) => to.write('["a"')),
      /no whole reply|names cannot be read/,
    ],
  ];
  for (const [what, make, expected] of HOSTILE) {
    test(`a hostile server (${what}): failed with a reason, and live when it is itself again`, async () => {
      make();
      start({ requestTimeoutMs: 300, answerTimeoutMs: 450 });
      await isKind('failed');
      await until(String(expected), () => expected.test(reason()), { deadlineMs: 5_000 }).catch(() =>
        assert.match(reason(), expected),
      );
      assert.equal(sink.deliveries.length, 0);
      registry.onHttp = () => false;
      registry.onBolt = () => false;
      registry.onConnection = () => {};
      registry.cut();
      await isKind('live');
      await knows(A, '10.0.0.1:1');
    });
  }

  test('a storm of pushes, of what is subscribed and what is not: memory stays, and the last word counts', async () => {
    start();
    await isKind('live');
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 40; i++) {
      for (let j = 0; j < 250; j++) {
        registry.push(
          socket(),
          idOf(j % 2 === 0 ? A : `com.foo.X${i}`),
          `segment-${j}`,
          datum(i + 2, `10.1.0.${j % 200}:1`),
        );
      }
      await sleep(1);
    }
    registry.set(idOf(B), ['10.0.0.2:1']);
    await knows(B, '10.0.0.2:1');
    assert.ok(sink.units.size <= 65, `${sink.units.size} units`);
    assert.ok(process.memoryUsage().rss - before < 200e6);
    assert.equal(sink.kind, 'live');
  });

  test("200,000 names that are nobody's: counted up to a bound, memory stays", async () => {
    let turn = 0;
    registry.onHttp = (path, response) => {
      if (!path.startsWith('/digest/datum')) return false;
      turn++;
      const names = Array.from({ length: 200_000 }, (_, i) => `"dc,x${turn}-${i}#@#${INSTANCE}#@#MSG,1"`);
      response.end(`["dc,${idOf(A)},1",${names.join()}]`);
      return true;
    };
    let skipped = 0;
    sink.skipped = () => void skipped++;
    const before = process.memoryUsage().heapUsed;
    start({ requestTimeoutMs: 5_000 });
    await isKind('live');
    await until('three lists', () => turn > 3);
    await knows(A, '10.0.0.1:1');
    assert.equal(skipped, 100_000);
    assert.ok(process.memoryUsage().heapUsed - before < 300e6);
  });
});
