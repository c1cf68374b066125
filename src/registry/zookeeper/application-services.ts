/**
 * Which services a Dubbo application has, as its application mode writes it. Pure, and never throws.
 */
import { bad, ok, type Result } from '../../base/result.ts';
import { checkServiceKey, type InterfaceName, parseInterfaceName } from '../../name/interface-name.ts';
import { objectIn, parseObject, textIn } from './service-instance.ts';

/** One service of one revision. */
export interface RevisionService {
  readonly interface: InterfaceName;
  readonly version: string;
  readonly group: string;
  /** `dubbo`, `tri`, …; '' when it does not say */
  readonly protocol: string;
}

/** One version and group of an interface, as the application that provides it described it when it was started last. */
export interface Definition {
  readonly version: string;
  readonly group: string;
  /** Unix milliseconds */
  readonly writtenAt: number;
}

/** ZooKeeper itself takes a megabyte, if nobody raised it. */
const MAX_OCTETS = 16 * 1024 * 1024;
const MAX_SERVICES = 10_000;

/** Reads `/dubbo/metadata/<application>/<revision>`: `{"services":{"g1/com.foo.A:1.0.0:dubbo":{"name",…}}}`. */
export function readRevision(data: Buffer): Result<RevisionService[]> {
  if (data.length > MAX_OCTETS) return bad(`${data.length} octets: no revision has so many`);
  const services = objectIn(parseObject(data.toString('utf8'))?.['services']);
  if (services === undefined) return bad('no JSON object with services');
  const read: RevisionService[] = [];
  for (const value of Object.values(services).slice(0, MAX_SERVICES)) {
    const service = objectIn(value);
    const name = parseInterfaceName(textIn(service?.['name']));
    const [version, group] = [concrete(service?.['version']), concrete(service?.['group'])];
    if (!name.ok || checkServiceKey(version, group) !== undefined) continue;
    read.push({ interface: name.value, version, group, protocol: textIn(service?.['protocol']) });
  }
  return ok(read);
}

/**
 * Reads `/dubbo/metadata/<interface>[/<version>][/<group>]/provider/<application>`: the definition of a service. Which of
 * the two a path has in between only the data says.
 */
export function readDefinition(data: Buffer): Result<Definition> {
  if (data.length > MAX_OCTETS) return bad(`${data.length} octets: no definition has so many`);
  const parameters = objectIn(parseObject(data.toString('utf8'))?.['parameters']);
  if (parameters === undefined) return bad('no JSON object with parameters');
  const [version, group] = [concrete(parameters['version']), concrete(parameters['group'])];
  const problem = checkServiceKey(version, group);
  if (problem !== undefined) return bad(problem);
  const writtenAt = Number(textIn(parameters['timestamp']));
  return ok({ version, group, writtenAt: Number.isFinite(writtenAt) ? writtenAt : 0 });
}

/** Reads `/dubbo/mapping/<interface>`: applications that have, or had, the interface. */
export function readMapping(data: Buffer): string[] {
  const text = data.length > MAX_OCTETS ? '' : data.toString('utf8');
  return [...new Set(text.split(',').map((application) => application.trim()))].filter((one) => one !== '');
}

function concrete(value: unknown): string {
  const text = textIn(value);
  return text === '*' ? '' : text;
}
