import type { ApplicationInstance, MetadataKeys } from '../../application-instances.ts';
import type { ProviderFact } from '../../provider-directory.ts';
import type { Registration } from '../../registration.ts';
import type { SkippedEntry } from '../../skip-log.ts';
import type { StringPool } from '../../string-pool.ts';

/** What one key registers, as its layout keeps it: plain and small, since there may be millions. */
export type Fact = ProviderFact | readonly ApplicationInstance[];

export type Reading =
  | { readonly kind: 'fact'; readonly fact: Fact }
  /** says of itself that it is none */
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly reason: string; readonly detail: string };

export interface LayoutContext {
  readonly pool: StringPool;
  readonly keys: MetadataKeys;
}

/** Where a key belongs. */
export interface Place {
  /** what changes as one: an interface's or application's directory, as it stands in the key */
  readonly service: string;
  /** the instance in it */
  readonly entry: string;
}

/** How one framework writes `PREFIX/…`. Its functions are pure and never throw, whatever the keys and values are. */
export interface EtcdLayout {
  /** what stands before its keys; undefined: the configuration has to say it */
  readonly prefix: string | undefined;
  /** what follows a service's directory, for people */
  readonly directory: string;
  /** whether values say anything; otherwise keys alone are asked for */
  readonly hasValues: boolean;
  /** @param key behind the prefix and its slash @returns undefined: nothing of the layout's, and nothing wrong */
  placeOf(key: string): Place | undefined;
  read(entry: string, value: string, context: LayoutContext): Reading;
  /**
   * What one service's entries register together.
   *
   * @param facts in an order that is the same on every replica
   * @param source where a person finds them
   */
  register(
    service: string,
    facts: readonly Fact[],
    source: string,
    context: LayoutContext,
    skipped: (entry: SkippedEntry) => void,
  ): Registration[];
}
