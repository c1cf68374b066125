/** What the definitions of RPCService, RPCOwnership and the ledger refuse, and whether a person understands why. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { applyDefinitions } from '../support/kustomize.ts';
import { skipWithout } from '../support/provision.ts';

const skip = skipWithout('etcd', 'kubernetes');
const cluster = sharedCluster();

/** A kind, what stands under `spec`, and what the API server has to say to that. */
type Case = readonly [what: string, spec: Readonly<Record<string, unknown>>, says: RegExp];

const interfaces = [{ name: 'com.foo.UserService' }];

const badRpcServices: readonly Case[] = [
  ['names nothing', {}, /spec: .*interfaces are missing: list them, or name an agent/],
  ['an empty list', { interfaces: [] }, /spec: .*interfaces are missing/],
  [
    'a Service and a selector',
    { interfaces, service: 'user-center', selector: { app: 'user-center' } },
    /spec: .*give service or selector, not both/,
  ],
  ['a Service in capitals', { interfaces, service: 'UserCenter' }, /spec\.service: .*expected the name of a/],
  ['a Service elsewhere', { interfaces, service: 'trade/user' }, /spec\.service: .*such as user-center/],
  ['an empty selector', { interfaces, selector: {} }, /spec\.selector.* at least 1 propert/],
  [
    'a selector of numbers',
    { interfaces, selector: { tier: 1 } },
    /spec\.selector\.tier.*must be of type string/,
  ],
  [
    'a protocol as a URL',
    { interfaces, protocol: 'dubbo://' },
    /spec\.protocol: .*expected a protocol such as dubbo/,
  ],
  ['port 0', { interfaces, port: 0 }, /spec\.port: .*expected a port of the Service: 1 to 65535/],
  ['port 70000', { interfaces, port: 70_000 }, /spec\.port: .*expected a port of the Service: 1 to 65535/],
  ['a port like nobody calls one', { interfaces, port: 'Port A' }, /spec\.port: .*1 to 65535, or its name/],
  [
    'an interface without a name',
    { interfaces: [{ version: '1' }] },
    /spec\.interfaces\[0\]\.name: Required/,
  ],
  [
    'an interface with a space',
    { interfaces: [{ name: 'com.foo.User Service' }] },
    /spec\.interfaces\[0\]\.name: .*expected the full name of an interface, such as com\.foo\.UserService/,
  ],
  ['an interface with a dot at its end', { interfaces: [{ name: 'com.foo.' }] }, /expected the full name/],
  ['an empty interface name', { interfaces: [{ name: '' }] }, /expected the full name/],
  [
    'an interface name without end',
    { interfaces: [{ name: 'a'.repeat(1025) }] },
    /interfaces\[0\]\.name: Too long: may not be more than 1024/,
  ],
  [
    'an unquoted version',
    { interfaces: [{ name: 'com.foo.A', version: 1.1 }] },
    /interfaces\[0\]\.version: .*must be of type string/,
  ],
  [
    'a version with a group in it',
    { interfaces: [{ name: 'com.foo.A', version: '1.0.0:gray' }] },
    /interfaces\[0\]\.version: .*such as 1\.0\.0, without '\/' and ':'/,
  ],
  [
    'a group with a slash',
    { interfaces: [{ name: 'com.foo.A', group: 'a/b' }] },
    /interfaces\[0\]\.group: .*such as gray, without '\/' and ':'/,
  ],
  [
    'too many interfaces',
    { interfaces: Array.from({ length: 1001 }, (_, i) => ({ name: `com.foo.S${i}` })) },
    /spec\.interfaces: Too many: 1001: must have at most 1000 items/,
  ],
  ['a negative ttl', { interfaces, ttl: -1 }, /spec\.ttl: .*greater than or equal to 0/],
  ['a ttl as text', { interfaces, ttl: '30s' }, /spec\.ttl: .*must be of type integer/],
  [
    'an unknown agent',
    { agent: { kind: 'jmx' } },
    /spec\.agent\.kind: Unsupported value: "jmx": .*"dubbo-qos", "http"/,
  ],
  [
    'an http agent without a port',
    { agent: { kind: 'http' } },
    /spec\.agent: .*an http agent needs its port/,
  ],
  [
    'a path for QoS',
    { agent: { kind: 'dubbo-qos', path: '/ls' } },
    /spec\.agent: .*path belongs to an http agent only/,
  ],
  [
    'a path that is a URL',
    { agent: { kind: 'http', port: 80, path: 'http://other/x' } },
    /spec\.agent\.path: .*expected a path such as \/interfaces/,
  ],
  [
    'an agent asked too often',
    { agent: { kind: 'dubbo-qos', interval: '1s' } },
    /spec\.agent\.interval: .*expected a duration from 5s to 24h, such as 30s/,
  ],
  [
    'an interval without a unit',
    { agent: { kind: 'dubbo-qos', interval: '30' } },
    /spec\.agent\.interval: .*such as 30s/,
  ],
  [
    'a timeout of a minute',
    { agent: { kind: 'dubbo-qos', timeout: '60s' } },
    /spec\.agent\.timeout: .*expected a duration from 100ms to 30s, such as 3s/,
  ],
  [
    'an unknown policy',
    { agent: { kind: 'dubbo-qos', policy: 'oldest' } },
    /spec\.agent\.policy: Unsupported value: "oldest": .*"newest", "all"/,
  ],
  ['a misspelt key', { interfaces, protocoll: 'dubbo' }, /unknown field "spec\.protocoll"/],
];

