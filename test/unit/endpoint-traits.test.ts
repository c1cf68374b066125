/** Where endpoints are and what they weigh: as registries write it, where it rests, and what sidecars and clients make of it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { endpointsFrom, unite, writeEndpoints } from '../../src/intake/endpoint-sets.ts';
import type { ApiObject } from '../../src/kubernetes/resource.ts';
import { explain } from '../../src/lookup/explain.ts';
import { parseAddress } from '../../src/name/address.ts';
import { ROOT } from '../../src/name/domain-name.ts';
import { parseInterfaceName } from '../../src/name/interface-name.ts';
import { distance, Localities } from '../../src/name/localities.ts';
import { parseNetwork } from '../../src/name/network.ts';
import { OctetReader } from '../../src/packed/octet-reader.ts';
import { OctetWriter } from '../../src/packed/octet-writer.ts';
import type { ClusterChange } from '../../src/registry/cluster.ts';
import { readService as readConsul } from '../../src/registry/consul/parse.ts';
import { readTraits, weightOf } from '../../src/registry/endpoint-traits.ts';
import { ETCD_LAYOUTS, type EtcdLayoutName } from '../../src/registry/etcd/layouts.ts';
import { readInstance } from '../../src/registry/eureka/parse.ts';
import { keepServiceEntry } from '../../src/registry/istio/objects.ts';
import { readServiceEntry } from '../../src/registry/istio/parse.ts';
import { readService as readNacos } from '../../src/registry/nacos/parse.ts';
import { readDirectory, readProviderName } from '../../src/registry/provider-directory.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from '../../src/registry/registration.ts';
import { StringPool } from '../../src/registry/string-pool.ts';
import { readServiceInstance } from '../../src/registry/zookeeper/service-instance.ts';
import { serviceEntryOf } from '../../src/sidecars/istio/service-entry.ts';
import { groupsOf } from '../../src/sidecars/vip-cluster.ts';
import { vipTarget } from '../../src/sidecars/vip-target.ts';
import { House } from '../support/house.ts';

const KEYS = { interfaces: 'interfaces', version: 'version', group: 'group' };
const NOWHERE = new Localities([]);

function name(text: string) {
  const parsed = parseInterfaceName(text);
  return parsed.ok ? parsed.value : assert.fail(parsed.reason);
}

function network(text: string) {
  const parsed = parseNetwork(text);
  return parsed.ok ? parsed.value : assert.fail(parsed.reason);
}

function shown({ locality, weight }: Pick<Endpoint, 'locality' | 'weight'>): string {
  const where = locality === undefined ? '-' : `${locality.region}/${locality.zone}`;
  return `${where} ${weight ?? 'usual'}`;
}

suite('what a registry writes', () => {
  test('a weight is told in hundredths of the usual one; what is none is the usual one', () => {
    for (const [said, usual, expected] of [
      [100, 100, 100],
      ['50', 100, 50],
      [0.5, 1, 50],
      ['0', 100, 0],
      [0.000_1, 1, 1],
      [1e300, 1, 100_000],
      [-1, 1, 100],
      ['', 100, 100],
      ['1e9', 100, 100],
      [null, 1, 100],
      [Number.NaN, 1, 100],
      [Number.POSITIVE_INFINITY, 1, 100_000],
    ] as const)
      assert.equal(weightOf(said, usual), expected, String(said));
  });

  test('a region alone, and what is no text, say nothing', () => {
    const usual = { usualWeight: 100 };
    assert.deepEqual(readTraits({ region: 'hz', ...usual }), {});
    for (const zone of ['', 7, null, 'a b', 'a\0b', 'ä', 'z'.repeat(101), {}])
      assert.deepEqual(readTraits({ zone, ...usual }), {}, JSON.stringify(zone));
    assert.equal(shown(readTraits({ zone: 'z1', region: 'h z', weight: '20', ...usual })), '/z1 20');
  });

  const url = (query: string) => encodeURIComponent(`dubbo://10.0.0.1:20880/com.foo.A?side=provider${query}`);
  const ofDubbo = (query: string) =>
    readDirectory(name('com.foo.A'), '', [url(query)], new StringPool(), readProviderName).registrations;
  const ofEtcd = (layout: EtcdLayoutName, value: object) => {
    const context = { keys: KEYS, pool: new StringPool() };
    const { read, register } = ETCD_LAYOUTS[layout];
    const reading = read('x', JSON.stringify(value), context as never);
    assert.ok(reading.kind === 'fact', JSON.stringify(reading));
    return register('user-app', [reading.fact], 'here', context as never, () => {});
  };
  const ofNacos = (more: object) =>
    readNacos('user-app', [{ ip: '10.0.0.1', port: 1, healthy: true, enabled: true, ...more }], KEYS, 'here')
      .registrations;
  const ofConsul = (more: object) => {
    const one = { Service: { Address: '10.0.0.1', Port: 1, ...more }, Checks: [] };
    const read = readConsul('user-app', [one], KEYS, new StringPool());
    return read?.registrations ?? [];
  };
  const ofEureka = (metadata: object) => {
    const one = {
      instanceId: 'a',
      app: 'A',
      ipAddr: '10.0.0.1',
      status: 'UP',
      port: { $: 1, '@enabled': 'true' },
    };
    const read = readInstance(JSON.stringify({ ...one, metadata }), KEYS, new StringPool());
    assert.ok(read.ok && read.value.instance.endpoint !== undefined);
    return [{ endpoints: [read.value.instance.endpoint] }];
  };
  const ofIstio = (more: object) => {
    const spec = {
      hosts: ['a.b'],
      ports: [{ number: 1, name: 'tcp' }],
      endpoints: [{ address: '10.0.0.1', ...more }],
    };
    const entry = keepServiceEntry({ metadata: { name: 'a', namespace: 'n' }, spec } as unknown as ApiObject);
    return readServiceEntry(entry, []).registrations;
  };
  const ofSpring = (metadata: object) => {
    const payload = { '@class': 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance', metadata };
    const read = readServiceInstance(
      Buffer.from(JSON.stringify({ name: 'a', address: '10.0.0.1', port: 1, payload })),
    );
    assert.ok(read.ok && read.value.kind === 'spring-cloud');
    return [{ endpoints: [read.value.endpoint] }];
  };
  const metadata = { region: 'hz', zone: 'z1', weight: '50' };
  const cases: readonly [what: string, told: readonly Pick<Registration, 'endpoints'>[], expected: string][] =
    [
      ['Dubbo, nothing', ofDubbo(''), '- usual'],
      ['Dubbo, the usual weight', ofDubbo('&weight=100'), '- usual'],
      ['Dubbo', ofDubbo('&region=hz&zone=z1&weight=50'), 'hz/z1 50'],
      ['Dubbo 2, for all of its services', ofDubbo('&default.weight=200'), '- 200'],
      ['Dubbo, given no calls', ofDubbo('&weight=0'), '- 0'],
      [
        'Kitex',
        ofEtcd('kitex', { network: 'tcp', address: '10.0.0.1:1', weight: 5, tags: { zone: 'z1' } }),
        '/z1 50',
      ],
      ['Kratos', ofEtcd('kratos', { endpoints: ['grpc://10.0.0.1:1'], metadata }), 'hz/z1 50'],
      ['gRPC', ofEtcd('grpc', { Addr: '10.0.0.1:1', Metadata: { zone: 'z1' } }), '/z1 usual'],
      ['Nacos, its usual cluster', ofNacos({ weight: 1, clusterName: 'DEFAULT' }), '- usual'],
      ['Nacos, its clusters are zones', ofNacos({ weight: 2, clusterName: 'z1' }), '/z1 200'],
      ['Nacos, both weights', ofNacos({ weight: 0.5, metadata: { ...metadata, weight: '50' } }), 'hz/z1 25'],
      ['Consul', ofConsul({ Meta: { zone: 'z1', region: 'hz' }, Weights: { Passing: 10 } }), 'hz/z1 1000'],
      ['Consul, the usual weight', ofConsul({ Weights: { Passing: 1, Warning: 1 } }), '- usual'],
      ['Eureka', ofEureka({ zone: 'z1', weight: '2' }), '/z1 200'],
      ['Istio', ofIstio({ locality: 'hz/z1/rack', weight: 3 }), 'hz/z1 300'],
      ['Istio, nothing', ofIstio({ locality: '', weight: 0 }), '- usual'],
      ['Spring Cloud in ZooKeeper', ofSpring({ ...metadata, weight: '1' }), 'hz/z1 usual'],
    ];
  for (const [what, told, expected] of cases) {
    test(what, () => {
      const endpoints = told.flatMap((one) => one.endpoints);
      assert.ok(endpoints.length > 0);
      assert.deepEqual([...new Set(endpoints.map(shown))], [expected]);
    });
  }
});

suite('where endpoints rest', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'z', '1', '/', '-'), minLength: 1, maxLength: 5 });
  const endpoint: fc.Arbitrary<Endpoint> = fc.record(
    {
      host: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'a.example'),
      port: fc.integer({ min: 1, max: 65_535 }),
      protocol: fc.constantFrom('dubbo', 'tri', ''),
      locality: fc.record({ region: fc.option(word, { nil: '' }), zone: word }, { noNullPrototype: true }),
      weight: fc.integer({ min: 0, max: 100_000 }),
    },
    { requiredKeys: ['host', 'port', 'protocol'], noNullPrototype: true },
  );

  test('they come back as they were', () => {
    fc.assert(
      fc.property(fc.array(endpoint, { maxLength: 20 }), (endpoints) => {
        const writer = new OctetWriter();
        writeEndpoints(writer, endpoints);
        const reader = new OctetReader();
        reader.octets = Buffer.from(writer.octets);
        const found = endpointsFrom(reader);
        assert.deepEqual(
          found,
          unite(endpoints).map((one) => ({ ...one })),
        );
      }),
    );
  });

  test('one that is told twice is one, with all that either says', () => {
    const bare = { host: '10.0.0.1', port: 1, protocol: 'dubbo' };
    const locality = { region: '', zone: 'z1' };
    assert.deepEqual(
      unite([
        { ...bare, weight: 50 },
        { ...bare, locality, weight: 70 },
      ]),
      [{ ...bare, locality, weight: 50 }],
    );
  });
});

test('an unset region is no other one', () => {
  const at = (text: string) => {
    const [region = '', zone = ''] = text.split('/');
    return { region, zone };
  };
  for (const [of, from, expected] of [
    ['hz/z1', 'hz/z1', 0],
    ['/z1', 'hz/z1', 0],
    ['hz/z1', '/z1', 0],
    ['hz/z2', 'hz/z1', 1],
    ['sh/z1', 'hz/z1', 2],
    ['/z2', '/z1', 2],
  ] as const)
    assert.equal(distance(at(of), at(from)), expected, `${of} from ${from}`);
  assert.equal(distance(undefined, at('hz/z1')), 2);
});

const POOLS = 'vips: { pools: [247.1.0.0/24] }\n';
const FILE = '{ kind: file, path: a, forgetAfter: 0s }';
const registrationOf = (...endpoints: readonly Endpoint[]): Registration => ({
  ...EMPTY_REGISTRATION,
  interface: name('com.foo.A'),
  source: 'here',
  port: 1,
  endpoints,
});
const at = (host: string, zone: string | undefined, weight?: number): Endpoint => ({
  host,
  port: 1,
  protocol: 'dubbo',
  ...(zone === undefined ? {} : { locality: { region: '', zone } }),
  ...(weight === undefined ? {} : { weight }),
});

async function open(options: { readonly config: string }): Promise<House> {
  const house = await House.open(options);
  await house.deliver('interfaces: []');
  return house;
}

/** Endpoints of the first VIP, for a sidecar in zone `z1` of region `hz`. */
function groups(house: House, localities = NOWHERE): string {
  const vip = house.services('com.foo.A')[0]?.vip.addresses[0];
  assert.ok(vip !== undefined);
  const target = vipTarget(house.events, vip, 1);
  return groupsOf(target?.endpoints ?? [], localities, { region: 'hz', zone: 'z1' })
    .map(({ priority, lbEndpoints }) => {
      const members = lbEndpoints.map(({ endpoint, healthStatus, ...more }) => {
        const weight = 'loadBalancingWeight' in more ? `*${more.loadBalancingWeight}` : '';
        return `${endpoint.address.socketAddress.address}${weight}${healthStatus === 2 ? '!' : ''}`;
      });
      return `${priority}: ${members.join(' ')}`;
    })
    .join(' | ');
}

