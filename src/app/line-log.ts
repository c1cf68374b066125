import type { LineEvents } from '../event-line/line-events.ts';
import { addressText } from '../name/address.ts';
import type { Logger } from '../telemetry/log.ts';
import type { EventMetrics } from '../telemetry/metrics.ts';
import type { Registries } from './registries.ts';

/** What the event line tells: to the log, to metrics, and to the controllers. */
export function lineEvents(
  log: Logger,
  metrics: () => EventMetrics,
  store: string,
  registries: () => Registries | undefined,
  ready: () => void,
): LineEvents {
  const states = new Map<string, string>();
  let isStoreDown = false;
  return {
    onRegistryState: ({ options: { id } }, state) => {
      const before = states.get(id);
      states.set(id, state.kind);
      if (state.kind === 'live') log.info({ registry: id }, 'registry is live');
      else if (state.kind !== 'syncing') {
        const { kind, reason } = state;
        if (before === kind) log.debug({ registry: id, state: kind, reason }, 'registry is still away');
        else log.warn({ registry: id, state: kind, reason }, 'registry is away');
      }
    },
    onReady: (interfaces) => {
      log.info({ interfaces }, 'ready');
      ready();
    },
    onSkipped: ({ options: { id } }, reason, detail) => {
      metrics().skipped(id, reason);
      log.warn({ registry: id, reason, detail }, 'registry entry skipped');
    },
    onPublished: (interfaces, seconds) => {
      metrics().published(seconds);
      log.debug({ interfaces, seconds }, 'published');
    },
    onPlanned: (name) => registries()?.planned(name),
    onRefused: (name, refusal) => {
      log.warn({ interface: name, reason: refusal.reason, refused: refusal.text }, 'a claim is refused');
      registries()?.refused(name, refusal);
    },
    onMoved: (name, service, from, to) => {
      const [before, after] = [from, to].map(({ addresses }) => addresses.map(addressText));
      const behind = to.behind === undefined ? '' : `${to.behind.namespace}/${to.behind.name}`;
      log.info(
        { interface: name, service, from: before, to: after, behind },
        'the VIP moved from the pool to the ClusterIP of a Service',
      );
      registries()?.moved(service, from, to);
    },
    // each of the others is a loss, and logged as such
    onContested: (service, vip) => registries()?.contested(service, vip),
    onLoss: (name, text) => log.warn({ interface: name, conflict: text }, 'conflict'),
    onStoreError: (error) => {
      isStoreDown = true;
      log.error({ store, error: error.message }, 'the store refuses to record');
    },
    onStoreRecovered: () => {
      if (isStoreDown) log.info({ store }, 'the store records again');
      isStoreDown = false;
    },
    onStoreProblem: (problem) =>
      log.error({ store, problem }, 'the store holds something that cannot be read'),
    onFailure: (error) => log.error({ error: error.stack ?? error.message }, 'the event line met a bug'),
    onDistrust: ({ options: { id, distrustForMs } }, held) => {
      log.warn(
        { registry: id, entries: held, seconds: distrustForMs / 1000 },
        'most of a registry is gone at once: not believed for a while (distrustFor)',
      );
    },
    onClusterIpInPool: ({ cluster, service, address, pool }) => {
      log.warn(
        { registry: cluster, service, address: addressText(address), pool: pool.text },
        'a Service has an address of a pool: interfaces may get what the cluster gives, choose another pool',
      );
    },
    onLetGo: (id) => log.info({ registry: id }, 'a registry that is not configured any more was forgotten'),
  };
}
