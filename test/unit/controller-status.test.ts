/** The status of an RPCService: conditions, counts, and times that stay while nothing changes (contract 1.7). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentResult, type Condition, statusOf, type Verdict } from '../../src/controller/status.ts';
import { parseAddress } from '../../src/name/address.ts';
import type { InterfaceEntry, KeptRpcService, KeptService } from '../../src/registry/kubernetes/objects.ts';
import type { FoundService } from '../../src/registry/kubernetes/parse.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');
const GOOD: Verdict = {
  domain: 'A.foo.com.svc.Z',
  vips: ['10.96.0.1'],
  refusal: undefined,
  failure: undefined,
};
const REFUSED: Verdict = {
  domain: undefined,
  vips: [],
  refusal: { reason: 'NotOwned', text: 'com.bar may be named from namespace play only' },
  failure: undefined,
};

const entry = (name: string): InterfaceEntry => ({ name, version: '', group: '' });

function object(names: readonly string[], rest: Partial<KeptRpcService['spec']> = {}): KeptRpcService {
  return {
    resourceVersion: '1',
    namespace: 'trade',
    name: 'user',
    uid: 'u',
    createdAt: 1,
    generation: 7,
    problem: undefined,
    spec: { protocol: 'dubbo', interfaces: names.map(entry), organization: '', ...rest },
    notes: undefined,
    application: '',
    found: [],
    foundIn: '',
    foundAt: 0,
    statusPrint: '',
  };
}

function service(ip: string | undefined): FoundService {
  const address = parseAddress(ip ?? '');
  const kept: Pick<KeptService, 'resourceVersion' | 'service'> = {
    resourceVersion: '1',
    service: {
      namespace: 'trade',
      name: 'user',
      uid: 'u',
      createdAt: 1,
      addresses: address === undefined ? [] : [address],
      ports: [{ name: 'dubbo', port: 20880, targetPort: 20880 }],
      joins: true,
    },
  };
  return { ok: true, service: kept as KeptService };
}

const verdictOf = ({ name }: InterfaceEntry) => (name.startsWith('com.bar') ? REFUSED : GOOD);
const conditionsOf = (conditions: readonly Condition[]) =>
  conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);

test('what is named and what is refused', () => {
  const status = statusOf(
    object(['com.foo.A', 'com.bar.B']),
    service('10.96.0.1'),
    undefined,
    verdictOf,
    [],
    NOW,
  );
  assert.deepEqual(conditionsOf(status.conditions), [
    'Accepted True Accepted',
    'PartiallyRefused True NotOwned',
    'Resolved True ClusterIP',
  ]);
  assert.deepEqual([status.interfaceCount, status.vips], [1, ['10.96.0.1']]);
  assert.deepEqual(
    status.interfaces.map(({ name, accepted, reason, domain }) => [name, accepted, reason, domain]),
    [
      ['com.foo.A', true, 'Accepted', 'A.foo.com.svc.Z'],
      ['com.bar.B', false, 'NotOwned', undefined],
    ],
  );
  assert.ok(status.conditions.every(({ observedGeneration }) => observedGeneration === 7));
  const none = statusOf(object(['com.bar.B']), service('10.96.0.1'), undefined, verdictOf, [], NOW);
  assert.equal(conditionsOf(none.conditions)[0], 'Accepted False NotOwned');
});

test('what stands behind it', () => {
  const resolved = (found: FoundService, verdict: Verdict, port?: number | string) => {
    const status = statusOf(object(['com.foo.A'], { port }), found, undefined, () => verdict, [], NOW);
    return conditionsOf(status.conditions).at(-1);
  };
  assert.equal(resolved(service('10.96.0.1'), GOOD, 20880), 'Resolved True ClusterIP');
  assert.equal(resolved(service('10.96.0.1'), GOOD, 'dubbo'), 'Resolved True ClusterIP');
  assert.equal(resolved(service('10.96.0.1'), GOOD, 9), 'Resolved True PortNotExposed');
  assert.equal(resolved(service(undefined), GOOD), 'Resolved True HeadlessUsesPool');
  const full = { ...GOOD, vips: [], failure: 'VIP pool full' };
  assert.equal(resolved(service(undefined), full), 'Resolved False PoolFull');
  const missing: FoundService = { ok: false, reason: 'ServiceNotFound', text: 'there is no Service' };
  assert.equal(resolved(missing, full), 'Resolved False ServiceNotFound');
});

test('an object that cannot be used names nothing', () => {
  const bad = { ...object(['com.foo.A']), problem: 'spec.port: expected a number' };
  const status = statusOf(bad, service('10.96.0.1'), undefined, verdictOf, [], NOW);
  assert.equal(conditionsOf(status.conditions)[0], 'Accepted False InvalidSpec');
  assert.deepEqual([status.interfaceCount, status.interfaces], [0, []]);
});

test('an agent: before, after and without its answer', () => {
  const agent = {
    kind: 'http',
    port: 1,
    path: '/',
    interval: 30_000,
    timeout: 3_000,
    policy: 'newest',
  } as const;
  const asked = {
    ...object([], { agent }),
    found: [entry('com.foo.Old')],
    foundIn: 'p0',
    foundAt: 86_400_000,
  };
  const of = (result: AgentResult | undefined) =>
    statusOf(asked, service('10.96.0.1'), result, verdictOf, [], NOW);
  // what the status says of a former replica's question stays
  const before = of(undefined);
  assert.equal(conditionsOf(before.conditions).at(-1), 'AgentReady Unknown NotAskedYet');
  assert.deepEqual(before.agent, { pod: 'p0', lastSuccess: '1970-01-02T00:00:00.000Z' });
  assert.deepEqual(
    before.interfaces.map(({ name, source }) => [name, source]),
    [['com.foo.Old', 'agent']],
  );
  const found = [entry('com.foo.New')];
  const answered = of({ reason: 'Answered', message: '', pod: 'p1', lastSuccess: 2 * 86_400_000, found });
  assert.equal(conditionsOf(answered.conditions).at(-1), 'AgentReady True Answered');
  assert.deepEqual(answered.agent, { pod: 'p1', lastSuccess: '1970-01-03T00:00:00.000Z' });
  const failed = of({ reason: 'Timeout', message: '', pod: 'p1', lastSuccess: 0, found });
  assert.equal(conditionsOf(failed.conditions).at(-1), 'AgentReady False Timeout');
  assert.equal(failed.interfaces[0]?.name, 'com.foo.New');
});

test('the time of a condition is that of its last change', () => {
  const first = statusOf(object(['com.foo.A']), service('10.96.0.1'), undefined, verdictOf, [], NOW);
  const later = new Date('2026-05-06T07:08:09Z');
  const same = statusOf(
    object(['com.foo.A']),
    service('10.96.0.1'),
    undefined,
    verdictOf,
    first.conditions,
    later,
  );
  assert.deepEqual(same.conditions, first.conditions);
  const other = statusOf(
    object(['com.bar.B']),
    service('10.96.0.1'),
    undefined,
    verdictOf,
    first.conditions,
    later,
  );
  assert.deepEqual(
    other.conditions.map(({ lastTransitionTime }) => lastTransitionTime),
    ['2026-05-06T07:08:09Z', '2026-01-02T03:04:05Z'],
  );
});
