/** What is known of one namespace, from one connection to the next. */
import type { SkipLog } from '../skip-log.ts';
import { type Deliveries, type KnownService, newService } from './deliveries.ts';
import type { NacosOptions } from './options.ts';
import { readService } from './parse.ts';
import { isJson, type Json } from './payload.ts';

/** Names that belong to nobody's service are not kept; and so many of one namespace at most. */
const MAX_SERVICES = 1_000_000;
const MAX_NAME = 1_600;

export class Namespace {
  readonly name: string;
  readonly options: NacosOptions;
  readonly #deliveries: Deliveries;
  readonly #skips: SkipLog;
  /** by `group@@service` */
  readonly #services = new Map<string, KnownService>();
  #list = 0;

  constructor(name: string, options: NacosOptions, deliveries: Deliveries, skips: SkipLog) {
    this.name = name;
    this.options = options;
    this.#deliveries = deliveries;
    this.#skips = skips;
  }

  get size(): number {
    return this.#services.size;
  }

  /** Services that a connection has not subscribed yet. */
  *notSubscribedBy(connection: number): Generator<readonly [key: string, service: KnownService]> {
    for (const [key, service] of this.#services)
      if (service.subscribedBy !== connection) yield [key, service];
  }

  keys(): IterableIterator<string> {
    return this.#services.keys();
  }

  get(key: string): KnownService | undefined {
    return this.#services.get(key);
  }

  /** Begins to take in a list of all services. */
  beginList(): void {
    this.#list++;
  }

  /** One group's name on the list, or told by itself. @returns undefined: it is not kept */
  see(group: string, name: string): KnownService | undefined {
    if (name === '' || name.length > MAX_NAME) return undefined;
    const key = serviceKey(group, name);
    let service = this.#services.get(key);
    if (service === undefined) {
      if (this.#services.size >= MAX_SERVICES) return undefined;
      service = newService();
      this.#services.set(key, service);
    }
    service.seen = this.#list;
    return service;
  }

  /**
   * The list is whole: what it lacks is gone.
   *
   * @param isOnePiece of several pages each is of another moment, so that a name may be between two: it has to be missing twice
   * @returns the keys of what is gone
   */
  endList(isOnePiece: boolean): string[] {
    const oldest = this.#list - (isOnePiece ? 0 : 1);
    const gone: string[] = [];
    for (const [key, { seen }] of this.#services) if (seen < oldest) gone.push(key);
    for (const key of gone) this.drop(key);
    return gone;
  }

  /** A service is gone, and so is what it registered. */
  drop(key: string): void {
    const service = this.#services.get(key);
    if (service === undefined) return;
    this.#deliveries.take(service, this.#unit(key), []);
    this.#skips.note(this.#unit(key), []);
    this.#services.delete(key);
  }

  /** A service's instances, as Nacos says them, whatever it is. Those of an unknown service are passed over. */
  take(key: string, info: unknown): void {
    const service = this.#services.get(key);
    if (service === undefined) return;
    const { hosts, lastRefTime }: Json = isJson(info) ? info : {};
    const time = typeof lastRefTime === 'number' ? lastRefTime : 0;
    if (time < service.lastRefTime) return;
    service.lastRefTime = time;
    const unit = this.#unit(key);
    const name = key.slice(key.indexOf('@@') + 2);
    const { registrations, skipped } = readService(name, hosts, this.options.metadata, unit);
    this.#skips.note(unit, skipped);
    this.#deliveries.take(service, unit, registrations);
  }

  /** A service may not be read: what was read of it stays. */
  refuse(key: string, reason: string): void {
    const unit = this.#unit(key);
    this.#skips.note(unit, [{ reason: 'unreadable', detail: `${unit}: ${reason}` }]);
  }

  #unit(key: string): string {
    return `${this.name}@@${key}`;
  }
}

export function serviceKey(group: string, name: string): string {
  return `${group}@@${name}`;
}
