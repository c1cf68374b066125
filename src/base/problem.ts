/** Something wrong in a file that a person wrote; lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What was found and what was expected. */
  readonly text: string;
}

/** `FILE:LINE:COLUMN: text`, the form that editors and compilers share. */
export function problemText(problem: Problem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.text}`;
}
