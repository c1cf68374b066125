/** A namespace with rpc-dns, providers, an Envoy with the bootstrap that rpc-dns prints, and a caller. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Caller, startGreeter } from './greeter.ts';
import { createNamespace, type Namespace } from './netns.ts';
import { type Child, runToEnd, until } from './process.ts';
import { type EnvoyVersion, envoyPath } from './provision.ts';
import { type Cleanup, createSite, type Site } from './server.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const SIDECARS = '127.0.0.1:15010';

export interface Provided {
  readonly name: string;
  readonly port?: number;
  readonly version?: string;
  readonly protocol?: string;
  readonly endpoints: readonly string[];
}

export class SidecarWorld {
  readonly namespace: Namespace;
  readonly site: Site;
  readonly caller: Caller;
  server: Child;
  envoy: Child | undefined;

  private constructor(namespace: Namespace, site: Site, server: Child) {
    this.namespace = namespace;
    this.site = site;
    this.server = server;
    this.caller = new Caller(namespace.run);
  }

  /** @param config more of it, without `registries`, `listen` and `sidecars` */
  static async open(test: Cleanup, provided: readonly Provided[], config = ''): Promise<SidecarWorld> {
    const namespace = await createNamespace();
    test.after(() => namespace.remove());
    const site = await createSite({
      config: `listen: { dns: ["127.0.0.9:53"], http: null }
sidecars: { listen: "${SIDECARS}" }
registries: [{ kind: file, path: interfaces.yaml }]
${config}`,
      files: { 'interfaces.yaml': documentOf(provided) },
    });
    const world = new SidecarWorld(namespace, site, serve(namespace, site));
    await world.server.waitFor(/"msg":"ready"/);
    return world;
  }

  provide(provided: readonly Provided[]): void {
    this.site.write('interfaces.yaml', documentOf(provided));
  }

  startProvider(at: string, name: string): Promise<Child> {
    return startGreeter(this.namespace.run, at, name);
  }

  async restartServer(): Promise<void> {
    this.server = serve(this.namespace, this.site);
    await this.server.waitFor(/"msg":"ready"/);
  }

  async vipOf(name: string): Promise<string> {
    const { stdout } = await this.site.cli('lookup', name, '-c', 'rpc-dns.yaml', '--json');
    const found = JSON.parse(stdout) as { interface: { services: { vips: string[] }[] } };
    const vip = found.interface.services[0]?.vips[0];
    if (vip === undefined) throw new Error(stdout);
    return vip;
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
    const file = join(this.site.folder, 'envoy.yaml');
    writeFileSync(file, stdout);
    const args = ['-c', file, '--concurrency', '1', '--log-level', 'warning', '--disable-hot-restart'];
    this.envoy = this.namespace.run(envoyPath(version), args, { name: 'envoy' });
    const [, port = ''] = /port_value: (\d+)/.exec(stdout) ?? [];
    await until('Envoy listens', async () => {
      const listening = await runToEnd('ss', ['-Hltn', `sport = :${port}`], { launch: this.namespace.run });
      return listening.stdout !== '';
    });
  }

  async sh(lines: readonly string[]): Promise<void> {
    const done = await runToEnd('sh', ['-e', '-c', lines.join('\n')], { launch: this.namespace.run });
    if (done.code !== 0) throw new Error(`${lines.join('\n')}\n${done.stderr}`);
  }
}

function serve(namespace: Namespace, site: Site): Child {
  const env = { RPC_DNS_LOG_LEVEL: 'debug' };
  return namespace.run(process.execPath, [MAIN, 'serve', '-c', 'rpc-dns.yaml'], {
    name: 'rpc-dns',
    cwd: site.folder,
    env,
  });
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
