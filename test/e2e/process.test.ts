/** How the process starts, is reloaded and stops (contract 1.4 and 1.5). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../support/process.ts';
import {
  CONFIG_FILE,
  completeConfig,
  createSite,
  type Server,
  startOn,
  startServer,
} from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';

const Z = 'rpc.cluster.local.';
const FILES = 'registries: [{ kind: file, path: interfaces.yaml }]\n';
const A = 'interfaces:\n  - { name: com.foo.A, port: 1 }\n';
const AB = `${A}  - { name: com.foo.B, port: 1 }\n`;

const exists = async (server: Server, name: string) => (await server.query(`${name}.${Z} A`)).rcode === 0;

async function started(
  config = FILES,
  files: Record<string, string> = { 'interfaces.yaml': A },
): Promise<Server> {
  const server = await startServer({ config, files });
  await until('ready', async () => (await server.http('/ready')).status === 200);
  return server;
}

test('threads of queries go before all others', { skip: process.platform !== 'linux' }, async () => {
  const server = await started();
  const { pid } = server.child;
  // proc_pid_stat(5): the niceness is the 17th field behind the name
  const niceness = new Map<string, number[]>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const nice = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
    niceness.set(name, [...(niceness.get(name) ?? []), nice]);
  }
  const own = niceness.get('WorkerThread') ?? [];
  assert.ok(own.includes(0), JSON.stringify([...niceness]));
  assert.ok(
    niceness.get('V8Worker')?.every((nice) => nice === 10),
    JSON.stringify([...niceness]),
  );
  const main = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
  assert.equal(Number(main.slice(main.lastIndexOf(')') + 2).split(' ')[16]), 10);
  await server.stop();
});

test('SIGTERM, once or more than once, finishes and exits 0', async () => {
  const server = await started();
  server.child.signal('SIGTERM');
  server.child.signal('SIGTERM');
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });
  assert.equal(server.log().at(-1)?.msg, 'stopped');
});

test('a lame duck is not ready but answers; SIGINT ends it at once', async () => {
  const server = await started(`${FILES}lameduck: 60s\n`);
  server.child.signal('SIGTERM');
  await server.logged(/lame duck/);
  assert.equal((await server.http('/ready')).status, 503);
  assert.equal((await server.http('/health')).status, 200);
  assert.ok(await exists(server, 'com.foo.A'));
  server.child.signal('SIGINT');
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });
});

test('a good reload by SIGHUP changes answers; a bad one changes nothing and says why', async (t) => {
  const server = await started();
  t.after(() => server.kill());
  server.write(CONFIG_FILE, completeConfig(`${FILES}answers: { style: flat, ttl: 9 }\n`, server));
  assert.equal(await server.reload(), true);
  await until('flat', async () => (await server.query(`com.foo.A.${Z} A`)).answer.length === 1);
  const before = await server.query(`com.foo.A.${Z} A`);
  assert.match(before.answer[0] ?? '', / 9 A 247\./);
  const from = server.mark();
  server.write(CONFIG_FILE, completeConfig(`${FILES}answers: { style: round, ttl: -1 }\n`, server));
  await server.logged(/not reloaded: the running configuration stays/, from);
  const said = server.child.output().slice(from);
  assert.match(said, /rpc-dns\.yaml:3:19: 'round': expected one of cname, flat/);
  assert.match(said, /rpc-dns\.yaml:3:31: '-1': expected at least 0/);
  assert.deepEqual((await server.query(`com.foo.A.${Z} A`)).answer, before.answer);
  assert.ok(((await server.metric('rpcdns_reloads_total', { result: 'failure' })) ?? 0) >= 1);
});

test('what only a restart can change is said, and the rest is applied', async (t) => {
  const server = await started();
  t.after(() => server.kill());
  server.write(CONFIG_FILE, `listen: { dns: ["127.0.0.1:1"], http: null }\n${FILES}answers: { ttl: 7 }\n`);
  await server.logged(/"keys":\["listen".*\],"msg":"changed, but only a restart can apply it"/);
  await until('ttl 7', async () =>
    / 7 CNAME /.test((await server.query(`com.foo.A.${Z} A`)).answer[0] ?? ''),
  );
});

test('the interfaces file is read again: written in place, replaced by rename, switched by a link', async (t) => {
  const server = await started(FILES.replace('interfaces.yaml', 'mounted/interfaces.yaml'), {
    '..2026_1/interfaces.yaml': A,
    'mounted/placeholder': '',
    'mounted/interfaces.yaml': A,
  });
  t.after(() => server.kill());
  server.write('mounted/interfaces.yaml', AB);
  await until('B, written in place', () => exists(server, 'com.foo.B'));
  server.write('mounted/next', AB.replace('com.foo.B', 'com.foo.C'));
  renameSync(join(server.folder, 'mounted/next'), join(server.folder, 'mounted/interfaces.yaml'));
  await until('C, replaced', () => exists(server, 'com.foo.C'));
  assert.equal(await exists(server, 'com.foo.B'), false);

  // as the kubelet does it: interfaces.yaml → ..data/interfaces.yaml, ..data → ..2026_1, and ..data is replaced
  const mounted = join(server.folder, 'mounted');
  for (const [folder, name] of [
    ['..2026_1', 'D'],
    ['..2026_2', 'E'],
  ] as const) {
    mkdirSync(join(mounted, folder));
    writeFileSync(join(mounted, folder, 'interfaces.yaml'), AB.replace('com.foo.B', `com.foo.${name}`));
  }
  symlinkSync('..2026_1', join(mounted, '..data'));
  rmSync(join(mounted, 'interfaces.yaml'));
  symlinkSync('..data/interfaces.yaml', join(mounted, 'interfaces.yaml'));
  await until('D, behind the link', () => exists(server, 'com.foo.D'));
  symlinkSync('..2026_2', join(mounted, '..data_tmp'));
  renameSync(join(mounted, '..data_tmp'), join(mounted, '..data'));
  await until('E, the link moved', () => exists(server, 'com.foo.E'));
});

test('a bad or missing interfaces file leaves what was read last', async (t) => {
  const server = await started();
  t.after(() => server.kill());
  server.write('interfaces.yaml', 'interfaces:\n  - { name: com.foo.A, port: no }\n');
  await server.logged(/interfaces\.yaml:2:30: 'no': expected a number/);
  assert.ok(await exists(server, 'com.foo.A'));
  assert.match((await server.http('/ready')).text, /stale: file:interfaces\.yaml/);
  rmSync(join(server.folder, 'interfaces.yaml'));
  await server.logged(/interfaces\.yaml: no such file/);
  assert.ok(await exists(server, 'com.foo.A'));
  server.write('interfaces.yaml', AB);
  await until('right again', () => exists(server, 'com.foo.B'));
  assert.equal((await server.http('/ready')).text, 'OK\n');
});

test('a zone file is read again; a bad one behind a glob leaves its last good content', async (t) => {
  const zone = (address: string) =>
    `$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n  NS ns\nns A ${address}\n`;
  const server = await started(`${FILES}zones: ["*.zone"]\n`, {
    'interfaces.yaml': A,
    'a.zone': zone('10.0.0.1'),
  });
  t.after(() => server.kill());
  const address = async () => (await server.query('ns.a.example. A')).answer[0]?.split(' ').at(-1);
  assert.equal(await address(), '10.0.0.1');
  server.write('a.zone', zone('10.0.0.2'));
  await until('the new address', async () => (await address()) === '10.0.0.2');
  const from = server.mark();
  server.write('a.zone', zone('10.0.0.300'));
  await server.logged(/"problem":"a\.zone:5:6: .*"msg":"zone file left out"/, from);
  assert.equal(await address(), '10.0.0.2');
  server.write('b.zone', zone('10.0.0.3').replace('a.example', 'b.example'));
  await until('a new file', async () => (await server.query('ns.b.example. A')).answer.length === 1);
  rmSync(join(server.folder, 'b.zone'));
  await until('its end', async () => (await server.query('ns.b.example. A')).rcode === 5);
  assert.ok(await exists(server, 'com.foo.A'), 'registry names are untouched');
});

/** Starts where starting must fail; @returns status and the one line. */
async function refusedStart(
  config: string,
  files: Record<string, string> = {},
): Promise<{ status: number | null; lines: string[] }> {
  const site = await createSite({ config, files: { 'interfaces.yaml': A, ...files } });
  const { status, stderr, stdout } = await site.cli('serve');
  assert.equal(stdout.includes('serving'), false, stdout);
  return { status, lines: stderr.trim().split('\n') };
}

