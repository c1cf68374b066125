import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiClient, ApiError, asApiError } from '../kubernetes/api-client.ts';
import { LEASES, type ObjectMeta, pathOf } from '../kubernetes/resource.ts';

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** of this process: tells replicas apart */
  readonly identity: string;
}

export interface LeaseHandlers {
  /** This process holds the Lease from now on. */
  gained(): void;
  /** … no more. */
  lost(): void;
  /** The Lease cannot be had, for a reason that is not another holder; told once until it changes. */
  failed(reason: string): void;
}

/** As client-go's leader election: whoever does not renew for so long may be replaced … */
const DURATION_MS = 15_000;
/** … and stops believing that it holds the Lease somewhat earlier. */
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;

interface LeaseObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/**
 * Who of several replicas writes to the cluster: the holder of one Lease object (`coordination.k8s.io/v1`). Clocks of
 * replicas are never compared: a holder is gone when its record has not changed for `DURATION_MS` of our own clock.
 */
export class Lease {
  readonly #client: ApiClient;
  readonly #options: LeaseOptions;
  readonly #handlers: LeaseHandlers;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #isHeld = false;
  #expiry: NodeJS.Timeout | undefined;
  #seen = '';
  #seenAt = 0;
  #failure = '';

  constructor(client: ApiClient, options: LeaseOptions, handlers: LeaseHandlers) {
    this.#client = client;
    this.#options = options;
    this.#handlers = handlers;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives the Lease back, so that another replica need not wait for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    clearTimeout(this.#expiry);
    if (!this.#isHeld) return;
    this.#set(false);
    try {
      const lease = await this.#read();
      if (lease?.spec?.holderIdentity === this.#options.identity) {
        await this.#write(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 });
      }
    } catch {
      // then it runs out by itself
    }
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      try {
        const isHeld = await this.#try();
        // others count from the moment of writing: whoever renews late has to stop by itself
        clearTimeout(this.#expiry);
        const left = RENEW_DEADLINE_MS - (performance.now() - began);
        if (isHeld && left > 0) this.#expiry = setTimeout(() => this.#set(false), left).unref();
        this.#set(isHeld && left > 0);
        this.#failure = '';
      } catch (error) {
        const { message, status } = asApiError(error, 'Lease');
        // a conflict is another replica that was faster
        if (status !== 409 && message !== this.#failure) {
          this.#failure = message;
          this.#handlers.failed(message);
        }
      }
      await sleep(RETRY_MS * (0.9 + Math.random() * 0.2), undefined, { signal: this.#stop.signal }).catch(
        () => {},
      );
    }
  }

  /** @returns whether the Lease is ours now */
  async #try(): Promise<boolean> {
    const { identity, name, namespace } = this.#options;
    const lease = await this.#read();
    const now = new Date().toISOString().replace('Z', '000Z');
    const ours = { holderIdentity: identity, leaseDurationSeconds: DURATION_MS / 1000, renewTime: now };
    if (lease === undefined) {
      const metadata = { name, namespace };
      const spec = { ...ours, acquireTime: now, leaseTransitions: 0 };
      const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
      await this.#client.request('POST', pathOf(LEASES, namespace), {
        body,
        deadlineMs: RENEW_DEADLINE_MS / 2,
      });
      return true;
    }
    const { spec } = lease;
    const holder = spec?.holderIdentity ?? '';
    const record = JSON.stringify(spec);
    if (record !== this.#seen) {
      this.#seen = record;
      this.#seenAt = performance.now();
    }
    const durationMs = (spec?.leaseDurationSeconds ?? 0) * 1000;
    const isFree = holder === '' || performance.now() - this.#seenAt > durationMs;
    if (holder !== identity && !isFree) return false;
    const isNew = holder !== identity;
    await this.#write(lease, {
      ...ours,
      acquireTime: isNew ? now : (spec?.acquireTime ?? now),
      leaseTransitions: (spec?.leaseTransitions ?? 0) + (isNew ? 1 : 0),
    });
    return true;
  }

  async #read(): Promise<LeaseObject | undefined> {
    const { namespace, name } = this.#options;
    try {
      const path = pathOf(LEASES, namespace, name);
      return await this.#client.request<LeaseObject>('GET', path, { deadlineMs: RENEW_DEADLINE_MS / 2 });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Fails with 409 when the Lease changed since it was read. */
  async #write(lease: LeaseObject, spec: LeaseObject['spec']): Promise<void> {
    const { namespace, name } = this.#options;
    const body = { ...lease, spec };
    await this.#client.request('PUT', pathOf(LEASES, namespace, name), {
      body,
      deadlineMs: RENEW_DEADLINE_MS / 2,
    });
  }

  #set(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) this.#handlers.gained();
    else this.#handlers.lost();
  }
}
