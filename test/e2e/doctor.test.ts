/** `doctor` finds what is wrong between resolv.conf and the sidecar, and says what to do (contract 1.5). */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createDisk } from '../soak/disk.ts';
import { type BlackHole, openBlackHole } from '../support/black-hole.ts';
import { type CoreDns, startCoreDNS } from '../support/coredns.ts';
import { createNamespace, type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { freePort } from '../support/ports.ts';
import { runToEnd, startChild, until } from '../support/process.ts';
import { skipWithout } from '../support/provision.ts';
import { type Cleanup, CONFIG_FILE, createSite, type Server, type Site, startOn } from '../support/server.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const INTERFACES =
  'interfaces:\n  - { name: com.foo.UserService, port: 20880, endpoints: ["10.0.0.1:20880"] }\n';
const FILE_REGISTRY = 'registries: [{ kind: file, path: interfaces.yaml }]\n';

interface Row {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'finding';
  readonly text: string;
  readonly remedy?: string;
}

interface Report {
  readonly status: number | null;
  readonly rows: readonly Row[];
  readonly findings: readonly Row[];
  readonly milliseconds: number;
}

type Launch = Namespace['run'] | typeof startChild;

async function doctor(
  site: Site,
  args: readonly string[] = [],
  launch: Launch = startChild,
): Promise<Report> {
  const start = performance.now();
  const run = await runToEnd(process.execPath, [MAIN, 'doctor', '-c', CONFIG_FILE, '--json', ...args], {
    cwd: site.folder,
    launch,
  });
  assert.equal(run.stderr, '');
  const { checks, findings } = JSON.parse(run.stdout) as { checks: Row[]; findings: number };
  const found = checks.filter(({ state }) => state === 'finding');
  assert.equal(found.length, findings);
  assert.equal(run.code, findings === 0 ? 0 : 1);
  for (const row of checks) {
    if (row.state !== 'ok') assert.ok((row.remedy ?? '').length > 10, `no remedy: ${row.text}`);
    assert.doesNotMatch(`${row.text} ${row.remedy}`.replace(/ undefined$/, ''), /undefined|NaN|\[object/);
  }
  return { status: run.code, rows: checks, findings: found, milliseconds: performance.now() - start };
}

/** The finding of a check that says so, with what it says to do. */
function assertFound({ findings, rows }: Report, check: string, text: RegExp, remedy: RegExp): void {
  const row = findings.find((one) => one.check === check && text.test(one.text));
  assert.ok(
    row !== undefined,
    `${check}: ${text} among\n${rows.map((one) => JSON.stringify(one)).join('\n')}`,
  );
  assert.match(row.remedy ?? '', remedy);
}

function assertGood({ rows }: Report, check: string, text: RegExp): void {
  const row = rows.find((one) => one.check === check && one.state === 'ok' && text.test(one.text));
  assert.ok(
    row !== undefined,
    `${check}: ${text} among\n${rows.map((one) => JSON.stringify(one)).join('\n')}`,
  );
}

suite('a machine of a caller', { skip: skipWithoutNamespaces() || skipWithout('coredns') }, () => {
  const cleaning: (() => unknown)[] = [];
  const cleanup: Cleanup = { after: (clean) => void cleaning.unshift(clean) };
  const STUB = 'rpc.cluster.local:53 {\n  bind {$ADDRESS}\n  forward . 127.0.0.1:5300\n}\n';
  const REST = '.:53 {\n  bind {$ADDRESS}\n  template ANY ANY {\n    rcode NXDOMAIN\n  }\n}\n';
  const RESOLVER = ['--resolv-conf', 'resolv.conf'];
  /** for what will be silent */
  const SHORT = ['--timeout', '300'];
  let inside: Namespace;
  let hole: BlackHole;
  let server: Server;
  let coredns: CoreDns;

  before(async () => {
    inside = await createNamespace();
    cleanup.after(() => inside.remove());
    hole = await openBlackHole(cleanup, inside);
    await inside.addLocalRange('247.0.0.0/8');
    const site = await createSite({
      config: `listen: { dns: ["127.0.0.1:5300", "${hole.near}:5300"], http: "127.0.0.1:8080" }\n${FILE_REGISTRY}`,
      files: {
        'interfaces.yaml': INTERFACES,
        'resolv.conf': 'nameserver 127.0.0.9\nsearch rpc.cluster.local\noptions ndots:5\n',
      },
    });
    server = await startOn(site, cleanup, { launch: inside.run });
    await server.logged(/"msg":"ready"/);
    coredns = await startCoreDNS(cleanup, {
      corefile: STUB + REST,
      address: '127.0.0.9',
      port: 53,
      launch: inside.run,
    });
    const sidecar =
      'require("net").createServer(s=>s.end()).listen(20880,"0.0.0.0",()=>console.log("READY"))';
    const listening = inside.run(process.execPath, ['-e', sidecar]);
    cleanup.after(() => listening.kill());
    await listening.waitFor(/READY/);
  });
  after(async () => {
    for (const clean of cleaning) await clean();
  });

  test('where nothing is wrong: status 0, and each step with its time', async () => {
    const report = await doctor(server, RESOLVER, inside.run);
    assert.equal(report.status, 0, JSON.stringify(report.findings, undefined, 1));
    assertGood(report, 'configuration', /^rpc-dns\.yaml is good$/);
    assertGood(report, 'server', /^rpc-dns .*, pid \d+ is ready and knows 1 interface$/);
    assertGood(report, 'ports', /^127\.0\.0\.1:5300 answers UDP in [\d.]+ ms, TCP in [\d.]+ ms$/);
    assertGood(report, 'ports', /^http 127\.0\.0\.1:8080 answers in /);
    assertGood(report, 'registries', /^file:interfaces\.yaml: live, 1 interfaces, 1 instances$/);
    assertGood(report, 'store', /^data\/rpc-dns\.db can be written, \d+ [MG]B free$/);
    assertGood(report, 'resolv.conf', /nameserver 127\.0\.0\.9; search rpc\.cluster\.local; ndots 5$/);
    assertGood(
      report,
      'cluster DNS',
      /^127\.0\.0\.9 resolves full names: com\.foo\.UserService\.\S+ is 247\./,
    );
    assertGood(
      report,
      'name',
      /^bare com\.foo\.UserService is found as \S+\.rpc\.cluster\.local, question 1 of 2$/,
    );
    assertGood(
      report,
      'name',
      /^nameserver 127\.0\.0\.9 says CNAME UserService\.foo\.com\.svc\S+, A 247\.\S+ in /,
    );
    assertGood(report, 'name', /^rpc-dns at 127\.0\.0\.1:5300 says CNAME .* in [\d.]+ ms$/);
    assertGood(report, 'name', /^VIP 247\.\S+:20880 takes connections in [\d.]+ ms; local on lo$/);
    assertGood(report, 'limits', /^pid \d+ may open \d+ files$/);
  });

  test('text for people: one line each, what to do below findings, and how many', async () => {
    server.write('ndots.conf', 'nameserver 127.0.0.9\nsearch rpc.cluster.local\n');
    const args = [MAIN, 'doctor', '-c', CONFIG_FILE, '--resolv-conf', 'ndots.conf'];
    const run = await runToEnd(process.execPath, args, { cwd: server.folder, launch: inside.run });
    assert.equal(run.code, 1);
    const lines = run.stdout.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^ok {7}configuration {2}rpc-dns\.yaml is good$/);
    const at = lines.findIndex((line) =>
      /^finding {2}resolv\.conf {4}ndots\.conf: ndots 1 is too small/.test(line),
    );
    assert.match(lines[at + 1] ?? '', /^ {9}what to do: write "options ndots:5"/);
    assert.match(lines.at(-1) ?? '', /^1 finding\b/);
  });

  test('a wrong ndots: musl asks nothing else', async () => {
    const report = await doctor(server, ['--resolv-conf', 'ndots.conf'], inside.run);
    assertFound(
      report,
      'resolv.conf',
      /ndots 1 is too small for com\.foo\.UserService, which has 2 dots/,
      /options ndots:5.*dnsConfig.*or let programs ask for com\.foo\.UserService\.rpc\.cluster\.local/,
    );
    server.write('large.conf', 'nameserver 127.0.0.9\nsearch rpc.cluster.local\noptions ndots:9\n');
    const large = await doctor(server, ['--resolv-conf', 'large.conf'], inside.run);
    assert.equal(large.status, 0);
    assert.ok(
      large.rows.some(
        ({ state, text }) => state === 'warning' && /ndots 9 is more than the 5 dots/.test(text),
      ),
    );
  });

  test('CoreDNS without the stub', async () => {
    await coredns.reload(REST);
    const report = await doctor(server, RESOLVER, inside.run);
    await coredns.reload(STUB + REST);
    assertFound(
      report,
      'cluster DNS',
      /^127\.0\.0\.9 does not resolve names of rpc-dns: leak .*the forward line of the zone is missing/,
      /rpc-dns corefile --style stub -c rpc-dns\.yaml.*rpc-dns corefile --check 127\.0\.0\.9:53/,
    );
    assertGood(report, 'name', /^rpc-dns at 127\.0\.0\.1:5300 says CNAME/);
  });

  test('a nameserver that nobody runs, and one that hangs', async (t) => {
    server.write('dead.conf', 'nameserver 127.0.0.10\nnameserver 127.0.0.9\n');
    const dead = await doctor(server, ['--resolv-conf', 'dead.conf', ...SHORT], inside.run);
    assertFound(
      dead,
      'cluster DNS',
      /^127\.0\.0\.10 does not resolve names of rpc-dns: no answer/,
      /corefile --style stub/,
    );
    coredns.pause();
    t.after(() => coredns.resume());
    const hung = await doctor(server, ['--resolv-conf', 'dead.conf', ...SHORT], inside.run);
    assertFound(
      hung,
      'name',
      /^nameserver 127\.0\.0\.9 says nothing$/,
      /let its port 53 through, or take it out/,
    );
  });

  test('a firewalled port is told from one that nobody has', async (t) => {
    // what is sent to the port leaves on the cable instead of arriving
    await hole.ip('rule', 'del', 'pref', '0');
    await hole.ip('rule', 'add', 'pref', '10', 'lookup', 'local');
    await hole.ip('route', 'add', 'default', 'via', hole.far, 'dev', 'hole0', 'table', '99');
    await hole.ip('rule', 'add', 'pref', '1', 'to', hole.near, 'dport', '5300', 'lookup', '99');
    t.after(() => hole.ip('rule', 'del', 'pref', '1'));
    const report = await doctor(server, [...RESOLVER, ...SHORT], inside.run);
    assertFound(
      report,
      'ports',
      /^10\.9\.0\.1:5300 says nothing and nobody refuses: node main\.ts serve \(pid \d+\) has the port: .* dropped on the way, over UDP and TCP$/,
      /nft list ruleset, iptables -nvL, NetworkPolicies/,
    );
    assertGood(report, 'ports', /^127\.0\.0\.1:5300 answers UDP/);
    assert.equal(report.findings.length, 1);
  });

  test('a VIP range that is routed elsewhere, and one that has no route', async () => {
    await hole.ip('route', 'del', 'local', '247.0.0.0/8', 'dev', 'lo');
    const none = await doctor(server, RESOLVER, inside.run);
    assertFound(
      none,
      'name',
      /^VIP 247\.\S+:20880 cannot be reached \(ENETUNREACH\), no route \(Network is unreachable\)$/,
      /ip route add local 247\.0\.0\.0\/8 dev lo/,
    );
    await hole.ip('route', 'add', '247.0.0.0/8', 'via', hole.far, 'dev', 'hole0');
    const elsewhere = await doctor(server, [...RESOLVER, ...SHORT], inside.run);
    await hole.ip('route', 'del', '247.0.0.0/8');
    await inside.addLocalRange('247.0.0.0/8');
    assertFound(
      elsewhere,
      'name',
      /^VIP 247\.\S+:20880 says nothing, by 10\.9\.0\.2 on hole0: connections go where nobody takes them$/,
      /ip route add local 247\.0\.0\.0\/8 dev lo, or the sidecar's redirect rules; then the sidecar listens/,
    );
  });

  test('no sidecar: the VIP refuses', async () => {
    server.write('interfaces.yaml', INTERFACES.replace('port: 20880', 'port: 20999'));
    await until('the new port', async () => {
      return (await server.cli('lookup', 'com.foo.UserService')).stdout.includes('port 20999');
    });
    const report = await doctor(server, RESOLVER, inside.run);
    server.write('interfaces.yaml', INTERFACES);
    assertFound(
      report,
      'name',
      /^VIP 247\.\S+:20999 refuses, local on lo: nothing listens there$/,
      /start the sidecar, and let it listen on port 20999/,
    );
  });

  test('a hanging rpc-dns, and all else silent: told within ten seconds', async (t) => {
    const { far } = hole;
    const user = { token: 'any' };
    const cluster = { server: `https://${far}:6443`, 'insecure-skip-tls-verify': true };
    const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
    const clusters = [{ name: 'c', cluster }];
    const access = { 'current-context': 'c', contexts, clusters, users: [{ name: 'u', user }] };
    server.write('kubeconfig', JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...access }));
    server.write(
      'worst.yaml',
      `listen: { dns: ["127.0.0.1:5300", "${hole.near}:5300"], http: "127.0.0.1:8080" }\n` +
        `registries: [{ kind: zookeeper, servers: "${far}:2181" }, { kind: kubernetes, kubeconfig: kubeconfig, name: prod }]\n`,
    );
    const pod = 'search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n';
    server.write('worst.conf', `nameserver ${far}\nnameserver ${far}\nnameserver ${far}\n${pod}`);
    server.child.signal('SIGSTOP');
    t.after(() => server.child.signal('SIGCONT'));
    const args = ['-c', 'worst.yaml', '--resolv-conf', 'worst.conf', '--name', 'com.foo.UserService'];
    const report = await doctor(server, args, inside.run);
    assert.ok(report.milliseconds < 10_000, `${report.milliseconds} ms`);
    assertFound(
      report,
      'ports',
      /^127\.0\.0\.1:5300 takes questions and answers none: node main\.ts serve \(pid \d+\) has the port, and is stopped/,
      /kill -CONT \d+/,
    );
    assertFound(report, 'server', /says nothing within \d+ ms: it hangs$/, /has its port/);
    assertFound(
      report,
      'registries',
      /: 10\.9\.0\.2:2181 says nothing within 1000 ms$/,
      /firewall or NetworkPolicy/,
    );
    assertFound(report, 'registries', /^prod: /, /see that the server in kubeconfig is the right one, runs/);
    assertFound(
      report,
      'cluster DNS',
      /: no answer to com\.foo\.UserService\.rpc\.cluster\.local/,
      /corefile --style stub/,
    );
  });
});

