/** Dubbo 2's `etcd3://`: `/dubbo/<interface>/providers/<URL>`. The key says all; its value is the number of its lease. */
import {
  type ProviderFact,
  readDirectoryName,
  readProviderName,
  registrationsOfProviders,
} from '../../provider-directory.ts';
import type { EtcdLayout } from './layout.ts';

const PROVIDERS = '/providers/';

export const dubboLayout: EtcdLayout = {
  prefix: '/dubbo',
  directory: '/providers',
  hasValues: false,
  placeOf(key) {
    const at = key.indexOf('/');
    // configurators, routers, consumers, and the directories, which are keys too
    if (at < 1 || !key.startsWith(PROVIDERS, at)) return undefined;
    const service = key.slice(0, at);
    return readDirectoryName(service).kind === 'reserved'
      ? undefined
      : { service, entry: key.slice(at + PROVIDERS.length) };
  },
  read(entry, _value, { pool }) {
    const reading = readProviderName(entry);
    if (reading.kind !== 'provider') return reading;
    const shared = Object.entries(reading.provider).map(([key, value]) => [
      key,
      typeof value === 'string' ? pool.take(value) : value,
    ]);
    return { kind: 'fact', fact: Object.fromEntries(shared) as ProviderFact };
  },
  register(service, facts, source, { pool }, skipped) {
    const directory = readDirectoryName(service);
    if (directory.kind === 'bad')
      skipped({ reason: directory.reason, detail: `${source}: ${directory.detail}` });
    if (directory.kind !== 'interface') return [];
    return registrationsOfProviders(directory.name, source, facts as readonly ProviderFact[], pool);
  },
};
