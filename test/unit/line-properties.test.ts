/** What holds for every history of the event line: from deliveries to answers, on a clock that the test turns. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { addressText } from '../../src/name/address.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import { allReplies, CONFIGS, Facts, play, say, step } from '../support/history.ts';
import { House, lineOptionsOf } from '../support/house.ts';
import { type ListedService, NaiveModel } from '../support/naive-model.ts';
import { PlanProbe } from '../support/plan-probe.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { recordLine } from '../support/server.ts';
import { sized } from '../support/size.ts';
import { ToldLine } from '../support/told-line.ts';
import { TurnedClock } from '../support/turned-clock.ts';
import { UnsteadyStore } from '../support/unsteady-store.ts';

suite('any history', () => {
  test('comes to what the last facts come to, told once to another process on the same store', async () => {
    const numRuns = sized('histories against a rebuilt line', 30, 3000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const store = openMemoryStore();
        const facts = new Facts();
        const house = await House.open({ config: CONFIGS[0] ?? '', store });
        await facts.tell(house);
        for (const one of steps) {
          facts.note(one);
          await play(house, one);
        }
        // what waits for its slice, or may yet be doubted, is decided
        await house.pass(15_000);
        await house.events.stop();
        const replies = allReplies(house);
        const another = await House.open({
          config: facts.configText,
          zones: facts.zoneFiles,
          store,
          clock: house.clock,
        });
        await facts.tell(another);
        await another.pass(2_100);
        assert.deepEqual(allReplies(another), replies);
        await another.events.stop();
      }),
      { numRuns },
    );
  });
});

const listed: fc.Arbitrary<ListedService> = fc.record({
  name: fc.constantFrom('com.foo.User', 'com.foo.Order', 'com.bar.Pay$Inner', 'Solo'),
  version: fc.constantFrom('', '1.0.0', '2'),
  group: fc.constantFrom('', '', 'Gray'),
  application: fc.constantFrom('', 'user-center', 'pay_1'),
  protocol: fc.constantFrom('dubbo', 'tri'),
  port: fc.constantFrom(undefined, 20880, 50051),
  endpoints: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3']),
});

const list = fc.uniqueArray(listed, {
  maxLength: 7,
  selector: ({ name, version, group }) => `${name} ${version} ${group}`,
});

const ZONE = 'rpc.test.';

/** Type and data of the records of an answer, in any order. */
function asked(house: House, question: string): readonly string[] | undefined {
  const { name, type, options } = parseQuestion(question);
  const message = readMessage(house.line.handle(queryOctets(name, type, options), 'tcp'));
  assert.ok(message !== undefined && message.rcode !== 2, question);
  if (message.answer.length === 0) assert.match(message.authority.map(recordLine).join(), / SOA /, question);
  if (message.rcode === 3) return undefined;
  return message.answer.map((record) => {
    const [, , kind = '', ...data] = recordLine(record).split(' ');
    if (kind !== 'TXT') return [kind, ...data].join(' ').replaceAll('\\$', '$');
    const strings = [...data.join(' ').matchAll(/"([^"]*)"/g)].map(([, text = '']) => text.split('='));
    return `TXT ${strings.map(([key, value = '']) => `${key}=${value.split(',').sort().join(',')}`).join(' ')}`;
  });
}

