/** ServiceEntries of a cluster, watched in its Kubernetes API: with the WorkloadEntries that they select. */
import { ApiClient } from '../../kubernetes/api-client.ts';
import type { ObjectChange } from '../../kubernetes/informer.ts';
import { Kind } from '../../kubernetes/kind.ts';
import { SERVICE_ENTRIES, WORKLOAD_ENTRIES } from '../../kubernetes/resource.ts';
import { WatchedKinds } from '../../kubernetes/watched-kinds.ts';
import type { Registration } from '../registration.ts';
import { SkipLog } from '../skip-log.ts';
import type { RegistrySink, Watcher } from '../watcher.ts';
import {
  type KeptServiceEntry,
  type KeptWorkloadEntry,
  keepServiceEntry,
  keepWorkloadEntry,
  type Workload,
} from './objects.ts';
import type { IstioOptions } from './options.ts';
import { readServiceEntry } from './parse.ts';

/** A unit is a ServiceEntry. */
export class IstioWatcher implements Watcher {
  readonly #sink: RegistrySink;
  readonly #skipped: SkipLog;
  readonly #entries: Kind<KeptServiceEntry>;
  readonly #workloads: Kind<KeptWorkloadEntry>;
  readonly #kinds: WatchedKinds;
  /** keys of WorkloadEntries by namespace, and of the ServiceEntries that select any */
  readonly #workloadsIn = new Map<string, Set<string>>();
  readonly #selecting = new Map<string, Set<string>>();

  constructor(options: IstioOptions, sink: RegistrySink, client = new ApiClient(options)) {
    this.#sink = sink;
    this.#skipped = new SkipLog(sink);
    const namespaces = options.namespaces.length === 0 ? undefined : options.namespaces;
    const state = () => this.#kinds.look();
    this.#entries = new Kind(client, { resource: SERVICE_ENTRIES, trim: keepServiceEntry }, namespaces, {
      changed: (changes) => this.#onEntries(changes),
      state,
    });
    this.#workloads = new Kind(client, { resource: WORKLOAD_ENTRIES, trim: keepWorkloadEntry }, namespaces, {
      changed: (changes) => this.#onWorkloads(changes),
      state,
    });
    this.#kinds = new WatchedKinds(client, [this.#entries, this.#workloads], options, {
      deliver: () => this.#deliverAll(),
      looked: () => {},
      disabled: (kind, reason) =>
        this.#skipped.note(
          `kind/${kind}`,
          reason === undefined ? [] : [{ reason: 'disabled-kind', detail: reason }],
        ),
      state: (next) => sink.state(next),
    });
  }

  start(): void {
    this.#kinds.start();
  }

  stop(): Promise<void> {
    return this.#kinds.stop();
  }

  #deliverAll(): void {
    const replacement = this.#sink.replace();
    for (const [key, entry] of this.#entries.entries()) replacement.put(key, this.#read(key, entry));
    replacement.done();
  }

  #onEntries(changes: readonly ObjectChange<KeptServiceEntry>[]): void {
    for (const { key, object } of changes) {
      note(this.#selecting, key, object?.spec?.workloadSelector !== undefined);
      if (!this.#tells) continue;
      if (object === undefined) this.#skipped.note(key, []);
      this.#sink.update(key, object === undefined ? [] : this.#read(key, object));
    }
  }

  #onWorkloads(changes: readonly ObjectChange<KeptWorkloadEntry>[]): void {
    const affected = new Set<string>();
    for (const { key, object } of changes) {
      note(this.#workloadsIn, key, object !== undefined);
      const problem = object?.problem;
      const detail = `WorkloadEntry ${key}: ${problem}`;
      this.#skipped.note(`workload/${key}`, problem === undefined ? [] : [{ reason: 'invalid', detail }]);
      for (const entry of this.#selecting.get(namespaceOf(key)) ?? []) affected.add(entry);
    }
    if (!this.#tells) return;
    for (const key of affected) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) this.#sink.update(key, this.#read(key, entry));
    }
  }

  /** What comes before everything was read is delivered with everything. */
  get #tells(): boolean {
    return this.#kinds.hasData && !this.#kinds.isStopped;
  }

  #read(key: string, entry: KeptServiceEntry): readonly Registration[] {
    const { registrations, skipped } = readServiceEntry(entry, this.#selectedBy(entry));
    this.#skipped.note(key, skipped);
    return registrations;
  }

  /** WorkloadEntries of its namespace that have all labels of its selector; an empty selector selects none. */
  #selectedBy({ namespace, spec }: KeptServiceEntry): Workload[] {
    const wanted = Object.entries(spec?.workloadSelector?.labels ?? {});
    if (wanted.length === 0) return [];
    const found: Workload[] = [];
    for (const key of this.#workloadsIn.get(namespace) ?? []) {
      const workload = this.#workloads.get(key)?.spec;
      if (workload !== undefined && wanted.every(([label, value]) => workload.labels[label] === value))
        found.push(workload);
    }
    return found;
  }
}

function namespaceOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('/')));
}

/** Notes by namespace whether a key belongs to it. */
function note(keys: Map<string, Set<string>>, key: string, isIn: boolean): void {
  const namespace = namespaceOf(key);
  const known = keys.get(namespace) ?? new Set();
  if (isIn) keys.set(namespace, known.add(key));
  else if (known.delete(key) && known.size === 0) keys.delete(namespace);
}
