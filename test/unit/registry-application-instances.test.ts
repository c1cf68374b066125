import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ApplicationInstance,
  metadataKeys,
  registrationsOfInstances,
} from '../../src/registry/application-instances.ts';

const KEYS = metadataKeys.metadata.parse(undefined);
const instance = (host: string, metadata: Record<string, string> = {}): ApplicationInstance => ({
  endpoint: { host, port: 8080, protocol: 'http' },
  metadata,
});

function register(instances: readonly ApplicationInstance[], application = 'order-app', keys = KEYS) {
  const skips: string[] = [];
  const registrations = registrationsOfInstances(application, instances, keys, 'here', (reason) =>
    skips.push(reason),
  );
  const texts = registrations.map(
    ({ interface: name, version, group, endpoints, application: of }) =>
      `${name} ${version} ${group} ${of} ${endpoints.map(({ host }) => host).join(',')}`,
  );
  return { texts, skips };
}

test('an application is registered by itself, by version and group', () => {
  const instances = [
    instance('10.0.0.1'),
    instance('10.0.0.2', { version: '2', group: 'g' }),
    instance('10.0.0.3'),
  ];
  assert.deepEqual(register(instances).texts, [
    '@order-app   order-app 10.0.0.1,10.0.0.3',
    '@order-app 2 g order-app 10.0.0.2',
  ]);
});

test('its metadata may list interfaces, each once', () => {
  const { texts, skips } = register([
    instance('10.0.0.1', { interfaces: ' com.foo.A,com.foo.B,com.foo.A, not one', version: '1' }),
  ]);
  assert.deepEqual(texts, [
    '@order-app 1  order-app 10.0.0.1',
    'com.foo.A 1  order-app 10.0.0.1',
    'com.foo.B 1  order-app 10.0.0.1',
  ]);
  assert.deepEqual(skips, ['bad-interface']);
});

test('the keys are configurable', () => {
  const keys = metadataKeys.metadata.parse({ interfaces: 'rpc', version: 'v' });
  const { texts } = register([instance('10.0.0.1', { rpc: 'com.foo.A', v: '3' })], 'a', keys);
  assert.deepEqual(texts, ['@a 3  a 10.0.0.1', 'com.foo.A 3  a 10.0.0.1']);
});

test('what cannot be used is told, and harms nothing else', () => {
  const { texts, skips } = register([instance('10.0.0.1', { version: 'a/b' }), instance('10.0.0.2')]);
  assert.deepEqual(texts, ['@order-app   order-app 10.0.0.2']);
  assert.deepEqual(skips, ['bad-version']);
  assert.deepEqual(register([instance('10.0.0.1')], '--'), { texts: [], skips: ['bad-application'] });
});
