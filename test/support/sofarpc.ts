/** Real SOFARPC providers and consumers, from the Java module in `sofarpc/`. */
import { freePort } from './ports.ts';
import { type Child, type ChildOptions, type Exit, type Launch, runToEnd, startChild } from './process.ts';
import { sofarpcClassPath } from './provision.ts';
import { tempFolder } from './temp.ts';

const JVM = ['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dsofa.middleware.log.disable=true'];

export interface SofaProviderOptions {
  /** `HOST:PORT` of ZooKeeper … */
  readonly zookeeper?: string;
  /** … or of Nacos … */
  readonly nacos?: string;
  /** … or of SOFARegistry's session server, by HTTP. */
  readonly sofaregistry?: string;
  /** What it exports, each as `interface[:uniqueId]`: com.foo.UserService, OrderService. */
  readonly interfaces: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  /** Default `sofa-app`. */
  readonly application?: string;
  /** Registered in place of the machine's own address. */
  readonly host?: string;
  readonly launch?: Launch;
}

export interface SofaProvider {
  readonly child: Child;
  readonly port: number;
  /** SIGTERM: SOFARPC unregisters everything first. */
  stop(): Promise<Exit>;
  /** `kill -9`: its nodes stay until its session expires. */
  kill(): Promise<Exit>;
}

/** Starts a provider, and resolves when all its interfaces are registered. */
export async function startSofaProvider(options: SofaProviderOptions): Promise<SofaProvider> {
  const port = options.port ?? (await freePort());
  const { zookeeper = '', nacos, sofaregistry } = options;
  const other = nacos === undefined ? zookeeper : `nacos://${nacos}`;
  const registry = sofaregistry === undefined ? other : `sofa://${sofaregistry}`;
  const args = [registry, String(port), options.application ?? 'sofa-app', options.host ?? '-'];
  const child = (options.launch ?? startChild)(
    'java',
    [...javaMain('rpcdns.testbed.SofaProvider'), ...args, ...options.interfaces],
    javaChild(`SOFARPC provider on port ${port}`),
  );
  try {
    await child.waitFor(/^READY$/m, { deadlineMs: 60_000 });
  } catch (error) {
    await child.kill();
    throw error;
  }
  return { child, port, stop: () => child.stop(), kill: () => child.kill() };
}

/** Calls `hello` of com.foo.UserService once, from a fresh JVM. @returns the answer, or what the consumer said */
export async function callSofaConsumer(
  url: string,
  { uniqueId = '-', launch }: { readonly uniqueId?: string; readonly launch?: Launch } = {},
): Promise<string> {
  const { stdout, stderr } = await runToEnd(
    'java',
    [...javaMain('rpcdns.testbed.SofaConsumer'), url, uniqueId, 'world'],
    { ...javaChild('SOFARPC consumer'), ...(launch === undefined ? {} : { launch }) },
  );
  return /^ANSWER (.*)$/m.exec(stdout)?.[1] ?? `${stdout}${stderr}`;
}

function javaMain(name: string): readonly string[] {
  // it writes its logs below the home folder
  return [...JVM, `-Duser.home=${tempFolder('sofarpc')}`, '-cp', sofarpcClassPath(), name];
}

function javaChild(name: string): ChildOptions {
  return { name };
}
