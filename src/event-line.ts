import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Catalog } from './catalog/catalog.ts';
import type { CatalogEvents, RegistryOptions, Source } from './catalog/catalog-types.ts';
import { Publisher } from './catalog/publisher.ts';
import type { Config } from './config/schema.ts';
import { Controller, type ControllerEvents } from './controller/controller.ts';
import { ownNamespace } from './kubernetes/own-namespace.ts';
import { ROOT } from './name/domain-name.ts';
import { createWatcher } from './registry/create.ts';
import { KubernetesWatcher } from './registry/kubernetes/watcher.ts';
import { joinedClusters, registryId } from './registry/schema.ts';
import type { Watcher } from './registry/watcher.ts';
import type { QueryLine } from './serve/query-line.ts';
import { Ledger } from './vip/ledger.ts';
import type { Store } from './vip/store.ts';
import type { NamesOptions } from './zone/registry-names.ts';
import type { StaticNames } from './zone/static-names.ts';

/** The stored serial is ahead of the one in use by at most this: one write serves so many changes. */
const SERIAL_RESERVE = 100_000;
const SERIAL_VALUE = 'serial';
const OWNERSHIP_SOURCE = 'ownership in the configuration';

/** How names of registries answer, as configured. */
export function namesOptions({ zone, answers }: Config): NamesOptions {
  const { style, ttl, maxRecords } = answers;
  return { style, ttl, maxRecords, ptrZone: zone[0] ?? ROOT };
}

/**
 * The event line of one configuration: watchers → catalogue → ledger → store → change sets. A new configuration gets
 * a new event line, which takes over from the store what the old one left there.
 */
export class EventLine {
  readonly catalog: Catalog;
  readonly publisher: Publisher;
  readonly #watchers: readonly Watcher[];
  readonly #controllers: readonly Controller[];

  private constructor(
    catalog: Catalog,
    publisher: Publisher,
    watchers: readonly Watcher[],
    controllers: readonly Controller[],
  ) {
    this.catalog = catalog;
    this.publisher = publisher;
    this.#watchers = watchers;
    this.#controllers = controllers;
  }

  /** @param minimumSerial the serial of the zones will not be below it */
  static async create(
    config: Config,
    statics: StaticNames,
    store: Store,
    line: QueryLine,
    events: CatalogEvents,
    minimumSerial: number,
    controllerEvents: ControllerEvents,
  ): Promise<EventLine> {
    const { rows, snapshots, values } = await store.load();
    const { ttl, maxRecords, template, address } = config.answers;
    const now = Math.floor(Date.now() / 1000);
    const serial = Math.max(Number(values.get(SERIAL_VALUE) ?? 0), now, minimumSerial);
    const publisher = new Publisher(line, namesOptions(config), serial, SERIAL_RESERVE, async (reserved) => {
      await store.commit([{ kind: 'put-value', name: SERIAL_VALUE, value: String(reserved) }]);
    });
    const ledger = new Ledger(config.vips.pools, config.vips.reuseAfter, rows);
    const options = {
      template,
      zoneLength: Math.max(...config.zone.map((zone) => zone.length)),
      ttl,
      address,
      maxRecords,
      perVersion: config.vips.perVersion,
      ownership: config.ownership.map((rule) => ({ ...rule, source: OWNERSHIP_SOURCE })),
      podBlocks: config.registries.flatMap((registry) =>
        registry.kind === 'kubernetes' ? registry.podCIDRs : [],
      ),
    };
    const registries = config.registries.map(
      (registry): RegistryOptions => ({
        id: registryId(registry),
        kind: registry.kind,
        required: registry.required,
        forgetAfterMs: registry.forgetAfter,
        distrustForMs: registry.distrustFor,
        join: joinedClusters(registry, config.registries),
      }),
    );
    const controllers: Controller[] = [];
    const told: CatalogEvents = {
      ...events,
      onDecided: (name) => {
        for (const controller of controllers) controller.decided(name);
      },
      onRefused: (name, refusal) => {
        events.onRefused(name, refusal);
        for (const controller of controllers) controller.refused(name, refusal);
      },
      onMoved: (name, service, from, to) => {
        events.onMoved(name, service, from, to);
        for (const controller of controllers) controller.moved(service, from, to);
      },
      onContested: (service, vip) => {
        events.onContested(service, vip);
        for (const controller of controllers) controller.contested(service, vip);
      },
    };
    const clock = Date.now;
    const catalog = new Catalog(registries, options, statics, ledger, store, publisher, told, clock, values);
    catalog.restore(snapshots, values);
    const watchers = config.registries.map((registry, i) =>
      createWatcher(registry, catalog.sinkOf(catalog.sources[i] as Source)),
    );
    for (const [i, registry] of config.registries.entries()) {
      const watcher = watchers[i];
      if (registry.kind !== 'kubernetes' || !registry.controller) continue;
      if (!(watcher instanceof KubernetesWatcher)) continue;
      const controllerOptions = {
        cluster: registryId(registry),
        leaseNamespace: registry.leaseNamespace ?? ownNamespace(),
        identity: `${hostname()}_${randomUUID()}`,
        zone: config.zone[0] ?? ROOT,
      };
      controllers.push(new Controller(watcher, catalog, controllerOptions, controllerEvents));
    }
    return new EventLine(catalog, publisher, watchers, controllers);
  }

  start(): void {
    this.catalog.start();
    for (const watcher of this.#watchers) watcher.start();
    for (const controller of this.#controllers) controller.start();
  }

  /** Resolves when nothing is delivered any more and everything is recorded. */
  async stop(): Promise<void> {
    await Promise.all(this.#controllers.map((controller) => controller.stop()));
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()));
    await this.catalog.stop();
  }
}
