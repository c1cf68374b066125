/**
 * Values at names, where every ancestor of a value exists too (empty non-terminals, RFC 4592 section 2.2.2).
 *
 * Keys are lower-cased labels in wire form that end in `root`: a zone's apex, or '' for names relative to a zone.
 * Every put and delete costs in proportion to the depth of one name.
 */
export class NameTree<T> {
  readonly #root: string;
  readonly #nodes = new Map<string, TreeNode<T>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Nodes, empty non-terminals included. */
  get size(): number {
    return this.#nodes.size;
  }

  /** @returns undefined when the name does not exist; a node without value is an empty non-terminal */
  get(key: string): TreeNode<T> | undefined {
    return this.#nodes.get(key);
  }

  /** @param touched is told every name that came into existence or got another value */
  put(key: string, value: T, touched: (key: string) => void): void {
    const node = this.#nodes.get(key);
    touched(key);
    if (node !== undefined) {
      node.value = value;
      return;
    }
    this.#nodes.set(key, { value, children: 0 });
    let at = key;
    while (at !== this.#root) {
      at = parent(at);
      const above = this.#nodes.get(at);
      if (above !== undefined) {
        above.children++;
        return;
      }
      this.#nodes.set(at, { value: undefined, children: 1 });
      touched(at);
    }
  }

  /** @param touched is told every name that ceased to exist or lost its value */
  delete(key: string, touched: (key: string) => void): void {
    const node = this.#nodes.get(key);
    if (node === undefined || node.value === undefined) return;
    node.value = undefined;
    touched(key);
    let at = key;
    for (let empty = node; empty.children === 0 && empty.value === undefined; ) {
      this.#nodes.delete(at);
      touched(at);
      if (at === this.#root) return;
      at = parent(at);
      const above = this.#nodes.get(at);
      if (above === undefined) return;
      above.children--;
      empty = above;
    }
  }

  *values(): Generator<[string, T]> {
    for (const [key, node] of this.#nodes) if (node.value !== undefined) yield [key, node.value];
  }
}

export interface TreeNode<T> {
  value: T | undefined;
  /** names exactly one label below */
  children: number;
}

function parent(key: string): string {
  return key.slice(key.charCodeAt(0) + 1);
}
