import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EndpointSets } from '../../src/intake/endpoint-sets.ts';
import { Intake, type IntakeEvents } from '../../src/intake/intake.ts';
import { type FactsOptions, RegistryFacts } from '../../src/intake/registry-facts.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { InterfaceNumbers } from '../../src/name/interface-numbers.ts';
import { Localities } from '../../src/name/localities.ts';
import { Arena } from '../../src/packed/arena.ts';
import { EMPTY_REGISTRATION, type Registration } from '../../src/registry/registration.ts';

const MINUTE = 60_000;
const OPTIONS: FactsOptions = { forgetAfterMs: 10 * MINUTE, distrustForMs: MINUTE, settleForMs: 0 };

function registered(name: string, endpoints: readonly string[] = [], version = ''): Registration {
  return {
    ...EMPTY_REGISTRATION,
    interface: name as InterfaceName,
    version,
    endpoints: endpoints.map((host) => ({ host, port: 20880, protocol: 'dubbo' })),
    source: 'test',
  };
}

function emptyView(options: Partial<FactsOptions> = {}): RegistryFacts {
  const memory = { names: new InterfaceNumbers(), sets: new EndpointSets(new Arena(false)) };
  return new RegistryFacts({ ...OPTIONS, ...options }, memory);
}

/** A complete delivery. @returns interfaces that changed */
function replace(view: RegistryFacts, units: ReadonlyMap<string, readonly Registration[]>, now: number) {
  view.begin();
  const changed = new Set<InterfaceName>();
  for (const [unit, registrations] of units) {
    for (const name of view.put(unit, registrations, now)) changed.add(name);
  }
  return changed.union(view.end(now));
}

function liveView(options: Partial<FactsOptions> = {}): RegistryFacts {
  const view = emptyView(options);
  view.setLive(true, 0);
  return view;
}

/** `key: host host` for every service of the interface. */
function told(view: RegistryFacts, name = 'com.foo.A'): string[] {
  return [...view.registrationsOf(name as InterfaceName)].map(([key, registrations]) => {
    return [`${key}:`, ...registrations.flatMap(({ endpoints }) => endpoints.map(({ host }) => host))].join(
      ' ',
    );
  });
}

suite('units', () => {
  test('each says its part; one that goes takes nothing of the others along', () => {
    const view = liveView();
    view.update('one', [registered('com.foo.A', ['10.0.0.1'])], 0);
    view.update('two', [registered('com.foo.A', ['10.0.0.2'])], 0);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1 10.0.0.2']);
    assert.deepEqual([...view.update('one', [], 1)], ['com.foo.A']);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.2']);
    assert.equal(view.isRemembered('com.foo.A' as InterfaceName, 'com.foo.A'), false);
  });

  test('a complete set removes the units that it does not name', () => {
    const view = liveView({ forgetAfterMs: 0 });
    replace(
      view,
      new Map([
        ['one', [registered('com.foo.A')]],
        ['two', [registered('com.foo.B')]],
      ]),
      0,
    );
    assert.deepEqual([...replace(view, new Map([['two', [registered('com.foo.B')]]]), 1)], ['com.foo.A']);
    assert.deepEqual([told(view), told(view, 'com.foo.B')], [[], ['com.foo.B:']]);
  });

  test('what was said already is no change', () => {
    const view = liveView();
    view.update('one', [registered('com.foo.A', ['10.0.0.1'])], 0);
    assert.deepEqual([...view.update('one', [registered('com.foo.A', ['10.0.0.1'])], 1)], []);
  });

  test('one unit that registers a service twice registers it once, with all endpoints', () => {
    const view = liveView();
    view.update(
      'one',
      [registered('com.foo.A', ['10.0.0.1']), registered('com.foo.A', ['10.0.0.2', '10.0.0.1'])],
      0,
    );
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1 10.0.0.2']);
    assert.equal(view.entries, 2);
  });
});

