/** Something wrong in a file that a person wrote; lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What was found and what was expected. */
  readonly text: string;
}

/** Whatever somebody wrote into a file, what is said of it stays readable. */
const MAX_TEXT = 1000;

/** `FILE:LINE:COLUMN: text`, the form that editors and compilers share; one line. */
export function problemText({ file, line, column, text }: Problem): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return `${file}:${line}:${column}: ${short.replace(/\p{Cc}/gu, escaped)}`;
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
