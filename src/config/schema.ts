import { z } from 'zod';
import {
  address,
  domainName,
  duration,
  listenAddress,
  oneOrMany,
  pool,
  template,
  ttl,
} from '../files/fields.ts';
import { DEFAULT_TEMPLATE_TEXT } from '../name/template.ts';

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
  servers: z.string().regex(/^[^\s,:/]+:\d{1,5}(,[^\s,:/]+:\d{1,5})*(\/\S*)?$/, {
    error: (issue) => `'${String(issue.input)}': expected HOST:PORT, or several with commas between`,
  }),
  layouts: z
    .array(z.enum(['dubbo']))
    .min(1)
    .default(['dubbo']),
  root: z
    .string()
    .regex(/^\/[^/\s]+(\/[^/\s]+)*$/, { error: 'expected a path such as /dubbo' })
    .default('/dubbo'),
  sessionTimeout: duration.prefault('30s'),
  ...common,
  forgetAfter: duration.prefault(HOURS_24),
});

export const REGISTRY_KINDS = ['file', 'zookeeper'] as const;

const registry = z.discriminatedUnion('kind', [fileRegistry, zookeeperRegistry], {
  error: (issue) => {
    const kind = (issue.input as { kind?: unknown } | undefined)?.kind;
    const found = kind === undefined ? "'kind' is missing" : `'${String(kind)}'`;
    return `${found}: expected a registry of kind ${REGISTRY_KINDS.join(' or ')}`;
  },
});

/** The configuration file (contract 1.4), every key with its default. */
export const configSchema = z.strictObject({
  zone: oneOrMany(domainName).prefault('rpc.cluster.local'),
  /** for zones without a file; default `rpc-dns-ns` in the zone with the listen addresses */
  nameservers: z
    .array(z.strictObject({ name: domainName, addresses: z.array(address).default([]) }))
    .optional(),
  listen: z
    .strictObject({
      dns: z.array(listenAddress).min(1).prefault(['127.0.0.1:5300']),
      http: listenAddress.nullable().prefault('127.0.0.1:8080'),
    })
    .prefault({}),
  answers: z
    .strictObject({
      style: z.enum(['cname', 'flat']).default('cname'),
      ttl: ttl.default(5),
      negativeTtl: ttl.default(2),
      template: template.prefault(DEFAULT_TEMPLATE_TEXT),
      address: z.enum(['vip', 'endpoints']).default('vip'),
      maxRecords: z.int().min(1).max(4096).default(512),
    })
    .prefault({}),
  vips: z
    .strictObject({
      pools: z.array(pool).prefault(['247.0.0.0/8']),
      reuseAfter: duration.prefault(HOURS_24),
      perVersion: z.boolean().default(false),
    })
    .prefault({}),
  store: z
    .strictObject({
      kind: z.enum(['sqlite', 'memory']).default('sqlite'),
      path: z.string().min(1).default('data/rpc-dns.db'),
    })
    .prefault({}),
  zones: z.array(z.string().min(1)).default([]),
  registries: z.array(registry).default([]),
  /** `mmsg` is not built yet */
  engine: z.enum(['dgram', 'auto']).default('auto'),
  lameduck: duration.prefault('0s'),
  control: z.string().min(1).default('data/rpc-dns.sock'),
  limits: z.strictObject({ udpSize: z.int().min(512).max(4096).default(1232) }).prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type RegistryConfig = Config['registries'][number];
export type FileRegistryConfig = Extract<RegistryConfig, { kind: 'file' }>;
export type ZooKeeperRegistryConfig = Extract<RegistryConfig, { kind: 'zookeeper' }>;