test('a taken port is one line: place, address, holder, remedy; status 1', async (t) => {
  const udp = createSocket('udp4');
  await new Promise<void>((done) => udp.bind(0, '127.0.0.1', done));
  t.after(() => void udp.close());
  const { port } = udp.address();
  const dns = await refusedStart(`listen: { dns: ["127.0.0.1:${port}"], http: null }\n`);
  assert.equal(dns.status, 1);
  assert.equal(dns.lines.length, 1);
  assert.match(
    dns.lines[0] ?? '',
    new RegExp(
      `^rpc-dns\\.yaml:1:17: cannot listen on 127\\.0\\.0\\.1:${port} \\(udp\\): in use by .+ \\(pid ${process.pid}\\): stop it, or choose another port$`,
    ),
  );
  const web = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => web.once('listening', done));
  t.after(() => void web.close());
  const address = web.address();
  const taken = typeof address === 'object' && address !== null ? address.port : 0;
  const http = await refusedStart(`listen: { dns: ["127.0.0.1:0"], http: "127.0.0.1:${taken}" }\n`);
  assert.equal(http.status, 1);
  assert.deepEqual(http.lines.length, 1);
  assert.match(
    http.lines[0] ?? '',
    /^rpc-dns\.yaml:1:\d+: cannot listen on 127\.0\.0\.1:\d+ \(http\): in use by .* \(pid \d+\)/,
  );
});

