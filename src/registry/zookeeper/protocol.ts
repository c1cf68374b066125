/**
 * The requests that are made a hundred thousand times, in ZooKeeper's own octets. The library would do it with a
 * record of ten objects for each: three times the work, and small buffers by the million that nobody gives back.
 */

/** Lists the names of the children, and tells of the node. */
export const GET_CHILDREN = 12;
export const EXISTS = 3;
/** A node's data, and what is to be known of the node. */
export const GET_DATA = 4;

/** Length, xid, operation, length of the path. */
const REQUEST_HEAD_OCTETS = 16;
/** Length, xid, zxid, error. */
const REPLY_HEAD_OCTETS = 20;
/** What a reply tells of the node itself; `pzxid` is the last of it. */
const STAT_OCTETS = 68;

/**
 * One request with its length.
 *
 * @param watch whether the next change is to be told
 */
export function encodeRequest(xid: number, operation: number, path: string, watch: boolean): Buffer {
  const pathOctets = Buffer.byteLength(path);
  const octets = Buffer.allocUnsafe(REQUEST_HEAD_OCTETS + pathOctets + 1);
  octets.writeInt32BE(octets.length - 4, 0);
  octets.writeInt32BE(xid, 4);
  octets.writeInt32BE(operation, 8);
  octets.writeInt32BE(pathOctets, 12);
  octets.write(path, REQUEST_HEAD_OCTETS);
  octets[octets.length - 1] = watch ? 1 : 0;
  return octets;
}

/** Whose reply a frame is; negative: nobody's, it is an event, a pong or about authentication. */
export function xidOf(frame: Buffer): number {
  return frame.readInt32BE(4);
}

/** 0, or one of the library's codes. */
export function errorOf(frame: Buffer): number {
  return frame.readInt32BE(16);
}

/**
 * The transaction that last changed a listed node's children (`pzxid`): within one session two lists with the same are
 * the same. Exact for 2,000,000 elections of a leader; 0 is none.
 */
export function childrenVersion(frame: Buffer): number {
  const at = frame.length - 8;
  return frame.readInt32BE(at) * 2 ** 32 + frame.readUInt32BE(at + 4);
}

/** A node's data: a copy. Throws when the frame is none. */
export function nodeData(frame: Buffer): Buffer {
  const length = Math.max(0, frame.readInt32BE(REPLY_HEAD_OCTETS));
  const from = REPLY_HEAD_OCTETS + 4;
  if (from + length + STAT_OCTETS !== frame.length) throw new Error('data that is not as long as it says');
  return Buffer.from(frame.subarray(from, from + length));
}

/**
 * The transaction that wrote a node's data last (`mzxid`): another one whenever it was written, or deleted and made anew.
 * Exact as {@link childrenVersion} is; 0 is none.
 */
export function dataVersion(frame: Buffer): number {
  const at = frame.length - STAT_OCTETS + 8;
  return frame.readInt32BE(at) * 2 ** 32 + frame.readUInt32BE(at + 4);
}

/** More children of one node are none: a million interfaces is what is looked forward to. */
const MAX_NAMES = 5_000_000;

/** Whether the name that octets have from `from` to `to` is to be left out of a list. */
export type NameFilter = (octets: Uint8Array, from: number, to: number) => boolean;

/** The names in the reply to a list. Throws when it is none. */
export function childrenNames(frame: Buffer, leaveOut?: NameFilter): string[] {
  const end = frame.length - STAT_OCTETS;
  const count = frame.readInt32BE(REPLY_HEAD_OCTETS);
  const names: string[] = [];
  let at = REPLY_HEAD_OCTETS + 4;
  for (let i = 0; i < count; i++) {
    const from = at + 4;
    at = from + frame.readInt32BE(at);
    if (at < from || at > end) throw new Error('a list that is cut');
    if (leaveOut === undefined || !leaveOut(frame, from, at)) names.push(frame.toString('utf8', from, at));
    if (names.length > MAX_NAMES) throw new Error(`a list of over ${MAX_NAMES} names`);
  }
  if (at !== end) throw new Error('a list that is longer than it says');
  return names;
}
