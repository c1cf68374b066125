import { backOffMs } from '../../base/back-off.ts';
import { problemText } from '../../base/problem.ts';
import { parseInterfaces } from '../interfaces-document.ts';
import type { RegistrySink, Watcher } from '../watcher.ts';
import { DocumentSource, withoutSecrets } from './document-source.ts';
import type { HttpRegistryOptions } from './options.ts';

/** The first attempt after a failure comes so soon; none comes later than `interval`. */
const RETRY_MS = 500;
/** Chance takes up to so much of a pause: replicas do not ask all at once. */
const SPREAD = 0.2;
/** So many problems are told of one document. */
const MAX_TOLD = 100;

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
  let hasSnapshot = false;
  let failures = 0;
  let lastText: string | undefined;
  let lastReason: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;

  const fail = (reason: string) => {
    failures++;
    if (reason === lastReason) return;
    lastReason = reason;
    sink.state(hasSnapshot ? { kind: 'stale', reason } : { kind: 'failed', reason });
  };

  const succeed = () => {
    failures = 0;
    if (lastReason !== undefined || !hasSnapshot) sink.state({ kind: 'live' });
    lastReason = undefined;
    hasSnapshot = true;
  };

  const deliver = (text: string) => {
    if (text === lastText) return succeed();
    const parsed = parseInterfaces(where, text);
    if (!parsed.ok) {
      // a server that says 'unchanged' from now on would speak of the bad one
      source.forget();
      const texts = parsed.problems.map(problemText);
      if (lastReason !== reasonOf(texts)) {
        for (const problem of texts.slice(0, MAX_TOLD)) sink.skipped('bad-document', problem);
      }
      return fail(reasonOf(texts));
    }
    lastText = text;
    if (hasSnapshot) sink.update(where, parsed.registrations);
    else {
      const replacement = sink.replace();
      replacement.put(where, parsed.registrations);
      replacement.done();
    }
    succeed();
  };

  const look = async () => {
    const fetched = await source.fetch();
    if (isStopped) return;
    if (fetched.kind === 'failed') fail(`${where}: ${fetched.reason}`);
    else if (fetched.kind === 'document') deliver(fetched.text);
    else if (lastText === undefined) fail(`${where}: status 304 to a question without condition`);
    else succeed();
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

function reasonOf(problems: readonly string[]): string {
  return `${problems.length} problems in the document: ${problems.slice(0, 3).join('; ')}`;
}
