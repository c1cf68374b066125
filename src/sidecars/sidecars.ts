/** The way from a VIP to its providers: the port at which sidecars and istiod ask (contract 1.8). */
import type { EventLine } from '../event-line/event-line.ts';
import { decoded } from '../grpc/messages.ts';
import { DiscoveryRequestSchema } from '../grpc/protos/ads_pb.ts';
import { GrpcServer, type ServerStream, type ServerTls, type StreamUser } from '../grpc/server.ts';
import { STATUS } from '../grpc/status.ts';
import type { DomainName } from '../name/domain-name.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import { Localities, type LocalityRule, localityText } from '../name/localities.ts';
import { Budget } from './budget.ts';
import { DeltaStream } from './delta-stream.ts';
import type { Sidecar, SidecarEvents } from './events.ts';
import { McpStream } from './istio/mcp-stream.ts';
import { ServiceEntries } from './istio/service-entries.ts';
import type { EntryOptions } from './istio/service-entry.ts';
import { resourcesOf } from './state-resources.ts';
import { StateStream } from './state-stream.ts';
import { Subscriptions } from './subscriptions.ts';
import { parseClusterName } from './vip-cluster.ts';
import { ownerOf } from './vip-target.ts';

export interface SidecarsOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: ServerTls | undefined;
  readonly localities: readonly LocalityRule[];
  /** the zone in which istiod's hosts are named */
  readonly zone: DomainName;
  readonly istio: Pick<EntryOptions, 'namespace' | 'portNames'>;
}

/** Since the start; for metrics. */
export interface SidecarCounters {
  pushes: number;
  pushedOctets: number;
  refusals: number;
  garbage: number;
  /** connections that were not let in */
  rejected: number;
}

/** Is told what happens; for the log and metrics. */
export interface SidecarObserver {
  /** a sidecar said who it is */
  met(peer: string, node: string): void;
  left(peer: string, node: string): void;
  refused(peer: string, node: string, text: string): void;
  garbage(peer: string, reason: string): void;
  rejected(peer: string, reason: string): void;
  tooManyNames(peer: string, node: string, most: number): void;
  /** Istio would not take an interface */
  leftOut(name: InterfaceName, reason: string): void;
  /** a response was acknowledged or refused, so long after it was sent */
  answered(seconds: number): void;
}

/** A sidecar as `rpc-dns sidecars` shows it. */
export interface SidecarJson {
  readonly kind: 'on demand' | 'state of the world' | 'istiod';
  readonly peer: string;
  readonly node: string;
  readonly cluster: string;
  /** `hz/gz00a`; null: it does not say */
  readonly locality: string | null;
  /** ISO 8601 */
  readonly since: string;
  readonly pushes: number;
  /** VIPs and ports that it asked for, `vip|247.0.0.1:20880`, or the interfaces that it wants */
  readonly vips: readonly string[];
  /** the last one that it did not take */
  readonly refusal: { readonly at: string; readonly text: string } | null;
}

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
/** Types of Envoy's own begin so; those of istiod are `group/version/Kind`. */
const ENVOY_TYPE = 'type.googleapis.com/';
/** A node's metadata may be long; nothing of it is kept but its name. */
const MAX_MESSAGE_OCTETS = 1024 * 1024;
const MAX_CONNECTIONS = 4_000;
const MAX_STREAMS = 4;
/** Octets of messages that have begun and are not whole, of all together. */
const MAX_UNFINISHED_OCTETS = 64 * 1024 * 1024;
/** Names that all sidecars together follow, and each in any case. */
const NAMES = { most: 400_000, share: 100 };
/** Of those, names that lead nowhere. */
const NOWHERE = { most: 50_000, share: 20 };
/** Each is sent the whole set, of which some may wait for those that do not read. */
const MAX_ISTIODS = 16;
const KEEP_ALIVE_MS = 30_000;
/** istiod takes whole sets: changes wait for each other so long … */
const SET_AFTER_MS = 1_000;
/** … but none waits longer than this. */
const SET_WITHIN_MS = 10_000;

