import { type ApiClient, asApiError } from '../kubernetes/api-client.ts';
import { EVENTS, pathOf } from '../kubernetes/resource.ts';

/** The object that an Event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
}

export interface EventOptions {
  /** of this process: which replica wrote it */
  readonly instance: string;
  readonly onFailure: (reason: string) => void;
}

/** The same is told again after so long at the earliest. */
const REPEAT_MS = 10 * 60_000;
const REMEMBERED = 10_000;
/** So many at once, and so many each second after them: a wrong configuration must not flood the cluster. */
const BURST = 50;
const PER_SECOND = 5;
const MAX_NOTE = 1000;

/** Writes Events (`events.k8s.io/v1`), each once. */
export class EventWriter {
  readonly #client: ApiClient;
  readonly #options: EventOptions;
  /** when it was told last, in the order of telling */
  readonly #told = new Map<string, number>();
  #allowance = BURST;
  #allowanceAt = performance.now();
  #count = 0;
  /** left out, because there were too many */
  dropped = 0;

  constructor(client: ApiClient, options: EventOptions) {
    this.#client = client;
    this.#options = options;
  }

  tell(regarding: Regarding, type: 'Normal' | 'Warning', reason: string, note: string): void {
    const key = `${regarding.kind} ${regarding.namespace}/${regarding.name} ${reason} ${note}`;
    const now = performance.now();
    const last = this.#told.get(key);
    if (last !== undefined && now - last < REPEAT_MS) return;
    this.#allowance = Math.min(BURST, this.#allowance + ((now - this.#allowanceAt) / 1000) * PER_SECOND);
    this.#allowanceAt = now;
    if (this.#allowance < 1) {
      this.dropped++;
      return;
    }
    this.#allowance--;
    this.#told.delete(key);
    this.#told.set(key, now);
    for (const old of this.#told.keys()) {
      if (this.#told.size <= REMEMBERED) break;
      this.#told.delete(old);
    }
    void this.#write(regarding, type, reason, note);
  }

  async #write(regarding: Regarding, type: string, reason: string, note: string): Promise<void> {
    const { namespace, name, kind, apiVersion, uid } = regarding;
    const unique = `${Date.now().toString(16)}${(this.#count++).toString(16).padStart(4, '0')}`;
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 200)}.${unique}`, namespace },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: 'rpcdns.io/rpc-dns',
      reportingInstance: this.#options.instance.slice(0, 128),
      action: 'Name',
      reason,
      type,
      note: note.slice(0, MAX_NOTE),
      regarding: { apiVersion, kind, namespace, name, ...(uid === undefined ? {} : { uid }) },
    };
    try {
      await this.#client.request('POST', pathOf(EVENTS, namespace), { body });
    } catch (error) {
      this.#options.onFailure(asApiError(error, 'Event').message);
    }
  }
}
