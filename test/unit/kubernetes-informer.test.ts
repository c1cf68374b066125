/** An informer against an API server in memory: lists, watches, and what it does when they break. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ApiError } from '../../src/kubernetes/api-client.ts';
import { Informer, type InformerState } from '../../src/kubernetes/informer.ts';
import { SERVICES } from '../../src/kubernetes/resource.ts';
import { FakeApi } from '../support/fake-api.ts';

function follow(t: TestContext, api: FakeApi) {
  const heard: string[] = [];
  const states: InformerState['kind'][] = [];
  const informer = new Informer<{ readonly resourceVersion: string }>(
    api.client,
    {
      resource: SERVICES,
      namespace: undefined,
      trim: ({ metadata }) =>
        metadata.name === 'unwanted' ? undefined : { resourceVersion: metadata.resourceVersion ?? '' },
    },
    {
      changed: (changes) => {
        heard.push(changes.map(({ key, object }) => `${key}=${object?.resourceVersion ?? 'gone'}`).join(' '));
      },
      state: ({ kind }) => states.push(kind),
    },
  );
  informer.start();
  t.after(() => informer.stop());
  return { informer, heard, states };
}

const event = (type: string, name: string, resourceVersion: string) => ({
  type,
  object: { metadata: { namespace: 'trade', name, resourceVersion } },
});

const listed = (resourceVersion: string) => ({
  type: 'BOOKMARK',
  object: { metadata: { name: '', resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } } },
});

test('a list comes as one batch, then each change; a watch that ends goes on where it was', async (t) => {
  const api = new FakeApi();
  const { informer, heard, states } = follow(t, api);
  const first = await api.opened(0);
  assert.equal(first.query['sendInitialEvents'], 'true');
  first.send(event('ADDED', 'a', '1'));
  first.send(event('ADDED', 'unwanted', '2'));
  first.send(event('ADDED', 'b', '3'));
  assert.deepEqual([heard, states], [[], []]);
  first.send(listed('5'));
  assert.deepEqual([heard, states, informer.size], [['trade/a=1 trade/b=3'], ['live'], 2]);
  first.send(event('MODIFIED', 'a', '6'));
  first.send(event('DELETED', 'b', '7'));
  first.send(event('BOOKMARK', '', '9'));
  assert.deepEqual(heard.slice(1), ['trade/a=6', 'trade/b=gone']);
  first.end();
  const second = await api.opened(1);
  assert.deepEqual([second.query['resourceVersion'], second.query['sendInitialEvents']], ['9', undefined]);
  assert.equal(informer.counters.lists, 1);
});

test('an expired watch lists again, and only differences are told', async (t) => {
  const api = new FakeApi();
  const { informer, heard } = follow(t, api);
  const first = await api.opened(0);
  for (const name of ['a', 'b', 'c']) first.send(event('ADDED', name, '1'));
  first.send(listed('5'));
  first.send({ type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old' } });
  const second = await api.opened(1);
  assert.equal(second.query['sendInitialEvents'], 'true');
  second.send(event('ADDED', 'a', '1'));
  second.send(event('ADDED', 'b', '8'));
  second.send(listed('9'));
  assert.deepEqual(heard.slice(1), ['trade/b=8 trade/c=gone']);
  assert.equal(informer.counters.expirations, 1);
});

test('while the server is away everything stays', async (t) => {
  const api = new FakeApi();
  const { informer, heard, states } = follow(t, api);
  const first = await api.opened(0);
  first.send(event('ADDED', 'a', '1'));
  first.send(listed('5'));
  first.end(new ApiError(0, 'Cut', 'connection reset'));
  await nextTurn();
  // one connection that is cut is no news
  assert.deepEqual([states, informer.size, heard.length], [['live'], 1, 1]);
  const second = await api.opened(1);
  assert.equal(second.query['resourceVersion'], '5');
  second.end(new ApiError(0, 'Cut', 'connection reset'));
  await nextTurn();
  assert.deepEqual([states, informer.size, heard.length], [['live', 'away'], 1, 1]);
  const third = await api.opened(2);
  assert.equal(third.query['resourceVersion'], '5');
  assert.equal(informer.state.kind, 'live');
});

test('a kind that does not exist disables that source alone', async (t) => {
  const api = new FakeApi();
  const { informer, states } = follow(t, api);
  (await api.opened(0)).end(new ApiError(404, 'NotFound', 'the server could not find the resource'));
  await nextTurn();
  await nextTurn();
  assert.deepEqual([states, informer.isSettled], [['disabled'], true]);
});

test('a server that cannot list by watch is asked page by page', async (t) => {
  const api = new FakeApi();
  const pages = [
    { metadata: { resourceVersion: '5', continue: 'more' }, items: [event('', 'a', '1').object] },
    { metadata: { resourceVersion: '5' }, items: [event('', 'b', '2').object] },
  ];
  const request = async (_: string, __: string, options: { readonly query: Record<string, string> }) =>
    pages[options.query['continue'] === 'more' ? 1 : 0];
  Object.assign(api, { request });
  const { heard, states } = follow(t, api);
  (await api.opened(0)).end(new ApiError(422, 'Invalid', 'sendInitialEvents is forbidden'));
  const watch = await api.opened(1);
  assert.equal(watch.query['resourceVersion'], '5');
  assert.deepEqual([heard, states], [['trade/a=1 trade/b=2'], ['live']]);
});
