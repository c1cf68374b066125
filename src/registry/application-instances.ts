import { z } from 'zod';
import { parseApplicationName } from '../name/application-name.ts';
import {
  checkServiceKey,
  type InterfaceName,
  parseInterfaceName,
  serviceKeyText,
} from '../name/interface-name.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from './registration.ts';

/** Which keys of an instance's metadata say more of it than its application's name. */
export interface MetadataKeys {
  /** interfaces that the instance provides, parted by commas */
  readonly interfaces: string;
  readonly version: string;
  readonly group: string;
}

const key = (usual: string) => z.string().min(1).max(255).default(usual);

/** The key `metadata` of registries that know applications. */
export const metadataKeys = {
  metadata: z
    .strictObject({ interfaces: key('interfaces'), version: key('version'), group: key('group') })
    .prefault({}),
};

/** One instance of an application that takes calls. */
export interface ApplicationInstance {
  readonly endpoint: Endpoint;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An instance names so many interfaces at most: its metadata may hold anything. */
const MAX_INTERFACES = 1000;

/**
 * What the instances of one application register: the application itself, by version and group, and the interfaces that
 * their metadata lists.
 *
 * @param application as the registry writes it
 * @param source where a person finds it
 * @param skipped is told what could not be used
 */
export function registrationsOfInstances(
  application: string,
  instances: readonly ApplicationInstance[],
  keys: MetadataKeys,
  source: string,
  skipped: (reason: string, detail: string) => void,
): Registration[] {
  const subject = parseApplicationName(application);
  if (!subject.ok) {
    skipped('bad-application', `${source}: ${subject.reason}`);
    return [];
  }
  const found = new Map<string, Registration & { readonly endpoints: Endpoint[] }>();
  for (const { endpoint, metadata } of instances) {
    const said = (key: string): string => (Object.hasOwn(metadata, key) ? (metadata[key] ?? '') : '');
    const version = said(keys.version);
    const group = said(keys.group);
    const problem = checkServiceKey(version, group);
    if (problem !== undefined) {
      skipped('bad-version', `${source}: ${problem}`);
      continue;
    }
    const names = [subject.value, ...interfacesIn(said(keys.interfaces), source, skipped)];
    for (const name of new Set(names)) {
      const text = serviceKeyText({ interface: name, version, group });
      const known = found.get(text);
      if (known !== undefined) known.endpoints.push(endpoint);
      else {
        const { protocol, port } = endpoint;
        const said = {
          interface: name,
          version,
          group,
          application,
          protocol,
          port,
          source,
          endpoints: [endpoint],
        };
        found.set(text, { ...EMPTY_REGISTRATION, ...said });
      }
    }
  }
  return [...found.values()];
}

function interfacesIn(
  list: string,
  source: string,
  skipped: (reason: string, detail: string) => void,
): InterfaceName[] {
  const names = list
    .split(',', MAX_INTERFACES)
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.flatMap((text) => {
    const parsed = parseInterfaceName(text);
    if (parsed.ok) return [parsed.value];
    skipped('bad-interface', `${source}: ${parsed.reason}`);
    return [];
  });
}
