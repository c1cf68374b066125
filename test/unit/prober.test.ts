/** Which endpoints take connections: real ports, and hosts that a test makes up. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Attempt, PROBER_DEFAULTS, Prober, type Target, tryConnection } from '../../src/probe/prober.ts';
import { House } from '../support/house.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { TurnedClock } from '../support/turned-clock.ts';

async function listen(test: TestContext, port = 0): Promise<{ server: Server; target: Target }> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  test.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, target: { host: '127.0.0.1', port: address.port } };
}

suite('one attempt', () => {
  test('is taken, refused, or nobody answers', async (t) => {
    const { target } = await listen(t);
    assert.equal(await tryConnection(target, 1000), 'taken');
    assert.equal(await tryConnection({ host: '127.0.0.1', port: await freePort() }, 1000), 'refused');
    assert.equal(
      await tryConnection({ host: '255.255.255.255', port: 1 }, 200),
      'unknown',
      'our own network refuses',
    );
  });
});

/** Probes on a clock that the test turns; who is in `dead` refuses. */
function probe(targets: readonly Target[], dead: Set<string>, unknown = new Set<string>()) {
  const clock = new TurnedClock();
  const told: string[][] = [];
  let running = 0;
  let most = 0;
  let asked = 0;
  const attempt = async ({ host }: Target): Promise<Attempt> => {
    asked++;
    most = Math.max(most, ++running);
    await nextTurn();
    running--;
    return unknown.has(host) ? 'unknown' : dead.has(host) ? 'refused' : 'taken';
  };
  const state = { targets };
  const prober = new Prober(
    () => state.targets,
    (refusing) => told.push([...refusing].sort()),
    PROBER_DEFAULTS,
    clock,
    attempt,
  );
  const pass = async (ms: number) => {
    const end = clock.now() + ms;
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    for (let at = clock.nextAt; at !== undefined && at <= end; at = clock.nextAt) {
      clock.turnTo(at);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    }
    clock.turnTo(end);
  };
  return { prober, pass, told, state, figures: () => ({ most, asked }) };
}

const targetsOf = (...hosts: readonly string[]): Target[] => hosts.map((host) => ({ host, port: 80 }));

