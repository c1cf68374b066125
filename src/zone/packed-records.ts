import type { DomainName, NameKey } from '../name/domain-name.ts';
import { LOWER } from '../name/lower.ts';
import { octets } from '../name/octets.ts';
import { OctetReader } from '../packed/octet-reader.ts';
import { OctetWriter } from '../packed/octet-writer.ts';
import { SLICE } from './change.ts';
import type { LocatedRecord } from './master-file.ts';
import type { ResourceRecord } from './record.ts';

const writer = new OctetWriter();

/**
 * The records of a zone on the thread that does not answer with them: kept for what comes later, a lookup or another query
 * thread. They rest as octets, in the pieces in which they cross to query threads, and are made anew by whoever looks at them.
 */
export class PackedRecords implements Iterable<ResourceRecord> {
  readonly length: number;
  /** see {@link unpackRecords}; a piece holds as many as one change may have */
  readonly slices: readonly Uint8Array[];

  constructor(records: readonly ResourceRecord[]) {
    const slices: Uint8Array[] = [];
    for (let at = 0; at < records.length; at += SLICE) slices.push(packSlice(records.slice(at, at + SLICE)));
    this.slices = slices;
    this.length = records.length;
  }

  *[Symbol.iterator](): Generator<ResourceRecord> {
    for (const slice of this.slices) yield* unpackRecords(slice);
  }

  find(isIt: (record: ResourceRecord) => boolean): ResourceRecord | undefined {
    for (const record of this) if (isIt(record)) return record;
    return undefined;
  }

  /** Whether both hold the same, in the same order. */
  equals(other: PackedRecords): boolean {
    return (
      this.length === other.length &&
      this.slices.every((slice, i) => Buffer.compare(slice, other.slices[i] as Uint8Array) === 0)
    );
  }
}

/** Records of a master file, which know where they stand in it. */
export class LocatedRecords extends PackedRecords {
  /** The file, and those that it includes. */
  readonly files: readonly string[];
  readonly #fileNumbers: Uint16Array | undefined;
  readonly #lines: Uint32Array;
  readonly #columns: Uint32Array;

  constructor(records: readonly LocatedRecord[]) {
    super(records);
    const numbers = new Map<string, number>();
    for (const { file } of records) if (!numbers.has(file)) numbers.set(file, numbers.size);
    this.files = [...numbers.keys()];
    this.#fileNumbers =
      numbers.size > 1 ? Uint16Array.from(records, ({ file }) => numbers.get(file) as number) : undefined;
    this.#lines = Uint32Array.from(records, ({ line }) => line);
    this.#columns = Uint32Array.from(records, ({ column }) => column);
  }

  override *[Symbol.iterator](): Generator<LocatedRecord> {
    let number = 0;
    for (const slice of this.slices) {
      for (const record of unpackRecords(slice)) yield this.#located(record, number++);
    }
  }

  /** The records of a name; all others stay packed. */
  at(name: NameKey): LocatedRecord[] {
    const wanted = Buffer.from(name, 'latin1');
    const found: LocatedRecord[] = [];
    let number = 0;
    for (const slice of this.slices) {
      const reader = readerOf(slice);
      for (; reader.at < slice.length; number++) {
        const start = reader.at;
        const isWanted = isName(reader, wanted);
        reader.at += 6;
        reader.skipText();
        if (!isWanted) continue;
        for (const record of unpackRecords(slice.subarray(start, reader.at)))
          found.push(this.#located(record, number));
      }
    }
    return found;
  }

  #located(record: ResourceRecord, number: number): LocatedRecord {
    const file = this.files[this.#fileNumbers?.[number] ?? 0] as string;
    const line = this.#lines[number] as number;
    return { ...record, file, line, column: this.#columns[number] as number };
  }
}

/** Whether the name that comes next is this lower-cased one; passes over it. */
function isName(reader: OctetReader, wanted: Uint8Array): boolean {
  const length = reader.count();
  const { octets, at } = reader;
  reader.at = at + length;
  if (length !== wanted.length) return false;
  for (let i = 0; i < length; i++) if (LOWER[octets[at + i] as number] !== wanted[i]) return false;
  return true;
}

function packSlice(records: readonly ResourceRecord[]): Uint8Array {
  writer.reset();
  for (const { name, type, ttl, rdata } of records) {
    writer.latin1(name);
    writer.u16(type);
    writer.u32(ttl);
    writer.latin1(rdata);
  }
  return new Uint8Array(writer.octets);
}

/** What a piece of packed records holds. */
export function* unpackRecords(slice: Uint8Array): Generator<ResourceRecord> {
  const reader = readerOf(slice);
  while (reader.at < slice.length) {
    const name = reader.latin1() as DomainName;
    const type = reader.u16();
    const ttl = reader.u32();
    yield { name, type, ttl, rdata: octets(reader.latin1()) };
  }
}

function readerOf(slice: Uint8Array): OctetReader {
  const reader = new OctetReader();
  reader.octets = Buffer.from(slice.buffer, slice.byteOffset, slice.length);
  return reader;
}
