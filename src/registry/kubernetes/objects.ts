import { createHash } from 'node:crypto';
import { z } from 'zod';
import { packed } from '../../base/none.ts';
import { duration } from '../../files/fields.ts';
import type { Kept } from '../../kubernetes/informer.ts';
import type { ApiObject, ObjectMeta } from '../../kubernetes/resource.ts';
import { type Address, parseAddress } from '../../name/address.ts';
import { type OwnershipRule, parsePackagePrefix } from '../../name/ownership.ts';
import type { ClusterService, ClusterSlice, ServicePort } from '../cluster.ts';

/*
 * What is kept of each kind of object. An object of the API is some kilobytes; of 10,000 Services only what answers
 * questions may stay.
 */

export const PREFIX = 'rpcdns.io/';

/** `rpcdns.io/…` of an object: annotations, and labels where there is no annotation. */
export type Notes = Readonly<Record<string, string>>;

export interface KeptService extends Kept {
  readonly service: ClusterService;
  /** {@link selectorText} of its selector */
  readonly selector: string;
  readonly application: string;
  readonly notes: Notes | undefined;
}

export interface KeptSlice extends Kept {
  readonly slice: ClusterSlice;
}

export interface KeptConfigMap extends Kept {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
  /** by key, those that end in .yaml */
  readonly documents: ReadonlyMap<string, string>;
}

export interface KeptNamespace extends Kept {
  readonly notes: Notes;
}

export interface KeptOwnership extends Kept {
  /** undefined when the object cannot be used */
  readonly rule: OwnershipRule | undefined;
  readonly problem: string | undefined;
}

const interfaceEntry = z.object({
  name: z.string(),
  version: z.string().default(''),
  group: z.string().default(''),
  protocol: z.string().optional(),
  port: z.int().min(1).max(65535).optional(),
});

export type InterfaceEntry = z.output<typeof interfaceEntry>;

const asked = {
  interval: duration.prefault('30s'),
  timeout: duration.prefault('3s'),
  policy: z.enum(['newest', 'all']).default('newest'),
};

const agent = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('dubbo-qos'),
    port: z.int().min(1).max(65535).default(22222),
    ...asked,
  }),
  z.object({
    kind: z.literal('http'),
    port: z.int().min(1).max(65535),
    path: z.string().startsWith('/').default('/interfaces'),
    ...asked,
  }),
]);

export type AgentSpec = z.output<typeof agent>;

const rpcServiceSpec = z.object({
  service: z.string().optional(),
  selector: z.record(z.string(), z.string()).optional(),
  protocol: z.string().min(1).default('dubbo'),
  port: z.union([z.int().min(1).max(65535), z.string().min(1)]).optional(),
  interfaces: z.array(interfaceEntry).default([]),
  organization: z.string().default(''),
  ttl: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  agent: agent.optional(),
});

export type RpcServiceSpec = z.output<typeof rpcServiceSpec>;

const rpcServiceStatus = z.object({
  interfaces: z.array(interfaceEntry.extend({ source: z.string().optional() })).default([]),
  agent: z.object({ pod: z.string().default(''), lastSuccess: z.string().default('') }).optional(),
});

export interface KeptRpcService extends Kept {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly createdAt: number;
  readonly generation: number;
  /** what is wrong with it; such an object names nothing */
  readonly problem: string | undefined;
  readonly spec: RpcServiceSpec;
  readonly notes: Notes | undefined;
  /** '' when neither a label nor an annotation says */
  readonly application: string;
  /** what an agent found, from the status */
  readonly found: readonly InterfaceEntry[];
  readonly foundIn: string;
  /** Unix milliseconds of the agent's last success that the status tells */
  readonly foundAt: number;
  /** {@link fingerprintOf} of the status as it stands in the cluster */
  readonly statusPrint: string;
}

const EMPTY_SPEC: RpcServiceSpec = rpcServiceSpec.parse({});

export function keepService(object: ApiObject): KeptService | undefined {
  const { metadata } = object;
  const { spec } = object as ApiObject & { readonly spec?: RawServiceSpec };
  const namespace = metadata.namespace ?? '';
  const addresses = packed(
    (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).flatMap((text) => parseAddress(text) ?? []),
  );
  const notes = notesOf(metadata);
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    service: {
      namespace,
      name: metadata.name,
      uid: metadata.uid ?? '',
      createdAt: createdAt(metadata),
      addresses,
      ports: packed(
        (spec?.ports ?? []).flatMap((port): ServicePort[] => {
          if (port.protocol === 'UDP') return [];
          return [{ name: port.name ?? '', port: port.port, targetPort: port.targetPort ?? port.port }];
        }),
      ),
      joins: notes?.['join'] !== 'false' && spec?.type !== 'ExternalName',
    },
    selector: selectorText(spec?.selector ?? {}),
    application: applicationOf(metadata),
    notes,
  };
}

interface RawServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly {
    readonly name?: string;
    readonly protocol?: string;
    readonly port: number;
    readonly targetPort?: number | string;
  }[];
}

