import { readFileSync } from 'node:fs';
import { type Clock, SYSTEM_CLOCK } from '../../base/clock.ts';
import { REST_MS } from '../../files/read-at-rest.ts';
import { unreadable } from '../../files/unreadable.ts';
import { type PathWatch, watchPaths } from '../../files/watch-paths.ts';
import { DocumentDelivery } from '../document-delivery.ts';
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
  const delivery = new DocumentDelivery(path, sink);
  let watch: PathWatch | undefined;
  /** the last content that was looked at: only another one is news */
  let lastText: string | undefined;
  /** a new content, which counts when it is the same after a pause: a part of a file may look like a whole one */
  let unrested: string | undefined;
  let cancelReading = () => {};

  const read = () => {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      lastText = undefined;
      delivery.fail(`${path}: ${unreadable(error)}`);
      return;
    }
    const isNews = text !== lastText;
    if (isNews && delivery.hasSnapshot && text !== unrested) {
      unrested = text;
      cancelReading();
      cancelReading = clock.after(REST_MS, read);
      return;
    }
    unrested = undefined;
    lastText = text;
    if (isNews) delivery.take(text);
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
