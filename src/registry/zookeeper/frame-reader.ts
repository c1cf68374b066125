/** ZooKeeper's frames, cut out of a stream of octets. */

/** No reply is larger: a million interfaces are a list of 60 MB. `HTTP` read as a length is beyond it. */
const MAX_FRAME_OCTETS = 128 * 1024 * 1024;
const PREFIX_OCTETS = 4;

/**
 * Cuts a stream into frames: four octets of length, and so many octets. Copies each octet at most once, where the
 * library joins what it has again for each piece of a long reply.
 */
export class FrameReader {
  #pieces: Buffer[] = [];
  #octets = 0;
  /** how many are needed before there is anything to do */
  #wanted = PREFIX_OCTETS;

  /** @returns the frames that are whole now, each with its prefix; undefined: this is no stream of frames */
  push(piece: Buffer): Buffer[] | undefined {
    this.#pieces.push(piece);
    this.#octets += piece.length;
    if (this.#octets < this.#wanted) return [];
    const frames: Buffer[] = [];
    let rest = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#octets);
    this.#wanted = PREFIX_OCTETS;
    while (rest.length >= PREFIX_OCTETS) {
      const size = rest.readInt32BE(0);
      if (size < 0 || size > MAX_FRAME_OCTETS) return undefined;
      this.#wanted = PREFIX_OCTETS + size;
      if (rest.length < this.#wanted) break;
      frames.push(rest.subarray(0, this.#wanted));
      rest = rest.subarray(this.#wanted);
      this.#wanted = PREFIX_OCTETS;
    }
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#octets = rest.length;
    return frames;
  }
}
