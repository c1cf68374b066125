/**
 * A real SOFARegistry of a test's own: meta, data and session server in one process, in a network namespace, as it listens on all
 * addresses and on ports of its own choice. A cable leads to it. Needs root.
 */
import { rm } from 'node:fs/promises';
import { createNamespace, type Namespace } from './netns.ts';
import { type Child, type Exit, type Launch, runToEnd, until } from './process.ts';
import { sofaregistryClassPath } from './provision.ts';
import { tempFolder } from './temp.ts';

/** Packages of Java's own that it looks into. */
const OPENED = [
  ...['lang', 'util', 'lang.reflect', 'net', 'math', 'text', 'time', 'util.concurrent'],
  ...['util.concurrent.atomic', 'io'],
].map((name) => `java.base/java.${name}=ALL-UNNAMED`);

export class SofaRegistry {
  /** of the server, as it gives it to its clients */
  readonly host: string;
  readonly #namespace: Namespace;
  readonly #home = tempFolder('sofaregistry');
  #child: Child | undefined;

  constructor(host: string, namespace: Namespace) {
    this.host = host;
    this.#namespace = namespace;
  }

  /** Starts a child beside it. */
  get launch(): Launch {
    return this.#namespace.run;
  }

  /** Starts it, and resolves when it serves. */
  async start(): Promise<void> {
    const child = this.#namespace.run(
      'java',
      [
        ...['-Xmx400m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Duser.home=${this.#home}`],
        ...[...OPENED, 'java.base/sun.nio.ch=ALL-UNNAMED'].flatMap((name) => ['--add-opens', name]),
        ...['-cp', sofaregistryClassPath()],
        'com.alipay.sofa.registry.server.integration.RegistryApplication',
      ],
      { name: 'SOFARegistry', cwd: this.#home },
    );
    this.#child = child;
    await until(
      'SOFARegistry serves',
      async () => {
        if (!child.running)
          throw new Error(`SOFARegistry ended at its start:\n${child.output().slice(-4_000)}`);
        return this.get(9603, '/health/check').then(
          (text) => /"success":\s*true/.test(text),
          () => false,
        );
      },
      { deadlineMs: 90_000, everyMs: 50 },
    );
  }

  /** `kill -9`: it keeps nothing. */
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

  /** Kills it, and all that runs beside it. */
  async remove(): Promise<void> {
    if (this.#child?.running === true) await this.kill();
    await this.#namespace.remove();
    await rm(this.#home, { recursive: true, force: true, maxRetries: 3 });
  }

  async get(port: number, path: string): Promise<string> {
    const reply = await fetch(`http://${this.host}:${port}${path}`, { signal: AbortSignal.timeout(5_000) });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`GET :${port}${path}: ${reply.status} ${text.slice(0, 200)}`);
    return text;
  }

  #running(): Child {
    if (this.#child?.running !== true) throw new Error('SOFARegistry is not running');
    return this.#child;
  }
}

/** Makes a namespace with a cable, and starts one in it. */
export async function startSofaRegistry(): Promise<SofaRegistry> {
  const namespace = await createNamespace();
  // of 198.19.0.0/16, which is for benchmarks and nobody's network
  const net = `198.19.${(process.pid >> 6) & 255}`;
  const first = (process.pid & 63) * 4;
  const [here, there] = [`${net}.${first + 1}`, `${net}.${first + 2}`];
  const cable = `rpc-dns-${process.pid}`.slice(0, 15);
  await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace.name);
  await ip('addr', 'add', `${here}/30`, 'dev', cable);
  await ip('link', 'set', cable, 'up');
  await ip('-n', namespace.name, 'addr', 'add', `${there}/30`, 'dev', 'eth0');
  await ip('-n', namespace.name, 'link', 'set', 'eth0', 'up');
  const registry = new SofaRegistry(there, namespace);
  try {
    await registry.start();
  } catch (error) {
    await registry.remove();
    throw error;
  }
  return registry;
}

async function ip(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runToEnd('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}
