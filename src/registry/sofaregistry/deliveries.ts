/** Hands on what is read: as a whole first, then unit by unit, and only what changed. */
import { hash } from 'node:crypto';
import type { Registration } from '../registration.ts';
import type { RegistrySink, Replacement } from '../watcher.ts';

/** What is remembered of what was delivered of one unit. */
export interface Delivered {
  readonly unit: string;
  /** 0: nothing */
  digest: number;
  /** number of the complete delivery that it was put into */
  putInto: number;
}

export class Deliveries {
  readonly #sink: RegistrySink;
  #replacement: Replacement | undefined;
  /** number of the complete delivery that is under way, or was the last */
  #number = 1;
  /** what changed within it, though it was put already */
  #late = new Map<string, readonly Registration[]>();
  #isDone = false;

  constructor(sink: RegistrySink) {
    this.#sink = sink;
  }

  /** Whether everything was delivered once. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** All that is registered of one unit. */
  take(delivered: Delivered, registrations: readonly Registration[]): void {
    const digest = digestOf(registrations);
    const isPut = this.#isDone || delivered.putInto === this.#number;
    if (isPut ? digest === delivered.digest : digest === 0) return;
    delivered.digest = digest;
    if (this.#isDone) this.#sink.update(delivered.unit, registrations);
    else if (isPut) this.#late.set(delivered.unit, registrations);
    else {
      this.#begin().put(delivered.unit, registrations);
      delivered.putInto = this.#number;
    }
  }

  /** Everything was read. */
  complete(): void {
    if (this.#isDone) return;
    this.#begin().done();
    this.#isDone = true;
    this.#replacement = undefined;
    for (const [unit, registrations] of this.#late) this.#sink.update(unit, registrations);
    this.#late = new Map();
  }

  /** What was put may be old by now: everything is read anew. Nothing, after it was done. */
  restart(): void {
    if (this.#isDone) return;
    this.#replacement = undefined;
    this.#late = new Map();
    this.#number++;
  }

  #begin(): Replacement {
    this.#replacement ??= this.#sink.replace();
    return this.#replacement;
  }
}

/** 48 bits of what is registered, whose order is always the same. */
function digestOf(registrations: readonly Registration[]): number {
  if (registrations.length === 0) return 0;
  return hash('sha1', JSON.stringify(registrations), 'buffer').readUIntBE(0, 6) || 1;
}
