import type { InterfaceName } from '../name/interface-name.ts';
import type { OctetReader } from '../packed/octet-reader.ts';
import type { OctetWriter } from '../packed/octet-writer.ts';
import type { Claim, Registration, ServiceRef } from '../registry/registration.ts';

/*
 * A registration as octets: what rests in memory is what is stored. Its endpoints are a set of their own beside it, which
 * others may share.
 */

const TEXTS = ['application', 'organization', 'module', 'environment', 'namespace'] as const;
const CLAIM_KINDS = ['RPCService', 'Service', 'ConfigMap', 'ServiceEntry'] as const;
/** Bits behind those of {@link TEXTS}. */
const HAS = { port: 1 << 5, ttl: 1 << 6, vip: 1 << 7, service: 1 << 8, claim: 1 << 9 } as const;
/** Stands for the interface's name in a source: most sources are paths that contain it. */
const NAME_MARK = '\x01';

/** A registration without its interface and its endpoints, which are kept elsewhere. */
export type RegistrationBody = Omit<Registration, 'interface' | 'endpoints'>;

export function writeRegistration(writer: OctetWriter, registration: Registration): void {
  const { version, group, port, ttl, vip, service, claim } = registration;
  writer.text(version);
  writer.text(group);
  let has = 0;
  for (const [bit, field] of TEXTS.entries()) if (registration[field] !== '') has |= 1 << bit;
  if (port !== undefined) has |= HAS.port;
  if (ttl !== undefined) has |= HAS.ttl;
  if (vip !== undefined) has |= HAS.vip;
  if (service !== undefined) has |= HAS.service;
  if (claim !== undefined) has |= HAS.claim;
  writer.count(has);
  for (const field of TEXTS) if (registration[field] !== '') writer.text(registration[field]);
  writer.text(registration.protocol);
  if (port !== undefined) writer.count(port);
  if (ttl !== undefined) writer.count(ttl);
  if (vip !== undefined) writer.latin1(vip);
  if (service !== undefined) writeServiceRef(writer, service);
  if (claim !== undefined) writeClaim(writer, claim);
  writer.text(registration.source.replace(registration.interface, NAME_MARK));
}

/** @param name the interface that it is of */
export function readRegistration(reader: OctetReader, name: InterfaceName): RegistrationBody {
  const version = reader.text();
  const group = reader.text();
  const has = reader.count();
  const textOf = (bit: number) => ((has & (1 << bit)) === 0 ? '' : reader.text());
  // in the order in which they were written
  return {
    version,
    group,
    application: textOf(0),
    organization: textOf(1),
    module: textOf(2),
    environment: textOf(3),
    namespace: textOf(4),
    protocol: reader.text(),
    port: (has & HAS.port) === 0 ? undefined : reader.count(),
    ttl: (has & HAS.ttl) === 0 ? undefined : reader.count(),
    vip: (has & HAS.vip) === 0 ? undefined : (reader.latin1() as Registration['vip']),
    service: (has & HAS.service) === 0 ? undefined : readServiceRef(reader),
    claim: (has & HAS.claim) === 0 ? undefined : readClaim(reader),
    source: reader.text().replace(NAME_MARK, () => name),
  };
}

/** Whether octets, which have been on a disk, are what {@link writeRegistration} writes: each part, and nothing behind it. */
export function isRegistration(reader: OctetReader): boolean {
  reader.skipText();
  reader.skipText();
  const has = reader.count();
  for (const bit of TEXTS.keys()) if ((has & (1 << bit)) !== 0) reader.skipText();
  reader.skipText();
  if ((has & HAS.port) !== 0) reader.count();
  if ((has & HAS.ttl) !== 0) reader.count();
  if ((has & HAS.vip) !== 0) {
    const length = reader.count();
    if (length !== 4 && length !== 16) return false;
    reader.at += length;
  }
  if ((has & HAS.service) !== 0) {
    for (let i = 0; i < 3; i++) reader.skipText();
    reader.count();
    reader.skipText();
  }
  if ((has & HAS.claim) !== 0) {
    reader.at++;
    reader.skipText();
    reader.skipText();
    reader.at += 8;
  }
  reader.skipText();
  return has < HAS.claim << 1 && reader.at === reader.octets.length;
}

function writeServiceRef(writer: OctetWriter, { cluster, namespace, name, port, problem }: ServiceRef): void {
  writer.text(cluster);
  writer.text(namespace);
  writer.text(name ?? '');
  writer.count(port ?? 0);
  writer.text(problem ?? '');
}

function readServiceRef(reader: OctetReader): ServiceRef {
  const cluster = reader.text();
  const namespace = reader.text();
  const name = reader.text() || undefined;
  const port = reader.count() || undefined;
  return { cluster, namespace, name, port, problem: reader.text() || undefined };
}

function writeClaim(writer: OctetWriter, { kind, namespace, name, createdAt }: Claim): void {
  writer.u8(CLAIM_KINDS.indexOf(kind));
  writer.text(namespace);
  writer.text(name);
  writer.f64(createdAt);
}

function readClaim(reader: OctetReader): Claim {
  const kind = CLAIM_KINDS[reader.u8()] ?? 'ConfigMap';
  return { kind, namespace: reader.text(), name: reader.text(), createdAt: reader.f64() };
}
