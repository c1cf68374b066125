import { z } from 'zod';
import { duration } from '../../files/fields.ts';
import { commonKeys, FORGET_AFTER_A_DAY, joinKey, type RegistryKind } from '../registry-kind.ts';
import { isNodePath, parseServers, ZOOKEEPER_DEFAULTS } from './options.ts';
import { createZooKeeperWatcher } from './watcher.ts';

const schema = z.strictObject({
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
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
});

/** A ZooKeeper ensemble: Dubbo's interface mode. */
export const zookeeperKind: RegistryKind<z.output<typeof schema>> = {
  kind: 'zookeeper',
  schema,
  idOf: ({ servers, root }) => `zookeeper:${servers}${root}`,
  hasServices: false,
  serversOf: ({ servers }) => {
    const ensemble = parseServers(servers);
    return ensemble.ok ? ensemble.value.servers : [];
  },
  open: ({ servers, root, digest, layouts, sessionTimeout }, _id, sink) => {
    const options = { servers, root, digest, layouts, sessionTimeoutMs: sessionTimeout };
    return { watcher: createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, ...options }, sink) };
  },
};
