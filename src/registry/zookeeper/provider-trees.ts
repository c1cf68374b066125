import type { Registration } from '../registration.ts';
import type { StringPool } from '../string-pool.ts';
import type { Replacement } from '../watcher.ts';
import { LAYOUTS, type Layout } from './layouts.ts';
import type { ZooKeeperOptions } from './options.ts';
import { ProviderTree, type TreeHandlers, type TreeSource } from './provider-tree.ts';
import type { SessionUser } from './supervisor.ts';

/** The trees of all layouts in one session, told as one registry: complete when all of them are. */
export class ProviderTrees implements SessionUser {
  readonly #handlers: TreeHandlers;
  readonly #trees: readonly ProviderTree[];
  #replacement: Replacement | undefined;
  #undelivered: number;
  #incomplete: number;
  /** what changed in one tree while another is not complete, by unit */
  readonly #early = new Map<string, readonly Registration[]>();

  constructor(
    session: TreeSource,
    options: ZooKeeperOptions,
    chroot: string,
    handlers: TreeHandlers,
    pool: StringPool,
  ) {
    this.#handlers = handlers;
    this.#undelivered = options.layouts.length;
    this.#incomplete = options.layouts.length;
    this.#trees = options.layouts.map((name) => {
      const layout = LAYOUTS[name];
      return new ProviderTree(session, options, chroot, this.#handlersOf(layout), pool, layout);
    });
  }

  event(path: string): void {
    for (const tree of this.#trees) tree.event(path);
  }

  close(): void {
    for (const tree of this.#trees) tree.close();
  }

  #handlersOf({ unitPrefix }: Layout): TreeHandlers {
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
    };
  }
}
