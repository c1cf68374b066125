import type { ClusterChange } from './cluster.ts';
import type { Registration } from './registration.ts';

/** How a watcher stands with its registry. One writer: the watcher. */
export type WatcherState =
  /** reads its first snapshot */
  | { readonly kind: 'syncing' }
  | { readonly kind: 'live' }
  /** has delivered data, but lost the registry: the data may be old */
  | { readonly kind: 'stale'; readonly reason: string }
  /** has nothing yet and cannot get it; goes on trying */
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * A complete delivery, unit by unit: so a hundred thousand of them are never held at once. What is put counts at once, and
 * stays if the delivery is given up; what was not put goes at `done`, all together. Before the first `done` of a registry
 * nothing of it is answered. Its watcher calls no `update` meanwhile.
 */
export interface Replacement {
  /** All registrations of one unit; once for each unit. */
  put(unit: string, registrations: readonly Registration[]): void;
  done(): void;
}

/**
 * Where a watcher delivers. It delivers what its registry says, completely or unit by unit, and never decides: merging,
 * conflicts, debouncing and distrust are not its business.
 *
 * A unit is what the registry changes as one: a document, an interface's directory. A lost connection is a state, never
 * an empty delivery.
 */
export interface RegistrySink {
  /**
   * Begins to deliver everything that the registry holds: what is not put before `done` is gone then, all at once.
   * Beginning anew abandons an unfinished delivery.
   */
  replace(): Replacement;
  /** All registrations of one unit; none: the unit is empty or gone. */
  update(unit: string, registrations: readonly Registration[]): void;
  /**
   * What a cluster says of its Services; before the registrations that name them. The first call of a watcher tells all
   * of it, the others what changed. Registries without Services never call it.
   *
   * @param isListed from now on a Service that was not delivered does not stand
   */
  cluster(changes: readonly ClusterChange[], isListed: boolean): void;
  state(state: WatcherState): void;
  /** An entry that could not be used; `reason` is one of few words, for a metric, `detail` for people. */
  skipped(reason: string, detail: string): void;
}

export interface Watcher {
  /** Begins, and keeps trying until {@link stop}. Never throws. */
  start(): void;
  /** Resolves when nothing will be delivered any more. */
  stop(): Promise<void>;
}
