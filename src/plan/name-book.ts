import { keyOf, type NameKey, type Prefix } from '../name/domain-name.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { InterfaceNumbers } from '../name/interface-numbers.ts';
import { int32Column, uint8Column, uint32Column } from '../packed/column.ts';
import { HashSlots } from '../packed/hash-slots.ts';

/** What a name is claimed for; the first goes before all others (contract 1.1). */
const KINDS = ['domain', 'application', 'call'] as const;
export type ClaimKind = (typeof KINDS)[number];

export interface Claimant {
  readonly interface: InterfaceName;
  readonly kind: ClaimKind;
  /** place in the ledger: the older has the smaller */
  readonly ordinal: number;
}

/** Whether a claim was granted; a lost one names who has it. */
export type ClaimResult =
  | { readonly granted: true }
  | { readonly granted: false; readonly holder: InterfaceName };

/** Keys are lower-cased names relative to a zone. */
export type NameStep =
  /** undefined: nobody owns it any more */
  | { readonly kind: 'own'; readonly key: string; readonly claimant: Claimant | undefined }
  | { readonly kind: 'wait'; readonly key: string; readonly claimant: Claimant }
  | { readonly kind: 'wait-no-more'; readonly key: string; readonly interface: InterfaceName };

export interface NameView {
  claimantOf(key: string): Claimant | undefined;
  waitersOf(key: string): ReadonlyMap<InterfaceName, Claimant> | undefined;
  /** names that an interface owns or waits for */
  namesOf(name: InterfaceName): Iterable<string>;
}

/** Who owns which base name, relative to a zone, and who waits for one: numbers in typed arrays, no string for a name. */
export class NameBook implements NameView {
  readonly #names: InterfaceNumbers;
  readonly #namesOf: (name: InterfaceName) => Iterable<string>;
  readonly #hashA = int32Column();
  readonly #hashB = int32Column();
  readonly #owners = int32Column();
  readonly #kinds = uint8Column();
  readonly #ordinals = uint32Column();
  readonly #slots = new HashSlots((entry) => this.#hashA.get(entry));
  readonly #free: number[] = [];
  #highest = 0;
  readonly #waiting = new Map<string, Map<InterfaceName, Claimant>>();

  /** @param namesOf names that an interface owns or waits for; what is published says so */
  constructor(names: InterfaceNumbers, namesOf: (name: InterfaceName) => Iterable<string>) {
    this.#names = names;
    this.#namesOf = namesOf;
  }

  apply(step: NameStep): void {
    if (step.kind === 'own') this.#own(step.key, step.claimant);
    else if (step.kind === 'wait') {
      const waiting = this.#waiting.get(step.key);
      if (waiting === undefined)
        this.#waiting.set(step.key, new Map([[step.claimant.interface, step.claimant]]));
      else waiting.set(step.claimant.interface, step.claimant);
    } else {
      const waiting = this.#waiting.get(step.key);
      waiting?.delete(step.interface);
      if (waiting?.size === 0) this.#waiting.delete(step.key);
    }
  }

  claimantOf(key: string): Claimant | undefined {
    const entry = this.#find(key);
    if (entry === 0) return undefined;
    return {
      interface: this.#names.nameOf(this.#owners.get(entry)),
      kind: KINDS[this.#kinds.get(entry)] ?? 'call',
      ordinal: this.#ordinals.get(entry),
    };
  }

  /** The interface that has this very name. */
  ownerOf(name: Prefix): InterfaceName | undefined {
    return this.claimantOf(lowered(name))?.interface;
  }

  waitersOf(key: string): ReadonlyMap<InterfaceName, Claimant> | undefined {
    return this.#waiting.get(key);
  }

  namesOf(name: InterfaceName): Iterable<string> {
    return this.#namesOf(name);
  }

  #find(key: string): number {
    const { a, b } = hashesOf(key);
    return this.#slots.find(a, (entry) => this.#hashA.get(entry) === a && this.#hashB.get(entry) === b);
  }

  #own(key: string, claimant: Claimant | undefined): void {
    let entry = this.#find(key);
    if (claimant === undefined) {
      if (entry === 0) return;
      this.#slots.delete(this.#hashA.get(entry), entry);
      this.#free.push(entry);
      return;
    }
    if (entry === 0) {
      const { a, b } = hashesOf(key);
      entry = this.#free.pop() ?? ++this.#highest;
      this.#hashA.set(entry, a);
      this.#hashB.set(entry, b);
      this.#slots.add(a, entry);
    }
    this.#owners.set(entry, this.#names.of(claimant.interface));
    this.#kinds.set(entry, KINDS.indexOf(claimant.kind));
    this.#ordinals.set(entry, claimant.ordinal);
  }
}

/**
 * Claims that are being decided, over those that stand. One owner name, one source:
 *
 *     UserService.foo.com.svc   domain of com.foo.UserService (ordinal 1)   ← has it
 *                               domain of com.foo.userService (ordinal 7)   waits
 *     foo.com.svc               domain of …                                 ← has it
 *                               call name of interface foo.com.svc          waits
 *
 * Whoever is displaced, or waits for a name that becomes free, is reported as {@link takeAffected}.
 */
