/**
 * Cuts the instances out of what a Eureka answers, piece by piece as it comes:
 *
 *     {"applications":{"apps__hashcode":"UP_2_","application":[{"name":"USER-APP","instance":[{…},{…}]}]}}
 *
 * A list of everything may have 100 MB, and may be anything: it is never held, nor parsed, as a whole. Where one stands
 * alone, old servers leave the brackets out. Pure.
 */

import { GatheredOctets } from '../../base/gathered-octets.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const SPACE = 0x20;

const MAX_DEPTH = 32;
/** Longer texts outside of instances are none that is looked for. */
const MAX_TEXT = 256;
/** One of 1,000 interfaces has about 60 kB. */
export const MAX_INSTANCE_OCTETS = 256 * 1024;

/** The message is for people. */
export class NotAList extends Error {}

interface Container {
  readonly isList: boolean;
  /** the key that it stands under; of a list's members: the list's */
  readonly label: string;
}

export class InstanceCutter {
  readonly #onInstance: (json: string | undefined) => void;
  readonly #open: Container[] = [];
  #isOver = false;
  #isKeyNext = false;
  #key = '';
  #isInText = false;
  #isEscaped = false;
  readonly #text = Buffer.alloc(MAX_TEXT);
  #textLength = 0;
  /** how many containers were open before the instance that is being read; undefined: none is */
  #instanceAt: number | undefined;
  readonly #instance = new GatheredOctets();
  #isHuge = false;
  #hasApplications = false;
  #hash: string | undefined;

  /** @param onInstance is told the JSON of each; undefined: it is larger than any */
  constructor(onInstance: (json: string | undefined) => void) {
    this.#onInstance = onInstance;
  }

  /** Throws {@link NotAList}, and what `onInstance` throws. */
  push(chunk: Buffer): void {
    /** where in the chunk the instance begins, or goes on */
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const octet = chunk[i] as number;
      if (this.#isInText) {
        this.#readText(octet);
        continue;
      }
      switch (octet) {
        case QUOTE:
          if (this.#open.length === 0) throw new NotAList('the reply is not JSON');
          this.#isInText = true;
          this.#textLength = 0;
          break;
        case COLON:
          this.#isKeyNext = false;
          break;
        case COMMA:
          this.#isKeyNext = this.#open.at(-1)?.isList === false;
          break;
        case OPEN_OBJECT:
        case OPEN_LIST:
          if (this.#begin(octet === OPEN_LIST)) from = i;
          break;
        case CLOSE_OBJECT:
        case CLOSE_LIST:
          if (this.#end(octet === CLOSE_LIST)) this.#emit(chunk.subarray(from, i + 1));
          break;
        default:
          if (octet > SPACE && this.#open.length === 0) throw new NotAList('the reply is not JSON');
      }
    }
    if (this.#instanceAt !== undefined) this.#keep(chunk.subarray(from));
  }

  /** Nothing more comes. @returns what the server computed of all instances, where it says that. Throws {@link NotAList}. */
  end(): string | undefined {
    if (!this.#isOver) throw new NotAList('the reply ends in the middle');
    if (!this.#hasApplications) throw new NotAList('the reply is not that of a Eureka');
    return this.#hash;
  }

  #readText(octet: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (octet === BACKSLASH) this.#isEscaped = true;
    else if (octet === QUOTE) {
      this.#isInText = false;
      if (this.#instanceAt === undefined) this.#takeText();
      return;
    }
    if (this.#instanceAt === undefined && this.#textLength < MAX_TEXT) this.#text[this.#textLength++] = octet;
  }

  #takeText(): void {
    const text = this.#text.toString('utf8', 0, this.#textLength);
    const { isList, label } = this.#open.at(-1) as Container;
    if (isList) return;
    if (this.#isKeyNext) this.#key = text;
    else if (this.#key === 'apps__hashcode' && label === 'applications' && this.#open.length === 2)
      this.#hash = text;
  }

  /** @returns whether an instance begins here */
  #begin(isList: boolean): boolean {
    const outer = this.#open.at(-1);
    if (this.#isOver || (outer === undefined && isList))
      throw new NotAList('the reply is not that of a Eureka');
    if (this.#open.length === MAX_DEPTH) throw new NotAList(`the reply is over ${MAX_DEPTH} deep`);
    const label = outer === undefined ? '' : outer.isList ? outer.label : this.#key;
    const depth = this.#open.length;
    const isInstance =
      this.#instanceAt === undefined &&
      !isList &&
      label === 'instance' &&
      this.#open[1]?.label === 'applications' &&
      this.#open[2]?.label === 'application';
    if (isInstance) this.#instanceAt = depth;
    if (depth === 1 && label === 'applications' && !isList) this.#hasApplications = true;
    this.#open.push({ isList, label });
    this.#isKeyNext = !isList;
    return isInstance;
  }

  /** @returns whether an instance ends here */
  #end(isList: boolean): boolean {
    const closed = this.#open.pop();
    if (closed?.isList !== isList) throw new NotAList('the reply is not JSON');
    this.#isOver = this.#open.length === 0;
    return this.#open.length === this.#instanceAt;
  }

  #keep(piece: Buffer): void {
    this.#isHuge ||= this.#instance.length + piece.length > MAX_INSTANCE_OCTETS;
    if (!this.#isHuge) this.#instance.add(piece);
  }

  #emit(last: Buffer): void {
    this.#keep(last);
    const octets = this.#instance.take();
    const json = this.#isHuge ? undefined : octets.toString('utf8');
    this.#instanceAt = undefined;
    this.#isHuge = false;
    this.#onInstance(json);
  }
}
