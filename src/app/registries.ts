import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Controller, type ControllerEvents } from '../controller/controller.ts';
import type { EventLine } from '../event-line/event-line.ts';
import { ownNamespace } from '../kubernetes/own-namespace.ts';
import type { DomainName } from '../name/domain-name.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { Refusal } from '../plan/claims.ts';
import type { Vip } from '../plan/record.ts';
import { Prober } from '../probe/prober.ts';
import { kindOf, type RegistryConfig, registryId } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';
import type { Watcher } from '../registry/watcher.ts';

interface Opened {
  /** the configuration that it was opened with, as JSON */
  readonly config: string;
  readonly watcher: Watcher;
  readonly controller: Controller | undefined;
  readonly prober: Prober | undefined;
}

/** The watchers of the configured registries, and the controllers of their clusters. */
export class Registries {
  readonly #kinds: readonly RegistryKind<never>[];
  readonly #events: EventLine;
  readonly #report: ControllerEvents;
  readonly #opened = new Map<string, Opened>();

  constructor(kinds: readonly RegistryKind<never>[], events: EventLine, report: ControllerEvents) {
    this.#kinds = kinds;
    this.#events = events;
    this.#report = report;
  }

  /**
   * These registries are watched from now on: one that is configured as before is left alone, a changed one gets a new
   * watcher. The event line knows them already.
   *
   * @param zone the first one: that of the domains in statuses
   */
  async configure(registries: readonly RegistryConfig[], zone: DomainName): Promise<void> {
    const wanted = new Map(registries.map((config) => [registryId(config, this.#kinds), config]));
    const textOf = (config: RegistryConfig) => JSON.stringify([config, zone]);
    for (const [id, opened] of this.#opened) {
      const config = wanted.get(id);
      if (config !== undefined && textOf(config) === opened.config) continue;
      this.#opened.delete(id);
      await close(opened);
      if (opened.prober !== undefined) this.#events.intake.setRefusing(id, new Set());
    }
    for (const [id, config] of wanted) {
      if (this.#opened.has(id)) continue;
      const { watcher, control } = kindOf(config, this.#kinds).open(
        config,
        id,
        this.#events.intake.sinkOf(id),
      );
      const controller =
        control &&
        new Controller(
          control.cluster,
          this.#events,
          {
            cluster: id,
            leaseNamespace: control.leaseNamespace ?? ownNamespace(),
            identity: `${hostname()}_${randomUUID()}`,
            zone,
          },
          this.#report,
        );
      const prober = config.probe === 'tcp' ? this.#createProber(id) : undefined;
      this.#opened.set(id, { config: textOf(config), watcher, controller, prober });
      watcher.start();
      controller?.start();
      prober?.start();
    }
  }

  #createProber(id: string): Prober {
    const { intake } = this.#events;
    return new Prober(
      () => intake.source(id).facts.endpoints(),
      (refusing) => intake.setRefusing(id, refusing),
    );
  }

  /** Resolves when nothing is delivered any more. */
  async stop(): Promise<void> {
    await Promise.all([...this.#opened.values()].map(close));
    this.#opened.clear();
  }

  planned(name: InterfaceName): void {
    for (const { controller } of this.#opened.values()) controller?.planned(name);
  }

  refused(name: InterfaceName, refusal: Refusal): void {
    for (const { controller } of this.#opened.values()) controller?.refused(name, refusal);
  }

  moved(service: string, from: Vip, to: Vip): void {
    for (const { controller } of this.#opened.values()) controller?.moved(service, from, to);
  }

  contested(service: string, vip: Vip): void {
    for (const { controller } of this.#opened.values()) controller?.contested(service, vip);
  }
}

async function close({ watcher, controller, prober }: Opened): Promise<void> {
  await prober?.stop();
  await controller?.stop();
  await watcher.stop();
}
