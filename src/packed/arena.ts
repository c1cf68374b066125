import { Buffer } from 'node:buffer';
import type { OctetReader } from './octet-reader.ts';

/** Blobs begin at multiples of so many octets: four bits less in each reference. */
const UNIT = 16;
/** Octets in front of a blob: its length. */
const HEAD = 4;
const CHUNK_UNITS = 1 << 16;
/** Blobs of up to so many units have a free list for each size; larger ones are rounded up to few sizes. */
const SMALL_UNITS = 256;

/** Where a blob rests: the chunk in the upper 16 bits, the unit in it in the lower ones. 0 stands for none. */
export type BlobAt = number;

type ChunkMemory = ArrayBuffer | SharedArrayBuffer;

/** Blobs as a thread reads them that does not write them: chunks come by message, in front of what rests in them. */
export class ArenaReader {
  protected readonly chunks: Buffer[] = [];

  /** A chunk that the writer has made. */
  attach(number: number, memory: ChunkMemory): void {
    this.chunks[number] = Buffer.from(memory as ArrayBuffer);
  }

  /** Octets of a blob. */
  lengthOf(at: BlobAt): number {
    return this.chunk(at).readUInt32LE((at & 0xffff) * UNIT);
  }

  /** Sets the reader to the start of a blob. */
  open(at: BlobAt, reader: OctetReader): void {
    reader.octets = this.chunk(at);
    reader.at = (at & 0xffff) * UNIT + HEAD;
  }

  /** The blob's octets, not copied: they hold as long as the blob does. */
  view(at: BlobAt): Buffer {
    const start = (at & 0xffff) * UNIT + HEAD;
    return this.chunk(at).subarray(start, start + this.lengthOf(at));
  }

  protected chunk(at: BlobAt): Buffer {
    const chunk = this.chunks[at >>> 16];
    if (chunk === undefined || at === 0) throw new Error(`no blob at ${at}`);
    return chunk;
  }
}

/**
 * Many small immutable blobs in few large pieces of memory: no object for each, nothing for the collector to walk over.
 * One writer; with `shared` memory other threads read the same octets by an {@link ArenaReader}. Freed room is taken
 * again by blobs of the same size.
 */
export class Arena extends ArenaReader {
  readonly #shared: boolean;
  readonly #onChunk: (number: number, memory: ChunkMemory) => void;
  readonly #free = new Map<number, number[]>();
  #current = -1;
  /** the next unit of the current chunk that was never given */
  #next = CHUNK_UNITS;
  #used = 0;

  /** @param onChunk is told each new chunk before anything rests in it */
  constructor(shared: boolean, onChunk: (number: number, memory: ChunkMemory) => void = () => {}) {
    super();
    this.#shared = shared;
    this.#onChunk = onChunk;
  }

  /** Octets that blobs take now, rounding included. */
  get used(): number {
    return this.#used;
  }

  /** Copies the octets in. */
  put(octets: Uint8Array): BlobAt {
    const units = unitsOf(octets.length);
    const at = this.#free.get(units)?.pop() ?? this.#extend(units);
    const chunk = this.chunk(at);
    const start = (at & 0xffff) * UNIT;
    chunk.writeUInt32LE(octets.length, start);
    chunk.set(octets, start + HEAD);
    this.#used += units * UNIT;
    return at;
  }

  /** Gives the room back. Nobody may read the blob any more. */
  free(at: BlobAt): void {
    const units = unitsOf(this.lengthOf(at));
    const list = this.#free.get(units);
    if (list === undefined) this.#free.set(units, [at]);
    else list.push(at);
    this.#used -= units * UNIT;
  }

  equals(at: BlobAt, octets: Uint8Array): boolean {
    const length = this.lengthOf(at);
    if (length !== octets.length) return false;
    const start = (at & 0xffff) * UNIT + HEAD;
    return this.chunk(at).compare(octets, 0, length, start, start + length) === 0;
  }

  /** Chunks that exist, for a reader that comes later. */
  *memory(): Generator<readonly [number: number, memory: ChunkMemory]> {
    for (const [number, chunk] of this.chunks.entries()) yield [number, chunk.buffer as ChunkMemory];
  }

  #extend(units: number): BlobAt {
    if (units > CHUNK_UNITS - 1) {
      // a blob of its own chunk; the current one goes on
      const number = this.#addChunk(units + 1);
      return number * CHUNK_UNITS + 1;
    }
    if (this.#next + units > CHUNK_UNITS) {
      this.#current = this.#addChunk(CHUNK_UNITS);
      // unit 0 of chunk 0 would be the reference 0
      this.#next = 1;
    }
    const at = this.#current * CHUNK_UNITS + this.#next;
    this.#next += units;
    return at;
  }

  #addChunk(units: number): number {
    const number = this.chunks.length;
    const memory = this.#shared ? new SharedArrayBuffer(units * UNIT) : new ArrayBuffer(units * UNIT);
    this.attach(number, memory);
    this.#onChunk(number, memory);
    return number;
  }
}

function unitsOf(length: number): number {
  const units = Math.ceil((length + HEAD) / UNIT);
  if (units <= SMALL_UNITS) return units;
  // eight sizes between two powers of two: at most an eighth is lost
  const step = 2 ** Math.max(0, 31 - Math.clz32(units) - 3);
  return Math.ceil(units / step) * step;
}
