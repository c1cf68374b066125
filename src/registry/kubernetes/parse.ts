import { problemText } from '../../base/problem.ts';
import { checkServiceKey, parseInterfaceName, serviceKeyText } from '../../name/interface-name.ts';
import type { ClusterService } from '../cluster.ts';
import { parseInterfaces } from '../interfaces-document.ts';
import { type Claim, EMPTY_REGISTRATION, type Registration, type ServiceRef } from '../registration.ts';
import type { SkippedEntry } from '../skip-log.ts';
import type { InterfaceEntry, KeptConfigMap, KeptRpcService, KeptService, Notes } from './objects.ts';

/** What an object says, and what of it could not be used. */
export interface Reading {
  readonly registrations: readonly Registration[];
  readonly skipped: readonly SkippedEntry[];
}

/** What an object's namespace, and the Services in it, add to what the object says itself. */
export interface Surroundings {
  /** the registry's id */
  readonly cluster: string;
  readonly namespaceNotes: Notes | undefined;
}

/** The Service that an RPCService means, or why there is none. */
export type FoundService =
  | { readonly ok: true; readonly service: KeptService }
  | { readonly ok: false; readonly reason: 'ServiceNotFound' | 'Ambiguous'; readonly text: string };

export function readRpcService(object: KeptRpcService, found: FoundService, around: Surroundings): Reading {
  const { namespace, name, spec, createdAt } = object;
  const source = `RPCService ${namespace}/${name}`;
  if (object.problem !== undefined) {
    return {
      registrations: [],
      skipped: [{ reason: 'invalid-spec', detail: `${source}: ${object.problem}` }],
    };
  }
  const claim: Claim = { kind: 'RPCService', namespace, name, createdAt };
  const service = found.ok ? found.service : undefined;
  const shared = {
    ...common(object.notes, around, claim),
    application: object.application || service?.application || service?.service.name || spec.service || name,
    ttl: spec.ttl,
    source,
  };
  if (spec.organization !== '') shared.organization = spec.organization;
  const reading = new InterfaceReading(source);
  const read = (entries: readonly InterfaceEntry[], isAgent: boolean) => {
    for (const entry of entries) {
      const protocol = (isAgent ? entry.protocol : undefined) ?? spec.protocol;
      const port = resolvePort(service?.service, isAgent ? undefined : spec.port, protocol);
      // an agent knows the port that the pod listens on, a spec the Service's
      const registered = isAgent ? entry.port : undefined;
      const ref = refOf(
        found,
        around,
        namespace,
        registered === undefined ? port : undefined,
        spec.service ?? name,
      );
      reading.add(entry, {
        ...shared,
        protocol,
        port: registered ?? (service?.service.addresses.length ? undefined : (port ?? numberOf(spec.port))),
        service: ref,
      });
    }
  };
  read(spec.interfaces, false);
  if (spec.agent !== undefined) read(object.found, true);
  return reading;
}

/** Annotations of a plain Service (contract 1.7). */
export function readAnnotations(object: KeptService, around: Surroundings): Reading {
  const { service, notes } = object;
  const list = notes?.['interfaces'];
  if (notes === undefined || list === undefined) return { registrations: [], skipped: [] };
  const source = `Service ${service.namespace}/${service.name}`;
  const reading = new InterfaceReading(source);
  const claim: Claim = {
    kind: 'Service',
    namespace: service.namespace,
    name: service.name,
    createdAt: service.createdAt,
  };
  const wanted = notes['port'] === undefined ? undefined : (numberOf(notes['port']) ?? notes['port']);
  const protocol = notes['protocol'] || 'dubbo';
  const port = resolvePort(service, wanted, protocol);
  if (wanted !== undefined && port === undefined) {
    reading.leaveOut('port', `rpcdns.io/port '${wanted}': the Service has no such port`);
  }
  const ttl = readTtl(notes['ttl']);
  if (notes['ttl'] !== undefined && ttl === undefined) {
    reading.leaveOut('ttl', `rpcdns.io/ttl '${notes['ttl']}': expected seconds`);
  }
  const ref = refOf({ ok: true, service: object }, around, service.namespace, port, service.name);
  for (const text of list.split(',').map((part) => part.trim())) {
    if (text === '') continue;
    const [name = '', version = '', group = '', ...more] = text.split(':');
    if (more.length > 0) {
      reading.leaveOut(
        'interface-name',
        `'${text}': expected INTERFACE, INTERFACE:VERSION or INTERFACE:VERSION:GROUP`,
      );
      continue;
    }
    reading.add(
      { name, version, group },
      {
        ...common(notes, around, claim),
        application: object.application || service.name,
        ttl,
        source,
        protocol,
        port: service.addresses.length > 0 ? undefined : port,
        service: ref,
      },
    );
  }
  return reading;
}

