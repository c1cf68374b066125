import { z } from 'zod';
import {
  address,
  domainName,
  duration,
  listenAddress,
  localities,
  oneOrMany,
  packagePrefix,
  pool,
  template,
  ttl,
  workers,
} from '../files/fields.ts';
import { DEFAULT_TEMPLATE_TEXT } from '../name/template.ts';
import { KINDS, registrySchemaOf } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';

/** The configuration file (contract 1.4), every key with its default. */
export const configSchema = configSchemaOf(KINDS);

export function configSchemaOf(kinds: readonly RegistryKind<never>[]) {
  return z.strictObject({
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
        maxRecords: z.int().min(1).max(2048).default(512),
      })
      .prefault({}),
    vips: z
      .strictObject({
        pools: z.array(pool).prefault(['247.0.0.0/8']),
        reuseAfter: duration.prefault('24h'),
        perVersion: z.boolean().default(false),
      })
      .prefault({}),
    store: z
      .strictObject({
        kind: z.enum(['sqlite', 'kubernetes', 'memory']).default('sqlite'),
        path: z.string().min(1).default('data/rpc-dns.db'),
        /** of `kubernetes`; default: the ServiceAccount of the pod */
        kubeconfig: z.string().min(1).optional(),
        context: z.string().min(1).optional(),
      })
      .prefault({}),
    zones: z.array(z.string().min(1)).default([]),
    registries: z.array(registrySchemaOf(kinds)).default([]),
    /** which namespaces may name the interfaces of a package; before the cluster's own RPCOwnership objects */
    ownership: z
      .array(z.strictObject({ prefix: packagePrefix, namespaces: z.array(z.string().min(1)).min(1) }))
      .default([]),
    /** what takes queries from sockets: `mmsg` by recvmmsg(2), where that can run; `auto`: that, or `dgram` */
    engine: z.enum(['dgram', 'mmsg', 'auto']).default('auto'),
    /** query threads; `auto`: 1 below 4 cores, then cores − 2, at most 8 */
    workers: workers.default('auto'),
    /** where sidecars ask what is behind a VIP; without it nobody is told */
    sidecars: z
      .strictObject({
        listen: listenAddress,
        istio: z
          .strictObject({
            namespace: z
              .string()
              .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
                error: 'expected the name of a namespace such as rpc-dns',
              })
              .default('rpc-dns'),
            portNames: z.enum(['protocol', 'aeraki']).default('protocol'),
          })
          .prefault({}),
        tls: z
          .strictObject({
            certificate: z.string().min(1),
            key: z.string().min(1),
            clientCa: z.string().min(1),
          })
          .optional(),
      })
      .optional(),
    /** where callers are, and endpoints of which nothing else says it */
    localities,
    lameduck: duration.prefault('0s'),
    control: z.string().min(1).default('data/rpc-dns.sock'),
    limits: z.strictObject({ udpSize: z.int().min(512).max(4096).default(1232) }).prefault({}),
  });
}

export type Config = z.output<typeof configSchema>;
