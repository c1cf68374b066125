import type { RegistryOptions } from '../intake/source.ts';
import type { OwnershipRule } from '../name/ownership.ts';
import type { PlanOptions } from '../plan/plan.ts';
import type { Pool } from '../vip/pool.ts';
import type { NamesOptions } from '../zone/registry-names.ts';

/** What is configured of the event line. */
export interface LineOptions {
  readonly plan: PlanOptions;
  readonly names: NamesOptions;
  readonly pools: readonly Pool[];
  readonly reuseAfterMs: number;
  readonly registries: readonly RegistryOptions[];
  readonly ownership: readonly OwnershipRule[];
}

/** What of the configuration a plan depends on. */
export function decisive({ plan, pools, reuseAfterMs, ownership, registries }: LineOptions): unknown {
  return {
    plan,
    pools,
    reuseAfterMs,
    ownership,
    registries: registries.map(({ id, join }) => ({ id, join })),
  };
}
