import { memberHash } from './sample.ts';

const BUCKETS = 256;

/**
 * Members of a set that may be far larger than a reply, as numbers: `take` chooses by the hash of their names, so that a
 * member chosen once stays chosen while others come and go, and replicas choose alike. Four octets a member.
 */
export class MemberSet {
  readonly #nameOf: (member: number) => string;
  readonly #buckets: (Int32Array | undefined)[] = [];
  readonly #counts = new Uint32Array(BUCKETS);
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
    const bucket = bucketOf(name);
    const count = this.#counts[bucket] as number;
    let members = this.#buckets[bucket];
    if (members === undefined || count === members.length) {
      const larger = new Int32Array(Math.max(1, Math.ceil(count * 1.5)));
      if (members !== undefined) larger.set(members);
      members = larger;
      this.#buckets[bucket] = members;
    }
    members[count] = member;
    this.#counts[bucket] = count + 1;
    this.#size++;
  }

  delete(member: number, name: string): void {
    const bucket = bucketOf(name);
    const members = this.#buckets[bucket];
    const last = (this.#counts[bucket] as number) - 1;
    const at = members?.subarray(0, last + 1).indexOf(member) ?? -1;
    if (members === undefined || at < 0) return;
    members[at] = members[last] as number;
    this.#counts[bucket] = last;
    this.#size--;
  }

  /** At most `max` members, those of the smallest hashes; the order is stable. */
  take(max: number): number[] {
    const chosen: number[] = [];
    for (let bucket = 0; bucket < BUCKETS && chosen.length < max; bucket++) {
      const count = this.#counts[bucket] as number;
      if (count === 0) continue;
      const members = [...(this.#buckets[bucket] as Int32Array).subarray(0, count)];
      const named = members.map((member) => ({ member, name: this.#nameOf(member) }));
      named.sort((a, b) => memberHash(a.name) - memberHash(b.name) || (a.name < b.name ? -1 : 1));
      for (const { member } of named.slice(0, max - chosen.length)) chosen.push(member);
    }
    return chosen;
  }
}

function bucketOf(name: string): number {
  return memberHash(name) >>> 24;
}
