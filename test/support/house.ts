/**
 * Both lines of the house in one process, without sockets, threads, files or waiting: the event line over a clock that
 * the test turns, change sets applied at once, questions handed to the query handler.
 */

import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { answerLocalities, lineOptions, namesOptions } from '../../src/app/line-options.ts';
import { problemText } from '../../src/base/problem.ts';
import { bad } from '../../src/base/result.ts';
import { highestSerial, planZones, staticNamesOf } from '../../src/config/plan-zones.ts';
import { type Config, configSchema } from '../../src/config/schema.ts';
import type { ZoneFile } from '../../src/config/zone-files.ts';
import { EventLine } from '../../src/event-line/event-line.ts';
import type { LineEvents } from '../../src/event-line/line-events.ts';
import type { LineOptions } from '../../src/event-line/options.ts';
import { validate } from '../../src/files/validate.ts';
import { readYaml } from '../../src/files/yaml-file.ts';
import { keyOf, type NameKey } from '../../src/name/domain-name.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import type { LocalityRule } from '../../src/name/localities.ts';
import { Localities } from '../../src/name/localities.ts';
import type { About } from '../../src/plan/about.ts';
import type { ClusterChange } from '../../src/registry/cluster.ts';
import { parseInterfaces } from '../../src/registry/interfaces-document.ts';
import { KINDS } from '../../src/registry/kinds.ts';
import type { Registration } from '../../src/registry/registration.ts';
import type { RegistrySink } from '../../src/registry/watcher.ts';
import { ChangeApplier } from '../../src/serve/apply-change.ts';
import type { Client } from '../../src/serve/client.ts';
import { Counters } from '../../src/serve/counters.ts';
import { Listener } from '../../src/serve/listener.ts';
import { QueryHandler } from '../../src/serve/query-handler.ts';
import { QueryLog } from '../../src/serve/query-log.ts';
import { ReadyReplies } from '../../src/serve/ready-replies.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import type { Change } from '../../src/zone/change.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';
import { LocatedRecords } from '../../src/zone/packed-records.ts';
import type { NamesOptions } from '../../src/zone/registry-names.ts';
import { ZoneData } from '../../src/zone/zone-data.ts';
import { TurnedClock } from './turned-clock.ts';

/** Nobody is told; a failure is thrown. */
export const NO_EVENTS: LineEvents = {
  onRegistryState: () => {},
  onSkipped: () => {},
  onPublished: () => {},
  onLoss: () => {},
  onStoreError: () => {},
  onStoreRecovered: () => {},
  onStoreProblem: () => {},
  onDistrust: () => {},
  onFailure: (error: Error) => {
    throw error;
  },
  onReady: () => {},
  onPlanned: () => {},
  onRefused: () => {},
  onMoved: () => {},
  onContested: () => {},
  onClusterIpInPool: () => {},
  onLetGo: () => {},
};

/** Whoever looks again and again for hours wastes the machine. */
const MAX_TURNS = 5_000;

const CLIENT = { address: '192.0.2.1', port: 4711, family: 'IPv4' } as const;

/** A query line of its own: zone data, ready replies and their handler. */
export class Line {
  readonly ready: ReadyReplies;
  readonly counters = new Counters();
  readonly #data: ZoneData;
  readonly #applier: ChangeApplier;
  readonly #handler: QueryHandler;
  readonly #listeners = {
    udp: new Listener('dns://test', 'udp'),
    tcp: new Listener('dns://test', 'tcp'),
  } as const;

  /** @param composes whether answers are composed; else all are resolved, or held ready */
  constructor(options: NamesOptions, udpSize: number, composes = true) {
    this.#data = new ZoneData(options, 0x5eed);
    this.ready = new ReadyReplies();
    this.#applier = new ChangeApplier(this.#data, this.ready);
    const rethrow = (error: unknown) => {
      throw error;
    };
    this.#handler = new QueryHandler(
      this.#data,
      this.ready,
      this.counters,
      new QueryLog(() => {}),
      udpSize,
      {
        onBlock: () => {},
        onPanic: rethrow,
      },
      {},
      composes ? undefined : { compose: () => false },
    );
  }

  /** Members of applications and browsing names that are not shown. */
  get leftOut(): number {
    return this.#data.names.leftOut;
  }

  apply(change: Change): void {
    this.#applier.apply(change);
  }

  setLocalities(localities: readonly LocalityRule[]): void {
    this.#handler.setLocalities(localities);
  }

  /** The octets of the reply; none when no reply is due. */
  handle(query: Buffer, transport: 'udp' | 'tcp', client: Client = CLIENT): Buffer {
    const length = this.#handler.handle(query, this.#listeners[transport], client);
    return Buffer.from(this.#handler.out.subarray(0, length));
  }
}

