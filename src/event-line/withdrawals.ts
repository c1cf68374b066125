import type { Clock } from '../base/clock.ts';
import type { Feed } from '../feed/feed.ts';
import type { ClusterIndex } from '../intake/cluster-index.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { BlobAt } from '../packed/arena.ts';
import type { Vip } from '../plan/record.ts';

/** What has to go is not kept in the answers longer than this by a store that is slow. */
const WITHDRAW_MS = 20;

/**
 * ClusterIPs that Kubernetes has taken back: it hands them out again at once, so they leave every answer whatever is being
 * decided or recorded (contract 1.3). Nothing has to be recorded for that.
 */
export class Withdrawals {
  readonly #feed: Feed;
  readonly #clusters: ClusterIndex;
  readonly #clock: Clock;
  readonly #onFailure: (error: Error) => void;
  #isStopped = false;

  constructor(feed: Feed, clusters: ClusterIndex, clock: Clock, onFailure: (error: Error) => void) {
    this.#feed = feed;
    this.#clusters = clusters;
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** A record, staged or published, without what has gone since it was made, staged; undefined: nothing has. */
  standing(at: BlobAt): BlobAt | undefined {
    return this.#feed.without(at, ({ vip }) => this.#goneOf(vip));
  }

  /** Services of these interfaces changed: what they took along leaves the answers, unless a plan is faster. */
  soon(names: readonly InterfaceName[]): void {
    this.#clock.after(WITHDRAW_MS, () => this.#withdraw(names));
  }

  stop(): void {
    this.#isStopped = true;
  }

  #withdraw(names: readonly InterfaceName[]): void {
    if (this.#isStopped) return;
    const changes = new Map<InterfaceName, BlobAt>();
    for (const name of names) {
      const at = this.standing(this.#feed.recordOf(name));
      if (at !== undefined) changes.set(name, at);
    }
    if (changes.size === 0) return;
    this.#feed
      .publishNow(changes, this.#clock.now())
      .catch((error: unknown) => this.#onFailure(error as Error));
  }

  /** Why the addresses of a VIP are not answered any more: the Service whose ClusterIPs they are has gone. */
  #goneOf({ behind, addresses }: Vip): string | undefined {
    if (behind === undefined) return undefined;
    const service = `${behind.namespace}/${behind.name}`;
    if (!this.#clusters.isGone(behind.cluster, service, addresses)) return undefined;
    return `Service ${service} has this address no more`;
  }
}
