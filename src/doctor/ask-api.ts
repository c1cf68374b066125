import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { ApiClient, ApiError, type ClusterAccess } from '../kubernetes/api-client.ts';
import { kindOf, registryId } from '../registry/kinds.ts';

/** What the API server of a registry's cluster said, when asked for what every such registry reads. */
export interface ApiAnswer {
  readonly access: ClusterAccess;
  readonly milliseconds: number;
  /** HTTP status; 0: there was none */
  readonly status: number;
  /** why it is not 200 */
  readonly reason: string | undefined;
  /** how far our clock is ahead of its own, in milliseconds; undefined: it did not say */
  readonly aheadMs: number | undefined;
}

/** Reading certificates and tokens takes its time before anything is sent. */
const PREPARATION_MS = 1000;

/** By the registry's id. @param now Unix milliseconds */
export async function askApis(
  { registries }: Config,
  timeoutMs: number,
  now: () => number,
): Promise<ReadonlyMap<string, ApiAnswer>> {
  const answers = await Promise.all(
    registries.map(async (registry) => {
      const access = kindOf(registry).accessOf?.(registry);
      return access === undefined ? [] : [[registryId(registry), await ask(access, timeoutMs, now)] as const];
    }),
  );
  return new Map(answers.flat());
}

async function ask(access: ClusterAccess, timeoutMs: number, now: () => number): Promise<ApiAnswer> {
  const client = new ApiClient(access);
  const start = performance.now();
  const deadlineMs = timeoutMs + PREPARATION_MS;
  let error: unknown;
  try {
    // connecting takes its own time, whatever the request's deadline is
    const late = sleep(deadlineMs, undefined, { ref: false }).then(() => {
      throw new ApiError(0, 'Timeout', `the API server says nothing within ${deadlineMs} ms`);
    });
    await Promise.race([
      client.request('GET', '/api/v1/services', { query: { limit: '1' }, deadlineMs }),
      late,
    ]);
  } catch (thrown) {
    error = thrown;
  }
  const milliseconds = performance.now() - start;
  const { serverTime } = client;
  const aheadMs = serverTime === undefined ? undefined : now() - serverTime;
  void client.close();
  if (error === undefined) return { access, milliseconds, status: 200, reason: undefined, aheadMs };
  const status = error instanceof ApiError ? error.status : 0;
  return { access, milliseconds, status, reason: (error as Error).message, aheadMs };
}
