/** A gRPC server over node:http2, for streams on which both sides send what they like, when they like. */
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { framed, MessageReader } from './framing.ts';
import { percentEncoded, STATUS, type Status } from './status.ts';

/** Contents of PEM files. Whoever has no certificate of the authority is not let in. */
export interface ServerTls {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string;
}

export interface ServerOptions {
  readonly host: string;
  /** 0: any */
  readonly port: number;
  /** undefined: none */
  readonly tls: ServerTls | undefined;
  readonly maxMessageOctets: number;
  /** further ones are closed at once */
  readonly maxConnections: number;
  /** of one connection at once */
  readonly maxStreams: number;
  /** of messages that have begun and are not whole, of all streams together: beyond it who holds the most is ended */
  readonly maxUnfinishedOctets: number;
  /** A client from which nothing came is asked so often whether it lives, and has as long to answer; milliseconds. */
  readonly keepAliveMs: number;
}

/** The server's side of one stream. */
export interface ServerStream {
  /** `10.0.0.1:40312`, with the subject of its certificate where it has one */
  readonly peer: string;
  /** octets that the client has not taken yet */
  readonly unsent: number;
  /** it has more to take than is sent at once: `drained` will be called */
  readonly isBehind: boolean;
  /** what all streams together have not taken yet; rather too much than too little */
  readonly unsentByAll: number;
  send(message: Uint8Array): void;
  end(status: Status): void;
}

export interface StreamUser {
  message(octets: Uint8Array): void;
  /** The client has taken all that waited for it. */
  drained(): void;
  /** Once, at the end, whoever ended it. */
  ended(): void;
}

export type Routes = Readonly<Record<string, (stream: ServerStream) => StreamUser>>;

/** What a client may send before it is read; it is read at once. */
const STREAM_WINDOW = 256 * 1024;
const MAX_HEADER_OCTETS = 16 * 1024;
/** What is unsent is counted anew at most so often; in between what is sent is added. */
const COUNT_EVERY_MS = 50;
/** So long a client may take to read how its stream ended. */
const END_WITHIN_MS = 5_000;

/** A stream that is served. */
interface Served {
  /** octets of a message that is not whole */
  held: number;
  end(status: Status): void;
  readonly peer: string;
  readonly http: ServerHttp2Stream;
}

export interface ServerEvents {
  /** A connection that is not let in, one too many, or a stream that costs too much: who, and why. */
  refused(peer: string, reason: string): void;
}

export class GrpcServer {
  readonly #options: ServerOptions;
  readonly #routes: Routes;
  readonly #events: ServerEvents;
  readonly #server: Http2Server | Http2SecureServer;
  /** and whether each owes a reply to a PING */
  readonly #sessions = new Map<ServerHttp2Session, boolean>();
  #timer: NodeJS.Timeout | undefined;
  readonly #served = new Set<Served>();
  #held = 0;
  /** octets, never too few */
  #unsent = 0;
  #countedAt = 0;

