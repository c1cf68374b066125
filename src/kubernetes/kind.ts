import type { ApiClient } from './api-client.ts';
import {
  Informer,
  type InformerOptions,
  type InformerState,
  type Kept,
  type ObjectChange,
} from './informer.ts';

export interface KindHandlers<T> {
  changed(changes: readonly ObjectChange<T>[]): void;
  state(): void;
}

/** All watched objects of one kind: of the whole cluster, or of each namespace that is watched. */
export class Kind<T extends Kept> {
  readonly informers: readonly Informer<T>[];
  readonly #byNamespace: ReadonlyMap<string, Informer<T>> | undefined;

  /** @param namespaces undefined: the whole cluster */
  constructor(
    client: ApiClient,
    options: Omit<InformerOptions<T>, 'namespace'>,
    namespaces: readonly string[] | undefined,
    handlers: KindHandlers<T>,
  ) {
    const informerOf = (namespace: string | undefined) =>
      new Informer<T>(client, { ...options, namespace }, handlers);
    this.#byNamespace =
      namespaces && new Map(namespaces.map((namespace) => [namespace, informerOf(namespace)]));
    this.informers =
      this.#byNamespace === undefined ? [informerOf(undefined)] : [...this.#byNamespace.values()];
  }

  get(key: string): T | undefined {
    const informer =
      this.#byNamespace === undefined
        ? this.informers[0]
        : this.#byNamespace.get(key.slice(0, Math.max(0, key.indexOf('/'))));
    return informer?.get(key);
  }

  *entries(): Generator<[key: string, object: T]> {
    for (const informer of this.informers) yield* informer.entries();
  }

  get isSettled(): boolean {
    return this.informers.every(({ isSettled }) => isSettled);
  }

  /** Whether everything that is watched of it could be read. */
  get isListed(): boolean {
    return this.informers.every(({ state, isSettled }) => isSettled && state.kind !== 'disabled');
  }

  states(): InformerState[] {
    return this.informers.map(({ state }) => state);
  }
}
