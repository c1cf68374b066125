import type { Address } from '../name/address.ts';
import { type ForeignChange, type Store, StoreConflict, type StoreStep } from './store.ts';

export interface RecorderEvents {
  /** the store refuses, for the first time since it recorded */
  readonly onStoreError: (error: Error) => void;
  readonly onStoreRecovered: () => void;
}

/** What became of the steps of a plan. */
export type Recorded =
  | { readonly kind: 'recorded' }
  /** the steps stand in memory and go with the next commit; new addresses of theirs may not be answered yet */
  | { readonly kind: 'refused' }
  /** everything is there but what another process took first */
  | { readonly kind: 'outrun'; readonly rows: ForeignChange };

const RECORDED: Recorded = { kind: 'recorded' };

/** The only writer of the store: durable before published, and nothing lost when the store fails. */
export class Recorder {
  readonly #store: Store;
  readonly #events: RecorderEvents;
  /** what the store refused; every later commit begins with it */
  #unwritten: StoreStep[] = [];
  readonly #withheld = new Set<Address>();
  #error: Error | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: Store, events: RecorderEvents) {
    this.#store = store;
    this.#events = events;
  }

  /** Why the store refuses; undefined when it does not. */
  get error(): Error | undefined {
    return this.#error;
  }

  get isWithholding(): boolean {
    return this.#withheld.size > 0;
  }

  /** Why an address must not be answered; undefined when it may. */
  withheld(address: Address): string | undefined {
    if (!this.#withheld.has(address)) return undefined;
    return `the address could not be recorded: ${this.#error?.message ?? 'the store failed'}`;
  }

  /** Has steps recorded, with all that was refused before them. */
  record(steps: readonly StoreStep[]): Promise<Recorded> {
    return this.#inTurn(() => this.#record(steps));
  }

  /** Has steps recorded that may lag behind what is answered. @returns whether they were */
  recordLater(steps: readonly StoreStep[]): Promise<boolean> {
    return this.#inTurn(() => this.#recordLater(steps));
  }

  /** What a commit refused goes in front of the next one: they must not overtake each other. */
  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(write);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #record(steps: readonly StoreStep[]): Promise<Recorded> {
    if (steps.length + this.#unwritten.length === 0) return RECORDED;
    const all = [...this.#unwritten, ...steps];
    try {
      await this.#store.commit(all);
    } catch (error) {
      if (error instanceof StoreConflict) {
        this.#succeeded();
        return { kind: 'outrun', rows: error.rows };
      }
      this.#unwritten = all;
      for (const step of all) {
        if (step.kind === 'put-address' && step.row.retiredAt === null) this.#withheld.add(step.row.address);
      }
      this.#failed(error as Error);
      return { kind: 'refused' };
    }
    this.#succeeded();
    return RECORDED;
  }

  async #recordLater(steps: readonly StoreStep[]): Promise<boolean> {
    try {
      await this.#store.commit(steps);
    } catch (error) {
      this.#failed(error as Error);
      return false;
    }
    if (this.#unwritten.length === 0) this.#succeeded();
    return true;
  }

  #failed(error: Error): void {
    if (this.#error === undefined) this.#events.onStoreError(error);
    this.#error = error;
  }

  #succeeded(): void {
    this.#unwritten = [];
    this.#withheld.clear();
    if (this.#error !== undefined) this.#events.onStoreRecovered();
    this.#error = undefined;
  }
}
