import type { Localities } from '../name/localities.ts';
import type { WatcherState } from '../registry/watcher.ts';
import type { RegistryFacts } from './registry-facts.ts';

export interface RegistryOptions {
  /** unique and stable: the key of what is stored of it, e.g. `file:zones/demo.interfaces.yaml` */
  readonly id: string;
  readonly kind: string;
  readonly required: boolean;
  readonly forgetAfterMs: number;
  readonly distrustForMs: number;
  readonly settleForMs: number;
  /** whether its endpoints are probed */
  readonly isProbed: boolean;
  /** where its endpoints are, before what it says itself */
  readonly localities: Localities;
  /** whether it tells of Services that may stand for interfaces */
  readonly hasServices: boolean;
  /** ids of registries whose Services may stand for what is registered here */
  readonly join: readonly string[];
}

/** What a registry is answered from. */
export type Snapshot =
  | { readonly kind: 'none' }
  /** what a former process stored; when it was right, Unix milliseconds */
  | { readonly kind: 'stored'; readonly at: number }
  | { readonly kind: 'delivered' };

/** A registry with what it says. */
export interface Source {
  readonly options: RegistryOptions;
  readonly facts: RegistryFacts;
  snapshot: Snapshot;
  state: WatcherState;
  /** since when it has been in a state other than `live`, Unix milliseconds; undefined while it is live */
  lostAt: number | undefined;
  readonly skipped: Map<string, number>;
  /** `host:port` of its endpoints that take no connections, as far as they are probed */
  refusing: ReadonlySet<string>;
  /** not configured any more, but answered until what took its place was read */
  isLeaving: boolean;
}

/** For how long a registry has not been live, in milliseconds. */
export function stalenessMs({ lostAt }: Source, now: number): number {
  return lostAt === undefined ? 0 : Math.max(0, now - lostAt);
}

/** The age of what a registry is answered from, in milliseconds: 0 while it is live. */
export function snapshotAgeMs({ snapshot, lostAt }: Source, now: number): number {
  if (snapshot.kind === 'stored') return Math.max(0, now - snapshot.at);
  return snapshot.kind === 'none' || lostAt === undefined ? 0 : Math.max(0, now - lostAt);
}
