/** Real Dubbo 3.3 providers and consumers, from the Java module in `dubbo/`. */
import { freePort } from './ports.ts';
import { type Child, type ChildOptions, type Exit, type Launch, runToEnd, startChild } from './process.ts';
import { dubboClassPath } from './provision.ts';

/** A small heap, and a start that is as quick as a JVM's can be. */
const JVM = [
  '-Xmx192m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

export interface ProviderOptions {
  /** `HOST:PORT` of ZooKeeper … */
  readonly zookeeper?: string;
  /** … or of Nacos. */
  readonly nacos?: string;
  /**
   * What it exports, each as `interface[:version[:group]]`. On the class path, so that a consumer can call
   * them: com.foo.UserService, OrderService, OrderService$Inner, PayService, StockService; any other
   * name is exported through Dubbo's GenericService and registers likewise.
   */
  readonly interfaces: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  /** Default `demo`. */
  readonly application?: string;
  /** Registered in place of the machine's own address; it listens on every address then. */
  readonly host?: string;
  /** Default `interface`. */
  readonly registerMode?: 'interface' | 'instance' | 'all';
  /** where application mode keeps which services a revision has: in the provider (default), or in the registry */
  readonly metadataType?: 'local' | 'remote';
  /** Default `dubbo`. */
  readonly protocol?: string;
  /** How soon it registers anew after its session expired; Dubbo's default is 5 s. */
  readonly retryPeriodMs?: number;
  /** Generated interfaces besides: `com.foo.gen.Service0001` and so on. */
  readonly generic?: { readonly prefix: string; readonly count: number };
  /** Dubbo's QoS port; default: it has none. What is not given is as Dubbo has it by default. */
  readonly qos?: {
    readonly port: number;
    /** Where it listens; default: on every address. */
    readonly host?: string;
    /** `qos-accept-foreign-ip-whitelist`: addresses and networks. */
    readonly whitelist?: string;
    /** `qos-accept-foreign-ip`. */
    readonly acceptForeignIp?: boolean;
    /** `qos-anonymous-access-permission-level`. */
    readonly anonymousLevel?: 'PUBLIC' | 'PROTECTED' | 'PRIVATE' | 'NONE';
  };
  /** Where it runs; default: beside the test. */
  readonly launch?: Launch;
  readonly deadlineMs?: number;
}

export interface Provider {
  readonly child: Child;
  readonly pid: number;
  readonly port: number;
  /** Exports one more, and resolves when it is registered. */
  export(spec: string): Promise<void>;
  /** Takes back what was exported by the very same text. */
  unexport(spec: string): Promise<void>;
  /** SIGTERM: Dubbo unregisters everything first. */
  stop(): Promise<Exit>;
  /** `kill -9`: its nodes stay until its session expires. */
  kill(): Promise<Exit>;
}

/** Starts a provider, and resolves when all its interfaces are registered. */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const port = options.port ?? (await freePort());
  const child = (options.launch ?? startChild)(
    'java',
    [
      ...JVM,
      ...(options.metadataType === undefined
        ? []
        : [`-Ddubbo.application.metadata-type=${options.metadataType}`]),
      ...javaMain('rpcdns.testbed.Provider'),
      ...pair('--zookeeper', options.zookeeper),
      ...pair('--nacos', options.nacos),
      ...['--port', String(port)],
      ...pair('--application', options.application),
      ...pair('--host', options.host),
      ...pair('--register-mode', options.registerMode),
      ...pair('--protocol', options.protocol),
      ...pair('--retry-period', options.retryPeriodMs?.toString()),
      ...pair('--qos-port', options.qos?.port.toString()),
      ...pair('--qos-host', options.qos?.host),
      ...pair('--qos-whitelist', options.qos?.whitelist),
      ...pair('--qos-foreign-ip', options.qos?.acceptForeignIp?.toString()),
      ...pair('--qos-anonymous-level', options.qos?.anonymousLevel),
      ...pair('--generic', options.generic?.prefix),
      ...pair('--generic-count', options.generic?.count.toString()),
      ...options.interfaces,
    ],
    javaChild(`provider on port ${port}`),
  );
  try {
    await child.waitFor(/^READY$/m, { deadlineMs: options.deadlineMs ?? 60_000 });
  } catch (error) {
    await child.kill();
    throw error;
  }

  const command = async (verb: 'export' | 'unexport', done: string, spec: string): Promise<void> => {
    const from = child.output().length;
    child.writeLine(`${verb} ${spec}`);
    const [line] = await child.waitFor(/^(?:(?:UN)?EXPORTED|ERROR) .*$/m, { from });
    if (line !== `${done} ${spec}`) throw new Error(`${child.name}: ${line}`);
  };
  return {
    child,
    pid: child.pid,
    port,
    export: (spec) => command('export', 'EXPORTED', spec),
    unexport: (spec) => command('unexport', 'UNEXPORTED', spec),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

export interface CallOptions {
  /** `dubbo://HOST:PORT`: no registry, the name is for the resolver. */
  readonly url: string;
  readonly interface: string;
  /** Default `world`. */
  readonly argument?: string;
  readonly version?: string;
  readonly group?: string;
  readonly timeoutMs?: number;
  /** Where it runs; default: beside the test. */
  readonly launch?: Launch;
}

export type CallResult =
  /** `hello ARGUMENT from INTERFACE version V group G port P`; `-` stands for none. */
  { readonly ok: true; readonly answer: string } | { readonly ok: false; readonly error: string };

/** Calls `hello` once, from a fresh JVM. */
export async function callConsumer(options: CallOptions): Promise<CallResult> {
  const { stdout, stderr } = await runToEnd(
    'java',
    [
      ...JVM,
      ...javaMain('rpcdns.testbed.Consumer'),
      ...[options.url, options.interface, 'hello', options.argument ?? 'world'],
      ...pair('--version', options.version),
      ...pair('--group', options.group),
      ...pair('--timeout', options.timeoutMs?.toString()),
    ],
    { ...javaChild('consumer'), ...(options.launch === undefined ? {} : { launch: options.launch }) },
  );
  const answer = /^ANSWER (.*)$/m.exec(stdout)?.[1];
  return answer === undefined ? { ok: false, error: `${stdout}${stderr}` } : { ok: true, answer };
}

function javaMain(name: string): readonly string[] {
  return ['-cp', dubboClassPath(), name];
}

/** Dubbo reads these from the environment too; a test decides them by options alone. */
function javaChild(name: string): ChildOptions {
  return { name, env: { DUBBO_IP_TO_BIND: undefined, DUBBO_IP_TO_REGISTRY: undefined } };
}

function pair(key: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [key, value];
}
