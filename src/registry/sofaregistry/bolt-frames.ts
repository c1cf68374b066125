/** SOFABolt's frames, version 1: cut out of a stream, and written. */

/** What a message is there for. */
export const HEARTBEAT = 0;
export const REQUEST = 1;
export const RESPONSE = 2;

/** No push is larger: 100,000 endpoints of one interface. */
const MAX_CONTENT_OCTETS = 32 * 2 ** 20;
const PROTOCOL = 1;
const COMMAND_VERSION = 1;
const HESSIAN = 1;
const REQUEST_HEAD = 22;
const RESPONSE_HEAD = 20;
const SUCCESS = 0;
/** The server need not answer it. */
const ONE_WAY = 2;
const NO_OCTETS: Buffer = Buffer.alloc(0);

export interface BoltFrame {
  readonly isRequest: boolean;
  /** wants no reply */
  readonly isOneWay: boolean;
  readonly command: number;
  readonly id: number;
  /** Of a response; 0 is success. */
  readonly status: number;
  /** the Java class of the content; in Latin-1, as nothing else is expected */
  readonly className: string;
  readonly content: Buffer;
}

/** Cuts a stream into frames. What a frame says of its length is believed only as octets come. */
export class BoltFrameReader {
  /** of a frame that is not whole yet */
  #held: Buffer = NO_OCTETS;
  #filled = 0;
  /** octets after which another look is worth while */
  #needed = 1;

  /** @returns the frames that are whole now, each of octets of its own; a text: this is no stream of frames, and why */
  push(piece: Buffer): BoltFrame[] | string {
    const frames: BoltFrame[] = [];
    let all = piece;
    if (this.#filled > 0) {
      this.#hold(piece);
      if (this.#filled < this.#needed) return frames;
      all = this.#held.subarray(0, this.#filled);
    }
    let at = 0;
    for (;;) {
      const size = sizeOfFrame(all, at);
      if (typeof size === 'string') return size;
      this.#needed = size;
      if (all.length - at < size) break;
      frames.push(readFrame(Buffer.from(all.subarray(at, at + size))));
      at += size;
    }
    const rest = all.subarray(at);
    this.#held = NO_OCTETS;
    this.#filled = 0;
    if (rest.length > 0) this.#hold(rest);
    return frames;
  }

  /** Room grows with what came: neither with what was announced, nor with the number of pieces. */
  #hold(piece: Buffer): void {
    const filled = this.#filled + piece.length;
    if (filled > this.#held.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(filled, 2 * this.#held.length));
      this.#held.copy(room, 0, 0, this.#filled);
      this.#held = room;
    }
    piece.copy(this.#held, this.#filled);
    this.#filled = filled;
  }
}

/** Octets that a frame has, or of its head while that is not whole; a text: it is none. */
function sizeOfFrame(octets: Buffer, at: number): number | string {
  const left = octets.length - at;
  if (left < 1) return 1;
  if (octets[at] !== PROTOCOL) return 'what answers there is no SOFABolt';
  if (left < 2) return 2;
  const type = octets[at + 1] as number;
  if (type > ONE_WAY) return `a frame of type ${type}`;
  const head = type === 0 ? RESPONSE_HEAD : REQUEST_HEAD;
  if (left < head) return head;
  if (octets[at + 9] !== HESSIAN) return `a frame of codec ${octets[at + 9]}: expected Hessian`;
  const content = octets.readUInt32BE(at + head - 4);
  if (content > MAX_CONTENT_OCTETS) return `a frame of over ${MAX_CONTENT_OCTETS} octets`;
  return head + octets.readUInt16BE(at + head - 8) + octets.readUInt16BE(at + head - 6) + content;
}

function readFrame(octets: Buffer): BoltFrame {
  const type = octets[1] as number;
  const head = type === 0 ? RESPONSE_HEAD : REQUEST_HEAD;
  const classEnd = head + octets.readUInt16BE(head - 8);
  return {
    isRequest: type !== 0,
    isOneWay: type === ONE_WAY,
    command: octets.readUInt16BE(2),
    id: octets.readUInt32BE(5),
    status: type === 0 ? octets.readUInt16BE(10) : SUCCESS,
    className: octets.toString('latin1', head, classEnd),
    content: octets.subarray(classEnd + octets.readUInt16BE(head - 6)),
  };
}

/** @param timeoutMs how long the sender waits for a reply */
export function requestFrame(
  id: number,
  timeoutMs: number,
  command = HEARTBEAT,
  className = '',
  content: Buffer = NO_OCTETS,
): Buffer {
  const head = Buffer.alloc(REQUEST_HEAD);
  writeStart(head, 1, command, id);
  head.writeInt32BE(timeoutMs, 10);
  return withLengths(head, className, content);
}

/** The reply to a request. */
export function responseFrame(
  id: number,
  command = HEARTBEAT,
  className = '',
  content: Buffer = NO_OCTETS,
  status = SUCCESS,
): Buffer {
  const head = Buffer.alloc(RESPONSE_HEAD);
  writeStart(head, 0, command, id);
  head.writeUInt16BE(status, 10);
  return withLengths(head, className, content);
}

function writeStart(head: Buffer, type: number, command: number, id: number): void {
  head[0] = PROTOCOL;
  head[1] = type;
  head.writeUInt16BE(command, 2);
  head[4] = COMMAND_VERSION;
  head.writeUInt32BE(id, 5);
  head[9] = HESSIAN;
}

function withLengths(head: Buffer, className: string, content: Buffer): Buffer {
  head.writeUInt16BE(className.length, head.length - 8);
  head.writeUInt32BE(content.length, head.length - 4);
  return Buffer.concat([head, Buffer.from(className, 'latin1'), content]);
}
