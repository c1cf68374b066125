/**
 * Kratos: `/microservices/<name>/<id>` →
 * `{"id","name","version","metadata":{},"endpoints":["grpc://10.0.0.1:9000?isSecure=false","http://10.0.0.1:8000"]}`.
 */
import { shown } from '../../endpoint-text.ts';
import type { Endpoint } from '../../registration.ts';
import {
  badEntry,
  notAnObject,
  placeInService,
  readHostPort,
  readMetadata,
  readObject,
  registerApplication,
  traitsIn,
} from './instances.ts';
import type { EtcdLayout, LayoutContext } from './layout.ts';

/** An instance listens on so many addresses at most: its value may hold anything. */
const MAX_ENDPOINTS = 16;

/** What Kratos takes for one whose metadata says none. */
const USUAL_WEIGHT = 100;

export const kratosLayout: EtcdLayout = {
  prefix: '/microservices',
  directory: '',
  hasValues: true,
  placeOf: placeInService,
  read(entry, value, context) {
    const said = readObject(value);
    if (said === undefined) return notAnObject(entry, '{"name":"x","endpoints":["grpc://10.0.0.1:9000"]}');
    const list: readonly unknown[] = Array.isArray(said['endpoints']) ? said['endpoints'] : [];
    const endpoints = list.slice(0, MAX_ENDPOINTS).map((url) => readEndpoint(url, context.pool));
    const usable = endpoints.filter((endpoint) => endpoint !== undefined);
    if (usable.length === 0 || usable.length < endpoints.length)
      return badEntry('address', `${shown(entry)}: its endpoints are not all like grpc://10.0.0.1:9000`);
    const metadata = readMetadata(said['metadata'], context, said['version']);
    const traits = traitsIn(said['metadata'], context, USUAL_WEIGHT);
    return {
      kind: 'fact',
      fact: usable.map((endpoint) => ({ endpoint: { ...endpoint, ...traits }, metadata })),
    };
  },
  register: registerApplication,
};

function readEndpoint(url: unknown, pool: LayoutContext['pool']): Endpoint | undefined {
  const match = typeof url === 'string' ? /^([a-z][a-z0-9+.-]{0,31}):\/\/([^/?#]+)/i.exec(url) : null;
  return match === null ? undefined : readHostPort(match[2], pool.take((match[1] ?? '').toLowerCase()), pool);
}
