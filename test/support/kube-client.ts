/** A small client of the Kubernetes API: requests with a deadline, and the objects that the tests make. */
import { Agent, type RequestOptions, request } from 'node:https';
import {
  type CreatedService,
  type KubeObject,
  type Meta,
  type PodOptions,
  type PodStatus,
  pathOf,
  podObject,
  podStatus,
  type Resource,
  type ServicePort,
  type ServiceSpec,
  type SliceEndpoint,
  type SliceOptions,
  sliceObject,
  statusOf,
} from './kube-objects.ts';

export interface ApiReply {
  readonly status: number;
  /** The parsed JSON, or the text where it is none. */
  readonly body: unknown;
}

export interface ApiOptions {
  readonly token?: string;
  readonly contentType?: string;
  readonly deadlineMs?: number;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface WatchEvent {
  /** `UNREADABLE` when the line is no JSON; `message` is the line then. */
  readonly type: string;
  readonly object: KubeObject & { readonly code?: number; readonly message?: string };
}

export interface Watch {
  readonly status: number;
  readonly events: readonly WatchEvent[];
  /** The first event that matches, past or future; rejects when the watch ends or the time is up. */
  waitFor(matches: (event: WatchEvent) => boolean, deadlineMs?: number): Promise<WatchEvent>;
  /** Settles when the stream has ended, by whomever. */
  readonly ended: Promise<void>;
  close(): void;
}

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

/** Runs `make(0)` … `make(n - 1)`, `parallel` at a time: on two cores eight are faster than thirty-two. */
export async function bulk<T>(
  n: number,
  make: (index: number) => Promise<T>,
  { parallel = 8 }: { readonly parallel?: number } = {},
): Promise<readonly T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < n; index = next++) results[index] = await make(index);
  };
  await Promise.all(Array.from({ length: Math.min(parallel, n) }, worker));
  return results;
}

export class KubeClient {
  readonly port: number;
  readonly #token: string;
  /** Asked anew for each connection: the authority may change. */
  readonly #ca: () => string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #slices = 0;

  constructor(options: { readonly port: number; readonly token: string; readonly ca: () => string }) {
    this.port = options.port;
    this.#token = options.token;
    this.#ca = options.ca;
  }

