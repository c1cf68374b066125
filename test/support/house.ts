/**
 * Both lines of the house in one process, without sockets, threads, files or waiting: the catalogue over a clock that
 * the test turns, change sets applied at once, questions handed to the query handler.
 */
import assert from 'node:assert/strict';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogEvents, Source } from '../../src/catalog/catalog-types.ts';
import { Publisher } from '../../src/catalog/publisher.ts';
import { highestSerial, planZones, staticNamesOf } from '../../src/config/plan-zones.ts';
import { type Config, configSchema } from '../../src/config/schema.ts';
import type { ZoneFile } from '../../src/config/zone-files.ts';
import { validate } from '../../src/files/validate.ts';
import { readYaml } from '../../src/files/yaml-file.ts';
import { keyOf, type NameKey } from '../../src/name/domain-name.ts';
import { problemText } from '../../src/problem.ts';
import type { ClusterChange } from '../../src/registry/cluster.ts';
import { parseInterfaces } from '../../src/registry/file/parse.ts';
import type { Registration } from '../../src/registry/registration.ts';
import type { RegistrySink } from '../../src/registry/watcher.ts';
import { bad } from '../../src/result.ts';
import { ChangeApplier } from '../../src/serve/apply-change.ts';
import { Counters } from '../../src/serve/counters.ts';
import { Listener, QueryHandler } from '../../src/serve/query-handler.ts';
import { QueryLog } from '../../src/serve/query-log.ts';
import { ReadyReplies } from '../../src/serve/ready-replies.ts';
import { Ledger } from '../../src/vip/ledger.ts';
import type { Store } from '../../src/vip/store.ts';
import { openMemoryStore } from '../../src/vip/store-memory.ts';
import type { Change } from '../../src/zone/change.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';
import type { NamesOptions } from '../../src/zone/registry-names.ts';
import { ZoneData } from '../../src/zone/zone-data.ts';

const NO_EVENTS: CatalogEvents = {
  onRegistryState: () => {},
  onSkipped: () => {},
  onPublished: () => {},
  onLoss: () => {},
  onStoreError: () => {},
  onStoreRecovered: () => {},
  onDistrust: () => {},
  onFailure: (error: Error) => {
    throw error;
  },
  onReady: () => {},
  onDecided: () => {},
  onRefused: () => {},
  onMoved: () => {},
  onContested: () => {},
};

const CLIENT = { address: '192.0.2.1', port: 4711, family: 'IPv4' } as const;

/** A query line of its own: zone data, ready replies and their handler. */
export class Line {
  readonly ready: ReadyReplies;
  readonly #data: ZoneData;
  readonly #applier: ChangeApplier;
  readonly #handler: QueryHandler;
  readonly #listeners = {
    udp: new Listener('dns://test', 'udp'),
    tcp: new Listener('dns://test', 'tcp'),
  } as const;

  constructor(options: NamesOptions, udpSize: number) {
    this.#data = new ZoneData(options);
    this.ready = new ReadyReplies(udpSize);
    this.#applier = new ChangeApplier(this.#data, this.ready);
    const rethrow = (error: unknown) => {
      throw error;
    };
    this.#handler = new QueryHandler(
      this.#data,
      this.ready,
      new Counters(),
      new QueryLog(() => {}),
      udpSize,
      {
        onBlock: () => {},
        onPanic: rethrow,
      },
    );
  }

  apply(change: Change): void {
    this.#applier.apply(change);
  }

  /** The octets of the reply; none when no reply is due. */
  handle(query: Buffer, transport: 'udp' | 'tcp'): Buffer {
    const length = this.#handler.handle(query, this.#listeners[transport], CLIENT);
    return Buffer.from(this.#handler.out.subarray(0, length));
  }
}

export interface HouseOptions {
  /** YAML; pools and answers matter, what would need the outside does not */
  readonly config?: string;
  /** master files by file name */
  readonly zones?: Readonly<Record<string, string>>;
  /** another query line, told every change as well */
  readonly alsoTell?: (change: Change) => void;
  /** default: in memory */
  readonly store?: Store;
}

export class House {
  readonly line: Line;
  readonly catalog: Catalog;
  readonly config: Config;
  /** what another query line that is told every change is made with */
  readonly names: NamesOptions;
  readonly #publisher: Publisher;
  readonly #sinks: readonly RegistrySink[];
  #now = Date.UTC(2026, 0, 1);
  #files: readonly ZoneFile[] = [];
  #served: NameKey[] = [];

