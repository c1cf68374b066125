/** Keeps one ZooKeeper session going for ever: a fresh one after every fault, without haste. */
import { backOffMs } from '../../base/back-off.ts';
import type { ServerAddress, ZooKeeperOptions } from './options.ts';
import { Session } from './session.ts';

/** What is done with a session while it lasts. */
export interface SessionUser {
  event(path: string): void;
  /** The session is over: nothing may come of it any more. */
  close(): void;
}

export interface SupervisorHandlers {
  attempt(): void;
  serve(session: Session): SessionUser;
  /** A session ended, or could not be had. */
  lost(reason: string, wasOpen: boolean): void;
}

/** A session that lasted so long proves its server: the next pause is the shortest again. */
const PROVEN_MS = 10_000;

export class Supervisor {
  readonly #servers: readonly ServerAddress[];
  readonly #options: ZooKeeperOptions;
  readonly #handlers: SupervisorHandlers;
  #next: number;
  #failures = 0;
  #session: Session | undefined;
  #user: SessionUser | undefined;
  #openedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(servers: readonly ServerAddress[], options: ZooKeeperOptions, handlers: SupervisorHandlers) {
    this.#servers = servers;
    this.#options = options;
    this.#handlers = handlers;
    // replicas spread over the ensemble
    this.#next = Math.floor(Math.random() * servers.length);
  }

  start(): void {
    if (!this.#stopped) this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#user?.close();
    await this.#session?.close();
  }

  #connect(): void {
    const server = this.#servers[this.#next % this.#servers.length];
    if (server === undefined) return;
    this.#next++;
    this.#handlers.attempt();
    const session = new Session(server, this.#options, {
      opened: () => {
        this.#openedAt = performance.now();
        this.#user = this.#handlers.serve(session);
      },
      event: (path) => this.#user?.event(path),
      lost: (reason) => this.#onLost(reason),
    });
    this.#session = session;
  }

  #onLost(reason: string): void {
    const user = this.#user;
    this.#session = undefined;
    this.#user = undefined;
    if (this.#stopped) return;
    user?.close();
    if (user !== undefined && performance.now() - this.#openedAt > PROVEN_MS) this.#failures = 0;
    const pauseMs = backoffMs(this.#failures, this.#servers.length, this.#options, Math.random());
    this.#failures++;
    this.#timer = setTimeout(() => this.#connect(), pauseMs);
    this.#handlers.lost(reason, user !== undefined);
  }
}

/**
 * The pause before the next attempt; it doubles when all servers were tried.
 *
 * @param chance from 0 to 1
 */
export function backoffMs(
  failures: number,
  servers: number,
  { backoffMinMs, backoffMaxMs }: Pick<ZooKeeperOptions, 'backoffMinMs' | 'backoffMaxMs'>,
  chance: number,
): number {
  return backOffMs(Math.floor(failures / servers), backoffMinMs, backoffMaxMs, chance);
}
