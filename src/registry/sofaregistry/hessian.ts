/**
 * Hessian as SOFARegistry's clients speak it: the 2.0 of Caucho's 3.1, whose tags later versions gave other meanings. Read from octets
 * that nobody vouches for: depth and number of values are bounded, and a length is believed only as far as octets are there.
 */
import { bad, ok, type Result } from '../../base/result.ts';

/** Longs are numbers: beyond 2^53 they are near. A reference is the value it refers to, so that values may hold themselves. */
export type Hessian = null | boolean | number | string | Buffer | HessianList | HessianMap | HessianObject;
export type HessianList = Hessian[];
export type HessianMap = Map<Hessian, Hessian>;

export class HessianObject {
  readonly type: string;
  readonly fields: ReadonlyMap<string, Hessian>;

  constructor(type: string, fields: ReadonlyMap<string, Hessian>) {
    this.type = type;
    this.fields = fields;
  }
}

const MAX_DEPTH = 32;
/** Of a message: an interface with 100,000 endpoints has twice as many. */
const MAX_VALUES = 400_000;
const MAX_FIELDS = 200;
const MAX_CLASSES = 200;

/** Reads one value that takes all octets. Never throws. */
export function readHessian(octets: Buffer): Result<Hessian> {
  const reader = new Reader(octets);
  try {
    const value = reader.value(0);
    return reader.isAtEnd ? ok(value) : bad('octets after the end of the value');
  } catch (error) {
    if (error instanceof Malformed) return bad(error.message);
    throw error;
  }
}

class Malformed extends Error {}

interface ClassDefinition {
  readonly type: string;
  readonly fields: readonly string[];
}

