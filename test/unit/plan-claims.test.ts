/** Of several Kubernetes objects that name one service, who may (contract 1.7). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Contribution } from '../../src/intake/contribution.ts';
import { parseAddress } from '../../src/name/address.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { Ownership } from '../../src/name/ownership.ts';
import { settleClaims, settlePlainName } from '../../src/plan/claims.ts';
import { type Claim, EMPTY_REGISTRATION, type Registration } from '../../src/registry/registration.ts';

const OWNED = new Ownership([{ prefix: 'com.foo', namespaces: ['trade'], source: 'rules' }]);
const mayPin = () => undefined;

function by(claim: Partial<Claim> | undefined, rest: Partial<Registration> = {}): Contribution {
  const full =
    claim === undefined
      ? undefined
      : ({ kind: 'RPCService', namespace: 'trade', name: 'a', createdAt: 1, ...claim } as const);
  return {
    registry: 'k',
    registration: {
      ...EMPTY_REGISTRATION,
      interface: 'com.foo.UserService' as InterfaceName,
      source: full === undefined ? 'zookeeper' : `${full.kind} ${full.namespace}/${full.name}`,
      claim: full,
      ...rest,
    },
  };
}

const settled = (contributions: readonly Contribution[], rule = mayPin as () => string | undefined) => {
  const { kept, refusals } = settleClaims(contributions, OWNED, rule);
  return {
    kept: kept.map(({ registration }) => registration.source),
    refused: refusals.map(({ claim, reason }) => `${claim.kind} ${claim.namespace}/${claim.name} ${reason}`),
    refusals,
  };
};

test('what no namespace stands behind is not weighed', () => {
  assert.deepEqual(settled([by(undefined)]).kept, ['zookeeper']);
});

test('a foreign namespace is refused, and told whose the name is', () => {
  const { kept, refused, refusals } = settled([by({ namespace: 'play' }), by(undefined)]);
  assert.deepEqual(kept, ['zookeeper']);
  assert.deepEqual(refused, ['RPCService play/a NotOwned']);
  assert.match(refusals[0]?.text ?? '', /^RPCService play\/a: .* namespace trade only \(rules: com\.foo\)$/);
});

test('the older of two claims stands; the younger is told who has it', () => {
  const { kept, refused, refusals } = settled([
    by({ name: 'new', createdAt: 9 }),
    by({ name: 'old', createdAt: 1 }),
  ]);
  assert.deepEqual(kept, ['RPCService trade/old']);
  assert.deepEqual(refused, ['RPCService trade/new Conflict']);
  assert.equal(refusals[0]?.winner?.name, 'old');
});

test('of the same age the first by namespace/name', () => {
  assert.deepEqual(settled([by({ name: 'b' }), by({ name: 'a' })]).kept, ['RPCService trade/a']);
});

test('an RPCService wins over the annotations of its Service, however young, and without a conflict', () => {
  const service = { cluster: 'k', namespace: 'trade', name: 'user', port: 20880, problem: undefined };
  const annotated = by({ kind: 'Service', name: 'user', createdAt: 1 }, { service });
  const object = by({ name: 'object', createdAt: 9 }, { service });
  assert.deepEqual(settled([annotated, object]), {
    kept: ['RPCService trade/object'],
    refused: [],
    refusals: [],
  });
});

test('annotations of another Service are a claim like any other', () => {
  const service = { cluster: 'k', namespace: 'trade', name: 'user', port: 20880, problem: undefined };
  const annotated = by({ kind: 'Service', name: 'other', createdAt: 1 });
  const object = by({ name: 'object', createdAt: 9 }, { service });
  assert.deepEqual(settled([annotated, object]).refused, ['RPCService trade/object Conflict']);
});

test('the plain name stays with the namespace that named the interface first, by whatever version', () => {
  const free = new Ownership([]);
  const settle = (contribution: Contribution) => settleClaims([contribution], free, mayPin);
  const versioned = by({ name: 'old', createdAt: 1 }, { version: '1.0.0' });
  const late = by({ namespace: 'play', name: 'late', createdAt: 2 });
  const other = by({ namespace: 'play', name: 'late', createdAt: 2 }, { version: '2.0.0' });
  const [first, plain, second] = settlePlainName([versioned, late, other].map(settle));
  assert.deepEqual([first?.kept.length, plain?.kept.length, second?.kept.length], [1, 0, 1]);
  assert.match(plain?.refusals[0]?.text ?? '', /belongs to the older RPCService trade\/old/);
  // within one namespace it is nobody's business
  const own = by({ name: 'new', createdAt: 2 });
  assert.equal(settlePlainName([versioned, own].map(settle))[1]?.kept.length, 1);
});

test('a pin that a ConfigMap may not set is left out, the rest serves', () => {
  const vip = parseAddress('10.96.0.9');
  const { kept, refusals } = settleClaims([by({ kind: 'ConfigMap' }, { vip })], OWNED, () => 'not yours');
  assert.equal(kept[0]?.registration.vip, undefined);
  assert.equal(refusals[0]?.reason, 'PinNotAllowed');
  assert.match(refusals[0]?.text ?? '', /not yours/);
});

test('fault 7: claims are transitive: whatever the order and the ages, three claims give one winner', () => {
  const service = { cluster: 'k', namespace: 'trade', name: 'web', port: undefined, problem: undefined };
  const age = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(age, age, age, (annotation, another, object) => {
      const claims = [
        by({ kind: 'Service', name: 'web', createdAt: annotation }, { service }),
        by({ kind: 'Service', name: 'shop', createdAt: another }, { service: { ...service, name: 'shop' } }),
        by({ kind: 'RPCService', name: 'object', createdAt: object }, { service }),
      ] as const;
      const [a, b, c] = claims;
      const orders = [
        [a, b, c],
        [a, c, b],
        [b, a, c],
        [b, c, a],
        [c, a, b],
        [c, b, a],
      ];
      const winners = new Set(orders.flatMap((order) => settled(order).kept));
      assert.equal(winners.size, 1);
      // an RPCService wins over the annotations that it replaces, whoever else is there
      assert.ok(!winners.has('Service trade/web'));
    }),
  );
});
