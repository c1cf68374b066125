const NO_OCTETS: Buffer = Buffer.alloc(0);

/**
 * Octets that come in pieces, put together. A sender may cut them into single ones, of which each would be an object that is
 * a hundred times its size: room grows with what came, not with the number of pieces.
 */
export class GatheredOctets {
  #room = NO_OCTETS;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#room.length));
      this.#room.copy(room, 0, 0, this.#length);
      this.#room = room;
    }
    this.#room.set(piece, this.#length);
    this.#length = length;
  }

  /** @returns all that came since the last time; nobody else holds it */
  take(): Buffer {
    const all = this.#room.subarray(0, this.#length);
    this.#room = NO_OCTETS;
    this.#length = 0;
    return all;
  }
}
