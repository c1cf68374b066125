const BUCKETS = 256;

/**
 * Members of a set that may be far larger than a reply: `take` chooses by hash, so that a member chosen once stays
 * chosen while others come and go, and replicas choose alike.
 */
export class Sample<V> {
  readonly #buckets: (Map<string, V> | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set(member: string, value: V): void {
    const bucket = bucketOf(member);
    this.#buckets[bucket] ??= new Map();
    const map = this.#buckets[bucket];
    if (!map.has(member)) this.#size++;
    map.set(member, value);
  }

  delete(member: string): void {
    if (this.#buckets[bucketOf(member)]?.delete(member)) this.#size--;
  }

  /** At most `max` values, those of the smallest hashes; the order is stable. */
  take(max: number): V[] {
    const chosen: V[] = [];
    for (let i = 0; i < BUCKETS && chosen.length < max; i++) {
      const bucket = this.#buckets[i];
      if (bucket === undefined) continue;
      const sorted = [...bucket].sort(([a], [b]) => memberHash(a) - memberHash(b) || (a < b ? -1 : 1));
      for (const [, value] of sorted) if (chosen.length < max) chosen.push(value);
    }
    return chosen;
  }
}

function bucketOf(member: string): number {
  return memberHash(member) >>> 24;
}

/** FNV-1a with a final mix: cheap, spread well, the same everywhere. */
export function memberHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x7feb352d);
  hash ^= hash >>> 15;
  return hash >>> 0;
}

/** At most `max` of `members`, chosen as {@link Sample.take} does. */
export function chooseByHash<T>(
  members: readonly T[],
  max: number,
  idOf: (member: T) => string,
): readonly T[] {
  if (members.length <= max) return members;
  return [...members].sort((a, b) => memberHash(idOf(a)) - memberHash(idOf(b))).slice(0, max);
}
