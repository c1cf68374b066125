/** Requests to Nacos' HTTP port: bounded in size and time, and every failure is a value. */
import { Agent, type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { collect, TooLarge } from '../http-exchange.ts';
import { readTlsFiles, type TlsFiles } from '../tls-files.ts';
import type { ServerAddress } from './options.ts';
import { type Json, parseJson } from './payload.ts';

export type HttpReply =
  /** status 200 and an object of JSON */
  | { readonly kind: 'json'; readonly value: Json }
  | { readonly kind: 'status'; readonly status: number }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** there is more of this one reply than we take */
      readonly isTooLarge?: boolean;
    };

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** below `/nacos` */
  readonly path: string;
  /** in the URL of a GET, in the body of a POST */
  readonly parameters: Readonly<Record<string, string>>;
  /** a login's; as a header, since URLs stand in logs */
  readonly token?: string | undefined;
}

const MAX_OCTETS = 16 * 2 ** 20;
const DEADLINE_MS = 5_000;
/** Connections that one client keeps. */
export const HTTP_CONNECTIONS = 8;

export class NacosHttp {
  readonly #tls: TlsFiles | undefined;
  readonly #agent: Agent;
  readonly #stopped = new AbortController();

  constructor(tls: TlsFiles | undefined) {
    this.#tls = tls;
    const keep = { keepAlive: true, maxSockets: HTTP_CONNECTIONS, timeout: 30_000 };
    this.#agent = tls === undefined ? new Agent(keep) : new TlsAgent(keep);
  }

  /** Never rejects. */
  async send(server: ServerAddress, request: HttpRequest): Promise<HttpReply> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    try {
      const response = await this.#open(server, request, AbortSignal.any([deadline, this.#stopped.signal]));
      return await read(response);
    } catch (error) {
      if (error instanceof TooLarge) return { kind: 'failed', reason: error.message, isTooLarge: true };
      if (deadline.aborted) return failed(`no whole reply within ${DEADLINE_MS / 1000} s`);
      return failed(reasonOf(error as NodeJS.ErrnoException));
    }
  }

  stop(): void {
    this.#stopped.abort();
    this.#agent.destroy();
  }

  #open(server: ServerAddress, asked: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const query = new URLSearchParams(asked.parameters).toString();
    const isGet = asked.method === 'GET';
    const options = {
      ...readTlsFiles(this.#tls),
      host: server.host,
      port: server.port,
      method: asked.method,
      path: `/nacos${asked.path}${isGet && query !== '' ? `?${query}` : ''}`,
      headers: {
        'user-agent': 'rpc-dns',
        ...(isGet ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(asked.token === undefined ? {} : { accesstoken: asked.token }),
      },
      agent: this.#agent,
      signal,
    };
    return new Promise((resolve, reject) => {
      const request = this.#tls === undefined ? requestPlain : requestTls;
      request(options, resolve)
        .on('error', reject)
        // of a reply that begins another protocol nothing else is told
        .on('close', () => reject(new Error('the connection was closed without a whole reply')))
        .end(isGet ? undefined : query);
    });
  }
}

async function read(response: IncomingMessage): Promise<HttpReply> {
  const { statusCode: status = 0 } = response;
  if (status !== 200) {
    response.destroy();
    return { kind: 'status', status };
  }
  const octets = await collect(response, MAX_OCTETS);
  if (!response.complete) return failed('the connection was closed in the middle of a reply');
  const json = parseJson(octets);
  return json.ok
    ? { kind: 'json', value: json.value }
    : failed(`what answers there is no Nacos: ${json.reason}`);
}

function failed(reason: string): HttpReply {
  return { kind: 'failed', reason };
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nobody listens there';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name of the host cannot be resolved';
    case 'ECONNRESET':
      return 'the connection was closed without a whole reply';
    default:
      return code?.startsWith('HPE_') === true ? 'the reply is not HTTP' : message.slice(0, 300);
  }
}