  /** A request and its reply, whatever its status. */
  api(method: string, path: string, body?: unknown, options: ApiOptions = {}): Promise<ApiReply> {
    const { deadlineMs = 20_000, contentType = 'application/json' } = options;
    const octets = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers = octets === null ? {} : { 'content-type': contentType, 'content-length': octets.length };
    return new Promise((resolve, reject) => {
      const call = request(this.#request(method, path, headers, options.token), (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.once('error', fail);
        reply.once('end', () => {
          clearTimeout(timer);
          resolve({ status: reply.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString()) });
        });
      });
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(new Error(`${method} ${path}: ${error.message}`, { cause: error }));
      };
      const timer = setTimeout(() => call.destroy(new Error(`no reply within ${deadlineMs} ms`)), deadlineMs);
      call.once('error', fail);
      call.end(octets ?? undefined);
    });
  }

  /** A request that must succeed; the object of its reply. */
  async must(method: string, path: string, body?: unknown, options?: ApiOptions): Promise<KubeObject> {
    const reply = await this.api(method, path, body, options);
    if (reply.status < 200 || reply.status > 299) {
      throw new Error(`${method} ${path}: ${reply.status} ${messageOf(reply.body)}`);
    }
    return reply.body as KubeObject;
  }

  /** Opens a watch: `path` with its query but for `watch=1`. Resolves when the reply has begun. */
  watch(path: string, options: ApiOptions = {}): Promise<Watch> {
    const { deadlineMs = 20_000 } = options;
    const events: WatchEvent[] = [];
    const listeners = new Set<() => void>();
    const notify = (): void => {
      for (const listener of [...listeners]) listener();
    };
    const target = `${path}${path.includes('?') ? '&' : '?'}watch=1`;
    return new Promise((resolve, reject) => {
      // A connection of its own: it is held as long as the watch.
      const call = request({ ...this.#request('GET', target, {}, options.token), agent: false }, (reply) => {
        clearTimeout(timer);
        let rest = '';
        let isOver = false;
        const ended = new Promise<void>((over) => {
          reply.once('close', () => {
            isOver = true;
            over();
            notify();
          });
        });
        reply.on('error', () => {});
        reply.setEncoding('utf8').on('data', (text: string) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          events.push(...lines.map(watchEvent));
          notify();
        });
        resolve({
          status: reply.statusCode ?? 0,
          events,
          ended,
          close: () => call.destroy(),
          waitFor: (matches, withinMs = 10_000) =>
            new Promise((found, missed) => {
              const look = (): void => {
                const event = events.find(matches);
                if (event === undefined && !isOver) return;
                listeners.delete(look);
                clearTimeout(limit);
                if (event !== undefined) found(event);
                else missed(new Error(`watch ${path} ended; it had ${brief(events)}`));
              };
              const limit = setTimeout(() => {
                listeners.delete(look);
                missed(new Error(`watch ${path}: not within ${withinMs} ms; it had ${brief(events)}`));
              }, withinMs);
              listeners.add(look);
              look();
            }),
        });
      });
      const timer = setTimeout(
        () => call.destroy(new Error(`watch ${path}: no reply within ${deadlineMs} ms`)),
        deadlineMs,
      );
      // After the reply has begun, its end says all.
      call.on('error', reject);
      call.end();
    });
  }

  /** Closes the connections that are kept open. */
  disconnect(): void {
    this.#agent.destroy();
  }

  // Objects

  get(resource: Resource, namespace: string | null, name: string): Promise<KubeObject> {
    return this.must('GET', pathOf(resource, namespace, name));
  }

  async list(resource: Resource, namespace: string | null = null): Promise<readonly KubeObject[]> {
    const list = (await this.must('GET', pathOf(resource, namespace))) as unknown as {
      readonly items: readonly KubeObject[];
    };
    return list.items;
  }

  create(
    resource: Resource,
    namespace: string | null,
    name: string,
    object: { readonly metadata?: Meta; readonly [field: string]: unknown } = {},
  ): Promise<KubeObject> {
    const metadata = { ...object.metadata, name };
    return this.must('POST', pathOf(resource, namespace), { ...object, metadata });
  }

  /** @param what a merge patch, unless `type` says otherwise */
  patch(
    resource: Resource,
    namespace: string | null,
    name: string,
    what: unknown,
    { type = 'merge', subresource }: { type?: keyof typeof PATCH_TYPES; subresource?: 'status' } = {},
  ): Promise<KubeObject> {
    const path = pathOf(resource, namespace, name) + (subresource === undefined ? '' : `/${subresource}`);
    return this.must('PATCH', path, what, { contentType: PATCH_TYPES[type] });
  }

  /** Deletes at once: there is no kubelet that would end a pod. */
  async remove(resource: Resource, namespace: string | null, name: string): Promise<void> {
    await this.must('DELETE', pathOf(resource, namespace, name), { gracePeriodSeconds: 0 });
  }

  createNamespace(name: string, metadata: Meta = {}): Promise<KubeObject> {
    return this.create('namespaces', null, name, { metadata });
  }

  /** Deletes a namespace and what is in it, as the controller that is not there would. */
  async removeNamespace(name: string): Promise<void> {
    await this.remove('namespaces', null, name);
    for (const resource of ['endpointslices', 'pods', 'serviceaccounts', 'services'] as const) {
      await this.must('DELETE', pathOf(resource, name), { gracePeriodSeconds: 0 });
    }
    const path = pathOf('namespaces', null, name);
    await this.must('PUT', `${path}/finalize`, { metadata: { name }, spec: { finalizers: [] } });
  }

  /** The API server allocates the ClusterIP, unless `spec` says otherwise. */
  async createService(
    namespace: string,
    name: string,
    spec: ServiceSpec = {},
    metadata: Meta = {},
  ): Promise<CreatedService> {
    const { metadata: made, spec: given } = await this.create('services', namespace, name, {
      metadata,
      spec: { ports: [{ port: 80 }], ...spec },
    });
    return {
      clusterIP: String(given?.['clusterIP'] ?? ''),
      clusterIPs: (given?.['clusterIPs'] ?? []) as readonly string[],
      uid: made.uid,
      creationTimestamp: made.creationTimestamp,
      resourceVersion: made.resourceVersion,
    };
  }

  /** Creates a pod, and writes its status as a kubelet would. */
  async createPod(namespace: string, name: string, options: PodOptions = {}): Promise<KubeObject> {
    const created = await this.create('pods', namespace, name, podObject(options));
    const status = podStatus(options);
    return status === null ? created : this.setPodStatus(namespace, name, status);
  }

  /** What a kubelet writes; what is not given stays as it is. */
  setPodStatus(namespace: string, name: string, what: PodStatus): Promise<KubeObject> {
    const status = statusOf(what);
    return this.patch('pods', namespace, name, { status }, { subresource: 'status' });
  }

  /** What the EndpointSlice controller would write; several slices of one Service have names of their own. */
  createSlice(
    namespace: string,
    service: string,
    endpoints: readonly (string | SliceEndpoint)[],
    ports: readonly ServicePort[],
    { name = `${service}-${++this.#slices}`, ...options }: SliceOptions = {},
  ): Promise<KubeObject> {
    const slice = sliceObject(namespace, service, endpoints, ports, options);
    return this.create('endpointslices', namespace, name, slice);
  }

  // Access

  createServiceAccount(namespace: string, name: string): Promise<KubeObject> {
    return this.create('serviceaccounts', namespace, name);
  }

  /** A token of a ServiceAccount by the TokenRequest API, which grants 600 seconds at least. */
  async createToken(namespace: string, account: string, { seconds = 3_600 } = {}): Promise<string> {
    const path = `${pathOf('serviceaccounts', namespace, account)}/token`;
    const { status } = await this.must('POST', path, { spec: { expirationSeconds: seconds } });
    return String(status?.['token']);
  }

  /**
   * A role and its binding to a ServiceAccount (`NAMESPACE/NAME`) or a user;
   * @param namespace null: in the whole cluster
   */
  async grant(namespace: string | null, subject: string, rules: readonly Rule[]): Promise<void> {
    const apiGroup = 'rbac.authorization.k8s.io';
    const [first = '', account] = subject.split('/');
    const name = `${subject.replace('/', '.')}-${Math.random().toString(36).slice(2, 8)}`;
    const [role, binding, kind] =
      namespace === null
        ? (['clusterroles', 'clusterrolebindings', 'ClusterRole'] as const)
        : (['roles', 'rolebindings', 'Role'] as const);
    await this.create(role, namespace, name, { rules });
    await this.create(binding, namespace, name, {
      roleRef: { apiGroup, kind, name },
      subjects: [
        account === undefined
          ? { kind: 'User', apiGroup, name: first }
          : { kind: 'ServiceAccount', namespace: first, name: account },
      ],
    });
  }

  #request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    token = this.#token,
  ): RequestOptions {
    return {
      method,
      path,
      host: '127.0.0.1',
      port: this.port,
      ca: this.#ca(),
      agent: this.#agent,
      headers: { ...headers, accept: 'application/json', authorization: `Bearer ${token}` },
    };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function watchEvent(line: string): WatchEvent {
  const event = parsed(line);
  if (typeof event === 'object') return event as WatchEvent;
  const metadata = { name: '', uid: '', resourceVersion: '', creationTimestamp: '' };
  return { type: 'UNREADABLE', object: { metadata, message: line } };
}

function messageOf(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message);
  return String(body);
}

function brief(events: readonly WatchEvent[]): string {
  const last = events
    .slice(-10)
    .map(({ type, object }) => `${type} ${object.metadata?.name ?? object.message}`);
  return `${events.length} events, at last ${last.join(', ')}`;
}
