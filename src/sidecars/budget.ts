/**
 * Something of which there is only so much for all sidecars together. Each may have a little of it whatever the others took, so
 * that one that takes without end harms none that asks for a little.
 */
export class Budget {
  readonly #most: number;
  readonly #share: number;
  #taken = 0;

  /**
   * @param most for all together
   * @param share that each may have in any case
   */
  constructor(most: number, share: number) {
    this.#most = most;
    this.#share = share;
  }

  /** Takes one. @param own how many who asks has already @returns whether there was one left */
  take(own: number): boolean {
    if (own >= this.#share && this.#taken >= this.#most) return false;
    this.#taken++;
    return true;
  }

  giveBack(count: number): void {
    this.#taken -= count;
  }
}
