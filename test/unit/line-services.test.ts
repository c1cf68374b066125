/**
 * ClusterIPs in the answers, under a clock that the test turns: what stays while the API server is away, what goes at
 * once, and what moves once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { addressText, parseAddress } from '../../src/name/address.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import type { ClusterChange } from '../../src/registry/cluster.ts';
import { EMPTY_REGISTRATION, type Registration } from '../../src/registry/registration.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { House } from '../support/house.ts';

const HOUR_MS = 3_600_000;
const USER = 'com.foo.UserService' as InterfaceName;
const CONFIG = `
registries:
  - { kind: kubernetes, podCIDRs: ["10.244.0.0/16"] }
  - { kind: file, path: x, forgetAfter: 24h }
ownership: [ { prefix: com.foo, namespaces: [trade] } ]
`;

function service(
  name: string,
  ip: string | undefined,
  rest: { readonly uid?: string; readonly port?: number } = {},
) {
  const address = parseAddress(ip ?? '');
  return {
    kind: 'service',
    key: `trade/${name}`,
    service: {
      namespace: 'trade',
      name,
      uid: rest.uid ?? name,
      createdAt: 1,
      addresses: address === undefined ? [] : [address],
      ports: [{ name: 'dubbo', port: rest.port ?? 20880, targetPort: 20880 }],
      joins: true,
    },
  } satisfies ClusterChange;
}

function slice(name: string, ip: string): ClusterChange {
  const address = parseAddress(ip);
  assert.ok(address !== undefined);
  return {
    kind: 'slice',
    key: `trade/${name}-1`,
    slice: { service: `trade/${name}`, addresses: [address], ports: [{ name: 'dubbo', port: 20880 }] },
  };
}

const named = (name: string): Registration => ({
  ...EMPTY_REGISTRATION,
  interface: USER,
  service: { cluster: 'registry-0', namespace: 'trade', name, port: undefined, problem: undefined },
  claim: { kind: 'RPCService', namespace: 'trade', name: 'object', createdAt: 1 },
  source: 'RPCService trade/object',
});

const endpoints = (...texts: readonly string[]) =>
  `interfaces: [ { name: ${USER}, endpoints: [${texts.map((text) => `"${text}:20880"`).join(', ')}] } ]`;

function vip(house: House) {
  const placed = house.services(USER)[0];
  return placed === undefined
    ? 'not answered'
    : [placed.vip.from, ...placed.vip.addresses.map(addressText), placed.vip.failure ?? []].flat().join(' ');
}

/** Both registries have been read: the first decisions are made. */
async function open(): Promise<House> {
  const house = await House.open({ config: CONFIG });
  await house.deliverCluster([]);
  await house.deliver('interfaces: []', 0);
  await house.deliver('interfaces: []', 1);
  return house;
}

describe('the Service that an object names', () => {
  it('answers; gone or renumbered it is out of the answers in that very change', async () => {
    const house = await open();
    await house.deliverCluster([service('user', '10.96.0.1')]);
    await house.deliverUnit('rpcservice/trade/object', [named('user')]);
    assert.equal(vip(house), 'service 10.96.0.1');
    await house.deliverCluster([service('user', '10.96.0.2', { uid: 'another' })]);
    assert.equal(vip(house), 'service 10.96.0.2');
    await house.deliverCluster([{ kind: 'service', key: 'trade/user', service: undefined }]);
    assert.equal(vip(house), 'service ServiceNotFound: there is no Service trade/user');
    await house.deliverCluster([service('user', '10.96.0.3')]);
    assert.equal(vip(house), 'service 10.96.0.3');
  });

  it('answers on through an outage of hours', async () => {
    const house = await open();
    await house.deliverCluster([service('user', '10.96.0.1')]);
    await house.deliverUnit('rpcservice/trade/object', [named('user')]);
    house.lose();
    for (let hour = 0; hour < 48; hour++) await house.pass(HOUR_MS);
    assert.equal(vip(house), 'service 10.96.0.1');
  });

  it('a headless one leaves it to the pool', async () => {
    const house = await open();
    await house.deliverCluster([service('user', undefined)]);
    await house.deliverUnit('rpcservice/trade/object', [named('user')]);
    assert.match(vip(house), /^pool 247\./);
  });
});

