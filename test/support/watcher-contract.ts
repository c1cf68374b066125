/** What every registry watcher must do, whatever its registry is: one suite, and the sink that records. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterChange } from '../../src/registry/cluster.ts';
import type { Registration } from '../../src/registry/registration.ts';
import type { RegistrySink, Replacement, Watcher, WatcherState } from '../../src/registry/watcher.ts';
import { until } from './process.ts';

/** One instance of one service. */
export interface ContractEntry {
  readonly interface: string;
  readonly version?: string;
  readonly group?: string;
  readonly host: string;
  readonly port: number;
}

/**
 * A registry of a test's own, empty at first, and a hand in it. While it is broken, `put` and `remove` note what the
 * watcher shall find when it is repaired: a file that is written then, a server that only the watcher does not reach.
 */
export interface ContractHarness {
  /** Its services have groups alone. */
  readonly hasNoVersions?: boolean;
  /** Its server takes longer than a watcher may: from a repair to right data, in milliseconds. */
  readonly rightAfterMs?: number;
  create(sink: RegistrySink): Watcher;
  put(entry: ContractEntry): Promise<void>;
  /** What was put, by the very same values. */
  remove(entry: ContractEntry): Promise<void>;
  /** Adds something to the registry that is no entry and spoils no other. Not there: the registry is taken whole. */
  putGarbage?(): Promise<void>;
  /** Makes the registry unusable for the watcher: gone, unreachable, or unreadable as a whole. */
  breakRegistry(): Promise<void>;
  repairRegistry(): Promise<void>;
  teardown(): Promise<void>;
}

interface Delivery {
  /** undefined: everything */
  readonly unit: string | undefined;
  /** as `performance.now()` tells it */
  readonly at: number;
}

/** Keeps what is delivered, as the catalogue would. */
export class RecordingSink implements RegistrySink {
  readonly units = new Map<string, readonly Registration[]>();
  readonly deliveries: Delivery[] = [];
  readonly states: WatcherState[] = [];
  readonly clusterChanges: ClusterChange[] = [];
  isListed = false;
  readonly skips: { readonly reason: string; readonly detail: string }[] = [];
  #unfinished: Map<string, readonly Registration[]> | undefined;
  /** called after each delivery */
  onDelivery: () => void = () => {};

