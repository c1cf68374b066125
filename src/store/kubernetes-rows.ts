import { createHash } from 'node:crypto';
import type { Kept } from '../kubernetes/informer.ts';
import type { ApiObject } from '../kubernetes/resource.ts';
import { type Address, addressText, parseAddress } from '../name/address.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import type { AddressRow, ServiceRow } from '../vip/ledger-rows.ts';
import { type PlacementRow, parsePlacement } from '../vip/placements.ts';

/*
 * Rows of the ledger as objects of the Kubernetes API, and back (`manifests/ledger`).
 */

/** In front of the keys of LedgerEntries, as version 0.1.0 has them too. */
export const SERVICE_PREFIX = 'service ';
export const PLACEMENT_PREFIX = 'placement ';
export const SERIAL_KEY = 'serial';

/** An object of `virtualips`: one address and whose it is. Its creation is the allocation. */
export interface VirtualIp extends ApiObject {
  readonly spec?: {
    readonly address?: string;
    readonly interface?: string;
    readonly version?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly retiredAt?: string;
  };
}

/** An object of `ledgerentries`: whatever else has to be remembered, as text by key. */
export interface LedgerEntry extends ApiObject {
  readonly spec?: { readonly key?: string; readonly value?: string };
}

export interface KeptAddress extends Kept {
  readonly row: AddressRow;
}

export interface KeptEntry extends Kept {
  readonly key: string;
  readonly value: string;
}

/** The order of services is that of their first sight by any replica; of a number the greater stands. */
export function mergeEntry(
  key: string,
  known: string,
  value: string,
): { readonly wanted: string; readonly stands: string | undefined } {
  const [theirs, ours] = [readService(key, known), readService(key, value)];
  if (theirs !== undefined && ours !== undefined) {
    const wanted = serviceValue({ ...theirs, retiredAt: ours.retiredAt });
    return { wanted, stands: theirs.ordinal === ours.ordinal ? undefined : wanted };
  }
  if (/^\d{1,15}$/.test(known) && /^\d{1,15}$/.test(value)) {
    return { wanted: Number(known) > Number(value) ? known : value, stands: undefined };
  }
  return { wanted: value, stands: undefined };
}

/** The address as RFC 5952 writes it with dashes: `10-96-0-1`, `fd00-10-96--5`; `0--1` for `::1`. */
export function nameOfAddress(address: Address): string {
  const text = addressText(address).replace(/[.:]/g, '-');
  return `${text.startsWith('-') ? '0' : ''}${text}${text.endsWith('-') ? '0' : ''}`;
}

export function addressOfName(name: string): Address | undefined {
  return parseAddress(/^\d+-\d+-\d+-\d+$/.test(name) ? name.replaceAll('-', '.') : name.replaceAll('-', ':'));
}

/** Readable, and unique by its hash: keys have letters and signs that names of objects may not have. */
export function nameOfKey(key: string): string {
  const readable = key
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 200)
    .replace(/-+$/, '');
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 12);
  return readable === '' ? hash : `${readable}-${hash}`;
}

export function keepAddress(object: ApiObject): KeptAddress | undefined {
  const { metadata, spec } = object as VirtualIp;
  const address = parseAddress(spec?.address ?? '');
  if (address === undefined || spec?.interface === undefined) return undefined;
  const owner: ServiceKey = {
    interface: spec.interface as InterfaceName,
    version: spec.version ?? '',
    group: spec.group ?? '',
  };
  const retiredAt = spec.retiredAt === undefined ? null : Date.parse(spec.retiredAt) || 0;
  const kind = spec.kind === 'pin' ? 'pin' : 'pool';
  return { resourceVersion: metadata.resourceVersion ?? '', row: { address, owner, kind, retiredAt } };
}

export function addressSpec({ address, owner, kind, retiredAt }: AddressRow): VirtualIp['spec'] {
  return {
    address: addressText(address),
    interface: owner.interface,
    ...(owner.version === '' ? {} : { version: owner.version }),
    ...(owner.group === '' ? {} : { group: owner.group }),
    kind,
    ...(retiredAt === null ? {} : { retiredAt: new Date(retiredAt).toISOString() }),
  };
}

export function keepEntry(object: ApiObject): KeptEntry | undefined {
  const { metadata, spec } = object as LedgerEntry;
  if (spec?.key === undefined || spec.value === undefined) return undefined;
  return { resourceVersion: metadata.resourceVersion ?? '', key: spec.key, value: spec.value };
}

export function serviceValue({ key, ordinal, firstSeenAt, retiredAt }: ServiceRow): string {
  return JSON.stringify({ ...key, ordinal, firstSeenAt, retiredAt });
}

/** @returns undefined for an entry that is none, or that cannot be read */
export function readPlacement(key: string, value: string): PlacementRow | undefined {
  if (!key.startsWith(PLACEMENT_PREFIX)) return undefined;
  const placement = parsePlacement(value);
  return placement === undefined ? undefined : { key: key.slice(PLACEMENT_PREFIX.length), placement };
}

export function readService(key: string, value: string): ServiceRow | undefined {
  if (!key.startsWith(SERVICE_PREFIX)) return undefined;
  try {
    const stored = JSON.parse(value) as ServiceKey & Omit<ServiceRow, 'key'>;
    const { interface: name, version, group, ordinal, firstSeenAt, retiredAt } = stored;
    return { key: { interface: name, version, group }, ordinal, firstSeenAt, retiredAt };
  } catch {
    return undefined;
  }
}
