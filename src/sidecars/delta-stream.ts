import { decoded, encoded } from '../grpc/messages.ts';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type Node,
} from '../grpc/protos/ads_pb.ts';
import type { ServerStream, StreamUser } from '../grpc/server.ts';
import { STATUS } from '../grpc/status.ts';
import { AnswerTimes } from './answer-times.ts';
import type { Sidecar, SidecarEvents } from './events.ts';
import type { Subject, Subscriber, Subscriptions } from './subscriptions.ts';
import { CLUSTER_TYPE } from './vip-cluster.ts';

/** So many names one sidecar may follow: what a machine dials. */
const MAX_NAMES = 10_000;
/** Of them so many that lead nowhere get an empty cluster, which closes connections at once; further ones are removed. */
const MAX_EMPTY = 2_000;
/** A name that a sidecar does not take refuses all of its response: few stand in one. */
const NAMES_IN_RESPONSE = 20;
/** A sidecar that has so much to read yet gets the newest state when it has read it. */
const MAX_UNSENT = 256 * 1024;
const MAX_TEXT = 200;

/** The last response that a sidecar did not take. */
export interface Refusal {
  /** Unix milliseconds */
  readonly at: number;
  readonly text: string;
}

interface Followed {
  readonly subject: Subject;
  /** version that the sidecar has; '' before the first, `removed` for one that was taken away */
  sent: string;
}

const REMOVED = 'removed';

/** What the stream needs of the house around it. */
export interface DeltaHouse {
  readonly subscriptions: Subscriptions;
  readonly events: SidecarEvents;
  /** before that nothing is answered: an empty cluster would close connections */
  readonly isReady: () => boolean;
  readonly now: () => number;
}

/**
 * One sidecar that asks for clusters by name when they are dialled: incremental xDS (Envoy's `tcp_proxy.on_demand`). Names that
 * lead nowhere stay followed, and are told when they come to be.
 */
export class DeltaStream implements StreamUser, Subscriber, Sidecar {
  readonly #stream: ServerStream;
  readonly #house: DeltaHouse;
  readonly #left: (stream: DeltaStream) => void;
  readonly openedAt: number;
  node: Sidecar['node'] = { id: '', cluster: '', locality: undefined };
  refusal: Refusal | undefined;
  pushes = 0;
  readonly #names = new Map<string, Followed>();
  readonly #waiting = new Set<Followed>();
  readonly #answeredTypes = new Set<string>();
  readonly #times: AnswerTimes;
  #empty = 0;
  #nonce = 0;
  #isFlushing = false;
  #isOver = false;
  /** some name themselves in every request */
  #isMet = false;

  /** @param left is told when the stream has ended */
  constructor(stream: ServerStream, house: DeltaHouse, left: (stream: DeltaStream) => void) {
    this.#stream = stream;
    this.#house = house;
    this.#left = left;
    this.#times = new AnswerTimes(house.events.answered);
    this.openedAt = house.now();
  }

  get peer(): string {
    return this.#stream.peer;
  }

  /** Names that it follows. */
  names(): Iterable<string> {
    return this.#names.keys();
  }

  get followed(): number {
    return this.#names.size;
  }

