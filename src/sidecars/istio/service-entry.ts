import { createHash } from 'node:crypto';
import { bad, ok, type Result } from '../../base/result.ts';
import type { EventLine } from '../../event-line/event-line.ts';
import { encoded } from '../../grpc/messages.ts';
import { McpResourceSchema, ServiceEntrySchema } from '../../grpc/protos/istio_pb.ts';
import { addressText, parseAddress } from '../../name/address.ts';
import { type DomainName, join, toShortText } from '../../name/domain-name.ts';
import type { InterfaceName } from '../../name/interface-name.ts';
import { type Localities, localityText } from '../../name/localities.ts';
import type { AboutService } from '../../plan/about.ts';
import { USUAL_WEIGHT } from '../../registry/endpoint-traits.ts';

export interface EntryOptions {
  /** the zone in which hosts are named: the first one */
  readonly zone: DomainName;
  /** in which the entries stand, for istiod */
  readonly namespace: string;
  /** `aeraki`: `tcp-metaprotocol-dubbo` in place of `dubbo-20880` */
  readonly portNames: 'protocol' | 'aeraki';
  readonly localities: Localities;
}

/** A ServiceEntry as it is sent. */
export interface EncodedEntry {
  /** `istio.mcp.v1alpha1.Resource` */
  readonly octets: Uint8Array;
  readonly version: string;
}

const SERVICE_ENTRY = 'type.googleapis.com/istio.networking.v1alpha3.ServiceEntry';
const MESH_INTERNAL = 1;
const STATIC = 1;
const HTTP = new Set(['http', 'rest']);
const GRPC = new Set(['tri', 'grpc']);

/**
 * The ServiceEntry of an interface, or of an application, with a VIP of ours (contract 1.8).
 *
 * @returns undefined: it has none to have, since Kubernetes leads its ClusterIP, or it has no VIP; bad: Istio would not take it
 */
export function serviceEntryOf(
  line: EventLine,
  name: InterfaceName,
  options: EntryOptions,
): Result<EncodedEntry | undefined> {
  const published = line.feed.published(name);
  if (published === undefined) return ok(undefined);
  const services = published.about.services.filter(
    ({ vip }) => vip.behind === undefined && vip.addresses.length > 0,
  );
  const addresses = [...new Set(services.flatMap(({ vip }) => vip.addresses))];
  if (services.length === 0) return ok(undefined);
  const labels = [...published.callNames, published.domain].find((one) =>
    isHost(toShortText(join(one, options.zone))),
  );
  if (labels === undefined) return bad(`${name}: none of its names can be a host of Istio`);
  const host = toShortText(join(labels, options.zone)).toLowerCase();
  const told = services.map((service) => ({ service, endpoints: line.feed.endpointsOf(service.endpoints) }));
  const ports = portsOf(told, options.portNames);
  if (ports.length === 0) return bad(`${name}: it is registered without a port`);
  const entry = {
    hosts: [host],
    addresses: addresses.map(addressText),
    ports: ports.map(({ number, protocol, name: portName }) => ({
      number,
      name: portName,
      protocol: appProtocol(protocol),
    })),
    location: MESH_INTERNAL,
    resolution: STATIC,
    endpoints: endpointsOf(line, told, ports, options.localities),
  };
  const body = encoded(ServiceEntrySchema, entry);
  const version = createHash('sha256').update(body).digest('hex').slice(0, 16);
  const oldest = Math.min(...line.ledger.servicesOf(name).map(({ firstSeenAt }) => firstSeenAt));
  const octets = encoded(McpResourceSchema, {
    metadata: {
      name: `${options.namespace}/${host}`,
      createTime: { seconds: BigInt(Math.floor((Number.isFinite(oldest) ? oldest : 0) / 1000)) },
      version,
      annotations: { interface: name },
    },
    body: { typeUrl: SERVICE_ENTRY, value: body },
  });
  return ok({ octets, version });
}

/** Istio's own rule (`ValidateFQDN`): labels of letters, digits and hyphens, at most 63 octets each, 255 in all. */
function isHost(text: string): boolean {
  return (
    text.length <= 255 &&
    text.split('.').every((label) => /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/.test(label))
  );
}

interface Told {
  readonly service: AboutService;
  readonly endpoints: ReturnType<EventLine['feed']['endpointsOf']>;
}

interface EntryPort {
  readonly number: number;
  readonly protocol: string;
  readonly name: string;
}

/** As SRV has them, each number once; their names are unique. */
function portsOf(told: readonly Told[], style: EntryOptions['portNames']): EntryPort[] {
  const found = new Map<number, string>();
  for (const { service, endpoints } of told) {
    if (service.port !== undefined) found.set(service.port, found.get(service.port) ?? service.protocol);
    for (const { protocol, port } of endpoints) {
      if (service.port === undefined || service.protocol !== protocol)
        found.set(port, found.get(port) ?? protocol);
    }
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([number, protocol], i, all) => {
      const word = protocol.toLowerCase().replace(/[^a-z0-9]/g, '-');
      const isFirst = all.findIndex(([, other]) => other === protocol) === i;
      const aeraki = `tcp-metaprotocol-${word}${isFirst ? '' : `-${number}`}`;
      return {
        number,
        protocol,
        name: style === 'aeraki' && !isWeb(protocol) ? aeraki : `${word}-${number}`,
      };
    });
}

function isWeb(protocol: string): boolean {
  return HTTP.has(protocol) || GRPC.has(protocol);
}

function appProtocol(protocol: string): string {
  return HTTP.has(protocol) ? 'HTTP' : GRPC.has(protocol) ? 'GRPC' : 'TCP';
}

interface EntryEndpoint {
  readonly address: string;
  readonly ports: Record<string, number>;
  readonly locality: string;
  /** 0, and unset: as Istio's own default */
  readonly weight?: number;
}

/** One for each host: on each port of the entry the one that it has for that protocol. */
function endpointsOf(
  line: EventLine,
  told: readonly Told[],
  ports: readonly EntryPort[],
  localities: Localities,
) {
  const { isRefusing = () => false } = line.intake;
  const all = told
    .flatMap(({ endpoints }) => endpoints)
    .filter(({ host }) => parseAddress(host) !== undefined);
  const living = all.filter((endpoint) => endpoint.weight !== 0 && !isRefusing(endpoint));
  const areWeighed = living.some(({ weight }) => weight !== undefined);
  const endpoints = new Map<string, EntryEndpoint>();
  const atHost = new Map<string, EntryEndpoint[]>();
  for (const endpoint of living.length > 0 ? living : all) {
    const { host, port, protocol } = endpoint;
    const there = atHost.get(host) ?? [];
    atHost.set(host, there);
    for (const { name } of ports.filter((one) => one.protocol === protocol)) {
      // a host may have several of one protocol: then each is an endpoint
      const place = there.find((one) => one.ports[name] === undefined);
      if (place !== undefined) {
        place.ports[name] = port;
        continue;
      }
      const locality = endpoint.locality ?? localities.of(host);
      const made = {
        address: host,
        ports: { [name]: port },
        locality: locality === undefined ? '' : localityText(locality),
        ...(areWeighed ? { weight: endpoint.weight ?? USUAL_WEIGHT } : {}),
      };
      endpoints.set(`${host} ${name} ${port}`, made);
      there.push(made);
    }
  }
  return [...endpoints].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
