import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import { FLAG } from '../../src/wire/message.ts';
import { readMessage } from '../../src/wire/read-message.ts';
import type { Change } from '../../src/zone/change.ts';
import { House, Line } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { assertWitnessed } from '../support/witness.ts';
import { type Bindings, check, expectReply } from './expect-reply.ts';
import { type Case, type Part, parseCase, type Step } from './parse-case.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** The house that a script plays in, and beside it a query line whose replies are never ready. */
class Stage {
  readonly house: House;
  readonly #unready: Line;
  readonly #bindings: Bindings = new Map();

  private constructor(house: House, unready: Line) {
    this.house = house;
    this.#unready = unready;
  }

  static async open({ config, parts }: Case): Promise<Stage> {
    const [first] = parts;
    let unready: Line | undefined;
    const early: Change[] = [];
    const house = await House.open({
      config,
      zones: first?.kind === 'zones' ? first.files : {},
      alsoTell: (change) => (unready === undefined ? void early.push(change) : unready.apply(change)),
    });
    unready = new Line(house.names, house.config.limits.udpSize);
    for (const change of early) unready.apply(change);
    return new Stage(house, unready);
  }

  check(text: string): void {
    check(text, this.#bindings);
  }

  /** Asks past and through the ready replies; all three replies must be the expected one. */
  ask({ question, expected }: Step): void {
    const { name, type, transports, options } = parseQuestion(question);
    const query = queryOctets(name, type, options);
    for (const transport of transports) {
      this.#unready.ready.clear();
      const replies = {
        'past the ready replies': this.#unready.handle(query, transport),
        'for the first time': this.house.line.handle(query, transport),
        'for the second time': this.house.line.handle(query, transport),
      };
      for (const [way, reply] of Object.entries(replies)) {
        const message = readMessage(reply);
        assert.ok(message !== undefined, `${transport} ${way}: a message`);
        assertWitnessed(reply, message);
        assert.ok(
          transport === 'tcp' || reply.length <= Math.max(512, options.bufsize ?? 0),
          'no longer than was asked for',
        );
        assert.equal((message.flags & FLAG.RD) !== 0, options.recursionDesired !== false, 'RD comes back');
        assert.equal(reply.toString('latin1', 12, 12 + name.length), name, 'the question comes back');
        expectReply(`over ${transport}, ${way}`, message, expected, this.#bindings);
      }
    }
  }
}

function milliseconds(period: string): number {
  const match = /^(\d+)([smh])$/.exec(period);
  assert.ok(match !== null, `'${period}' is no period`);
  return Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? Number.NaN);
}

let steps = 0;
for (const file of globSync(join(import.meta.dirname, '*.case')).sort()) {
  const script = parseCase(basename(file), readFileSync(file, 'utf8'));
  suite(`${basename(file)}: ${script.title}`, () => {
    let stage: Stage | undefined;
    for (const [i, part] of script.parts.entries()) {
      if (part.kind === 'step') steps++;
      test(titleOf(part), async () => {
        stage ??= await Stage.open(script);
        const { house } = stage;
        if (part.kind === 'step') stage.ask(part.step);
        else if (part.kind === 'check') stage.check(part.text);
        else if (part.kind === 'interfaces') await house.deliver(part.text, part.registry);
        else if (part.kind === 'pass') await house.pass(milliseconds(part.period));
        else if (i > 0) await house.setZones(part.files);
      });
    }
  });
}

function titleOf(part: Part): string {
  if (part.kind === 'step') return `${part.step.number}. ${part.step.question} (${part.step.reference})`;
  if (part.kind === 'check') return `check ${part.text}`;
  return part.kind === 'pass' ? `${part.period} pass` : `${part.kind} are given`;
}

test('there are enough steps', () => assert.ok(steps >= 120, `${steps} steps`));
