/** One instance as a Eureka tells it. Pure, and never throws, whatever it is. */
import { bad, ok, type Result } from '../../base/result.ts';
import type { MetadataKeys } from '../application-instances.ts';
import { readHost, readPort, shown } from '../endpoint-text.ts';
import { readTraits } from '../endpoint-traits.ts';
import type { Endpoint } from '../registration.ts';
import type { StringPool } from '../string-pool.ts';

export interface EurekaInstance {
  /** the application that the server keeps it under, in capitals */
  readonly app: string;
  readonly id: string;
  /** `UP`, `DOWN`, `STARTING`, `OUT_OF_SERVICE`, `UNKNOWN`; an override is in it already */
  readonly status: string;
  /** what callers call it: its `vipAddress`, which may be several, else its application */
  readonly names: readonly string[];
  /** undefined: it has none that can be called */
  readonly endpoint: Endpoint | undefined;
  /** of the keys that mean something to us */
  readonly metadata: Readonly<Record<string, string>>;
  /** when this server heard of it first, Unix milliseconds; 0: it does not say. A server that restarts hears anew. */
  readonly registeredAt: number;
}

export interface ToldInstance {
  readonly instance: EurekaInstance;
  /** of a delta */
  readonly isDeleted: boolean;
}

const MAX_APP = 255;
const MAX_ID = 300;
const MAX_NAMES = 16;
/** What Spring Cloud's load balancer takes for one that says none. */
const SPRING_WEIGHT = 1;
const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

type Fields = Readonly<Record<string, unknown>>;

/** @returns why it is none, for people */
export function readInstance(json: string, keys: MetadataKeys, pool: StringPool): Result<ToldInstance> {
  const said = parseObject(json);
  if (said === undefined) return bad('an instance that is no JSON object');
  const app = text(said['app']).toUpperCase();
  const id = text(said['instanceId']) || text(said['hostName']);
  const about = `instance ${shown(id)} of ${shown(app)}`;
  if (app === '' || app.length > MAX_APP)
    return bad(`${about}: no application of up to ${MAX_APP} characters`);
  if (id === '' || id.length > MAX_ID) return bad(`${about}: no id of up to ${MAX_ID} characters`);
  const status = text(said['status']);
  if (!/^[A-Z_]{1,32}$/.test(status)) return bad(`${about}: no status`);
  return ok({
    instance: {
      app: pool.take(app),
      id,
      status: pool.take(status),
      names: namesIn(said, app).map((name) => pool.take(name)),
      endpoint: endpointIn(said, pool),
      metadata: metadataIn(fields(said['metadata']), keys, pool),
      registeredAt: Number(text(fields(said['leaseInfo'])?.['registrationTimestamp'])) || 0,
    },
    isDeleted: said['actionType'] === 'DELETED',
  });
}

function namesIn(said: Fields, app: string): readonly string[] {
  const all = (text(said['vipAddress']) || text(said['secureVipAddress'])).split(',', MAX_NAMES);
  const names = new Set(all.map((name) => name.trim()).filter((name) => name !== ''));
  return names.size === 0 ? [app.toLowerCase()] : [...names];
}

/** The plain port where it is on, else the one for TLS. */
function endpointIn(said: Fields, pool: StringPool): Endpoint | undefined {
  const host = readHost(text(said['ipAddr'])) ?? readHost(text(said['hostName']));
  if (host === undefined) return undefined;
  const metadata = fields(said['metadata']);
  const { region, zone, weight } = metadata ?? {};
  const traits = readTraits({ region, zone, weight, usualWeight: SPRING_WEIGHT }, pool);
  for (const [key, protocol] of [
    ['port', 'http'],
    ['securePort', 'https'],
  ] as const) {
    const own = said[key];
    const port = readPort(text(fields(own)?.['$'] ?? own));
    const isOn = text(fields(own)?.['@enabled'] ?? true) === 'true';
    if (port !== undefined && isOn) return { host: pool.take(host), port, protocol, ...traits };
  }
  return undefined;
}

function metadataIn(
  said: Fields | undefined,
  keys: MetadataKeys,
  pool: StringPool,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const key of [keys.interfaces, keys.version, keys.group]) {
    const value = said !== undefined && Object.hasOwn(said, key) ? text(said[key]) : '';
    // `@class` tells Java which map it was
    if (value !== '' && key !== '@class') found[key] = pool.take(value);
  }
  return Object.keys(found).length === 0 ? NO_METADATA : found;
}

function parseObject(json: string): Fields | undefined {
  try {
    return fields(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** Numbers and truth are written as texts in some places, and as themselves in others. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}
