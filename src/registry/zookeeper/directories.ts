import { NameTable } from './name-table.ts';

/** A read of it is on its way. */
export const READING = 1;
/** An event came that no read has answered yet. */
export const CHANGED = 2;
/** Not read since the session began. */
export const UNREAD = 4;
/** Registrations of it were delivered. */
export const DELIVERED = 8;
/** The root has it no more; only the end of a read is waited for. */
export const GONE = 16;
const SEEN = 32;
/** What was delivered of it has a version or a group. */
export const VERSIONED = 64;

/** The version of what was never read. */
export const NEVER_READ = -1;

/**
 * The children of the root that are interfaces, as columns instead of objects: there are 100,000 of them, and a million
 * some day. Each has a number, which may be another's when it is gone. About 60 octets and the name for each.
 */
export class Directories {
  readonly #numbers = new NameTable();
  /** by number; '' where there is none */
  readonly #nodes: string[] = [];
  readonly #free: number[] = [];
  #versions = new Float64Array(64);
  #flags = new Uint8Array(64);

  get size(): number {
    return this.#numbers.size;
  }

  /** The numbers of all that are not gone. */
  *all(): Generator<number> {
    for (let directory = 0; directory < this.#nodes.length; directory++) {
      if (this.#isThere(directory)) yield directory;
    }
  }

  find(node: string): number | undefined {
    const octets = Buffer.from(node);
    const directory = this.#numbers.find(octets, 0, octets.length);
    return directory < 0 ? undefined : directory;
  }

  /** As the node is called. */
  node(directory: number): string {
    return this.#nodes[directory] ?? '';
  }

  add(node: string): number {
    const directory = this.#free.pop() ?? this.#nodes.length;
    if (directory >= this.#flags.length) this.#grow();
    const octets = Buffer.from(node);
    this.#numbers.set(octets, 0, octets.length, directory);
    this.#nodes[directory] = node;
    this.#versions[directory] = NEVER_READ;
    this.#flags[directory] = 0;
    return directory;
  }

  /** It is not found any more, and marked as {@link GONE}; its number is its own until {@link release}. */
  remove(directory: number): void {
    const octets = Buffer.from(this.node(directory));
    this.#numbers.delete(octets, 0, octets.length);
    this.set(directory, GONE);
  }

  release(directory: number): void {
    this.#nodes[directory] = '';
    this.#free.push(directory);
  }

  /** Of the list of its providers that was read last; 0: there was none. */
  version(directory: number): number {
    return this.#versions[directory] ?? NEVER_READ;
  }

  setVersion(directory: number, version: number): void {
    this.#versions[directory] = version;
  }

  has(directory: number, flags: number): boolean {
    return ((this.#flags[directory] ?? 0) & flags) !== 0;
  }

  set(directory: number, flag: number): void {
    this.#flags[directory] = (this.#flags[directory] ?? 0) | flag;
  }

  clear(directory: number, flag: number): void {
    this.#flags[directory] = (this.#flags[directory] ?? 0) & ~flag;
  }

  /**
   * Notes that a list of the root names it, if it is known.
   *
   * @param octets have its name from `from` to `to`
   */
  see(octets: Uint8Array, from: number, to: number): boolean {
    const directory = this.#numbers.find(octets, from, to);
    if (directory >= 0) this.set(directory, SEEN);
    return directory >= 0;
  }

  /** At the end of a list: what it did not name. */
  unseen(): number[] {
    const unseen: number[] = [];
    for (let directory = 0; directory < this.#nodes.length; directory++) {
      if (!this.has(directory, SEEN) && this.#isThere(directory)) unseen.push(directory);
      this.clear(directory, SEEN);
    }
    return unseen;
  }

  #isThere(directory: number): boolean {
    return this.#nodes[directory] !== '' && !this.has(directory, GONE);
  }

  #grow(): void {
    const versions = new Float64Array(this.#versions.length * 2);
    versions.set(this.#versions);
    this.#versions = versions;
    const flags = new Uint8Array(this.#flags.length * 2);
    flags.set(this.#flags);
    this.#flags = flags;
  }
}
