import { z } from 'zod';
import { consulKind } from './consul/registry.ts';
import { etcdKind } from './etcd/registry.ts';
import { eurekaKind } from './eureka/registry.ts';
import { fileKind } from './file/registry.ts';
import { httpKind } from './http/registry.ts';
import { istioKind } from './istio/registry.ts';
import { kubernetesKind } from './kubernetes/registry.ts';
import { nacosKind } from './nacos/registry.ts';
import type { CommonConfig, RegistryKind } from './registry-kind.ts';
import { sofaregistryKind } from './sofaregistry/registry.ts';
import { zookeeperKind } from './zookeeper/registry.ts';

/** Every kind of registry: the one place where a new one is named. */
export const KINDS: readonly RegistryKind<never>[] = [
  fileKind,
  httpKind,
  zookeeperKind,
  nacosKind,
  sofaregistryKind,
  etcdKind,
  consulKind,
  eurekaKind,
  kubernetesKind,
  istioKind,
];

/** One entry of `registries`, of whatever kind; only its kind knows its other keys. */
export type RegistryConfig = CommonConfig;

/** The schema of one entry of `registries`. */
export function registrySchemaOf(kinds: readonly RegistryKind<never>[]): z.ZodType<RegistryConfig> {
  const names = kinds.map(({ kind }) => kind);
  const [first, ...others] = kinds.map(({ schema }) => schema);
  if (first === undefined) throw new Error('no kind of registry');
  return z.discriminatedUnion('kind', [first, ...others] as never, {
    error: (issue) => {
      if (typeof issue.input !== 'object') {
        return `'${String(issue.input)}': expected keys and values such as { kind: file, path: interfaces.yaml }`;
      }
      const kind = (issue.input as { kind?: unknown } | undefined)?.kind;
      const found =
        kind === undefined
          ? "'kind' is missing"
          : typeof kind === 'object'
            ? `'kind' is ${kind === null ? 'empty' : Array.isArray(kind) ? 'a list' : 'keys and values'}`
            : `'${String(kind)}'`;
      return `${found}: expected a registry of kind ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
    },
  }) as unknown as z.ZodType<RegistryConfig>;
}

/** The kind of a configured registry. The schema lets no other through. */
export function kindOf(config: RegistryConfig, kinds = KINDS): RegistryKind {
  const found = kinds.find(({ kind }) => kind === config.kind);
  if (found === undefined) throw new Error(`no registry kind ${config.kind}`);
  return found as unknown as RegistryKind;
}

/** What a registry is called in logs, metrics and the store. */
export function registryId(config: RegistryConfig, kinds = KINDS): string {
  return config.name ?? kindOf(config, kinds).idOf(config);
}

/** Ids of registries whose Services may stand for what a registry holds. */
export function joinedWith(config: RegistryConfig, all: readonly RegistryConfig[], kinds = KINDS): string[] {
  if (kindOf(config, kinds).hasServices) return [registryId(config, kinds)];
  const clusters = all
    .filter((other) => kindOf(other, kinds).hasServices)
    .map((other) => registryId(other, kinds));
  return [...(config.join ?? clusters.slice(0, 1))];
}
