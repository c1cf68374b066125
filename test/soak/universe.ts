/** What there is to be registered, under which configuration, and what it is called. */
import { addressText, parseIpv4 } from '../../src/name/address.ts';

export const ZONE = 'soak.test.';
export const SECOND_ZONE = 'second.test.';
export const PORT = 20_880;

/** Short, so that they matter within a run. */
export const REUSE_AFTER_MS = 20_000;
export const FORGET_AFTER_MS = 10_000;
export const DISTRUST_FOR_MS = 15_000;

/** 46 addresses, one for each interface: what has rested is soon another's, and nobody has to go without. */
const POOLS = ['247.1.1.64/27', '247.1.1.96/28', '247.1.1.112/30'];
/** What they grow by. */
const MORE_POOL = '247.1.2.0/27';

export type RegistryName = 'zk' | 'file' | 'extra';

/** One provider that an interface may have: always the same host, version and group. */
export interface Slot {
  readonly host: string;
  readonly version: string;
  readonly group: string;
}

export interface InterfaceSpec {
  readonly name: string;
  readonly registry: RegistryName;
  readonly slots: readonly Slot[];
}

const VARIANTS = [
  { version: '', group: '' },
  { version: '1.0.0', group: '' },
  { version: '1.0.0', group: 'gray' },
  { version: '', group: '' },
] as const;
export const BULK_SLOTS = 12;

function specs(
  registry: RegistryName,
  prefix: string,
  count: number,
  net: number,
  slots: number,
): InterfaceSpec[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `${prefix}${i}`,
    registry,
    slots: Array.from({ length: slots }, (_, slot) => ({
      host: `10.${net}.${i}.${slot + 1}`,
      ...((slots === BULK_SLOTS ? VARIANTS[0] : VARIANTS[slot]) ?? VARIANTS[0]),
    })),
  }));
}

/** Come and go one by one. */
export const ZK_INTERFACES = specs('zk', 'com.soak.zk.Service', 24, 1, 4);
/** More than half of all entries, and more than a hundred: what disappears at once. */
export const BULK_INTERFACES = specs('zk', 'com.soak.bulk.Bulk', 10, 2, BULK_SLOTS);
export const FILE_INTERFACES = specs('file', 'com.soak.file.Pinned', 8, 3, 2);
/** Of a file registry that is configured now and then. */
export const EXTRA_INTERFACES = specs('extra', 'com.soak.extra.Extra', 4, 4, 1);
export const ALL_INTERFACES = [...ZK_INTERFACES, ...BULK_INTERFACES, ...FILE_INTERFACES, ...EXTRA_INTERFACES];

/** Outside the pools. */
export const PINS = ['10.96.0.1', '10.96.0.2', '10.96.0.3', '10.96.0.4'] as const;

/** What of the configuration changes. */
export interface Settings {
  readonly ttl: number;
  readonly hasSecondZone: boolean;
  readonly hasExtra: boolean;
  readonly isGrown: boolean;
}

export const FIRST_SETTINGS: Settings = { ttl: 5, hasSecondZone: false, hasExtra: false, isGrown: false };

export const FILE_REGISTRY = 'interfaces.yaml';
export const EXTRA_REGISTRY = 'extra.yaml';

export function configText(settings: Settings, zooKeeperPort: number, store: string): string {
  const zones = settings.hasSecondZone ? `[${ZONE}, ${SECOND_ZONE}]` : ZONE;
  const pools = (settings.isGrown ? [...POOLS, MORE_POOL] : POOLS).map((pool) => `"${pool}"`).join(', ');
  const forget = `forgetAfter: ${FORGET_AFTER_MS / 1000}s, distrustFor: ${DISTRUST_FOR_MS / 1000}s`;
  return [
    `zone: ${zones}`,
    `answers: { ttl: ${settings.ttl} }`,
    `vips: { pools: [${pools}], reuseAfter: ${REUSE_AFTER_MS / 1000}s }`,
    `store: { kind: sqlite, path: ${store} }`,
    'registries:',
    `  - { kind: zookeeper, name: zk, servers: "127.0.0.1:${zooKeeperPort}", sessionTimeout: 5s, ${forget} }`,
    `  - { kind: file, name: file, path: ${FILE_REGISTRY} }`,
    ...(settings.hasExtra ? [`  - { kind: file, name: extra, path: ${EXTRA_REGISTRY} }`] : []),
    '',
  ].join('\n');
}

/** How the file registry writes interfaces. */
export function fileText(
  entries: readonly {
    readonly spec: InterfaceSpec;
    readonly slots: readonly number[];
    readonly pin: string;
  }[],
): string {
  const lines = entries.flatMap(({ spec, slots, pin }) =>
    slots.flatMap((number) => {
      const slot = spec.slots[number];
      if (slot === undefined) return [];
      const version = slot.version === '' ? '' : `, version: "${slot.version}"`;
      const vip = pin === '' ? '' : `, vip: ${pin}`;
      return [
        `  - { name: ${spec.name}, port: ${PORT}${version}${vip}, endpoints: ["${slot.host}:${PORT}"] }\n`,
      ];
    }),
  );
  return lines.length === 0 ? 'interfaces: []\n' : `interfaces:\n${lines.join('')}`;
}

/** The structured domain, below a zone. */
export function domainOf(name: string, zone = ZONE): string {
  const labels = name.split('.');
  return `${labels.toReversed().join('.')}.svc.${zone}`;
}

export function specOfDomain(domain: string): InterfaceSpec | undefined {
  return ALL_INTERFACES.find(({ name }) => domainOf(name).toLowerCase() === domain.toLowerCase());
}

export function reverseName(vip: string): string {
  return `${vip.split('.').toReversed().join('.')}.in-addr.arpa.`;
}

export function isOfPool(vip: string): boolean {
  return vip.startsWith('247.1.') && parseIpv4(vip) !== undefined;
}

export function sameAddress(a: string, b: string): boolean {
  const [left, right] = [parseIpv4(a), parseIpv4(b)];
  return left !== undefined && right !== undefined && addressText(left) === addressText(right);
}
