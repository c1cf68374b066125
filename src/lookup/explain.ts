import type { EventLine } from '../event-line/event-line.ts';
import type { PublishedInterface } from '../feed/feed.ts';
import { endpointText } from '../intake/endpoint-sets.ts';
import { addressText } from '../name/address.ts';
import { applicationOf } from '../name/application-name.ts';
import { type DomainName, join, type Prefix, toShortText } from '../name/domain-name.ts';
import { type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import { localityText } from '../name/localities.ts';

/** What is known of an interface, or of an application that a registry knows by itself, for people and as JSON. */
export interface Explanation {
  /** of an application as keys of its services have it: `@user-service` */
  readonly interface: string;
  /** null: it is an interface */
  readonly application: string | null;
  readonly callNames: readonly string[];
  /** null: it has no name, because nobody may give it one */
  readonly domain: string | null;
  readonly services: readonly ServiceExplanation[];
  /** when its answers last changed, ISO 8601 */
  readonly changedAt: string | null;
  readonly conflicts: readonly string[];
  /** endpoints that are not answered, beyond `answers.maxRecords` */
  readonly leftOut: number;
  /** services that share a VIP, which a sidecar below layer 7 cannot tell apart */
  readonly sharing: number;
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
  /** those of them that take no connections; they are left out of `_endpoints`, unless all are here */
  readonly refusing: readonly string[];
  /** what is known of where some of them are and what they weigh: `dubbo://10.0.0.1:20880 zone hz/gz00a, weight 50` */
  readonly traits: readonly string[];
  readonly vips: readonly string[];
  readonly vipFrom: string;
  /** the Kubernetes Service whose ClusterIPs the VIPs are, `namespace/name` */
  readonly behind: string | null;
  /** why there is no VIP */
  readonly failure: string | null;
  /** registered nowhere any more, kept for `forgetAfter` */
  readonly remembered: boolean;
}

export function explain(line: EventLine, zone: DomainName, name: InterfaceName): Explanation | undefined {
  const published = line.feed.published(name);
  if (published === undefined) return refusedOnly(line, name);
  const absolute = (prefix: Prefix) => toShortText(join(prefix, zone));
  const { about, callNames, domain, changedAt } = published;
  return {
    interface: name,
    application: applicationOf(name) ?? null,
    callNames: callNames.map(absolute),
    domain: absolute(domain),
    services: servicesOf(line, published),
    changedAt: new Date(changedAt).toISOString(),
    conflicts: about.conflicts,
    leftOut: about.leftOut,
    sharing: about.sharing,
  };
}

/** Named by objects that may not name it, and by nobody else. */
function refusedOnly(line: EventLine, name: InterfaceName): Explanation | undefined {
  const refusals = line.refusalsOf(name);
  if (refusals.length === 0) return undefined;
  return {
    interface: name,
    application: applicationOf(name) ?? null,
    callNames: [],
    domain: null,
    services: [],
    changedAt: null,
    conflicts: refusals.map(({ text }) => text),
    leftOut: 0,
    sharing: 0,
  };
}

function servicesOf(line: EventLine, { about }: PublishedInterface): ServiceExplanation[] {
  const { isRefusing } = line.intake;
  return about.services.map(({ key, vip, endpoints, ...service }) => ({
    service: serviceKeyText(key),
    registries: service.registries,
    sources: service.sources,
    application: service.application,
    protocol: service.protocol,
    port: service.port ?? null,
    endpoints: line.feed.endpointsOf(endpoints).map(endpointText),
    refusing:
      isRefusing === undefined ? [] : line.feed.endpointsOf(endpoints).filter(isRefusing).map(endpointText),
    traits: line.feed.endpointsOf(endpoints).flatMap(traitsText),
    vips: vip.addresses.map(addressText),
    vipFrom: vip.from,
    behind: vip.behind === undefined ? null : `${vip.behind.namespace}/${vip.behind.name}`,
    failure: vip.failure ?? null,
    remembered: service.isRemembered,
  }));
}

function traitsText(endpoint: ReturnType<EventLine['feed']['endpointsOf']>[number]): string[] {
  const { locality, weight } = endpoint;
  const known = [
    ...(locality === undefined ? [] : [`zone ${localityText(locality)}`]),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
  ];
  return known.length === 0 ? [] : [`${endpointText(endpoint)} ${known.join(', ')}`];
}
