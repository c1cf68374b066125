/** A Eureka, watched: from session to session and from peer to peer, with the old data standing in between. */
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '../../base/back-off.ts';
import { hostPortText } from '../../name/address.ts';
import { SkipLog } from '../skip-log.ts';
import { StringPool } from '../string-pool.ts';
import type { RegistrySink, Replacement, Watcher, WatcherState } from '../watcher.ts';
import { KnownInstances } from './known-instances.ts';
import type { EurekaOptions } from './options.ts';
import { registrationsOf } from './registrations.ts';
import { Session } from './session.ts';

/** So many applications are delivered before others have their turn. */
const SLICE = 200;

/** The first list is delivered at once, the differences of later ones and of deltas unit by unit; a unit is an application. */
export function createEurekaWatcher(options: EurekaOptions, sink: RegistrySink): Watcher {
  const skipLog = new SkipLog(sink);
  const pool = new StringPool();
  const stopped = new AbortController();
  /** what was delivered; the session that read it goes on writing it */
  let known = new KnownInstances();
  let state: WatcherState = { kind: 'syncing' };
  let hasData = false;
  let where = '';
  let session: Session | undefined;
  let running: Promise<void> = Promise.resolve();

  const setState = (next: WatcherState): void => {
    if (stopped.signal.aborted || sameState(state, next)) return;
    state = next;
    sink.state(next);
  };

  const deliver = (app: string, replacement?: Replacement): void => {
    const { registrations, skipped } = registrationsOf(app, known.of(app), options.metadata);
    skipLog.note(app, skipped);
    if (replacement === undefined) sink.update(app, registrations);
    else if (registrations.length > 0) replacement.put(app, registrations);
  };

  const handlers = {
    async listed(next: KnownInstances, forgotten: number): Promise<void> {
      if (stopped.signal.aborted) return;
      if (forgotten > 0) {
        // who was away comes back with less than there is: the intake waits (`settleFor`)
        const reason = `${where}: it does not know ${forgotten} of ${known.size} instances any more, and told no removal: it has restarted, as it seems`;
        setState({ kind: 'stale', reason });
      }
      const apps = hasData ? known.changesTo(next) : next.apps();
      known = next;
      const replacement = hasData ? undefined : sink.replace();
      let count = 0;
      for (const app of apps) {
        deliver(app, replacement);
        if (++count % SLICE === 0) await breathe();
        if (stopped.signal.aborted) return;
      }
      replacement?.done();
      hasData = true;
      setState({ kind: 'live' });
    },
    changed(apps: ReadonlySet<string>): void {
      for (const app of apps) if (!stopped.signal.aborted) deliver(app);
    },
    unreadable(what: string, details: readonly string[]): void {
      if (stopped.signal.aborted) return;
      skipLog.note(
        what,
        details.map((detail) => ({ reason: 'instance', detail })),
      );
    },
  };

  const run = async (): Promise<void> => {
    const { servers, backoffMinMs, backoffMaxMs } = options;
    // replicas do not all begin with the same one
    let turn = Math.floor(Math.random() * servers.length);
    let failures = 0;
    while (!stopped.signal.aborted) {
      const server = servers[turn++ % servers.length];
      if (server === undefined) return;
      where = hostPortText(server);
      const begun = performance.now();
      try {
        session = new Session(server, options, pool, handlers);
        await session.run();
      } catch (error) {
        const reason = `${where}: ${(error as Error).message}`;
        setState(hasData ? { kind: 'stale', reason } : { kind: 'failed', reason });
      }
      // one that breaks again and again is no success
      const lasted = session?.isListed === true && performance.now() - begun > backoffMaxMs;
      session = undefined;
      failures = lasted ? 0 : failures + 1;
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
