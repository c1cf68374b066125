import { type Address, addressText, parseAddress } from '../name/address.ts';
import { type ServiceKey, serviceKeyText } from '../name/interface-name.ts';
import type { StoreChange } from './store.ts';

/** The Kubernetes Service whose ClusterIP answers for a registration. */
export interface Placement {
  /** the registry's id */
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly addresses: readonly Address[];
  /** named by an object, or found by the join */
  readonly from: 'service' | 'join';
  /** the Service's own port for it, when the object says which */
  readonly port: number | undefined;
  /** registered ports and the Service's ports in front of them, where they differ */
  readonly ports: readonly (readonly [registered: number, service: number])[];
}

const VALUE_PREFIX = 'placement ';

interface StoredPlacement extends Omit<Placement, 'addresses' | 'port'> {
  readonly addresses: readonly string[];
  readonly port?: number;
}

/**
 * Which registrations stand behind which Services: the ledger of addresses that are not ours to give. Recorded, so that
 * a join stays after a restart, and answers are the same before the API server is reached.
 */
export class Placements {
  readonly #byKey = new Map<string, Placement>();
  #changes: StoreChange[] = [];

  /** @param values what the store holds */
  constructor(values: ReadonlyMap<string, string>) {
    for (const [name, value] of values) {
      if (!name.startsWith(VALUE_PREFIX)) continue;
      const stored = JSON.parse(value) as StoredPlacement;
      const addresses = stored.addresses.flatMap((text) => parseAddress(text) ?? []);
      this.#byKey.set(name.slice(VALUE_PREFIX.length), { ...stored, addresses, port: stored.port });
    }
  }

  get size(): number {
    return this.#byKey.size;
  }

  of(key: ServiceKey): Placement | undefined {
    return this.#byKey.get(serviceKeyText(key));
  }

  /** @returns the placement as it is kept: the one before, when nothing changed */
  put(key: ServiceKey, placement: Placement): Placement {
    const text = serviceKeyText(key);
    const before = this.#byKey.get(text);
    const value = textOfPlacement(placement);
    if (before !== undefined && textOfPlacement(before) === value) return before;
    this.#byKey.set(text, placement);
    this.#changes.push({ kind: 'put-value', name: VALUE_PREFIX + text, value });
    return placement;
  }

  delete(key: ServiceKey): void {
    const text = serviceKeyText(key);
    if (this.#byKey.delete(text)) this.#changes.push({ kind: 'delete-value', name: VALUE_PREFIX + text });
  }

  /** Changes since the last call, in order. */
  takeChanges(): StoreChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }
}

function textOfPlacement(placement: Placement): string {
  return JSON.stringify({ ...placement, addresses: placement.addresses.map(addressText) });
}
