/** What every store does, whatever it is made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText, parseAddress } from '../../src/name/address.ts';
import { type InterfaceName, serviceKeyText } from '../../src/name/interface-name.ts';
import type { FactsRow, ForeignChange, Store, StoredPart, StoreStep } from '../../src/store/store.ts';
import type { AddressRow, ServiceRow } from '../../src/vip/ledger-rows.ts';
import { type Placement, type PlacementRow, placementText } from '../../src/vip/placements.ts';

/** Everything that a store holds, as texts that can be compared. */
export interface Holding {
  readonly services: readonly string[];
  readonly addresses: readonly string[];
  readonly placements: readonly string[];
  readonly facts: readonly string[];
  readonly registries: readonly string[];
  readonly serial: number;
  readonly problems: readonly string[];
}

export async function holdingOf(
  store: Store,
  changed: (rows: ForeignChange) => void = () => {},
): Promise<Holding> {
  const parts: StoredPart[] = [];
  await store.open({ loaded: (part) => parts.push(part), changed });
  const texts = <T>(pick: (part: StoredPart) => readonly T[] | undefined, text: (row: T) => string) =>
    parts.flatMap((part) => (pick(part) ?? []).map(text)).sort();
  return {
    services: texts(
      ({ services }) => services,
      ({ key, ordinal, firstSeenAt, retiredAt }) =>
        `${serviceKeyText(key)} ${ordinal} ${firstSeenAt} ${retiredAt}`,
    ),
    addresses: texts(
      ({ addresses }) => addresses,
      ({ address, owner, kind, retiredAt }) =>
        `${addressText(address)} ${serviceKeyText(owner)} ${kind} ${retiredAt}`,
    ),
    placements: texts(
      ({ placements }) => placements,
      ({ key, placement }) => `${key} ${placementText(placement)}`,
    ),
    facts: texts(
      ({ facts }) => facts,
      (row) => `${row.registry} ${row.interface} ${Buffer.from(row.octets).toString('hex')}`,
    ),
    registries: texts(
      ({ registries }) => registries,
      ({ id, snapshotAt, liveMs }) => `${id} ${snapshotAt} ${liveMs}`,
    ),
    serial: Math.max(0, ...parts.map(({ serial }) => serial ?? 0)),
    problems: parts.flatMap(({ problems }) => problems ?? []),
  };
}

export function serviceRow(
  name: string,
  ordinal: number,
  retiredAt: number | null = null,
  version = '',
): ServiceRow {
  return {
    key: { interface: name as InterfaceName, version, group: 'g' },
    ordinal,
    firstSeenAt: 1000,
    retiredAt,
  };
}

export function addressRow(address: string, name: string, retiredAt: number | null = null): AddressRow {
  const parsed = parseAddress(address);
  assert.ok(parsed !== undefined, address);
  return {
    address: parsed,
    owner: { interface: name as InterfaceName, version: '', group: '' },
    kind: 'pool',
    retiredAt,
  };
}

export function placementRow(key: string, service: string | undefined): PlacementRow {
  if (service === undefined) return { key, placement: undefined };
  const address = parseAddress('10.96.0.1');
  const placement: Placement = {
    cluster: 'kubernetes:x',
    namespace: 'trade',
    name: service,
    uid: `uid of ${service}`,
    addresses: address === undefined ? [] : [address],
    from: 'join',
    port: undefined,
    ports: [[20_880, 80]],
  };
  return { key, placement };
}

/**
 * @param name of the suite's tests
 * @param open another process on the same store: what was committed before is there
 */
export function storeContract(name: string, open: () => Store | Promise<Store>, keepsFacts: boolean): void {
  const facts: FactsRow = {
    registry: 'file:x',
    interface: 'com.foo.A' as InterfaceName,
    octets: Uint8Array.from([1, 0, 255, 7]),
  };

  test(`${name}: what was committed is there for the next process`, async () => {
    const store = await open();
    assert.equal(store.keepsFacts, keepsFacts);
    const before = await holdingOf(store);
    const steps: StoreStep[] = [
      { kind: 'put-service', row: serviceRow('com.foo.A', 1) },
      { kind: 'put-service', row: serviceRow('com.foo.B', 2, 5000, '1.0') },
      // an application and an interface may be called alike
      { kind: 'put-service', row: serviceRow('shop', 3) },
      { kind: 'put-service', row: serviceRow('@shop', 4) },
      { kind: 'put-address', row: addressRow('247.0.0.1', 'com.foo.A') },
      { kind: 'put-address', row: addressRow('2001:db8::1', 'com.foo.A') },
      { kind: 'put-address', row: addressRow('247.0.0.2', 'com.foo.B', 5000) },
      { kind: 'put-address', row: addressRow('247.0.0.4', '@a%2Fb') },
      { kind: 'put-placement', row: placementRow('com.foo.A', 'user') },
      { kind: 'put-serial', serial: 4_000_000_000 },
      ...(keepsFacts
        ? ([
            { kind: 'put-facts', row: facts },
            { kind: 'put-registry', row: { id: 'file:x', snapshotAt: 9, liveMs: 8 } },
          ] as const)
        : []),
    ];
    await store.commit(steps);
    await store.close();
    const next = await open();
    const after = await holdingOf(next);
    assert.deepEqual(after, {
      services: [
        ...before.services,
        'g/com.foo.A 1 1000 null',
        'g/com.foo.B:1.0 2 1000 5000',
        'g/shop 3 1000 null',
        'g/@shop 4 1000 null',
      ].sort(),
      addresses: [
        ...before.addresses,
        '2001:db8::1 com.foo.A pool null',
        '247.0.0.1 com.foo.A pool null',
        '247.0.0.2 com.foo.B pool 5000',
        '247.0.0.4 @a%2Fb pool null',
      ].sort(),
      placements: [`com.foo.A ${placementText(placementRow('com.foo.A', 'user').placement)}`],
      facts: keepsFacts ? ['file:x com.foo.A 0100ff07'] : [],
      registries: keepsFacts ? ['file:x 9 8'] : [],
      serial: 4_000_000_000,
      problems: [],
    });
    await next.close();
  });

  test(`${name}: the last of several steps counts, and what is deleted is gone`, async () => {
    const store = await open();
    await holdingOf(store);
    await store.commit([
      { kind: 'put-service', row: serviceRow('com.foo.A', 1, 6000) },
      { kind: 'put-service', row: serviceRow('com.foo.A', 1) },
      { kind: 'delete-service', key: serviceRow('com.foo.B', 2, null, '1.0').key },
      { kind: 'delete-service', key: serviceRow('@shop', 4).key },
      { kind: 'put-address', row: addressRow('247.0.0.3', 'com.foo.C', 6000) },
    ]);
    await store.commit([
      { kind: 'delete-address', address: addressRow('247.0.0.2', '').address },
      { kind: 'delete-address', address: addressRow('247.0.0.3', '').address },
      { kind: 'put-placement', row: placementRow('com.foo.A', undefined) },
      ...(keepsFacts
        ? ([{ kind: 'delete-facts', registry: 'file:x', interface: facts.interface }] as const)
        : []),
    ]);
    await store.close();
    const next = await open();
    const after = await holdingOf(next);
    assert.ok(after.services.includes('g/com.foo.A 1 1000 null'));
    assert.ok(!after.services.some((row) => row.includes('com.foo.B') || row.includes('@')));
    assert.ok(after.services.includes('g/shop 3 1000 null'));
    assert.ok(!after.addresses.some((row) => /247\.0\.0\.[23] /.test(row)));
    assert.deepEqual([after.placements, after.facts], [[], []]);
    await next.close();
  });
}
