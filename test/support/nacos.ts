/** A real Nacos 2.2 server of a test's own: started, killed, paused; and a hand that registers instances in it by HTTP. */
import { rm } from 'node:fs/promises';
import { freePort } from './ports.ts';
import { type Child, type Exit, type Launch, runToEnd, startChild, until } from './process.ts';
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

function nacosArguments(home: string, port: number): readonly string[] {
  return [
    ...['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    ...['-Dnacos.standalone=true', '-DembeddedStorage=true', `-Dnacos.home=${home}`],
    ...['-Dnacos.server.ip=127.0.0.1', `-Dserver.port=${port}`, '-Dserver.address=127.0.0.1'],
    ...['-Dserver.servlet.contextPath=/nacos', '-Dlogging.level.root=WARN'],
    ...['-cp', nacosClassPath(), 'rpcdns.testbed.NacosServer'],
  ];
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
    const child = startChild('java', nacosArguments(this.#home, this.port), {
      name: 'Nacos',
      cwd: this.#home,
    });
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

/** Where `startChild` runs it: another network has its own ports, and its own way to ask. */
export interface Elsewhere {
  readonly launch: Launch;
  readonly port: number;
}

/** Starts one in a namespace, and resolves when it answers there. Nobody here can ask it. */
export async function startNacosElsewhere({ launch, port }: Elsewhere): Promise<Child> {
  const home = tempFolder('nacos');
  const child = launch('java', nacosArguments(home, port), { name: 'Nacos', cwd: home });
  const url = `http://127.0.0.1:${port}/nacos/v1/ns/service/list?pageNo=1&pageSize=1`;
  await until(
    'Nacos serves',
    async () => {
      const ask = `fetch('${url}').then((reply) => reply.text()).then(console.log)`;
      return (await runToEnd(process.execPath, ['-e', ask], { launch })).stdout.includes('"count"');
    },
    { deadlineMs: 60_000, everyMs: 200 },
  );
  return child;
}

export async function startNacos(): Promise<Nacos> {
  const nacos = new Nacos(await freePort());
  await nacos.start();
  return nacos;
}
