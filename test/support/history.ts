/** Random histories of the event line, and what every question is answered with at their end. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RegistrySink } from '../../src/registry/watcher.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import { type House, type Line, tell } from './house.ts';
import { parseQuestion, queryOctets } from './question.ts';
import { recordLine } from './server.ts';
import { serviceChange, serviceGone, sliceChange } from './services.ts';

const REGISTRIES = `
zone: [rpc.test]
registries:
  - { kind: kubernetes, podCIDRs: ["10.244.0.0/16"] }
  - { kind: file, path: x, forgetAfter: 0s }
  - { kind: file, path: y, forgetAfter: 24h }
`;
/** The first is that of the start. All registries are the same in all of them. */
export const CONFIGS: readonly string[] = [
  'vips: { pools: ["247.0.0.0/24"], reuseAfter: 1h }',
  'vips: { pools: ["247.0.0.0/24"], reuseAfter: 1h }\nanswers: { style: flat, ttl: 7 }',
  'vips: { pools: ["247.0.0.0/24"], reuseAfter: 1h }\nanswers: { template: "{name}.{application}.svc" }',
  'vips: { pools: ["247.0.0.0/24", "fd47::/64"], reuseAfter: 1h, perVersion: true }',
].map((text) => `${REGISTRIES}${text}\n`);

const HEAD = '$ORIGIN rpc.test.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n NS ns\nns A 192.0.2.53\n';
const ZONES: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'rpc.zone': `${HEAD}com.foo.A TXT static\n*.wild A 192.0.2.54\n` },
  { 'rpc.zone': `${HEAD}A.foo.com.svc A 192.0.2.55\nfoo.B NS ns\n` },
];

const NAMES = ['com.foo.A', 'com.foo.a', 'com.foo.B_x', 'com.foo.B-x', 'foo.B', 'svc.com.foo'] as const;
const ENDPOINTS = ['10.244.1.7', '10.244.1.8', '192.0.2.1', '192.0.2.2'] as const;
const SERVICES = ['one', 'two'] as const;

const pick = fc.constantFrom;

export type Step =
  | {
      readonly kind: 'deliver';
      readonly registry: 1 | 2;
      readonly by: 'replace' | 'update';
      readonly text: string;
    }
  | { readonly kind: 'service'; readonly name: string; readonly ip: string | undefined }
  | { readonly kind: 'slice'; readonly name: string; readonly ips: readonly string[] }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'zones'; readonly zones: number }
  | { readonly kind: 'reload'; readonly config: number };

const registration = fc.record({
  name: pick(...NAMES),
  version: pick('', '', '1.0', '1-0', '2'),
  group: pick('', '', '', 'g'),
  application: pick('x', 'x', 'Y'),
  protocol: pick('dubbo', 'tri'),
  port: pick(20880, 20880, 50051),
  endpoints: fc.subarray([...ENDPOINTS]).map((ips) => ips.map((ip) => `${ip}:20880`)),
});

export const document: fc.Arbitrary<string> = fc
  .uniqueArray(registration, {
    maxLength: 6,
    selector: ({ name, version, group }) => `${group}/${name}:${version}`,
  })
  // JSON is YAML
  .map((interfaces) => JSON.stringify({ interfaces }));

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      registry: pick(1 as const, 1 as const, 2 as const),
      by: pick('replace' as const, 'update' as const),
      text: document,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('service' as const),
      name: pick(...SERVICES),
      ip: pick('10.96.0.1', '10.96.0.2', undefined),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('slice' as const),
      name: pick(...SERVICES),
      ips: fc.subarray([...ENDPOINTS]),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: pick(50, 2_100, 12_000, 4_000_000, 90_000_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('zones' as const), zones: fc.nat(ZONES.length - 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('reload' as const), config: fc.nat(CONFIGS.length - 1) }),
  },
);

/** What was said last: all that another house has to be told to know the same. */
export class Facts {
  readonly documents = new Map<1 | 2, string>();
  readonly services = new Map<string, string | undefined>();
  readonly slices = new Map<string, readonly string[]>();
  zones = 0;
  config = 0;

  note(one: Step): void {
    if (one.kind === 'deliver') this.documents.set(one.registry, one.text);
    else if (one.kind === 'service') this.services.set(one.name, one.ip);
    else if (one.kind === 'slice') this.slices.set(one.name, one.ips);
    else if (one.kind === 'zones') this.zones = one.zones;
    else if (one.kind === 'reload') this.config = one.config;
  }

  get configText(): string {
    return CONFIGS[this.config] ?? '';
  }

