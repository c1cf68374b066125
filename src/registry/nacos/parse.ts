/**
 * What Dubbo, SOFARPC and Spring Cloud Alibaba write into Nacos, read: a service and its instances become registrations. Pure, and
 * never throws: whatever somebody wrote is a value or a reason.
 */
import { checkServiceKey, parseInterfaceName, serviceKeyText } from '../../name/interface-name.ts';
import {
  type ApplicationInstance,
  type MetadataKeys,
  registrationsOfInstances,
} from '../application-instances.ts';
import { readHost } from '../endpoint-text.ts';
import { type EndpointTraits, readTraits, USUAL_WEIGHT, weightOf } from '../endpoint-traits.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from '../registration.ts';
import type { SkippedEntry } from '../skip-log.ts';
import type { DubboService } from './dubbo-services.ts';
import { isJson, shown, textOf } from './payload.ts';

export interface ServiceContent {
  readonly registrations: readonly Registration[];
  readonly skipped: readonly SkippedEntry[];
}

/** What a service is, as its name tells. */
export type ServiceReading =
  /** Dubbo's interface mode; SOFARPC. A name that is none is `bad`. */
  | {
      readonly kind: 'interface';
      readonly by: 'dubbo' | 'sofarpc';
      readonly name: string;
      readonly version: string;
      readonly group: string;
    }
  /** Spring Cloud and the like; Dubbo's application mode */
  | { readonly kind: 'application' }
  /** what consumers and Dubbo's configuration leave */
  | { readonly kind: 'none' };

/** Dubbo's categories besides providers. */
const OTHER_CATEGORIES = ['consumers:', 'configurators:', 'routers:'];
const PROVIDERS = 'providers:';
/** SOFARPC puts it behind every name. */
const SOFA_DEFAULT = ':DEFAULT';
/** So many reasons of one service are told. */
const MAX_SKIPPED = 20;

/**
 * | by | service |
 * |---|---|
 * | Dubbo | `providers:com.foo.X:1.0.0:g1`, `providers:com.foo.X::`; for `$` there is `___` |
 * | SOFARPC | `com.foo.X:DEFAULT`, `com.foo.X:blue:DEFAULT` |
 * | others | the application |
 */
export function readServiceName(service: string): ServiceReading {
  if (OTHER_CATEGORIES.some((category) => service.startsWith(category))) return { kind: 'none' };
  if (service.startsWith(PROVIDERS)) {
    const [name = '', version = '', ...group] = service.slice(PROVIDERS.length).split(':');
    return {
      kind: 'interface',
      by: 'dubbo',
      name: name.replaceAll('___', '$'),
      version,
      group: group.join(':'),
    };
  }
  if (service.endsWith(SOFA_DEFAULT)) {
    const [name = '', ...uniqueId] = service.slice(0, -SOFA_DEFAULT.length).split(':');
    // a colon parts the version from the interface in a service's key
    return { kind: 'interface', by: 'sofarpc', name, version: '', group: uniqueId.join('.') };
  }
  return { kind: 'application' };
}

/**
 * All instances of one service. Those that take no calls (`enabled: false`, `healthy: false`, weight 0) are left out: of a
 * service below its protection threshold Nacos itself says that all are healthy.
 *
 * @param hosts `serviceInfo.hosts`, whatever it is
 * @param source where a person finds it
 * @param servicesOf what an application of Dubbo's application mode provides
 */
export function readService(
  service: string,
  hosts: unknown,
  keys: MetadataKeys,
  source: string,
  servicesOf: (application: string) => Iterable<DubboService> = () => [],
): ServiceContent {
  const skipped: SkippedEntry[] = [];
  const skip = (reason: string, detail: string): void => {
    if (skipped.length < MAX_SKIPPED) skipped.push({ reason, detail: `${source}: ${detail}` });
  };
  const reading = readServiceName(service);
  if (reading.kind === 'none') return { registrations: [], skipped };
  if (!Array.isArray(hosts)) {
    skip('instances', 'its instances are no list');
    return { registrations: [], skipped };
  }
  const instances = hosts
    .flatMap((host) => readInstance(host, skip) ?? [])
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .filter((instance, i, all) => i === 0 || keyOf(instance) !== keyOf(all[i - 1] as Instance));
  const registrations =
    reading.kind === 'interface'
      ? registrationOf(reading, instances, source, skip)
      : [
          ...ofDubboApplication(service, instances, source, servicesOf, skip),
          ...ofApplication(service, instances, keys, source, skip),
        ];
  return { registrations, skipped };
}

