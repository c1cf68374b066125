/** rpc-dns, providers, Envoys with the bootstrap that rpc-dns prints, and callers, in namespaces of their own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Caller, startGreeter } from './greeter.ts';
import { createNamespace, layCable, type Namespace } from './netns.ts';
import { type Child, runToEnd, until } from './process.ts';
import { type EnvoyVersion, envoyPath } from './provision.ts';
import { type Cleanup, createSite, type Site } from './server.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const HERE = '127.0.0.1';

export interface Provided {
  readonly name: string;
  readonly port?: number;
  readonly version?: string;
  readonly protocol?: string;
  readonly vip?: string;
  readonly endpoints: readonly string[];
}

/** A namespace with a caller and an Envoy, as a machine with an application and its sidecar. */
export class SidecarMachine {
  readonly namespace: Namespace;
  readonly site: Site;
  readonly caller: Caller;
  envoy: Child | undefined;

  constructor(namespace: Namespace, site: Site) {
    this.namespace = namespace;
    this.site = site;
    this.caller = new Caller(namespace.run);
  }

  /** Starts an Envoy with what `envoy` prints, after the machine was told what that says. */
  async startEnvoy(
    flags: readonly string[],
    version: EnvoyVersion = '1.40.0',
    isByIptables = false,
  ): Promise<void> {
    const { stdout, stderr, status } = await this.site.cli(
      'envoy',
      '-c',
      'rpc-dns.yaml',
      '--envoy',
      version,
      ...flags,
    );
    if (status !== 0) throw new Error(stderr);
    const lines = stdout.split('\n').flatMap((line) => /^#\| (.*)$/.exec(line)?.[1] ?? []);
    await this.sh(isByIptables ? asIptables(lines) : lines);
    await this.runEnvoy(stdout, version);
  }

  /** Starts an Envoy with this bootstrap, and resolves when it listens on the first port in it. */
  async runEnvoy(bootstrap: string, version: EnvoyVersion = '1.40.0', deadlineMs = 10_000): Promise<void> {
    const file = join(this.site.folder, `${this.namespace.name}.yaml`);
    writeFileSync(file, bootstrap);
    const args = ['-c', file, '--concurrency', '1', '--log-level', 'warning', '--disable-hot-restart'];
    const envoy = this.namespace.run(envoyPath(version), args, { name: 'envoy' });
    this.envoy = envoy;
    const [, port = ''] = /port_value: (\d+)/.exec(bootstrap) ?? [];
    const isListening = async () => {
      if (!envoy.running) throw new Error(envoy.output());
      const listening = await runToEnd('ss', ['-Hltn', `sport = :${port}`], { launch: this.namespace.run });
      return listening.stdout !== '';
    };
    await until('Envoy listens', isListening, { deadlineMs, everyMs: 50 });
  }

  async sh(lines: readonly string[]): Promise<void> {
    const done = await runToEnd('sh', ['-e', '-c', lines.join('\n')], { launch: this.namespace.run });
    if (done.code !== 0) throw new Error(`${lines.join('\n')}\n${done.stderr}`);
  }
}

export interface WorldOptions {
  /** more of the configuration, without `registries`, `listen` and `sidecars` */
  readonly config?: string;
  /** one that the namespace does not have yet, for other machines to reach it at; default: it is alone */
  readonly host?: string;
  /** default: a file with what is provided */
  readonly registries?: (launch: Namespace['run']) => Promise<string>;
}

/** Its namespace has rpc-dns and providers besides. */
export class SidecarWorld extends SidecarMachine {
  readonly host: string;
  server: Child;

  private constructor(namespace: Namespace, site: Site, host: string) {
    super(namespace, site);
    this.host = host;
    this.server = this.#serve();
  }

  static async open(
    test: Cleanup,
    provided: readonly Provided[],
    { config = '', host, registries }: WorldOptions = {},
  ): Promise<SidecarWorld> {
    const namespace = await createNamespace();
    test.after(() => namespace.remove());
    if (host !== undefined) await namespace.addAddress(host);
    const known = (await registries?.(namespace.run)) ?? '[{ kind: file, path: interfaces.yaml }]';
    const site = await createSite({
      config: `listen: { dns: ["${host ?? '127.0.0.9'}:53"], http: "${host ?? HERE}:8053" }
sidecars: { listen: "${host ?? HERE}:15010" }
registries: ${known}
${config}`,
      files: { 'interfaces.yaml': documentOf(provided) },
    });
    const world = new SidecarWorld(namespace, site, host ?? HERE);
    await world.server.waitFor(/"msg":"ready"/);
    return world;
  }

  /** Another machine, with a cable to this one. @param number of several */
  async addMachine(test: Cleanup, number: number): Promise<SidecarMachine> {
    const namespace = await createNamespace();
    test.after(() => namespace.remove());
    await layCable(namespace, this.namespace, { first: `10.9.${number}.1`, second: `10.9.${number}.2` });
    return new SidecarMachine(namespace, this.site);
  }

  provide(provided: readonly Provided[]): void {
    this.site.write('interfaces.yaml', documentOf(provided));
  }

  startProvider(at: string, name: string): Promise<Child> {
    return startGreeter(this.namespace.run, at, name);
  }

  async restartServer(): Promise<void> {
    this.server = this.#serve();
    await this.server.waitFor(/"msg":"ready"/);
  }

  vipOf(name: string): Promise<string> {
    return vipOf(this.site, name);
  }

  #serve(): Child {
    return this.namespace.run(process.execPath, [MAIN, 'serve', '-c', 'rpc-dns.yaml'], {
      name: 'rpc-dns',
      cwd: this.site.folder,
      env: { RPC_DNS_LOG_LEVEL: 'debug' },
    });
  }
}

/** The first VIP of an interface, as the running server says. */
export async function vipOf(site: Site, name: string): Promise<string> {
  const { stdout } = await site.cli('lookup', name, '-c', 'rpc-dns.yaml', '--json');
  const found = JSON.parse(stdout) as { interface: { services: { vips: string[] }[] } };
  const vip = found.interface.services[0]?.vips[0];
  if (vip === undefined) throw new Error(stdout);
  return vip;
}

/** Without a default route nothing leads to a VIP: the line for that case is taken too. */
function asIptables(lines: readonly string[]): string[] {
  const mark = lines.indexOf('# the same with iptables:');
  const own = lines.slice(mark + 1).map((line) => line.replace(/^# /, ''));
  return [...lines.slice(0, mark).filter((line) => line.includes('ip route')), ...own];
}

function documentOf(provided: readonly Provided[]): string {
  return JSON.stringify({ interfaces: provided.map((one) => ({ port: 20880, ...one })) });
}
