/** A ZooKeeper registry, watched: from session to session, with the old data standing in between. */
import { SkipLog } from '../skip-log.ts';
import { StringPool } from '../string-pool.ts';
import type { RegistrySink, Watcher, WatcherState } from '../watcher.ts';
import { parseServers, type ZooKeeperOptions } from './options.ts';
import type { TreeHandlers } from './provider-tree.ts';
import { Supervisor } from './supervisor.ts';
import { Trees } from './trees.ts';

/** Since the start; for metrics. */
export interface ZooKeeperCounters {
  /** connections tried */
  attempts: number;
  /** sessions had */
  sessions: number;
  /** sessions lost */
  losses: number;
  /** readings of everything besides the first of a session */
  relists: number;
  /** changes that only such a reading found */
  missedEvents: number;
}

export interface ZooKeeperWatcher extends Watcher {
  readonly counters: Readonly<ZooKeeperCounters>;
}

/** Each session delivers all units at once, then one at a time; a unit is the name of an interface's node. */
export function createZooKeeperWatcher(options: ZooKeeperOptions, sink: RegistrySink): ZooKeeperWatcher {
  const counters: ZooKeeperCounters = { attempts: 0, sessions: 0, losses: 0, relists: 0, missedEvents: 0 };
  const pool = new StringPool();
  const skipped = new SkipLog(sink);
  const ensemble = parseServers(options.servers);
  let state: WatcherState = { kind: 'syncing' };
  let hasData = false;
  let stopped = false;

  const setState = (next: WatcherState): void => {
    if (stopped || sameState(state, next)) return;
    state = next;
    sink.state(next);
  };
  const setUnavailable = (reason: string): void => setState({ kind: hasData ? 'stale' : 'failed', reason });

  // a tree that is closed calls none of these, and stop() closes it
  const handlers: TreeHandlers = {
    replace: () => sink.replace(),
    complete() {
      hasData = true;
      setState({ kind: 'live' });
    },
    update: (unit, registrations) => sink.update(unit, registrations),
    skipped: (unit, entries) => skipped.note(unit, entries),
    missed: () => counters.missedEvents++,
    relisted: () => counters.relists++,
    versionedChanged: () => {},
  };

  const { servers, chroot } = ensemble.ok ? ensemble.value : { servers: [], chroot: '' };
  const supervisor = new Supervisor(servers, options, {
    attempt: () => counters.attempts++,
    serve(session) {
      counters.sessions++;
      return new Trees(session, options, chroot, handlers, pool);
    },
    lost(reason, wasOpen) {
      if (wasOpen) counters.losses++;
      setUnavailable(reason);
    },
  });

  return {
    counters,
    start() {
      sink.state(state);
      if (ensemble.ok) supervisor.start();
      else setUnavailable(ensemble.reason);
    },
    async stop() {
      stopped = true;
      await supervisor.stop();
    },
  };
}

function sameState(a: WatcherState, b: WatcherState): boolean {
  return a.kind === b.kind && ('reason' in a ? a.reason : '') === ('reason' in b ? b.reason : '');
}
