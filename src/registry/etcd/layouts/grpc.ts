/** gRPC naming (etcd's `client/v3/naming/endpoints`): `<service>/<addr>` → `{"Op":0,"Addr":"10.0.0.1:50051","Metadata":…}`. */

import { checkServiceKey, parseInterfaceName } from '../../../name/interface-name.ts';
import type { ApplicationInstance } from '../../application-instances.ts';
import { shown } from '../../endpoint-text.ts';
import { type ProviderFact, registrationsOfProviders } from '../../provider-directory.ts';
import {
  badEntry,
  distinct,
  notAnObject,
  placeInService,
  readHostPort,
  readMetadata,
  readObject,
  registerApplication,
  traitsIn,
} from './instances.ts';
import type { EtcdLayout } from './layout.ts';

const DELETE = 1;
/** gRPC writes none; who does in its metadata means a hundredth part of the usual one, as Dubbo and Kratos do. */
const USUAL_WEIGHT = 100;

export const grpcLayout: EtcdLayout = {
  prefix: undefined,
  directory: '',
  hasValues: true,
  placeOf: placeInService,
  read(entry, value, context) {
    const said = readObject(value);
    if (said === undefined) return notAnObject(entry, '{"Op":0,"Addr":"10.0.0.1:50051"}');
    if (said['Op'] === DELETE) return { kind: 'none' };
    const endpoint = readHostPort(said['Addr'], 'grpc', context.pool);
    if (endpoint === undefined) return badEntry('address', `${shown(entry)}: its Addr is no host:port`);
    const { Metadata } = said;
    const traits = traitsIn(Metadata, context, USUAL_WEIGHT);
    return {
      kind: 'fact',
      fact: [{ endpoint: { ...endpoint, ...traits }, metadata: readMetadata(Metadata, context) }],
    };
  },
  register(service, facts, source, context, skipped) {
    const name = parseInterfaceName(service);
    // a qualified name is that of an interface
    if (!name.ok || !service.includes('.'))
      return registerApplication(service, facts, source, context, skipped);
    const providers: ProviderFact[] = [];
    for (const { endpoint, metadata } of distinct(facts.flat() as ApplicationInstance[])) {
      const version = metadata[context.keys.version] ?? '';
      const group = metadata[context.keys.group] ?? '';
      const problem = checkServiceKey(version, group);
      if (problem !== undefined) skipped({ reason: 'bad-version', detail: `${source}: ${problem}` });
      else providers.push({ ...endpoint, ...NOTHING_ELSE, version, group });
    }
    return registrationsOfProviders(name.value, source, providers, context.pool);
  },
};

const NOTHING_ELSE = { application: '', organization: '', module: '', environment: '' };
