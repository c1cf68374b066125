import type { NameKey } from '../name/domain-name.ts';
import type { BlobAt } from '../packed/arena.ts';
import { type Change, SLICE } from '../zone/change.ts';
import type { PlannedZone } from '../zone/planned-zone.ts';
import type { InterfaceNumber, NamesOptions } from '../zone/registry-names.ts';
import type { Serials } from './serials.ts';

/** Where change sets are applied: the query line. */
export interface ChangeTarget {
  /** Resolves when queries see the change. Rejects when it could not be applied. */
  apply(change: Change): Promise<void>;
}

/** An interface and where its record rests; 0 removes it. */
export type RecordChange = readonly [number: InterfaceNumber, at: BlobAt];

interface Task {
  run(): Promise<void>;
  done(): void;
  failed(error: Error): void;
}

/**
 * Brings what is published to the query line, in one queue: small change sets name by name, large ones built beside and
 * switched. Each step waits for the last, so a slow query thread is never flooded; a small change set goes between two
 * steps of a large one, to what is live and to what is being built.
 */
export class LineFeed {
  readonly #target: ChangeTarget;
  readonly #serials: Serials;
  #names: NamesOptions;
  readonly #small: Task[] = [];
  readonly #large: Task[] = [];
  #running = false;
  #isBuilding = false;

  constructor(target: ChangeTarget, names: NamesOptions, serials: Serials) {
    this.#target = target;
    this.#names = names;
    this.#serials = serials;
  }

  /** How names answer from the next {@link rebuild} on. */
  setNames(names: NamesOptions): void {
    this.#names = names;
  }

  /** New memory for records. Ordered before everything that is told later. */
  chunk(number: number, memory: ArrayBuffer | SharedArrayBuffer): void {
    // not through the queue: what is queued may refer to it already
    void this.#target.apply({ kind: 'chunk', number, memory }).catch(() => {});
  }

  /** Name by name between queries. */
  update(changes: readonly RecordChange[]): Promise<void> {
    return this.#enqueue(this.#small, async () => {
      const serial = this.#serials.next();
      for (const slice of slices(changes)) {
        const where = this.#isBuilding ? 'both' : 'live';
        await this.#target.apply({ kind: 'interfaces', where, changes: pairs(slice), serial });
      }
    });
  }

  /**
   * All names at once.
   *
   * @param records asked for slice by slice: each gets what is published at that moment
   */
  rebuild(records: () => Iterable<RecordChange>): Promise<void> {
    return this.#enqueue(this.#large, async () => {
      await this.#target.apply({ kind: 'beside', options: this.#names });
      this.#isBuilding = true;
      try {
        for (const slice of slices(records())) {
          const changes = pairs(slice);
          await this.#target.apply({
            kind: 'interfaces',
            where: 'beside',
            changes,
            serial: this.#serials.current,
          });
          await this.#runSmall();
        }
        await this.#target.apply({ kind: 'switch', serial: this.#serials.next() });
      } finally {
        this.#isBuilding = false;
      }
    });
  }

  /** Puts zones in place of those of the same apex, and removes others; all at once. */
  replaceZones(zones: readonly PlannedZone[], gone: readonly NameKey[]): Promise<void> {
    return this.#enqueue(this.#large, async () => {
      for (const apex of gone) await this.#target.apply({ kind: 'remove-zone', apex });
      for (const { apex, role, records } of zones) {
        for (const slice of slices(records)) {
          const tuples = slice.map(({ name, type, ttl, rdata }) => [name, type, ttl, rdata] as const);
          await this.#target.apply({ kind: 'records', apex, role, records: tuples });
          await this.#runSmall();
        }
      }
      await this.#target.apply({ kind: 'switch', serial: this.#serials.next() });
    });
  }

  setReady(ready: boolean): Promise<void> {
    return this.#enqueue(this.#small, () => this.#target.apply({ kind: 'ready', ready }));
  }

  #enqueue(queue: Task[], run: () => Promise<void>): Promise<void> {
    return new Promise((done, failed) => {
      queue.push({ run, done, failed });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (;;) {
      await this.#runSmall();
      const task = this.#large.shift();
      if (task === undefined) break;
      await runTask(task);
    }
    this.#running = false;
  }

  async #runSmall(): Promise<void> {
    for (let task = this.#small.shift(); task !== undefined; task = this.#small.shift()) await runTask(task);
  }
}

async function runTask({ run, done, failed }: Task): Promise<void> {
  try {
    await run();
    done();
  } catch (error) {
    failed(error as Error);
  }
}

function pairs(changes: readonly RecordChange[]): Uint32Array {
  const numbers = new Uint32Array(changes.length * 2);
  for (const [i, [number, at]] of changes.entries()) {
    numbers[2 * i] = number;
    numbers[2 * i + 1] = at;
  }
  return numbers;
}

export function* slices<T>(items: Iterable<T>): Generator<T[]> {
  let slice: T[] = [];
  for (const item of items) {
    slice.push(item);
    if (slice.length === SLICE) {
      yield slice;
      slice = [];
    }
  }
  if (slice.length > 0) yield slice;
}
