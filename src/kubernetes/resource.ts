/** A kind of object as the API server's paths name it. */
export interface Resource {
  /** '' is the core group */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export const SERVICES: Resource = { group: '', version: 'v1', plural: 'services', namespaced: true };
export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };
export const PODS: Resource = { group: '', version: 'v1', plural: 'pods', namespaced: true };
export const ENDPOINT_SLICES: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  namespaced: true,
};
export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  namespaced: true,
};
export const EVENTS: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  namespaced: true,
};
export const RPC_SERVICES: Resource = {
  group: 'rpcdns.io',
  version: 'v1',
  plural: 'rpcservices',
  namespaced: true,
};
export const RPC_OWNERSHIPS: Resource = {
  group: 'rpcdns.io',
  version: 'v1',
  plural: 'rpcownerships',
  namespaced: false,
};
export const SERVICE_ENTRIES: Resource = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'serviceentries',
  namespaced: true,
};
export const WORKLOAD_ENTRIES: Resource = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'workloadentries',
  namespaced: true,
};
export const VIRTUAL_IPS: Resource = {
  group: 'rpcdns.io',
  version: 'v1',
  plural: 'virtualips',
  namespaced: false,
};
export const LEDGER_ENTRIES: Resource = {
  group: 'rpcdns.io',
  version: 'v1',
  plural: 'ledgerentries',
  namespaced: false,
};

/**
 * The path of a collection, or of an object in it.
 *
 * @param namespace undefined: of all namespaces, or of a cluster-scoped kind
 */
export function pathOf(resource: Resource, namespace?: string, name?: string): string {
  const { group, version, plural } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** What every object carries (apimachinery, `metav1.ObjectMeta`), as far as it is used here. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ApiObject {
  readonly metadata: ObjectMeta;
}

/** `namespace/name`, or the name alone of what is cluster-scoped. */
export function objectKey({ namespace, name }: ObjectMeta): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}
