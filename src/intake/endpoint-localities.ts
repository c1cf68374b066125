import type { Localities } from '../name/localities.ts';
import type { Endpoint, Registration } from '../registry/registration.ts';

/** What was located already: an application's list stands behind all of its interfaces. */
const located = new WeakMap<Localities, WeakMap<readonly Endpoint[], readonly Endpoint[]>>();

/** Registrations whose endpoints are where a registry's key `localities` says; it goes before what the registry says. */
export function withLocalities(
  registrations: readonly Registration[],
  localities: Localities,
): readonly Registration[] {
  if (localities.isEmpty) return registrations;
  return registrations.map((registration) => {
    const endpoints = locate(registration.endpoints, localities);
    return endpoints === registration.endpoints ? registration : { ...registration, endpoints };
  });
}

function locate(endpoints: readonly Endpoint[], localities: Localities): readonly Endpoint[] {
  const known = located.get(localities) ?? new WeakMap<readonly Endpoint[], readonly Endpoint[]>();
  located.set(localities, known);
  const found =
    known.get(endpoints) ??
    endpoints.map((endpoint) => {
      const locality = localities.of(endpoint.host);
      return locality === undefined ? endpoint : { ...endpoint, locality };
    });
  known.set(endpoints, found);
  return found;
}
