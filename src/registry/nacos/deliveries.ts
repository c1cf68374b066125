/** Hands on what is read of all namespaces: as a whole first, then service by service, and only what changed. */
import type { Registration } from '../registration.ts';
import type { RegistrySink, Replacement } from '../watcher.ts';

/** What is remembered of a service; there may be a hundred thousand. */
export interface KnownService {
  /** Nacos' own time of the last instances that were taken, on this connection; older ones are none */
  lastRefTime: number;
  /** number of the last list that had it */
  seen: number;
  /** number of the connection that subscribed it; 0: none */
  subscribedBy: number;
  /** of what was delivered last; 0: nothing */
  digest: number;
  /** number of the complete delivery that it was put into */
  putInto: number;
}

export function newService(): KnownService {
  return { lastRefTime: 0, seen: 0, subscribedBy: 0, digest: 0, putInto: 0 };
}

export class Deliveries {
  readonly #sink: RegistrySink;
  readonly #namespaces: number;
  readonly #complete = new Set<string>();
  #replacement: Replacement | undefined;
  /** number of the complete delivery that is under way, or was the last */
  #number = 1;
  /** what changed within it, though it was put already */
  #late = new Map<string, readonly Registration[]>();
  #isDone = false;

  constructor(sink: RegistrySink, namespaces: number) {
    this.#sink = sink;
    this.#namespaces = namespaces;
  }

  /** Whether everything was delivered once. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** All that is registered of one service. */
  take(service: KnownService, unit: string, registrations: readonly Registration[]): void {
    const digest = digestOf(registrations);
    const isPut = this.#isDone || service.putInto === this.#number;
    if (isPut && digest === service.digest) return;
    service.digest = digest;
    if (this.#isDone) this.#sink.update(unit, registrations);
    else if (isPut) this.#late.set(unit, registrations);
    else if (digest !== 0) {
      this.#begin().put(unit, registrations);
      service.putInto = this.#number;
    }
  }

  /** A namespace was read whole. @returns whether all were, and are delivered */
  complete(namespace: string): boolean {
    this.#complete.add(namespace);
    if (this.#isDone) return true;
    if (this.#complete.size < this.#namespaces) return false;
    this.#begin().done();
    this.#isDone = true;
    this.#replacement = undefined;
    for (const [unit, registrations] of this.#late) this.#sink.update(unit, registrations);
    this.#late = new Map();
    return true;
  }

  /** What was put may be old by now: everything is read anew. Not after it was done. */
  restart(): void {
    this.#replacement = undefined;
    this.#late = new Map();
    this.#complete.clear();
    this.#number++;
  }

  #begin(): Replacement {
    this.#replacement ??= this.#sink.replace();
    return this.#replacement;
  }
}

/** 53 bits of what is registered, whose order is always the same; 0: nothing. */
function digestOf(registrations: readonly Registration[]): number {
  if (registrations.length === 0) return 0;
  const text = JSON.stringify(registrations);
  let first = 0xdeadbeef;
  let second = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    first = Math.imul(first ^ code, 0x9e3779b1);
    second = Math.imul(second ^ code, 0x5f356495);
  }
  first = Math.imul(first ^ (first >>> 16), 0x85ebca6b) ^ Math.imul(second ^ (second >>> 13), 0xc2b2ae35);
  second = Math.imul(second ^ (second >>> 16), 0x85ebca6b) ^ Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return (second & 0x1fffff) * 2 ** 32 + (first >>> 0) || 1;
}
