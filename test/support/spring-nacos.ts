/** A real Spring Cloud Alibaba application that registers in Nacos, from the Java module in `spring-nacos/`. */
import { freePort } from './ports.ts';
import { type Child, startChild } from './process.ts';
import { springNacosClassPath } from './provision.ts';
import { tempFolder } from './temp.ts';

export interface SpringAppOptions {
  /** `HOST:PORT` of Nacos. */
  readonly nacos: string;
  readonly application: string;
  /** Registered in place of the machine's own address. */
  readonly host: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface SpringApp {
  readonly port: number;
  /** its `stop()` is SIGTERM: Spring deregisters first */
  readonly child: Child;
}

/** Starts it, and resolves when it says that it registered. */
export async function startSpringApp(options: SpringAppOptions): Promise<SpringApp> {
  const port = await freePort();
  const discovery = '--spring.cloud.nacos.discovery';
  const metadata = Object.entries(options.metadata ?? {});
  const child = startChild(
    'java',
    [
      ...['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Duser.home=${tempFolder('spring')}`],
      ...['-cp', springNacosClassPath(), 'rpcdns.testbed.SpringApp'],
      ...[`--spring.application.name=${options.application}`, `--server.port=${port}`],
      '--server.address=127.0.0.1',
      ...[`${discovery}.server-addr=${options.nacos}`, `${discovery}.ip=${options.host}`],
      ...metadata.map(([key, value]) => `${discovery}.metadata.${key}=${value}`),
    ],
    { name: `Spring application ${options.application}` },
  );
  try {
    await child.waitFor(/nacos registry, .* register finished|Started SpringApp/, { deadlineMs: 60_000 });
  } catch (error) {
    await child.kill();
    throw error;
  }
  return { port, child };
}
