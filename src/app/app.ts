import { availableParallelism } from 'node:os';
import { platform } from 'node:process';
import { createControl } from '../api/control.ts';
import { createHttp } from '../api/http.ts';
import { type Listening, listenTcp, listenUnix } from '../api/listen.ts';
import { SYSTEM_CLOCK } from '../base/clock.ts';
import { type Problem, problemText } from '../base/problem.ts';
import { letQueriesGoFirst } from '../base/queries-first.ts';
import { type Loaded, loadAll } from '../config/load-all.ts';
import { highestSerial, planZones, staticNamesOf } from '../config/plan-zones.ts';
import type { ZoneFile } from '../config/zone-files.ts';
import { unraisedSerials } from '../config/zone-serials.ts';
import { EventLine } from '../event-line/event-line.ts';
import { readAtRest } from '../files/read-at-rest.ts';
import type { Validated } from '../files/validate.ts';
import type { Variables } from '../files/yaml-file.ts';
import { hostPortText } from '../name/address.ts';
import { keyOf, ROOT, toText } from '../name/domain-name.ts';
import { KINDS } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';
import { QueryLine } from '../serve/query-line.ts';
import type { Sidecars } from '../sidecars/sidecars.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import type { PlannedZone } from '../zone/planned-zone.ts';
import { lineEvents } from './line-log.ts';
import { answerLocalities, lineOptions, namesOptions, queryThreads } from './line-options.ts';
import { whyNoPort, whyNoSocket } from './listen-problems.ts';
import { Registries } from './registries.ts';
import { openSidecarPort, readServerTls, sidecarOptions } from './sidecar-port.ts';
import { globFolders, WatchedFiles } from './watched-files.ts';

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
  /** query threads die again and again: nothing can be answered any more */
  readonly onFatal: (error: Error) => void;
  /** default: all of the house */
  readonly kinds?: readonly RegistryKind<never>[];
}

/** Configuration that only a restart can change. */
const FIXED = ['listen', 'store', 'control', 'engine', 'workers', 'limits', 'sidecars'] as const;

/** The composition: what starts in which order, how it is reloaded, and how it stops. */
export class App {
  readonly #options: AppOptions;
  readonly #kinds: readonly RegistryKind<never>[];
  readonly #log: Logger;
  readonly #threads: number;
  readonly #line: QueryLine;
  readonly #store: Store;
  readonly #metrics: Metrics;
  #engine: 'dgram' | 'mmsg' = 'dgram';
  readonly #files = new WatchedFiles(() => void this.reload('a file changed'));
  #loaded: Loaded;
  #events!: EventLine;
  readonly #opened = Promise.withResolvers<EventLine>();
  #registries: Registries | undefined;
  #zones: readonly PlannedZone[] = [];
  #zoneFiles: readonly ZoneFile[] = [];
  #listening: Listening[] = [];
  #sidecars: Sidecars | undefined;
  #reloading: Promise<readonly Problem[]> = Promise.resolve([]);
  #serving = true;

