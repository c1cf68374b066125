interface Change<Value> {
  readonly value: Value;
  /** not before it */
  readonly from: number;
  /** not after it; Infinity while it is under way */
  until: number;
}

/** How long values are kept that are past. */
const KEPT_MS = 20 * 60_000;

/** A value over time, whose changes take time: what it may have been at each moment. */
export class History<Value> {
  #changes: Change<Value>[];

  constructor(first: Value) {
    this.#changes = [{ value: first, from: 0, until: 0 }];
  }

  get last(): Value {
    return this.#newest.value;
  }

  /** When the last change was complete. */
  get changedAt(): number {
    return this.#newest.until;
  }

  get #newest(): Change<Value> {
    const newest = this.#changes.at(-1);
    if (newest === undefined) throw new Error('a history is never empty');
    return newest;
  }

  /** A change begins: from now on both may hold. */
  begin(value: Value, now: number): void {
    if (this.#newest.value === value) return;
    this.#changes.push({ value, from: now, until: Number.POSITIVE_INFINITY });
    while (this.#changes.length > 2 && (this.#changes[1]?.until ?? now) < now - KEPT_MS)
      this.#changes.shift();
  }

  /** What began is complete. */
  finish(now: number): void {
    for (const change of this.#changes)
      if (change.until === Number.POSITIVE_INFINITY) Object.assign(change, { until: now });
  }

  /** All that it may have been at some moment between. */
  between(start: number, end: number): Set<Value> {
    const values = new Set<Value>();
    for (const [i, { value, from }] of this.#changes.entries()) {
      const left = this.#changes[i + 1]?.until ?? Number.POSITIVE_INFINITY;
      if (from <= end && left >= start) values.add(value);
    }
    return values;
  }
}
