/** The command `corefile` with a real server: where packages and addresses come from, and what is refused. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { suite, test } from 'node:test';
import { freePort } from '../support/ports.ts';
import { runToEnd } from '../support/process.ts';
import { createSite, startServer } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');

const INTERFACES = `interfaces:
  - { name: com.foo.UserService, port: 20880 }
  - { name: org.apache.dubbo.demo.GreetingService, port: 20880 }
  - { name: short.Service, port: 20880 }
  - { name: Alone, port: 20880 }
`;
const FILES = 'registries: [{ kind: file, path: interfaces.yaml }]\n';
const SERVER = ['--server', '10.96.0.53'] as const;
const bare = (packages: string) => `(?:${packages.replaceAll('.', '\\.')})\\..+?`;

suite('packages', () => {
  test('of the running server, with those that no prefix can reach on standard error', async (t) => {
    const server = await startServer(
      { config: FILES, files: { 'interfaces.yaml': INTERFACES }, until: 'ready' },
      t,
    );
    const { status, stdout, stderr } = await server.cli('corefile', '-c', 'rpc-dns.yaml', ...SERVER);
    assert.equal(status, 0, stderr);
    assert.ok(stdout.includes(bare('com.foo|org.apache')), stdout);
    assert.match(stderr, /^bare names do not reach short\.Service: a package of 2 labels/m);
    assert.match(stderr, /^bare names do not reach Alone: /m);
    const given = await server.cli(
      'corefile',
      ...SERVER,
      '--packages',
      'net.one,net.two',
      '--packages',
      'net.three',
    );
    assert.ok(given.stdout.includes(bare('net.one|net.two|net.three')), 'the command line goes before all');
  });

  test('of ownership, without a server', async () => {
    const ownership =
      'ownership: [{ prefix: com.foo, namespaces: [trade] }, { prefix: com, namespaces: [x] }]\n';
    const site = await createSite({ config: ownership });
    const { status, stdout, stderr } = await site.cli('corefile', ...SERVER, '--search', 'ec2.internal');
    assert.equal(status, 0, stderr);
    assert.ok(stdout.includes('com\\.foo\\..+?'), stdout);
    assert.match(stderr, /^bare names do not reach ownership: 'com' would take/m);
    assert.match(stderr, /^packages come from ownership alone: no server is running/m);
  });

  test('none: an error that names the three ways, but not with style stub', async () => {
    const site = await createSite({ config: '' });
    const { status, stdout, stderr } = await site.cli('corefile', ...SERVER);
    assert.deepEqual([status, stdout], [2, '']);
    for (const way of ['--packages', 'ownership', 'running server', '--style stub'])
      assert.ok(stderr.includes(way), way);
    const stub = await site.cli('corefile', ...SERVER, '--style', 'stub');
    assert.deepEqual([stub.status, stub.stderr], [0, '']);
  });
});

suite('what is refused, with status 2 and nothing on standard output', () => {
  const rows: readonly (readonly [args: readonly string[], wanted: RegExp, config?: string])[] = [
    [['--packages', 'com.foo'], /no kubernetes registry is configured: give --server IP/],
    [['--packages', 'com', ...SERVER], /--packages 'com' would take every name/],
    [
      ['--packages', 'com.foo,rpc.cluster', ...SERVER],
      /'rpc\.cluster' would take names of rpc\.cluster\.local/,
    ],
    [['--packages', 'com.foo', '--server', 'rpc-dns.svc'], /expected an IP address/],
    [['--packages', 'com.foo', ...SERVER, '--coredns', 'newest'], /--coredns 'newest' is no version/],
    [['--packages', 'com.foo', ...SERVER, '--coredns', '1.9.4', '--style', 'view'], /lacks the plugin view/],
    [['--packages', 'com.foo', ...SERVER, '--cluster-domain', 'a..b'], /--cluster-domain 'a\.\.b'/],
    [['--packages', 'com.foo', ...SERVER, '--search', 'a*b'], /--search 'a\*b'/],
    [['--packages', 'com.foo', ...SERVER, '--style', 'odd'], /shared, view, stub/],
    [['--packages', 'com.foo', '--check', 'coredns:53'], /--check 'coredns:53': expected ADDRESS:PORT/],
    [['--packages', 'com.foo', ...SERVER], /zone svc\.cluster\.local lies in/, 'zone: svc.cluster.local\n'],
    [
      ['--packages', 'com.foo', ...SERVER],
      /zone cluster\.local would take all names/,
      'zone: cluster.local\n',
    ],
  ];
  for (const [args, wanted, config = ''] of rows) {
    test(`${config.trim()} ${args.join(' ')}`.trim(), async () => {
      const site = await createSite({ config });
      const { status, stdout, stderr } = await site.cli('corefile', ...args);
      assert.deepEqual([status, stdout], [2, ''], stderr);
      assert.match(stderr, wanted);
    });
  }
});

test('several zones, pools and servers', async () => {
  const config =
    'zone: [rpc.cluster.local, rpc.example]\nvips: { pools: ["172.16.0.0/20", "fd00:1::/112"] }\n';
  const site = await createSite({ config });
  const { stdout } = await site.cli('corefile', '--style', 'stub', '--server', '10.96.0.53,fd00::53');
  for (const zone of ['rpc.cluster.local', 'rpc.example', '0.16.172.in-addr.arpa', '15.16.172.in-addr.arpa'])
    assert.match(stdout, new RegExp(`^${zone.replaceAll('.', '\\.')}:53,?$`, 'm'));
  assert.match(stdout, /^(?:\d\.|[a-f]\.)+ip6\.arpa:53 \{$/m);
  assert.match(stdout, /^ {4}forward \. 10\.96\.0\.53 \[fd00::53\]:53 \{$/m);
});

test('without a configuration file the defaults stand, and standard error says so; one that is named has to be there', async () => {
  const folder = tempFolder('bare');
  const run = (...args: readonly string[]) =>
    runToEnd(process.execPath, [MAIN, 'corefile', ...args], { cwd: folder });
  const none = await run('--style', 'stub', ...SERVER);
  assert.equal(none.code, 0);
  assert.match(none.stdout, /^rpc\.cluster\.local:53 247\.in-addr\.arpa:53 \{$/m);
  assert.match(none.stderr, /^no -c, and no rpc-dns\.yaml here/);
  const named = await run('-c', 'none.yaml', ...SERVER);
  assert.deepEqual([named.code, named.stdout], [2, '']);
  assert.match(named.stderr, /^none\.yaml:1:1: /);
});

test('a check of an address where nothing listens says so, and ends in seconds', async () => {
  const site = await createSite({ config: '' });
  const address = `127.0.0.1:${await freePort()}`;
  const { status, stdout } = await site.cli('corefile', '--packages', 'com.foo', '--check', address);
  assert.equal(status, 2);
  assert.match(stdout, /^full names +no answer to com\.foo\..*nothing listens there/m);
  assert.match(stdout, /^bad: /m);
});
