/** A Kubernetes cluster, watched: what its objects register, which Services stand, and what lies behind them. */
import { ApiClient } from '../../kubernetes/api-client.ts';
import type { Kept, ObjectChange } from '../../kubernetes/informer.ts';
import { Kind } from '../../kubernetes/kind.ts';
import {
  CONFIG_MAPS,
  ENDPOINT_SLICES,
  NAMESPACES,
  RPC_OWNERSHIPS,
  RPC_SERVICES,
  SERVICES,
} from '../../kubernetes/resource.ts';
import { WatchedKinds } from '../../kubernetes/watched-kinds.ts';
import type { ClusterChange } from '../cluster.ts';
import type { Registration } from '../registration.ts';
import type { ClusterObserver, ControlledCluster } from '../registry-kind.ts';
import { SkipLog, type SkippedEntry } from '../skip-log.ts';
import type { RegistrySink, Watcher } from '../watcher.ts';
import {
  type KeptConfigMap,
  type KeptNamespace,
  type KeptOwnership,
  type KeptRpcService,
  type KeptService,
  type KeptSlice,
  keepConfigMap,
  keepNamespace,
  keepOwnership,
  keepRpcService,
  keepService,
  keepSlice,
} from './objects.ts';
import { CONFIG_MAP_SELECTOR, type KubernetesOptions } from './options.ts';
import { type Reading, readAnnotations, readDocument, readRpcService } from './parse.ts';
import { ServiceFinder } from './service-finder.ts';

/** A unit is an RPCService, an annotated Service, or one document of a ConfigMap. */
export class KubernetesWatcher implements Watcher, ControlledCluster {
  readonly services: Kind<KeptService>;
  readonly slices: Kind<KeptSlice>;
  readonly rpcServices: Kind<KeptRpcService>;
  readonly finder: ServiceFinder;
  readonly #configMaps: Kind<KeptConfigMap>;
  readonly #namespaces: Kind<KeptNamespace>;
  readonly #ownerships: Kind<KeptOwnership>;
  readonly client: ApiClient;
  readonly #options: KubernetesOptions;
  readonly #sink: RegistrySink;
  readonly #skipped: SkipLog;
  #observer: ClusterObserver | undefined;
  /** the last good content of each document, by unit */
  readonly #documents = new Map<string, readonly Registration[]>();
  /** documents by ConfigMap */
  readonly #unitsOfMap = new Map<string, ReadonlySet<string>>();
  readonly #kinds: WatchedKinds;
  #isListTold = false;

