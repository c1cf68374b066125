/** So many responses may wait for their answer: who answers none costs no more. */
const MAX_WAITING = 16;

/** When responses were sent, for how long a sidecar takes to acknowledge or refuse them. */
export class AnswerTimes {
  readonly #sentAt = new Map<string, number>();
  readonly #answered: (seconds: number) => void;

  constructor(answered: (seconds: number) => void) {
    this.#answered = answered;
  }

  sent(nonce: string): void {
    this.#sentAt.set(nonce, performance.now());
    if (this.#sentAt.size <= MAX_WAITING) return;
    const [oldest] = this.#sentAt.keys();
    if (oldest !== undefined) this.#sentAt.delete(oldest);
  }

  /** @param nonce '' and one that is none of ours are none */
  answered(nonce: string): void {
    const at = this.#sentAt.get(nonce);
    if (at === undefined) return;
    this.#sentAt.delete(nonce);
    this.#answered((performance.now() - at) / 1000);
  }
}
