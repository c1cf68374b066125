/** ZooKeeper's frames, cut out of a stream of octets. */

/** No reply is larger: a million interfaces are a list of 60 MB. `HTTP` read as a length is beyond it. */
const MAX_FRAME_OCTETS = 128 * 1024 * 1024;
const PREFIX_OCTETS = 4;

/**
 * Cuts a stream into frames: four octets of length, and so many octets. A frame that comes whole is not copied; one that
 * comes in pieces is put together where it is to be, each octet copied once.
 */
export class FrameReader {
  /** of a frame that has begun: its prefix until that is whole, then all of it */
  #begun: Buffer | undefined;
  #filled = 0;

  /**
   * @param piece may be used again for the next one
   * @returns the frames that are whole now, each with its prefix, good until the next call; undefined: this is no stream
   *   of frames
   */
  push(piece: Buffer): Buffer[] | undefined {
    const frames: Buffer[] = [];
    let at = 0;
    while (at < piece.length) {
      if (this.#begun !== undefined) {
        at += this.#fill(piece, at);
        if (this.#filled < this.#begun.length) break;
        const octets = frameOctets(this.#begun, 0);
        if (octets === undefined) return undefined;
        if (octets > this.#filled) this.#begin(octets, this.#begun);
        else {
          frames.push(this.#begun);
          this.#begun = undefined;
        }
        continue;
      }
      const left = piece.length - at;
      const octets = left < PREFIX_OCTETS ? PREFIX_OCTETS : frameOctets(piece, at);
      if (octets === undefined) return undefined;
      if (octets > left) this.#begin(octets, piece.subarray(at));
      else frames.push(piece.subarray(at, at + octets));
      at += Math.min(octets, left);
    }
    return frames;
  }

  #begin(octets: number, start: Buffer): void {
    this.#begun = Buffer.allocUnsafe(octets);
    this.#filled = start.copy(this.#begun);
  }

  /** @returns how many octets of the piece it took */
  #fill(piece: Buffer, at: number): number {
    if (this.#begun === undefined) return 0;
    const taken = piece.copy(this.#begun, this.#filled, at);
    this.#filled += taken;
    return taken;
  }
}

/** With the prefix; undefined: no frame has such a length. */
function frameOctets(octets: Buffer, at: number): number | undefined {
  const size = octets.readInt32BE(at);
  return size < 0 || size > MAX_FRAME_OCTETS ? undefined : PREFIX_OCTETS + size;
}
