/** Reads one namespace over one gRPC connection: lists names, subscribes each service, and takes what is pushed. */
import type { KnownService } from './deliveries.ts';
import type { Namespace } from './namespace.ts';
import { serviceKey } from './namespace.ts';
import type { NamingConnection } from './naming-connection.ts';
import { isJson, type Json, type NacosMessage, textOf } from './payload.ts';

export interface ReaderHandlers {
  /** Everything was read once. */
  complete(): void;
}

export interface Reader {
  close(): void;
}

const PAGE = 10_000;
const MAX_PAGES = 200;
const PARALLEL = 32;
/** Where the server tells of names by itself, the list is read so often to be sure. */
const SURE_MS = 60_000;

let connections = 0;

export class GrpcReader implements Reader {
  readonly #connection: NamingConnection;
  readonly #namespace: Namespace;
  readonly #handlers: ReaderHandlers;
  readonly #hasFuzzyWatch: boolean;
  readonly #number = ++connections;
  #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isComplete = false;
  /** services that were told of, and are to be subscribed, or not any more */
  readonly #told = new Map<string, 'subscribe' | 'unsubscribe'>();
  #asking = 0;
  #isClosed = false;

  /** Begins to read. Problems end the connection. */
  constructor(
    connection: NamingConnection,
    namespace: Namespace,
    hasFuzzyWatch: boolean,
    handlers: ReaderHandlers,
  ) {
    this.#connection = connection;
    this.#namespace = namespace;
    this.#hasFuzzyWatch = hasFuzzyWatch;
    this.#handlers = handlers;
    this.#intervalMs = namespace.options.interval;
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** What the server says by itself. */
  told({ type, body }: NacosMessage): void {
    if (this.#isClosed) return;
    if (type === 'NotifySubscriberRequest') this.#onPush(body['serviceInfo']);
    else if (type === 'NamingFuzzyWatchChangeNotifyRequest') this.#onName(body);
    else if (type === 'NamingFuzzyWatchSyncRequest' && Array.isArray(body['contexts'])) {
      for (const context of body['contexts']) if (isJson(context)) this.#onName(context);
    }
  }

  async #look(): Promise<void> {
    const isListed = await this.#list();
    if (!isListed || this.#isClosed) return;
    await this.#subscribeAll();
    if (this.#isComplete) await this.#namespace.lookUpMissing();
    if (this.#isClosed) return;
    if (!this.#isComplete) {
      this.#isComplete = true;
      this.#handlers.complete();
      if (this.#hasFuzzyWatch && (await this.#watchNames()))
        this.#intervalMs = Math.max(SURE_MS, this.#intervalMs);
      if (this.#isClosed) return;
    }
    // chance takes up to a fifth, so that replicas do not ask all at once
    this.#timer = setTimeout(() => void this.#look(), this.#intervalMs * (1 - 0.2 * Math.random()));
  }

  /** @returns whether the list is whole */
  async #list(): Promise<boolean> {
    this.#namespace.beginList();
    let isOnePiece = true;
    for (const groupName of this.#namespace.options.groups) {
      for (let pageNo = 1, seen = 0; ; pageNo++) {
        if (pageNo > MAX_PAGES) {
          this.#connection.drop(`the list of services has over ${MAX_PAGES * PAGE} names`);
          return false;
        }
        const page = await this.#connection.ask('ServiceListRequest', {
          ...this.#about(groupName),
          pageNo,
          pageSize: PAGE,
          selector: '',
        });
        if (this.#isClosed) return false;
        const names = page.ok ? page.value['serviceNames'] : undefined;
        if (!page.ok || !Array.isArray(names)) {
          this.#connection.drop(page.ok ? 'the list of services is none' : page.reason);
          return false;
        }
        for (const name of names) this.#namespace.see(groupName, textOf(name));
        seen += names.length;
        const count = page.value['count'];
        if (names.length === 0 || typeof count !== 'number' || seen >= count) break;
        isOnePiece = false;
      }
    }
    for (const key of this.#namespace.endList(isOnePiece)) this.#tell(key, 'unsubscribe');
    return true;
  }

  async #subscribeAll(): Promise<void> {
    const waiting = this.#namespace.notSubscribedBy(this.#number);
    const work = async (): Promise<void> => {
      for (const [key, service] of waiting) {
        if (this.#isClosed) return;
        await this.#subscribe(key, service);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }

  async #subscribe(key: string, service: KnownService): Promise<void> {
    // times of another server are none of this one's
    service.lastRefTime = 0;
    service.subscribedBy = this.#number;
    const reply = await this.#connection.ask('SubscribeServiceRequest', {
      ...this.#aboutService(key),
      subscribe: true,
    });
    if (this.#isClosed) return;
    if (reply.ok) await this.#namespace.take(key, reply.value['serviceInfo']);
    else {
      service.subscribedBy = 0;
      if (reply.isRefused) this.#namespace.refuse(key, reply.reason);
      else this.#connection.drop(reply.reason);
    }
  }

  /** Soon: the server may tell of a million at once, and is not asked as much at once. */
  #tell(key: string, what: 'subscribe' | 'unsubscribe'): void {
    this.#told.set(key, what);
    this.#askNext();
  }

  #askNext(): void {
    while (this.#asking < PARALLEL && !this.#isClosed) {
      const [next] = this.#told;
      if (next === undefined) return;
      const [key, what] = next;
      this.#told.delete(key);
      const service = this.#namespace.get(key);
      if ((what === 'subscribe') !== (service !== undefined)) continue;
      if (service?.subscribedBy === this.#number) continue;
      this.#asking++;
      void (service === undefined ? this.#unsubscribe(key) : this.#subscribe(key, service)).finally(() => {
        this.#asking--;
        this.#askNext();
      });
    }
  }

  async #unsubscribe(key: string): Promise<void> {
    await this.#connection.ask('SubscribeServiceRequest', { ...this.#aboutService(key), subscribe: false });
  }

  /** @returns whether the server will tell of names by itself */
  async #watchNames(): Promise<boolean> {
    for (const group of this.#namespace.options.groups) {
      const reply = await this.#connection.ask('NamingFuzzyWatchRequest', {
        module: 'naming',
        namespace: this.#namespace.name,
        groupKeyPattern: `${this.#namespace.name}>>${group}>>*`,
        receivedGroupKeys: [],
        watchType: 'WATCH',
        initializing: true,
      });
      // a limit of the server's own is no fault: it tells of the others, and the list of all
      if (!reply.ok) return false;
    }
    return true;
  }

