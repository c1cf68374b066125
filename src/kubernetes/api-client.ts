import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { KubeConfig, RequestContext } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';
import { type JsonProblem, parseBoundedJson } from '../base/bounded-json.ts';
import { GatheredOctets } from '../base/gathered-octets.ts';
import { OctetLines } from '../base/octet-lines.ts';
import { withoutSecret } from '../base/without-secret.ts';
import { homePath } from './home-path.ts';

export interface ClusterAccess {
  /** a kubeconfig file; undefined: the ServiceAccount of the pod */
  readonly kubeconfig: string | undefined;
  /** of the kubeconfig; undefined: its current one */
  readonly context: string | undefined;
}

/** The API server refused a request, or did not answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0: there was none */
  readonly status: number;
  /** of the `Status` object: `Expired`, `AlreadyExists`, `NotFound`, … (apimachinery, `metav1.StatusReason`) */
  readonly reason: string;
  /** what the server asked to wait */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** of the body; default `application/json` */
  readonly contentType?: string;
  /** default {@link REQUEST_DEADLINE_MS} */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export const SERVER_SIDE_APPLY = 'application/apply-patch+yaml';
export const MERGE_PATCH = 'application/merge-patch+json';

const REQUEST_DEADLINE_MS = 10_000;
const CONNECT_DEADLINE_MS = 3_000;
/** Certificates and credentials are read anew so often, besides after each failure that they might be the cause of. */
const RENEW_MS = 5 * 60_000;
/** A token file or an exec plugin is asked for its token so often. */
const TOKEN_MS = 10_000;
/** Two renewals are at least so far apart: a wrong token must not make a storm of readings and handshakes. */
const RENEW_GAP_MS = 1_000;
/** A reply over this is no reply to any question of ours. */
const MAX_REPLY_OCTETS = 64 * 1024 * 1024;
const MAX_LINE_OCTETS = 16 * 1024 * 1024;

/** Where a pod finds its token, its namespace, and whom it may trust. */
export const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

interface Credentials {
  readonly server: string;
  readonly config: KubeConfig;
  readonly dispatcher: Dispatcher;
  headers: Readonly<Record<string, string>>;
  headersAt: number;
}

/**
 * Requests to one Kubernetes API server, with @kubernetes/client-node's configuration: kubeconfig, TLS, tokens, exec
 * plugins. Connections are kept; a renewed certificate or token is used without a restart. Every call has a deadline.
 */
export class ApiClient {
  readonly #access: ClusterAccess;
  #credentials: Promise<Credentials> | undefined;
  #lastRead = Number.NEGATIVE_INFINITY;
  #isDoubted = false;
  #closed = false;
  #serverTime: number | undefined;
  /** those of former credentials, while a watch of theirs lasts */
  readonly #outdated = new Set<Dispatcher>();

  constructor(access: ClusterAccess) {
    this.#access = access;
  }

  /** What the clock of the API server said with its last reply, Unix milliseconds in whole seconds. */
  get serverTime(): number | undefined {
    return this.#serverTime;
  }

