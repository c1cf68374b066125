import type { InterfaceName } from '../name/interface-name.ts';
import type { InterfaceNumbers } from '../name/interface-numbers.ts';
import { applicationLabel, hashedLabel } from '../name/labels.ts';
import { uint32Column } from '../packed/column.ts';

/** What an interface adds to names that several interfaces share. */
export interface SharedNames {
  /** applications that its services name, as they are registered */
  readonly applications: readonly string[];
  /** labels of its protocols: `_dubbo` */
  readonly services: readonly string[];
}

export interface ApplicationStep extends SharedNames {
  readonly interface: InterfaceName;
  /** place of the interface in the ledger; of one that is gone it does not matter */
  readonly ordinal: number;
  /** which application had the plain label of each of them, as the plan saw it */
  readonly holders: readonly string[];
}

export interface ApplicationsView {
  /** Applications whose names make this label, and how old each is: the place in the ledger of its oldest interface. */
  agesOn(label: string): ReadonlyMap<string, number>;
  hasService(service: string): boolean;
}

const NOBODY: ReadonlyMap<string, number> = new Map();
const NOTHING: SharedNames = { applications: [], services: [] };
const SEPARATOR = '\0';

/**
 * Which applications and protocols interfaces name. Two applications may make one label (`a_b` and `a-b`): the older, by
 * its oldest interface, has it, the others get a hash (contract 1.1). Four octets an interface.
 */
export class ApplicationBook implements ApplicationsView {
  readonly #numbers: InterfaceNumbers;
  readonly #ordinalOf: (name: InterfaceName) => number | undefined;
  /** what each interface adds, by its number in {@link #texts} */
  readonly #added = uint32Column();
  #highest = 0;
  readonly #texts: (SharedNames | undefined)[] = [NOTHING];
  readonly #textNumbers = new Map<string, number>();
  /** how many interfaces add each of them */
  readonly #uses: number[] = [0];
  readonly #freeTexts: number[] = [];
  readonly #members = new Map<string, number>();
  /** how old the applications of each label are; only where there are several it has to be true, see {@link agesOn} */
  readonly #ages = new Map<string, Map<string, number>>();
  /** the number of the interface that each application has its age from; without one the age has to be found anew */
  readonly #oldest = new Map<string, number>();
  readonly #services = new Map<string, number>();
  // since the last call of `takeAffected`
  readonly #formerHolders = new Map<string, string | undefined>();
  readonly #applied = new Map<InterfaceName, ApplicationStep>();

  constructor(numbers: InterfaceNumbers, ordinalOf: (name: InterfaceName) => number | undefined) {
    this.#numbers = numbers;
    this.#ordinalOf = ordinalOf;
  }

