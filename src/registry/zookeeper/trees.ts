import type { Registration } from '../registration.ts';
import type { StringPool } from '../string-pool.ts';
import type { Replacement } from '../watcher.ts';
import { ApplicationTree } from './application-tree.ts';
import { LAYOUTS } from './layouts.ts';
import { PROVIDER_LAYOUTS, type ProviderLayout, type ZooKeeperOptions } from './options.ts';
import { ProviderTree, type TreeHandlers } from './provider-tree.ts';
import type { SessionUser } from './supervisor.ts';
import type { NodeSource } from './watched-nodes.ts';

/** The trees of all layouts in one session, told as one registry: complete when all of them are. */
export class Trees implements SessionUser {
  readonly #handlers: TreeHandlers;
  readonly #trees: readonly SessionUser[];
  #replacement: Replacement | undefined;
  #undelivered: number;
  #incomplete: number;
  /** what changed in one tree while another is not complete, by unit */
  readonly #early = new Map<string, readonly Registration[]>();

  constructor(
    session: NodeSource,
    options: ZooKeeperOptions,
    chroot: string,
    handlers: TreeHandlers,
    pool: StringPool,
  ) {
    this.#handlers = handlers;
    const { layouts } = options;
    const announced = PROVIDER_LAYOUTS.filter((layout) => layouts.includes(layout));
    // Dubbo's application mode and Spring Cloud share their root
    const hasApplications = layouts.includes('dubbo') || layouts.includes('spring-cloud');
    this.#undelivered = announced.length + (hasApplications ? 1 : 0);
    this.#incomplete = this.#undelivered;
    let applications: ApplicationTree | undefined;
    const trees = new Map<ProviderLayout, ProviderTree>();
    for (const name of announced) {
      const layout = LAYOUTS[name];
      const own: TreeHandlers = {
        ...this.#handlersOf(layout.unitPrefix),
        versionedChanged: (changed) => applications?.versionedChanged(changed),
      };
      trees.set(name, new ProviderTree(session, options, chroot, own, pool, layout));
    }
    if (hasApplications) {
      const isVersioned = (name: Registration['interface']) => trees.get('dubbo')?.isVersioned(name) === true;
      applications = new ApplicationTree(session, options, chroot, this.#handlersOf(''), isVersioned);
    }
    this.#trees = [...trees.values(), ...(applications === undefined ? [] : [applications])];
  }

  event(path: string): void {
    for (const tree of this.#trees) tree.event(path);
  }

  close(): void {
    for (const tree of this.#trees) tree.close();
  }

  #handlersOf(unitPrefix: string): TreeHandlers {
    return {
      replace: () => {
        this.#replacement ??= this.#handlers.replace();
        const replacement = this.#replacement;
        return {
          put: (unit, registrations) => replacement.put(unitPrefix + unit, registrations),
          done: () => {
            if (--this.#undelivered === 0) replacement.done();
          },
        };
      },
      complete: () => {
        if (--this.#incomplete > 0) return;
        this.#handlers.complete();
        for (const [unit, registrations] of this.#early) this.#handlers.update(unit, registrations);
        this.#early.clear();
      },
      update: (unit, registrations) => {
        if (this.#incomplete > 0) this.#early.set(unitPrefix + unit, registrations);
        else this.#handlers.update(unitPrefix + unit, registrations);
      },
      skipped: (unit, entries) => this.#handlers.skipped(unitPrefix + unit, entries),
      missed: (unit) => this.#handlers.missed(unitPrefix + unit),
      relisted: () => this.#handlers.relisted(),
      versionedChanged: () => {},
    };
  }
}
