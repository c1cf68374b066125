import type { LookupResult } from '../api/look-up.ts';
import { bad, ok, type Result } from '../base/result.ts';
import type { Config } from '../config/schema.ts';
import { type CorednsVersion, parseCorednsVersion } from '../corefile/coredns-version.ts';
import { corefile } from '../corefile/corefile.ts';
import { checkZone, isAtOrBelow, parseDomain } from '../corefile/domains.ts';
import type { Style } from '../corefile/options.ts';
import {
  derivePrefixes,
  MAX_PREFIXES,
  type PackageCount,
  parsePrefix,
  withoutCovered,
} from '../corefile/package-prefixes.ts';
import { parseServer, type ServerAddress } from '../corefile/server-address.ts';
import { parseAddress, splitHostPort } from '../name/address.ts';
import { toShortText } from '../name/domain-name.ts';
import { applicationLabel } from '../name/labels.ts';
import { reverseZonesOf } from '../vip/reverse-zones.ts';
import { addressesIn, checkCoredns, type Specimen, type Specimens } from './check-coredns.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** As they stand on the command line; lists are taken apart already. */
export interface CorefileFlags {
  readonly style: Style;
  readonly server?: readonly string[];
  readonly packages?: readonly string[];
  readonly clusterDomain: string;
  readonly search?: readonly string[];
  readonly coredns?: string;
  readonly check?: string;
}

/** Where rpc-dns answers, when the command line does not say. */
export type FindServer = () => Promise<Result<readonly string[]>>;

/** The names that the texts are about, checked. */
interface Names {
  readonly zones: readonly string[];
  readonly clusterDomain: string;
  readonly search: readonly string[];
}

interface Packages {
  readonly prefixes: readonly string[];
  readonly registered: readonly PackageCount[];
}

/** `corefile`: prints what CoreDNS, kube-dns and NodeLocal DNSCache need, or checks a live CoreDNS. */
export async function printCorefile(
  config: Config,
  flags: CorefileFlags,
  findServer: FindServer,
  output: Output,
): Promise<number> {
  const names = readNames(config, flags);
  if (!names.ok) return refuse(output, names.reason);
  const packages = await readPackages(config, flags, names.value, output);
  if (!packages.ok) return refuse(output, packages.reason);
  if (flags.check !== undefined) {
    return check(flags.check, config, flags, names.value, packages.value, output);
  }
  const version = readVersion(flags.coredns);
  if (!version.ok) return refuse(output, version.reason);
  const servers = await readServers(flags.server ?? [], findServer);
  if (!servers.ok) return refuse(output, servers.reason);
  const printed = corefile({
    ...names.value,
    style: flags.style,
    packages: packages.value.prefixes,
    reverseZones: config.vips.pools.flatMap(reverseZonesOf).map(toShortText),
    servers: servers.value,
    version: version.value,
  });
  if (!printed.ok) return refuse(output, printed.reason);
  for (const warning of printed.value.warnings) output.err(warning);
  output.out(printed.value.text);
  return STATUS.ok;
}

function refuse(output: Output, reason: string): number {
  output.err(reason);
  return STATUS.badInput;
}

function readNames(config: Config, flags: CorefileFlags): Result<Names> {
  const clusterDomain = parseDomain(flags.clusterDomain);
  if (!clusterDomain.ok) return bad(`--cluster-domain ${clusterDomain.reason}`);
  const zones: string[] = [];
  for (const name of config.zone) {
    const zone = parseDomain(toShortText(name));
    if (!zone.ok) return bad(`zone ${zone.reason}`);
    const problem = checkZone(zone.value, clusterDomain.value);
    if (problem !== undefined) return bad(`${problem}: with rpc-dns behind CoreDNS it has to be another one`);
    zones.push(zone.value);
  }
  const search: string[] = [];
  for (const text of flags.search ?? []) {
    const domain = parseDomain(text);
    if (!domain.ok) return bad(`--search ${domain.reason}`);
    // the cluster's own domains are in every search list, and names below a zone are full names
    const isKnown = [clusterDomain.value, ...zones].some((known) => isAtOrBelow(domain.value, known));
    if (!isKnown && !search.includes(domain.value)) search.push(domain.value);
  }
  return ok({ zones, clusterDomain: clusterDomain.value, search });
}

