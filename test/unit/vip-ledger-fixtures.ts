import assert from 'node:assert/strict';
import { type Address, addressText, parseAddress } from '../../src/name/address.ts';
import { type InterfaceName, type ServiceKey, serviceKeyText } from '../../src/name/interface-name.ts';
import { InterfaceNumbers } from '../../src/name/interface-numbers.ts';
import { Ledger } from '../../src/vip/ledger.ts';
import { type Grant, LedgerDraft } from '../../src/vip/ledger-draft.ts';
import type { AddressRow, LedgerRows, LedgerStep, PoolUse, ServiceRow } from '../../src/vip/ledger-rows.ts';
import { type Pool, parsePool } from '../../src/vip/pool.ts';

export const REUSE_AFTER = 1000;

export function pools(...texts: string[]): Pool[] {
  return texts.map((text) => {
    const pool = parsePool(text);
    assert.ok(pool.ok, text);
    return pool.value;
  });
}

export function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

export function key(name: string, version = ''): ServiceKey {
  return { interface: name as InterfaceName, version, group: '' };
}

/** A ledger whose every step is a draft of its own, applied at once. */
export class SteppedLedger {
  readonly #ledger: Ledger;
  #steps: LedgerStep[] = [];

  constructor(pools: readonly Pool[], rows: LedgerRows) {
    this.#ledger = new Ledger(pools, REUSE_AFTER, new InterfaceNumbers());
    this.#ledger.load(rows);
    this.#ledger.loaded();
  }

  takeChanges(): LedgerStep[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }

  see(key: ServiceKey, now: number): number {
    return this.#step((draft) => draft.see(key, now));
  }

  forget(key: ServiceKey, now: number): void {
    this.#step((draft) => draft.forget(key, now));
  }

  retire(key: ServiceKey, now: number): void {
    this.#step((draft) => draft.retire(key, now));
  }

  grant(key: ServiceKey, pin: Address | undefined, now: number): Grant {
    return this.#step((draft) => draft.grant(key, pin, now));
  }

  release(key: ServiceKey): Address[] {
    return this.#step((draft) => draft.release(key));
  }

  expire(now: number): number {
    return this.#step((draft) => draft.expire(now));
  }

  addresses(): Iterable<AddressRow> {
    return this.#ledger.addresses();
  }

  addressesOf(key: ServiceKey): readonly AddressRow[] {
    return this.#ledger.addressesOf(key);
  }

  poolUse(): readonly PoolUse[] {
    return this.#ledger.poolUse();
  }

  #step<T>(decide: (draft: LedgerDraft) => T): T {
    const draft = new LedgerDraft(this.#ledger);
    const result = decide(draft);
    for (const step of draft.steps) this.#ledger.apply(step);
    this.#steps.push(...draft.steps);
    return result;
  }
}

/** A ledger, and beside it what a store would hold: nothing but its changes. */
export class Kept {
  ledger: SteppedLedger;
  pools: readonly Pool[];
  readonly #services = new Map<string, ServiceRow>();
  readonly rows = new Map<Address, AddressRow>();

  constructor(...texts: string[]) {
    this.pools = pools(...texts);
    this.ledger = new SteppedLedger(this.pools, { services: [], addresses: [] });
  }

  /** What the store holds after the changes since the last call. */
  keep(): void {
    for (const change of this.ledger.takeChanges()) {
      if (change.kind === 'put-service') this.#services.set(serviceKeyText(change.row.key), change.row);
      else if (change.kind === 'delete-service') this.#services.delete(serviceKeyText(change.key));
      else if (change.kind === 'put-address') this.rows.set(change.row.address, change.row);
      else this.rows.delete(change.address);
    }
  }

  stored(): LedgerRows {
    // a database gives rows in an order of its own
    const byText = <T>(rows: Iterable<T>) =>
      [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return { services: byText(this.#services.values()), addresses: byText(this.rows.values()) };
  }

  restart(poolsFromNowOn = this.pools): void {
    this.keep();
    this.pools = poolsFromNowOn;
    this.ledger = new SteppedLedger(poolsFromNowOn, this.stored());
  }

  give(name: string, now: number, pin?: string): string {
    const { addresses, failure } = this.ledger.grant(
      key(name),
      pin === undefined ? undefined : address(pin),
      now,
    );
    return addresses.length > 0 ? addresses.map(addressText).join(' ') : `failure: ${failure}`;
  }
}
