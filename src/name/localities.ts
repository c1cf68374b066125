import { type Address, parseAddress } from './address.ts';
import { type Network, networkContains } from './network.ts';

/** Where something is: `{ region: 'hz', zone: 'gz00a' }`; a region may be unset, ''. */
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

/** `hz/gz00a`; `/gz00a` without a region */
export function localityText({ region, zone }: Locality): string {
  return `${region}/${zone}`;
}

/**
 * How far something is from a client: 0 in its zone, 1 in its region, 2 elsewhere. EndpointSlices and Nacos say the zone
 * alone: an unset region is no other one.
 */
export function distance(of: Locality | undefined, from: Locality): 0 | 1 | 2 {
  if (of === undefined) return 2;
  const isSameRegion = of.region === from.region;
  if (of.zone === from.zone && (isSameRegion || of.region === '' || from.region === '')) return 0;
  return isSameRegion && of.region !== '' ? 1 : 2;
}

export function isSameLocality(a: Locality | undefined, b: Locality | undefined): boolean {
  return a?.region === b?.region && a?.zone === b?.zone;
}
