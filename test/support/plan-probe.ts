import type { LineOptions } from '../../src/event-line/options.ts';
import { EndpointSets } from '../../src/intake/endpoint-sets.ts';
import { Intake } from '../../src/intake/intake.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../../src/name/interface-name.ts';
import { InterfaceNumbers } from '../../src/name/interface-numbers.ts';
import { Arena } from '../../src/packed/arena.ts';
import { ApplicationBook } from '../../src/plan/application-book.ts';
import { lowered, NameBook } from '../../src/plan/name-book.ts';
import { type Decided, type Plan, type PlanFacts, plan } from '../../src/plan/plan.ts';
import { Ledger } from '../../src/vip/ledger.ts';
import { Placements } from '../../src/vip/placements.ts';
import type { NamesOptions } from '../../src/zone/registry-names.ts';
import { StaticNames } from '../../src/zone/static-names.ts';

interface Known {
  readonly services: readonly ServiceKey[];
  readonly names: readonly string[];
}

/** What a plan is made from, without the loop around it: it can be made again and again. */
export class PlanProbe {
  readonly intake: Intake;
  readonly #names = new InterfaceNumbers();
  readonly #ledger: Ledger;
  readonly #placements = new Placements();
  readonly #book: NameBook;
  readonly #applications: ApplicationBook;
  readonly #published = new Map<InterfaceName, Known>();
  readonly #waiting = new Map<string, number>();
  readonly #facts: PlanFacts;
  readonly #seen = new Set<InterfaceName>();

  constructor(options: LineOptions & { readonly names: NamesOptions }, now: () => number) {
    this.#ledger = new Ledger(options.pools, options.reuseAfterMs, this.#names);
    this.#book = new NameBook(this.#names, (name) => this.#published.get(name)?.names ?? []);
    this.#applications = new ApplicationBook(
      this.#names,
      (name) => this.#ledger.servicesOf(name)[0]?.ordinal,
    );
    const sets = new EndpointSets(new Arena(false));
    const note = (names: Iterable<InterfaceName>) => {
      for (const name of names) this.#seen.add(name);
    };
    this.intake = new Intake({ names: this.#names, sets }, now, {
      onChanged: note,
      onCluster: () => {},
      onServices: note,
      onFirstSnapshot: () => {},
      onOwnership: () => {},
      onListed: () => {},
      onLetGo: () => {},
      onState: () => {},
      onSkipped: () => {},
      onDistrust: () => {},
    });
    this.intake.configure(options.registries, options.ownership);
    const { intake } = this;
    this.#facts = {
      options: options.plan,
      contributionsOf: (name) => intake.contributionsOf(name),
      clusters: intake.clusters,
      ownership: intake.ownership,
      statics: new StaticNames(),
      isRefusing: undefined,
    };
  }

  /** All interfaces that anything was ever known of. */
  make(now: number): Plan {
    const decided: Decided = {
      ledger: this.#ledger,
      placements: this.#placements,
      names: this.#book,
      applications: this.#applications,
      derives: () => false,
      publishedServices: (name) => this.#published.get(name)?.services,
      isUnconfirmed: () => false,
      isHeldElsewhere: () => false,
      waitingSince: (service) => this.#waiting.get(service),
      isWithholding: false,
      withheld: () => undefined,
    };
    return plan(this.#facts, decided, this.#seen, now);
  }

  /** Takes a plan over, as the event line does. */
  take(made: Plan): void {
    for (const step of made.ledger) this.#ledger.apply(step);
    for (const row of made.placements) this.#placements.apply(row);
    for (const [service, since] of made.waiting) {
      if (since === undefined) this.#waiting.delete(service);
      else this.#waiting.set(service, since);
    }
    for (const step of made.names) this.#book.apply(step);
    for (const step of made.applications) this.#applications.apply(step);
    for (const [name, { outcome, watched }] of made.interfaces) {
      this.intake.clusters.watch(name, watched);
      if (outcome.kind !== 'published') this.#published.delete(name);
      else {
        const { record, about } = outcome;
        const names = [record.domain, ...record.callNames, ...about.lost].map(lowered);
        this.#published.set(name, { services: about.services.map(({ key }) => key), names });
      }
    }
  }

  /** Everything that a plan must leave as it is, as a value. */
  state(): unknown {
    const names = [...this.#seen];
    return structuredClone({
      services: [...this.#ledger.services()],
      addresses: [...this.#ledger.addresses()],
      retired: [...this.#ledger.retired()],
      forgotten: [...this.#ledger.forgotten()],
      nextOrdinal: this.#ledger.nextOrdinal,
      placements: names.map((name) =>
        this.#ledger.servicesOf(name).map(({ key }) => [serviceKeyText(key), this.#placements.of(key)]),
      ),
      claims: names.map((name) =>
        [...this.#book.namesOf(name)].map((key) => [
          key,
          this.#book.claimantOf(key),
          this.#book.waitersOf(key),
        ]),
      ),
      facts: names.map((name) => [name, this.intake.contributionsOf(name)]),
      waiting: this.#waiting,
    });
  }
}