suite('forgetAfter', () => {
  test('a service is remembered without endpoints, then forgotten', () => {
    const view = liveView();
    view.update('one', [registered('com.foo.A', ['10.0.0.1'], '1.0')], 0);
    view.update('one', [], 1000);
    assert.deepEqual(told(view), ['com.foo.A:1.0:']);
    assert.ok(view.isRemembered('com.foo.A' as InterfaceName, 'com.foo.A:1.0'));
    assert.deepEqual([...view.tick(1000 + 10 * MINUTE - 1)], []);
    assert.deepEqual([...view.tick(1000 + 10 * MINUTE)], ['com.foo.A']);
    assert.deepEqual(told(view), []);
  });

  test('counts only while the registry is live', () => {
    const view = liveView();
    view.update('one', [registered('com.foo.A')], 0);
    view.update('one', [], 1000);
    view.setLive(false, 5 * MINUTE);
    assert.deepEqual([...view.tick(1000 * MINUTE)], [], 'a lost registry’s silence proves nothing');
    view.setLive(true, 1000 * MINUTE);
    assert.deepEqual([...view.tick(1004 * MINUTE)], []);
    assert.deepEqual([...view.tick(1005 * MINUTE + 1000)], ['com.foo.A']);
  });

  test('counts on after a restart', () => {
    const view = liveView();
    view.update('one', [registered('com.foo.A')], 0);
    view.update('one', [], 0);
    const body = view.storedRow('com.foo.A' as InterfaceName);
    assert.ok(body !== undefined);
    const next = emptyView();
    next.restore('com.foo.A' as InterfaceName, body);
    next.restored(view.liveMs(7 * MINUTE));
    assert.deepEqual(told(next), ['com.foo.A:']);
    next.setLive(true, 100 * MINUTE);
    assert.deepEqual([...next.tick(103 * MINUTE - 1)], []);
    assert.deepEqual([...next.tick(103 * MINUTE)], ['com.foo.A']);
  });

  test('0s forgets at once', () => {
    const view = liveView({ forgetAfterMs: 0 });
    view.update('one', [registered('com.foo.A')], 0);
    assert.deepEqual([...view.update('one', [], 1)], ['com.foo.A']);
    assert.deepEqual(told(view), []);
  });

  test('a service that returns is remembered no longer', () => {
    const view = liveView();
    view.update('one', [registered('com.foo.A', ['10.0.0.1'])], 0);
    view.update('one', [], 1);
    view.update('one', [registered('com.foo.A', ['10.0.0.2'])], 2);
    view.tick(100 * MINUTE);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.2']);
  });

  test('a restart that finds a service gone begins to remember it', () => {
    const view = liveView();
    view.update('one', [registered('com.foo.A', ['10.0.0.1'])], 0);
    const next = emptyView();
    next.restore(
      'com.foo.A' as InterfaceName,
      view.storedRow('com.foo.A' as InterfaceName) ?? new Uint8Array(),
    );
    next.restored(0);
    assert.deepEqual(told(next), ['com.foo.A: 10.0.0.1']);
    next.setLive(true, 0);
    replace(next, new Map(), MINUTE);
    assert.deepEqual(told(next), ['com.foo.A:']);
    assert.deepEqual([...next.tick(11 * MINUTE)], ['com.foo.A']);
  });
});

suite('distrustFor', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => registered(`com.foo.I${i}`, [`10.0.${i >> 8}.${i & 255}`]));
  const full = (count: number) =>
    new Map(many(count).map((registration) => [registration.interface as string, [registration]]));
  const hosts = (view: RegistryFacts, count: number) =>
    many(count).filter(({ interface: name }) => told(view, name).some((text) => text.includes(' '))).length;

  test('a relist that lost more than half of at least 100 is not believed for a while', () => {
    const view = liveView({ forgetAfterMs: 0 });
    replace(view, full(200), 0);
    replace(view, full(99), 1000);
    assert.ok(view.distrusting);
    assert.equal(view.held, 101);
    assert.equal(hosts(view, 200), 200, '_endpoints is held too');
    view.tick(1000 + MINUTE - 1);
    assert.equal(hosts(view, 200), 200);
    assert.equal(view.tick(1000 + MINUTE).size, 101);
    assert.deepEqual([view.distrusting, view.held, hosts(view, 200)], [false, 0, 99]);
  });

  const believed: readonly (readonly [title: string, before: number, after: number])[] = [
    ['exactly half', 200, 100],
    ['99 of 100, below the least number', 100, 1],
    ['none', 200, 200],
  ];
  for (const [title, before, after] of believed) {
    test(`believed at once: ${title}`, () => {
      const view = liveView({ forgetAfterMs: 0 });
      replace(view, full(before), 0);
      replace(view, full(after), 1);
      assert.deepEqual([view.distrusting, hosts(view, before)], [false, after]);
    });
  }

  for (const forgetAfterMs of [10 * MINUTE, 0]) {
    test(`events within 10 s count together, all of them are held (forgetAfter ${forgetAfterMs} ms)`, () => {
      const view = liveView({ forgetAfterMs });
      replace(view, full(200), 0);
      for (let i = 0; i < 101; i++) view.update(`com.foo.I${i}`, [], 1000 + i * 90);
      assert.deepEqual([view.distrusting, hosts(view, 200)], [true, 200]);
    });
  }

  test('events that take longer are believed', () => {
    const view = liveView({ forgetAfterMs: 0 });
    replace(view, full(200), 0);
    for (let i = 0; i < 150; i++) view.update(`com.foo.I${i}`, [], 1000 + i * 200);
    assert.deepEqual([view.distrusting, hosts(view, 200)], [false, 50]);
  });

  test('what returns meanwhile is simply there again', () => {
    const view = liveView({ forgetAfterMs: 0 });
    replace(view, full(200), 0);
    replace(view, new Map(), 1000);
    replace(view, full(200), 2000);
    assert.equal(view.held, 0);
    view.tick(1000 + MINUTE);
    assert.equal(hosts(view, 200), 200);
  });

  test('endpoints of one service count as entries', () => {
    const view = liveView();
    const endpoints = Array.from({ length: 150 }, (_, i) => `10.0.0.${i}`);
    view.update('one', [registered('com.foo.A', endpoints)], 0);
    view.update('one', [registered('com.foo.A', endpoints.slice(0, 10))], 1);
    assert.ok(view.distrusting);
    assert.equal(told(view)[0]?.split(' ').length, 151);
  });

  test('0s believes everything', () => {
    const view = liveView({ forgetAfterMs: 0, distrustForMs: 0 });
    replace(view, full(200), 0);
    replace(view, new Map(), 1);
    assert.deepEqual([view.distrusting, hosts(view, 200)], [false, 0]);
  });

  test('what is held is not looked at all the time; what can be forgotten is, within a second', () => {
    const view = liveView({ forgetAfterMs: 0 });
    replace(view, full(200), 0);
    replace(view, new Map(), 1000);
    assert.equal(view.wakeAt(5000), 6000);
    assert.equal(view.wakeAt(1000 + MINUTE - 1), 1000 + MINUTE);
  });

  test('forgetAfter begins when the loss happened, and holds no longer than distrust', () => {
    const view = liveView({ forgetAfterMs: 30_000 });
    replace(view, full(200), 0);
    replace(view, new Map(), 1000);
    assert.equal(view.tick(40_000).size, 0, 'still held');
    view.tick(1000 + MINUTE);
    assert.equal(hosts(view, 200), 0);
    assert.deepEqual(told(view, 'com.foo.I7'), []);
  });
});

