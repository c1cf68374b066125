/** What Kubernetes objects say: RPCServices, annotations, ConfigMaps, and the Service that an RPCService means. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  fingerprintOf,
  keepConfigMap,
  keepOwnership,
  keepRpcService,
  keepService,
  keepSlice,
  selectorText,
} from '../../src/registry/kubernetes/objects.ts';
import {
  type FoundService,
  type Reading,
  readAnnotations,
  readDocument,
  readRpcService,
  resolvePort,
} from '../../src/registry/kubernetes/parse.ts';

const AROUND = { cluster: 'k', namespaceNotes: { organization: 'acme', module: 'from-namespace' } };

const metadata = (name: string, rest: object = {}) => ({
  metadata: {
    name,
    namespace: 'trade',
    creationTimestamp: '2026-01-02T03:04:05Z',
    resourceVersion: '7',
    ...rest,
  },
});

function service(rest: object = {}, meta: object = {}) {
  const spec = {
    clusterIPs: ['10.96.0.1', 'fd00:10:96::1'],
    selector: { b: '2', a: '1' },
    ports: [
      { name: 'dubbo', port: 20880, targetPort: 20881 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
    ...rest,
  };
  const kept = keepService({ ...metadata('user', meta), spec } as never);
  assert.ok(kept !== undefined);
  return kept;
}

const rpcService = (spec: object, rest: object = {}, meta: object = {}) =>
  keepRpcService({ ...metadata('object', meta), spec, ...rest } as never);

const found = (kept = service()): FoundService => ({ ok: true, service: kept });

const texts = ({ registrations }: Reading) =>
  registrations.map(({ interface: name, version, group }) =>
    [name, version, group].filter(Boolean).join(' '),
  );

describe('what is kept of a Service', () => {
  it('ClusterIPs of both families, ports without UDP, the selector in order', () => {
    const kept = service();
    assert.equal(kept.service.addresses.length, 2);
    assert.deepEqual(kept.service.ports, [{ name: 'dubbo', port: 20880, targetPort: 20881 }]);
    assert.equal(kept.selector, 'a=1,b=2');
    assert.equal(kept.service.createdAt, Date.UTC(2026, 0, 2, 3, 4, 5));
  });

  it('a headless one has no address, and an ExternalName joins nothing', () => {
    assert.deepEqual(service({ clusterIPs: ['None'] }).service.addresses, []);
    assert.equal(service({ type: 'ExternalName', clusterIPs: undefined }).service.joins, false);
  });

  it('rpcdns.io/join: "false" keeps endpoints from being joined', () => {
    assert.equal(service({}, { annotations: { 'rpcdns.io/join': 'false' } }).service.joins, false);
    assert.equal(service({}, { annotations: { 'rpcdns.io/join': 'true' } }).service.joins, true);
  });

  it('the application is the first that says so', () => {
    const labels = { app: 'third', 'app.kubernetes.io/name': 'second' };
    assert.equal(service({}, { labels }).application, 'second');
    const annotations = { 'rpcdns.io/application': 'first' };
    assert.equal(service({}, { labels, annotations }).application, 'first');
  });
});

describe('what is kept of an EndpointSlice', () => {
  it('all addresses, ready or not, and the ports that are there', () => {
    const kept = keepSlice({
      ...metadata('slice', { labels: { 'kubernetes.io/service-name': 'user' } }),
      endpoints: [
        { addresses: ['10.244.1.7'], conditions: { ready: true }, zone: 'gz00a' },
        { addresses: ['10.244.1.8'], conditions: { ready: false, terminating: true } },
        { addresses: ['pod.example'] },
      ],
      ports: [{ name: 'dubbo', port: 20881 }, { name: 'none' }, { name: 'dns', port: 53, protocol: 'UDP' }],
    } as never);
    assert.equal(kept?.slice.service, 'trade/user');
    assert.equal(kept?.slice.addresses.length, 2);
    assert.deepEqual(kept?.slice.zones, ['gz00a', '']);
    assert.deepEqual(kept?.slice.ports, [{ name: 'dubbo', port: 20881 }]);
  });

  it('of no Service: nothing', () => {
    assert.equal(keepSlice({ ...metadata('slice'), endpoints: null, ports: null } as never), undefined);
  });
});

describe('an RPCService', () => {
  it('names its interfaces behind its Service', () => {
    const object = rpcService({
      interfaces: [{ name: 'com.foo.A' }, { name: 'com.foo.B', version: '1.0.0', group: 'gray' }],
      organization: 'trade.acme',
      ttl: 30,
    });
    const reading = readRpcService(object, found(), AROUND);
    assert.deepEqual(texts(reading), ['com.foo.A', 'com.foo.B 1.0.0 gray']);
    const [first] = reading.registrations;
    assert.deepEqual(first?.service, {
      cluster: 'k',
      namespace: 'trade',
      name: 'user',
      port: 20880,
      problem: undefined,
    });
    assert.deepEqual(
      [first?.organization, first?.module, first?.application, first?.protocol, first?.ttl, first?.namespace],
      ['trade.acme', 'from-namespace', 'user', 'dubbo', 30, 'trade'],
    );
    assert.equal(first?.source, 'RPCService trade/object');
    assert.deepEqual(reading.skipped, []);
  });

  it('says what it looked for when there is no Service', () => {
    const object = rpcService({ service: 'nix', interfaces: [{ name: 'com.foo.A' }] });
    const missing: FoundService = {
      ok: false,
      reason: 'ServiceNotFound',
      text: 'there is no Service trade/nix',
    };
    const [registration] = readRpcService(object, missing, AROUND).registrations;
    assert.equal(registration?.service?.name, 'nix');
    assert.equal(registration?.service?.problem, 'ServiceNotFound: there is no Service trade/nix');
  });

  it('an ambiguous selector means no Service', () => {
    const object = rpcService({ selector: { app: 'x' }, interfaces: [{ name: 'com.foo.A' }] });
    const [registration] = readRpcService(
      object,
      { ok: false, reason: 'Ambiguous', text: 'two' },
      AROUND,
    ).registrations;
    assert.equal(registration?.service?.name, undefined);
  });

  it('what an agent found stands beside the spec, with the port that the pod listens on', () => {
    const status = {
      interfaces: [
        { name: 'com.foo.Found', version: '2.0.0', source: 'agent', protocol: 'tri', port: 50051 },
        { name: 'com.foo.Told', source: 'spec' },
      ],
      agent: { pod: 'user-0', lastSuccess: '2026-01-02T03:04:05Z' },
    };
    const object = rpcService(
      { interfaces: [{ name: 'com.foo.A' }], agent: { kind: 'dubbo-qos' } },
      { status },
    );
    const reading = readRpcService(object, found(), AROUND);
    assert.deepEqual(texts(reading), ['com.foo.A', 'com.foo.Found 2.0.0']);
    const [, agent] = reading.registrations;
    assert.deepEqual([agent?.protocol, agent?.port, agent?.service?.port], ['tri', 50051, undefined]);
    assert.equal(object.foundIn, 'user-0');
  });

  it('a spec that is no spec names nothing, and says why', () => {
    const object = rpcService({ interfaces: [{ name: 5 }] });
    const reading = readRpcService(object, found(), AROUND);
    assert.deepEqual(reading.registrations, []);
    assert.equal(reading.skipped[0]?.reason, 'invalid-spec');
    assert.match(reading.skipped[0]?.detail ?? '', /^RPCService trade\/object: spec\.interfaces\.0\.name/);
  });

  it('a bad name is left out, the others serve, one key counts once', () => {
    const object = rpcService({
      interfaces: [{ name: 'no name' }, { name: 'com.foo.A' }, { name: 'com.foo.A' }],
    });
    const reading = readRpcService(object, found(), AROUND);
    assert.deepEqual(texts(reading), ['com.foo.A']);
    assert.deepEqual(
      reading.skipped.map(({ reason }) => reason),
      ['interface-name'],
    );
  });
});

describe('annotations of a plain Service', () => {
  const read = (annotations: Record<string, string>, rest: object = {}) =>
    readAnnotations(service(rest, { annotations }), AROUND);

  it('a list of INTERFACE, :VERSION and :GROUP', () => {
    const reading = read({ 'rpcdns.io/interfaces': ' com.foo.A, com.foo.B:1.0.0:gray ,com.foo.X::gray,' });
    assert.deepEqual(texts(reading), ['com.foo.A', 'com.foo.B 1.0.0 gray', 'com.foo.X gray']);
    assert.equal(reading.registrations[0]?.protocol, 'dubbo');
    assert.equal(reading.registrations[0]?.service?.port, 20880);
  });

  it('a bad entry is told and the others serve', () => {
    const reading = read({
      'rpcdns.io/interfaces': 'com.foo.A, a b, com.foo.B:1:2:3',
      'rpcdns.io/ttl': 'soon',
    });
    assert.deepEqual(texts(reading), ['com.foo.A']);
    assert.deepEqual(
      reading.skipped.map(({ reason }) => reason),
      ['ttl', 'interface-name', 'interface-name'],
    );
  });

  it('a port that the Service lacks is told', () => {
    const reading = read({ 'rpcdns.io/interfaces': 'com.foo.A', 'rpcdns.io/port': '99' });
    assert.deepEqual(
      reading.skipped.map(({ detail }) => detail),
      ["Service trade/user: rpcdns.io/port '99': the Service has no such port"],
    );
  });

  it('none: nothing', () => {
    assert.deepEqual(read({ 'rpcdns.io/ttl': '5' }).registrations, []);
  });
});

describe('a ConfigMap', () => {
  const map = (data: Record<string, string>) => {
    const kept = keepConfigMap({ ...metadata('map'), data } as never);
    assert.ok(kept !== undefined);
    return kept;
  };

  it('holds documents of the file registry under *.yaml keys', () => {
    const kept = map({
      'a.yaml': 'interfaces: [ { name: com.foo.A, vip: 247.0.0.9 } ]',
      'README.md': 'text',
    });
    assert.deepEqual([...kept.documents.keys()], ['a.yaml']);
    const reading = readDocument(kept, 'a.yaml', kept.documents.get('a.yaml') ?? '');
    assert.deepEqual(texts(reading), ['com.foo.A']);
    const [registration] = reading.registrations;
    assert.deepEqual(registration?.claim, {
      kind: 'ConfigMap',
      namespace: 'trade',
      name: 'map',
      createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    });
    assert.equal(registration?.namespace, 'trade');
  });

  it('with anything wrong none of a document is taken; the place is told', () => {
    const reading = readDocument(
      map({}),
      'a.yaml',
      'interfaces:\n  - { name: com.foo.A }\n  - { nam: com.foo.B }\n',
    );
    assert.equal(reading.isGood, false);
    assert.match(reading.skipped[0]?.detail ?? '', /^ConfigMap trade\/map a\.yaml:3:5: /);
  });
});

describe('small parts', () => {
  it('the port that is meant', () => {
    const { service: one } = service();
    const several = service({
      ports: [
        { name: 'web', port: 80 },
        { name: 'tri', port: 50051 },
      ],
    }).service;
    assert.equal(resolvePort(one, undefined, 'dubbo'), 20880);
    assert.equal(resolvePort(one, 'dubbo', 'dubbo'), 20880);
    assert.equal(resolvePort(one, '20880', 'dubbo'), 20880);
    assert.equal(resolvePort(one, 99, 'dubbo'), undefined);
    assert.equal(resolvePort(several, undefined, 'tri'), 50051);
    assert.equal(resolvePort(several, undefined, 'dubbo'), undefined);
    assert.equal(resolvePort(undefined, 20880, 'dubbo'), undefined);
  });

  it('an RPCOwnership that cannot be used says why', () => {
    const good = keepOwnership({
      ...metadata('trade'),
      spec: { prefix: 'com.foo', namespaces: ['trade'] },
    } as never);
    assert.deepEqual(good.rule, { prefix: 'com.foo', namespaces: ['trade'], source: 'RPCOwnership trade' });
    const bad = keepOwnership({ ...metadata('bad'), spec: { prefix: 'com.', namespaces: [] } } as never);
    assert.equal(bad.rule, undefined);
    assert.match(bad.problem ?? '', /^RPCOwnership bad: 'com\.'/);
  });

  it('two statuses differ by what they say, not by times or the order of keys', () => {
    const one = { vips: ['1'], conditions: [{ type: 'A', lastTransitionTime: 'x' }] };
    const two = { conditions: [{ lastTransitionTime: 'y', type: 'A' }], vips: ['1'] };
    assert.equal(fingerprintOf(one), fingerprintOf(two));
    assert.notEqual(fingerprintOf(one), fingerprintOf({ ...one, vips: [] }));
    assert.equal(fingerprintOf(undefined), '');
  });

  it('a selector as text', () => {
    assert.equal(selectorText({ b: '2', a: '1' }), 'a=1,b=2');
    assert.equal(selectorText({}), '');
  });
});
