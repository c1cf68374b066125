import { MAX_NAME } from '../name/domain-name.ts';
import { type Column, int32Column } from '../packed/column.ts';
import { HashSlots, placeOf } from '../packed/hash-slots.ts';
import { MAX_LABELS, NameHash } from './name-hash.ts';
import type { Fact } from './zone.ts';

/** The number of a node; 0 stands for none. */
export type NodeNumber = number;

// the numbers of a node lie side by side: a look at it costs one line of the CPU's cache
const NODE = 4;
const HASH_A = 0;
const HASH_B = 1;
/** names exactly one label below; of a free node: the next free one */
const CHILDREN = 2;
/** 0 for an empty non-terminal */
const VALUE = 3;

/**
 * Values at names, where every ancestor of a value exists too (empty non-terminals, RFC 4592 section 2.2.2). A node is
 * four numbers in typed arrays: no string and no object for a name. Names are told apart by their {@link NameHash}.
 *
 * Names are lower-cased labels in wire form that end in `root`: '' for names relative to a zone. Every put and delete
 * costs in proportion to the depth of one name.
 */
export class NameIndex {
  readonly #root: string;
  readonly #hash: NameHash;
  readonly #numbers: Column<Int32Array>;
  readonly #slots: HashSlots;
  #nodes = 0;
  #firstFree: NodeNumber = 0;
  // the name that was looked at last, label by label
  readonly #octets = new Uint8Array(MAX_NAME);
  readonly #offsets = new Int32Array(MAX_LABELS);
  readonly #suffixA = new Int32Array(MAX_LABELS);
  readonly #suffixB = new Int32Array(MAX_LABELS);

  /**
   * @param seed see {@link NameHash}
   * @param expected how many nodes there will be, as far as is known
   */
  constructor(root: string, seed: number, expected = 0) {
    this.#root = root;
    this.#hash = new NameHash(seed);
    const numbers = int32Column((expected + 1) * NODE);
    this.#numbers = numbers;
    this.#slots = new HashSlots((node) => numbers.get(node * NODE + HASH_A), expected);
  }

  /** Nodes, empty non-terminals included. */
  get size(): number {
    return this.#slots.size;
  }

  /**
   * Hashes the name and all its ancestors below the root, which {@link node}, {@link fact} and {@link offset} then know
   * by their number, 0 for the name itself.
   *
   * @returns how many there are
   */
  look(name: string): number {
    const end = Math.min(name.length - this.#root.length, MAX_NAME);
    const octets = this.#octets;
    for (let i = 0; i < end; i++) octets[i] = name.charCodeAt(i);
    let labels = 0;
    for (let at = 0; at < end && labels < MAX_LABELS; at += (octets[at] as number) + 1)
      this.#offsets[labels++] = at;
    const hash = this.#hash;
    hash.reset();
    let from = end;
    for (let label = labels - 1; label >= 0; label--) {
      const start = this.#offsets[label] as number;
      hash.extend(octets, start, from);
      this.#suffixA[label] = hash.a;
      this.#suffixB[label] = hash.b;
      from = start;
    }
    return labels;
  }

  /** Where the ancestor begins in the name that was looked at. */
  offset(ancestor: number): number {
    return this.#offsets[ancestor] as number;
  }

  /** What stands for the existence and the value of the ancestor. */
  fact(ancestor: number): Fact {
    return this.#suffixA[ancestor] as number;
  }

  node(ancestor: number): NodeNumber {
    return this.#find(this.#suffixA[ancestor] as number, this.#suffixB[ancestor] as number);
  }

  find(name: string): NodeNumber {
    return this.look(name) === 0 ? 0 : this.node(0);
  }

  /** The node of the octets that were hashed, by the seed of this index. */
  at(hash: NameHash): NodeNumber {
    return this.#find(hash.a, hash.b);
  }

  value(node: NodeNumber): number {
    return this.#numbers.get(node * NODE + VALUE);
  }

  /** @param touched is told the fact of every name that came into existence or got another value */
  put(name: string, value: number, touched: (fact: Fact) => void): void {
    const labels = this.look(name);
    let node = this.node(0);
    touched(this.fact(0));
    if (node !== 0) {
      this.#set(node, VALUE, value);
      return;
    }
    node = this.#add(0);
    this.#set(node, VALUE, value);
    for (let ancestor = 1; ancestor < labels; ancestor++) {
      const above = this.node(ancestor);
      if (above !== 0) {
        this.#set(above, CHILDREN, this.#children(above) + 1);
        return;
      }
      this.#set(this.#add(ancestor), CHILDREN, 1);
      touched(this.fact(ancestor));
    }
  }

  /** @param touched is told the fact of every name that ceased to exist or lost its value */
  delete(name: string, touched: (fact: Fact) => void): void {
    const labels = this.look(name);
    let node = this.node(0);
    if (node === 0 || this.value(node) === 0) return;
    this.#set(node, VALUE, 0);
    touched(this.fact(0));
    for (let ancestor = 0; this.#children(node) === 0 && this.value(node) === 0; ) {
      this.#remove(node);
      touched(this.fact(ancestor));
      ancestor++;
      if (ancestor === labels) return;
      node = this.node(ancestor);
      this.#set(node, CHILDREN, this.#children(node) - 1);
    }
  }

  #find(a: number, b: number): NodeNumber {
    const { table, former } = this.#slots;
    const found = this.#findIn(table, a, b);
    return found !== 0 || former === undefined ? found : this.#findIn(former, a, b);
  }

  #findIn(slots: Int32Array, a: number, b: number): NodeNumber {
    const numbers = this.#numbers;
    const mask = slots.length - 1;
    for (let place = placeOf(a, slots); ; place = (place + 1) & mask) {
      const node = slots[place] as number;
      if (node === 0) return 0;
      const at = node * NODE;
      if (node > 0 && numbers.get(at + HASH_A) === a && numbers.get(at + HASH_B) === b) return node;
    }
  }

  #children(node: NodeNumber): number {
    return this.#numbers.get(node * NODE + CHILDREN);
  }

  #set(node: NodeNumber, which: number, value: number): void {
    this.#numbers.set(node * NODE + which, value);
  }

  #add(ancestor: number): NodeNumber {
    const node = this.#firstFree === 0 ? ++this.#nodes : this.#firstFree;
    if (this.#firstFree !== 0) this.#firstFree = this.#children(node);
    this.#set(node, HASH_A, this.#suffixA[ancestor] as number);
    this.#set(node, HASH_B, this.#suffixB[ancestor] as number);
    this.#set(node, CHILDREN, 0);
    this.#set(node, VALUE, 0);
    this.#slots.add(this.#suffixA[ancestor] as number, node);
    return node;
  }

  #remove(node: NodeNumber): void {
    this.#slots.delete(this.#numbers.get(node * NODE + HASH_A), node);
    this.#set(node, CHILDREN, this.#firstFree);
    this.#firstFree = node;
  }
}
