import type { SnapshotRow, Store, StoreChange } from '../vip/store.ts';
import type { Source } from './catalog-types.ts';

/** Rows in one commit. */
const BATCH = 1000;
const SNAPSHOT_MARK = 'snapshot of ';
const LIVE_MARK = 'live milliseconds of ';

/** Gives the sources what a former process stored of them. @returns those that have a snapshot now */
export function restoreSnapshots(
  sources: readonly Source[],
  snapshots: readonly SnapshotRow[],
  values: ReadonlyMap<string, string>,
): Source[] {
  const bodies = Map.groupBy(snapshots, (row) => row.registry);
  return sources.filter((source) => {
    const { id } = source.options;
    if (!values.has(SNAPSHOT_MARK + id)) return false;
    const texts = (bodies.get(id) ?? []).map((row) => row.body);
    source.view.restore(texts, Number(values.get(LIVE_MARK + id) ?? 0));
    source.hasSnapshot = true;
    source.fromStore = true;
    return true;
  });
}

/**
 * Stores what became outdated of each source's snapshot. It may lag behind the answers; a restart then knows a little
 * less, never something wrong. Rejects as the store does; then it is outdated still.
 *
 * @param isClosing the time for which registries were live is stored too
 */
export async function writeSnapshots(
  sources: readonly Source[],
  store: Store,
  now: number,
  isClosing: boolean,
): Promise<void> {
  if (!store.keepsSnapshots) return;
  for (const source of sources) {
    const { view, options } = source;
    if (!source.hasSnapshot || source.fromStore || (view.outdated.size === 0 && !isClosing)) continue;
    // what may turn out to be a mass disappearance is not recorded yet: a restart must be able to doubt it too
    const keys = [...view.outdated].filter((key) => !view.isUnsettled(key));
    for (const key of keys) view.outdated.delete(key);
    const changes = keys.map((key): StoreChange => {
      const body = view.bodyOf(key);
      return body === undefined
        ? { kind: 'delete-snapshot', registry: options.id, key }
        : { kind: 'put-snapshot', row: { registry: options.id, key, body } };
    });
    const liveMs = Math.round(view.liveMs(now));
    changes.push({ kind: 'put-value', name: LIVE_MARK + options.id, value: String(liveMs) });
    // last: a mark without its rows would pass for an empty registry
    changes.push({ kind: 'put-value', name: SNAPSHOT_MARK + options.id, value: String(now) });
    try {
      for (let at = 0; at < changes.length; at += BATCH) {
        await store.commit(changes.slice(at, at + BATCH));
      }
    } catch (error) {
      for (const key of keys) view.outdated.add(key);
      throw error;
    }
  }
}
