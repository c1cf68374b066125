/**
 * A proxy in front of a Kubernetes API server that a test commands: it refuses, cuts, falls silent, answers in place
 * of the API server, spoils watches, and counts what is asked.
 */
import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, Agent as HttpsAgent, request } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Authority } from './certificates.ts';
import { freePort } from './ports.ts';
import type { Cleanup } from './server.ts';

export interface ProxyOptions {
  /** The API server's. */
  readonly port: number;
  /** Vouches for the API server, and for the proxy. */
  readonly authority: Authority;
}

export interface Injection {
  /** Against what `requests` shows; default: every request. */
  readonly match?: RegExp;
  /** How many requests; default 1. */
  readonly times?: number;
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  /** Default: the Status object that an API server sends with this status. */
  readonly body?: string;
}

export interface FlakyProxy {
  readonly port: number;
  /** Back to normal; what was held back by `hang` goes on. */
  pass(): Promise<void>;
  /** Cuts all connections, and refuses new ones. */
  refuse(): Promise<void>;
  /** Accepts, and forwards nothing in either direction. */
  hang(): void;
  /** Cuts all connections now; new ones are welcome. @returns how many */
  cut(): number;
  /** Answers the next requests itself. */
  inject(injection: Injection): void;
  /** Writes into every open watch that matches, and cuts it there if told so. @returns how many */
  writeIntoWatches(text: string, options?: { readonly match?: RegExp; readonly cut?: boolean }): number;
  /** What was asked so far, in order: `GET /api/v1/services?limit=500`, `WATCH /api/v1/services?…`. */
  requests(match?: RegExp): readonly string[];
  /** How often each verb and path was asked, without queries, one line each. */
  summary(): string;
  /** The number of connections that are open. */
  readonly connections: number;
}

/** A line of a watch that is no JSON. */
export const GARBAGE = 'this is <no> JSON\n';
/** The beginning of a line, to be cut there. */
export const HALF_A_LINE = '{"type":"MODIFIED","object":{"kind":"Service","metadata":{"name":"ha';

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The Status object of an API server. */
export function statusObject(code: number, message = `injected ${code}`) {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: REASONS[code] ?? 'Unknown',
    code,
  };
}

/** The line by which an API server ends a watch. */
export function errorEvent(code: number): string {
  return `${JSON.stringify({ type: 'ERROR', object: statusObject(code) })}\n`;
}

export async function startFlakyProxy(test: Cleanup, options: ProxyOptions): Promise<FlakyProxy> {
  const http = await startHttpPart(options);
  const port = await freePort();
  const pairs = new Set<readonly [Socket, Socket]>();
  let isHanging = false;

  // Bytes are held back and connections are cut here, where TLS is not looked into.
  const accept = (caller: Socket): void => {
    const inner = connect(http.port, '127.0.0.1');
    const pair = [caller, inner] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [inner, caller] as const]) {
      from.on('data', (octets) => to.write(octets));
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      if (isHanging) from.pause();
    }
  };
  const cut = (): number => {
    const count = pairs.size;
    for (const [caller] of pairs) caller.resetAndDestroy();
    return count;
  };
  let gate: Server | null = null;
  const open = async (): Promise<void> => {
    gate = createServer(accept).listen(port, '127.0.0.1');
    await once(gate, 'listening');
  };
  const refuse = async (): Promise<void> => {
    const closed = gate === null ? null : once(gate, 'close');
    gate?.close();
    gate = null;
    cut();
    await closed;
  };
  const hold = (isHeld: boolean): void => {
    isHanging = isHeld;
    for (const socket of [...pairs].flat()) isHeld ? socket.pause() : socket.resume();
  };

  await open();
  test.after(async () => {
    await refuse();
    http.close();
  });
  return {
    port,
    async pass() {
      hold(false);
      if (gate === null) await open();
    },
    refuse,
    hang: () => hold(true),
    cut,
    inject: (injection) => http.injections.push({ ...injection, left: injection.times ?? 1 }),
    writeIntoWatches(text, { match = /^/, cut: isCut = false } = {}) {
      // those that stand: before its headers a watch has nothing to spoil
      const watches = [...http.watches].filter(([reply, asked]) => reply.headersSent && match.test(asked));
      for (const [reply] of watches) {
        reply.write(text, () => isCut && reply.destroy());
      }
      return watches.length;
    },
    requests: (match = /^/) => http.requests.filter((asked) => match.test(asked)),
    summary() {
      const counts = new Map<string, number>();
      for (const asked of http.requests) {
        const what = asked.replace(/\?.*/, '');
        counts.set(what, (counts.get(what) ?? 0) + 1);
      }
      return [...counts].map(([what, count]) => `${count} × ${what}`).join('\n');
    },
    get connections() {
      return pairs.size;
    },
  };
}

/** Ends TLS, reads requests, and asks the API server in turn. */
async function startHttpPart({ port, authority }: ProxyOptions) {
  const requests: string[] = [];
  const watches = new Map<ServerResponse, string>();
  const injections: (Injection & { left: number })[] = [];
  const agent = new HttpsAgent({ keepAlive: true });

  const answer = (asked: IncomingMessage, reply: ServerResponse): void => {
    const { method = '', url = '' } = asked;
    const isWatch = /[?&]watch=(1|true)\b/.test(url);
    const line = `${isWatch ? 'WATCH' : method} ${url}`;
    requests.push(line);
    const injection = injections.find(({ left, match = /^/ }) => left > 0 && match.test(line));
    if (injection !== undefined) {
      injection.left--;
      const { status, headers, body = JSON.stringify(statusObject(status)) } = injection;
      asked.resume();
      reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
      return;
    }
    if (isWatch) {
      watches.set(reply, line);
      reply.on('close', () => watches.delete(reply));
    }
    const { connection: _connection, ...headers } = asked.headers;
    const ca = authority.certificate;
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers, ca, agent }, (from) => {
      const { connection: _own, 'transfer-encoding': _chunked, ...theirs } = from.headers;
      reply.writeHead(from.statusCode ?? 502, theirs);
      // A watch has begun before its first event.
      reply.flushHeaders();
      from.pipe(reply);
      from.on('close', () => from.complete || reply.destroy());
    });
    onward.on('error', () => reply.destroy());
    reply.on('close', () => onward.destroy());
    asked.pipe(onward);
  };

  const { certificate: cert, key } = await authority.issue(['127.0.0.1', 'localhost']);
  // It keeps connections as long as an API server does, and a request may take as long as it likes.
  const patient = { keepAliveTimeout: 90_000, requestTimeout: 0 };
  const server = createHttpsServer({ cert, key, ...patient }, answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    watches,
    injections,
    close() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
}
