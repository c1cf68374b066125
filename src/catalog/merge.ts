import { type Address, addressText } from '../name/address.ts';
import { type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import { packed } from '../none.ts';
import type { Endpoint, Registration, ServiceRef } from '../registry/registration.ts';

/** A registration and the registry that it comes from. */
export interface Contribution {
  readonly registry: string;
  readonly registration: Registration;
}

/** What all registries together say of one (interface, version, group). */
export interface Merged {
  readonly key: ServiceKey;
  readonly application: string;
  readonly organization: string;
  readonly module: string;
  readonly environment: string;
  readonly namespace: string;
  readonly protocol: string;
  readonly port: number | undefined;
  readonly ttl: number | undefined;
  readonly vip: Address | undefined;
  readonly endpoints: readonly Endpoint[];
  /** the Kubernetes Service that an object names for it */
  readonly service: ServiceRef | undefined;
  /** registries that contribute, in the order of the configuration */
  readonly registries: readonly string[];
  readonly sources: readonly string[];
  /** what contributions disagree on, for people */
  readonly conflicts: readonly string[];
}

const SCALARS = [
  'application',
  'organization',
  'module',
  'environment',
  'namespace',
  'protocol',
  'port',
  'ttl',
] as const;

/**
 * Merges what registries say of one service: endpoints are united; of everything else the first that says something
 * wins, registries in the order of the configuration, within one registry in the order of its units. So:
 *
 *     file:  application=user-center              endpoints 10.0.0.1:20880
 *     zk:    application=user-app  protocol=tri   endpoints 10.0.0.1:20880 10.0.0.2:20880
 *     →      application=user-center protocol=tri endpoints 10.0.0.1:20880 10.0.0.2:20880
 *
 * @param contributions not empty, all of one service, in order of precedence
 */
export function mergeContributions(contributions: readonly Contribution[]): Merged {
  const [first] = contributions;
  if (first === undefined) throw new Error('nothing to merge');
  const { interface: name, version, group } = first.registration;
  const key: ServiceKey = { interface: name, version, group };
  const conflicts: string[] = [];
  const firstOf = <T extends string | number>(field: string, pick: (from: Registration) => T | undefined) => {
    let winner: { value: T; contribution: Contribution } | undefined;
    for (const contribution of contributions) {
      const value = pick(contribution.registration);
      if (value === undefined || value === '') continue;
      if (winner === undefined) winner = { value, contribution };
      else if (winner.value !== value) {
        const { registry, registration } = contribution;
        conflicts.push(
          `${serviceKeyText(key)}: ${field} '${winner.value}' of ${winner.contribution.registration.source} ` +
            `wins over '${value}' of ${registration.source} (${registry})`,
        );
      }
    }
    return winner?.value;
  };
  const scalar = (field: (typeof SCALARS)[number]) => firstOf(field, (from) => from[field]);
  const vipText = firstOf('vip', (from) => (from.vip === undefined ? undefined : addressText(from.vip)));
  const vip = contributions.find(
    ({ registration }) => registration.vip !== undefined && addressText(registration.vip) === vipText,
  );
  const port = scalar('port');
  const ttl = scalar('ttl');
  return {
    key,
    application: String(scalar('application') ?? ''),
    organization: String(scalar('organization') ?? ''),
    module: String(scalar('module') ?? ''),
    environment: String(scalar('environment') ?? ''),
    namespace: String(scalar('namespace') ?? ''),
    protocol: String(scalar('protocol') ?? 'dubbo'),
    port: port === undefined ? undefined : Number(port),
    ttl: ttl === undefined ? undefined : Number(ttl),
    vip: vip?.registration.vip,
    service: contributions.find(({ registration }) => registration.service !== undefined)?.registration
      .service,
    endpoints: packed(unite(contributions.flatMap(({ registration }) => registration.endpoints))),
    registries: registriesOf(contributions),
    sources: [...new Set(contributions.map(({ registration }) => registration.source))],
    conflicts: packed(conflicts),
  };
}

const ALONE = new Map<string, readonly string[]>();

/** One list for all that a single registry registers. */
function registriesOf(contributions: readonly Contribution[]): readonly string[] {
  const ids = [...new Set(contributions.map(({ registry }) => registry))];
  const [only] = ids;
  if (ids.length !== 1 || only === undefined) return ids;
  const known = ALONE.get(only) ?? ids;
  ALONE.set(only, known);
  return known;
}

/** Each (protocol, host, port) once, in a stable order. */
export function unite(endpoints: readonly Endpoint[]): Endpoint[] {
  const byText = new Map(endpoints.map((endpoint) => [endpointText(endpoint), endpoint]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

export function endpointText(endpoint: Endpoint): string {
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${endpoint.protocol}://${host}:${endpoint.port}`;
}
