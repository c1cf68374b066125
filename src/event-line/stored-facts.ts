import type { Clock } from '../base/clock.ts';
import type { Intake } from '../intake/intake.ts';
import type { Source } from '../intake/source.ts';
import type { Recorder } from '../store/recorder.ts';
import type { FactsRow, RegistryRow, StoreStep } from '../store/store.ts';

/** What registries said is stored so long after a change. */
const AFTER_MS = 1000;
/** … and what was left out then, because it might turn out to be a mass disappearance, after so long. */
const DOUBTED_MS = 10_000;
/** The time that counts for what is remembered is stored after as long as the process has run, within these bounds. */
const AGE_MS = { min: 2_000, max: 600_000 } as const;
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
  readonly #startedAt: number;
  #cancel: (() => void) | undefined;
  #recordAt = Number.POSITIVE_INFINITY;
  #recording: Promise<void> | undefined;
  #isStopped = false;

  /** @param isKept whether the store keeps such rows */
  constructor(recorder: Recorder, isKept: boolean, clock: Clock, intake: Intake, events: StoredFactsEvents) {
    this.#recorder = recorder;
    this.#isKept = isKept;
    this.#clock = clock;
    this.#startedAt = clock.now();
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

  /** Once in a while, not with each change. */
  recordSoon(ms = AFTER_MS): void {
    const at = this.#clock.now() + ms;
    if (this.#isStopped || (this.#cancel !== undefined && this.#recordAt <= at)) return;
    this.#cancel?.();
    this.#recordAt = at;
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#record(false)
        .catch((error: unknown) => this.#events.onFailure(error as Error))
        .finally(() => {
          this.#goOn();
          this.#events.onRecorded();
        });
    });
  }

  #goOn(): void {
    const facts = this.#intake.configured.map((source) => source.facts);
    // what may have to be doubted yet is stored when it is past that
    if (facts.some(({ outdated, isStoredInDoubt }) => outdated.size > 0 || isStoredInDoubt))
      this.recordSoon(DOUBTED_MS);
    if (!facts.some(({ isRemembering }) => isRemembering)) return;
    const age = this.#clock.now() - this.#startedAt;
    this.recordSoon(Math.min(Math.max(age, AGE_MS.min), AGE_MS.max));
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
        const now = this.#clock.now();
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