  agesOn(label: string): ReadonlyMap<string, number> {
    const ages = this.#ages.get(label);
    if (ages === undefined || ages.size < 2) return ages ?? NOBODY;
    for (const application of ages.keys()) {
      if (!this.#oldest.has(application)) this.#findAge(application, ages);
    }
    return ages;
  }

  hasService(service: string): boolean {
    return this.#services.has(service);
  }

  apply(step: ApplicationStep): void {
    const { interface: name, applications, services, ordinal } = step;
    const isNothing = applications.length === 0 && services.length === 0;
    const number = isNothing ? this.#numbers.find(name) : this.#numbers.of(name);
    if (number === 0) return;
    const beforeText = this.#added.get(number);
    const before = this.#texts[beforeText] ?? NOTHING;
    if (this.#isSame(number, before, step)) return;
    for (const application of [...before.applications, ...applications]) {
      const label = applicationLabel(application);
      if (!this.#formerHolders.has(label)) this.#formerHolders.set(label, holderOf(this.agesOn(label)));
    }
    this.#applied.set(name, step);
    this.#added.set(number, this.#use({ applications, services }));
    this.#useNoMore(beforeText, before);
    this.#highest = Math.max(this.#highest, number);
    for (const application of applications) {
      if (!before.applications.includes(application)) count(this.#members, application, 1);
      this.#join(application, number, ordinal);
    }
    for (const application of before.applications) {
      if (!applications.includes(application)) this.#leave(application, number);
    }
    for (const service of services) if (!before.services.includes(service)) count(this.#services, service, 1);
    for (const service of before.services)
      if (!services.includes(service)) count(this.#services, service, -1);
  }

  /** Whether nothing changes: an endpoint came or went, and no other application wants its label. */
  #isSame(number: number, before: SharedNames, step: ApplicationStep): boolean {
    if (textOf(before) !== textOf(step)) return false;
    return step.applications.every((application, i) => {
      const ages = this.#ages.get(applicationLabel(application));
      const age = ages?.get(application) ?? Number.POSITIVE_INFINITY;
      const isOldest = this.#oldest.get(application) === number;
      const isOfAge = isOldest ? step.ordinal === age : step.ordinal > age;
      return ages?.size === 1 && isOfAge && this.#oldest.has(application) && step.holders[i] === application;
    });
  }

  /**
   * Interfaces whose applications have other labels now, or others that hold them, than they were planned with, since the
   * last call. One plan may take a label from one application and give it to another in any order.
   */
  takeAffected(): ReadonlySet<InterfaceName> {
    const affected = new Set<InterfaceName>();
    for (const [label, former] of this.#formerHolders) {
      const ages = this.agesOn(label);
      if (former === undefined || ages.size === 0 || holderOf(ages) === former) continue;
      for (const application of ages.keys()) {
        for (const number of this.#membersOf(application)) affected.add(this.#numbers.nameOf(number));
      }
    }
    for (const [name, { applications, holders }] of this.#applied) {
      const isTrue = applications.every((application, i) => {
        return holderOf(this.agesOn(applicationLabel(application))) === holders[i];
      });
      if (isTrue) affected.delete(name);
      else affected.add(name);
    }
    this.#formerHolders.clear();
    this.#applied.clear();
    return affected;
  }

  #use(shared: SharedNames): number {
    const text = textOf(shared);
    const known = text === '' ? 0 : this.#textNumbers.get(text);
    const number = known ?? this.#freeTexts.pop() ?? this.#texts.length;
    if (known === undefined) {
      this.#texts[number] = shared;
      this.#textNumbers.set(text, number);
    }
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
    return number;
  }

  #useNoMore(number: number, shared: SharedNames): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    if (uses > 0 || number === 0) return;
    this.#texts[number] = undefined;
    this.#textNumbers.delete(textOf(shared));
    this.#freeTexts.push(number);
  }

  #join(application: string, number: number, ordinal: number): void {
    const label = applicationLabel(application);
    const ages = this.#ages.get(label) ?? new Map<string, number>();
    if (ages.size === 0) this.#ages.set(label, ages);
    const age = ages.get(application);
    const oldest = this.#oldest.get(application);
    if (age === undefined || (oldest !== undefined && ordinal <= age)) {
      ages.set(application, ordinal);
      this.#oldest.set(application, number);
      return;
    }
    // another replica may have given it a later place
    if (oldest === number) this.#oldest.delete(application);
  }

  #leave(application: string, number: number): void {
    const label = applicationLabel(application);
    count(this.#members, application, -1);
    const isGone = !this.#members.has(application);
    if (isGone || this.#oldest.get(application) === number) this.#oldest.delete(application);
    if (!isGone) return;
    const ages = this.#ages.get(label);
    ages?.delete(application);
    if (ages?.size === 0) this.#ages.delete(label);
  }

  #findAge(application: string, ages: Map<string, number>): void {
    let age = Number.MAX_SAFE_INTEGER;
    let oldest = 0;
    for (const number of this.#membersOf(application)) {
      const ordinal = this.#ordinalOf(this.#numbers.nameOf(number)) ?? age;
      if (oldest !== 0 && ordinal >= age) continue;
      age = ordinal;
      oldest = number;
    }
    ages.set(application, age);
    this.#oldest.set(application, oldest);
  }

  *#membersOf(application: string): Generator<number> {
    for (let number = 1; number <= this.#highest; number++) {
      const added = this.#added.get(number);
      if (added !== 0 && this.#texts[added]?.applications.includes(application) === true) yield number;
    }
  }
}

function textOf({ applications, services }: SharedNames): string {
  return [...applications, '', ...services].join(SEPARATOR);
}

/** What a plan adds, over what stands. */
export class ApplicationDraft {
  readonly steps: ApplicationStep[] = [];
  readonly #book: ApplicationsView;
  readonly #ages = new Map<string, Map<string, number>>();
  readonly #services = new Set<string>();

  constructor(book: ApplicationsView) {
    this.#book = book;
  }

  /** @param ordinal place in the ledger of the interface that names them */
  claim(applications: readonly string[], ordinal: number): void {
    for (const application of applications) {
      const label = applicationLabel(application);
      const known = this.#agesOn(label).get(application);
      if (known !== undefined && known <= ordinal) continue;
      const ages = this.#ages.get(label) ?? new Map(this.#book.agesOn(label));
      this.#ages.set(label, ages);
      ages.set(application, ordinal);
    }
  }

  add(step: ApplicationStep): void {
    this.steps.push(step);
    for (const service of step.services) this.#services.add(service);
  }

  /** The label of one that was claimed, and the application that has the plain one. */
  labelOf(application: string): { readonly label: string; readonly holder: string } {
    const plain = applicationLabel(application);
    const holder = holderOf(this.#agesOn(plain)) ?? application;
    return { label: holder === application ? plain : hashedLabel(plain, application), holder };
  }

  /** The application that has this label, plain or with its hash. */
  ownerOf(label: string): string | undefined {
    const holder = holderOf(this.#agesOn(label));
    if (holder !== undefined) return holder;
    const plain = label.slice(0, -HASH_LENGTH);
    return [...this.#agesOn(plain).keys()].find((application) => this.labelOf(application).label === label);
  }

  hasService(service: string): boolean {
    return this.#services.has(service) || this.#book.hasService(service);
  }

  #agesOn(label: string): ReadonlyMap<string, number> {
    return this.#ages.get(label) ?? this.#book.agesOn(label);
  }
}

/** `-` and 8 hex digits. */
const HASH_LENGTH = 9;

/** The oldest; of two that one interface names, the first by name. */
function holderOf(ages: ReadonlyMap<string, number>): string | undefined {
  let holder: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [application, age] of ages) {
    if (age > least || (age === least && holder !== undefined && application > holder)) continue;
    holder = application;
    least = age;
  }
  return holder;
}

function count(counts: Map<string, number>, key: string, step: 1 | -1): void {
  const sum = (counts.get(key) ?? 0) + step;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}
