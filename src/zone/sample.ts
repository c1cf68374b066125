import { packed } from '../base/none.ts';

const BUCKETS = 256;
/** Up to so many members need no buckets: most applications have a few interfaces. */
const FEW = 16;

type Member<V> = readonly [id: string, value: V];

/**
 * Members of a set that may be far larger than a reply: `take` chooses by hash, so that a member chosen once stays
 * chosen while others come and go, and replicas choose alike.
 */
export class Sample<V> {
  #few: readonly Member<V>[] = [];
  #buckets: (Map<string, V> | undefined)[] | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set(member: string, value: V): void {
    if (this.#buckets === undefined) {
      const others = this.#few.filter(([id]) => id !== member);
      if (others.length < FEW) {
        this.#few = packed([...others, [member, value]]);
        this.#size = this.#few.length;
        return;
      }
      this.#spread();
    }
    this.#put(member, value);
  }

  delete(member: string): void {
    if (this.#buckets === undefined) {
      this.#few = this.#few.filter(([id]) => id !== member);
      this.#size = this.#few.length;
    } else if (this.#buckets[bucketOf(member)]?.delete(member)) this.#size--;
  }

  /** At most `max` values, those of the smallest hashes; the order is stable. */
  take(max: number): V[] {
    if (this.#buckets === undefined) return byHash(this.#few).slice(0, max);
    const chosen: V[] = [];
    for (let i = 0; i < BUCKETS && chosen.length < max; i++) {
      const bucket = this.#buckets[i];
      if (bucket !== undefined) chosen.push(...byHash([...bucket]).slice(0, max - chosen.length));
    }
    return chosen;
  }

  #spread(): void {
    this.#buckets = new Array<undefined>(BUCKETS).fill(undefined);
    this.#size = 0;
    for (const [id, value] of this.#few) this.#put(id, value);
    this.#few = [];
  }

  #put(member: string, value: V): void {
    if (this.#buckets === undefined) return;
    const bucket = bucketOf(member);
    let map = this.#buckets[bucket];
    if (map === undefined) {
      map = new Map();
      this.#buckets[bucket] = map;
    }
    if (!map.has(member)) this.#size++;
    map.set(member, value);
  }
}

function byHash<V>(members: readonly Member<V>[]): V[] {
  return [...members]
    .sort(([a], [b]) => memberHash(a) - memberHash(b) || (a < b ? -1 : 1))
    .map(([, value]) => value);
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

/** The members in the order in which {@link Sample.take} chooses them. */
export function orderedByHash<T>(members: readonly T[], idOf: (member: T) => string): T[] {
  const hashed = members.map((member) => ({ member, hash: memberHash(idOf(member)) }));
  return hashed.sort((a, b) => a.hash - b.hash).map(({ member }) => member);
}
