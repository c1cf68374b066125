/** gRPC's own framing over an HTTP/2 stream: each message has a flag and a length of 4 octets in front of it. */
import { GatheredOctets } from '../base/gathered-octets.ts';
import { bad, ok, type Result } from '../base/result.ts';

const PREFIX_OCTETS = 5;
const UNCOMPRESSED = 0;

/** A message as it goes over the wire, never compressed. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_OCTETS + message.length);
  frame.writeUInt8(UNCOMPRESSED, 0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_OCTETS);
  return frame;
}

/** Puts messages together again, wherever the stream cuts them. Holds one message at most, and what came with it. */
export class MessageReader {
  readonly #maxOctets: number;
  readonly #tooLong: ((octets: number) => void) | undefined;
  readonly #begun = new GatheredOctets();
  /** of prefix and message together; undefined: the prefix is not whole yet */
  #wanted: number | undefined;
  /** octets still to come of a message that is passed over */
  #passing = 0;
  #isTooLong = false;

  /**
   * @param maxOctets a longer message is none
   * @param tooLong is told of a longer one, which is passed over; without it such a message ends the reading
   */
  constructor(maxOctets: number, tooLong?: (octets: number) => void) {
    this.#maxOctets = maxOctets;
    this.#tooLong = tooLong;
  }

  /** Whether a message was longer than is taken. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** Octets of a message that is not whole. */
  get held(): number {
    return this.#begun.length;
  }

  /** Whether a message has begun and is not whole. */
  get isAmidst(): boolean {
    return this.#begun.length > 0 || this.#passing > 0;
  }

  /** @returns the messages that are whole now; or why this is no gRPC, and then nothing more is to be read of it */
  push(whole: Buffer): Result<readonly Uint8Array[]> {
    const piece = whole.subarray(Math.min(whole.length, this.#passing));
    this.#passing -= whole.length - piece.length;
    if (piece.length === 0) return ok([]);
    const isWhole = this.#begun.length + piece.length >= (this.#wanted ?? PREFIX_OCTETS);
    let rest = piece;
    if (this.#begun.length > 0 || !isWhole) {
      this.#begun.add(piece);
      if (!isWhole) return ok([]);
      rest = this.#begun.take();
    }
    const messages: Uint8Array[] = [];
    this.#wanted = undefined;
    while (rest.length >= PREFIX_OCTETS) {
      const flag = rest.readUInt8(0);
      const length = rest.readUInt32BE(1);
      if (flag === 1) return bad('a compressed message, which was not asked for');
      if (flag !== UNCOMPRESSED) return bad('what comes is no gRPC message');
      if (length > this.#maxOctets) {
        this.#isTooLong = true;
        const tooLong = this.#tooLong;
        if (tooLong === undefined) return bad(`a message of ${length} octets: ${this.#maxOctets} are taken`);
        tooLong(length);
        const came = Math.min(length, rest.length - PREFIX_OCTETS);
        this.#passing = length - came;
        rest = rest.subarray(PREFIX_OCTETS + came);
        continue;
      }
      this.#wanted = PREFIX_OCTETS + length;
      if (rest.length < this.#wanted) break;
      messages.push(rest.subarray(PREFIX_OCTETS, this.#wanted));
      rest = rest.subarray(this.#wanted);
      this.#wanted = undefined;
    }
    if (rest.length > 0) this.#begun.add(rest);
    return ok(messages);
  }
}
