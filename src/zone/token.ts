/** One word of a master file, with its place; lines and columns count from 1. */
export interface Token {
  /** As written, escapes included; a quoted token without its quotes. */
  readonly text: string;
  readonly quoting: Quoting;
  readonly line: number;
  readonly column: number;
  /** The column behind its last character. */
  readonly end: number;
}

/** Whether a token is quoted: not at all, as a whole (`"a b"`), or behind its `=` (`key="a b"`, RFC 9460). */
export type Quoting = 'none' | 'whole' | 'value';

/** How a problem shows a token: in quotes, long ones cut. */
export function shown(token: Token): string {
  const text = token.text.length > 60 ? `${token.text.slice(0, 57)}...` : token.text;
  return token.quoting === 'whole' ? `"${text}"` : `'${text}'`;
}
