import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';

/** Between two readings of the same files. Whoever writes in place is done within it, or goes on and is seen. */
export const REST_MS = 100;
/** Files that are written all the time are given up after so many. */
const MAX_READINGS = 20;

/**
 * Reads files that somebody may be writing at this moment: what was read counts when the files hold the same after a
 * pause as before it. An editor that empties a file before it writes it anew must not be taken at its word.
 *
 * @param paths the files that are known before anything is read
 * @param read reads everything; names the files that turned out to belong to it
 * @returns undefined when the files never came to rest
 */
export async function readAtRest<T>(
  paths: readonly string[],
  read: () => { readonly value: T; readonly files: readonly string[] },
  clock: Clock,
): Promise<T | undefined> {
  let known = new Set(paths);
  let before = contentsOf(known);
  for (let readings = 0; readings < MAX_READINGS; readings++) {
    await new Promise<void>((resolve) => clock.after(REST_MS, resolve));
    const { value, files } = read();
    // a file that is new to this reading has been looked at once only
    known = new Set([...known, ...files]);
    const after = contentsOf(known);
    if (after === before) return value;
    before = after;
  }
  return undefined;
}

function contentsOf(paths: Iterable<string>): string {
  return [...paths].map((path) => `${path} ${contentOf(path)}`).join('\n');
}

function contentOf(path: string): string {
  try {
    return hash('sha1', readFileSync(path));
  } catch {
    // missing, or a folder
    return '';
  }
}
