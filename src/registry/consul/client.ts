import type { IncomingMessage } from 'node:http';
import { JsonProblem, parseBoundedJson } from '../../base/bounded-json.ts';
import { withoutSecret } from '../../base/without-secret.ts';
import { collect, HttpExchange, TooLarge } from '../http-exchange.ts';
import { reasonOf } from '../request-problem.ts';
import { readNamed } from '../tls-files.ts';
import type { ConsulOptions } from './options.ts';

/** The message is for people, and holds no credential. */
export class ConsulError extends Error {
  override readonly name = 'ConsulError';
  /** why this one reply is none, though the server is well: there is more of it than we take, or it knows no such path */
  readonly ofReply: 'too-large' | 'unreadable' | undefined;

  constructor(message: string, ofReply?: ConsulError['ofReply']) {
    super(message);
    this.ofReply = ofReply;
  }
}

export interface Answer {
  readonly body: unknown;
  /** X-Consul-Index: what to wait from */
  readonly index: number;
}

/** A server waits up to a sixteenth longer than it is asked to; and the reply takes its time. */
const WAIT_FACTOR = 17 / 16;

/** One Consul agent or server, asked over connections of its own. */
export class ConsulClient {
  readonly #options: ConsulOptions;
  readonly #exchange: HttpExchange;

  /** Throws when a file cannot be read. */
  constructor(options: ConsulOptions) {
    this.#options = options;
    this.#exchange = new HttpExchange(options.server, options.tls);
  }

  close(): void {
    this.#exchange.close();
  }

  /** @param index 0: as it is now; otherwise the answer comes when there is news since, or when `waitMs` are over */
  async ask(path: string, index = 0, waitMs = 0): Promise<Answer> {
    const { datacenter, requestTimeoutMs } = this.#options;
    const query = new URLSearchParams(datacenter === undefined ? {} : { dc: datacenter });
    if (index > 0) {
      query.set('index', String(index));
      query.set('wait', `${waitMs}ms`);
    }
    const timeoutMs = requestTimeoutMs + (index > 0 ? waitMs * WAIT_FACTOR : 0);
    const { body, response } = await this.#get(query.size === 0 ? path : `${path}?${query}`, timeoutMs);
    // without one a question would not wait, and be asked again at once, for ever
    const said = response.headers['x-consul-index'];
    const next = typeof said === 'string' && /^\d{1,16}$/.test(said) ? Number(said) : 0;
    if (next < 1 || !Number.isSafeInteger(next))
      throw new ConsulError('a reply without X-Consul-Index: this is no Consul');
    return { body, index: next };
  }

  /** Rejects when the server hangs, or has no leader. */
  async probe(): Promise<void> {
    const { body } = await this.#get('/v1/status/leader', this.#options.probeTimeoutMs);
    if (typeof body !== 'string' || body === '') throw new ConsulError('the cluster has no leader');
  }

  async #get(
    path: string,
    timeoutMs: number,
  ): Promise<{ readonly body: unknown; readonly response: IncomingMessage }> {
    const { tokenFile, maxReplyOctets } = this.#options;
    const where = path.replace(/\?.*$/s, '').slice(0, 100);
    try {
      const headers: Record<string, string> = { accept: 'application/json' };
      const token = tokenFile === undefined ? undefined : readNamed(tokenFile).trim();
      if (token !== undefined) headers['x-consul-token'] = token;
      const { response, deadline } = await this.#exchange.send({ method: 'GET', path, headers, timeoutMs });
      try {
        if (response.statusCode !== 200) throw await this.#refusal(response, where, token);
        return { body: parseBoundedJson(await collect(response, maxReplyOctets)), response };
      } finally {
        clearTimeout(deadline);
      }
    } catch (error) {
      if (error instanceof ConsulError) throw error;
      if (error instanceof JsonProblem) {
        const ofReply = error.isBeyondBounds ? 'too-large' : undefined;
        throw new ConsulError(`the reply to ${where} is ${error.message}`, ofReply);
      }
      const ofReply = error instanceof TooLarge ? 'too-large' : undefined;
      throw new ConsulError(reasonOf(error as NodeJS.ErrnoException), ofReply);
    }
  }

  async #refusal(response: IncomingMessage, path: string, token: string | undefined): Promise<ConsulError> {
    const text = withoutSecret(await collect(response, 65_536).then(String, () => ''), token);
    // an error page of something that stands in between says nothing
    const said = /^[^<>]*$/.test(text)
      ? text
          .replace(/[\p{Cc}\p{Cf}]/gu, ' ')
          .trim()
          .slice(0, 200)
      : '';
    const { tokenFile } = this.#options;
    const { statusCode = 0 } = response;
    const isUnknown = (statusCode >= 300 && statusCode < 400) || statusCode === 400 || statusCode === 404;
    const advice =
      statusCode !== 403 && statusCode !== 401
        ? ''
        : tokenFile === undefined
          ? '; Consul wants a token: name its file as tokenFile'
          : `; the token in ${tokenFile} is refused: it needs service:read and node:read`;
    return new ConsulError(
      `status ${statusCode} to ${path}${said === '' ? '' : `: ${said}`}${advice}`,
      isUnknown ? 'unreadable' : undefined,
    );
  }
}
