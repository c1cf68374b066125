/** The objects of the Kubernetes API that the tests make, as a client, a controller or a kubelet writes them. */

/** What the tests read of an object. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** What the tests write into `metadata`, besides the names. */
export interface Meta {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface CreatedService {
  /** The first of `clusterIPs`; `None` when headless, empty for an ExternalName. */
  readonly clusterIP: string;
  readonly clusterIPs: readonly string[];
  readonly uid: string;
  readonly creationTimestamp: string;
  readonly resourceVersion: string;
}

export interface PodOptions extends Meta {
  /** One address, or one of each family; none: a pod that has no address yet. */
  readonly ip?: string | readonly string[];
  /** Default true. */
  readonly ready?: boolean;
  readonly hostNetwork?: boolean;
  /** Default `node-1`. */
  readonly node?: string;
  /** Default `Running`, and `Pending` without an address. */
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly hostname?: string;
  readonly subdomain?: string;
  readonly serviceAccountName?: string;
  /** Container ports. */
  readonly ports?: readonly ServicePort[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol?: string;
  /** Of a Service: the port of its pods, or the name that it has there; default: `port`. */
  readonly targetPort?: number | string;
}

export interface SliceEndpoint {
  readonly address: string;
  /** Default true. */
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  /** The name of the pod that it stands for. */
  readonly pod?: string;
  readonly node?: string;
  readonly zone?: string;
  readonly hostname?: string;
}

export type ServiceSpec = {
  /** Default: port 80. */
  readonly ports?: readonly ServicePort[];
  readonly [field: string]: unknown;
};

export interface PodStatus {
  readonly ip?: string | readonly string[];
  readonly ready?: boolean;
  readonly phase?: string;
}

export type SliceOptions = {
  readonly name?: string;
  /** Default: that of the first endpoint. */
  readonly addressType?: 'IPv4' | 'IPv6' | 'FQDN';
} & Meta;

const GROUPS = {
  configmaps: '/api/v1',
  namespaces: '/api/v1',
  nodes: '/api/v1',
  pods: '/api/v1',
  serviceaccounts: '/api/v1',
  services: '/api/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
  ipaddresses: '/apis/networking.k8s.io/v1',
  servicecidrs: '/apis/networking.k8s.io/v1',
  clusterrolebindings: '/apis/rbac.authorization.k8s.io/v1',
  clusterroles: '/apis/rbac.authorization.k8s.io/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
  leases: '/apis/coordination.k8s.io/v1',
  events: '/apis/events.k8s.io/v1',
  rpcservices: '/apis/rpcdns.io/v1',
  rpcownerships: '/apis/rpcdns.io/v1',
} as const;
export type Resource = keyof typeof GROUPS;

/** The path of a resource, or of one object; @param namespace null: of the whole cluster */
export function pathOf(resource: Resource, namespace: string | null, name?: string): string {
  const inside = namespace === null ? '' : `/namespaces/${namespace}`;
  return `${GROUPS[resource]}${inside}/${resource}${name === undefined ? '' : `/${name}`}`;
}

export function podObject(options: PodOptions) {
  const {
    ip: _ip,
    ready: _ready,
    phase: _phase,
    hostNetwork = false,
    node = 'node-1',
    hostname,
    subdomain,
    serviceAccountName,
    ports,
    env,
    ...metadata
  } = options;
  const containerPorts = ports?.map(({ port, name, protocol = 'TCP' }) => ({
    containerPort: port,
    protocol,
    ...(name === undefined ? {} : { name }),
  }));
  return {
    metadata,
    spec: {
      nodeName: node,
      hostNetwork,
      hostname,
      subdomain,
      serviceAccountName,
      containers: [{ name: 'app', image: 'app', ports: containerPorts, env }],
    },
  };
}

/** What the options of a pod say of its status; null: that no kubelet has seen it. */
export function podStatus({ ip, ready, phase }: PodOptions): PodStatus | null {
  if (ip === undefined && ready === undefined && phase === undefined) return null;
  const usual = ip === undefined ? 'Pending' : 'Running';
  return { ...(ip === undefined ? {} : { ip }), ready: ready ?? true, phase: phase ?? usual };
}

/** The `status` of a pod, with those fields that are given. */
export function statusOf({ ip, ready, phase }: PodStatus) {
  const ips = ip === undefined ? undefined : [ip].flat();
  const isReady = ready === true ? 'True' : 'False';
  const condition = { type: 'Ready', status: isReady, lastTransitionTime: now() };
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(ips === undefined ? {} : { podIP: ips[0], podIPs: ips.map((address) => ({ ip: address })) }),
    ...(ready === undefined ? {} : { conditions: [condition] }),
  };
}

export function sliceObject(
  namespace: string,
  service: string,
  endpoints: readonly (string | SliceEndpoint)[],
  ports: readonly ServicePort[],
  { name: _name, addressType, labels, ...metadata }: SliceOptions,
) {
  const full = endpoints.map((endpoint) => sliceEndpoint(namespace, endpoint));
  return {
    metadata: {
      ...metadata,
      labels: {
        'kubernetes.io/service-name': service,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        ...labels,
      },
    },
    addressType: addressType ?? (full[0]?.addresses[0]?.includes(':') === true ? 'IPv6' : 'IPv4'),
    endpoints: full,
    ports: ports.map(({ protocol = 'TCP', ...port }) => ({ ...port, protocol })),
  };
}

function sliceEndpoint(namespace: string, endpoint: string | SliceEndpoint) {
  const given: SliceEndpoint = typeof endpoint === 'string' ? { address: endpoint } : endpoint;
  const { address, pod, node, zone, hostname, ready = true, terminating = false } = given;
  const { serving = ready } = given;
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(pod === undefined ? {} : { targetRef: { kind: 'Pod', namespace, name: pod } }),
    ...(node === undefined ? {} : { nodeName: node }),
    ...(zone === undefined ? {} : { zone }),
    ...(hostname === undefined ? {} : { hostname }),
  };
}

/** A time as Kubernetes writes it. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+/, '');
}
