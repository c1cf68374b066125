/**
 * What interfaces and endpoints cost, measured in a process of its own: the event line and one query line, when everything
 * was told. No two interfaces share their endpoints. Prints the growth in octets.
 *
 *     node --expose-gc line-memory.ts INTERFACES ENDPOINTS
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventLine } from '../../src/event-line/event-line.ts';
import type { InterfaceName } from '../../src/name/interface-name.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from '../../src/registry/registration.ts';
import { ChangeApplier } from '../../src/serve/apply-change.ts';
import { ReadyReplies } from '../../src/serve/ready-replies.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { ZoneData } from '../../src/zone/zone-data.ts';
import { lineOptionsOf, NO_EVENTS } from './house.ts';
import { TurnedClock } from './turned-clock.ts';

const [interfaces = 0, endpoints = 0] = process.argv.slice(2).map(Number);

function registration(number: number): Registration {
  const instances = Array.from({ length: endpoints }, (_, i): Endpoint => {
    const address = number * endpoints + i;
    const host = `10.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
    return { host, port: 20880, protocol: 'dubbo' };
  });
  const name = `com.acme.department${number % 40}.api.Thing${number}Service` as InterfaceName;
  return {
    ...EMPTY_REGISTRATION,
    interface: name,
    version: '1.0.0',
    application: `application-${number % 200}`,
    endpoints: instances,
    source: `/dubbo/${name}/providers`,
  };
}

async function held(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  // memory that threads share is in neither of the two
  return heapUsed + external + line.feed.octets;
}

const options = lineOptionsOf('');
const data = new ZoneData(options.names, 0x5eed);
const applier = new ChangeApplier(data, new ReadyReplies());
// durable is whatever was taken: what a store keeps is not what is measured
const store = { ...openMemoryStore(), commit: async () => {} };
const clock = new TurnedClock();
const line = await EventLine.open(
  store,
  { apply: async (change) => applier.apply(change) },
  options,
  1,
  clock,
  NO_EVENTS,
);
const sink = line.intake.sinkOf('registry-0');

async function deliver(count: number): Promise<void> {
  const replacement = sink.replace();
  for (let number = 0; number < count; number++) {
    const one = registration(number);
    // one string for the unit and the name, as the watcher of ZooKeeper has it
    replacement.put(one.interface, [one]);
  }
  replacement.done();
  sink.state({ kind: 'live' });
  await line.settled();
  // what registries said is stored, and what was only in the way is given back
  for (let at = clock.nextAt; at !== undefined && at < clock.now() + 60_000; at = clock.nextAt) {
    clock.turnTo(at);
    await line.settled();
  }
}

// whatever is made once is there before, compiled code included
const first = Math.ceil(interfaces / 4);
await deliver(first);
const before = await held();
await deliver(first + interfaces);
const after = await held();
const { interfaces: answered } = data.names;
if (answered !== first + interfaces) throw new Error(`${answered} interfaces are answered`);
console.log(after - before);
