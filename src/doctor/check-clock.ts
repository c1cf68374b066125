import { ApiClient } from '../kubernetes/api-client.ts';
import { kindOf, registryId } from '../registry/kinds.ts';
import { type Check, finding, good, type Seen, type Surroundings, warning } from './check.ts';

/** No rpc-dns was built before. */
const EARLIEST = Date.parse('2024-01-01T00:00:00Z');
/** Two clocks are read a moment apart, and HTTP tells whole seconds. */
const TOLERATED_MS = 5_000;
/** Certificates and tokens tolerate no more. */
const INTOLERABLE_MS = 60_000;

const REMEDY =
  'set it by NTP (timedatectl set-ntp true, chronyc makestep): certificates, tokens, serials and how long VIPs rest go by it';

/** Whether the clock is right, as far as somebody else's can be seen. */
export const checkClock: Check = {
  title: 'clock',
  async look(surroundings) {
    const now = surroundings.now();
    const text = new Date(now).toISOString();
    if (now < EARLIEST) return [finding(`it is ${text}, before rpc-dns was made`, REMEDY)];
    const stepped = Math.abs(performance.timeOrigin + performance.now() - Date.now());
    if (stepped > TOLERATED_MS) {
      return [warning(`it was set by ${Math.round(stepped / 1000)} s while doctor ran`, REMEDY)];
    }
    const compared = (
      await Promise.all(clustersOf(surroundings).map((one) => compare(one, surroundings)))
    ).flat();
    return compared.length > 0 ? compared : [good(`it is ${text}; nobody is there to compare it with`)];
  },
};

interface Cluster {
  readonly id: string;
  readonly client: ApiClient;
}

function clustersOf({ config }: Surroundings): Cluster[] {
  return config.registries.flatMap((registry) => {
    const access = kindOf(registry).accessOf?.(registry);
    return access === undefined ? [] : [{ id: registryId(registry), client: new ApiClient(access) }];
  });
}

async function compare({ id, client }: Cluster, { timeoutMs, now }: Surroundings): Promise<readonly Seen[]> {
  // a refusal has a date as well
  await client.request('GET', '/version', { deadlineMs: timeoutMs }).catch(() => {});
  const theirs = client.serverTime;
  await client.close();
  if (theirs === undefined) return [];
  const ahead = now() - theirs;
  const text = `it is ${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? 'ahead of' : 'behind'} that of ${id}`;
  if (Math.abs(ahead) > INTOLERABLE_MS) return [finding(text, REMEDY)];
  if (Math.abs(ahead) > TOLERATED_MS) return [warning(text, REMEDY)];
  return [good(`it agrees with that of ${id}`)];
}
