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
import type { Budget } from './budget.ts';
import type { Sidecar, SidecarEvents } from './events.ts';
import type { Subject, Subscriber, Subscriptions } from './subscriptions.ts';
import { firstOf } from './texts.ts';
import { CLUSTER_TYPE } from './vip-cluster.ts';

/** So many names one sidecar may follow: what a machine dials. */
const MAX_NAMES = 10_000;
/** Of them so many that lead nowhere get an empty cluster, which closes connections at once; further ones are removed. */
const MAX_EMPTY = 2_000;
/** A name that a sidecar does not take refuses all of its response: few stand in one. */
const NAMES_IN_RESPONSE = 20;
/** … and no more octets than these, but for a single one. */
const OCTETS_IN_RESPONSE = 64 * 1024;
/** A sidecar that has so much to read yet gets the newest state when it has read it … */
const MAX_UNSENT = 256 * 1024;
/** … and any that is behind, while there is so much for all together. */
const MAX_UNSENT_BY_ALL = 64 * 1024 * 1024;
const MAX_TEXT = 200;
/** Longer names are none of ours, and nothing is kept of them. */
const MAX_NAME = 200;
const MAX_TYPES = 100;
/** What one turn of the loop tells one sidecar; others have their turn between. */
const RESPONSES_IN_TURN = 25;

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
  /** it stands in the budget of those that lead nowhere */
  isNowhere: boolean;
  /** … and the sidecar has an empty cluster for it */
  isEmptied: boolean;
}

interface Resource {
  readonly name: string;
  readonly version: string;
  readonly resource: { readonly typeUrl: string; readonly value: Uint8Array };
}

const REMOVED = 'removed';

/** What the stream needs of the house around it. */
export interface DeltaHouse {
  readonly subscriptions: Subscriptions;
  readonly events: SidecarEvents;
  /** before that nothing is answered: an empty cluster would close connections */
  readonly isReady: () => boolean;
  readonly now: () => number;
  /** whether anybody has the VIP of such a name; may say yes for ports on which nothing listens */
  readonly isGiven: (name: string) => boolean;
  /** of the names that all streams follow */
  readonly names: Budget;
  /** of those among them that lead nowhere, each of which costs as much as one that does */
  readonly nowhere: Budget;
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
  #nowhere = 0;
  #emptied = 0;
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
    if (request.value.node !== undefined && !this.#isMet) this.#meet(request.value.node);
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
    if (this.#waiting.size > 0) this.#flushSoon();
  }

  /** The registries are read: what waited for it is answered. */
  ready(): void {
    this.#flushSoon();
  }

  ended(): void {
    this.#isOver = true;
    for (const { subject } of this.#names.values()) this.#house.subscriptions.unsubscribe(subject, this);
    this.#house.names.giveBack(this.#names.size);
    this.#house.nowhere.giveBack(this.#nowhere);
    this.#names.clear();
    this.#waiting.clear();
    this.#left(this);
  }

  #meet({ id, cluster, locality }: Node): void {
    const { region = '', zone = '' } = locality ?? {};
    this.node = {
      id: firstOf(id, MAX_TEXT),
      cluster: firstOf(cluster, MAX_TEXT),
      locality:
        zone === '' ? undefined : { region: firstOf(region, MAX_TEXT), zone: firstOf(zone, MAX_TEXT) },
    };
    this.#house.events.met(this);
    this.#isMet = true;
  }

  /** An acknowledgement asks for nothing; a refusal is told, and what was refused is not sent again. */
  #note({ errorDetail, responseNonce }: DeltaDiscoveryRequest): void {
    this.#times.answered(responseNonce);
    if (errorDetail === undefined) return;
    this.refusal = { at: this.#house.now(), text: firstOf(errorDetail.message, 500) };
    this.#house.events.refused(this, this.refusal.text);
  }

  #take(request: DeltaDiscoveryRequest): void {
    let isTooMany = false;
    for (const name of request.resourceNamesUnsubscribe) this.#forget(name);
    for (const name of request.resourceNamesSubscribe) {
      // old Envoys ask for all clusters when they start; none is meant for all
      if (name === '*' || name === '' || name.length > MAX_NAME) continue;
      const followed = this.#names.get(name) ?? this.#follow(name);
      if (followed === undefined) {
        isTooMany = true;
        continue;
      }
      const known = request.initialResourceVersions[name];
      if (known !== undefined && followed.sent === '') followed.sent = firstOf(known, MAX_TEXT);
      this.#waiting.add(followed);
    }
    if (isTooMany) this.#house.events.tooManyNames(this, this.#names.size);
  }

