/** A real Nacos 2.2 server of a test's own: started, killed, paused; and a hand that registers instances in it by HTTP. */
import { rm } from 'node:fs/promises';
import { freePort } from './ports.ts';
import { type Child, type Exit, startChild, until } from './process.ts';
import { nacosClassPath } from './provision.ts';
import { tempFolder } from './temp.ts';

export interface NacosInstance {
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly namespace?: string;
  readonly group?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly enabled?: boolean;
  readonly weight?: number;
}

export class Nacos {
  /** of HTTP; gRPC is 1000 above, and two ports more are its own */
  readonly port: number;
  readonly #home: string;
  #child: Child | undefined;

  constructor(port: number) {
    this.port = port;
    this.#home = tempFolder('nacos');
  }

  /** Starts it, and resolves when it answers by HTTP and gRPC. */
  async start(): Promise<void> {
    const child = startChild(
      'java',
      [
        ...['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
        ...['-Dnacos.standalone=true', '-DembeddedStorage=true', `-Dnacos.home=${this.#home}`],
        ...['-Dnacos.server.ip=127.0.0.1', `-Dserver.port=${this.port}`, '-Dserver.address=127.0.0.1'],
        ...['-Dserver.servlet.contextPath=/nacos', '-Dlogging.level.root=WARN'],
        ...['-cp', nacosClassPath(), 'rpcdns.testbed.NacosServer'],
      ],
      { name: 'Nacos', cwd: this.#home },
    );
    this.#child = child;
    await until(
      `Nacos serves on port ${this.port}`,
      async () => {
        if (!child.running) throw new Error(`Nacos ended at its start:\n${child.output()}`);
        return this.request('GET', '/v1/ns/service/list', { pageNo: '1', pageSize: '1' }).then(
          (text) => text.includes('"count"'),
          () => false,
        );
      },
      { deadlineMs: 60_000, everyMs: 50 },
    );
  }

  /** `kill -9`: what it knew of ephemeral instances is gone. */
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

  /** Kills it and deletes its folder. */
  async remove(): Promise<void> {
    if (this.#child?.running === true) await this.kill();
    await rm(this.#home, { recursive: true, force: true });
  }

  /** Instances registered so turn unhealthy after 15 s without a beat. */
  async register(instance: NacosInstance): Promise<void> {
    const { metadata, enabled, weight } = instance;
    await this.request('POST', '/v1/ns/instance', {
      ...parametersOf(instance),
      ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
      ...(enabled === undefined ? {} : { enabled: String(enabled) }),
      ...(weight === undefined ? {} : { weight: String(weight) }),
    });
  }

  async deregister(instance: NacosInstance): Promise<void> {
    await this.request('DELETE', '/v1/ns/instance', parametersOf(instance));
  }

  /** @param path below `/nacos` */
  async request(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<string> {
    const url = `http://127.0.0.1:${this.port}/nacos${path}?${new URLSearchParams(parameters)}`;
    const reply = await fetch(url, { method, signal: AbortSignal.timeout(5_000) });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return text;
  }

  #running(): Child {
    if (this.#child?.running !== true) throw new Error('Nacos is not running');
    return this.#child;
  }
}

function parametersOf({ service, host, port, namespace, group }: NacosInstance): Record<string, string> {
  return {
    serviceName: service,
    ip: host,
    port: String(port),
    ephemeral: 'true',
    ...(namespace === undefined ? {} : { namespaceId: namespace }),
    ...(group === undefined ? {} : { groupName: group }),
  };
}

export async function startNacos(): Promise<Nacos> {
  const nacos = new Nacos(await freePort());
  await nacos.start();
  return nacos;
}
