/** One HTTP/2 connection to a gRPC server, and nothing behind it: it does not reconnect, and it names why it ended. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { framed, MessageReader } from './framing.ts';
import { notGrpc, STATUS, type Status, statusIn, statusOfReset } from './status.ts';

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  /** contents of PEM files; undefined: no TLS */
  readonly tls: { readonly ca?: string; readonly certificate?: string; readonly key?: string } | undefined;
  /** from the call to the server's first word of HTTP/2 */
  readonly connectTimeoutMs: number;
  /** A PING so often; undefined: none, where servers hold them against their clients. */
  readonly keepAliveMs?: number;
  /** … and so long for its reply */
  readonly keepAliveTimeoutMs?: number;
  readonly maxMessageOctets: number;
}

/** Why a connection is over, or was never there. */
export interface Loss {
  /** `refused`: nobody listens; `not-http2`: somebody does, who speaks something else; `lost`: anything besides */
  readonly kind: 'refused' | 'not-http2' | 'lost';
  /** for people */
  readonly reason: string;
}

export interface ClientHandlers {
  /** The server speaks HTTP/2. */
  opened(): void;
  /** Once, at the end; not after {@link ClientConnection.close}. Calls in flight have their status by then. */
  lost(loss: Loss): void;
}

export type Reply =
  | { readonly ok: true; readonly message: Uint8Array }
  | { readonly ok: false; readonly status: Status };

export interface StreamHandlers {
  message(octets: Uint8Array): void;
  /** A message of so many octets, which are more than is taken, was passed over; without it such a message ends the stream. */
  tooLong?(octets: number): void;
  /** Once; not after {@link ClientStream.cancel}. */
  ended(status: Status): void;
}

export interface ClientStream {
  /** @returns whether it was taken: a server that reads nothing is not written to without end */
  send(message: Uint8Array): boolean;
  cancel(): void;
}

/** What a peer may send before we read it; we read at once, so it bounds what one turn brings. */
const STREAM_WINDOW = 512 * 1024;
const CONNECTION_WINDOW = 2 * 2 ** 20;
/** So much may wait for a server that does not read. */
const MAX_UNSENT = 2 ** 20;

export class ClientConnection {
  readonly #options: ClientOptions;
  readonly #handlers: ClientHandlers;
  readonly #session: ClientHttp2Session;
  #timer: NodeJS.Timeout | undefined;
  #state: 'connecting' | 'open' | 'over' = 'connecting';
  #isConnected = false;
  /** calls and streams that have not ended */
  readonly #ends = new Set<(status: Status) => void>();

