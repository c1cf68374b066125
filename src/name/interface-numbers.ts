import type { InterfaceName } from './interface-name.ts';

/** A small number for each interface that anything is known of: typed arrays are indexed by it. From 1. */
export class InterfaceNumbers {
  readonly #numbers = new Map<InterfaceName, number>();
  readonly #names: (InterfaceName | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #lastName: InterfaceName | undefined;
  #lastNumber = 0;

  get size(): number {
    return this.#numbers.size;
  }

  /** 0 for one that nothing is known of. */
  find(name: InterfaceName): number {
    // one interface is asked for many times in a row, mostly by the very same string
    if (name === this.#lastName) return this.#lastNumber;
    const number = this.#numbers.get(name) ?? 0;
    this.#lastName = name;
    this.#lastNumber = number;
    return number;
  }

  of(name: InterfaceName): number {
    const known = this.find(name);
    if (known !== 0) return known;
    const number = this.#free.pop() ?? this.#names.length;
    this.#names[number] = name;
    this.#numbers.set(name, number);
    this.#lastNumber = number;
    return number;
  }

  nameOf(number: number): InterfaceName {
    const name = this.#names[number];
    if (name === undefined) throw new Error(`no interface has the number ${number}`);
    return name;
  }

  /** Nothing refers to the number any more. */
  release(name: InterfaceName): void {
    const number = this.find(name);
    if (number === 0) return;
    this.#numbers.delete(name);
    this.#names[number] = undefined;
    this.#free.push(number);
    this.#lastNumber = 0;
  }
}
