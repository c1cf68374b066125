/** Several query threads: each answers, one that dies is replaced, and what it missed it learns. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../support/process.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { ask, CONFIG_FILE, createSite, readReply, type Server, startServer } from '../support/server.ts';
import { type QueryThreads, startInspected } from '../support/thread-control.ts';

const PATIENCE = { deadlineMs: 30_000 };
const interfaces = (...names: readonly string[]) =>
  `interfaces:\n${names.map((name) => `  - { name: ${name}, port: 20880, endpoints: ["10.0.0.1:20880"] }\n`).join('')}`;
const config = (workers: number, engine: string) =>
  `engine: ${engine}\nworkers: ${workers}\nstore: { kind: memory }\nregistries: [{ kind: file, path: interfaces.yaml }]\n`;
const siteOf = (workers: number, engine: string) => ({
  config: config(workers, engine),
  files: { 'interfaces.yaml': interfaces('com.foo.A') },
});

/** So many flows: that all of them are one thread's is no more likely than a coin that falls so often the same way. */
const FLOWS = 40;

/** Asks from many sockets at once, each a flow of its own. @returns rcodes by socket, growing as replies come */
async function askAll(server: Server, name: string): Promise<{ rcodes: Map<Socket, number>; close(): void }> {
  const { type, options, name: octets } = parseQuestion(`${name}.rpc.cluster.local A`);
  const query = queryOctets(octets, type, { ...options, id: 7 });
  const sockets = Array.from({ length: FLOWS }, () => createSocket('udp4'));
  const rcodes = new Map<Socket, number>();
  for (const socket of sockets) {
    socket.on('message', (reply) => rcodes.set(socket, readReply(query, reply).rcode));
    // of a server that does not listen just now
    socket.on('error', () => {});
    socket.connect(server.dnsPort, '127.0.0.1');
    await once(socket, 'connect');
    socket.send(query);
  }
  const close = () => {
    for (const socket of sockets) socket.close();
  };
  return { rcodes, close };
}

const HELD_MS = 700;

/** What the others answer while one stands still; it answers its own part afterwards. */
async function answeredWithout(
  server: Server,
  threads: QueryThreads,
  held: string,
  name: string,
): Promise<number[]> {
  // on a busy machine it may stand still too late, or not for long enough
  for (let attempt = 0; ; attempt++) {
    threads.hold(held, HELD_MS);
    await wait(150);
    const { rcodes, close } = await askAll(server, name);
    await wait(150);
    const answered = [...rcodes.values()];
    await until('the rest is answered', () => rcodes.size === FLOWS, PATIENCE);
    close();
    if (attempt === 4 || (answered.length > 0 && answered.length < FLOWS)) return answered;
  }
}

const rcodeOf = async (server: Server, name: string) =>
  (await server.query(`${name}.rpc.cluster.local A`)).rcode;

/** Asks again where a query was lost with the thread that had it. */
async function untilAnswered(server: Server, name: string, rcode: number): Promise<void> {
  await until(
    `${name} is answered with ${rcode}`,
    async () => {
      const { rcodes, close } = await askAll(server, name);
      await wait(100);
      close();
      return rcodes.size === FLOWS && [...rcodes.values()].every((one) => one === rcode);
    },
    PATIENCE,
  );
}

