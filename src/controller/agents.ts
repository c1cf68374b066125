import { type ApiClient, ApiError, asApiError } from '../kubernetes/api-client.ts';
import { type ApiObject, ENDPOINT_SLICES, PODS, pathOf } from '../kubernetes/resource.ts';
import {
  type AgentSpec,
  type InterfaceEntry,
  type KeptRpcService,
  type RawSlice,
  SERVICE_LABEL,
} from '../registry/kubernetes/objects.ts';
import type { FoundService } from '../registry/kubernetes/parse.ts';
import { AgentError } from './agent-error.ts';
import { askHttpAgent } from './agent-http.ts';
import { askQosAgent } from './agent-qos.ts';
import { type AgentResult, MAX_INTERFACES } from './status.ts';

interface Pod {
  readonly name: string;
  readonly address: string;
  /** Unix milliseconds */
  readonly createdAt: number;
}

/** Questions to pods under way at once. */
const PARALLEL = 8;
/** The definition of RPCService says the same; an object may be older than its definition. */
const MIN_INTERVAL_MS = 5_000;
const MAX_TIMEOUT_MS = 30_000;
/** With domains and VIPs they become a status, and an object of the API may be 1.5 MB large. */
const MAX_STATUS_OCTETS = 256 * 1024;
/** Of the ready pods of one Service so many are asked at most. */
const MAX_PODS = 32;

interface Schedule {
  readonly object: KeptRpcService;
  /** another one for another agent: what was asked of the former says nothing of this */
  readonly round: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Asks Register Agents, while this process holds the Lease: of each RPCService with `agent` one ready pod, or all, at
 * its interval. A failure changes the condition, never what was found before.
 */
export class Agents {
  readonly #client: ApiClient;
  readonly #find: (object: KeptRpcService) => FoundService;
  readonly #onResult: (key: string, result: AgentResult) => void;
  readonly #schedules = new Map<string, Schedule>();
  readonly #results = new Map<string, AgentResult>();
  readonly #queue: (() => Promise<void>)[] = [];
  #running = 0;
  #rounds = 0;

  constructor(
    client: ApiClient,
    find: (object: KeptRpcService) => FoundService,
    onResult: (key: string, result: AgentResult) => void,
  ) {
    this.#client = client;
    this.#find = find;
    this.#onResult = onResult;
  }

  result(key: string): AgentResult | undefined {
    return this.#results.get(key);
  }

  /** The object is new, or changed: asked at once when its agent is another. */
  note(key: string, object: KeptRpcService | undefined): void {
    const before = this.#schedules.get(key);
    const agent = object?.spec.agent;
    if (object === undefined || agent === undefined) {
      clearTimeout(before?.timer);
      this.#schedules.delete(key);
      this.#results.delete(key);
      return;
    }
    const same =
      before !== undefined &&
      JSON.stringify([before.object.spec.agent, before.object.spec.service, before.object.spec.selector]) ===
        JSON.stringify([agent, object.spec.service, object.spec.selector]);
    if (same) {
      // the timer goes on, with the object as it is now
      this.#schedules.set(key, { ...before, object });
      return;
    }
    clearTimeout(before?.timer);
    this.#schedules.set(key, { object, round: ++this.#rounds, timer: undefined });
    this.#enqueue(key);
  }

  /** Nothing is asked any more. */
  stop(): void {
    for (const { timer } of this.#schedules.values()) clearTimeout(timer);
    this.#schedules.clear();
    this.#results.clear();
    this.#queue.length = 0;
  }

  #enqueue(key: string): void {
    this.#queue.push(() => this.#ask(key));
    this.#drain();
  }

  #drain(): void {
    while (this.#running < PARALLEL) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#running++;
      void next().finally(() => {
        this.#running--;
        this.#drain();
      });
    }
  }

  async #ask(key: string): Promise<void> {
    const schedule = this.#schedules.get(key);
    const object = schedule?.object;
    const agent = object?.spec.agent;
    if (object === undefined || agent === undefined) return;
    const before = this.#results.get(key);
    const known = {
      pod: before?.pod ?? object.foundIn,
      lastSuccess: before?.lastSuccess ?? object.foundAt,
      found: before?.found ?? object.found,
    };
    let result: AgentResult;
    try {
      const { pods, found } = await this.#askPods(object, agent);
      const message = `${found.length} interfaces from ${pods.join(', ')}`;
      result = { reason: 'Answered', message, pod: pods[0] ?? '', lastSuccess: Date.now(), found };
    } catch (error) {
      const reason = error instanceof AgentError ? error.reason : 'Unreachable';
      const message = error instanceof AgentError ? error.message : asApiError(error, 'agent').message;
      result = { reason, message, ...known };
    }
    const current = this.#schedules.get(key);
    // the object names another agent now, which is asked by itself
    if (current === undefined || current.round !== schedule?.round) return;
    this.#results.set(key, result);
    this.#onResult(key, result);
    clearTimeout(current.timer);
    const intervalMs = Math.max(MIN_INTERVAL_MS, agent.interval) * (0.95 + Math.random() * 0.1);
    current.timer = setTimeout(() => this.#enqueue(key), intervalMs);
  }

