import { int32Column } from '../packed/column.ts';
import { HashSlots } from '../packed/hash-slots.ts';
import type { Fact } from './zone.ts';

/** A name of 255 octets has at most so many labels. */
const MAX_LABELS = 128;
const PRIME_A = 0x01000193;
const PRIME_B = 0x85ebca6b;

/** The number of a node; 0 stands for none. */
export type NodeNumber = number;

/**
 * Values at names, where every ancestor of a value exists too (empty non-terminals, RFC 4592 section 2.2.2). A node is
 * five numbers in typed arrays: no string and no object for a name. Names are told apart by 64 bits of two seeded hashes.
 *
 * Names are lower-cased labels in wire form that end in `root`: '' for names relative to a zone. Every put and delete
 * costs in proportion to the depth of one name.
 */
export class NameIndex {
  readonly #root: string;
  readonly #seedA: number;
  readonly #seedB: number;
  readonly #hashA = int32Column();
  readonly #hashB = int32Column();
  /** names exactly one label below; of a free node: the next free one */
  readonly #children = int32Column();
  /** 0 for an empty non-terminal */
  readonly #values = int32Column();
  readonly #slots = new HashSlots((node) => this.#hashA.get(node));
  #nodes = 0;
  #firstFree: NodeNumber = 0;
  // the name that was looked at last, label by label
  readonly #offsets = new Int32Array(MAX_LABELS);
  readonly #suffixA = new Int32Array(MAX_LABELS);
  readonly #suffixB = new Int32Array(MAX_LABELS);
  #soughtA = 0;
  #soughtB = 0;
  readonly #isSought = (node: NodeNumber) =>
    this.#hashA.get(node) === this.#soughtA && this.#hashB.get(node) === this.#soughtB;

  /** @param seed any number; names that meet by one seed do not by another */
  constructor(root: string, seed: number) {
    this.#root = root;
    this.#seedA = seed | 0;
    this.#seedB = Math.imul(seed ^ 0x9e3779b9, PRIME_B);
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
    const end = name.length - this.#root.length;
    let labels = 0;
    for (let at = 0; at < end && labels < MAX_LABELS; at += name.charCodeAt(at) + 1)
      this.#offsets[labels++] = at;
    let a = this.#seedA;
    let b = this.#seedB;
    let at = end - 1;
    for (let label = labels - 1; label >= 0; label--) {
      for (const start = this.#offsets[label] as number; at >= start; at--) {
        const octet = name.charCodeAt(at);
        a = Math.imul(a ^ octet, PRIME_A);
        b = Math.imul(b ^ octet, PRIME_B);
        b ^= b >>> 15;
      }
      this.#suffixA[label] = a;
      this.#suffixB[label] = b;
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
    this.#soughtA = this.#suffixA[ancestor] as number;
    this.#soughtB = this.#suffixB[ancestor] as number;
    return this.#slots.find(this.#soughtA, this.#isSought);
  }

  find(name: string): NodeNumber {
    return this.look(name) === 0 ? 0 : this.node(0);
  }

  value(node: NodeNumber): number {
    return this.#values.get(node);
  }

  /** @param touched is told the fact of every name that came into existence or got another value */
  put(name: string, value: number, touched: (fact: Fact) => void): void {
    const labels = this.look(name);
    let node = this.node(0);
    touched(this.fact(0));
    if (node !== 0) {
      this.#values.set(node, value);
      return;
    }
    node = this.#add(0);
    this.#values.set(node, value);
    for (let ancestor = 1; ancestor < labels; ancestor++) {
      const above = this.node(ancestor);
      if (above !== 0) {
        this.#children.set(above, this.#children.get(above) + 1);
        return;
      }
      this.#children.set(this.#add(ancestor), 1);
      touched(this.fact(ancestor));
    }
  }

  /** @param touched is told the fact of every name that ceased to exist or lost its value */
  delete(name: string, touched: (fact: Fact) => void): void {
    const labels = this.look(name);
    let node = this.node(0);
    if (node === 0 || this.#values.get(node) === 0) return;
    this.#values.set(node, 0);
    touched(this.fact(0));
    for (let ancestor = 0; this.#children.get(node) === 0 && this.#values.get(node) === 0; ) {
      this.#remove(node);
      touched(this.fact(ancestor));
      ancestor++;
      if (ancestor === labels) return;
      node = this.node(ancestor);
      this.#children.set(node, this.#children.get(node) - 1);
    }
  }

  #add(ancestor: number): NodeNumber {
    const node = this.#firstFree === 0 ? ++this.#nodes : this.#firstFree;
    if (this.#firstFree !== 0) this.#firstFree = this.#children.get(node);
    this.#hashA.set(node, this.#suffixA[ancestor] as number);
    this.#hashB.set(node, this.#suffixB[ancestor] as number);
    this.#children.set(node, 0);
    this.#values.set(node, 0);
    this.#slots.add(this.#suffixA[ancestor] as number, node);
    return node;
  }

  #remove(node: NodeNumber): void {
    this.#slots.delete(this.#hashA.get(node), node);
    this.#children.set(node, this.#firstFree);
    this.#firstFree = node;
  }
}
