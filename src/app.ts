import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createControl } from './api/control.ts';
import { createHttp } from './api/http.ts';
import { type Listening, listenTcp, listenUnix } from './api/listen.ts';
import type { CatalogEvents } from './catalog/catalog-types.ts';
import { type Loaded, loadAll } from './config/load-all.ts';
import { highestSerial, planZones, staticNamesOf } from './config/plan-zones.ts';
import type { ZoneFile } from './config/zone-files.ts';
import { EventLine, namesOptions } from './event-line.ts';
import { type PathWatch, watchPaths } from './files/watch-paths.ts';
import type { Variables } from './files/yaml-file.ts';
import { addressText } from './name/address.ts';
import { keyOf, type NameKey, toText } from './name/domain-name.ts';
import { type Problem, problemText } from './problem.ts';
import { portHolder } from './serve/port-holder.ts';
import { QueryLine } from './serve/query-line.ts';
import type { Logger } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';
import { openStore } from './vip/open-store.ts';
import type { Store } from './vip/store.ts';
import type { PlannedZone } from './zone/planned-zone.ts';

/** The server could not start; the text is one line for people. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export interface AppOptions {
  readonly loaded: Loaded;
  readonly variables: Variables;
  readonly log: Logger;
  readonly version: string;
  readonly pid: number;
  readonly usage: () => { readonly rssBytes: number; readonly cpuSeconds: number };
  /** the query thread died: nothing can be answered any more */
  readonly onFatal: (error: Error) => void;
}

/** Configuration that only a restart can change. */
const FIXED = ['listen', 'store', 'control', 'engine', 'limits'] as const;

/** The composition: what starts in which order, how it is reloaded, and how it stops. */
export class App {
  readonly #options: AppOptions;
  readonly #log: Logger;
  readonly #line: QueryLine;
  readonly #store: Store;
  readonly #metrics: Metrics;
  #loaded: Loaded;
  #events!: EventLine;
  #zones: readonly PlannedZone[] = [];
  #zoneFiles: readonly ZoneFile[] = [];
  #listening: Listening[] = [];
  #watch: PathWatch | undefined;
  #reloading: Promise<readonly Problem[]> = Promise.resolve([]);
  #serving = true;
  #storeDown = false;

