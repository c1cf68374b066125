/** What an operator can say about a Kubernetes registry, and its defaults. */
export interface KubernetesOptions {
  /** the registry's id */
  readonly id: string;
  /** a kubeconfig file; undefined: the pod's ServiceAccount */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** empty: all */
  readonly namespaces: readonly string[];
  /** An API server from which nothing came for so long is asked whether it lives. */
  readonly probeIntervalMs: number;
  /** … and has so long to answer. */
  readonly probeDeadlineMs: number;
  /** So long a lost connection is no news: load balancers cut watches, and the next one stands in milliseconds. */
  readonly graceMs: number;
}

export const KUBERNETES_DEFAULTS = {
  probeIntervalMs: 3_000,
  probeDeadlineMs: 2_500,
  graceMs: 1_000,
} as const;

/** ConfigMaps with this label hold interfaces. */
export const CONFIG_MAP_SELECTOR = 'rpcdns.io/registry=true';
