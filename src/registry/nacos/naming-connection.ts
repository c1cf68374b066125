/**
 * One gRPC connection for one namespace: introduced, kept alive, its server's questions answered. To Nacos 2 and 3 the connection is
 * the client: a stream on which the server speaks first, and calls beside it.
 */
import type { Result } from '../../base/result.ts';
import { withoutSecret } from '../../base/without-secret.ts';
import { ClientConnection, type ClientStream, type Loss } from '../../grpc/client-connection.ts';
import { readTlsFiles, type TlsFiles } from '../tls-files.ts';
import type { Login } from './login.ts';
import { GRPC_OFFSET, type ServerAddress } from './options.ts';
import {
  decodePayload,
  encodePayload,
  isJson,
  type Json,
  type NacosMessage,
  shown,
  textOf,
} from './payload.ts';

const UNARY = '/Request/request';
const STREAM = '/BiRequestStream/requestBiStream';
const CONNECT_MS = 3_000;
const CALL_MS = 10_000;
/** Nacos' own clients do the same; a server that hears nothing for 20 s asks, and then lets go. */
const HEALTH_MS = 5_000;
const HEALTH_DEADLINE_MS = 3_000;
/** As Nacos' own clients take it: what is longer is no list of theirs either. */
const MAX_MESSAGE = 16 * 2 ** 20;
/** Nacos 2 acknowledges no introduction: its own client waits so long, and tries again when it was too early. */
const SETTLE_MS = 100;
/** Nacos 3 acknowledges; a server that has not done so by then is taken for an older one. */
const ACK_MS = 600;
/** So soon the connection is left when the server asks so. */
const RESET_MS = 50;
const UNREGISTERED = 301;
const MAX_SETUP_ATTEMPTS = 20;

export interface ConnectionHandlers {
  /** It can be asked now. @param hasFuzzyWatch whether it tells of names by itself */
  ready(hasFuzzyWatch: boolean): void;
  /** The server asks, or tells: it is answered already. */
  told(message: NacosMessage): void;
  /** Once, at the end, but not after `close`. */
  lost(loss: Loss): void;
}

/** Why a request has no reply. */
export interface Refusal {
  readonly ok: false;
  readonly reason: string;
  /** the connection stands, and the server does not want to */
  readonly isRefused: boolean;
}

export class NamingConnection {
  readonly #server: ServerAddress;
  readonly #namespace: string;
  readonly #login: Login;
  readonly #handlers: ConnectionHandlers;
  readonly #connection: ClientConnection | undefined;
  #stream: ClientStream | undefined;
  #acknowledge: ((hasFuzzyWatch: boolean) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** Begins to connect. */
  constructor(
    server: ServerAddress,
    namespace: string,
    tls: TlsFiles | undefined,
    login: Login,
    handlers: ConnectionHandlers,
  ) {
    this.#server = server;
    this.#namespace = namespace;
    this.#login = login;
    this.#handlers = handlers;
    try {
      this.#connection = new ClientConnection(
        {
          host: server.host,
          port: server.port + GRPC_OFFSET,
          tls: tls === undefined ? undefined : pemOf(tls),
          connectTimeoutMs: CONNECT_MS,
          maxMessageOctets: MAX_MESSAGE,
        },
        { opened: () => void this.#introduce(), lost: (loss) => this.#end(loss) },
      );
    } catch (error) {
      // a file of ours cannot be read, or holds no certificate
      const loss: Loss = { kind: 'lost', reason: (error as Error).message };
      setImmediate(() => this.#end(loss));
    }
  }

  /** Asks; the token is put to it, and got anew once if the server does not take it. */
  async ask(
    type: string,
    body: Json,
    deadlineMs = CALL_MS,
  ): Promise<{ readonly ok: true; readonly value: Json } | Refusal> {
    for (let attempt = 0; ; attempt++) {
      const token = await this.#login.token(this.#server);
      if (!token.ok) return refusal(token.reason, true);
      const headers = token.value === undefined ? {} : { accessToken: token.value };
      const reply = await this.#call(type, body, deadlineMs, headers);
      if (!reply.ok) return refusal(withoutSecret(reply.reason, token.value), reply.isTooLong);
      const problem = problemIn(reply.value, token.value);
      if (problem === undefined) return { ok: true, value: reply.value.body };
      const isAboutToken = problem.code === 401 || problem.code === 403;
      if (!isAboutToken || token.value === undefined || attempt > 0)
        return refusal(problem.text, problem.code !== UNREGISTERED);
      this.#login.refused(token.value);
    }
  }

  /** Ends it because of what its user found: `lost` is called. */
  drop(reason: string): void {
    if (this.#connection === undefined) this.#end({ kind: 'lost', reason });
    else this.#connection.drop(reason);
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#connection?.close();
  }

  async #call(
    type: string,
    body: Json,
    deadlineMs: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<
    | Extract<Result<NacosMessage>, { readonly ok: true }>
    | { readonly ok: false; readonly reason: string; readonly isTooLong: boolean }
  > {
    if (this.#connection === undefined || this.#isOver)
      return { ok: false, reason: 'no connection', isTooLong: false };
    const reply = await this.#connection.unary(UNARY, encodePayload(type, body, headers), deadlineMs);
    if (!reply.ok) {
      const { code, message, isTooLong = false } = reply.status;
      return { ok: false, reason: `${type}: ${message || `gRPC status ${code}`}`, isTooLong };
    }
    const message = decodePayload(reply.message);
    return message.ok ? message : { ...message, isTooLong: false };
  }

  /** The steps of Nacos' own client: a check, the introduction, and a request that shows that it arrived. */
  async #introduce(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const check = await this.#call('ServerCheckRequest', { module: 'internal' }, CONNECT_MS);
    if (this.#isOver) return;
    const problem = check.ok ? problemIn(check.value)?.text : check.reason;
    if (problem !== undefined) return this.drop(problem);
    const acknowledged = new Promise<boolean>((resolve) => {
      this.#acknowledge = resolve;
      this.#timer = setTimeout(() => resolve(false), ACK_MS);
    });
    this.#stream = connection.stream(STREAM, {
      message: (octets) => this.#onMessage(octets),
      // the push of a service whose subscription is answered as long, and told there
      tooLong: () => {},
      ended: ({ code, message }) =>
        this.drop(`the server ended its stream: ${message || `gRPC status ${code}`}`),
    });
    this.#stream.send(
      encodePayload('ConnectionSetupRequest', {
        module: 'internal',
        // an older server closes the connection of a client that says no version
        clientVersion: 'Nacos-Java-Client:v2.5.1',
        tenant: this.#namespace,
        labels: { source: 'sdk', module: 'naming', AppName: 'rpc-dns' },
        abilityTable: { fuzzyWatch: true },
      }),
    );
    if (await this.#waitUntilRegistered()) {
      const hasFuzzyWatch = await this.#acknowledgedBy(check, acknowledged);
      if (this.#isOver) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#keepAlive(), HEALTH_MS);
      this.#handlers.ready(hasFuzzyWatch);
    }
  }

  /** Only a server of version 3 says in its check that it will negotiate; another one is not waited for. */
  #acknowledgedBy(check: Result<NacosMessage>, acknowledged: Promise<boolean>): Promise<boolean> {
    const negotiates = check.ok && check.value.body['supportAbilityNegotiation'] === true;
    return negotiates ? acknowledged : Promise.race([acknowledged, Promise.resolve(false)]);
  }

