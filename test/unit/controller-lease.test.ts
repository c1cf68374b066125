/** Who of several replicas writes to the cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Lease } from '../../src/controller/lease.ts';
import { ApiError } from '../../src/kubernetes/api-client.ts';
import { FakeApi } from '../support/fake-api.ts';

const PATH = '/apis/coordination.k8s.io/v1/namespaces/rpc-dns/leases/controller';

interface Spec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly leaseTransitions: number;
  readonly acquireTime: string;
}

function contender(api: FakeApi, identity: string) {
  const heard: string[] = [];
  const lease = new Lease(
    api.client,
    { namespace: 'rpc-dns', name: 'controller', identity },
    {
      gained: () => heard.push('gained'),
      lost: () => heard.push('lost'),
      failed: (reason) => heard.push(`failed: ${reason}`),
    },
  );
  return { lease, heard };
}

const specOf = (api: FakeApi) => (api.objects.get(PATH) as { readonly spec?: Spec } | undefined)?.spec;

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await nextTurn();
}

test('the first has it; the second waits until it is given back', async () => {
  const api = new FakeApi();
  const [a, b] = [contender(api, 'a'), contender(api, 'b')];
  a.lease.start();
  await turns();
  assert.deepEqual([a.heard, a.lease.isHeld, specOf(api)?.holderIdentity], [['gained'], true, 'a']);
  b.lease.start();
  await turns();
  assert.deepEqual([b.heard, b.lease.isHeld], [[], false]);
  await a.lease.stop();
  assert.deepEqual(a.heard, ['gained', 'lost']);
  assert.deepEqual([specOf(api)?.holderIdentity, specOf(api)?.leaseDurationSeconds], ['', 1]);
  await b.lease.stop();
  // whoever never held it gives nothing back
  assert.equal(specOf(api)?.holderIdentity, '');
  const c = contender(api, 'c');
  c.lease.start();
  await turns();
  assert.deepEqual([specOf(api)?.holderIdentity, specOf(api)?.leaseTransitions], ['c', 1]);
  await c.lease.stop();
});

test('the clock of a holder is not believed: a Lease that looks run out is watched first', async () => {
  const api = new FakeApi();
  api.write(PATH, {
    spec: { holderIdentity: 'old', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' },
  });
  const { lease, heard } = contender(api, 'a');
  lease.start();
  await turns();
  assert.deepEqual([heard, specOf(api)?.holderIdentity], [[], 'old']);
  await lease.stop();
});

test('one that it held before it was restarted is its own at once', async () => {
  const api = new FakeApi();
  const acquireTime = '2026-01-01T00:00:00.000000Z';
  api.write(PATH, {
    spec: { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 4, acquireTime },
  });
  const { lease, heard } = contender(api, 'a');
  lease.start();
  await turns();
  assert.deepEqual(heard, ['gained']);
  assert.deepEqual([specOf(api)?.leaseTransitions, specOf(api)?.acquireTime], [4, acquireTime]);
  await lease.stop();
});

test('of two that write at once the slower has nothing to complain of; a refusal is told', async () => {
  const api = new FakeApi();
  api.refusal = ({ method }) => (method === 'POST' ? new ApiError(409, 'AlreadyExists', 'there') : undefined);
  const slower = contender(api, 'a');
  slower.lease.start();
  await turns();
  assert.deepEqual(slower.heard, []);
  await slower.lease.stop();
  api.refusal = () => new ApiError(403, 'Forbidden', 'no right to leases');
  const refused = contender(api, 'b');
  refused.lease.start();
  await turns();
  assert.deepEqual(refused.heard, ['failed: no right to leases']);
  await refused.lease.stop();
});