test('a second server on the same files is refused in one line; the first is unharmed', async (t) => {
  const server = await started();
  t.after(() => server.kill());
  server.write('other.yaml', `listen: { dns: ["127.0.0.1:0"], http: null }\ncontrol: other.sock\n${FILES}`);
  const other = await server.cli('serve', '-c', 'other.yaml');
  assert.equal(other.status, 1);
  assert.equal(
    other.stderr,
    'data/rpc-dns.db is in use by another process: one rpc-dns for each store file\n',
  );
  server.write(
    'third.yaml',
    `listen: { dns: ["127.0.0.1:0"], http: null }\nstore: { kind: memory }\n${FILES}`,
  );
  const third = await server.cli('serve', '-c', 'third.yaml');
  assert.equal(third.status, 1);
  assert.match(
    third.stderr,
    /^third\.yaml:1:1: cannot open the control socket data\/rpc-dns\.sock: it is in use by another rpc-dns/,
  );
  assert.ok(await exists(server, 'com.foo.A'));
});

test('an address that the machine lacks is one line', async () => {
  const { status, lines } = await refusedStart('listen: { dns: ["203.0.113.7:5300"], http: null }\n');
  assert.equal(status, 1);
  assert.deepEqual(lines, [
    'rpc-dns.yaml:1:17: cannot listen on 203.0.113.7:5300 (udp): this machine has no such address',
  ]);
});

const skipMount = process.geteuid?.() === 0 ? false : 'a read-only file system needs root';

test('a read-only folder is one line', { skip: skipMount }, async (t) => {
  // root ignores modes: only a file system that is read-only stops it
  const folder = tempFolder('read-only');
  const mount = (...args: string[]) => assert.equal(spawnSync('mount', args).status, 0, args.join(' '));
  mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
  t.after(() => spawnSync('umount', [folder]));
  mkdirSync(join(folder, 'data'));
  mount('-o', 'remount,ro', folder);
  const { status, lines } = await refusedStart(
    `listen: { dns: ["127.0.0.1:0"], http: null }\nstore: { kind: sqlite, path: "${folder}/data/a.db" }\n`,
  );
  assert.equal(status, 1);
  assert.deepEqual(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /^cannot write .*\/data\/a\.db \(unable to open database file\): make it writable, or set store\.path$/,
  );
});

test('before a required registry was read: SERVFAIL 14 and /ready 503; static records answer', async (t) => {
  const zone = '$ORIGIN rpc.cluster.local.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n  NS ns\nns A 10.0.0.1\n';
  const config = `zones: [z.zone]\nregistries: [{ kind: zookeeper, servers: "127.0.0.1:1" }, { kind: file, path: interfaces.yaml }]\n`;
  const site = await createSite({ config, files: { 'z.zone': zone, 'interfaces.yaml': A } });
  const server = await startOn(site, t, { until: 'serving' });
  await server.logged(/"msg":"registry is away"/);
  const reply = await server.query(`com.foo.A.${Z} A`);
  assert.equal(reply.rcode, 2);
  assert.deepEqual(reply.errors, [{ code: 14, text: 'the registries have not been read yet' }]);
  assert.equal((await server.query(`ns.${Z} A`)).answer.length, 1);
  assert.equal((await server.query('. NS')).rcode, 5, 'a health probe gets a reply');
  const ready = await server.http('/ready');
  assert.equal(ready.status, 503);
  assert.match(ready.text, /^waiting for zookeeper:127\.0\.0\.1:1\/dubbo \(failed: /);
});

test('the query log is off, is turned on for a name, and off again', async (t) => {
  const server = await started();
  t.after(() => server.kill());
  await exists(server, 'com.foo.A');
  assert.equal(server.child.output().includes('"msg":"query"'), false);
  const refused = await server.cli('querylog', 'on');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /needs a name or a client/);
  const on = await server.cli('querylog', 'on', '--name', 'COM.foo.a');
  assert.equal(on.stdout, 'query log on for com.foo.a.rpc.cluster.local and all below\n');
  await exists(server, 'com.foo.B');
  await exists(server, 'com.foo.A');
  await server.logged(
    /"name":"com\.foo\.A\.rpc\.cluster\.local\.","type":"A","rcode":"NOERROR".*"msg":"query"/,
  );
  assert.equal(server.child.output().includes('com.foo.B.rpc'), false);
  assert.equal((await server.cli('querylog', 'off')).stdout, 'query log off\n');
  const from = server.mark();
  await exists(server, 'com.foo.A');
  await exists(server, 'com.foo.A');
  assert.equal(server.child.output().slice(from).includes('"msg":"query"'), false);
});

