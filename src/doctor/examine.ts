import { setTimeout as sleep } from 'node:timers/promises';
import { checkClock } from './check-clock.ts';
import { checkForm } from './check-form.ts';
import { checkLimits } from './check-limits.ts';
import { checkPorts } from './check-ports.ts';
import { checkRegistries } from './check-registries.ts';
import { checkResolver } from './check-resolver.ts';
import { checkServer } from './check-server.ts';
import { checkStore } from './check-store.ts';
import { checkWay } from './check-way.ts';
import { type Check, finding, type Seen, type Surroundings } from './surroundings.ts';

/**
 * From the server outwards, to the caller and its sidecar. Those of one row are looked at together; where times are
 * measured, nothing else is done meanwhile.
 */
const ROUNDS: readonly (readonly Check[])[] = [
  [checkPorts],
  [checkServer, checkRegistries, checkStore, checkResolver, checkForm, checkClock, checkLimits],
  [checkWay],
];

/** In which order they are told. */
const ORDER: readonly Check[] = [
  checkServer,
  checkPorts,
  checkRegistries,
  checkStore,
  checkResolver,
  checkForm,
  checkWay,
  checkClock,
  checkLimits,
];

/** So many questions one after another, none answered in time, are the most that a check waits for. */
const STEPS = 3;

export interface Examined extends Seen {
  readonly check: string;
}

/** Looks at everything; ten seconds at most, with a timeout of one. */
export async function examine(surroundings: Surroundings): Promise<readonly Examined[]> {
  const seen: Examined[] = [];
  for (const round of ROUNDS) {
    seen.push(...(await Promise.all(round.map((check) => within(check, surroundings)))).flat());
  }
  const titles = ORDER.map(({ title }) => title);
  return seen.toSorted((a, b) => titles.indexOf(a.check) - titles.indexOf(b.check));
}

async function within(check: Check, surroundings: Surroundings): Promise<readonly Examined[]> {
  const deadline = surroundings.timeoutMs * STEPS;
  const late = finding(
    `took longer than ${deadline} ms`,
    'something on the way is very slow: run it again with a larger --timeout, and look at what is slow by itself',
  );
  const broken = (error: unknown) => {
    return [
      finding(
        `could not be looked at: ${(error as Error).message}`,
        'run doctor as the user of rpc-dns, or as root',
      ),
    ];
  };
  const seen = await Promise.race([
    check.look(surroundings).catch(broken),
    sleep(deadline, [late], { ref: false }),
  ]);
  return seen.map((one) => ({ check: check.title, ...one }));
}
