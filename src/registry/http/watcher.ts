import { backOffMs } from '../../base/back-off.ts';
import { DocumentDelivery } from '../document-delivery.ts';
import type { RegistrySink, Watcher } from '../watcher.ts';
import { DocumentSource, type Fetched, withoutSecrets } from './document-source.ts';
import type { HttpRegistryOptions } from './options.ts';

/** The first attempt after a failure comes so soon; none comes later than `interval`. */
const RETRY_MS = 500;
/** Chance takes up to so much of a pause: replicas do not ask all at once. */
const SPREAD = 0.2;

/**
 * Fetches a document of interfaces, and again each `interval`. A server that is away, and a document with anything wrong
 * in it, leave what was read last; the state says why.
 */
export function createHttpWatcher(
  options: HttpRegistryOptions,
  sink: RegistrySink,
  source = new DocumentSource(options),
): Watcher {
  const where = withoutSecrets(options.url);
  const delivery = new DocumentDelivery(where, sink);
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;

  /** @returns whether the registry is as it should be */
  const take = (fetched: Fetched): boolean => {
    if (fetched.kind === 'document') {
      const isGood = delivery.take(fetched.text);
      // a server that says 'unchanged' from now on would speak of the bad one
      if (!isGood) source.forget();
      return isGood;
    }
    if (fetched.kind === 'unchanged' && delivery.hasSnapshot) {
      delivery.hold();
      return true;
    }
    const reason = fetched.kind === 'failed' ? fetched.reason : 'status 304 to a question without condition';
    delivery.fail(`${where}: ${reason}`);
    return false;
  };

  const look = async () => {
    const fetched = await source.fetch();
    if (isStopped) return;
    failures = take(fetched) ? 0 : failures + 1;
    const pause =
      failures === 0
        ? options.interval * (1 - SPREAD * Math.random())
        : backOffMs(failures - 1, Math.min(RETRY_MS, options.interval), options.interval, Math.random());
    timer = setTimeout(() => {
      running = look();
    }, pause);
  };

  return {
    start: () => {
      sink.state({ kind: 'syncing' });
      running = look();
    },
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      source.stop();
      await running;
    },
  };
}
