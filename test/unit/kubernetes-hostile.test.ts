/** Registries that read a Kubernetes API, before servers that are none, or broken: a reason each, and live when it is honest again. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../src/kubernetes/api-client.ts';
import { WATCHED_KINDS_DEFAULTS } from '../../src/kubernetes/watched-kinds.ts';
import { IstioWatcher } from '../../src/registry/istio/watcher.ts';
import { KUBERNETES_DEFAULTS } from '../../src/registry/kubernetes/options.ts';
import { KubernetesWatcher } from '../../src/registry/kubernetes/watcher.ts';
import { until } from '../support/process.ts';
import { tempFolder } from '../support/temp.ts';
import { RecordingSink } from '../support/watcher-contract.ts';

const TOKEN = 'secret-of-the-account';

/** What is said to a list that comes as a stream, to a page of a list, or to a watch; true: it was. */
type Play = (response: ServerResponse, how: 'stream' | 'page' | 'watch', request: IncomingMessage) => boolean;

const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;
const ALL = line('BOOKMARK', {
  metadata: { name: '', resourceVersion: '5', annotations: { 'k8s.io/initial-events-end': 'true' } },
});
const ENTRY = {
  metadata: {
    namespace: 'trade',
    name: 'user',
    resourceVersion: '3',
    annotations: { interface: 'com.foo.A' },
  },
  spec: {
    hosts: ['user.trade'],
    addresses: ['240.0.0.1'],
    ports: [{ number: 20880, name: 'dubbo' }],
    endpoints: [{ address: '10.0.0.1' }],
  },
};
const RPC_SERVICE = {
  metadata: { namespace: 'trade', name: 'user', resourceVersion: '3' },
  spec: { service: 'user', port: 20880, interfaces: [{ name: 'com.foo.A' }] },
};

class Api {
  readonly #server = createServer((request, response) => this.#answer(request, response));
  play: Play = () => false;
  asked = 0;
  kubeconfig = '';

