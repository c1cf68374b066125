/** Kitex's registry-etcd: `kitex/registry-etcd/<service>/<ip:port>` → `{"network":"tcp","address":"10.0.0.1:8888","weight":10,"tags":{}}`. */
import { shown } from '../../endpoint-text.ts';
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
import type { EtcdLayout } from './layout.ts';

/** What Kitex writes for one that sets none. */
const USUAL_WEIGHT = 10;

export const kitexLayout: EtcdLayout = {
  prefix: 'kitex/registry-etcd',
  directory: '',
  hasValues: true,
  placeOf: placeInService,
  read(entry, value, context) {
    const said = readObject(value);
    if (said === undefined) return notAnObject(entry, '{"network":"tcp","address":"10.0.0.1:8888"}');
    const endpoint = readHostPort(said['address'], 'http', context.pool);
    // a socket of the machine itself, for instance
    if (endpoint === undefined || (said['network'] ?? 'tcp') !== 'tcp')
      return badEntry('address', `${shown(entry)}: its address is no host:port of network tcp`);
    const { tags, weight } = said;
    const traits = traitsIn(tags, context, USUAL_WEIGHT, weight);
    const metadata = readMetadata(tags, context);
    return { kind: 'fact', fact: [{ endpoint: { ...endpoint, ...traits }, metadata }] };
  },
  register: registerApplication,
};