  /** Begins to connect. */
  constructor(options: ClientOptions, handlers: ClientHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    const { host, port, tls } = options;
    const authority = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#session = connect(authority, {
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
      ...(tls?.key === undefined ? {} : { key: tls.key }),
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    this.#session.on('connect', () => {
      this.#isConnected = true;
      this.#session.setLocalWindowSize(CONNECTION_WINDOW);
    });
    this.#session.once('remoteSettings', () => this.#open());
    this.#session.on('goaway', (code) =>
      this.#end({
        kind: 'lost',
        reason: `the server leaves (GOAWAY${code === 0 ? '' : ` with code ${code}`})`,
      }),
    );
    this.#session.on('error', (error) => this.#end(this.#lossOf(error)));
    this.#session.on('close', () => this.#end(this.#lossOf(new Error('the connection was closed'))));
    this.#timer = setTimeout(
      () =>
        this.#end({
          // a frozen server is no other one
          kind: 'lost',
          reason: this.#isConnected ? 'it accepts, and says nothing' : 'no connection in time',
        }),
      options.connectTimeoutMs,
    );
  }

  /**
   * Calls, and waits for the one reply.
   *
   * @param path `/package.Service/Method`
   * @param deadlineMs from now to the whole reply
   */
  unary(path: string, message: Uint8Array, deadlineMs: number): Promise<Reply> {
    return new Promise((resolve) => {
      let reply: Uint8Array | undefined;
      let isDouble = false;
      const handlers = {
        message: (octets: Uint8Array) => {
          isDouble ||= reply !== undefined;
          reply = octets;
        },
        ended: (status: Status) => {
          clearTimeout(timer);
          if (status.code !== STATUS.OK) resolve({ ok: false, status });
          else if (reply === undefined || isDouble)
            resolve(failure(STATUS.INTERNAL, 'not exactly one message'));
          else resolve({ ok: true, message: reply });
        },
      };
      const timer = setTimeout(() => {
        stream?.cancel();
        resolve(failure(STATUS.DEADLINE_EXCEEDED, `no reply within ${deadlineMs / 1000} s`));
      }, deadlineMs);
      // may end at once, so the clock runs already
      const stream = this.#begin(path, handlers, deadlineMs);
      stream?.finish(message);
    });
  }

  /** Opens a stream on which both sides send what they like, when they like. */
  stream(path: string, handlers: StreamHandlers): ClientStream {
    const stream = this.#begin(path, handlers, undefined);
    return { send: (message) => stream?.send(message) ?? false, cancel: () => stream?.cancel() };
  }

  /** Ends it because of a fault that its user found: `lost` is called. */
  drop(reason: string): void {
    this.#end({ kind: 'lost', reason });
  }

  /** Ends it in order, at once. */
  close(): void {
    this.#finish({ code: STATUS.CANCELLED, message: 'closed' });
  }

  #open(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    clearTimeout(this.#timer);
    const { keepAliveMs } = this.#options;
    if (keepAliveMs !== undefined) this.#timer = setTimeout(() => this.#ping(), keepAliveMs);
    this.#handlers.opened();
  }

  #ping(): void {
    const { keepAliveMs, keepAliveTimeoutMs = 3_000 } = this.#options;
    this.#timer = setTimeout(
      () => this.drop(`silent: no reply to a PING within ${keepAliveTimeoutMs / 1000} s`),
      keepAliveTimeoutMs,
    );
    this.#session.ping((error) => {
      if (error !== null || this.#state !== 'open') return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ping(), keepAliveMs);
    });
  }

  /** @returns undefined: the connection is over, and so is the call */
  #begin(path: string, handlers: StreamHandlers, deadlineMs: number | undefined) {
    if (this.#state !== 'open') {
      handlers.ended({ code: STATUS.UNAVAILABLE, message: 'no connection' });
      return undefined;
    }
    const http = this.#request(path, deadlineMs);
    if (http === undefined) {
      handlers.ended({ code: STATUS.UNAVAILABLE, message: 'no connection' });
      return undefined;
    }
    let isOver = false;
    const over = (status: Status | undefined): void => {
      if (isOver) return;
      isOver = true;
      this.#ends.delete(over);
      if (!http.closed) http.close(constants.NGHTTP2_CANCEL);
      if (status !== undefined) handlers.ended(status);
    };
    this.#ends.add(over);
    const { tooLong } = handlers;
    const reader = new MessageReader(this.#options.maxMessageOctets, tooLong?.bind(handlers));
    readReply(http, reader, (message) => isOver || handlers.message(message), over);
    return {
      finish: (message: Uint8Array) => void http.end(framed(message)),
      send: (message: Uint8Array): boolean => {
        if (isOver || http.writableLength > MAX_UNSENT) return false;
        http.write(framed(message));
        return true;
      },
      cancel: () => over(undefined),
    };
  }

  /** @returns undefined: the session ended in this very turn */
  #request(path: string, deadlineMs: number | undefined): ClientHttp2Stream | undefined {
    try {
      return this.#session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': 'rpc-dns',
        ...(deadlineMs === undefined ? {} : { 'grpc-timeout': `${Math.ceil(deadlineMs)}m` }),
      });
    } catch {
      return undefined;
    }
  }

  #end(loss: Loss): void {
    if (this.#state === 'over') return;
    this.#finish({ code: STATUS.UNAVAILABLE, message: loss.reason });
    this.#handlers.lost(loss);
  }

  #finish(status: Status): void {
    this.#state = 'over';
    clearTimeout(this.#timer);
    for (const end of [...this.#ends]) end(status);
    this.#session.destroy();
  }

  #lossOf(error: Error): Loss {
    const { code, message } = error as NodeJS.ErrnoException;
    switch (code) {
      case 'ECONNREFUSED':
        return { kind: 'refused', reason: 'nobody listens there' };
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return { kind: 'lost', reason: 'the name of the host cannot be resolved' };
      case 'CERT_HAS_EXPIRED':
      case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      case 'SELF_SIGNED_CERT_IN_CHAIN':
      case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      case 'ERR_TLS_CERT_ALTNAME_INVALID':
        return {
          kind: 'lost',
          reason: `the server's certificate is not trusted (${code}): name its authority as tls.ca`,
        };
      default: {
        // a server that is going may accept and close; only one that speaks is another one
        const isOther = this.#state === 'connecting' && (code === 'ERR_HTTP2_ERROR' || code === 'EPROTO');
        if (isOther) return { kind: 'not-http2', reason: 'what answers there is no HTTP/2' };
        return { kind: 'lost', reason: message === '' ? (code ?? 'lost') : message.slice(0, 300) };
      }
    }
  }
}

/** Reads headers, messages and trailers of one call; `over` is called with its status, at the latest when it closes. */
function readReply(
  http: ClientHttp2Stream,
  reader: MessageReader,
  message: (octets: Uint8Array) => void,
  over: (status: Status) => void,
): void {
  /** what the server said; counts when the stream has ended, behind the last message */
  let said: Status | undefined;
  http.on('response', (headers: IncomingHttpHeaders) => {
    said = statusIn(headers);
    const problem = said === undefined ? notGrpc(headers) : undefined;
    if (problem !== undefined) over(problem);
  });
  http.on('trailers', (trailers: IncomingHttpHeaders) => {
    said = statusIn(trailers) ?? said;
  });
  http.on('data', (piece: Buffer) => {
    const messages = reader.push(piece);
    if (messages.ok) for (const octets of messages.value) message(octets);
    else over({ code: STATUS.INTERNAL, message: messages.reason, isTooLong: reader.isTooLong });
  });
  // its text is that of the connection's end, or of a reset, which 'close' tells
  http.on('error', () => {});
  const conclude = (): void => {
    if (said?.code === STATUS.OK && reader.isAmidst)
      over({ code: STATUS.INTERNAL, message: 'the reply ends within a message' });
    else over(said ?? statusOfReset(http.rstCode ?? 0));
  };
  // the server's side alone: a stream of ours would stay half open
  http.on('end', () => setImmediate(conclude));
  http.on('close', conclude);
}

function failure(code: number, message: string): Reply {
  return { ok: false, status: { code, message } };
}
