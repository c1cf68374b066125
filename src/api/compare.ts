import { bad, ok, type Result } from '../base/result.ts';
import type { Intake } from '../intake/intake.ts';
import type { Source } from '../intake/source.ts';
import { compareRegistries, type Difference } from '../lookup/compare-registries.ts';

/** What `compare` shows of one of the two. */
export interface ComparedRegistry {
  readonly registry: string;
  /** anything but `live`: what it said last is compared */
  readonly state: string;
  readonly interfaces: number;
  readonly endpoints: number;
}

export interface ComparisonJson {
  readonly left: ComparedRegistry;
  readonly right: ComparedRegistry;
  readonly differences: readonly Difference[];
}

/** @param left a registry, as `registries` calls it, or its kind where only one is of it; @param right the same */
export async function compare(intake: Intake, left: string, right: string): Promise<Result<ComparisonJson>> {
  const [one, other] = [findSource(intake, left), findSource(intake, right)];
  if (!one.ok) return one;
  if (!other.ok) return other;
  if (one.value === other.value) return bad(`'${left}' and '${right}' are the same registry`);
  for (const { options, snapshot } of [one.value, other.value]) {
    if (snapshot.kind === 'none') return bad(`${options.id} was never read: there is nothing to compare`);
  }
  const differences: Difference[] = [];
  for await (const difference of compareRegistries(one.value.facts, other.value.facts))
    differences.push(difference);
  return ok({ left: compared(one.value), right: compared(other.value), differences });
}

function findSource({ sources }: Intake, name: string): Result<Source> {
  const found = sources.find(({ options }) => options.id === name);
  if (found !== undefined) return ok(found);
  const [only, ...others] = sources.filter(({ options }) => options.kind === name);
  if (only !== undefined && others.length === 0) return ok(only);
  const ids = sources.map(({ options }) => options.id).join(', ') || 'none';
  return bad(
    only === undefined
      ? `no registry '${name}': there are ${ids}`
      : `several registries are of kind ${name}: expected one of ${ids}`,
  );
}

function compared({ options, state, facts }: Source): ComparedRegistry {
  return {
    registry: options.id,
    state: state.kind,
    interfaces: facts.interfaces,
    endpoints: facts.entries,
  };
}