  /** The parsed reply. Rejects with an {@link ApiError}. */
  async request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    const deadline = AbortSignal.timeout(options.deadlineMs ?? REQUEST_DEADLINE_MS);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
    const { body } = await this.#send(method, path, options, signal);
    const octets = await this.#collect(body, signal);
    return (octets.length === 0 ? {} : jsonOf(octets, `${method} ${path}: the reply`)) as T;
  }

  /**
   * Opens a stream of JSON lines, as watches are. Resolves when the server closes it, rejects with an {@link ApiError}
   * when it breaks, is silent for `silenceMs`, or when a line cannot be read.
   */
  async stream(
    path: string,
    query: Readonly<Record<string, string>>,
    silenceMs: number,
    signal: AbortSignal,
    onLine: (value: unknown) => void,
    onOpen: () => void = () => {},
  ): Promise<void> {
    const silence = new AbortController();
    const whole = AbortSignal.any([signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), CONNECT_DEADLINE_MS + REQUEST_DEADLINE_MS);
    const rearm = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
    };
    try {
      const { body } = await this.#send('GET', path, { query }, whole);
      rearm();
      onOpen();
      const lines = new OctetLines(MAX_LINE_OCTETS, (line) =>
        onLine(jsonOf(line, `${path}: a line of the watch`)),
      );
      for await (const chunk of body) {
        rearm();
        lines.push(chunk as Buffer);
      }
    } catch (error) {
      if (silence.signal.aborted) throw new ApiError(0, 'Silent', `${path}: the API server fell silent`);
      if (error instanceof RangeError) throw new ApiError(0, 'TooLarge', `${path}: ${error.message}`);
      throw asApiError(error, `GET ${path}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends all connections; nothing is sent any more. */
  async close(): Promise<void> {
    this.#closed = true;
    const credentials = await this.#credentials?.catch(() => undefined);
    await Promise.all(
      [credentials?.dispatcher, ...this.#outdated].map((dispatcher) => dispatcher?.destroy()),
    );
  }

  async #outdate(dispatcher: Dispatcher): Promise<void> {
    this.#outdated.add(dispatcher);
    await dispatcher.close();
    this.#outdated.delete(dispatcher);
  }

  async #send(
    method: Method,
    path: string,
    options: RequestOptions,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const what = `${method} ${path}`;
    let response: Dispatcher.ResponseData;
    let token: string | undefined;
    try {
      const credentials = await this.#current();
      const headers = await authorization(credentials);
      token = tokenIn(headers);
      const hasBody = options.body !== undefined;
      const base = new URL(credentials.server);
      response = await credentials.dispatcher.request({
        origin: base.origin,
        path: base.pathname.replace(/\/$/, '') + path,
        method,
        ...(options.query === undefined ? {} : { query: { ...options.query } }),
        headers: {
          ...headers,
          accept: 'application/json',
          'user-agent': 'rpc-dns',
          ...(hasBody ? { 'content-type': options.contentType ?? 'application/json' } : {}),
        },
        body: hasBody ? JSON.stringify(options.body) : null,
        signal,
        // the deadline is the signal's; undici's own would cut quiet watches
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    } catch (error) {
      // a changed certificate shows as a failed connection
      if (!signal.aborted) this.#isDoubted = true;
      throw asApiError(error, what);
    }
    const date = Date.parse(String(response.headers['date']));
    if (!Number.isNaN(date)) this.#serverTime = date;
    if (response.statusCode < 300) return response;
    if (response.statusCode === 401) this.#isDoubted = true;
    throw await this.#refusal(response, what, signal, token);
  }

  async #refusal(
    response: Dispatcher.ResponseData,
    what: string,
    signal: AbortSignal,
    token: string | undefined,
  ): Promise<ApiError> {
    const text = await this.#collect(response.body, signal).catch(() => '');
    const { reason, message } = statusOf(withoutSecret(String(text), token));
    const retryAfter = Number(response.headers['retry-after']);
    return new ApiError(
      response.statusCode,
      reason,
      `${what}: ${response.statusCode}${message === '' ? '' : ` ${message.slice(0, 500)}`}`,
      Number.isFinite(retryAfter) && retryAfter >= 0 ? retryAfter * 1000 : undefined,
    );
  }

  async #collect(body: AsyncIterable<unknown>, signal: AbortSignal): Promise<Buffer> {
    const octets = new GatheredOctets();
    try {
      for await (const chunk of body) {
        octets.add(chunk as Buffer);
        if (octets.length > MAX_REPLY_OCTETS) throw new ApiError(0, 'TooLarge', 'the reply is too large');
      }
    } catch (error) {
      throw asApiError(error, signal.aborted ? 'the reply came too late' : 'the reply was cut');
    }
    return octets.take();
  }

  async #current(): Promise<Credentials> {
    if (this.#closed) throw new ApiError(0, 'Closed', 'the client is closed');
    const age = performance.now() - this.#lastRead;
    const isDue = age > RENEW_MS || (this.#isDoubted && age > RENEW_GAP_MS);
    if (this.#credentials !== undefined && !isDue) return this.#credentials;
    const old = this.#credentials;
    this.#lastRead = performance.now();
    this.#isDoubted = false;
    const renewed = readCredentials(this.#access);
    this.#credentials = renewed;
    try {
      const credentials = await renewed;
      if (this.#closed) await credentials.dispatcher.destroy();
      // requests under way end as they began
      void old?.then((former) => this.#outdate(former.dispatcher)).catch(() => {});
      return credentials;
    } catch (error) {
      this.#isDoubted = true;
      if (old === undefined) throw error;
      // a kubeconfig that is being written just now: the old one may still be good
      this.#credentials = old;
      return old;
    }
  }
}

/** What client-node passes over: kubectl's `tokenFile`, whose token is read again and again. */
interface RawKubeConfig {
  readonly users?: readonly { readonly name?: string; readonly user?: { readonly tokenFile?: string } }[];
}

async function readCredentials(access: ClusterAccess): Promise<Credentials> {
  // half a second and 88 MB: only where a cluster is configured
  const kubernetes = await import('@kubernetes/client-node');
  const config = new kubernetes.KubeConfig();
  const file = access.kubeconfig === undefined ? undefined : homePath(access.kubeconfig);
  if (file !== undefined) {
    const raw = readKubeconfig(file, (text) => {
      config.loadFromString(text);
      config.makePathsAbsolute(dirname(file));
      return kubernetes.loadYaml<RawKubeConfig>(text);
    });
    if (access.context !== undefined) config.setCurrentContext(access.context);
    config.users = config.users.map((user) => {
      const found = raw.users?.find(({ name }) => name === user.name)?.user?.tokenFile;
      if (found === undefined) return user;
      const tokenFile = resolve(dirname(file), found);
      const { token: _, ...rest } = user;
      return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile } } };
    });
  } else {
    // loadFromDefault would fall back to http://localhost:8080 without a word
    try {
      readFileSync(`${SERVICE_ACCOUNT}/token`);
    } catch {
      throw new ApiError(
        0,
        'NoCredentials',
        `no kubeconfig is configured, and ${SERVICE_ACCOUNT} is not there`,
      );
    }
    config.loadFromCluster();
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const context = access.context ?? config.getCurrentContext();
    const what = context
      ? `context '${context}' has no cluster`
      : 'no current-context, and none is configured';
    throw new ApiError(0, 'NoCredentials', `${access.kubeconfig}: ${what}`);
  }
  if (!/^https?:\/\/[^/]/i.test(cluster.server))
    throw new ApiError(
      0,
      'NoCredentials',
      `${access.kubeconfig}: the cluster's server is no http:// or https:// URL`,
    );
  const request = await authenticate(config, cluster.server);
  return {
    server: cluster.server,
    config,
    dispatcher:
      request.getDispatcher() ?? new Agent({ connect: { timeout: CONNECT_DEADLINE_MS, keepAlive: true } }),
    headers: request.getHeaders(),
    headersAt: performance.now(),
  };
}

