/** A real Spring Cloud application that registers in Eureka or ZooKeeper, and a caller, from the Java module in `spring/`. */
import { freePort } from './ports.ts';
import { type Child, type Exit, type Launch, runToEnd, startChild } from './process.ts';
import { springClassPath } from './provision.ts';
import { tempFolder } from './temp.ts';

const JVM = ['-Xmx160m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

export interface SpringAppOptions {
  /** URL of a Eureka, or … */
  readonly eureka?: string;
  /** … `HOST:PORT` of ZooKeeper */
  readonly zookeeper?: string;
  readonly application: string;
  /** Registered in place of the machine's own address. */
  readonly host: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /** What it is to be called by; default: anew at each start in ZooKeeper, host, application and port in Eureka. */
  readonly instanceId?: string;
  readonly launch?: Launch;
}

export interface SpringApp {
  readonly child: Child;
  readonly port: number;
  /** By its actuator: `UP`, `OUT_OF_SERVICE`, … */
  setStatus(status: string): Promise<void>;
  /** SIGTERM: Spring deregisters first */
  stop(): Promise<Exit>;
  /** `kill -9` */
  kill(): Promise<Exit>;
}

/** Starts it, and resolves when it takes calls; it registers a moment later. */
export async function startSpringApp(options: SpringAppOptions): Promise<SpringApp> {
  const { application, launch = startChild } = options;
  const port = options.port ?? (await freePort());
  const child = launch(
    'java',
    [
      ...[
        ...JVM,
        `-Duser.home=${tempFolder('spring')}`,
        '-cp',
        springClassPath(),
        'rpcdns.testbed.SpringApp',
      ],
      ...[`--spring.application.name=${application}`, `--server.port=${port}`, '--server.address=127.0.0.1'],
      ...['--management.endpoints.web.exposure.include=serviceregistry', '--spring.main.banner-mode=off'],
      ...(options.eureka === undefined ? [] : eurekaArguments(options.eureka, options)),
      ...(options.zookeeper === undefined ? [] : zookeeperArguments(options.zookeeper, options)),
    ],
    { name: `Spring application ${application}` },
  );
  try {
    await child.waitFor(/Started SpringApp/, { deadlineMs: 60_000 });
  } catch (error) {
    await child.kill();
    throw error;
  }
  return {
    child,
    port,
    async setStatus(status) {
      const reply = await fetch(`http://127.0.0.1:${port}/actuator/serviceregistry`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ status }),
        signal: AbortSignal.timeout(5_000),
      });
      if (!reply.ok) throw new Error(`status ${status}: ${reply.status} ${await reply.text()}`);
    },
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

function eurekaArguments(url: string, { host, metadata = {}, instanceId }: SpringAppOptions): string[] {
  const instance = {
    'ip-address': host,
    hostname: host,
    // an instance that is killed is evicted after twice its lease
    'lease-renewal-interval-in-seconds': 1,
    'lease-expiration-duration-in-seconds': 2,
    ...(instanceId === undefined ? {} : { 'instance-id': instanceId }),
    ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`metadata-map.${key}`, value])),
  };
  return [
    '--spring.cloud.zookeeper.enabled=false',
    // the server on the same class path brings Jersey; an application alone has none
    ...['--eureka.client.jersey.enabled=false', '--eureka.client.restclient.enabled=true'],
    `--eureka.client.service-url.defaultZone=${url}/`,
    '--eureka.client.initial-instance-info-replication-interval-seconds=1',
    // a change of its own is told at once, but not more often than this allows
    '--eureka.client.instance-info-replication-interval-seconds=1',
    ...Object.entries(instance).map(([key, value]) => `--eureka.instance.${key}=${value}`),
  ];
}

function zookeeperArguments(
  address: string,
  { host, metadata = {}, instanceId }: SpringAppOptions,
): string[] {
  const discovery = {
    'instance-host': host,
    ...(instanceId === undefined ? {} : { 'instance-id': instanceId }),
    ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`metadata.${key}`, value])),
  };
  return [
    '--eureka.client.enabled=false',
    `--spring.cloud.zookeeper.connect-string=${address}`,
    ...Object.entries(discovery).map(([key, value]) => `--spring.cloud.zookeeper.discovery.${key}=${value}`),
  ];
}

/** Gets a URL once with Spring's own client, from a fresh JVM without discovery. @returns the answer, or what it said instead */
export async function callWithSpring(
  url: string,
  { launch }: { readonly launch?: Launch } = {},
): Promise<string> {
  const { stdout, stderr } = await runToEnd(
    'java',
    [...JVM, '-cp', springClassPath(), 'rpcdns.testbed.SpringCaller', url],
    {
      name: 'Spring caller',
      ...(launch === undefined ? {} : { launch }),
    },
  );
  return /^ANSWER (.*)$/m.exec(stdout)?.[1] ?? `${stdout}${stderr}`;
}
