/**
 * Objects written straight into etcd: 10,000 Services in 5 seconds. The API server takes 90, as it counts all ClusterIPs
 * at each allocation. Clients see no difference, but nothing checks what is planted, and the API server ends a watch
 * that cannot keep up, as it does in life.
 */
import { randomUUID } from 'node:crypto';
import {
  type Meta,
  now,
  type PodOptions,
  podObject,
  podStatus,
  type ServicePort,
  type ServiceSpec,
  type SliceEndpoint,
  type SliceOptions,
  sliceObject,
  statusOf,
} from './kube-objects.ts';

/** A key of etcd and its value. */
export type Entry = readonly [key: string, value: string];

export interface PlantedService {
  readonly name: string;
  readonly spec?: ServiceSpec;
  readonly metadata?: Meta;
}

export interface PlantedIdentity {
  readonly clusterIP: string;
  readonly uid: string;
  readonly creationTimestamp: string;
}

export type PlantedPod = PodOptions & { readonly name: string };

export type PlantedSlice = SliceOptions & {
  readonly service: string;
  readonly endpoints: readonly (string | SliceEndpoint)[];
  readonly ports: readonly ServicePort[];
};

/**
 * The entries are in two parts, one to be written after the other: an API server that sees a Service before the record
 * of its ClusterIP repairs it.
 * @param taken ClusterIPs that are allocated
 */
export function serviceEntries(
  namespace: string,
  services: readonly PlantedService[],
  taken: Iterable<string>,
): { readonly addresses: Entry[]; readonly services: Entry[]; readonly created: PlantedIdentity[] } {
  const inUse = new Set(taken);
  const result = { addresses: [] as Entry[], services: [] as Entry[], created: [] as PlantedIdentity[] };
  for (const { name, spec = {}, metadata } of services) {
    const clusterIP = String(spec['clusterIP'] ?? freeAddress(inUse));
    const service = {
      metadata: { ...metadata, ...identity(name, namespace) },
      spec: {
        clusterIP,
        clusterIPs: [clusterIP],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ port: 80 }],
        ...spec,
      },
    };
    const { uid, creationTimestamp } = service.metadata;
    result.created.push({ clusterIP, uid, creationTimestamp });
    result.services.push(entry('v1', 'Service', `${folderOf('services', namespace)}${name}`, service));
    if (clusterIP !== 'None') result.addresses.push(addressEntry(clusterIP, namespace, name));
  }
  return result;
}

/** What the API server records of an allocation. */
function addressEntry(clusterIP: string, namespace: string, name: string): Entry {
  const labels = {
    'ipaddress.kubernetes.io/ip-family': 'IPv4',
    'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
  };
  return entry('networking.k8s.io/v1', 'IPAddress', `/registry/ipaddresses/${clusterIP}`, {
    metadata: { ...identity(clusterIP), labels },
    spec: { parentRef: { group: '', resource: 'services', namespace, name } },
  });
}

export function podEntry(namespace: string, { name, ...options }: PlantedPod): Entry {
  const { metadata, spec } = podObject(options);
  const status = podStatus(options);
  return entry('v1', 'Pod', `${folderOf('pods', namespace)}${name}`, {
    metadata: { ...metadata, ...identity(name, namespace) },
    spec,
    status: status === null ? { phase: 'Pending' } : statusOf(status),
  });
}

export function sliceEntry(namespace: string, planted: PlantedSlice): Entry {
  const { service, endpoints, ports, name = `${service}-planted`, ...options } = planted;
  const { metadata, ...rest } = sliceObject(namespace, service, endpoints, ports, options);
  return entry('discovery.k8s.io/v1', 'EndpointSlice', `${folderOf('endpointslices', namespace)}${name}`, {
    metadata: { ...metadata, ...identity(name, namespace) },
    ...rest,
  });
}

/** Where etcd has the objects of a namespace. */
export function folderOf(resource: 'services' | 'pods' | 'endpointslices', namespace: string): string {
  return `/registry/${resource === 'services' ? 'services/specs' : resource}/${namespace}/`;
}

function entry(apiVersion: string, kind: string, key: string, object: object): Entry {
  return [key, JSON.stringify({ apiVersion, kind, ...object })];
}

function identity(name: string, namespace?: string) {
  const inside = namespace === undefined ? {} : { namespace };
  return { name, ...inside, uid: randomUUID() as string, creationTimestamp: now() };
}

/** The next of 10.96.0.0/16 that is in nobody's hands; the API server itself picks at random. */
function freeAddress(taken: Set<string>): string {
  for (let index = 1 << 10; index < 1 << 16; index++) {
    const address = `10.96.${index >> 8}.${index & 255}`;
    if (taken.has(address)) continue;
    taken.add(address);
    return address;
  }
  throw new Error('no ClusterIP is free');
}
