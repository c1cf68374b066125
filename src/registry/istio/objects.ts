/**
 * What is kept of a ServiceEntry and a WorkloadEntry (networking.istio.io/v1), checked: the API server has checked them too,
 * but older ones may stand there.
 */
import { z } from 'zod';
import type { Kept } from '../../kubernetes/informer.ts';
import type { ApiObject } from '../../kubernetes/resource.ts';

const port = z.int().min(1).max(65_535);
const texts = z.record(z.string(), z.string());

const workload = z.object({
  /** an address, a host name, or `unix://…` */
  address: z.string().default(''),
  /** by the name of the ServiceEntry's port */
  ports: z.record(z.string(), port).default({}),
  labels: texts.default({}),
  /** `region/zone/subzone` */
  locality: z.string().default(''),
  /** 0 is as unset */
  weight: z.int().min(0).default(0),
});

const serviceEntry = z.object({
  hosts: z.array(z.string()).max(1000).default([]),
  addresses: z.array(z.string()).default([]),
  ports: z
    .array(
      z.object({
        number: port,
        protocol: z.string().default(''),
        name: z.string().default(''),
        targetPort: port.optional(),
      }),
    )
    .default([]),
  endpoints: z.array(workload).default([]),
  workloadSelector: z.object({ labels: texts.default({}) }).optional(),
});

/** istiod's own choice, where the entry names none (`status.addresses`). */
const status = z.object({ addresses: z.array(z.object({ value: z.string() })).default([]) });

export type Workload = z.output<typeof workload>;
export type ServiceEntrySpec = z.output<typeof serviceEntry>;

interface KeptObject<Spec> extends Kept {
  readonly namespace: string;
  readonly name: string;
  /** undefined: `problem` says why */
  readonly spec: Spec | undefined;
  readonly problem: string | undefined;
}

export interface KeptServiceEntry extends KeptObject<ServiceEntrySpec> {
  /** Unix milliseconds */
  readonly createdAt: number;
  /** annotation `interface`, as Aeraki and its registries write it: hosts have no upper case */
  readonly interface: string | undefined;
  /** VIPs of its own, first those that it names */
  readonly vips: readonly string[];
}

export type KeptWorkloadEntry = KeptObject<Workload>;

export function keepServiceEntry(object: ApiObject): KeptServiceEntry {
  const { metadata } = object;
  const kept = keep(object, serviceEntry);
  const chosen = status.safeParse((object as { readonly status?: unknown }).status ?? {});
  const own = kept.spec?.addresses ?? [];
  return {
    ...kept,
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    interface: metadata.annotations?.['interface'],
    vips: own.length > 0 ? own : (chosen.data?.addresses ?? []).map(({ value }) => value),
  };
}

export function keepWorkloadEntry(object: ApiObject): KeptWorkloadEntry {
  return keep(object, workload);
}

function keep<Schema extends z.ZodType>(object: ApiObject, schema: Schema): KeptObject<z.output<Schema>> {
  const { metadata } = object;
  const parsed = schema.safeParse((object as { readonly spec?: unknown }).spec ?? {});
  const issue = parsed.error?.issues[0];
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    spec: parsed.data,
    problem: issue === undefined ? undefined : `spec.${issue.path.join('.')}: ${issue.message}`,
  };
}
