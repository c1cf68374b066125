/** Events are written once each, and never in floods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventWriter } from '../../src/controller/events.ts';
import { ApiError } from '../../src/kubernetes/api-client.ts';
import { FakeApi } from '../support/fake-api.ts';

const REGARDING = {
  apiVersion: 'rpcdns.io/v1',
  kind: 'RPCService',
  namespace: 'trade',
  name: 'user',
  uid: 'u',
};

function writer(api: FakeApi) {
  const failures: string[] = [];
  const options = { instance: 'pod-1', onFailure: (reason: string) => failures.push(reason) };
  return { events: new EventWriter(api.client, options), failures };
}

test('the same is told once, something else besides', async () => {
  const api = new FakeApi();
  const { events, failures } = writer(api);
  for (let i = 0; i < 3; i++) events.tell(REGARDING, 'Warning', 'Conflict', 'taken by trade/other');
  events.tell(REGARDING, 'Normal', 'Conflict', 'taken by trade/another');
  events.tell({ ...REGARDING, uid: undefined, name: 'order' }, 'Warning', 'Conflict', 'taken by trade/other');
  await nextTurn();
  const bodies = api.asked.map(({ options }) => options.body as Record<string, unknown>);
  assert.deepEqual(
    bodies.map(({ type, reason, note }) => `${type} ${reason} ${note}`),
    [
      'Warning Conflict taken by trade/other',
      'Normal Conflict taken by trade/another',
      'Warning Conflict taken by trade/other',
    ],
  );
  assert.deepEqual(bodies[0]?.['regarding'], REGARDING);
  assert.doesNotMatch(JSON.stringify(bodies[2]), /"uid"/);
  assert.equal(new Set([...api.objects.keys()]).size, 3, 'names are unique');
  assert.ok(api.asked.every(({ path }) => path === '/apis/events.k8s.io/v1/namespaces/trade/events'));
  assert.deepEqual([failures, events.dropped], [[], 0]);
});

test('a flood is cut, and counted', async () => {
  const api = new FakeApi();
  const { events } = writer(api);
  for (let i = 0; i < 200; i++) events.tell(REGARDING, 'Warning', 'Conflict', `number ${i}`);
  await nextTurn();
  assert.ok(api.asked.length >= 50 && api.asked.length < 60, `${api.asked.length}`);
  assert.equal(events.dropped, 200 - api.asked.length);
});

test('long notes and names are cut, a refusal is told', async () => {
  const api = new FakeApi();
  const { events, failures } = writer(api);
  events.tell({ ...REGARDING, name: 'n'.repeat(253) }, 'Normal', 'Moved', 'x'.repeat(5_000));
  await nextTurn();
  const body = api.asked[0]?.options.body as {
    readonly note: string;
    readonly metadata: { readonly name: string };
  };
  assert.equal(body.note.length, 1000);
  assert.ok(body.metadata.name.length <= 253);
  api.refusal = () => new ApiError(403, 'Forbidden', 'no right to events');
  events.tell(REGARDING, 'Normal', 'Moved', 'again');
  await nextTurn();
  assert.deepEqual(failures, ['no right to events']);
});