  async #waitUntilRegistered(): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_SETUP_ATTEMPTS && !this.#isOver; attempt++) {
      const health = await this.#call('HealthCheckRequest', { module: 'internal' }, HEALTH_DEADLINE_MS);
      if (this.#isOver) return false;
      if (!health.ok) {
        this.drop(health.reason);
        return false;
      }
      if (problemIn(health.value) === undefined) return true;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    }
    this.drop('the server does not take our introduction');
    return false;
  }

  async #keepAlive(): Promise<void> {
    const health = await this.#call('HealthCheckRequest', { module: 'internal' }, HEALTH_DEADLINE_MS);
    if (this.#isOver) return;
    const problem = health.ok ? problemIn(health.value)?.text : health.reason;
    if (problem !== undefined) return this.drop(problem);
    this.#timer = setTimeout(() => void this.#keepAlive(), HEALTH_MS);
  }

  #onMessage(octets: Uint8Array): void {
    const message = decodePayload(octets);
    if (!message.ok) {
      this.drop(message.reason);
      return;
    }
    const { type, body } = message.value;
    if (type === 'SetupAckRequest') {
      const table = body['abilityTable'];
      const resolve = this.#acknowledge;
      this.#acknowledge = undefined;
      resolve?.(isJson(table) && table['fuzzyWatch'] === true);
    }
    const requestId = body['requestId'];
    if (type.endsWith('Request')) {
      const reply = `${type.slice(0, -'Request'.length)}Response`;
      const isSent = this.#stream?.send(
        encodePayload(reply, { resultCode: 200, errorCode: 0, success: true, requestId }),
      );
      if (isSent === false) {
        this.drop('the server asks and does not read our replies');
        return;
      }
    }
    // our reply is on its way by then
    if (type === 'ConnectResetRequest')
      setTimeout(() => this.drop('the server asks to go to another one'), RESET_MS);
    else this.#handlers.told(message.value);
  }

  #end(loss: Loss): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#acknowledge?.(false);
    this.#handlers.lost(loss);
  }
}

/** What is wrong with a reply; undefined: nothing. */
function problemIn(
  { type, body }: NacosMessage,
  token?: string,
): { readonly code: number; readonly text: string } | undefined {
  const result = body['resultCode'];
  if (result === 200 || (result === undefined && type !== 'ErrorResponse')) return undefined;
  const code = typeof body['errorCode'] === 'number' ? body['errorCode'] : 0;
  const message = withoutSecret(textOf(body['message']), token);
  // Nacos 2 says it in the text alone
  const inText = /\bcode: ?(40[13])\b/i.exec(message)?.[1];
  return {
    code: inText === undefined ? code : Number(inText),
    text: `the server refuses: ${shown(message) || `${shown(type)} with code ${code}`}`,
  };
}

function refusal(reason: string, isRefused: boolean): Refusal {
  return { ok: false, reason, isRefused };
}

function pemOf(tls: TlsFiles): {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
} {
  const { cert, ...others } = readTlsFiles(tls);
  return cert === undefined ? others : { ...others, certificate: cert };
}
