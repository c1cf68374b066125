/** A cluster that gives addresses of a pool to its Services: told once, since one address may come to be two things. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText } from '../../src/name/address.ts';
import { House } from '../support/house.ts';
import { serviceChange } from '../support/services.ts';

const configOf = (pool: string) => `
vips: { pools: ["${pool}"] }
registries: [ { kind: kubernetes }, { kind: file, path: x } ]
`;

async function opened(pool: string) {
  const told: string[] = [];
  const house = await House.open({
    config: configOf(pool),
    events: {
      onClusterIpInPool: (found) =>
        told.push(`${found.cluster} ${found.service} ${addressText(found.address)} ${found.pool.text}`),
    },
  });
  return { house, told };
}

test('the first Service inside a pool is told, and the cluster once', async () => {
  const { house, told } = await opened('10.96.0.0/16');
  await house.deliverCluster([serviceChange('headless', undefined), serviceChange('a', '10.97.0.1')]);
  assert.deepEqual(told, []);
  await house.deliverCluster([serviceChange('b', '10.96.0.7'), serviceChange('c', '10.96.0.8')]);
  await house.deliverCluster([serviceChange('d', '10.96.0.9')]);
  assert.deepEqual(told, ['registry-0 trade/b 10.96.0.7 10.96.0.0/16']);
});

test('another pool is looked at anew', async () => {
  const { house, told } = await opened('10.96.0.0/16');
  await house.deliverCluster([serviceChange('b', '10.96.0.7')]);
  await house.configure(configOf('10.97.0.0/16'));
  await house.deliverCluster([serviceChange('c', '10.96.0.8')]);
  assert.equal(told.length, 1);
  await house.deliverCluster([serviceChange('d', '10.97.0.8')]);
  assert.deepEqual(told.slice(1), ['registry-0 trade/d 10.97.0.8 10.97.0.0/16']);
});