suite('workers', { concurrency: 3 }, () => {
  for (const engine of ['mmsg', 'dgram']) {
    test(`${engine}: each of two threads answers its part, over UDP and TCP`, async (t) => {
      const { server, threads } = await startInspected(siteOf(2, engine), 2, t);
      await server.ready();
      assert.equal(server.log().find(({ msg }) => msg === 'serving')?.['workers'], 2);
      for (const id of threads.ids()) {
        const answered = await answeredWithout(server, threads, id, 'com.foo.A');
        assert.ok(answered.length > 0 && answered.length < FLOWS, `${answered.length} without ${id}`);
      }
      for (let i = 0; i < FLOWS; i++)
        assert.equal((await ask(server.dnsPort, 'com.foo.A.rpc.cluster.local A +tcp')).rcode, 0);
      const counted = (proto: string) => server.metric('rpcdns_dns_requests_total', { proto, type: 'A' });
      const udp = (await counted('udp')) ?? 0;
      assert.deepEqual([udp > 0 && udp % FLOWS === 0, await counted('tcp')], [true, FLOWS]);
      await threads.detach();
      assert.equal((await server.stop()).code, 0);
    });

    test(`${engine}: a thread that dies is replaced, and nothing that changed meanwhile is missed`, async (t) => {
      const { server, threads } = await startInspected(siteOf(2, engine), 2, t);
      await server.ready();
      await untilAnswered(server, 'com.foo.A', 0);
      const before = (await server.metric('rpcdns_dns_requests_total', { proto: 'udp', type: 'A' })) ?? 0;
      const [first = '', second = ''] = threads.ids();
      threads.kill(first);
      server.write('interfaces.yaml', interfaces('com.foo.A', 'com.foo.B'));
      await server.logged(/"msg":"a query thread died: another one takes its place"/);
      await untilAnswered(server, 'com.foo.B', 0);
      assert.match(JSON.stringify(server.log()), /killed by the test/);
      assert.equal(await server.metric('rpcdns_query_threads_replaced_total'), 1);
      // the counts of the one that died are still there
      const after = (await server.metric('rpcdns_dns_requests_total', { proto: 'udp', type: 'A' })) ?? 0;
      assert.ok(after >= before + FLOWS, `${after} after ${before}`);
      await until('the new one is seen', () => threads.ids().length === 2 && !threads.ids().includes(first));
      server.write('interfaces.yaml', interfaces('com.foo.C'));
      await untilAnswered(server, 'com.foo.C', 0);
      for (const name of ['com.foo.B', 'com.foo.C']) {
        const byNew = await answeredWithout(server, threads, second, name);
        assert.ok(byNew.length > 0 && byNew.length < FLOWS, `${byNew.length} by the new thread`);
        assert.deepEqual([...new Set(byNew)], [name === 'com.foo.C' ? 0 : 3]);
      }
      await threads.detach();
      assert.equal((await server.stop()).code, 0);
    });
  }

  test('the only thread dies, five times: four times it is replaced, and then the process ends', async (t) => {
    const { server, threads } = await startInspected(siteOf(1, 'auto'), 1, t);
    await server.ready();
    for (let death = 1; death <= 5; death++) {
      await until('a thread is there', () => threads.ids().length === 1, PATIENCE);
      const [id = ''] = threads.ids();
      if (death < 5) server.write('interfaces.yaml', interfaces('com.foo.A', `com.foo.B${death}`));
      threads.kill(id);
      if (death === 5) break;
      await until('it is gone', () => threads.ids()[0] !== id, PATIENCE);
      await untilAnswered(server, `com.foo.B${death}`, 0);
      assert.equal(await rcodeOf(server, `com.foo.B${death - 1}`), 3);
      assert.equal((await server.cli('lookup', 'com.foo.A', '-c', CONFIG_FILE)).status, 0);
    }
    await threads.detach();
    assert.equal((await server.child.exited).code, 1);
    const told = server
      .log()
      .filter(({ msg }) => msg.startsWith('query threads die') || msg.startsWith('a query thread'));
    assert.deepEqual(
      told.map(({ level }) => level),
      ['error', 'error', 'error', 'error', 'fatal'],
    );
    assert.match(
      String(told[4]?.['error']),
      /^5 times within 60 s, the last time: Error: killed by the test/,
    );
  });

  test('a port that two threads of another server have is taken', async (t) => {
    const server = await startServer(siteOf(2, 'auto'), t);
    for (const workers of [1, 2]) {
      const site = await createSite({
        ...siteOf(workers, 'auto'),
        config: `listen: { dns: ["127.0.0.1:${server.dnsPort}"], http: null }\n${config(workers, 'auto')}`,
      });
      const { status, stdout, stderr } = await site.cli('serve', '-c', CONFIG_FILE);
      assert.equal(status, 1);
      const text = `^${CONFIG_FILE}:1:17: cannot listen on 127.0.0.1:${server.dnsPort} \\(udp\\): in use by node main\\.ts serve \\(pid ${server.pid}\\): stop it, or choose another port\n$`;
      assert.match(stderr, new RegExp(text));
      assert.equal(stdout, '');
    }
  });
});