/** From the command line; else what `ownership` names and what is registered now. */
async function readPackages(
  config: Config,
  { style, packages: texts = [], check: checked }: CorefileFlags,
  { zones, clusterDomain, search }: Names,
  output: Output,
): Promise<Result<Packages>> {
  const reserved = [...zones, clusterDomain, `svc.${clusterDomain}`, `pod.${clusterDomain}`, ...search];
  if (texts.length > MAX_PREFIXES)
    return bad(`--packages: ${texts.length}, expected at most ${MAX_PREFIXES}`);
  const given: string[] = [];
  for (const text of texts) {
    const prefix = parsePrefix(text, reserved);
    if (!prefix.ok) return bad(`--packages ${prefix.reason}`);
    given.push(prefix.value);
  }
  const needed = style !== 'stub';
  if (checked === undefined && (!needed || given.length > 0)) {
    return ok({ prefixes: withoutCovered(given), registered: [] });
  }
  const registered = await askControl<PackageCount[]>(config.control, 'GET', '/packages');
  const counts = registered.ok ? registered.value : [];
  if (given.length > 0) return ok({ prefixes: withoutCovered(given), registered: counts });
  const owned = config.ownership.map(({ prefix }) => prefix);
  const { prefixes, unreachable } = derivePrefixes(owned, counts, reserved);
  if (needed) for (const text of unreachable) output.err(`bare names do not reach ${text}`);
  if (prefixes.length === 0 && needed) {
    const why = registered.ok ? 'the server knows no interface with one' : registered.reason;
    return bad(
      `no package is known whose bare names are to resolve (${why}). Three ways to give them: --packages com.foo,org.apache; ownership in the configuration; a running server with registered interfaces. Or take --style stub, which needs none`,
    );
  }
  if (!registered.ok && needed) output.err(`packages come from ownership alone: ${registered.reason}`);
  return ok({ prefixes, registered: counts });
}

function readVersion(text: string | undefined): Result<CorednsVersion | undefined> {
  if (text === undefined) return ok(undefined);
  const version = parseCorednsVersion(text);
  return version.ok ? version : bad(`--coredns ${version.reason}`);
}

async function readServers(texts: readonly string[], find: FindServer): Promise<Result<ServerAddress[]>> {
  const found = texts.length > 0 ? ok(texts) : await find();
  if (!found.ok) return found;
  const servers: ServerAddress[] = [];
  for (const text of found.value) {
    const server = parseServer(text);
    if (!server.ok) return server;
    servers.push(server.value);
  }
  return ok(servers);
}

async function check(
  target: string,
  config: Config,
  { style }: CorefileFlags,
  names: Names,
  { prefixes, registered }: Packages,
  output: Output,
): Promise<number> {
  const address = splitHostPort(target);
  if (address === undefined || parseAddress(address.host) === undefined) {
    return refuse(output, `--check '${target}': expected ADDRESS:PORT such as 10.96.0.10:53`);
  }
  const specimens = await chooseSpecimens(config, prefixes, registered);
  return checkCoredns(address, specimens, { ...names, style, packages: prefixes }, output);
}

/** As many interfaces are looked at for one that has an address. */
const TRIES = 5;

/** Registered interfaces that the prefixes reach; made-up ones where there are none. */
async function chooseSpecimens(
  config: Config,
  prefixes: readonly string[],
  registered: readonly PackageCount[],
): Promise<Specimens> {
  const reached = registered
    .filter(({ package: name }) => {
      const lower = `${name.toLowerCase()}.`;
      return prefixes.length === 0 || prefixes.some((prefix) => lower.startsWith(`${prefix}.`));
    })
    .map(({ example }) => example);
  const one = await firstWithAddress(config, reached);
  const made = `${prefixes[0] ?? 'com.foo'}.rpcdns.NotRegistered`;
  const isLong = (name: string) => name.split('.').length > 5;
  const long = await firstWithAddress(config, reached.filter(isLong));
  return {
    interface: one?.specimen ?? { name: made, vips: undefined },
    short: one?.application,
    long: long?.specimen ?? { name: made.replace('.rpcdns.', '.rpcdns.a.b.c.'), vips: undefined },
  };
}

async function firstWithAddress(
  config: Config,
  names: readonly string[],
): Promise<{ specimen: Specimen; application: Specimen | undefined } | undefined> {
  for (const name of names.slice(0, TRIES)) {
    const query = new URLSearchParams({ name, type: 'A' }).toString();
    const result = await askControl<LookupResult>(config.control, 'GET', `/lookup?${query}`);
    if (!result.ok || result.value.interface === null) continue;
    const { services } = result.value.interface;
    const vips = [
      ...new Set([...addressesIn(result.value.answer.answer), ...services.flatMap((each) => each.vips)]),
    ];
    if (vips.length === 0) continue;
    const application = services.find((each) => each.application !== '')?.application;
    return {
      specimen: { name, vips },
      application:
        application === undefined ? undefined : { name: `${applicationLabel(application)}.app`, vips: [] },
    };
  }
  return undefined;
}
