/** Follows one namespace for ever: server after server, by gRPC where there is gRPC, and by HTTP where there is not. */
import { backOffMs } from '../../base/back-off.ts';
import type { Loss } from '../../grpc/client-connection.ts';
import { hostPortText } from '../../name/address.ts';
import { GrpcReader, type Reader } from './grpc-reader.ts';
import type { NacosHttp } from './http-client.ts';
import { HttpReader } from './http-reader.ts';
import type { Login } from './login.ts';
import type { Namespace } from './namespace.ts';
import { NamingConnection } from './naming-connection.ts';
import { GRPC_OFFSET, type ServerAddress } from './options.ts';

export interface FollowerHandlers {
  /** Everything was read once of the server that is followed now. */
  complete(): void;
  /** What was delivered may be old now. */
  lost(reason: string): void;
}

const BACK_OFF_MIN_MS = 100;
/** Data have to be right within 5 s of a server's return. */
const BACK_OFF_MAX_MS = 3_000;
/** A connection that lasted so long proves its server: the next pause is the shortest again. */
const PROVEN_MS = 10_000;
/** While HTTP is what there is, gRPC is tried so often. */
const GRPC_AGAIN_MS = 15_000;

export class Follower {
  readonly #namespace: Namespace;
  readonly #http: NacosHttp;
  readonly #login: Login;
  readonly #handlers: FollowerHandlers;
  readonly #grpcAgainMs: number;
  #next: number;
  #failures = 0;
  #readyAt: number | undefined;
  #connection: NamingConnection | undefined;
  #reader: Reader | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    namespace: Namespace,
    http: NacosHttp,
    login: Login,
    handlers: FollowerHandlers,
    grpcAgainMs = GRPC_AGAIN_MS,
  ) {
    this.#namespace = namespace;
    this.#http = http;
    this.#login = login;
    this.#handlers = handlers;
    this.#grpcAgainMs = grpcAgainMs;
    // replicas spread over the servers
    this.#next = Math.floor(Math.random() * namespace.options.servers.length);
  }

  start(): void {
    this.#attempt();
  }

  /** Reads everything anew, over a new connection. */
  restart(): void {
    if (this.#isStopped) return;
    this.#leave();
    this.#attempt();
  }

  stop(): void {
    this.#isStopped = true;
    this.#leave();
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#reader?.close();
    this.#connection?.close();
    this.#reader = undefined;
    this.#connection = undefined;
    this.#readyAt = undefined;
  }

  #attempt(): void {
    const { servers } = this.#namespace.options;
    const server = servers[this.#next % servers.length];
    this.#next++;
    if (server === undefined) return;
    this.#connect(server, (loss) => {
      if (loss.kind === 'lost' || this.#readyAt !== undefined) return this.#lost(grpcText(server, loss));
      this.#connection = undefined;
      this.#readByHttp(server, loss);
    });
  }

  #connect(server: ServerAddress, lost: (loss: Loss) => void): void {
    let reader: GrpcReader | undefined;
    const connection = new NamingConnection(
      server,
      this.#namespace.name,
      this.#namespace.options.tls,
      this.#login,
      {
        ready: (hasFuzzyWatch) => {
          this.#reader?.close();
          clearTimeout(this.#timer);
          this.#readyAt = performance.now();
          reader = new GrpcReader(connection, this.#namespace, hasFuzzyWatch, {
            complete: () => this.#handlers.complete(),
          });
          this.#reader = reader;
        },
        told: (message) => reader?.told(message),
        lost: (loss) => {
          reader?.close();
          lost(loss);
        },
      },
    );
    this.#connection = connection;
  }

  #readByHttp(server: ServerAddress, loss: Loss): void {
    this.#reader = new HttpReader(this.#http, server, this.#login, this.#namespace, {
      complete: () => {
        this.#readyAt ??= performance.now();
        this.#handlers.complete();
      },
      lost: (reason) => this.#lost(`${grpcText(server, loss)}; ${hostPortText(server)}: ${reason}`),
    });
    const again = (): void => {
      this.#timer = setTimeout(() => {
        this.#connect(server, (later) => {
          this.#connection = undefined;
          // once it was read by gRPC, that connection was the one
          if (this.#reader instanceof HttpReader) again();
          else this.#lost(grpcText(server, later));
        });
      }, this.#grpcAgainMs);
    };
    again();
  }

  #lost(reason: string): void {
    if (this.#isStopped) return;
    if (this.#readyAt !== undefined && performance.now() - this.#readyAt > PROVEN_MS) this.#failures = 0;
    this.#leave();
    const rounds = Math.floor(this.#failures / this.#namespace.options.servers.length);
    this.#failures++;
    this.#timer = setTimeout(
      () => this.#attempt(),
      backOffMs(rounds, BACK_OFF_MIN_MS, BACK_OFF_MAX_MS, Math.random()),
    );
    this.#handlers.lost(reason);
  }
}

function grpcText({ host, port }: ServerAddress, { reason }: Loss): string {
  return `${hostPortText({ host, port: port + GRPC_OFFSET })}: ${reason}`;
}
