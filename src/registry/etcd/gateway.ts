import type { IncomingMessage } from 'node:http';
import { type JsonProblem, parseBoundedJson } from '../../base/bounded-json.ts';
import { OctetLines } from '../../base/octet-lines.ts';
import { withoutSecret } from '../../base/without-secret.ts';
import { collect, HttpExchange, type Reply, TooLarge } from '../http-exchange.ts';
import { reasonOf } from '../request-problem.ts';
import type { ServerAddress } from '../server-list.ts';
import { readNamed } from '../tls-files.ts';
import type { EtcdOptions } from './options.ts';
import {
  type RangeReply,
  type Refusal,
  readRange,
  readRefusal,
  readToken,
  readWatch,
  type WatchReply,
} from './read-replies.ts';

/** gRPC's (google.rpc.Code). */
const INVALID_ARGUMENT = 3;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;
const UNAUTHENTICATED = 16;

/** What was asked of a server was not had. The message is for people, and holds no credential. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly refusal: Refusal | undefined;
  /** there was more than we take */
  readonly isTooLarge: boolean;

  constructor(
    message: string,
    { refusal, isTooLarge = false }: { refusal?: Refusal; isTooLarge?: boolean } = {},
  ) {
    super(message);
    this.refusal = refusal;
    this.isTooLarge = isTooLarge;
  }
}

export interface KeyRange {
  /** the first key */
  readonly from: Buffer;
  /** the first that is none of it; one octet 0: there is none */
  readonly end: Buffer;
}

export interface RangeRequest {
  readonly from: Buffer;
  readonly end?: Buffer;
  readonly limit: number;
  readonly keysOnly: boolean;
  /** undefined: now */
  readonly revision?: number | undefined;
}

/** One etcd server by its JSON gateway, with connections and a token of its own. */
export class Gateway {
  readonly #options: EtcdOptions;
  readonly #exchange: HttpExchange;
  #token: string | undefined;
  #password: string | undefined;

  /** Throws when a file cannot be read. */
  constructor(server: ServerAddress, options: EtcdOptions) {
    this.#options = options;
    this.#exchange = new HttpExchange(server, options.tls);
  }

  /** Ends all that is under way; nothing is sent any more. */
  close(): void {
    this.#exchange.close();
  }

