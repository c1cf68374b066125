/** The demo as a newcomer meets it: every kind of name, over UDP and TCP, and what `lookup` says of them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { CONFIG_FILE, createSite, type Server, startOn } from '../support/server.ts';

const ZONES = resolve(import.meta.dirname, '../../zones');
const Z = 'rpc.cluster.local.';
const SOA = new RegExp(`^rpc\\.cluster\\.local\\. 2 SOA rpc-dns-ns\\.${Z.replaceAll('.', '\\.')} `);
const IN_POOL = /^247\.\d+\.\d+\.\d+$/;

let server: Server;

before(async () => {
  const files = Object.fromEntries(
    readdirSync(ZONES).map((name) => [`zones/${name}`, readFileSync(join(ZONES, name), 'utf8')]),
  );
  const site = await createSite({ config: files['zones/demo.yaml'] ?? '', files });
  const env = { RPC_DNS_PORT: String(site.dnsPort), RPC_DNS_HTTP_PORT: String(site.httpPort) };
  server = await startOn(site, undefined, { env, until: 'ready' });
});

after(() => server.kill());

interface Row {
  readonly question: string;
  readonly rcode?: number;
  /** `$VIP` stands for com.foo.UserService's */
  readonly answer: readonly string[];
  readonly negative?: boolean;
}

const ROWS: readonly Row[] = [
  {
    question: `com.foo.UserService.${Z} A`,
    answer: [
      `com.foo.UserService.${Z} 5 CNAME UserService.foo.com.svc.${Z}`,
      `UserService.foo.com.svc.${Z} 5 A $VIP`,
    ],
  },
  {
    question: `com.foo.UserService.${Z} AAAA`,
    answer: [`com.foo.UserService.${Z} 5 CNAME UserService.foo.com.svc.${Z}`],
    negative: true,
  },
  { question: `UserService.foo.com.svc.${Z} A`, answer: [`UserService.foo.com.svc.${Z} 5 A $VIP`] },
  {
    question: `UserService.foo.com.svc.${Z} TXT`,
    answer: [
      `UserService.foo.com.svc.${Z} 5 TXT "interface=com.foo.UserService" "application=user-center" "protocol=dubbo" "versions=1.0.0" "groups=gray" "source=file:zones/demo.interfaces.yaml" "vip-from=pool"`,
    ],
  },
  {
    question: `_dubbo._tcp.UserService.foo.com.svc.${Z} SRV`,
    answer: [`_dubbo._tcp.UserService.foo.com.svc.${Z} 5 SRV 0 0 20880 UserService.foo.com.svc.${Z}`],
  },
  {
    question: `ver-1-0-0.UserService.foo.com.svc.${Z} A`,
    answer: [`ver-1-0-0.UserService.foo.com.svc.${Z} 5 A $VIP`],
  },
  {
    question: `grp-gray.UserService.foo.com.svc.${Z} A`,
    answer: [`grp-gray.UserService.foo.com.svc.${Z} 5 A $VIP`],
  },
  {
    question: `ver-1-0-0.grp-gray.UserService.foo.com.svc.${Z} A`,
    answer: [`ver-1-0-0.grp-gray.UserService.foo.com.svc.${Z} 5 A $VIP`],
  },
  {
    question: `_endpoints.UserService.foo.com.svc.${Z} A`,
    answer: [1, 2, 3].map((n) => `_endpoints.UserService.foo.com.svc.${Z} 5 A 10.0.0.${n}`),
  },
  {
    question: `_endpoints.ver-1-0-0.UserService.foo.com.svc.${Z} A`,
    answer: [`_endpoints.ver-1-0-0.UserService.foo.com.svc.${Z} 5 A 10.0.0.3`],
  },
  { question: `user-center.app.${Z} A`, answer: [`user-center.app.${Z} 5 A $VIP`] },
  {
    question: `_services._dns-sd._udp.${Z} PTR`,
    answer: ['_bolt', '_dubbo', '_tri'].map(
      (protocol) => `_services._dns-sd._udp.${Z} 5 PTR ${protocol}._tcp.${Z}`,
    ),
  },
  {
    question: `_dubbo._tcp.${Z} PTR`,
    answer: [`_dubbo._tcp.${Z} 5 PTR com\\.foo\\.UserService._dubbo._tcp.${Z}`],
  },
  {
    question: `com\\.foo\\.UserService._dubbo._tcp.${Z} SRV`,
    answer: [`com\\.foo\\.UserService._dubbo._tcp.${Z} 5 SRV 0 0 20880 UserService.foo.com.svc.${Z}`],
  },
  {
    question: `com.foo.OrderService-Inner.${Z} CNAME`,
    answer: [`com.foo.OrderService-Inner.${Z} 5 CNAME OrderService-Inner.foo.com.svc.${Z}`],
  },
  {
    question: `com.foo.PayService.${Z} A`,
    answer: [
      `com.foo.PayService.${Z} 30 CNAME PayService.foo.com.svc.${Z}`,
      `PayService.foo.com.svc.${Z} 30 A 10.96.0.10`,
    ],
  },
  { question: `com.foo.${Z} A`, rcode: 3, answer: [], negative: true },
  { question: `foo.com.svc.${Z} A`, answer: [], negative: true },
  { question: 'www.example.org. A', rcode: 5, answer: [] },
  { question: '. NS', rcode: 5, answer: [] },
  { question: '10.0.96.10.in-addr.arpa. PTR', rcode: 5, answer: [] },
  {
    question: 'db.corp.example. A',
    answer: ['db.corp.example. 300 CNAME mysql.corp.example.', 'mysql.corp.example. 300 A 10.1.0.10'],
  },
  { question: 'anything.dev.corp.example. A', answer: ['anything.dev.corp.example. 300 A 10.1.9.9'] },
];

