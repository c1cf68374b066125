/** Real Eureka servers of a test's own, alone or as peers: started, killed, paused; and a hand that registers in them. */
import { freePorts } from './ports.ts';
import { type Child, type Exit, startChild, until } from './process.ts';
import { springClassPath } from './provision.ts';

export interface EurekaEntry {
  readonly app: string;
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** default: the application in lower case */
  readonly vip?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** default 300: nothing renews it */
  readonly leaseSeconds?: number;
}

export interface EurekaSettings {
  /** ports of the others; default: none */
  readonly peers?: readonly number[];
  /** default: off, so that what is not renewed goes; Eureka's own default is on */
  readonly selfPreservation?: boolean;
}

/** One server. What is registered can be read at once: of Eureka's two caches the one that lags by 30 s is off. */
export class Eureka {
  readonly port: number;
  readonly #settings: EurekaSettings;
  #child: Child | undefined;

  constructor(port: number, settings: EurekaSettings = {}) {
    this.port = port;
    this.#settings = settings;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/eureka`;
  }

  /** Starts it, and resolves when it answers. */
  async start(): Promise<void> {
    const { peers = [], selfPreservation = false } = this.#settings;
    const zone = peers.map((port) => `http://127.0.0.1:${port}/eureka/`).join(',');
    const server = {
      'enable-self-preservation': selfPreservation,
      'eviction-interval-timer-in-ms': 1000,
      'use-read-only-response-cache': false,
      // a peer that starts copies another, even if it does not register itself
      'registry-sync-retries': peers.length > 0 ? 5 : 0,
      'registry-sync-retry-wait-ms': 500,
    };
    const child = startChild(
      'java',
      [
        ...['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', springClassPath()],
        ...['rpcdns.testbed.EurekaServer', `--server.port=${this.port}`, '--server.address=127.0.0.1'],
        ...[
          '--spring.main.banner-mode=off',
          '--logging.level.root=WARN',
          '--spring.cloud.zookeeper.enabled=false',
        ],
        // a peer knows itself by its host name, and takes no URL with it for another
        ...[`--eureka.instance.hostname=eureka-${this.port}`, '--eureka.client.register-with-eureka=false'],
        `--eureka.client.fetch-registry=${peers.length > 0}`,
        ...(peers.length > 0 ? [`--eureka.client.service-url.defaultZone=${zone}`] : []),
        ...Object.entries(server).map(([key, value]) => `--eureka.server.${key}=${value}`),
      ],
      { name: `Eureka on port ${this.port}` },
    );
    this.#child = child;
    await until(
      `Eureka serves on port ${this.port}`,
      async () => {
        if (!child.running) throw new Error(`Eureka ended at its start:\n${child.output()}`);
        return this.apps().then(
          () => true,
          () => false,
        );
      },
      { deadlineMs: 60_000, everyMs: 50 },
    );
  }

  /** `kill -9`: what it knew is gone, unless a peer knows it. */
  kill(): Promise<Exit> {
    return this.#running().kill();
  }

  /** SIGSTOP: connections stay open and nobody answers. */
  pause(): void {
    this.#running().signal('SIGSTOP');
  }

  resume(): void {
    this.#running().signal('SIGCONT');
  }

  async remove(): Promise<void> {
    if (this.#child?.running === true) await this.kill();
  }

  async register({ app, id, host, port, vip, metadata, leaseSeconds = 300 }: EurekaEntry): Promise<void> {
    const instance = {
      instanceId: id,
      hostName: host,
      app,
      ipAddr: host,
      vipAddress: vip ?? app.toLowerCase(),
      status: 'UP',
      port: { $: port, '@enabled': 'true' },
      securePort: { $: 443, '@enabled': 'false' },
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
      leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: leaseSeconds },
      metadata: metadata ?? {},
    };
    await this.request('POST', `/apps/${app}`, { instance });
  }

  async deregister(app: string, id: string): Promise<void> {
    await this.request('DELETE', `/apps/${app}/${id}`);
  }

  /** An override, as operators set one; undefined takes it back. */
  async override(app: string, id: string, status: string | undefined): Promise<void> {
    if (status !== undefined) await this.request('PUT', `/apps/${app}/${id}/status?value=${status}`);
    else await this.request('DELETE', `/apps/${app}/${id}/status?value=UP`);
  }

  /** `APP/ID` of all instances. */
  async apps(): Promise<string[]> {
    const { applications } = JSON.parse(await this.request('GET', '/apps')) as {
      applications: { application: { name: string; instance: { instanceId: string }[] }[] };
    };
    return applications.application.flatMap(({ name, instance }) =>
      instance.map(({ instanceId }) => `${name}/${instanceId}`),
    );
  }

  async removeAll(): Promise<void> {
    for (const one of await this.apps()) {
      const [app = '', id = ''] = one.split('/');
      await this.deregister(app, id);
    }
  }

  /** @param path below `/eureka` */
  async request(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<string> {
    const reply = await fetch(`${this.url}${path}`, {
      method,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(5_000),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text.slice(0, 1_000)}`);
    return text;
  }

  #running(): Child {
    if (this.#child?.running !== true) throw new Error('Eureka is not running');
    return this.#child;
  }
}

/** Servers that know each other; one alone knows nobody. They are not started. */
export async function createEurekas(count: number, settings: EurekaSettings = {}): Promise<Eureka[]> {
  const ports = await freePorts(count);
  return ports.map(
    (port) => new Eureka(port, { peers: ports.filter((other) => other !== port), ...settings }),
  );
}
