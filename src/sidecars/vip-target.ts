import type { EventLine } from '../event-line/event-line.ts';
import { type Address, parseAddress } from '../name/address.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { Locality } from '../name/localities.ts';
import type { AboutService } from '../plan/about.ts';
import type { Endpoint } from '../registry/registration.ts';

/** An endpoint that a sidecar may call. */
export interface TargetEndpoint {
  readonly host: string;
  readonly port: number;
  /** as far as its registry says it */
  readonly locality: Locality | undefined;
  /** see {@link Endpoint.weight}; at least 1 */
  readonly weight: number | undefined;
  /** it takes no connections, or its registry gives it no calls; never of all */
  readonly isAvoided: boolean;
}

/** What a VIP and a port lead to. */
export interface VipTarget {
  readonly interface: InterfaceName;
  /** in an order that is the same on every replica */
  readonly endpoints: readonly TargetEndpoint[];
  /** those that are given by host name, which nobody resolves here */
  readonly withoutAddress: number;
}

/** Whose a VIP is; undefined: nobody is answered with it, or it is a ClusterIP, which Kubernetes leads. */
export function ownerOf(line: EventLine, address: Address): InterfaceName | undefined {
  const row = line.ledger.rowOf(address);
  return row === undefined || row.retiredAt !== null ? undefined : row.owner.interface;
}

/**
 * What is behind a VIP on one port (contract 1.8): all live endpoints of the protocols that are registered with that port,
 * whatever their own ports are.
 *
 * @returns undefined: nothing is registered there
 */
export function vipTarget(line: EventLine, address: Address, port: number): VipTarget | undefined {
  const name = ownerOf(line, address);
  const services = name === undefined ? [] : servicesAt(line, name, address);
  const told = services.map((service) => ({ service, endpoints: line.feed.endpointsOf(service.endpoints) }));
  const protocols = protocolsOn(told, port);
  if (name === undefined || protocols.size === 0) return undefined;
  const isRefused = line.intake.isRefusing;
  const endpoints = new Map<string, TargetEndpoint>();
  let withoutAddress = 0;
  for (const endpoint of told.flatMap(({ endpoints: all }) => all)) {
    if (!protocols.has(endpoint.protocol)) continue;
    const { host, port: own, locality, weight } = endpoint;
    if (parseAddress(host) === undefined) withoutAddress++;
    else {
      endpoints.set(`${host} ${own}`, {
        host,
        port: own,
        locality,
        weight: weight === 0 ? undefined : weight,
        isAvoided: weight === 0 || isRefused?.(endpoint) === true,
      });
    }
  }
  const ordered = [...endpoints].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  return { interface: name, endpoints: asCallable(ordered), withoutAddress };
}

/** Ports on which a VIP of an interface listens, each once, the smallest first. */
export function portsAt(line: EventLine, name: InterfaceName, address: Address): number[] {
  const ports = new Set<number>();
  for (const service of servicesAt(line, name, address)) {
    const endpoints = line.feed.endpointsOf(service.endpoints);
    if (service.port !== undefined) ports.add(service.port);
    for (const { protocol, port } of endpoints) if (!isDeclared(service, protocol)) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}

function servicesAt(line: EventLine, name: InterfaceName, address: Address): readonly AboutService[] {
  const services = line.feed.published(name)?.about.services ?? [];
  return services.filter(({ vip }) => vip.behind === undefined && vip.addresses.includes(address));
}

interface Told {
  readonly service: AboutService;
  readonly endpoints: readonly Endpoint[];
}

/** As SRV of its names says: a registered port is that of its protocol; for other protocols each endpoint's own. */
function protocolsOn(told: readonly Told[], port: number): Set<string> {
  const protocols = new Set<string>();
  for (const { service, endpoints } of told) {
    if (service.port === port) protocols.add(service.protocol);
    for (const endpoint of endpoints) {
      if (endpoint.port === port && !isDeclared(service, endpoint.protocol)) protocols.add(endpoint.protocol);
    }
  }
  return protocols;
}

function isDeclared({ port, protocol }: AboutService, other: string): boolean {
  return port !== undefined && protocol === other;
}

/** Where all refuse it is rather the way to them that is broken. */
function asCallable(endpoints: readonly TargetEndpoint[]): readonly TargetEndpoint[] {
  if (endpoints.some(({ isAvoided }) => !isAvoided)) return endpoints;
  return endpoints.map((endpoint) => ({ ...endpoint, isAvoided: false }));
}
