import type { Problem } from '../base/problem.ts';

const MAX_PROBLEMS = 1000;

/** Problems in the order in which they were found; of one file at most 1,000, the rest is counted. */
export class ProblemList {
  readonly #problems: Problem[] = [];
  readonly #counts = new Map<string, number>();
  readonly #firstLeftOut = new Map<string, Problem>();

  add(problem: Problem): void {
    const count = (this.#counts.get(problem.file) ?? 0) + 1;
    this.#counts.set(problem.file, count);
    if (count <= MAX_PROBLEMS) this.#problems.push(problem);
    else if (count === MAX_PROBLEMS + 1) this.#firstLeftOut.set(problem.file, problem);
  }

  /** All that are kept, and for each file with more of them a last one that says how many. */
  list(): Problem[] {
    const summaries = [...this.#firstLeftOut].map(([file, problem]) => {
      const more = (this.#counts.get(file) ?? 0) - MAX_PROBLEMS;
      return { ...problem, text: `${more} more ${more === 1 ? 'problem' : 'problems'} from here on` };
    });
    return [...this.#problems, ...summaries];
  }
}