suite('answers', () => {
  for (const style of ['cname', 'flat'] as const) {
    test(`are those of a naive reading of the contract; style ${style}`, async () => {
      const numRuns = sized(`lists of registrations, style ${style}`, 25, 3000);
      const config = `zone: [rpc.test]\nvips: { pools: ["247.0.0.0/24"] }\nanswers: { style: ${style} }\n`;
      await fc.assert(
        fc.asyncProperty(fc.array(list, { minLength: 1, maxLength: 3 }), async (lists) => {
          const house = await House.open({ config });
          for (const services of lists) {
            const interfaces = services.map(({ endpoints, ...rest }) => {
              return { ...rest, endpoints: endpoints.map((ip) => `${ip}:20880`) };
            });
            await house.deliver(JSON.stringify({ interfaces }));
          }
          const vipOf = (name: string) =>
            house.services(name)[0]?.vip.addresses.map(addressText).join() ?? 'not answered';
          const services = lists.at(-1) ?? [];
          const model = new NaiveModel(services, style, ZONE, vipOf);
          const above = [
            'foo.com.svc',
            'com.foo',
            'foo.User',
            'com',
            'svc',
            '_udp',
            'app',
            'nothing',
            'x.app',
          ];
          for (const name of [
            ...model.nodes.keys(),
            ...[...model.nodes.keys()].map((one) => `x.${one}`),
            ...above,
          ]) {
            for (const type of ['A', 'CNAME', 'SRV', 'TXT', 'PTR', 'AAAA']) {
              const found = asked(house, `${name}.${ZONE} ${type}`);
              const expected = model.ask(name, type, ZONE);
              assert.deepEqual([name, type, found?.toSorted()], [name, type, expected?.toSorted()]);
            }
          }
          const owned = new Map(services.map(({ name }) => [vipOf(name), name]));
          for (let last = 0; last < 256; last++) {
            const owner = owned.get(`247.0.0.${last}`);
            const domain = owner?.split('.').reverse().join('.').replace('$', '-');
            const found = asked(house, `${last}.0.0.247.in-addr.arpa. PTR`);
            assert.deepEqual(found, owner === undefined ? undefined : [`PTR ${domain}.svc.${ZONE}`]);
          }
          assert.equal(owned.size, new Set(services.map(({ name }) => name)).size);
        }),
        { numRuns },
      );
    });
  }
});

suite('a plan', () => {
  test('made twice is the same plan, and changes nothing by being made', async () => {
    const numRuns = sized('histories planned twice', 100, 5000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const clock = new TurnedClock();
        const probe = new PlanProbe(lineOptionsOf(CONFIGS[0] ?? ''), () => clock.now());
        const sinkOf = (registry: number) => probe.intake.sinkOf(`registry-${registry}`);
        probe.intake.sinkOf('registry-0').cluster([], true);
        for (const one of steps) {
          if (one.kind === 'pass') clock.turnTo(clock.now() + one.ms);
          else say(sinkOf, one);
          probe.intake.tick();
          const before = probe.state();
          const first = probe.make(clock.now());
          assert.deepEqual(probe.state(), before);
          assert.deepEqual(probe.make(clock.now()), first);
          probe.take(first);
          // when it was taken over there is nothing left to be done
          const again = probe.make(clock.now());
          assert.deepEqual([again.ledger, again.placements, again.names], [[], [], []]);
        }
      }),
      { numRuns },
    );
  });
});

suite('a store that fails or is slow at random', () => {
  test('no address is told that it did not take, none has two owners, and a restart answers the same', async () => {
    const numRuns = sized('histories on an unsteady store', 60, 5000);
    const fates = fc.infiniteStream(
      fc.record({ isTaken: fc.constantFrom(true, true, false), ms: fc.constantFrom(0, 0, 15, 400) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), fates, async (steps, stream) => {
        const clock = new TurnedClock();
        let isSteady = true;
        const store = new UnsteadyStore(clock, () =>
          isSteady ? { isTaken: true, ms: 0 } : stream.next().value,
        );
        const told: ToldLine = new ToldLine(() => {
          const seen = new Map<string, string>();
          for (const [name, addresses] of told.addresses()) {
            for (const address of addresses.split(' ').filter((text) => text.startsWith('247.'))) {
              assert.equal(seen.get(address), undefined, `${address} has two owners`);
              assert.equal(store.owners.get(address), name, `${address} of ${name} is not recorded`);
              seen.set(address, name);
            }
          }
        });
        const facts = new Facts();
        const house = await House.open({ config: CONFIGS[0] ?? '', store, clock, alsoTell: told.tell });
        await facts.tell(house);
        isSteady = false;
        const waiting: Promise<void>[] = [];
        for (const one of steps) {
          facts.note(one);
          if (!say((registry) => house.sink(registry), one) && one.kind !== 'pass')
            waiting.push(play(house, one));
          await house.live(one.kind === 'pass' ? one.ms : 30);
        }
        isSteady = true;
        await house.live(20_000);
        await Promise.all(waiting);
        assert.equal(house.events.storeError, undefined);
        assert.equal(house.events.starved, 0);
        told.check();
        const answers = told.addresses();
        // killed: what the store has is all that the next one knows
        const again = new ToldLine();
        const next = await House.open({
          config: facts.configText,
          zones: facts.zoneFiles,
          store,
          clock,
          alsoTell: again.tell,
        });
        await facts.tell(next);
        await next.pass(2_100);
        for (const [name, addresses] of answers) {
          assert.deepEqual([name, again.addresses().get(name)], [name, addresses]);
        }
      }),
      { numRuns },
    );
  });
});