class Reader {
  readonly #octets: Buffer;
  #at = 0;
  #values = 0;
  readonly #classes: ClassDefinition[] = [];
  readonly #types: string[] = [];
  /** lists, maps and objects, in the order in which they begin */
  readonly #references: Hessian[] = [];

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#octets.length;
  }

  value(depth: number): Hessian {
    if (depth > MAX_DEPTH) throw new Malformed(`values more than ${MAX_DEPTH} deep`);
    if (++this.#values > MAX_VALUES) throw new Malformed(`over ${MAX_VALUES} values`);
    const tag = this.#octet();
    if (tag <= 0x1f || tag === 0x53 || tag === 0x73) return this.#text(tag);
    if (isInt(tag)) return this.#intOf(tag);
    if (isLong(tag)) return this.#longOf(tag);
    switch (tag) {
      case 0x4e: // N
        return null;
      case 0x54: // T
        return true;
      case 0x46: // F
        return false;
      case 0x4f: // O: a class, and then what begins with another tag
        this.#define();
        return this.value(depth + 1);
      case 0x6f: // o
        return this.#object(depth);
      case 0x56: // V
        return this.#typedList(depth);
      case 0x76: // v
        this.#int();
        return this.#items(this.#int(), depth);
      case 0x4d: // M
        return this.#map(depth);
      case 0x4a: // J
        return this.#reference(this.#octet());
      case 0x4b: // K
        return this.#reference(this.#uint16());
      case 0x52: // R
        return this.#reference(this.#int32());
      case 0x64: // d, a date
        return this.#int64();
      default:
        if (isDouble(tag)) return this.#doubleOf(tag);
        if (isBinary(tag)) return this.#binary(tag);
        throw new Malformed(`no value begins with 0x${tag.toString(16)}`);
    }
  }

  #define(): void {
    if (this.#classes.length >= MAX_CLASSES) throw new Malformed(`over ${MAX_CLASSES} classes`);
    const type = this.#characters(this.#int());
    const size = this.#int();
    if (size < 0 || size > MAX_FIELDS) throw new Malformed(`a class of ${size} fields`);
    const fields = Array.from({ length: size }, () => this.#text(this.#octet()));
    this.#classes.push({ type, fields });
  }

  #object(depth: number): HessianObject {
    const definition = this.#classes[this.#int()];
    if (definition === undefined) throw new Malformed('an object of a class that is not defined');
    const fields = new Map<string, Hessian>();
    const object = new HessianObject(definition.type, fields);
    this.#references.push(object);
    for (const field of definition.fields) fields.set(field, this.value(depth + 1));
    return object;
  }

  #typedList(depth: number): HessianList {
    this.#type();
    const tag = this.#peek();
    if (tag === 0x6e || tag === 0x6c) {
      this.#at++;
      const list = this.#items(tag === 0x6e ? this.#octet() : this.#int32(), depth);
      if (this.#octet() !== 0x7a) throw new Malformed('a list that does not end');
      return list;
    }
    const list: HessianList = [];
    this.#references.push(list);
    while (this.#peek() !== 0x7a) list.push(this.value(depth + 1));
    this.#at++;
    return list;
  }

  #items(size: number, depth: number): HessianList {
    // each takes an octet at least
    if (size < 0 || size > this.#octets.length - this.#at) throw new Malformed(`a list of ${size} values`);
    const list: HessianList = [];
    this.#references.push(list);
    for (let i = 0; i < size; i++) list.push(this.value(depth + 1));
    return list;
  }

  #map(depth: number): HessianMap {
    this.#type();
    const map: HessianMap = new Map();
    this.#references.push(map);
    while (this.#peek() !== 0x7a) {
      const key = this.value(depth + 1);
      map.set(key, this.value(depth + 1));
    }
    this.#at++;
    return map;
  }

  /** What a list or a map says of its type; nobody asks for it. */
  #type(): void {
    const tag = this.#peek();
    if (tag === 0x74) {
      this.#at++;
      this.#types.push(this.#characters(this.#uint16()));
    } else if (tag === 0x75 || tag === 0x54) {
      this.#at++;
      if (this.#types[this.#int()] === undefined) throw new Malformed('a type that is not defined');
    }
  }

  #reference(number: number): Hessian {
    const value = this.#references[number];
    if (value === undefined) throw new Malformed(`a reference to value ${number}`);
    return value;
  }

  #text(first: number): string {
    let text = '';
    for (let tag = first; ; tag = this.#octet()) {
      if (tag === 0x73) text += this.#characters(this.#uint16());
      else if (tag === 0x53) return text + this.#characters(this.#uint16());
      else if (tag <= 0x1f) return text + this.#characters(tag);
      else throw new Malformed(`no text begins with 0x${tag.toString(16)}`);
    }
  }

  /** So many UTF-16 units, each in UTF-8 by itself, as Java writes them. */
  #characters(size: number): string {
    const start = this.#at;
    if (size < 0 || size > this.#octets.length - start) throw new Malformed(`a text of ${size} characters`);
    let end = start;
    while (end < start + size && (this.#octets[end] as number) < 0x80) end++;
    this.#at = end;
    const ascii = this.#octets.toString('latin1', start, end);
    if (end === start + size) return ascii;
    const units = new Uint16Array(size - (end - start));
    for (let i = 0; i < units.length; i++) units[i] = this.#character();
    return ascii + Buffer.from(units.buffer).toString('utf16le');
  }

  #character(): number {
    const first = this.#octet();
    if (first < 0x80) return first;
    if (first >= 0xc2 && first < 0xe0) return ((first & 0x1f) << 6) | this.#continuation();
    if (first >= 0xe0 && first < 0xf0)
      return ((first & 0x0f) << 12) | (this.#continuation() << 6) | this.#continuation();
    throw new Malformed('a text that is no UTF-8');
  }

  #continuation(): number {
    const octet = this.#octet();
    if ((octet & 0xc0) !== 0x80) throw new Malformed('a text that is no UTF-8');
    return octet & 0x3f;
  }

  #binary(first: number): Buffer {
    const parts: Buffer[] = [];
    for (let tag = first; ; tag = this.#octet()) {
      if (!isBinary(tag)) throw new Malformed('octets that do not end');
      const size = tag === 0x62 || tag === 0x42 ? this.#uint16() : tag - 0x20;
      this.#need(size);
      parts.push(this.#octets.subarray(this.#at, this.#at + size));
      this.#at += size;
      if (tag !== 0x62) return Buffer.concat(parts);
    }
  }

  #int(): number {
    const tag = this.#octet();
    if (!isInt(tag)) throw new Malformed(`no number begins with 0x${tag.toString(16)}`);
    return this.#intOf(tag);
  }

  #intOf(tag: number): number {
    if (tag === 0x49) return this.#int32();
    if (tag <= 0xbf) return tag - 0x90;
    if (tag <= 0xcf) return ((tag - 0xc8) << 8) + this.#octet();
    return ((tag - 0xd4) << 16) + this.#uint16();
  }

  #longOf(tag: number): number {
    if (tag === 0x4c) return this.#int64();
    if (tag === 0x77) return this.#int32();
    if (tag <= 0x3f) return ((tag - 0x3c) << 16) + this.#uint16();
    if (tag <= 0xef) return tag - 0xe0;
    return ((tag - 0xf8) << 8) + this.#octet();
  }

  #doubleOf(tag: number): number {
    if (tag === 0x67) return 0;
    if (tag === 0x68) return 1;
    const size = tag === 0x69 ? 1 : tag === 0x6a ? 2 : tag === 0x6b ? 4 : 8;
    this.#need(size);
    const at = this.#at;
    this.#at += size;
    if (size === 1) return this.#octets.readInt8(at);
    if (size === 2) return this.#octets.readInt16BE(at);
    return size === 4 ? this.#octets.readFloatBE(at) : this.#octets.readDoubleBE(at);
  }

  #need(size: number): void {
    if (size > this.#octets.length - this.#at) throw new Malformed('it ends too early');
  }

  #peek(): number {
    this.#need(1);
    return this.#octets[this.#at] as number;
  }

  #octet(): number {
    this.#need(1);
    return this.#octets[this.#at++] as number;
  }

  #uint16(): number {
    this.#need(2);
    this.#at += 2;
    return this.#octets.readUInt16BE(this.#at - 2);
  }

  #int32(): number {
    this.#need(4);
    this.#at += 4;
    return this.#octets.readInt32BE(this.#at - 4);
  }

  #int64(): number {
    this.#need(8);
    this.#at += 8;
    return Number(this.#octets.readBigInt64BE(this.#at - 8));
  }
}

