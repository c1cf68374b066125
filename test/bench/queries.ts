/** The same questions asked of every server, in turns. */
import { join } from 'node:path';
import { provision } from '../support/provision.ts';
import { tempFolder } from '../support/temp.ts';
import type { Catalogue } from './catalogue.ts';
import { type Load, load, type Sample } from './load.ts';
import { type QuestionSet, questionSets, writeQuestions } from './question-sets.ts';
import { type Row, ratio } from './report.ts';
import { type BenchServer, type RunningServer, servers, startBenchServer } from './servers.ts';

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Default: long enough for code to be compiled, and for caches to be filled. */
  readonly warmUpSeconds?: number;
  /** Ids of servers, or what they begin with; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Ids of sets, or the words that they begin with; undefined: all but the large ones. */
  readonly sets: readonly string[] | undefined;
}

/** One server that is asked one set. */
interface Contestant {
  readonly server: BenchServer;
  readonly set: QuestionSet;
  readonly running: RunningServer;
  readonly load: Load;
  /** The first one warms up. */
  readonly samples: Sample[];
}

const WARM_UP_SECONDS = { small: 3, large: 10 };

/** @param measured rows as they are there: those of one catalogue are not lost when a later one fails */
export async function benchQueries(
  options: BenchOptions,
  say: (line: string) => void,
  measured: (rows: readonly Row[]) => void = () => {},
): Promise<readonly Row[]> {
  const sets =
    options.sets === undefined ? questionSets.filter(({ isLarge }) => !isLarge) : named(options.sets);
  const chosen = servers.filter(({ id }) => options.only?.some((prefix) => id.startsWith(prefix)) ?? true);
  if (chosen.length === 0) throw new Error(`--only: there are ${servers.map(({ id }) => id).join(', ')}`);
  const missing = await provision(['dnsperf', ...chosen.flatMap(({ parts }) => parts)]);
  if (missing.length > 0) throw new Error(`the bench needs ${missing.join(', ')}`);

  const rows: Row[] = [];
  // what is served decides which servers run at once: one catalogue after the other, for the memory's sake
  for (const catalogue of new Set(sets.map((set) => set.catalogue))) {
    const asked = sets.filter((set) => set.catalogue === catalogue);
    rows.push(...(await benchCatalogue(catalogue, asked, chosen, options, say)));
    measured(rows);
  }
  return rows;
}

/** A word names a set, and those whose ids go on behind it. */
function named(words: readonly string[]): readonly QuestionSet[] {
  const isNamed = (word: string, { id }: QuestionSet): boolean => `${id}-`.startsWith(`${word}-`);
  const unknown = words.filter((word) => !questionSets.some((set) => isNamed(word, set)));
  if (unknown.length > 0) {
    throw new Error(
      `--sets: ${unknown.join(', ')}: there are ${questionSets.map(({ id }) => id).join(', ')}`,
    );
  }
  return questionSets.filter((set) => words.some((word) => isNamed(word, set)));
}

async function benchCatalogue(
  catalogue: Catalogue,
  sets: readonly QuestionSet[],
  chosen: readonly BenchServer[],
  { rounds, seconds, warmUpSeconds }: BenchOptions,
  say: (line: string) => void,
): Promise<readonly Row[]> {
  const folder = tempFolder('bench');
  const questionsOf = (set: QuestionSet): string => join(folder, `questions-${set.id}`);
  const all: RunningServer[] = [];
  const contestants: Contestant[] = [];
  const start = async (server: BenchServer, served: readonly QuestionSet[]): Promise<void> => {
    const [first] = served;
    if (first === undefined) return;
    const running = await startBenchServer(server, first, join(folder, `${server.id}-${first.id}`));
    all.push(running);
    await running.verify();
    say(
      `${catalogue.id}: ${server.id}: the first right answer after ${running.startSeconds.toFixed(1)} s, and 20 more`,
    );
    for (const set of served) {
      const { rcode, transport, edns } = set;
      const asked = {
        pid: running.pid,
        port: running.port,
        queries: questionsOf(set),
        rcode,
        transport,
        edns,
      };
      contestants.push({ server, set, running, load: asked, samples: [] });
    }
  };
  try {
    for (const server of chosen) {
      const served = sets.filter((set) => server.serves(set));
      if (!server.isForOneSet) await start(server, served);
      else for (const set of served) await start(server, [set]);
    }
    // round 0 warms up
    for (let round = 0; round <= rounds; round++) {
      for (const set of sets) {
        await writeQuestions(set, questionsOf(set));
        const warmUp = warmUpSeconds ?? WARM_UP_SECONDS[set.isLarge ? 'large' : 'small'];
        // in turn, so that a busy moment of the machine falls on everybody
        for (const contestant of contestants.filter((one) => one.set === set)) {
          await ask(contestant, round === 0 ? warmUp : seconds, `round ${round} of ${rounds}`, say);
        }
      }
    }
    for (const running of all) await running.verify();
  } finally {
    for (const running of all) await running.stop();
  }
  return sets.flatMap((set) => contestants.filter((one) => one.set === set).map(rowOf));
}

async function ask(
  { server, set, load: what, samples }: Contestant,
  seconds: number,
  when: string,
  say: (line: string) => void,
): Promise<void> {
  const name = `${set.id}: ${server.id}`;
  try {
    const sample = await load(what, seconds);
    samples.push(sample);
    const { cpuMicrosPerQuery, queriesPerSecond, lost } = sample;
    const figures = `${cpuMicrosPerQuery.toFixed(2)} µs, ${queriesPerSecond.toFixed(0)} queries/s, ${lost} lost`;
    say(`${when}: ${name}: ${figures}`);
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}

function rowOf({ server, set, running, samples: [first, ...samples] }: Contestant): Row {
  return {
    server: server.id,
    title: server.title,
    set,
    startSeconds: running.startSeconds,
    megabytes: first?.rssMegabytes ?? Number.NaN,
    samples,
  };
}

/** Rows and ratios as they are kept. */
export function rawFigures(rows: readonly Row[]): object {
  return {
    rows: rows.map((row) => {
      const peers = rows.filter(({ set }) => set === row.set);
      const ratios = Object.fromEntries(peers.map((peer) => [peer.server, ratio(row, peer)]));
      return { ...row, set: row.set.id, ratios };
    }),
  };
}
