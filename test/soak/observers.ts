/** What is watched all the time beside the answers: readiness, metrics, the log, the memory. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../support/server.ts';
import type { Timeline } from './timeline.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

const READY_EVERY_MS = 150;
const OTHERS_EVERY_MS = 1_000;
/** A bug that was caught, or was not. */
const BUG = /met a bug|panic|uncaught|unhandled|out of memory|FATAL/i;
const METRIC_LINE =
  /^[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\.)*",?)*\})? (NaN|[+-]?Inf|[+-]?[\d.]+(e[+-]?\d+)?)$/;

export interface MemorySample {
  readonly pid: number;
  /** since the process started to be watched */
  readonly ms: number;
  readonly bytes: number;
}

export class Observers {
  readonly memory: MemorySample[] = [];
  /** lines of level error, by text */
  readonly errors = new Map<string, number>();
  readonly #world: World;
  readonly #timeline: Timeline;
  readonly #ready = new WeakSet<Server>();
  readonly #read = new WeakMap<Server, number>();
  readonly #firstSeen = new WeakMap<Server, number>();

  constructor(world: World, timeline: Timeline) {
    this.#world = world;
    this.#timeline = timeline;
  }

  async watchReady(isOver: () => boolean): Promise<void> {
    for (; !isOver(); await sleep(READY_EVERY_MS)) {
      const { server } = this.#world;
      if (server === undefined) continue;
      const asked = Date.now();
      const { status, text } = await server
        .http('/ready')
        .catch((error: Error) => ({ status: 0, text: error.message }));
      if (status === 200) this.#ready.add(server);
      const isGone = server !== this.#world.server || this.#timeline.isDown(asked, Date.now());
      if (status === 200 || isGone || !this.#ready.has(server)) continue;
      throw new Violation('/ready stays ready', '200', `${status} ${text}`);
    }
  }

  async watchOthers(isOver: () => boolean): Promise<void> {
    for (; !isOver(); await sleep(OTHERS_EVERY_MS)) {
      const { server } = this.#world;
      if (server === undefined) continue;
      this.readLog(server);
      this.#sample(server);
      await this.#scrape(server);
    }
  }

  /** What the log says since it was read last. */
  readLog(server: Server): void {
    const output = server.child.output();
    const from = this.#read.get(server) ?? 0;
    const end = output.lastIndexOf('\n') + 1;
    this.#read.set(server, Math.max(from, end));
    for (const line of output.slice(from, end).split('\n')) {
      if (!line.startsWith('{')) {
        if (BUG.test(line)) throw new Violation('no bug is met', 'none', line);
        continue;
      }
      const { level, msg, error } = JSON.parse(line) as { level: string; msg: string; error?: string };
      if (level !== 'error' && level !== 'fatal') continue;
      this.errors.set(msg, (this.errors.get(msg) ?? 0) + 1);
      if (BUG.test(msg)) throw new Violation('no bug is met', 'none', `${msg}: ${error}`);
    }
  }

  #sample(server: Server): void {
    const first = this.#firstSeen.get(server) ?? Date.now();
    this.#firstSeen.set(server, first);
    try {
      const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
      const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
      if (!(kilobytes > 0)) return;
      this.memory.push({ pid: server.pid, ms: Date.now() - first, bytes: kilobytes * 1024 });
    } catch {
      // it ended a moment ago, or this is no Linux
    }
  }

  async #scrape(server: Server): Promise<void> {
    const asked = Date.now();
    const { status, text } = await server
      .http('/metrics')
      .catch((error: Error) => ({ status: 0, text: error.message }));
    if (server !== this.#world.server || this.#timeline.isDown(asked, Date.now())) return;
    const wrong = text
      .split('\n')
      .find((line) => line !== '' && !line.startsWith('# ') && !METRIC_LINE.test(line));
    if (status !== 200 || wrong !== undefined)
      throw new Violation('metrics can be read', '200 and lines of metrics', `${status} ${wrong}`);
    const panics = /^rpcdns_panics_total (\d+)/m.exec(text)?.[1] ?? '0';
    if (panics !== '0') throw new Violation('no query meets a bug', '0', panics);
  }
}

/** A process is warm after so long: until then its heap grows to the size that it likes. */
const WARM_UP_MS = 240_000;

/** Bytes per hour, within the lives of processes; undefined when none was watched long enough. */
export function memorySlope(
  samples: readonly MemorySample[],
): { bytesPerHour: number; watchedMs: number } | undefined {
  let [covariance, variance, watchedMs] = [0, 0, 0];
  for (const life of Map.groupBy(samples, ({ pid }) => pid).values()) {
    const warm = life.filter(({ ms }) => ms >= WARM_UP_MS);
    if (warm.length < 10) continue;
    const meanMs = mean(warm.map(({ ms }) => ms));
    const meanBytes = mean(warm.map(({ bytes }) => bytes));
    for (const { ms, bytes } of warm) {
      covariance += (ms - meanMs) * (bytes - meanBytes);
      variance += (ms - meanMs) ** 2;
    }
    watchedMs += (warm.at(-1)?.ms ?? 0) - WARM_UP_MS;
  }
  return variance === 0 ? undefined : { bytesPerHour: (covariance / variance) * 3_600_000, watchedMs };
}

/** Megabytes of the process that was watched longest, at five moments of its life. */
export function longestLife(samples: readonly MemorySample[]): number[] {
  const lives = [...Map.groupBy(samples, ({ pid }) => pid).values()];
  const longest = lives.reduce((best, life) => (life.length > best.length ? life : best), []);
  return [0, 0.25, 0.5, 0.75, 1].map((part) => {
    return Math.round((longest[Math.round((longest.length - 1) * part)]?.bytes ?? 0) / 2 ** 20);
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
