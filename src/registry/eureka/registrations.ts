import { packed } from '../../base/none.ts';
import {
  type ApplicationInstance,
  type MetadataKeys,
  registrationsOfInstances,
} from '../application-instances.ts';
import { shown } from '../endpoint-text.ts';
import type { Endpoint, Registration } from '../registration.ts';
import { MAX_SKIPPED_OF_UNIT, type SkippedEntry } from '../skip-log.ts';
import type { EurekaInstance } from './parse.ts';

/**
 * What the instances of one application register, each name and the interfaces that their metadata lists. Only those that
 * are UP take calls; as long as others are there, so is what they register.
 */
export function registrationsOf(
  app: string,
  instances: Iterable<EurekaInstance>,
  keys: MetadataKeys,
): { readonly registrations: readonly Registration[]; readonly skipped: readonly SkippedEntry[] } {
  const skipped: SkippedEntry[] = [];
  const skip = (reason: string, detail: string): void => {
    if (skipped.length < MAX_SKIPPED_OF_UNIT) skipped.push({ reason, detail: shown(detail) });
  };
  const up = new Set<string>();
  /** by name; of one endpoint that says the same twice, as after a restart, there is one */
  const byName = new Map<string, Map<string, ApplicationInstance>>();
  for (const { id, status, names, endpoint, metadata } of instances) {
    if (endpoint === undefined) {
      skip('address', `${shown(app)}: instance ${shown(id)} has no address and port that can be called`);
      continue;
    }
    if (status === 'UP') up.add(endpointKey(endpoint));
    const said = [keys.interfaces, keys.version, keys.group].map((key) => metadata[key] ?? '');
    const key = `${endpointKey(endpoint)} ${said.join('\n')}`;
    for (const [i, name] of names.entries()) {
      const known = byName.get(name) ?? new Map<string, ApplicationInstance>();
      byName.set(name, known);
      // interfaces belong to the first of its names: they need no other
      known.set(key, { endpoint, metadata: i === 0 ? metadata : { ...metadata, [keys.interfaces]: '' } });
    }
  }
  const source = shown(`/eureka/apps/${app}`);
  const registrations = [...byName].sort(byKey).flatMap(([name, found]) => {
    // the order of what is told changes from server to server
    const sorted = [...found].sort(byKey).map(([, instance]) => instance);
    return registrationsOfInstances(name, sorted, keys, source, skip);
  });
  const told = registrations.map((one) => ({ ...one, endpoints: callable(one.endpoints, up) }));
  return { registrations: told, skipped };
}

/** Each that is UP, once: two instances of one endpoint may differ in what they list. */
function callable(endpoints: readonly Endpoint[], up: ReadonlySet<string>): readonly Endpoint[] {
  const found = new Map(endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  return packed([...found].filter(([key]) => up.has(key)).map(([, endpoint]) => endpoint));
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function endpointKey({ host, port, protocol }: Endpoint): string {
  return `${host} ${port} ${protocol}`;
}
