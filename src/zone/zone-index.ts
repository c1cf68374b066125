import { type DomainName, isAtOrBelow, keyOf, type NameKey, parentOf } from '../name/domain-name.ts';
import type { LocatedRecord } from './master-file.ts';
import { TYPE } from './types.ts';

/** The records of one name. */
export class ZoneOwner {
  readonly key: NameKey;
  readonly records: LocatedRecord[] = [];

  constructor(key: NameKey) {
    this.key = key;
  }

  /** @returns undefined without any */
  get(type: number): LocatedRecord[] | undefined {
    const found = this.records.filter((record) => record.type === type);
    return found.length === 0 ? undefined : found;
  }

  types(): Set<number> {
    return new Set(this.records.map((record) => record.type));
  }
}

/** The records of a zone by owner, for its checks: what is delegated, and what leads where. */
export class ZoneIndex {
  readonly apex: NameKey;
  readonly owners = new Map<NameKey, ZoneOwner>();
  /** Names below the apex that own NS. */
  readonly cuts = new Set<NameKey>();
  readonly dnames = new Set<NameKey>();
  /** Targets of the NS records. */
  readonly nameServers = new Set<NameKey>();
  #existing: Set<NameKey> | undefined;

  constructor(apex: NameKey) {
    this.apex = apex;
  }

  /** @returns false for a record that is not in the zone */
  add(record: LocatedRecord): boolean {
    const key = keyOf(record.name);
    if (!isAtOrBelow(key, this.apex)) return false;
    let owner = this.owners.get(key);
    if (owner === undefined) {
      owner = new ZoneOwner(key);
      this.owners.set(key, owner);
    }
    owner.records.push(record);
    if (record.type === TYPE.DNAME) this.dnames.add(key);
    if (record.type === TYPE.NS) {
      this.nameServers.add(keyOf(record.rdata as string as DomainName));
      if (key !== this.apex) this.cuts.add(key);
    }
    return true;
  }

  /** Whether a delegation or a DNAME may hide records. */
  get hides(): boolean {
    return this.cuts.size > 0 || this.dnames.size > 0;
  }

  /** The closest of `names` strictly above `key`. */
  closestAbove(key: NameKey, names: ReadonlySet<NameKey>): NameKey | undefined {
    if (names.size === 0) return undefined;
    for (let at = parentOf(key); at !== undefined && at.length >= this.apex.length; at = parentOf(at)) {
      if (names.has(at)) return at;
    }
    return undefined;
  }

  /** The owner whose records answer for `key`: itself, or the wildcard that covers it (RFC 4592 section 3.3.1). */
  answering(key: NameKey): ZoneOwner | undefined {
    const owner = this.owners.get(key);
    if (owner !== undefined) return owner;
    const existing = this.#existingNames();
    let encloser: NameKey | undefined = key;
    while (encloser !== undefined && !existing.has(encloser)) encloser = parentOf(encloser);
    return encloser === key ? undefined : this.owners.get(`\x01*${encloser}` as NameKey);
  }

  /** All owners and the empty non-terminals above them. */
  #existingNames(): ReadonlySet<NameKey> {
    if (this.#existing !== undefined) return this.#existing;
    const existing = new Set<NameKey>([this.apex]);
    for (const key of this.owners.keys()) {
      for (let at: NameKey | undefined = key; at !== undefined && !existing.has(at); at = parentOf(at)) {
        existing.add(at);
      }
    }
    this.#existing = existing;
    return existing;
  }
}
