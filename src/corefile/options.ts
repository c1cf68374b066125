import type { CorednsVersion } from './coredns-version.ts';
import type { NameOptions } from './patterns.ts';
import type { ServerAddress } from './server-address.ts';

/** `shared`: in the cluster's own server block; `view`: in a block of its own before it; `stub`: full names only. */
export const STYLES = ['shared', 'view', 'stub'] as const;
export type Style = (typeof STYLES)[number];

/** What the texts are made from. All names in lower case, without the last dot. */
export interface CorefileOptions extends NameOptions {
  readonly style: Style;
  /** of the pools, for PTR */
  readonly reverseZones: readonly string[];
  readonly servers: readonly ServerAddress[];
  /** undefined: a new one */
  readonly version: CorednsVersion | undefined;
}
