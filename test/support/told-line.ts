import assert from 'node:assert/strict';
import { addressText } from '../../src/name/address.ts';
import { ROOT } from '../../src/name/domain-name.ts';
import { ChangeApplier } from '../../src/serve/apply-change.ts';
import { ReadyReplies } from '../../src/serve/ready-replies.ts';
import type { Change } from '../../src/zone/change.ts';
import { ZoneData } from '../../src/zone/zone-data.ts';

const NAMES = { style: 'cname', ttl: 5, maxRecords: 100, rotates: false, ptrZone: ROOT } as const;

/** A query line that is told every change and looks at all that it could answer after each: what was ever seen? */
export class ToldLine {
  readonly data = new ZoneData(NAMES, 0x5eed);
  /** addresses by interface, after each change that queries see */
  readonly seen: ReadonlyMap<string, string>[] = [];
  readonly serials: number[] = [];
  readonly readiness: boolean[] = [];
  /** what was wrong; to throw it would only be a query line that could not apply something, which is told again */
  readonly violations: unknown[] = [];
  readonly #applier = new ChangeApplier(this.data, new ReadyReplies());
  readonly #look: (change: Change) => void;

  /** @param look is called after each change that queries see; what it throws is a violation */
  constructor(look: (change: Change) => void = () => {}) {
    this.#look = look;
  }

  /** To be handed to `HouseOptions.alsoTell`. */
  readonly tell = (change: Change): void => {
    try {
      this.#tell(change);
    } catch (error) {
      this.violations.push(error);
    }
  };

  /** Nothing that was ever told was wrong. */
  check(): void {
    if (this.violations.length > 0) throw this.violations[0];
  }

  #tell(change: Change): void {
    this.#applier.apply(change);
    if (change.kind === 'ready') this.readiness.push(change.ready);
    const isSeen = change.kind === 'switch' || (change.kind === 'interfaces' && change.where !== 'beside');
    if (!isSeen) return;
    const before = this.serials.at(-1) ?? 0;
    assert.ok(change.serial >= before, `serial ${change.serial} after ${before}`);
    this.serials.push(change.serial);
    this.seen.push(this.addresses());
    this.#look(change);
  }

  /** What is in the answers now: addresses by interface. */
  addresses(): Map<string, string> {
    const found = new Map<string, string>();
    for (const record of this.data.names.walk()) {
      // every part is read: one that was freed too early does not come out as it went in
      assert.match(record.interface, /^[\w.$-]+$/);
      assert.ok(record.domain.length > 1 && record.forms.length > 0);
      for (const form of record.forms) assert.ok(form.text !== '' && form.endpoints.length >= 0);
      assert.ok(!found.has(record.interface), `${record.interface} is there twice`);
      found.set(record.interface, record.addresses.map(addressText).join(' '));
    }
    return found;
  }
}
