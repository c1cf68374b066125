import type { EurekaInstance } from './parse.ts';

/** All instances of a Eureka, as one server tells them. */
export class KnownInstances {
  readonly #apps = new Map<string, Map<string, EurekaInstance>>();
  /** how many have each status */
  readonly #statuses = new Map<string, number>();
  #size = 0;
  /** how many instances say each name, and each list of interfaces */
  readonly #texts = new Map<string, number>();
  #textLength = 0;
  #oldest = Number.POSITIVE_INFINITY;
  #newest = 0;

  get size(): number {
    return this.#size;
  }

  /** Characters of all that instances are called and list; what several say counts once. */
  get textLength(): number {
    return this.#textLength;
  }

  /** When the first of all that were ever here was registered, Unix milliseconds of the server; Infinity: nobody says. */
  get oldestRegistration(): number {
    return this.#oldest;
  }

  /** The same of the last; 0: nobody says. */
  get newestRegistration(): number {
    return this.#newest;
  }

  /** What a server computes of its own, to be compared: `DOWN_1_UP_2_`; empty when there are none. */
  get hash(): string {
    const sorted = [...this.#statuses].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([status, count]) => `${status}_${count}_`).join('');
  }

  apps(): Iterable<string> {
    return this.#apps.keys();
  }

  of(app: string): Iterable<EurekaInstance> {
    return this.#apps.get(app)?.values() ?? [];
  }

  /** @returns whether it says something new to callers */
  put(instance: EurekaInstance): boolean {
    const known = this.#apps.get(instance.app)?.get(instance.id);
    if (known !== undefined) this.#count(known, -1);
    this.#count(instance, 1);
    if (instance.registeredAt > 0) {
      this.#oldest = Math.min(this.#oldest, instance.registeredAt);
      this.#newest = Math.max(this.#newest, instance.registeredAt);
    }
    const instances = this.#apps.get(instance.app);
    if (instances === undefined) this.#apps.set(instance.app, new Map([[instance.id, instance]]));
    else instances.set(instance.id, instance);
    return known === undefined || !isSame(known, instance);
  }

  /** @returns whether it was there */
  remove(app: string, id: string): boolean {
    const instances = this.#apps.get(app);
    const known = instances?.get(id);
    if (instances === undefined || known === undefined) return false;
    this.#count(known, -1);
    instances.delete(id);
    if (instances.size === 0) this.#apps.delete(app);
    return true;
  }

  /** Applications about which the other one says something else. */
  changesTo(next: KnownInstances): Set<string> {
    const changed = new Set<string>();
    for (const [app, instances] of this.#apps)
      if (!isSameSet(instances, next.#apps.get(app))) changed.add(app);
    for (const app of next.#apps.keys()) if (!this.#apps.has(app)) changed.add(app);
    return changed;
  }

  /** How many of its own the other one has not. */
  missingIn(next: KnownInstances): number {
    let missing = 0;
    for (const [app, instances] of this.#apps) {
      const others = next.#apps.get(app);
      for (const id of instances.keys()) if (others?.has(id) !== true) missing++;
    }
    return missing;
  }

  #count(instance: EurekaInstance, change: 1 | -1): void {
    this.#size += change;
    addTo(this.#statuses, instance.status, change);
    for (const text of textsOf(instance)) {
      const count = addTo(this.#texts, text, change);
      // the first that says it, and the last
      if (count === 0 || (count === 1 && change === 1)) this.#textLength += change * text.length;
    }
  }
}

function textsOf({ names, metadata }: EurekaInstance): readonly string[] {
  return [...names, ...Object.values(metadata)];
}

/** @returns the count as it is now; 0: it is not there any more */
function addTo(counts: Map<string, number>, key: string, change: 1 | -1): number {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
  return count;
}

function isSameSet(
  a: ReadonlyMap<string, EurekaInstance>,
  b: ReadonlyMap<string, EurekaInstance> | undefined,
): boolean {
  if (b === undefined || a.size !== b.size) return false;
  for (const [id, instance] of a) {
    const other = b.get(id);
    if (other === undefined || !isSame(instance, other)) return false;
  }
  return true;
}

/** When it was registered is nothing to callers. */
function isSame(a: EurekaInstance, b: EurekaInstance): boolean {
  return (
    a.status === b.status &&
    a.endpoint?.host === b.endpoint?.host &&
    a.endpoint?.port === b.endpoint?.port &&
    a.endpoint?.protocol === b.endpoint?.protocol &&
    a.names.length === b.names.length &&
    a.names.every((name, i) => name === b.names[i]) &&
    isSameMetadata(a.metadata, b.metadata)
  );
}

function isSameMetadata(a: EurekaInstance['metadata'], b: EurekaInstance['metadata']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
