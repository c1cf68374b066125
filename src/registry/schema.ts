import { z } from 'zod';
import { addressBlock, duration } from '../files/fields.ts';
import { isNodePath, parseServers } from './zookeeper/options.ts';

const HOURS_24 = '24h';

/** Keys that every registry has (contract 1.4). */
const common = {
  /** in logs, metrics, the store, and `join`; default: made from what the registry is */
  name: z.string().min(1).max(100).optional(),
  required: z.boolean().default(true),
  distrustFor: duration.prefault('60s'),
};

/** Names of the `kubernetes` registries whose Services may stand for what is registered here; default: the first. */
const join = z.array(z.string()).optional();

const fileRegistry = z.strictObject({
  kind: z.literal('file'),
  path: z.string().min(1),
  ...common,
  join,
  forgetAfter: duration.prefault('0s'),
});

const zookeeperRegistry = z.strictObject({
  kind: z.literal('zookeeper'),
  /** `host:port,host:port`, as ZooKeeper's own clients take it */
  servers: z.string().check((context) => {
    const servers = parseServers(context.value);
    if (servers.ok) return;
    context.issues.push({ code: 'custom', message: servers.reason, input: context.value });
  }),
  layouts: z
    .array(z.enum(['dubbo']))
    .min(1)
    .default(['dubbo']),
  root: z
    .string()
    .refine(isNodePath, { error: ({ input }) => `'${String(input)}': expected a path such as /dubbo` })
    .default('/dubbo'),
  /** `user:password` of ZooKeeper's digest scheme */
  digest: z
    .string()
    .regex(/^[^:]+:.+$/, { error: 'expected USER:PASSWORD' })
    .optional(),
  sessionTimeout: duration.prefault('30s'),
  ...common,
  join,
  forgetAfter: duration.prefault(HOURS_24),
});

/** A namespace's name is one label (RFC 1123). */
const namespace = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
  error: ({ input }) => `'${String(input)}': expected the name of a namespace such as trade`,
});

const kubernetesRegistry = z.strictObject({
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
  ...common,
  forgetAfter: duration.prefault('0s'),
});

export const REGISTRY_KINDS = ['file', 'zookeeper', 'kubernetes'] as const;

/** One entry of `registries`. */
export const registrySchema = z.discriminatedUnion(
  'kind',
  [fileRegistry, zookeeperRegistry, kubernetesRegistry],
  {
    error: (issue) => {
      if (typeof issue.input !== 'object') {
        return `'${String(issue.input)}': expected keys and values such as { kind: file, path: interfaces.yaml }`;
      }
      const kind = (issue.input as { kind?: unknown } | undefined)?.kind;
      const found = kind === undefined ? "'kind' is missing" : `'${String(kind)}'`;
      return `${found}: expected a registry of kind ${REGISTRY_KINDS.slice(0, -1).join(', ')} or ${REGISTRY_KINDS.at(-1)}`;
    },
  },
);

export type RegistryConfig = z.output<typeof registrySchema>;

/** The `kubernetes` registries, by id, whose Services may stand for what a registry holds. */
export function joinedClusters(registry: RegistryConfig, all: readonly RegistryConfig[]): string[] {
  if (registry.kind === 'kubernetes') return [registryId(registry)];
  const clusters = all.filter(({ kind }) => kind === 'kubernetes').map(registryId);
  return registry.join ?? clusters.slice(0, 1);
}

/** What a registry is called in logs, metrics and the store. */
export function registryId(registry: RegistryConfig): string {
  if (registry.name !== undefined) return registry.name;
  switch (registry.kind) {
    case 'file':
      return `file:${registry.path}`;
    case 'zookeeper':
      return `zookeeper:${registry.servers}${registry.root}`;
    case 'kubernetes': {
      const context = registry.context === undefined ? '' : `#${registry.context}`;
      return `kubernetes:${registry.kubeconfig ?? 'in-cluster'}${context}`;
    }
  }
}
