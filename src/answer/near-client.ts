import type { Address } from '../name/address.ts';
import { distance, type Localities, type Locality } from '../name/localities.ts';
import type { RRset } from '../zone/record.ts';
import type { Answer, OwnedRRset } from './answer.ts';

/**
 * Prefers the providers in the client's own zone, then those in its region, where answers are the providers themselves
 * (contract 1.8). An answer is never emptied: where none is near, all are told.
 */
export class NearClient {
  readonly #localities: Localities;
  readonly #own: Locality | undefined;
  /** whether an answer held addresses that another client may be told otherwise */
  hasChosen = false;

  /** @param client undefined: it has no address */
  constructor(localities: Localities, client: Address | undefined) {
    this.#localities = localities;
    this.#own = client === undefined ? undefined : localities.ofAddress(client);
  }

  choose(answer: Answer): Answer {
    if (answer.kind !== 'data' || answer.rrset === undefined) return answer;
    const { rrset, additional } = answer;
    const nearest = (owned: OwnedRRset) => this.#nearest(owned);
    return {
      ...answer,
      rrset: nearest(rrset),
      additional: {
        *[Symbol.iterator]() {
          for (const owned of additional) yield nearest(owned);
        },
      },
    };
  }

  #nearest(owned: OwnedRRset): OwnedRRset {
    const { name, rrset } = owned;
    if (rrset.whereabouts === undefined) return owned;
    this.hasChosen = true;
    const own = this.#own;
    if (own === undefined) return owned;
    const said = rrset.whereabouts();
    const ranks = rrset.rdatas.map((rdata) => {
      const address = rdata as string as Address;
      return distance(said.get(address) ?? this.#localities.ofAddress(address), own);
    });
    const best = Math.min(...ranks);
    const near: RRset = { ...rrset, rdatas: rrset.rdatas.filter((_, i) => ranks[i] === best) };
    return { name, rrset: near };
  }
}
