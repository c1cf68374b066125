/** A real Spring Cloud application that registers in Consul, from the Java module in `spring-consul/`. */
import { freePort } from './ports.ts';
import { type Child, type Exit, startChild } from './process.ts';
import { springConsulClassPath } from './provision.ts';
import { tempFolder } from './temp.ts';

export interface ConsulAppOptions {
  readonly consulPort: number;
  readonly application: string;
  /** Registered in place of the machine's own address. */
  readonly host: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ConsulApp {
  readonly child: Child;
  readonly port: number;
  /** SIGTERM: Spring deregisters first. */
  stop(): Promise<Exit>;
  /** `kill -9`: its check turns critical, and it stays registered. */
  kill(): Promise<Exit>;
}

/** Starts it, and resolves when it is registered; Consul asks each second whether it lives. */
export async function startConsulApp(options: ConsulAppOptions): Promise<ConsulApp> {
  const port = options.port ?? (await freePort());
  const discovery = {
    'ip-address': options.host,
    'prefer-ip-address': 'true',
    'health-check-interval': '1s',
    // where it is in truth; what is registered need not be an address of this machine
    'health-check-url': `http://127.0.0.1:${port}/actuator/health`,
    ...Object.fromEntries(
      Object.entries(options.metadata ?? {}).map(([key, value]) => [`metadata.${key}`, value]),
    ),
  };
  const child = startChild(
    'java',
    [
      ...['-Xmx160m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Duser.home=${tempFolder('spring')}`],
      ...['-cp', springConsulClassPath(), 'rpcdns.testbed.ConsulApp'],
      ...[`--spring.application.name=${options.application}`, `--server.port=${port}`],
      ...[
        '--server.address=127.0.0.1',
        '--spring.main.banner-mode=off',
        '--spring.cloud.consul.host=127.0.0.1',
      ],
      `--spring.cloud.consul.port=${options.consulPort}`,
      ...Object.entries(discovery).map(([key, value]) => `--spring.cloud.consul.discovery.${key}=${value}`),
    ],
    { name: `Spring application ${options.application} in Consul` },
  );
  try {
    await child.waitFor(/Started ConsulApp/, { deadlineMs: 60_000 });
  } catch (error) {
    await child.kill();
    throw error;
  }
  return { child, port, stop: () => child.stop(), kill: () => child.kill() };
}