/** @param read throws at what is no YAML, or no kubeconfig */
function readKubeconfig<T>(file: string, read: (text: string) => T): T {
  const text = readFileSync(file, 'utf8');
  try {
    return read(text);
  } catch (error) {
    // the parser's own message quotes lines of the file, where tokens stand
    const { reason, mark } = error as { reason?: unknown; mark?: { line: number; column: number } };
    const place = mark === undefined ? '' : `:${mark.line + 1}:${mark.column + 1}`;
    const what = typeof reason === 'string' && mark !== undefined ? reason : 'it is no kubeconfig';
    throw new ApiError(0, 'NoCredentials', `${file}${place}: ${what}`);
  }
}

async function authorization(credentials: Credentials): Promise<Readonly<Record<string, string>>> {
  if (performance.now() - credentials.headersAt > TOKEN_MS) {
    const request = await authenticate(credentials.config, credentials.server);
    credentials.headers = request.getHeaders();
    credentials.headersAt = performance.now();
  }
  return credentials.headers;
}

/** What the configuration adds to a request: its headers and, made anew each time, its connections. */
async function authenticate(config: KubeConfig, server: string): Promise<RequestContext> {
  const kubernetes = await import('@kubernetes/client-node');
  const request = new kubernetes.RequestContext(server, kubernetes.HttpMethod.GET);
  await config.applySecurityAuthentication(request);
  return request;
}

/** `Bearer …`, `Basic …` */
function tokenIn(headers: Readonly<Record<string, string>>): string | undefined {
  const [, said] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization') ?? [];
  return said?.replace(/^\w+ +/, '');
}

function statusOf(text: string): { reason: string; message: string } {
  try {
    const status = JSON.parse(text) as { reason?: unknown; message?: unknown };
    return { reason: String(status.reason ?? ''), message: String(status.message ?? '') };
  } catch {
    return { reason: '', message: text };
  }
}

/** What went wrong, in one line for people. */
export function asApiError(error: unknown, what: string): ApiError {
  if (error instanceof ApiError) return error;
  const { name, message, code, cause } = error as Error & { code?: string };
  const inner = cause instanceof Error ? `: ${cause.message}` : '';
  const text = name === 'TimeoutError' ? 'no answer in time' : message || code || name;
  return new ApiError(0, code ?? name, `${what}: ${text}${inner}`);
}

function jsonOf(octets: Buffer, what: string): unknown {
  try {
    return parseBoundedJson(octets);
  } catch (error) {
    throw new ApiError(0, 'BadReply', `${what} is ${(error as JsonProblem).message}`);
  }
}
