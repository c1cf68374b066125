/*
 * Regular expressions (RE2) over the lower-cased, absolute names that CoreDNS matches. RE2 cannot look ahead, so what
 * must stay as it is has an expression of its own, which is tried first.
 */

export interface NameOptions {
  /** lower case, without the last dot, as all names here; bare names lead into the first */
  readonly zones: readonly string[];
  readonly clusterDomain: string;
  /** what else stands in a pod's search list: the domains of its node */
  readonly search: readonly string[];
  readonly packages: readonly string[];
}

/** A version, a group, a service or `_endpoints` in front of a call name. */
const PREFIXES = '(?:(?:ver-|grp-|_)[a-z0-9-]+\\.)*';

/**
 * Names of the shapes that Kubernetes gives to Services and pods (its DNS specification 1.1): `service.namespace.svc`,
 * `hostname.service.namespace.svc`, `_port._protocol.service.namespace.svc`, `address.namespace.pod`. One group: the
 * name without the last dot.
 */
export function kubernetesNames({ clusterDomain }: NameOptions): string {
  return `^((?:_[^.]+\\._)?(?:[^.]+\\.){2,3}(?:svc|pod)\\.${escaped(clusterDomain)})\\.$`;
}

/** Names below a zone, as they are or behind a domain of the search list. One group: the name below the zone. */
export function fullNames(options: NameOptions): string {
  const zones = options.zones.map(escaped);
  const suffixes = suffixesOf(options, [`\\.svc\\.${escaped(options.clusterDomain)}`]);
  return `^(.+\\.${oneOf(zones)})${oneOf(suffixes)}?\\.$`;
}

/**
 * Names of the packages, as they are or behind a domain of the search list. One group: the name without that domain.
 *
 * `com.foo.a.b.svc.cluster.local` may be `com.foo.a` asked in namespace `b`, or `com.foo.a.b` behind the second domain
 * of the list: it is taken for the former, since every resolver asks that first.
 */
export function bareNames(options: NameOptions): string {
  const packages = options.packages.map(packagePattern);
  return `^(${PREFIXES}${oneOf(packages)}\\..+?)${oneOf(suffixesOf(options, []))}?\\.$`;
}

/** Of two that match, the longer comes first. */
function suffixesOf({ clusterDomain, search }: NameOptions, more: readonly string[]): string[] {
  const domain = escaped(clusterDomain);
  const cluster = [`\\.[a-z0-9-]+\\.svc\\.${domain}`, ...more, `\\.${domain}`];
  return [...cluster, ...search.map((name) => `\\.${escaped(name)}`)];
}

function oneOf(alternatives: readonly string[]): string {
  return alternatives.length === 1 ? alternatives.join() : `(?:${alternatives.join('|')})`;
}

/** A call name has `-` for `_` and `$` too, see `name/interface-domain.ts`. */
function packagePattern(name: string): string {
  return name
    .split('.')
    .map((label) => label.replace(/[_$]/g, (character) => `[${character}-]`))
    .join('\\.');
}

/** Of names whose labels are letters, digits, `-` and `_`. */
function escaped(name: string): string {
  return name.replaceAll('.', '\\.');
}
