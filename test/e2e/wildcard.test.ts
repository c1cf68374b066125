/** Servers that listen everywhere reply from the address that was asked, on a machine that has several, as they come and go. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createNamespace, layCable, type Namespace, skipWithoutNamespaces } from '../support/netns.ts';
import { runToEnd, until } from '../support/process.ts';
import { type Cleanup, createSite, type Site, startOn } from '../support/server.ts';

const INTERFACES = 'interfaces:\n  - { name: com.foo.A, port: 20880, endpoints: ["10.0.0.1:20880"] }\n';
const QUERY = JSON.stringify([
  ...Buffer.from(
    '\0\x07\0\0\0\x01\0\0\0\0\0\0\x03com\x03foo\x01A\x03rpc\x07cluster\x05local\0\0\x01\0\x01',
    'latin1',
  ),
]);

/** Asks each address from a socket that takes replies from anywhere; prints from where they came. */
const ASKER = `
const { createSocket } = require('node:dgram');
const [port, ...hosts] = process.argv.slice(1);
let left = hosts.length;
for (const host of hosts) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const done = (text) => { console.log(host + ' ' + text); socket.close(); clearTimeout(timer); };
  const timer = setTimeout(() => done('silence'), 3000);
  socket.on('message', (reply, from) => done(from.address + ' ' + (reply[3] & 15) + ' ' + reply[7]));
  socket.on('error', (error) => done(error.code));
  socket.send(Buffer.from(${QUERY}), Number(port), host);
}`;

/** @returns by address that was asked, from where the reply came, or what came instead */
async function askFrom(
  client: Namespace,
  port: number,
  hosts: readonly string[],
): Promise<Map<string, string>> {
  const { stdout, stderr } = await runToEnd(process.execPath, ['-e', ASKER, String(port), ...hosts], {
    launch: client.run,
  });
  const replies = [...stdout.matchAll(/^(\S+) (\S+)(.*)$/gm)];
  assert.equal(replies.length, hosts.length, stderr);
  for (const [line, , , rest] of replies) if (rest !== '') assert.equal(rest, ' 0 2', line);
  return new Map(replies.map(([, host = '', from = '']) => [host, from]));
}

const ip = async (inside: Namespace, ...args: string[]) => {
  const { code, stderr } = await runToEnd('ip', ['-n', inside.name, ...args]);
  assert.equal(code, 0, stderr);
};

/** A server with several addresses, and a client at the other end of its cable. */
async function machines(
  t: Cleanup,
  config: string,
): Promise<{ server: Namespace; client: Namespace; site: Site }> {
  const [server, client] = [await createNamespace(), await createNamespace()];
  t.after(() => Promise.all([server.remove(), client.remove()]));
  await layCable(client, server, { first: '10.9.0.1', second: '10.9.0.2' });
  const cable = /(\S+)@/
    .exec((await runToEnd('ip', ['-n', server.name, '-o', 'link', 'show', 'type', 'veth'])).stdout)?.[1]
    ?.trim();
  const device = (cable ?? '').replace(/^\d+:\s*/, '');
  // two more beside the one that the way back prefers, and one of another interface
  await ip(server, 'addr', 'add', '10.9.0.3/32', 'dev', device);
  await server.addAddress('10.8.0.1');
  await ip(server, 'addr', 'add', 'fd09::2/64', 'dev', device, 'nodad');
  await ip(server, 'addr', 'add', 'fd09::3/64', 'dev', device, 'nodad');
  await ip(client, 'addr', 'add', 'fd09::1/64', 'dev', 'eth0', 'nodad');
  const site = await createSite({ config, files: { 'interfaces.yaml': INTERFACES } });
  return { server, client, site };
}

suite('a wildcard address', { skip: skipWithoutNamespaces(), concurrency: 3 }, () => {
  for (const [engine, workers] of [
    ['mmsg', 1],
    ['dgram', 1],
    ['mmsg', 2],
  ] as const) {
    test(`${engine}, ${workers} thread(s): a reply leaves from the address that was asked`, async (t) => {
      const config = `listen: { dns: ["0.0.0.0:53", "[::]:53"], http: null }\nengine: ${engine}\nworkers: ${workers}\nstore: { kind: memory }\nregistries: [{ kind: file, path: interfaces.yaml }]\n`;
      const { server, client, site } = await machines(t, config);
      const running = await startOn(site, t, { launch: server.run });
      await running.logged(/"msg":"ready"/);
      const hosts = ['10.9.0.2', '10.9.0.3', '10.8.0.1', 'fd09::2', 'fd09::3'];
      const same = (all: readonly string[]) => new Map(all.map((host) => [host, host]));
      assert.deepEqual(await askFrom(client, 53, hosts), same(hosts));
      // the machine itself: what no interface has as its own is answered as well
      const own = await askFrom(server, 53, ['127.0.0.1', '::1', '10.8.0.1', '127.0.0.5']);
      assert.deepEqual(own, new Map([...same(['127.0.0.1', '::1', '10.8.0.1']), ['127.0.0.5', '127.0.0.1']]));
      if (workers > 1) return;

      const udp = async (address: string) =>
        (await runToEnd('ss', ['-N', server.name, '-Hlun', 'src', address])).stdout;
      assert.match(await udp('10.8.0.1'), /10\.8\.0\.1:53/);
      await server.addAddress('10.8.0.9');
      await ip(server, 'addr', 'del', '10.8.0.1/32', 'dev', 'lo');
      await until(
        'one that came is answered from',
        async () => (await askFrom(client, 53, ['10.8.0.9'])).get('10.8.0.9') === '10.8.0.9',
        { deadlineMs: 30_000 },
      );
      await until('the socket of one that went is closed', async () => (await udp('10.8.0.1')) === '');
      const left = ['10.9.0.2', '10.9.0.3', '10.8.0.9'];
      assert.deepEqual(await askFrom(client, 53, left), same(left));
      assert.equal((await running.stop()).code, 0);
    });
  }

  test('a port that another server has at one address is taken, and at all of them', async (t) => {
    const common = 'store: { kind: memory }\nworkers: 1\n';
    const { server, site } = await machines(t, `listen: { dns: ["0.0.0.0:53"], http: null }\n${common}`);
    const first = await startOn(site, t, { launch: server.run });
    for (const listen of ['0.0.0.0:53', '10.9.0.3:53', '127.0.0.5:53']) {
      const other = await createSite({ config: `listen: { dns: ["${listen}"], http: null }\n${common}` });
      const { code, stderr } = await runToEnd(
        process.execPath,
        ['src/main.ts', 'serve', '-c', `${other.folder}/rpc-dns.yaml`],
        { launch: server.run },
      );
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^\S+:1:17: cannot listen on \S+:53 \(udp\): in use by node main\.ts serve \(pid \d+\): stop it/,
      );
    }
    assert.equal((await first.stop()).code, 0);
  });
});