  private constructor(options: AppOptions) {
    this.#options = options;
    this.#kinds = options.kinds ?? KINDS;
    this.#log = options.log;
    this.#loaded = options.loaded;
    const { config } = options.loaded;
    this.#store = openStore(config.store);
    // elsewhere threads cannot share a port
    this.#threads = queryThreads(config.workers, platform === 'linux' ? availableParallelism() : 1);
    this.#line = new QueryLine(
      {
        threads: this.#threads,
        names: namesOptions(config),
        udpSize: config.limits.udpSize,
        engine: config.engine,
        localities: answerLocalities(config),
      },
      {
        onQuery: (line) => this.#log.info({ ...line }, 'query'),
        onPanic: (query, error) => this.#log.error({ query, error }, 'a query met a bug and got SERVFAIL'),
        onReplaced: (error) =>
          this.#log.error(
            { error: error.stack ?? error.message },
            'a query thread died: another one takes its place',
          ),
        onNewcomer: async (newcomer) => (await this.#opened.promise).feed.join(newcomer),
        onExit: (error) => options.onFatal(error),
      },
    );
    // the query threads are there already: they do not yield
    letQueriesGoFirst(options.pid);
    this.#metrics = new Metrics({
      line: this.#line,
      events: () => this.#events,
      version: options.version,
      usage: options.usage,
      sidecars: () => this.#sidecars,
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
    const serial = highestSerial(this.#zones);
    this.#events = await EventLine.open(
      this.#store,
      this.#line,
      lineOptions(config, this.#kinds),
      serial,
      SYSTEM_CLOCK,
      lineEvents(
        this.#log,
        () => this.#metrics.events,
        this.#store.label,
        () => this.#registries,
        () => this.#sidecars?.ready(),
      ),
    );
    this.#opened.resolve(this.#events);
    this.#events.setStatics(staticNamesOf(config, this.#zoneFiles));
    await this.#events.replaceZones(this.#zones, [], serial);
    // what the store remembers is answered from the first packet on
    if (this.#events.intake.missing().length === 0) await this.#events.settled();
    await this.#listenDns();
    await this.#listenHttp();
    await this.#listenSidecars();
    this.#events.start();
    this.#registries = new Registries(this.#kinds, this.#events, {
      onLease: (cluster, isHeld) => {
        if (isHeld) this.#log.info({ registry: cluster }, 'this replica writes to the cluster');
        else this.#log.info({ registry: cluster }, 'this replica writes no more to the cluster');
      },
      onFailure: (cluster, what, reason) => {
        this.#log.warn({ registry: cluster, what, reason }, 'could not write to the cluster');
      },
    });
    await this.#registries.configure(config.registries, config.zone[0] ?? ROOT);
    this.#files.watch(this.#watchedPaths());
    this.#log.info(
      {
        version: this.#options.version,
        pid: this.#options.pid,
        config: this.#loaded.file,
        dns: config.listen.dns.map(hostPortText),
        engine: this.#engine,
        workers: this.#threads,
        http: config.listen.http === null ? null : hostPortText(config.listen.http),
        sidecars: config.sidecars === undefined ? null : hostPortText(config.sidecars.listen),
        control: config.control,
        store: this.#store.label,
        zones: this.#zones.filter((zone) => zone.role !== 'reverse').map((zone) => toText(zone.apex)),
        registries: this.#events.intake.configured.map((source) => source.options.id),
      },
      'serving',
    );
  }

  async #listenDns(): Promise<void> {
    const { listen, engine: wanted } = this.#loaded.config;
    const { dns } = listen;
    const { failures, engine, engineProblem } = await this.#line.listen(dns);
    if (engineProblem !== undefined && wanted === 'mmsg')
      throw new StartError(`${this.#placeOf(['engine'])}: mmsg cannot run here: ${engineProblem}`);
    if (engineProblem !== undefined)
      this.#log.info({ engine, reason: engineProblem }, 'engine mmsg cannot run here: node:dgram serves');
    this.#engine = engine;
    const [first] = failures;
    if (first === undefined) return;
    const { address, code, proto } = first;
    const at = this.#placeOf([
      'listen',
      'dns',
      dns.findIndex((one) => one === address || hostPortText(one) === hostPortText(address)),
    ]);
    throw new StartError(
      `${at}: cannot listen on ${hostPortText(address)} (${proto}): ${await whyNoPort(code, address.port, proto)}`,
    );
  }

  async #listenHttp(): Promise<void> {
    const { config } = this.#loaded;
    const sources = {
      events: this.#events,
      line: this.#line,
      zones: () => this.#loaded.config.zone,
      staticFiles: () => this.#zoneFiles,
      process: { pid: this.#options.pid, version: this.#options.version },
      sidecars: () => this.#sidecars,
      reload: () => this.reload('asked for by the control socket'),
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
      events: this.#events,
      metrics: this.#metrics,
      serving: () => this.#serving,
    });
    try {
      this.#listening.push(await listenTcp(http, host, port));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      const at = this.#placeOf(['listen', 'http']);
      throw new StartError(
        `${at}: cannot listen on ${hostPortText({ host, port })} (http): ${await whyNoPort(code, port, 'tcp')}`,
      );
    }
  }

  async #listenSidecars(): Promise<void> {
    const { config } = this.#loaded;
    const { sidecars } = config;
    if (sidecars === undefined) return;
    try {
      this.#sidecars = await openSidecarPort(
        this.#events,
        sidecars,
        config,
        this.#log,
        this.#metrics.events.pushAnswered,
      );
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const { host, port } = sidecars.listen;
      const isPort = code?.startsWith('E') === true;
      const at = this.#placeOf(['sidecars', isPort ? 'listen' : 'tls']);
      const why = isPort
        ? `cannot listen on ${hostPortText({ host, port })} (sidecars): ${await whyNoPort(code, port, 'tcp')}`
        : message;
      throw new StartError(`${at}: ${why}`);
    }
  }

  #placeOf(path: readonly (string | number)[]): string {
    const { line, column } = this.#loaded.positionOf(path);
    return `${this.#loaded.file}:${line}:${column}`;
  }

  /** A file behind a glob that went bad leaves its last good content in place. */
  #adoptZones(loaded: Loaded): void {
    const { zones, leftOut, files } = loaded.zoneFiles;
    for (const problem of leftOut) this.#log.error({ problem: problemText(problem) }, 'zone file left out');
    this.#metrics.events.leftOutFiles(leftOut.length);
    const good = new Set(zones.map((zone) => keyOf(zone.apex)));
    const kept = this.#zoneFiles.filter((old) => !good.has(keyOf(old.apex)) && files.includes(old.file));
    this.#zoneFiles = [...zones, ...kept];
    this.#zones = planZones(loaded.config, this.#zoneFiles);
  }

  #watchedPaths(): string[] {
    const { file, config, zoneFiles } = this.#loaded;
    return [
      file,
      ...zoneFiles.files,
      ...config.zones.flatMap(globFolders),
      ...Object.values(config.sidecars?.tls ?? {}),
    ];
  }

  /** Reads everything anew. @returns problems that kept the running configuration in place */
  reload(reason: string): Promise<readonly Problem[]> {
    this.#reloading = this.#reloading
      .then(() => this.#reload(reason))
      .catch((error: unknown) => {
        const { message } = error as Error;
        this.#log.error(
          { reason, error: message },
          'not reloaded: it met an error, the running configuration stays',
        );
        return [{ file: this.#loaded.file, line: 1, column: 1, text: `not reloaded: ${message}` }];
      });
    return this.#reloading;
  }

  async #reload(reason: string): Promise<readonly Problem[]> {
    if (!this.#serving) return [];
    const before = this.#loaded;
    let seen = WatchedFiles.look(this.#watchedPaths());
    try {
      const read = () => {
        seen = WatchedFiles.look(this.#watchedPaths());
        const value = loadAll(before.file, this.#options.variables, this.#kinds);
        return { value, files: value.ok ? value.value.zoneFiles.files : [] };
      };
      const result = (await readAtRest(this.#watchedPaths(), read, SYSTEM_CLOCK)) ?? neverAtRest(before.file);
      if (!this.#serving) return [];
      this.#metrics.events.reloaded(result.ok);
      if (!result.ok) {
        for (const problem of result.problems)
          this.#log.error({ problem: problemText(problem) }, 'the configuration has a problem');
        this.#log.error(
          { reason, problems: result.problems.length },
          'not reloaded: the running configuration stays',
        );
        return result.problems;
      }
      const fixed = FIXED.filter((key) => !same(before.config[key], result.value.config[key]));
      if (fixed.length > 0) this.#log.warn({ keys: fixed }, 'changed, but only a restart can apply it');
      const config = { ...result.value.config };
      for (const key of FIXED) Object.assign(config, { [key]: before.config[key] });
      await this.#apply({ ...result.value, config });
      this.#log.info({ reason, zones: this.#zoneFiles.length }, 'reloaded');
      return [];
    } finally {
      // whatever became of it, the next change of a file is seen
      if (this.#serving) this.#files.watch(this.#watchedPaths(), seen);
    }
  }

  /** Changes what changed: watchers, what registries said, and answers stay as far as the configuration lets them. */
  async #apply(loaded: Loaded): Promise<void> {
    const [before, zoneFiles, zones] = [this.#loaded, this.#zoneFiles, this.#zones];
    this.#loaded = loaded;
    this.#adoptZones(loaded);
    const { config } = loaded;
    const wanted = new Set(this.#zones.map((zone) => keyOf(zone.apex)));
    const gone = zones.map((zone) => keyOf(zone.apex)).filter((apex) => !wanted.has(apex));
    try {
      await this.#events.replaceZones(this.#zones, gone, highestSerial(this.#zones));
    } catch (error) {
      // queries see nothing of it: the next reload has all of it to do
      [this.#loaded, this.#zoneFiles, this.#zones] = [before, zoneFiles, zones];
      throw error;
    }
    this.#warnOfSerials(zoneFiles);
    this.#events.setStatics(staticNamesOf(config, this.#zoneFiles));
    if (!same(before.config, config)) {
      this.#events.configure(lineOptions(config, this.#kinds));
      await this.#registries?.configure(config.registries, config.zone[0] ?? ROOT);
      const localities = answerLocalities(config);
      if (!same(answerLocalities(before.config), localities)) await this.#line.setLocalities(localities);
      this.#sidecars?.configure(sidecarOptions(config));
    }
    const tls = config.sidecars?.tls;
    // certificates are renewed while sidecars are connected
    if (tls !== undefined) this.#sidecars?.setTls(readServerTls(tls));
    await this.#events.settled();
  }

  /** Secondaries go by the serial alone. */
  #warnOfSerials(before: readonly ZoneFile[]): void {
    const registryZones = new Set(this.#loaded.config.zone.map(keyOf));
    for (const found of unraisedSerials(before, this.#zoneFiles, (apex) => registryZones.has(apex))) {
      const { file, apex } = found.zone;
      const zone = toText(apex);
      if (found.before === found.after)
        this.#log.warn(
          { file, zone, serial: found.after },
          'a zone changed and its serial did not: secondaries keep what they have, raise the serial',
        );
      else
        this.#log.warn(
          { file, zone, from: found.before, to: found.after },
          'the serial of a zone fell: secondaries keep what they have, raise it above the one before',
        );
    }
  }

  /** Stops being ready, answers on for `lameduck`, then finishes what was read and records the rest. */
  async stop(lameduckMs = this.#loaded.config.lameduck): Promise<void> {
    this.#serving = false;
    this.#files.close();
    if (lameduckMs > 0) {
      this.#log.info({ milliseconds: lameduckMs }, 'lame duck: still answering, no longer ready');
      await new Promise((resolve) => setTimeout(resolve, lameduckMs));
    }
    await this.#reloading;
    await this.#line.stopListening();
    await this.#registries?.stop();
    await this.#events.stop();
    await this.#abandon();
    this.#log.info('stopped');
  }

  async #abandon(): Promise<void> {
    this.#files.close();
    await this.#registries?.stop();
    await this.#sidecars?.close();
    await Promise.all(this.#listening.splice(0).map((listening) => listening.close()));
    await this.#line.close();
    await this.#store.close().catch(() => {});
  }
}

function neverAtRest(file: string): Validated<never> {
  const text =
    'the files of the configuration change all the time: write them elsewhere, and move them into place when they are complete';
  return { ok: false, problems: [{ file, line: 1, column: 1, text }] };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
