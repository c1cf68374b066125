/** The token that requests carry where Nacos asks who one is: had by HTTP, renewed before it ends, never told to anybody. */
import { bad, ok, type Result } from '../../base/result.ts';
import { readNamed } from '../tls-files.ts';
import type { HttpReply, NacosHttp } from './http-client.ts';
import type { ServerAddress } from './options.ts';
import { textOf } from './payload.ts';

/** Nacos 1 and 2, and most of 3; then 3 alone. */
const PATHS = ['/v1/auth/login', '/v3/auth/user/login'];
const RENEW_AT = 0.8;
/** A token that lives shorter or longer than is of use is renewed as if it did not. */
const MIN_TTL_S = 5;
const MAX_TTL_S = 7 * 86_400;
const MAX_TOKEN = 16_384;
/** A password that is refused is not tried more often: Nacos may lock the user. */
const RETRY_MS = 2_000;

export interface Credentials {
  readonly username: string;
  readonly passwordFile: string;
}

/** One for a registry: its connections share the token. */
export class Login {
  readonly #http: NacosHttp;
  readonly #credentials: Credentials | undefined;
  #token: string | undefined;
  /** as `performance.now()` tells it */
  #renewAt = 0;
  #running: Promise<Result<string | undefined>> | undefined;
  #failure: { readonly at: number; readonly reason: string } | undefined;

  /** @param credentials undefined: nobody is asked */
  constructor(http: NacosHttp, credentials: Credentials | undefined) {
    this.#http = http;
    this.#credentials = credentials;
  }

  /**
   * The token as it is to be sent now; undefined: none is needed. While it is being renewed all wait for the same one.
   *
   * @returns for people, why there is none
   */
  token(server: ServerAddress): Promise<Result<string | undefined>> {
    const { username, passwordFile } = this.#credentials ?? {};
    if (username === undefined || passwordFile === undefined) return Promise.resolve(ok(undefined));
    const now = performance.now();
    if (this.#token !== undefined && now < this.#renewAt) return Promise.resolve(ok(this.#token));
    const failure = this.#failure;
    if (failure !== undefined && now - failure.at < RETRY_MS) return Promise.resolve(bad(failure.reason));
    this.#running ??= this.#login(server, username, passwordFile).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The server refuses this token: the next one is a new one. */
  refused(token: string | undefined): void {
    if (token !== undefined && token === this.#token) this.#token = undefined;
  }

  async #login(
    server: ServerAddress,
    username: string,
    passwordFile: string,
  ): Promise<Result<string | undefined>> {
    const result = await this.#ask(server, username, passwordFile);
    this.#failure = result.ok ? undefined : { at: performance.now(), reason: result.reason };
    return result;
  }

  async #ask(server: ServerAddress, username: string, passwordFile: string): Promise<Result<string>> {
    let password: string;
    try {
      password = readNamed(passwordFile).trim();
    } catch (error) {
      return bad((error as Error).message);
    }
    let reply: HttpReply = { kind: 'failed', reason: 'not asked' };
    for (const path of PATHS) {
      reply = await this.#http.send(server, { method: 'POST', path, parameters: { username, password } });
      if (reply.kind !== 'status' || (reply.status !== 404 && reply.status !== 410)) break;
    }
    if (reply.kind === 'failed') return bad(`login: ${reply.reason}`);
    if (reply.kind === 'status') {
      if (reply.status === 404 || reply.status === 410)
        return bad(
          `login: status ${reply.status}: this server has no users, leave username and passwordFile out`,
        );
      return bad(
        `login: status ${reply.status}: the server refuses user ${username} with the password in ${passwordFile}`,
      );
    }
    // some versions wrap it
    const { accessToken, tokenTtl } = {
      ...(reply.value['data'] as object | undefined),
      ...reply.value,
    } as Record<string, unknown>;
    const token = textOf(accessToken);
    if (!/^[\x21-\x7e]+$/.test(token) || token.length > MAX_TOKEN)
      return bad('login: the reply has no accessToken');
    const ttl = typeof tokenTtl === 'number' && Number.isFinite(tokenTtl) ? tokenTtl : MIN_TTL_S;
    this.#token = token;
    this.#renewAt = performance.now() + Math.min(MAX_TTL_S, Math.max(MIN_TTL_S, ttl)) * 1000 * RENEW_AT;
    return ok(token);
  }
}
