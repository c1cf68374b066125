/** Several real query threads behind one face: what becomes of changes, and of the end, when one of them dies. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Session } from 'node:inspector';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ROOT } from '../../src/name/domain-name.ts';
import { type Newcomer, QueryLine } from '../../src/serve/query-line.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';

const NAMES = { style: 'cname', ttl: 5, maxRecords: 100, rotates: false, ptrZone: ROOT } as const;

interface Heard {
  readonly line: QueryLine;
  readonly died: string[];
  readonly newcomers: Newcomer[];
  /** runs an expression in each thread that lives */
  readonly run: (expression: string) => void;
}

/** @param tell what a newcomer is told */
async function open(
  t: TestContext,
  threads: number,
  tell: (newcomer: Newcomer) => Promise<void>,
): Promise<Heard> {
  const died: string[] = [];
  const newcomers: Newcomer[] = [];
  const line = new QueryLine(
    { threads, names: NAMES, udpSize: 1232, engine: 'auto', localities: [] },
    {
      onQuery: () => {},
      onPanic: (_query, error) => assert.fail(error),
      onReplaced: ({ message }) => died.push(message),
      onNewcomer: (newcomer) => {
        newcomers.push(newcomer);
        return tell(newcomer);
      },
      onExit: (error) => assert.fail(error),
    },
  );
  t.after(() => line.close());
  const session = new Session();
  session.connect();
  t.after(() => session.disconnect());
  const sessions = new Set<string>();
  session.on('NodeWorker.attachedToWorker', ({ params }) => sessions.add(params.sessionId));
  session.on('NodeWorker.detachedFromWorker', ({ params }) => sessions.delete(params.sessionId));
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await until('all threads are seen', () => sessions.size === threads);
  const run = (expression: string) => {
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
    for (const sessionId of sessions) session.post('NodeWorker.sendMessageToWorker', { message, sessionId });
  };
  return { line, died, newcomers, run };
}

const DIE = `setTimeout(() => { throw new Error('killed by the test') }, 1)`;
const enters = async (newcomer: Newcomer) => newcomer.enter();
/** Half a zone: the switch to it fails. */
const BROKEN = { kind: 'records', apex: ROOT, role: 'static', records: new Uint8Array(0) } as const;
const SWITCH = { kind: 'switch', what: 'zones', serial: 1 } as const;

test('a change that no thread can apply rejects; one that a single thread cannot ends that thread', async (t) => {
  let poison = true;
  const { line, died, newcomers, run } = await open(t, 1, async (newcomer) => {
    newcomer.enter();
    if (!poison) return;
    // two living threads from now on would not know the same
    await newcomer.apply(BROKEN);
  });
  await line.apply(BROKEN);
  await assert.rejects(line.apply(SWITCH), /a zone without SOA/);
  assert.deepEqual(died, []);
  run(DIE);
  await until('another one is there', () => newcomers.length === 1 && died.length === 1);
  await until('it has what is broken', async () => (await line.ask(ROOT, 1)).length > 0);
  poison = false;
  await assert.rejects(line.apply(SWITCH), /a zone without SOA/, 'it is the only one');
  assert.deepEqual(died, ['killed by the test']);
});

test('of two threads, the one that cannot apply what the other one did is replaced', async (t) => {
  let poison = true;
  const { line, died, newcomers, run } = await open(t, 2, async (newcomer) => {
    newcomer.enter();
    if (!poison) return;
    poison = false;
    await newcomer.apply(BROKEN);
  });
  run(DIE);
  await until('both are replaced', () => newcomers.length === 2);
  await until('both know all', async () => (await line.ask(ROOT, 1)).length > 0);
  await line.apply(SWITCH);
  await until('the broken one is replaced', () => newcomers.length === 3);
  assert.deepEqual(died.slice(0, 2), ['killed by the test', 'killed by the test']);
  assert.match(died[2] ?? '', /a zone without SOA/);
  assert.equal(line.replaced, 3);
  await line.apply(SWITCH);
});

test('a change does not wait for a thread that dies before it applies it', async (t) => {
  const { line, died, run } = await open(t, 1, enters);
  await line.apply(SWITCH);
  // it stands still, and dies then
  run(`${DIE}; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)`);
  await wait(100);
  const told = Promise.all(Array.from({ length: 100 }, () => line.apply(SWITCH)));
  await told;
  await until('it has died', () => died.length === 1);
});

test('a newcomer that is still told when the line closes opens no socket, and nothing waits for it', async (t) => {
  const port = await freePort();
  const { line, died, newcomers, run } = await open(t, 1, () => new Promise(() => {}));
  const { failures } = await line.listen([{ host: '127.0.0.1', port }]);
  assert.deepEqual(failures, []);
  run(DIE);
  await until('a newcomer is there', () => newcomers.length === 1);
  assert.deepEqual(died, ['killed by the test']);
  // its sockets are closed, and those of the newcomer not opened
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  socket.close();
  const asked = assert.rejects(line.ask(ROOT, 1), /no query thread is there/);
  await line.stopListening();
  await line.close();
  await asked;
  assert.deepEqual(died, ['killed by the test']);
});

test('what a newcomer is told fails: it is replaced, and the next one answers', async (t) => {
  let isBroken = true;
  const { line, died, run } = await open(t, 1, async (newcomer) => {
    newcomer.enter();
    if (!isBroken) return;
    isBroken = false;
    await newcomer.apply(BROKEN);
    await newcomer.apply(SWITCH);
  });
  run(DIE);
  await until('both are replaced', () => died.length === 2);
  assert.match(died[1] ?? '', /a zone without SOA/);
  assert.ok((await line.ask(ROOT, 1)).length > 0);
});