suite('rounds', () => {
  test('who refuses twice is told, who takes a connection again too', async () => {
    const dead = new Set(['10.0.0.2']);
    const { prober, pass, told } = probe(targetsOf('10.0.0.1', '10.0.0.2'), dead);
    prober.start();
    await pass(12_000);
    assert.deepEqual(told, [['10.0.0.2:80']]);
    dead.clear();
    await pass(25_000);
    assert.deepEqual(told, [['10.0.0.2:80'], []]);
    await prober.stop();
  });

  test('a single refusal, an error of our own and a host name say nothing', async () => {
    const dead = new Set(['10.0.0.1', 'provider.example']);
    const { prober, pass, told, figures } = probe(
      targetsOf('10.0.0.1', '10.0.0.2', 'provider.example'),
      dead,
      new Set(['10.0.0.2']),
    );
    prober.start();
    await pass(100);
    // it restarted: the second look finds it
    dead.delete('10.0.0.1');
    await pass(8_500);
    assert.deepEqual(told, []);
    assert.ok(figures().asked <= 3, `asked ${figures().asked} times`);
    await prober.stop();
  });

  test('who is registered no more is forgotten', async () => {
    const { prober, pass, told, state } = probe(targetsOf('10.0.0.1', '10.0.0.2'), new Set(['10.0.0.1']));
    prober.start();
    await pass(12_000);
    state.targets = targetsOf('10.0.0.2');
    await pass(12_000);
    assert.deepEqual(told, [['10.0.0.1:80'], []]);
    await prober.stop();
  });

  test('many are asked within the interval, never more than so many at once, and not in one moment', async () => {
    const hosts = Array.from({ length: 2000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    const { prober, pass, told, figures } = probe(targetsOf(...hosts), new Set(hosts));
    prober.start();
    await pass(1_000);
    assert.ok(figures().asked < 500, `${figures().asked} in the first second`);
    await pass(120_000);
    assert.ok(figures().most <= PROBER_DEFAULTS.parallel);
    assert.equal(told.at(-1)?.length, 2000);
    await prober.stop();
  });

  test('stop ends it at once, whatever it waits for', async () => {
    const { prober, pass, told } = probe(targetsOf('10.0.0.1'), new Set(['10.0.0.1']));
    prober.start();
    await pass(10);
    await prober.stop();
    await pass(60_000);
    assert.deepEqual(told, []);
  });
});

test('a provider that dies and comes back is told, over real sockets', async (t) => {
  const { server, target } = await listen(t);
  let refusing: ReadonlySet<string> = new Set();
  const options = { intervalMs: 50, timeoutMs: 200, againMs: 10, parallel: 4 };
  const prober = new Prober(
    () => [target],
    (found) => (refusing = found),
    options,
  );
  t.after(() => prober.stop());
  prober.start();
  server.close();
  await until('refusing', () => refusing.size === 1);
  await listen(t, target.port);
  await until('taking connections', () => refusing.size === 0);
});

suite('what refuses', () => {
  const DOCUMENT = `interfaces:
  - { name: com.foo.A, port: 1, endpoints: ["10.0.0.1:1", "10.0.0.2:1"] }
  - { name: com.foo.B, port: 1, endpoints: ["10.0.0.1:1"] }
  - { name: com.foo.C, port: 1, endpoints: ["10.0.0.3:1"] }
`;
  const shown = (house: House, name: string) =>
    house.events.feed.viewOf(name as never)?.plainForm.endpoints.map(({ address }) => address?.charCodeAt(3));

  test('leaves _endpoints, but for where nothing would be left; the rest stays as it is', async () => {
    const house = await House.open();
    await house.deliver(DOCUMENT);
    const vip = house.services('com.foo.A')[0]?.vip.addresses;
    house.events.intake.setRefusing('registry-0', new Set(['10.0.0.1:1']));
    await house.settle();
    assert.deepEqual(
      [shown(house, 'com.foo.A'), shown(house, 'com.foo.B'), shown(house, 'com.foo.C')],
      [[2], [1], [3]],
    );
    assert.deepEqual(house.services('com.foo.A')[0]?.vip.addresses, vip);
    house.events.intake.setRefusing('registry-0', new Set(['10.0.0.1:1', '10.0.0.2:1']));
    await house.settle();
    assert.deepEqual(shown(house, 'com.foo.A'), [1, 2], 'all refuse: all stay');
    house.events.intake.setRefusing('registry-0', new Set());
    await house.settle();
    assert.deepEqual(shown(house, 'com.foo.A'), [1, 2]);
  });

  test('is told by lookup', async () => {
    const house = await House.open();
    await house.deliver(DOCUMENT);
    const { explain } = await import('../../src/lookup/explain.ts');
    const { lookupText } = await import('../../src/cli/lookup-text.ts');
    const textOf = async (name: string) => {
      await house.settle();
      const [zone] = house.config.zone;
      assert.ok(zone !== undefined);
      const found = explain(house.events, zone, name as never);
      const answer = {
        question: '',
        type: '',
        rcode: '',
        rcodeNumber: 0,
        authoritative: true,
        errors: [],
        answer: [],
        authority: [],
        additional: [],
      };
      const nothing = {
        service: null,
        vip: null,
        application: null,
        static: null,
        alsoWantedBy: [],
        didYouMean: [],
      };
      return lookupText(name, { name, interface: found ?? null, ...nothing, answer } as never);
    };
    house.events.intake.setRefusing('registry-0', new Set(['10.0.0.1:1']));
    assert.match(
      await textOf('com.foo.A'),
      /refusing {9}dubbo:\/\/10\.0\.0\.1:1: no connections, left out of _endpoints/,
    );
    assert.match(
      await textOf('com.foo.B'),
      /refusing {9}all of them take no connections: so none is left out/,
    );
    assert.doesNotMatch(await textOf('com.foo.C'), /refusing/);
  });
});
