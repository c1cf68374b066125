/** The query threads of a real server, by Node's own inspector: to hold one, and to have one die. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from './process.ts';
import { type Cleanup, type Server, type SiteOptions, startServer } from './server.ts';

/** What opens a server's inspector, on a port of its choice. */
const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const;

interface InspectorMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly sessionId: string;
    readonly workerInfo?: { readonly workerId: string; readonly url: string };
  };
}

export interface QueryThreads {
  /** their numbers as Node gives them; the oldest is first */
  ids(): readonly string[];
  /** It does nothing for so long. */
  hold(id: string, milliseconds: number): void;
  /** It meets an error that nobody catches. */
  kill(id: string): void;
  /** Lets the server go: Node does not end while somebody looks into it. */
  detach(): Promise<void>;
}

/** What was said before the inspector was left is done in this time. */
const LAST_WORDS_MS = 200;

/** A server whose threads can be held and killed. @param count how many it has */
export async function startInspected(
  options: SiteOptions,
  count: number,
  test: Cleanup,
): Promise<{ readonly server: Server; readonly threads: QueryThreads }> {
  const server = await startServer({ ...options, env: { ...options.env, ...INSPECTED } }, test);
  const [, url = ''] = /Debugger listening on (ws:\S+)/.exec(server.child.output()) ?? [];
  assert.notEqual(url, '', 'the inspector listens');
  const socket = new WebSocket(url);
  test.after(() => socket.close());
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)));
  });
  let next = 1;
  const say = (method: string, params: object) => socket.send(JSON.stringify({ id: next++, method, params }));
  /** sessions by worker */
  const sessions = new Map<string, string>();
  socket.addEventListener('message', ({ data }) => {
    const { method, params } = JSON.parse(String(data)) as InspectorMessage;
    if (params === undefined) return;
    const { sessionId, workerInfo } = params;
    if (method === 'NodeWorker.attachedToWorker' && /query-worker\.\w+$/.test(workerInfo?.url ?? ''))
      sessions.set(workerInfo?.workerId ?? '', sessionId);
    if (method !== 'NodeWorker.detachedFromWorker') return;
    for (const [id, session] of sessions) if (session === sessionId) sessions.delete(id);
  });
  say('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await until('its threads are seen', () => sessions.size === count);
  const run = (id: string, expression: string) => {
    const message = JSON.stringify({ id: next++, method: 'Runtime.evaluate', params: { expression } });
    say('NodeWorker.sendMessageToWorker', { sessionId: sessions.get(id), message });
  };
  return {
    server,
    threads: {
      ids: () => [...sessions.keys()].sort((a, b) => Number(a) - Number(b)),
      hold: (id, milliseconds) =>
        run(id, `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${milliseconds})`),
      kill: (id) => run(id, `setTimeout(() => { throw new Error('killed by the test') }, ${LAST_WORDS_MS})`),
      detach: async () => {
        await wait(LAST_WORDS_MS / 2);
        socket.close();
        await once(socket, 'close');
      },
    },
  };
}
