/** The stored serial is ahead of the one in use by at most this: one write serves so many changes. */
export const SERIAL_RESERVE = 100_000;

/**
 * Serials of all zones that take names from registries: one for each change of content, never falling, restarts included.
 * What is given lies below a number that was made durable long before, so none has to wait for the store.
 */
export class Serials {
  #current: number;
  #reserved: number;
  #reserving = false;
  readonly #reserve: (upTo: number) => Promise<void>;

  /**
   * @param start the first one given is above it
   * @param reserve makes a number durable, below which a restart will not begin
   */
  constructor(start: number, reserve: (upTo: number) => Promise<void>) {
    this.#current = start;
    this.#reserved = start;
    this.#reserve = reserve;
  }

  get current(): number {
    return this.#current;
  }

  /** A zone file brought a higher serial of its own. */
  raise(minimum: number): void {
    this.#current = Math.max(this.#current, minimum);
  }

  next(): number {
    this.#current++;
    if (this.#current + SERIAL_RESERVE / 2 > this.#reserved) void this.reserve();
    return this.#current >>> 0;
  }

  /** Resolves when serials are reserved, or the store has refused. */
  async reserve(): Promise<void> {
    if (this.#reserving) return;
    this.#reserving = true;
    const upTo = this.#current + SERIAL_RESERVE;
    try {
      await this.#reserve(upTo);
      this.#reserved = upTo;
    } catch {
      // a store that fails is reported where it hurts; the serial goes by the clock after a restart
    }
    this.#reserving = false;
  }
}
