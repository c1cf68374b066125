/**
 * What Dubbo's interface mode and SOFARPC write, read: names of nodes become registrations. Pure, and never throws: whatever somebody wrote
 * into ZooKeeper is a value or a reason.
 */
import { type InterfaceName, parseInterfaceName } from '../name/interface-name.ts';
import { readHost, readPort, shown } from './endpoint-text.ts';
import { type EndpointTraits, NO_TRAITS, readTraits, traitsOf } from './endpoint-traits.ts';
import {
  APP_NAME,
  APPLICATION,
  CATEGORY,
  DEFAULTS,
  DISABLED,
  decodeUrl,
  ENABLED,
  ENVIRONMENT,
  GROUP,
  MODULE,
  ORGANIZATION,
  type ProviderUrl,
  REGION,
  scanProviderUrl,
  UNIQUE_ID,
  VERSION,
  WEIGHT,
  ZONE,
} from './provider-url.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from './registration.ts';
import { MAX_SKIPPED_OF_UNIT } from './skip-log.ts';
import type { StringPool } from './string-pool.ts';

/** What one provider says in the name of its node; '' stands for unset. */
export interface ProviderFact extends EndpointTraits {
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

/** Reads a child of Dubbo's root: the URL-encoded name of an interface. */
export function readDirectoryName(node: string): DirectoryReading {
  return RESERVED_DIRECTORIES.has(node) ? { kind: 'reserved' } : readInterfaceName(node);
}

/** Reads a child of SOFARPC's root: the name of an interface, which needs no encoding. */
export function readSofaDirectoryName(node: string): DirectoryReading {
  return readInterfaceName(node);
}

function readInterfaceName(node: string): DirectoryReading {
  const decoded = decodeUrl(node);
  if (decoded === undefined) return { kind: 'bad', reason: 'encoding', detail: shown(node) };
  const name = parseInterfaceName(decoded);
  if (!name.ok) return { kind: 'bad', reason: 'interface-name', detail: shown(name.reason) };
  return { kind: 'interface', name: name.value };
}

/** What a provider's URL says of the service, beside where it is. */
type ServiceFields = Omit<ProviderFact, 'protocol' | 'host' | 'port' | keyof EndpointTraits>;

/** Reads a child of Dubbo's `providers`: a URL, encoded whole. */
export function readProviderName(node: string): ProviderReading {
  return readProvider(node, dubboFields);
}

/**
 * The same of SOFARPC. Its `version` is that of its protocol, always 1.0; what tells two services of one interface apart is
 * `uniqueId`.
 */
export function readSofaProviderName(node: string): ProviderReading {
  return readProvider(node, sofaFields);
}

function dubboFields(parameters: ProviderUrl['parameters']): ServiceFields {
  const value = (place: number): string => parameters[place] || parameters[place + DEFAULTS] || '';
  const concrete = (place: number): string => (value(place) === '*' ? '' : value(place));
  return {
    version: concrete(VERSION),
    group: concrete(GROUP),
    application: value(APPLICATION),
    organization: value(ORGANIZATION),
    module: value(MODULE),
    environment: value(ENVIRONMENT),
  };
}

function sofaFields(parameters: ProviderUrl['parameters']): ServiceFields {
  const [uniqueId = '', application = ''] = [parameters[UNIQUE_ID], parameters[APP_NAME]];
  // it may have a colon, which parts the version from the interface in a service's key
  const group = uniqueId.replaceAll(':', '.');
  return { version: '', group, application, organization: '', module: '', environment: '' };
}

function readProvider(
  node: string,
  fieldsOf: (parameters: ProviderUrl['parameters']) => ServiceFields,
): ProviderReading {
  const url = scanProviderUrl(node);
  if (url === 'encoding') return bad('encoding', `${shown(node)} is not URL-encoded`);
  if (url === 'url' || !/^[A-Za-z][\w+.-]*$/.test(url.protocol))
    return bad('url', `${shownUrl(node)} is no protocol://host:port/…`);
  const { protocol, parameters } = url;
  if (protocol === 'empty') return { kind: 'none' };
  const category = parameters[CATEGORY];
  const isProvider = category === undefined || category.split(',').includes('providers');
  if (OTHER_CATEGORIES.has(protocol) || !isProvider) {
    return bad('not-a-provider', `${shownUrl(node)} is no provider`);
  }
  if (parameters[DISABLED]?.toLowerCase() === 'true') return { kind: 'none' };
  if (parameters[ENABLED]?.toLowerCase() === 'false') return { kind: 'none' };

  const port = url.host === undefined ? undefined : readPort(url.port);
  if (url.host === undefined || port === undefined)
    return bad('port', `${shownUrl(node)} has no port from 1 to 65535`);
  const host = readHost(url.host.slice(url.host.lastIndexOf('@') + 1));
  if (host === undefined) return bad('host', `${shownUrl(node)} has no usable host`);

  const fields = { protocol, host, port, ...fieldsOf(parameters), ...traitsIn(parameters) };
  return { kind: 'provider', provider: fields };
}

/** Both frameworks usually write 100. */
const USUAL_WEIGHT = 100;

function traitsIn(parameters: ProviderUrl['parameters']): EndpointTraits {
  const weight = parameters[WEIGHT] ?? parameters[WEIGHT + DEFAULTS];
  const zone = parameters[ZONE];
  if (zone === undefined && (weight === undefined || weight === '100')) return NO_TRAITS;
  return readTraits({ region: parameters[REGION], zone, weight, usualWeight: USUAL_WEIGHT });
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
 * @param read one node of it, as its layout writes it
 */
export function readDirectory(
  name: InterfaceName,
  source: string,
  nodes: readonly string[],
  pool: StringPool,
  read: (node: string) => ProviderReading = readProviderName,
): DirectoryContent {
  const skipped: SkippedEntry[] = [];
  const providers: ProviderFact[] = [];
  for (const node of nodes.toSorted()) {
    const reading = read(node);
    if (reading.kind === 'provider') providers.push(reading.provider);
    if (reading.kind === 'bad' && skipped.length < MAX_SKIPPED_OF_UNIT) {
      skipped.push({ reason: reading.reason, detail: `${source}: ${reading.detail}` });
    }
  }
  return { registrations: registrationsOfProviders(name, source, providers, pool), skipped };
}

/** The same of providers that were read before. Scalars are those of the first. */
export function registrationsOfProviders(
  name: InterfaceName,
  source: string,
  providers: Iterable<ProviderFact>,
  pool: StringPool,
): Registration[] {
  const services = new Map<string, Service>();
  let service: Service | undefined;
  for (const provider of providers) {
    // mostly there is one
    if (service?.first.version !== provider.version || service.first.group !== provider.group) {
      const key = `${provider.group}\0${provider.version}`;
      service = services.get(key) ?? new Service(provider, pool);
      services.set(key, service);
    }
    service.add(provider, pool);
  }
  return [...services.values()].map(
    ({ first, protocol, endpoints }): Registration => ({
      ...EMPTY_REGISTRATION,
      interface: name,
      version: pool.take(first.version),
      group: pool.take(first.group),
      application: pool.take(first.application),
      organization: pool.take(first.organization),
      module: pool.take(first.module),
      environment: pool.take(first.environment),
      protocol,
      port: first.port,
      endpoints,
      source,
    }),
  );
}

/** From so many endpoints on a set says which are known: among fewer a look at each is quicker. */
const MANY_ENDPOINTS = 16;

/** One version and group of an interface. */
class Service {
  readonly first: ProviderFact;
  readonly protocol: string;
  readonly endpoints: Endpoint[] = [];
  #known: Set<string> | undefined;

  constructor(first: ProviderFact, pool: StringPool) {
    this.first = first;
    this.protocol = pool.take(first.protocol);
  }

  add(provider: ProviderFact, pool: StringPool): void {
    const { host, port, protocol } = provider;
    if (this.#isKnown(host, port, protocol)) return;
    const shared = protocol === this.protocol ? this.protocol : pool.take(protocol);
    const endpoint = { host: pool.take(host), port, protocol: shared };
    const traits = traitsOf(provider);
    this.endpoints.push(traits === undefined ? endpoint : { ...endpoint, ...traits });
  }

  #isKnown(host: string, port: number, protocol: string): boolean {
    if (this.endpoints.length < MANY_ENDPOINTS) {
      return this.endpoints.some(
        (one) => one.port === port && one.host === host && one.protocol === protocol,
      );
    }
    this.#known ??= new Set(this.endpoints.map((one) => `${one.protocol} ${one.port} ${one.host}`));
    const { size } = this.#known;
    return this.#known.add(`${protocol} ${port} ${host}`).size === size;
  }
}

function bad(reason: SkipReason, detail: string): ProviderReading {
  return { kind: 'bad', reason, detail };
}

function shownUrl(node: string): string {
  return shown(decodeUrl(node) ?? node);
}
