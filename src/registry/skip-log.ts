import { shown } from './endpoint-text.ts';
import type { RegistrySink } from './watcher.ts';

/** An entry that could not be used. */
export interface SkippedEntry {
  /** one of few words, for a metric */
  readonly reason: string;
  /** for people */
  readonly detail: string;
}

/** Of so many entries of a unit it is told; the others would say the same. */
export const MAX_SKIPPED_OF_UNIT = 100;
const MAX_DETAIL = 500;

/** Reports what is skipped once, however often its unit is read; again when it was away meanwhile. */
export class SkipLog {
  readonly #sink: RegistrySink;
  /** details by unit; units without any are not in it */
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(sink: RegistrySink) {
    this.#sink = sink;
  }

  /** What is skipped now, by unit. */
  *all(): Generator<readonly [unit: string, details: ReadonlySet<string>]> {
    yield* this.#known;
  }

  note(unit: string, all: readonly SkippedEntry[]): void {
    // whoever wrote an entry may have put anything into it
    const entries = all
      .slice(0, MAX_SKIPPED_OF_UNIT)
      .map(({ reason, detail }) => ({ reason, detail: shown(detail, MAX_DETAIL) }));
    const known = this.#known.get(unit);
    if (entries.length === 0) {
      if (known !== undefined) this.#known.delete(unit);
      return;
    }
    this.#known.set(unit, new Set(entries.map(({ detail }) => detail)));
    for (const { reason, detail } of entries) if (!known?.has(detail)) this.#sink.skipped(reason, detail);
  }
}