interface Instance {
  readonly host: string;
  readonly port: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly traits: EndpointTraits;
}

type Skip = (reason: string, detail: string) => void;

function keyOf({ host, port, metadata }: Instance): string {
  return `${host} ${port} ${metadata['protocol'] ?? ''}`;
}

/** undefined: it takes no calls, or cannot be used */
function readInstance(value: unknown, skip: Skip): Instance | undefined {
  if (!isJson(value)) {
    skip('instance', 'an instance is no object');
    return undefined;
  }
  const { ip, port, enabled, healthy, weight } = value;
  if (enabled === false || healthy === false || (typeof weight === 'number' && weight <= 0)) return undefined;
  const host = readHost(textOf(ip));
  if (host === undefined) {
    skip('host', `'${shown(textOf(ip))}' is no address and no host name`);
    return undefined;
  }
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    skip('port', `${host} has no port from 1 to 65535`);
    return undefined;
  }
  const metadata = isJson(value['metadata']) ? value['metadata'] : {};
  const texts = Object.entries(metadata).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const said = Object.fromEntries(texts);
  return { host, port, metadata: said, traits: traitsIn(said, textOf(value['clusterName']), weight) };
}

/** Without a name of its own a cluster says nothing of where it is. */
const DEFAULT_CLUSTER = 'DEFAULT';

/**
 * A cluster of Nacos is a zone, unless the metadata says one. Dubbo and SOFARPC write their weight, of 100, into the metadata;
 * Nacos's own, of 1, is what operators turn, and counts beside it.
 */
function traitsIn(metadata: Instance['metadata'], cluster: string, own: unknown): EndpointTraits {
  const zone = metadata['zone'] ?? (cluster === DEFAULT_CLUSTER ? '' : cluster);
  const weight = (weightOf(own, 1) * weightOf(metadata['weight'], 100)) / USUAL_WEIGHT;
  return readTraits({ region: metadata['region'], zone, weight, usualWeight: USUAL_WEIGHT });
}

const PROTOCOL = /^[A-Za-z][\w+.-]{0,63}$/;

function protocolOf(metadata: Instance['metadata'], usual: string): string {
  const protocol = metadata['protocol'] ?? '';
  return PROTOCOL.test(protocol) ? protocol : usual;
}

function registrationOf(
  reading: Extract<ServiceReading, { kind: 'interface' }>,
  instances: readonly Instance[],
  source: string,
  skip: Skip,
): Registration[] {
  const [first] = instances;
  if (first === undefined) return [];
  const { by, version, group } = reading;
  const said = first.metadata;
  const name = parseInterfaceName(exactName(reading.name, said['interface']));
  if (!name.ok) {
    skip('interface-name', name.reason);
    return [];
  }
  const problem = checkServiceKey(version, group);
  if (problem !== undefined) {
    skip('bad-version', problem);
    return [];
  }
  const usual = by === 'dubbo' ? 'dubbo' : 'bolt';
  const endpoints = instances.map(
    ({ host, port, metadata, traits }): Endpoint => ({
      host,
      port,
      protocol: protocolOf(metadata, usual),
      ...traits,
    }),
  );
  const about = by === 'dubbo' ? dubboFields(said) : { application: said['appName'] ?? '' };
  return [
    {
      ...EMPTY_REGISTRATION,
      ...about,
      interface: name.value,
      version,
      group,
      protocol: endpoints[0]?.protocol ?? usual,
      port: first.port,
      endpoints,
      source,
    },
  ];
}

