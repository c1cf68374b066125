/** The etcd watcher against a real server: the contract, what frameworks write, and everything that can happen to a connection. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { ETCD_LAYOUTS, type EtcdLayoutName } from '../../src/registry/etcd/layouts.ts';
import { ETCD_DEFAULTS, type EtcdOptions } from '../../src/registry/etcd/options.ts';
import { createEtcdWatcher } from '../../src/registry/etcd/watcher.ts';
import type { Watcher } from '../../src/registry/watcher.ts';
import { createAuthority } from '../support/certificates.ts';
import { type EtcdProvider, startEtcdProvider } from '../support/dubbo2.ts';
import { ETCD_VERSIONS, type Etcd, type EtcdVersion, startEtcd } from '../support/etcd.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { createSite, type Server, startOn, startServer } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { tempFolder } from '../support/temp.ts';
import { type ContractEntry, RecordingSink, watcherContract } from '../support/watcher-contract.ts';

/** From the end of a fault to right data. */
const RIGHT_AFTER_MS = 5_000;
const USER = 'com.foo.UserService';
const ORDER = 'com.foo.OrderService';
/** From the write to the answer. */
const ANSWERED_MS = 300;

let etcd: Etcd;
let proxy: TcpProxy;

const METADATA = { interfaces: 'interfaces', version: 'version', group: 'group' };

function optionsOf(
  prefixes: Partial<Record<EtcdLayoutName, string>>,
  more: Partial<EtcdOptions> = {},
): EtcdOptions {
  return {
    ...ETCD_DEFAULTS,
    servers: [{ host: '127.0.0.1', port: etcd.port }],
    prefixes: new Map(Object.entries(prefixes) as [EtcdLayoutName, string][]),
    metadata: METADATA,
    ...more,
  };
}

/** As Dubbo 2.7 writes it: the key says all, its value is the number of its lease. */
function dubboKey(
  prefix: string,
  { interface: name, version, group, host, port }: ContractEntry,
  more = '',
): string {
  const said = [
    `interface=${name}`,
    ...(version ? [`version=${version}`] : []),
    ...(group ? [`group=${group}`] : []),
  ];
  const url = `dubbo://${host}:${port}/${name}?anyhost=true&application=user-app&${said.join('&')}&side=provider${more}`;
  return `${prefix}/${encodeURIComponent(name)}/providers/${encodeURIComponent(url)}`;
}

/** What each framework writes, with a lease, below the prefix, and what comes of it. */
const WRITTEN: Partial<
  Record<
    EtcdLayoutName,
    { readonly written: readonly (readonly [string, string])[]; readonly told: readonly string[] }
  >
> = {
  dubbo: {
    written: [
      ['com.foo.A', '-1404962912'],
      ['com.foo.A/configurators', '-1404962912'],
      [
        'com.foo.A%24In/providers/dubbo%3A%2F%2F192.0.2.2%3A20880%2Fcom.foo.A%24In%3Fapplication%3Da%26dubbo%3D2.0.2%26group%3Dg1%26interface%3Dcom.foo.A%24In%26release%3D2.7.23%26version%3D1.0.0',
        '7587888888888888',
      ],
    ],
    told: ['com.foo.A$In 1.0.0 dubbo://192.0.2.2:20880'],
  },
  grpc: {
    written: [
      ['com.foo.Greeter/192.0.2.2:50051', '{"Op":0,"Addr":"192.0.2.2:50051","Metadata":null}'],
      ['com.foo.Greeter/192.0.2.3:50051', '{"Op":0,"Addr":"192.0.2.3:50051","Metadata":{"version":"2"}}'],
      ['greeter/192.0.2.2:50051', '{"Addr":"[2001:db8::1]:50051"}'],
    ],
    told: [
      '@greeter  grpc://2001:db8::1:50051',
      'com.foo.Greeter  grpc://192.0.2.2:50051',
      'com.foo.Greeter 2 grpc://192.0.2.3:50051',
    ],
  },
  'go-zero': {
    written: [
      ['user.rpc/7587854', '192.0.2.2:8080'],
      ['user.rpc/7587855', '192.0.2.2:8080'],
      ['order.rpc/7587856', '192.0.2.3:8080'],
    ],
    told: ['@order.rpc  grpc://192.0.2.3:8080', '@user.rpc  grpc://192.0.2.2:8080'],
  },
  kratos: {
    written: [
      [
        'helloworld/host-1',
        '{"id":"host-1","name":"helloworld","version":"v1.2","metadata":{"interfaces":"helloworld.v1.Greeter"},"endpoints":["http://192.0.2.2:8000?isSecure=false","grpc://192.0.2.2:9000?isSecure=false"]}',
      ],
      [
        'shop/1',
        '{"id":"1","name":"shop","version":"","metadata":null,"endpoints":["grpc://[2001:db8::2]:9000"]}',
      ],
    ],
    told: [
      '@helloworld v1.2 http://192.0.2.2:8000 grpc://192.0.2.2:9000',
      '@shop  grpc://2001:db8::2:9000',
      'helloworld.v1.Greeter v1.2 http://192.0.2.2:8000 grpc://192.0.2.2:9000',
    ],
  },
  kitex: {
    written: [
      ['echo/192.0.2.2:8888', '{"network":"tcp","address":"192.0.2.2:8888","weight":10,"tags":null}'],
      [
        'echo/192.0.2.3:8888',
        '{"network":"tcp","address":"192.0.2.3:8888","weight":10,"tags":{"version":"2","env":"x"}}',
      ],
    ],
    told: ['@echo  http://192.0.2.2:8888', '@echo 2 http://192.0.2.3:8888'],
  },
};

