/** What the servers of the bench serve: interfaces as a registry and as a zone file, and A records as a zone file. */
import type { Resolver } from 'node:dns/promises';

export const REGISTRY_ZONE = 'rpc.cluster.local';
const STATIC_ZONE = 'bench.test';

/** Interfaces of one application. */
const PER_APPLICATION = 10;
const PACKAGES = 50;

/** One holding of names, the same for every server. */
export interface Catalogue {
  readonly id: string;
  readonly zone: string;
  /** how many names there are */
  readonly count: number;
  /** What is asked: name number `index`. All names are equally long. */
  nameAt(index: number): string;
  /** A name that is not there, as long as those that are. */
  missingAt(index: number): string;
  /** Where the name's CNAME leads; undefined: it has the A record itself. */
  targetAt(index: number): string | undefined;
  /** All of it as a master file. */
  zoneFile(): string;
  /** All of it as the file registry reads it; undefined: it has no interfaces. */
  readonly registryFile: (() => string) | undefined;
  /** Throws when the answer to name number `index` is wrong; @param style as rpc-dns is told, a zone file has CNAMEs */
  check(resolver: Resolver, index: number, style: Style): Promise<void>;
}

export type Style = 'cname' | 'flat';

/** Interfaces: each name is a CNAME and its A record. */
function calls(id: string, count: number): Catalogue {
  const interfaceAt = (index: number) => `com.bench.${packageOf(index)}.Service${padded(index, count)}`;
  const nameAt = (index: number) => `${interfaceAt(index)}.${REGISTRY_ZONE}`;
  const targetAt = (index: number) =>
    `Service${padded(index, count)}.${packageOf(index)}.bench.com.svc.${REGISTRY_ZONE}`;
  return {
    id,
    zone: REGISTRY_ZONE,
    count,
    nameAt,
    targetAt,
    missingAt: (index) => nameAt(index).replace('Service', 'Missing'),
    zoneFile: () =>
      masterFile(REGISTRY_ZONE, count, (index) => {
        const domain = targetAt(index);
        return `${nameAt(index)}. IN CNAME ${domain}.\n${domain}. IN A ${address(247, 0, index)}`;
      }),
    registryFile: () => {
      const entries = numbers(count).map((index) => {
        const application = `application-${Math.floor(index / PER_APPLICATION)}`;
        const endpoint = `${address(10, 30, index)}:20880`;
        return `  - { name: ${interfaceAt(index)}, application: ${application}, port: 20880, endpoints: ["${endpoint}"] }`;
      });
      return ['interfaces:', ...entries, ''].join('\n');
    },
    async check(resolver, index, style) {
      const name = nameAt(index);
      const addresses = await resolver.resolve4(name);
      if (addresses.length !== 1 || addresses[0]?.startsWith('247.') !== true) {
        throw new Error(`${name}: ${addresses.join(' ')} is no address of the pool`);
      }
      const [target] = await resolver.resolveCname(name).catch(() => []);
      const wanted = style === 'cname' ? targetAt(index) : undefined;
      // CoreDNS, Knot and NSD keep zone files in lower case
      if (target?.toLowerCase() !== wanted?.toLowerCase()) {
        throw new Error(`${name}: CNAME ${target} in place of ${wanted}`);
      }
    },
  };
}

/** A records of a zone file. */
function records(id: string, count: number): Catalogue {
  const nameAt = (index: number) => `s${padded(index, count)}.${STATIC_ZONE}`;
  return {
    id,
    zone: STATIC_ZONE,
    count,
    nameAt,
    targetAt: () => undefined,
    missingAt: (index) => nameAt(index).replace('s', 'm'),
    zoneFile: () =>
      masterFile(STATIC_ZONE, count, (index) => `${nameAt(index)}. IN A ${address(10, 20, index)}`),
    registryFile: undefined,
    async check(resolver, index) {
      const addresses = await resolver.resolve4(nameAt(index));
      if (addresses.length !== 1 || addresses[0] !== address(10, 20, index)) {
        throw new Error(`${nameAt(index)}: ${addresses.join(' ')} in place of ${address(10, 20, index)}`);
      }
    },
  };
}

export const CALLS = calls('calls', 1_000);
export const RECORDS = records('records', 1_000);
export const MANY_CALLS = calls('calls-100000', 100_000);
export const MANY_RECORDS = records('records-1000000', 1_000_000);

function masterFile(zone: string, count: number, recordsOf: (index: number) => string): string {
  const head = [
    `$ORIGIN ${zone}.`,
    '$TTL 300',
    '@ IN SOA ns hostmaster 1 3600 600 86400 60',
    '@ IN NS ns',
    'ns IN A 127.0.0.1',
  ];
  return `${[...head, ...numbers(count).map(recordsOf)].join('\n')}\n`;
}

/** The numbers from 0 on. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** In an order that follows no server's own, and that no cache can guess; changes the array itself. */
export function shuffled<T>(values: T[]): T[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    const [a, b] = [values[i] as T, values[j] as T];
    values[i] = b;
    values[j] = a;
  }
  return values;
}

function packageOf(index: number): string {
  return `p${String(index % PACKAGES).padStart(2, '0')}`;
}

function padded(index: number, count: number): string {
  return String(index).padStart(Math.max(4, String(count - 1).length), '0');
}

function address(first: number, second: number, index: number): string {
  return `${first}.${second + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}