  private constructor(options: AppOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#loaded = options.loaded;
    const { config } = options.loaded;
    this.#store = openStore(config.store);
    this.#line = new QueryLine(
      { names: namesOptions(config), udpSize: config.limits.udpSize },
      {
        onQuery: (line) => this.#log.info({ ...line }, 'query'),
        onPanic: (query, error) => this.#log.error({ query, error }, 'a query met a bug and got SERVFAIL'),
        onExit: (error) => options.onFatal(error),
      },
    );
    this.#metrics = new Metrics({
      line: this.#line,
      catalog: () => this.#events.catalog,
      version: options.version,
      usage: options.usage,
    });
  }

  /** Starts everything. Throws a {@link StartError}. */
  static async start(options: AppOptions): Promise<App> {
    let app: App | undefined;
    try {
      app = new App(options);
      await app.#start();
    } catch (error) {
      if (app !== undefined) await app.#abandon();
      throw error instanceof StartError ? error : new StartError((error as Error).message);
    }
    return app;
  }

  async #start(): Promise<void> {
    const { config } = this.#loaded;
    this.#adoptZones(this.#loaded);
    this.#events = await this.#createEventLine(this.#loaded);
    await this.#events.publisher.replaceZones(this.#zones, []);
    // what the store remembers is answered from the first packet on
    if (this.#events.catalog.missing().length === 0) await this.#events.catalog.settled();
    await this.#listenDns();
    await this.#listenHttp();
    this.#events.start();
    this.#watchFiles();
    this.#log.info(
      {
        version: this.#options.version,
        pid: this.#options.pid,
        config: this.#loaded.file,
        dns: config.listen.dns.map(hostPort),
        http: config.listen.http === null ? null : hostPort(config.listen.http),
        control: config.control,
        store: this.#store.label,
        zones: this.#zones.filter((zone) => zone.role !== 'reverse').map((zone) => toText(zone.apex)),
        registries: this.#events.catalog.sources.map((source) => source.options.id),
      },
      'serving',
    );
  }

  #createEventLine(loaded: Loaded): Promise<EventLine> {
    const statics = staticNamesOf(loaded.config, this.#zoneFiles);
    const minimumSerial = Math.max(highestSerial(this.#zones), this.#events?.publisher.serial ?? 0);
    const events = this.#catalogEvents();
    return EventLine.create(loaded.config, statics, this.#store, this.#line, events, minimumSerial, {
      onLease: (cluster, isHeld) => {
        const text = isHeld
          ? 'this replica writes to the cluster'
          : 'this replica writes no more to the cluster';
        this.#log.info({ registry: cluster }, text);
      },
      onFailure: (cluster, what, reason) => {
        this.#log.warn({ registry: cluster, what, reason }, 'could not write to the cluster');
      },
    });
  }

  async #listenDns(): Promise<void> {
    const { dns } = this.#loaded.config.listen;
    const failures = await this.#line.listen(dns);
    const [first] = failures;
    if (first === undefined) return;
    const { address, code, proto } = first;
    const at = this.#placeOf([
      'listen',
      'dns',
      dns.findIndex((one) => one === address || hostPort(one) === hostPort(address)),
    ]);
    throw new StartError(
      `${at}: cannot listen on ${hostPort(address)} (${proto}): ${await why(code, address.port, proto)}`,
    );
  }

  async #listenHttp(): Promise<void> {
    const { config } = this.#loaded;
    const sources = {
      catalog: () => this.#events.catalog,
      line: this.#line,
      zones: () => this.#loaded.config.zone,
      reload: () => this.reload('asked for by the control socket'),
      settle: () => this.#events.catalog.settled(),
    };
    try {
      this.#listening.push(await listenUnix(createControl(sources), config.control));
    } catch (error) {
      const text = whyNoSocket(error as NodeJS.ErrnoException, config.control);
      throw new StartError(
        `${this.#placeOf(['control'])}: cannot open the control socket ${config.control}: ${text}`,
      );
    }
    if (config.listen.http === null) return;
    const { host, port } = config.listen.http;
    const http = createHttp({
      catalog: () => this.#events.catalog,
      metrics: this.#metrics,
      serving: () => this.#serving,
    });
    try {
      this.#listening.push(await listenTcp(http, host, port));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      const at = this.#placeOf(['listen', 'http']);
      throw new StartError(
        `${at}: cannot listen on ${hostPort({ host, port })} (http): ${await why(code, port, 'tcp')}`,
      );
    }
  }

  #placeOf(path: readonly (string | number)[]): string {
    const { line, column } = this.#loaded.positionOf(path);
    return `${this.#loaded.file}:${line}:${column}`;
  }

  /** A file behind a glob that went bad leaves its last good content in place. */
  #adoptZones(loaded: Loaded): void {
    const { zones, leftOut, files } = loaded.zoneFiles;
    for (const problem of leftOut) this.#log.error(`zone file left out: ${problemText(problem)}`);
    this.#metrics.events.leftOutFiles(leftOut.length);
    const good = new Set(zones.map((zone) => keyOf(zone.apex)));
    const kept = this.#zoneFiles.filter((old) => !good.has(keyOf(old.apex)) && files.includes(old.file));
    this.#zoneFiles = [...zones, ...kept];
    this.#zones = planZones(loaded.config, this.#zoneFiles);
  }

  #catalogEvents(): CatalogEvents {
    const states = new Map<string, string>();
    return {
      onRegistryState: ({ id }, state) => {
        const before = states.get(id);
        states.set(id, state.kind);
        if (state.kind === 'live') this.#log.info({ registry: id }, 'registry is live');
        else if (state.kind !== 'syncing') {
          const level = before === state.kind ? 'debug' : 'warn';
          this.#log[level]({ registry: id, state: state.kind, reason: state.reason }, 'registry is away');
        }
      },
      onReady: (interfaces) => this.#log.info({ interfaces }, 'ready'),
      onSkipped: ({ id }, reason, detail) => {
        this.#metrics.events.skipped(id, reason);
        this.#log.warn({ registry: id, reason, detail }, 'registry entry skipped');
      },
      onPublished: (interfaces, seconds) => {
        this.#metrics.events.published(seconds);
        this.#log.debug({ interfaces, seconds }, 'published');
      },
      onDecided: () => {},
      onRefused: (name, { reason, text }) => {
        this.#log.warn({ interface: name, reason, refused: text }, 'a claim is refused');
      },
      onMoved: (name, service, from, to) => {
        const [before, after] = [from, to].map(({ addresses }) => addresses.map(addressText));
        const behind = to.behind === undefined ? '' : `${to.behind.namespace}/${to.behind.name}`;
        this.#log.info(
          { interface: name, service, from: before, to: after, behind },
          'the VIP moved from the pool to the ClusterIP of a Service',
        );
      },
      // each of the others is a loss, and logged as such
      onContested: () => {},
      onLoss: (name, text) => this.#log.warn({ interface: name, conflict: text }, 'conflict'),
      onStoreError: (error) => {
        this.#storeDown = true;
        this.#log.error({ store: this.#store.label, error: error.message }, 'the store refuses to record');
      },
      onStoreRecovered: () => {
        if (this.#storeDown) this.#log.info({ store: this.#store.label }, 'the store records again');
        this.#storeDown = false;
      },
      onFailure: (error) =>
        this.#log.error({ error: error.stack ?? error.message }, 'the event line met a bug'),
      onDistrust: ({ id, distrustForMs }, held) => {
        this.#log.warn(
          { registry: id, entries: held, seconds: distrustForMs / 1000 },
          'most of a registry is gone at once: not believed for a while (distrustFor)',
        );
      },
    };
  }

  #watchedPaths(): string[] {
    const { file, config, zoneFiles } = this.#loaded;
    return [file, ...zoneFiles.files, ...config.zones.flatMap(globFolders)];
  }

  /** @param seen how the files were before they were read: what changed since is read again */
  #watchFiles(seen: ReadonlyMap<string, string> = new Map()): void {
    this.#watch?.close();
    const paths = this.#watchedPaths();
    const known = new Map(paths.map((path) => [path, seen.get(path) ?? fingerprint(path)]));
    const look = () => {
      if (paths.every((path) => fingerprint(path) === known.get(path))) return;
      this.#watch?.close();
      void this.reload('a file changed');
    };
    this.#watch = watchPaths(paths, look);
    look();
  }

  /** Reads everything anew. @returns problems that kept the running configuration in place */
  reload(reason: string): Promise<readonly Problem[]> {
    this.#reloading = this.#reloading
      .then(() => this.#reload(reason))
      .catch((error: unknown) => {
        const text = `not reloaded: ${(error as Error).message}`;
        this.#log.error({ reason }, text);
        return [{ file: this.#loaded.file, line: 1, column: 1, text }];
      });
    return this.#reloading;
  }

  async #reload(reason: string): Promise<readonly Problem[]> {
    if (!this.#serving) return [];
    const before = this.#loaded;
    const seen = new Map(this.#watchedPaths().map((path) => [path, fingerprint(path)]));
    const result = loadAll(before.file, this.#options.variables);
    this.#metrics.events.reloaded(result.ok);
    if (!result.ok) {
      for (const problem of result.problems) this.#log.error(problemText(problem));
      this.#log.error(
        { reason, problems: result.problems.length },
        'not reloaded: the running configuration stays',
      );
      this.#watchFiles(seen);
      return result.problems;
    }
    const fixed = FIXED.filter((key) => !same(before.config[key], result.value.config[key]));
    if (fixed.length > 0) this.#log.warn({ keys: fixed }, 'changed, but only a restart can apply it');
    const config = { ...result.value.config };
    for (const key of FIXED) Object.assign(config, { [key]: before.config[key] });
    // a new event line begins with what the store has: without a store that can be read the old one stays
    if (!same(before.config, config)) await this.#store.load();
    const gone = this.#zones.map((zone) => keyOf(zone.apex));
    this.#loaded = { ...result.value, config };
    this.#adoptZones(this.#loaded);
    await this.#applyReload(before, gone);
    this.#watchFiles(seen);
    this.#log.info({ reason, zones: this.#zoneFiles.length }, 'reloaded');
    return [];
  }

  async #applyReload(before: Loaded, old: readonly NameKey[]): Promise<void> {
    const served = new Set(this.#zones.map((zone) => keyOf(zone.apex)));
    const gone = old.filter((apex) => !served.has(apex));
    if (!same(before.config, this.#loaded.config)) {
      await this.#events.stop();
      this.#events = await this.#createEventLine(this.#loaded);
      this.#events.publisher.raiseSerial(highestSerial(this.#zones));
      await this.#events.publisher.replaceZones(this.#zones, gone);
      if (this.#events.catalog.missing().length === 0) await this.#events.catalog.settled();
      this.#events.start();
      return;
    }
    this.#events.publisher.raiseSerial(highestSerial(this.#zones));
    await this.#events.publisher.replaceZones(this.#zones, gone);
    this.#events.catalog.setStatics(staticNamesOf(this.#loaded.config, this.#zoneFiles));
  }

  /** Stops being ready, answers on for `lameduck`, then finishes what was read and records the rest. */
  async stop(lameduckMs = this.#loaded.config.lameduck): Promise<void> {
    this.#serving = false;
    this.#watch?.close();
    if (lameduckMs > 0) {
      this.#log.info({ milliseconds: lameduckMs }, 'lame duck: still answering, no longer ready');
      await new Promise((resolve) => setTimeout(resolve, lameduckMs));
    }
    await this.#reloading;
    await this.#line.stopListening();
    await this.#events.stop();
    await this.#abandon();
    this.#log.info('stopped');
  }

  async #abandon(): Promise<void> {
    this.#watch?.close();
    await Promise.all(this.#listening.splice(0).map((listening) => listening.close()));
    await this.#line.close();
    await this.#store.close().catch(() => {});
  }
}

/** Octets that the name of a Unix socket may have (unix(7): 108 with its NUL). */
const MAX_SOCKET_PATH = 107;

function whyNoSocket(error: NodeJS.ErrnoException, path: string): string {
  if (error.code === 'EADDRINUSE')
    return 'it is in use by another rpc-dns: stop that one, or set another path';
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    return `the path is longer than the ${MAX_SOCKET_PATH} octets that a socket may have: set a shorter one`;
  }
  if (error.code === undefined) return `${error.message}: set another path`;
  return `${error.message}: make its folder writable, or set another path`;
}

async function why(code: string, port: number, proto: 'udp' | 'tcp'): Promise<string> {
  if (code === 'EADDRINUSE') {
    const holder = portHolder(port, proto);
    return `in use by ${holder ?? 'another process'}: stop it, or choose another port`;
  }
  if (code === 'EACCES')
    return 'no permission: ports below 1024 need root or the capability CAP_NET_BIND_SERVICE';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return code;
}

function hostPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The folder of a pattern: a file that appears there may match it. */
function globFolders(pattern: string): string[] {
  if (!/[*?[{]/.test(pattern)) return [];
  const fixed = pattern.split(/[*?[{]/)[0] ?? '';
  return [fixed.endsWith('/') ? `${fixed}.` : `${dirname(fixed || '.')}/.`];
}

/** Changes when the file does: its time, size and inode. */
function fingerprint(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'missing';
  }
}
