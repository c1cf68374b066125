import { readFileSync } from 'node:fs';
import { type Clock, SYSTEM_CLOCK } from '../../base/clock.ts';
import { problemText } from '../../base/problem.ts';
import { REST_MS } from '../../files/read-at-rest.ts';
import { unreadable } from '../../files/unreadable.ts';
import { type PathWatch, watchPaths } from '../../files/watch-paths.ts';
import { parseInterfaces } from '../interfaces-document.ts';
import type { RegistrySink, Watcher } from '../watcher.ts';
import type { FileRegistryOptions } from './options.ts';

/**
 * Reads a YAML file of interfaces, and again whenever it changes. A file that is missing or has anything wrong in it
 * leaves what was read last; the state says why.
 */
export function createFileWatcher(
  options: FileRegistryOptions,
  sink: RegistrySink,
  clock: Clock = SYSTEM_CLOCK,
): Watcher {
  const { path } = options;
  let watch: PathWatch | undefined;
  let hasSnapshot = false;
  /** the last content that was looked at: only another one is news */
  let lastText: string | undefined;
  let lastReason: string | undefined;
  /** a new content, which counts when it is the same after a pause: a part of a file may look like a whole one */
  let unrested: string | undefined;
  let cancelReading = () => {};

  const fail = (reason: string) => {
    if (reason === lastReason) return;
    lastReason = reason;
    sink.state(hasSnapshot ? { kind: 'stale', reason } : { kind: 'failed', reason });
  };

  const read = () => {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      lastText = undefined;
      fail(`${path}: ${unreadable(error)}`);
      return;
    }
    if (text === lastText) {
      unrested = undefined;
      return;
    }
    if (hasSnapshot && text !== unrested) {
      unrested = text;
      cancelReading();
      cancelReading = clock.after(REST_MS, read);
      return;
    }
    unrested = undefined;
    lastText = text;
    const parsed = parseInterfaces(path, text);
    if (!parsed.ok) {
      for (const problem of parsed.problems) sink.skipped('bad-document', problemText(problem));
      fail(
        `${parsed.problems.length} problems in the file: ${parsed.problems.map(problemText).slice(0, 3).join('; ')}`,
      );
      return;
    }
    if (hasSnapshot) sink.update(path, parsed.registrations);
    else {
      const replacement = sink.replace();
      replacement.put(path, parsed.registrations);
      replacement.done();
    }
    hasSnapshot = true;
    lastReason = undefined;
    sink.state({ kind: 'live' });
  };

  return {
    start: () => {
      sink.state({ kind: 'syncing' });
      watch = watchPaths([path], read);
      read();
    },
    stop: async () => {
      cancelReading();
      watch?.close();
    },
  };
}
