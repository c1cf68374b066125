import type { InterfaceName } from '../name/interface-name.ts';

/** What another replica writes of one interface is looked at so often at once … */
const MAX_REACTIONS = 6;
/** … within this time. */
const QUIET_MS = 60_000;

/**
 * How often what other replicas wrote of an interface was looked at. Two that see different things would undo each other's
 * rows for ever: after a few times they do so once a minute.
 */
export class Reactions {
  /** interfaces of which other replicas wrote a moment ago, the longest ago first */
  readonly #reactions = new Map<InterfaceName, { readonly since: number; times: number }>();

  /** @returns when it may be looked at, in milliseconds since 1970; undefined: at once */
  notBefore(name: InterfaceName, now: number): number | undefined {
    for (const [old, { since }] of this.#reactions) {
      if (now - since < QUIET_MS) break;
      this.#reactions.delete(old);
    }
    const reaction = this.#reactions.get(name);
    const times = (reaction?.times ?? 0) + 1;
    if (reaction === undefined) this.#reactions.set(name, { since: now, times });
    else reaction.times = times;
    return times <= MAX_REACTIONS ? undefined : (reaction?.since ?? now) + QUIET_MS;
  }
}
