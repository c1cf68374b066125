import { addressText } from '../name/address.ts';
import { type DomainName, join, keyOf, labelsAbove, type Prefix, toShortText } from '../name/domain-name.ts';
import { type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import type { Catalog } from './catalog.ts';
import type { Known } from './catalog-types.ts';
import { endpointText } from './merge.ts';

/** What is known of an interface, for people and as JSON. */
export interface Explanation {
  readonly interface: string;
  readonly callNames: readonly string[];
  /** null: it has no name, because nobody may give it one */
  readonly domain: string | null;
  readonly services: readonly ServiceExplanation[];
  /** when its answers last changed, ISO 8601 */
  readonly changedAt: string | null;
  readonly conflicts: readonly string[];
  /** endpoints that are not answered, beyond `answers.maxRecords` */
  readonly leftOut: number;
}

export interface ServiceExplanation {
  /** Dubbo's service key, `group/interface:version` */
  readonly service: string;
  readonly registries: readonly string[];
  readonly sources: readonly string[];
  readonly application: string;
  readonly protocol: string;
  readonly port: number | null;
  readonly endpoints: readonly string[];
  readonly vips: readonly string[];
  readonly vipFrom: string;
  /** the Kubernetes Service whose ClusterIPs the VIPs are, `namespace/name` */
  readonly behind: string | null;
  /** why there is no VIP */
  readonly failure: string | null;
  /** registered nowhere any more, kept for `forgetAfter` */
  readonly remembered: boolean;
}

/** The interface behind a relative name: its call name, its structured domain, or anything below them. */
export function interfaceAt(catalog: Catalog, relative: Prefix): InterfaceName | undefined {
  for (let at = 0; at < relative.length; at += relative.charCodeAt(at) + 1) {
    const owner = catalog.book.ownerOf(relative.slice(at) as Prefix);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** Finds the interface that a person means: a domain name in one of the zones, or an interface's own name. */
export function findInterface(
  catalog: Catalog,
  zones: readonly DomainName[],
  text: string,
  name: DomainName | undefined,
): InterfaceName | undefined {
  const literal = text as InterfaceName;
  if (catalog.known(literal) !== undefined || catalog.refusalsOf(literal).length > 0) return literal;
  for (const zone of zones) {
    const relative = name === undefined ? undefined : labelsAbove(keyOf(name), keyOf(zone));
    const found = relative === undefined ? undefined : interfaceAt(catalog, relative);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function explain(catalog: Catalog, zone: DomainName, name: InterfaceName): Explanation | undefined {
  const known = catalog.known(name);
  if (known === undefined) return refusedOnly(catalog, name);
  const absolute = (prefix: Prefix) => toShortText(join(prefix, zone));
  return {
    interface: name,
    callNames: known.names.callNames.map(absolute),
    domain: absolute(known.names.domain),
    services: servicesOf(catalog, known),
    changedAt: new Date(known.changedAt).toISOString(),
    conflicts: known.conflicts,
    leftOut: known.leftOut,
  };
}

/** Named by objects that may not name it, and by nobody else. */
function refusedOnly(catalog: Catalog, name: InterfaceName): Explanation | undefined {
  const refusals = catalog.refusalsOf(name);
  if (refusals.length === 0) return undefined;
  return {
    interface: name,
    callNames: [],
    domain: null,
    services: [],
    changedAt: null,
    conflicts: refusals.map(({ text }) => text),
    leftOut: 0,
  };
}

function servicesOf(catalog: Catalog, known: Known): ServiceExplanation[] {
  return known.placed.map(({ merged, vip }) => {
    const service = serviceKeyText(merged.key);
    const holders = catalog.sources.filter(({ options }) => merged.registries.includes(options.id));
    return {
      service,
      registries: merged.registries,
      sources: merged.sources,
      application: merged.application,
      protocol: merged.protocol,
      port: merged.port ?? null,
      endpoints: merged.endpoints.map(endpointText),
      vips: vip.addresses.map(addressText),
      vipFrom: vip.from,
      behind: vip.behind === undefined ? null : `${vip.behind.namespace}/${vip.behind.name}`,
      failure: vip.failure ?? null,
      remembered: holders.every(({ view }) => view.isRemembered(service)),
    };
  });
}
