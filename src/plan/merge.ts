import type { Contribution } from '../intake/contribution.ts';
import { unite, uniteLists } from '../intake/endpoint-sets.ts';
import { addressText } from '../name/address.ts';
import { type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import type { BlobAt } from '../packed/arena.ts';
import type { Registration } from '../registry/registration.ts';

/** What registrations say that is told of a service as it is, once they are merged. */
type Told = Pick<
  Registration,
  | 'application'
  | 'organization'
  | 'module'
  | 'environment'
  | 'namespace'
  | 'protocol'
  | 'port'
  | 'ttl'
  | 'vip'
  | 'endpoints'
  | 'service'
>;

/** What all registries together say of one (interface, version, group). */
export interface Merged extends Told {
  readonly key: ServiceKey;
  /** the set that the endpoints are; undefined when they were united from several */
  readonly set: BlobAt | undefined;
  /** registered nowhere any more */
  readonly isRemembered: boolean;
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
  if (contributions.length === 1) return alone(key, first);
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
    endpoints:
      contributions.length === 1 && first.set !== undefined
        ? first.registration.endpoints
        : uniteLists(contributions.map(({ registration }) => registration.endpoints)),
    set: contributions.length === 1 ? first.set : undefined,
    isRemembered: contributions.every(({ isRemembered }) => isRemembered === true),
    registries: [...new Set(contributions.map(({ registry }) => registry))],
    sources: [...new Set(contributions.map(({ registration }) => registration.source))],
    conflicts,
  };
}

/** The usual case: nobody else says anything of it. */
function alone(key: ServiceKey, { registry, registration, set, isRemembered }: Contribution): Merged {
  const { application, organization, module, environment, namespace, protocol, port, ttl } = registration;
  return {
    key,
    application,
    organization,
    module,
    environment,
    namespace,
    protocol: protocol === '' ? 'dubbo' : protocol,
    port,
    ttl,
    vip: registration.vip,
    service: registration.service,
    endpoints: set === undefined ? unite(registration.endpoints) : registration.endpoints,
    set,
    isRemembered: isRemembered === true,
    registries: [registry],
    sources: [registration.source],
    conflicts: [],
  };
}
