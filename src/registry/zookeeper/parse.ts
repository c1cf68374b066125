/**
 * Dubbo's interface mode, read: names of nodes become registrations. Pure, and never throws: whatever somebody wrote
 * into ZooKeeper is a value or a reason.
 */
import { addressText, parseIpv4, parseIpv6 } from '../../name/address.ts';
import { type InterfaceName, parseInterfaceName } from '../../name/interface-name.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from '../registration.ts';
import type { StringPool } from './string-pool.ts';

/** What one provider says in the name of its node; '' stands for unset. */
export interface ProviderFact {
  readonly protocol: string;
  /** an address in presentation form, or a host name */
  readonly host: string;
  readonly port: number;
  readonly version: string;
  readonly group: string;
  readonly application: string;
  readonly organization: string;
  readonly module: string;
  readonly environment: string;
}

export type SkipReason =
  | 'interface-name'
  | 'encoding'
  | 'url'
  | 'not-a-provider'
  | 'host'
  | 'port'
  | 'unreadable';

export interface SkippedEntry {
  readonly reason: SkipReason;
  readonly detail: string;
}

export type ProviderReading =
  | { readonly kind: 'provider'; readonly provider: ProviderFact }
  /** says of itself that it is none: `empty://`, `disabled=true`, `enabled=false` */
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly reason: SkipReason; readonly detail: string };

export type DirectoryReading =
  | { readonly kind: 'interface'; readonly name: InterfaceName }
  /** one of Dubbo's own */
  | { readonly kind: 'reserved' }
  | { readonly kind: 'bad'; readonly reason: SkipReason; readonly detail: string };

/** Neighbours of the interfaces: configuration, and instance mode's metadata. */
const RESERVED_DIRECTORIES: ReadonlySet<string> = new Set(['config', 'metadata', 'mapping']);

/** What Dubbo's other categories hold; in `providers` they are strays. */
const OTHER_CATEGORIES: ReadonlySet<string> = new Set([
  'consumer',
  'override',
  'absent',
  'route',
  'condition',
  'script',
]);

/** Reads a child of the root: the URL-encoded name of an interface. */
export function readDirectoryName(node: string): DirectoryReading {
  if (RESERVED_DIRECTORIES.has(node)) return { kind: 'reserved' };
  const decoded = decode(node);
  if (decoded === undefined) return { kind: 'bad', reason: 'encoding', detail: shown(node) };
  const name = parseInterfaceName(decoded);
  if (!name.ok) return { kind: 'bad', reason: 'interface-name', detail: shown(name.reason) };
  return { kind: 'interface', name: name.value };
}

/** Reads a child of `providers`: a URL, encoded whole. */
export function readProviderName(node: string): ProviderReading {
  const decoded = decode(node);
  if (decoded === undefined) return bad('encoding', `${shown(node)} is not URL-encoded`);
  // PROTOCOL://[USER@]HOST:PORT[/PATH][?PARAMETERS]
  const url = /^([A-Za-z][\w+.-]*):\/\/([^/?]*)(?:\/[^?]*)?(?:\?(.*))?$/s.exec(decoded);
  if (url === null) return bad('url', `${shown(decoded)} is no protocol://host:port/…`);
  const [, protocol = '', authority = '', query = ''] = url;
  if (protocol === 'empty') return { kind: 'none' };
  const parameters = readParameters(query);
  const category = parameters.get('category') ?? 'providers';
  if (OTHER_CATEGORIES.has(protocol) || !category.split(',').includes('providers')) {
    return bad('not-a-provider', `${shown(decoded)} is no provider`);
  }
  if (/^true$/i.test(parameters.get('disabled') ?? '')) return { kind: 'none' };
  if (/^false$/i.test(parameters.get('enabled') ?? '')) return { kind: 'none' };

  const server = authority.slice(authority.lastIndexOf('@') + 1);
  const colon = server.endsWith(']') ? -1 : server.lastIndexOf(':');
  const port = colon < 0 ? undefined : readPort(server.slice(colon + 1));
  if (port === undefined) return bad('port', `${shown(decoded)} has no port from 1 to 65535`);
  const host = readHost(server.slice(0, colon));
  if (host === undefined) return bad('host', `${shown(decoded)} has no usable host`);

  // Dubbo 2 writes what a provider sets for all its services with `default.` in front
  const value = (key: string): string => parameters.get(key) || parameters.get(`default.${key}`) || '';
  const concrete = (key: string): string => (value(key) === '*' ? '' : value(key));
  const provider: ProviderFact = {
    protocol,
    host,
    port,
    version: concrete('version'),
    group: concrete('group'),
    application: value('application'),
    organization: value('organization'),
    module: value('module'),
    environment: value('environment'),
  };
  return { kind: 'provider', provider };
}

