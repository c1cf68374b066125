import { type Address, addressText, parseAddress } from '../name/address.ts';
import { type ServiceKey, serviceKeyText } from '../name/interface-name.ts';

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

/** Which registration stands behind which Service. */
export interface PlacementRow {
  /** Dubbo's service key */
  readonly key: string;
  /** undefined: behind none any more */
  readonly placement: Placement | undefined;
}

export interface PlacementsView {
  of(key: ServiceKey): Placement | undefined;
  /** when another replica wrote it, Unix milliseconds; undefined when this one did */
  heardAt(key: ServiceKey): number | undefined;
}

/**
 * Which registrations stand behind which Services: the ledger of addresses that are not ours to give. Recorded, so that
 * a join stays after a restart, and replicas agree.
 */
export class Placements implements PlacementsView {
  readonly #byKey = new Map<string, Placement>();
  readonly #heard = new Map<string, number>();

  get size(): number {
    return this.#byKey.size;
  }

  of(key: ServiceKey): Placement | undefined {
    return this.#byKey.get(serviceKeyText(key));
  }

  heardAt(key: ServiceKey): number | undefined {
    return this.#heard.get(serviceKeyText(key));
  }

  apply({ key, placement }: PlacementRow): void {
    this.#heard.delete(key);
    if (placement === undefined) this.#byKey.delete(key);
    else this.#byKey.set(key, placement);
  }

  /** Takes over what another replica wrote. @returns whether it was news */
  adopt(row: PlacementRow, now: number): boolean {
    const before = this.#byKey.get(row.key);
    if (placementText(before) === placementText(row.placement)) return false;
    this.apply(row);
    if (row.placement !== undefined) this.#heard.set(row.key, now);
    return true;
  }
}

/** Placements that are being decided, over those that stand. */
export class PlacementsDraft implements PlacementsView {
  readonly steps: PlacementRow[] = [];
  readonly #placements: PlacementsView;
  readonly #changed = new Map<string, Placement | undefined>();

  constructor(placements: PlacementsView) {
    this.#placements = placements;
  }

  of(key: ServiceKey): Placement | undefined {
    const text = serviceKeyText(key);
    return this.#changed.has(text) ? this.#changed.get(text) : this.#placements.of(key);
  }

  heardAt(key: ServiceKey): number | undefined {
    return this.#placements.heardAt(key);
  }

  /** @returns the placement as it is kept: the one before, when nothing changed */
  put(key: ServiceKey, placement: Placement): Placement {
    const before = this.of(key);
    if (before !== undefined && placementText(before) === placementText(placement)) return before;
    this.#set(key, placement);
    return placement;
  }

  delete(key: ServiceKey): void {
    if (this.of(key) !== undefined) this.#set(key, undefined);
  }

  #set(key: ServiceKey, placement: Placement | undefined): void {
    const text = serviceKeyText(key);
    this.#changed.set(text, placement);
    this.steps.push({ key: text, placement });
  }
}

/** As stores keep it: JSON with readable addresses. */
export function placementText(placement: Placement | undefined): string {
  if (placement === undefined) return '';
  const { cluster, namespace, name, uid, addresses, from, port, ports } = placement;
  return JSON.stringify({
    cluster,
    namespace,
    name,
    uid,
    addresses: addresses.map(addressText),
    from,
    ...(port === undefined ? {} : { port }),
    ports,
  });
}

/** @returns undefined for what {@link placementText} did not write */
export function parsePlacement(text: string): Placement | undefined {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { cluster, namespace, name, uid, addresses, from, port, ports } = stored as Partial<
    Omit<Placement, 'addresses'> & { readonly addresses: readonly string[] }
  >;
  if (typeof cluster !== 'string' || typeof namespace !== 'string' || typeof name !== 'string')
    return undefined;
  return {
    cluster,
    namespace,
    name,
    uid: typeof uid === 'string' ? uid : '',
    addresses: Array.isArray(addresses) ? addresses.flatMap((one) => parseAddress(String(one)) ?? []) : [],
    from: from === 'service' ? 'service' : 'join',
    port: typeof port === 'number' ? port : undefined,
    ports: Array.isArray(ports) ? ports : [],
  };
}
