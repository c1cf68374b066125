/** What Consul says of services, read. Pure, and never throws, whatever it is. */
import {
  type ApplicationInstance,
  type MetadataKeys,
  registrationsOfInstances,
} from '../application-instances.ts';
import { readHost, shown } from '../endpoint-text.ts';
import { readTraits } from '../endpoint-traits.ts';
import type { Endpoint, Registration } from '../registration.ts';
import { MAX_SKIPPED_OF_UNIT, type SkippedEntry } from '../skip-log.ts';
import type { StringPool } from '../string-pool.ts';

/** Consul's own servers. */
const CONSUL = 'consul';
const MAX_INSTANCES = 100_000;

type Fields = Readonly<Record<string, unknown>>;

/** `/v1/catalog/services`: names and tags. @returns undefined: it is something else */
export function readCatalog(body: unknown): string[] | undefined {
  const services = fields(body);
  return services === undefined
    ? undefined
    : Object.keys(services).filter((name) => name !== CONSUL && name !== '');
}

export interface ServiceReading {
  readonly registrations: readonly Registration[];
  readonly skipped: readonly SkippedEntry[];
}

/**
 * `/v1/health/service/NAME`: all instances, with the checks of each and of its node. One whose checks say critical takes no
 * calls; as long as it is there, its service is.
 *
 * @returns undefined: the reply is something else
 */
export function readService(
  name: string,
  body: unknown,
  keys: MetadataKeys,
  pool: StringPool,
): ServiceReading | undefined {
  if (!Array.isArray(body)) return undefined;
  const skipped: SkippedEntry[] = [];
  const skip = (reason: string, detail: string): void => {
    if (skipped.length < MAX_SKIPPED_OF_UNIT) skipped.push({ reason, detail: shown(detail) });
  };
  const instances = new Map<string, ApplicationInstance>();
  const passing = new Set<string>();
  for (const entry of body.slice(0, MAX_INSTANCES)) {
    const [node, service] = [fields(fields(entry)?.['Node']), fields(fields(entry)?.['Service'])];
    const address = text(service?.['Address']) || text(node?.['Address']);
    const [host, port] = [readHost(address), service?.['Port']];
    if (
      host === undefined ||
      typeof port !== 'number' ||
      !Number.isInteger(port) ||
      port < 1 ||
      port > 65_535
    ) {
      const id = shown(text(service?.['ID']));
      skip('address', `${shown(name)}: instance ${id} has no address and port that can be called`);
      continue;
    }
    const meta = fields(service?.['Meta']);
    const weight = fields(service?.['Weights'])?.['Passing'];
    const endpoint: Endpoint = {
      host: pool.take(host),
      port,
      protocol: 'http',
      ...readTraits({ region: meta?.['region'], zone: meta?.['zone'], weight, usualWeight: 1 }, pool),
    };
    const instance = { endpoint, metadata: readMeta(meta, keys, pool) };
    // two ids may stand for one address, as after a restart: it is one endpoint, and well if one of them is
    const id = JSON.stringify(instance);
    instances.set(id, instances.get(id) ?? instance);
    if (isPassing(fields(entry)?.['Checks'])) passing.add(endpointKey(endpoint));
  }
  // the order of an answer changes from time to time
  const sorted = [...instances].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, instance]) => instance);
  const source = shown(`/v1/health/service/${name}`);
  const registrations = registrationsOfInstances(name, sorted, keys, source, skip).map((registration) => ({
    ...registration,
    endpoints: registration.endpoints.filter((endpoint) => passing.has(endpointKey(endpoint))),
  }));
  return { registrations, skipped };
}

/** The worst of all checks counts; without any nothing is wrong. Maintenance is a critical check, too. */
function isPassing(checks: unknown): boolean {
  if (!Array.isArray(checks)) return true;
  return checks.every((check) => {
    const status = fields(check)?.['Status'];
    return status === 'passing' || status === 'warning';
  });
}

function readMeta(
  said: Fields | undefined,
  keys: MetadataKeys,
  pool: StringPool,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const key of [keys.interfaces, keys.version, keys.group]) {
    const value = said !== undefined && Object.hasOwn(said, key) ? said[key] : undefined;
    if (typeof value === 'string' && value !== '') found[key] = pool.take(value);
  }
  return found;
}

function endpointKey({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}

function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