/** The service's name has `___` for `$`, and may have had `___` of its own: an instance tells, where it says the same. */
function exactName(ofService: string, ofInstance: string | undefined): string {
  const isSame = ofInstance?.replaceAll('___', '$') === ofService;
  return isSame && ofInstance !== undefined ? ofInstance : ofService;
}

function dubboFields(metadata: Instance['metadata']) {
  const field = (key: string): string => metadata[key] ?? '';
  return {
    application: field('application'),
    organization: field('organization'),
    module: field('module'),
    environment: field('environment'),
  };
}

/** An instance of Dubbo's application mode has it. */
const DUBBO_REVISION = 'dubbo.metadata.revision';

function isDubboApplication({ metadata }: Instance): boolean {
  return metadata[DUBBO_REVISION] !== undefined;
}

/** Revisions of what the instances of Dubbo's application mode provide; '' when a service has none. */
export function revisionsIn(hosts: unknown): string {
  if (!Array.isArray(hosts)) return '';
  const revisions = new Set<string>();
  for (const host of hosts) {
    const metadata = isJson(host) ? host['metadata'] : undefined;
    const revision = isJson(metadata) ? textOf(metadata[DUBBO_REVISION]) : '';
    if (revision !== '') revisions.add(revision.slice(0, 64));
  }
  return [...revisions].sort().join();
}

function ofDubboApplication(
  application: string,
  instances: readonly Instance[],
  source: string,
  servicesOf: (application: string) => Iterable<DubboService>,
  skip: Skip,
): Registration[] {
  const endpoints = instances
    .filter(isDubboApplication)
    .flatMap((instance) => dubboEndpoints(instance, skip));
  const [first] = endpoints;
  if (first === undefined) return [];
  const registrations = new Map<string, Registration>();
  for (const { name: text, version, group } of servicesOf(application)) {
    const name = parseInterfaceName(text);
    const problem = name.ok ? checkServiceKey(version, group) : name.reason;
    if (!name.ok || problem !== undefined) {
      skip(name.ok ? 'bad-version' : 'interface-name', problem ?? '');
      continue;
    }
    registrations.set(serviceKeyText({ interface: name.value, version, group }), {
      ...EMPTY_REGISTRATION,
      interface: name.value,
      version,
      group,
      application,
      protocol: first.protocol,
      port: first.port,
      endpoints,
      source,
    });
  }
  return [...registrations.values()];
}

/** `dubbo.endpoints` is `[{"port":20881,"protocol":"dubbo"}]`, a text. */
function dubboEndpoints(instance: Instance, skip: Skip): Endpoint[] {
  const { host, port, metadata, traits } = instance;
  const text = metadata['dubbo.endpoints'];
  if (text === undefined) return [{ host, port, protocol: protocolOf(metadata, 'dubbo'), ...traits }];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    list = undefined;
  }
  if (!Array.isArray(list)) {
    skip('dubbo-endpoints', `${host}:${port}: dubbo.endpoints is no list`);
    return [];
  }
  return list.slice(0, 16).flatMap((entry): Endpoint[] => {
    const at = isJson(entry) ? entry['port'] : undefined;
    const protocol = isJson(entry) ? textOf(entry['protocol']) : '';
    const isGood =
      typeof at === 'number' && Number.isInteger(at) && at > 0 && at <= 65_535 && PROTOCOL.test(protocol);
    if (isGood) return [{ host, port: at, protocol, ...traits }];
    skip('dubbo-endpoints', `${host}:${port}: dubbo.endpoints has an entry without port and protocol`);
    return [];
  });
}

function ofApplication(
  application: string,
  instances: readonly Instance[],
  keys: MetadataKeys,
  source: string,
  skip: Skip,
): Registration[] {
  const own = instances.filter((instance) => !isDubboApplication(instance));
  if (own.length === 0) return [];
  const entries = own.map(({ host, port, metadata, traits }): ApplicationInstance => {
    return { endpoint: { host, port, protocol: protocolOf(metadata, 'http'), ...traits }, metadata };
  });
  return registrationsOfInstances(application, entries, keys, source, (reason, detail) =>
    skip(reason, detail.startsWith(`${source}: `) ? detail.slice(source.length + 2) : detail),
  );
}
