import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type PathWatch, watchPaths } from '../files/watch-paths.ts';

/** The files of a configuration: a change of one of them asks for a reload. */
export class WatchedFiles {
  readonly #changed: () => void;
  #watch: PathWatch | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** How files are now: to be taken before they are read. */
  static look(paths: readonly string[]): Map<string, string> {
    return new Map(paths.map((path) => [path, fingerprint(path)]));
  }

  /** Watches these paths. @param seen how they were before they were read: what changed since is a change */
  watch(paths: readonly string[], seen: ReadonlyMap<string, string> = new Map()): void {
    this.close();
    const known = new Map(paths.map((path) => [path, seen.get(path) ?? fingerprint(path)]));
    const look = () => {
      if (paths.every((path) => fingerprint(path) === known.get(path))) return;
      this.close();
      this.#changed();
    };
    this.#watch = watchPaths(paths, look);
    look();
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }
}

/** The folder of a pattern: a file that appears there may match it. */
export function globFolders(pattern: string): string[] {
  if (!/[*?[{]/.test(pattern)) return [];
  const fixed = pattern.split(/[*?[{]/)[0] ?? '';
  return [fixed.endsWith('/') ? `${fixed}.` : `${dirname(fixed || '.')}/.`];
}

/** Changes when the file does: its time, size and inode. */
function fingerprint(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'missing';
  }
}
