import { connect } from 'node:net';
import { type Clock, SYSTEM_CLOCK } from '../base/clock.ts';
import { hostPortText, parseAddress } from '../name/address.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What came of an attempt to connect; `unknown`: it says nothing of the target, as this machine could not try. */
export type Attempt = 'taken' | 'refused' | 'unknown';

export interface ProberOptions {
  /** each target is asked so often, as far as `parallel` lets it; milliseconds */
  readonly intervalMs: number;
  /** who has not answered within it is not there */
  readonly timeoutMs: number;
  /** a first refusal is looked at again after so long: a provider that restarts refuses for a moment */
  readonly againMs: number;
  /** attempts at once */
  readonly parallel: number;
}

export const PROBER_DEFAULTS: ProberOptions = {
  intervalMs: 10_000,
  timeoutMs: 1_000,
  againMs: 1_000,
  parallel: 64,
};

/** Chance takes up to so much of a pause: replicas do not ask all at once. */
const SPREAD = 0.2;
/** What became known is told together, so often at most. */
const TELL_MS = 200;
/** Errors that are this machine's own: they say nothing of the target. */
const OWN_ERRORS = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'ENETUNREACH',
]);

/**
 * Asks endpoints whether they take TCP connections: a registry may know hosts that died long ago. Round by round, in an
 * order of chance, spread over the interval. Who refuses twice in a row is told as refusing; one connection that is taken
 * ends it. Host names are not asked.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #targets: () => readonly Target[];
  readonly #tell: (refusing: ReadonlySet<string>) => void;
  readonly #attempt: (target: Target, timeoutMs: number) => Promise<Attempt>;
  readonly #clock: Clock;
  /** `host:port` of those that refused twice or more */
  #refusing = new Set<string>();
  #isChanged = false;
  readonly #cancels = new Set<() => void>();
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  /**
   * @param targets what is to be asked in the next round
   * @param tell is told `host:port` of all that refuse, whenever they become others
   */
  constructor(
    targets: () => readonly Target[],
    tell: (refusing: ReadonlySet<string>) => void,
    options: ProberOptions = PROBER_DEFAULTS,
    clock: Clock = SYSTEM_CLOCK,
    attempt: (target: Target, timeoutMs: number) => Promise<Attempt> = tryConnection,
  ) {
    this.#targets = targets;
    this.#tell = tell;
    this.#options = options;
    this.#clock = clock;
    this.#attempt = attempt;
  }

  start(): void {
    this.#running = this.#work();
  }

  /** Resolves when nothing is told any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const cancel of [...this.#cancels]) cancel();
    await this.#running;
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      const begun = this.#clock.now();
      const targets = shuffled(this.#targets().filter(({ host }) => parseAddress(host) !== undefined));
      this.#forgetAllBut(targets);
      await this.#round(targets);
      const left = this.#options.intervalMs - (this.#clock.now() - begun);
      await this.#pause(Math.max(left, this.#options.againMs) * (1 - SPREAD * Math.random()));
    }
  }

  /** Spread over four fifths of the interval, or as fast as `parallel` lets them, where they are many. */
  async #round(targets: readonly Target[]): Promise<void> {
    const stepMs = (this.#options.intervalMs * (1 - SPREAD)) / Math.max(1, targets.length);
    const begun = this.#clock.now();
    let next = 0;
    const worker = async () => {
      while (next < targets.length && !this.#isStopped) {
        const index = next++;
        const target = targets[index];
        const early = begun + index * stepMs - this.#clock.now();
        if (early > 0) await this.#pause(early);
        if (target !== undefined) await this.#ask(target);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#options.parallel, targets.length) }, worker));
  }

  async #ask(target: Target): Promise<void> {
    const name = hostPortText(target);
    let attempt = this.#isStopped ? 'unknown' : await this.#attempt(target, this.#options.timeoutMs);
    if (attempt === 'refused' && !this.#refusing.has(name)) {
      await this.#pause(this.#options.againMs);
      attempt = this.#isStopped ? 'unknown' : await this.#attempt(target, this.#options.timeoutMs);
    }
    if (this.#isStopped || attempt === 'unknown') return;
    if ((attempt === 'refused') === this.#refusing.has(name)) return;
    if (attempt === 'refused') this.#refusing.add(name);
    else this.#refusing.delete(name);
    this.#tellSoon();
  }

  /** What is registered no more is not refused either. */
  #forgetAllBut(targets: readonly Target[]): void {
    if (this.#refusing.size === 0) return;
    const left = this.#refusing.intersection(new Set(targets.map(hostPortText)));
    if (left.size === this.#refusing.size) return;
    this.#refusing = left;
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    void this.#pause(TELL_MS).then(() => {
      this.#isChanged = false;
      if (!this.#isStopped) this.#tell(new Set(this.#refusing));
    });
  }

  /** Ends early when it is stopped. */
  #pause(ms: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#cancels.delete(end);
        cancel();
        resolve();
      };
      const cancel = this.#clock.after(ms, end);
      this.#cancels.add(end);
    });
  }
}

/** Connects, and closes at once. */
export function tryConnection(target: Target, timeoutMs: number): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = connect(target.port, target.host);
    const end = (attempt: Attempt) => {
      socket.destroy();
      resolve(attempt);
    };
    socket.setTimeout(timeoutMs, () => end('refused'));
    socket.once('connect', () => end('taken'));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(OWN_ERRORS.has(error.code ?? '') ? 'unknown' : 'refused'),
    );
  });
}

function shuffled<T>(list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    [list[i], list[other]] = [list[other] as T, list[i] as T];
  }
  return list;
}
