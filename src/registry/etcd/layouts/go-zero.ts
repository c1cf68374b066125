/** go-zero's discov: `<key>/<lease or id>` → `10.0.0.1:8080`; the key is the application. */
import { shown } from '../../endpoint-text.ts';
import { badEntry, placeInService, readHostPort, registerApplication } from './instances.ts';
import type { EtcdLayout } from './layout.ts';

const METADATA = Object.freeze({});

export const goZeroLayout: EtcdLayout = {
  prefix: undefined,
  directory: '',
  hasValues: true,
  placeOf: placeInService,
  read(entry, value, { pool }) {
    const endpoint = readHostPort(value, 'grpc', pool);
    if (endpoint === undefined) return badEntry('address', `${shown(entry)}: its value is no host:port`);
    return { kind: 'fact', fact: [{ endpoint, metadata: METADATA }] };
  },
  register: registerApplication,
};
