import type { Source } from '../intake/source.ts';
import type { Recorder } from '../store/recorder.ts';
import type { FactsRow, RegistryRow, StoreStep } from '../store/store.ts';

/** Rows in one commit. */
const BATCH = 1000;

/**
 * What registries said, in the store: a restart answers from it while they are away. It may lag behind the answers; a
 * restart then knows a little less, never something wrong.
 */
export class StoredFacts {
  readonly #recorder: Recorder;
  readonly #isKept: boolean;
  readonly #now: () => number;
  readonly #registries = new Map<string, RegistryRow>();
  #recording: Promise<void> | undefined;

  /** @param isKept whether the store keeps such rows */
  constructor(recorder: Recorder, isKept: boolean, now: () => number) {
    this.#recorder = recorder;
    this.#isKept = isKept;
    this.#now = now;
  }

  get isRecording(): boolean {
    return this.#recording !== undefined;
  }

  /** A part of what the store holds. @returns what could not be read, for people */
  load(sources: readonly Source[], facts: readonly FactsRow[], registries: readonly RegistryRow[]): string[] {
    const problems: string[] = [];
    for (const row of registries) this.#registries.set(row.id, row);
    for (const row of facts) {
      const source = sources.find(({ options }) => options.id === row.registry);
      try {
        source?.facts.restore(row.interface, row.octets);
      } catch (error) {
        const reason = (error as Error).message;
        problems.push(
          `table facts, row registry = '${row.registry}' AND interface = '${row.interface}': ${reason}: left out, the registry tells it again`,
        );
      }
    }
    return problems;
  }

  /** What was loaded is not complete: registries have to be read before they are answered. */
  discard(sources: readonly Source[]): void {
    this.#registries.clear();
    for (const { facts } of sources) facts.clear();
  }

  /** Everything was loaded. @returns sources that have a snapshot now */
  restored(sources: readonly Source[]): Source[] {
    return sources.filter((source) => {
      const row = this.#registries.get(source.options.id);
      // rows without their registry's are those of a first delivery that was cut off
      if (row === undefined) source.facts.clear();
      else {
        source.facts.restored(row.liveMs);
        source.snapshot = { kind: 'stored', at: row.snapshotAt };
      }
      return row !== undefined;
    });
  }

  /**
   * Stores what became outdated of each source, unless that is under way.
   *
   * @param isClosing waits for it, and stores the time for which registries were live too
   */
  async record(sources: readonly Source[], isClosing: boolean): Promise<void> {
    if (!this.#isKept) return;
    if (isClosing) await this.#recording;
    this.#recording ??= this.#record(sources, isClosing).finally(() => {
      this.#recording = undefined;
    });
    await this.#recording;
  }

  async #record(sources: readonly Source[], isClosing: boolean): Promise<void> {
    for (const source of sources) {
      const { facts, options, snapshot } = source;
      const storedLiveMs = this.#registries.get(options.id)?.liveMs;
      if (snapshot.kind !== 'delivered') continue;
      // found once: what changes meanwhile is stored the next time
      const due = [...facts.storable()];
      for (let at = 0; at === 0 || at < due.length; at += BATCH) {
        const names = due.slice(at, at + BATCH);
        const isLast = at + BATCH >= due.length;
        const steps = names.map((name): StoreStep => {
          const octets = facts.storedRow(name);
          return octets === undefined
            ? { kind: 'delete-facts', registry: options.id, interface: name }
            : { kind: 'put-facts', row: { registry: options.id, interface: name, octets } };
        });
        const now = this.#now();
        const liveMs = Math.round(facts.liveMs(now));
        // what a registry said is as old as its loss, and no younger because the process ends
        const row = { id: options.id, snapshotAt: source.lostAt ?? now, liveMs };
        if (isLast) steps.push({ kind: 'put-registry', row });
        // the time that counts for what is remembered goes on over a crash
        const hasAged = facts.isRemembering && liveMs !== storedLiveMs;
        if (names.length > 0 || isClosing || hasAged || storedLiveMs === undefined) {
          if (!(await this.#recorder.recordLater(steps))) {
            for (const name of names) facts.outdated.add(name);
            return;
          }
          if (isLast) this.#registries.set(options.id, row);
        }
      }
    }
  }
}