function isInt(tag: number): boolean {
  return tag === 0x49 || (tag >= 0x80 && tag <= 0xd7);
}

function isLong(tag: number): boolean {
  return tag === 0x4c || tag === 0x77 || (tag >= 0x38 && tag <= 0x3f) || tag >= 0xd8;
}

function isDouble(tag: number): boolean {
  return tag === 0x44 || (tag >= 0x67 && tag <= 0x6b);
}

function isBinary(tag: number): boolean {
  return tag === 0x62 || tag === 0x42 || (tag >= 0x20 && tag <= 0x2f);
}

/** What can be written; a number is Java's int, a bigint its long. */
export type Writable =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Writable[]
  | WritableMap
  | WritableObject;
export type WritableMap = ReadonlyMap<string, Writable>;

export interface WritableObject {
  /** the class */
  readonly type: string;
  readonly fields: Readonly<Record<string, Writable>>;
}

export function writeHessian(value: Writable): Buffer {
  const writer = new Writer();
  writer.value(value);
  return Buffer.concat(writer.parts);
}

const LONGEST_CHUNK = 0x8000;

class Writer {
  readonly parts: Buffer[] = [];
  readonly #classes: string[] = [];

  value(value: Writable): void {
    if (value === null) this.#put(0x4e);
    else if (typeof value === 'boolean') this.#put(value ? 0x54 : 0x46);
    else if (typeof value === 'number') this.#int(value);
    else if (typeof value === 'bigint') this.#long(value);
    else if (typeof value === 'string') this.#text(value);
    else if (isList(value)) {
      this.#put(0x56, 0x6c, ...int32(value.length));
      for (const item of value) this.value(item);
      this.#put(0x7a);
    } else if (value instanceof Map) {
      this.#put(0x4d);
      for (const [key, item] of value as WritableMap) {
        this.#text(key);
        this.value(item);
      }
      this.#put(0x7a);
    } else this.#object(value as WritableObject);
  }

  #object({ type, fields }: WritableObject): void {
    let number = this.#classes.indexOf(type);
    if (number < 0) {
      number = this.#classes.push(type) - 1;
      this.#put(0x4f);
      this.#int(type.length);
      this.parts.push(charactersOf(type));
      this.#int(Object.keys(fields).length);
      for (const field of Object.keys(fields)) this.#text(field);
    }
    this.#put(0x6f);
    this.#int(number);
    for (const field of Object.values(fields)) this.value(field);
  }

  #int(value: number): void {
    if (value >= -16 && value <= 47) this.#put(value + 0x90);
    else this.#put(0x49, ...int32(value));
  }

  #long(value: bigint): void {
    if (value >= -8n && value <= 15n) {
      this.#put(Number(value) + 0xe0);
      return;
    }
    const octets = Buffer.alloc(9);
    octets[0] = 0x4c;
    octets.writeBigInt64BE(value, 1);
    this.parts.push(octets);
  }

  #text(text: string): void {
    let rest = text;
    for (; rest.length > LONGEST_CHUNK; rest = rest.slice(LONGEST_CHUNK)) {
      this.#put(0x73, LONGEST_CHUNK >> 8, LONGEST_CHUNK & 0xff);
      this.parts.push(charactersOf(rest.slice(0, LONGEST_CHUNK)));
    }
    if (rest.length <= 0x1f) this.#put(rest.length);
    else this.#put(0x53, rest.length >> 8, rest.length & 0xff);
    this.parts.push(charactersOf(rest));
  }

  #put(...octets: number[]): void {
    this.parts.push(Buffer.from(octets));
  }
}

function isList(value: object): value is readonly Writable[] {
  return Array.isArray(value);
}

function int32(value: number): [number, number, number, number] {
  return [(value >> 24) & 0xff, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
}

/** Each UTF-16 unit by itself, halves of a pair too. */
function charactersOf(text: string): Buffer {
  if (/^[\0-\x7f]*$/.test(text)) return Buffer.from(text, 'latin1');
  const octets: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) octets.push(unit);
    else if (unit < 0x800) octets.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else octets.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Buffer.from(octets);
}