  constructor(options: HouseOptions = {}) {
    const yaml = readYaml('config', options.config ?? '', {});
    const config = validate(configSchema, yaml);
    assert.ok(config.ok, config.ok ? '' : config.problems.map(problemText).join('\n'));
    this.config = config.value;
    const { ttl, maxRecords, style, template, address } = this.config.answers;
    const [ptrZone] = this.config.zone;
    assert.ok(ptrZone !== undefined);
    this.names = { style, ttl, maxRecords, ptrZone };
    this.line = new Line(this.names, this.config.limits.udpSize);
    const target = {
      apply: async (change: Change) => {
        this.line.apply(change);
        options.alsoTell?.(change);
      },
    };
    this.#publisher = new Publisher(target, this.names, 1000, 1000, async () => {});
    // a registry for each one that is configured, at least one
    const registries = this.config.registries.length === 0 ? [undefined] : this.config.registries;
    this.catalog = new Catalog(
      registries.map((registry, i) => ({
        id: `registry-${i}`,
        kind: registry?.kind ?? 'file',
        required: registry?.required ?? true,
        forgetAfterMs: registry?.forgetAfter ?? 0,
        distrustForMs: registry?.distrustFor ?? 60_000,
        join: registries.flatMap((other, k) =>
          other?.kind === 'kubernetes' && k !== i ? [`registry-${k}`] : [],
        ),
      })),
      {
        template,
        zoneLength: Math.max(...this.config.zone.map((zone) => zone.length)),
        ttl,
        address,
        maxRecords,
        perVersion: this.config.vips.perVersion,
        ownership: this.config.ownership.map((rule) => ({ ...rule, source: 'ownership' })),
        podBlocks: this.config.registries.flatMap((registry) =>
          registry.kind === 'kubernetes' ? registry.podCIDRs : [],
        ),
      },
      staticNamesOf(this.config, []),
      new Ledger(this.config.vips.pools, this.config.vips.reuseAfter, { services: [], addresses: [] }),
      options.store ?? openMemoryStore(),
      this.#publisher,
      NO_EVENTS,
      () => this.#now,
    );
    this.#sinks = this.catalog.sources.map((source: Source) => this.catalog.sinkOf(source));
  }

  static async open(options: HouseOptions = {}): Promise<House> {
    const house = new House(options);
    await house.setZones(options.zones ?? {});
    return house;
  }

  get now(): number {
    return this.#now;
  }

  /** Puts these master files in place of those before. */
  async setZones(zones: Readonly<Record<string, string>>): Promise<void> {
    this.#files = Object.entries(zones).map(([file, text]) => readZone(file, text));
    const planned = planZones(this.config, this.#files);
    this.#publisher.raiseSerial(highestSerial(planned));
    await this.#publisher.replaceZones(planned, this.#served);
    this.#served = planned.map(({ apex }) => keyOf(apex));
    this.catalog.setStatics(staticNamesOf(this.config, this.#files));
    await this.#settle();
  }

  /** A registry delivers a document in the file registry's format. */
  async deliver(document: string, registry = 0): Promise<void> {
    const parsed = parseInterfaces(`interfaces-${registry}.yaml`, document);
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(problemText).join('\n'));
    const replacement = this.#sinks[registry]?.replace();
    replacement?.put('document', parsed.registrations);
    replacement?.done();
    this.#sinks[registry]?.state({ kind: 'live' });
    await this.#settle();
  }

  /** The registry is away from now on. */
  lose(registry = 0): void {
    this.#sinks[registry]?.state({ kind: 'stale', reason: 'away' });
  }

  /** What a cluster says of its Services; delivered before the registrations that name them. */
  async deliverCluster(changes: readonly ClusterChange[], registry = 0): Promise<void> {
    this.#sinks[registry]?.cluster(changes, true);
    await this.#settle();
  }

  /** Registrations as a registry's own parser made them. */
  async deliverUnit(unit: string, registrations: readonly Registration[], registry = 0): Promise<void> {
    this.#sinks[registry]?.update(unit, registrations);
    this.#sinks[registry]?.state({ kind: 'live' });
    await this.#settle();
  }

  /** Turns the clock, as far as the catalogue's own ticker would act on it. */
  async pass(ms: number): Promise<void> {
    this.#now += ms;
    for (const source of this.catalog.sources) {
      const changed = [...source.view.tick(this.#now)];
      // an empty update is how changed interfaces reach the catalogue without its timer
      if (changed.length > 0) this.catalog.setStatics(staticNamesOf(this.config, this.#files));
    }
    this.catalog.ledger.expire(this.#now);
    this.catalog.retryStarved();
    await this.#settle();
  }

  async #settle(): Promise<void> {
    await this.catalog.settled();
  }
}

function readZone(file: string, text: string): ZoneFile {
  const { records, problems } = parseMasterFile({ text, file, include: () => bad('no such file') });
  assert.deepEqual(problems.map(problemText), []);
  const checked = checkZone(records, file);
  assert.deepEqual(checked.problems.map(problemText), []);
  assert.ok(checked.apex !== undefined);
  return { file, apex: checked.apex, records };
}
