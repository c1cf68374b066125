import type { EventLine } from '../event-line/event-line.ts';
import type { Address } from '../name/address.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { Localities, Locality } from '../name/localities.ts';
import {
  clusterOf,
  localitiesOf,
  parseClusterName,
  rankOf,
  type VersionedCluster,
  type VipPort,
} from './vip-cluster.ts';
import { type VipTarget, vipTarget } from './vip-target.ts';

/** Who wants to know what is behind a VIP and a port. */
export interface Subscriber {
  /** Something else is behind it now. */
  changed(subject: Subject): void;
}

/** What somebody asks for: a VIP and a port, or a name that can be none. */
export class Subject {
  readonly name: string;
  readonly at: VipPort | undefined;
  readonly subscribers = new Set<Subscriber>();
  target: VipTarget | undefined;
  /**
   * As sidecars get it, made when it is asked for; by how far each of {@link places} is from the sidecar, and not by the locality
   * that it claims, of which there is no end.
   */
  readonly clusters = new Map<
    string,
    { readonly own: Locality | undefined; readonly cluster: VersionedCluster }
  >();
  /** where its endpoints are, each place once; undefined: not looked at yet */
  places: readonly (Locality | undefined)[] | undefined;

  constructor(name: string, at: VipPort | undefined) {
    this.name = name;
    this.at = at;
  }
}

/**
 * From VIP and port to those who dialled it. Fed by the revisions of what is published: a change of an interface costs what
 * its subscribers cost, and nothing else.
 */
export class Subscriptions {
  readonly #line: EventLine;
  #localities: Localities;
  readonly #subjects = new Map<string, Subject>();
  readonly #byAddress = new Map<Address, Set<Subject>>();
  /** by the interface that they lead to, which may lose its VIP */
  readonly #byInterface = new Map<InterfaceName, Set<Subject>>();

  constructor(line: EventLine, localities: Localities) {
    this.#line = line;
    this.#localities = localities;
  }

  get size(): number {
    return this.#subjects.size;
  }

  subscribe(name: string, subscriber: Subscriber): Subject {
    const subject = this.#subjects.get(name) ?? this.#add(name);
    subject.subscribers.add(subscriber);
    return subject;
  }

  unsubscribe(subject: Subject, subscriber: Subscriber): void {
    subject.subscribers.delete(subscriber);
    if (subject.subscribers.size > 0) return;
    this.#subjects.delete(subject.name);
    this.#move(subject, undefined);
    if (subject.at !== undefined) leave(this.#byAddress, subject.at.address, subject);
  }

  /** What a sidecar in this locality gets. */
  clusterOf(subject: Subject, own: Locality | undefined): VersionedCluster {
    const endpoints = subject.target?.endpoints ?? [];
    subject.places ??= localitiesOf(endpoints, this.#localities);
    const ranks = subject.places.map((place) => rankOf(place, own));
    const key = ranks.every((rank) => rank === ranks[0]) ? '' : ranks.join();
    const known = subject.clusters.get(key);
    if (known !== undefined) return known.cluster;
    const cluster = clusterOf(subject.name, endpoints, this.#localities, own);
    subject.clusters.set(key, { own, cluster });
    return cluster;
  }

  /** These interfaces are published otherwise than before, or not any more. */
  changed(names: Iterable<InterfaceName>): void {
    const affected = new Set<Subject>();
    for (const name of names) {
      for (const subject of this.#byInterface.get(name) ?? []) affected.add(subject);
      if (this.#byAddress.size === 0) continue;
      for (const address of this.#line.feed.viewOf(name)?.addresses ?? []) {
        for (const subject of this.#byAddress.get(address) ?? []) affected.add(subject);
      }
    }
    for (const subject of affected) this.#look(subject);
  }

  /** Anything may be otherwise than before. */
  lookAtAll(): void {
    for (const subject of this.#subjects.values()) this.#look(subject);
  }

  setLocalities(localities: Localities): void {
    this.#localities = localities;
    this.lookAtAll();
  }

  #add(name: string): Subject {
    const subject = new Subject(name, parseClusterName(name));
    this.#subjects.set(name, subject);
    if (subject.at !== undefined) {
      join(this.#byAddress, subject.at.address, subject);
      this.#move(subject, vipTarget(this.#line, subject.at.address, subject.at.port));
    }
    return subject;
  }

  #look(subject: Subject): void {
    if (subject.at === undefined) return;
    const before = [...subject.clusters.values()];
    this.#move(subject, vipTarget(this.#line, subject.at.address, subject.at.port));
    subject.clusters.clear();
    subject.places = undefined;
    const isSame = before.every(
      ({ own, cluster }) => this.clusterOf(subject, own).version === cluster.version,
    );
    if (isSame && before.length > 0) return;
    for (const subscriber of subject.subscribers) subscriber.changed(subject);
  }

  #move(subject: Subject, target: VipTarget | undefined): void {
    const [before, after] = [subject.target?.interface, target?.interface];
    subject.target = target;
    if (before === after) return;
    if (before !== undefined) leave(this.#byInterface, before, subject);
    if (after !== undefined) join(this.#byInterface, after, subject);
  }
}

function join<K>(map: Map<K, Set<Subject>>, key: K, subject: Subject): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([subject]));
  else known.add(subject);
}

function leave<K>(map: Map<K, Set<Subject>>, key: K, subject: Subject): void {
  const known = map.get(key);
  known?.delete(subject);
  if (known?.size === 0) map.delete(key);
}
