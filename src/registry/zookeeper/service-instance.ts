/**
 * What stands at `/services/<application>/<id>`: JSON of Curator's service discovery, as Spring Cloud and Dubbo's application
 * mode write it. Pure, and never throws.
 */
import { bad, ok, type Result } from '../../base/result.ts';
import { readHost, readPort } from '../endpoint-text.ts';
import { readTraits } from '../endpoint-traits.ts';
import type { Endpoint } from '../registration.ts';

/** An instance of Dubbo's application mode. */
export interface DubboInstance {
  readonly kind: 'dubbo';
  /** one for each protocol */
  readonly endpoints: readonly Endpoint[];
  /** which services it has: the same for all instances that have the same; '' when it does not say */
  readonly revision: string;
  /** when it was started, Unix milliseconds; 0 when it does not say */
  readonly startedAt: number;
}

export interface SpringCloudInstance {
  readonly kind: 'spring-cloud';
  readonly endpoint: Endpoint;
  /** whether it takes calls: its status is UP, or it has none */
  readonly isUp: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

export type ServiceInstance = DubboInstance | SpringCloudInstance;

/** Larger ones are no instance of anything. */
export const MAX_INSTANCE_OCTETS = 256 * 1024;

const DUBBO_CLASS = 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance';

/** Reads one node. @returns why it is none, for people */
export function readServiceInstance(data: Buffer): Result<ServiceInstance> {
  if (data.length > MAX_INSTANCE_OCTETS) return bad(`${data.length} octets: no instance has so many`);
  const value = parseObject(data.toString('utf8'));
  if (value === undefined) return bad('no JSON object');
  const payload = objectIn(value['payload']);
  const metadata = textsIn(payload?.['metadata']);
  const host = readHost(textIn(value['address']));
  if (host === undefined) return bad(`no usable address: '${textIn(value['address']).slice(0, 100)}'`);
  if (textIn(payload?.['@class']) === DUBBO_CLASS || 'dubbo.endpoints' in metadata)
    return readDubbo(host, value['port'], metadata);
  const port = readPort(String(value['port'] ?? value['sslPort'] ?? ''));
  if (port === undefined) return bad('no port from 1 to 65535');
  const status = metadata['instance_status'];
  const isUp = status === undefined || status === 'UP';
  const endpoint = { host, port, protocol: 'http', ...traitsIn(metadata, SPRING_WEIGHT) };
  return ok({ kind: 'spring-cloud', endpoint, isUp, metadata });
}

const SPRING_WEIGHT = 1;
const DUBBO_WEIGHT = 100;

function traitsIn({ region, zone, weight }: Readonly<Record<string, string>>, usualWeight: number) {
  return readTraits({ region, zone, weight, usualWeight });
}

function readDubbo(host: string, ownPort: unknown, metadata: Record<string, string>): Result<DubboInstance> {
  const traits = traitsIn(metadata, DUBBO_WEIGHT);
  const listed = parseJson(metadata['dubbo.endpoints'] ?? '');
  const endpoints = (Array.isArray(listed) ? listed.slice(0, 100) : []).flatMap((one): Endpoint[] => {
    const { protocol, port: text } = objectIn(one) ?? {};
    const port = readPort(String(text));
    return typeof protocol === 'string' && protocol !== '' && port !== undefined
      ? [{ host, port, protocol, ...traits }]
      : [];
  });
  const port = readPort(String(ownPort));
  if (endpoints.length === 0 && port === undefined) return bad('no port from 1 to 65535');
  const startedAt = Number(metadata['timestamp']);
  return ok({
    kind: 'dubbo',
    endpoints:
      endpoints.length > 0 || port === undefined ? endpoints : [{ host, port, protocol: 'dubbo', ...traits }],
    revision: metadata['dubbo.metadata.revision'] ?? '',
    startedAt: Number.isFinite(startedAt) ? startedAt : 0,
  });
}

/** An object of JSON; undefined for everything else, whatever it is. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  return objectIn(parseJson(text));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function objectIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Those of its values that are texts. */
function textsIn(value: unknown): Record<string, string> {
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, text] of Object.entries(objectIn(value) ?? {}))
    if (typeof text === 'string') texts[key] = text;
  return texts;
}
