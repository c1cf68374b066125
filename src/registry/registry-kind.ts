import { z } from 'zod';
import type { Problem } from '../base/problem.ts';
import { duration, type HostPort, localities } from '../files/fields.ts';
import type { ApiClient, ClusterAccess } from '../kubernetes/api-client.ts';
import type { LocalityRule } from '../name/localities.ts';
import type { Pool } from '../vip/pool.ts';
import type { KeptRpcService, KeptService } from './kubernetes/objects.ts';
import type { ServiceFinder } from './kubernetes/service-finder.ts';
import type { RegistrySink, Watcher } from './watcher.ts';

/** Keys that every registry has (contract 1.4). */
export interface CommonConfig {
  readonly kind: string;
  /** in logs, metrics, the store, and `join`; default: made from what the registry is */
  readonly name?: string | undefined;
  readonly required: boolean;
  readonly forgetAfter: number;
  readonly distrustFor: number;
  readonly settleFor: number;
  /** whether endpoints are asked if they take connections */
  readonly probe: 'none' | 'tcp';
  /** where endpoints are, before what the registry says of them */
  readonly localities: readonly LocalityRule[];
  /** ids of registries whose Services may stand for what is registered here; default: the first of them */
  readonly join?: readonly string[] | undefined;
}

/** Keys that every registry has, but for `kind`, as they are checked. */
export const commonKeys = {
  name: z.string().min(1).max(100).optional(),
  required: z.boolean().default(true),
  distrustFor: duration.prefault('60s'),
  probe: z
    .enum(['none', 'tcp'], { error: (issue) => `'${String(issue.input)}': expected none or tcp` })
    .default('none'),
  localities,
};

/** Of registries that keep over a restart what they know. */
export const SETTLES_AT_ONCE = { settleFor: duration.prefault('0s') };
/** Of registries that come back empty, in good faith, until their clients have come back too. */
export const SETTLES_SLOWLY = { settleFor: duration.prefault('30s') };

/** Of registries that have no Services themselves. */
export const joinKey = { join: z.array(z.string()).optional() };

/** Of registries of live instances. */
export const FORGET_AFTER_A_DAY = { forgetAfter: duration.prefault('24h') };
/** Of registries whose entries people write. */
export const FORGET_AT_ONCE = { forgetAfter: duration.prefault('0s') };

/** Something that a configuration names literally cannot be used. */
export type ConfigProblem =
  /** the key of the registry's configuration that names it */
  { readonly key: string; readonly text: string } | { readonly problem: Problem };

/** What a controller needs of a cluster that a registry watches. */
export interface ControlledCluster {
  readonly client: ApiClient;
  readonly finder: ServiceFinder;
  readonly rpcServices: ClusterObjects<KeptRpcService>;
  readonly services: ClusterObjects<KeptService>;
  /** whether everything was read once */
  readonly hasData: boolean;
  /** what could not be used, as it stands now */
  skippedEntries(): Iterable<readonly [unit: string, details: ReadonlySet<string>]>;
  /** at most one; told of everything from now on */
  observe(observer: ClusterObserver): void;
}

export interface ClusterObjects<T> {
  get(key: string): T | undefined;
  entries(): Iterable<readonly [key: string, object: T]>;
}

/** Is told what the cluster's objects are; for whoever writes their status. */
export interface ClusterObserver {
  rpcServiceChanged(key: string, object: KeptRpcService | undefined): void;
  /** Of a unit something could not be used. */
  skipped(unit: string, details: Iterable<string>): void;
}

export interface OpenedRegistry {
  readonly watcher: Watcher;
  /** a cluster that statuses and Events may be written to, and where the Lease for it lives */
  readonly control?: { readonly cluster: ControlledCluster; readonly leaseNamespace: string | undefined };
}

/** All that the house knows of one kind of registry. A new kind is a folder with one of these, and a line in `kinds.ts`. */
export interface RegistryKind<Config extends CommonConfig = CommonConfig> {
  readonly kind: string;
  /** its keys */
  readonly schema: z.ZodObject;
  /** what it is called without a `name`; holds no credential */
  idOf(config: Config): string;
  /** whether it tells of Services that may stand for interfaces */
  readonly hasServices: boolean;
  /** addresses of pods: an endpoint in here waits a moment for its EndpointSlice */
  podBlocks?(config: Config): readonly Pool[];
  /** TCP servers that it reads from */
  serversOf?(config: Config): readonly HostPort[];
  /** how the API of the cluster is reached */
  accessOf?(config: Config): ClusterAccess;
  /** Reads what the configuration names literally. */
  check?(config: Config): readonly ConfigProblem[];
  open(config: Config, id: string, sink: RegistrySink): OpenedRegistry;
}