suite('the demo answers', () => {
  for (const transport of ['', ' +tcp']) {
    for (const { question, rcode = 0, answer, negative = false } of ROWS) {
      test(`${question}${transport}`, async () => {
        const vip = (await server.query(`UserService.foo.com.svc.${Z} A`)).answer[0]?.split(' ').at(-1) ?? '';
        assert.match(vip, IN_POOL);
        const reply = await server.query(question + transport);
        assert.deepEqual(
          { rcode: reply.rcode, answer: reply.answer.toSorted() },
          { rcode, answer: answer.map((line) => line.replace('$VIP', vip)).toSorted() },
        );
        assert.equal(reply.authority.length, negative ? 1 : 0);
        if (negative) assert.match(reply.authority[0] ?? '', SOA);
      });
    }
  }

  test('PTR leads from the VIP back to the structured domain', async () => {
    const vip = (await server.query(`UserService.foo.com.svc.${Z} A`)).answer[0]?.split(' ').at(-1) ?? '';
    const name = `${vip.split('.').reverse().join('.')}.in-addr.arpa.`;
    for (const transport of ['', ' +tcp']) {
      const reply = await server.query(`${name} PTR${transport}`);
      assert.deepEqual(reply.answer, [`${name} 5 PTR UserService.foo.com.svc.${Z}`]);
    }
  });
});

suite('lookup', () => {
  const lookup = async (...args: readonly string[]) => {
    const { status, stdout, stderr } = await server.cli('lookup', ...args);
    return { status, lines: stdout.trimEnd().split('\n'), stderr };
  };
  // the command line reads the same configuration: variables included
  const names = [
    'com.foo.UserService',
    `com.foo.UserService.${Z}`,
    'com.foo.userservice.rpc.cluster.local',
    `UserService.foo.com.svc.${Z}`,
    `_endpoints.ver-1-0-0.com.foo.UserService.${Z}`,
  ];
  for (const name of names) {
    test(`of ${name} tells whose it is`, async () => {
      const { status, lines } = await lookup(name);
      assert.equal(status, 0);
      assert.equal(lines[0], 'interface          com.foo.UserService');
      assert.equal(lines[2], 'structured domain  UserService.foo.com.svc.rpc.cluster.local');
      assert.ok(lines.includes('service            gray/com.foo.UserService:1.0.0'), lines.join('\n'));
      assert.ok(
        lines.some((line) => /^ {2}VIP +247\..* \(pool\)$/.test(line)),
        lines.join('\n'),
      );
    });
  }

  test('--json is what text says, for programs', async () => {
    const { status, lines } = await lookup('com.foo.PayService', '--json');
    assert.equal(status, 0);
    const { interface: found, answer } = JSON.parse(lines.join('\n')) as {
      interface: { interface: string; services: { vips: string[]; vipFrom: string; sources: string[] }[] };
      answer: { rcode: string; answer: string[] };
    };
    assert.equal(found.interface, 'com.foo.PayService');
    assert.deepEqual(
      found.services.map(({ vips, vipFrom, sources }) => ({ vips, vipFrom, sources })),
      [{ vips: ['10.96.0.10'], vipFrom: 'pin', sources: ['zones/demo.interfaces.yaml:25'] }],
    );
    assert.equal(answer.rcode, 'NOERROR');
    assert.equal(answer.answer.length, 2);
  });

  test('of another type, of a static name, of nobody’s name', async () => {
    const srv = await lookup(`_tri._tcp.com.foo.OrderService$Inner.${Z}`, 'srv');
    assert.ok(
      srv.lines.some((line) => line.includes('SRV\t0 0 50051 OrderService-Inner.foo.com.svc.')),
      srv.lines.join('\n'),
    );
    const fixed = await lookup('mysql.corp.example');
    assert.match(
      fixed.lines[0] ?? '',
      /^static record {6}mysql\.corp\.example A AAAA at zones\/.*:\d+, zone corp\.example$/,
    );
    assert.ok(fixed.lines.some((line) => line.endsWith('10.1.0.10')));
    const nobody = await lookup('com.foo.Nobody');
    assert.equal(nobody.lines[0], `com.foo.Nobody.${Z} belongs to no registered interface`);
    assert.ok(
      nobody.lines.includes(`com.foo.Nobody.${Z} A: NXDOMAIN, authoritative`),
      nobody.lines.join('\n'),
    );
  });

  test('of a service key, an application and a VIP, without a type', async () => {
    const service = await lookup('gray/com.foo.UserService:1.0.0');
    assert.ok(service.lines.includes('other services     com.foo.UserService'), service.lines.join('\n'));
    const application = await lookup('user-center');
    assert.equal(application.lines[0], 'application        user-center');
    const vip = await lookup('10.96.0.10');
    assert.equal(vip.lines[0], 'VIP                10.96.0.10, a pin, in no pool');
    assert.equal(vip.lines[2], 'interface          com.foo.PayService');
    assert.ok(vip.lines.includes('10.0.96.10.in-addr.arpa. PTR: REFUSED'), vip.lines.join('\n'));
    const typo = await lookup('com.foo.UserServce', '--json');
    assert.deepEqual((JSON.parse(typo.lines.join('\n')) as { didYouMean: string[] }).didYouMean, [
      'com.foo.UserService',
      'com.foo.PayService',
    ]);
  });

  const bad: readonly (readonly [args: readonly string[], status: number, says: RegExp])[] = [
    [['com.foo.A', 'NOTYPE'], 1, /'NOTYPE' is no record type/],
    [['a..b'], 1, /empty label/],
    [[], 2, /missing required argument/],
    [['x', '--server', 'localhost'], 2, /expected ADDRESS:PORT/],
  ];
  for (const [args, status, says] of bad) {
    test(`${args.join(' ') || 'nothing'} is refused`, async () => {
      const result = await lookup(...args);
      assert.equal(result.status, status);
      assert.match(result.stderr, says);
    });
  }
});

