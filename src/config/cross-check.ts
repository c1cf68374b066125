import type { HostPort } from '../files/fields.ts';
import type { Path } from '../files/yaml-file.ts';
import { addressText, hostPortText, parseAddress } from '../name/address.ts';
import { type DomainName, firstLabel, keyOf, labelsOf, toText } from '../name/domain-name.ts';
import { networkContains, parseNetwork } from '../name/network.ts';
import { unfitBlockOf } from '../name/unfit-address.ts';
import { kindOf, registryId } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';
import { type Pool, poolCapacity, poolContains, poolsOverlap } from '../vip/pool.ts';
import type { Config } from './schema.ts';

type Report = (path: Path, text: string) => void;

/** Rules over several keys, and those that no single key shows: what is well written and cannot work. */
export function crossCheck(config: Config, kinds: readonly RegistryKind<never>[], report: Report): void {
  checkZones(config, report);
  checkPools(config, kinds, report);
  checkNameServerAddresses(config, report);
  checkListen(config, report);
  checkSidecars(config, report);
  checkRegistries(config, kinds, report);
  checkOwnership(config, report);
}

function checkZones({ zone: zones }: Config, report: Report): void {
  const seen = new Set<string>();
  for (const [i, zone] of zones.entries()) {
    if (seen.has(keyOf(zone))) report(['zone', i], `zone ${toText(zone)} is there twice`);
    if (zone === '\0') report(['zone', i], 'the root cannot be a zone of registry names');
    if (firstLabel(zone) === '*')
      report(['zone', i], `zone ${toText(zone)} is a wildcard: name the domain itself, without '*.'`);
    reportOddName(['zone', i], 'zone', zone, report);
    if (zone.length > 100)
      report(['zone', i], `zone ${toText(zone)} is over 100 octets: names of interfaces need room`);
    seen.add(keyOf(zone));
  }
}

/** A domain name may hold anything (RFC 2181 section 11); one with a port or a scheme in it was meant otherwise. */
function reportOddName(path: Path, what: string, name: DomainName, report: Report): void {
  const odd = /[^\w*-]/.exec(labelsOf(name).join(''))?.[0];
  if (odd === undefined) return;
  const text = `${what} ${toText(name)} has '${odd}' in it: expected labels of letters, digits, '-' and '_', parted by dots`;
  report(path, text);
}

/** Of a pool every address has one meaning: that of a VIP. */
function checkPools(config: Config, kinds: readonly RegistryKind<never>[], report: Report): void {
  const { pools } = config.vips;
  for (const [i, pool] of pools.entries()) {
    if (poolCapacity(pool) === 0n)
      report(['vips', 'pools', i], `pool ${pool.text} has no usable address: choose a larger block`);
    for (const other of pools.slice(0, i)) {
      if (poolsOverlap(pool, other))
        report(['vips', 'pools', i], `pool ${pool.text} overlaps ${other.text}: remove one of them`);
    }
  }
  for (const [i, registry] of config.registries.entries()) {
    for (const [k, pods] of (kindOf(registry, kinds).podBlocks?.(registry) ?? []).entries()) {
      const pool = pools.find((one) => poolsOverlap(one, pods));
      if (pool === undefined) continue;
      report(
        ['registries', i, 'podCIDRs', k],
        `${pods.text} overlaps the pool ${pool.text}: the address of a pod would be given as a VIP; choose another pool`,
      );
    }
  }
}

function poolOf(host: string, pools: readonly Pool[]): Pool | undefined {
  const address = parseAddress(host);
  return address === undefined ? undefined : pools.find((pool) => poolContains(pool, address));
}

function checkNameServerAddresses({ nameservers = [], vips }: Config, report: Report): void {
  const seen = new Set<string>();
  for (const [i, { name, addresses }] of nameservers.entries()) {
    reportOddName(['nameservers', i, 'name'], 'name server', name, report);
    if (seen.has(keyOf(name)))
      report(['nameservers', i, 'name'], `name server ${toText(name)} is there twice`);
    seen.add(keyOf(name));
    for (const [k, address] of addresses.entries()) {
      const text = addressText(address);
      const at = ['nameservers', i, 'addresses', k];
      const unfit = unfitBlockOf(address);
      // a trial on one machine has its name server on loopback
      if (unfit !== undefined && !unfit.use.startsWith('loopback'))
        report(
          at,
          `'${text}' can be no name server's: ${unfit.text} is ${unfit.use}; give one that resolvers reach`,
        );
      reportInPool(at, text, vips.pools, report);
    }
  }
}