  constructor(options: ServerOptions, routes: Routes, events: ServerEvents) {
    this.#options = options;
    this.#routes = routes;
    this.#events = events;
    const settings = {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW,
      maxConcurrentStreams: options.maxStreams,
      maxHeaderListSize: MAX_HEADER_OCTETS,
    };
    this.#server =
      options.tls === undefined
        ? createServer({ settings })
        : createSecureServer({
            ...secureContext(options.tls),
            requestCert: true,
            rejectUnauthorized: true,
            settings,
          });
    this.#server.on('session', (session) => this.#onSession(session));
    this.#server.on('stream', (stream, headers) => this.#onStream(stream, headers));
    // each is told by its socket's or session's end; without a listener it would be thrown
    this.#server.on('sessionError', () => {});
    this.#server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      this.#events.refused(addressOf(socket), `TLS: ${error.message}`.slice(0, 300));
    });
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** Resolves with the port. Rejects with the system's error. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: this.#options.host, port: this.#options.port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', () => {});
        this.#timer = setInterval(() => this.#askAll(), this.#options.keepAliveMs);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Of changed files: those who connect from now on see them. Throws when they are none. */
  setTls(tls: ServerTls): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(secureContext(tls));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions.keys()) session.destroy();
    await closed;
  }

  #onSession(session: ServerHttp2Session): void {
    session.on('error', () => {});
    if (this.#sessions.size >= this.#options.maxConnections) {
      this.#events.refused(
        addressOf(session.socket),
        `more than ${this.#options.maxConnections} connections`,
      );
      session.destroy();
      return;
    }
    this.#sessions.set(session, false);
    session.on('close', () => this.#sessions.delete(session));
  }

  #askAll(): void {
    for (const [session, isOwing] of this.#sessions) {
      if (isOwing) session.destroy();
      else if (!session.destroyed) {
        this.#sessions.set(session, true);
        session.ping(() => {
          if (this.#sessions.has(session)) this.#sessions.set(session, false);
        });
      }
    }
  }

  #onStream(http: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    http.on('error', () => {});
    const route = this.#routes[String(headers[':path'])];
    const isGrpc = /^application\/grpc(?:[+;]|$)/.test(String(headers['content-type']));
    if (headers[':method'] !== 'POST' || !isGrpc) {
      http.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    if (route === undefined) {
      http.respond(trailersOf({ code: STATUS.UNIMPLEMENTED, message: 'no such method' }, true), {
        endStream: true,
      });
      return;
    }
    this.#serve(http, route);
  }

  #serve(http: ServerHttp2Stream, route: NonNullable<Routes[string]>): void {
    let status: Status = { code: STATUS.OK, message: '' };
    let isOver = false;
    let reader: MessageReader | undefined = new MessageReader(this.#options.maxMessageOctets);
    const end = (reason: Status): void => {
      if (isOver || http.closed) return;
      isOver = true;
      status = reason;
      reader = undefined;
      hold(0);
      http.end();
      // who neither reads nor ends its side would keep the stream
      setTimeout(() => http.close(constants.NGHTTP2_CANCEL), END_WITHIN_MS).unref();
    };
    http.on('wantTrailers', () => http.sendTrailers(trailersOf(status, false)));
    http.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    const unsentByAll = (): number => this.#countUnsent();
    const peer = peerOf(http);
    const user = route({
      peer,
      get unsent() {
        return http.writableLength;
      },
      get isBehind() {
        return http.writableNeedDrain;
      },
      get unsentByAll() {
        return unsentByAll();
      },
      send: (message) => {
        if (isOver || http.destroyed) return;
        const frame = framed(message);
        this.#unsent += frame.length;
        http.write(frame);
      },
      end,
    });
    const served: Served = { held: 0, end, peer, http };
    const hold = (octets: number): void => {
      this.#held += octets - served.held;
      served.held = octets;
    };
    this.#served.add(served);
    http.on('data', (piece: Buffer) => {
      if (isOver || reader === undefined) return;
      const messages = reader.push(piece);
      hold(reader.held);
      if (messages.ok) for (const octets of messages.value) user.message(octets);
      else end({ code: STATUS.INVALID_ARGUMENT, message: messages.reason });
      this.#boundHeld();
    });
    http.on('end', () => end({ code: STATUS.OK, message: '' }));
    http.on('drain', () => user.drained());
    http.on('close', () => {
      isOver = true;
      reader = undefined;
      hold(0);
      this.#served.delete(served);
      user.ended();
    });
  }

  #countUnsent(): number {
    const now = performance.now();
    if (now - this.#countedAt < COUNT_EVERY_MS) return this.#unsent;
    this.#countedAt = now;
    this.#unsent = 0;
    for (const { http } of this.#served) this.#unsent += http.writableLength;
    return this.#unsent;
  }

  #boundHeld(): void {
    while (this.#held > this.#options.maxUnfinishedOctets) {
      let largest: Served | undefined;
      for (const served of this.#served) if (served.held > (largest?.held ?? 0)) largest = served;
      if (largest === undefined) return;
      const message = `too much of messages that are not whole: ${largest.held} octets of this one`;
      this.#events.refused(largest.peer, message);
      largest.end({ code: STATUS.RESOURCE_EXHAUSTED, message });
    }
  }
}

function secureContext({ certificate, key, clientCa }: ServerTls) {
  return { cert: certificate, key, ca: clientCa };
}

function trailersOf({ code, message }: Status, isAlone: boolean) {
  return {
    ...(isAlone ? { [constants.HTTP2_HEADER_STATUS]: 200, 'content-type': 'application/grpc' } : {}),
    'grpc-status': String(code),
    ...(message === '' ? {} : { 'grpc-message': percentEncoded(message) }),
  };
}

function addressOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'> | undefined): string {
  const host = socket?.remoteAddress ?? 'unknown';
  return host.includes(':') ? `[${host}]:${socket?.remotePort}` : `${host}:${socket?.remotePort}`;
}

function peerOf({ session }: ServerHttp2Stream): string {
  const socket = session?.socket as TLSSocket | undefined;
  const subject = socket?.getPeerCertificate?.().subject?.CN;
  const name = Array.isArray(subject) ? subject[0] : subject;
  return name === undefined ? addressOf(socket) : `${addressOf(socket)} (${name})`;
}