  /** @returns undefined: one too many */
  #follow(name: string): Followed | undefined {
    const { names, nowhere, subscriptions, isReady, isGiven } = this.#house;
    if (this.#names.size >= MAX_NAMES) return undefined;
    // refused before anything is made for it: made-up names are the cheapest to ask for
    const isNowhere = isReady() && !isGiven(name);
    if (isNowhere && !nowhere.take(this.#nowhere)) return undefined;
    if (!names.take(this.#names.size)) {
      if (isNowhere) nowhere.giveBack(1);
      return undefined;
    }
    if (isNowhere) this.#nowhere++;
    const followed = { subject: subscriptions.subscribe(name, this), sent: '', isNowhere, isEmptied: false };
    this.#names.set(name, followed);
    return followed;
  }

  #forget(name: string): void {
    const followed = this.#names.get(name);
    if (followed === undefined) return;
    this.#names.delete(name);
    this.#waiting.delete(followed);
    this.#house.names.giveBack(1);
    this.#countNowhere(followed, false);
    this.#house.subscriptions.unsubscribe(followed.subject, this);
  }

  /** Who starts with a question for all of a type waits for an answer to it: there is nothing for all. */
  #answerType({ typeUrl, resourceNamesSubscribe, responseNonce }: DeltaDiscoveryRequest): void {
    if (responseNonce !== '' || typeUrl.length > MAX_TEXT || this.#answeredTypes.has(typeUrl)) return;
    if (this.#answeredTypes.size >= MAX_TYPES) return;
    const isForAll = resourceNamesSubscribe.length === 0 || resourceNamesSubscribe.includes('*');
    if (typeUrl === CLUSTER_TYPE && !isForAll) return;
    this.#answeredTypes.add(typeUrl);
    this.#send(typeUrl, [], []);
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#isOver) return;
    this.#isFlushing = true;
    // what one turn brings goes together
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
      // what is left waits for its turn, or until something is read
      if (this.#waiting.size > 0 && this.#house.isReady() && this.#mayWrite()) this.#flushSoon();
    });
  }

  #flush(): void {
    if (!this.#house.isReady()) return;
    for (let i = 0; i < RESPONSES_IN_TURN; i++) {
      if (this.#waiting.size === 0 || this.#isOver || !this.#mayWrite()) return;
      const resources: Resource[] = [];
      const removed: string[] = [];
      let octetsInAll = 0;
      for (const followed of this.#waiting) {
        if (resources.length + removed.length >= NAMES_IN_RESPONSE || octetsInAll >= OCTETS_IN_RESPONSE)
          break;
        this.#waiting.delete(followed);
        const { name } = followed.subject;
        if (!this.#isToBeTold(followed)) {
          if (followed.sent !== REMOVED) removed.push(name);
          followed.sent = REMOVED;
          continue;
        }
        const { octets, version } = this.#house.subscriptions.clusterOf(followed.subject, this.node.locality);
        if (followed.sent === version) continue;
        followed.sent = version;
        octetsInAll += octets.length;
        resources.push({ name, version, resource: { typeUrl: CLUSTER_TYPE, value: octets } });
      }
      if (resources.length + removed.length > 0) this.#send(CLUSTER_TYPE, resources, removed);
    }
  }

  #mayWrite(): boolean {
    const stream = this.#stream;
    if (!stream.isBehind) return true;
    return stream.unsent < MAX_UNSENT && stream.unsentByAll < MAX_UNSENT_BY_ALL;
  }

  /** Whether it gets a cluster: of those that lead nowhere too many get none, and too many for all are not followed further. */
  #isToBeTold(followed: Followed): boolean {
    const isNowhere = followed.subject.target === undefined;
    if (isNowhere && !followed.isNowhere && !this.#house.nowhere.take(this.#nowhere)) {
      this.#house.events.tooManyNames(this, this.#nowhere);
      this.#forget(followed.subject.name);
      return false;
    }
    this.#countNowhere(followed, isNowhere);
    if (!isNowhere || followed.isEmptied) return true;
    // one that the sidecar had is emptied all the same
    if (followed.sent === '' && this.#emptied >= MAX_EMPTY) return false;
    followed.isEmptied = true;
    this.#emptied++;
    return true;
  }

  #countNowhere(followed: Followed, isNowhere: boolean): void {
    if (followed.isNowhere === isNowhere) return;
    followed.isNowhere = isNowhere;
    this.#nowhere += isNowhere ? 1 : -1;
    // what comes to lead nowhere was taken before
    if (isNowhere) return;
    this.#house.nowhere.giveBack(1);
    if (followed.isEmptied) this.#emptied--;
    followed.isEmptied = false;
  }

  #send(typeUrl: string, resources: Resource[], removedResources: string[]): void {
    const nonce = String(++this.#nonce);
    const octets = encoded(DeltaDiscoveryResponseSchema, { typeUrl, nonce, resources, removedResources });
    this.#stream.send(octets);
    this.#times.sent(nonce);
    this.pushes += resources.length + removedResources.length;
    this.#house.events.pushed(resources.length + removedResources.length, octets.length);
  }
}
