/** A SOFARegistry, watched: from session server to session server, with the old data standing in between. */
import { backOffMs } from '../../base/back-off.ts';
import { hostPortText } from '../../name/address.ts';
import { SkipLog } from '../skip-log.ts';
import type { RegistrySink, Watcher, WatcherState } from '../watcher.ts';
import { Deliveries } from './deliveries.ts';
import { Interfaces } from './interfaces.ts';
import type { SofaRegistryOptions } from './options.ts';
import { RegistryHttp } from './registry-http.ts';
import { Session } from './session.ts';

/** A connection that lasted so long proves its server: the next pause is the shortest again. */
const PROVEN_MS = 10_000;

/** A unit is what one data centre has of one dataInfoId. */
export function createSofaRegistryWatcher(options: SofaRegistryOptions, sink: RegistrySink): Watcher {
  const http = new RegistryHttp(options);
  const deliveries = new Deliveries(sink);
  const interfaces = new Interfaces(options.instance, deliveries, new SkipLog(sink));
  let state: WatcherState = { kind: 'syncing' };
  let session: Session | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let failures = 0;
  // replicas spread over the servers
  let next = Math.floor(Math.random() * options.servers.length);

  const setState = (to: WatcherState): void => {
    if (isStopped || (state.kind === to.kind && reasonOf(state) === reasonOf(to))) return;
    state = to;
    sink.state(to);
  };
  const lost = (reason: string, lastedMs: number): void => {
    if (isStopped) return;
    if (lastedMs > PROVEN_MS) failures = 0;
    session = undefined;
    deliveries.restart();
    const rounds = Math.floor(failures / options.servers.length);
    failures++;
    const pause = backOffMs(rounds, options.backoffMinMs, options.backoffMaxMs, Math.random());
    timer = setTimeout(() => void attempt(), pause);
    setState({ kind: deliveries.isDone ? 'stale' : 'failed', reason });
  };
  const attempt = async (): Promise<void> => {
    const seed = options.servers[next++ % options.servers.length];
    if (seed === undefined) return;
    const found = await http.sessionServers(seed);
    if (isStopped) return;
    if (!found.ok) return lost(found.reason, 0);
    const server = found.value[Math.floor(Math.random() * found.value.length)];
    if (server === undefined) return lost(`${hostPortText(seed)} knows no session server`, 0);
    let liveAt: number | undefined;
    session = new Session(server, { seed, sessions: found.value }, options, http, interfaces, {
      complete: () => {
        liveAt = performance.now();
        deliveries.complete();
        setState({ kind: 'live' });
      },
      namesProblem: (reason) => {
        if (liveAt !== undefined)
          setState(reason === undefined ? { kind: 'live' } : { kind: 'stale', reason });
      },
      lost: (reason) => lost(reason, liveAt === undefined ? 0 : performance.now() - liveAt),
    });
  };

  return {
    start() {
      sink.state(state);
      void attempt();
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      session?.close();
      http.close();
    },
  };
}

function reasonOf(state: WatcherState): string {
  return 'reason' in state ? state.reason : '';
}