let prefixes = 0;

for (const version of ETCD_VERSIONS) describe(`etcd ${version}`, () => testsOf(version));

function testsOf(version: EtcdVersion): void {
  const skip = skipWithout(version === '3.4' ? 'etcd-3.4' : 'etcd');

  before(async () => {
    if (skip !== false) return;
    etcd = await startEtcd({ version });
    proxy = new TcpProxy(await freePort(), etcd.port);
    await proxy.open();
  });

  after(async () => {
    await proxy?.close();
    await etcd?.discard();
  });

  watcherContract(
    `etcd ${version}`,
    async () => {
      const prefix = `/contract-${++prefixes}`;
      const proxied = { servers: [{ host: '127.0.0.1', port: proxy.port }] };
      return {
        create: (sink) => createEtcdWatcher(optionsOf({ dubbo: prefix }, proxied), sink),
        put: async (entry) => void (await etcd.putWithLease(dubboKey(prefix, entry), '7587', 60)),
        remove: (entry) => etcd.remove(dubboKey(prefix, entry)),
        putGarbage: async () => void (await etcd.put([[`${prefix}/${USER}/providers/gar%bage`, '1']])),
        breakRegistry: () => proxy.close(),
        repairRegistry: () => proxy.open(),
        teardown: () => proxy.close().then(() => proxy.open()),
      };
    },
    { skip },
  );

  describe(`etcd ${version}`, { skip }, () => {
    let sink: RecordingSink;
    let watcher: Watcher | undefined;
    let prefix: string;

    const start = async (options: EtcdOptions): Promise<void> => {
      await watcher?.stop();
      sink = new RecordingSink();
      watcher = createEtcdWatcher(options, sink);
      watcher.start();
      await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
    };
    const put = async (name: string, host: string, more = ''): Promise<string> => {
      const key = dubboKey(prefix, { interface: name, host, port: 1 }, more);
      await etcd.put([[key, '1']]);
      return key;
    };
    const knows = (name: string, ...hosts: string[]): Promise<number> =>
      until(
        `${name}: ${hosts}`,
        () => String(sink.endpoints(name)) === String(hosts.map((host) => `${host}:1`)),
        {
          deadlineMs: RIGHT_AFTER_MS,
          everyMs: 5,
        },
      );
    const reason = (): string => {
      const state = sink.states.at(-1);
      return state !== undefined && 'reason' in state ? state.reason : '';
    };

    beforeEach(async () => {
      prefix = `/faults-${++prefixes}`;
      await put(USER, '10.0.0.1');
      await put(ORDER, '10.0.0.1');
    });
    afterEach(async () => {
      await watcher?.stop();
      watcher = undefined;
    });

    it('reads page by page as it was at one revision, and follows from there', async () => {
      for (let i = 0; i < 20; i++) await put(`com.foo.S${i}`, '10.0.0.1');
      for (const more of [{ pageKeys: 3 }, { pageKeys: 2_000, maxReplyOctets: 4_000 }]) {
        await start(optionsOf({ dubbo: prefix }, more));
        assert.equal(sink.registrations.length, 22);
        assert.equal(sink.deliveries.length, 1);
        await put(USER, `10.0.0.${more.pageKeys % 7}`);
        await until('the new one', () => sink.endpoints(USER).length >= 2);
      }
    });

    it('tells a change of a known and of a new interface within 0.3 s', async () => {
      await start(optionsOf({ dubbo: prefix }));
      const times: number[] = [];
      for (let i = 2; i < 22; i++) {
        const begun = performance.now();
        await put(i % 2 === 0 ? USER : `com.foo.New${i}`, `10.0.0.${i}`);
        await until(
          'told',
          () =>
            sink.registrations.some(({ endpoints }) => endpoints.some(({ host }) => host === `10.0.0.${i}`)),
          {
            everyMs: 1,
          },
        );
        times.push(performance.now() - begun);
      }
      console.log(`put → update, the put included: worst ${Math.max(...times).toFixed(1)} ms`);
      assert.ok(Math.max(...times) < 300);
      assert.ok(sink.deliveries.slice(1).every(({ unit }) => unit !== undefined));
    });

    it('keeps the endpoint of a provider that is killed and restarted at once', async () => {
      const old = await put(USER, '10.0.0.1', '&timestamp=1');
      await etcd.remove(dubboKey(prefix, { interface: USER, host: '10.0.0.1', port: 1 }));
      await start(optionsOf({ dubbo: prefix }));
      let everWithout = false;
      sink.onDelivery = () => {
        everWithout ||= sink.endpoints(USER).length !== 1;
      };
      await put(USER, '10.0.0.1', '&timestamp=2');
      await etcd.remove(old);
      await until('both', () => sink.deliveries.length >= 3);
      assert.equal(everWithout, false);
    });

    it('is told when a lease ends', async () => {
      await etcd.putWithLease(dubboKey(prefix, { interface: USER, host: '10.0.0.9', port: 1 }), '1', 1);
      await start(optionsOf({ dubbo: prefix }));
      await knows(USER, '10.0.0.1', '10.0.0.9');
      await knows(USER, '10.0.0.1');
    });

    it('outlives a server that is killed and restarted, and changes while it was away', async () => {
      await start(optionsOf({ dubbo: prefix }));
      await etcd.kill();
      await until('stale', () => sink.kind === 'stale');
      assert.equal(sink.deliveries.length, 1);
      await etcd.start();
      await put(USER, '10.0.0.2');
      await knows(USER, '10.0.0.1', '10.0.0.2');
      // what did not change was not delivered again
      assert.deepEqual([...new Set(sink.deliveries.map(({ unit }) => unit))], [undefined, `dubbo:${USER}`]);
      await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
    });

    it('finds a frozen server within seconds, and goes to another', async () => {
      await start(optionsOf({ dubbo: prefix }, { probeIntervalMs: 500, probeTimeoutMs: 500 }));
      etcd.pause();
      try {
        const found = await until('stale', () => sink.kind === 'stale', { deadlineMs: 5_000 });
        console.log(`frozen: found in ${found.toFixed(0)} ms with probes of 0.5 s`);
        assert.match(reason(), /no whole reply within 0\.5 s$/);
        assert.equal(sink.deliveries.length, 1);
      } finally {
        etcd.resume();
      }
      await put(USER, '10.0.0.2');
      await knows(USER, '10.0.0.1', '10.0.0.2');
    });

    it('takes several servers in turn', async () => {
      const servers = [await freePort(), etcd.port, await freePort()].map((port) => ({
        host: '127.0.0.1',
        port,
      }));
      for (let i = 0; i < 3; i++) {
        await start(optionsOf({ dubbo: prefix }, { servers }));
        await knows(USER, '10.0.0.1');
      }
    });

    it('lists again when history is gone, and tells only what changed', async () => {
      await proxy.close().then(() => proxy.open());
      await start(optionsOf({ dubbo: prefix }, { servers: [{ host: '127.0.0.1', port: proxy.port }] }));
      await proxy.close();
      await until('stale', () => sink.kind === 'stale');
      for (let i = 2; i < 6; i++) await put(USER, `10.0.0.${i}`);
      await etcd.remove(dubboKey(prefix, { interface: ORDER, host: '10.0.0.1', port: 1 }));
      await etcd.compact();
      await proxy.open();
      await knows(USER, '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5');
      await knows(ORDER);
      assert.equal(sink.deliveries.length, 3);
    });

    it('is right after a cut anywhere, in the middle of a line too', async () => {
      await start(optionsOf({ dubbo: prefix }, { servers: [{ host: '127.0.0.1', port: proxy.port }] }));
      let cuts = 0;
      for (const cut of [1, 40, 200]) {
        cuts++;
        let isArmed = true;
        proxy.spoil = (piece, client) => {
          if (!isArmed || !piece.includes('"events"')) return false;
          isArmed = false;
          client.write(piece.subarray(0, cut), () => client.destroy());
          return true;
        };
        await put(USER, '10.0.0.2', `&cut=${cut}`);
        await until('cut', () => !isArmed);
        await until('stale', () => sink.states.filter(({ kind }) => kind === 'stale').length >= cuts);
        await knows(USER, '10.0.0.1', '10.0.0.2');
        await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
      }
      proxy.spoil = () => false;
    });

    it('reads no octet of noise as news', async () => {
      await start(optionsOf({ dubbo: prefix }, { servers: [{ host: '127.0.0.1', port: proxy.port }] }));
      proxy.spoil = (piece, client) => {
        if (!piece.includes('"events"')) return false;
        client.write(Buffer.from(piece.toString('latin1').replace('"events"', '"ev\nnts"'), 'latin1'));
        return true;
      };
      await put(USER, '10.0.0.2');
      await until('stale', () => sink.states.some(({ kind }) => kind === 'stale'));
      proxy.spoil = () => false;
      await knows(USER, '10.0.0.1', '10.0.0.2');
    });

    it('believes a cluster that was restored from a backup, when it says so twice', async () => {
      const restore = await etcd.backUp();
      await start(optionsOf({ dubbo: prefix }));
      await put(USER, '10.0.0.2');
      await put('com.foo.PayService', '10.0.0.3');
      await etcd.remove(dubboKey(prefix, { interface: ORDER, host: '10.0.0.1', port: 1 }));
      await knows(ORDER);
      await restore();
      await knows(ORDER, '10.0.0.1');
      await knows(USER, '10.0.0.1');
      await knows('com.foo.PayService');
      assert.match(JSON.stringify(sink.states), /revision \d+ is older than \d+, which was seen/);
      await put(USER, '10.0.0.4');
      await knows(USER, '10.0.0.1', '10.0.0.4');
    });

    it('wants a user where etcd does: a token of today, a password that is renewed, a role that is too small', async (t) => {
      const passwordFile = join(tempFolder('password'), 'password');
      writeFileSync(passwordFile, 'first-secret\n');
      const [from, end] = [`${prefix}/`, `${prefix}0`].map((key) => Buffer.from(key).toString('base64'));
      for (const [path, body] of [
        ['user/add', { name: 'root', password: 'root-secret' }],
        ['role/add', { name: 'root' }],
        ['user/grant', { user: 'root', role: 'root' }],
        ['user/add', { name: 'reader', password: 'first-secret' }],
        ['role/add', { name: 'dns' }],
        ['role/grant', { name: 'dns', perm: { permType: 'READ', key: from, range_end: end } }],
        ['user/grant', { user: 'reader', role: 'dns' }],
      ] as const)
        await etcd.ask(`auth/${path}`, body);
      const user = { username: 'reader', passwordFile };
      // before authentication is on the user counts for nothing, and does no harm
      await start(optionsOf({ dubbo: prefix }, { ...user, probeIntervalMs: 100 }));
      await etcd.ask('auth/enable', {});
      const token = async () =>
        String((await etcd.ask('auth/authenticate', { name: 'root', password: 'root-secret' }))['token']);
      const enabled = await token();
      t.after(() =>
        etcd.ask('auth/disable', {}, enabled).catch(async () => etcd.ask('auth/disable', {}, await token())),
      );
      const write = (host: string) => {
        const key = Buffer.from(dubboKey(prefix, { interface: USER, host, port: 1 })).toString('base64');
        return token().then((own) => etcd.ask('kv/put', { key, value: '' }, own));
      };
      await write('10.0.0.2');
      await knows(USER, '10.0.0.1', '10.0.0.2');
      await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });

      await start(optionsOf({ dubbo: prefix }, { ...user, probeIntervalMs: 100 }));
      // tokens are of a server's life: the old one is not taken any more
      await etcd.kill();
      await etcd.start();
      await write('10.0.0.3');
      await knows(USER, '10.0.0.1', '10.0.0.2', '10.0.0.3');
      await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });

      const refused = async (options: EtcdOptions, expected: RegExp): Promise<void> => {
        await watcher?.stop();
        sink = new RecordingSink();
        watcher = createEtcdWatcher(options, sink);
        watcher.start();
        await until('failed', () => sink.kind === 'failed');
        assert.match(reason(), expected);
      };
      await refused(optionsOf({ dubbo: prefix }), /etcd wants a user: set username and passwordFile$/);
      await refused(
        optionsOf({ dubbo: '/elsewhere' }, user),
        /permission denied; give reader a role that may read the prefix$/,
      );
      writeFileSync(passwordFile, 'wrong-secret');
      await refused(
        optionsOf({ dubbo: prefix }, user),
        /user reader and the password in .*password are refused$/,
      );
      writeFileSync(passwordFile, 'first-secret');
      await until('live', () => sink.kind === 'live', { deadlineMs: RIGHT_AFTER_MS });
      assert.doesNotMatch(JSON.stringify([sink.states, sink.skips]), /secret/);
    });

    it('speaks TLS, with a certificate of its own', async () => {
      const [authority, other] = [await createAuthority(), await createAuthority('another')];
      const client = await authority.issueClient('rpc-dns');
      const secure = await startEtcd({ version, tls: { authority, client } });
      try {
        const servers = [{ host: '127.0.0.1', port: secure.port }];
        const files = { certificate: client.certificatePath, key: client.keyPath };
        await secure.put([[dubboKey(prefix, { interface: USER, host: '10.0.0.1', port: 1 }), '']]);
        await start(
          optionsOf({ dubbo: prefix }, { servers, tls: { ca: authority.certificatePath, ...files } }),
        );
        await knows(USER, '10.0.0.1');
        await secure.put([[dubboKey(prefix, { interface: USER, host: '10.0.0.2', port: 1 }), '']]);
        await knows(USER, '10.0.0.1', '10.0.0.2');
        for (const [tls, expected] of [
          [{ ca: other.certificatePath, ...files }, /certificate is not trusted/],
          [{ ca: authority.certificatePath }, /certificate required|closed|ALERT|alert/],
          [{ ca: '/nowhere/ca.pem' }, /\/nowhere\/ca\.pem: no such file$/],
        ] as const) {
          await watcher?.stop();
          sink = new RecordingSink();
          watcher = createEtcdWatcher(optionsOf({ dubbo: prefix }, { servers, tls }), sink);
          watcher.start();
          await until('failed', () => sink.kind === 'failed');
          assert.match(reason(), expected);
        }
      } finally {
        await watcher?.stop();
        await secure.discard();
      }
    });

    for (const [name, { written, told }] of Object.entries(WRITTEN)) {
      it(`reads what ${name} writes`, async () => {
        const at = ETCD_LAYOUTS[name as EtcdLayoutName].prefix ?? `${prefix}-${name}`;
        await start(optionsOf({ [name]: at }));
        for (const [key, value] of written) await etcd.putWithLease(`${at}/${key}`, value, 60);
        const told_ = () =>
          sink.registrations
            .map(({ interface: subject, version, endpoints }) =>
              [
                subject,
                version,
                ...endpoints.map(({ protocol, host, port }) => `${protocol}://${host}:${port}`),
              ].join(' '),
            )
            .sort();
        await until(told.join(', '), () => String(told_()) === String(told), { deadlineMs: 2_000 }).catch(
          () => assert.deepEqual(told_(), told),
        );
        assert.deepEqual(sink.skips, []);
        for (const [key] of written) await etcd.remove(`${at}/${key}`);
        await until('none', () => sink.registrations.length === 0);
      });
    }

    it('answers names within 0.3 s of the write, behind a whole server, and over a restart', async (t) => {
      const site = await createSite({
        config: `registries: [{ kind: etcd, servers: "127.0.0.1:${etcd.port}", layouts: [dubbo, go-zero], prefix: { dubbo: ${prefix}, go-zero: ${prefix}-zero } }]\n`,
      });
      let server = await startOn(site, t, { until: 'ready' });
      const question = (name: string) => server.query(`${name}.rpc.cluster.local. A`);
      const vips = [];
      for (const [name, write] of [
        ['com.foo.PayService', () => put('com.foo.PayService', '10.0.0.7')],
        ['user-api.app', () => etcd.put([[`${prefix}-zero/user-api/7587`, '10.0.0.8:8080']])],
      ] as const) {
        assert.equal((await question(name)).rcode, 3);
        await write();
        const ms = await until('answered', async () => (await question(name)).rcode === 0, { everyMs: 5 });
        console.log(`put → answer of ${name}: ${ms.toFixed(0)} ms`);
        assert.ok(ms < 300);
        vips.push((await question(name)).answer.at(-1));
      }
      await server.stop();
      server = await startOn(site, t, { until: 'ready' });
      assert.deepEqual(
        [
          (await question('com.foo.PayService')).answer.at(-1),
          (await question('user-api.app')).answer.at(-1),
        ],
        vips,
      );
      await server.stop();
    });
  });
}

