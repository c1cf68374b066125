import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Writers that truncate and then write cause two events: only the quiet after them counts. */
const SETTLE_MS = 20;
/** Finds what events do not tell: network file systems, links into other folders, a replaced folder. */
const POLL_MS = 2000;

export interface PathWatch {
  close(): void;
}

/**
 * Calls back when one of the files may have changed; the caller reads and compares.
 *
 * Watches the folders, not the files, so that a file that is replaced by rename, and a ConfigMap whose `..data` link
 * moves, are seen like any other change.
 */
export function watchPaths(paths: Iterable<string>, onChange: () => void): PathWatch {
  const watchers: FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, SETTLE_MS);
  };
  for (const folder of new Set([...paths].map((path) => dirname(path)))) {
    try {
      const watcher = watch(folder, { persistent: false }, changed);
      // e.g. the folder was removed: the poll goes on
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch {
      // no such folder yet, or no inotify watches left: the poll goes on
    }
  }
  const poll = setInterval(onChange, POLL_MS);
  poll.unref();
  return {
    close: () => {
      for (const watcher of watchers) watcher.close();
      clearTimeout(timer);
      clearInterval(poll);
    },
  };
}