export interface HouseOptions {
  /** YAML; pools and answers matter, what would need the outside does not */
  readonly config?: string;
  /** master files by file name */
  readonly zones?: Readonly<Record<string, string>>;
  /** a change reaches the query line when this resolves; when it rejects, the query line could not apply it */
  readonly hold?: (change: Change) => Promise<void>;
  /** another query line, told every change as well */
  readonly alsoTell?: (change: Change) => void;
  /** default: in memory */
  readonly store?: Store;
  /** default: none is told, a failure is thrown */
  readonly events?: Partial<LineEvents>;
  /** default: one of its own */
  readonly clock?: TurnedClock;
}

interface HouseParts {
  readonly config: Config;
  readonly names: NamesOptions;
  readonly line: Line;
  readonly clock: TurnedClock;
  readonly events: EventLine;
}

export class House {
  readonly line: Line;
  readonly events: EventLine;
  readonly clock: TurnedClock;
  config: Config;
  /** what another query line that is told every change is made with */
  readonly names: NamesOptions;
  #files: readonly ZoneFile[] = [];
  readonly #sinks = new Map<number, RegistrySink>();
  #served: NameKey[] = [];

  private constructor({ config, names, line, clock, events }: HouseParts) {
    this.config = config;
    this.names = names;
    this.line = line;
    this.clock = clock;
    this.events = events;
  }

  static async open(options: HouseOptions = {}): Promise<House> {
    const config = readConfig(options.config ?? '');
    const names = namesOptions(config);
    const line = new Line(names, config.limits.udpSize);
    line.setLocalities(answerLocalities(config));
    const clock = options.clock ?? new TurnedClock();
    const target = {
      apply: async (change: Change) => {
        // memory comes by itself: nothing that is on its way waits for it, nor it for that
        if (options.hold !== undefined && change.kind !== 'chunk') await options.hold(change);
        line.apply(change);
        options.alsoTell?.(change);
      },
    };
    const store = options.store ?? openMemoryStore();
    const events = await EventLine.open(store, target, optionsOf(config), 1000, clock, {
      ...NO_EVENTS,
      ...options.events,
    });
    const house = new House({ config, names, line, clock, events });
    await house.setZones(options.zones ?? {});
    return house;
  }

  get now(): number {
    return this.clock.now();
  }

  /** The master files that are served. */
  get zoneFiles(): readonly ZoneFile[] {
    return this.#files;
  }

  /** Services of an interface as they are published, the oldest first. */
  services(name: string): About['services'] {
    return this.events.feed.published(name as InterfaceName)?.about.services ?? [];
  }

