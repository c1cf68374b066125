import { z } from 'zod';
import { duration } from '../files/fields.ts';
import { isNodePath, parseServers } from './zookeeper/options.ts';

const HOURS_24 = '24h';

/** Keys that every registry has (contract 1.4). */
const common = { required: z.boolean().default(true), distrustFor: duration.prefault('60s') };

const fileRegistry = z.strictObject({
  kind: z.literal('file'),
  path: z.string().min(1),
  ...common,
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
  forgetAfter: duration.prefault(HOURS_24),
});

export const REGISTRY_KINDS = ['file', 'zookeeper'] as const;

/** One entry of `registries`. */
export const registrySchema = z.discriminatedUnion('kind', [fileRegistry, zookeeperRegistry], {
  error: (issue) => {
    if (typeof issue.input !== 'object') {
      return `'${String(issue.input)}': expected keys and values such as { kind: file, path: interfaces.yaml }`;
    }
    const kind = (issue.input as { kind?: unknown } | undefined)?.kind;
    const found = kind === undefined ? "'kind' is missing" : `'${String(kind)}'`;
    return `${found}: expected a registry of kind ${REGISTRY_KINDS.join(' or ')}`;
  },
});

export type RegistryConfig = z.output<typeof registrySchema>;

/** What a registry is called in logs, metrics and the store. */
export function registryId(registry: RegistryConfig): string {
  return registry.kind === 'file' ? `file:${registry.path}` : `zookeeper:${registry.servers}${registry.root}`;
}