export const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Slices of no Service are of no use. */
export function keepSlice(object: ApiObject): KeptSlice | undefined {
  const { metadata, endpoints, ports } = object as ApiObject & RawSlice;
  const service = metadata.labels?.[SERVICE_LABEL];
  if (service === undefined) return undefined;
  const addresses: Address[] = [];
  const zones: string[] = [];
  const known = new Map<string, string>();
  for (const { addresses: texts, zone } of endpoints ?? []) {
    const shared = known.get(zone ?? '') ?? zone ?? '';
    known.set(shared, shared);
    for (const text of texts ?? []) {
      const address = parseAddress(text);
      if (address === undefined) continue;
      addresses.push(address);
      zones.push(shared);
    }
  }
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    slice: {
      service: `${metadata.namespace ?? ''}/${service}`,
      addresses: packed(addresses),
      ...(zones.some((zone) => zone !== '') ? { zones: packed(zones) } : {}),
      ports: (ports ?? []).flatMap(({ name, port, protocol }) =>
        port === undefined || port === null || protocol === 'UDP' ? [] : [{ name: name ?? '', port }],
      ),
    },
  };
}

/** As far as it is used here (`discovery.k8s.io/v1`). */
export interface RawSlice {
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly conditions?: { readonly ready?: boolean };
        readonly zone?: string | null;
        readonly targetRef?: { readonly kind?: string; readonly name?: string };
      }[]
    | null;
  readonly ports?:
    | readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[]
    | null;
}

export function keepConfigMap(object: ApiObject): KeptConfigMap | undefined {
  const { metadata } = object;
  const { data } = object as ApiObject & { readonly data?: Readonly<Record<string, string>> };
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    createdAt: createdAt(metadata),
    documents: new Map(Object.entries(data ?? {}).filter(([key]) => key.endsWith('.yaml'))),
  };
}

/** Namespaces that say nothing about RPC are not kept. */
export function keepNamespace({ metadata }: ApiObject): KeptNamespace | undefined {
  const notes = notesOf(metadata);
  return notes && { resourceVersion: metadata.resourceVersion ?? '', notes };
}

export function keepOwnership(object: ApiObject): KeptOwnership {
  const { metadata } = object;
  const { spec } = object as ApiObject & { readonly spec?: { prefix?: unknown; namespaces?: unknown } };
  const resourceVersion = metadata.resourceVersion ?? '';
  const prefix = parsePackagePrefix(String(spec?.prefix ?? ''));
  const namespaces = z.array(z.string()).min(1).safeParse(spec?.namespaces);
  const source = `RPCOwnership ${metadata.name}`;
  if (!prefix.ok) return { resourceVersion, rule: undefined, problem: `${source}: ${prefix.reason}` };
  if (!namespaces.success) {
    return { resourceVersion, rule: undefined, problem: `${source}: expected a list of namespaces` };
  }
  return {
    resourceVersion,
    rule: { prefix: prefix.value, namespaces: namespaces.data, source },
    problem: undefined,
  };
}

export function keepRpcService(object: ApiObject): KeptRpcService {
  const { metadata } = object;
  const { spec, status } = object as ApiObject & { readonly spec?: unknown; readonly status?: unknown };
  const parsed = rpcServiceSpec.safeParse(spec ?? {});
  const told = rpcServiceStatus.safeParse(status ?? {});
  const found = told.success ? told.data.interfaces.filter(({ source }) => source === 'agent') : [];
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    createdAt: createdAt(metadata),
    generation: metadata.generation ?? 0,
    problem: parsed.success ? undefined : problemText(parsed.error),
    spec: parsed.success ? { ...parsed.data, interfaces: [...packed(parsed.data.interfaces)] } : EMPTY_SPEC,
    notes: notesOf(metadata),
    application: applicationOf(metadata),
    found: packed(found),
    foundIn: (told.success && told.data.agent?.pod) || '',
    foundAt: (told.success && Date.parse(told.data.agent?.lastSuccess ?? '')) || 0,
    statusPrint: fingerprintOf(status),
  };
}

function problemText(error: z.ZodError): string {
  const [first] = error.issues;
  return `spec.${(first?.path ?? []).join('.')}: ${first?.message ?? 'not readable'}`;
}

/** Tells two statuses apart, times aside: those are news only together with something else. */
export function fingerprintOf(status: unknown): string {
  if (status === undefined || status === null) return '';
  const text = JSON.stringify(status, (key, value: unknown) => {
    if (key === 'lastTransitionTime' || key === 'lastSuccess') return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash('sha256').update(text).digest('base64').slice(0, 16);
}

/** `a=1,b=2`, in the order of the keys: two selectors are equal when their texts are. '' selects nothing. */
export function selectorText(selector: Readonly<Record<string, string>>): string {
  return Object.entries(selector)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function createdAt({ creationTimestamp }: ObjectMeta): number {
  return Date.parse(creationTimestamp ?? '') || 0;
}

function applicationOf({ labels, annotations }: ObjectMeta): string {
  return (
    annotations?.[`${PREFIX}application`] ??
    labels?.[`${PREFIX}application`] ??
    labels?.['app.kubernetes.io/name'] ??
    labels?.['app'] ??
    ''
  );
}

function notesOf({ labels, annotations }: ObjectMeta): Notes | undefined {
  const notes: Record<string, string> = {};
  for (const [key, value] of [...Object.entries(labels ?? {}), ...Object.entries(annotations ?? {})]) {
    if (key.startsWith(PREFIX)) notes[key.slice(PREFIX.length)] = value;
  }
  return Object.keys(notes).length > 0 ? notes : undefined;
}
