/** Whose each VIP was seen to be, and for how long it must stay so (contract 1.3). */
import { forgetAfterOf, type InterfaceModel, isOnly, type Model } from './model.ts';
import { CHANGE_MS } from './timeline.ts';
import { isOfPool, REUSE_AFTER_MS } from './universe.ts';
import { Violation } from './violation.ts';

interface Seen {
  readonly vip: string;
  readonly interface: string;
  /** it was still answered then */
  asked: number;
}

/** The owner retires its address a moment before the answer changes. */
const TOLERANCE_MS = 1_000;

export class Addresses {
  readonly #model: Model;
  /** the pool's, by interface, and by address */
  readonly #vips = new Map<string, Seen>();
  readonly #owners = new Map<string, Seen>();

  constructor(model: Model) {
    this.#model = model;
  }

  get known(): readonly string[] {
    return [...this.#owners.keys()];
  }

  vipOf(name: string): string | undefined {
    return this.#vips.get(name)?.vip;
  }

  /** When the interface was last seen answered with an address of the pool; 0: never. */
  askedOf(name: string): number {
    return this.#vips.get(name)?.asked ?? 0;
  }

  ownerOf(vip: string): string | undefined {
    return this.#owners.get(vip)?.interface;
  }

  /** An interface was answered with an address. */
  saw(one: InterfaceModel, vip: string, asked: number, replied: number): void {
    const { name } = one.spec;
    const pins = this.#model.pins(one, asked, replied);
    if (pins.has(vip)) return;
    const isPinned = !pins.has('');
    // of those that it was given in that time, each may be the one that was decided on
    if (isPinned && ![...pins].some((pin) => this.#mayBeRefused(name, pin, asked, replied)))
      throw new Violation('a pinned interface has its pin', [...pins].join(' or '), `${name}: ${vip}`);
    if (!isOfPool(vip)) throw new Violation('an address is of a pool', 'one of 247.1', `${name}: ${vip}`);
    this.#checkStays(one, vip, replied);
    this.#checkAlone(name, vip, replied);
    const seen: Seen = { vip, interface: name, asked };
    this.#vips.set(name, seen);
    this.#owners.set(vip, seen);
  }

  /** Whether the VIP that was seen last must still be the answer. */
  mustHave(one: InterfaceModel, asked: number, replied: number): string | undefined {
    const seen = this.#vips.get(one.spec.name);
    if (seen === undefined || replied - seen.asked > REUSE_AFTER_MS) return undefined;
    if (!isOnly(this.#model.pins(one, seen.asked, replied), '')) return undefined;
    // it may have rested, and not be recordable now
    if (this.#model.timeline.storeFaultIn(seen.asked, replied) !== undefined) return undefined;
    return this.#model.expectation(one, 'plain', asked, replied).must ? seen.vip : undefined;
  }

  /** What the store holds of addresses, read without a server: all that was answered is there. */
  checkStored(rows: ReadonlyMap<string, string>, now: number): number {
    let checked = 0;
    for (const { vip, interface: name, asked } of this.#owners.values()) {
      if (now - asked > REUSE_AFTER_MS - TOLERANCE_MS) continue;
      checked++;
      if (rows.get(vip) !== name)
        throw new Violation('what was answered is in the store', `${vip} of ${name}`, String(rows.get(vip)));
    }
    return checked;
  }

  #checkStays(one: InterfaceModel, vip: string, replied: number): void {
    const { name, registry } = one.spec;
    const before = this.#vips.get(name);
    if (before === undefined || before.vip === vip) return;
    const hasRested = before.asked < one.restedAt;
    const since = hasRested ? before.asked : Math.max(before.asked, one.ownSureAt + forgetAfterOf(registry));
    if (replied - since >= REUSE_AFTER_MS - TOLERANCE_MS) return;
    throw new Violation(
      'a VIP stays while its interface is registered, remembered or rests',
      `${name} keeps ${before.vip}, answered ${replied - before.asked} ms ago, surely registered ${replied - one.ownSureAt} ms ago`,
      vip,
    );
  }

  #checkAlone(name: string, vip: string, replied: number): void {
    const owner = this.#owners.get(vip);
    if (owner === undefined || owner.interface === name) return;
    const restedMs = replied - owner.asked;
    if (restedMs >= REUSE_AFTER_MS - TOLERANCE_MS) return;
    throw new Violation(
      'no VIP belongs to two interfaces within reuseAfter',
      `${vip} rests for ${owner.interface}, which was answered with it ${restedMs} ms ago`,
      `it is answered for ${name}`,
    );
  }

  /** A pin that another interface had a moment ago, or has, is not granted. */
  #mayBeRefused(name: string, pin: string, asked: number, replied: number): boolean {
    for (const other of this.#model.interfaces.values()) {
      if (other.spec.name === name) continue;
      // what a restarted server believed then, from what it had stored, rests from then on
      const resting = asked - REUSE_AFTER_MS - CHANGE_MS;
      const held = other.pin.between(
        this.#model.timeline.oldestView('file', other.spec.name, resting),
        replied,
      );
      if (held.has(pin)) return true;
    }
    return false;
  }
}
