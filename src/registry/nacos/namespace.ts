/** What is known of one namespace, from one connection to the next. */
import type { SkipLog } from '../skip-log.ts';
import { type Deliveries, type KnownService, newService } from './deliveries.ts';
import type { DubboServices } from './dubbo-services.ts';
import type { NacosOptions } from './options.ts';
import { readService, revisionsIn } from './parse.ts';
import { isJson, type Json } from './payload.ts';

/** Names that belong to nobody's service are not kept; and so many of one namespace at most. */
const MAX_SERVICES = 1_000_000;
const MAX_NAME = 1_600;
/** A provider may leave its definitions after it registered: they are read once more, so much later. */
const ONCE_MORE_MS = 3_000;

/** Of Dubbo's application mode. */
interface DubboApplication {
  info: Json;
  /** of which its services were read; undefined: not yet */
  revisions: string | undefined;
  timer: NodeJS.Timeout | undefined;
  /** one look at a time, however fast revisions change */
  running: Promise<void> | undefined;
}

export class Namespace {
  readonly name: string;
  readonly options: NacosOptions;
  readonly #deliveries: Deliveries;
  readonly #skips: SkipLog;
  /** by `group@@service` */
  readonly #services = new Map<string, KnownService>();
  readonly #dubbo: DubboServices;
  readonly #applications = new Map<string, DubboApplication>();
  #list = 0;

  constructor(
    name: string,
    options: NacosOptions,
    dubbo: DubboServices,
    deliveries: Deliveries,
    skips: SkipLog,
  ) {
    this.name = name;
    this.options = options;
    this.#dubbo = dubbo;
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
    this.#leave(key);
    this.#services.delete(key);
  }

  /**
   * A service's instances, as Nacos says them, whatever it is. Those of an unknown service are passed over. Never rejects.
   *
   * @returns when what they provide has been looked up, where that stands elsewhere
   */
  take(key: string, info: unknown): Promise<void> | undefined {
    const service = this.#services.get(key);
    if (service === undefined) return undefined;
    const said: Json = isJson(info) ? info : {};
    const { lastRefTime } = said;
    const time = typeof lastRefTime === 'number' ? lastRefTime : 0;
    if (time < service.lastRefTime) return undefined;
    service.lastRefTime = time;
    const revisions = revisionsIn(said['hosts']);
    if (revisions === '') {
      this.#leave(key);
      this.#deliver(key, service, said['hosts']);
      return undefined;
    }
    const application = this.#applications.get(key) ?? {
      info: said,
      revisions: undefined,
      timer: undefined,
      running: undefined,
    };
    application.info = said;
    this.#applications.set(key, application);
    if (application.revisions !== revisions) return this.#lookUp(key, application);
    this.#deliver(key, service, said['hosts']);
    return undefined;
  }

  /** Looks up what the services of applications are where that failed. */
  async lookUpMissing(): Promise<void> {
    for (const [key, application] of [...this.#applications]) {
      if (application.revisions !== undefined && this.#dubbo.of(nameIn(key)).length > 0) continue;
      await this.#lookUp(key, application);
    }
  }

  /** Nothing is looked up or delivered any more. */
  stop(): void {
    for (const key of [...this.#applications.keys()]) this.#leave(key);
    this.#services.clear();
  }

  #lookUp(key: string, application: DubboApplication): Promise<void> {
    application.running ??= this.#look(key, application).finally(() => {
      application.running = undefined;
      const isOld = application.revisions !== undefined && application.revisions !== revisionsOf(application);
      if (isOld && this.#applications.get(key) === application) void this.#lookUp(key, application);
    });
    return application.running;
  }

  async #look(key: string, application: DubboApplication): Promise<void> {
    const revisions = revisionsOf(application);
    const services = await this.#dubbo.read(nameIn(key));
    const service = this.#services.get(key);
    // it may be gone by now
    if (service === undefined || this.#applications.get(key) !== application) return;
    const isNew = services.ok && application.revisions !== revisions;
    application.revisions = services.ok ? revisions : undefined;
    this.#deliver(key, service, application.info['hosts'], services.ok ? undefined : services.reason);
    if (!isNew) return;
    clearTimeout(application.timer);
    application.timer = setTimeout(() => void this.#lookUp(key, application), ONCE_MORE_MS);
  }

  #deliver(key: string, service: KnownService, hosts: unknown, problem?: string): void {
    const unit = this.#unit(key);
    const servicesOf = (application: string) => this.#dubbo.of(application);
    const { registrations, skipped } = readService(
      nameIn(key),
      hosts,
      this.options.metadata,
      unit,
      servicesOf,
    );
    const more = problem === undefined ? [] : [{ reason: 'dubbo-services', detail: `${unit}: ${problem}` }];
    this.#skips.note(unit, [...skipped, ...more]);
    this.#deliveries.take(service, unit, registrations);
  }

  #leave(key: string): void {
    const application = this.#applications.get(key);
    if (application === undefined) return;
    clearTimeout(application.timer);
    this.#applications.delete(key);
    this.#dubbo.forget(nameIn(key));
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

function revisionsOf({ info }: DubboApplication): string {
  return revisionsIn(info['hosts']);
}

function nameIn(key: string): string {
  return key.slice(key.indexOf('@@') + 2);
}
