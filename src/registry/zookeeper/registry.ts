import { z } from 'zod';
import { duration } from '../../files/fields.ts';
import {
  commonKeys,
  FORGET_AFTER_A_DAY,
  joinKey,
  type RegistryKind,
  SETTLES_AT_ONCE,
} from '../registry-kind.ts';
import {
  isNodePath,
  parseServers,
  ZOOKEEPER_DEFAULTS,
  ZOOKEEPER_LAYOUTS,
  type ZooKeeperOptions,
} from './options.ts';
import { createZooKeeperWatcher } from './watcher.ts';

const nodePath = z
  .string()
  .refine(isNodePath, { error: ({ input }) => `'${String(input)}': expected a path such as /dubbo` });

const schema = z.strictObject({
  kind: z.literal('zookeeper'),
  /** `host:port,host:port`, as ZooKeeper's own clients take it */
  servers: z.string().check((context) => {
    const servers = parseServers(context.value);
    if (servers.ok) return;
    context.issues.push({ code: 'custom', message: servers.reason, input: context.value });
  }),
  layouts: z
    .array(z.enum(ZOOKEEPER_LAYOUTS))
    .min(1)
    .refine((layouts) => new Set(layouts).size === layouts.length, { error: 'a layout is there twice' })
    .default(['dubbo']),
  /** of `dubbo`, as `roots.dubbo` */
  root: nodePath.optional(),
  roots: z
    .strictObject({
      dubbo: nodePath.optional(),
      sofarpc: nodePath.default(ZOOKEEPER_DEFAULTS.roots.sofarpc),
    })
    .prefault({}),
  /** `user:password` of ZooKeeper's digest scheme */
  digest: z
    .string()
    .regex(/^[^:]+:.+$/, { error: 'expected USER:PASSWORD' })
    .optional(),
  sessionTimeout: duration.prefault('30s'),
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
  ...SETTLES_AT_ONCE,
});

type Config = z.output<typeof schema>;

function rootsOf({ root, roots }: Config): ZooKeeperOptions['roots'] {
  return { ...roots, dubbo: root ?? roots.dubbo ?? ZOOKEEPER_DEFAULTS.roots.dubbo };
}

/** A ZooKeeper ensemble: Dubbo's interface mode, SOFARPC. */
export const zookeeperKind: RegistryKind<Config> = {
  kind: 'zookeeper',
  schema,
  idOf: (config) => {
    const layout = config.layouts.includes('dubbo') ? 'dubbo' : (config.layouts[0] ?? 'dubbo');
    return `zookeeper:${config.servers}${rootsOf(config)[layout]}`;
  },
  check: ({ root, roots }) =>
    root !== undefined && roots.dubbo !== undefined && root !== roots.dubbo
      ? [{ key: 'root', text: `root and roots.dubbo are the same key, and differ: remove one` }]
      : [],
  hasServices: false,
  serversOf: ({ servers }) => {
    const ensemble = parseServers(servers);
    return ensemble.ok ? ensemble.value.servers : [];
  },
  open: (config, _id, sink) => {
    const { servers, digest, layouts, sessionTimeout } = config;
    const options = { servers, roots: rootsOf(config), digest, layouts, sessionTimeoutMs: sessionTimeout };
    return { watcher: createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, ...options }, sink) };
  },
};