  #onPush(info: unknown): void {
    if (!isJson(info)) return;
    const group = textOf(info['groupName']);
    const name = textOf(info['name']);
    // versions 2.0 have both in it
    const key = name.startsWith(`${group}@@`) ? name : serviceKey(group, name);
    void this.#namespace.take(key, info);
  }

  /** `{ serviceKey: 'public@@DEFAULT_GROUP@@name', changedType: 'ADD_SERVICE' }` */
  #onName(context: Json): void {
    const [namespace, group = '', ...rest] = textOf(context['serviceKey']).split('@@');
    const name = rest.join('@@');
    if (namespace !== this.#namespace.name || !this.#namespace.options.groups.includes(group)) return;
    const key = serviceKey(group, name);
    if (context['changedType'] === 'DELETE_SERVICE') {
      const service = this.#namespace.get(key);
      if (service === undefined) return;
      this.#namespace.drop(key);
      if (service.subscribedBy === this.#number) this.#tell(key, 'unsubscribe');
    } else if (context['changedType'] === 'ADD_SERVICE') {
      const service = this.#namespace.see(group, name);
      if (service !== undefined && service.subscribedBy !== this.#number) this.#tell(key, 'subscribe');
    }
  }

  #about(groupName: string): Json {
    return { module: 'naming', namespace: this.#namespace.name, groupName };
  }

  #aboutService(key: string): Json {
    const at = key.indexOf('@@');
    return { ...this.#about(key.slice(0, at)), serviceName: key.slice(at + 2), clusters: '' };
  }
}
