/** An etcd, watched: from session to session and from server to server, with the old data standing in between. */
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '../../base/back-off.ts';
import { hostPortText } from '../../name/address.ts';
import { SkipLog } from '../skip-log.ts';
import { StringPool } from '../string-pool.ts';
import type { RegistrySink, Watcher, WatcherState } from '../watcher.ts';
import { LayoutKeys } from './layout-keys.ts';
import { ETCD_LAYOUTS } from './layouts.ts';
import type { EtcdOptions } from './options.ts';
import { type History, Session } from './session.ts';

/** So many units are delivered before others have their turn. */
const SLICE = 500;

/** The first list is delivered at once, the differences of later ones and of events unit by unit; a unit is a service. */
export function createEtcdWatcher(options: EtcdOptions, sink: RegistrySink): Watcher {
  const skipLog = new SkipLog(sink);
  const context = { pool: new StringPool(), keys: options.metadata };
  const layouts = [...options.prefixes].map(
    ([name, prefix]) => new LayoutKeys(name, ETCD_LAYOUTS[name], prefix, context, skipLog),
  );
  const history: History = { clusterId: '', revision: 0, doubts: 0 };
  const stopped = new AbortController();
  let state: WatcherState = { kind: 'syncing' };
  let hasData = false;
  let session: Session | undefined;
  let running: Promise<void> = Promise.resolve();

  const setState = (next: WatcherState): void => {
    if (stopped.signal.aborted || sameState(state, next)) return;
    state = next;
    sink.state(next);
  };

  const deliver = async (): Promise<void> => {
    const replacement = hasData ? undefined : sink.replace();
    let count = 0;
    for (const layout of layouts) {
      for (const [unit, registrations] of layout.changes()) {
        if (replacement === undefined) sink.update(unit, registrations);
        else if (registrations.length > 0) replacement.put(unit, registrations);
        if (++count % SLICE === 0) await breathe();
        if (stopped.signal.aborted) return;
      }
    }
    replacement?.done();
    hasData = true;
  };

  const handlers = {
    listed: deliver,
    live: () => setState({ kind: 'live' }),
    changed() {
      for (const layout of layouts) {
        for (const [unit, registrations] of layout.changes()) {
          if (stopped.signal.aborted) return;
          sink.update(unit, registrations);
        }
      }
    },
  };

  const run = async (): Promise<void> => {
    // replicas do not all begin with the same one
    let turn = Math.floor(Math.random() * options.servers.length);
    let failures = 0;
    while (!stopped.signal.aborted) {
      const server = options.servers[turn++ % options.servers.length];
      if (server === undefined) return;
      const begun = performance.now();
      try {
        session = new Session(server, options, layouts, history, handlers);
        await session.run();
      } catch (error) {
        const reason = `${hostPortText(server)}: ${(error as Error).message}`;
        setState(hasData ? { kind: 'stale', reason } : { kind: 'failed', reason });
      }
      // one that breaks again and again is no success
      const lasted = session?.isLive === true && performance.now() - begun > options.backoffMaxMs;
      session = undefined;
      failures = lasted ? 0 : failures + 1;
      const { backoffMinMs, backoffMaxMs } = options;
      const pause = backOffMs(failures, backoffMinMs, backoffMaxMs, Math.random());
      await sleep(pause, undefined, { signal: stopped.signal }).catch(() => {});
    }
  };

  return {
    start() {
      sink.state(state);
      running = run();
    },
    async stop() {
      stopped.abort();
      session?.close();
      await running;
    },
  };
}

function sameState(a: WatcherState, b: WatcherState): boolean {
  return a.kind === b.kind && ('reason' in a ? a.reason : '') === ('reason' in b ? b.reason : '');
}