  async range(asked: RangeRequest, timeoutMs = this.#options.requestTimeoutMs): Promise<RangeReply> {
    const body = {
      key: asked.from.toString('base64'),
      limit: asked.limit,
      ...(asked.end === undefined ? {} : { range_end: asked.end.toString('base64') }),
      ...(asked.keysOnly ? { keys_only: true } : {}),
      ...(asked.revision === undefined ? {} : { revision: asked.revision }),
    };
    const reply = readRange(await this.#authorized('/v3/kv/range', body, timeoutMs));
    if (!reply.ok) throw new GatewayError(reply.reason);
    return reply.value;
  }

  /** Follows a range from a revision on. Rejects when that ends, for whatever reason. */
  async watch(
    { from, end }: KeyRange,
    revision: number,
    onReply: (reply: WatchReply) => void,
  ): Promise<never> {
    const create_request = {
      key: from.toString('base64'),
      range_end: end.toString('base64'),
      start_revision: revision,
      // a revision of thousands of keys comes in pieces
      fragment: true,
    };
    const { response, deadline } = await this.#send(
      '/v3/watch',
      { create_request },
      this.#options.requestTimeoutMs,
    );
    clearTimeout(deadline);
    if (response.statusCode !== 200) throw await this.#refusal(response, '/v3/watch');
    const lines = new OctetLines(this.#options.maxReplyOctets, (line) => {
      const reply = readWatch(jsonOf(line, 'a line of the watch'));
      if (!reply.ok) throw new GatewayError(reply.reason);
      onReply(reply.value);
    });
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) lines.push(chunk);
    } catch (error) {
      throw this.#problem(error);
    } finally {
      response.destroy();
    }
    throw new GatewayError('the server ended the watch');
  }

  /** With a token where there is a user, and with a new one when the old one is not taken any more. */
  async #authorized(path: string, body: object, timeoutMs: number): Promise<unknown> {
    if (this.#options.username === undefined) return this.#post(path, body, timeoutMs);
    const isFresh = this.#token === undefined;
    if (isFresh) await this.#authenticate();
    try {
      return await this.#post(path, body, timeoutMs);
    } catch (error) {
      if (isFresh || !(error instanceof GatewayError) || !isTokenRefused(error.refusal)) throw error;
      await this.#authenticate();
      return this.#post(path, body, timeoutMs);
    }
  }

  async #authenticate(): Promise<void> {
    const { username = '', passwordFile, requestTimeoutMs } = this.#options;
    const password = passwordFile === undefined ? '' : readNamed(passwordFile).replace(/\r?\n$/, '');
    this.#token = undefined;
    this.#password = password;
    try {
      const reply = await this.#post('/v3/auth/authenticate', { name: username, password }, requestTimeoutMs);
      this.#token = readToken(reply);
    } catch (error) {
      const refusal = error instanceof GatewayError ? error.refusal : undefined;
      // authentication is off, and may be turned on later
      if (refusal?.code === FAILED_PRECONDITION || /not enabled/.test(refusal?.text ?? '')) return;
      if (refusal?.code !== INVALID_ARGUMENT && refusal?.code !== UNAUTHENTICATED) throw error;
      throw new GatewayError(`user ${username} and the password in ${passwordFile} are refused`);
    }
    if (this.#token === undefined) throw new GatewayError('the reply to /v3/auth/authenticate has no token');
  }

  async #post(path: string, body: object, timeoutMs: number): Promise<unknown> {
    const { response, deadline } = await this.#send(path, body, timeoutMs);
    try {
      if (response.statusCode !== 200) throw await this.#refusal(response, path);
      return jsonOf(await collect(response, this.#options.maxReplyOctets), `the reply to ${path}`);
    } catch (error) {
      throw this.#problem(error);
    } finally {
      clearTimeout(deadline);
    }
  }

  #send(path: string, body: object, timeoutMs: number): Promise<Reply> {
    const authorization: Record<string, string> =
      this.#token === undefined ? {} : { authorization: this.#token };
    const sent = { method: 'POST', path, headers: authorization, body: JSON.stringify(body), timeoutMs };
    return this.#exchange.send(sent).catch((error: unknown) => {
      throw this.#problem(error);
    });
  }

  async #refusal(response: IncomingMessage, path: string): Promise<GatewayError> {
    const whole = await collect(response, 65_536).then(String, () => '');
    const text = withoutSecret(withoutSecret(whole, this.#token), this.#password);
    let refusal: Refusal = { code: -1, text: '' };
    try {
      refusal = readRefusal(JSON.parse(text));
    } catch {
      // an error page of something that stands in between
    }
    const said = refusal.text === '' ? '' : `: ${refusal.text}`;
    const { username } = this.#options;
    const advice =
      refusal.code === PERMISSION_DENIED
        ? `; give ${username ?? 'the user'} a role that may read the prefix`
        : username === undefined && isTokenRefused(refusal)
          ? '; etcd wants a user: set username and passwordFile'
          : '';
    return new GatewayError(`status ${response.statusCode} to ${path}${said}${advice}`, { refusal });
  }

  #problem(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    return new GatewayError(reasonOf(error as NodeJS.ErrnoException), {
      isTooLarge: error instanceof TooLarge,
    });
  }
}

function isTokenRefused(refusal: Refusal | undefined): boolean {
  if (refusal?.code === UNAUTHENTICATED) return true;
  return (
    refusal?.code === INVALID_ARGUMENT && /user name is empty|auth token|auth store is old/.test(refusal.text)
  );
}

function jsonOf(octets: Buffer, what: string): unknown {
  try {
    return parseBoundedJson(octets);
  } catch (error) {
    throw new GatewayError(`${what} is ${(error as JsonProblem).message}`);
  }
}