test('the query log of a network; what is none is refused', async (t) => {
  const server = await started();
  t.after(() => server.kill());
  const nonsense = await server.cli('querylog', 'on', '--client', 'nonsense');
  assert.equal(nonsense.status, 2);
  assert.equal(
    nonsense.stderr,
    "--client 'nonsense': expected an address or a network such as 10.0.0.7, 10.0.0.0/8 or fd00::/64\n",
  );
  const on = await server.cli('querylog', 'on', '--client', '127.0.0.1/8');
  assert.equal(on.stdout, 'query log on of clients in 127.0.0.0/8\n');
  await exists(server, 'com.foo.A');
  await server.logged(/"client":"127\.0\.0\.1".*"name":"com\.foo\.A\..*"msg":"query"/);
  const both = await server.cli('querylog', 'on', '--client', '10.0.0.0/8', '--name', `com.foo.A.${Z}`);
  assert.equal(
    both.stdout,
    'query log on for com.foo.A.rpc.cluster.local and all below of clients in 10.0.0.0/8\n',
  );
  const from = server.mark();
  await exists(server, 'com.foo.A');
  await exists(server, 'com.foo.A');
  assert.equal(server.child.output().slice(from).includes('"msg":"query"'), false);
});

test('lookup by another server is dns2 speaking DNS alone', async (t) => {
  const server = await started();
  t.after(() => server.kill());
  const text = await server.cli('lookup', `com.foo.A.${Z}`, '--server', `127.0.0.1:${server.dnsPort}`);
  assert.equal(text.status, 0);
  assert.match(
    text.stdout,
    /NOERROR, authoritative\nanswer:\n {2}com\.foo\.A\.rpc\.cluster\.local\.\t5\tIN\tCNAME/,
  );
  const json = JSON.parse((await server.cli('lookup', 'com.foo.A', 'SRV', '--json')).stdout) as {
    interface: { domain: string };
  };
  assert.equal(json.interface.domain, 'A.foo.com.svc.rpc.cluster.local');
  const gone = await server.cli('lookup', 'com.foo.None');
  assert.match(
    gone.stdout,
    /com\.foo\.None\.rpc\.cluster\.local\. belongs to no registered interface\n[\s\S]*NXDOMAIN/,
  );
});

test('a mass disappearance is doubted across a reload of the configuration', async (t) => {
  const names = Array.from({ length: 200 }, (_, i) => `  - { name: com.foo.S${i}, port: 1 }\n`).join('');
  const server = await started(FILES, { 'interfaces.yaml': `interfaces:\n${names}` });
  t.after(() => server.kill());
  server.write('interfaces.yaml', 'interfaces: []\n');
  await server.logged(/not believed for a while/);
  assert.ok(await exists(server, 'com.foo.S0'));
  server.write(CONFIG_FILE, completeConfig(`${FILES}answers: { ttl: 7 }\n`, server));
  await until('ttl 7', async () =>
    / 7 CNAME /.test((await server.query(`com.foo.S0.${Z} A`)).answer[0] ?? ''),
  );
  assert.ok(await exists(server, 'com.foo.S199'));
  assert.equal(await server.metric('rpcdns_registry_held_entries'), 200);
});

test('SIGTERM in the midst of a publication ends the server, and the next one knows everything', async (t) => {
  const document = (count: number, port: number) => {
    return `interfaces:\n${Array.from({ length: count }, (_, i) => `  - { name: com.foo.S${i}, port: ${port} }\n`).join('')}`;
  };
  const server = await started(FILES, { 'interfaces.yaml': document(5000, 1) });
  server.write('interfaces.yaml', document(5000, 2));
  server.child.signal('SIGTERM');
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });
  const next = await startOn(server, t);
  await until('the new port', async () => {
    const { answer } = await next.query(`_dubbo._tcp.S4999.foo.com.svc.${Z} SRV`);
    return / 0 0 2 S4999\./.test(answer[0] ?? '');
  });
});
