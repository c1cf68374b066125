/** What an operator can say about a Kubernetes registry, and its defaults. */

import { WATCHED_KINDS_DEFAULTS, type WatchedKindsOptions } from '../../kubernetes/watched-kinds.ts';

export interface KubernetesOptions extends WatchedKindsOptions {
  /** the registry's id */
  readonly id: string;
  /** a kubeconfig file; undefined: the pod's ServiceAccount */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** empty: all */
  readonly namespaces: readonly string[];
}

export const KUBERNETES_DEFAULTS = WATCHED_KINDS_DEFAULTS;

/** ConfigMaps with this label hold interfaces. */
export const CONFIG_MAP_SELECTOR = 'rpcdns.io/registry=true';
