import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { addressBlock } from '../../files/fields.ts';
import { unreadable } from '../../files/unreadable.ts';
import { homePath } from '../../kubernetes/home-path.ts';
import { commonKeys, FORGET_AT_ONCE, type RegistryKind, SETTLES_AT_ONCE } from '../registry-kind.ts';
import { KUBERNETES_DEFAULTS } from './options.ts';
import { KubernetesWatcher } from './watcher.ts';

/** A namespace's name is one label (RFC 1123). */
const namespace = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
  error: ({ input }) => `'${String(input)}': expected the name of a namespace such as trade`,
});

const schema = z.strictObject({
  kind: z.literal('kubernetes'),
  /** a kubeconfig file; without it the ServiceAccount of the pod that the server runs in */
  kubeconfig: z.string().min(1).optional(),
  /** of the kubeconfig; default: its current one */
  context: z.string().min(1).optional(),
  /** what is watched; empty: all */
  namespaces: z.array(namespace).default([]),
  /** an endpoint in here waits a moment for its EndpointSlice before a pool address is given */
  podCIDRs: z.array(addressBlock).default([]),
  /** whether this server may ask Register Agents and write statuses and Events, when it holds the Lease */
  controller: z.boolean().default(true),
  /** where the Lease lives; default: the pod's own namespace, else `rpc-dns` */
  leaseNamespace: namespace.optional(),
  ...commonKeys,
  ...FORGET_AT_ONCE,
  ...SETTLES_AT_ONCE,
});

/** A Kubernetes cluster: what its objects register, and its Services. */
export const kubernetesKind: RegistryKind<z.output<typeof schema>> = {
  kind: 'kubernetes',
  schema,
  idOf: ({ kubeconfig, context }) =>
    `kubernetes:${kubeconfig ?? 'in-cluster'}${context === undefined ? '' : `#${context}`}`,
  hasServices: true,
  accessOf: ({ kubeconfig, context }) => ({ kubeconfig, context }),
  podBlocks: ({ podCIDRs }) => podCIDRs,
  check: ({ kubeconfig }) => {
    const reason = kubeconfig === undefined ? undefined : unreadableKubeconfig(kubeconfig);
    return reason === undefined ? [] : [{ key: 'kubeconfig', text: `${kubeconfig}: ${reason}` }];
  },
  open: ({ kubeconfig, context, namespaces, controller, leaseNamespace }, id, sink) => {
    const watcher = new KubernetesWatcher(
      { ...KUBERNETES_DEFAULTS, id, kubeconfig, context, namespaces },
      sink,
    );
    return controller ? { watcher, control: { cluster: watcher, leaseNamespace } } : { watcher };
  },
};

/** @returns why it cannot be read; what stands in it is for the API server to accept */
export function unreadableKubeconfig(path: string): string | undefined {
  try {
    readFileSync(homePath(path));
    return undefined;
  } catch (error) {
    return unreadable(error);
  }
}
