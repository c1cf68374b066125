import type { Prefix } from '../name/domain-name.ts';
import { type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import type { About } from '../plan/about.ts';
import type { Refusal } from '../plan/claims.ts';
import { lowered } from '../plan/name-book.ts';
import { mayBeOutranked } from '../plan/outranked.ts';
import type { Outcome, Plan } from '../plan/plan.ts';
import type { ForeignChange } from '../store/store.ts';
import type { LineEvents } from './line-events.ts';

/** What was decided of interfaces, beside what ledger, placements and names hold; and who is told of it. */
export class Decisions {
  /** interfaces whose stored rows no plan has looked at yet */
  readonly unconfirmed = new Set<InterfaceName>();
  /** interfaces that another replica has recorded as answered */
  readonly heldElsewhere = new Set<InterfaceName>();
  /** services whose first decision is put off, since when */
  readonly waiting = new Map<string, number>();
  /** names that interfaces claimed in plans which are not committed yet */
  readonly claimed = new Map<InterfaceName, readonly string[]>();
  /** what Kubernetes objects may not name */
  readonly refusals = new Map<InterfaceName, readonly Refusal[]>();
  /** interfaces without an address */
  readonly starved = new Set<InterfaceName>();
  /** interfaces with a call name that may belong to something else */
  readonly mayBeOutranked = new Set<InterfaceName>();
  /** interfaces whose pin was refused */
  readonly unpinned = new Set<InterfaceName>();
  readonly #events: LineEvents;
  #refusalCount = 0;
  #moved = 0;

  constructor(events: LineEvents) {
    this.#events = events;
  }

  get refusalCount(): number {
    return this.#refusalCount;
  }

  /** Registrations whose VIP moved from the pool to a ClusterIP. */
  get moved(): number {
    return this.#moved;
  }

  /** Another process that shares the store wrote these rows. */
  adopt({ addresses, services }: ForeignChange): void {
    for (const { owner, retiredAt } of addresses) {
      if (retiredAt === null) this.heldElsewhere.add(owner.interface);
      else this.heldElsewhere.delete(owner.interface);
    }
    for (const { key, retiredAt } of services) {
      if (retiredAt === null) this.heldElsewhere.add(key.interface);
    }
  }

  /** The names of a plan that is not committed yet. */
  claim({ interfaces }: Plan): void {
    for (const [name, { outcome }] of interfaces) {
      if (outcome.kind === 'published') this.claimed.set(name, claimedBy(outcome));
      else if (outcome.kind === 'gone') this.claimed.set(name, []);
    }
  }

  wait({ waiting }: Plan): void {
    for (const [service, since] of waiting) {
      if (since === undefined) this.waiting.delete(service);
      else this.waiting.set(service, since);
    }
  }

  noteRefusals(name: InterfaceName, refusals: readonly Refusal[]): void {
    const before = this.refusals.get(name) ?? [];
    this.#refusalCount += refusals.length - before.length;
    if (refusals.length === 0) this.refusals.delete(name);
    else this.refusals.set(name, refusals);
    for (const refusal of refusals) {
      if (!before.some(({ text }) => text === refusal.text)) this.#events.onRefused(name, refusal);
    }
  }

  /**
   * What a plan came to that is committed now.
   *
   * @param about undefined: the interface is not answered
   * @param beforeOf what was published of it until now; asked for only where it matters
   */
  note(
    name: InterfaceName,
    about: About<unknown> | undefined,
    beforeOf: () => About<unknown> | undefined,
  ): void {
    this.unconfirmed.delete(name);
    const vips = about?.services.map(({ vip }) => vip) ?? [];
    if (vips.some(({ failure }) => failure !== undefined)) this.starved.add(name);
    else this.starved.delete(name);
    if (vips.some(({ refusedPin }) => refusedPin !== undefined)) this.unpinned.add(name);
    else this.unpinned.delete(name);
    if (about === undefined) return;
    if (about.conflicts.length > 0 || vips.some(({ behind }) => behind !== undefined)) {
      this.#tell(name, about, beforeOf());
    }
  }

  noteCallNames(name: InterfaceName, callNames: readonly Prefix[]): void {
    if (callNames.some(mayBeOutranked)) this.mayBeOutranked.add(name);
    else this.mayBeOutranked.delete(name);
  }

  /** Nothing is known of the interface any more. */
  forget(name: InterfaceName): void {
    this.heldElsewhere.delete(name);
  }

  #tell(name: InterfaceName, about: About<unknown>, before: About<unknown> | undefined): void {
    for (const text of about.conflicts) {
      if (before?.conflicts.includes(text) !== true) this.#events.onLoss(name, text);
    }
    for (const { key, vip } of about.services) {
      if (vip.behind === undefined) continue;
      const text = serviceKeyText(key);
      const old = before?.services.find((one) => serviceKeyText(one.key) === text)?.vip;
      const isNews = vip.losers.length > 0 && vip.losers.join() !== old?.losers.join();
      if (isNews) this.#events.onContested(text, vip);
      // from the pool to a ClusterIP: once, and never silently (contract 1.3)
      if (old?.from !== 'pool' || old.addresses.length === 0) continue;
      this.#moved++;
      this.#events.onMoved(name, text, old, vip);
    }
  }
}

/** Names that it has, and those that it wanted and others have. */
function claimedBy({ record, about }: Extract<Outcome, { kind: 'published' }>): string[] {
  return [record.domain, ...record.callNames, ...about.lost].map(lowered);
}
