/** What the servers of the bench serve: 1,000 A records, and 1,000 interfaces, as zone files and as a registry. */

const COUNT = 1_000;

export const STATIC_ZONE = 'bench.test';
export const REGISTRY_ZONE = 'rpc.cluster.local';

/** One A record of the static zone. */
export interface StaticName {
  readonly name: string;
  readonly address: string;
}

/** One interface of the registry. */
export interface RegistryName {
  readonly interfaceName: string;
  readonly callName: string;
  readonly structuredDomain: string;
}

export const staticNames: readonly StaticName[] = numbers().map((i) => ({
  name: `s${padded(i)}.${STATIC_ZONE}`,
  address: `10.20.${i >> 8}.${i & 255}`,
}));

export const registryNames: readonly RegistryName[] = numbers().map((i) => {
  const name = `Service${padded(i)}`;
  const department = `p${String(i % 50).padStart(2, '0')}`;
  return {
    interfaceName: `com.bench.${department}.${name}`,
    callName: `com.bench.${department}.${name}.${REGISTRY_ZONE}`,
    structuredDomain: `${name}.${department}.bench.com.svc.${REGISTRY_ZONE}`,
  };
});

/** The A records as a master file. */
export function staticZoneFile(): string {
  const records = staticNames.map(({ name, address }) => `${name}. IN A ${address}`);
  return masterFile(STATIC_ZONE, records);
}

/** What the registry's names would be as a master file, as a server without a registry needs it. */
export function registryZoneFile(): string {
  const records = registryNames.flatMap(({ callName, structuredDomain }, i) => [
    `${callName}. IN CNAME ${structuredDomain}.`,
    `${structuredDomain}. IN A 247.0.${i >> 8}.${i & 255}`,
  ]);
  return masterFile(REGISTRY_ZONE, records);
}

/** The interfaces as the file registry reads them. */
export function registryFile(): string {
  const entries = registryNames.map(
    ({ interfaceName }, i) =>
      `  - { name: ${interfaceName}, application: bench, port: 20880, endpoints: ["10.30.${i >> 8}.${i & 255}:20880"] }`,
  );
  return ['interfaces:', ...entries, ''].join('\n');
}

/** Questions for dnsperf, in an order that follows no server's own. */
export function queryFile(names: readonly string[]): string {
  const shuffled = names.map((_, i) => names[(i * 389) % names.length] ?? '');
  return shuffled.map((name) => `${name} A\n`).join('');
}

function masterFile(zone: string, records: readonly string[]): string {
  const head = [
    `$ORIGIN ${zone}.`,
    '$TTL 300',
    '@ IN SOA ns hostmaster 1 3600 600 86400 60',
    '@ IN NS ns',
    'ns IN A 127.0.0.1',
  ];
  return `${[...head, ...records].join('\n')}\n`;
}

function numbers(): readonly number[] {
  return Array.from({ length: COUNT }, (_, i) => i);
}

function padded(i: number): string {
  return String(i).padStart(4, '0');
}
