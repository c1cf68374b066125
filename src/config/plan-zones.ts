import { networkInterfaces } from 'node:os';
import { type Address, parseAddress } from '../name/address.ts';
import { constantPrefix, type DomainName, join, keyOf, type NameKey } from '../name/domain-name.ts';
import { reverseZonesOf } from '../vip/reverse-zones.ts';
import { type NameServer, ownZone } from '../zone/own-zone.ts';
import { PackedRecords } from '../zone/packed-records.ts';
import type { PlannedZone } from '../zone/planned-zone.ts';
import { StaticNames } from '../zone/static-names.ts';
import { soaSerial } from '../zone/static-zone.ts';
import { TYPE } from '../zone/types.ts';
import type { ZoneRole } from '../zone/zone-data.ts';
import type { Config } from './schema.ts';
import type { ZoneFile } from './zone-files.ts';

/** All zones of a configuration: those of the files, and own ones for names and VIPs that have no file. */
export function planZones(config: Config, files: readonly ZoneFile[]): PlannedZone[] {
  const roles = new Map<NameKey, { apex: DomainName; role: ZoneRole }>();
  for (const pool of config.vips.pools) {
    for (const apex of reverseZonesOf(pool)) roles.set(keyOf(apex), { apex, role: 'reverse' });
  }
  for (const apex of config.zone) roles.set(keyOf(apex), { apex, role: 'registry' });
  const planned = files.map(({ apex, records, file }): PlannedZone => {
    const role = roles.get(keyOf(apex))?.role ?? 'static';
    roles.delete(keyOf(apex));
    return { apex, role, records, file };
  });
  const { ttl, negativeTtl } = config.answers;
  for (const { apex, role } of roles.values()) {
    const servers = nameServers(config, role === 'registry' ? apex : (config.zone[0] ?? apex));
    planned.push({
      apex,
      role,
      records: new PackedRecords(ownZone(apex, servers, ttl, negativeTtl)),
      file: undefined,
    });
  }
  return planned;
}

function nameServers(config: Config, zone: DomainName): readonly NameServer[] {
  if (config.nameservers !== undefined && config.nameservers.length > 0) return config.nameservers;
  const name = join(constantPrefix('rpc-dns-ns'), zone);
  const addresses = config.listen.dns.flatMap(({ host }) => concreteAddresses(host));
  return [{ name, addresses: [...new Set(addresses)] }];
}

/** A wildcard address stands for those of the machine; loopback only when there is nothing else. */
function concreteAddresses(host: string): Address[] {
  if (host !== '0.0.0.0' && host !== '::') {
    const address = parseAddress(host);
    return address === undefined ? [] : [address];
  }
  const family = host === '::' ? 'IPv6' : 'IPv4';
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const ofFamily = all.filter((one) => one.family === family && !one.address.startsWith('fe80:'));
  const reachable = ofFamily.filter((one) => !one.internal);
  return (reachable.length > 0 ? reachable : ofFamily).flatMap(({ address }) => parseAddress(address) ?? []);
}

/** The highest serial of zone files that also take names of registries: theirs goes on from there. */
export function highestSerial(zones: readonly PlannedZone[]): number {
  const serials = zones.flatMap(({ role, records }) => {
    const soa = records.find((record) => record.type === TYPE.SOA);
    if (role === 'static' || soa === undefined) return [];
    return [soaSerial({ type: soa.type, ttl: soa.ttl, rdatas: [soa.rdata] })];
  });
  return Math.max(0, ...serials);
}

/** Which names static records take from registries. */
export function staticNamesOf(config: Config, files: readonly ZoneFile[]): StaticNames {
  const statics = new StaticNames();
  const registryZones = new Set(config.zone.map(keyOf));
  for (const { apex, records } of files) {
    if (registryZones.has(keyOf(apex))) statics.add(keyOf(apex), records);
  }
  for (const { apex, role, records, file } of planZones(config, files)) {
    if (role === 'registry' && file === undefined) statics.addOwn(keyOf(apex), records);
  }
  return statics;
}
