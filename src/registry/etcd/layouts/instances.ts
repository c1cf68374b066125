/** What the layouts share that name applications: instances in JSON, and how they are told apart. */
import { type ApplicationInstance, registrationsOfInstances } from '../../application-instances.ts';
import { readHost, readPort, shown } from '../../endpoint-text.ts';
import { type EndpointTraits, readTraits } from '../../endpoint-traits.ts';
import type { Endpoint } from '../../registration.ts';
import type { EtcdLayout, LayoutContext, Place, Reading } from './layout.ts';

/** One instance says little; a value over this is something else. */
const MAX_VALUE = 65_536;

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

/** `SERVICE/INSTANCE`, where a service may have slashes of its own. */
export function placeInService(key: string): Place | undefined {
  const at = key.lastIndexOf('/');
  return at < 1 || at === key.length - 1
    ? undefined
    : { service: key.slice(0, at), entry: key.slice(at + 1) };
}

export function badEntry(reason: string, detail: string): Reading {
  return { kind: 'bad', reason, detail };
}

/** @returns undefined: the value is no JSON object of a reasonable size */
export function readObject(value: string): Readonly<Record<string, unknown>> | undefined {
  if (value.length > MAX_VALUE) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

export function notAnObject(entry: string, expected: string): Reading {
  return badEntry('value', `${shown(entry)}: its value is no JSON such as ${expected}`);
}

/** `10.0.0.1:50051`, `[fd00::1]:50051`, `host:50051` */
export function readHostPort(
  text: unknown,
  protocol: string,
  pool: LayoutContext['pool'],
): Endpoint | undefined {
  if (typeof text !== 'string') return undefined;
  const at = text.lastIndexOf(':');
  const host = at < 1 ? undefined : readHost(text.slice(0, at));
  const port = readPort(text.slice(at + 1));
  return host === undefined || port === undefined ? undefined : { host: pool.take(host), port, protocol };
}

/** Where an instance is and what it weighs, as its metadata says. @param ownWeight what stands beside the metadata */
export function traitsIn(
  metadata: unknown,
  { pool }: LayoutContext,
  usualWeight: number,
  ownWeight?: unknown,
): EndpointTraits {
  const { region, zone, weight } = isObject(metadata) ? metadata : NO_METADATA;
  return readTraits({ region, zone, weight: ownWeight ?? weight, usualWeight }, pool);
}

/** Of whatever stands there only what is wanted: the rest may be large, and anything. */
export function readMetadata(
  metadata: unknown,
  { pool, keys }: LayoutContext,
  version: unknown = undefined,
): Readonly<Record<string, string>> {
  const said = isObject(metadata) ? metadata : NO_METADATA;
  const found: Record<string, string> = {};
  if (typeof version === 'string' && version !== '') found[keys.version] = pool.take(version);
  for (const key of [keys.interfaces, keys.version, keys.group]) {
    const value = Object.hasOwn(said, key) ? said[key] : undefined;
    if (typeof value === 'string' && value !== '') found[key] = pool.take(value);
  }
  return Object.keys(found).length === 0 ? NO_METADATA : found;
}

/** The application by its instances; an instance with two keys, as after a restart, is one. */
export const registerApplication: EtcdLayout['register'] = (service, facts, source, { keys }, skipped) => {
  const instances = distinct(facts.flat() as ApplicationInstance[]);
  return registrationsOfInstances(service, instances, keys, source, (reason, detail) =>
    skipped({ reason, detail }),
  );
};

export function distinct(instances: readonly ApplicationInstance[]): ApplicationInstance[] {
  const known = new Map<string, ApplicationInstance>();
  for (const instance of instances) {
    const { endpoint, metadata } = instance;
    known.set(JSON.stringify([endpoint, metadata]), instance);
  }
  return [...known.values()];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
