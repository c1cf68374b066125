/** The join, rule by rule (contract 1.3): which Kubernetes Service answers for endpoints that register elsewhere. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClusterFacts } from '../../src/intake/cluster-facts.ts';
import { type Address, parseAddress } from '../../src/name/address.ts';
import { type Candidate, choose, servicePortOf, sight } from '../../src/plan/join.ts';
import type { ClusterService, ServicePort } from '../../src/registry/cluster.ts';
import type { Endpoint } from '../../src/registry/registration.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined);
  return parsed;
}

function endpoint(text: string): Endpoint {
  const [host = '', port] = text.split(':');
  return { host, port: Number(port), protocol: 'dubbo' };
}

function service(name: string, ports: readonly ServicePort[] = [], createdAt = 0): ClusterService {
  return {
    namespace: 'trade',
    name,
    uid: `uid-${name}`,
    createdAt,
    addresses: [address('10.96.0.1')],
    ports,
    joins: true,
  };
}

function slice(name: string, addresses: readonly string[], ports: Record<string, number>) {
  return {
    kind: 'slice',
    key: `trade/${name}-${addresses.join('-')}`,
    slice: {
      service: `trade/${name}`,
      addresses: addresses.map(address),
      ports: Object.entries(ports).map(([portName, port]) => ({ name: portName, port })),
    },
  } as const;
}

function clusterOf(...slices: readonly ReturnType<typeof slice>[]): ClusterFacts {
  const cluster = new ClusterFacts('k');
  cluster.apply(slices);
  return cluster;
}

const held = (endpoints: readonly string[], cluster: ClusterFacts) =>
  Object.fromEntries(
    [...sight(endpoints.map(endpoint), [cluster]).held.values()].map(({ key, count }) => [key, count]),
  );

describe('an endpoint belongs to a Service when a slice lists its address and port', () => {
  const cluster = clusterOf(
    slice('user', ['10.244.1.7', '10.244.2.9'], { dubbo: 20880 }),
    slice('canary', ['10.244.2.9'], { dubbo: 20880 }),
    slice('agent', ['10.244.1.7'], { metrics: 9100 }),
  );

  it('counts those that each holds', () => {
    assert.deepEqual(held(['10.244.1.7:20880', '10.244.2.9:20880'], cluster), {
      'trade/user': 2,
      'trade/canary': 1,
    });
  });

  it('another port on the same address, as of hostNetwork pods, is not held', () => {
    assert.deepEqual(held(['10.244.1.7:20881'], cluster), {});
    const seen = sight([endpoint('10.244.1.7:20881')], [cluster]);
    assert.deepEqual([seen.isAddressKnown, seen.hasStranger], [true, true]);
  });

  it('an address that no slice knows is a stranger', () => {
    const seen = sight([endpoint('192.0.2.1:20880')], [cluster]);
    assert.deepEqual([seen.isAddressKnown, seen.hasStranger], [false, true]);
  });

  it('an endpoint in two slices of one Service counts once', () => {
    const twice = clusterOf(
      slice('user', ['10.244.1.7'], { dubbo: 20880 }),
      slice('user', ['10.244.1.7', '10.244.3.3'], { dubbo: 20880 }),
    );
    assert.deepEqual(held(['10.244.1.7:20880'], twice), { 'trade/user': 1 });
  });

  it('a slice that goes takes its endpoints along, not those of others', () => {
    const one = slice('user', ['10.244.1.7', '10.244.2.9'], { dubbo: 20880 });
    const two = slice('canary', ['10.244.2.9'], { dubbo: 20880 });
    const changing = clusterOf(one, two);
    const effect = changing.apply([{ kind: 'slice', key: one.key, slice: undefined }]);
    assert.deepEqual([...effect.addresses].sort(), one.slice.addresses.toSorted());
    assert.deepEqual(held(['10.244.1.7:20880', '10.244.2.9:20880'], changing), { 'trade/canary': 1 });
  });

  it('a host name is held by nothing', () => {
    assert.deepEqual(held(['provider.example:20880'], cluster), {});
  });
});

describe('of several candidates', () => {
  const candidate = (name: string, rest: Partial<Candidate> & { createdAt?: number } = {}): Candidate => {
    const { createdAt = 0, ...more } = rest;
    const one = service(name, [], createdAt);
    return { cluster: 'k', key: `trade/${name}`, service: one, held: 1, hasPort: false, ...more };
  };
  const chosen = (candidates: readonly Candidate[], current?: string) =>
    choose(candidates, current).chosen?.key;

  it('the one that holds most', () => {
    assert.equal(chosen([candidate('a', { held: 2 }), candidate('b', { held: 3 })]), 'trade/b');
  });

  it('then one with a port equal to the registered one', () => {
    assert.equal(chosen([candidate('a'), candidate('b', { hasPort: true })]), 'trade/b');
    assert.equal(chosen([candidate('a', { held: 2 }), candidate('b', { hasPort: true })]), 'trade/a');
  });

  it('then the older, then by name', () => {
    assert.equal(chosen([candidate('a', { createdAt: 2 }), candidate('b', { createdAt: 1 })]), 'trade/b');
    assert.equal(chosen([candidate('b'), candidate('a')]), 'trade/a');
  });

  it('the losers are told, best first', () => {
    const { losers } = choose(
      [candidate('a'), candidate('c', { held: 3 }), candidate('b', { held: 2 })],
      undefined,
    );
    assert.deepEqual(
      losers.map(({ key }) => key),
      ['trade/b', 'trade/a'],
    );
  });

  it('the joined one stays, however many another holds', () => {
    assert.equal(chosen([candidate('a'), candidate('b', { held: 9 })], 'uid-a'), 'trade/a');
  });

  it('the joined one stays with empty slices', () => {
    assert.equal(chosen([candidate('a', { held: 0 })], 'uid-a'), 'trade/a');
  });

  it('the joined one goes when it holds none and another does', () => {
    assert.equal(chosen([candidate('a', { held: 0 }), candidate('b')], 'uid-a'), 'trade/b');
  });

  it('a Service of the same name made anew is another', () => {
    const { chosen: found } = choose([candidate('a')], 'uid-of-the-former-a');
    assert.equal(found?.key, 'trade/a');
  });

  it('none: nothing', () => {
    assert.equal(chosen([], 'uid-a'), undefined);
  });
});

describe('the port of the Service in front of a registered one', () => {
  const cluster = clusterOf(slice('user', ['10.244.1.7'], { rpc: 20880, web: 8080 }));
  const endpoints = [endpoint('10.244.1.7:20880')];
  const portOf = (ports: readonly ServicePort[], registered = 20880) =>
    servicePortOf(service('user', ports), cluster, endpoints, registered);

  it('the one with this target', () => {
    assert.equal(portOf([{ name: 'rpc', port: 80, targetPort: 20880 }]), 80);
  });

  it('of a named target the one that the slices resolve', () => {
    const ports = [
      { name: 'web', port: 80, targetPort: 'http' },
      { name: 'rpc', port: 2088, targetPort: 'dubbo' },
    ];
    assert.equal(portOf(ports), 2088);
  });

  it('of an object of the cluster, which registers no endpoints, by all slices of the Service', () => {
    const ports = [{ name: 'rpc', port: 2088, targetPort: 'dubbo' }];
    assert.equal(servicePortOf(service('user', ports), cluster, [], 20880), 2088);
    assert.equal(servicePortOf(service('other', ports), cluster, [], 20880), undefined);
  });

  it('none when the Service does not expose it', () => {
    assert.equal(portOf([{ name: 'web', port: 80, targetPort: 8080 }]), undefined);
  });
});
