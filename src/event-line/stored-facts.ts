import type { Clock } from '../base/clock.ts';
import type { Intake } from '../intake/intake.ts';
import type { Source } from '../intake/source.ts';
import type { Recorder } from '../store/recorder.ts';
import type { FactsRow, RegistryRow, StoreStep } from '../store/store.ts';

/** What registries said is stored so long after a change. */
const AFTER_MS = 1000;
/** … and what was left out then, because it might turn out to be a mass disappearance, after so long. */
const DOUBTED_MS = 10_000;
/** Rows in one commit. */
const BATCH = 1000;

export interface StoredFactsEvents {
  onFailure(error: Error): void;
  /** what was outdated is stored, or was refused */
  onRecorded(): void;
}

/**
 * What registries said, in the store: a restart answers from it while they are away. It may lag behind the answers; a
 * restart then knows a little less, never something wrong.
 */
export class StoredFacts {
  readonly #recorder: Recorder;
  readonly #isKept: boolean;
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #events: StoredFactsEvents;
  readonly #registries = new Map<string, RegistryRow>();
  #cancel: (() => void) | undefined;
  #recording: Promise<void> | undefined;
  #isStopped = false;

  /** @param isKept whether the store keeps such rows */
  constructor(recorder: Recorder, isKept: boolean, clock: Clock, intake: Intake, events: StoredFactsEvents) {
    this.#recorder = recorder;
    this.#isKept = isKept;
    this.#clock = clock;
    this.#intake = intake;
    this.#events = events;
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
          `what ${row.registry} said of ${row.interface}: ${reason}: left out, the registry tells it again`,
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

  /** Once in a while, not with each change. */
  recordSoon(ms = AFTER_MS): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#record(false)
        .catch((error: unknown) => this.#events.onFailure(error as Error))
        .finally(() => {
          // what may have to be doubted yet is stored when it is past that
          if (this.#intake.configured.some(({ facts }) => facts.outdated.size > 0))
            this.recordSoon(DOUBTED_MS);
          this.#events.onRecorded();
        });
    });
  }

  /** The store records again. */
  recordAgain(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.recordSoon();
  }

  /** What is past all doubt by now is stored too, and the time for which registries were live. Nothing follows. */
  async recordLast(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    await this.#recording;
    await this.#record(true);
  }

  /** Stores what became outdated of each source, unless that is under way. */
  async #record(isClosing: boolean): Promise<void> {
    this.#intake.tick();
    if (!this.#isKept) return;
    this.#recording ??= this.#recordAll(isClosing).finally(() => {
      this.#recording = undefined;
    });
    await this.#recording;
  }

  async #recordAll(isClosing: boolean): Promise<void> {
    for (const source of this.#intake.configured) {
      const { facts, options, snapshot } = source;
      const isStored = facts.outdated.size === 0 && this.#registries.has(options.id);
      if (snapshot.kind !== 'delivered' || (isStored && !isClosing)) continue;
      for (;;) {
        // what may turn out to be a mass disappearance is not recorded yet: a restart must be able to doubt it too
        const names = [
          ...facts.outdated
            .values()
            .filter((name) => !facts.isUnsettled(name))
            .take(BATCH),
        ];
        const isLast = names.length < BATCH;
        for (const name of names) facts.outdated.delete(name);
        const steps = names.map((name): StoreStep => {
          const octets = facts.storedRow(name);
          return octets === undefined
            ? { kind: 'delete-facts', registry: options.id, interface: name }
            : { kind: 'put-facts', row: { registry: options.id, interface: name, octets } };
        });
        const now = this.#clock.now();
        const liveMs = Math.round(facts.liveMs(now));
        // what a registry said is as old as its loss, and no younger because the process ends
        const row = { id: options.id, snapshotAt: source.lostAt ?? now, liveMs };
        if (isLast) steps.push({ kind: 'put-registry', row });
        if (names.length > 0 || isClosing || !this.#registries.has(options.id)) {
          if (!(await this.#recorder.recordLater(steps))) {
            for (const name of names) facts.outdated.add(name);
            return;
          }
        }
        if (!isLast) continue;
        this.#registries.set(options.id, row);
        break;
      }
    }
  }
}