  get zoneFiles(): Readonly<Record<string, string>> {
    return ZONES[this.zones] ?? {};
  }

  /** Everything at once, as registries that were just connected tell it. */
  async tell(house: House): Promise<void> {
    await house.deliverCluster([
      ...[...this.services].map(([name, ip]) =>
        ip === undefined ? serviceGone(name) : serviceChange(name, ip),
      ),
      ...[...this.slices].map(([name, ips]) => sliceChange(name, ...ips)),
    ]);
    await house.deliver('interfaces: []', 0);
    for (const registry of [1, 2] as const) {
      await house.deliver(this.documents.get(registry) ?? 'interfaces: []', registry);
    }
  }
}

/** Does one step; resolves when it is in the answers. */
export async function play(house: House, one: Step): Promise<void> {
  if (one.kind === 'deliver') await house.deliver(one.text, one.registry, one.by);
  else if (one.kind === 'service') {
    await house.deliverCluster([
      one.ip === undefined ? serviceGone(one.name) : serviceChange(one.name, one.ip),
    ]);
  } else if (one.kind === 'slice') await house.deliverCluster([sliceChange(one.name, ...one.ips)]);
  else if (one.kind === 'pass') await house.pass(one.ms);
  else if (one.kind === 'zones') await house.setZones(ZONES[one.zones] ?? {});
  else await house.configure(CONFIGS[one.config] ?? '');
}

/** Says what registries say in one step, and waits for nothing. @returns false for what is none of theirs */
export function say(sinkOf: (registry: number) => RegistrySink, one: Step): boolean {
  if (one.kind === 'deliver') tell(sinkOf(one.registry), `interfaces-${one.registry}.yaml`, one.text, one.by);
  else if (one.kind === 'slice') sinkOf(0).cluster([sliceChange(one.name, ...one.ips)], true);
  else if (one.kind === 'service') {
    const { name, ip } = one;
    sinkOf(0).cluster([ip === undefined ? serviceGone(name) : serviceChange(name, ip)], true);
  } else return false;
  return true;
}

const FORMS = [
  '',
  'ver-1-0.',
  'ver-2.',
  'grp-g.',
  'ver-1-0.grp-g.',
  '_endpoints.',
  '_dubbo._tcp.',
  '_tri._tcp.',
];
const BASES = [
  ...NAMES,
  'A.foo.com.svc',
  'a.foo.com.svc',
  'B-x.foo.com.svc',
  'B.foo.svc',
  'foo.com.svc.svc',
  'A.x.svc',
];
/** One for each name and form, and all that browsing gives. */
export const QUESTIONS: readonly string[] = [
  ...BASES.flatMap((base) => FORMS.map((form) => `${form}${base}.rpc.test. A`)),
  ...BASES.flatMap((base) =>
    ['AAAA', 'TXT', 'SRV', 'NS'].flatMap((type) => [
      `${base}.rpc.test. ${type}`,
      `_endpoints.${base}.rpc.test. ${type}`,
    ]),
  ),
  ...BASES.map((base) => `_dubbo._tcp.${base}.rpc.test. SRV`),
  ...['x.app', 'y.app', '_services._dns-sd._udp', '_dubbo._tcp', '_tri._tcp', 'com', 'a.wild', ''].flatMap(
    (name) => ['A', 'AAAA', 'PTR', 'NS'].map((type) => `${name}${name === '' ? '' : '.'}rpc.test. ${type}`),
  ),
  ...Array.from({ length: 256 }, (_, i) => `${i}.0.0.247.in-addr.arpa. PTR`),
];

/** A reply as text: order within a section and the serial of the zone make no difference. */
export function replyText(line: Pick<Line, 'handle'>, question: string): string {
  const { name, type, options } = parseQuestion(question);
  const message = readMessage(line.handle(queryOctets(name, type, options), 'tcp'));
  assert.ok(message !== undefined, question);
  const section = (of: string, records: typeof message.answer) =>
    records
      .map((record) => `${of} ${recordLine(record)}`.replace(/( SOA \S+ \S+) \d+/, '$1'))
      .sort()
      .join('\n');
  return [
    `rcode ${message.rcode}`,
    ...message.errors.map(({ code, text }) => `error ${code} ${text}`),
    section('answer', message.answer),
    section('authority', message.authority),
    section('additional', message.additional),
  ].join('\n');
}

export function allReplies(house: House): Record<string, string> {
  return Object.fromEntries(QUESTIONS.map((question) => [question, replyText(house.line, question)]));
}
