import { setImmediate as nextTurn } from 'node:timers/promises';
import { endpointText } from '../intake/endpoint-sets.ts';
import type { RegistryFacts } from '../intake/registry-facts.ts';
import type { InterfaceName } from '../name/interface-name.ts';

/** Something that one of two registries has and the other has not. */
export interface Difference {
  /**
   * `interface`: the other knows nothing of it; `service`: no such version and group of it; `endpoint`: not this instance
   * of the service.
   */
  readonly kind: 'interface' | 'service' | 'endpoint';
  readonly onlyIn: 'left' | 'right';
  /** an interface, or `@user-service` for an application */
  readonly interface: InterfaceName;
  /** Dubbo's service key; of a whole interface there may be several */
  readonly service: string | null;
  /** `dubbo://10.0.0.1:20880` */
  readonly endpoint: string | null;
  /** how many instances are meant */
  readonly endpoints: number;
}

/** So many interfaces are compared before other work has its turn. */
const SLICE = 500;

/** What each has that the other has not, by interface; what is only remembered counts as gone. */
export async function* compareRegistries(
  left: RegistryFacts,
  right: RegistryFacts,
): AsyncGenerator<Difference> {
  let count = 0;
  for (const name of namesOf(left, right)) {
    if (++count % SLICE === 0) await nextTurn();
    yield* compareInterface(name, servicesOf(left, name), servicesOf(right, name));
  }
}

function namesOf(left: RegistryFacts, right: RegistryFacts): InterfaceName[] {
  return [...new Set([...left.interfaceNames(), ...right.interfaceNames()])].sort();
}

type Services = ReadonlyMap<string, ReadonlySet<string>>;

function servicesOf(facts: RegistryFacts, name: InterfaceName): Services {
  const services = new Map<string, Set<string>>();
  for (const [key, registrations] of facts.registrationsOf(name)) {
    if (facts.isRemembered(name, key)) continue;
    services.set(key, new Set(registrations.flatMap(({ endpoints }) => endpoints.map(endpointText))));
  }
  return new Map([...services].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function* compareInterface(name: InterfaceName, left: Services, right: Services): Generator<Difference> {
  yield* missingFrom(name, left, right, 'left');
  yield* missingFrom(name, right, left, 'right');
}

function* missingFrom(
  name: InterfaceName,
  own: Services,
  other: Services,
  onlyIn: Difference['onlyIn'],
): Generator<Difference> {
  const what = { interface: name, onlyIn };
  if (own.size > 0 && other.size === 0) {
    const endpoints = own.values().reduce((sum, { size }) => sum + size, 0);
    yield { ...what, kind: 'interface', service: null, endpoint: null, endpoints };
    return;
  }
  for (const [service, endpoints] of own) {
    const others = other.get(service);
    if (others === undefined)
      yield { ...what, kind: 'service', service, endpoint: null, endpoints: endpoints.size };
    else
      for (const endpoint of endpoints.difference(others))
        yield { ...what, kind: 'endpoint', service, endpoint, endpoints: 1 };
  }
}

export type Counts = Readonly<Record<Difference['kind'], number>>;

/** A count of differences for the metrics: made anew when it is asked for, not more often than this. */
const COUNTED_EVERY_MS = 30_000;

/** How much each of two registries has that the other has not, without waiting: as it was when it was last counted. */
export class DifferenceCount {
  #counts: Readonly<Record<Difference['onlyIn'], Counts>> | undefined;
  #countedAt = Number.NEGATIVE_INFINITY;

  /** @returns undefined: it is being counted for the first time */
  look(
    left: RegistryFacts,
    right: RegistryFacts,
  ): Readonly<Record<Difference['onlyIn'], Counts>> | undefined {
    if (performance.now() - this.#countedAt > COUNTED_EVERY_MS) {
      this.#countedAt = performance.now();
      void this.#count(left, right);
    }
    return this.#counts;
  }

  async #count(left: RegistryFacts, right: RegistryFacts): Promise<void> {
    const counts = {
      left: { interface: 0, service: 0, endpoint: 0 },
      right: { interface: 0, service: 0, endpoint: 0 },
    };
    for await (const { onlyIn, kind } of compareRegistries(left, right)) counts[onlyIn][kind]++;
    this.#counts = counts;
  }
}
