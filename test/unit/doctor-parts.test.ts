/** What `doctor` reads of the system. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkClock } from '../../src/doctor/check-clock.ts';
import { dropsSeen, openFilesOf } from '../../src/doctor/check-limits.ts';
import { isPodSearch, namesAsked, parseResolvConf } from '../../src/doctor/resolv-conf.ts';
import { parseRoute } from '../../src/doctor/route-to.ts';
import { parseUdpTable } from '../../src/doctor/socket-table.ts';
import type { Surroundings } from '../../src/doctor/surroundings.ts';

suite('resolv.conf', () => {
  test('of a pod', () => {
    const conf = parseResolvConf(
      'search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5 timeout:1\n',
    );
    assert.deepEqual(conf, {
      nameservers: ['10.96.0.10'],
      search: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
      ndots: 5,
    });
    assert.ok(isPodSearch(conf, 'cluster.local'));
    assert.deepEqual(namesAsked('com.foo.A', conf).at(-1), 'com.foo.A');
  });

  test('without options, with comments, domain, blanks and more than the resolver takes', () => {
    const conf = parseResolvConf(
      '# nameserver 1.1.1.1\n;x\n\tnameserver\t::1 \nnameserver fe80::1%eth0\nsearch a.\ndomain corp.example\noptions ndots:99\n',
    );
    assert.deepEqual(conf, { nameservers: ['::1', 'fe80::1%eth0'], search: ['corp.example'], ndots: 15 });
    assert.deepEqual(parseResolvConf(''), { nameservers: [], search: [], ndots: 1 });
    assert.deepEqual(namesAsked('com.foo.A', { ...conf, ndots: 2 }), ['com.foo.A', 'com.foo.A.corp.example']);
    assert.ok(!isPodSearch(conf, 'cluster.local'));
  });
});

test('sockets: what waits unread, and what was dropped', () => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  414: 0100007F:14B4 00000000:0000 07 00000000:00000A00 00:00000000 00000000     0        0 12345 2 0000000000000000 17
  415: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12346 2 0000000000000000 0
`;
  const sockets = parseUdpTable(table);
  assert.deepEqual(sockets, [
    { port: 5300, waiting: 2560, drops: 17 },
    { port: 53, waiting: 0, drops: 0 },
  ]);
  const [seen, ...others] = dropsSeen(sockets, new Set([5300, 53]));
  assert.equal(
    seen?.text,
    '17 queries to UDP port 5300 were dropped since the start: the receive buffer was full',
  );
  assert.deepEqual(others, []);
  assert.deepEqual(dropsSeen(sockets, new Set([53])), []);
});

test('limits of a process', () => {
  assert.equal(
    openFilesOf('Limit  Soft\nMax open files            1024                 524288               files\n'),
    1024,
  );
  assert.equal(
    openFilesOf('Max open files            unlimited            unlimited            files\n'),
    Infinity,
  );
  assert.equal(openFilesOf('nothing'), undefined);
});

suite('the clock', () => {
  const look = async (now: string, ...aheadMs: readonly number[]) => {
    const apis = new Map(aheadMs.map((ahead, i) => [`api-${i}`, { aheadMs: ahead }]));
    const seen = await checkClock.look({ now: () => Date.parse(now), apis } as unknown as Surroundings);
    return seen.map(({ state, text }) => `${state} ${text}`);
  };
  const NOW = '2026-06-01T00:00:00Z';

  test('before rpc-dns was made', async () => {
    assert.deepEqual(await look('1970-01-01T00:01:00Z', 0), [
      'finding it is 1970-01-01T00:01:00.000Z, before rpc-dns was made',
    ]);
  });

  test('beside those of API servers, or of nobody', async () => {
    assert.deepEqual(await look(NOW), [
      'ok it is 2026-06-01T00:00:00.000Z; nobody is there to compare it with',
    ]);
    assert.deepEqual(await look(NOW, 900, -30_000, 61_000), [
      'ok it agrees with that of api-0',
      'warning it is 30 s behind that of api-1',
      'finding it is 61 s ahead of that of api-2',
    ]);
  });
});

test('routes as ip(8) tells them', () => {
  const cases: readonly (readonly [line: string, text: string, isLocal: boolean])[] = [
    ['local 247.1.2.3 dev lo src 247.1.2.3 uid 0', 'local on lo', true],
    ['247.1.2.3 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0', 'by 10.0.0.1 on eth0', false],
    ['fd00::1 dev eth1 proto kernel src fd00::2 metric 256 pref medium', 'on eth1', false],
  ];
  for (const [line, text, isLocal] of cases) assert.deepEqual(parseRoute(line), { text, isLocal });
});
