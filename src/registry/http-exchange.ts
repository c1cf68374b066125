import { Agent, type ClientRequest, type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { GatheredOctets } from '../base/gathered-octets.ts';
import type { ServerAddress } from './server-list.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

const KEEP_ALIVE_MS = 10_000;

export interface Reply {
  readonly response: IncomingMessage;
  /** ends the reply when it is not whole by then; for whoever reads it to clear */
  readonly deadline: NodeJS.Timeout;
}

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON */
  readonly body?: string;
  /** from the request to the end of the reply */
  readonly timeoutMs: number;
}

/** There is more of a reply than we take. */
export class TooLarge extends Error {}

/** Requests to one server over connections of its own, which are kept, and end together. */
export class HttpExchange {
  readonly #server: ServerAddress;
  readonly #isTls: boolean;
  readonly #agent: Agent;
  readonly #open = new Set<ClientRequest>();
  #isClosed = false;

  /** @param tls undefined: without TLS. Throws when a file of it cannot be read. */
  constructor(server: ServerAddress, tls: TlsFiles | undefined) {
    this.#server = server;
    this.#isTls = tls !== undefined;
    const keep = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    this.#agent = this.#isTls ? new TlsAgent({ ...keep, ...readTlsFiles(tls) }) : new Agent(keep);
  }

  /** Ends all that is under way; nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    for (const one of this.#open) one.destroy();
    this.#agent.destroy();
  }

  /** Resolves with the beginning of the reply. */
  send({ method, path, headers, body, timeoutMs }: Sent): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Error('closed');
      const octets = Buffer.from(body ?? '');
      const content =
        body === undefined ? {} : { 'content-type': 'application/json', 'content-length': octets.length };
      const send = this.#isTls ? requestTls : requestPlain;
      const { host, port } = this.#server;
      const all = { 'user-agent': 'rpc-dns', ...content, ...headers };
      const sent = send({ host, port, path, method, agent: this.#agent, headers: all });
      let begun: IncomingMessage | undefined;
      const late = () => (begun ?? sent).destroy(new Error(`no whole reply within ${timeoutMs / 1000} s`));
      const deadline = setTimeout(late, timeoutMs);
      this.#open.add(sent);
      sent.on('error', reject);
      sent.on('close', () => {
        clearTimeout(deadline);
        this.#open.delete(sent);
        reject(new Error('the connection was closed without a whole reply'));
      });
      sent.on('response', (response) => {
        begun = response;
        response.on('error', () => {});
        resolve({ response, deadline });
      });
      sent.end(octets);
    });
  }
}

/** Rejects with {@link TooLarge}, and with what breaks the reply. */
export async function collect(response: IncomingMessage, maxOctets: number): Promise<Buffer> {
  const octets = new GatheredOctets();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (octets.length + chunk.length > maxOctets) {
      response.destroy();
      throw new TooLarge(`a reply of over ${maxOctets} octets`);
    }
    octets.add(chunk);
  }
  return octets.take();
}