const badOwnerships: readonly Case[] = [
  ['no prefix', { namespaces: ['trade'] }, /spec\.prefix: Required value/],
  [
    'a prefix with a dot at its end',
    { prefix: 'com.foo.', namespaces: ['trade'] },
    /expected a package such as com\.foo/,
  ],
  ['a pattern', { prefix: 'com.foo.*', namespaces: ['trade'] }, /spec\.prefix: .*expected a package such as/],
  ['nobody', { prefix: 'com.foo', namespaces: [] }, /spec\.namespaces: .*at least 1 items/],
  [
    'anybody',
    { prefix: 'com.foo', namespaces: ['*'] },
    /spec\.namespaces\[0\]: .*expected the name of a namespace/,
  ],
  [
    'somebody twice',
    { prefix: 'com.foo', namespaces: ['a', 'a'] },
    /spec\.namespaces\[1\]: Duplicate value: "a"/,
  ],
];

const owned = { interface: 'com.foo.UserService', kind: 'pool' };

/** Named `247-0-0-1`. */
const badVirtualIps: readonly Case[] = [
  [
    'another address',
    { ...owned, address: '247.0.0.2' },
    /the name has to be the address with dashes, such as 247-0-0-1/,
  ],
  [
    'no address',
    { ...owned, address: '247.0.0' },
    /spec\.address: .*expected an address such as 247\.0\.0\.1/,
  ],
  [
    'a second spelling',
    { ...owned, address: 'FD00:0::1' },
    /spec\.address: .*in lower case and in its shortest form/,
  ],
  ['nobody', { address: '247.0.0.1', kind: 'pool' }, /spec\.interface: Required value/],
  [
    'an owner that is no interface',
    { ...owned, address: '247.0.0.1', interface: 'a b' },
    /expected the full name of an/,
  ],
  [
    'an unknown kind',
    { ...owned, address: '247.0.0.1', kind: 'lease' },
    /spec\.kind: Unsupported value: "lease"/,
  ],
  ['a time of day', { ...owned, address: '247.0.0.1', retiredAt: '12:00' }, /spec\.retiredAt: .*date-time/],
];

const badEntries: readonly Case[] = [
  ['no key', { key: '', value: '' }, /spec\.key: .*at least 1 char/],
  ['no value', { key: 'serial' }, /spec\.value: Required value/],
];

const kinds = [
  { kind: 'RPCService', plural: 'rpcservices', namespace: 'default', name: 'bad', cases: badRpcServices },
  { kind: 'RPCOwnership', plural: 'rpcownerships', name: 'bad', cases: badOwnerships },
  { kind: 'VirtualIP', plural: 'virtualips', name: '247-0-0-1', cases: badVirtualIps },
  { kind: 'LedgerEntry', plural: 'ledgerentries', name: 'bad', cases: badEntries },
] as const;

const GROUP = '/apis/rpcdns.io/v1';

let defined: Promise<Cluster> | undefined;

/** The cluster with the definitions in it. */
function withDefinitions(): Promise<Cluster> {
  defined ??= (async () => {
    const kube = await cluster();
    await applyDefinitions(kube);
    return kube;
  })();
  return defined;
}

test('bad objects are refused, and the message says what was expected where', { skip }, async (t) => {
  const kube = await withDefinitions();
  for (const { kind, plural, name, cases, ...scope } of kinds) {
    const folder =
      'namespace' in scope ? `${GROUP}/namespaces/${scope.namespace}/${plural}` : `${GROUP}/${plural}`;
    for (const [what, spec, says] of cases) {
      await t.test(`${kind}: ${what}`, async () => {
        const body = { apiVersion: 'rpcdns.io/v1', kind, metadata: { name }, spec };
        // as kubectl asks
        const reply = await kube.api('POST', `${folder}?fieldValidation=Strict&dryRun=All`, body);
        assert.ok(reply.status === 422 || reply.status === 400, `status ${reply.status}`);
        assert.match(String((reply.body as { message?: string }).message), says);
      });
    }
  }
});

