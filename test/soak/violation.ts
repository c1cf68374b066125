/** Something that must not be. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: string;
  readonly expected: string;
  readonly found: string;
  readonly at = new Date().toISOString();

  constructor(invariant: string, expected: string, found: string) {
    super(`${invariant}: expected ${expected}; found ${found}`);
    this.invariant = invariant;
    this.expected = expected;
    this.found = found;
  }
}