export interface DirectoryContent {
  readonly registrations: Registration[];
  readonly skipped: SkippedEntry[];
}

/**
 * All of one `providers` directory: a registration for each (version, group) with the endpoints united, so that of two
 * nodes for one host and port either may go. Scalars are those of the first node in the order of names.
 *
 * @param source the directory's path
 */
export function readDirectory(
  name: InterfaceName,
  source: string,
  nodes: readonly string[],
  pool: StringPool,
): DirectoryContent {
  const skipped: SkippedEntry[] = [];
  const services = new Map<string, { first: ProviderFact; endpoints: Map<string, Endpoint> }>();
  for (const node of [...nodes].sort()) {
    const reading = readProviderName(node);
    if (reading.kind === 'bad') {
      skipped.push({ reason: reading.reason, detail: `${source}: ${reading.detail}` });
    }
    if (reading.kind !== 'provider') continue;
    const { version, group, protocol, host, port } = reading.provider;
    const key = `${group}\0${version}`;
    const service = services.get(key) ?? { first: reading.provider, endpoints: new Map<string, Endpoint>() };
    services.set(key, service);
    const endpoint = { host: pool.take(host), port, protocol: pool.take(protocol) };
    service.endpoints.set(`${protocol} ${port} ${host}`, endpoint);
  }
  const registrations = [...services.values()].map(
    ({ first, endpoints }): Registration => ({
      ...EMPTY_REGISTRATION,
      interface: name,
      version: pool.take(first.version),
      group: pool.take(first.group),
      application: pool.take(first.application),
      organization: pool.take(first.organization),
      module: pool.take(first.module),
      environment: pool.take(first.environment),
      protocol: pool.take(first.protocol),
      port: first.port,
      endpoints: [...endpoints.values()],
      source,
    }),
  );
  return { registrations, skipped };
}

/** As `java.net.URLDecoder` does; undefined when it is malformed. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function readParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals > 0) parameters.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  return parameters;
}

function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** Java writes IPv6 addresses without brackets, and with the interface they were found on: `fd00:0:0:0:0:0:0:1%eth0`. */
function readHost(text: string): string | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (bare.includes(':')) {
    const address = parseIpv6(bare.replace(/%.*$/s, ''));
    return address === undefined || isUnspecified(address) ? undefined : addressText(address);
  }
  if (/^[\d.]+$/.test(bare)) {
    const address = parseIpv4(bare);
    return address === undefined || isUnspecified(address) ? undefined : addressText(address);
  }
  const isHostName = bare.length <= 253 && /^(?:[A-Za-z0-9_](?:[\w-]{0,61}\w)?(?:\.(?!$)|$))+$/.test(bare);
  return isHostName ? bare : undefined;
}

function isUnspecified(octets: string): boolean {
  return /^\0*$/.test(octets);
}

function bad(reason: SkipReason, detail: string): ProviderReading {
  return { kind: 'bad', reason, detail };
}

/** For people: short, and on one line. */
function shown(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return clean.length > 160 ? `${clean.slice(0, 160)}…` : clean;
}