  replace(): Replacement {
    const units = new Map<string, readonly Registration[]>();
    this.#unfinished = units;
    return {
      put: (unit, registrations) => {
        assert.equal(this.#unfinished, units, 'put into a delivery that is over');
        assert.ok(!units.has(unit), `${unit} is put twice`);
        units.set(unit, registrations);
      },
      done: () => {
        assert.equal(this.#unfinished, units, 'done with a delivery that is over');
        this.#unfinished = undefined;
        this.units.clear();
        for (const [unit, registrations] of units) this.units.set(unit, registrations);
        this.#note(undefined);
      },
    };
  }

  update(unit: string, registrations: readonly Registration[]): void {
    assert.equal(this.#unfinished, undefined, 'an update within a complete delivery');
    this.units.set(unit, registrations);
    this.#note(unit);
  }

  cluster(changes: readonly ClusterChange[], isListed: boolean): void {
    this.clusterChanges.push(...changes);
    this.isListed = isListed;
  }

  state(state: WatcherState): void {
    this.states.push(state);
  }

  skipped(reason: string, detail: string): void {
    this.skips.push({ reason, detail });
  }

  get kind(): WatcherState['kind'] | undefined {
    return this.states.at(-1)?.kind;
  }

  get registrations(): readonly Registration[] {
    return [...this.units.values()].flat();
  }

  /** `host:port` of all instances of an interface, sorted. */
  endpoints(name: string): readonly string[] {
    const all = this.registrations.filter((registration) => registration.interface === name);
    return all.flatMap(({ endpoints }) => endpoints.map(({ host, port }) => `${host}:${port}`)).sort();
  }

  #note(unit: string | undefined): void {
    this.deliveries.push({ unit, at: performance.now() });
    this.onDelivery();
  }
}

const USER_1 = {
  interface: 'com.foo.UserService',
  version: '1.0.0',
  group: 'g1',
  host: '10.0.0.1',
  port: 20880,
};
const USER_2 = { ...USER_1, host: '10.0.0.2' };
const ORDER = { interface: 'com.foo.OrderService', host: '10.0.0.3', port: 20881 };
const PAY = { interface: 'com.foo.PayService', host: '10.0.0.4', port: 20882 };

/** After a repair everything is right within this time. */
const REPAIR_DEADLINE_MS = 5_000;
/** So long nothing may happen where nothing should. */
const QUIET_MS = 300;

/** Declares the suite. `setup` is called for each test. */
export function watcherContract(
  name: string,
  setup: () => Promise<ContractHarness>,
  options: { readonly skip?: string | false } = {},
): void {
  describe(`${name}: the watcher contract`, { skip: options.skip ?? false }, () => {
    let registry: ContractHarness;
    let sink: RecordingSink;
    let watcher: Watcher;

    beforeEach(async () => {
      registry = await setup();
      sink = new RecordingSink();
      watcher = registry.create(sink);
    });

    afterEach(async () => {
      await watcher.stop();
      await registry.teardown();
    });

    const live = async (): Promise<void> => {
      watcher.start();
      await until('live', () => sink.kind === 'live');
    };
    const endpoints = (what: string, expected: readonly string[]): Promise<number> =>
      until(
        `${what}: ${expected.join(' ') || 'none'}`,
        () => String(sink.endpoints(what)) === String(expected),
        {
          deadlineMs: registry.rightAfterMs ?? REPAIR_DEADLINE_MS,
        },
      );

    it('delivers everything at once, and is live then', async () => {
      await registry.put(USER_1);
      await registry.put(USER_2);
      await registry.put(ORDER);
      await live();
      assert.deepEqual(
        sink.deliveries.map(({ unit }) => unit),
        [undefined],
      );
      assert.deepEqual(
        sink.states.map(({ kind }) => kind),
        ['syncing', 'live'],
      );
      assert.deepEqual(sink.endpoints('com.foo.UserService'), ['10.0.0.1:20880', '10.0.0.2:20880']);
      assert.deepEqual(sink.endpoints('com.foo.OrderService'), ['10.0.0.3:20881']);
      const user = sink.registrations.find(
        (registration) => registration.interface === 'com.foo.UserService',
      );
      const version = registry.hasNoVersions === true ? '' : '1.0.0';
      assert.deepEqual([user?.version, user?.group, user?.port], [version, 'g1', 20880]);
      assert.ok(sink.registrations.every(({ source }) => source !== ''));
      assert.deepEqual(sink.skips, []);
    });

    it('delivers an empty registry as an empty snapshot', async () => {
      await live();
      assert.deepEqual(
        sink.deliveries.map(({ unit }) => unit),
        [undefined],
      );
      assert.deepEqual(sink.registrations, []);
    });

    it('delivers a change as the update of one unit', async () => {
      await registry.put(USER_1);
      await registry.put(ORDER);
      await live();
      await registry.put(USER_2);
      await endpoints('com.foo.UserService', ['10.0.0.1:20880', '10.0.0.2:20880']);
      await registry.remove(USER_1);
      await endpoints('com.foo.UserService', ['10.0.0.2:20880']);
      const units = new Set(sink.deliveries.slice(1).map(({ unit }) => unit));
      assert.equal(units.size, 1);
      assert.ok(!units.has(undefined));
      assert.deepEqual(sink.endpoints('com.foo.OrderService'), ['10.0.0.3:20881']);
    });

    it('finds what comes and goes as a whole', async () => {
      await live();
      await registry.put(PAY);
      await endpoints('com.foo.PayService', ['10.0.0.4:20882']);
      await registry.remove(PAY);
      await endpoints('com.foo.PayService', []);
      await registry.put(PAY);
      await endpoints('com.foo.PayService', ['10.0.0.4:20882']);
    });

    it('keeps what it delivered when the registry breaks, and is right after its repair', async () => {
      await registry.put(USER_1);
      await registry.put(ORDER);
      await live();
      const before = sink.deliveries.length;
      await registry.breakRegistry();
      await until('stale', () => sink.kind === 'stale');
      await sleep(QUIET_MS);
      assert.equal(sink.deliveries.length, before);
      assert.deepEqual(sink.endpoints('com.foo.UserService'), ['10.0.0.1:20880']);

      await registry.remove(USER_1);
      await registry.put(USER_2);
      await registry.remove(ORDER);
      await registry.put(PAY);
      await registry.repairRegistry();
      await endpoints('com.foo.UserService', ['10.0.0.2:20880']);
      await endpoints('com.foo.OrderService', []);
      await endpoints('com.foo.PayService', ['10.0.0.4:20882']);
      await until('live', () => sink.kind === 'live', { deadlineMs: REPAIR_DEADLINE_MS });
    });

    it('skips garbage once, with a reason, and serves the rest', async () => {
      await registry.put(USER_1);
      await registry.putGarbage?.();
      await live();
      assert.deepEqual(sink.endpoints('com.foo.UserService'), ['10.0.0.1:20880']);
      const expected = registry.putGarbage === undefined ? 0 : 1;
      assert.equal(sink.skips.length, expected);
      assert.ok(sink.skips.every(({ reason, detail }) => /^[a-z-]+$/.test(reason) && detail !== ''));
      await registry.put(USER_2);
      await endpoints('com.foo.UserService', ['10.0.0.1:20880', '10.0.0.2:20880']);
      assert.equal(sink.skips.length, expected);
    });

    it('delivers nothing after stop()', async () => {
      await registry.put(USER_1);
      await live();
      await watcher.stop();
      const [deliveries, states] = [sink.deliveries.length, sink.states.length];
      await registry.put(USER_2);
      await registry.breakRegistry();
      await sleep(QUIET_MS);
      assert.deepEqual([sink.deliveries.length, sink.states.length], [deliveries, states]);
      await watcher.stop();
    });

    it('starts while the registry is away: failed, and live when it comes', async () => {
      await registry.breakRegistry();
      watcher.start();
      await until('failed', () => sink.kind === 'failed');
      assert.deepEqual(sink.deliveries, []);
      await registry.put(USER_1);
      await registry.repairRegistry();
      await until('live', () => sink.kind === 'live', { deadlineMs: REPAIR_DEADLINE_MS });
      assert.deepEqual(sink.endpoints('com.foo.UserService'), ['10.0.0.1:20880']);
    });
  });
}
