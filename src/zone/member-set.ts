import { memberHash } from './sample.ts';

const BUCKETS = 256;
/** Up to so many members need no buckets: most applications have a few interfaces. */
const FEW = 16;

/**
 * Members of a set that may be far larger than a reply, as numbers: `take` chooses by the hash of their names, so that a
 * member chosen once stays chosen while others come and go, and replicas choose alike. Four octets a member.
 */
export class MemberSet {
  readonly #nameOf: (member: number) => string;
  #few: readonly number[] = [];
  #buckets: Int32Array[] | undefined;
  #counts: Uint32Array | undefined;
  #size = 0;

  /** @param nameOf the name of a member, the same as long as it is one */
  constructor(nameOf: (member: number) => string) {
    this.#nameOf = nameOf;
  }

  get size(): number {
    return this.#size;
  }

  /** @param name the member's; it is not in yet */
  add(member: number, name: string): void {
    this.#size++;
    if (this.#buckets !== undefined) {
      this.#put(member, name);
      return;
    }
    this.#few = [...this.#few, member];
    if (this.#few.length <= FEW) return;
    this.#buckets = Array.from({ length: BUCKETS }, () => new Int32Array(0));
    this.#counts = new Uint32Array(BUCKETS);
    for (const one of this.#few) this.#put(one, one === member ? name : this.#nameOf(one));
    this.#few = [];
  }

  delete(member: number, name: string): void {
    if (this.#buckets === undefined || this.#counts === undefined) {
      this.#few = this.#few.filter((one) => one !== member);
      this.#size = this.#few.length;
      return;
    }
    const bucket = bucketOf(name);
    const members = this.#buckets[bucket] as Int32Array;
    const last = (this.#counts[bucket] as number) - 1;
    const at = members.subarray(0, last + 1).indexOf(member);
    if (at < 0) return;
    members[at] = members[last] as number;
    this.#counts[bucket] = last;
    this.#size--;
  }

  /** At most `max` members, those of the smallest hashes; the order is stable. */
  take(max: number): number[] {
    if (this.#buckets === undefined) return this.#byHash(this.#few).slice(0, max);
    const chosen: number[] = [];
    for (const [bucket, members] of this.#buckets.entries()) {
      const count = this.#counts?.[bucket] ?? 0;
      if (chosen.length >= max) break;
      chosen.push(...this.#byHash([...members.subarray(0, count)]).slice(0, max - chosen.length));
    }
    return chosen;
  }

  #byHash(members: readonly number[]): number[] {
    const named = members.map((member) => ({ member, name: this.#nameOf(member) }));
    named.sort((a, b) => memberHash(a.name) - memberHash(b.name) || (a.name < b.name ? -1 : 1));
    return named.map(({ member }) => member);
  }

  #put(member: number, name: string): void {
    const buckets = this.#buckets as Int32Array[];
    const counts = this.#counts as Uint32Array;
    const bucket = bucketOf(name);
    const count = counts[bucket] as number;
    let room = buckets[bucket] as Int32Array;
    if (count === room.length) {
      const larger = new Int32Array(Math.max(4, Math.ceil(count * 1.5)));
      larger.set(room);
      room = larger;
      buckets[bucket] = room;
    }
    room[count] = member;
    counts[bucket] = count + 1;
  }
}

function bucketOf(name: string): number {
  return memberHash(name) >>> 24;
}
