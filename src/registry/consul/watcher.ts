/** A Consul, watched: from session to session, with the old data standing in between. */
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '../../base/back-off.ts';
import { hostPortText } from '../../name/address.ts';
import { shown } from '../endpoint-text.ts';
import type { Registration } from '../registration.ts';
import { SkipLog } from '../skip-log.ts';
import { StringPool } from '../string-pool.ts';
import type { RegistrySink, Replacement, Watcher, WatcherState } from '../watcher.ts';
import { ConsulError } from './client.ts';
import type { ConsulOptions } from './options.ts';
import { readService } from './parse.ts';
import { Session } from './session.ts';

/** The first reading is delivered at once, later ones by what differs; a unit is a service. */
export function createConsulWatcher(options: ConsulOptions, sink: RegistrySink): Watcher {
  const skipLog = new SkipLog(sink);
  const pool = new StringPool();
  const where = hostPortText(options.server);
  /** what was delivered of each service, hashed */
  const delivered = new Map<string, string>();
  const stopped = new AbortController();
  let state: WatcherState = { kind: 'syncing' };
  let replacement: Replacement | undefined;
  let hasData = false;
  let session: Session | undefined;
  let running: Promise<void> = Promise.resolve();

  const setState = (next: WatcherState): void => {
    if (stopped.signal.aborted || sameState(state, next)) return;
    state = next;
    sink.state(next);
  };

  const deliver = (name: string, registrations: readonly Registration[]): boolean => {
    const text = hash('sha1', JSON.stringify(registrations), 'base64');
    if (delivered.get(name) === text) return false;
    delivered.set(name, text);
    if (replacement === undefined) sink.update(name, registrations);
    else replacement.put(name, registrations);
    return true;
  };
  const forget = (name: string): void => {
    if (stopped.signal.aborted) return;
    skipLog.note(name, []);
    if (delivered.delete(name)) sink.update(name, []);
  };

  const handlers = {
    service(name: string, body: unknown): boolean {
      if (stopped.signal.aborted) return false;
      const reading = readService(name, body, options.metadata, pool);
      if (reading === undefined)
        throw new ConsulError('the reply to /v1/health/service is not that of a Consul');
      skipLog.note(name, reading.skipped);
      return deliver(name, reading.registrations);
    },
    unusable(name: string, reason: string, why: string): void {
      const detail = `${shown(name)}: ${why}; what was read before stays`;
      if (!stopped.signal.aborted) skipLog.note(name, [{ reason, detail }]);
    },
    gone: forget,
    listed(names: ReadonlySet<string>): void {
      if (stopped.signal.aborted) return;
      replacement?.done();
      replacement = undefined;
      hasData = true;
      for (const name of [...delivered.keys()].filter((known) => !names.has(known))) forget(name);
      setState({ kind: 'live' });
    },
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stopped.signal.aborted) {
      const begun = performance.now();
      if (!hasData) {
        delivered.clear();
        replacement = sink.replace();
      }
      try {
        session = new Session(options, handlers);
        await session.run();
      } catch (error) {
        const reason = `${where}: ${(error as Error).message}`;
        setState(hasData ? { kind: 'stale', reason } : { kind: 'failed', reason });
      }
      // one that breaks again and again is no success
      const lasted = session?.isListed === true && performance.now() - begun > options.backoffMaxMs;
      session = undefined;
      failures = lasted ? 0 : failures + 1;
      const pause = backOffMs(failures, options.backoffMinMs, options.backoffMaxMs, Math.random());
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