describe('a store that takes its time', () => {
  it('keeps no ClusterIP of a deleted Service in the answers, and brings none back', async () => {
    const memory = openMemoryStore();
    let release = () => {};
    let commits: Promise<void> = Promise.resolve();
    const store: Store = {
      ...memory,
      commit: async (changes) => {
        await commits;
        await memory.commit(changes);
      },
    };
    const told: string[] = [];
    // what queries would be told after each change
    const alsoTell = () => {
      if (opened !== undefined) told.push(vip(opened));
    };
    let opened: House | undefined;
    const house = await House.open({ config: CONFIG, store, alsoTell });
    opened = house;
    await house.deliverCluster([service('user', '10.96.0.1'), slice('user', '10.244.1.7')]);
    await house.deliver('interfaces: []', 0);
    await house.deliver(endpoints('10.244.1.7'), 1);
    assert.equal(vip(house), 'join 10.96.0.1');
    // a window that decided by the Service waits for the store …
    commits = new Promise((resolve) => {
      release = resolve;
    });
    const another = '{ name: com.foo.Another }';
    const window = house.deliver(endpoints('10.244.1.7', '192.0.2.1').replace(' ]', `, ${another} ]`), 1);
    await nextTurn();
    const later = house.deliverCluster([{ kind: 'service', key: 'trade/user', service: undefined }]);
    // … and the Service goes meanwhile
    house.clock.turnTo(house.now + 20);
    await nextTurn();
    assert.equal(vip(house), 'join Service trade/user has this address no more');
    const before = told.length;
    release();
    await Promise.all([window, later]);
    await house.settle();
    assert.match(vip(house), /^pool 247\./);
    assert.ok(before > 0 && told.slice(before - 1).every((text) => !text.includes('10.96.0.1')));
    await house.events.stop();
  });
});