suite('a server', { concurrency: 3 }, () => {
  test('a configuration that cannot be used: what check prints, status 2', async () => {
    const site = await createSite({ config: 'answers: { style: round }\nzoone: x\n' });
    const [wrong, checked] = await Promise.all([site.cli('doctor'), site.cli('check')]);
    assert.equal(wrong.status, 2);
    assert.equal(wrong.stderr, checked.stderr);
    assert.equal(wrong.stdout, '');
    const timeout = await site.cli('doctor', '--timeout', 'soon');
    assert.equal(timeout.status, 2);
    assert.match(timeout.stderr, /^--timeout 'soon': expected milliseconds from 10 to 60000$/m);
  });

  test('none runs: nobody listens, and what starts it', async () => {
    const site = await createSite({
      config: FILE_REGISTRY,
      files: { 'interfaces.yaml': INTERFACES, 'a.conf': '' },
    });
    const report = await doctor(site, ['--resolv-conf', 'a.conf', '--name', 'com.foo.UserService']);
    assertFound(
      report,
      'server',
      /no server is running on the control socket data\/rpc-dns\.sock/,
      /start it: rpc-dns serve -c rpc-dns\.yaml/,
    );
    assertFound(
      report,
      'ports',
      /refuses: nobody listens there, over UDP and TCP$/,
      /rpc-dns serve -c rpc-dns\.yaml/,
    );
    assertFound(report, 'resolv.conf', /a\.conf names no nameserver/, /add a line "nameserver ADDRESS"/);
    const gone = await doctor(site, ['--resolv-conf', 'nowhere.conf']);
    assertFound(gone, 'resolv.conf', /nowhere\.conf: /, /--resolv-conf/);
  });

  test('somebody else has its ports: who answers nothing, and who answers wrongly', async (t) => {
    const site = await createSite({ config: FILE_REGISTRY, files: { 'interfaces.yaml': INTERFACES } });
    const udp = createSocket('udp4');
    const tcp = createTcpServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((done) => udp.bind(site.dnsPort, '127.0.0.1', done));
    await new Promise<void>((done) => tcp.listen(site.dnsPort, '127.0.0.1', done));
    t.after(() => {
      udp.close();
      tcp.close();
    });
    const silent = await doctor(site, ['--timeout', '300']);
    assertFound(
      silent,
      'ports',
      new RegExp(
        `takes questions and answers none: node \\S+ \\(pid ${process.pid}\\) has the port: it hangs`,
      ),
      /start it anew/,
    );
    udp.on('message', (message, client) => {
      const reply = Buffer.from(message.subarray(0, 12));
      reply.writeUInt16BE(0x8005, 2);
      reply.fill(0, 4);
      udp.send(reply, client.port, client.address);
    });
    const wrong = await doctor(site, ['--timeout', '300']);
    assertFound(wrong, 'ports', /takes questions and answers none: .* over TCP$/, /start it anew/);
    assertFound(
      wrong,
      'ports',
      /answers REFUSED to rpc\.cluster\.local SOA, as no rpc-dns .*, over UDP$/,
      /stop what answers there/,
    );
  });

  test('a full disk, and one that is read-only', { skip: skipWithoutNamespaces() }, async (t) => {
    const disk = createDisk();
    t.after(disk.remove);
    const { fill } = disk;
    assert.ok(fill !== undefined, 'root can mount a disk of its own');
    const site = await createSite({
      config: `store: { kind: sqlite, path: ${join(disk.folder, 'ledger.db')} }\n${FILE_REGISTRY}`,
      files: { 'interfaces.yaml': INTERFACES },
    });
    const server = await startOn(site, t, { until: 'ready' });
    fill();
    const full = await doctor(server);
    assertFound(
      full,
      'store',
      /^the disk of \S+ is full: 0 kB free$/,
      /make room: .*no new interface gets a VIP/,
    );
    await server.stop();
    disk.free();
    await runToEnd('mount', ['-o', 'remount,ro', disk.folder]);
    assertFound(
      await doctor(site),
      'store',
      /ledger\.db lies on a file system that is mounted read-only$/,
      /mount it for writing/,
    );
  });

  test('an expired token of a kubernetes registry, and a clock that is wrong', async (t) => {
    const api = createServer((_request, response) => {
      response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized', code: 401 }),
      );
    });
    await new Promise<void>((done) => api.listen(0, '127.0.0.1', done));
    t.after(() => {
      api.close();
      api.closeAllConnections();
    });
    const { port } = api.address() as AddressInfo;
    const site = await createSite({
      config:
        'registries: [{ kind: kubernetes, kubeconfig: kubeconfig, name: prod }]\nstore: { kind: memory }\n',
      files: {
        kubeconfig: JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          'current-context': 'c',
          contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
          clusters: [
            { name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
          ],
          users: [{ name: 'u', user: { token: 'expired' } }],
        }),
      },
    });
    const server = await startOn(site, t);
    const report = await doctor(server);
    const renew = /the token or certificate in kubeconfig has expired or was revoked: renew it/;
    assertFound(report, 'registries', /^prod: GET \/api\/v1\/services: 401 Unauthorized$/, renew);
    assertFound(report, 'registries', /^prod: (failed|syncing|stale) for \d+ s/, renew);
    assertFound(report, 'server', /is not ready: it waits for prod$/, /SERVFAIL/);
    assertFound(report, 'clock', /^it is 3(599|600|601) s ahead of that of prod$/, /NTP/);
  });

  test('a ZooKeeper that nobody runs, few file descriptors, and queries that were lost', async (t) => {
    const port = await freePort();
    const site = await createSite({
      config: `registries: [{ kind: zookeeper, servers: "127.0.0.1:${port}" }]\n`,
    });
    const server = await startOn(site, t, {
      launch: (command, args, options) =>
        startChild('prlimit', ['--nofile=900:900', command, ...args], options),
    });
    server.child.signal('SIGSTOP');
    const flood = createSocket('udp4');
    t.after(() => flood.close());
    await new Promise<void>((done) => flood.connect(site.dnsPort, '127.0.0.1', done));
    const query = Buffer.alloc(512);
    // more than the largest receive buffer that the server may have
    const rounds = 40;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: 500 }, () => new Promise((sent) => flood.send(query, sent))));
    }
    server.child.signal('SIGCONT');
    const report = await doctor(server);
    const refuses = new RegExp(`: 127\\.0\\.0\\.1:${port} refuses: nobody listens there$`);
    assertFound(report, 'registries', refuses, /start it, or correct servers/);
    assertFound(
      report,
      'limits',
      /^pid \d+ may open 900 files: TCP clients are turned away early$/,
      /LimitNOFILE=/,
    );
    assertFound(report, 'limits', /^\d+ queries to UDP port \d+ were dropped/, /net\.core\.rmem_max/);
  });

  test('a store that somebody else has open, and a zone file that is left out', async (t) => {
    const site = await createSite({
      config: `zones: ["*.zone"]\n${FILE_REGISTRY}`,
      files: { 'interfaces.yaml': INTERFACES, 'bad.zone': 'nonsense\n' },
    });
    const server = await startOn(site, t, { until: 'ready' });
    const reader = startChild('sh', ['-c', 'exec 3<data/rpc-dns.db; echo READY; exec sleep 60'], {
      cwd: site.folder,
    });
    t.after(() => reader.kill());
    await reader.waitFor(/READY/);
    const report = await doctor(server);
    assertFound(
      report,
      'configuration',
      /^bad\.zone:1:\d+: .*: the file is left out$/,
      /rpc-dns check -c rpc-dns\.yaml/,
    );
    const shared = report.rows.find(({ check, state }) => check === 'store' && state === 'warning');
    assert.match(shared?.text ?? '', /^data\/rpc-dns\.db is open in sleep \(pid \d+\) as well$/);
  });
});
