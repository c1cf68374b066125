import type { Problem } from '../base/problem.ts';
import { isAtOrBelow, keyOf, type NameKey, toText } from '../name/domain-name.ts';
import { TYPE } from '../zone/types.ts';
import { ZoneIndex } from '../zone/zone-index.ts';
import type { LoadedConfig } from './load.ts';
import type { ZoneFile } from './zone-files.ts';

/**
 * Whether the names of `nameservers` that lie in zones of ours have addresses there: an NS record that leads to NXDOMAIN
 * takes the whole zone away from resolvers that follow it.
 */
export function checkNameServers(loaded: LoadedConfig, files: readonly ZoneFile[]): Problem[] {
  const { config, file } = loaded;
  const problems: Problem[] = [];
  for (const [i, { name, addresses }] of (config.nameservers ?? []).entries()) {
    const key = keyOf(name);
    const zone = closestZone(key, [...config.zone, ...files.map(({ apex }) => apex)].map(keyOf));
    if (zone === undefined) continue;
    const zoneFile = files.find(({ apex }) => keyOf(apex) === zone);
    if (zoneFile === undefined ? addresses.length > 0 : hasAddress(zoneFile, key)) continue;
    const where = `name server ${toText(name)} lies in the zone ${toText(zone)} and has no address there`;
    const remedy =
      zoneFile === undefined
        ? 'give it addresses'
        : `add an A or AAAA record to ${zoneFile.file}, whose zone takes no 'addresses' from here`;
    problems.push({
      file,
      ...loaded.positionOf(['nameservers', i, 'name']),
      text: `${where}: ${remedy}, or name a server outside the zone`,
    });
  }
  return problems;
}

function closestZone(name: NameKey, zones: readonly NameKey[]): NameKey | undefined {
  return zones.filter((zone) => isAtOrBelow(name, zone)).sort((a, b) => b.length - a.length)[0];
}

function hasAddress({ apex, records }: ZoneFile, name: NameKey): boolean {
  const index = new ZoneIndex(keyOf(apex));
  for (const record of records) index.add(record);
  // what lies behind a delegation is for others to know
  if (index.cuts.has(name) || index.closestAbove(name, index.cuts) !== undefined) return true;
  const found = index.answering(name);
  return found?.get(TYPE.A) !== undefined || found?.get(TYPE.AAAA) !== undefined;
}