function checkListen({ listen: { dns, http }, vips }: Config, report: Report): void {
  const dnsPath = (i: number) => ['listen', 'dns', i];
  for (const [i, address] of dns.entries()) {
    reportInPool(dnsPath(i), address.host, vips.pools, report);
    const other = dns.slice(0, i).find((one) => one.port !== 0 && isTakenBy(address, one));
    if (other === undefined) continue;
    const isSame = other.host === address.host;
    const text = `${hostPortText(address)} and ${hostPortText(other)} cannot both be opened: remove one, a wildcard address stands for all`;
    report(dnsPath(i), isSame ? 'the address is there twice' : text);
  }
  if (http === null) return;
  reportInPool(['listen', 'http'], http.host, vips.pools, report);
  const taken = dns.find((one) => http.port !== 0 && (isTakenBy(one, http) || isTakenBy(http, one)));
  // of HTTP `::` stands for the IPv4 addresses too
  const both = http.host === '::' ? dns.find(({ port }) => port === http.port && port !== 0) : undefined;
  const clash = taken ?? both;
  if (clash === undefined) return;
  report(
    ['listen', 'http'],
    `${hostPortText(http)} is the port of DNS over TCP at ${hostPortText(clash)} (listen.dns): choose another port`,
  );
}

/** Whether both are of one family and one port, and one is, or includes, the other. */
function isTakenBy(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port) return false;
  const [one, other] = [parseAddress(a.host), parseAddress(b.host)];
  if (one === undefined || other === undefined || one.length !== other.length) return false;
  return one === other || isWildcard(a) || isWildcard(b);
}

function isWildcard({ host }: HostPort): boolean {
  return /^\0+$/.test(parseAddress(host) ?? '');
}

function reportInPool(path: Path, host: string, pools: readonly Pool[], report: Report): void {
  const pool = poolOf(host, pools);
  if (pool === undefined) return;
  report(
    path,
    `${host} lies in the pool ${pool.text}: an interface would get it as its VIP; choose another pool`,
  );
}

/** Whoever asks there learns where every provider is: without certificates only neighbours may. */
function checkSidecars({ sidecars, listen, vips }: Config, report: Report): void {
  if (sidecars === undefined) return;
  const path = ['sidecars', 'listen'];
  const text = hostPortText(sidecars.listen);
  reportInPool(path, sidecars.listen.host, vips.pools, report);
  if (sidecars.tls === undefined && !isPrivate(sidecars.listen.host)) {
    report(
      path,
      `${text} is open to any network: without tls only loopback and private addresses are, name one, or certificates as tls`,
    );
  }
  const others = [...listen.dns, ...(listen.http === null ? [] : [listen.http])];
  const taken = others.find((one) => sidecars.listen.port !== 0 && isTakenBy(one, sidecars.listen));
  if (taken !== undefined) report(path, `${text} is taken by ${hostPortText(taken)}: choose another port`);
}

/** RFC 1918, RFC 6598, RFC 4193, and loopback. */
const PRIVATE = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '::1',
  'fc00::/7',
];

function isPrivate(host: string): boolean {
  const address = parseAddress(host);
  return PRIVATE.some((text) => {
    const network = parseNetwork(text);
    return address !== undefined && network.ok && networkContains(network.value, address);
  });
}

function checkRegistries(config: Config, kinds: readonly RegistryKind<never>[], report: Report): void {
  const ids = new Set<string>();
  for (const [i, registry] of config.registries.entries()) {
    const id = registryId(registry, kinds);
    if (ids.has(id)) report(['registries', i], `registry ${id} is there twice`);
    ids.add(id);
  }
  const clusters = config.registries
    .filter((registry) => kindOf(registry, kinds).hasServices)
    .map((registry) => registryId(registry, kinds));
  for (const [i, registry] of config.registries.entries()) {
    for (const [k, id] of (registry.join ?? []).entries()) {
      if (clusters.includes(id)) continue;
      const known = clusters.length === 0 ? 'none is configured' : clusters.join(', ');
      report(['registries', i, 'join', k], `'${id}' is no registry of kind kubernetes: ${known}`);
    }
  }
}

function checkOwnership({ ownership }: Config, report: Report): void {
  const prefixes = new Set<string>();
  for (const [i, { prefix }] of ownership.entries()) {
    const key = prefix.toLowerCase();
    if (prefixes.has(key)) report(['ownership', i, 'prefix'], `prefix ${prefix} is there twice`);
    prefixes.add(key);
  }
}