suite('settleFor', () => {
  const SETTLE = 30_000;
  const hosts = (...addresses: readonly string[]) => [registered('com.foo.A', addresses)];
  /** Knows two endpoints of com.foo.A and one of com.foo.B, and is away since 1 s. */
  const lostView = (options: Partial<FactsOptions> = {}) => {
    const view = liveView({ settleForMs: SETTLE, ...options });
    view.update('a', hosts('10.0.0.1', '10.0.0.2'), 0);
    view.update('b', [registered('com.foo.B', ['10.0.0.3'])], 0);
    view.setLive(false, 1000);
    return view;
  };

  for (const forgetAfterMs of [10 * MINUTE, 0]) {
    test(`a registry that comes back empty is not believed before it has settled (forgetAfter ${forgetAfterMs} ms)`, () => {
      const view = lostView({ forgetAfterMs });
      replace(view, new Map(), 5000);
      view.setLive(true, 5000);
      assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1 10.0.0.2']);
      assert.deepEqual(
        [view.held, view.heldUntil, view.wakeAt(5000)],
        [3, 35_000, forgetAfterMs === 0 ? 6000 : 35_000],
      );
      view.update('a', hosts('10.0.0.2', '10.0.0.9'), 8000);
      assert.deepEqual(
        told(view).map((text) => text.split(' ').sort().join(' ')),
        ['10.0.0.1 10.0.0.2 10.0.0.9 com.foo.A:'],
        'additions at once',
      );
      assert.deepEqual([...view.tick(34_999)], []);
      assert.deepEqual([...view.tick(35_000)].sort(), ['com.foo.A', 'com.foo.B']);
      assert.deepEqual(told(view), ['com.foo.A: 10.0.0.2 10.0.0.9']);
      assert.deepEqual(told(view, 'com.foo.B'), forgetAfterMs === 0 ? [] : ['com.foo.B:']);
      assert.deepEqual([view.held, view.isSettling], [0, false]);
    });
  }

  test('what goes when it has settled goes at once', () => {
    const view = lostView();
    view.setLive(true, 5000);
    view.tick(35_000);
    view.update('a', hosts('10.0.0.1'), 35_000);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1']);
  });

  test('what went before it was lost does not come back', () => {
    const view = liveView({ settleForMs: SETTLE });
    view.update('a', hosts('10.0.0.1', '10.0.0.2'), 0);
    view.update('a', hosts('10.0.0.1'), 500);
    view.setLive(false, 1000);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1']);
  });

  test('the time begins anew each time it is lost', () => {
    const view = lostView();
    view.update('a', hosts('10.0.0.1'), 5000);
    view.setLive(true, 5000);
    view.setLive(false, 30_000);
    assert.equal(view.wakeAt(30_000), undefined, 'nobody knows when it comes back');
    view.tick(60_000);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1 10.0.0.2']);
    view.setLive(true, 60_000);
    view.tick(90_000);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1']);
  });

  test('a mass that has not come back by then is doubted as any mass', () => {
    const view = liveView({ settleForMs: SETTLE });
    const many = Array.from({ length: 150 }, (_, i) => `10.0.0.${i}`);
    view.update('a', hosts(...many), 0);
    view.setLive(false, 1000);
    replace(view, new Map(), 5000);
    view.setLive(true, 5000);
    view.tick(35_000);
    assert.deepEqual(
      [view.distrusting, view.isSettling, view.held, view.heldUntil],
      [true, false, 150, 5000 + MINUTE],
    );
    view.tick(5000 + MINUTE);
    assert.deepEqual(told(view), ['com.foo.A:']);
  });

  test('holds without distrustFor too, and an operator ends it', () => {
    const view = lostView({ distrustForMs: 0 });
    view.update('a', hosts('10.0.0.1'), 5000);
    view.setLive(true, 5000);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1 10.0.0.2']);
    assert.deepEqual([...view.accept(6000)], ['com.foo.A']);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1']);
    assert.equal(view.isSettling, false);
  });

  test('holds after a start from what a former process stored, but not after a first start', () => {
    const before = liveView();
    before.update('a', hosts('10.0.0.1', '10.0.0.2'), 0);
    const octets = before.storedRow('com.foo.A' as InterfaceName);
    assert.ok(octets !== undefined);
    const view = emptyView({ settleForMs: SETTLE });
    view.restore('com.foo.A' as InterfaceName, octets);
    view.restored(0);
    view.setLive(false, 0);
    replace(view, new Map([['a', hosts('10.0.0.1')]]), 100);
    view.setLive(true, 100);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1 10.0.0.2']);
    view.tick(100 + SETTLE);
    assert.deepEqual(told(view), ['com.foo.A: 10.0.0.1']);

    const fresh = emptyView({ settleForMs: SETTLE });
    fresh.setLive(false, 0);
    replace(fresh, new Map([['a', hosts('10.0.0.1')]]), 100);
    fresh.setLive(true, 100);
    fresh.update('a', [], 200);
    assert.deepEqual(told(fresh), ['com.foo.A:']);
  });

  test('what is held is not stored as gone: a restart meanwhile answers it', () => {
    const view = lostView();
    for (const name of [...view.storable()]) view.storedRow(name);
    replace(view, new Map(), 5000);
    view.setLive(true, 5000);
    assert.deepEqual([...view.storable()], []);
    view.tick(35_000);
    assert.deepEqual([...view.storable()].sort(), ['com.foo.A', 'com.foo.B']);
  });
});

