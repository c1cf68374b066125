/** What is done to the server and to all around it: a list with times, which a seed decides and a file can replay. */
import { Random } from './random.ts';
import { FILE_INTERFACES, FIRST_SETTINGS, PINS, type Settings, ZK_INTERFACES } from './universe.ts';

/** An interface of the file registry, by its number. */
export interface FileEntry {
  readonly interface: number;
  readonly slots: readonly number[];
  /** '' for none */
  readonly pin: string;
}

export type Action =
  /** a provider registers; nothing when it is registered */
  | { readonly op: 'provide'; readonly interface: number; readonly slot: number }
  | { readonly op: 'withdraw'; readonly interface: number; readonly slot: number }
  /** a provider is killed: its node goes with its session */
  | {
      readonly op: 'kill-provider';
      readonly interface: number;
      readonly slot: number;
      readonly afterMs: number;
    }
  /** all providers of an interface go */
  | { readonly op: 'drop'; readonly interface: number }
  /** the file registry says this, and nothing else */
  | { readonly op: 'file'; readonly entries: readonly FileEntry[] }
  | { readonly op: 'break-file'; readonly how: 'yaml' | 'entry' | 'gone'; readonly forMs: number }
  /** most of a registry is gone at once, and comes back; perhaps an operator believes it */
  | { readonly op: 'mass'; readonly isAccepted: boolean; readonly forMs: number }
  | {
      readonly op: 'zookeeper';
      readonly how: 'cut' | 'refuse' | 'hang' | 'slow' | 'kill' | 'pause' | 'expire';
      readonly forMs: number;
    }
  | { readonly op: 'full-disk'; readonly forMs: number }
  | { readonly op: 'reload'; readonly settings: Settings }
  | { readonly op: 'hangups'; readonly times: number }
  | { readonly op: 'restart'; readonly how: 'SIGTERM' | 'SIGKILL'; readonly pauseMs: number };

/** @see Action */
export type Operation = Action & {
  /** milliseconds after the start */
  readonly at: number;
};

export const FAULTS: ReadonlySet<Action['op']> = new Set([
  'break-file',
  'mass',
  'zookeeper',
  'full-disk',
  'restart',
]);

/** The mean time between two faults; short runs have them close together. */
function faultGapMs(durationMs: number): number {
  return isShort(durationMs) ? 6_000 : 20_000;
}

function isShort(durationMs: number): boolean {
  return durationMs <= 2 * 60_000;
}
const STEP_MS = 350;
/** The server is restarted in this part of the run; afterwards one process lives on, whose memory is watched. */
const RESTARTING = 0.65;

export function generate(seed: number, durationMs: number): Operation[] {
  const random = new Random(seed);
  const quiet = new Quiet(random);
  const operations: Operation[] = [];
  const gap = faultGapMs(durationMs);
  let nextFault = gap / 2;
  for (let at = 500; at < durationMs; at += random.between(STEP_MS / 4, STEP_MS * 2)) {
    if (at >= nextFault) {
      const mayRestart = at < durationMs * RESTARTING;
      operations.push({ at, ...fault(random, mayRestart, durationMs) });
      nextFault = at + random.between(gap / 5, gap * 1.8);
    } else operations.push({ at, ...quiet.next() });
  }
  return operations;
}

function fault(random: Random, mayRestart: boolean, durationMs: number): Action {
  const longest = Math.min(12_000, durationMs / 5);
  const forMs = random.between(300, longest);
  const lot = random.next();
  if (mayRestart && lot < (isShort(durationMs) ? 0.45 : 0.36)) {
    const how = random.chance(0.7) ? 'SIGKILL' : 'SIGTERM';
    return { op: 'restart', how, pauseMs: random.chance(0.7) ? 0 : random.between(0, longest / 2) };
  }
  if (lot < 0.5) return { op: 'full-disk', forMs };
  if (lot < 0.58) return { op: 'break-file', how: random.pick(['yaml', 'entry', 'gone']), forMs };
  if (lot < 0.66) return { op: 'mass', isAccepted: random.chance(0.5), forMs: random.between(3_000, 40_000) };
  const how = random.pick(['cut', 'refuse', 'hang', 'slow', 'kill', 'pause', 'expire'] as const);
  return { op: 'zookeeper', how, forMs };
}

/** What happens all the time. */
class Quiet {
  readonly #random: Random;
  #entries: FileEntry[] = FILE_INTERFACES.map((_, i) => ({ interface: i, slots: [0], pin: '' }));
  #settings = FIRST_SETTINGS;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): Action {
    const random = this.#random;
    const lot = random.next();
    const target = { interface: random.below(ZK_INTERFACES.length), slot: random.below(4) };
    if (lot < 0.4) return { op: 'provide', ...target };
    if (lot < 0.58) return { op: 'withdraw', ...target };
    if (lot < 0.65) return { op: 'kill-provider', ...target, afterMs: random.between(500, 8_000) };
    if (lot < 0.76) return { op: 'drop', interface: target.interface };
    if (lot < 0.91) return { op: 'file', entries: this.#edit() };
    if (lot < 0.98) return { op: 'reload', settings: this.#configure() };
    return { op: 'hangups', times: random.between(2, 12) };
  }

  #edit(): FileEntry[] {
    const random = this.#random;
    const entries = this.#entries;
    const at = random.below(entries.length);
    const other = random.below(entries.length);
    const lot = random.next();
    const [one, two] = [entries[at], entries[other]];
    if (one === undefined || two === undefined) return entries;
    const next = [...entries];
    if (lot < 0.4)
      next[at] = { ...one, slots: one.slots.length > 0 ? [] : [0, 1].slice(0, random.between(1, 2)) };
    else if (lot < 0.55) next[at] = { ...one, slots: one.slots.length === 1 ? [0, 1] : [0] };
    else if (lot < 0.8) {
      const free = PINS.filter((pin) => entries.every((entry) => entry.pin !== pin));
      next[at] = { ...one, pin: one.pin !== '' || free.length === 0 ? '' : random.pick(free) };
    } else {
      next[at] = { ...one, pin: two.pin };
      if (other !== at) next[other] = { ...two, pin: one.pin };
    }
    this.#entries = next;
    return next;
  }

  #configure(): Settings {
    const random = this.#random;
    const before = this.#settings;
    const lot = random.next();
    if (lot < 0.4) this.#settings = { ...before, ttl: random.pick([3, 5, 7, 30]) };
    else if (lot < 0.65) this.#settings = { ...before, hasSecondZone: !before.hasSecondZone };
    else if (lot < 0.9) this.#settings = { ...before, hasExtra: !before.hasExtra };
    // a pool that shrinks moves addresses, which is another promise
    else this.#settings = { ...before, isGrown: true };
    return this.#settings;
  }
}

export function toLines(operations: readonly Operation[]): string {
  return operations.map((operation) => `${JSON.stringify(operation)}\n`).join('');
}

export function fromLines(text: string): Operation[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Operation);
}