export class NameDraft {
  readonly steps: NameStep[] = [];
  readonly #book: NameView;
  readonly #owners = new Map<string, Claimant | undefined>();
  readonly #waiting = new Map<string, Map<InterfaceName, Claimant>>();
  readonly #named = new Map<InterfaceName, Set<string>>();
  #affected = new Set<InterfaceName>();

  constructor(book: NameView) {
    this.#book = book;
  }

  claim(name: Prefix, claimant: Claimant): ClaimResult {
    const key = lowered(name);
    const owner = this.#ownerOf(key);
    this.#namesOf(claimant.interface).add(key);
    if (owner === undefined || owner.interface === claimant.interface) {
      // an interface may claim a name twice, e.g. as domain and as call name
      if (owner === undefined || before(claimant, owner)) this.#own(key, claimant);
      this.#waitNoMore(key, claimant.interface);
      return { granted: true };
    }
    if (before(claimant, owner)) {
      this.#own(key, claimant);
      this.#waitNoMore(key, claimant.interface);
      this.#wait(key, owner);
      this.#affected.add(owner.interface);
      return { granted: true };
    }
    this.#wait(key, claimant);
    return { granted: false, holder: owner.interface };
  }

  /** Gives back all names that the interface owns or waits for, but those in `keep`. */
  release(name: InterfaceName, keep: ReadonlySet<string> = new Set()): void {
    const named = this.#namesOf(name);
    for (const key of [...named]) {
      if (keep.has(key)) continue;
      named.delete(key);
      this.#waitNoMore(key, name);
      if (this.#ownerOf(key)?.interface !== name) continue;
      this.#own(key, undefined);
      for (const waiter of this.#waitersOf(key)?.keys() ?? []) this.#affected.add(waiter);
    }
  }

  /** The interface that has this very name. */
  ownerOf(name: Prefix): InterfaceName | undefined {
    return this.#ownerOf(lowered(name))?.interface;
  }

  /** Interfaces that lost a name, or may get one, since the last call. */
  takeAffected(): Set<InterfaceName> {
    const affected = this.#affected;
    this.#affected = new Set();
    return affected;
  }

  #ownerOf(key: string): Claimant | undefined {
    return this.#owners.has(key) ? this.#owners.get(key) : this.#book.claimantOf(key);
  }

  #waitersOf(key: string): ReadonlyMap<InterfaceName, Claimant> | undefined {
    return this.#waiting.get(key) ?? this.#book.waitersOf(key);
  }

  #namesOf(name: InterfaceName): Set<string> {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const named = new Set(this.#book.namesOf(name));
    this.#named.set(name, named);
    return named;
  }

  #own(key: string, claimant: Claimant | undefined): void {
    const before = this.#ownerOf(key);
    if (isSame(before, claimant)) return;
    this.#owners.set(key, claimant);
    this.steps.push({ kind: 'own', key, claimant });
  }

  #wait(key: string, claimant: Claimant): void {
    if (isSame(this.#waitersOf(key)?.get(claimant.interface), claimant)) return;
    this.#waitingOf(key).set(claimant.interface, claimant);
    this.steps.push({ kind: 'wait', key, claimant });
  }

  #waitNoMore(key: string, name: InterfaceName): void {
    if (this.#waitersOf(key)?.has(name) !== true) return;
    this.#waitingOf(key).delete(name);
    this.steps.push({ kind: 'wait-no-more', key, interface: name });
  }

  #waitingOf(key: string): Map<InterfaceName, Claimant> {
    const known = this.#waiting.get(key);
    if (known !== undefined) return known;
    const waiting = new Map(this.#book.waitersOf(key));
    this.#waiting.set(key, waiting);
    return waiting;
  }
}

function before(a: Claimant, b: Claimant): boolean {
  if (a.kind !== b.kind) return KINDS.indexOf(a.kind) < KINDS.indexOf(b.kind);
  // replicas that share a ledger may have given one place twice
  return a.ordinal < b.ordinal || (a.ordinal === b.ordinal && a.interface < b.interface);
}

function isSame(a: Claimant | undefined, b: Claimant | undefined): boolean {
  return a?.interface === b?.interface && a?.kind === b?.kind && a?.ordinal === b?.ordinal;
}

/** Names compare without case. */
export function lowered(name: Prefix): string {
  return keyOf(name as string as NameKey);
}

/** Two of 32 bits: with a million names two of them meet once in ten million installations. */
function hashesOf(key: string): { readonly a: number; readonly b: number } {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < key.length; i++) {
    const octet = key.charCodeAt(i);
    a = Math.imul(a ^ octet, 0x01000193);
    b = Math.imul(b ^ octet, 0x85ebca6b);
    b ^= b >>> 15;
  }
  return { a, b };
}