suite('a registry that says more than any has', () => {
  test('keeps what it said of a unit before, and what fits; that is told once', () => {
    const skips: string[] = [];
    const ignored = new Proxy({} as IntakeEvents, { get: () => () => {} });
    const events: IntakeEvents = Object.assign(Object.create(ignored), {
      onSkipped: (_source: unknown, reason: string, detail: string) => skips.push(`${reason} ${detail}`),
    });
    const memory = { names: new InterfaceNumbers(), sets: new EndpointSets(new Arena(false)) };
    const intake = new Intake(memory, () => 0, events);
    const options = {
      id: 'x',
      kind: 'file',
      required: true,
      isProbed: false,
      hasServices: false,
      join: [],
      localities: new Localities([]),
    };
    intake.configure([{ ...options, ...OPTIONS }], []);
    const sink = intake.sinkOf('x');
    const { facts } = intake.source('x');
    const [few, many] = [registered('com.foo.A', ['10.0.0.1']), registered('com.foo.A')];
    const [endpoint] = few.endpoints;
    const huge = {
      ...many,
      endpoints: Array.from({ length: 5_000_001 }, () => endpoint as (typeof few.endpoints)[0]),
    };
    const first = sink.replace();
    first.put('one', [few]);
    first.done();
    sink.update('one', [huge]);
    sink.update('two', [huge]);
    assert.deepEqual(told(facts), ['com.foo.A: 10.0.0.1']);
    const second = sink.replace();
    second.put('one', [huge]);
    second.put('three', [registered('com.foo.B', ['10.0.0.2'])]);
    second.done();
    assert.deepEqual(
      [told(facts), told(facts, 'com.foo.B')],
      [['com.foo.A: 10.0.0.1'], ['com.foo.B: 10.0.0.2']],
    );
    const full = 'too-many one: over 5000000 instances in one registry';
    assert.deepEqual(skips, [full]);
    sink.update('one', []);
    assert.equal(facts.entries, 1);
    sink.update('one', [huge]);
    assert.deepEqual(skips, [full, full]);
  });
});
