import type { RegistryName } from './universe.ts';

/** A change is answered within so long when all is well; far more than it takes, for the machine may be busy. */
export const CHANGE_MS = 3_000;
/** From the end of a fault to right answers. */
export const RECOVERY_MS = 9_000;

export interface Span {
  readonly begin: number;
  /** Infinity while it lasts */
  end: number;
}

/** A span in which no server runs. */
export interface Down extends Span {
  /** what the store surely holds of each interface is this old */
  readonly storedAt: ReadonlyMap<string, number>;
}

/** How long ended faults are kept: nothing looks back farther. */
const KEPT_MS = 10 * 60_000;

/** When what was away: it says how old the server's view of a registry may be. */
export class Timeline {
  readonly #faults: Record<RegistryName, Span[]> = { zk: [], file: [], extra: [] };
  #downs: Down[] = [];
  #stores: Span[] = [];

  /** The registry is away, or is not believed. @returns what ends it */
  registryFault(registry: RegistryName, now: number): Span {
    return added(this.#faults[registry], now);
  }

  storeFault(now: number): Span {
    return added(this.#stores, now);
  }

  down(now: number, storedAt: ReadonlyMap<string, number>): Down {
    const down: Down = { begin: now, end: Number.POSITIVE_INFINITY, storedAt };
    this.#downs = [...this.#downs.filter(({ end }) => end > now - KEPT_MS), down];
    return down;
  }

  isDown(start: number, end: number): boolean {
    return this.#downs.some((down) => touches(down, start, end));
  }

  /** The store fault that touches a span, or did so a moment ago. */
  storeFaultIn(start: number, end: number): Span | undefined {
    return this.#stores.find((span) => span.begin <= end && span.end + RECOVERY_MS >= start);
  }

  /** When the last trouble with the registry will surely be over; Infinity while it lasts. */
  settledAt(registry: RegistryName): number {
    const ends = [...this.#faults[registry], ...this.#downs].map(({ end }) => end + RECOVERY_MS);
    return Math.max(0, ...ends);
  }

  /** The server's view of an interface at a moment is not older than this. */
  oldestView(registry: RegistryName, name: string, at: number): number {
    const spans: (Span | Down)[] = [...this.#faults[registry], ...this.#downs];
    let oldest = at - CHANGE_MS;
    for (let isMoving = true; isMoving; ) {
      isMoving = false;
      for (const span of spans) {
        if (span.begin > at || span.end + RECOVERY_MS < oldest) continue;
        const stored = 'storedAt' in span ? (span.storedAt.get(name) ?? 0) : span.begin;
        const view = Math.min(stored, span.begin - CHANGE_MS);
        if (view >= oldest) continue;
        oldest = view;
        isMoving = true;
      }
    }
    return oldest;
  }

  isHealthy(registry: RegistryName, name: string, at: number): boolean {
    return this.oldestView(registry, name, at) === at - CHANGE_MS;
  }
}

function added(spans: Span[], now: number): Span {
  const span: Span = { begin: now, end: Number.POSITIVE_INFINITY };
  spans.push(span);
  while ((spans[0]?.end ?? now) < now - KEPT_MS) spans.shift();
  return span;
}

function touches({ begin, end }: Span, start: number, stop: number): boolean {
  return begin <= stop && end >= start;
}