describe('a Dubbo 2.7 provider in etcd', { skip: skipWithout('etcd', 'dubbo2') }, () => {
  const Z = 'rpc.cluster.local.';
  const LEASE_MS = 4_000;
  const PROVIDERS = [USER, `${ORDER}%24Inner`].map((name) => `/dubbo/${name}/providers/`);
  let own: Etcd;
  let server: Server;
  let provider: EtcdProvider;
  let vip: string | undefined;

  before(async () => {
    own = await startEtcd();
    server = await startServer({
      config: `registries: [{ kind: etcd, servers: "127.0.0.1:${own.port}", layouts: [dubbo] }]\n`,
    });
    await server.ready();
  });
  after(async () => {
    await provider?.kill();
    await server?.stop();
    await own?.discard();
  });

  /** How many keys each interface has. */
  const keys = (): Promise<number[]> =>
    Promise.all(
      PROVIDERS.map(async (prefix) => {
        const [key, range_end] = [prefix, `${prefix.slice(0, -1)}0`].map((text) =>
          Buffer.from(text).toString('base64'),
        );
        return Number((await own.ask('kv/range', { key, range_end, count_only: true }))['count'] ?? 0);
      }),
    );
  const written = (number: number, deadlineMs = 60_000): Promise<number> =>
    until(`${number} keys each`, async () => (await keys()).every((count) => count === number), {
      deadlineMs,
      everyMs: 5,
    });
  const answers = async (question: string): Promise<string[]> => {
    const { answer } = await server.query(question);
    const asked = question.split(' ')[1];
    return answer
      .filter((line) => line.split(' ')[2] === asked)
      .map((line) => line.split(' ').slice(3).join(' '))
      .sort();
  };
  const shows = (question: string, ...expected: string[]): Promise<number> =>
    until(
      `${question}: ${expected}`,
      async () => String(await answers(question)) === String(expected.sort()),
      { deadlineMs: ANSWERED_MS, everyMs: 5 },
    );
  const user = `UserService.foo.com.svc.${Z}`;
  const inner = `OrderService-Inner.foo.com.svc.${Z}`;
  const endpoint = (port: number, name = user) => `0 0 ${port} 192-0-2-2._endpoints.${name}`;
  const launch = (port?: number): Promise<EtcdProvider> =>
    startEtcdProvider({
      etcd: `127.0.0.1:${own.port}`,
      interfaces: [`${USER}:1.0.0:g1`, `${ORDER}$Inner`],
      host: '192.0.2.2',
      leaseMs: LEASE_MS,
      ...(port === undefined ? {} : { port }),
    });
  /** @returns what it took from its last key to the answer */
  const startProvider = async (): Promise<number> => {
    const had = (await keys())[0] ?? 0;
    const starting = launch();
    await written(had + 1);
    const begun = performance.now();
    await until('one more endpoint of each', async () => {
      const found = await Promise.all([user, inner].map((name) => answers(`_endpoints.${name} SRV`)));
      return found.every(({ length }) => length === had + 1);
    });
    const ms = performance.now() - begun;
    provider = await starting;
    return ms;
  };

  it('registers, and all its names answer', async () => {
    const ms = await startProvider();
    console.log(`last key of Dubbo 2.7 → answer: ${ms.toFixed(0)} ms`);
    assert.ok(ms < ANSWERED_MS);
    const { port } = provider;
    [vip] = await answers(`${USER}.${Z} A`);
    assert.match(vip ?? '', /^247\./);
    assert.deepEqual(await answers(`ver-1-0-0.grp-g1.${USER}.${Z} A`), [vip]);
    assert.deepEqual(await answers(`ver-2.${USER}.${Z} A`), []);
    assert.deepEqual(await answers(`_dubbo._tcp.${user} SRV`), [`0 0 ${port} ${user}`]);
    assert.deepEqual(await answers(`_endpoints.${user} A`), ['192.0.2.2']);
    assert.deepEqual(await answers(`_endpoints.ver-1-0-0.grp-g1.${user} SRV`), [endpoint(port)]);
    const [text = ''] = await answers(`${user} TXT`);
    assert.match(text, /^"interface=com\.foo\.UserService" .*"protocol=dubbo" .*"source=etcd:/);
    const [innerVip] = await answers(`${ORDER}$Inner.${Z} A`);
    assert.match(innerVip ?? '', /^247\./);
    assert.notEqual(innerVip, vip);
    assert.deepEqual(await answers(`_endpoints.${inner} SRV`), [endpoint(port, inner)]);
    assert.deepEqual(await answers(`user-app.app.${Z} A`), [vip, innerVip].sort());
  });

  it('is gone as soon as SIGTERM has it deregister; its VIP stays', async () => {
    const stopping = provider.stop();
    await written(0);
    await shows(`_endpoints.${user} SRV`);
    await shows(`_endpoints.${inner} SRV`);
    await stopping;
    assert.deepEqual(await answers(`${USER}.${Z} A`), [vip]);
  });

  it('is there after kill -9 until its lease ends, beside the one that is started at once on a new port', async () => {
    await startProvider();
    const killed = provider;
    await killed.kill();
    const begun = performance.now();
    const ms = await startProvider();
    assert.ok(ms < ANSWERED_MS);
    assert.notEqual(provider.port, killed.port);
    await shows(`_endpoints.${user} SRV`, endpoint(killed.port), endpoint(provider.port));
    await written(1, 3 * LEASE_MS);
    console.log(`kill -9 → keys gone: ${(performance.now() - begun).toFixed(0)} ms of ${LEASE_MS}`);
    await shows(`_endpoints.${user} SRV`, endpoint(provider.port));
    await shows(`_endpoints.${inner} SRV`, endpoint(provider.port, inner));
    assert.deepEqual(await answers(`${USER}.${Z} A`), [vip]);
  });

  it('is one endpoint when it is killed and started at once on its old port', async () => {
    await provider.kill();
    const seen = new Set<string>();
    const starting = launch(provider.port);
    let most = 0;
    await until(
      'the new one has a key, and the old one none',
      async () => {
        most = Math.max(most, ...(await keys()));
        seen.add(String(await answers(`_endpoints.${user} SRV`)));
        return most === 2 && (await keys()).every((count) => count === 1);
      },
      { deadlineMs: 30_000, everyMs: 10 },
    );
    provider = await starting;
    assert.deepEqual([...seen], [endpoint(provider.port)], 'the endpoint was there all the time');
    // all at once, as its lease ends
    await provider.kill();
    await written(0, 3 * LEASE_MS);
    await shows(`_endpoints.${user} SRV`);
    await shows(`_endpoints.${inner} SRV`);
    assert.deepEqual(await answers(`${USER}.${Z} A`), [vip]);
  });
});