test('good objects are accepted as a person writes them, and defaults are filled in', { skip }, async () => {
  const kube = await withDefinitions();
  const text = `
apiVersion: rpcdns.io/v1
kind: RPCService
metadata: { name: user-center, namespace: default }
spec:
  service: user-center
  protocol: dubbo
  port: 20880
  interfaces: [ { name: com.foo.UserService, version: "1.0.0", group: gray }, { name: com.foo.Order_Service$Inner } ]
  organization: trade.acme
  ttl: 30
  agent: { kind: dubbo-qos, port: 22222 }
---
apiVersion: rpcdns.io/v1
kind: RPCService
metadata: { name: order, namespace: default }
spec:
  selector: { app: order }
  port: dubbo
  agent: { kind: http, port: 8088, path: /interfaces, interval: 5m, timeout: 500ms, policy: all }
---
apiVersion: rpcdns.io/v1
kind: RPCOwnership
metadata: { name: com.foo }
spec: { prefix: com.foo, namespaces: [default, trade] }
---
apiVersion: rpcdns.io/v1
kind: VirtualIP
metadata: { name: 247-0-0-1 }
spec: { address: 247.0.0.1, interface: com.foo.UserService, kind: pool }
---
apiVersion: rpcdns.io/v1
kind: VirtualIP
metadata: { name: fd00-10--1 }
spec: { address: "fd00:10::1", interface: com.foo.UserService, kind: pin, retiredAt: "2026-01-02T03:04:05.678Z" }
---
apiVersion: rpcdns.io/v1
kind: VirtualIP
metadata: { name: 0--1 }
spec: { address: "::1", interface: a, version: "1.0.0", group: gray, kind: pin }
`;
  const { code, stderr } = await kube.kubectl(['apply', '--server-side', '-f', '-'], text);
  assert.equal(code, 0, stderr);
  const path = `${GROUP}/namespaces/default/rpcservices/user-center`;
  const { spec } = await kube.must('GET', path);
  assert.deepEqual(spec?.['agent'], {
    kind: 'dubbo-qos',
    port: 22222,
    interval: '30s',
    timeout: '3s',
    policy: 'newest',
  });
});

test('an address never becomes another, and an entry keeps its key', { skip }, async () => {
  const kube = await withDefinitions();
  const text = `
apiVersion: rpcdns.io/v1
kind: VirtualIP
metadata: { name: 247-0-0-9 }
spec: { address: 247.0.0.9, interface: com.foo.UserService, kind: pool }
---
apiVersion: rpcdns.io/v1
kind: LedgerEntry
metadata: { name: serial }
spec: { key: serial, value: "1" }
`;
  assert.equal((await kube.kubectl(['apply', '--server-side', '-f', '-'], text)).code, 0);
  const patch = async (path: string, spec: object) => {
    const options = { contentType: 'application/merge-patch+json' };
    const { status, body } = await kube.api('PATCH', `${GROUP}/${path}`, { spec }, options);
    assert.equal(status, 422);
    return String((body as { message?: string }).message);
  };
  assert.match(
    await patch('virtualips/247-0-0-9', { address: '247.0.0.8' }),
    /the name has to be the address/,
  );
  assert.match(await patch('ledgerentries/serial', { key: 'other' }), /the key stays as it is/);
});

test('kubectl shows what a person looks for', { skip }, async () => {
  const kube = await withDefinitions();
  const text = `
apiVersion: rpcdns.io/v1
kind: VirtualIP
metadata: { name: 247-0-0-7 }
spec: { address: 247.0.0.7, interface: com.foo.PayService, kind: pin }
`;
  assert.equal((await kube.kubectl(['apply', '--server-side', '-f', '-'], text)).code, 0);
  const columns = async (...args: string[]) => (await kube.kubectl(['get', ...args])).stdout.split('\n');
  const [head = '', line = ''] = await columns('rpcvip', '247-0-0-7');
  assert.match(head, /^NAME +ADDRESS +INTERFACE +KIND +RETIREDAT +AGE$/);
  assert.match(line, /^247-0-0-7 +247\.0\.0\.7 +com\.foo\.PayService +pin +\d/);
  const bare = {
    apiVersion: 'rpcdns.io/v1',
    kind: 'RPCService',
    metadata: { name: 'columns' },
    spec: { interfaces },
  };
  await kube.must('POST', `${GROUP}/namespaces/default/rpcservices`, bare);
  const [rpcServices = ''] = await columns('rpcsvc', 'columns');
  assert.match(rpcServices, /^NAME +SERVICE +VIPS +INTERFACES +ACCEPTED +RESOLVED +AGE$/);
});
