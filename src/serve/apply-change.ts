import { keyOf, type NameKey } from '../name/domain-name.ts';
import type { Change } from '../zone/change.ts';
import { unpackRecords } from '../zone/packed-records.ts';
import type { RegistryNames } from '../zone/registry-names.ts';
import type { StaticZone } from '../zone/static-zone.ts';
import type { Fact } from '../zone/zone.ts';
import type { ZoneData, ZoneRole } from '../zone/zone-data.ts';
import type { ReadyReplies } from './ready-replies.ts';

const nothing = () => {};

/** Applies change sets to the zone data, and drops the ready replies that they outdate. */
export class ChangeApplier {
  readonly #data: ZoneData;
  readonly #ready: ReadyReplies;
  #names: RegistryNames | undefined;
  readonly #drop = (fact: Fact) => this.#ready.drop(fact);
  readonly #zones = new Map<NameKey, { zone: StaticZone; role: ZoneRole } | 'remove'>();

  constructor(data: ZoneData, ready: ReadyReplies) {
    this.#data = data;
    this.#ready = ready;
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'chunk':
        this.#data.arena.attach(change.number, change.memory);
        return;
      case 'beside':
        this.#names = this.#data.namesBeside(change.options);
        return;
      case 'interfaces':
        this.#applyInterfaces(change);
        return;
      case 'records': {
        const key = keyOf(change.apex);
        const building = this.#zones.get(key);
        const { zone } =
          building === undefined || building === 'remove'
            ? { zone: this.#data.zoneBeside(change.apex) }
            : building;
        for (const record of unpackRecords(change.records)) zone.add(record);
        this.#zones.set(key, { zone, role: change.role });
        return;
      }
      case 'remove-zone':
        this.#zones.set(change.apex, 'remove');
        return;
      case 'zones':
        this.#zones.clear();
        return;
      case 'switch':
        if (change.what === 'names') this.#switchNames();
        else this.#switchZones(change.serial);
        for (const zone of this.#data.zones()) zone.serial = change.serial;
        // cuts and wildcards may have come or gone: too much hangs on them to tell what still holds
        this.#ready.clear();
        return;
      case 'ready':
        this.#data.setReady(change.ready);
        this.#ready.clear();
        return;
    }
  }

  #applyInterfaces({ where, changes, serial }: Extract<Change, { kind: 'interfaces' }>): void {
    for (let i = 0; i < changes.length; i += 2) {
      const [number, at] = [changes[i] as number, changes[i + 1] as number];
      if (where !== 'live') this.#names?.set(number, at, nothing);
      if (where !== 'beside') this.#data.setInterface(number, at, this.#drop);
    }
    if (where !== 'beside') for (const zone of this.#data.zones()) zone.serial = serial;
  }

  #switchNames(): void {
    if (this.#names !== undefined) this.#data.switchNames(this.#names);
    this.#names = undefined;
  }

  #switchZones(serial: number): void {
    for (const [key, built] of this.#zones) {
      if (built === 'remove') this.#data.removeZone(key);
      else this.#data.putZone(built.zone, built.role, serial);
    }
    this.#zones.clear();
  }
}
