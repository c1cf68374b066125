import { z } from 'zod';
import { WATCHED_KINDS_DEFAULTS } from '../../kubernetes/watched-kinds.ts';
import { clusterKeys, unreadableKubeconfig } from '../cluster-keys.ts';
import { commonKeys, FORGET_AT_ONCE, joinKey, type RegistryKind, SETTLES_AT_ONCE } from '../registry-kind.ts';
import { IstioWatcher } from './watcher.ts';

const schema = z.strictObject({
  kind: z.literal('istio'),
  ...clusterKeys,
  ...commonKeys,
  ...joinKey,
  ...FORGET_AT_ONCE,
  ...SETTLES_AT_ONCE,
});

/** ServiceEntries and WorkloadEntries of a cluster. */
export const istioKind: RegistryKind<z.output<typeof schema>> = {
  kind: 'istio',
  schema,
  idOf: ({ kubeconfig, context }) =>
    `istio:${kubeconfig ?? 'in-cluster'}${context === undefined ? '' : `#${context}`}`,
  hasServices: false,
  accessOf: ({ kubeconfig, context }) => ({ kubeconfig, context }),
  check: ({ kubeconfig }) => {
    const reason = kubeconfig === undefined ? undefined : unreadableKubeconfig(kubeconfig);
    return reason === undefined ? [] : [{ key: 'kubeconfig', text: `${kubeconfig}: ${reason}` }];
  },
  open: ({ kubeconfig, context, namespaces }, id, sink) => ({
    watcher: new IstioWatcher({ ...WATCHED_KINDS_DEFAULTS, id, kubeconfig, context, namespaces }, sink),
  }),
};
