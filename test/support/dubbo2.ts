/** A real Dubbo 2.7 provider that registers in etcd, from the Java module in `dubbo2/`. */
import { freePort } from './ports.ts';
import { type Child, type Exit, startChild } from './process.ts';
import { dubbo2ClassPath } from './provision.ts';

const JVM = [
  ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  // its Javassist is older than Java 17, and defines classes by reflection
  '--add-opens=java.base/java.lang=ALL-UNNAMED',
];

export interface EtcdProviderOptions {
  /** `HOST:PORT` of etcd */
  readonly etcd: string;
  /** What it exports, each as `interface[:version[:group]]`. */
  readonly interfaces: readonly string[];
  /** Registered in place of the machine's own address. */
  readonly host: string;
  /** Default: a free one. */
  readonly port?: number;
  /** How long its keys stay after `kill -9`; whole seconds. */
  readonly leaseMs: number;
}

export interface EtcdProvider {
  readonly child: Child;
  readonly port: number;
  /** SIGTERM: Dubbo deletes its keys first, and ends seconds later. */
  stop(): Promise<Exit>;
  /** `kill -9`: its keys stay until its lease ends. */
  kill(): Promise<Exit>;
}

/** Starts a provider, and resolves when all its interfaces are registered. */
export async function startEtcdProvider(options: EtcdProviderOptions): Promise<EtcdProvider> {
  const port = options.port ?? (await freePort());
  const child = startChild(
    'java',
    [
      ...[...JVM, `-DDUBBO_IP_TO_REGISTRY=${options.host}`],
      ...['-cp', dubbo2ClassPath(), 'rpcdns.testbed.EtcdProvider'],
      ...[options.etcd, String(port), String(options.leaseMs), ...options.interfaces],
    ],
    {
      name: `Dubbo 2 provider on port ${port}`,
      env: { DUBBO_IP_TO_BIND: undefined, DUBBO_IP_TO_REGISTRY: undefined },
    },
  );
  try {
    await child.waitFor(/^READY$/m, { deadlineMs: 60_000 });
  } catch (error) {
    await child.kill();
    throw error;
  }
  return { child, port, stop: () => child.stop(), kill: () => child.kill() };
}
