import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { ApiObject } from '../../src/kubernetes/resource.ts';
import { addressText } from '../../src/name/address.ts';
import { serviceKeyText } from '../../src/name/interface-name.ts';
import { keepServiceEntry, keepWorkloadEntry } from '../../src/registry/istio/objects.ts';
import { readServiceEntry } from '../../src/registry/istio/parse.ts';
import { House } from '../support/house.ts';
import { serviceChange } from '../support/services.ts';

const DUBBO = { number: 20880, name: 'tcp-metaprotocol-dubbo', protocol: 'TCP' };

function entryOf(
  spec: object,
  more: { annotations?: Record<string, string>; status?: object; namespace?: string } = {},
) {
  const { annotations = {}, status, namespace = 'trade' } = more;
  const metadata = { name: 'user', namespace, creationTimestamp: '2026-01-01T00:00:00Z', annotations };
  return keepServiceEntry({ metadata, spec, ...(status === undefined ? {} : { status }) } as ApiObject);
}

function read(spec: object, more = {}, workloads: readonly object[] = []) {
  const kept = workloads.map(
    (one) => keepWorkloadEntry({ metadata: { name: 'w' }, spec: one } as ApiObject).spec,
  );
  const { registrations, skipped } = readServiceEntry(entryOf(spec, more), kept as never);
  return {
    told: registrations.map((one) => {
      const endpoints = one.endpoints.map(({ host, port, protocol }) => `${protocol}://${host}:${port}`);
      const vip = one.vip === undefined ? '-' : addressText(one.vip);
      return [serviceKeyText(one), vip, one.port, ...endpoints].join(' ');
    }),
    skipped: skipped.map(({ reason, detail }) => `${reason} ${detail}`),
  };
}

suite('a ServiceEntry', () => {
  test('is its interface, with the VIP of its own and the ports of its endpoints', () => {
    const spec = {
      hosts: ['com.foo.userservice'],
      addresses: ['240.240.1.7'],
      ports: [DUBBO],
      endpoints: [
        { address: '10.0.0.1', labels: { version: '1.0', group: 'g' } },
        {
          address: '10.0.0.2',
          ports: { 'tcp-metaprotocol-dubbo': 20881 },
          labels: { version: '1.0', group: 'g' },
        },
        { address: '10.0.0.3' },
      ],
    };
    assert.deepEqual(read(spec, { annotations: { interface: 'com.foo.UserService' } }), {
      told: [
        'g/com.foo.UserService:1.0 240.240.1.7 20880 dubbo://10.0.0.1:20880 dubbo://10.0.0.2:20881',
        'com.foo.UserService 240.240.1.7 20880 dubbo://10.0.0.3:20880',
      ],
      skipped: [],
    });
  });

  test('without an annotation is each of its hosts; istiod may have chosen the VIP', () => {
    const spec = {
      hosts: ['a.example', 'b.example'],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
      endpoints: [{ address: '10.0.0.1' }],
    };
    const status = { addresses: [{ value: '240.240.0.1', host: 'a.example' }, { value: '2001:2::1' }] };
    assert.deepEqual(read(spec, { status }).told, [
      'a.example 240.240.0.1 80 http://10.0.0.1:8080',
      'b.example 240.240.0.1 80 http://10.0.0.1:8080',
    ]);
    assert.deepEqual(
      read({ ...spec, addresses: ['10.1.0.0/16'] }).told[0],
      'a.example - 80 http://10.0.0.1:8080',
      'a block is no VIP',
    );
  });

  test('has the workloads that it selects; without endpoints it is there all the same', () => {
    assert.deepEqual(
      read({ hosts: ['a.example'], ports: [DUBBO] }, {}, [{ address: '10.0.0.9', labels: { version: '2' } }])
        .told,
      ['a.example:2 - 20880 dubbo://10.0.0.9:20880'],
    );
    assert.deepEqual(read({ hosts: ['a.example'], ports: [DUBBO] }).told, ['a.example - 20880']);
  });

  test('says what of it cannot be used', () => {
    const { told, skipped } = read({
      hosts: ['*.example', 'a..b', 'a.example'],
      ports: [DUBBO],
      endpoints: [
        { address: 'unix:///run/a' },
        { address: '10.0.0.1', labels: { version: 'a/b' } },
        { address: '10.0.0.2' },
      ],
    });
    assert.deepEqual(told, ['a.example - 20880 dubbo://10.0.0.2:20880']);
    assert.deepEqual(
      skipped.map((text) => text.split(' ')[0]),
      ['host', 'host', 'address', 'label'],
    );
    assert.match(skipped[0] ?? '', /^host ServiceEntry trade\/user: host \*\.example is a wildcard$/);
    const invalid = read({ hosts: 'a.example' });
    assert.deepEqual(invalid.told, []);
    assert.match(invalid.skipped[0] ?? '', /^invalid ServiceEntry trade\/user: spec\.hosts: /);
  });

  test('whatever stands there is read or refused, never thrown', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (spec, other) => {
        const entry = keepServiceEntry({ metadata: { name: 'a' }, spec, status: other } as never);
        readServiceEntry(entry, []);
        readServiceEntry(
          keepServiceEntry({
            metadata: { name: 'a' },
            spec: { hosts: ['a.b'], endpoints: [other], ports: spec },
          } as never),
          [],
        );
        keepWorkloadEntry({ metadata: { name: 'a' }, spec } as never);
      }),
    );
  });
});

test('ownership governs entries by their namespace, and a Service of another one keeps its address', async () => {
  const house = await House.open({
    config:
      'registries: [{ kind: file, path: a }, { kind: kubernetes, kubeconfig: x }]\nownership: [{ prefix: com.foo, namespaces: [trade, play] }]\n',
  });
  await house.deliver('interfaces: []', 0);
  house.sink(1).cluster([serviceChange('ledger', '10.96.0.9')], true);
  house.sink(1).replace().done();
  house.sink(1).state({ kind: 'live' });
  const deliver = async (namespace: string, address: string) => {
    const spec = {
      hosts: ['com.foo.A'],
      addresses: [address],
      ports: [DUBBO],
      endpoints: [{ address: '10.0.0.1' }],
    };
    await house.deliverUnit(
      'trade/user',
      readServiceEntry(entryOf(spec, { namespace }), []).registrations,
      0,
    );
  };
  const vip = () => house.services('com.foo.A')[0]?.vip.addresses.map((one) => addressText(one));
  await deliver('bank', '192.0.2.1');
  assert.equal(vip(), undefined, 'another namespace may not name it');
  await deliver('play', '192.0.2.1');
  assert.deepEqual(vip(), ['192.0.2.1']);
  await deliver('play', '10.96.0.9');
  assert.match(vip()?.[0] ?? '', /^247\./, 'the ClusterIP of another namespace is no pin');
  await deliver('trade', '10.96.0.9');
  assert.deepEqual(vip(), ['10.96.0.9'], 'that of its own is');
});