  async open(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    const { port } = this.#server.address() as AddressInfo;
    this.kubeconfig = join(tempFolder('kubeconfig'), 'config');
    writeFileSync(
      this.kubeconfig,
      JSON.stringify({
        clusters: [
          { name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
        ],
        users: [{ name: 'u', user: { token: TOKEN } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
  }

  cut(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api');
    const how = !searchParams.has('watch')
      ? 'page'
      : searchParams.has('resourceVersion')
        ? 'watch'
        : 'stream';
    const isPlayed = /\/(?:serviceentries|rpcservices)$/.test(pathname);
    if (isPlayed) this.asked++;
    if (isPlayed && this.play(response, how, request)) return;
    const object = pathname.endsWith('/serviceentries')
      ? ENTRY
      : pathname.endsWith('/rpcservices')
        ? RPC_SERVICE
        : undefined;
    const objects = object === undefined ? [] : [object];
    if (how === 'page') response.end(JSON.stringify({ metadata: { resourceVersion: '5' }, items: objects }));
    else if (how === 'watch') response.writeHead(200).flushHeaders();
    else response.write(objects.map((one) => line('ADDED', one)).join('') + ALL);
  }
}

const endless = (response: ServerResponse, piece: string): void => {
  const more = (): void => {
    if (!response.destroyed) response.write(piece, () => setImmediate(more));
  };
  more();
};
const stream =
  (text: string): Play =>
  (response, how) => {
    if (how === 'stream') response.end(text);
    return how === 'stream';
  };
/** The server knows no lists by watch. */
const page =
  (answer: (response: ServerResponse) => void): Play =>
  (response, how) => {
    if (how === 'stream') response.writeHead(422).end('{"reason":"Invalid"}');
    if (how === 'page') answer(response);
    return how !== 'watch';
  };
const HOSTILE: Readonly<Record<string, readonly [Play, RegExp]>> = {
  'an error page': [
    (response) => {
      response.writeHead(502).end('<html>');
      return true;
    },
    /502 <html>/,
  ],
  'an error that says the token back': [
    (response, _how, request) => {
      response.writeHead(500).end(JSON.stringify({ message: JSON.stringify(request.headers) }));
      return true;
    },
    /500 .*\*\*\*/,
  ],
  'another protocol': [
    (response) => {
      response.socket?.end('+PONG\r\n');
      return true;
    },
    /HTTP/,
  ],
  'a switch of protocols': [
    (response) => {
      response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      return true;
    },
    /upgrade/i,
  ],
  'no JSON': [stream('<html>\n'), /a line of the watch is not JSON$/],
  'deep JSON': [stream(`${'['.repeat(1_000_000)}\n`), /a line of the watch is over 100 deep$/],
  'a line that is no event': [stream('null\n'), /a line of the watch is no event$/],
  'an event of nothing': [stream('{"type":"ADDED"}\n'), /a line of the watch is no event$/],
  'an object without a name': [
    stream(line('ADDED', { metadata: { resourceVersion: '1', name: 7 } })),
    /an object without a name$/,
  ],
  'a version that is no text': [
    stream(line('ADDED', { metadata: { name: 'x', resourceVersion: { a: 1 } } })),
    /an event without a version$/,
  ],
  'an error whose text has no end': [
    stream(
      line('ERROR', {
        code: '410',
        reason: 7,
        message: 'x'.repeat(1e6),
        details: { retryAfterSeconds: 'x' },
      }),
    ),
    /watch of .{20,700}$/,
  ],
  'a line without end': [
    (response, how) => {
      if (how === 'stream') endless(response, 'x'.repeat(262_144));
      return how === 'stream';
    },
    /a line of over 16777216 octets$/,
  ],
  'a reply that is no list': [page((response) => response.end('{"items":7}')), /the reply is no list$/],
  'a reply that is nothing': [page((response) => response.end()), /the reply is no list$/],
  'a reply that is null': [page((response) => response.end('null')), /the reply is no list$/],
  'pages without end, and without objects': [
    page((response) => response.end('{"metadata":{"resourceVersion":"5","continue":"x"},"items":[]}')),
    /a list without end, and without objects$/,
  ],
  'a page without end': [page((response) => endless(response, ' '.repeat(1_048_576))), /too large/],
  'a page of a million lists': [
    page((response) => response.end(`{"items":[${'[],'.repeat(5_000_000)}[]]}`)),
    /over 4000000 values$/,
  ],
};

for (const kind of ['istio', 'kubernetes'] as const) {
  suite(`${kind}: an API server`, { concurrency: 12 }, () => {
    for (const [what, [play, expected]] of Object.entries(HOSTILE)) {
      test(`that says ${what}`, async (t) => {
        const api = new Api();
        await api.open();
        t.after(() => api.close());
        api.play = play;
        const sink = new RecordingSink();
        const options = { id: kind, kubeconfig: api.kubeconfig, context: undefined, namespaces: [] };
        const watcher =
          kind === 'istio'
            ? new IstioWatcher({ ...WATCHED_KINDS_DEFAULTS, ...options }, sink)
            : new KubernetesWatcher({ ...KUBERNETES_DEFAULTS, ...options }, sink);
        watcher.start();
        const reason = (): string => {
          const state = sink.states.at(-1);
          return state !== undefined && 'reason' in state ? state.reason : '';
        };
        try {
          await until('failed', () => sink.kind === 'failed', { deadlineMs: 15_000 });
          assert.match(reason(), expected);
          assert.deepEqual(sink.registrations, []);
          await sleep(200);
          assert.ok(api.asked < 130, `asked ${api.asked} times`);
          api.play = () => false;
          api.cut();
          await until('live', () => sink.kind === 'live', { deadlineMs: 8_000 });
          await until('registered', () => sink.registrations.some((one) => one.interface === 'com.foo.A'));
          assert.doesNotMatch(JSON.stringify([sink.states, sink.skips]), new RegExp(TOKEN));
        } finally {
          await watcher.stop();
        }
      });
    }
  });
}

test('a kubeconfig that is none is told with its place, and nothing of what stands in it', async () => {
  const file = join(tempFolder('kubeconfig'), 'config');
  const context = 'contexts: [{ name: x, context: { cluster: c, user: u } }]\ncurrent-context: x\n';
  const user = `users: [{ name: u, user: { token: ${TOKEN} } }]\n`;
  const cases: readonly (readonly [text: string, reason: RegExp])[] = [
    ['', /config: it is no kubeconfig$/],
    [
      `users:\n- name: u\n  user:\n    token: ${TOKEN}\n   bad: [\n`,
      /config:5:4: bad indentation of a mapping entry$/,
    ],
    [`{"users":[{"user":{"token":"${TOKEN}"`, /config:1:\d+: unexpected end of the stream/],
    [TOKEN, /config: no current-context, and none is configured$/],
    [`users: ${TOKEN}\n`, /config: no current-context, and none is configured$/],
    [`${user}${context}`, /config: context 'x' has no cluster$/],
    [
      `clusters: [{ name: c, cluster: { server: "h:6443" } }]\n${user}${context}`,
      /no http:\/\/ or https:\/\/ URL$/,
    ],
  ];
  for (const [text, expected] of cases) {
    writeFileSync(file, text);
    const client = new ApiClient({ kubeconfig: file, context: undefined });
    const error = await client.request('GET', '/x').catch((failure: Error) => failure);
    await client.close();
    assert.ok(error instanceof Error, text);
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, new RegExp(`${TOKEN}|\\n`));
  }
});
