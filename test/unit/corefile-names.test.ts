/** Which names the printed Corefiles lead to rpc-dns, and which they leave to the cluster. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { OPTIONS, print, route } from './corefile-fixtures.ts';

const Z = 'rpc.cluster.local';
const SEARCHED = ['trade.svc.cluster.local', 'cluster.local', 'ec2.internal'];

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const javaLabel = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_]{0,9}$/);
/** A name of an interface of the packages, in every form that a caller may put in front of it. */
const bareName = fc
  .record({
    prefix: fc.constantFrom(
      '',
      'ver-1-0-0.',
      'grp-gray.',
      'ver-1-0-0.grp-gray.',
      '_dubbo._tcp.',
      '_tri._tcp.ver-2.',
      '_endpoints.',
    ),
    root: fc.constantFrom('com.foo', 'org.apache', 'Com.Foo'),
    rest: fc.array(javaLabel, { minLength: 1, maxLength: 7 }),
  })
  .map(({ prefix, root, rest }) => `${prefix}${root}.${rest.join('.')}`)
  // what ends like a Service's name, once a search domain stands behind it, is taken for one
  .filter((name) => !/\.(svc|pod)$/i.test(name));

/** Names of Kubernetes' DNS specification, also such as look like a package. */
const serviceName = fc
  .record({
    front: fc.oneof(
      fc.constant(''),
      label.map((host) => `${host}.`),
      fc.constant('_http._tcp.'),
    ),
    service: fc.oneof(label, fc.constantFrom('com', 'org', 'foo', 'ver-1', 'rpc')),
    namespace: fc.oneof(label, fc.constantFrom('foo', 'apache', 'cluster', 'rpc')),
    kind: fc.constantFrom('svc', 'pod'),
  })
  .map(({ front, service, namespace, kind }) => `${front}${service}.${namespace}.${kind}.cluster.local`);

for (const style of ['shared', 'view'] as const) {
  suite(`style ${style}`, () => {
    const { text } = print({ style });

    test('bare names lead into the zone, as they are and behind a search domain', () => {
      fc.assert(
        fc.property(bareName, fc.constantFrom(undefined, ...SEARCHED), (name, domain) => {
          const asked = domain === undefined ? name : `${name}.${domain}`;
          const wanted = { to: 'rpc-dns', name: `${name.toLowerCase()}.${Z}.` };
          assert.deepEqual(route(style, text, asked), wanted, asked);
        }),
      );
    });

    test('full names stay as they are, and lose a search domain', () => {
      const domains = [undefined, 'svc.cluster.local', ...SEARCHED];
      const relative = fc.oneof(
        bareName,
        fc.constantFrom('user-center.app', '_services._dns-sd._udp', 'UserService.foo.com.svc'),
      );
      fc.assert(
        fc.property(relative, fc.constantFrom(...domains), (name, domain) => {
          const asked = `${name}.${Z}${domain === undefined ? '' : `.${domain}`}`;
          assert.deepEqual(
            route(style, text, asked),
            { to: 'rpc-dns', name: `${name.toLowerCase()}.${Z}.` },
            asked,
          );
        }),
      );
    });

    test("Service and pod names are the cluster's, whatever they are called", () => {
      fc.assert(
        fc.property(serviceName, (name) =>
          assert.deepEqual(route(style, text, name), { to: 'cluster' }, name),
        ),
      );
    });

    test('names of other packages, and of the world, are left alone', () => {
      const others = [
        'com.foobar.UserService',
        'com.foobar.UserService.trade.svc.cluster.local',
        'xcom.foo.UserService',
        'com.foo',
        'com',
        'comxfoo.UserService',
        'a.com.foo.UserService',
        'ver.com.foo.UserService',
        'www.com.foo.example',
        'www.example.com',
        'www.example.com.trade.svc.cluster.local',
        'kubernetes.default',
        'kubernetes.default.svc.trade.svc.cluster.local',
        'cluster.local',
        'local',
        'rpc.example',
        'xrpc.cluster.local.ec2.internal',
      ];
      for (const name of others) assert.deepEqual(route(style, text, name), { to: 'cluster' }, name);
    });

    test('a name behind svc.cluster.local alone may be a pod’s, and is left alone', () => {
      assert.deepEqual(route(style, text, 'com.foo.UserService.svc.cluster.local'), { to: 'cluster' });
    });

    test('VIPs lead to rpc-dns, other addresses to the cluster', () => {
      const ptr = '1.51.100.247.in-addr.arpa';
      assert.deepEqual(route(style, text, ptr), { to: 'rpc-dns', name: `${ptr}.` });
      assert.deepEqual(route(style, text, '1.0.96.10.in-addr.arpa'), { to: 'cluster' });
    });

    test('several zones: bare names lead into the first, full names into their own', () => {
      const zones = [Z, 'rpc.corp.example'];
      const { text: both } = print({ style, zones });
      const to = (name: string) => ({ to: 'rpc-dns', name });
      assert.deepEqual(route(style, both, 'com.foo.A'), to(`com.foo.a.${Z}.`));
      for (const zone of zones) {
        assert.deepEqual(route(style, both, `com.foo.A.${zone}`), to(`com.foo.a.${zone}.`));
        assert.deepEqual(route(style, both, `x.app.${zone}.trade.svc.cluster.local`), to(`x.app.${zone}.`));
      }
    });

    test('a zone of one label does not take the Services of a namespace of that name', () => {
      const { text: short } = print({ style, zones: ['rpc'] });
      for (const name of [
        'web.rpc.svc.cluster.local',
        'web-0.web.rpc.svc.cluster.local',
        '_http._tcp.web.rpc.svc.cluster.local',
      ])
        assert.deepEqual(route(style, short, name), { to: 'cluster' }, name);
      assert.deepEqual(route(style, short, 'com.foo.A.rpc.trade.svc.cluster.local'), {
        to: 'rpc-dns',
        name: 'com.foo.a.rpc.',
      });
    });

    test('a package is found in the spelling of host names too', () => {
      const { text: odd } = print({ style, packages: ['com.foo_bar'] });
      for (const name of ['com.foo_bar.A', 'com.foo-bar.A']) {
        assert.deepEqual(route(style, odd, name), { to: 'rpc-dns', name: `${name.toLowerCase()}.${Z}.` });
      }
      assert.deepEqual(route(style, odd, 'com.fooxbar.A'), { to: 'cluster' });
    });

    test('dots of domains are dots', () => {
      const { text: other } = print({
        style,
        clusterDomain: 'k8s.corp',
        search: ['a.b'],
        zones: ['rpc.k8s.corp'],
      });
      assert.deepEqual(route(style, other, 'com.foo.A.ns.svc.k8s.corp'), {
        to: 'rpc-dns',
        name: 'com.foo.a.rpc.k8s.corp.',
      });
      assert.deepEqual(route(style, other, 'web.ns.svc.k8s.corp'), { to: 'cluster' });
      assert.deepEqual(route(style, other, 'com.foo.A.axb'), {
        to: 'rpc-dns',
        name: 'com.foo.a.axb.rpc.k8s.corp.',
      });
    });
  });
}

test('an unknown node domain becomes part of the name, so that it is denied within the cluster', () => {
  const { text } = print({ search: [] });
  assert.deepEqual(route('shared', text, 'com.foo.A.corp.example'), {
    to: 'rpc-dns',
    name: `com.foo.a.corp.example.${Z}.`,
  });
  assert.equal(OPTIONS.search.length, 1);
});
