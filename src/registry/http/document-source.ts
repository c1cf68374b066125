import type { IncomingMessage } from 'node:http';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { withoutSecret } from '../../base/without-secret.ts';
import { collect, TooLarge } from '../http-exchange.ts';
import { reasonOf } from '../request-problem.ts';
import { readNamed, readTlsFiles } from '../tls-files.ts';
import type { HttpRegistryOptions } from './options.ts';

/** About 50,000 interfaces with three providers; to read them takes 3.5 s of the event line, and 90 octets for each octet. */
const MAX_OCTETS = 8 * 2 ** 20;
/** From the question to the last octet. */
const DEADLINE_MS = 30_000;

export type Fetched =
  | { readonly kind: 'document'; readonly text: string }
  /** the one that was fetched last still holds (RFC 9110 section 15.4.5) */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Fetches one document again and again, and whole only when it changed, where the server tells that. */
export class DocumentSource {
  readonly #options: HttpRegistryOptions;
  readonly #maxOctets: number;
  readonly #deadlineMs: number;
  readonly #stopped = new AbortController();
  /** what the server said of the last document */
  #validators: Record<string, string> = {};

  constructor(options: HttpRegistryOptions, maxOctets = MAX_OCTETS, deadlineMs = DEADLINE_MS) {
    this.#options = options;
    this.#maxOctets = maxOctets;
    this.#deadlineMs = deadlineMs;
  }

  /** Never rejects. */
  async fetch(): Promise<Fetched> {
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    try {
      const { tokenFile } = this.#options;
      const token = tokenFile === undefined ? undefined : readNamed(tokenFile).trim();
      const response = await this.#request(AbortSignal.any([deadline, this.#stopped.signal]), token);
      return await this.#read(response, token);
    } catch (error) {
      if (error instanceof TooLarge)
        return failed(`the document is over ${this.#maxOctets} octets: split it over several registries`);
      if (deadline.aborted) return failed(`no whole reply within ${this.#deadlineMs / 1000} s`);
      return failed(reasonOf(error as NodeJS.ErrnoException));
    }
  }

  /** What the last document said does not count: the next one is fetched whole. */
  forget(): void {
    this.#validators = {};
  }

  stop(): void {
    this.#stopped.abort();
  }

  #request(signal: AbortSignal, token: string | undefined): Promise<IncomingMessage> {
    const { url, tls } = this.#options;
    const { protocol } = new URL(url);
    const headers: Record<string, string> = {
      accept: 'application/yaml, application/json;q=0.9, */*;q=0.1',
      'user-agent': 'rpc-dns',
      ...this.#validators,
    };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    return new Promise((resolve, reject) => {
      // certificates are read anew too: they are renewed while we run
      const options = protocol === 'https:' ? readTlsFiles(tls) : {};
      const request = protocol === 'https:' ? requestTls : requestPlain;
      request(url, { ...options, headers, signal, agent: false }, resolve)
        .on('error', reject)
        // of a reply that begins another protocol nothing else is told
        .on('close', () => reject(new Error('the connection was closed without a whole reply')))
        .end();
    });
  }

  async #read(response: IncomingMessage, token: string | undefined): Promise<Fetched> {
    const { statusCode = 0, headers } = response;
    if (statusCode === 304) {
      response.resume();
      return { kind: 'unchanged' };
    }
    if (statusCode !== 200) {
      response.destroy();
      const text = statusText(statusCode, headers.location, this.#options.tokenFile);
      return failed(withoutSecret(text, token));
    }
    const octets = await collect(response, this.#maxOctets);
    if (!response.complete) return failed('the connection was closed in the middle of the document');
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(octets);
    } catch {
      return failed('the document is not UTF-8');
    }
    const { etag, 'last-modified': modified } = headers;
    this.#validators = {
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
      ...(etag !== undefined || modified === undefined ? {} : { 'if-modified-since': modified }),
    };
    return { kind: 'document', text };
  }
}

function failed(reason: string): Fetched {
  return { kind: 'failed', reason };
}

function statusText(status: number, location: string | undefined, tokenFile: string | undefined): string {
  if (status >= 300 && status < 400) {
    return `status ${status}${location === undefined ? '' : ` to ${withoutSecrets(location)}`}: redirects are not followed, write the right url`;
  }
  if (status === 401 || status === 403) {
    return tokenFile === undefined
      ? `status ${status}: the server wants a token, name its file as tokenFile`
      : `status ${status}: the server refuses the token in ${tokenFile}: renew it, it is read with each question`;
  }
  return `status ${status}, expected 200 or 304`;
}

/** A URL as it may stand in a log. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//').replace(/[?#].*$/s, '');
}