export class Sidecars {
  readonly counters: SidecarCounters = { pushes: 0, pushedOctets: 0, refusals: 0, garbage: 0, rejected: 0 };
  readonly #line: EventLine;
  readonly #observer: SidecarObserver;
  readonly #subscriptions: Subscriptions;
  #options: SidecarsOptions;
  #localities: Localities;
  readonly #entries: ServiceEntries;
  readonly #delta = new Set<DeltaStream>();
  readonly #state = new Set<StateStream>();
  readonly #istiods = new Set<McpStream>();
  readonly #names = new Budget(NAMES.most, NAMES.share);
  readonly #nowhere = new Budget(NOWHERE.most, NOWHERE.share);
  readonly #server: GrpcServer;
  readonly #unsubscribe: () => void;
  #setTimer: NodeJS.Timeout | undefined;
  #setDueAt = Number.POSITIVE_INFINITY;

  constructor(line: EventLine, options: SidecarsOptions, observer: SidecarObserver) {
    this.#line = line;
    this.#observer = observer;
    this.#options = options;
    this.#localities = new Localities(options.localities);
    this.#subscriptions = new Subscriptions(line, this.#localities);
    this.#entries = new ServiceEntries(line, this.#entryOptions(), { leftOut: observer.leftOut });
    const { host, port, tls } = options;
    const limits = {
      maxMessageOctets: MAX_MESSAGE_OCTETS,
      maxConnections: MAX_CONNECTIONS,
      maxStreams: MAX_STREAMS,
      maxUnfinishedOctets: MAX_UNFINISHED_OCTETS,
      keepAliveMs: KEEP_ALIVE_MS,
    };
    const routes = {
      [`${SERVICE}/DeltaAggregatedResources`]: (stream: ServerStream) => this.#serveDelta(stream),
      [`${SERVICE}/StreamAggregatedResources`]: (stream: ServerStream) => this.#serveState(stream),
    };
    this.#server = new GrpcServer({ host, port, tls, ...limits }, routes, {
      refused: (peer, reason) => {
        this.counters.rejected++;
        observer.rejected(peer, reason);
      },
    });
    const { journal } = line.feed;
    this.#unsubscribe = journal.subscribe(journal.last, {
      revision: ({ changed, removed }) => this.#changed([...changed, ...removed]),
      resync: () => this.#lookAtAll(),
    });
  }

  get streams(): number {
    return this.#delta.size + this.#state.size + this.#istiods.size;
  }

  get connections(): number {
    return this.#server.connections;
  }

  /** VIPs and ports that anybody asked for. */
  get subjects(): number {
    return this.#subscriptions.size;
  }

  /** Interfaces that Istio would not take. */
  get leftOut(): number {
    return this.#entries.leftOut;
  }

  /** Resolves with the port. Rejects with the system's error. */
  listen(): Promise<number> {
    return this.#server.listen();
  }

  /** The registries are read. */
  ready(): void {
    this.#lookAtAll();
    for (const stream of this.#delta) stream.ready();
    for (const stream of this.#istiods) stream.ready();
  }

  setTls(tls: ServerTls): void {
    this.#server.setTls(tls);
  }

  /** Of a changed configuration: where things are, and how istiod is told. */
  configure(options: Pick<SidecarsOptions, 'localities' | 'zone' | 'istio'>): void {
    this.#options = { ...this.#options, ...options };
    this.#localities = new Localities(options.localities);
    this.#subscriptions.setLocalities(this.#localities);
    this.#entries.setOptions(this.#entryOptions());
    for (const stream of this.#state) stream.tellAll();
    if (this.#istiods.size > 0) this.#tellIstiodsSoon();
  }

  *list(): Generator<SidecarJson> {
    for (const stream of this.#delta) yield jsonOf('on demand', stream);
    for (const stream of this.#state) yield jsonOf('state of the world', stream);
    for (const stream of this.#istiods) yield jsonOf('istiod', stream);
  }

  async close(): Promise<void> {
    clearTimeout(this.#setTimer);
    this.#unsubscribe();
    await this.#server.close();
  }

  get #house() {
    return {
      events: this.#events,
      isReady: () => this.#line.feed.isReady,
      now: () => this.#line.now(),
      names: this.#names,
      nowhere: this.#nowhere,
    };
  }

  readonly #events: SidecarEvents = {
    met: ({ peer, node }) => this.#observer.met(peer, node.id),
    refused: ({ peer, node }, text) => {
      this.counters.refusals++;
      this.#observer.refused(peer, node.id, text);
    },
    garbage: (peer, reason) => {
      this.counters.garbage++;
      this.#observer.garbage(peer, reason);
    },
    tooManyNames: ({ peer, node }, most) => this.#observer.tooManyNames(peer, node.id, most),
    answered: (seconds) => this.#observer.answered(seconds),
    pushed: (resources, octets) => {
      this.counters.pushes += resources;
      this.counters.pushedOctets += octets;
    },
  };

  readonly #isGiven = (name: string): boolean => {
    const at = parseClusterName(name);
    return at !== undefined && ownerOf(this.#line, at.address) !== undefined;
  };

  #serveDelta(stream: ServerStream): StreamUser {
    const house = { ...this.#house, subscriptions: this.#subscriptions, isGiven: this.#isGiven };
    const user = new DeltaStream(stream, house, (ended) => {
      this.#delta.delete(ended);
      this.#left(ended);
    });
    this.#delta.add(user);
    return user;
  }

  /** Its first request says whether it is an istiod. */
  #serveState(stream: ServerStream): StreamUser {
    let user: StateStream | McpStream | undefined;
    const open = (typeUrl: string): StateStream | McpStream =>
      typeUrl.startsWith(ENVOY_TYPE) ? this.#openState(stream) : this.#openIstiod(stream);
    return {
      message: (octets) => {
        const request = decoded(DiscoveryRequestSchema, octets);
        if (!request.ok) {
          this.#events.garbage(stream.peer, request.reason);
          stream.end({ code: STATUS.INVALID_ARGUMENT, message: request.reason });
          return;
        }
        user ??= open(request.value.typeUrl);
        if (user instanceof McpStream && !this.#istiods.has(user)) {
          const message = `more than ${MAX_ISTIODS} istiods`;
          this.counters.rejected++;
          this.#observer.rejected(stream.peer, message);
          stream.end({ code: STATUS.RESOURCE_EXHAUSTED, message });
          return;
        }
        user.request(request.value);
      },
      drained: () => user?.drained(),
      ended: () => {
        if (user === undefined) return;
        if (user instanceof McpStream) this.#istiods.delete(user);
        else {
          this.#state.delete(user);
          user.ended();
        }
        // a set that nobody takes costs memory
        if (this.#istiods.size === 0) this.#entries.forget();
        this.#left(user);
      },
    };
  }

  #openState(stream: ServerStream): StateStream {
    const user = new StateStream(stream, {
      ...this.#house,
      resourcesOf: (typeUrl, interfaces, { locality }) =>
        resourcesOf(this.#line, typeUrl, interfaces, this.#localities, locality),
    });
    this.#state.add(user);
    return user;
  }

  #openIstiod(stream: ServerStream): McpStream {
    const user = new McpStream(stream, { ...this.#house, entries: () => this.#entries.all() });
    if (this.#istiods.size < MAX_ISTIODS) this.#istiods.add(user);
    return user;
  }

  #left({ peer, node }: Sidecar): void {
    if (node.id !== '') this.#observer.left(peer, node.id);
  }

  #changed(names: readonly InterfaceName[]): void {
    this.#subscriptions.changed(names);
    if (this.#state.size > 0) {
      const set = new Set(names);
      for (const stream of this.#state) stream.changed(set);
    }
    if (this.#entries.changed(names)) this.#tellIstiodsSoon();
  }

  #lookAtAll(): void {
    this.#subscriptions.lookAtAll();
    for (const stream of this.#state) stream.tellAll();
    if (this.#istiods.size === 0) return;
    this.#entries.forget();
    this.#tellIstiodsSoon();
  }

  #tellIstiodsSoon(): void {
    const now = performance.now();
    this.#setDueAt = Math.min(this.#setDueAt, now + SET_WITHIN_MS);
    clearTimeout(this.#setTimer);
    this.#setTimer = setTimeout(
      () => {
        this.#setDueAt = Number.POSITIVE_INFINITY;
        for (const stream of this.#istiods) stream.changed();
      },
      Math.max(0, Math.min(SET_AFTER_MS, this.#setDueAt - now)),
    );
  }

  #entryOptions(): EntryOptions {
    const { zone, istio } = this.#options;
    return { ...istio, zone, localities: this.#localities };
  }
}

function jsonOf(kind: SidecarJson['kind'], stream: DeltaStream | StateStream | McpStream): SidecarJson {
  const { peer, node, refusal, openedAt, pushes } = stream;
  return {
    kind,
    peer,
    node: node.id,
    cluster: node.cluster,
    locality: node.locality === undefined ? null : localityText(node.locality),
    since: new Date(openedAt).toISOString(),
    pushes,
    vips: [...stream.names()].sort(),
    refusal: refusal === undefined ? null : { at: new Date(refusal.at).toISOString(), text: refusal.text },
  };
}
