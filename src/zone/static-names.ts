import { isAtOrBelow, join, keyOf, type NameKey, type Prefix, toText } from '../name/domain-name.ts';
import type { LocatedRecord } from './master-file.ts';
import type { ResourceRecord } from './record.ts';
import { TYPE } from './types.ts';

/** The static records of one zone that also takes names of registries. */
interface StaticZoneNames {
  readonly apex: NameKey;
  /** what each owner name's first record is, for people */
  readonly owners: ReadonlyMap<NameKey, string>;
  /** delegations and DNAMEs: what lies at or below them is occluded */
  readonly occluding: ReadonlyMap<NameKey, string>;
  /** owner names by each of their ancestors inside the zone */
  readonly below: ReadonlyMap<NameKey, readonly NameKey[]>;
}

/** What static records take away from the names of registries: a static record takes its whole owner name. */
export class StaticNames {
  readonly #zones: StaticZoneNames[] = [];

  /** Whether no zone has records of its own. */
  get isEmpty(): boolean {
    return this.#zones.length === 0;
  }

  /** Whether both take the same names, for the same reasons. */
  isSame(other: StaticNames): boolean {
    const textOf = ({ apex, owners, occluding }: StaticZoneNames) =>
      [apex, ...owners, ...occluding].join('\n');
    return (
      this.#zones.length === other.#zones.length &&
      this.#zones.every((zone, i) => textOf(zone) === textOf(other.#zones[i] as StaticZoneNames))
    );
  }

  /** The records of a zone without a file: its name servers. */
  addOwn(apex: NameKey, records: Iterable<ResourceRecord>): void {
    const servers = [...records].map(({ name }) => keyOf(name)).filter((key) => key !== apex);
    if (servers.length === 0) return;
    const owners = new Map(servers.map((key) => [key, 'a name server of the zone (nameservers)'] as const));
    this.#zones.push({ apex, owners, occluding: new Map(), below: new Map() });
  }

  add(apex: NameKey, records: Iterable<LocatedRecord>): void {
    const owners = new Map<NameKey, string>();
    const occluding = new Map<NameKey, string>();
    const below = new Map<NameKey, NameKey[]>();
    for (const record of records) {
      const key = keyOf(record.name);
      const place = `${record.file}:${record.line}`;
      if (record.type === TYPE.DNAME || (record.type === TYPE.NS && key !== apex)) occluding.set(key, place);
      if (owners.has(key) || key === apex) continue;
      owners.set(key, `the static record at ${place}`);
      for (let at = key.charCodeAt(0) + 1; at < key.length - apex.length; at += key.charCodeAt(at) + 1) {
        const ancestor = key.slice(at) as NameKey;
        below.set(ancestor, [...(below.get(ancestor) ?? []), key]);
      }
    }
    this.#zones.push({ apex, owners, occluding, below });
  }

  /** What of `base`, and of the labels below it, is lost to static records; one text for each loss. */
  lossesOf(base: Prefix): string[] {
    const losses: string[] = [];
    for (const zone of this.#zones) {
      const key = keyOf(join(base, zone.apex));
      const owner = zone.owners.get(key);
      if (owner !== undefined) losses.push(`${toText(key)} belongs to ${owner}`);
      for (const [cut, place] of zone.occluding) {
        if (isAtOrBelow(key, cut)) losses.push(`${toText(key)} is occluded by ${toText(cut)} at ${place}`);
      }
      for (const lower of zone.below.get(key) ?? []) {
        losses.push(`${toText(lower)} belongs to ${zone.owners.get(lower)}`);
      }
    }
    return losses;
  }
}