suite('what monitoring asks', () => {
  test('health, ready, and nothing else', async () => {
    assert.deepEqual(await server.http('/health'), { status: 200, text: 'OK\n' });
    assert.deepEqual(await server.http('/ready'), { status: 200, text: 'OK\n' });
    assert.equal((await server.http('/api/v1/interfaces')).status, 404);
  });

  test('queries are counted as CoreDNS counts them, with our prefix', async () => {
    const labels = { zone: Z, proto: 'tcp', type: 'MX' };
    const count = async () => (await server.metric('rpcdns_dns_requests_total', labels)) ?? 0;
    const before = await count();
    for (let i = 0; i < 3; i++) await server.query(`com.foo.UserService.${Z} MX +tcp`);
    assert.equal((await count()) - before, 3);
    const { text } = await server.http('/metrics');
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const wanted = [
      'rpcdns_dns_requests_total counter',
      'rpcdns_dns_responses_total counter',
      'rpcdns_dns_request_duration_seconds histogram',
      'rpcdns_dns_request_size_bytes histogram',
      'rpcdns_dns_response_size_bytes histogram',
      'rpcdns_build_info gauge',
      'rpcdns_reloads_total counter',
      'rpcdns_conflicts gauge',
      'rpcdns_occluded_names gauge',
      'rpcdns_registry_staleness_seconds gauge',
      'rpcdns_registry_skipped_records_total counter',
      'rpcdns_vip_pool_capacity gauge',
      'rpcdns_vip_pool_used gauge',
      'rpcdns_vip_pool_quarantined gauge',
      'rpcdns_snapshot_age_seconds gauge',
      'rpcdns_change_to_answer_seconds histogram',
    ];
    assert.deepEqual(
      wanted.filter((family) => !families.includes(family)),
      [],
    );
    assert.equal(new Set(families).size, families.length, 'each family once');
    for (const line of text.split('\n')) assert.match(line, /^(|#.*|\w+(\{[^}]*\})? \S+)$/);
  });

  test('the pool’s figures', async () => {
    const pool = { pool: '247.0.0.0/8' };
    assert.equal(await server.metric('rpcdns_vip_pool_capacity', pool), 65536 * 254);
    assert.equal(await server.metric('rpcdns_vip_pool_used', pool), 2);
    assert.equal(await server.metric('rpcdns_vip_pool_quarantined', pool), 0);
  });
});

test('the configuration that the demo uses is found good', async () => {
  const env = { status: 0, last: `${CONFIG_FILE}: good` };
  const { status, stdout } = await server.cli('check', '-c', CONFIG_FILE);
  assert.deepEqual({ status, last: stdout.trimEnd().split('\n').at(-1) }, env);
});
