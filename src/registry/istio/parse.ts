/** ServiceEntries as registrations. Pure, and never throws. */
import { parseAddress } from '../../name/address.ts';
import {
  checkServiceKey,
  type InterfaceName,
  parseInterfaceName,
  serviceKeyText,
} from '../../name/interface-name.ts';
import { readHost, shown } from '../endpoint-text.ts';
import { readTraits } from '../endpoint-traits.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from '../registration.ts';
import type { SkippedEntry } from '../skip-log.ts';
import type { KeptServiceEntry, ServiceEntrySpec, Workload } from './objects.ts';

export interface Reading {
  readonly registrations: readonly Registration[];
  readonly skipped: readonly SkippedEntry[];
}

/** What Istio takes for one without a weight. */
const USUAL_WEIGHT = 1;

type EntryPort = ServiceEntrySpec['ports'][number];

/**
 * One registration for each host, and each version and group that its endpoints' labels tell apart.
 *
 * @param workloads those that the entry selects
 */
export function readServiceEntry(entry: KeptServiceEntry, workloads: readonly Workload[]): Reading {
  const source = `ServiceEntry ${entry.namespace}/${entry.name}`;
  const skipped: SkippedEntry[] = [];
  const skip = (reason: string, detail: string) =>
    skipped.push({ reason, detail: `${source}: ${shown(detail)}` });
  const { spec } = entry;
  if (spec === undefined) {
    skip('invalid', entry.problem ?? '');
    return { registrations: [], skipped };
  }
  const vip = entry.vips.map((text) => parseAddress(text)).find((address) => address !== undefined);
  const said = {
    ...EMPTY_REGISTRATION,
    vip,
    port: spec.ports[0]?.number,
    protocol: spec.ports[0] === undefined ? 'tcp' : protocolOf(spec.ports[0]),
    namespace: entry.namespace,
    claim: { kind: 'ServiceEntry', namespace: entry.namespace, name: entry.name, createdAt: entry.createdAt },
    source,
  } as const;
  const registrations = namesOf(entry, spec, skip).flatMap((name) =>
    servicesOf(name, [...spec.endpoints, ...workloads], spec.ports, skip).map((service) => ({
      ...said,
      ...service,
    })),
  );
  return { registrations, skipped };
}

function namesOf(
  entry: KeptServiceEntry,
  { hosts }: ServiceEntrySpec,
  skip: (reason: string, detail: string) => void,
): InterfaceName[] {
  // of an entry with the annotation the host is the interface in lower case, and nothing else
  const wanted = entry.interface === undefined ? hosts : [entry.interface];
  const names = wanted.flatMap((text) => {
    const parsed = parseInterfaceName(text);
    if (!parsed.ok) skip('host', text.startsWith('*') ? `host ${text} is a wildcard` : parsed.reason);
    return parsed.ok ? [parsed.value] : [];
  });
  return [...new Set(names)];
}

type Service = Pick<Registration, 'interface' | 'version' | 'group' | 'endpoints'>;

/** By the labels `version` and `group` of endpoints; one without endpoints is a service all the same. */
function servicesOf(
  name: InterfaceName,
  workloads: readonly Workload[],
  ports: readonly EntryPort[],
  skip: (reason: string, detail: string) => void,
): Service[] {
  const services = new Map<string, Service & { readonly endpoints: Endpoint[] }>();
  for (const workload of workloads) {
    const [version, group] = [workload.labels['version'] ?? '', workload.labels['group'] ?? ''];
    const problem = checkServiceKey(version, group);
    if (problem !== undefined) {
      skip('label', problem);
      continue;
    }
    const key = serviceKeyText({ interface: name, version, group });
    const service = services.get(key) ?? { interface: name, version, group, endpoints: [] };
    services.set(key, service);
    service.endpoints.push(...endpointsOf(workload, ports, skip));
  }
  return services.size === 0
    ? [{ interface: name, version: '', group: '', endpoints: [] }]
    : [...services.values()];
}

function endpointsOf(
  { address, ports: own, locality, weight }: Workload,
  ports: readonly EntryPort[],
  skip: (reason: string, detail: string) => void,
): Endpoint[] {
  const host = readHost(address);
  if (host === undefined) {
    skip('address', `no usable address: '${address}'`);
    return [];
  }
  const [region, zone] = locality.split('/');
  const traits = readTraits({ region, zone, weight: weight || undefined, usualWeight: USUAL_WEIGHT });
  return ports.map((port) => ({
    host,
    port: own[port.name] ?? port.targetPort ?? port.number,
    protocol: protocolOf(port),
    ...traits,
  }));
}

/** Names of ports that say more than their protocol: `tcp-metaprotocol-dubbo` (Aeraki), `tcp-dubbo`, `grpc-web`. */
const RPC_PROTOCOLS = ['dubbo', 'tri', 'bolt', 'grpc', 'thrift', 'rest'] as const;

function protocolOf({ name, protocol }: EntryPort): string {
  const words = name.toLowerCase().split('-');
  return (
    RPC_PROTOCOLS.find((known) => words.includes(known)) ?? (protocol === '' ? 'tcp' : protocol.toLowerCase())
  );
}