describe('the join', () => {
  it('waits two seconds for the slice of a pod, then the pool serves; later it moves once', async () => {
    const house = await open();
    await house.deliverCluster([service('user', '10.96.0.1')]);
    await house.deliver(endpoints('10.244.1.7'), 1);
    assert.equal(vip(house), 'not answered');
    await house.pass(1_000);
    assert.equal(vip(house), 'not answered');
    await house.pass(1_000);
    assert.match(vip(house), /^pool 247\./);
    assert.equal(house.events.moved, 0);
    await house.deliverCluster([slice('user', '10.244.1.7')]);
    assert.equal(vip(house), 'join 10.96.0.1');
    assert.equal(house.events.moved, 1);
    await house.events.stop();
  });

  it('a slice within that time is all it takes', async () => {
    const house = await open();
    await house.deliverCluster([service('user', '10.96.0.1')]);
    await house.deliver(endpoints('10.244.1.7'), 1);
    assert.equal(vip(house), 'not answered');
    await house.deliverCluster([slice('user', '10.244.1.7')]);
    assert.equal(vip(house), 'join 10.96.0.1');
    assert.equal(house.events.moved, 0);
    await house.events.stop();
  });

  it('an endpoint outside of the cluster waits for nothing', async () => {
    const house = await open();
    await house.deliver(endpoints('192.0.2.1'), 1);
    assert.match(vip(house), /^pool 247\./);
  });

  it('stays with empty slices, and through forgetAfter, while the Service stands', async () => {
    const house = await open();
    await house.deliverCluster([service('user', '10.96.0.1'), slice('user', '10.244.1.7')]);
    await house.deliver(endpoints('10.244.1.7'), 1);
    assert.equal(vip(house), 'join 10.96.0.1');
    await house.deliverCluster([{ kind: 'slice', key: 'trade/user-1', slice: undefined }]);
    assert.equal(vip(house), 'join 10.96.0.1');
    await house.deliver('interfaces: []', 1);
    await house.pass(12 * HOUR_MS);
    assert.equal(vip(house), 'join 10.96.0.1');
    await house.pass(13 * HOUR_MS);
    assert.equal(vip(house), 'not answered');
  });

  it('a deleted Service is out of the answers, whatever forgetAfter says, and the pool serves', async () => {
    const house = await open();
    await house.deliverCluster([service('user', '10.96.0.1'), slice('user', '10.244.1.7')]);
    await house.deliver(endpoints('10.244.1.7'), 1);
    await house.deliverCluster([{ kind: 'service', key: 'trade/user', service: undefined }]);
    assert.match(vip(house), /^pool 247\./);
  });

  it('goes to another Service when none of its endpoints is left in the joined one', async () => {
    const house = await open();
    await house.deliverCluster([
      service('user', '10.96.0.1'),
      service('moved', '10.96.0.2'),
      slice('user', '10.244.1.7'),
      slice('moved', '10.244.1.8'),
    ]);
    await house.deliver(endpoints('10.244.1.7'), 1);
    assert.equal(vip(house), 'join 10.96.0.1');
    await house.deliver(endpoints('10.244.1.7', '10.244.1.8'), 1);
    assert.equal(vip(house), 'join 10.96.0.1');
    await house.deliver(endpoints('10.244.1.8'), 1);
    assert.equal(vip(house), 'join 10.96.0.2');
  });

  it('the pool address that it left rests for its owner', async () => {
    const house = await open();
    await house.deliver(endpoints('192.0.2.1'), 1);
    const before = vip(house);
    await house.deliverCluster([service('user', '10.96.0.1'), slice('user', '192.0.2.1')]);
    assert.equal(vip(house), 'join 10.96.0.1');
    const [use] = house.events.ledger.poolUse();
    assert.deepEqual([use?.used, use?.quarantined], [0, 1]);
    await house.deliverCluster([{ kind: 'service', key: 'trade/user', service: undefined }]);
    assert.equal(vip(house), before);
  });
});

describe('another watcher of the same cluster', () => {
  it('tells all that the cluster says: a Service that went meanwhile is gone', async () => {
    const house = await open();
    await house.deliverCluster([
      service('user', '10.96.0.1'),
      service('other', '10.96.0.2'),
      slice('user', '10.244.1.7'),
    ]);
    await house.deliver(endpoints('10.244.1.7'), 1);
    assert.equal(vip(house), 'join 10.96.0.1');
    house.reopen();
    await house.deliverCluster([service('other', '10.96.0.2')]);
    assert.match(vip(house), /^pool 247\./);
  });
});

describe('a ConfigMap that pins the ClusterIP of a Service of its namespace', () => {
  const pinned: Registration = {
    ...EMPTY_REGISTRATION,
    interface: USER,
    vip: parseAddress('10.96.0.1'),
    claim: { kind: 'ConfigMap', namespace: 'trade', name: 'pins', createdAt: 1 },
    source: 'ConfigMap trade/pins',
  };

  it('is believed until the Services are known, refused without one, and right when it comes', async () => {
    const house = await House.open({ config: CONFIG });
    await house.deliver('interfaces: []', 0);
    await house.deliver('interfaces: []', 1);
    await house.deliverUnit('configmap/trade/pins/a.yaml', [pinned]);
    assert.equal(vip(house), 'pin 10.96.0.1');
    await house.deliverCluster([]);
    assert.match(vip(house), /^pool 247\./);
    await house.deliverCluster([service('user', '10.96.0.1')]);
    assert.equal(vip(house), 'pin 10.96.0.1');
    await house.deliverCluster([{ kind: 'service', key: 'trade/user', service: undefined }]);
    assert.match(vip(house), /^pool 247\./);
  });
});