  async #askPods(
    object: KeptRpcService,
    agent: AgentSpec,
  ): Promise<{ readonly pods: readonly string[]; readonly found: readonly InterfaceEntry[] }> {
    const service = this.#find(object);
    if (!service.ok) throw new AgentError('NoReadyPod', service.text);
    const { namespace, name } = service.service.service;
    const pods = (await this.#readyPods(namespace, name)).sort(
      (a, b) => b.createdAt - a.createdAt || (a.name < b.name ? -1 : 1),
    );
    if (pods.length === 0)
      throw new AgentError('NoReadyPod', `Service ${namespace}/${name} has no ready pod`);
    const timeoutMs = Math.min(MAX_TIMEOUT_MS, agent.timeout);
    const union = new Map<string, InterfaceEntry>();
    const answered: string[] = [];
    let failure: unknown;
    // all at once: one that is silent costs one deadline, not each its own, and makes the union no smaller
    const asked = agent.policy === 'newest' ? pods.slice(0, 1) : pods;
    const replies = await Promise.allSettled(asked.map((pod) => askPod(pod, agent, timeoutMs)));
    for (const [i, reply] of replies.entries()) {
      if (reply.status === 'rejected') {
        failure ??= reply.reason;
        continue;
      }
      answered.push(asked[i]?.name ?? '');
      for (const entry of reply.value) {
        const key = `${entry.group}/${entry.name}:${entry.version}`;
        if (!union.has(key)) union.set(key, entry);
      }
    }
    if (answered.length === 0) throw failure;
    if (union.size > MAX_INTERFACES) {
      throw new AgentError(
        'TooLarge',
        `${union.size} interfaces: at most ${MAX_INTERFACES} fit an RPCService`,
      );
    }
    const found = [...union].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
    const octets = JSON.stringify(found).length;
    if (octets > MAX_STATUS_OCTETS) {
      throw new AgentError(
        'TooLarge',
        `the interfaces take ${octets} octets: at most ${MAX_STATUS_OCTETS} fit a status`,
      );
    }
    return { pods: answered, found };
  }

  /** Ready endpoints that are pods, with the address that the pod itself has: a slice may say anything. */
  async #readyPods(namespace: string, service: string): Promise<Pod[]> {
    const query = { labelSelector: `${SERVICE_LABEL}=${service}` };
    const list = await this.#client.request<{ readonly items?: readonly (ApiObject & RawSlice)[] | null }>(
      'GET',
      pathOf(ENDPOINT_SLICES, namespace),
      { query },
    );
    const endpoints = (list.items ?? []).flatMap((slice) => slice.endpoints ?? []);
    const named = new Map<string, string>();
    for (const { addresses, conditions, targetRef } of endpoints) {
      const [address] = addresses ?? [];
      if (conditions?.ready === false || targetRef?.kind !== 'Pod' || address === undefined) continue;
      if (targetRef.name !== undefined && !named.has(targetRef.name)) named.set(targetRef.name, address);
    }
    const pods = await Promise.all(
      [...named].slice(0, MAX_PODS).map(async ([name, address]): Promise<Pod[]> => {
        const pod = await this.#client
          .request<ApiObject & RawPod>('GET', pathOf(PODS, namespace, name))
          .catch((error: unknown) => {
            if (error instanceof ApiError && error.status === 404) return undefined;
            throw error;
          });
        const own = [pod?.status?.podIP, ...(pod?.status?.podIPs ?? []).map(({ ip }) => ip)];
        if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || !own.includes(address))
          return [];
        return [{ name, address, createdAt: Date.parse(pod.metadata.creationTimestamp ?? '') || 0 }];
      }),
    );
    return pods.flat();
  }
}

interface RawPod {
  readonly status?: { readonly podIP?: string; readonly podIPs?: readonly { readonly ip?: string }[] };
}

function askPod(pod: Pod, agent: AgentSpec, timeoutMs: number): Promise<readonly InterfaceEntry[]> {
  return agent.kind === 'http'
    ? askHttpAgent(pod.address, agent.port, agent.path, timeoutMs)
    : askQosAgent(pod.address, agent.port, timeoutMs);
}
