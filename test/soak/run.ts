/** One run: the operations at their times, questions all the while, and the first violation. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIG_FILE, type Reply } from '../support/server.ts';
import { Addresses } from './addresses.ts';
import { Model } from './model.ts';
import { type MemorySample, Observers } from './observers.ts';
import { FAULTS, type Operation } from './operations.ts';
import { Judge, makeQuestion, type Question } from './questions.ts';
import { Random } from './random.ts';
import { ALL_INTERFACES, domainOf } from './universe.ts';
import { Violation } from './violation.ts';
import { type Counts, World } from './world.ts';

const ASKING = 4;
const PAUSE_MS = 12;
const TICK_MS = 200;
/** What takes time shows after the last operation. */
const TAIL_MS = 6_000;

export interface RunOptions {
  readonly seed: number;
  readonly operations: readonly Operation[];
  /** at least so long */
  readonly durationMs?: number;
  readonly onProgress?: (text: string) => void;
}

export interface Outcome {
  readonly violation: Violation | undefined;
  /** when it was seen, after the start */
  readonly ms: number;
  readonly log: string;
  readonly counts: Counts;
  readonly faults: number;
  readonly queries: number;
  readonly hasDisk: boolean;
  readonly failures: ReadonlyMap<string, number>;
  readonly errors: ReadonlyMap<string, number>;
  readonly memory: readonly MemorySample[];
}

export async function run(options: RunOptions): Promise<Outcome> {
  const end = Promise.withResolvers<Violation | undefined>();
  let isOver = false;
  const finish = (violation?: Violation): void => {
    isOver = true;
    end.resolve(violation);
  };
  const fail = (error: unknown): void => {
    if (isOver) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    finish(error instanceof Violation ? error : new Violation('the run itself goes on', 'no error', text));
  };
  const timers = new Set<NodeJS.Timeout>();
  const underWay = new Set<Promise<void>>();
  const later = (ms: number, act: () => Promise<void>): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (isOver) return;
      const done: Promise<void> = act()
        .catch(fail)
        .finally(() => underWay.delete(done));
      underWay.add(done);
    }, ms);
    timers.add(timer);
  };

  const model = new Model();
  const addresses = new Addresses(model);
  const world = await World.create(model, addresses, later);
  const judge = new Judge(model, addresses);
  const observers = new Observers(world, model.timeline);
  const startedAt = Date.now();
  let queries = 0;
  world.onExit = () => fail(new Violation('the process does not end by itself', 'it runs', 'it ended'));

  const asking = async (number: number): Promise<void> => {
    const random = new Random(options.seed + 7_919 * number);
    for (; !isOver; await sleep(PAUSE_MS * random.next() * 2)) {
      const question = makeQuestion(random, addresses);
      const asked = Date.now();
      const reply = await askTwice(world, model, question);
      if (reply === undefined) continue;
      queries++;
      judge.judge(question, reply, { asked, replied: Date.now() });
    }
  };
  const ticking = async (): Promise<void> => {
    for (; !isOver; await sleep(TICK_MS)) model.tick(Date.now());
  };
  const acting = async (): Promise<void> => {
    for (const operation of options.operations) {
      await sleepUnless(() => isOver, startedAt + operation.at - Date.now());
      if (isOver) return;
      if (FAULTS.has(operation.op)) options.onProgress?.(`${operation.at} ms: ${JSON.stringify(operation)}`);
      await world.act(operation);
    }
    const last = Math.max(options.durationMs ?? 0, (options.operations.at(-1)?.at ?? 0) + TAIL_MS);
    await sleepUnless(() => isOver, startedAt + last - Date.now());
    finish();
  };
  const all = [
    acting(),
    ticking(),
    observers.watchReady(() => isOver),
    observers.watchOthers(() => isOver),
    ...Array.from({ length: ASKING }, (_, i) => asking(i + 1)),
  ].map((one) => one.catch(fail));
  const violation = await end.promise;
  const ms = Date.now() - startedAt;
  const log = `${world.server?.child.output() ?? ''}${violation === undefined ? '' : await lookup(world, violation)}`;
  for (const timer of timers) clearTimeout(timer);
  // what is under way may wait for a server that does not come
  await Promise.race([Promise.all([...all, ...underWay]), sleep(40_000, undefined, { ref: false })]);
  world.onExit = () => {};
  await world.close();
  const faults = [...world.counts.faults].filter(([kind]) =>
    FAULTS.has(kind.split(' ')[0] as Operation['op']),
  );
  return {
    violation,
    ms,
    log,
    counts: world.counts,
    faults: faults.reduce((sum, [, count]) => sum + count, 0),
    queries,
    hasDisk: world.hasDisk,
    failures: judge.failures,
    errors: observers.errors,
    memory: observers.memory,
  };
}

/** What the server itself says of the interface that a violation is about. */
async function lookup({ server, site }: World, { expected, found }: Violation): Promise<string> {
  const texts = `${expected} ${found}`;
  const isNamed = (name: string) => new RegExp(`\\b(${name}|${domainOf(name)})(?!\\d)`).test(texts);
  const spec = ALL_INTERFACES.find(({ name }) => isNamed(name));
  if (server === undefined || spec === undefined) return '';
  const said = [
    await site.cli('lookup', spec.name, '-c', CONFIG_FILE),
    await site.cli('registries', '-c', CONFIG_FILE),
    await site.cli('vips', 'list', '-c', CONFIG_FILE),
  ];
  return said.map(({ stdout, stderr }) => `${stdout}${stderr}`).join('\n');
}

/** A datagram may be lost on a busy machine, two in a row are not. undefined: the server was down. */
async function askTwice(world: World, model: Model, question: Question): Promise<Reply | undefined> {
  for (let attempt = 1; ; attempt++) {
    const { server } = world;
    if (server === undefined) {
      await sleep(20);
      return undefined;
    }
    const asked = Date.now();
    try {
      const reply = await server.query(question.text);
      const isUnready = reply.rcode === 2 && reply.errors.some(({ code }) => code === 14);
      // registries are read first: contract 1.2
      if (isUnready && model.timeline.isDown(asked, Date.now())) return undefined;
      return reply;
    } catch (error) {
      if (model.timeline.isDown(asked, Date.now())) return undefined;
      if (attempt < 2 && !(error instanceof Error && error.name === 'AssertionError')) continue;
      throw new Violation('every question has a good reply', question.text, String(error));
    }
  }
}

async function sleepUnless(isOver: () => boolean, ms: number): Promise<void> {
  for (const until = Date.now() + ms; !isOver() && Date.now() < until; )
    await sleep(Math.min(100, Math.max(1, until - Date.now())));
}