/** One document of a ConfigMap, in the file registry's format; with anything wrong in it none of it is taken. */
export function readDocument(
  object: KeptConfigMap,
  key: string,
  text: string,
): Reading & { readonly isGood: boolean } {
  const { namespace, name, createdAt } = object;
  const parsed = parseInterfaces(`ConfigMap ${namespace}/${name} ${key}`, text);
  if (!parsed.ok) {
    const skipped = parsed.problems.map((problem) => ({
      reason: 'bad-document',
      detail: problemText(problem),
    }));
    return { registrations: [], skipped, isGood: false };
  }
  const claim: Claim = { kind: 'ConfigMap', namespace, name, createdAt };
  const registrations = parsed.registrations.map((registration) => ({
    ...registration,
    namespace: registration.namespace || namespace,
    claim,
  }));
  return { registrations, skipped: [], isGood: true };
}

/**
 * The port of a Service that an object means: the one of this number or name; without a wish the only one, or of several
 * the one that is called like the protocol.
 */
export function resolvePort(
  service: ClusterService | undefined,
  wanted: number | string | undefined,
  protocol: string,
): number | undefined {
  const ports = service?.ports ?? [];
  const number = numberOf(wanted);
  if (number !== undefined) return ports.find(({ port }) => port === number)?.port;
  if (wanted !== undefined) return ports.find(({ name }) => name === wanted)?.port;
  const [only] = ports;
  return ports.length === 1 ? only?.port : ports.find(({ name }) => name === protocol)?.port;
}

function refOf(
  found: FoundService,
  around: Surroundings,
  namespace: string,
  port: number | undefined,
  wanted: string,
): ServiceRef {
  const { cluster } = around;
  if (found.ok) return { cluster, namespace, name: found.service.service.name, port, problem: undefined };
  // a Service that is not there yet is known by its name when the object gives one
  const name = found.reason === 'ServiceNotFound' ? wanted : undefined;
  return { cluster, namespace, name, port, problem: `${found.reason}: ${found.text}` };
}

function common(notes: Notes | undefined, { namespaceNotes }: Surroundings, claim: Claim) {
  const note = (key: string) => notes?.[key] ?? namespaceNotes?.[key] ?? '';
  return {
    ...EMPTY_REGISTRATION,
    organization: note('organization'),
    module: note('module'),
    environment: note('environment'),
    namespace: claim.namespace,
    claim,
  };
}

function numberOf(text: number | string | undefined): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? value : undefined;
}

function readTtl(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined;
}

/** Collects registrations; of two entries for one service the first is taken. */
class InterfaceReading implements Reading {
  readonly registrations: Registration[] = [];
  readonly skipped: SkippedEntry[] = [];
  readonly #source: string;
  readonly #keys = new Set<string>();

  constructor(source: string) {
    this.#source = source;
  }

  add(
    { name, version, group }: InterfaceEntry,
    rest: Omit<Registration, 'interface' | 'version' | 'group'>,
  ): void {
    const parsed = parseInterfaceName(name);
    if (!parsed.ok) {
      this.leaveOut('interface-name', parsed.reason);
      return;
    }
    const reason = checkServiceKey(version, group);
    if (reason !== undefined) {
      this.leaveOut('bad-version-or-group', reason);
      return;
    }
    const registration: Registration = { ...rest, interface: parsed.value, version, group };
    const key = serviceKeyText(registration);
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.registrations.push(registration);
  }

  leaveOut(reason: string, text: string): void {
    this.skipped.push({ reason, detail: `${this.#source}: ${text}` });
  }
}
