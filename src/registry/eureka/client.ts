import type { IncomingMessage } from 'node:http';
import { HttpExchange } from '../http-exchange.ts';
import { reasonOf } from '../request-problem.ts';
import { readNamed } from '../tls-files.ts';
import { InstanceCutter } from './instance-cutter.ts';
import type { EurekaOptions } from './options.ts';
import type { EurekaServer } from './server-urls.ts';

/** The message is for people, and holds no credential. */
export class EurekaError extends Error {
  override readonly name = 'EurekaError';
  /** of the reply; undefined: there was none, or it was another that failed */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** One server of a Eureka, asked over connections of its own. */
export class EurekaClient {
  readonly #options: EurekaOptions;
  readonly #path: string;
  readonly #exchange: HttpExchange;

  /** Throws when a file cannot be read. */
  constructor(server: EurekaServer, options: EurekaOptions) {
    this.#options = options;
    this.#path = server.path;
    this.#exchange = new HttpExchange(server, options.tls);
  }

  close(): void {
    this.#exchange.close();
  }

  /**
   * @param what everything, or what changed within the last three minutes
   * @param onInstance is told the JSON of each as it comes; undefined: it is larger than any. What it throws ends the reading
   * @returns the server's own hash of all instances, where it says one
   */
  async read(
    what: 'apps' | 'apps/delta',
    onInstance: (json: string | undefined) => void,
  ): Promise<string | undefined> {
    const { username, passwordFile, requestTimeoutMs, listTimeoutMs } = this.#options;
    const path = `${this.#path}/${what}`;
    try {
      // one that is kept may be closed by whoever stands in between, just when the next question is sent
      const headers: Record<string, string> = { accept: 'application/json', connection: 'close' };
      if (username !== undefined && passwordFile !== undefined) {
        const password = readNamed(passwordFile).replace(/\r?\n$/, '');
        headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
      }
      const timeoutMs = what === 'apps' ? listTimeoutMs : requestTimeoutMs;
      const { response, deadline } = await this.#exchange.send({ method: 'GET', path, headers, timeoutMs });
      try {
        if (response.statusCode !== 200) throw this.#refusal(response, path);
        return await this.#readInstances(response, onInstance);
      } finally {
        clearTimeout(deadline);
        response.destroy();
      }
    } catch (error) {
      throw error instanceof EurekaError ? error : new EurekaError(reasonOf(error as NodeJS.ErrnoException));
    }
  }

  async #readInstances(
    response: IncomingMessage,
    onInstance: (json: string | undefined) => void,
  ): Promise<string | undefined> {
    const { maxReplyOctets } = this.#options;
    const cutter = new InstanceCutter(onInstance);
    let octets = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      octets += chunk.length;
      if (octets > maxReplyOctets) throw new EurekaError(`a reply of over ${maxReplyOctets} octets`);
      cutter.push(chunk);
    }
    return cutter.end();
  }

  #refusal(response: IncomingMessage, path: string): EurekaError {
    const { statusCode = 0 } = response;
    const { username, passwordFile } = this.#options;
    let advice = '';
    if (statusCode >= 300 && statusCode < 400) advice = ': redirects are not followed, write the right URL';
    else if (statusCode === 401)
      advice =
        username === undefined
          ? ': it wants a user: write username and passwordFile'
          : `: user ${username} and the password in ${passwordFile} are refused`;
    else if (statusCode === 404) advice = ': is this the path of a Eureka?';
    return new EurekaError(`status ${statusCode} to ${path}${advice}`, statusCode);
  }
}
