/** A Nacos registry, watched: each namespace for itself, delivered together. */
import { SkipLog } from '../skip-log.ts';
import type { RegistrySink, Watcher, WatcherState } from '../watcher.ts';
import { Deliveries } from './deliveries.ts';
import { DubboServices } from './dubbo-services.ts';
import { Follower } from './follower.ts';
import { NacosHttp } from './http-client.ts';
import { Login } from './login.ts';
import { Namespace } from './namespace.ts';
import type { NacosOptions } from './options.ts';

/**
 * A unit is one service: `public@@DEFAULT_GROUP@@providers:com.foo.UserService:1.0.0:`.
 *
 * @param grpcAgainMs how often gRPC is tried while HTTP is what there is
 */
export function createNacosWatcher(options: NacosOptions, sink: RegistrySink, grpcAgainMs?: number): Watcher {
  const { username, passwordFile } = options;
  const http = new NacosHttp(options.tls);
  const credentials =
    username === undefined || passwordFile === undefined ? undefined : { username, passwordFile };
  const login = new Login(http, credentials);
  const deliveries = new Deliveries(sink, options.namespaces.length);
  const skips = new SkipLog(sink);
  /** namespaces that are not read, and why */
  const problems = new Map<string, string>();
  let state: WatcherState = { kind: 'syncing' };
  let isStopped = false;

  const setState = (next: WatcherState): void => {
    if (isStopped || (state.kind === next.kind && reasonOf(state) === reasonOf(next))) return;
    state = next;
    sink.state(next);
  };
  const showProblem = (): void => {
    const [problem] = problems;
    if (problem === undefined) {
      if (deliveries.isDone) setState({ kind: 'live' });
      return;
    }
    const [name, text] = problem;
    const reason = options.namespaces.length === 1 ? text : `namespace ${name}: ${text}`;
    setState({ kind: deliveries.isDone ? 'stale' : 'failed', reason });
  };

  const followers = options.namespaces.map((name) => {
    const dubbo = new DubboServices(http, login, options.servers, name);
    const namespace = new Namespace(name, options, dubbo, deliveries, skips);
    const handlers = {
      complete: (): void => {
        problems.delete(name);
        if (deliveries.complete(name)) showProblem();
      },
      lost: (reason: string): void => {
        problems.set(name, reason);
        showProblem();
        if (deliveries.isDone) return;
        deliveries.restart();
        for (const other of followers) if (other.name !== name) other.follower.restart();
      },
    };
    return { name, namespace, follower: new Follower(namespace, http, login, handlers, grpcAgainMs) };
  });

  return {
    start() {
      sink.state(state);
      for (const { follower } of followers) follower.start();
    },
    async stop() {
      isStopped = true;
      for (const { follower, namespace } of followers) {
        follower.stop();
        namespace.stop();
      }
      http.stop();
    },
  };
}

function reasonOf(state: WatcherState): string {
  return 'reason' in state ? state.reason : '';
}
