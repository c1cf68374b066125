/** Answers as Eureka 2.0 does (Spring Cloud 2025.0), for tests that need it to be odd, or large, or many. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedInstance {
  readonly app: string;
  readonly id: string;
  readonly host?: string;
  readonly port?: number;
  readonly status?: string;
  readonly vip?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** what it says otherwise */
  readonly more?: object;
}

export class ScriptedEureka {
  #server: Server | undefined;
  port = 0;
  readonly #instances = new Map<string, object>();
  #changes: object[] = [];
  #now = 1_795_581_274_000;
  /** paths, in order */
  readonly asked: string[] = [];
  /** of the last question */
  headers: IncomingMessage['headers'] = {};
  isHung = false;
  /** status of what is asked for with a delta */
  deltaStatus = 200;
  /** in place of the right one */
  hash: string | undefined;
  /** as old servers write lists of one */
  leavesBracketsOut = false;
  /** answers in its place; true: it did */
  spoil: (path: string, response: ServerResponse) => boolean = () => false;

  static async start(): Promise<ScriptedEureka> {
    const eureka = new ScriptedEureka();
    await eureka.open();
    return eureka;
  }

  get server(): { readonly host: string; readonly port: number; readonly path: string } {
    return { host: '127.0.0.1', port: this.port, path: '/eureka' };
  }

  /** Listens, again on the same port. */
  async open(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    this.#server = server;
    await new Promise<void>((done) => server.listen(this.port, '127.0.0.1', done));
    this.port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server?.listening !== true) return;
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  }

  put(instance: ScriptedInstance, isTold = true): void {
    const key = `${instance.app}/${instance.id}`;
    const told = this.#told(instance, this.#instances.has(key) ? 'MODIFIED' : 'ADDED');
    this.#instances.set(key, told);
    if (isTold) this.#changes.push(told);
  }

  /** @param isTold false: it is only missing, from now on */
  remove(app: string, id: string, isTold = true): void {
    const key = `${app}/${id}`;
    const instance = this.#instances.get(key);
    this.#instances.delete(key);
    if (isTold && instance !== undefined) this.#changes.push({ ...instance, actionType: 'DELETED' });
  }

  /** It knows nothing any more, and of no changes. */
  restart(): void {
    this.#instances.clear();
    this.#changes = [];
  }

  /** Three minutes pass. */
  forgetChanges(): void {
    this.#changes = [];
  }

  questions(path: string): number {
    return this.asked.filter((one) => one === path).length;
  }

  #told(
    { app, id, host = '10.0.0.1', port = 8080, status = 'UP', vip, metadata, more }: ScriptedInstance,
    actionType: string,
  ) {
    const at = ++this.#now;
    return {
      instanceId: id,
      hostName: host,
      app,
      ipAddr: host,
      status,
      overriddenStatus: 'UNKNOWN',
      port: { $: port, '@enabled': 'true' },
      securePort: { $: 443, '@enabled': 'false' },
      leaseInfo: { registrationTimestamp: at, lastRenewalTimestamp: at, serviceUpTimestamp: at },
      metadata: metadata ?? { '@class': 'java.util.Collections$EmptyMap' },
      vipAddress: vip ?? app.toLowerCase(),
      lastUpdatedTimestamp: String(at),
      actionType,
      ...more,
    };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '' } = request;
    this.asked.push(url);
    this.headers = request.headers;
    if (this.isHung || this.spoil(url, response)) return;
    const isDelta = url === '/eureka/apps/delta';
    if (!isDelta && url !== '/eureka/apps') response.writeHead(404).end();
    else if (isDelta && this.deltaStatus !== 200) response.writeHead(this.deltaStatus).end();
    else this.#tell(response, isDelta ? this.#changes : [...this.#instances.values()]);
  }

  #tell(response: ServerResponse, instances: readonly object[]): void {
    const apps = new Map<string, object[]>();
    for (const one of instances as { app: string }[]) apps.set(one.app, [...(apps.get(one.app) ?? []), one]);
    const list = (all: object[]) => (this.leavesBracketsOut && all.length === 1 ? all[0] : all);
    const application = [...apps].map(([name, all]) => ({ name, instance: list(all) }));
    const applications = {
      versions__delta: '1',
      apps__hashcode: this.hash ?? this.#hash(),
      application: list(application),
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ applications }));
  }

  #hash(): string {
    const counts = new Map<string, number>();
    for (const { status } of [...this.#instances.values()] as { status: string }[])
      counts.set(status, (counts.get(status) ?? 0) + 1);
    return [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([status, count]) => `${status}_${count}_`)
      .join('');
  }
}
