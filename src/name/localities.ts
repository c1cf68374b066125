import { type Address, parseAddress } from './address.ts';
import { type Network, networkContains } from './network.ts';

/** Where something is: `{ region: 'hz', zone: 'gz00a' }`. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
}

/** One entry of `localities` in the configuration. */
export interface LocalityRule extends Locality {
  readonly cidrs: readonly Network[];
}

/** Which locality an address lies in: the smallest block that holds it decides. */
export class Localities {
  readonly #rules: readonly { readonly block: Network; readonly locality: Locality }[];

  constructor(rules: readonly LocalityRule[]) {
    this.#rules = rules
      .flatMap(({ region, zone, cidrs }) => cidrs.map((block) => ({ block, locality: { region, zone } })))
      .sort((a, b) => b.block.bits - a.block.bits);
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  of(host: string): Locality | undefined {
    const address = this.#rules.length === 0 ? undefined : parseAddress(host);
    return address === undefined ? undefined : this.ofAddress(address);
  }

  ofAddress(address: Address): Locality | undefined {
    return this.#rules.find(({ block }) => networkContains(block, address))?.locality;
  }
}

export function isSameLocality(a: Locality | undefined, b: Locality | undefined): boolean {
  return a?.region === b?.region && a?.zone === b?.zone;
}