suite('a sidecar', () => {
  test('is told zones and weights as the registry says them; none is to get no calls unless all are', async () => {
    const house = await open({ config: `registries: [${FILE}]\n${POOLS}` });
    await house.deliverUnit('u', [registrationOf(at('10.0.0.1', 'z1'), at('10.0.0.2', 'z2'))]);
    assert.equal(groups(house), '0: 10.0.0.1 | 1: 10.0.0.2');
    await house.deliverUnit('u', [registrationOf(at('10.0.0.1', 'z1', 50), at('10.0.0.2', 'z1'))]);
    assert.equal(groups(house), '0: 10.0.0.1*50 10.0.0.2*100');
    const [told] = explain(house.events, house.config.zone[0] ?? ROOT, name('com.foo.A'))?.services ?? [];
    assert.deepEqual(told?.traits, ['dubbo://10.0.0.1:1 zone /z1, weight 50', 'dubbo://10.0.0.2:1 zone /z1']);
    await house.deliverUnit('u', [registrationOf(at('10.0.0.1', undefined, 0), at('10.0.0.2', undefined))]);
    assert.equal(groups(house), '0: 10.0.0.1! 10.0.0.2');
    await house.deliverUnit('u', [registrationOf(at('10.0.0.1', undefined, 0))]);
    assert.equal(groups(house), '0: 10.0.0.1');
  });

  test("the registry's key goes before what it says, and that before the top-level key", async () => {
    const key = 'localities: [{ region: hz, zone: z1, cidrs: [10.1.0.0/16] }]';
    const config = (more: string) =>
      `registries: [{ kind: file, path: a, forgetAfter: 0s${more} }]\n${POOLS}`;
    const house = await open({ config: config('') });
    const registrations = [
      registrationOf(at('10.1.0.1', 'z2'), at('10.2.0.1', 'z2'), at('10.3.0.1', undefined)),
    ];
    const top = new Localities([{ region: 'hz', zone: 'z1', cidrs: [network('10.0.0.0/8')] }]);
    await house.deliverUnit('u', registrations);
    assert.equal(groups(house), '0: 10.3.0.1 | 0: 10.1.0.1 10.2.0.1', 'nobody is near');
    assert.equal(groups(house, top), '0: 10.3.0.1 | 1: 10.1.0.1 10.2.0.1');
    await house.configure(config(`, ${key}`));
    await house.deliverUnit('u', registrations);
    assert.equal(groups(house, top), '0: 10.1.0.1 10.3.0.1 | 1: 10.2.0.1');
  });

  test('EndpointSlices say the zone of what says none itself', async () => {
    const cluster = '{ kind: kubernetes, name: k }';
    const house = await open({ config: `registries: [${FILE}, ${cluster}]\n${POOLS}` });
    const slice = (...zones: readonly string[]): ClusterChange => ({
      kind: 'slice',
      key: 'n/s-1',
      slice: {
        service: 'n/s',
        addresses: ['10.0.0.1', '10.0.0.2'].map((text) => parseAddress(text) ?? assert.fail()),
        zones,
        ports: [{ name: '', port: 1 }],
      },
    });
    await house.deliver('interfaces: []', 1);
    await house.deliverCluster([slice('z2', 'z1')], 1);
    await house.deliverUnit('u', [registrationOf(at('10.0.0.1', undefined), at('10.0.0.2', undefined))]);
    assert.equal(groups(house), '0: 10.0.0.2 | 1: 10.0.0.1');
    await house.deliverCluster([slice('z1', 'z1')], 1);
    assert.equal(groups(house), '0: 10.0.0.1 10.0.0.2', 'a pod has moved');
    await house.deliverUnit('u', [registrationOf(at('10.0.0.1', 'z9'), at('10.0.0.2', undefined))]);
    assert.equal(groups(house), '0: 10.0.0.2 | 1: 10.0.0.1', 'the registry knows better');
  });
});

test('istiod is told zones and weights; who is to get no calls is left out', async () => {
  const house = await open({ config: `registries: [${FILE}]\n${POOLS}` });
  const options = {
    zone: house.config.zone[0] ?? assert.fail(),
    namespace: 'rpc-dns',
    portNames: 'protocol',
    localities: NOWHERE,
  } as const;
  const text = () => {
    const entry = serviceEntryOf(house.events, name('com.foo.A'), options);
    assert.ok(entry.ok && entry.value !== undefined);
    return Buffer.from(entry.value.octets).toString('latin1');
  };
  await house.deliverUnit('u', [registrationOf(at('10.0.0.1', 'z7', 50), at('10.0.0.2', undefined, 0))]);
  assert.match(text(), /10\.0\.0\.1/);
  assert.match(text(), /\/z7/);
  assert.doesNotMatch(text(), /10\.0\.0\.2/);
});
