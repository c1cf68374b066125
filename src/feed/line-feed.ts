import { keyOf, type NameKey } from '../name/domain-name.ts';
import type { BlobAt } from '../packed/arena.ts';
import { type Change, SLICE } from '../zone/change.ts';
import type { PlannedZone } from '../zone/planned-zone.ts';
import type { InterfaceNumber, NamesOptions } from '../zone/registry-names.ts';
import type { Serials } from './serials.ts';

/** The same for a thread that nobody asks yet; changes that others wait for go between, every few milliseconds. */
const LARGE_SLICE = 10 * SLICE;

/** Where change sets are applied: the query line. */
export interface ChangeTarget {
  /** Resolves when queries see the change. Rejects when it could not be applied. */
  apply(change: Change): Promise<void>;
}

/** A query thread that knows nothing yet. */
export interface Newcomer extends ChangeTarget {
  /** From now on it takes part in every change that is told to all. */
  enter(): void;
}

/** What is published now: read when it is told, so that whatever waits in the queue never brings back an older record. */
export interface PublishedRecords {
  /** Where the record of an interface rests; 0: it is not published. */
  at(number: InterfaceNumber): BlobAt;
  /** Interfaces that are published. */
  numbers(): Iterable<InterfaceNumber>;
}

/** All names, being built anew. */
export interface Build {
  /** These interfaces changed meanwhile. */
  add(numbers: readonly InterfaceNumber[]): void;
  /** Nothing more is added. Resolves when queries see all of it. */
  finish(): Promise<void>;
}

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
  readonly #records: PublishedRecords;
  readonly #serials: Serials;
  #names: NamesOptions;
  /** what queries see now, for whoever comes later: how names answer, zones, the serial that was told last */
  #seenNames: NamesOptions;
  readonly #seenZones = new Map<NameKey, PlannedZone>();
  #seenSerial: number;
  #isReady = false;
  readonly #small: Task[] = [];
  readonly #large: Task[] = [];
  #running = false;
  #isBuilding = false;
  #wake: () => void = () => {};

  constructor(target: ChangeTarget, records: PublishedRecords, names: NamesOptions, serials: Serials) {
    this.#target = target;
    this.#records = records;
    this.#names = names;
    this.#seenNames = names;
    this.#serials = serials;
    this.#seenSerial = serials.current;
  }

  /** How names answer from the next {@link build} on. */
  setNames(names: NamesOptions): void {
    this.#names = names;
  }

  /** New memory for records. Ordered before everything that is told later. */
  chunk(number: number, memory: ArrayBuffer | SharedArrayBuffer): void {
    // not through the queue: what is queued may refer to it already
    void this.#target.apply({ kind: 'chunk', number, memory }).catch(() => {});
  }

  /** Name by name between queries. */
  update(numbers: readonly InterfaceNumber[]): Promise<void> {
    return this.#enqueue(this.#small, async () => {
      const serial = this.#nextSerial();
      for (const slice of slices(numbers)) {
        const where = this.#isBuilding ? 'both' : 'live';
        await this.#target.apply({ kind: 'interfaces', where, changes: this.#pairs(slice), serial });
      }
    });
  }

  /**
   * Begins to build all names anew: what is there, then what is added. Queries see all of it at once when it is finished.
   */
  build(): Build {
    const added: (readonly InterfaceNumber[])[] = [];
    let isComplete = false;
    const built = this.#enqueue(this.#large, async () => {
      const names = this.#names;
      await this.#target.apply({ kind: 'beside', options: names });
      this.#isBuilding = true;
      try {
        await this.#buildSlices(this.#records.numbers());
        while (!isComplete || added.length > 0) {
          const numbers = added.shift();
          if (numbers !== undefined) await this.#buildSlices(numbers);
          else await this.#somethingToDo();
        }
        await this.#target.apply({ kind: 'switch', what: 'names', serial: this.#nextSerial() });
        this.#seenNames = names;
      } finally {
        this.#isBuilding = false;
      }
    });
    // whoever finishes it learns of a failure
    built.catch(() => {});
    return {
      add: (numbers) => {
        added.push(numbers);
        this.#wake();
      },
      finish: () => {
        isComplete = true;
        this.#wake();
        return built;
      },
    };
  }

  /** Puts zones in place of those of the same apex, and removes others; all at once. */
  replaceZones(zones: readonly PlannedZone[], gone: readonly NameKey[]): Promise<void> {
    return this.#enqueue(this.#large, async () => {
      await this.#target.apply({ kind: 'zones' });
      for (const apex of gone) await this.#target.apply({ kind: 'remove-zone', apex });
      await this.#buildZones(this.#target, zones);
      await this.#target.apply({ kind: 'switch', what: 'zones', serial: this.#nextSerial() });
      for (const apex of gone) this.#seenZones.delete(apex);
      for (const zone of zones) this.#seenZones.set(keyOf(zone.apex), zone);
    });
  }

  setReady(ready: boolean): Promise<void> {
    return this.#enqueue(this.#small, async () => {
      await this.#target.apply({ kind: 'ready', ready });
      this.#isReady = ready;
    });
  }

  /**
   * Tells a thread all that the others know; nobody asks it before. It takes part in every change from the beginning on: small
   * ones go between, and no other large one is half done.
   *
   * @param chunks all memory for records
   */
  join(
    newcomer: Newcomer,
    chunks: () => Iterable<readonly [number: number, memory: ArrayBuffer | SharedArrayBuffer]>,
  ): Promise<void> {
    return this.#enqueue(this.#large, async () => {
      newcomer.enter();
      const told = Array.from(chunks(), ([number, memory]) =>
        newcomer.apply({ kind: 'chunk', number, memory }),
      );
      await Promise.all(told);
      await newcomer.apply({ kind: 'beside', options: this.#seenNames });
      await newcomer.apply({ kind: 'switch', what: 'names', serial: this.#seenSerial });
      await this.#buildZones(newcomer, [...this.#seenZones.values()]);
      await newcomer.apply({ kind: 'switch', what: 'zones', serial: this.#seenSerial });
      for (const slice of slices(this.#records.numbers(), LARGE_SLICE)) {
        const changes = this.#pairs(slice);
        await newcomer.apply({ kind: 'interfaces', where: 'live', changes, serial: this.#seenSerial });
        await this.#runSmall();
      }
      await newcomer.apply({ kind: 'ready', ready: this.#isReady });
    });
  }

  async #buildZones(target: ChangeTarget, zones: readonly PlannedZone[]): Promise<void> {
    for (const { apex, role, records } of zones) {
      for (const slice of records.slices) {
        await target.apply({ kind: 'records', apex, role, records: slice });
        await this.#runSmall();
      }
    }
  }

  #nextSerial(): number {
    this.#seenSerial = this.#serials.next();
    return this.#seenSerial;
  }

  async #buildSlices(numbers: Iterable<InterfaceNumber>): Promise<void> {
    for (const slice of slices(numbers)) {
      const serial = this.#serials.current;
      await this.#target.apply({ kind: 'interfaces', where: 'beside', changes: this.#pairs(slice), serial });
      await this.#runSmall();
    }
  }

  #pairs(numbers: readonly InterfaceNumber[]): Uint32Array {
    const pairs = new Uint32Array(numbers.length * 2);
    for (const [i, number] of numbers.entries()) {
      pairs[2 * i] = number;
      pairs[2 * i + 1] = this.#records.at(number);
    }
    return pairs;
  }

  /** Resolves when something was added to what is being built, or has to go between. */
  async #somethingToDo(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => {};
    await this.#runSmall();
  }

  #enqueue(queue: Task[], run: () => Promise<void>): Promise<void> {
    return new Promise((done, failed) => {
      queue.push({ run, done, failed });
      this.#wake();
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (;;) {
      await this.#runSmall();
      // one that came just now found it running, and would wait for ever
      if (this.#small.length > 0) continue;
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

export function* slices<T>(items: Iterable<T>, size = SLICE): Generator<T[]> {
  let slice: T[] = [];
  for (const item of items) {
    slice.push(item);
    if (slice.length === size) {
      yield slice;
      slice = [];
    }
  }
  if (slice.length > 0) yield slice;
}
