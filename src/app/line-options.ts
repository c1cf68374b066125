import type { Config } from '../config/schema.ts';
import type { LineOptions } from '../event-line/options.ts';
import type { RegistryOptions } from '../intake/source.ts';
import { ROOT } from '../name/domain-name.ts';
import { Localities, type LocalityRule } from '../name/localities.ts';
import { joinedWith, kindOf, registryId } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';
import type { NamesOptions } from '../zone/registry-names.ts';

const OWNERSHIP_SOURCE = 'ownership in the configuration';

/** Where clients and providers are, as far as answers depend on it. */
export function answerLocalities({ answers, localities }: Config): readonly LocalityRule[] {
  return answers.address === 'endpoints' ? localities : [];
}

/** How names of registries answer, as configured. */
export function namesOptions({ zone, answers }: Config): NamesOptions {
  const { style, ttl, maxRecords, address } = answers;
  return { style, ttl, maxRecords, rotates: address === 'endpoints', ptrZone: zone[0] ?? ROOT };
}

/** Cores that `workers: auto` leaves to the event line and to others. */
const OTHER_CORES = 2;
const MAX_AUTO_THREADS = 8;

/** How many query threads there are. @param cores that this process may use */
export function queryThreads(workers: Config['workers'], cores: number): number {
  if (workers !== 'auto') return workers;
  // with two or three the event line and the collectors of garbage need the others
  return cores < 4 ? 1 : Math.min(cores - OTHER_CORES, MAX_AUTO_THREADS);
}

/** What of a configuration the event line goes by. */
export function lineOptions(config: Config, kinds: readonly RegistryKind<never>[]): LineOptions {
  const { ttl, maxRecords, template, address } = config.answers;
  return {
    plan: {
      template,
      zoneLength: Math.max(...config.zone.map((zone) => zone.length)),
      ttl,
      address,
      maxRecords,
      perVersion: config.vips.perVersion,
      podBlocks: config.registries.flatMap((registry) => kindOf(registry, kinds).podBlocks?.(registry) ?? []),
    },
    names: namesOptions(config),
    pools: config.vips.pools,
    reuseAfterMs: config.vips.reuseAfter,
    registries: config.registries.map(
      (registry): RegistryOptions => ({
        id: registryId(registry, kinds),
        kind: registry.kind,
        required: registry.required,
        forgetAfterMs: registry.forgetAfter,
        distrustForMs: registry.distrustFor,
        settleForMs: registry.settleFor,
        isProbed: registry.probe === 'tcp',
        localities: new Localities(registry.localities),
        hasServices: kindOf(registry, kinds).hasServices,
        join: joinedWith(registry, config.registries, kinds),
      }),
    ),
    ownership: config.ownership.map((rule) => ({ ...rule, source: OWNERSHIP_SOURCE })),
  };
}
