import { hash } from 'node:crypto';
import { MAX_LABEL } from './domain-name.ts';

/** 8 hex digits of SHA-256: the same on every replica. */
export function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 8);
}

/** A label as it is, or, over `limit` octets, its start with `-` and a hash of the whole at its end. */
export function shortenLabel(label: string, limit = MAX_LABEL): string {
  return label.length <= limit ? label : hashedLabel(label, label, limit);
}

/** `label` with `-` and a hash of `hashed` behind it, within `limit` octets. */
export function hashedLabel(label: string, hashed: string, limit = MAX_LABEL): string {
  const suffix = `-${shortHash(hashed)}`;
  return label.slice(0, limit - suffix.length) + suffix;
}

/** A label of a structured domain: `_`, `$` and what else no host name has become `-`; letter case stays. */
export function hostLabel(text: string): string {
  return text.replace(/[^A-Za-z0-9-]/g, '-');
}

/** A version's, group's, application's or protocol's value in a label: lower case, everything outside a-z 0-9 is `-`. */
export function valueLabel(value: string): string {
  const known = valueLabels.get(value);
  if (known !== undefined) return known;
  const label = value.toLowerCase().replace(/[^a-z0-9]/g, '-');
  if (valueLabels.size >= MAX_KNOWN) valueLabels.clear();
  valueLabels.set(value, label);
  return label;
}

/** A few values are asked for again and again: a protocol or a version for each of a hundred thousand interfaces. */
const valueLabels = new Map<string, string>();
const MAX_KNOWN = 4096;

export function versionLabel(version: string, limit = MAX_LABEL): string {
  return shortenLabel(`ver-${valueLabel(version)}`, limit);
}

export function groupLabel(group: string, limit = MAX_LABEL): string {
  return shortenLabel(`grp-${valueLabel(group)}`, limit);
}

export function applicationLabel(application: string): string {
  return shortenLabel(valueLabel(application));
}

/** With `_tcp` behind it no longer than what every base name leaves room for, see `interface-domain.ts`. */
const MAX_PROTOCOL_LABEL = 45;

/** `_dubbo` for `dubbo` (RFC 2782). */
export function protocolLabel(protocol: string): string {
  return shortenLabel(`_${valueLabel(protocol)}`, MAX_PROTOCOL_LABEL);
}
