import { MAX_LABEL, MAX_NAME, type Prefix, prefixOf } from './domain-name.ts';
import type { InterfaceName } from './interface-name.ts';
import { groupLabel, hashedLabel, hostLabel, shortenLabel, versionLabel } from './labels.ts';

/**
 * Names of one interface relative to a zone, made so that every prefixed form fits 255 octets.
 *
 * Reserved in front of the base name: an instance's label and `_endpoints` (an IPv6 address takes 39 octets), and
 * 2 × 21 octets for a version's and a group's label. So the base never depends on which versions happen to be
 * registered, and the labels of versions and groups share what is left.
 */
const RESERVED_BELOW = 1 + 39 + 1 + '_endpoints'.length;
const RESERVED_FORMS = 2 * 21;

/** How many octets a base name may have under zones whose longest name takes `zoneLength` octets. */
export function baseLimit(zoneLength: number): number {
  return MAX_NAME - zoneLength - RESERVED_BELOW - RESERVED_FORMS;
}

/** How many octets each label of a version or group may have in front of a base of `baseLength` octets. */
export function formLabelLimit(zoneLength: number, baseLength: number): number {
  return Math.min(63, Math.floor((MAX_NAME - zoneLength - RESERVED_BELOW - baseLength) / 2) - 1);
}

export function formVersionLabel(version: string, limit: number): string {
  return versionLabel(version, limit);
}

export function formGroupLabel(group: string, limit: number): string {
  return groupLabel(group, limit);
}

/**
 * The labels as a prefix of at most `limit` octets. Over-long labels are shortened one by one; of an over-long name
 * the first label and as many of the last ones stay as fit, and the first gets a hash of the whole.
 *
 * @param hashed exact text that the hash is made of
 */
export function fitLabels(labels: readonly string[], limit: number, hashed: string): Prefix {
  if (labels.every((label) => label.length <= MAX_LABEL)) {
    const whole = prefixOf(...labels);
    if (whole !== undefined && whole.length <= limit) return whole;
  }
  const short = labels.map((label) => shortenLabel(label));
  const shortened = prefixOf(...short);
  if (shortened !== undefined && shortened.length <= limit) return shortened;
  const first = hashedLabel(short[0] ?? '', hashed);
  let kept: string[] = [];
  for (let i = short.length - 1; i > 0; i--) {
    const candidate = [short[i] ?? '', ...kept];
    if (octetLength(first, ...candidate) > limit) break;
    kept = candidate;
  }
  const fitted = prefixOf(first, ...kept);
  if (fitted === undefined) throw new Error(`no labels: ${hashed}`);
  return fitted;
}

function octetLength(...labels: string[]): number {
  return labels.reduce((sum, label) => sum + label.length + 1, 0);
}

/** The call name in its spellings: as registered, and with `-` for `$` and `_` where that differs. */
export function callNameLabels(name: InterfaceName): string[][] {
  const exact = name.split('.');
  if (!/[$_]/.test(name)) return [exact];
  const host = exact.map(hostLabel);
  return host.join('.') === name ? [exact] : [exact, host];
}

/** The labels with `-` and a hash of `hashed` on the first one: the name of the newer of two that fall together. */
export function withHash(labels: readonly string[], hashed: string): string[] {
  return [hashedLabel(labels[0] ?? '', hashed), ...labels.slice(1)];
}
