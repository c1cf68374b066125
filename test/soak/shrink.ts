import type { Operation } from './operations.ts';
import { type Outcome, run } from './run.ts';

/** How far before the violation its cause is looked for, before all of the history is. */
const WINDOWS_MS = [15_000, 40_000, 90_000];

/**
 * The shortest history that still violates the same invariant: the end of it first, then with ever smaller parts left
 * out. Each attempt takes as long as what it does, so there is a limit.
 */
export async function shrink(
  seed: number,
  operations: readonly Operation[],
  first: Outcome,
  budgetMs: number,
  say: (text: string) => void,
): Promise<readonly Operation[]> {
  const deadline = Date.now() + budgetMs;
  const invariant = first.violation?.invariant;
  let shortest = operations.filter(({ at }) => at <= first.ms);
  /** Takes over what violates. */
  const attempt = async (candidate: readonly Operation[]): Promise<boolean> => {
    const expectedMs = (candidate.at(-1)?.at ?? 0) + 8_000;
    if (candidate.length === 0 || Date.now() + expectedMs > deadline) return false;
    const { violation, ms } = await run({ seed, operations: candidate });
    const isSame = violation?.invariant === invariant;
    say(
      `shrinking: ${candidate.length} operations: ${violation === undefined ? 'no violation' : violation.invariant}`,
    );
    if (isSame) shortest = candidate.filter(({ at }) => at <= ms);
    return isSame;
  };
  for (const windowMs of WINDOWS_MS) {
    const start = first.ms - windowMs;
    if (start <= 0) break;
    const part = shortest.filter(({ at }) => at >= start).map((one) => ({ ...one, at: one.at - start }));
    if (await attempt(part)) break;
  }
  for (let parts = 2; parts <= shortest.length && Date.now() < deadline; ) {
    const size = Math.ceil(shortest.length / parts);
    let isShorter = false;
    for (let from = 0; from < shortest.length && !isShorter && Date.now() < deadline; from += size) {
      isShorter = await attempt([...shortest.slice(0, from), ...shortest.slice(from + size)]);
    }
    parts = isShorter ? Math.max(2, parts - 1) : parts * 2;
  }
  return shortest;
}
