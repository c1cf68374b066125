import type { WatchedKindsOptions } from '../../kubernetes/watched-kinds.ts';

/** Options of the `istio` registry. */
export interface IstioOptions extends WatchedKindsOptions {
  /** the registry's id */
  readonly id: string;
  /** a kubeconfig file; undefined: the pod's ServiceAccount */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** empty: all */
  readonly namespaces: readonly string[];
}