  message(octets: Uint8Array): void {
    if (this.#isOver) return;
    const request = decoded(DeltaDiscoveryRequestSchema, octets);
    if (!request.ok) {
      this.#house.events.garbage(this.peer, request.reason);
      this.#stream.end({ code: STATUS.INVALID_ARGUMENT, message: request.reason });
      return;
    }
    if (request.value.node !== undefined) this.#meet(request.value.node);
    this.#note(request.value);
    if (request.value.typeUrl === CLUSTER_TYPE) this.#take(request.value);
    this.#answerType(request.value);
    this.#flushSoon();
  }

  changed(subject: Subject): void {
    const followed = this.#names.get(subject.name);
    if (followed === undefined) return;
    this.#waiting.add(followed);
    this.#flushSoon();
  }

  drained(): void {
    this.#flushSoon();
  }

  /** The registries are read: what waited for it is answered. */
  ready(): void {
    this.#flushSoon();
  }

  ended(): void {
    this.#isOver = true;
    for (const { subject } of this.#names.values()) this.#house.subscriptions.unsubscribe(subject, this);
    this.#names.clear();
    this.#waiting.clear();
    this.#left(this);
  }

  #meet({ id, cluster, locality }: Node): void {
    const { region = '', zone = '' } = locality ?? {};
    this.node = {
      id: id.slice(0, MAX_TEXT),
      cluster: cluster.slice(0, MAX_TEXT),
      locality:
        zone === '' ? undefined : { region: region.slice(0, MAX_TEXT), zone: zone.slice(0, MAX_TEXT) },
    };
    if (!this.#isMet) this.#house.events.met(this);
    this.#isMet = true;
  }

  /** An acknowledgement asks for nothing; a refusal is told, and what was refused is not sent again. */
  #note({ errorDetail, responseNonce }: DeltaDiscoveryRequest): void {
    this.#times.answered(responseNonce);
    if (errorDetail === undefined) return;
    this.refusal = { at: this.#house.now(), text: errorDetail.message.slice(0, 500) };
    this.#house.events.refused(this, this.refusal.text);
  }

  #take(request: DeltaDiscoveryRequest): void {
    for (const name of request.resourceNamesUnsubscribe) this.#forget(name);
    for (const name of request.resourceNamesSubscribe) {
      // old Envoys ask for all clusters when they start; none is meant for all
      if (name === '*' || name === '') continue;
      const followed = this.#names.get(name) ?? this.#follow(name);
      if (followed === undefined) continue;
      const known = request.initialResourceVersions[name];
      if (known !== undefined && followed.sent === '') followed.sent = known.slice(0, MAX_TEXT);
      this.#waiting.add(followed);
    }
  }

  #follow(name: string): Followed | undefined {
    if (this.#names.size >= MAX_NAMES) {
      this.#house.events.tooManyNames(this, MAX_NAMES);
      return undefined;
    }
    const followed = { subject: this.#house.subscriptions.subscribe(name, this), sent: '' };
    this.#names.set(name, followed);
    return followed;
  }

  #forget(name: string): void {
    const followed = this.#names.get(name);
    if (followed === undefined) return;
    this.#names.delete(name);
    this.#waiting.delete(followed);
    this.#house.subscriptions.unsubscribe(followed.subject, this);
  }

  /** Who starts with a question for all of a type waits for an answer to it: there is nothing for all. */
  #answerType({ typeUrl, resourceNamesSubscribe, responseNonce }: DeltaDiscoveryRequest): void {
    if (responseNonce !== '' || this.#answeredTypes.has(typeUrl) || this.#answeredTypes.size > 100) return;
    const isForAll = resourceNamesSubscribe.length === 0 || resourceNamesSubscribe.includes('*');
    if (typeUrl === CLUSTER_TYPE && !isForAll) return;
    this.#answeredTypes.add(typeUrl);
    this.#send(typeUrl.slice(0, MAX_TEXT), [], []);
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#isOver) return;
    this.#isFlushing = true;
    // what one turn brings goes together
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#house.isReady()) return;
    while (this.#waiting.size > 0 && !this.#isOver && this.#stream.unsent < MAX_UNSENT) {
      const chosen = this.#waiting.values().take(NAMES_IN_RESPONSE).toArray();
      const resources: { name: string; version: string; resource: { typeUrl: string; value: Uint8Array } }[] =
        [];
      const removed: string[] = [];
      for (const followed of chosen) {
        this.#waiting.delete(followed);
        const { name } = followed.subject;
        const { octets, version } = this.#house.subscriptions.clusterOf(followed.subject, this.node.locality);
        if (followed.sent === version) continue;
        if (this.#isBeyond(followed)) {
          if (followed.sent !== REMOVED) removed.push(name);
          followed.sent = REMOVED;
          continue;
        }
        followed.sent = version;
        resources.push({ name, version, resource: { typeUrl: CLUSTER_TYPE, value: octets } });
      }
      if (resources.length + removed.length > 0) this.#send(CLUSTER_TYPE, resources, removed);
    }
  }

  /** Whether it leads nowhere, as too many do; one that the sidecar had is emptied all the same. */
  #isBeyond({ subject, sent }: Followed): boolean {
    if (subject.target !== undefined || sent !== '') return false;
    return ++this.#empty > MAX_EMPTY;
  }

  #send(
    typeUrl: string,
    resources: { name: string; version: string; resource: { typeUrl: string; value: Uint8Array } }[],
    removedResources: string[],
  ): void {
    const nonce = String(++this.#nonce);
    const octets = encoded(DeltaDiscoveryResponseSchema, { typeUrl, nonce, resources, removedResources });
    this.#stream.send(octets);
    this.#times.sent(nonce);
    this.pushes += resources.length + removedResources.length;
    this.#house.events.pushed(resources.length + removedResources.length, octets.length);
  }
}
