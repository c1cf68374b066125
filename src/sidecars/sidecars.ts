/** The way from a VIP to its providers: the port at which sidecars ask (contract 1.8). */
import type { EventLine } from '../event-line/event-line.ts';
import { GrpcServer, type ServerTls } from '../grpc/server.ts';
import { Localities, type LocalityRule } from '../name/localities.ts';
import { DeltaStream } from './delta-stream.ts';
import type { Sidecar } from './events.ts';
import { Subscriptions } from './subscriptions.ts';

export interface SidecarsOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: ServerTls | undefined;
  readonly localities: readonly LocalityRule[];
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

export interface SidecarLog {
  /** a sidecar said who it is */
  met(peer: string, node: string): void;
  left(peer: string, node: string): void;
  refused(peer: string, node: string, text: string): void;
  garbage(peer: string, reason: string): void;
  rejected(peer: string, reason: string): void;
  tooManyNames(peer: string, node: string, most: number): void;
}

/** A sidecar as `rpc-dns sidecars` shows it. */
export interface SidecarJson {
  readonly peer: string;
  readonly node: string;
  readonly cluster: string;
  /** `hz/gz00a`; null: it does not say */
  readonly locality: string | null;
  /** ISO 8601 */
  readonly since: string;
  readonly pushes: number;
  /** VIPs and ports that it asked for, `vip|247.0.0.1:20880` */
  readonly vips: readonly string[];
  /** the last one that it did not take */
  readonly refusal: { readonly at: string; readonly text: string } | null;
}

const DELTA = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** A node's metadata may be long; nothing of it is kept but its name. */
const MAX_MESSAGE_OCTETS = 1024 * 1024;
const MAX_CONNECTIONS = 4_000;
const MAX_STREAMS = 8;
const KEEP_ALIVE_MS = 30_000;

export class Sidecars {
  readonly counters: SidecarCounters = { pushes: 0, pushedOctets: 0, refusals: 0, garbage: 0, rejected: 0 };
  readonly #subscriptions: Subscriptions;
  readonly #streams = new Set<DeltaStream>();
  readonly #server: GrpcServer;
  readonly #unsubscribe: () => void;

  constructor(line: EventLine, options: SidecarsOptions, log: SidecarLog) {
    const { host, port, tls, localities } = options;
    this.#subscriptions = new Subscriptions(line, new Localities(localities));
    const house = {
      subscriptions: this.#subscriptions,
      isReady: () => line.feed.isReady,
      now: () => line.now(),
      events: {
        met: ({ peer, node }: Sidecar) => log.met(peer, node.id),
        refused: ({ peer, node }: Sidecar, text: string) => {
          this.counters.refusals++;
          log.refused(peer, node.id, text);
        },
        garbage: (peer: string, reason: string) => {
          this.counters.garbage++;
          log.garbage(peer, reason);
        },
        tooManyNames: ({ peer, node }: Sidecar, most: number) => log.tooManyNames(peer, node.id, most),
        pushed: (resources: number, octets: number) => {
          this.counters.pushes += resources;
          this.counters.pushedOctets += octets;
        },
      },
    };
    const limits = {
      maxMessageOctets: MAX_MESSAGE_OCTETS,
      maxConnections: MAX_CONNECTIONS,
      maxStreams: MAX_STREAMS,
      keepAliveMs: KEEP_ALIVE_MS,
    };
    const routes = {
      [DELTA]: (stream: ConstructorParameters<typeof DeltaStream>[0]) => {
        const user = new DeltaStream(stream, house, (ended) => {
          this.#streams.delete(ended);
          if (ended.node.id !== '') log.left(ended.peer, ended.node.id);
        });
        this.#streams.add(user);
        return user;
      },
    };
    this.#server = new GrpcServer({ host, port, tls, ...limits }, routes, {
      refused: (peer, reason) => {
        this.counters.rejected++;
        log.rejected(peer, reason);
      },
    });
    const { journal } = line.feed;
    this.#unsubscribe = journal.subscribe(journal.last, {
      revision: ({ changed, removed }) => {
        this.#subscriptions.changed(changed);
        this.#subscriptions.changed(removed);
      },
      resync: () => this.#subscriptions.lookAtAll(),
    });
  }

  get streams(): number {
    return this.#streams.size;
  }

  get connections(): number {
    return this.#server.connections;
  }

  /** VIPs and ports that anybody asked for. */
  get subjects(): number {
    return this.#subscriptions.size;
  }

  /** Resolves with the port. Rejects with the system's error. */
  listen(): Promise<number> {
    return this.#server.listen();
  }

  /** The registries are read. */
  ready(): void {
    this.#subscriptions.lookAtAll();
    for (const stream of this.#streams) stream.ready();
  }

  setTls(tls: ServerTls): void {
    this.#server.setTls(tls);
  }

  setLocalities(rules: readonly LocalityRule[]): void {
    this.#subscriptions.setLocalities(new Localities(rules));
  }

  *list(): Generator<SidecarJson> {
    for (const stream of this.#streams) {
      const { node, refusal } = stream;
      yield {
        peer: stream.peer,
        node: node.id,
        cluster: node.cluster,
        locality: node.locality === undefined ? null : `${node.locality.region}/${node.locality.zone}`,
        since: new Date(stream.openedAt).toISOString(),
        pushes: stream.pushes,
        vips: [...stream.names()].sort(),
        refusal:
          refusal === undefined ? null : { at: new Date(refusal.at).toISOString(), text: refusal.text },
      };
    }
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#server.close();
  }
}
