import { MultiMap } from '../multi-map.ts';
import { keyOf, type NameKey, type Prefix } from '../name/domain-name.ts';
import type { InterfaceName } from '../name/interface-name.ts';

/** What an interface claims a name for; a structured domain goes before any call name (contract 1.1). */
export type ClaimKind = 'domain' | 'call';

interface Claimant {
  readonly interface: InterfaceName;
  readonly kind: ClaimKind;
  /** place in the ledger: the older has the smaller */
  readonly ordinal: number;
}

/** Whether a claim was granted; a lost one names who has it. */
export type ClaimResult =
  | { readonly granted: true }
  | { readonly granted: false; readonly holder: InterfaceName };

/**
 * Who owns which base name, relative to a zone. One owner name, one source:
 *
 *     UserService.foo.com.svc   domain of com.foo.UserService (ordinal 1)   ← has it
 *                               domain of com.foo.userService (ordinal 7)   waits
 *     foo.com.svc               domain of …                                 ← has it
 *                               call name of interface foo.com.svc          waits
 *
 * Whoever is displaced, or waits for a name that becomes free, is reported as {@link takeAffected}.
 */
export class NameBook {
  readonly #owners = new Map<string, Claimant>();
  readonly #waiting = new Map<string, Map<InterfaceName, Claimant>>();
  /** names that an interface owns or waits for */
  readonly #named = new MultiMap<InterfaceName, string>();
  #affected = new Set<InterfaceName>();

  claim(name: Prefix, claimant: Claimant): ClaimResult {
    const key = lowered(name);
    const owner = this.#owners.get(key);
    this.#named.add(claimant.interface, key);
    if (owner === undefined || owner.interface === claimant.interface) {
      // an interface may claim a name twice, e.g. as domain and as call name
      if (owner === undefined || before(claimant, owner)) this.#owners.set(key, claimant);
      this.#waiting.get(key)?.delete(claimant.interface);
      return { granted: true };
    }
    if (before(claimant, owner)) {
      this.#owners.set(key, claimant);
      this.#waiting.get(key)?.delete(claimant.interface);
      this.#wait(key, owner);
      this.#affected.add(owner.interface);
      return { granted: true };
    }
    this.#wait(key, claimant);
    return { granted: false, holder: owner.interface };
  }

  /** Gives back all names that the interface owns or waits for, but those in `keep`. */
  release(name: InterfaceName, keep: ReadonlySet<string> = new Set()): void {
    for (const key of [...this.#named.get(name)]) {
      if (keep.has(key)) continue;
      this.#named.delete(name, key);
      const waiting = this.#waiting.get(key);
      waiting?.delete(name);
      if (waiting?.size === 0) this.#waiting.delete(key);
      if (this.#owners.get(key)?.interface !== name) continue;
      this.#owners.delete(key);
      for (const waiter of waiting?.keys() ?? []) this.#affected.add(waiter);
    }
  }

  /** The interface that has this very name. */
  ownerOf(name: Prefix): InterfaceName | undefined {
    return this.#owners.get(lowered(name))?.interface;
  }

  /** Interfaces that lost a name, or may get one, since the last call. */
  takeAffected(): Set<InterfaceName> {
    const affected = this.#affected;
    this.#affected = new Set();
    return affected;
  }

  #wait(key: string, claimant: Claimant): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, new Map([[claimant.interface, claimant]]));
    else waiting.set(claimant.interface, claimant);
  }
}

function before(a: Claimant, b: Claimant): boolean {
  if (a.kind !== b.kind) return a.kind === 'domain';
  // replicas that share a ledger may have given one place twice
  return a.ordinal < b.ordinal || (a.ordinal === b.ordinal && a.interface < b.interface);
}

/** Names compare without case. */
export function lowered(name: Prefix): string {
  return keyOf(name as string as NameKey);
}