  constructor(options: KubernetesOptions, sink: RegistrySink) {
    this.#options = options;
    this.#sink = sink;
    this.#skipped = new SkipLog(sink);
    this.client = new ApiClient(options);
    const namespaces = options.namespaces.length === 0 ? undefined : options.namespaces;
    const state = () => this.#kinds.look();
    const kind = <T extends Kept>(
      resource: typeof SERVICES,
      trim: (object: Parameters<typeof keepService>[0], key: string) => T | undefined,
      changed: (changes: readonly ObjectChange<T>[]) => void,
      labelSelector?: string,
    ) => {
      const handlers = {
        changed: (changes: readonly ObjectChange<T>[]) => {
          // what comes before everything was read is delivered with everything
          if (this.hasData && !this.#kinds.isStopped) changed(changes);
        },
        state,
      };
      const selector = labelSelector === undefined ? {} : { labelSelector };
      const scope = resource.namespaced ? namespaces : undefined;
      return new Kind<T>(this.client, { resource, trim, ...selector }, scope, handlers);
    };
    this.services = kind(SERVICES, keepService, (changes) => this.#onServices(changes));
    this.slices = kind(ENDPOINT_SLICES, keepSlice, (changes) => this.#onSlices(changes));
    this.rpcServices = kind(RPC_SERVICES, keepRpcService, (changes) => this.#onRpcServices(changes));
    this.#configMaps = kind(
      CONFIG_MAPS,
      keepConfigMap,
      (changes) => this.#onConfigMaps(changes),
      CONFIG_MAP_SELECTOR,
    );
    this.#namespaces = kind(NAMESPACES, keepNamespace, (changes) => this.#onNamespaces(changes));
    this.#ownerships = kind(RPC_OWNERSHIPS, keepOwnership, (changes) => {
      this.#sink.cluster(changes.map(this.#ownershipChange), false);
    });
    const kinds = [
      this.services,
      this.slices,
      this.rpcServices,
      this.#configMaps,
      this.#namespaces,
      this.#ownerships,
    ];
    this.#kinds = new WatchedKinds(this.client, kinds, options, {
      deliver: () => this.#deliverAll(),
      looked: () => this.#tellList(),
      // a source that is disabled for want of a right, or of a definition, must not be silent about it
      disabled: (kind, reason) =>
        this.#skipped.note(
          `kind/${kind}`,
          reason === undefined ? [] : [{ reason: 'disabled-kind', detail: reason }],
        ),
      state: (next) => sink.state(next),
    });
    this.finder = new ServiceFinder(this.services);
  }

  /** Whether everything was read once. */
  get hasData(): boolean {
    return this.#kinds.hasData;
  }

  start(): void {
    this.#kinds.start();
  }

  stop(): Promise<void> {
    return this.#kinds.stop();
  }

  /** What could not be used, as it stands now. */
  skippedEntries(): Iterable<readonly [unit: string, details: ReadonlySet<string>]> {
    return this.#skipped.all();
  }

  /** At most one; told of everything from now on. */
  observe(observer: ClusterObserver): void {
    this.#observer = observer;
  }

  /** Everything that the cluster says, once every kind was read or found to be missing. */
  #deliverAll(): void {
    const changes: ClusterChange[] = [];
    for (const [key, { service }] of this.services.entries()) {
      changes.push({ kind: 'service', key, service });
    }
    for (const [key, { slice }] of this.slices.entries()) changes.push({ kind: 'slice', key, slice });
    for (const [key, object] of this.#ownerships.entries())
      changes.push(this.#ownershipChange({ key, object }));
    this.#isListTold = this.services.isListed;
    this.#sink.cluster(changes, this.#isListTold);
    const replacement = this.#sink.replace();
    for (const [key, object] of this.rpcServices.entries()) {
      this.finder.noteRpcService(key, object);
      const unit = rpcServiceUnit(key);
      replacement.put(unit, this.#registrations(unit, this.#readRpcService(object)));
    }
    for (const [key, object] of this.services.entries()) {
      if (object.notes?.['interfaces'] === undefined) continue;
      const unit = serviceUnit(key);
      replacement.put(unit, this.#registrations(unit, this.#readAnnotations(object)));
    }
    for (const [key, object] of this.#configMaps.entries()) {
      for (const [unit, registrations] of this.#readConfigMap(key, object)) {
        replacement.put(unit, registrations);
      }
    }
    replacement.done();
    for (const [key, object] of this.rpcServices.entries()) this.#observer?.rpcServiceChanged(key, object);
  }

  #tellList(): void {
    if (this.#isListTold || !this.services.isListed) return;
    // the right to read Services came later than the rest
    this.#isListTold = true;
    this.#sink.cluster([], true);
  }

  #onServices(changes: readonly ObjectChange<KeptService>[]): void {
    const facts = changes.map(({ key, object }): ClusterChange => {
      return { kind: 'service', key, service: object?.service };
    });
    this.#sink.cluster(facts, this.services.isListed);
    const affected = new Set<string>();
    for (const { key, object } of changes) {
      for (const rpcService of this.finder.noteService(key)) affected.add(rpcService);
      const isAnnotated = object?.notes?.['interfaces'] !== undefined;
      if (isAnnotated || this.#annotated.has(key)) {
        const reading = object === undefined ? NOTHING : this.#readAnnotations(object);
        this.#update(serviceUnit(key), reading);
      }
      if (isAnnotated) this.#annotated.add(key);
      else this.#annotated.delete(key);
    }
    this.#rereadRpcServices(affected);
  }

  readonly #annotated = new Set<string>();

  #onSlices(changes: readonly ObjectChange<KeptSlice>[]): void {
    this.#sink.cluster(
      changes.map(({ key, object }) => ({ kind: 'slice', key, slice: object?.slice })),
      this.services.isListed,
    );
  }

  #onRpcServices(changes: readonly ObjectChange<KeptRpcService>[]): void {
    for (const { key, object } of changes) {
      this.finder.noteRpcService(key, object);
      this.#update(rpcServiceUnit(key), object === undefined ? NOTHING : this.#readRpcService(object));
      this.#observer?.rpcServiceChanged(key, object);
    }
  }

  #rereadRpcServices(keys: Iterable<string>): void {
    for (const key of keys) {
      const object = this.rpcServices.get(key);
      if (object === undefined) continue;
      this.#update(rpcServiceUnit(key), this.#readRpcService(object));
      this.#observer?.rpcServiceChanged(key, object);
    }
  }

  #onConfigMaps(changes: readonly ObjectChange<KeptConfigMap>[]): void {
    for (const { key, object } of changes) {
      const before = this.#unitsOfMap.get(key) ?? new Set<string>();
      const units = this.#readConfigMap(key, object);
      for (const unit of before) if (!units.has(unit)) this.#sink.update(unit, []);
      for (const [unit, registrations] of units) this.#sink.update(unit, registrations);
    }
  }

  /** A namespace's annotations are defaults for what is in it. */
  #onNamespaces(changes: readonly ObjectChange<KeptNamespace>[]): void {
    const namespaces = new Set(changes.map(({ key }) => key));
    for (const [key, object] of this.services.entries()) {
      if (namespaces.has(object.service.namespace) && this.#annotated.has(key)) {
        this.#update(serviceUnit(key), this.#readAnnotations(object));
      }
    }
    for (const [key, object] of this.rpcServices.entries()) {
      if (namespaces.has(object.namespace)) this.#update(rpcServiceUnit(key), this.#readRpcService(object));
    }
  }

  #readRpcService(object: KeptRpcService): Reading {
    return readRpcService(object, this.finder.find(object), this.#around(object.namespace));
  }

  #readAnnotations(object: KeptService): Reading {
    this.#annotated.add(`${object.service.namespace}/${object.service.name}`);
    return readAnnotations(object, this.#around(object.service.namespace));
  }

  /** A document that went bad keeps what it said before. @returns registrations by unit */
  #readConfigMap(key: string, object: KeptConfigMap | undefined): Map<string, readonly Registration[]> {
    const units = new Map<string, readonly Registration[]>();
    for (const [name, text] of object?.documents ?? []) {
      const unit = `configmap/${key}/${name}`;
      const reading = object === undefined ? undefined : readDocument(object, name, text);
      this.#noteSkipped(unit, reading?.skipped ?? []);
      const registrations = reading?.isGood === true ? reading.registrations : this.#documents.get(unit);
      units.set(unit, registrations ?? []);
      this.#documents.set(unit, registrations ?? []);
    }
    for (const unit of this.#unitsOfMap.get(key) ?? []) {
      if (units.has(unit)) continue;
      this.#documents.delete(unit);
      this.#skipped.note(unit, []);
    }
    if (units.size === 0) this.#unitsOfMap.delete(key);
    else this.#unitsOfMap.set(key, new Set(units.keys()));
    return units;
  }

  #around(namespace: string) {
    return { cluster: this.#options.id, namespaceNotes: this.#namespaces.get(namespace)?.notes };
  }

  #update(unit: string, reading: Reading): void {
    this.#sink.update(unit, this.#registrations(unit, reading));
  }

  #registrations(unit: string, { registrations, skipped }: Reading): readonly Registration[] {
    this.#noteSkipped(unit, skipped);
    return registrations;
  }

  #noteSkipped(unit: string, skipped: readonly SkippedEntry[]): void {
    this.#skipped.note(unit, skipped);
    if (skipped.length === 0) return;
    this.#observer?.skipped(
      unit,
      skipped.map(({ detail }) => detail),
    );
  }

  readonly #ownershipChange = ({ key, object }: ObjectChange<KeptOwnership>): ClusterChange => {
    const problem = object?.problem;
    this.#skipped.note(
      `ownership/${key}`,
      problem === undefined ? [] : [{ reason: 'ownership', detail: problem }],
    );
    return { kind: 'ownership', key, rule: object?.rule };
  };
}

const NOTHING: Reading = { registrations: [], skipped: [] };

function rpcServiceUnit(key: string): string {
  return `rpcservice/${key}`;
}

function serviceUnit(key: string): string {
  return `service/${key}`;
}