  /** Puts these master files in place of those before. */
  async setZones(zones: Readonly<Record<string, string>>): Promise<void> {
    this.#files = Object.entries(zones).map(([file, text]) => readZone(file, text));
    await this.#replaceZones();
    this.events.setStatics(staticNamesOf(this.config, this.#files));
    await this.settle();
  }

  /** Another configuration, as a reload brings it. */
  async configure(yaml: string): Promise<void> {
    this.config = readConfig(yaml);
    await this.#replaceZones();
    this.events.configure(optionsOf(this.config));
    await this.settle();
  }

  /** A registry delivers a document in the file registry's format: all that it holds, or as a change of one unit. */
  async deliver(document: string, registry = 0, by: 'replace' | 'update' = 'replace'): Promise<void> {
    this.say(document, registry, by);
    await this.settle();
  }

  /** The same without waiting for what comes of it. */
  say(document: string, registry = 0, by: 'replace' | 'update' = 'replace'): void {
    tell(this.sink(registry), `interfaces-${registry}.yaml`, document, by);
  }

  /** The registry is away from now on. */
  lose(registry = 0): void {
    this.sink(registry).state({ kind: 'stale', reason: 'away' });
  }

  /** What a cluster says of its Services; delivered before the registrations that name them. */
  async deliverCluster(changes: readonly ClusterChange[], registry = 0): Promise<void> {
    this.sink(registry).cluster(changes, true);
    await this.settle();
  }

  /** Registrations as a registry's own parser made them. */
  async deliverUnit(unit: string, registrations: readonly Registration[], registry = 0): Promise<void> {
    this.sink(registry).update(unit, registrations);
    this.sink(registry).state({ kind: 'live' });
    await this.settle();
  }

  /** Where the watcher of a registry delivers. */
  sink(registry = 0): RegistrySink {
    const known = this.#sinks.get(registry) ?? this.events.intake.sinkOf(`registry-${registry}`);
    this.#sinks.set(registry, known);
    return known;
  }

  /** A registry gets another watcher, as a changed configuration brings it. */
  reopen(registry = 0): void {
    this.#sinks.delete(registry);
  }

  /** Turns the clock, and runs all that becomes due on the way. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    for (let at = this.clock.nextAt; at !== undefined && at <= end; at = this.clock.nextAt) {
      this.clock.turnTo(at);
      await nextTurn();
      await this.settle();
    }
    this.clock.turnTo(end);
    await this.settle();
  }

  /** The same without asking for anything: what happens, happens by the clock alone. */
  async live(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    let turns = 0;
    for (let at = this.clock.nextAt; at !== undefined && at <= end; at = this.clock.nextAt) {
      assert.ok(turns++ < MAX_TURNS, 'something is due again and again');
      this.clock.turnTo(at);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    }
    this.clock.turnTo(end);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  }

  /** All that is known is published. */
  async settle(): Promise<void> {
    await this.events.settled();
  }

  async #replaceZones(): Promise<void> {
    const planned = planZones(this.config, this.#files);
    const keys = planned.map(({ apex }) => keyOf(apex));
    const gone = this.#served.filter((apex) => !keys.includes(apex));
    await this.events.replaceZones(planned, gone, highestSerial(planned));
    this.#served = keys;
  }
}

/** A registry delivers a document in the file registry's format. */
export function tell(sink: RegistrySink, file: string, document: string, by: 'replace' | 'update'): void {
  const parsed = parseInterfaces(file, document);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(problemText).join('\n'));
  if (by === 'update') sink.update('document', parsed.registrations);
  else {
    const replacement = sink.replace();
    replacement.put('document', parsed.registrations);
    replacement.done();
  }
  sink.state({ kind: 'live' });
}

/** What of a configuration the event line goes by, for tests without a house. */
export function lineOptionsOf(yaml: string): LineOptions {
  return optionsOf(readConfig(yaml));
}

function readConfig(text: string): Config {
  const config = validate(configSchema, readYaml('config', text, {}));
  assert.ok(config.ok, config.ok ? '' : config.problems.map(problemText).join('\n'));
  return config.value;
}

/** The registries are called `registry-0` and so on, at least one; whatever their kind, the test delivers. */
function optionsOf(config: Config): LineOptions {
  const options = lineOptions(config, KINDS);
  const template = {
    required: true,
    forgetAfterMs: 0,
    distrustForMs: 60_000,
    settleForMs: 0,
    isProbed: false,
    localities: new Localities([]),
    hasServices: false,
    join: [],
  };
  const registries =
    options.registries.length === 0 ? [{ id: '', kind: 'file', ...template }] : options.registries;
  const clusters = registries.flatMap(({ hasServices }, i) => (hasServices ? [`registry-${i}`] : []));
  return {
    ...options,
    ownership: config.ownership.map((rule) => ({ ...rule, source: 'ownership' })),
    registries: registries.map((registry, i) => ({
      ...registry,
      id: `registry-${i}`,
      join: clusters.filter((id) => id !== `registry-${i}`),
    })),
  };
}

function readZone(file: string, text: string): ZoneFile {
  const { records, problems } = parseMasterFile({ text, file, include: () => bad('no such file') });
  assert.deepEqual(problems.map(problemText), []);
  const checked = checkZone(records, file);
  assert.deepEqual(checked.problems.map(problemText), []);
  assert.ok(checked.apex !== undefined);
  return { file, apex: checked.apex, records: new LocatedRecords(records) };
}
